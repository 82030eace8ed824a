//! Texts with `[keywords]`: normalisation, splitting into segments, rendering.
//!
//! Messages lose indentation and trailing blanks of every line and get CRLF line ends; texts of attributes
//! stay as they are. Rendering appends to a buffer and allocates nothing of its own.

use std::sync::LazyLock;

use memchr::memmem;
use sip::span::Span;

use super::keywords;
use crate::state::Settings;

use super::{
    Argument, ConstantKeyword, Keyword, KeywordDef, KeywordForm, KeywordText, Mistake, Names, PlainKeyword,
    Scope,
};

/// A text ready to be rendered.
#[derive(Debug, Default)]
pub struct Template {
    literal: Vec<u8>,
    segments: Vec<Segment>,
    /// A SIP message: no keyword takes the empty line behind its header away.
    is_message: bool,
}

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextKind {
    /// CDATA of `send` and `DefaultMessage`: lines are trimmed and end in CRLF, the header always ends.
    Message,
    /// CDATA of `sendCmd`: the same, but its header may lose its end.
    Command,
    /// The value of an attribute or of a keyword's argument.
    Inline,
}

enum Segment {
    Literal(Span),
    Constant { write: ConstantKeyword, offset: i64 },
    Plain { write: PlainKeyword, offset: i64, vanishes: bool },
    With { keyword: Box<dyn Keyword>, vanishes: bool },
}

impl std::fmt::Debug for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Segment::Literal(span) => write!(f, "Literal({}+{})", span.start, span.len),
            Segment::Constant { offset, .. } => write!(f, "Constant({offset:+})"),
            Segment::Plain { offset, .. } => write!(f, "Plain({offset:+})"),
            Segment::With { keyword, .. } => keyword.fmt(f),
        }
    }
}

impl Template {
    /// Reads a text that begins at `at` in the source. Errors: every mistake in it.
    pub fn parse(
        text: &[u8],
        at: usize,
        kind: TextKind,
        names: &mut Names<'_>,
    ) -> Result<Template, Vec<Mistake>> {
        let source = match kind {
            TextKind::Message | TextKind::Command => Normalised::message(text, at),
            TextKind::Inline => Normalised { text: text.to_vec(), lines: vec![(0, at)] },
        };
        let template = Template { is_message: kind == TextKind::Message, ..Template::default() };
        let mut reader = Reader { source: &source, kind, names, template, mistakes: vec![] };
        reader.read();
        if reader.mistakes.is_empty() { Ok(reader.template) } else { Err(reader.mistakes) }
    }

    /// A text without keywords.
    pub fn literal(text: &[u8]) -> Template {
        let mut template = Template::default();
        template.push_literal(text);
        template
    }

    /// The whole text, when it has no keywords.
    pub fn as_literal(&self) -> Option<&[u8]> {
        match self.segments.as_slice() {
            [] => Some(&[]),
            [Segment::Literal(span)] => Some(span.of(&self.literal)),
            _ => None,
        }
    }

    /// The literal bytes the text begins with, up to the first keyword.
    pub fn leading_literal(&self) -> &[u8] {
        match self.segments.first() {
            Some(Segment::Literal(span)) => span.of(&self.literal),
            _ => &[],
        }
    }

    /// True when there is nothing to render.
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Appends the text with every keyword replaced by its value.
    pub fn render(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>) {
        let base = out.len();
        let mut swallow = false;
        let outer_marks = (scope.length_mark.take(), scope.authentication_mark.take());
        for segment in &self.segments {
            let vanishes = match segment {
                Segment::Literal(span) => {
                    let literal = span.of(&self.literal);
                    let kept = if swallow { self.after_line(literal, &out[base..]) } else { literal };
                    out.extend_from_slice(kept);
                    false
                }
                Segment::Constant { write, offset } => {
                    write(scope.settings, *offset, out);
                    false
                }
                Segment::Plain { write, offset, vanishes } => {
                    write(scope, *offset, out);
                    *vanishes
                }
                Segment::With { keyword, vanishes } => {
                    keyword.write(scope, out);
                    *vanishes
                }
            };
            swallow = vanishes && out.len() > base && out[out.len() - 1] == b'\n';
        }
        if let Some((at, keyword)) = scope.authentication_mark.take() {
            let grown = keyword.insert(scope, base, at, out);
            if let Some((mark, _)) = &mut scope.length_mark
                && *mark >= at
            {
                *mark += grown;
            }
        }
        patch_length(scope.length_mark, out);
        (scope.length_mark, scope.authentication_mark) = outer_marks;
    }

    /// Makes keywords literal whose values hold for the whole run; to be called once sockets are bound.
    pub fn settle(&mut self, settings: &Settings) {
        let mut settled = Template { is_message: self.is_message, ..Template::default() };
        for segment in std::mem::take(&mut self.segments) {
            match segment {
                Segment::Literal(span) => settled.push_literal(span.of(&self.literal)),
                Segment::Constant { write, offset } => {
                    let mut value = Vec::new();
                    write(settings, offset, &mut value);
                    settled.push_literal(&value);
                }
                other => settled.segments.push(other),
            }
        }
        *self = settled;
    }

    /// The text in a buffer of its own, for places outside of the hot path.
    pub fn to_vec(&self, scope: &mut Scope<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        self.render(scope, &mut out);
        out
    }

    /// What is left of `literal` behind a keyword after which the text `so_far` stands at the beginning of a line: a
    /// keyword that gave nothing, or a value that ended its line itself. All white space is swallowed, as SIPp does.
    ///
    /// DEVIATES: SIPp swallows the empty line behind the header too, and the message is none any more. There only the
    /// line of the keyword vanishes. Test: `lines_of_keywords_without_value_vanish`.
    fn after_line<'l>(&self, literal: &'l [u8], so_far: &[u8]) -> &'l [u8] {
        let rest = literal.trim_ascii_start();
        let blank = &literal[..literal.len() - rest.len()];
        let mut breaks = memchr::memchr_iter(b'\n', blank);
        match breaks.next() {
            Some(first) if breaks.next().is_some() && self.is_message && HEAD_END.find(so_far).is_none() => {
                &literal[first + 1..]
            }
            _ => rest,
        }
    }

    fn push_literal(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            return;
        }
        let start = self.literal.len();
        self.literal.extend_from_slice(bytes);
        match self.segments.last_mut() {
            Some(Segment::Literal(span)) => span.len += bytes.len() as u32,
            _ => self.segments.push(Segment::Literal(Span::new(start, self.literal.len()))),
        }
    }
}

/// Finds the end of the header fields; made once, since making it costs more than a search.
static HEAD_END: LazyLock<memmem::Finder<'static>> = LazyLock::new(|| memmem::Finder::new(b"\r\n\r\n"));

/// Writes the length of the body over the five columns that `[len]` left.
fn patch_length(mark: Option<(usize, i64)>, out: &mut [u8]) {
    let Some((at, offset)) = mark else { return };
    // The body begins behind the header that holds the length.
    let body = HEAD_END.find(&out[at..]).map_or(0, |end| out.len() - at - end - 4);
    let mut value = (body as i64 + offset).max(0);
    let places = &mut out[at..at + keywords::message::LENGTH_COLUMNS];
    for place in places.iter_mut().rev() {
        if value == 0 && *place != b' ' {
            break;
        }
        *place = if value == 0 { b' ' } else { b'0' + (value % 10) as u8 };
        value /= 10;
    }
    if body as i64 + offset <= 0 {
        places[keywords::message::LENGTH_COLUMNS - 1] = b'0';
    }
}

/// A text after the rules of message texts, with the way back to the source.
struct Normalised {
    text: Vec<u8>,
    /// Offset in `text` and in the source where each line begins.
    lines: Vec<(usize, usize)>,
}

impl Normalised {
    fn message(source: &[u8], at: usize) -> Normalised {
        let mut normalised = Normalised { text: Vec::with_capacity(source.len()), lines: Vec::new() };
        let mut lines = Vec::new();
        let mut start = 0;
        for line in source.split(|byte| *byte == b'\n') {
            let blanks = line.iter().position(|byte| !is_blank(*byte)).unwrap_or(line.len());
            let end = line.iter().rposition(|byte| !is_blank(*byte)).map_or(blanks, |last| last + 1);
            lines.push((start + blanks, &line[blanks..end]));
            start += line.len() + 1;
        }
        let first = lines.iter().position(|(_, line)| !line.is_empty()).unwrap_or(lines.len());
        let last = lines.iter().rposition(|(_, line)| !line.is_empty()).map_or(first, |last| last + 1);
        let ended_in_newline = last < lines.len();
        let lines = &lines[first..last];
        for (number, (offset, line)) in lines.iter().enumerate() {
            if number > 0 {
                normalised.text.push(b'\n');
            }
            normalised.lines.push((normalised.text.len(), at + offset));
            normalised.text.extend_from_slice(line);
        }
        if !lines.iter().any(|(_, line)| line.is_empty()) {
            normalised.text.extend_from_slice(b"\n\n");
        } else if ended_in_newline {
            normalised.text.push(b'\n');
        }
        normalised
    }

    /// The offset in the source of an offset in the text.
    fn source_offset(&self, offset: usize) -> usize {
        let line = self.lines.partition_point(|(start, _)| *start <= offset);
        match line.checked_sub(1).and_then(|line| self.lines.get(line)) {
            Some((start, source)) => source + (offset - start),
            None => offset,
        }
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

/// Splits a normalised text into segments.
struct Reader<'s, 'n, 'k> {
    source: &'s Normalised,
    kind: TextKind,
    names: &'n mut Names<'k>,
    template: Template,
    mistakes: Vec<Mistake>,
}

impl Reader<'_, '_, '_> {
    fn read(&mut self) {
        let text = &self.source.text;
        let mut at = 0;
        while at < text.len() {
            let len = memchr::memchr3(b'[', b'\\', b'\n', &text[at..]).unwrap_or(text.len() - at);
            self.template.push_literal(&text[at..at + len]);
            at += len;
            at += match text.get(at) {
                Some(b'[') => self.read_bracket(at),
                Some(b'\\') => self.read_escape(at),
                Some(_) => self.read_newline(),
                None => 0,
            };
        }
    }

    fn read_newline(&mut self) -> usize {
        self.template.push_literal(if self.kind == TextKind::Inline { b"\n" } else { b"\r\n" });
        1
    }

    /// `\xHH`, one or two digits, is that byte; any other backslash stays.
    fn read_escape(&mut self, at: usize) -> usize {
        let digits = self.source.text[at + 1..].strip_prefix(b"x").unwrap_or_default();
        let count = digits.iter().take(2).take_while(|digit| digit.is_ascii_hexdigit()).count();
        if count == 0 {
            self.template.push_literal(b"\\");
            return 1;
        }
        let byte = digits[..count].iter().fold(0, |sum, digit| sum * 16 + hex_value(*digit));
        self.template.push_literal(&[byte]);
        2 + count
    }

    /// A keyword, or a literal bracket before another one.
    fn read_bracket(&mut self, at: usize) -> usize {
        let text = &self.source.text[at..];
        if text.get(1) == Some(&b'[') {
            self.template.push_literal(b"[");
            return 1;
        }
        let offset = self.source.source_offset(at);
        let Some(end) = closing_bracket(text) else {
            let shown = String::from_utf8_lossy(&text[..text.len().min(40)]).into_owned();
            self.mistakes.push(Mistake::new(
                "S010",
                offset,
                format!("Syntax error or invalid [keyword] in scenario while parsing '{shown}'"),
            ));
            return text.len();
        };
        self.names.offset = offset;
        let inner = String::from_utf8_lossy(&text[1..end]).into_owned();
        match self.read_keyword(&inner, offset) {
            Ok(()) => {}
            Err(mistake) => self.mistakes.push(mistake),
        }
        end + 1
    }

    fn read_keyword(&mut self, inner: &str, offset: usize) -> Result<(), Mistake> {
        let (name, rest) = inner.split_at(inner.find([' ', '\t', '\n']).unwrap_or(inner.len()));
        let (plain_name, number) = split_offset(name);
        if let Some(def) = keywords::find(plain_name) {
            return self.push_keyword(def, &KeywordText { rest: "", args: split_args(rest), offset: number });
        }
        if let Some(def) = keywords::find(name).or_else(|| keywords::find_family(name)) {
            let family_rest = &name[def.name.len()..];
            return self
                .push_keyword(def, &KeywordText { rest: family_rest, args: split_args(rest), offset: 0 });
        }
        if let Some((_, value)) = self.names.keys.iter().find(|(key, _)| key == inner) {
            self.template.push_literal(value.as_bytes());
            return Ok(());
        }
        let known = keywords::TABLE.iter().map(|def| def.name);
        let keys = self.names.keys.iter().map(|(key, _)| key.as_str());
        Err(Mistake::new("S011", offset, format!("Unsupported keyword '{inner}' in xml scenario file"))
            .suggest(plain_name, known.chain(keys)))
    }

    fn push_keyword(&mut self, def: &KeywordDef, text: &KeywordText<'_>) -> Result<(), Mistake> {
        let vanishes = def.vanishes;
        let segment = match def.form {
            KeywordForm::Constant(write) => Segment::Constant { write, offset: text.offset },
            KeywordForm::Plain(write) => {
                keywords::message::note_need(def.name, &mut self.names.keep);
                Segment::Plain { write, offset: text.offset, vanishes }
            }
            KeywordForm::Args(parse) | KeywordForm::Family(parse) => {
                Segment::With { keyword: parse(text, self.names)?, vanishes }
            }
        };
        self.template.segments.push(segment);
        Ok(())
    }
}

fn hex_value(digit: u8) -> u8 {
    char::from(digit).to_digit(16).map_or(0, |value| value as u8)
}

/// Where the bracket that opens `text` is closed: brackets in double quotes do not count, nested ones do.
fn closing_bracket(text: &[u8]) -> Option<usize> {
    let mut depth = 0usize;
    let mut quoted = false;
    let mut escaped = false;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            _ if escaped => {
                escaped = false;
                continue;
            }
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' if !quoted => depth += 1,
            b']' if !quoted => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// Splits `name+N` or `name-N`; the offset is 0 without.
fn split_offset(name: &str) -> (&str, i64) {
    let digits = name.len() - name.bytes().rev().take_while(u8::is_ascii_digit).count();
    let sign = digits.checked_sub(1).map(|at| name.as_bytes()[at]);
    match (sign, name[digits..].parse::<i64>()) {
        (Some(b'+'), Ok(number)) => (&name[..digits - 1], number),
        (Some(b'-'), Ok(number)) => (&name[..digits - 1], -number),
        _ => (name, 0),
    }
}

/// `name=value` pairs: the value quoted with `\"` escapes, `0x` and hex digits, or bare up to a blank.
pub(super) fn split_args(text: &str) -> Vec<(&str, Argument)> {
    let mut args = Vec::new();
    let mut rest = text.trim_start();
    while let Some((name, after)) = rest.split_once('=') {
        let (value, after) = take_value(after.trim_start());
        args.push((name.trim(), value));
        rest = after.trim_start();
    }
    args
}

fn take_value(text: &str) -> (Argument, &str) {
    if let Some(quoted) = text.strip_prefix('"') {
        let mut value = Vec::new();
        let mut bytes = quoted.bytes().enumerate();
        while let Some((at, byte)) = bytes.next() {
            match byte {
                b'"' => return (Argument::Text(value), &quoted[at + 1..]),
                b'\\' => value.extend(bytes.next().map(|(_, byte)| byte)),
                _ => value.push(byte),
            }
        }
        return (Argument::Text(value), "");
    }
    let (bare, rest) = text.split_at(text.find([' ', '\t', '\n']).unwrap_or(text.len()));
    let hex = bare
        .strip_prefix("0x")
        .filter(|hex| hex.len() % 2 == 0 && hex.bytes().all(|c| c.is_ascii_hexdigit()));
    let value = match hex {
        Some(hex) => Argument::Bytes(
            hex.as_bytes().chunks(2).map(|pair| hex_value(pair[0]) * 16 + hex_value(pair[1])).collect(),
        ),
        None => Argument::Text(bare.as_bytes().to_vec()),
    };
    (value, rest)
}
