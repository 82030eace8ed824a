//! From configuration text to the tree of what is written in it: preprocessor, scanner, parser.
//!
//! Text comes in through a [`Loader`], so that includes need no disk; a tree with positions and all findings
//! come out. What the names mean is not decided here: that is the script compiler's work.

pub mod ast;
pub mod codes;
pub mod params;

mod check;
mod corecalls;
mod defexpr;
mod define;
mod expr;
mod findings;
mod hosts;
mod include;
mod items;
mod keys;
mod lex;
mod limits;
mod loader;
mod number;
mod parse;
mod preprocess;
mod print;
mod print_expr;
mod source;
mod statements;
mod subst;
mod text;
mod token;
mod words;

#[cfg(test)]
mod tests;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::diag::{Diagnostic, Severity};

pub use ast::Config;
pub use limits::MAX_FILE_BYTES;
pub use loader::{DiskLoader, Loader, MemoryLoader};
pub use print::print;
pub use source::{FileId, Pos, SourceMap};
pub use subst::SubstKind;

use define::Replace;
use lex::Scanner;
use parse::Parser;

/// What the command line defines before the first line is read.
#[derive(Clone, Debug, Default)]
pub struct Preset {
    /// The values of `-A`: `NAME` or `NAME=value`.
    pub defines: Vec<String>,
    /// The values of `--subst`, `--substdef` and `--substdefs`: `/re/replacement/flags`.
    pub substs: Vec<(SubstKind, String)>,
    /// Lines in front of the configuration: `--loadmodule`.
    pub before: String,
    /// Lines behind it, which win over it: `--modparam`, `--server-id` and others.
    pub after: String,
}

/// A configuration as read, with everything that was found wrong.
#[derive(Debug)]
pub struct Parsed {
    /// The tree; with errors among the diagnostics it is incomplete and only good for further checks.
    pub config: Config,
    /// The texts, for positions.
    pub sources: SourceMap,
    /// Errors and warnings in the order of reading.
    pub diagnostics: Vec<Diagnostic>,
    /// The defines at the end with their values, for `$def(NAME)`.
    pub defines: FxHashMap<Bytes, Bytes>,
}

impl Parsed {
    /// Whether there is an error among the diagnostics.
    pub fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// Reads a configuration text. `name` is what messages call it; includes are also looked up beside it.
///
/// Never fails: whatever is wrong is among the diagnostics.
pub fn parse_text(name: &str, text: impl Into<Bytes>, preset: &Preset, loader: &dyn Loader) -> Parsed {
    let mut scanner = Scanner::new(loader);
    let text = text.into();
    let is_too_large = text.len() > MAX_FILE_BYTES;
    // The last one entered is read first.
    if !preset.after.is_empty() {
        scanner.enter_file("command line", String::new(), Bytes::from(preset.after.clone()));
    }
    scanner.enter_file(name, include::directory_of(name), if is_too_large { Bytes::new() } else { text });
    let start = scanner.pos();
    if is_too_large {
        let message = format!("the file is larger than {} MB", MAX_FILE_BYTES >> 20);
        scanner.findings.error(codes::LIMIT, start, message);
    }
    if !preset.before.is_empty() {
        scanner.enter_file("command line", String::new(), Bytes::from(preset.before.clone()));
    }
    predefine(&mut scanner, preset);
    let mut parser = Parser::new(scanner);
    parser.file();
    let config = parser.take_config();
    let Scanner { mut findings, sources, defines, .. } = parser.scanner;
    check::check(&config, &sources, &mut findings);
    let diagnostics = findings.into_diagnostics(&sources);
    Parsed { config, sources, diagnostics, defines: defines.into_values() }
}

fn predefine(scanner: &mut Scanner<'_>, preset: &Preset) {
    let os_name = format!("\"{}\"", std::env::consts::OS);
    let version =
        [("KAMAILIO_5", ""), ("KAMAILIO_5_6", ""), ("KAMAILIO_5_6_3", ""), ("KAMAILIO_VERSION", "5006003")];
    for (name, value) in version.into_iter().chain([("OS_NAME", os_name.as_str())]) {
        scanner
            .defines
            .set(Bytes::copy_from_slice(name.as_bytes()), Bytes::copy_from_slice(value.as_bytes()));
    }
    for define in &preset.defines {
        let pos = scanner.sources.add_whole(&format!("-A {define}"));
        scanner.define_line(pos, define.replacen('=', " ", 1).as_bytes(), Replace::Refuse);
    }
    for (kind, rule) in &preset.substs {
        let pos = scanner.sources.add_whole(&format!("{} {rule}", kind.option()));
        scanner.substitute(pos, *kind, rule.as_bytes());
    }
}
