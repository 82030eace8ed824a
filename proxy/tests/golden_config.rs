//! Configurations in `golden/cfg`: the tree printed back and all findings, beside each file.
//!
//! `UPDATE=1 cargo test` writes what is printed now; the difference is then read in the review.

use std::path::{Path, PathBuf};

use proxy::cfg::{DiskLoader, Preset, parse_text, print};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/cfg")
}

fn configs() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder())
        .expect("the folder is part of the repository")
        .map(|entry| entry.expect("its entries can be read").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "cfg"))
        .collect();
    paths.sort();
    paths
}

fn report(path: &Path) -> Vec<u8> {
    let text = std::fs::read(path).expect("a listed file can be read");
    let name = path.file_name().expect("a file has a name").to_string_lossy();
    let parsed = parse_text(&name, text, &Preset::default(), &DiskLoader);
    let mut out = Vec::new();
    for finding in &parsed.diagnostics {
        out.extend(format!("{finding} [{}]\n", finding.code).bytes());
    }
    if !parsed.has_errors() {
        out.extend(print(&parsed.config));
    }
    out
}

#[test]
fn trees_and_findings_are_as_kept() {
    for path in configs() {
        let kept = path.with_extension("out");
        let report = report(&path);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&kept, &report).expect("the folder can be written");
        }
        let expected = std::fs::read(&kept).unwrap_or_default();
        assert_eq!(
            String::from_utf8_lossy(&report),
            String::from_utf8_lossy(&expected),
            "{}",
            path.display()
        );
    }
}

#[test]
fn what_is_printed_means_the_same() {
    for path in configs() {
        let text = std::fs::read(&path).expect("a listed file can be read");
        let first = parse_text("first.cfg", text, &Preset::default(), &DiskLoader);
        if first.has_errors() {
            continue;
        }
        let printed = print(&first.config);
        let second = parse_text("second.cfg", printed.clone(), &Preset::default(), &DiskLoader);
        let lines: Vec<String> = second.diagnostics.iter().map(ToString::to_string).collect();
        assert!(!second.has_errors(), "{}", lines.join("\n"));
        assert_eq!(String::from_utf8_lossy(&print(&second.config)), String::from_utf8_lossy(&printed));
    }
}
