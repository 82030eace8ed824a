//! The parameters of tm and how they become the relay's settings.

use std::time::Duration;

use bytes::Bytes;

use super::contacts::Lists;

use crate::api::{Loading, ParamDef, Params, Pv, Shard};
use crate::relay::cancel::Unreplied;
use crate::relay::{
    AckTo, BlockReply, BlockRules, FailureReplies, Millis, On100, OnGlobalFailure, Restart, Settings, Timers,
    UnmatchedCancel,
};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::int("fr_timer", 30_000, "ms to wait for a final reply, for INVITE for any reply"),
    ParamDef::int("fr_inv_timer", 120_000, "ms to wait for a final reply to INVITE after a provisional one"),
    ParamDef::int("restart_fr_on_each_reply", 1, "whether every provisional reply restarts fr_inv_timer"),
    ParamDef::int("max_inv_lifetime", 180_000, "ms an INVITE transaction may live"),
    ParamDef::int("max_noninv_lifetime", 32_000, "ms other transactions may live"),
    ParamDef::int("wt_timer", 5000, "ms a finished transaction stays to absorb retransmissions"),
    ParamDef::int("delete_timer", 200, "has no effect"),
    ParamDef::int("retr_timer1", 500, "ms before the first retransmission, T1"),
    ParamDef::int("retr_timer2", 4000, "ms between retransmissions at most, T2"),
    ParamDef::int(
        "noisy_ctimer",
        1,
        "whether an INVITE to one place that nobody answers is answered with 408",
    ),
    ParamDef::int("auto_inv_100", 1, "whether a relayed INVITE is answered with 100"),
    ParamDef::text(
        "auto_inv_100_reason",
        "trying -- your call is important to us",
        "reason phrase of that 100",
    ),
    ParamDef::int("aggregate_challenges", 1, "whether challenges of several branches are merged"),
    ParamDef::int(
        "cancel_b_method",
        1,
        "what a CANCEL does to branches without a reply: 0 fake 487, 1 keep sending, 2 stop sending",
    ),
    ParamDef::int("disable_6xx_block", 0, "whether a 6xx is like any negative reply"),
    ParamDef::int("failure_reply_mode", 3, "what happens to replies from before a failure route, 0 to 3"),
    ParamDef::int("faked_reply_prio", 0, "added to the priority of replies made here"),
    ParamDef::int("local_cancel_reason", 1, "whether our CANCELs carry a Reason"),
    ParamDef::int("e2e_cancel_reason", 1, "whether the Reason of a received CANCEL is copied"),
    ParamDef::int("remap_503_500", 1, "whether a 503 goes upstream as 500"),
    ParamDef::int("relay_100", 0, "whether received 100s are relayed"),
    ParamDef::int(
        "unmatched_cancel",
        0,
        "a CANCEL without its INVITE: 0 relayed, 1 forwarded statelessly, 2 dropped",
    ),
    ParamDef::int("unix_tx_timeout", 500, "has no effect"),
    ParamDef::int("exec_time_check", 5000, "has no effect"),
    ParamDef::int("e2e_cancel_hop_by_hop", 1, "has no effect: CANCEL always goes hop by hop"),
    ParamDef::int("blst_503", 0, "whether a place that answers 503 is left alone for a while"),
    ParamDef::int("blst_503_def_timeout", 0, "seconds when the 503 names none, 0 for not at all"),
    ParamDef::int("blst_503_min_timeout", 0, "seconds at least"),
    ParamDef::int("blst_503_max_timeout", 3600, "seconds at most"),
    ParamDef::int("blst_methods_add", 1, "methods whose silence puts a place on the blocklist, as bits"),
    ParamDef::int("blst_methods_lookup", 4_294_967_287, "methods that ask the blocklist, as bits"),
    ParamDef::text(
        "failover_reply_codes",
        "",
        "replies besides 503 that make the next place be tried: code=404;code=...",
    ),
    ParamDef::text("contacts_avp", "", "XAVP that t_load_contacts() fills"),
    ParamDef::text("contact_flows_avp", "", "XAVP of further flows to an instance"),
    ParamDef::text("xavp_contact", "", "has no effect: contacts have no attributes of their own here"),
    ParamDef::text("fr_timer_avp", "", "variable with seconds in place of fr_timer"),
    ParamDef::text("fr_inv_timer_avp", "", "variable with seconds in place of fr_inv_timer"),
    ParamDef::text(
        "on_sl_reply",
        "",
        "onreply_route of replies without a transaction; `drop` or `return 0` keeps them here",
    ),
    ParamDef::text("ac_extra_hdrs", "", "fields of the sent INVITE that begin so go into its CANCEL and ACK"),
    ParamDef::int(
        "local_ack_mode",
        0,
        "where the ACK to a 2xx of our own INVITE goes: 0 remote target, 1 as the INVITE, 2 source of the 2xx",
    ),
    ParamDef::int("local_ack_branch_mode", 0, "has no effect: each such ACK has a branch of its own"),
    ParamDef::int("failure_exec_mode", 0, "whether a relay that sent nothing runs the failure route"),
    ParamDef::int("rich_redirect", 0, "what a 3xx made here says beside URIs, bits: 1 branch flags, 2 Path"),
    ParamDef::int("dns_reuse_rcv_socket", 0, "whether the next place is tried by the socket of the request"),
    ParamDef::int("enable_uac_fr", 0, "has no effect: failures of requests made here are always told"),
    ParamDef::int("reply_matching", 1, "has no effect"),
    ParamDef::int("callid_cseq_matching", 0, "has no effect: the branch is always compared"),
    ParamDef::int("reply_relay_mode", 1, "has no effect: further 2xx are always relayed"),
    ParamDef::int("headers_mode", 0, "has no effect"),
    ParamDef::int("evlreq_mode", 0, "has no effect"),
    ParamDef::int("delayed_reply", 1, "has no effect: errors are answered when the script has ended"),
    ParamDef::int("reply_408_code", 408, "has no effect"),
    ParamDef::text("reply_408_reason", "Request Timeout", "has no effect"),
    ParamDef::list("tw_append", "has no effect"),
    ParamDef::text("event_callback", "", "has no effect: the name of a function of an embedded language"),
    ParamDef::text("event_callback_lres_sent", "", "has no effect, as event_callback"),
    ParamDef::text("evcb_local_ack_sent", "", "has no effect, as event_callback"),
    ParamDef::int("reparse_invite", 1, "has no effect: CANCEL and ACK are always made from the sent INVITE"),
    ParamDef::int("reparse_on_dns_failover", 1, "has no effect"),
    ParamDef::int("ruri_matching", 1, "has no effect"),
    ParamDef::int("via1_matching", 1, "has no effect"),
    ParamDef::int("callid_matching", 0, "has no effect: the Call-ID is always part of what is compared"),
    ParamDef::int("pass_provisional_replies", 0, "has no effect"),
    ParamDef::int("default_code", 500, "status of a t_reply() whose status is null"),
    ParamDef::text("default_reason", "Server Internal Error", "reason of a t_reply() whose reason is null"),
];

/// Checks the parameters and makes the settings all shards share.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let settings = Settings {
        blocking: blocking(loading)?,
        failover: loading.catalog.setting_int("use_dns_failover", 0) != 0,
        failover_codes: failover_codes(loading.params)?,
        ..settings(loading.params)?
    };
    loading.shared.put(settings);
    let params = loading.params;
    let (contacts, flows) = (params.text("contacts_avp"), params.text("contact_flows_avp"));
    loading.shared.put(Lists { contacts, flows });
    loading.shared.put(DefaultReply {
        status: u16::try_from(params.int("default_code")).unwrap_or(500),
        reason: params.text("default_reason"),
    });
    let seconds = SecondsFrom {
        answer: variable(loading, "fr_inv_timer_avp")?,
        reply: variable(loading, "fr_timer_avp")?,
    };
    loading.shared.put(seconds);
    Ok(())
}

/// What `t_reply()` sends when its arguments are null.
#[derive(Debug)]
pub(super) struct DefaultReply {
    pub(super) status: u16,
    pub(super) reason: Bytes,
}

/// Variables whose seconds go before the timers of the parameters.
#[derive(Debug)]
pub(super) struct SecondsFrom {
    /// Until the answer to an INVITE that rings.
    pub(super) answer: Option<Pv>,
    /// Until any reply.
    pub(super) reply: Option<Pv>,
}

fn variable(loading: &Loading<'_>, name: &str) -> Result<Option<Pv>, String> {
    let written = loading.params.text(name);
    let variable = (!written.is_empty()).then(|| loading.catalog.variable(&written)).transpose();
    variable.map_err(|error| format!("parameter {name}: {error}"))
}

/// What is put on the blocklist; nothing unless the core has it on.
fn blocking(loading: &Loading<'_>) -> Result<BlockRules, String> {
    let core = |name: &str, default: i64| loading.catalog.setting_int(name, default);
    let params = loading.params;
    let number = |name: &str| {
        let value = params.int(name);
        u32::try_from(value).map_err(|_| format!("parameter {name} is {value}, expected 0 or more"))
    };
    let is_on = core("use_dst_blocklist", 0) != 0 && core("dst_blocklist_init", 1) != 0;
    let seconds = u64::try_from(core("dst_blocklist_expire", 60)).unwrap_or(60);
    let reply = BlockReply {
        default_seconds: number("blst_503_def_timeout")?,
        min_seconds: number("blst_503_min_timeout")?,
        max_seconds: number("blst_503_max_timeout")?,
    };
    Ok(BlockRules {
        expire: if is_on { Duration::from_secs(seconds) } else { Duration::ZERO },
        silent_methods: params.int("blst_methods_add") as u32,
        asking_methods: params.int("blst_methods_lookup") as u32,
        unavailable: (params.int("blst_503") != 0).then_some(reply),
    })
}

/// `code=404;code=480`; a `class=5` stands for all codes of that class.
fn failover_codes(params: &Params) -> Result<Box<[u16]>, String> {
    let written = params.text("failover_reply_codes");
    let written = String::from_utf8_lossy(&written);
    let mut codes = Vec::new();
    for part in written.split(';').map(str::trim).filter(|part| !part.is_empty()) {
        match part.split_once('=').map(|(key, value)| (key.trim(), value.trim().parse::<u16>())) {
            Some(("code", Ok(code @ 300..=699))) => codes.push(code),
            Some(("class", Ok(class @ 3..=6))) => codes.extend(class * 100..class * 100 + 100),
            _ => {
                return Err(format!(
                    "parameter failover_reply_codes: {part:?}, expected code=404 or class=5"
                ));
            }
        }
    }
    Ok(codes.into())
}

/// Puts the settings in force in a shard.
pub(super) fn start(shard: &mut Shard) {
    if let Some(settings) = shard.shared.get::<Settings>() {
        shard.relay.set_settings(settings);
    }
}

fn settings(params: &Params) -> Result<Settings, String> {
    let millis = |name: &str| {
        let value = params.int(name);
        match u32::try_from(value) {
            Ok(millis) if millis > 0 => Ok(Millis(millis)),
            _ => Err(format!("parameter {name} is {value}, expected milliseconds above 0")),
        }
    };
    let invite = Timers {
        final_response: millis("fr_timer")?,
        after_provisional: millis("fr_inv_timer")?,
        linger: millis("wt_timer")?,
        lifetime: millis("max_inv_lifetime")?,
        longest_a: millis("retr_timer2")?,
        restart: if params.int("restart_fr_on_each_reply") == 0 { Restart::Higher } else { Restart::Each },
        ..Timers::of(millis("retr_timer1")?, millis("retr_timer2")?, Millis(5000))
    };
    let is_on = |name: &str| params.int(name) != 0;
    Ok(Settings {
        invite,
        non_invite: Timers { lifetime: millis("max_noninv_lifetime")?, ..invite },
        auto_100: is_on("auto_inv_100"),
        reason_100: String::from_utf8_lossy(&params.text("auto_inv_100_reason")).into(),
        on_100: if is_on("relay_100") { On100::Forward } else { On100::Absorb },
        on_global_failure: match is_on("disable_6xx_block") {
            true => OnGlobalFailure::Wait,
            false => OnGlobalFailure::CancelOthers,
        },
        unreplied: match params.int("cancel_b_method") {
            0 => Unreplied::Fake487,
            1 => Unreplied::KeepSending,
            2 => Unreplied::StopSending,
            other => return Err(format!("parameter cancel_b_method is {other}, expected 0, 1 or 2")),
        },
        failure_replies: match params.int("failure_reply_mode") {
            0 => FailureReplies::Keep,
            1 => FailureReplies::Drop,
            2 => FailureReplies::DropLast,
            3 => FailureReplies::DropIfForked,
            other => return Err(format!("parameter failure_reply_mode is {other}, expected 0 to 3")),
        },
        silent_timeout: !is_on("noisy_ctimer"),
        unmatched_cancel: match params.int("unmatched_cancel") {
            0 => UnmatchedCancel::Relay,
            1 => UnmatchedCancel::Forward,
            2 => UnmatchedCancel::Drop,
            other => return Err(format!("parameter unmatched_cancel is {other}, expected 0, 1 or 2")),
        },
        faked_priority: u32::try_from(params.int("faked_reply_prio")).unwrap_or(0),
        remap_503: is_on("remap_503_500"),
        local_cancel_reason: is_on("local_cancel_reason"),
        caller_cancel_reason: is_on("e2e_cancel_reason"),
        merge_challenges: is_on("aggregate_challenges"),
        copied_headers: params.text("ac_extra_hdrs")[..].into(),
        on_stray_reply: String::from_utf8_lossy(&params.text("on_sl_reply")).into(),
        ack_to: match params.int("local_ack_mode") {
            0 => AckTo::RemoteTarget,
            1 => AckTo::Invited,
            2 => AckTo::Answerer,
            other => return Err(format!("parameter local_ack_mode is {other}, expected 0, 1 or 2")),
        },
        fails_unsent: is_on("failure_exec_mode"),
        keeps_socket: is_on("dns_reuse_rcv_socket"),
        rich_redirect: params.int("rich_redirect") as u8,
        ..Settings::default()
    })
}
