//! The walls: which room of the code may import which, and what only the shells may touch.
//!
//! The table below is the plan of the house. The tests read every `crate::`, `sip::`, `sipp::` and `proxy::`
//! path of the sources (test modules left out) and name file and line of each one the table does not allow.

use std::fs;
use std::path::{Path, PathBuf};

/// A room (path prefix without `.rs`) and the rooms it may name. The longest matching prefix counts.
const ROOMS: &[(&str, &[&str])] = &[
    ("sip/src/lib", &["sip"]),
    ("sip/src/diag", &[]),
    ("sip/src/ere", &[]),
    ("sip/src/ident", &[]),
    ("sip/src/lex", &[]),
    ("sip/src/peer", &[]),
    ("sip/src/span", &[]),
    ("sip/src/time", &[]),
    ("sip/src/wheel", &["sip::time"]),
    ("sip/src/msg", &["sip::lex", "sip::span", "sip::peer", "sip::ident"]),
    ("sip/src/sdp", &["sip::msg", "sip::lex"]),
    ("sip/src/digest", &["sip::msg", "sip::lex"]),
    ("sip/src/locate", &["sip::msg", "sip::lex", "sip::peer", "sip::time", "sip::ident"]),
    ("sip/src/txn", &["sip::msg", "sip::peer", "sip::time", "sip::wheel", "sip::ident"]),
    ("sip/src/net", &["sip::msg", "sip::peer", "sip::time", "sip::locate"]),
    ("sipp/src/state", &["sip::msg", "sip::lex", "sip::peer", "sip::time"]),
    ("sipp/src/infile", &[]),
    ("sipp/src/media", &["sip::sdp", "sip::time"]),
    ("sipp/src/stats", &["sip::msg", "sip::time"]),
    ("sipp/src/page", &["sipp::recorder", "sipp::stats", "sip::time"]),
    ("sipp/src/recorder", &["sipp::stats", "sip::peer", "sip::time"]),
    ("sipp/src/options", &["sipp::exit", "sip::diag"]),
    ("sipp/src/exit", &[]),
    (
        "sipp/src/lang",
        &[
            "sipp::state",
            "sipp::infile",
            "sipp::media",
            "sip::msg",
            "sip::digest",
            "sip::sdp",
            "sip::diag",
            "sip::ere",
            "sip::time",
            "sip::peer",
            "sip::ident",
            "sip::lex",
            "sip::span",
        ],
    ),
    (
        "sipp/src/scenario",
        &["sipp::lang", "sipp::state", "sipp::infile", "sip::diag", "sip::msg", "sip::span"],
    ),
    (
        "sipp/src/call",
        &[
            "sipp::scenario",
            "sipp::lang",
            "sipp::state",
            "sipp::stats",
            "sip::msg",
            "sip::sdp",
            "sip::time",
            "sip::peer",
            "sip::lex",
            "sip::span",
        ],
    ),
    (
        "sipp/src/dry_run",
        &[
            "sipp::call",
            "sipp::scenario",
            "sipp::lang",
            "sipp::state",
            "sip::msg",
            "sip::time",
            "sip::peer",
            "sip::ident",
        ],
    ),
    // The gaps of -arrivals poisson are random numbers of a generator that the engine seeds.
    ("sipp/src/traffic", &["sipp::call", "sipp::stats", "sip::ident", "sip::time", "sip::wheel"]),
    ("sipp/src/screen", &["sipp::stats", "sipp::recorder"]),
    ("sipp/src/engine", &["sipp", "sip"]),
    // The rooms beside the signalling thread hold no calls and speak no SIP.
    (
        "sipp/src/engine/control",
        &["sipp::engine", "sipp::exit", "sipp::options", "sipp::screen", "sipp::stats", "sip::net"],
    ),
    (
        "sipp/src/engine/desk",
        &[
            "sipp::engine",
            "sipp::options",
            "sipp::page",
            "sipp::recorder",
            "sipp::screen",
            "sipp::stats",
            "sip::peer",
            "sip::time",
        ],
    ),
    (
        "sipp/src/engine/player",
        &["sipp::engine", "sipp::lang", "sipp::media", "sipp::stats", "sip::net", "sip::time", "sip::wheel"],
    ),
    ("sipp/src/lib", &["sipp", "sip"]),
    ("sipp/src/main", &["sipp", "sip"]),
    ("sipp/src/pager", &[]),
    ("proxy/src/cfg", &["sip::diag", "sip::ere"]),
    ("proxy/src/options", &["proxy::cfg", "sip::diag"]),
    (
        "proxy/src/relay",
        &[
            "sip::msg",
            "sip::txn",
            "sip::locate",
            "sip::peer",
            "sip::time",
            "sip::ident",
            "sip::span",
            "sip::lex",
        ],
    ),
    ("proxy/src/store", &[]),
    (
        "proxy/src/api",
        &[
            "proxy::relay",
            "proxy::store",
            "sip::msg",
            "sip::sdp",
            "sip::digest",
            "sip::diag",
            "sip::ere",
            "sip::peer",
            "sip::time",
            "sip::ident",
            "sip::locate",
        ],
    ),
    (
        "proxy/src/core",
        &[
            "proxy::api",
            "proxy::relay",
            "sip::msg",
            "sip::diag",
            "sip::lex",
            "sip::locate",
            "sip::peer",
            "sip::span",
        ],
    ),
    ("proxy/src/modules", MODULE),
    ("proxy/src/script", &["proxy::cfg", "proxy::api", "sip::diag", "sip::msg"]),
    (
        "proxy/src/machine",
        &[
            "proxy::api",
            "proxy::relay",
            "proxy::script",
            "sip::ident",
            "sip::lex",
            "sip::locate",
            "sip::msg",
            "sip::peer",
            "sip::time",
            "sip::txn",
        ],
    ),
    ("proxy/src/server", &["proxy", "sip"]),
    ("proxy/src/trial", &["proxy", "sip"]),
    ("proxy/src/unit", &["proxy", "sip"]),
    ("proxy/src/lib", &["proxy", "sip"]),
    ("proxy/src/main", &["proxy", "sip"]),
];

const MODULE: &[&str] = &[
    "proxy::api",
    "proxy::modules",
    "proxy::relay",
    "proxy::store",
    "sip::msg",
    "sip::sdp",
    "sip::digest",
    "sip::peer",
    "sip::ident",
    "sip::lex",
    "sip::locate",
    "sip::span",
    // Thousands of dialogs have deadlines of their own.
    "sip::time",
    "sip::wheel",
];

/// What reads clocks, randomness, sockets or writes to the terminal.
const OUTSIDE_WORLD: &[&str] = &[
    "Instant::now",
    "SystemTime::now",
    "rand::",
    "UdpSocket",
    "TcpStream",
    "TcpListener",
    "println!",
    "print!(",
    "eprintln!",
    "eprint!(",
];

/// Where the outside world may be touched.
const SHELLS: &[&str] = &[
    "sip/src/net",
    "sipp/src/engine",
    "sipp/src/screen/terminal",
    "sipp/src/main",
    "proxy/src/server",
    "proxy/src/store/sql",
    "proxy/src/main",
];

#[test]
fn rooms_import_only_what_the_plan_allows() {
    let mut broken = Vec::new();
    for source in sources() {
        let Some((room, allowed)) = room_of(&source.path) else {
            broken.push(format!("{}: no room in the plan; add one to ROOMS", source.path));
            continue;
        };
        for (number, line) in &source.lines {
            let line = from_root(line, &source.path);
            for target in imports(&line, krate(&source.path)) {
                let inside = target_room(&target).is_some_and(|own| own == room);
                let is_allowed =
                    allowed.iter().any(|may| target == *may || target.starts_with(&format!("{may}::")));
                if !inside && !is_allowed {
                    broken.push(format!("{}:{number}: {room} must not see {target}", source.path));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{} walls broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn only_shells_touch_clock_chance_sockets_and_terminal() {
    let mut broken = Vec::new();
    for source in sources() {
        if SHELLS.iter().any(|shell| source.path.starts_with(shell)) {
            continue;
        }
        for (number, line) in &source.lines {
            for word in OUTSIDE_WORLD.iter().filter(|word| names(line, word)) {
                broken.push(format!("{}:{number}: {word} outside the shells", source.path));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

#[test]
fn unsafe_code_lives_in_one_room() {
    let found: Vec<String> = sources()
        .into_iter()
        .filter(|source| {
            !["sip/src/net/udp.rs", "sip/src/net/udp/"].iter().any(|room| source.path.starts_with(room))
        })
        .flat_map(|source| {
            let path = source.path.clone();
            source
                .lines
                .into_iter()
                .filter(|(_, line)| names(line, "unsafe "))
                .map(move |(n, _)| format!("{path}:{n}"))
        })
        .collect();
    assert!(found.is_empty(), "unsafe outside sip/src/net/udp: {}", found.join(", "));
}

#[test]
fn groups_over_several_lines_are_read_as_one() {
    let text =
        "use a::b;\n// use crate::{\nuse sip::{\n    msg,\n    net::{Poll, Sockets},\n};\nfn f() {\n}\n";
    let lines = code_lines(text);
    let expected = [
        (1, "use a::b;"),
        (3, "use sip::{     msg,     net::{Poll, Sockets}, };"),
        (7, "fn f() {"),
        (8, "}"),
    ];
    assert_eq!(lines, expected.map(|(number, line)| (number, line.to_string())));
    assert_eq!(imports(&lines[1].1, "sip"), ["sip::msg", "sip::net"]);
}

#[test]
fn the_way_up_and_down_again_is_seen() {
    let cases = [
        ("use super::super::net::Poll;", "sip/src/msg/cseq.rs", "use crate::net::Poll;"),
        ("use super::View;", "sip/src/msg/cseq.rs", "use super::View;"),
        ("use super::net::Poll;", "sip/src/msg/mod.rs", "use crate::net::Poll;"),
        ("use super::net::Poll;", "sip/src/lex.rs", "use crate::net::Poll;"),
        ("use super::x;", "sip/src/lib.rs", "use super::x;"),
    ];
    for (line, path, expected) in cases {
        assert_eq!(from_root(line, path), expected, "{path}");
    }
}

#[test]
fn the_reader_of_imports_sees_groups_and_paths() {
    let cases: &[(&str, &[&str])] = &[
        ("use crate::{lex, msg::View};", &["sip::lex", "sip::msg"]),
        ("use crate::{ lex, msg::{ View, Index, }, };", &["sip::lex", "sip::msg"]),
        ("use sip::*;", &["sip::"]),
        ("let time = crate::time::Time::ZERO;", &["sip::time"]),
        ("use sip::diag::Place;", &["sip::diag"]),
        ("pub use sipp::run;", &["sipp::run"]),
        ("// crate::net is not an import here", &[]),
        ("gossip::talk()", &[]),
    ];
    for (line, expected) in cases {
        assert_eq!(imports(line, "sip"), *expected, "{line}");
    }
}

struct Source {
    /// Path from the top of the repository.
    path: String,
    /// Line number and code, comments and test modules left out.
    lines: Vec<(usize, String)>,
}

fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests/ lies in the repository").to_path_buf()
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for krate in ["sip", "sipp", "proxy"] {
        collect(&top().join(krate).join("src"), &mut found);
    }
    assert!(found.len() > 10, "the sources were not found");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    let mut entries: Vec<PathBuf> =
        fs::read_dir(folder).expect("readable folder").map(|entry| entry.expect("entry").path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_string();
        if path.is_dir() {
            if name != "tests" {
                collect(&path, found);
            }
        } else if name.ends_with(".rs")
            && name != "tests.rs"
            && !name.ends_with("_tests.rs")
            && name != "sim.rs"
        {
            let text = fs::read_to_string(&path).expect("UTF-8 source");
            let path = path.strip_prefix(top()).expect("below the top").display().to_string();
            found.push(Source { path, lines: code_lines(&text) });
        }
    }
}

/// Lines up to the first `#[cfg(test)]` that starts a module, comments and doc lines left out; a `use` over
/// several lines is one, at its first.
fn code_lines(text: &str) -> Vec<(usize, String)> {
    let lines: Vec<&str> = text.lines().collect();
    let end = (0..lines.len())
        .find(|n| {
            lines[*n] == "#[cfg(test)]"
                && lines.get(n + 1).is_some_and(|next| next.starts_with("mod ") && next.ends_with('{'))
        })
        .unwrap_or(lines.len());
    let mut found: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (at, line) in lines[..end].iter().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
    {
        let line = line.split(" // ").next().unwrap_or_default();
        match found.last_mut().filter(|_| is_open) {
            Some((_, statement)) => {
                statement.push(' ');
                statement.push_str(line);
            }
            None => found.push((at + 1, line.to_string())),
        }
        let begins = ["use ", "pub use ", "pub(crate) use ", "pub(super) use "];
        is_open = (is_open || begins.iter().any(|word| line.trim_start().starts_with(word)))
            && !line.trim_end().ends_with(';');
    }
    found
}

fn krate(path: &str) -> &'static str {
    match path.split('/').next() {
        Some("sip") => "sip",
        Some("sipp") => "sipp",
        _ => "proxy",
    }
}

fn room_of(path: &str) -> Option<(&'static str, &'static [&'static str])> {
    let stem = path.trim_end_matches(".rs");
    ROOMS
        .iter()
        .filter(|(room, _)| stem == *room || stem.starts_with(&format!("{room}/")))
        .max_by_key(|(room, _)| room.len())
        .copied()
}

/// The room a target such as `sip::msg` lies in.
fn target_room(target: &str) -> Option<&'static str> {
    let (krate, room) = target.split_once("::")?;
    room_of(&format!("{krate}/src/{room}")).map(|row| row.0)
}

/// `line` with `crate::` in place of as many `super::` as lead from the file at `path` to the top of its crate.
fn from_root(line: &str, path: &str) -> String {
    let modules = path.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib");
    let depth = modules.split('/').skip_while(|name| *name != "src").skip(1).count();
    if depth == 0 { line.to_string() } else { line.replace(&"super::".repeat(depth), "crate::") }
}

/// The rooms a line names, as `crate::room`; `own` is the crate the line is in.
fn imports(line: &str, own: &str) -> Vec<String> {
    if line.trim_start().starts_with("//") {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (word, krate) in [("crate", own), ("sip", "sip"), ("sipp", "sipp"), ("proxy", "proxy")] {
        let needle = format!("{word}::");
        let mut rest = line;
        let mut before = None;
        while let Some(at) = rest.find(&needle) {
            let previous = rest[..at].chars().next_back().or(before);
            let tail = &rest[at + needle.len()..];
            if !previous.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == ':') {
                found.extend(first_names(tail).into_iter().map(|name| format!("{krate}::{name}")));
            }
            before = Some(':');
            rest = tail;
        }
    }
    found
}

/// `lex, msg::View}` (of a group) or `time::Time` -> the first name of each path.
fn first_names(tail: &str) -> Vec<String> {
    let ident = |text: &str| -> String {
        text.trim().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = tail.strip_prefix('{') else { return vec![ident(tail)] };
    let mut depth = 0;
    let mut names = vec![String::new()];
    for c in group.chars() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => names.push(String::new()),
            c => names.last_mut().expect("one at least").push(c),
        }
    }
    names.iter().map(|name| ident(name)).filter(|name| !name.is_empty()).collect()
}

/// True when `line` holds `word` and it is not the end of a longer name.
fn names(line: &str, word: &str) -> bool {
    line.match_indices(word)
        .any(|(at, _)| !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || c == '_'))
}
