//! Directives of the preprocessor, carried out by the scanner where they stand.
//!
//! The table of directives and the conditions are here; defines are in `define`, includes in `include`,
//! substitutions in `subst`, the expressions of `#!ifexp` in `defexpr`.

use super::define::Replace;
use super::lex::{Scanner, is_word_byte, line_len};
use super::source::Pos;
use super::subst::{Subst, SubstKind};
use super::{codes, defexpr, limits};

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

const DIRECTIVES: &[(&str, Directive)] = &[
    ("define", Directive::Define(Replace::Refuse)),
    ("def", Directive::Define(Replace::Refuse)),
    ("trydefine", Directive::Define(Replace::Keep)),
    ("trydef", Directive::Define(Replace::Keep)),
    ("redefine", Directive::Define(Replace::Take)),
    ("redef", Directive::Define(Replace::Take)),
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
                self.defines.remove(split_name(&line).0);
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
        if self.substs.len() >= limits::MAX_SUBSTS {
            let message = format!("more than {} substitutions", limits::MAX_SUBSTS);
            self.findings.fatal(codes::LIMIT, pos, message);
            return;
        }
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

    /// Applies the substitutions so far to a string at `pos`.
    pub(super) fn apply_substs(&mut self, pos: Pos, text: &mut Vec<u8>) {
        let is_short = text.len() <= limits::MAX_SUBSTITUTED_BYTES || self.substs.is_empty();
        if !(is_short && self.substs.iter().all(|subst| subst.apply(text))) {
            let message = format!(
                "strings of more than {} MB cannot be substituted in",
                limits::MAX_SUBSTITUTED_BYTES >> 20
            );
            self.findings.fatal(codes::LIMIT, pos, message);
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

    /// The rest of the line; backslash-newline joins the next one.
    pub(super) fn take_line(&mut self) -> Vec<u8> {
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
pub(super) fn split_name(line: &[u8]) -> (&[u8], &[u8]) {
    let line = line.trim_ascii_start();
    let len = match line.first() {
        Some(first) if first.is_ascii_digit() => 0,
        _ => line.iter().take_while(|&&byte| is_word_byte(byte)).count(),
    };
    line.split_at(len)
}
