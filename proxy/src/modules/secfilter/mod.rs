//! Module secfilter: user agents, countries, domains, addresses and users that are blocked or allowed, and
//! destinations nobody may call.
//!
//! The lists come from one table, read at the start, or with the first check when that failed, and kept until
//! `secfilter.reload`.

mod checks;
mod lists;

use std::sync::Arc;

use crate::api::{
    Args, Ctx, Flow, FunctionDef, Kind, Loading, ModuleDef, ParamDef, Resumed, Routes, RpcDef, RpcError,
    RpcScope, RpcValue, Shard, Value,
};
use crate::modules::db::{self, Cache, Read};
use crate::store::Query;
use lists::Lists;

/// The table of module secfilter.
pub static MODULE: ModuleDef = ModuleDef {
    name: "secfilter",
    params: &[
        ParamDef::text("db_url", "", "database of the lists; none: the lists are empty"),
        ParamDef::text("table_name", "secfilter", "its table"),
        ParamDef::text("action_col", "action", "column of the action: 0 block, 1 allow, 2 destination"),
        ParamDef::text(
            "type_col",
            "type",
            "column of the type: 0 agent, 1 country, 2 domain, 3 address, 4 user",
        ),
        ParamDef::text("data_col", "data", "column of the value"),
        ParamDef::int("dst_exact_match", 1, "0: a destination on the list is a prefix"),
        ParamDef::int("reload_delta", 5, "has no effect; a reload costs one query"),
        ParamDef::int("cleanup_interval", 60, "has no effect"),
    ],
    functions: FUNCTIONS,
    rpcs: &[RpcDef {
        name: "secfilter.reload",
        scope: RpcScope::One,
        run: reload,
        doc: "reads the lists anew",
    }],
    load: Some(load),
    start: Some(start),
    ..ModuleDef::EMPTY
};

const fn check(
    name: &'static str,
    run: fn(&mut Ctx<'_>, &Args<'_>) -> Flow,
    doc: &'static str,
) -> FunctionDef {
    FunctionDef::new(name, &[], Routes::ANY, run, doc)
}

static FUNCTIONS: &[FunctionDef] = &[
    check("secf_check_ip", checks::ip, "source: 2 allowed, 1 unknown, -2 blocked"),
    check("secf_check_ua", checks::user_agent, "User-Agent: 2 allowed, 1 unknown, -1 none, -2 blocked"),
    FunctionDef::new(
        "secf_check_country",
        &[Kind::Text],
        Routes::ANY,
        checks::country,
        "country: 2 allowed, 1 unknown, -2 blocked",
    ),
    check(
        "secf_check_from_hdr",
        checks::from,
        "From: name 4 and -4, user 2 and -2, domain 3 and -3, unknown 1",
    ),
    check("secf_check_to_hdr", checks::to, "To: the same"),
    check("secf_check_contact_hdr", checks::contact, "Contact: the same without name"),
    FunctionDef::new(
        "secf_check_dst",
        &[Kind::Text],
        Routes::ANY,
        checks::destination,
        "-2 when the number is a destination on the list",
    ),
    FunctionDef::new(
        "secf_check_sqli_hdr",
        &[Kind::Text],
        Routes::ANY,
        checks::injection,
        "-1 when the text looks like an injection of SQL",
    ),
    check(
        "secf_check_sqli_all",
        checks::any_injection,
        "the same for User-Agent, From, To and Contact; 0 when one does",
    ),
];

#[derive(Debug)]
struct Rules {
    /// `None` without a database.
    lists: Option<Arc<Cache<Lists>>>,
    matches_prefixes: bool,
}

/// A check that waits for the lists.
type Judge = fn(&mut Ctx<'_>, &Args<'_>, &Lists) -> Flow;

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let columns = ["action_col", "type_col", "data_col"];
    let columns = columns.iter().map(|column| db::name(loading, column)).collect::<Result<_, _>>()?;
    let query = Query::Select { table: db::name(loading, "table_name")?, columns, only: Vec::new() };
    let has_database = !loading.params.text("db_url").is_empty();
    let lists = if has_database {
        let url = db::url(loading)?;
        let table = db::name(loading, "table_name")?;
        db::needs(loading, &url, "secfilter", &table);
        Some(Arc::new(Cache::new(url, vec![query], Lists::of_rows)))
    } else {
        None
    };
    let matches_prefixes = loading.params.int("dst_exact_match") == 0;
    loading.shared.put(Rules { lists, matches_prefixes });
    Ok(())
}

fn start(shard: &mut Shard) {
    if shard.number == 0 {
        refresh(shard);
    }
}

fn refresh(shard: &mut Shard) {
    if let Some(lists) = &rules(shard).lists {
        lists.refresh(shard, "secfilter", |_, _| ());
    }
}

/// Runs a check on the lists, reading them first when that has not been done.
fn with_lists(ctx: &mut Ctx<'_>, args: &Args<'_>, judge: Judge) -> Flow {
    let rules = rules(ctx.shard);
    match rules.lists.as_ref().map(|lists| (lists.get(), lists)) {
        None => judge(ctx, args, &Lists::default()),
        Some((Some(lists), _)) => judge(ctx, args, &lists),
        Some((None, lists)) => lists.begin(read, Box::new(judge)),
    }
}

fn read(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let rules = rules(ctx.shard);
    let Some(lists) = &rules.lists else { return Flow::FALSE };
    match lists.go_on(ctx, "secfilter", resumed, read) {
        Read::Done(lists, kept) => match kept.downcast::<Judge>() {
            Ok(judge) => judge(ctx, args, &lists),
            Err(_) => Flow::FALSE,
        },
        Read::Goes(flow) => flow,
        Read::Failed => Flow::FALSE,
    }
}

/// `secfilter.reload`
fn reload(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    refresh(shard);
    Ok(RpcValue::Plain(Value::literal("Data reloaded")))
}

fn rules(shard: &Shard) -> Arc<Rules> {
    shard.shared.get().expect("load() puts the rules in")
}
