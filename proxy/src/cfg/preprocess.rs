//! Directives of the preprocessor, carried out by the scanner where they stand.
//!
//! Defines and their expansion, conditions, includes; substitutions are in `subst`, the expressions of
//! `#!ifexp` in `defexpr`.

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::lex::{Frame, Origin, Scanner, is_word_byte, line_len};
use super::source::Pos;
use super::subst::{Subst, SubstKind};
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

/// The open conditions, innermost last.
#[derive(Default)]
pub(super) struct Conditions(Vec<Condition>);

struct Condition {
    pos: Pos,
    is_true: bool,
    /// Opened inside a skipped region: its `#!else` has no effect.
    is_dead: bool,
}

impl Conditions {
    /// Whether text is to be skipped.
    pub(super) fn is_skipping(&self) -> bool {
        self.0.last().is_some_and(|condition| condition.is_dead || !condition.is_true)
    }
}

/// The directives, each possibly with several names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Directive {
    Define(Replace),
    DefineEnv { quoted: bool, optional: bool },
    DefineExpr { quoted: bool },
    Undefine,
    IfDefined,
    IfNotDefined,
    IfExpr,
    Else,
    EndIf,
    Subst(SubstKind),
    Include { optional: bool },
    Marker,
    OldMarker,
}

/// What `define` and its sisters do with a name that has a value.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Replace {
    /// `define`: an error.
    Refuse,
    /// `trydef`: the old value stays.
    Keep,
    /// `redef`: the new value.
    Replace,
}

const DIRECTIVES: &[(&str, Directive)] = &[
    ("define", Directive::Define(Replace::Refuse)),
    ("def", Directive::Define(Replace::Refuse)),
    ("trydefine", Directive::Define(Replace::Keep)),
    ("trydef", Directive::Define(Replace::Keep)),
    ("redefine", Directive::Define(Replace::Replace)),
    ("redef", Directive::Define(Replace::Replace)),
    ("defenv", Directive::DefineEnv { quoted: false, optional: false }),
    ("defenvs", Directive::DefineEnv { quoted: true, optional: false }),
    ("trydefenv", Directive::DefineEnv { quoted: false, optional: true }),
    ("trydefenvs", Directive::DefineEnv { quoted: true, optional: true }),
    ("defexp", Directive::DefineExpr { quoted: false }),
    ("defexps", Directive::DefineExpr { quoted: true }),
    ("undef", Directive::Undefine),
    ("tryundef", Directive::Undefine),
    ("ifdef", Directive::IfDefined),
    ("ifndef", Directive::IfNotDefined),
    ("ifexp", Directive::IfExpr),
    ("else", Directive::Else),
    ("endif", Directive::EndIf),
    ("subst", Directive::Subst(SubstKind::Subst)),
    ("substdef", Directive::Subst(SubstKind::Define)),
    ("substdefs", Directive::Subst(SubstKind::DefineQuoted)),
    ("include_file", Directive::Include { optional: false }),
    ("import_file", Directive::Include { optional: true }),
    ("KAMAILIO", Directive::Marker),
    ("OPENSER", Directive::Marker),
    ("MAXCOMPAT", Directive::Marker),
    ("ALL", Directive::Marker),
    ("SER", Directive::OldMarker),
];

impl Scanner<'_> {
    /// Carries out the directive at `#!` or `!!`; false if it is none (then it is a comment or an operator).
    pub(super) fn directive(&mut self) -> bool {
        let pos = self.pos();
        let Some((directive, len)) = directive_at(self.rest()) else {
            self.warn_of_mistyped_directive(pos);
            return false;
        };
        self.take(len);
        match directive {
            Directive::IfDefined
            | Directive::IfNotDefined
            | Directive::IfExpr
            | Directive::Else
            | Directive::EndIf => {
                self.condition(pos, directive);
            }
            Directive::Define(replace) => {
                let line = self.take_line();
                self.define_line(pos, &line, replace);
            }
            Directive::DefineEnv { quoted, optional } => self.define_env(pos, quoted, optional),
            Directive::DefineExpr { quoted } => self.define_expr(pos, quoted),
            Directive::Undefine => {
                let line = self.take_line();
                self.defines.map.remove(split_name(&line).0);
            }
            Directive::Subst(kind) => {
                let line = self.take_line();
                self.substitute_quoted(pos, kind, &line);
            }
            Directive::Include { optional } => self.include(pos, optional),
            Directive::Marker => {}
            Directive::OldMarker => {
                self.findings.warning(
                    codes::ENCODING,
                    pos,
                    "#!SER names the old variable syntax: $ names are read as pseudo-variables",
                );
            }
        }
        true
    }

    /// Moves to the next conditional directive and carries it out, or to the end of the text.
    pub(super) fn skip_to_directive(&mut self) {
        let rest = self.rest();
        for bang in memchr::memchr_iter(b'!', rest) {
            if bang == 0 || !matches!(rest[bang - 1], b'#' | b'!') {
                continue;
            }
            if let Some((directive, len)) = directive_at(&rest[bang - 1..])
                && is_conditional(directive)
            {
                self.take(bang - 1);
                let pos = self.pos();
                self.take(len);
                return self.condition(pos, directive);
            }
        }
        let len = self.rest().len();
        self.take(len);
    }

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
            self.findings.error(codes::LIMIT, pos, message);
            self.findings.stop();
        }
        if let Some(define) = self.defines.map.get_mut(&name) {
            define.is_open = true;
        }
        self.frames.push(Frame { text: value, at: 0, origin: Origin::Define { name, used: pos } });
        true
    }

    /// The statement `include_file "name"`, whose keyword takes `len` bytes.
    pub(super) fn include_statement(&mut self, len: usize) {
        let pos = self.pos();
        let keyword = self.take(len);
        self.include(pos, &keyword[..] == b"import_file");
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

    /// At the end of everything: conditions still open are errors.
    pub(super) fn report_open_conditions(&mut self) {
        for condition in std::mem::take(&mut self.conditions.0) {
            self.findings.error(codes::CONDITION, condition.pos, "this condition has no #!endif");
        }
    }

    /// Registers a substitution written as a quoted string.
    fn substitute_quoted(&mut self, pos: Pos, kind: SubstKind, line: &[u8]) {
        let line = line.trim_ascii();
        let quoted = match line.iter().rposition(|&byte| byte == b'"') {
            Some(end) if end > 0 && line[0] == b'"' => &line[1..end],
            _ => {
                self.findings.error(
                    codes::SUBST,
                    pos,
                    "a substitution in double quotes was expected: \"/from/to/g\"",
                );
                return;
            }
        };
        self.substitute(pos, kind, quoted);
    }

    /// Registers a substitution: `/re/replacement/flags` with any separator; the `def` kinds also define.
    pub(super) fn substitute(&mut self, pos: Pos, kind: SubstKind, rule: &[u8]) {
        let loader = self.loader;
        match Subst::parse(rule, kind, &|name| loader.env(name), &self.defines) {
            Ok((subst, define)) => {
                self.substs.push(subst);
                if let Some((name, value)) = define {
                    self.define(pos, &name, value, Replace::Refuse);
                }
            }
            Err(message) => {
                self.findings.error(codes::SUBST, pos, message);
            }
        }
    }

    fn define_env(&mut self, pos: Pos, quoted: bool, optional: bool) {
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

    fn define_expr(&mut self, pos: Pos, quoted: bool) {
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

    fn condition(&mut self, pos: Pos, directive: Directive) {
        let line = self.take_line();
        let is_dead = self.conditions.is_skipping();
        match directive {
            Directive::Else | Directive::EndIf => self.next_branch(pos, directive, &line),
            Directive::IfExpr => {
                let is_true = match defexpr::evaluate(&line, &self.defines) {
                    _ if is_dead => false,
                    Ok(value) => value.is_true(),
                    Err(message) => {
                        self.findings.error(codes::DIRECTIVE, pos, message);
                        false
                    }
                };
                self.conditions.0.push(Condition { pos, is_true, is_dead });
            }
            _ => {
                let (name, _) = split_name(&line);
                if name.is_empty() && !is_dead {
                    self.findings.error(
                        codes::DIRECTIVE,
                        pos,
                        "a name was expected after #!ifdef or #!ifndef",
                    );
                }
                let is_true = self.defines.get(name).is_some() == (directive == Directive::IfDefined);
                self.conditions.0.push(Condition { pos, is_true, is_dead });
            }
        }
    }

    fn next_branch(&mut self, pos: Pos, directive: Directive, line: &[u8]) {
        match (self.conditions.0.last_mut(), directive) {
            (None, _) => {
                self.findings.error(codes::CONDITION, pos, "there is no #!ifdef for this #!else or #!endif");
            }
            // Kamailio turns the condition round at every #!else, also at a second one.
            (Some(condition), Directive::Else) => condition.is_true = !condition.is_true,
            (Some(_), _) => {
                self.conditions.0.pop();
                let line = line.trim_ascii();
                if !(line.is_empty() || line.starts_with(b"#") || line.starts_with(b"//")) {
                    self.findings.warning(codes::DIRECTIVE, pos, "text after #!endif is ignored");
                }
            }
        }
    }

    fn include(&mut self, pos: Pos, optional: bool) {
        let line = self.take_line();
        let line = line.trim_ascii();
        let body = match text::quoted_len(line) {
            Some(len) if line[0] == b'"' && is_end_of_line(&line[len..]) => &line[1..len - 1],
            _ => {
                self.findings.error(codes::INCLUDE, pos, "one file name in double quotes was expected");
                return;
            }
        };
        let mut name = text::unescape_path(body);
        for subst in &self.substs {
            subst.apply(&mut name);
        }
        let name = String::from_utf8_lossy(&name).into_owned();
        let depth = self.frames.iter().filter(|frame| matches!(frame.origin, Origin::File { .. })).count();
        if depth > limits::MAX_INCLUDE_DEPTH || self.sources.len() > limits::MAX_INCLUDES {
            let message = format!(
                "too many includes (limits: {} deep, {} in all)",
                limits::MAX_INCLUDE_DEPTH,
                limits::MAX_INCLUDES
            );
            self.findings.error(codes::LIMIT, pos, message);
            self.findings.stop();
            return;
        }
        self.enter_include(pos, &name, optional);
    }

    /// Looks the file up: as is from the working directory, then beside the including file.
    fn enter_include(&mut self, pos: Pos, name: &str, optional: bool) {
        let including_dir = self.frames.iter().rev().find_map(|frame| match &frame.origin {
            Origin::File { dir, .. } => Some(dir.as_str()),
            Origin::Define { .. } => None,
        });
        let beside = match including_dir {
            Some(dir) if !dir.is_empty() && !name.starts_with('/') => Some(format!("{dir}/{name}")),
            _ => None,
        };
        let mut missing = None;
        for path in std::iter::once(name.to_owned()).chain(beside) {
            match self.loader.read(&path) {
                Ok(text) => {
                    self.taken_in += text.len();
                    if text.len() > limits::MAX_FILE_BYTES || self.taken_in > limits::MAX_TAKEN_IN_BYTES {
                        let message = format!(
                            "{name} is too large (limit for all files: {} MB)",
                            limits::MAX_TAKEN_IN_BYTES >> 20
                        );
                        self.findings.error(codes::LIMIT, pos, message);
                        self.findings.stop();
                        return;
                    }
                    return self.enter_file(name, directory_of(&path), text);
                }
                Err(error) => missing = missing.or(Some(error)),
            }
        }
        let is_missing = missing.as_ref().is_none_or(|error| error.kind() == std::io::ErrorKind::NotFound);
        if !(optional && is_missing) {
            let reason = missing.map_or_else(String::new, |error| format!(": {error}"));
            self.findings.error(codes::INCLUDE, pos, format!("cannot read {name}{reason}"));
        }
    }

    /// The rest of the line; backslash-newline joins the next one.
    fn take_line(&mut self) -> Vec<u8> {
        let mut line = Vec::new();
        loop {
            let len = line_len(self.rest());
            let part = self.take(len);
            let part = part.strip_suffix(b"\r").unwrap_or(&part);
            let more = part.strip_suffix(b"\\");
            line.extend_from_slice(more.unwrap_or(part));
            if more.is_none() || self.rest().is_empty() {
                return line;
            }
            self.take(1);
        }
    }

    /// `#!word` that is no directive is a comment in the language: silent for a reader of the file.
    fn warn_of_mistyped_directive(&mut self, pos: Pos) {
        let rest = self.rest();
        if rest[0] != b'#' {
            return;
        }
        let blanks = rest[2..].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let len = rest[2 + blanks..].iter().take_while(|&&byte| is_word_byte(byte)).count();
        let word = String::from_utf8_lossy(&rest[2 + blanks..2 + blanks + len]).into_owned();
        let near = sip::diag::nearest(&word, DIRECTIVES.iter().map(|(name, _)| *name));
        if let Some(near) = near.filter(|_| word.len() > 2) {
            self.findings
                .warning(
                    codes::DIRECTIVE,
                    pos,
                    format!("\"#!{}{word}\" is no directive, the line is a comment", " ".repeat(blanks)),
                )
                .hint(format!("did you mean #!{near}?"));
        }
    }
}

/// The directive at the start of `text`, with its length up to the end of its name.
fn directive_at(text: &[u8]) -> Option<(Directive, usize)> {
    let len = text[2..].iter().take_while(|&&byte| is_word_byte(byte)).count();
    let word = &text[2..2 + len];
    let (_, directive) = DIRECTIVES.iter().find(|(name, _)| name.as_bytes() == word)?;
    let is_alone = !matches!(directive, Directive::Marker | Directive::OldMarker)
        || (text[0] == b'#' && text[2 + len..2 + len + line_len(&text[2 + len..])].trim_ascii().is_empty());
    is_alone.then_some((*directive, 2 + len))
}

fn is_conditional(directive: Directive) -> bool {
    use Directive::{Else, EndIf, IfDefined, IfExpr, IfNotDefined};
    matches!(directive, IfDefined | IfNotDefined | IfExpr | Else | EndIf)
}

/// The name at the start of a directive's line, and what follows it.
fn split_name(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let len = match line.first() {
        Some(first) if first.is_ascii_digit() => 0,
        _ => line.iter().take_while(|&&byte| is_word_byte(byte)).count(),
    };
    line.split_at(len)
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

fn is_end_of_line(text: &[u8]) -> bool {
    let text = text.trim_ascii();
    text.is_empty() || text.starts_with(b"#") || text.starts_with(b"//")
}

/// The directory part of a path, empty for none.
pub(super) fn directory_of(path: &str) -> String {
    match path.rsplit_once('/') {
        Some(("", _)) => "/".to_owned(),
        Some((dir, _)) => dir.to_owned(),
        None => String::new(),
    }
}
