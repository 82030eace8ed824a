//! POSIX extended regular expressions, as both originals' users write them, on the `regex` engine.
//!
//! The dialect of the C library: brackets take backslashes literally, `\w \s \b \< \>` work, `\d` is a `d`, an
//! unmatched `)` is text. Matching time is linear in the text. Patterns with back-references are refused here;
//! [`Backtracking`] takes them.
//! Of several matches at one place the first alternative wins, where POSIX takes the longest.

mod backtrack;
mod collating;

use regex::bytes::{Regex, RegexBuilder};

pub use backtrack::{Backtracking, has_back_reference};

/// Whether letters match in either case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `REG_ICASE` is not set.
    Sensitive,
    /// `REG_ICASE` is set.
    Ignored,
}

/// What a newline in the text means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Newline {
    /// An ordinary byte: `.` matches it, `^` and `$` are the ends of the text.
    Ordinary,
    /// `REG_NEWLINE`: `.` does not match it, `^` and `$` match around it.
    Special,
}

/// Compiles a POSIX extended regular expression.
///
/// Errors: a message of one line that says what is wrong with the pattern.
pub fn compile(pattern: &[u8], case: Case, newline: Newline) -> Result<Regex, String> {
    build(&translate(pattern, newline)?, case, newline)
}

/// Compiles what [`translate`] gave, as [`compile`] does.
///
/// Errors: a message of one line that says what is wrong with the pattern.
pub fn build(translated: &str, case: Case, newline: Newline) -> Result<Regex, String> {
    RegexBuilder::new(translated)
        .unicode(false)
        .case_insensitive(case == Case::Ignored)
        .dot_matches_new_line(newline == Newline::Ordinary)
        .multi_line(newline == Newline::Special)
        .size_limit(MAX_PROGRAM_BYTES)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(limit) => format!("the expression takes more than {limit} bytes"),
            error => last_line(&error.to_string()),
        })
}

/// Whether [`build`] will compile what [`translate`] gave, found out in a tenth of its time. Only for patterns
/// without counted repetitions, which alone can make a short pattern large.
///
/// Errors: as [`build`].
pub fn check(translated: &str) -> Result<(), String> {
    let rules = regex_automata::util::syntax::Config::new().unicode(false).utf8(false);
    regex_automata::util::syntax::parse_with(translated, &rules)
        .map(drop)
        .map_err(|error| last_line(&error.to_string()))
}

/// What the engine says of an error, without the picture above it.
fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or_default().trim();
    line.strip_prefix("error: ").unwrap_or(line).to_owned()
}

/// Rewrites the pattern in the syntax of the engine, for those who drive it themselves.
///
/// Errors: a message of one line that says what is wrong with the pattern.
pub fn translate(pattern: &[u8], newline: Newline) -> Result<String, String> {
    // C strings end at a NUL.
    let pattern = pattern.split(|&byte| byte == 0).next().unwrap_or_default();
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut rest = pattern;
    let mut open_groups = Vec::new();
    let mut atom = 0;
    // Whether the token before can be repeated: at the start of a branch nothing can.
    let mut repeatable = false;
    while let Some(&byte) = rest.first() {
        let mut taken = 1;
        let is_repetition = repeatable && matches!(byte, b'*' | b'+' | b'?' | b'{');
        if !repeatable && matches!(byte, b'*' | b'+' | b'?' | b'{') {
            return Err(format!("there is nothing to repeat before {}", byte as char));
        }
        repeatable = true;
        if !is_repetition {
            atom = out.len();
        }
        match byte {
            b'[' => taken = bracket(rest, newline, &mut out)?,
            b'\\' => {
                let escaped = *rest.get(1).ok_or("the pattern ends in a backslash")?;
                taken = 2;
                escape(escaped, &mut out)?;
            }
            b'(' => {
                open_groups.push(out.len());
                out.push('(');
                repeatable = false;
            }
            b')' if !open_groups.is_empty() => {
                atom = open_groups.pop().unwrap_or_default();
                out.push(')');
            }
            b'|' => {
                out.push('|');
                repeatable = false;
            }
            b'^' => {
                out.push('^');
                // The C library refuses `^*`.
                repeatable = false;
            }
            b'*' | b'+' | b'?' if is_repetition => {
                repeat(&mut out, atom, (byte as char).encode_utf8(&mut [0; 4]));
            }
            b'{' if is_repetition => {
                let len = interval_len(rest).ok_or("a repetition is {n}, {n,} or {n,m}")?;
                taken = len;
                repeat(&mut out, atom, &String::from_utf8_lossy(&rest[..len]).replace("{,", "{0,"));
            }
            b'.' | b'$' => out.push(byte as char),
            byte => literal(byte, &mut out),
        }
        rest = &rest[taken..];
    }
    if open_groups.is_empty() { Ok(out) } else { Err("unmatched (".to_owned()) }
}

/// Appends a repetition of the atom at `atom`. After another repetition the engine would read `?` as laziness;
/// POSIX repeats the repetition.
fn repeat(out: &mut String, atom: usize, repetition: &str) {
    let simple = |text: &str| matches!(text, "*" | "+" | "?");
    let last = out.len().saturating_sub(1);
    if last <= atom || !out.ends_with(['*', '+', '?', '}']) {
        out.push_str(repetition);
    } else if simple(&out[last..]) && simple(repetition) {
        // `a**` is `a*`, `a++` is `a+`, `a??` is `a?`; any two different ones allow none and many.
        if &out[last..] != repetition {
            out.replace_range(last.., "*");
        }
    } else {
        out.insert_str(atom, "(?:");
        out.push(')');
        out.push_str(repetition);
    }
}

/// Length of `{m}`, `{m,}`, `{m,n}` or `{,n}` at the start of the text.
fn interval_len(text: &[u8]) -> Option<usize> {
    let close = memchr::memchr(b'}', text)?;
    let inner = &text[1..close];
    let is_interval = !inner.is_empty()
        && inner.iter().all(|&byte| byte.is_ascii_digit() || byte == b',')
        && inner.iter().filter(|&&byte| byte == b',').count() <= 1
        && inner.iter().any(u8::is_ascii_digit);
    is_interval.then_some(close + 1)
}

fn escape(escaped: u8, out: &mut String) -> Result<(), String> {
    match escaped {
        b'w' | b'W' | b's' | b'S' | b'b' | b'B' => {
            out.push('\\');
            out.push(escaped as char);
        }
        b'<' => out.push_str(r"\b{start}"),
        b'>' => out.push_str(r"\b{end}"),
        b'`' => out.push_str(r"\A"),
        b'\'' => out.push_str(r"\z"),
        b'1'..=b'9' => return Err("back-references in a pattern are not supported here".to_owned()),
        byte => literal(byte, out),
    }
    Ok(())
}

fn literal(byte: u8, out: &mut String) {
    use std::fmt::Write;
    if byte.is_ascii_alphanumeric() || byte == b' ' || byte == b'_' || byte == b'/' || byte == b':' {
        out.push(byte as char);
    } else {
        write!(out, "\\x{byte:02x}").expect("writing to a string does not fail");
    }
}

/// Translates a bracket expression; gives its length.
fn bracket(text: &[u8], newline: Newline, out: &mut String) -> Result<usize, String> {
    const OPEN: &str = "unmatched [";
    let mut at = 1;
    out.push('[');
    if text.get(at) == Some(&b'^') {
        out.push('^');
        at += 1;
        if newline == Newline::Special {
            out.push_str("\\n");
        }
    }
    let first = at;
    loop {
        let byte = *text.get(at).ok_or(OPEN)?;
        match (byte, text.get(at + 1)) {
            (b']', _) if at > first => {
                out.push(']');
                return Ok(at + 1);
            }
            (b'[', Some(&kind @ (b':' | b'.' | b'='))) => {
                let body = &text[at + 2..];
                let end = body.windows(2).position(|pair| pair == [kind, b']']).ok_or(OPEN)?;
                class(kind, &body[..end], out)?;
                at += end + 4;
            }
            _ => {
                member(byte, out);
                at += 1;
                if text.get(at) == Some(&b'-') && text.get(at + 1).is_some_and(|&end| end != b']') {
                    let end = text[at + 1];
                    if end < byte {
                        return Err("a range in brackets ends before it starts".to_owned());
                    }
                    out.push('-');
                    member(end, out);
                    at += 2;
                }
            }
        }
    }
}

fn class(kind: u8, name: &[u8], out: &mut String) -> Result<(), String> {
    const CLASSES: &[&str] = &[
        "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper",
        "xdigit",
    ];
    if kind != b':' {
        let unknown = || format!("unknown collating element '{}'", String::from_utf8_lossy(name));
        member(collating::byte(name).ok_or_else(unknown)?, out);
        return Ok(());
    }
    let known = CLASSES.iter().find(|class| class.as_bytes() == name);
    let name =
        known.ok_or_else(|| format!("unknown character class [:{}:]", String::from_utf8_lossy(name)))?;
    out.push_str("[:");
    out.push_str(name);
    out.push_str(":]");
    Ok(())
}

fn member(byte: u8, out: &mut String) {
    use std::fmt::Write;
    if byte.is_ascii_alphanumeric() {
        out.push(byte as char);
    } else {
        write!(out, "\\x{byte:02x}").expect("writing to a string does not fail");
    }
}

/// Bound of a compiled expression.
const MAX_PROGRAM_BYTES: usize = 4 << 20;

#[cfg(test)]
mod tests {
    use super::{Case, Newline, compile};

    fn finds(pattern: &str, text: &str) -> Option<String> {
        let regex = compile(pattern.as_bytes(), Case::Sensitive, Newline::Ordinary).expect(pattern);
        regex.find(text.as_bytes()).map(|found| String::from_utf8_lossy(found.as_bytes()).into_owned())
    }

    #[test]
    fn reads_the_posix_dialect() {
        let rows: &[(&str, &str, Option<&str>)] = &[
            (r"^(\+|00)[1-9]", "0049", Some("004")),
            ("[12][0-9][0-9]", "404", None),
            (r"[\.]", r"\", Some(r"\")),
            ("[]a]+", "x]a]", Some("]a]")),
            ("[^]a]", "]ab", Some("b")),
            ("[[:digit:]]+", "ab12", Some("12")),
            ("[a-]+", "-a-", Some("-a-")),
            ("[[.hyphen.][=a=]]+", "x-a", Some("-a")),
            (r"\d", "5", None),
            (r"\d", "d", Some("d")),
            (r"\<b", "ab b", Some("b")),
            ("a{2,3}", "aaaa", Some("aaa")),
            ("a{,2}b", "aab", Some("aab")),
            ("a)", "a)", Some("a)")),
            ("a.c", "a\nc", Some("a\nc")),
            ("c$", "c\nd", None),
            ("", "x", Some("")),
            ("a**", "aa", Some("aa")),
            ("(ab)+?c", "ababc", Some("ababc")),
            ("a{2}*b", "aaaab", Some("aaaab")),
            ("~&%", "~&%", Some("~&%")),
        ];
        for (pattern, text, expected) in rows {
            assert_eq!(finds(pattern, text).as_deref(), *expected, "{pattern}");
        }
    }

    #[test]
    fn cases_and_newlines_follow_the_flags() {
        let folded = compile(b"^ABC$", Case::Ignored, Newline::Special).expect("valid");
        assert!(folded.is_match(b"x\nabc\ny"));
        let dot = compile(b"a.b", Case::Sensitive, Newline::Special).expect("valid");
        assert!(!dot.is_match(b"a\nb"));
    }

    #[test]
    fn refuses_broken_patterns() {
        for pattern in [
            "(",
            "[a",
            "a\\",
            "*a",
            "a|*b",
            "(?a)",
            "^*",
            "{1}",
            "a{x}",
            "x{",
            "[[:ALPHA:]]",
            "[z-a]",
            "(a)\\1",
            "a{3,2}",
            "((((a{99}){99}){99}){99})",
        ] {
            assert!(compile(pattern.as_bytes(), Case::Sensitive, Newline::Ordinary).is_err(), "{pattern}");
        }
    }

    #[test]
    fn any_bytes_are_either_compiled_or_refused() {
        for first in 0..=255u8 {
            for second in [b'(', b'[', b'\\', b'*', b'{', 0xff, b'a'] {
                let pattern = [first, second, b']', b'?', first];
                let _ = compile(&pattern, Case::Ignored, Newline::Ordinary);
            }
        }
    }
}
