//! The scanner: bytes in, tokens with positions out.
//!
//! Preprocessing happens inside it, in file order: a directive is carried out where it stands (see
//! `preprocess`), an included file or the value of a define is scanned in place of its name. The texts being
//! read form a stack of frames, so positions stay those of the user's text. Every step consumes input.

use bytes::Bytes;

use super::codes;
use super::define::Defines;
use super::findings::Findings;
use super::loader::Loader;
use super::preprocess::Conditions;
use super::source::{FileId, Pos, SourceMap};
use super::subst::Subst;
use super::text;
use super::token::{Cast, Punct, Token, TokenKind};
use super::words;

/// Reads the tokens of a configuration.
pub(super) struct Scanner<'l> {
    pub(super) loader: &'l dyn Loader,
    pub(super) sources: SourceMap,
    pub(super) findings: Findings,
    pub(super) frames: Vec<Frame>,
    pub(super) defines: Defines,
    pub(super) conditions: Conditions,
    pub(super) substs: Vec<Subst>,
    /// Bytes of included files and expanded values so far, bounded by `limits`.
    pub(super) taken_in: usize,
    context: Context,
    pending: Option<Scanned>,
    end: Pos,
}

impl<'l> Scanner<'l> {
    /// A scanner without text; see [`Scanner::enter_file`].
    pub(super) fn new(loader: &'l dyn Loader) -> Scanner<'l> {
        Scanner {
            loader,
            sources: SourceMap::default(),
            findings: Findings::default(),
            frames: Vec::new(),
            defines: Defines::default(),
            conditions: Conditions::default(),
            substs: Vec::new(),
            taken_in: 0,
            context: Context::Plain,
            pending: None,
            end: Pos::default(),
        }
    }

    /// Reads a text next, then goes on where it was. `dir` is where its relative includes are looked up.
    pub(super) fn enter_file(&mut self, name: &str, dir: String, text: Bytes) {
        let id = self.sources.add(name, text.clone());
        let at = if text.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        self.frames.push(Frame { text, at, origin: Origin::File { id, dir } });
    }

    /// The next token; at the end, [`TokenKind::End`] for ever. Adjacent double-quoted literals are one.
    pub(super) fn next(&mut self) -> Token {
        let Scanned { mut token, joins } = match self.pending.take() {
            Some(pending) => pending,
            None => self.scan(),
        };
        let TokenKind::Str(text) = &mut token.kind else { return token };
        while joins && self.pending.is_none() {
            let following = self.scan();
            match &following.token.kind {
                TokenKind::Str(more) if following.joins => {
                    text.extend_from_slice(more);
                    token.len = joined_len(token.pos, token.len, following.token.pos, following.token.len);
                }
                _ => self.pending = Some(following),
            }
        }
        self.apply_substs(token.pos, text);
        token
    }

    /// The position of the next byte.
    pub(super) fn pos(&self) -> Pos {
        match self.frames.last() {
            Some(Frame { at, origin: Origin::File { id, .. }, .. }) => Pos { file: *id, offset: *at as u32 },
            Some(Frame { origin: Origin::Define { used, .. }, .. }) => *used,
            None => self.end,
        }
    }

    /// The unread bytes of the text being read.
    pub(super) fn rest(&self) -> &[u8] {
        self.frames.last().map_or(&[], |frame| &frame.text[frame.at..])
    }

    /// Takes `len` bytes of [`Scanner::rest`], without copying.
    pub(super) fn take(&mut self, len: usize) -> Bytes {
        match self.frames.last_mut() {
            Some(frame) => {
                let taken = frame.text.slice(frame.at..frame.at + len);
                frame.at += len;
                taken
            }
            None => Bytes::new(),
        }
    }

    /// The next token as written, before joining.
    fn scan(&mut self) -> Scanned {
        while let Some(frame) = self.frames.last() {
            if self.findings.is_stopped() {
                self.frames.clear();
            } else if frame.at >= frame.text.len() {
                self.leave_frame();
            } else if self.conditions.is_skipping() {
                self.skip_to_directive();
            } else if let Some(scanned) = self.scan_here() {
                return scanned;
            }
        }
        self.report_open_conditions();
        Scanned { token: Token { pos: self.end, len: 0, kind: TokenKind::End }, joins: false }
    }

    fn leave_frame(&mut self) {
        match self.frames.pop() {
            Some(Frame { origin: Origin::Define { name, .. }, .. }) => self.defines.leave(&name),
            Some(Frame { origin: Origin::File { id, .. }, text, .. }) if self.frames.is_empty() => {
                self.end = Pos { file: id, offset: text.len() as u32 };
            }
            _ => {}
        }
    }

    /// Scans one token, or steps over something that is none.
    fn scan_here(&mut self) -> Option<Scanned> {
        if matches!(self.rest(), [b'#', b'!', ..] | [b'!', b'!', b'a'..=b'z', ..]) && self.directive() {
            return None;
        }
        let rest = self.rest();
        match rest {
            [b' ' | b'\t' | b'\r' | b'\n' | 8, ..] => {
                let blanks =
                    rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 8)).count();
                self.skip(blanks)
            }
            [b'\\', b'\n', ..] => self.skip(2),
            [b'\\', b'\r', b'\n', ..] => self.skip(3),
            [b'#', ..] | [b'/', b'/', ..] => {
                let line = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
                self.skip(line)
            }
            [b'/', b'*', ..] => self.block_comment(),
            [b'"', ..] => self.double_quoted(),
            [b'\'', ..] => self.single_quoted(),
            [b'$', ..] => self.pv(),
            [b'@', ..] => self.select(),
            [b'(', ..] if rest.starts_with(b"(int)") => self.emit(5, |_| TokenKind::Cast(Cast::Int)),
            [b'(', ..] if rest.starts_with(b"(str)") => self.emit(5, |_| TokenKind::Cast(Cast::Str)),
            [b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | b'_' | b':', ..] => self.word(),
            _ => self.punct(),
        }
    }

    fn skip(&mut self, len: usize) -> Option<Scanned> {
        self.take(len);
        None
    }

    fn emit(&mut self, len: usize, kind: impl FnOnce(Bytes) -> TokenKind) -> Option<Scanned> {
        let pos = self.pos();
        let kind = kind(self.take(len));
        self.context = self.context.after(&kind);
        Some(Scanned { token: self.token(pos, len, kind), joins: false })
    }

    fn token(&self, pos: Pos, len: usize, kind: TokenKind) -> Token {
        let in_file = matches!(self.frames.last(), Some(Frame { origin: Origin::File { .. }, .. }));
        Token { pos, len: if in_file { len as u32 } else { 0 }, kind }
    }

    /// Block comments nest. An open one at the end is only worth a warning, as in Kamailio.
    fn block_comment(&mut self) -> Option<Scanned> {
        let rest = self.rest();
        let mut depth = 1;
        let mut at = 2;
        while depth > 0 {
            let Some(found) = rest.get(at..).and_then(|text| memchr::memchr2(b'*', b'/', text)) else {
                let pos = self.pos();
                let message = format!("unexpected end of file: {depth} comment(s) still open");
                self.findings.warning(codes::COMMENT, pos, message);
                let len = self.rest().len();
                return self.skip(len);
            };
            at += found;
            match rest[at..] {
                [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
                [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
                _ => at += 1,
            }
        }
        self.skip(at)
    }

    fn double_quoted(&mut self) -> Option<Scanned> {
        match text::quoted_len(self.rest()) {
            Some(len) => self.string(len, |body| text::unescape(body).into_owned()),
            None => self.open_string(),
        }
    }

    fn single_quoted(&mut self) -> Option<Scanned> {
        match memchr::memchr(b'\'', &self.rest()[1..]) {
            Some(len) => self.string(len + 2, <[u8]>::to_vec),
            None => self.open_string(),
        }
    }

    fn string(&mut self, len: usize, resolve: impl FnOnce(&[u8]) -> Vec<u8>) -> Option<Scanned> {
        let pos = self.pos();
        let raw = self.take(len);
        let text = resolve(&raw[1..len - 1]);
        if self.context == Context::LoadModule {
            self.defines.add_module(&text);
        }
        self.context = Context::Plain;
        Some(Scanned { token: self.token(pos, len, TokenKind::Str(text)), joins: raw[0] == b'"' })
    }

    /// A string without its end swallows the rest of its text: what follows cannot be trusted.
    fn open_string(&mut self) -> Option<Scanned> {
        let pos = self.pos();
        self.findings
            .fatal(codes::STRING, pos, "this string has no closing quote")
            .hint("the missing quote may also be that of an earlier string");
        None
    }

    /// `$name`, `$name(...)`, `$(...)`, `$?`: the brackets must close on the same line.
    fn pv(&mut self) -> Option<Scanned> {
        let rest = self.rest();
        let pos = self.pos();
        let Some(len) = pv_len(rest) else {
            let after_name = rest[1..].iter().find(|&&byte| !is_word_byte(byte));
            let (message, len) = match after_name {
                Some(b'(') => ("this variable has no closing parenthesis on its line", line_len(rest)),
                _ => ("a variable name, \"(\" or \"?\" was expected after \"$\"", 1),
            };
            self.findings.error(codes::VARIABLE, pos, message);
            // The statement can still be read with something in the variable's place.
            return self.emit(len, |_| TokenKind::Pv(b"$null".to_vec()));
        };
        let mut raw = rest[..len].to_vec();
        self.apply_substs(pos, &mut raw);
        if raw.first() != Some(&b'$') || pv_len(&raw) != Some(raw.len()) {
            let message = format!("a substitution makes {} of this variable", String::from_utf8_lossy(&raw));
            self.findings.error(codes::VARIABLE, pos, message);
            raw = b"$null".to_vec();
        }
        self.emit(len, |_| TokenKind::Pv(raw))
    }

    /// `@name.name[1].name["x"]`
    fn select(&mut self) -> Option<Scanned> {
        let rest = self.rest();
        let len = select_len(rest);
        if len == 1 {
            let pos = self.pos();
            self.findings.error(codes::VARIABLE, pos, "a select name was expected after \"@\"");
            return self.skip(1);
        }
        self.emit(len, |raw| TokenKind::Select(raw.slice(1..)))
    }

    /// Numbers, words and whatever else starts with a letter, digit or colon.
    fn word(&mut self) -> Option<Scanned> {
        let rest = self.rest();
        if self.context == Context::EventName
            && let Some(len) = event_name_len(rest)
        {
            return self.emit(len, TokenKind::EventName);
        }
        if let Some((addr, len)) = ip6(rest) {
            return self.emit(len, |_| TokenKind::Ip6(addr));
        }
        let len = rest.iter().take_while(|&&byte| is_word_byte(byte)).count();
        if len == 0 {
            return self.punct();
        }
        if rest[0].is_ascii_digit() {
            return self.emit(len, TokenKind::Number);
        }
        match &rest[..len] {
            b"include_file" | b"import_file" => {
                self.include_statement(len);
                return None;
            }
            b"uri" if rest.starts_with(b"uri:host") => return self.emit(8, TokenKind::Word),
            b"uri" if rest.starts_with(b"uri:port") => return self.emit(8, TokenKind::Word),
            b"msg" if rest.starts_with(b"msg:len") => return self.emit(7, TokenKind::Word),
            _ => {}
        }
        if self.expand(len) { None } else { self.emit(len, TokenKind::Word) }
    }

    fn punct(&mut self) -> Option<Scanned> {
        if let Some(punct) = Punct::scan(self.rest()) {
            return self.emit(punct.text().len(), |_| TokenKind::Punct(punct));
        }
        let pos = self.pos();
        let rest = self.rest();
        let junk = rest.iter().take_while(|&&byte| is_junk(byte)).count().max(1);
        let message = match rest[0] {
            byte if byte.is_ascii_graphic() => format!("\"{}\" is not part of the language", byte as char),
            byte => format!("byte 0x{byte:02x} is not part of the language outside of strings and comments"),
        };
        self.findings.error(codes::JUNK, pos, message);
        self.skip(junk)
    }
}

/// A text being read.
pub(super) struct Frame {
    pub(super) text: Bytes,
    pub(super) at: usize,
    pub(super) origin: Origin,
}

/// Where a text being read comes from.
pub(super) enum Origin {
    /// A file; `dir` is where it lies, for its includes.
    File { id: FileId, dir: String },
    /// The value of a define.
    Define { name: Bytes, used: Pos },
}

/// A token, and whether a double-quoted literal may be joined to it.
struct Scanned {
    token: Token,
    joins: bool,
}

/// What the scanner must know of the tokens before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Context {
    Plain,
    /// After `loadmodule`: the string defines `MOD_name` at once, since a directive may follow directly.
    LoadModule,
    /// After `event_route`.
    EventRoute,
    /// After `event_route [`.
    EventName,
}

impl Context {
    fn after(self, kind: &TokenKind) -> Context {
        match (self, kind) {
            (_, TokenKind::Word(word)) if word.starts_with(b"loadmodule") => Context::LoadModule,
            (_, TokenKind::Word(word)) if &word[..] == b"event_route" => Context::EventRoute,
            (Context::LoadModule, TokenKind::Punct(Punct::LParen)) => Context::LoadModule,
            (Context::EventRoute, TokenKind::Punct(Punct::LBracket)) => Context::EventName,
            _ => Context::Plain,
        }
    }
}

/// Length of the line at the start of `text`, without its newline.
pub(super) fn line_len(text: &[u8]) -> usize {
    memchr::memchr(b'\n', text).unwrap_or(text.len())
}

/// Bytes of identifiers and numbers.
pub(super) fn is_word_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// Bytes that start no token.
fn is_junk(byte: u8) -> bool {
    !byte.is_ascii()
        || byte == b'?'
        || byte == b'`'
        || (byte.is_ascii_control() && !byte.is_ascii_whitespace())
}

/// Length of the variable at the `$` that starts `text`.
fn pv_len(text: &[u8]) -> Option<usize> {
    let name = 1 + text[1..].iter().take_while(|&&byte| is_word_byte(byte)).count();
    match text.get(name) {
        Some(b'?') if name == 1 => Some(2),
        Some(b'(') => balanced_len(&text[name..]).map(|inner| name + inner),
        Some(b'.') if name > 1 => Some(name + words::dotted_pv_suffix(&text[1..name], &text[name..])),
        _ if name > 1 => Some(name),
        _ => None,
    }
}

/// Length up to the parenthesis that closes the one at the start of `text`, on the same line.
fn balanced_len(text: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 1 => return Some(at + 1),
            b')' => depth -= 1,
            b'\n' => return None,
            _ => {}
        }
    }
    None
}

/// Length of a select with its `@`; 1 if no name follows.
fn select_len(text: &[u8]) -> usize {
    let name = |from: usize| text[from..].iter().take_while(|&&byte| is_word_byte(byte)).count();
    let mut at = 1 + name(1);
    if at == 1 {
        return 1;
    }
    loop {
        match text.get(at) {
            Some(b'.') if name(at + 1) > 0 => at += 1 + name(at + 1),
            Some(b'[') => {
                let line = &text[at..at + line_len(&text[at..])];
                match memchr::memchr(b']', line) {
                    Some(close) => at += close + 1,
                    None => return at,
                }
            }
            _ => return at,
        }
    }
}

/// Length of `module:event[:event]`.
fn event_name_len(text: &[u8]) -> Option<usize> {
    let part = |text: &[u8]| {
        let letters = text.first().is_some_and(u8::is_ascii_alphabetic);
        let len = text.iter().take_while(|&&byte| is_word_byte(byte) || byte == b'-').count();
        (letters && len > 0).then_some(len)
    };
    let mut len = part(text)?;
    let mut parts = 1;
    while text.get(len) == Some(&b':')
        && let Some(more) = part(&text[len + 1..])
    {
        len += 1 + more;
        parts += 1;
    }
    (parts > 1).then_some(len)
}

/// The IPv6 address at the start of `text` and its length.
fn ip6(text: &[u8]) -> Option<(std::net::Ipv6Addr, usize)> {
    let run = text
        .iter()
        .take(MAX_IP6_LEN)
        .take_while(|byte| byte.is_ascii_hexdigit() || matches!(byte, b':' | b'.'))
        .count();
    if memchr::memchr_iter(b':', &text[..run]).count() < 2
        || text.get(run).is_some_and(|&byte| is_word_byte(byte))
    {
        return None;
    }
    let addr = std::str::from_utf8(&text[..run]).ok()?.parse().ok()?;
    Some((addr, run))
}

fn joined_len(first: Pos, first_len: u32, last: Pos, last_len: u32) -> u32 {
    if first.file == last.file && first_len > 0 && last_len > 0 {
        last.offset + last_len - first.offset
    } else {
        first_len
    }
}

/// The longest IPv6 text, with an embedded IPv4 address.
const MAX_IP6_LEN: usize = 45;
