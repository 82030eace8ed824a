//! Module htable: named tables of values that all shards share and that may expire.
//!
//! Not here: tables in a database, replication, iterators and the event routes.

mod define;
mod functions;
mod patterns;
mod table;
mod variables;

use std::sync::Arc;

use crate::api::{
    Ctx, FunctionDef, FunctionFn, InnerKind, Kind, Loading, ModuleDef, ParamDef, PvDef, Routes,
};
use table::Table;

/// The table of module htable.
pub static MODULE: ModuleDef = ModuleDef {
    name: "htable",
    params: &[
        ParamDef::list("htable", "definition of a table: name=>size=8;autoexpire=300"),
        ParamDef::int("timer_interval", 20, "seconds between sweeps of expired items"),
        ParamDef::int("timer_procs", 0, "accepted without effect"),
        ParamDef::int("event_callback_mode", 0, "accepted without effect"),
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
    ],
    load: Some(load),
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
    row("sht_inc", TWO, |ctx, args| functions::add(ctx, args, 1), "adds 1 to an item"),
    row("sht_dec", TWO, |ctx, args| functions::add(ctx, args, -1), "takes 1 from an item"),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

/// The tables, by the numbers the catalog gave their names.
#[derive(Debug)]
struct Tables(Vec<Arc<Table>>);

impl Tables {
    fn named(&self, name: &[u8]) -> Option<&Table> {
        self.0.iter().find(|table| table.name.as_bytes() == name).map(|table| &**table)
    }
}

/// A table defined as before keeps its items across a reload.
fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let before = loading.shared.get::<Tables>();
    let interval = u64::try_from(loading.params.int("timer_interval")).unwrap_or(20);
    let mut defined = Vec::new();
    for line in loading.params.list("htable") {
        let (name, rules) = define::parse(&line.to_display(), interval)?;
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
    loading.shared.put(Tables(by_slot));
    Ok(())
}

/// The class of the catalog's slots that numbers the tables.
const CLASS: &str = "htable";

/// Unix time in whole seconds.
fn now(ctx: &Ctx<'_>) -> u64 {
    ctx.shard.unix_time(ctx.shard.now).as_secs()
}

#[cfg(test)]
mod tests;
