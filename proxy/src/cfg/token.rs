//! Tokens of the configuration language.

use std::fmt;

use bytes::Bytes;

use super::source::Pos;

/// One token and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Token {
    /// Its first byte; for tokens out of a define, where the define's name was used.
    pub(super) pos: Pos,
    /// Bytes it takes in the text, 0 for tokens out of a define.
    pub(super) len: u32,
    /// What it is.
    pub(super) kind: TokenKind,
}

/// The kinds of tokens.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TokenKind {
    /// Starts with a digit: a number, or a host label such as `1a`. Read by [`super::number::parse`].
    Number(Bytes),
    /// Identifier or keyword; ASCII. Also the pairs `uri:host`, `uri:port`, `msg:len`.
    Word(Bytes),
    /// String literal, ready for use.
    Str(Vec<u8>),
    /// Variable with its `$`.
    Pv(Vec<u8>),
    /// Select without its `@`.
    Select(Bytes),
    /// IPv6 address without brackets.
    Ip6(std::net::Ipv6Addr),
    /// `module:event` between the brackets of `event_route`.
    EventName(Bytes),
    /// `(int)` or `(str)`.
    Cast(Cast),
    /// Everything else.
    Punct(Punct),
    /// End of the configuration.
    End,
}

impl Token {
    /// The word, if it is one.
    pub(super) fn word(&self) -> Option<&str> {
        match &self.kind {
            // Scanned from ASCII letters only.
            TokenKind::Word(word) => std::str::from_utf8(word).ok(),
            _ => None,
        }
    }

    /// Whether it is this word.
    pub(super) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    /// Whether it is this punctuation.
    pub(super) fn is(&self, punct: Punct) -> bool {
        self.kind == TokenKind::Punct(punct)
    }

    /// The position after it.
    pub(super) fn end(&self) -> Pos {
        Pos { file: self.pos.file, offset: self.pos.offset + self.len }
    }
}

impl fmt::Display for TokenKind {
    /// As a message names it: `"{"`, `the word foo`, `a string`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| {
            let text = String::from_utf8_lossy(bytes).into_owned();
            if text.chars().count() > 40 {
                text.chars().take(40).chain("...".chars()).collect()
            } else {
                text
            }
        };
        match self {
            TokenKind::Number(raw) => write!(f, "the number {}", text(raw)),
            TokenKind::Word(word) => write!(f, "the word {}", text(word)),
            TokenKind::Str(_) => write!(f, "a string"),
            TokenKind::Pv(raw) => write!(f, "the variable {}", text(raw)),
            TokenKind::Select(raw) => write!(f, "the select @{}", text(raw)),
            TokenKind::Ip6(addr) => write!(f, "the address {addr}"),
            TokenKind::EventName(name) => write!(f, "the event name {}", text(name)),
            TokenKind::Cast(Cast::Int) => write!(f, "(int)"),
            TokenKind::Cast(Cast::Str) => write!(f, "(str)"),
            TokenKind::Punct(punct) => write!(f, "\"{}\"", punct.text()),
            TokenKind::End => write!(f, "the end of the configuration"),
        }
    }
}

/// The casts, single tokens without blanks inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cast {
    /// `(int)`
    Int,
    /// `(str)`
    Str,
}

macro_rules! puncts {
    ($($name:ident $text:literal,)*) => {
        /// Punctuation and operators that are not words.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Punct {
            $(#[doc = $text] $name,)*
        }

        impl Punct {
            /// As written.
            pub(super) fn text(self) -> &'static str {
                match self { $(Punct::$name => $text,)* }
            }

            /// The longest punctuation at the start of the text.
            pub(super) fn scan(text: &[u8]) -> Option<Punct> {
                // Rows with two bytes stand before their one-byte prefixes.
                $(if text.starts_with($text.as_bytes()) { return Some(Punct::$name); })*
                None
            }
        }
    };
}

puncts! {
    OrOr "||", AndAnd "&&", Shl "<<", Shr ">>", EqEq "==", Match "=~", NotEq "!=", NotMatch "!~",
    Ge ">=", Le "<=",
    Pipe "|", Amp "&", Caret "^", Gt ">", Lt "<", Assign "=", Bang "!", Tilde "~", Plus "+", Minus "-",
    Star "*", Slash "/", Percent "%", LParen "(", RParen ")", LBrace "{", RBrace "}", LBracket "[",
    RBracket "]", Comma ",", Semicolon ";", Colon ":", Dot ".",
}
