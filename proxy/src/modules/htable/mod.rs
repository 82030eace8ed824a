//! Module htable: named tables of values that all shards share and that may expire.
//!
//! Not here: replication to other servers, and writing tables back when the server stops.

mod database;
mod define;
mod expiry;
mod functions;
mod iterators;
mod locks;
mod patterns;
mod remote;
mod table;
mod variables;

use std::sync::Arc;
use std::time::Duration;

use crate::api::{
    Ctx, EventDef, FunctionDef, FunctionFn, InnerKind, Kind, Loading, ModuleDef, ParamDef, PvDef, Routes,
    RpcDef, RpcFn, RpcScope, Shard,
};
use remote::Face;
use table::Table;

/// The table of module htable.
pub static MODULE: ModuleDef = ModuleDef {
    name: "htable",
    params: &[
        ParamDef::list("htable", "definition of a table: name=>size=8;autoexpire=300"),
        ParamDef::int("timer_interval", 20, "seconds between sweeps of expired items"),
        ParamDef::text("db_url", "", "database of tables with dbtable"),
        ParamDef::text("key_name_column", "key_name", "column of keys"),
        ParamDef::text("key_type_column", "key_type", "column that tells elements of arrays, by 1"),
        ParamDef::text("value_type_column", "value_type", "column that tells numbers, by 1"),
        ParamDef::text("key_value_column", "key_value", "column of values"),
        ParamDef::text("expires_column", "expires", "column of the moment an item is over"),
        ParamDef::text("array_size_suffix", "::size", "behind the key of the number of elements of an array"),
        ParamDef::int("db_expires", 0, "1: the moment an item is over is read and written too"),
        ParamDef::int("fetch_rows", 100, "accepted without effect: rows come all at once"),
        ParamDef::text("dmq_peer_id", "htable", "accepted without effect"),
        ParamDef::int("timer_procs", 0, "accepted without effect"),
        ParamDef::text("event_callback", "", "accepted without effect"),
        ParamDef::int("event_callback_mode", 0, "accepted without effect"),
        ParamDef::int("enable_dmq", 0, "accepted without effect: tables are not sent to other servers"),
        ParamDef::int("dmq_init_sync", 0, "accepted without effect"),
    ],
    functions: FUNCTIONS,
    pvs: &[
        PvDef::new("sht", variables::get, "an item").inner(CELL).writable(variables::set),
        PvDef::new("shtex", variables::life, "seconds until an item expires")
            .inner(CELL)
            .writable(variables::set_life),
        PvDef::new("shtinc", |ctx, arg| variables::add(ctx, arg, 1), "adds 1 to an item").inner(CELL),
        PvDef::new("shtdec", |ctx, arg| variables::add(ctx, arg, -1), "takes 1 from an item").inner(CELL),
        PvDef::new("shtcn", variables::count_names, "number of items whose name matches").inner(CELL),
        PvDef::new("shtcv", variables::count_values, "number of items whose value matches").inner(CELL),
        PvDef::new("shtitkey", iterators::key, "key of the item an iterator is at").inner(InnerKind::Name),
        PvDef::new("shtitval", iterators::value, "value of the item an iterator is at")
            .inner(InnerKind::Name),
        PvDef::new("shtrecord", expiry::record, "the item that htable:expired runs for")
            .inner(InnerKind::Key(&["key", "value"])),
    ],
    rpcs: RPCS,
    events: &[
        EventDef { name: "htable:mod-init", doc: "once, before the first message" },
        EventDef { name: "htable:expired:", doc: "for each item that is over, with $shtrecord" },
    ],
    load: Some(load),
    start: Some(start),
    ..ModuleDef::EMPTY
};

const CELL: InnerKind = InnerKind::Prepared(variables::prepare);
const TWO: &[Kind] = &[Kind::Text, Kind::Text];
const THREE: &[Kind] = &[Kind::Text, Kind::Text, Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    row("sht_print", &[], functions::print, "logs all tables"),
    row("sht_rm", TWO, functions::remove, "removes an item"),
    row("sht_reset", &[Kind::Text], functions::reset, "removes all items"),
    row("sht_rm_name_re", &[Kind::Text], functions::remove_names, "removes items whose names match"),
    row("sht_rm_value_re", &[Kind::Text], functions::remove_values, "removes items whose values match"),
    row("sht_rm_name", THREE, functions::remove_names_by, "removes items by name: re, sw, ew, in"),
    row("sht_rm_value", THREE, functions::remove_values_by, "removes items by value: re, sw, ew, in"),
    row("sht_match_name", THREE, functions::match_names, "whether a name matches: eq, ne, re, sw"),
    row("sht_has_name", THREE, functions::match_names, "whether a name matches: eq, ne, re, sw"),
    row("sht_match_str_value", THREE, functions::match_values, "whether a text matches: eq, ne, re, sw"),
    row("sht_has_str_value", THREE, functions::match_values, "whether a text matches: eq, ne, re, sw"),
    row(
        "sht_setxs",
        &[Kind::Text, Kind::Text, Kind::Text, Kind::Int],
        functions::set_text,
        "sets a text and its life in seconds",
    ),
    row(
        "sht_setxi",
        &[Kind::Text, Kind::Text, Kind::Int, Kind::Int],
        functions::set_number,
        "sets a number and its life in seconds",
    ),
    row("sht_lock", &[Kind::Text], locks::lock, "holds the part of a table a key is in"),
    row("sht_unlock", &[Kind::Text], locks::unlock, "gives it back"),
    row("sht_iterator_start", TWO, iterators::start, "starts over the items of a table"),
    row("sht_iterator_next", &[Kind::Text], iterators::next, "the next item"),
    row("sht_iterator_end", &[Kind::Text], iterators::end, "ends it"),
    row("sht_iterator_rm", &[Kind::Text], iterators::remove, "removes the item and moves on"),
    row("sht_iterator_sets", TWO, iterators::set_text, "sets the item to a text"),
    row("sht_iterator_seti", &[Kind::Text, Kind::Int], iterators::set_number, "sets the item to a number"),
    row("sht_iterator_setex", &[Kind::Text, Kind::Int], iterators::set_life, "sets the life of the item"),
    row("sht_inc", TWO, |ctx, args| functions::add(ctx, args, 1), "adds 1 to an item"),
    row("sht_dec", TWO, |ctx, args| functions::add(ctx, args, -1), "takes 1 from an item"),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

static RPCS: &[RpcDef] = &[
    rpc("htable.get", remote::get, "an item: table, key"),
    rpc("htable.delete", remote::delete, "removes an item: table, key"),
    rpc("htable.sets", |shard, params| remote::set(shard, params, Face::Text), "sets a text"),
    rpc("htable.seti", |shard, params| remote::set(shard, params, Face::Number), "sets a number"),
    rpc("htable.setxs", |shard, params| remote::set(shard, params, Face::Text), "sets a text and its life"),
    rpc(
        "htable.setxi",
        |shard, params| remote::set(shard, params, Face::Number),
        "sets a number and its life",
    ),
    rpc("htable.setex", remote::set_life, "sets the life of an item: table, key, seconds"),
    rpc("htable.dump", remote::dump, "all items of a table"),
    rpc("htable.flush", remote::flush, "removes all items of a table"),
    rpc("htable.listTables", remote::list, "the tables and their rules"),
    rpc("htable.stats", remote::stats, "how many items the tables have"),
    rpc("htable.reload", remote::reload, "reads a table from its database"),
    rpc("htable.store", remote::store, "writes a table to its database"),
];

const fn rpc(name: &'static str, run: RpcFn, doc: &'static str) -> RpcDef {
    RpcDef { name, scope: RpcScope::One, run, doc }
}

/// The tables, by the numbers the catalog gave their names.
#[derive(Debug)]
struct Tables(Vec<Arc<Table>>);

impl Tables {
    fn shared(&self, name: &[u8]) -> Option<Arc<Table>> {
        self.0.iter().find(|table| table.name.as_bytes() == name).cloned()
    }

    fn named(&self, name: &[u8]) -> Option<&Table> {
        self.0.iter().find(|table| table.name.as_bytes() == name).map(|table| &**table)
    }
}

/// A table defined as before keeps its items across a reload.
fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let before = loading.shared.get::<Tables>();
    let interval = u64::try_from(loading.params.int("timer_interval")).unwrap_or(20);
    loading.shared.put(Interval(Duration::from_secs(interval.max(1))));
    let mut defined = Vec::new();
    for line in loading.params.list("htable") {
        let (name, rules) = define::parse(&line.to_display())?;
        loading.catalog.slot(CLASS, name.as_bytes());
        let kept = before.iter().flat_map(|tables| &tables.0);
        let kept = kept.into_iter().find(|table| table.name == name && table.rules == rules).cloned();
        defined.push(kept.unwrap_or_else(|| Arc::new(Table::new(name, rules))));
    }
    let mut by_slot = Vec::new();
    for (name, _) in loading.catalog.slots_of(CLASS) {
        // A table that is defined no more stays for the transactions of the earlier script.
        let kept = before.iter().flat_map(|tables| &tables.0);
        let found = defined.iter().chain(kept).find(|table| table.name == name).cloned();
        by_slot.push(found.ok_or_else(|| {
            format!("table {name} is not defined: add modparam(\"htable\", \"htable\", \"{name}=>size=8;\")")
        })?);
    }
    let stored = by_slot.iter().map(|table| &table.rules.database.table);
    let stored: Vec<String> = stored.filter(|name| !name.is_empty()).cloned().collect();
    loading.shared.put(Tables(by_slot));
    database::prepare(loading, &stored)
}

/// How often expired items are taken out.
#[derive(Debug)]
struct Interval(Duration);

/// Whether this shard has raised `htable:mod-init` and asked for the tables; a reload does neither again.
#[derive(Debug, Default)]
struct Begun(bool);

/// One shard does it for all.
fn start(shard: &mut Shard) {
    if shard.number != 0 {
        return;
    }
    let interval = shard.shared.get::<Interval>().map_or(Duration::from_secs(20), |interval| interval.0);
    shard.every(interval, expiry::sweep);
    if std::mem::replace(&mut shard.states.get::<Begun>().0, true) {
        return;
    }
    let tables = shard.shared.get::<Tables>().map(|tables| tables.0.clone()).unwrap_or_default();
    for table in tables {
        // A table without dbtable has nothing to load.
        let _ = database::load(shard, table);
    }
    shard.run_event("htable:mod-init", None);
}

/// The class of the catalog's slots that numbers the tables.
const CLASS: &str = "htable";

/// Unix time in whole seconds.
fn now(ctx: &Ctx<'_>) -> u64 {
    ctx.shard.unix_time(ctx.shard.now).as_secs()
}

#[cfg(test)]
mod tests;
