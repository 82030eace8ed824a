//! `docs/rfc.md`, the way back from an RFC section to code and test, is made from the sources; this test fails
//! when it is stale and writes it anew with `UPDATE=1`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const HEAD: &str = "# From an RFC section to code and test\n\n\
    Made from the sources (`UPDATE=1 cargo test -p e2e --test rfc_index`): each section that code names, the\n\
    files that name it, and the tests that name it or stand beside that code.\n\n\
    | RFC | section | code | tests |\n|---|---|---|---|\n";

#[derive(Default)]
struct Row {
    code: BTreeSet<String>,
    tests: BTreeSet<String>,
}

#[test]
fn the_index_of_sections_is_fresh() {
    let mut rows: BTreeMap<(u32, Vec<u32>), Row> = BTreeMap::new();
    for folder in ["sip", "sipp", "proxy"] {
        collect(&top().join(folder), &mut rows);
    }
    let mut text = String::from(HEAD);
    for ((rfc, section), row) in &rows {
        let section: Vec<String> = section.iter().map(ToString::to_string).collect();
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(", ");
        text.push_str(&format!(
            "| {rfc} | {} | {} | {} |\n",
            section.join("."),
            list(&row.code),
            list(&row.tests)
        ));
    }
    let path = top().join("docs/rfc.md");
    if std::env::var("UPDATE").as_deref() == Ok("1") {
        fs::write(&path, &text).expect("docs/ is writable");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "docs/rfc.md is stale: UPDATE=1 cargo test -p e2e --test rfc_index");
}

#[test]
fn sections_are_read_with_and_without_the_rfc_before_them() {
    assert_eq!(
        sections("/// RFC 3261 17.1.1.2, 25.1; RFC 6026"),
        [(3261, vec![17, 1, 1, 2]), (3261, vec![25, 1])]
    );
    assert_eq!(sections("costs 17.5 microseconds"), []);
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_path_buf()
}

fn collect(folder: &Path, rows: &mut BTreeMap<(u32, Vec<u32>), Row>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("readable").map(|entry| entry.expect("entry").path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, rows);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            let name = path.strip_prefix(top()).expect("below the top").display().to_string();
            read(&name, &fs::read_to_string(&path).expect("UTF-8"), rows);
        }
    }
}

fn read(file: &str, text: &str, rows: &mut BTreeMap<(u32, Vec<u32>), Row>) {
    let lines: Vec<&str> = text.lines().collect();
    let tests_start = lines.iter().position(|line| *line == "#[cfg(test)]").unwrap_or(lines.len());
    let only_tests = file.contains("/tests") || file.ends_with("sim.rs");
    for (number, line) in lines.iter().enumerate().filter(|(_, line)| line.contains("RFC ")) {
        for section in sections(line) {
            let row = rows.entry(section).or_default();
            if only_tests || number > tests_start {
                let test = lines[number..].iter().find_map(|line| line.trim().strip_prefix("fn "));
                let name = test.and_then(|rest| rest.split('(').next()).unwrap_or_default();
                row.tests.insert(format!("`{name}` ({file})"));
            } else {
                row.code.insert(file.to_string());
                if tests_start < lines.len() {
                    row.tests.insert(format!("beside {file}"));
                }
            }
        }
    }
}

/// The sections a line names: `RFC 3261 17.1, 18.3` names two of one RFC; a section has at least one dot or
/// follows its RFC's number directly.
fn sections(line: &str) -> Vec<(u32, Vec<u32>)> {
    let mut found = Vec::new();
    for part in line.split("RFC ").skip(1) {
        let mut words = part.split([' ', ',', ';', '(', ')', ':']).filter(|word| !word.is_empty());
        let Some(rfc) = words.next().and_then(|word| word.trim_matches('.').parse().ok()) else { continue };
        for word in words {
            let numbers: Option<Vec<u32>> =
                word.trim_end_matches('.').split('.').map(|number| number.parse().ok()).collect();
            match numbers {
                Some(section)
                    if section[0] < 40 && (section.len() > 1 || !found.iter().any(|(r, _)| *r == rfc)) =>
                {
                    found.push((rfc, section));
                }
                Some(_) | None => break,
            }
        }
    }
    found
}
