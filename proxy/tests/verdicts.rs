//! Small configurations and whether we accept them, beside what Kamailio 5.6.3 says of the same text.
//!
//! The tables are `verdicts.toml`, `measured.toml` and `parameters.toml` in `tests/cases/config`; the end-to-end tests run
//! them against both programs.

use proxy::cfg::{DiskLoader, Preset, parse_text};
use serde::Deserialize;

#[derive(Deserialize)]
struct Table {
    case: Vec<Case>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    config: String,
    original: Verdict,
    ours: Verdict,
    /// Where our verdict is made, when not by the parser.
    stage: Option<String>,
    note: Option<String>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Accept,
    Reject,
}

fn table() -> Table {
    let read = |name: &str| -> Vec<Case> {
        let path = format!("{}/../tests/cases/config/{name}.toml", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).expect("the table is part of the repository");
        toml::from_str::<Table>(&text).expect("the table has the form of its struct").case
    };
    Table { case: ["verdicts", "measured", "parameters"].into_iter().flat_map(read).collect() }
}

#[test]
fn accepts_and_rejects_as_the_table_says() {
    let mut wrong = Vec::new();
    for case in table().case.iter().filter(|case| case.stage.is_none()) {
        let parsed = parse_text("case.cfg", case.config.clone(), &Preset::default(), &DiskLoader);
        let verdict = if parsed.has_errors() { Verdict::Reject } else { Verdict::Accept };
        if verdict != case.ours {
            let lines: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
            wrong.push(format!("{}: {verdict:?}\n  {}", case.name, lines.join("\n  ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_difference_has_its_reason() {
    for case in table().case {
        assert_eq!(case.original != case.ours, case.note.is_some(), "{}", case.name);
    }
}
