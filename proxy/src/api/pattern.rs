//! Regular expressions as configurations mean them: POSIX extended, in the dialect of [`sip::ere`].
//!
//! A constant pattern is checked while loading and compiled at its first use, so that a configuration with
//! thousands of them starts at once.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use regex::bytes::Regex;
use rustc_hash::FxHashMap;
use sip::ere::{self, Backtracking, Newline};

/// A checked pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    engine: Engine,
}

/// What matches it.
#[derive(Clone, Debug)]
enum Engine {
    /// An automaton, which takes time in proportion to the text: all patterns but those below.
    Automaton(Automaton),
    /// A pattern that refers back to a group; its steps are bounded.
    Backtracking(Box<Backtracking>),
}

#[derive(Clone, Debug)]
struct Automaton {
    /// In the syntax of the engine.
    translated: Box<str>,
    case: Case,
    lines: Lines,
    regex: OnceLock<Regex>,
}

/// One match: the whole, then its groups; `None` for a group that took no part.
pub type Groups = Vec<Option<Range<usize>>>;

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
        let engine = if ere::has_back_reference(until_nul(source)) {
            let compiled = Backtracking::new(until_nul(source), folding(case), newline(lines));
            Engine::Backtracking(Box::new(compiled.map_err(PatternError)?))
        } else {
            Engine::Automaton(Automaton::checked(source, case, lines).map_err(PatternError)?)
        };
        Ok(Pattern { engine })
    }

    /// True when the pattern matches anywhere in `text`, which ends at its first NUL.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.occurs_in(until_nul(text))
    }

    /// True when the pattern matches anywhere in `text`, whatever bytes it has.
    pub fn occurs_in(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Automaton(automaton) => automaton.regex().is_match(text),
            Engine::Backtracking(matcher) => matcher.find(text, 0).is_some(),
        }
    }

    /// The matches in `text`, one behind the other, at most `most` of them.
    pub fn matches(&self, text: &[u8], most: usize) -> Vec<Groups> {
        match &self.engine {
            Engine::Automaton(automaton) => {
                let found = automaton.regex().captures_iter(text).take(most);
                found.map(|groups| groups.iter().map(|group| group.map(|it| it.range())).collect()).collect()
            }
            Engine::Backtracking(matcher) => backtracked(matcher, text, most),
        }
    }
}

/// As the automaton walks: behind an empty match the next one begins a byte later.
fn backtracked(matcher: &Backtracking, text: &[u8], most: usize) -> Vec<Groups> {
    let (mut found, mut from) = (Vec::new(), 0);
    while found.len() < most
        && from <= text.len()
        && let Some(spans) = matcher.find(text, from)
    {
        let groups: Groups = spans.into_iter().map(|span| span.map(|(start, end)| start..end)).collect();
        let Some(whole) = groups[0].clone() else { break };
        from = whole.end + usize::from(whole.is_empty());
        found.push(groups);
    }
    found
}

impl Automaton {
    fn checked(source: &[u8], case: Case, lines: Lines) -> Result<Automaton, String> {
        let translated = ere::translate(source, newline(lines))?;
        let automaton = Automaton { translated: translated.into(), case, lines, regex: OnceLock::new() };
        // A counted repetition can be too large to compile; everything else that can be wrong is syntax.
        if source.contains(&b'{') || source.len() > LAZY_BYTES {
            let regex = automaton.build()?;
            // Nobody else has it yet.
            let _ = automaton.regex.set(regex);
        } else {
            ere::check(&automaton.translated)?;
        }
        Ok(automaton)
    }

    fn regex(&self) -> &Regex {
        self.regex.get_or_init(|| self.build().expect("a short pattern of good syntax compiles"))
    }

    fn build(&self) -> Result<Regex, String> {
        ere::build(&self.translated, folding(self.case), newline(self.lines))
    }
}

fn folding(case: Case) -> ere::Case {
    match case {
        Case::Ignore => ere::Case::Ignored,
        Case::Match => ere::Case::Sensitive,
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

    /// glibc takes them, so Kamailio 5.6.3 does.
    #[test]
    fn patterns_may_refer_back_to_a_group() {
        let rows = [("(a)\\1", "xaA", true), ("(a)\\1", "ab", false), ("^(.+)@\\1$", "bob@BOB", true)];
        for (pattern, text, expected) in rows {
            let compiled = Pattern::compile(pattern.as_bytes(), Case::Ignore).expect(pattern);
            assert_eq!(compiled.is_match(text.as_bytes()), expected, "{pattern:?} on {text:?}");
        }
        let doubled = Pattern::compile(b"(.)\\1", Case::Match).expect("pattern");
        let found = doubled.matches(b"xaabb", usize::MAX);
        assert_eq!(found, [[Some(1..3), Some(1..2)], [Some(3..5), Some(3..4)]]);
        // Nothing that comes from outside keeps a shard busy: the steps are bounded.
        let costly = Pattern::compile(b"(a*)*\\1b", Case::Match).expect("pattern");
        assert!(!costly.is_match(&[b'a'; 4_000]));
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
            ("(a)\\2", "a group that does not stand before it"),
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
