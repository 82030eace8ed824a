//! Module tm: stateful relaying. The table; the work is done by `relay` and by the files beside this one.

mod arm;
mod contacts;
mod functions;
mod params;
mod relay;
mod rpc;
mod rules;
mod suspend;
#[cfg(test)]
mod tests;
mod towards;
mod transaction;
mod uac;

use crate::api::{EventDef, Flow, FunctionDef, FunctionFn, Kind, ModuleDef, RouteKind, RouteTable, Routes};

/// The table of module tm.
pub static MODULE: ModuleDef = ModuleDef {
    name: "tm",
    params: params::PARAMS,
    functions: FUNCTIONS,
    rpcs: rpc::RPCS,
    events: &[
        EventDef { name: "tm:branch-failure:", doc: "a branch got a negative reply" },
        EventDef { name: "tm:local-request", doc: "a request made here is about to be sent" },
        EventDef {
            name: "tm:local-response",
            doc: "a reply made here went out on a transaction; sees the reply",
        },
    ],
    load: Some(params::load),
    start: Some(params::start),
    ..ModuleDef::EMPTY
};

const REQUEST_FAILURE: Routes = Routes::REQUEST.or(Routes::FAILURE);
const REQUEST_FAILURE_REPLY: Routes = REQUEST_FAILURE.or(Routes::REPLY);
const ARMING: Routes = REQUEST_FAILURE.or(Routes::TM_REPLY).or(Routes::BRANCH).or(Routes::EVENT);
const STATE: Routes = ARMING;
const HOST_PORT: &[Kind] = &[Kind::Text, Kind::Int];

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "t_relay",
        HOST_PORT,
        REQUEST_FAILURE,
        functions::t_relay,
        "relays the request statefully",
    )
    .optional(2),
    FunctionDef::new(
        "t_forward_nonack",
        HOST_PORT,
        Routes::REQUEST,
        functions::t_relay,
        "relays the request statefully",
    )
    .optional(2),
    FunctionDef::new("t_relay_to_udp", HOST_PORT, REQUEST_FAILURE, towards::udp, "relays over UDP")
        .optional(2),
    FunctionDef::new("t_relay_to_tcp", HOST_PORT, REQUEST_FAILURE, towards::tcp, "relays over TCP")
        .optional(2),
    FunctionDef::new("t_relay_to_tls", HOST_PORT, REQUEST_FAILURE, towards::tls, "relays over TLS")
        .optional(2),
    FunctionDef::new(
        "t_relay_to",
        &[Kind::Text, Kind::Int],
        REQUEST_FAILURE,
        towards::to,
        "relays to a proxy, with flags",
    )
    .optional(2),
    FunctionDef::new("t_newtran", &[], Routes::REQUEST, functions::t_newtran, "makes a transaction"),
    FunctionDef::new(
        "t_check_trans",
        &[],
        STATE.or(Routes::REPLY),
        functions::t_check_trans,
        "whether the message belongs to a transaction",
    ),
    FunctionDef::new(
        "t_lookup_request",
        &[],
        Routes::REQUEST,
        functions::t_lookup_request,
        "whether the request has a transaction",
    ),
    FunctionDef::new(
        "t_lookup_cancel",
        &[Kind::Int],
        Routes::REQUEST,
        functions::t_lookup_cancel,
        "whether the CANCEL has its INVITE",
    )
    .optional(1),
    FunctionDef::new(
        "t_relay_cancel",
        &[],
        Routes::REQUEST,
        functions::t_relay_cancel,
        "cancels the INVITE of a CANCEL",
    ),
    FunctionDef::new(
        "t_reply",
        &[Kind::Int, Kind::Text],
        REQUEST_FAILURE_REPLY,
        functions::t_reply,
        "replies on the transaction",
    ),
    FunctionDef::new(
        "t_send_reply",
        &[Kind::Int, Kind::Text],
        REQUEST_FAILURE_REPLY,
        functions::t_send_reply,
        "replies on a transaction, made if needed",
    ),
    FunctionDef::new(
        "t_release",
        &[],
        Routes::REQUEST,
        functions::t_release,
        "ends the transaction without a reply",
    ),
    FunctionDef::new(
        "t_on_branch",
        &[Kind::Route(RouteTable::Branch)],
        REQUEST_FAILURE,
        arm::on_branch,
        "arms a branch route",
    ),
    FunctionDef::new(
        "t_on_reply",
        &[Kind::Route(RouteTable::Reply)],
        ARMING,
        arm::on_reply,
        "arms a reply route",
    ),
    FunctionDef::new(
        "t_on_failure",
        &[Kind::Route(RouteTable::Failure)],
        ARMING,
        arm::on_failure,
        "arms a failure route",
    ),
    FunctionDef::new(
        "t_on_branch_failure",
        &[Kind::Text],
        ARMING,
        arm::on_branch_failure,
        "arms a branch failure route",
    ),
    FunctionDef::new("t_is_set", &[Kind::Text], Routes::ANY, arm::is_set, "whether a route is armed"),
    FunctionDef::new(
        "t_check_status",
        &[Kind::Regex],
        REQUEST_FAILURE_REPLY,
        functions::t_check_status,
        "matches the status",
    ),
    FunctionDef::new(
        "t_grep_status",
        &[Kind::Int],
        STATE,
        functions::t_grep_status,
        "whether a branch has this status",
    ),
    FunctionDef::new(
        "t_get_status_code",
        &[],
        STATE,
        functions::t_get_status_code,
        "the last status sent upstream",
    ),
    FunctionDef::new("t_any_timeout", &[], STATE, functions::t_any_timeout, "whether a branch has timed out"),
    FunctionDef::new("t_any_replied", &[], STATE, functions::t_any_replied, "whether a branch had a reply"),
    FunctionDef::new(
        "t_branch_timeout",
        &[],
        Routes::FAILURE,
        functions::t_branch_timeout,
        "whether the picked branch has timed out",
    ),
    FunctionDef::new(
        "t_branch_replied",
        &[],
        Routes::FAILURE,
        functions::t_branch_replied,
        "whether the picked branch had a reply before",
    ),
    FunctionDef::new(
        "t_is_canceled",
        &[],
        STATE,
        functions::t_is_canceled,
        "whether the caller has cancelled",
    ),
    FunctionDef::new(
        "t_is_expired",
        &[],
        STATE,
        functions::t_is_expired,
        "whether the longest life of the transaction is over",
    ),
    FunctionDef::new(
        "t_set_fr",
        &[Kind::Int, Kind::Int],
        STATE,
        functions::t_set_fr,
        "sets the final response timers, ms",
    )
    .optional(1),
    FunctionDef::new("t_reset_fr", &[], STATE, functions::t_reset_fr, "resets the final response timers"),
    FunctionDef::new(
        "t_set_retr",
        &[Kind::Int, Kind::Int],
        STATE,
        functions::t_set_retr,
        "sets T1 and T2, ms",
    ),
    FunctionDef::new("t_reset_retr", &[], STATE, functions::t_reset_retr, "resets T1 and T2"),
    FunctionDef::new(
        "t_set_max_lifetime",
        &[Kind::Int, Kind::Int],
        STATE,
        functions::t_set_max_lifetime,
        "sets the longest life, ms",
    ),
    FunctionDef::new(
        "t_reset_max_lifetime",
        &[],
        STATE,
        functions::t_reset_max_lifetime,
        "resets the longest life",
    ),
    FunctionDef::new(
        "t_load_contacts",
        &[Kind::Int],
        REQUEST_FAILURE,
        contacts::load,
        "puts the targets by, ordered by q",
    )
    .optional(1),
    FunctionDef::new(
        "t_next_contacts",
        &[],
        REQUEST_FAILURE,
        contacts::next,
        "makes the next group the targets",
    ),
    FunctionDef::new(
        "t_drop_replies",
        &[Kind::Text],
        Routes::FAILURE,
        functions::t_drop_replies,
        "drops replies from before: a all, l of the last set, n none",
    )
    .optional(1),
    FunctionDef::new(
        "t_set_auto_inv_100",
        &[Kind::Int],
        Routes::REQUEST,
        functions::t_set_auto_inv_100,
        "switches the automatic 100",
    ),
    host_port("t_replicate", functions::t_replicate, "sends a copy whose replies end here"),
    host_port("t_replicate_udp", towards::replicate_udp, "the same over UDP"),
    host_port("t_replicate_tcp", towards::replicate_tcp, "the same over TCP"),
    host_port("t_replicate_tls", towards::replicate_tls, "the same over TLS"),
    host_port("t_replicate_sctp", towards::replicate_sctp, "the same over SCTP"),
    plain(
        "t_forward_nonack_uri",
        Routes::REQUEST,
        functions::t_relay,
        "relays to the request URI statefully",
    ),
    plain(
        "t_save_lumps",
        Routes::REQUEST,
        functions::t_save_lumps,
        "failure routes see the changes made so far",
    ),
    plain("t_clean", Routes::ANY, |_, _| Flow::TRUE, "has no effect: transactions end by themselves"),
    plain(
        "t_next_contact_flow",
        Routes::REQUEST.or(Routes::of(RouteKind::BranchFailure)),
        contacts::next_flow,
        "makes another flow to the failed instance the target",
    ),
    switch(
        "t_set_disable_internal_reply",
        rules::disable_error_reply,
        "whether a failed relay is not answered here",
    ),
    host_port("t_forward_nonack_udp", towards::udp, "relays over UDP"),
    host_port("t_forward_nonack_tcp", towards::tcp, "relays over TCP"),
    host_port("t_forward_nonack_tls", towards::tls, "relays over TLS"),
    host_port("t_forward_nonack_sctp", towards::sctp, "relays over SCTP"),
    host_port("t_relay_to_sctp", towards::sctp, "relays over SCTP"),
    FunctionDef::new(
        "t_retransmit_reply",
        &[],
        Routes::REQUEST,
        suspend::t_retransmit_reply,
        "sends the last reply again",
    ),
    switch("t_set_disable_6xx", rules::disable_6xx, "whether a 6xx is like any negative reply"),
    switch("t_set_disable_failover", rules::disable_failover, "whether further addresses are not tried"),
    switch("t_set_no_e2e_cancel_reason", rules::no_cancel_reason, "whether a received Reason is not copied"),
    switch("t_disable_e2e_cancel_reason", rules::no_cancel_reason, "whether a received Reason is not copied"),
    FunctionDef::new(
        "t_use_uac_headers",
        &[],
        Routes::ANY,
        |_, _| Flow::TRUE,
        "has no effect: CANCEL and ACK are always made from the sent request",
    ),
    FunctionDef::new(
        "t_is_retr_async_reply",
        &[],
        Routes::REPLY,
        |_, _| Flow::FALSE,
        "never true: replies are not suspended",
    ),
    FunctionDef::new(
        "t_uac_send",
        &[Kind::Text; 6],
        Routes::NOT_ONSEND,
        uac::t_uac_send,
        "sends a request of our own",
    ),
];

const fn host_port(name: &'static str, run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, HOST_PORT, REQUEST_FAILURE, run, doc).optional(2)
}

const fn plain(name: &'static str, routes: Routes, run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, &[], routes, run, doc)
}

const fn switch(name: &'static str, run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, &[Kind::Int], STATE, run, doc)
}

/// Functions that module tmx adds.
pub mod extra {
    pub use super::functions::{t_cancel_branches, t_drop, t_flush_flags, t_precheck_trans, t_reuse_branch};
    pub use super::suspend::{t_cancel_callid, t_continue, t_reply_callid, t_suspend};
}
