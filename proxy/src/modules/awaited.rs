//! Modules that stock configurations load and that are still to come: their names and parameters are known, so a file
//! that only loads and sets them runs; their functions are refused by name.

use crate::api::{Awaited, ModuleDef, ParamDef};

/// What every parameter here says.
const NOTHING: &str = "has no effect yet";

const fn int(name: &'static str, default: i64) -> ParamDef {
    ParamDef::int(name, default, NOTHING)
}

const fn text(name: &'static str, default: &'static str) -> ParamDef {
    ParamDef::text(name, default, NOTHING)
}

const fn list(name: &'static str) -> ParamDef {
    ParamDef::list(name, NOTHING)
}

const fn awaited(
    name: &'static str,
    what: &'static str,
    params: &'static [ParamDef],
    functions: &'static [&'static str],
) -> ModuleDef {
    ModuleDef { name, params, awaited: Some(Awaited { what, functions }), ..ModuleDef::EMPTY }
}

/// The table of module ctl.
pub static CTL: ModuleDef = awaited(
    "ctl",
    "the control socket",
    &[
        list("binrpc"),
        list("fifo"),
        int("mode", 0o600),
        int("autoconversion", 0),
        int("binrpc_max_body_size", 32),
        int("binrpc_struct_max_body_size", 8),
        int("binrpc_buffer_size", 1024),
        text("user", ""),
        text("group", ""),
    ],
    &[],
);

/// The table of module cfg_rpc.
pub static CFG_RPC: ModuleDef = awaited("cfg_rpc", "the control interface", &[], &[]);

/// The table of module jsonrpcs.
pub static JSONRPCS: ModuleDef = awaited(
    "jsonrpcs",
    "JSON-RPC",
    &[
        int("pretty_format", 1),
        int("transport", 6),
        int("fifo_mode", 0o660),
        int("dgram_workers", 1),
        int("dgram_timeout", 2000),
        int("dgram_mode", 0o660),
        text("fifo_name", ""),
        text("fifo_user", ""),
        text("fifo_group", ""),
        text("fifo_reply_dir", ""),
        text("dgram_socket", ""),
        text("dgram_user", ""),
        text("dgram_group", ""),
        text("tcp_socket", ""),
    ],
    &["jsonrpc_dispatch", "jsonrpc_exec"],
);

/// The table of module xhttp.
pub static XHTTP: ModuleDef = awaited(
    "xhttp",
    "HTTP",
    &[text("url_match", ""), text("url_skip", ""), text("event_callback", "")],
    &["xhttp_reply"],
);

/// The table of module tls.
pub static TLS: ModuleDef = awaited(
    "tls",
    "TLS",
    &[
        text("tls_method", "TLSv1+"),
        text("certificate", ""),
        text("private_key", ""),
        text("ca_list", ""),
        text("ca_path", ""),
        text("crl", ""),
        text("cipher_list", ""),
        text("private_key_password", ""),
        text("verify_client", "off"),
        text("config", ""),
        text("server_name", ""),
        text("xavp_cfg", ""),
        text("session_id", ""),
        text("event_callback", ""),
        int("verify_certificate", 0),
        int("verify_depth", 9),
        int("require_certificate", 0),
        int("connection_timeout", 600),
        int("session_cache", 0),
        int("renegotiation", 0),
        int("tls_disable_compression", 1),
        int("tls_log", 3),
        int("tls_debug", 3),
        int("send_close_notify", 0),
        int("con_ct_wq_max", 65536),
        int("ct_wq_max", 10485760),
        int("ct_wq_blk_size", 4096),
        int("low_mem_threshold1", 0),
        int("low_mem_threshold2", 0),
        int("tls_force_run", 0),
    ],
    &["is_peer_verified", "tls_set_connect_server_id"],
);

/// The table of module presence.
pub static PRESENCE: ModuleDef = awaited(
    "presence",
    "presence",
    &[
        text("db_url", ""),
        text("presentity_table", "presentity"),
        text("active_watchers_table", "active_watchers"),
        text("watchers_table", "watchers"),
        text("server_address", ""),
        text("retrieve_order_by", "priority"),
        int("clean_period", 100),
        int("db_update_period", 100),
        int("waitn_time", 5),
        int("notifier_poll_rate", 10),
        int("notifier_processes", 1),
        int("force_delete", 0),
        int("startup_mode", 1),
        int("expires_offset", 0),
        int("max_expires", 3600),
        int("min_expires", 0),
        int("min_expires_action", 1),
        int("subs_db_mode", 2),
        int("publ_cache", 1),
        int("subs_htable_size", 9),
        int("pres_htable_size", 9),
        int("send_fast_notify", 1),
        int("enable_sphere_check", 0),
        int("timeout_rm_subs", 1),
        int("fetch_rows", 500),
        int("db_table_lock_type", 1),
        int("subs_remove_match", 0),
        int("retrieve_order", 0),
        int("sip_uri_match", 0),
        int("pres_subs_mode", 1),
        int("delete_same_subs", 0),
        int("timer_mode", 1),
        int("subs_respond_200", 1),
    ],
    &[
        "handle_publish",
        "handle_subscribe",
        "pres_auth_status",
        "pres_has_subscribers",
        "pres_refresh_watchers",
        "pres_update_watchers",
    ],
);

/// The table of module presence_xml.
pub static PRESENCE_XML: ModuleDef = awaited(
    "presence_xml",
    "presence",
    &[
        text("db_url", ""),
        text("xcap_table", "xcap"),
        text("xcap_server", ""),
        int("force_active", 0),
        int("disable_presence", 0),
        int("disable_winfo", 0),
        int("disable_bla", 1),
        int("disable_xcapdiff", 0),
        int("integrated_xcap_server", 0),
        int("passive_mode", 0),
        int("force_dummy_presence", 0),
        int("default_expires", 3600),
    ],
    &["pres_check_basic", "pres_check_activities"],
);

/// The table of module rtpproxy.
pub static RTPPROXY: ModuleDef = awaited(
    "rtpproxy",
    "the relay of media",
    &[
        list("rtpproxy_sock"),
        int("rtpproxy_disable_tout", 60),
        int("rtpproxy_tout", 1),
        int("rtpproxy_retr", 5),
        text("nortpproxy_str", ""),
        text("timeout_socket", ""),
        text("timeout_tag_pv", ""),
        text("ice_candidate_priority_avp", ""),
        text("extra_id_pv", ""),
        text("db_url", ""),
        text("table_name", "rtpproxy"),
        text("rtp_inst_pvar", ""),
    ],
    &[
        "rtpproxy_offer",
        "rtpproxy_answer",
        "rtpproxy_manage",
        "rtpproxy_destroy",
        "unforce_rtp_proxy",
        "set_rtp_proxy_set",
        "start_recording",
        "rtpproxy_stream2uac",
        "rtpproxy_stream2uas",
        "rtpproxy_stop_stream2uac",
        "rtpproxy_stop_stream2uas",
    ],
);

/// The table of module rtpengine.
pub static RTPENGINE: ModuleDef = awaited(
    "rtpengine",
    "the relay of media",
    &[
        list("rtpengine_sock"),
        int("rtpengine_disable_tout", 60),
        int("aggressive_redetection", 0),
        int("rtpengine_retr", 5),
        int("rtpengine_tout_ms", 1000),
        int("queried_nodes_limit", 30),
        int("rtpengine_allow_op", 0),
        int("control_cmd_tos", -1),
        int("hash_table_tout", 3600),
        int("hash_table_size", 256),
        int("hash_algo", 0),
        int("setid_default", 0),
        int("ping_interval", 60),
        int("ping_mode", 1),
        text("setid_avp", ""),
        text("force_send_interface", ""),
        text("db_url", ""),
        text("table_name", "rtpengine"),
        text("setid_col", "setid"),
        text("url_col", "url"),
        text("weight_col", "weight"),
        text("disabled_col", "disabled"),
        text("extra_id_pv", ""),
        text("rtp_inst_pvar", ""),
        text("write_sdp_pv", ""),
        text("read_sdp_pv", ""),
        text("media_duration", ""),
        text("dtmf_events_sock", ""),
        text("event_callback", ""),
    ],
    &[
        "rtpengine_offer",
        "rtpengine_answer",
        "rtpengine_manage",
        "rtpengine_delete",
        "rtpengine_destroy",
        "rtpengine_query",
        "rtpengine_info",
        "start_recording",
        "stop_recording",
        "set_rtpengine_set",
        "play_media",
        "stop_media",
        "play_dtmf",
        "block_media",
        "unblock_media",
        "block_dtmf",
        "unblock_dtmf",
        "silence_media",
        "unsilence_media",
        "start_forwarding",
        "stop_forwarding",
    ],
);

/// The table of module mi_fifo, of Kamailio 3.
pub static MI_FIFO: ModuleDef = awaited(
    "mi_fifo",
    "the management interface of Kamailio 3",
    &[
        text("fifo_name", ""),
        int("fifo_mode", 0o660),
        text("fifo_user", ""),
        text("fifo_group", ""),
        text("reply_dir", "/tmp/"),
        text("reply_indent", ""),
    ],
    &[],
);

/// The table of module mi_rpc, of Kamailio 3.
pub static MI_RPC: ModuleDef =
    awaited("mi_rpc", "the management interface of Kamailio 3", &[text("rpc_url", "")], &[]);

/// The table of module uri_db, of Kamailio 3.
pub static URI_DB: ModuleDef = awaited(
    "uri_db",
    "looking up URIs in tables",
    &[
        text("db_url", ""),
        text("db_table", "subscriber"),
        text("user_column", "username"),
        text("domain_column", "domain"),
        text("uriuser_column", "uri_user"),
        int("use_uri_table", 0),
        int("use_domain", 1),
    ],
    &["check_to", "check_from", "does_uri_exist"],
);

/// The table of module xmlrpc.
pub static XMLRPC: ModuleDef = awaited(
    "xmlrpc",
    "XML-RPC",
    &[
        text("route", ""),
        int("autoconversion", 0),
        int("escape_cr", 1),
        int("double_lf_to_crlf", 0),
        int("mode", 0),
        text("url_skip", ""),
        text("url_match", ""),
    ],
    &["dispatch_rpc", "xmlrpc_reply"],
);
