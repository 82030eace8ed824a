//! `docs/compat-sipp.md` comes from the tables of the program and from the tests that use each row.
//!
//! `UPDATE=1` writes it anew; without, the test fails when the file is stale. A row of the language without a
//! test fails too, so nothing is called done that no test shows; so does one that is neither compared with the
//! packaged SIPp nor says in `alone` why it cannot be.

mod alone;
mod evidence;
mod fixes;

use std::fmt::Write;

use evidence::{Evidence, Needle};
use sipp::lang::{KeywordForm, actions, distributions, keywords};
use sipp::media::heard;
use sipp::options::{self, Support};
use sipp::scenario::{automatic, builtin, elements};

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/compat-sipp.md");

#[test]
fn the_document_is_up_to_date() {
    let evidence = Evidence::collect();
    let mut page = Page { text: INTRODUCTION.to_owned(), evidence: &evidence, untested: Vec::new() };
    page.write_elements();
    page.write_actions();
    page.write_keywords();
    page.write_distributions();
    page.write_figures();
    page.write_builtins();
    page.write_options();
    page.write_transports();
    page.write_fixes();
    assert!(page.untested.is_empty(), "without a test: {:?}", page.untested);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(PATH, &page.text).expect("the repository is writable");
    }
    let written = std::fs::read_to_string(PATH).unwrap_or_default();
    assert!(
        written == page.text,
        "docs/compat-sipp.md is stale: run with UPDATE=1 and review the difference"
    );
}

/// The document while it is written.
struct Page<'e> {
    text: String,
    evidence: &'e Evidence,
    untested: Vec<String>,
}

impl Page<'_> {
    fn head(&mut self, title: &str, columns: &str) {
        let rule = columns.matches('|').count();
        let _ = write!(self.text, "\n## {title}\n\n{columns}\n{}\n", "|---".repeat(rule - 1) + "|");
    }

    fn row(&mut self, name: &str, doc: &str, needle: &Needle<'_>) {
        let (pair, test) = (self.evidence.pair(needle), self.evidence.test(needle));
        let alone = alone::TABLE.iter().find(|(names, _)| names.contains(&name));
        // A reason may name its test itself.
        let told = |(_, reason): &&(&[&str], &str)| reason.split(' ').any(|word| self.evidence.has(word));
        if pair.is_none() && test.is_none() && !alone.as_ref().is_some_and(told) {
            self.untested.push(name.to_owned());
        }
        let state = match (pair, alone) {
            (Some(_), None) => "works",
            (None, Some((_, reason))) => reason,
            (Some(_), Some(_)) => {
                self.untested.push(format!("{name} is compared and needs no reason"));
                "works"
            }
            (None, None) => {
                self.untested.push(format!("{name} is not compared with 3.6.1"));
                "works"
            }
        };
        let _ = writeln!(self.text, "| `{name}` | {doc} | {state} |{}", cells(pair, test));
    }

    fn write_elements(&mut self) {
        self.head(
            "Elements and attributes",
            "| Element or attribute | Meaning | State | Compared in | Tested by |",
        );
        for def in elements::TABLE {
            self.row(&format!("<{}>", def.name), def.doc, &Needle::Element(def.name));
            for attribute in def.attributes {
                let name = format!("{} {attribute}", def.name);
                let needle = Needle::Attribute(def.name, attribute);
                // A timewait is a pause; its parameters are shown there.
                if def.name != "timewait" {
                    self.row(&name, "", &needle);
                }
            }
        }
        for attribute in elements::COMMON {
            self.row(&format!("(any message) {attribute}"), "", &Needle::AnyAttribute(attribute));
        }
        for def in automatic::TABLE {
            let name = format!("DefaultMessage id=\"{}\"", def.id);
            self.row(&name, "", &Needle::AutomaticMessage(def.id));
        }
    }

    fn write_actions(&mut self) {
        self.head("Actions", "| Action | Meaning | State | Compared in | Tested by |");
        for def in actions::TABLE {
            self.row(&format!("<{}>", def.name), def.doc, &Needle::Element(def.name));
            for attribute in def.attributes {
                self.row(&format!("{} {attribute}", def.name), "", &Needle::Attribute(def.name, attribute));
            }
        }
    }

    fn write_keywords(&mut self) {
        self.head("Keywords", "| Keyword | Meaning | State | Compared in | Tested by |");
        for def in keywords::TABLE {
            let rest = if matches!(def.form, KeywordForm::Family(_)) { "…" } else { "" };
            let blank = if def.args.is_empty() { "" } else { " " };
            let name = format!("[{}{rest}{blank}{}]", def.name, def.args);
            self.row(&name, def.doc, &Needle::Keyword(def.name));
        }
    }

    fn write_distributions(&mut self) {
        self.head("Distributions", "| Distribution | Parameters | State | Compared in | Tested by |");
        for def in distributions::TABLE {
            self.row(def.name, &def.params.join(", "), &Needle::Distribution(def.name));
        }
    }

    fn write_figures(&mut self) {
        self.head("Figures of rtp_stats", "| Figure | Meaning |");
        for figure in heard::FIGURES {
            let _ = writeln!(self.text, "| `{}` | {} |", figure.name, figure.doc);
        }
        self.text.push_str("| `dtmf_info` | digits of INFO requests |\n");
    }

    fn write_builtins(&mut self) {
        self.head("Built-in scenarios", "| Name | | State | Compared in | Tested by |");
        for builtin in builtin::TABLE {
            self.row(builtin.name, "", &Needle::Word(builtin.name));
        }
    }

    fn write_options(&mut self) {
        self.head("Options", "| Option | Meaning | State | Compared in | Tested by |");
        for (_, rows) in options::described() {
            for row in rows {
                let needle = Needle::Option(row.names);
                let (pair, test) = (self.evidence.pair(&needle), self.evidence.test(&needle));
                let state = match row.support {
                    Support::Refused => {
                        let reason = alone::REFUSED.iter().find(|(name, _)| row.names.contains(name));
                        reason.map_or("not available".to_owned(), |(_, why)| format!("not available: {why}"))
                    }
                    Support::Accepted => "accepted, no effect".into(),
                    Support::Works if pair.is_none() && test.is_none() => "works, no test names it".into(),
                    Support::Works => "works".into(),
                };
                let name = row.names.iter().map(|name| format!("-{name}")).collect::<Vec<_>>().join(", ");
                let (help, proof) = (row.help.replace('|', "\\|"), cells(pair, test));
                let _ = writeln!(
                    self.text,
                    "| `{name}` {} | {help} | {state} |{proof}",
                    row.value.replace('|', "\\|")
                );
            }
        }
    }

    fn write_transports(&mut self) {
        self.head("Transports that are refused", "| -t | Why |");
        for (mode, why) in alone::REFUSED_TRANSPORTS {
            let _ = writeln!(self.text, "| `{mode}` | {why} |");
        }
    }

    fn write_fixes(&mut self) {
        self.head("Where we do better on purpose", "| SIPp 3.6.1 | Here | Tested by |");
        for fix in fixes::TABLE {
            if !self.evidence.has(fix.test) {
                self.untested.push(format!("{} (no test {})", fix.here, fix.test));
            }
            let _ = writeln!(self.text, "| {} | {} | {} |", fix.sipp, fix.here, fix.test);
        }
    }
}

fn cells(pair: Option<&str>, test: Option<&str>) -> String {
    format!(" {} | {} |", pair.unwrap_or(""), test.unwrap_or(""))
}

const INTRODUCTION: &str = "# What of SIPp works here

Written by `UPDATE=1 cargo test -p sipp --test compat` from the tables of the program; do not edit.

*Compared in* names a folder of `tests/cases/scenarios/`: the same pair of scenarios runs with the packaged SIPp
3.6.1 on both ends and with `sipp` on either end, and messages, logs and exit codes must be equal. Names that begin
with `ensembles/` are folders of `tests/cases/`: several programs, with ours in each part in turn. *Tested by* names a
test function, or a folder of `tests/cases/` that runs the programs.
";
