//! Module xlog: log lines with variables.

mod functions;

pub use functions::facility;

use crate::api::{FunctionDef, FunctionFn, Kind, Loading, ModuleDef, ParamDef, Routes, Text};

/// The table of module xlog.
pub static MODULE: ModuleDef = ModuleDef {
    name: "xlog",
    params: &[
        ParamDef::int("buf_size", 4096, "longest text in bytes; a longer one is not written"),
        ParamDef::int("force_color", 0, "colours also without a terminal; accepted"),
        ParamDef::int("long_format", 0, "xlogl() writes the file name too"),
        ParamDef::text("prefix", "<script>: ", "text before each line"),
        ParamDef::int("prefix_mode", 0, "1: the prefix is a text with variables"),
        ParamDef::text("log_facility", "", "syslog facility of the lines"),
        ParamDef::text("log_colors", "", "colours of levels; accepted"),
        ParamDef::int("methods_filter", -1, "methods that xlogm() does not log, as bits of $rmid"),
        ParamDef::int("auto_newline", 0, "accepted without effect: a line end is always added here"),
    ],
    functions: FUNCTIONS,
    pvs: &[functions::COLOUR],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const TEXT: &[Kind] = &[Kind::Text];
const LEVEL_TEXT: &[Kind] = &[functions::LEVEL, Kind::Text];
const FACILITY_LEVEL_TEXT: &[Kind] = &[functions::FACILITY, functions::LEVEL, Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    row("xlog", TEXT, functions::err, "logs at level ERR"),
    row("xlog", LEVEL_TEXT, functions::at_level, "logs at a level"),
    row("xlog", FACILITY_LEVEL_TEXT, functions::to_facility, "logs at a level to a syslog facility"),
    row("xdbg", TEXT, functions::dbg, "logs at level DBG"),
    row("xinfo", TEXT, functions::info, "logs at level INFO"),
    row("xnotice", TEXT, functions::notice, "logs at level NOTICE"),
    row("xwarn", TEXT, functions::warn, "logs at level WARN"),
    row("xerr", TEXT, functions::err, "logs at level ERR"),
    row("xcrit", TEXT, functions::crit, "logs at level CRIT"),
    row("xbug", TEXT, functions::bug, "logs at level BUG"),
    row("xalert", TEXT, functions::alert, "logs at level ALERT"),
    row("xlogl", TEXT, functions::err_with_line, "logs at level ERR with the line of the configuration"),
    row("xlogl", LEVEL_TEXT, functions::at_level_with_line, "logs at a level with the line"),
    row("xdbgl", TEXT, functions::dbg_with_line, "logs at level DBG with the line"),
    row("xlogm", LEVEL_TEXT, functions::for_methods, "logs, but not for the methods of methods_filter"),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

/// What the parameters say.
#[derive(Debug)]
struct Settings {
    prefix: Text,
    longest: usize,
    names_file: bool,
    methods: i64,
    facility: Option<&'static str>,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let written = loading.params.text("prefix");
    let prefix = match loading.params.int("prefix_mode") {
        0 => Text::literal(written),
        _ => loading.catalog.text(&written).map_err(|error| format!("prefix: {error}"))?,
    };
    let facility = loading.params.text("log_facility");
    let settings = Settings {
        prefix,
        longest: usize::try_from(loading.params.int("buf_size")).unwrap_or(4096),
        names_file: loading.params.int("long_format") != 0,
        methods: loading.params.int("methods_filter"),
        facility: if facility.is_empty() { None } else { Some(functions::facility(&facility)?) },
    };
    loading.shared.put(settings);
    Ok(())
}

#[cfg(test)]
mod tests;
