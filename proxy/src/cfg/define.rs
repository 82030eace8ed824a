//! Defines: their table, how they are made and how their values take the place of their names.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::lex::{Frame, Origin, Scanner, is_word_byte};
use super::preprocess::split_name;
use super::source::Pos;
use super::{codes, defexpr, limits, number, text};

/// The names defined so far.
#[derive(Default)]
pub(super) struct Defines {
    map: FxHashMap<Bytes, Define>,
    expansions: usize,
    depth: usize,
}

struct Define {
    value: Bytes,
    /// Its value is being scanned: its name inside would expand for ever.
    is_open: bool,
}

impl Defines {
    /// The value of a name, empty for a define without value.
    pub(super) fn get(&self, name: &[u8]) -> Option<&Bytes> {
        self.map.get(name).map(|define| &define.value)
    }

    /// All names with their values.
    pub(super) fn into_values(self) -> FxHashMap<Bytes, Bytes> {
        self.map.into_iter().map(|(name, define)| (name, define.value)).collect()
    }

    /// Defines a name, in place of an earlier value.
    pub(super) fn set(&mut self, name: Bytes, value: Bytes) {
        self.map.insert(name, Define { value, is_open: false });
    }

    /// Forgets a name.
    pub(super) fn remove(&mut self, name: &[u8]) {
        self.map.remove(name);
    }

    /// Defines `MOD_name` for a module as `loadmodule` names it.
    pub(super) fn add_module(&mut self, path: &[u8]) {
        self.set(format!("MOD_{}", super::ast::module_name(path)).into(), Bytes::new());
    }

    /// The value of the name has been scanned to its end.
    pub(super) fn leave(&mut self, name: &[u8]) {
        self.depth -= 1;
        if let Some(define) = self.map.get_mut(name) {
            define.is_open = false;
        }
    }
}

/// What `define` and its sisters do with a name that has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    /// `define`: an error.
    Refuse,
    /// `trydef`: the old value stays.
    Keep,
    /// `redef`: the new value.
    Take,
}

impl Scanner<'_> {
    /// Expands the define whose name is the next `len` bytes; false if it is none.
    pub(super) fn expand(&mut self, len: usize) -> bool {
        let name = &self.rest()[..len];
        let Some(define) = self.defines.map.get(name) else { return false };
        if std::str::from_utf8(name).is_ok_and(super::words::is_reserved) {
            return false;
        }
        let pos = self.pos();
        if define.is_open {
            let message = format!("the define {} expands to itself", String::from_utf8_lossy(name));
            self.findings.error(codes::SELF_REFERENCE, pos, message);
            return false;
        }
        let value = define.value.clone();
        let name = self.take(len);
        if value.is_empty() {
            return true;
        }
        self.taken_in += value.len();
        self.defines.expansions += 1;
        self.defines.depth += 1;
        if self.defines.depth > limits::MAX_EXPANSION_DEPTH
            || self.defines.expansions > limits::MAX_EXPANSIONS
            || self.taken_in > limits::MAX_TAKEN_IN_BYTES
        {
            let message = format!(
                "too many defines expanded (limits: {} deep, {} in all, {} MB)",
                limits::MAX_EXPANSION_DEPTH,
                limits::MAX_EXPANSIONS,
                limits::MAX_TAKEN_IN_BYTES >> 20
            );
            self.findings.fatal(codes::LIMIT, pos, message);
        }
        if let Some(define) = self.defines.map.get_mut(&name) {
            define.is_open = true;
        }
        self.frames.push(Frame { text: value, at: 0, origin: Origin::Define { name, used: pos } });
        true
    }

    /// Defines a name as `-A` and `#!define` do: `NAME value`.
    pub(super) fn define_line(&mut self, pos: Pos, line: &[u8], replace: Replace) {
        let (name, value) = split_name(line);
        if name.is_empty() {
            self.findings.error(
                codes::DEFINE,
                pos,
                "a define needs a name of letters, digits and underscores",
            );
        } else if value.first() == Some(&b'-') {
            let message =
                format!("\"-\" is not allowed in the define name {}", String::from_utf8_lossy(name));
            self.findings.error(codes::DEFINE, pos, message);
        } else {
            let value = without_comment(value.trim_ascii());
            self.define(pos, name, Bytes::copy_from_slice(value), replace);
        }
    }

    pub(super) fn define(&mut self, pos: Pos, name: &[u8], value: Bytes, replace: Replace) {
        match (self.defines.map.contains_key(name), replace) {
            (true, Replace::Refuse) => {
                let message = format!("{} is already defined", String::from_utf8_lossy(name));
                self.findings
                    .error(codes::DEFINE, pos, message)
                    .hint("#!trydef keeps the first value, #!redef takes the new one");
            }
            (true, Replace::Keep) => {}
            _ => self.defines.set(Bytes::copy_from_slice(name), value),
        }
    }

    /// `defenv` and its sisters: the value comes from the environment.
    pub(super) fn define_env(&mut self, pos: Pos, quoted: bool, optional: bool) {
        let line = self.take_line();
        let (name, rest) = split_name(&line);
        let variable = match rest.strip_prefix(b"=") {
            Some(variable) => split_name(variable).0,
            None => name,
        };
        if name.is_empty() || variable.is_empty() {
            self.findings.error(codes::DEFINE, pos, "NAME or NAME=VARIABLE was expected");
            return;
        }
        let variable = String::from_utf8_lossy(variable);
        match self.loader.env(&variable) {
            Some(value) => {
                let value = if quoted { text::quote(&value) } else { value };
                self.define(pos, name, value.into(), Replace::Refuse);
            }
            None if optional => {}
            None => {
                let message = format!("the environment variable {variable} is not set");
                self.findings.error(codes::DEFINE, pos, message).hint("#!trydefenv makes no error of it");
            }
        }
    }

    /// `defexp`: the value is that of an expression.
    pub(super) fn define_expr(&mut self, pos: Pos, quoted: bool) {
        let line = self.take_line();
        let (name, expr) = split_name(&line);
        match defexpr::evaluate(expr, &self.defines) {
            Ok(value) if !name.is_empty() => {
                let value = if quoted { text::quote(&value.to_text()) } else { value.to_token() };
                self.define(pos, name, value.into(), Replace::Refuse);
            }
            Ok(_) => {
                self.findings.error(codes::DEFINE, pos, "a name and an expression were expected");
            }
            Err(message) => {
                self.findings.error(codes::DIRECTIVE, pos, message);
            }
        }
    }
}

/// A define's value without a comment after a complete number or string. (Kamailio keeps the comment in the
/// value, and the file breaks where it is used.)
fn without_comment(value: &[u8]) -> &[u8] {
    let len = match value.first() {
        Some(b'"') => text::quoted_len(value).unwrap_or(0),
        Some(first) if first.is_ascii_digit() => value.iter().take_while(|&&byte| is_word_byte(byte)).count(),
        _ => 0,
    };
    let rest = value[len..].trim_ascii_start();
    let is_comment = rest.len() < value.len() - len && (rest.starts_with(b"#") || rest.starts_with(b"//"));
    let is_complete = len > 0 && (value[0] == b'"' || number::parse(&value[..len]).is_ok());
    if is_comment && is_complete { &value[..len] } else { value }
}
