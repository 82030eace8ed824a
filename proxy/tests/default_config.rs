//! The built-in configuration: clean for our parser and for the packaged Kamailio.

use std::process::Command;

use proxy::cfg::{DiskLoader, MemoryLoader, Preset, parse_text};
use proxy::server::{Source, load};

const TEXT: &str = include_str!("../src/default.cfg");

#[test]
fn parses_without_a_finding() {
    let parsed = parse_text("default.cfg", TEXT, &Preset::default(), &MemoryLoader::default());
    let lines: Vec<String> = parsed.diagnostics.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}

#[test]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
fn kamailio_takes_it_unchanged() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/src/default.cfg");
    match Command::new("/usr/sbin/kamailio").args(["-m", "16", "-M", "4", "-c", "-f", path]).output() {
        Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr)),
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "kamailio: {error}");
            println!("skipped: kamailio is not installed");
        }
    }
}

/// What people write, put together: it loads without a finding.
#[test]
fn idioms_load_without_a_finding() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/cases/config/idioms.cfg");
    let text = std::fs::read(path).expect("it is part of the repository");
    let preset = Preset::default();
    let source = Source { name: path, text: text.into(), preset: &preset, before: None };
    let lines: Vec<String> =
        load(&source, &DiskLoader, |_| {}).findings.iter().map(ToString::to_string).collect();
    assert!(lines.is_empty(), "{}", lines.join("\n"));
}
