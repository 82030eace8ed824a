//! The table of global parameters: name, other names, type, default, and what becomes of each here.
//!
//! The parser checks names and types against it. What a value does is the business of core and server,
//! which look their parameters up by name.

mod table;

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

pub use table::PARAMS;

/// One global parameter.
#[derive(Debug)]
pub struct ParamDef {
    /// The name by which everybody else knows it.
    pub name: &'static str,
    /// Other spellings that mean the same.
    pub aliases: &'static [&'static str],
    /// What may stand right of the `=`.
    pub kind: ParamKind,
    /// The default as it would be written, empty for none.
    pub default: &'static str,
    /// What becomes of it here.
    pub class: ParamClass,
    /// One line for `--check -v` and the documentation.
    pub doc: &'static str,
}

/// Types of global parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamKind {
    /// Number or boolean word.
    Int,
    /// String literal.
    Text,
    /// String literal or bare word.
    Word,
    /// String literal, host name or address.
    Host,
    /// Number, or one of the names that the parameter knows.
    IntOrWord,
    /// List of sockets, adding up.
    Sockets,
    /// Transport word.
    Proto,
}

/// What becomes of a parameter here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamClass {
    /// Works as described.
    Works,
    /// Accepted and mapped to this program's own design.
    Mapped,
    /// Accepted, no effect.
    NoEffect,
    /// Of Kamailio 3, gone since: accepted with a warning.
    Old,
    /// Not accepted any more; the row's doc says what to write.
    Removed,
}

/// The row of a parameter, by its name or one of its aliases.
pub fn find(name: &str) -> Option<&'static ParamDef> {
    static BY_NAME: OnceLock<FxHashMap<&'static str, &'static ParamDef>> = OnceLock::new();
    let by_name = BY_NAME
        .get_or_init(|| PARAMS.iter().flat_map(|def| def.names().map(move |name| (name, def))).collect());
    by_name.get(name).copied()
}

/// All names and aliases.
pub fn names() -> impl Iterator<Item = &'static str> {
    PARAMS.iter().flat_map(ParamDef::names)
}

impl ParamDef {
    /// The name and the aliases.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }
}

impl ParamKind {
    /// What a message says was expected.
    pub fn expected(self) -> &'static str {
        match self {
            ParamKind::Int => "a number",
            ParamKind::Text => "a string",
            ParamKind::Word => "a string or a word",
            ParamKind::Host => "a host name, an address or a string",
            ParamKind::IntOrWord => "a number or a word",
            ParamKind::Sockets => "[proto:]host[:port]",
            ParamKind::Proto => "a transport (UDP, TCP, TLS, SCTP)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{PARAMS, find, names};

    #[test]
    fn every_name_is_there_once() {
        let mut all: Vec<&str> = names().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
        assert!(PARAMS.iter().all(|def| !def.doc.is_empty()));
    }

    #[test]
    fn aliases_lead_to_the_same_row() {
        assert_eq!(find("mem_dbg").map(|def| def.name), Some("memdbg"));
        assert!(find("nonsense").is_none());
    }
}
