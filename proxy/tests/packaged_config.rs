//! The default configuration of the packaged Kamailio parses: without defines, with each of its own, with all.

use std::collections::BTreeSet;

use proxy::cfg::{DiskLoader, Parsed, Preset, parse_text};
use proxy::server::{Source, load};
use sip::diag::Severity;

const PACKAGED: &str = "/etc/kamailio/kamailio.cfg";

/// The text, or `None` where the package is not installed; on the build machine it has to be.
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn packaged() -> Option<Vec<u8>> {
    match std::fs::read(PACKAGED) {
        Ok(text) => Some(text),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "{PACKAGED}: {error}");
            println!("skipped: {PACKAGED} is not installed");
            None
        }
    }
}

fn parse(text: &[u8], defines: &[&str]) -> Parsed {
    let preset =
        Preset { defines: defines.iter().map(|&name| name.to_owned()).collect(), ..Preset::default() };
    parse_text(PACKAGED, text.to_vec(), &preset, &DiskLoader)
}

fn assert_clean(parsed: &Parsed, defines: &[&str]) {
    let lines: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "with {defines:?}:\n{}", lines.join("\n"));
    assert!(parsed.config.routes().count() > 10, "with {defines:?}");
}

/// The `WITH_` names that the file asks for.
fn switches(text: &[u8]) -> BTreeSet<String> {
    String::from_utf8_lossy(text)
        .split(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '_'))
        .filter(|word| word.starts_with("WITH_") && word.len() > 5)
        .map(str::to_owned)
        .collect()
}

#[test]
fn parses_without_and_with_each_define() {
    let Some(text) = packaged() else { return };
    assert_clean(&parse(&text, &[]), &[]);
    let switches = switches(&text);
    assert!(switches.len() > 15, "{switches:?}");
    for name in &switches {
        // The database's address is only defined together with the database.
        let defines = [name.as_str(), "DBURL=\"mysql://u:p@localhost/db\""];
        assert_clean(&parse(&text, &defines), &defines);
    }
}

#[test]
fn parses_with_all_defines() {
    let Some(text) = packaged() else { return };
    let switches = switches(&text);
    let defines: Vec<&str> = switches.iter().map(String::as_str).collect();
    assert_clean(&parse(&text, &defines), &defines);
}

/// Modules the file asks for, under some define, that are not here yet or do nothing yet. The list only gets shorter.
const STILL_TO_COME: [&str; 9] =
    ["cfg_rpc", "ctl", "jsonrpcs", "presence", "presence_xml", "rtpengine", "rtpproxy", "tls", "xhttp"];

/// The module a finding says is missing, or does nothing yet.
fn module_to_come(message: &str) -> Option<&str> {
    let missing = message.strip_prefix("there is no module ").map(|rest| rest.split([' ', ',']).next());
    let inert = message.strip_prefix("module ").and_then(|rest| rest.split_once(" does nothing yet"));
    missing.flatten().or(inert.map(|(module, _)| module))
}

/// What the whole check finds with these defines: modules that are missing, and other lines.
fn check(text: &[u8], defines: &[&str]) -> (BTreeSet<String>, Vec<String>) {
    let preset =
        Preset { defines: defines.iter().map(|&name| name.to_owned()).collect(), ..Preset::default() };
    let source = Source { name: PACKAGED, text: text.to_vec().into(), preset: &preset, before: None };
    let (mut missing, mut others) = (BTreeSet::new(), Vec::new());
    for finding in load(&source, &DiskLoader, |_| {}).findings {
        match module_to_come(&finding.message) {
            Some(module) => drop(missing.insert(module.to_owned())),
            // Functions and variables of a missing module are missing with it.
            None if (finding.severity == Severity::Error || finding.code == "C126")
                && !missing.is_empty() => {}
            None => others.push(finding.to_string()),
        }
    }
    (missing, others)
}

/// Nothing but modules is missing, and nothing is warned about that its authors meant.
#[test]
fn lacks_nothing_but_the_modules_still_to_come() {
    let Some(text) = packaged() else { return };
    let mut all = BTreeSet::new();
    let switches = switches(&text);
    let every: Vec<&str> = switches.iter().map(String::as_str).collect();
    for names in switches.iter().map(|name| vec![name.as_str()]).chain([vec![], every]) {
        let defines: Vec<&str> = names.iter().copied().chain(["DBURL=\"sqlite:///tmp/none.db\""]).collect();
        let (missing, others) = check(&text, &defines);
        assert!(others.is_empty(), "with {names:?}: {others:#?}");
        all.extend(missing);
    }
    let unknown: Vec<_> = all.iter().filter(|name| !STILL_TO_COME.contains(&name.as_str())).collect();
    assert!(unknown.is_empty(), "missing and not on the list: {unknown:?}");
    let arrived: Vec<_> = STILL_TO_COME.iter().filter(|name| !all.contains(**name)).collect();
    assert!(arrived.is_empty(), "these are here: take them off the list: {arrived:?}");
}
