//! The table of global parameters: name, other names, type, default, and what becomes of each here.
//!
//! The parser checks names and types against it. What a value does is the business of core and server,
//! which look their parameters up by name.

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
