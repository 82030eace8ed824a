//! Recursive descent over the tokens: the parser's ground and how it goes on after an error.
//!
//! The grammar is in `items` (file level), `hosts`, `statements`, `expr` and `keys`. A failed rule has recorded
//! its finding and returns [`Failed`]; whoever can go on skips to a safe place, so that one run finds all
//! mistakes. Every loop consumes a token or ends; nesting is bounded.

use std::collections::VecDeque;

use rustc_hash::FxHashMap;

use super::ast::{Config, Name, RouteKind, Text};
use super::findings::Finding;
use super::lex::Scanner;
use super::source::Pos;
use super::token::{Punct, Token, TokenKind};
use super::{codes, limits};

/// A rule that did not match; what was wrong has been recorded.
#[derive(Debug)]
pub(super) struct Failed;

/// The result of a grammar rule.
pub(super) type Parse<T> = Result<T, Failed>;

/// Reads a configuration from its tokens.
pub(super) struct Parser<'l> {
    pub(super) scanner: Scanner<'l>,
    pub(super) config: Config,
    /// Where in `config.items` each route is.
    pub(super) routes: FxHashMap<(RouteKind, Option<Box<str>>), usize>,
    /// Message flags by name, and AVP flags.
    pub(super) flags: FxHashMap<Box<str>, u8>,
    pub(super) avp_flags: FxHashMap<Box<str>, Pos>,
    /// Custom parameters declared so far.
    pub(super) customs: FxHashMap<Box<str>, Pos>,
    /// Calls whose arguments are being read: no further call may stand in them.
    pub(super) open_calls: usize,
    /// Expressions being read one inside the other, and the operators of the outermost one.
    pub(super) open_exprs: usize,
    pub(super) operators: usize,
    /// `switch` and `while` around the statement being read: `break` leaves the innermost.
    pub(super) open_loops: usize,
    ahead: VecDeque<Token>,
    nesting: usize,
    last_end: Pos,
    /// The last token, if it was a string over several lines: its quotes may be the mistake.
    long_string: Option<Pos>,
}

impl<'l> Parser<'l> {
    /// A parser of everything the scanner gives.
    pub(super) fn new(scanner: Scanner<'l>) -> Parser<'l> {
        Parser {
            scanner,
            config: Config::default(),
            routes: FxHashMap::default(),
            flags: FxHashMap::default(),
            avp_flags: FxHashMap::default(),
            customs: FxHashMap::default(),
            open_calls: 0,
            open_exprs: 0,
            operators: 0,
            open_loops: 0,
            ahead: VecDeque::new(),
            nesting: 0,
            last_end: Pos::default(),
            long_string: None,
        }
    }

    /// The next token, not consumed.
    pub(super) fn peek(&mut self) -> &Token {
        self.peek_at(0)
    }

    /// The token after `distance` others, not consumed.
    pub(super) fn peek_at(&mut self, distance: usize) -> &Token {
        while self.ahead.len() <= distance {
            let token = self.scanner.next();
            self.ahead.push_back(token);
        }
        &self.ahead[distance]
    }

    /// Consumes the next token.
    pub(super) fn next(&mut self) -> Token {
        self.peek();
        let token = self.ahead.pop_front().unwrap_or_else(|| self.scanner.next());
        self.last_end = token.end();
        let is_long = matches!(&token.kind, TokenKind::Str(text) if memchr::memchr(b'\n', text).is_some());
        self.long_string = is_long.then_some(token.pos);
        token
    }

    /// Consumes the punctuation if it is next.
    pub(super) fn eat(&mut self, punct: Punct) -> bool {
        let is_next = self.peek().is(punct);
        if is_next {
            self.next();
        }
        is_next
    }

    /// Consumes the punctuation; `context` says what it belongs to.
    pub(super) fn expect(&mut self, punct: Punct, context: &str) -> Parse<Token> {
        if self.peek().is(punct) {
            return Ok(self.next());
        }
        self.unexpected(&format!("\"{}\" was expected {context}", punct.text()));
        Err(Failed)
    }

    /// Consumes a string literal.
    pub(super) fn expect_text(&mut self, context: &str) -> Parse<Text> {
        let token = self.peek();
        let pos = token.pos;
        if let TokenKind::Str(bytes) = &mut self.ahead[0].kind {
            let bytes = std::mem::take(bytes).into();
            self.next();
            return Ok(Text { pos, bytes });
        }
        let finding = self.unexpected(&format!("a string was expected {context}"));
        finding.hint("strings stand in double quotes");
        Err(Failed)
    }

    /// Consumes a word and gives it as a name.
    pub(super) fn expect_name(&mut self, context: &str) -> Parse<Name> {
        match self.peek().word() {
            Some(_) => Ok(self.next_name()),
            None => {
                self.unexpected(&format!("a name was expected {context}"));
                Err(Failed)
            }
        }
    }

    /// Consumes the next token, a word, as a name.
    pub(super) fn next_name(&mut self) -> Name {
        let token = self.next();
        Name { pos: token.pos, text: token.word().unwrap_or_default().into() }
    }

    /// Records that something else stands where `expected` says what should.
    pub(super) fn unexpected(&mut self, expected: &str) -> &mut Finding {
        let token = self.peek();
        let (pos, found) = (token.pos, token.kind.to_string());
        let long_string = self.long_string;
        let finding = self.scanner.findings.error(codes::SYNTAX, pos, format!("{expected}, found {found}"));
        if long_string.is_some() {
            finding.hint("the string before goes over several lines: is its closing quote missing?");
        }
        finding
    }

    /// Records an error at a position.
    pub(super) fn error(&mut self, code: &'static str, pos: Pos, message: impl Into<String>) -> &mut Finding {
        self.scanner.findings.error(code, pos, message)
    }

    /// Records a warning at a position.
    pub(super) fn warning(
        &mut self,
        code: &'static str,
        pos: Pos,
        message: impl Into<String>,
    ) -> &mut Finding {
        self.scanner.findings.warning(code, pos, message)
    }

    /// Where the last consumed token ended.
    pub(super) fn last_end(&self) -> Pos {
        self.last_end
    }

    /// Runs a rule one level deeper, within the limit.
    pub(super) fn nested<T>(&mut self, rule: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        self.nesting += 1;
        let result = if self.nesting > limits::MAX_NESTING {
            let pos = self.peek().pos;
            let message = format!("blocks and brackets nest deeper than {}", limits::MAX_NESTING);
            self.scanner.findings.fatal(codes::LIMIT, pos, message);
            Err(Failed)
        } else {
            rule(self)
        };
        self.nesting -= 1;
        result
    }

    /// Whether a statement of the file level starts here, so that open blocks must have ended before.
    pub(super) fn is_file_level(&mut self) -> bool {
        let Some(word) = self.peek().word() else { return false };
        match word {
            "route" => self.peek_at(1).is(Punct::LBracket) || self.peek_at(1).is(Punct::LBrace),
            "request_route" | "reply_route" | "onreply_route" | "failure_route" | "branch_route"
            | "onsend_route" | "event_route" => true,
            "modparam" | "modparamx" | "loadmodule" | "loadmodulex" => true,
            _ => false,
        }
    }

    /// After an error in a block: skips past the `;` that ends the statement, over blocks that it opens, or up
    /// to the end of the block around it.
    pub(super) fn skip_statement(&mut self) {
        let mut depth = 0usize;
        loop {
            if self.is_file_level() || (depth == 0 && self.peek().is(Punct::RBrace)) {
                return;
            }
            match self.peek().kind {
                TokenKind::End => return,
                TokenKind::Punct(Punct::LBrace) => depth += 1,
                TokenKind::Punct(Punct::RBrace) => {
                    depth -= 1;
                    if depth == 0 {
                        self.next();
                        return;
                    }
                }
                TokenKind::Punct(Punct::Semicolon) if depth == 0 => {
                    self.next();
                    return;
                }
                _ => {}
            }
            self.next();
        }
    }

    /// After an error in a condition: skips to the statement that it guards, if one can be seen.
    ///
    /// Errors: there is none, the statement as a whole must be skipped.
    pub(super) fn skip_condition(&mut self) -> Parse<()> {
        loop {
            if self.is_file_level() {
                return Err(Failed);
            }
            match self.peek().kind {
                TokenKind::Punct(Punct::LBrace) => return Ok(()),
                TokenKind::Punct(Punct::RBrace | Punct::Semicolon) | TokenKind::End => return Err(Failed),
                _ => self.next(),
            };
        }
    }

    /// After an error at the file level: skips to a line that starts with a word, or past a `;` or block.
    pub(super) fn skip_item(&mut self) {
        let mut depth = 0usize;
        loop {
            if self.peek().kind == TokenKind::End || self.is_file_level() {
                return;
            }
            let starts_line = {
                let token = self.peek().clone();
                token.word().is_some() && self.is_first_of_line(token.pos)
            };
            if depth == 0 && starts_line {
                return;
            }
            match self.next().kind {
                TokenKind::Punct(Punct::LBrace) => depth += 1,
                TokenKind::Punct(Punct::RBrace) if depth <= 1 => return,
                TokenKind::Punct(Punct::RBrace) => depth -= 1,
                TokenKind::Punct(Punct::Semicolon) if depth == 0 => return,
                _ => {}
            }
        }
    }

    fn is_first_of_line(&self, pos: Pos) -> bool {
        let before = &self.scanner.sources.text(pos.file)[..pos.offset as usize];
        let blanks = before.iter().rev().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        matches!(before[..before.len() - blanks].last(), None | Some(b'\n'))
    }
}
