//! `docs/compat-kamailio.md` is written from the tables of the program; this test fails when it is stale.
//!
//! `UPDATE=1 cargo test -p proxy --test compat` writes it anew.

use std::fmt::Write as _;
use std::path::Path;

use proxy::api::ModuleDef;
use proxy::cfg::params::PARAMS;

/// What differs from Kamailio 5.6.3 on purpose; each has a case in `tests/cases/language`.
const DIFFERENT: &[(&str, &str)] = &[
    ("`$(avp(x)[-1])`", "counts from the oldest value, as documented; 5.6.3 gives null"),
    ("`{nameaddr.name}`", "without the blank before the bracket"),
    ("`{uri.duri}`, `{uri.saor}` without user", "no byte of foreign memory in the text"),
    ("`if ($var(x) && 1)`", "a negative number is true in every `&&`"),
    (
        "`=~ \"(a)\\1\"`",
        "back-references in patterns are refused when loading: no linear-time matcher has them",
    ),
    ("CSeq beyond 32 bits, body shorter than Content-Length", "refused with 400 before any script runs"),
];

#[test]
fn the_page_is_what_the_tables_say() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compat-kamailio.md");
    let page = page();
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &page).expect("docs/ can be written");
    }
    let found = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(found == page, "docs/compat-kamailio.md is stale: UPDATE=1 cargo test -p proxy --test compat");
}

fn page() -> String {
    let mut out = String::from(
        "# What of Kamailio 5.6 is here\n\n\
         Written by `UPDATE=1 cargo test -p proxy --test compat` from the tables of the program; do not edit.\n\
         What a file names and is not here is an error with its place.\n\n\
         ## Different on purpose\n\n| What | Here |\n|---|---|\n",
    );
    for (what, here) in DIFFERENT {
        writeln!(out, "| {} | {here} |", cell(what)).expect("a string takes all");
    }
    out.push_str("\n## Global parameters\n\n| Name | Default | State | What it does |\n|---|---|---|---|\n");
    for row in PARAMS {
        let line =
            format!("| `{}` | {} | {:?} | {} |", row.name, cell(row.default), row.class, cell(row.doc));
        writeln!(out, "{line}").expect("a string takes all");
    }
    out.push_str("\n## Core\n");
    proxy::core::PARTS.iter().for_each(|part| tables(part, &mut out));
    for module in proxy::modules::MODULES {
        writeln!(out, "\n## Module {}", module.name).expect("a string takes all");
        tables(module, &mut out);
    }
    out
}

fn tables(module: &ModuleDef, out: &mut String) {
    section(out, "Parameters", module.params.iter().map(|row| (row.name.to_owned(), row.doc)));
    section(out, "Functions", module.functions.iter().map(|row| (format!("{}()", row.name), row.doc)));
    section(out, "Variables", module.pvs.iter().map(|row| (format!("${}", row.name), row.doc)));
    let transforms = module.transforms.iter().map(|row| (format!("{{{}.{}}}", row.class, row.op), row.doc));
    section(out, "Transformations", transforms);
    section(out, "RPC", module.rpcs.iter().map(|row| (row.name.to_owned(), row.doc)));
    section(out, "Event routes", module.events.iter().map(|row| (row.name.to_owned(), row.doc)));
}

fn section(out: &mut String, title: &str, rows: impl Iterator<Item = (String, &'static str)>) {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return;
    }
    write!(out, "\n| {title} | What it does |\n|---|---|\n").expect("a string takes all");
    for (name, doc) in rows {
        writeln!(out, "| `{}` | {} |", cell(&name), cell(doc)).expect("a string takes all");
    }
}

/// A bar would end the cell.
fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}
