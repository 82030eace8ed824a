//! The text of a message to be sent: what cannot become valid SIP (RFC 3261 7, 8.1.1, 20.14).
//!
//! Lines that begin with a keyword may become anything and are believed.

use sip::msg::HeaderName;

use crate::lang::Mistake;

use super::super::ast::Element;

/// One line of a text without its blanks, and where it begins in the source.
#[derive(Clone, Copy)]
struct Line<'t> {
    text: &'t [u8],
    at: usize,
}

/// Advice about one `<send>`.
pub(super) fn look_at(element: &Element) -> Vec<Mistake> {
    let Some(text) = &element.text else { return Vec::new() };
    let lines = lines(&text.bytes, text.at);
    let Some((start, rest)) = lines.split_first() else { return Vec::new() };
    let end = rest.iter().position(|line| line.text.is_empty()).unwrap_or(rest.len());
    let (head, body) = rest.split_at(end);
    let mut advice = Vec::new();
    for line in head {
        if !line.text.starts_with(b"[") && !line.text.contains(&b':') {
            let mut mistake = Mistake::new("S115", line.at, "A header line without colon");
            mistake.hint = Some("is the empty line before the body missing?".into());
            advice.push(mistake);
        }
    }
    let ends_in_newline = text.bytes.iter().rev().take_while(|byte| byte.is_ascii_whitespace());
    let ends_in_newline = ends_in_newline.into_iter().any(|byte| *byte == b'\n');
    advice.extend(wrong_length(head, body.get(1..).unwrap_or_default(), ends_in_newline));
    advice.extend(absent_header(*start, head));
    advice.extend(wrong_method(*start, head));
    advice
}

/// The lines of a text; blanks at their edges and empty lines around the text do not count.
fn lines(bytes: &[u8], at: usize) -> Vec<Line<'_>> {
    let mut lines = Vec::new();
    let mut offset = at;
    for raw in bytes.split(|byte| *byte == b'\n') {
        let text = raw.trim_ascii();
        let indent = raw.len() - raw.trim_ascii_start().len();
        lines.push(Line { text, at: offset + if text.is_empty() { 0 } else { indent } });
        offset += raw.len() + 1;
    }
    let first = lines.iter().position(|line| !line.text.is_empty()).unwrap_or(lines.len());
    let last = lines.iter().rposition(|line| !line.text.is_empty()).map_or(first, |last| last + 1);
    lines.truncate(last);
    lines.split_off(first)
}

/// A literal Content-Length that does not fit the literal body.
fn wrong_length(head: &[Line<'_>], body: &[Line<'_>], ends_in_newline: bool) -> Option<Mistake> {
    let (line, value) = head.iter().find_map(|line| {
        let (name, value) = split_header(line.text)?;
        (HeaderName::parse(name) == HeaderName::ContentLength).then_some((line, value))
    })?;
    let written: usize = std::str::from_utf8(value).ok()?.parse().ok()?;
    let is_open = body.iter().any(|line| line.text.contains(&b'[') || line.text.contains(&b'\\'));
    // Lines end in CRLF; what the keywords of a body become adds to it.
    let breaks = if ends_in_newline { body.len() } else { body.len().saturating_sub(1) };
    let literal: usize = body.iter().map(|line| line.text.len()).sum::<usize>() + 2 * breaks;
    let fits = if is_open { written > 0 } else { written == literal };
    (!fits).then(|| {
        let message = match (body.is_empty(), is_open) {
            (true, _) => format!("Content-Length is {written}, but there is no body"),
            (false, true) => "Content-Length is 0, but there is a body".to_owned(),
            (false, false) => format!("Content-Length is {written}, but the body has {literal} bytes"),
        };
        let mut mistake = Mistake::new("S116", line.at, message);
        mistake.hint = Some("write [len]".into());
        mistake
    })
}

/// The first mandatory header that no line gives (RFC 3261 8.1.1, 8.2.6).
fn absent_header(start: Line<'_>, head: &[Line<'_>]) -> Option<Mistake> {
    use HeaderName::{CSeq, CallId, From, MaxForwards, To, Via};
    // A line of a field, a variable or a -key word may be any header.
    let is_open = |line: &Line<'_>| line.text.starts_with(b"[") && !line.text.starts_with(b"[last_");
    if head.iter().any(|line| is_open(line) && !line.text.starts_with(b"[routes]")) {
        return None;
    }
    let given: Vec<HeaderName> = head.iter().filter_map(|line| header_of(line.text)).collect();
    let is_request = !start.text.starts_with(b"SIP/2.0 ");
    let wanted: &[HeaderName] =
        if is_request { &[Via, From, To, CallId, CSeq, MaxForwards] } else { &[Via, From, To, CallId, CSeq] };
    let absent: Vec<&str> =
        wanted.iter().filter(|name| !given.contains(name)).map(|name| name.as_str()).collect();
    (!absent.is_empty()).then(|| {
        let what = if is_request { "request" } else { "response" };
        Mistake::new("S117", start.at, format!("The {what} has no {}", absent.join(", ")))
    })
}

/// A literal CSeq whose method is not that of the request (RFC 3261 8.1.1.5).
fn wrong_method(start: Line<'_>, head: &[Line<'_>]) -> Option<Mistake> {
    let method = start.text.split(|byte| *byte == b' ').next().filter(|first| *first != b"SIP/2.0")?;
    let (line, value) = head.iter().find_map(|line| {
        let (name, value) = split_header(line.text)?;
        (HeaderName::parse(name) == HeaderName::CSeq).then_some((line, value))
    })?;
    let named = value.rsplit(|byte| *byte == b' ').next().filter(|named| !named.contains(&b']'))?;
    (named != method).then(|| {
        let [named, method] = [named, method].map(String::from_utf8_lossy);
        Mistake::new("S118", line.at, format!("The CSeq of this {method} names the method '{named}'"))
    })
}

/// The header of a line: its name, or that of a `[last_Name:]` keyword.
fn header_of(line: &[u8]) -> Option<HeaderName> {
    if let Some(rest) = line.strip_prefix(b"[last_") {
        let end = rest.iter().position(|byte| matches!(byte, b':' | b']'))?;
        return Some(HeaderName::parse(&rest[..end]));
    }
    split_header(line).map(|(name, _)| HeaderName::parse(name))
}

fn split_header(line: &[u8]) -> Option<(&[u8], &[u8])> {
    let colon = memchr::memchr(b':', line)?;
    Some((line[..colon].trim_ascii(), line[colon + 1..].trim_ascii()))
}
