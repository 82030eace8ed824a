//! The default configuration of the packaged Kamailio parses: without defines, with each of its own, with all.

use std::collections::BTreeSet;

use proxy::cfg::{DiskLoader, Parsed, Preset, parse_text};

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
