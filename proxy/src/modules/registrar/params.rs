//! The parameters of registrar, as typed values shared by all shards.

use bytes::Bytes;

use crate::api::{AvpName, Loading, ParamDef};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::int("default_expires", 3600, "seconds when the request does not say"),
    ParamDef::int("min_expires", 60, "shortest lifetime in seconds"),
    ParamDef::int("min_expires_mode", 0, "shorter ones: 0 raised, 1 refused with 423"),
    ParamDef::int("max_expires", 0, "longest lifetime in seconds, 0 for no limit"),
    ParamDef::int("default_q", -1, "q in thousandths when the contact has none, -1 for unspecified"),
    ParamDef::int("append_branches", 1, "whether lookup() makes branches of further contacts"),
    ParamDef::int("case_sensitive", 0, "whether users are compared with case"),
    ParamDef::text("realm_prefix", "", "cut off the domain of an address-of-record"),
    ParamDef::text("received_avp", "", "AVP with the URI a contact really came from"),
    ParamDef::text("received_param", "received", "parameter that shows it in the reply, empty for none"),
    ParamDef::int("max_contacts", 0, "contacts one address-of-record may have, 0 for no limit"),
    ParamDef::int("retry_after", 0, "Retry-After of 5xx replies in seconds, 0 for none"),
    ParamDef::int("method_filtering", 0, "whether lookup() leaves out contacts that do not allow the method"),
    ParamDef::int("use_path", 0, "whether Path is stored"),
    ParamDef::int("path_mode", 2, "Path in the reply: 0 never, 1 when supported, 2 required to be supported"),
    ParamDef::int(
        "path_use_received",
        0,
        "whether the received parameter of the first Path is the contact's",
    ),
    ParamDef::int("gruu_enabled", 1, "whether GRUUs are given to those who support them"),
    ParamDef::int("outbound_mode", 0, "outbound: 0 refused with 420, 1 allowed, 2 required"),
    ParamDef::int("regid_mode", 0, "has no effect: reg-id counts also without outbound, as in 5.6.3"),
    ParamDef::int("flow_timer", 0, "seconds of the Flow-Timer field, with outbound"),
    ParamDef::int("contact_max_size", 512, "longest contact URI in bytes"),
    ParamDef::text("aor_avp", "", "has no effect: save() and lookup() take the URI as an argument"),
    ParamDef::int("default_expires_range", 0, "percent by which default_expires may be shortened at random"),
    ParamDef::int("expires_range", 0, "percent by which a lifetime may be shortened at random"),
    ParamDef::int("path_check_local", 0, "whether a first Path that is ours is left out by lookup()"),
    ParamDef::int("tcp_persistent_flag", -1, "has no effect: connections are kept by their use"),
    ParamDef::int("sock_flag", -1, "message flag: the socket is the one that sock_hdr_name names"),
    ParamDef::text("sock_hdr_name", "", "header field with a socket, taken when sock_flag is set"),
    ParamDef::int("sock_mode", 0, "has no effect: a socket of sock_hdr_name must be one of ours"),
    ParamDef::text(
        "xavp_cfg",
        "",
        "XAVP with what counts for one request: max_contacts, expires, q, match_callid...",
    ),
    ParamDef::text(
        "xavp_rcd",
        "",
        "XAVP that takes ruid, contact, expires, received and path of the contacts shown",
    ),
    ParamDef::int(
        "xavp_rcd_mask",
        0,
        "what is left out of it: 1 ruid, 2 contact, 4 expires, 8 received, 16 path",
    ),
    ParamDef::int(
        "lookup_filter_mode",
        0,
        "1: lookup() takes contacts with the branch flags of $xavp(cfg=>rlf_bflags)",
    ),
    ParamDef::int("use_expired_contacts", 0, "whether lookup() takes expired contacts that are still there"),
    ParamDef::text("event_callback", "", "has no effect"),
];

/// The parameters.
#[derive(Clone, Debug)]
pub(super) struct Rules {
    pub(super) default_expires: u32,
    pub(super) min_expires: u32,
    pub(super) refuses_short: bool,
    pub(super) max_expires: u32,
    pub(super) default_q: Option<u16>,
    pub(super) appends_branches: bool,
    pub(super) is_case_sensitive: bool,
    pub(super) realm_prefix: Vec<u8>,
    pub(super) received_avp: Option<AvpName>,
    pub(super) received_param: Vec<u8>,
    pub(super) max_contacts: usize,
    pub(super) retry_after: u32,
    pub(super) filters_methods: bool,
    pub(super) uses_path: bool,
    pub(super) path_mode: PathMode,
    pub(super) contact_max_size: usize,
    pub(super) gives_gruus: bool,
    pub(super) outbound: Outbound,
    /// Percent by which a lifetime may be shortened at random.
    pub(super) expires_range: u32,
    /// The same for lifetimes the request does not say.
    pub(super) default_expires_range: u32,
    /// Seconds for the Flow-Timer field, 0 for none.
    pub(super) flow_timer: u32,
    /// The `received` of the first Path is that of the contact.
    pub(super) path_uses_received: bool,
    /// A first Path that is ours is left out of the way to a contact.
    pub(super) skips_own_path: bool,
    /// The message flag with which `socket_field` names the socket, as a bit; 0 for none.
    pub(super) socket_flag: u32,
    /// The name of that field.
    pub(super) socket_field: Bytes,
    /// The XAVP with what counts for one request; empty for none.
    pub(super) config_xavp: Bytes,
    /// The XAVP that takes the contacts shown; empty for none.
    pub(super) record_xavp: Bytes,
    /// What is left out of it, a bit each.
    pub(super) record_mask: u32,
    /// `lookup()` takes contacts with certain branch flags only.
    pub(super) filters_flags: bool,
    /// `lookup()` takes expired contacts too.
    pub(super) uses_expired: bool,
}

/// What is thought of RFC 5626.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outbound {
    /// Whoever requires it gets 420.
    Refused,
    /// It may be used.
    Optional,
    /// Whoever does not support it gets 421.
    Required,
}

/// What happens to Path in a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PathMode {
    /// It is not shown.
    Hidden,
    /// It is shown to those who support it.
    Shown,
    /// Those who do not support it get 420.
    Required,
}

/// Checks the parameters. Errors: one is out of its range.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let number = |name: &str| {
        u32::try_from(params.int(name))
            .map_err(|_| format!("parameter {name} is {}, expected 0 or more", params.int(name)))
    };
    let avp = params.text("received_avp");
    let received_avp = match avp.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")) {
        Some(name) => Some(AvpName::parse(&avp.slice_ref(name))),
        None if avp.is_empty() => None,
        None => return Err("parameter received_avp must be a variable $avp(name)".into()),
    };
    let rules = Rules {
        default_expires: number("default_expires")?,
        min_expires: number("min_expires")?,
        refuses_short: params.int("min_expires_mode") != 0,
        max_expires: number("max_expires")?,
        default_q: u16::try_from(params.int("default_q")).ok().filter(|q| *q <= 1000),
        appends_branches: params.int("append_branches") != 0,
        is_case_sensitive: params.int("case_sensitive") != 0,
        realm_prefix: params.text("realm_prefix").to_vec(),
        received_avp,
        received_param: params.text("received_param").to_vec(),
        max_contacts: number("max_contacts")? as usize,
        retry_after: number("retry_after")?,
        filters_methods: params.int("method_filtering") != 0,
        uses_path: params.int("use_path") != 0,
        path_mode: match params.int("path_mode") {
            0 => PathMode::Hidden,
            1 => PathMode::Shown,
            2 => PathMode::Required,
            other => return Err(format!("parameter path_mode is {other}, expected 0 to 2")),
        },
        contact_max_size: number("contact_max_size")? as usize,
        gives_gruus: params.int("gruu_enabled") != 0,
        outbound: match params.int("outbound_mode") {
            0 => Outbound::Refused,
            1 => Outbound::Optional,
            2 => Outbound::Required,
            other => return Err(format!("parameter outbound_mode is {other}, expected 0 to 2")),
        },
        expires_range: number("expires_range")?.min(100),
        default_expires_range: number("default_expires_range")?.min(100),
        flow_timer: number("flow_timer")?,
        path_uses_received: params.int("path_use_received") != 0,
        skips_own_path: params.int("path_check_local") != 0,
        socket_flag: u32::try_from(params.int("sock_flag"))
            .ok()
            .filter(|_| !params.text("sock_hdr_name").is_empty())
            .and_then(|bit| 1u32.checked_shl(bit))
            .unwrap_or(0),
        socket_field: params.text("sock_hdr_name"),
        config_xavp: params.text("xavp_cfg"),
        record_xavp: params.text("xavp_rcd"),
        record_mask: number("xavp_rcd_mask")?,
        filters_flags: params.int("lookup_filter_mode") & 1 != 0,
        uses_expired: params.int("use_expired_contacts") != 0,
    };
    loading.shared.put(rules);
    Ok(())
}
