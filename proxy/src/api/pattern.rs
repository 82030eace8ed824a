//! Regular expressions as configurations mean them: POSIX extended (IEEE 1003.1 9.4) with the GNU word
//! operators, translated to the syntax of the `regex` crate, whose matching time is linear in the text.
//!
//! `.` and `[^x]` match a newline, `^` and `$` only the ends of the text, `\d` is the letter d, a backslash
//! inside brackets is itself. Back-references in patterns have no linear-time matcher and are refused.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use regex::bytes::{Regex, RegexBuilder};
use rustc_hash::FxHashMap;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    regex: Regex,
}

/// Whether letters of either case are equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Case {
    /// They are: `=~` and the functions of textops.
    Ignore,
    /// They are not: `case /"re":`.
    Match,
}

/// What line ends mean to a pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Lines {
    /// Nothing: `.` and `[^x]` match them, `^` and `$` are the ends of the text.
    Plain,
    /// `.` and `[^x]` do not match them, `^` and `$` match at each line: the functions of textops.
    Apart,
}

/// Why a text is not a pattern, e.g. `unmatched [`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternError(pub String);

impl Pattern {
    /// Compiles a pattern. Errors: what is wrong with it, one line.
    pub fn compile(source: &[u8], case: Case) -> Result<Pattern, PatternError> {
        Pattern::compile_for(source, case, Lines::Plain)
    }

    /// Compiles a pattern that treats line ends as `lines` says. Errors: as [`Pattern::compile`].
    pub fn compile_for(source: &[u8], case: Case, lines: Lines) -> Result<Pattern, PatternError> {
        let translated = Translator { source, lines, at: 0, out: String::new(), depth: 0 }.run()?;
        RegexBuilder::new(&translated)
            .unicode(false)
            .dot_matches_new_line(lines == Lines::Plain)
            .multi_line(lines == Lines::Apart)
            .case_insensitive(case == Case::Ignore)
            .size_limit(1 << 20)
            .build()
            .map(|regex| Pattern { regex })
            .map_err(|error| PatternError(last_line(&error.to_string())))
    }

    /// True when the pattern matches anywhere in `text`, which ends at its first NUL.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(until_nul(text))
    }

    /// The compiled expression, for substitutions; group 0 is the whole match.
    pub fn regex(&self) -> &Regex {
        &self.regex
    }
}

impl fmt::Display for PatternError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Patterns that came out of variables, compiled once each. Bounded: emptied when it is full.
#[derive(Debug, Default)]
pub struct PatternCache {
    compiled: FxHashMap<(Bytes, Case), Arc<Pattern>>,
}

/// Most dynamic patterns kept compiled.
const CACHE_LIMIT: usize = 512;

impl PatternCache {
    /// The compiled form of `source`. Errors: see [`Pattern::compile`].
    pub fn get(&mut self, source: &Bytes, case: Case) -> Result<Arc<Pattern>, PatternError> {
        let key = (source.clone(), case);
        if let Some(pattern) = self.compiled.get(&key) {
            return Ok(pattern.clone());
        }
        let pattern = Arc::new(Pattern::compile(source, case)?);
        if self.compiled.len() >= CACHE_LIMIT {
            self.compiled.clear();
        }
        // The key must not keep a whole received message alive.
        self.compiled.insert((Bytes::copy_from_slice(source), case), pattern.clone());
        Ok(pattern)
    }
}

fn until_nul(text: &[u8]) -> &[u8] {
    &text[..memchr::memchr(0, text).unwrap_or(text.len())]
}

fn last_line(message: &str) -> String {
    let line = message.lines().last().unwrap_or(message);
    line.trim_start_matches("error: ").to_owned()
}

struct Translator<'a> {
    source: &'a [u8],
    lines: Lines,
    at: usize,
    out: String,
    depth: usize,
}

impl Translator<'_> {
    fn run(mut self) -> Result<String, PatternError> {
        // True where an operator has nothing to repeat: at the start and behind ( and |.
        let mut is_start = true;
        while let Some(byte) = self.next() {
            let was_start = is_start;
            is_start = false;
            match byte {
                b'*' | b'+' | b'?' if was_start => {
                    return Err(PatternError(format!("nothing to repeat before {}", char::from(byte))));
                }
                b'{' if was_start => return Err(PatternError("nothing to repeat before {".into())),
                b'*' | b'+' | b'?' | b'.' | b'$' => self.out.push(char::from(byte)),
                b'^' => {
                    self.out.push('^');
                    is_start = was_start;
                }
                b'(' | b'|' => {
                    self.depth += usize::from(byte == b'(');
                    self.out.push(char::from(byte));
                    is_start = true;
                }
                b')' if self.depth > 0 => {
                    self.depth -= 1;
                    self.out.push(')');
                }
                b'{' => self.interval()?,
                b'[' => self.bracket()?,
                b'\\' => self.escape()?,
                other => self.literal(other),
            }
        }
        if self.depth > 0 { Err(PatternError("unmatched (".into())) } else { Ok(self.out) }
    }

    fn next(&mut self) -> Option<u8> {
        let byte = *self.source.get(self.at)?;
        self.at += 1;
        Some(byte)
    }

    fn literal(&mut self, byte: u8) {
        if byte.is_ascii_alphanumeric() || byte == b'_' || byte == b' ' {
            self.out.push(char::from(byte));
        } else {
            self.out.push_str(&format!("\\x{byte:02x}"));
        }
    }

    fn escape(&mut self) -> Result<(), PatternError> {
        match self.next() {
            None => return Err(PatternError("trailing backslash".into())),
            Some(byte @ (b'w' | b'W' | b's' | b'S' | b'b' | b'B')) => {
                self.out.push('\\');
                self.out.push(char::from(byte));
            }
            Some(b'<') => self.out.push_str("\\b{start}"),
            Some(b'>') => self.out.push_str("\\b{end}"),
            Some(b'1'..=b'9') => {
                return Err(PatternError("back-references in patterns are not supported".into()));
            }
            Some(byte) => self.literal(byte),
        }
        Ok(())
    }

    fn interval(&mut self) -> Result<(), PatternError> {
        let rest = &self.source[self.at..];
        let end = memchr::memchr(b'}', rest).ok_or_else(|| PatternError("unmatched {".into()))?;
        let inner = &rest[..end];
        let is_interval = inner.iter().all(|byte| byte.is_ascii_digit() || *byte == b',')
            && inner.iter().any(u8::is_ascii_digit);
        if !is_interval {
            return Err(PatternError("a repetition is {n}, {n,} or {n,m}".into()));
        }
        let text = String::from_utf8_lossy(inner);
        // {,m} is a GNU form of {0,m}.
        let from_zero = if text.starts_with(',') { "0" } else { "" };
        self.out.push_str(&format!("{{{from_zero}{text}}}"));
        self.at += end + 1;
        Ok(())
    }

    fn bracket(&mut self) -> Result<(), PatternError> {
        let unmatched = || PatternError("unmatched [".into());
        self.out.push('[');
        if self.source.get(self.at) == Some(&b'^') {
            self.at += 1;
            self.out.push_str(if self.lines == Lines::Apart { "^\\n" } else { "^" });
        }
        let first = self.at;
        loop {
            match self.next().ok_or_else(unmatched)? {
                b']' if self.at > first + 1 => break,
                b'[' if self.source.get(self.at) == Some(&b':') => self.class()?,
                b'[' if matches!(self.source.get(self.at), Some(b'.' | b'=')) => {
                    return Err(PatternError("collating elements are not supported".into()));
                }
                b'-' if self.at > first + 1 && !matches!(self.source.get(self.at), None | Some(b']')) => {
                    self.out.push('-');
                }
                other => self.out.push_str(&format!("\\x{other:02x}")),
            }
        }
        self.out.push(']');
        Ok(())
    }

    fn class(&mut self) -> Result<(), PatternError> {
        const CLASSES: [&str; 12] = [
            "alnum", "alpha", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space",
            "upper", "xdigit",
        ];
        let rest = &self.source[self.at + 1..];
        let found = CLASSES
            .iter()
            .find(|name| rest.strip_prefix(name.as_bytes()).is_some_and(|after| after.starts_with(b":]")));
        let name = found.ok_or_else(|| {
            PatternError(format!("unknown character class, there are {}", CLASSES.join(" ")))
        })?;
        self.out.push_str(&format!("[:{name}:]"));
        self.at += 1 + name.len() + 2;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Case, Lines, Pattern, PatternCache};

    #[test]
    fn patterns_mean_what_the_c_library_means() {
        // Pattern, text, whether it matches; measured on Kamailio 5.6.3 where =~ is used, case ignored.
        let rows: [(&str, &str, bool); 27] = [
            ("B", "abc", true),
            ("", "abc", true),
            ("^$", "", true),
            ("^(\\+|00)[1-9]", "+49", true),
            ("^(\\+|00)[1-9]", "0049", true),
            ("^(\\+|00)[1-9]", "049", false),
            ("\\d", "5", false),
            ("\\d", "d", true),
            ("\\bone\\b", "x one y", true),
            ("\\<one\\>", "xone", false),
            ("a.c", "a\nc", true),
            ("a[^x]c", "a\nc", true),
            ("^b", "a\nb", false),
            ("a$", "a\nb", false),
            ("[[:digit:]]{3}", "x123", true),
            ("^[]a]+$", "]a]", true),
            ("^[^]a]+$", "bc", true),
            ("^[\\.]$", "\\", true),
            ("^[\\.]$", "x", false),
            ("[a-c-]", "-", true),
            ("^[+-]$", "-", true),
            ("a{,2}b", "b", true),
            ("a)", "a)", true),
            ("^(a|b)*$", "abab", true),
            ("sip:.*@a\\.b", "SIP:x@A.B", true),
            ("[[&&~~]", "[", true),
            ("\u{e9}", "\u{e9}", true),
        ];
        for (pattern, text, expected) in rows {
            let compiled = Pattern::compile(pattern.as_bytes(), Case::Ignore).expect(pattern);
            assert_eq!(compiled.is_match(text.as_bytes()), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn case_matters_when_asked() {
        let pattern = Pattern::compile(b"^X", Case::Match).expect("pattern");
        assert!(pattern.is_match(b"X5") && !pattern.is_match(b"x5"));
    }

    #[test]
    fn lines_can_be_kept_apart() {
        for (pattern, expected) in [("^b$", true), ("a.b", false), ("a[^x]b", false), ("c$", true)] {
            let compiled =
                Pattern::compile_for(pattern.as_bytes(), Case::Match, Lines::Apart).expect(pattern);
            assert_eq!(compiled.is_match(b"a\nb\nc"), expected, "{pattern:?}");
        }
    }

    #[test]
    fn bad_patterns_say_why() {
        for (pattern, reason) in [
            ("a(", "unmatched ("),
            ("[a", "unmatched ["),
            ("[[:ALPHA:]]", "unknown character class"),
            ("*a", "nothing to repeat"),
            ("a{x}", "a repetition is"),
            ("a\\", "trailing backslash"),
            ("(a)\\1", "back-references"),
            ("[b-a]", "range"),
        ] {
            let error = Pattern::compile(pattern.as_bytes(), Case::Ignore).expect_err(pattern);
            assert!(error.to_string().contains(reason), "{pattern:?}: {error}");
        }
    }

    #[test]
    fn the_cache_is_bounded() {
        let mut cache = PatternCache::default();
        for number in 0..2000 {
            cache.get(&Bytes::from(format!("a{number}")), Case::Ignore).expect("pattern");
        }
        assert!(cache.compiled.len() <= super::CACHE_LIMIT);
    }
}
