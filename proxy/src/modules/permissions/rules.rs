//! Rule files: who may go where, by regular expressions on two URIs.
//!
//! A line is `from [EXCEPT from] : to [EXCEPT to]`; each list holds `ALL` or quoted expressions with commas between.

use std::sync::Arc;

use crate::api::{Case, Catalog, Pattern, Prepared};

/// The rules of a file.
#[derive(Debug, Default)]
pub(super) struct RuleFile {
    rules: Vec<Rule>,
}

/// The files behind one basename.
#[derive(Debug, Default)]
pub(super) struct Pair {
    pub(super) allow: Arc<RuleFile>,
    pub(super) deny: Arc<RuleFile>,
}

#[derive(Debug)]
struct Rule {
    from: Side,
    to: Side,
}

/// One side of the colon.
#[derive(Debug)]
struct Side {
    list: Vec<Expression>,
    except: Vec<Expression>,
}

#[derive(Debug)]
enum Expression {
    All,
    Pattern(Pattern),
}

impl RuleFile {
    /// Reads a file; one that is not there has no rules. Errors: the line and what is wrong in it.
    pub(super) fn read(name: &str) -> Result<Arc<RuleFile>, String> {
        match std::fs::read(name) {
            Ok(text) => Ok(Arc::new(RuleFile::parse(&text).map_err(|error| format!("{name}:{error}"))?)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Arc::default()),
            Err(error) => Err(format!("{name}: {error}")),
        }
    }

    fn parse(text: &[u8]) -> Result<RuleFile, String> {
        let mut rules = Vec::new();
        for (at, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let mut words =
                words(line).map_err(|error| format!("{}: {error}", at + 1))?.into_iter().peekable();
            if words.peek().is_none() {
                continue;
            }
            let wrong = |what: String| format!("{}: {what}", at + 1);
            let from = side(&mut words).map_err(wrong)?;
            if words.next() != Some(Word::Colon) {
                return Err(wrong("expected `:` behind the first list".into()));
            }
            let to = side(&mut words).map_err(wrong)?;
            if words.next().is_some() {
                return Err(wrong("expected the end of the line behind the second list".into()));
            }
            rules.push(Rule { from, to });
        }
        Ok(RuleFile { rules })
    }

    /// True without any rule.
    pub(super) fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// Whether some rule fits both texts.
    pub(super) fn fits(&self, from: &[u8], to: &[u8]) -> bool {
        self.rules.iter().any(|rule| rule.from.fits(from) && rule.to.fits(to))
    }
}

impl Pair {
    /// Whether the second may be reached from the first: what is allowed is not asked for denial, and what neither
    /// file knows is allowed.
    pub(super) fn allows(&self, from: &[u8], to: &[u8]) -> bool {
        self.allow.fits(from, to) || !self.deny.fits(from, to)
    }
}

impl Side {
    fn fits(&self, text: &[u8]) -> bool {
        let fits = |list: &[Expression]| {
            list.iter().any(|expression| match expression {
                Expression::All => true,
                Expression::Pattern(pattern) => pattern.is_match(text),
            })
        };
        fits(&self.list) && !fits(&self.except)
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Word {
    Quoted(Vec<u8>),
    All,
    Except,
    Comma,
    Colon,
}

/// The words of a line; `#` outside of quotes begins a comment.
fn words(line: &[u8]) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_ascii();
    while let Some((first, behind)) = rest.split_first() {
        let (word, len) = match first {
            b'#' => break,
            b':' => (Word::Colon, 1),
            b',' => (Word::Comma, 1),
            b'"' => {
                let end = memchr::memchr(b'"', behind).ok_or("a quotation mark is not closed")?;
                (Word::Quoted(behind[..end].to_vec()), end + 2)
            }
            _ => {
                let end = rest.iter().position(|byte| !byte.is_ascii_alphanumeric()).unwrap_or(rest.len());
                match rest[..end].to_ascii_uppercase().as_slice() {
                    b"ALL" => (Word::All, end),
                    b"EXCEPT" => (Word::Except, end),
                    _ => {
                        return Err(format!(
                            "{} is neither ALL nor a quoted expression",
                            rest.escape_ascii()
                        ));
                    }
                }
            }
        };
        words.push(word);
        rest = rest[len..].trim_ascii_start();
    }
    Ok(words)
}

type Words = std::iter::Peekable<std::vec::IntoIter<Word>>;

fn side(words: &mut Words) -> Result<Side, String> {
    let first = list(words)?;
    let except = if words.next_if_eq(&Word::Except).is_some() { list(words)? } else { Vec::new() };
    Ok(Side { list: first, except })
}

fn list(words: &mut Words) -> Result<Vec<Expression>, String> {
    let mut list = Vec::new();
    loop {
        list.push(match words.next() {
            Some(Word::All) => Expression::All,
            Some(Word::Quoted(text)) => {
                let pattern = Pattern::compile(&text, Case::Ignore).map_err(|error| error.0)?;
                Expression::Pattern(pattern)
            }
            _ => return Err("expected ALL or a quoted expression".into()),
        });
        if words.next_if_eq(&Word::Comma).is_none() {
            return Ok(list);
        }
    }
}

/// An argument that names a file.
pub(super) fn prepare_file(_: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    Ok(RuleFile::read(&String::from_utf8_lossy(text))?)
}

/// An argument that names two files without their endings.
pub(super) fn prepare_pair(_: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    let base = String::from_utf8_lossy(text);
    let pair = Pair {
        allow: RuleFile::read(&format!("{base}{ALLOW}"))?,
        deny: RuleFile::read(&format!("{base}{DENY}"))?,
    };
    Ok(Arc::new(pair))
}

/// The ending of files with what is allowed.
pub(super) const ALLOW: &str = ".allow";
/// The ending of files with what is denied.
pub(super) const DENY: &str = ".deny";

#[cfg(test)]
mod tests {
    use super::{Pair, RuleFile};

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn what_is_allowed_is_not_denied_and_unknown_is_allowed() {
        let file = |text: &str| std::sync::Arc::new(RuleFile::parse(text.as_bytes()).expect("right"));
        let pair = Pair {
            allow: file("# who\n\"^sip:alice@\" : \"^sip:ok.*\" EXCEPT \"^sip:okbut.*\" # tail\n\n"),
            deny: file("ALL : ALL"),
        };
        for (to, allowed) in
            [("sip:ok1@x", true), ("sip:okbut1@x", false), ("sip:other@x", false), ("SIP:OK@x", true)]
        {
            assert_eq!(pair.allows(b"sip:alice@a", to.as_bytes()), allowed, "{to}");
        }
        assert!(!pair.allows(b"sip:bob@a", b"sip:ok1@x"));
        assert!(Pair::default().allows(b"sip:bob@a", b"sip:ok1@x"));
        let deny = Pair { allow: file(""), deny: file("all EXCEPT \"root\", \"^sip:admin\" : \"pstn\"") };
        for (from, to, allowed) in [
            ("sip:x@y", "sip:pstn@z", false),
            ("sip:admin@y", "sip:pstn@z", true),
            ("sip:x@y", "sip:z@z", true),
        ] {
            assert_eq!(deny.allows(from.as_bytes(), to.as_bytes()), allowed, "{from} {to}");
        }
    }

    #[test]
    fn wrong_lines_are_named() {
        for (text, expected) in [
            ("\"a\" \"b\"", "1: expected `:` behind the first list"),
            ("\nall : \"b", "2: a quotation mark is not closed"),
            ("all : some", "1: some is neither ALL nor a quoted expression"),
            ("all :", "1: expected ALL or a quoted expression"),
            ("all : all : all", "1: expected the end of the line behind the second list"),
        ] {
            assert_eq!(RuleFile::parse(text.as_bytes()).err().as_deref(), Some(expected));
        }
    }
}
