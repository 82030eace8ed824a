//! `#!subst`, `#!substdef`, `#!substdefs`: replacements in the string literals that follow.

use std::borrow::Cow;

use bytes::Bytes;
use regex::bytes::{Captures, Regex};
use sip::ere::{self, Case, Newline};

use super::define::Defines;
use super::limits;
use super::text;

/// One substitution.
#[derive(Debug)]
pub(super) struct Subst {
    regex: Regex,
    replacement: Vec<Part>,
    /// Flag `g`: every match, not only the first of each string.
    everywhere: bool,
}

/// The three directives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubstKind {
    /// `subst`: only in strings.
    Subst,
    /// `substdef`: also defines the name with the replacement.
    Define,
    /// `substdefs`: the define's value is a string.
    DefineQuoted,
}

impl SubstKind {
    /// The command line option of the kind.
    pub fn option(self) -> &'static str {
        match self {
            SubstKind::Subst => "--subst",
            SubstKind::Define => "--substdef",
            SubstKind::DefineQuoted => "--substdefs",
        }
    }
}

/// A piece of the replacement.
#[derive(Debug, PartialEq)]
enum Part {
    Text(Vec<u8>),
    Group(usize),
}

/// Name and value that a `substdef` defines.
type Definition = (Vec<u8>, Bytes);

impl Subst {
    /// Reads `/re/replacement/flags`, where the first byte is the separator.
    ///
    /// `$env(NAME)` and `$def(NAME)` in the replacement are evaluated now. Errors are messages for the user.
    pub(super) fn parse(
        rule: &[u8],
        kind: SubstKind,
        env: &dyn Fn(&str) -> Option<Vec<u8>>,
        defines: &Defines,
    ) -> Result<(Subst, Option<Definition>), String> {
        let (pattern, replacement, flags) = split(rule)?;
        let (case, newline, everywhere) = read_flags(flags)?;
        let regex = ere::compile(&pattern, case, newline)
            .map_err(|error| format!("bad regular expression in the substitution: {error}"))?;
        let replacement = evaluate(&replacement, env, defines)?;
        let definition = match kind {
            SubstKind::Subst => None,
            SubstKind::Define => Some((pattern, Bytes::from(replacement.clone()))),
            SubstKind::DefineQuoted => Some((pattern, Bytes::from(text::quote(&replacement)))),
        };
        if let Some((name, _)) = &definition
            && !name.iter().all(|&byte| super::lex::is_word_byte(byte))
        {
            return Err("the first part must be a name: it is also defined".to_owned());
        }
        Ok((Subst { regex, replacement: parts(&replacement), everywhere }, definition))
    }

    /// Replaces in a string; false when the result would be too long, the string is then cut.
    pub(super) fn apply(&self, text: &mut Vec<u8>) -> bool {
        let limit = if self.everywhere { 0 } else { 1 };
        let mut room = limits::MAX_SUBSTITUTED_BYTES;
        let replaced = self.regex.replacen(text, limit, |captures: &Captures<'_>| {
            let part = self.render(captures, room);
            room -= part.len();
            part
        });
        if let Cow::Owned(replaced) = replaced {
            *text = replaced;
        }
        room > 0
    }

    /// The replacement of one match, at most `room` bytes.
    fn render(&self, captures: &Captures<'_>, room: usize) -> Vec<u8> {
        let mut out = Vec::new();
        for part in &self.replacement {
            let part = match part {
                Part::Text(text) => text.as_slice(),
                Part::Group(group) => captures.get(*group).map_or(&[][..], |found| found.as_bytes()),
            };
            out.extend_from_slice(&part[..part.len().min(room - out.len())]);
        }
        out
    }
}

/// Pattern, replacement and flags.
type Parts<'r> = (Vec<u8>, Vec<u8>, &'r [u8]);

/// Splits at the separator, the rule's first byte; `\` before a separator makes it plain text.
fn split(rule: &[u8]) -> Result<Parts<'_>, String> {
    let Some((&separator, rest)) = rule.split_first() else {
        return Err("the substitution is empty".to_owned());
    };
    let (pattern, rest) = part(rest, separator).ok_or("the substitution has no second separator")?;
    let (replacement, flags) = part(rest, separator).ok_or("the substitution has no third separator")?;
    if pattern.is_empty() {
        return Err("the substitution replaces nothing".to_owned());
    }
    Ok((pattern, replacement, flags))
}

fn part(text: &[u8], separator: u8) -> Option<(Vec<u8>, &[u8])> {
    let mut out = Vec::new();
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte == separator {
            return Some((out, &text[at + 1..]));
        }
        if byte == b'\\' && text.get(at + 1).is_some_and(|&next| next == separator || next == b'"') {
            at += 1;
        } else if byte == b'\\' && at + 1 < text.len() {
            out.push(byte);
            at += 1;
        }
        out.push(text[at]);
        at += 1;
    }
    None
}

fn read_flags(flags: &[u8]) -> Result<(Case, Newline, bool), String> {
    let (mut case, mut newline, mut everywhere) = (Case::Sensitive, Newline::Ordinary, false);
    for flag in flags {
        match flag {
            b'i' => case = Case::Ignored,
            b's' => newline = Newline::Special,
            b'g' => everywhere = true,
            other => return Err(format!("unknown substitution flag {}, known are g, i, s", *other as char)),
        }
    }
    Ok((case, newline, everywhere))
}

/// Evaluates the variables that need no message.
fn evaluate(
    replacement: &[u8],
    env: &dyn Fn(&str) -> Option<Vec<u8>>,
    defines: &Defines,
) -> Result<Vec<u8>, String> {
    let mut out = Vec::new();
    let mut rest = replacement;
    while let Some(dollar) = memchr::memchr(b'$', rest) {
        out.extend_from_slice(&rest[..dollar]);
        rest = &rest[dollar..];
        let (value, len) = variable(rest, env, defines)?;
        out.extend_from_slice(&value);
        rest = &rest[len..];
    }
    out.extend_from_slice(rest);
    Ok(out)
}

/// The value of `$env(NAME)`, `$def(NAME)` or `$$` at the start of `text`, and its length.
fn variable(
    text: &[u8],
    env: &dyn Fn(&str) -> Option<Vec<u8>>,
    defines: &Defines,
) -> Result<(Vec<u8>, usize), String> {
    if text.starts_with(b"$$") {
        return Ok((vec![b'$'], 2));
    }
    let open = memchr::memchr(b'(', text).filter(|&open| open == 4);
    let close = memchr::memchr(b')', text);
    let (Some(open), Some(close)) = (open, close) else {
        return Err(
            "only $env(NAME) and $def(NAME) may stand in a substitution, and $$ for a dollar".to_owned()
        );
    };
    let name = &text[open + 1..close.max(open + 1)];
    let shown = String::from_utf8_lossy(name);
    let value = match &text[1..open] {
        b"env" => env(&shown).ok_or_else(|| format!("the environment variable {shown} is not set")),
        b"def" => {
            defines.get(name).map(|value| value.to_vec()).ok_or_else(|| format!("{shown} is not defined"))
        }
        other => {
            Err(format!("the variable ${} cannot stand in a substitution", String::from_utf8_lossy(other)))
        }
    }?;
    Ok((value, close + 1))
}

/// Splits the replacement at `\0` to `\9`; `\\` is one backslash.
fn parts(replacement: &[u8]) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut plain = Vec::new();
    let mut bytes = replacement.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match bytes.peek().copied() {
            Some(digit @ b'0'..=b'9') if byte == b'\\' => {
                bytes.next();
                parts.push(Part::Text(std::mem::take(&mut plain)));
                parts.push(Part::Group(usize::from(digit - b'0')));
            }
            Some(b'\\') if byte == b'\\' => {
                bytes.next();
                plain.push(byte);
            }
            _ => plain.push(byte),
        }
    }
    parts.push(Part::Text(plain));
    parts
}

#[cfg(test)]
mod tests {
    use super::{Defines, Subst, SubstKind};

    fn substitute(rule: &str, text: &str) -> Result<String, String> {
        let (subst, _) =
            Subst::parse(rule.as_bytes(), SubstKind::Subst, &|_| Some(b"E".to_vec()), &Defines::default())?;
        let mut text = text.as_bytes().to_vec();
        assert!(subst.apply(&mut text));
        Ok(String::from_utf8(text).expect("the rows are ASCII"))
    }

    #[test]
    fn replaces_as_measured() {
        let rows = [
            ("/bc/zz/", "abcbcd", "azzbcd"),
            ("/bc/zz/g", "abcbcd", "azzzzd"),
            ("/BC/z/i", "abcd", "azd"),
            (r"/(b)c/\1\1z/g", "abcbcd", "abbzbbzd"),
            (r"/b\.c/z\/z/", "ab.cd", "az/zd"),
            ("!b!$env(HOME)!g", "abc", "aEc"),
            ("/b/$$x/", "abc", "a$xc"),
            ("/a.c/x/", "a\nc", "x"),
            ("/a.c/x/s", "a\nc", "a\nc"),
        ];
        for (rule, text, expected) in rows {
            assert_eq!(substitute(rule, text).as_deref(), Ok(expected), "{rule}");
        }
    }

    #[test]
    fn growth_is_bounded() {
        let rule = format!("/x/{}/g", "y".repeat(5_000));
        let (subst, _) =
            Subst::parse(rule.as_bytes(), SubstKind::Subst, &|_| None, &Defines::default()).expect("valid");
        let mut text = vec![b'x'; 1_000];
        assert!(!subst.apply(&mut text));
        assert!(text.len() <= super::limits::MAX_SUBSTITUTED_BYTES + 1_000);
    }

    #[test]
    fn refuses_what_kamailio_refuses() {
        for rule in ["", "/a", "/a/b", "/a/b/x", "//b/", "/(/b/", "/a/$ru/"] {
            assert!(substitute(rule, "a").is_err(), "{rule}");
        }
    }
}
