//! Module dispatcher: calls spread over sets of destinations, with failover, probing and counted load.
//!
//! The sets (`set.rs`) are shared by all shards, one lock each. What is picked is noted in XAVPs (`records.rs`), so
//! a failure route goes on with the next. Pings (`probe.rs`) are sent by the first shard.

mod functions;
mod hash;
mod latency;
mod list;
mod loads;
mod lookup;
mod marking;
mod matching;
mod params;
mod probe;
mod reading;
mod records;
mod rpc;
mod select;
mod set;
mod sets;
mod slots;
mod state;
#[cfg(test)]
mod tests;

use crate::api::{EventDef, FunctionDef, Kind, ModuleDef, Routes, RpcDef, RpcScope};

/// The table of module dispatcher.
pub static MODULE: ModuleDef = ModuleDef {
    name: "dispatcher",
    params: params::PARAMS,
    functions: FUNCTIONS,
    rpcs: RPCS,
    events: &[
        EventDef { name: "dispatcher:dst-down", doc: "a destination cannot be used any more" },
        EventDef { name: "dispatcher:dst-up", doc: "a destination can be used again" },
    ],
    load: Some(params::load),
    start: Some(probe::start),
    ..ModuleDef::EMPTY
};

const REQUEST_FAILURE: Routes = Routes::REQUEST.or(Routes::FAILURE);

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "ds_select_dst",
        &[Kind::Int, Kind::Int, Kind::Int],
        REQUEST_FAILURE,
        functions::ds_select_dst,
        "picks a destination of a set with an algorithm and makes it $du",
    )
    .optional(1),
    FunctionDef::new(
        "ds_select_domain",
        &[Kind::Int, Kind::Int, Kind::Int],
        REQUEST_FAILURE,
        functions::ds_select_domain,
        "the same, into host and port of the request URI",
    )
    .optional(1),
    FunctionDef::new(
        "ds_select",
        &[Kind::Int, Kind::Int, Kind::Int],
        Routes::ANY,
        functions::ds_select,
        "the same, only noted for ds_next_dst() and the like",
    )
    .optional(1),
    FunctionDef::new(
        "ds_select_routes",
        &[Kind::Text, Kind::Text, Kind::Int],
        REQUEST_FAILURE,
        functions::ds_select_routes,
        "picks by set=algorithm;... into d $du, r the request URI, x the notes",
    )
    .optional(1),
    FunctionDef::new("ds_next_dst", &[], REQUEST_FAILURE, functions::ds_next_dst, "the next one into $du"),
    FunctionDef::new(
        "ds_next_domain",
        &[],
        REQUEST_FAILURE,
        functions::ds_next_domain,
        "the next one into the request URI",
    ),
    FunctionDef::new("ds_set_dst", &[], REQUEST_FAILURE, functions::ds_set_dst, "the current one into $du"),
    FunctionDef::new(
        "ds_set_domain",
        &[],
        REQUEST_FAILURE,
        functions::ds_set_domain,
        "the current one into the request URI",
    ),
    FunctionDef::new(
        "ds_mark_dst",
        &[Kind::Text],
        REQUEST_FAILURE.or(Routes::TM_REPLY),
        marking::ds_mark_dst,
        "gives the current one a state: a, i, t or d, with p for probing",
    )
    .optional(1),
    FunctionDef::new(
        "ds_list_exists",
        &[Kind::Int],
        Routes::ANY,
        matching::ds_list_exists,
        "whether there is a set of that number",
    ),
    FunctionDef::new("ds_list_exist", &[Kind::Int], Routes::ANY, matching::ds_list_exists, "the same"),
    FunctionDef::new(
        "ds_is_from_list",
        &[Kind::Int, Kind::Int, Kind::Text],
        Routes::ANY,
        matching::ds_is_from_list,
        "whether the source or a URI is a destination; mode 1 any port, 2 any transport, 4 active ones",
    )
    .optional(3),
    FunctionDef::new(
        "ds_is_active",
        &[Kind::Int, Kind::Text],
        Routes::ANY,
        matching::ds_is_active,
        "whether a destination of the set, or this one, can be used",
    )
    .optional(1),
    FunctionDef::new(
        "ds_load_update",
        &[],
        Routes::ANY,
        functions::ds_load_update,
        "ends or confirms the count of the call, by method or status",
    ),
    FunctionDef::new(
        "ds_load_unset",
        &[],
        Routes::ANY,
        functions::ds_load_unset,
        "ends the count of the call for the current destination",
    ),
    FunctionDef::new("ds_reload", &[], Routes::ANY, reading::ds_reload, "reads the list anew"),
];

static RPCS: &[RpcDef] = &[
    row("dispatcher.list", rpc::list, "sets and destinations; short leaves attributes out"),
    row("dispatcher.set_state", rpc::set_state, "state, set, URI or all"),
    row("dispatcher.set_duid_state", rpc::set_duid_state, "state, set, duid"),
    row("dispatcher.reload", rpc::reload, "reads the list anew"),
    row("dispatcher.ping_active", rpc::ping_active, "whether pings are sent; 0 or 1 switches them"),
    row("dispatcher.add", rpc::add, "set, URI, flags, priority, attributes"),
    row("dispatcher.remove", rpc::remove, "set, URI"),
    row("dispatcher.hash", rpc::hash, "number of slots and one or two texts"),
];

const fn row(name: &'static str, run: crate::api::RpcFn, doc: &'static str) -> RpcDef {
    RpcDef { name, scope: RpcScope::One, run, doc }
}
