//! Module pv: variables shared by all workers, functions on variables, structured values taken apart.
//!
//! The variables of the message and of the script are in the core here and need no `loadmodule`.

mod functions;
mod shv;
mod structures;

use crate::api::{
    FunctionDef, FunctionFn, InnerKind, Kind, ModuleDef, ParamDef, PvDef, Routes, RpcDef, RpcScope,
};

/// The table of module pv.
pub static MODULE: ModuleDef = ModuleDef {
    name: "pv",
    params: &[
        ParamDef::list("shvset", "first value of a $shv: name=s:text or name=i:number"),
        ParamDef::list("varset", "first value of a $var: name=s:text or name=i:number"),
        ParamDef::text("avp_aliases", "", "other names of AVPs; accepted"),
    ],
    functions: FUNCTIONS,
    pvs: &[PvDef::new("shv", shv::get, "variable shared by all workers")
        .inner(InnerKind::Slot)
        .writable(shv::set)],
    rpcs: &[
        RpcDef { name: "pv.shvGet", scope: RpcScope::One, run: shv::rpc_get, doc: "reads shared variables" },
        RpcDef { name: "pv.shvSet", scope: RpcScope::One, run: shv::rpc_set, doc: "sets a shared variable" },
    ],
    load: Some(shv::load),
    start: Some(shv::start),
    ..ModuleDef::EMPTY
};

const PV: &[Kind] = &[Kind::Pv];
const TEXT: &[Kind] = &[Kind::Text];
const TWO_TEXTS: &[Kind] = &[Kind::Text, Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    row("pv_isset", PV, functions::is_set, "whether a variable has a value"),
    row("pv_unset", &[Kind::WritePv], functions::unset, "removes the value of a variable"),
    row("is_int", PV, functions::is_int, "whether a variable holds a number"),
    row("typeof", &[Kind::Pv, Kind::Word], functions::type_of, "whether a variable holds int, str or null"),
    row("not_empty", PV, functions::not_empty, "whether a variable holds a text that is not empty"),
    row("xavp_params_explode", TWO_TEXTS, structures::params_explode, "a list a=1;b=2 as fields of an xavp"),
    row("xavp_params_implode", &[Kind::Text, Kind::WritePv], structures::params_implode, "fields as a list"),
    row(
        "xavp_child_seti",
        &[Kind::Text, Kind::Text, Kind::Int],
        structures::child_set,
        "sets a field to a number",
    ),
    row(
        "xavp_child_sets",
        &[Kind::Text, Kind::Text, Kind::Text],
        structures::child_set,
        "sets a field to a text",
    ),
    row("xavp_rm", TEXT, structures::remove, "removes an xavp"),
    row("xavp_child_rm", TWO_TEXTS, structures::child_remove, "removes a field of an xavp"),
    row("xavp_lshift", &[Kind::Text, Kind::Int], structures::shift, "removes the first elements of an xavp"),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

#[cfg(test)]
mod tests;
