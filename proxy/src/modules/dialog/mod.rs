//! Module dialog: calls followed from INVITE to BYE (RFC 3261 12), with variables, profiles, and an end by time.
//!
//! Dialogs (`table.rs`) belong to the shard of their Call-ID. `life.rs` has what begins, changes and ends them; tm
//! and rr tell it by the hooks of the table.

mod bridge;
mod context;
mod functions;
mod life;
mod params;
mod profiles;
mod requests;
mod rows;
mod rpc;
mod saving;
mod table;
#[cfg(test)]
mod tests;
mod variables;

use std::time::Duration;

use crate::api::{
    EventDef, FunctionDef, FunctionFn, Hooks, InnerKind, Kind, ModuleDef, PvDef, Routes, RpcDef, RpcScope,
    Shard, StatDef,
};

pub use table::{Vars, set_var};

/// Something that happens to a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It was made for an INVITE.
    Begun,
    /// The INVITE was answered.
    Answered,
    /// The INVITE was not answered.
    Failed,
    /// An answered one is over.
    Ended,
    /// The same, since its time was.
    Expired,
}

/// Told of each dialog with its variables, which it may change. The module that wants it puts it into what is shared
/// when it is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Watcher(pub fn(&mut Shard, &mut Vars, Moment));

/// The table of module dialog.
pub static MODULE: ModuleDef = ModuleDef {
    name: "dialog",
    needs: &["tm", "rr"],
    params: params::PARAMS,
    functions: FUNCTIONS,
    pvs: PVS,
    rpcs: RPCS,
    stats: &[
        StatDef { name: "active_dialogs", read: |shard| variables::counts(shard).active, doc: "answered" },
        StatDef { name: "early_dialogs", read: |shard| variables::counts(shard).early, doc: "ringing" },
        StatDef { name: "processed_dialogs", read: |shard| variables::counts(shard).processed, doc: "begun" },
        StatDef {
            name: "expired_dialogs",
            read: |shard| variables::counts(shard).expired,
            doc: "out of time",
        },
        StatDef {
            name: "failed_dialogs",
            read: |shard| variables::counts(shard).failed,
            doc: "not answered",
        },
    ],
    events: &[
        EventDef { name: "dialog:start", doc: "a call was answered" },
        EventDef { name: "dialog:end", doc: "an answered call ended" },
        EventDef { name: "dialog:failed", doc: "a call was not answered" },
    ],
    load: Some(params::load),
    start: Some(|shard| {
        shard.every(Duration::from_secs(1), life::tick);
        saving::start(shard);
    }),
    stop: Some(saving::stop),
    hooks: Hooks {
        opened: Some(life::opened),
        routed: Some(life::routed),
        replied: Some(life::replied),
        ended: Some(life::transaction_ended),
        ..Hooks::NONE
    },
    ..ModuleDef::EMPTY
};

const ROUTES: Routes = Routes::REQUEST.or(Routes::BRANCH).or(Routes::TM_REPLY).or(Routes::FAILURE);
const NAME: &[Kind] = &[Kind::Text];
const NAMES: &[Kind] = &[Kind::Text, Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "dlg_manage",
        &[],
        Routes::REQUEST,
        functions::dlg_manage,
        "follows the call from now on, or finds the dialog of the request",
    ),
    any("dlg_setflag", &[Kind::Int], functions::dlg_setflag, "sets a flag of the dialog"),
    any("dlg_resetflag", &[Kind::Int], functions::dlg_resetflag, "resets a flag of the dialog"),
    any("dlg_isflagset", &[Kind::Int], functions::dlg_isflagset, "whether a flag of the dialog is set"),
    any("dlg_bye", NAME, functions::dlg_bye, "ends the call with BYE to the caller, the callee or all"),
    any("dlg_refer", NAMES, functions::dlg_refer, "sends REFER with an address to the caller or the callee"),
    any(
        "dlg_bridge",
        &[Kind::Text; 3],
        functions::dlg_bridge,
        "calls the first party by a next hop, refers it to the second and hangs up",
    ),
    any(
        "dlg_remote_profile",
        &[Kind::Text, Kind::Text, Kind::Text, Kind::Text, Kind::Int],
        profiles::dlg_remote_profile,
        "add, rm: counts a dialog of another server in a profile, by its own name, until a Unix second",
    ),
    any("dlg_db_load_callid", NAME, saving::dlg_db_load_callid, "reads the dialogs of a Call-ID"),
    any("dlg_db_load_extra", &[], saving::dlg_db_load_extra, "reads all dialogs that are not here yet"),
    any(
        "dlg_get",
        &[Kind::Text; 3],
        functions::dlg_get,
        "makes the dialog of a Call-ID and two tags that of the message",
    ),
    any("is_known_dlg", &[], functions::is_known_dlg, "whether the message belongs to a dialog"),
    any(
        "dlg_set_timeout",
        &[Kind::Int, Kind::Int, Kind::Int],
        functions::dlg_set_timeout,
        "gives the dialog, or that of h_entry and h_id, this many seconds",
    )
    .optional(2),
    any(
        "dlg_set_timeout_by_profile",
        &[Kind::Text, Kind::Text, Kind::Int],
        functions::dlg_set_timeout_by_profile,
        "gives all dialogs of a profile and perhaps a value this many seconds",
    )
    .optional(1),
    any("dlg_set_property", NAME, functions::dlg_set_property, "ka-src, ka-dst or timeout-noreset"),
    any("dlg_reset_property", NAME, functions::dlg_reset_property, "takes a property back"),
    any("dlg_set_ruri", &[], functions::dlg_set_ruri, "makes the Contact of the other side the request URI"),
    FunctionDef::new(
        "set_dlg_profile",
        NAMES,
        ROUTES,
        profiles::set_dlg_profile,
        "puts the dialog into a profile",
    )
    .optional(1),
    FunctionDef::new(
        "unset_dlg_profile",
        NAMES,
        ROUTES,
        profiles::unset_dlg_profile,
        "takes the dialog out of a profile",
    )
    .optional(1),
    FunctionDef::new(
        "is_in_profile",
        NAMES,
        ROUTES,
        profiles::is_in_profile,
        "whether the dialog is in a profile",
    )
    .optional(1),
    FunctionDef::new(
        "get_profile_size",
        &[Kind::Text, Kind::WritePv],
        ROUTES,
        profiles::get_profile_size,
        "how many dialogs are in a profile",
    ),
    FunctionDef::new(
        "get_profile_size",
        &[Kind::Text, Kind::Text, Kind::WritePv],
        ROUTES,
        profiles::get_profile_size,
        "how many dialogs are in a profile with a value",
    ),
];

static PVS: &[PvDef] = &[
    PvDef::new("dlg", variables::dlg, "parts of the dialog").inner(InnerKind::Key(variables::PARTS)),
    PvDef::new("dlg_ctx", variables::dlg_ctx, "what the script wishes of the dialog")
        .inner(InnerKind::Key(variables::CONTEXT))
        .writable(variables::set_dlg_ctx),
    PvDef::new("dlg_var", variables::dlg_var, "texts that live as long as the dialog")
        .inner(InnerKind::Name)
        .writable(variables::set_dlg_var),
    PvDef::new("DLG_count", variables::count, "answered dialogs"),
    PvDef::new("DLG_status", variables::status, "state of the dialog of a request within"),
    PvDef::new("DLG_lifetime", variables::lifetime, "seconds since the answer"),
];

static RPCS: &[RpcDef] = &[
    RpcDef {
        name: "dlg.bridge_dlg",
        scope: RpcScope::One,
        run: rpc::bridge,
        doc: "from, to, next hop, body: calls the first and refers it to the second",
    },
    every("dlg.briefing", rpc::briefing, "numbers and fields by letter: F, T tags, and so on"),
    every("dlg.list_match", rpc::list_match, "key, operation, value, limit: dialogs whose field fits"),
    every("dlg.list", rpc::list, "all dialogs"),
    every("dlg.list_ctx", rpc::list, "same as dlg.list"),
    every("dlg.dlg_list", rpc::of_call, "dialogs of a Call-ID and perhaps a From tag"),
    every("dlg.dlg_list_ctx", rpc::of_call, "same as dlg.dlg_list"),
    every("dlg.profile_list", rpc::profile_list, "dialogs of a profile and perhaps a value"),
    row("dlg.terminate_dlg", RpcScope::Find, rpc::terminate, "Call-ID and two tags: BYE to both sides"),
    row("dlg.end_dlg", RpcScope::Find, rpc::end, "h_entry and h_id: BYE to both sides"),
    row("dlg.set_state", RpcScope::Find, rpc::set_state, "Call-ID, two tags, state"),
    row("dlg.stats_active", RpcScope::Sum, rpc::stats_active, "dialogs by state"),
    RpcDef {
        name: "dlg.profile_get_size",
        scope: RpcScope::One,
        run: rpc::profile_size,
        doc: "how many dialogs are in a profile",
    },
];

const fn any(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

const fn every(name: &'static str, run: crate::api::RpcFn, doc: &'static str) -> RpcDef {
    row(name, RpcScope::Every, run, doc)
}

const fn row(name: &'static str, scope: RpcScope, run: crate::api::RpcFn, doc: &'static str) -> RpcDef {
    RpcDef { name, scope, run, doc }
}
