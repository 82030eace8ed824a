//! Regular expressions as configurations mean them: POSIX extended, in the dialect of [`sip::ere`].
//!
//! A constant pattern is checked while loading and compiled at its first use, so that a configuration with
//! thousands of them starts at once.

use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use regex::bytes::Regex;
use rustc_hash::FxHashMap;
use sip::ere::{self, Newline};

/// A checked pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    /// In the syntax of the engine.
    translated: Box<str>,
    case: Case,
    lines: Lines,
    regex: OnceLock<Regex>,
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
    /// Checks a pattern. Errors: what is wrong with it, one line.
    pub fn compile(source: &[u8], case: Case) -> Result<Pattern, PatternError> {
        Pattern::compile_for(source, case, Lines::Plain)
    }

    /// Checks a pattern that treats line ends as `lines` says. Errors: as [`Pattern::compile`].
    pub fn compile_for(source: &[u8], case: Case, lines: Lines) -> Result<Pattern, PatternError> {
        let translated = ere::translate(source, newline(lines)).map_err(PatternError)?;
        let pattern = Pattern { translated: translated.into(), case, lines, regex: OnceLock::new() };
        // A counted repetition can be too large to compile; everything else that can be wrong is syntax.
        if source.contains(&b'{') || source.len() > LAZY_BYTES {
            let regex = pattern.build().map_err(PatternError)?;
            // Nobody else has it yet.
            let _ = pattern.regex.set(regex);
        } else {
            ere::check(&pattern.translated).map_err(PatternError)?;
        }
        Ok(pattern)
    }

    /// True when the pattern matches anywhere in `text`, which ends at its first NUL.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.regex().is_match(until_nul(text))
    }

    /// The compiled expression, for substitutions; group 0 is the whole match.
    pub fn regex(&self) -> &Regex {
        self.regex.get_or_init(|| self.build().expect("a short pattern of good syntax compiles"))
    }

    fn build(&self) -> Result<Regex, String> {
        let case = match self.case {
            Case::Ignore => ere::Case::Ignored,
            Case::Match => ere::Case::Sensitive,
        };
        ere::build(&self.translated, case, newline(self.lines))
    }
}

fn newline(lines: Lines) -> Newline {
    match lines {
        Lines::Plain => Newline::Ordinary,
        Lines::Apart => Newline::Special,
    }
}

/// Longest pattern that is compiled at its first use only.
const LAZY_BYTES: usize = 1_000;

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
            ("a\\", "ends in a backslash"),
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
