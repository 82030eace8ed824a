//! Module pv: variables shared by all workers, functions on variables, structured values taken apart.
//!
//! The variables of the message and of the script are in the core here and need no `loadmodule`.

mod functions;
mod shv;
mod static_branch;
mod structures;

use crate::api::XavpClass::{self, Xavi, Xavp, Xavu};
use crate::api::{
    Args, AvpAliases, BRANCH_ATTRIBUTES, Board, Ctx, Flow, FunctionDef, FunctionFn, InnerKind, Kind, Level,
    Loading, ModuleDef, ParamDef, PvArg, PvDef, Routes, RpcDef, RpcScope, Shard, Value,
};

/// The table of module pv.
pub static MODULE: ModuleDef = ModuleDef {
    name: "pv",
    params: &[
        ParamDef::list("shvset", "first value of a $shv: name=s:text or name=i:number"),
        ParamDef::list("varset", "first value of a $var: name=s:text or name=i:number"),
        ParamDef::text("avp_aliases", "", "other names of AVPs: alias=name, divided by semicolons"),
    ],
    functions: FUNCTIONS,
    pvs: &[
        PvDef::new("shv", shv::get, "variable shared by all workers")
            .inner(InnerKind::Slot)
            .writable(shv::set),
        PvDef::new("stat", statistic, "the value of a statistic, name or group:name").inner(InnerKind::Name),
        PvDef::new("sbranch", static_branch::get, "an attribute of the static branch")
            .inner(InnerKind::Key(BRANCH_ATTRIBUTES))
            .writable(static_branch::set),
    ],
    rpcs: &[
        RpcDef { name: "pv.shvGet", scope: RpcScope::One, run: shv::rpc_get, doc: "reads shared variables" },
        RpcDef { name: "pv.shvSet", scope: RpcScope::One, run: shv::rpc_set, doc: "sets a shared variable" },
    ],
    load: Some(load),
    start: Some(start),
    ..ModuleDef::EMPTY
};

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    Board::prepare(loading);
    let aliases = AvpAliases::parse(&loading.params.text("avp_aliases"))?;
    if !aliases.is_empty() {
        loading.shared.put(aliases);
    }
    shv::load(loading)
}

fn start(shard: &mut Shard) {
    Board::start(shard);
    shv::start(shard);
}

/// Null when there is none of that name, which is logged.
fn statistic(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let wanted = String::from_utf8_lossy(&arg.name(ctx)).into_owned();
    let values = Board::values(ctx.shard, |group, name| match wanted.split_once(':') {
        Some((of, wanted)) => of == group && wanted == name,
        None => wanted == name,
    });
    match values.first() {
        Some((_, _, value)) => Value::Int(*value as i64),
        None => {
            ctx.log(Level::WARN, format!("$stat: there is no statistic {wanted}"));
            Value::Null
        }
    }
}

const PV: &[Kind] = &[Kind::Pv];
const TEXT: &[Kind] = &[Kind::Text];
const TWO_TEXTS: &[Kind] = &[Kind::Text, Kind::Text];
const TEXT_PV: &[Kind] = &[Kind::Text, Kind::WritePv];
const FIELD_INT: &[Kind] = &[Kind::Text, Kind::Text, Kind::Int];
const FIELD_TEXT: &[Kind] = &[Kind::Text, Kind::Text, Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    row("pv_isset", PV, functions::is_set, "whether a variable has a value"),
    row("pv_unset", &[Kind::WritePv], functions::unset, "removes the value of a variable"),
    row("is_int", PV, functions::is_int, "whether a variable holds a number"),
    row("typeof", &[Kind::Pv, Kind::Word], functions::type_of, "whether a variable holds int, str or null"),
    row("not_empty", PV, functions::not_empty, "whether a variable holds a text that is not empty"),
    row("pv_evalx", &[Kind::WritePv, Kind::Text], functions::evaluate_twice, "a text evaluated twice"),
    row("xavp_copy", &[Kind::Text, Kind::Int, Kind::Text, Kind::Int], structures::copy, "copies an xavp")
        .optional(1),
    row(
        "xavp_params_explode",
        TWO_TEXTS,
        |ctx, args| structures::params_explode(ctx, args, Xavp),
        "a list a=1;b=2 as fields of an xavp",
    ),
    row(
        "xavu_params_explode",
        TWO_TEXTS,
        |ctx, args| structures::params_explode(ctx, args, Xavu),
        "the same for an xavu",
    ),
    row(
        "xavp_params_implode",
        TEXT_PV,
        |ctx, args| structures::params_implode(ctx, args, Xavp),
        "the fields of an xavp as a list a=1;b=2;",
    ),
    row(
        "xavu_params_implode",
        TEXT_PV,
        |ctx, args| structures::params_implode(ctx, args, Xavu),
        "the same for an xavu",
    ),
    row(
        "xavp_slist_explode",
        &[Kind::Text, Kind::Text, Kind::Text, Kind::Text],
        structures::list_explode,
        "the parts of a list as values of the field v",
    ),
    row("xavp_child_seti", FIELD_INT, |ctx, args| set_int(ctx, args, Xavp), "sets a field to a number"),
    row("xavi_child_seti", FIELD_INT, |ctx, args| set_int(ctx, args, Xavi), "the same for an xavi"),
    row("xavp_child_sets", FIELD_TEXT, |ctx, args| set_text(ctx, args, Xavp), "sets a field to a text"),
    row("xavi_child_sets", FIELD_TEXT, |ctx, args| set_text(ctx, args, Xavi), "the same for an xavi"),
    row("xavp_rm", TEXT, |ctx, args| structures::remove(ctx, args, Xavp), "removes an xavp"),
    row("xavi_rm", TEXT, |ctx, args| structures::remove(ctx, args, Xavi), "removes an xavi"),
    row(
        "xavp_child_rm",
        TWO_TEXTS,
        |ctx, args| structures::child_remove(ctx, args, Xavp),
        "removes a field of an xavp",
    ),
    row(
        "xavi_child_rm",
        TWO_TEXTS,
        |ctx, args| structures::child_remove(ctx, args, Xavi),
        "removes a field of an xavi",
    ),
    row("xavp_lshift", &[Kind::Text, Kind::Int], structures::shift, "removes the first elements of an xavp"),
    row("pv_xavp_print", &[], |ctx, _| structures::print(ctx, Xavp), "logs all xavps"),
    row("pv_xavi_print", &[], |ctx, _| structures::print(ctx, Xavi), "logs all xavis"),
    row("pv_xavu_print", &[], |ctx, _| structures::print(ctx, Xavu), "logs all xavus"),
    row("pv_var_to_xavp", TWO_TEXTS, structures::from_vars, "copies script variables into an xavp"),
    row("pv_xavp_to_var", TEXT, structures::to_vars, "copies an xavp into script variables"),
    branch("sbranch_set_ruri", static_branch::set_ruri, "makes the static branch the request URI"),
    branch("sbranch_append", static_branch::append, "adds the static branch to the branches"),
    branch("sbranch_reset", static_branch::reset, "empties the static branch"),
];

fn set_int(ctx: &mut Ctx<'_>, args: &Args<'_>, class: XavpClass) -> Flow {
    let value = Value::Int(args.int(ctx, 2));
    structures::child_set(ctx, args, class, value)
}

fn set_text(ctx: &mut Ctx<'_>, args: &Args<'_>, class: XavpClass) -> Flow {
    let value = Value::Str(args.text(ctx, 2));
    structures::child_set(ctx, args, class, value)
}

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

const fn branch(name: &'static str, run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, &[], Routes::REQUEST.or(Routes::BRANCH).or(Routes::FAILURE), run, doc)
}

#[cfg(test)]
mod tests;
