//! Expressions with back-references (`(.)\1`), which no automaton can match: a backtracking matcher of their own.
//!
//! Every way to match from the leftmost start is tried and the longest kept, as POSIX asks; groups are those of
//! the first way that reaches that length. The number of steps is bounded, so that no text can hang the program:
//! what is not found within it does not match.

use regex::bytes::RegexBuilder;

use super::{Case, Newline, bracket, escape, interval_len};

/// A compiled expression.
#[derive(Clone, Debug)]
pub struct Backtracking {
    node: Node,
    groups: usize,
    case: Case,
    newline: Newline,
}

/// Start and end of a match or group.
type Span = (usize, usize);

/// True when the pattern refers back to a group.
pub fn has_back_reference(pattern: &[u8]) -> bool {
    let mut bytes = pattern.iter();
    while let Some(byte) = bytes.next() {
        if *byte == b'\\' && bytes.next().is_some_and(|next| matches!(next, b'1'..=b'9')) {
            return true;
        }
    }
    false
}

impl Backtracking {
    /// Compiles an expression. Errors: one line that says what is wrong with it.
    pub fn new(pattern: &[u8], case: Case, newline: Newline) -> Result<Backtracking, String> {
        let mut parser = Parser { rest: pattern, groups: 0, depth: 0, case, newline };
        let node = parser.alternatives()?;
        match parser.rest {
            [] => Ok(Backtracking { node, groups: parser.groups, case, newline }),
            _ => Err("a parenthesis is closed that was not opened".into()),
        }
    }

    /// The leftmost-longest match that begins at `from` or later: the whole, then its groups.
    pub fn find(&self, text: &[u8], from: usize) -> Option<Vec<Option<(usize, usize)>>> {
        let mut budget = STEPS;
        for start in from..=text.len() {
            let mut matcher = Matcher {
                text,
                case: self.case,
                newline: self.newline,
                groups: vec![None; self.groups + 1],
                best: None,
                budget,
            };
            matcher.run(&[Goal::Match(&self.node)], start);
            budget = matcher.budget;
            if let Some((end, mut groups)) = matcher.best {
                groups[0] = Some((start, end));
                return Some(groups);
            }
            if budget == 0 {
                return None;
            }
        }
        None
    }
}

#[derive(Clone, Debug)]
enum Node {
    /// One byte of this set.
    Byte(Box<[bool; 256]>),
    /// A place between two bytes.
    Place(Place),
    Group(usize, Box<Node>),
    Back(usize),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat(Box<Node>, u32, u32),
}

#[derive(Clone, Copy, Debug)]
enum Place {
    Start,
    End,
    TextStart,
    TextEnd,
    WordStart,
    WordEnd,
    WordEdge,
    NotWordEdge,
}

struct Parser<'p> {
    rest: &'p [u8],
    groups: usize,
    depth: u32,
    case: Case,
    newline: Newline,
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Result<Node, String> {
        let mut branches = vec![self.sequence()?];
        while let [b'|', rest @ ..] = self.rest {
            self.rest = rest;
            branches.push(self.sequence()?);
        }
        Ok(if branches.len() == 1 { branches.swap_remove(0) } else { Node::Either(branches) })
    }

    fn sequence(&mut self) -> Result<Node, String> {
        let mut nodes = Vec::new();
        while let Some(byte) = self.rest.first() {
            if *byte == b'|' || (*byte == b')' && self.depth > 0) {
                break;
            }
            let atom = self.atom()?;
            nodes.push(self.repeated(atom)?);
        }
        Ok(Node::Sequence(nodes))
    }

    fn repeated(&mut self, mut atom: Node) -> Result<Node, String> {
        loop {
            let (least, most, taken) = match self.rest.first() {
                Some(b'*') => (0, u32::MAX, 1),
                Some(b'+') => (1, u32::MAX, 1),
                Some(b'?') => (0, 1, 1),
                Some(b'{') => match interval_len(self.rest) {
                    Some(taken) => {
                        let (least, most) = interval(&self.rest[1..taken - 1])?;
                        (least, most, taken)
                    }
                    None => return Ok(atom),
                },
                _ => return Ok(atom),
            };
            self.rest = &self.rest[taken..];
            atom = Node::Repeat(Box::new(atom), least, most);
        }
    }

    fn atom(&mut self) -> Result<Node, String> {
        let (byte, rest) = self.rest.split_first().ok_or("the pattern ends too early")?;
        match byte {
            b'(' => {
                self.rest = rest;
                if self.depth >= MOST_NESTED {
                    return Err("parentheses are nested too deeply".into());
                }
                self.groups += 1;
                let number = self.groups;
                self.depth += 1;
                let inner = self.alternatives()?;
                self.depth -= 1;
                self.rest = self.rest.strip_prefix(b")").ok_or("a parenthesis is not closed")?;
                Ok(Node::Group(number, Box::new(inner)))
            }
            b'^' => Ok(self.place(Place::Start)),
            b'$' => Ok(self.place(Place::End)),
            b'\\' => self.escaped(rest),
            b'[' => {
                let mut translated = String::new();
                let taken = bracket(self.rest, self.newline, &mut translated)?;
                self.rest = &self.rest[taken..];
                self.set(&translated)
            }
            b'.' => {
                self.rest = rest;
                let newline = self.newline;
                Ok(bytes(|byte| newline == Newline::Ordinary || byte != b'\n'))
            }
            literal => {
                self.rest = rest;
                Ok(self.literal(*literal))
            }
        }
    }

    fn escaped(&mut self, rest: &[u8]) -> Result<Node, String> {
        let escaped = *rest.first().ok_or("the pattern ends in a backslash")?;
        self.rest = &self.rest[2..];
        let place = match escaped {
            b'1'..=b'9' => {
                let number = usize::from(escaped - b'0');
                if number > self.groups {
                    return Err(format!("\\{number} refers to a group that does not stand before it"));
                }
                return Ok(Node::Back(number));
            }
            b'<' => Place::WordStart,
            b'>' => Place::WordEnd,
            b'b' => Place::WordEdge,
            b'B' => Place::NotWordEdge,
            b'`' => Place::TextStart,
            b'\'' => Place::TextEnd,
            b'w' | b'W' | b's' | b'S' => {
                let mut translated = String::new();
                escape(escaped, &mut translated)?;
                return self.set(&translated);
            }
            literal => return Ok(self.literal(literal)),
        };
        Ok(Node::Place(place))
    }

    fn place(&mut self, place: Place) -> Node {
        self.rest = &self.rest[1..];
        Node::Place(place)
    }

    fn literal(&self, literal: u8) -> Node {
        let case = self.case;
        bytes(|byte| same(case, byte, literal))
    }

    /// The bytes that a translated one-byte expression matches.
    fn set(&self, translated: &str) -> Result<Node, String> {
        let regex = RegexBuilder::new(&format!("^(?:{translated})$"))
            .unicode(false)
            .case_insensitive(self.case == Case::Ignored)
            .build()
            .map_err(|error| error.to_string().lines().last().unwrap_or_default().trim().to_owned())?;
        Ok(bytes(|byte| regex.is_match(&[byte])))
    }
}

fn bytes(holds: impl Fn(u8) -> bool) -> Node {
    let mut set = Box::new([false; 256]);
    for byte in 0..=255u8 {
        set[usize::from(byte)] = holds(byte);
    }
    Node::Byte(set)
}

fn same(case: Case, one: u8, other: u8) -> bool {
    if case == Case::Ignored { one.eq_ignore_ascii_case(&other) } else { one == other }
}

/// `m`, `m,`, `,n` or `m,n`.
fn interval(text: &[u8]) -> Result<(u32, u32), String> {
    let text = String::from_utf8_lossy(text);
    let number = |text: &str, absent: u32| {
        let given = text.parse().map_err(|_| "a repetition count is too large");
        if text.is_empty() { Ok(absent) } else { given }
    };
    let (least, most) = match text.split_once(',') {
        None => (number(&text, 0)?, number(&text, 0)?),
        Some((least, most)) => (number(least, 0)?, number(most, u32::MAX)?),
    };
    let limits = least <= most && least <= MOST_REPEATED && (most <= MOST_REPEATED || most == u32::MAX);
    limits.then_some((least, most)).ok_or_else(|| "a repetition count is wrong or too large".into())
}

/// What is still to be matched, the next thing last.
#[derive(Clone, Copy)]
enum Goal<'n> {
    Match(&'n Node),
    /// The group of that number, which began there, ends here.
    Close(usize, usize),
    /// So many more repetitions of a node are needed and allowed; the last one began there.
    Again(&'n Node, u32, u32, usize),
}

struct Matcher<'t> {
    text: &'t [u8],
    case: Case,
    newline: Newline,
    groups: Vec<Option<Span>>,
    best: Option<(usize, Vec<Option<Span>>)>,
    budget: u32,
}

/// A way not tried yet: goals, place, groups.
struct Branch<'n> {
    goals: Vec<Goal<'n>>,
    at: usize,
    groups: Vec<Option<Span>>,
}

impl Matcher<'_> {
    /// Tries all ways to reach the goals from `start`; the last goal comes first. No recursion: ways wait in a list.
    fn run<'n>(&mut self, goals: &[Goal<'n>], start: usize) {
        let mut waiting = vec![Branch { goals: goals.to_vec(), at: start, groups: self.groups.clone() }];
        while let Some(mut branch) = waiting.pop() {
            loop {
                if self.budget == 0 || waiting.len() > MOST_WAITING {
                    self.budget = 0;
                    return;
                }
                self.budget -= 1;
                let Some(goal) = branch.goals.pop() else {
                    if self.best.as_ref().is_none_or(|(end, _)| branch.at > *end) {
                        self.best = Some((branch.at, branch.groups));
                    }
                    break;
                };
                if !self.step(goal, &mut branch, &mut waiting) {
                    break;
                }
            }
            if self.best.as_ref().is_some_and(|(end, _)| *end == self.text.len()) {
                // No way can be longer.
                return;
            }
        }
    }

    /// Reaches one goal; false when this way leads nowhere.
    fn step<'n>(&self, goal: Goal<'n>, branch: &mut Branch<'n>, waiting: &mut Vec<Branch<'n>>) -> bool {
        match goal {
            Goal::Close(number, start) => branch.groups[number] = Some((start, branch.at)),
            Goal::Again(node, least, most, began) => {
                // A repetition that took nothing would go on for ever.
                if most > 0 && (least > 0 || branch.at > began) {
                    if least == 0 {
                        waiting.push(branch.copy());
                    }
                    branch.goals.push(Goal::Again(node, least.saturating_sub(1), more(most), branch.at));
                    branch.goals.push(Goal::Match(node));
                }
            }
            Goal::Match(node) => return self.match_node(node, branch, waiting),
        }
        true
    }

    fn match_node<'n>(&self, node: &'n Node, branch: &mut Branch<'n>, waiting: &mut Vec<Branch<'n>>) -> bool {
        match node {
            Node::Byte(set) => {
                let holds = self.text.get(branch.at).is_some_and(|byte| set[usize::from(*byte)]);
                branch.at += 1;
                return holds;
            }
            Node::Place(place) => return self.is_at(*place, branch.at),
            Node::Group(number, inner) => {
                branch.goals.push(Goal::Close(*number, branch.at));
                branch.goals.push(Goal::Match(inner));
            }
            Node::Back(number) => {
                let Some((start, end)) = branch.groups[*number] else { return false };
                let (taken, rest) = (&self.text[start..end], &self.text[branch.at..]);
                let equal = rest.len() >= taken.len()
                    && taken.iter().zip(rest).all(|(one, other)| same(self.case, *one, *other));
                branch.at += taken.len();
                return equal;
            }
            Node::Sequence(nodes) => branch.goals.extend(nodes.iter().rev().map(Goal::Match)),
            Node::Either(nodes) => {
                for other in nodes.iter().skip(1).rev() {
                    let mut copy = branch.copy();
                    copy.goals.push(Goal::Match(other));
                    waiting.push(copy);
                }
                branch.goals.extend(nodes.first().map(Goal::Match));
            }
            Node::Repeat(node, least, most) => {
                if *least == 0 {
                    // Not at all is the last thing to try.
                    waiting.push(branch.copy());
                }
                if *most > 0 {
                    branch.goals.push(Goal::Again(node, least.saturating_sub(1), more(*most), branch.at));
                    branch.goals.push(Goal::Match(node));
                }
            }
        }
        true
    }

    fn is_at(&self, place: Place, at: usize) -> bool {
        let is_word =
            |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
        let before = is_word(at.checked_sub(1).and_then(|before| self.text.get(before)));
        let behind = is_word(self.text.get(at));
        let lines = self.newline == Newline::Special;
        match place {
            Place::TextStart => at == 0,
            Place::TextEnd => at == self.text.len(),
            Place::Start => at == 0 || (lines && self.text[at - 1] == b'\n'),
            Place::End => at == self.text.len() || (lines && self.text[at] == b'\n'),
            Place::WordStart => !before && behind,
            Place::WordEnd => before && !behind,
            Place::WordEdge => before != behind,
            Place::NotWordEdge => before == behind,
        }
    }
}

impl<'n> Branch<'n> {
    fn copy(&self) -> Branch<'n> {
        Branch { goals: self.goals.clone(), at: self.at, groups: self.groups.clone() }
    }
}

fn more(most: u32) -> u32 {
    if most == u32::MAX { most } else { most - 1 }
}

/// Steps that one search may take: some tens of milliseconds.
const STEPS: u32 = 2_000_000;
/// Ways that may wait to be tried.
const MOST_WAITING: usize = 100_000;
/// Parentheses within parentheses.
const MOST_NESTED: u32 = 100;
/// `RE_DUP_MAX` of the C library.
const MOST_REPEATED: u32 = 32_767;

#[cfg(test)]
mod tests {
    use super::super::{Case, Newline};
    use super::{Backtracking, has_back_reference};

    fn finds(pattern: &str, text: &str) -> Option<Vec<Option<String>>> {
        let compiled =
            Backtracking::new(pattern.as_bytes(), Case::Sensitive, Newline::Ordinary).expect(pattern);
        let spans = compiled.find(text.as_bytes(), 0)?;
        Some(spans.into_iter().map(|span| span.map(|(start, end)| text[start..end].to_owned())).collect())
    }

    /// Compared with regexec of the GNU C library.
    #[test]
    fn groups_are_matched_again() {
        type Groups = Option<&'static [Option<&'static str>]>;
        let rows: &[(&str, &str, Groups)] = &[
            (r"(.)\1", "abccd", Some(&[Some("cc"), Some("c")])),
            (r"(a*)b\1", "aabaa", Some(&[Some("aabaa"), Some("aa")])),
            (r"^(.*)-\1$", "ab-ab", Some(&[Some("ab-ab"), Some("ab")])),
            (r"^(.*)-\1$", "ab-ac", None),
            (r"(a|ab)(c|bcd)\2?", "abcd", Some(&[Some("abcd"), Some("a"), Some("bcd")])),
            (r"([0-9]+)\.\1", "12.123", Some(&[Some("12.12"), Some("12")])),
            (
                r"tag=([[:alnum:]]{2,4}).*tag=\1",
                "tag=a1;x tag=a1",
                Some(&[Some("tag=a1;x tag=a1"), Some("a1")]),
            ),
            (r"(x)?\1y", "y", None),
            (r"\<(\w+) \1\>", "is this this", Some(&[Some("this this"), Some("this")])),
        ];
        for (pattern, text, expected) in rows {
            let expected = expected
                .map(|groups| groups.iter().map(|group| group.map(str::to_owned)).collect::<Vec<_>>());
            assert_eq!(finds(pattern, text), expected, "{pattern} in {text}");
        }
    }

    #[test]
    fn only_patterns_that_refer_back_are_told() {
        for (pattern, refers) in [(r"(a)\1", true), (r"\\1", false), (r"a\.b", false), (r"\\\1", true)] {
            assert_eq!(has_back_reference(pattern.as_bytes()), refers, "{pattern}");
        }
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in [r"\1", r"(a\1", r"(a)\2", r"(a)\1{2,1}", r"(a)\1[b", r"(a)\1\"] {
            let compiled = Backtracking::new(pattern.as_bytes(), Case::Sensitive, Newline::Ordinary);
            assert!(compiled.is_err(), "{pattern}");
        }
    }

    #[test]
    fn no_text_takes_for_ever() {
        let text = "a".repeat(5_000) + "b";
        assert_eq!(finds(r"(a*)*(a*)*\1\2c", &text), None);
    }
}
