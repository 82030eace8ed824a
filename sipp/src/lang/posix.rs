//! POSIX extended regular expressions with leftmost-longest matches, on the engine of the regex crate.
//!
//! [`sip::ere`] translates the syntax; `.` matches line ends. The engine prefers the first alternative that
//! matches; where another one from the same start is longer, a second search fits the groups to the longest
//! match. Among equally long matches the groups are those of the alternative written first, as in the C library that
//! SIPp is built with. Expressions that refer back to a group go to a backtracking matcher, which tries all ways and
//! keeps the longest.

use std::fmt;

use regex_automata::meta::Regex;
use regex_automata::nfa::thompson;
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind, Span, dfa};
use sip::ere::{Backtracking, Case, Newline};

/// A compiled expression.
#[derive(Clone)]
pub struct PosixRegex {
    source: Box<str>,
    engine: Engine,
}

/// What matches it.
#[derive(Clone)]
enum Engine {
    /// Automata: all expressions but those below.
    Automata(Automata),
    /// An expression that refers back to a group.
    Backtracking(Box<Backtracking>),
}

#[derive(Clone)]
struct Automata {
    first: Regex,
    longest: Option<Box<Longest>>,
}

/// What finds the longest match from a given start; absent for expressions whose first match is the longest.
#[derive(Clone)]
struct Longest {
    ends: dfa::dense::DFA<Vec<u32>>,
    whole: Regex,
}

/// Why an expression cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PosixError(pub String);

impl fmt::Display for PosixError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for PosixError {}

impl fmt::Debug for PosixRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "/{}/", self.source)
    }
}

impl PosixRegex {
    /// Compiles an expression. Errors: syntax, an expression too large.
    pub fn new(source: &str) -> Result<PosixRegex, PosixError> {
        if sip::ere::has_back_reference(source.as_bytes()) {
            let compiled = Backtracking::new(source.as_bytes(), Case::Sensitive, Newline::Ordinary);
            let engine = Engine::Backtracking(Box::new(compiled.map_err(PosixError)?));
            return Ok(PosixRegex { source: source.into(), engine });
        }
        let translated = sip::ere::translate(source.as_bytes(), Newline::Ordinary).map_err(PosixError)?;
        let first = build(&translated).map_err(|error| PosixError(short_reason(&error)))?;
        let needs_longest = source.contains(['|', '?', '*', '+', '{']) && !is_greedy_sequence(source);
        let longest = if needs_longest { build_longest(&translated) } else { None };
        Ok(PosixRegex { source: source.into(), engine: Engine::Automata(Automata { first, longest }) })
    }

    /// The expression as written.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// True when the expression matches somewhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.engine {
            Engine::Automata(automata) => automata.first.is_match(text),
            Engine::Backtracking(matcher) => matcher.find(text, 0).is_some(),
        }
    }

    /// The leftmost-longest match: the whole and its groups, in order; `None` for a group that took no part.
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Vec<Option<&'t [u8]>>> {
        match &self.engine {
            Engine::Automata(automata) => automata.captures(text),
            Engine::Backtracking(matcher) => {
                let slice = |(start, end): (usize, usize)| &text[start..end];
                Some(matcher.find(text, 0)?.into_iter().map(|span| span.map(slice)).collect())
            }
        }
    }
}

impl Automata {
    fn captures<'t>(&self, text: &'t [u8]) -> Option<Vec<Option<&'t [u8]>>> {
        let mut captures = self.first.create_captures();
        self.first.captures(text, &mut captures);
        let found = captures.get_match()?.span();
        if let Some(longest) = &self.longest
            && let Some(end) = longest.end_of(text, found.start)
            && end > found.end
        {
            let mut refit = longest.whole.create_captures();
            let span = Span { start: found.start, end };
            longest.whole.captures(Input::new(&text[span]).anchored(Anchored::Yes), &mut refit);
            if refit.is_match() {
                return Some(slices(&refit, &text[span]));
            }
        }
        Some(slices(&captures, text))
    }
}

impl Longest {
    fn end_of(&self, text: &[u8], start: usize) -> Option<usize> {
        use regex_automata::dfa::Automaton;
        let input = Input::new(text).range(start..).anchored(Anchored::Yes);
        self.ends.try_search_fwd(&input).ok().flatten().map(|half| half.offset())
    }
}

fn slices<'t>(captures: &Captures, text: &'t [u8]) -> Vec<Option<&'t [u8]>> {
    captures.iter().map(|span| span.map(|span| &text[span])).collect()
}

/// Memory one expression may take; network text cannot make it grow.
const SIZE_LIMIT: usize = 1 << 20;

fn config() -> syntax::Config {
    syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true).nest_limit(100)
}

fn build(pattern: &str) -> Result<Regex, Box<regex_automata::meta::BuildError>> {
    Regex::builder()
        .configure(Regex::config().utf8_empty(false).nfa_size_limit(Some(SIZE_LIMIT)))
        .syntax(config())
        .build(pattern)
        .map_err(Box::new)
}

/// `None` when the automaton would be too large: such an expression keeps the first match.
fn build_longest(pattern: &str) -> Option<Box<Longest>> {
    let ends = dfa::dense::Builder::new()
        .configure(
            dfa::dense::Config::new()
                .match_kind(MatchKind::All)
                .start_kind(dfa::StartKind::Anchored)
                .dfa_size_limit(Some(SIZE_LIMIT))
                .determinize_size_limit(Some(SIZE_LIMIT)),
        )
        .thompson(thompson::Config::new().utf8(false))
        .syntax(config())
        .build(pattern)
        .ok()?;
    let whole = build(&format!("(?:{pattern})\\z")).ok()?;
    Some(Box::new(Longest { ends, whole }))
}

/// True when the only choices are greedy repetitions of single characters or lists at the top level, none of
/// which is optional beside another: then the first match of the engine is the longest already.
fn is_greedy_sequence(source: &str) -> bool {
    !source.contains(['|', '?', '{']) && !source.contains(")*") && !source.contains(")+")
}

fn short_reason(error: &regex_automata::meta::BuildError) -> String {
    let text = error.syntax_error().map_or_else(|| error.to_string(), ToString::to_string);
    text.lines().last().unwrap_or_default().trim_start_matches("error: ").to_string()
}

#[cfg(test)]
mod tests {
    use super::PosixRegex;

    fn groups(pattern: &str, text: &str) -> Option<Vec<Option<String>>> {
        let regex = PosixRegex::new(pattern).expect(pattern);
        let found = regex.captures(text.as_bytes())?;
        Some(found.into_iter().map(|group| group.map(|g| String::from_utf8_lossy(g).into_owned())).collect())
    }

    #[test]
    fn matches_are_leftmost_and_longest() {
        let rows: [(&str, &str, &[&str]); 21] = [
            ("a|ab", "xab", &["ab"]),
            ("(a|ab)(c|bcd)", "abcd", &["abcd", "a", "bcd"]),
            // POSIX wants ab, c, d; the C library, and so SIPp, gives this.
            ("(a|ab)(c|bcd)(d*)", "abcd", &["abcd", "a", "bcd", ""]),
            ("(fo|foo)(bar|obar)", "foobar", &["foobar", "fo", "obar"]),
            ("(a|aa)(a|aa)", "aaa", &["aaa", "a", "aa"]),
            ("(a|ab|aba)*", "abab", &["abab", "ab"]),
            ("((a|ab)(c|bcd)?)*", "abcabc", &["abcabc", "abc", "ab", "c"]),
            ("a?(ab)?", "ab", &["ab", "ab"]),
            (".*", "a\r\nb", &["a\r\nb"]),
            ("[[:digit:]]{1,3}\\.[0-9]+", "ip 127.04", &["127.04"]),
            ("[]x]+", "a]x]", &["]x]"]),
            ("[^]]*", "ab]", &["ab"]),
            ("[a\\]+", "\\a\\", &["\\a\\"]),
            ("(a)(b)?c", "ac", &["ac", "a"]),
            ("x{,3}", "xxxx", &["xxx"]),
            ("sip:[^;>]+", "<sip:a@b;lr>", &["sip:a@b"]),
            ("(o=)([[:alnum:]]*) ([0-9]+)", "o=user1 42", &["o=user1 42", "o=", "user1", "42"]),
            ("a**b", "aab", &["aab"]),
            ("100|180|18.", "183", &["183"]),
            ("(a|ab)(.)\\2?", "abb", &["abb", "a", "b"]),
            ("[[.colon.]][[=a=]]+", "sip:aab", &[":aa"]),
        ];
        for (pattern, text, expected) in rows {
            let found = groups(pattern, text).unwrap_or_else(|| panic!("{pattern} on {text}"));
            let found: Vec<_> = found.iter().flatten().map(String::as_str).collect();
            assert_eq!(found, expected, "{pattern} on {text}");
        }
        assert_eq!(groups("^b", "a\nb"), None, "^ is the start of the text, not of a line");
    }

    #[test]
    fn broken_expressions_are_refused_with_a_reason() {
        for pattern in ["(", "[a", "a\\", "(a)\\2", "[[:nope:]]", "[b-a]", "a{3,1}"] {
            assert!(PosixRegex::new(pattern).is_err(), "{pattern}");
        }
    }
}
