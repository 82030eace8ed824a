//! The only file that knows the XML library: bytes to a tree of elements with positions.
//!
//! Accepts what SIPp's own readers accept: text before `<?xml`, raw `<`, `>` and `&` in attributes, `\"` inside
//! double quotes, a missing `</scenario>`. Bytes pass through whatever encoding the declaration names.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};

use sip::span::Span;

use super::Findings;
use super::ast::{Element, Text};
use crate::lang::{Attribute, Mistake};

/// Reads a document. `None` when no root element could be read; mistakes are noted.
pub(super) fn parse(text: &[u8], findings: &mut Findings<'_>) -> Option<Element> {
    let prepared = prepare(text);
    let mut reader = Reader::from_str(&prepared);
    reader.config_mut().check_end_names = true;
    let mut open: Vec<Element> = Vec::new();
    let mut root = None;
    loop {
        let at = reader.buffer_position() as usize;
        match reader.read_event() {
            Ok(Event::Start(tag)) => open.push(read_tag(text, &prepared, at, &tag)),
            Ok(Event::Empty(tag)) => close(read_tag(text, &prepared, at, &tag), &mut open, &mut root),
            Ok(Event::End(_)) => {
                if let Some(element) = open.pop() {
                    close(element, &mut open, &mut root);
                }
            }
            Ok(Event::CData(data)) => {
                let start = at + b"<![CDATA[".len();
                let bytes = text[start..start + data.len()].to_vec();
                if let Some(element) = open.last_mut() {
                    element.text.get_or_insert(Text { bytes, at: start });
                }
            }
            Ok(Event::Eof) => break,
            Ok(_) => {}
            Err(error) => {
                let at = reader.error_position() as usize;
                findings.error(broken(text, at, &error.to_string()));
                break;
            }
        }
    }
    close_open_elements(open, &mut root, findings);
    if root.is_none() && findings.list.is_empty() {
        findings.error(Mistake::new("S001", text.len(), "no <scenario> element"));
    }
    root
}

fn broken(text: &[u8], at: usize, reason: &str) -> Mistake {
    let line = memchr::memchr_iter(b'\n', &text[..at.min(text.len())]).count() + 1;
    Mistake::new("S001", at, format!("Invalid XML in scenario near line {line}: {reason}"))
}

/// A missing `</scenario>` is tolerated, any other open element is not.
fn close_open_elements(mut open: Vec<Element>, root: &mut Option<Element>, findings: &mut Findings<'_>) {
    while let Some(element) = open.pop() {
        if !open.is_empty() && findings.list.is_empty() {
            let message = format!("<{}> is not closed", element.name);
            findings.error(Mistake::new("S002", element.at, message));
        }
        close(element, &mut open, root);
    }
}

fn close(element: Element, open: &mut [Element], root: &mut Option<Element>) {
    match open.last_mut() {
        Some(parent) => parent.children.push(element),
        None => {
            root.get_or_insert(element);
        }
    }
}

fn read_tag(text: &[u8], prepared: &str, at: usize, tag: &BytesStart<'_>) -> Element {
    let place = |part: &str| Span::locate(prepared.as_bytes(), part.as_bytes());
    let attributes = tag
        .html_attributes()
        .with_checks(false)
        .flatten()
        .filter_map(|attribute| {
            let name = place(attribute.key.as_ref())?;
            let value = place(&attribute.value)?;
            Some(Attribute {
                name: String::from_utf8_lossy(name.of(text)).into_owned(),
                name_at: name.start as usize,
                value: decode(value.of(text)),
                value_at: value.start as usize,
            })
        })
        .collect();
    Element { name: tag.name().as_ref().to_owned(), at, attributes, children: Vec::new(), text: None }
}

/// The text as the library can read it, byte for byte as long as the original, from which names and values are
/// then taken: bytes outside of ASCII (any encoding) and `\"` between double quotes get stand-ins.
fn prepare(text: &[u8]) -> String {
    let mut prepared: Vec<u8> = text.iter().map(|byte| if byte.is_ascii() { *byte } else { b'x' }).collect();
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'<', &prepared[at..]).map(|found| at + found) {
        at = skip_markup(&mut prepared, open);
    }
    String::from_utf8(prepared).expect("only ASCII is left")
}

/// The offset behind the markup that begins at `open`; quotes inside a tag are looked at on the way.
fn skip_markup(text: &mut [u8], open: usize) -> usize {
    let rest = &text[open..];
    for (start, end) in [(&b"<![CDATA["[..], &b"]]>"[..]), (b"<!--", b"-->"), (b"<?", b"?>"), (b"<!", b">")] {
        if rest.starts_with(start) {
            return memchr::memmem::find(rest, end).map_or(text.len(), |found| open + found + end.len());
        }
    }
    let mut quote = None;
    let mut at = open + 1;
    while at < text.len() {
        match (text[at], quote) {
            (b'\\', Some(b'"')) if text.get(at + 1) == Some(&b'\\') => at += 1,
            (b'\\', Some(b'"')) if text.get(at + 1) == Some(&b'"') => {
                text[at + 1] = b'x';
                at += 1;
            }
            (byte, Some(open)) if byte == open => quote = None,
            (b'"' | b'\'', None) => quote = Some(text[at]),
            (b'>', None) => return at + 1,
            _ => {}
        }
        at += 1;
    }
    text.len()
}

/// The value of an attribute: entities once, then backslash escapes; unknown ones of both stay as written.
fn decode(raw: &[u8]) -> Vec<u8> {
    let mut value = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((&byte, after)) = rest.split_first() {
        let (decoded, len) = match byte {
            b'&' => decode_entity(rest),
            b'\\' => decode_escape(after),
            b'\r' => (Decoded::Nothing, 1),
            _ => (Decoded::Byte(byte), 1),
        };
        match decoded {
            Decoded::Byte(byte) => value.push(byte),
            Decoded::Char(c) => value.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            Decoded::Nothing => {}
        }
        rest = &rest[len..];
    }
    value
}

enum Decoded {
    Byte(u8),
    Char(char),
    Nothing,
}

fn decode_entity(text: &[u8]) -> (Decoded, usize) {
    const NAMED: [(&[u8], u8); 5] =
        [(b"&amp;", b'&'), (b"&lt;", b'<'), (b"&gt;", b'>'), (b"&quot;", b'"'), (b"&apos;", b'\'')];
    if let Some((name, byte)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return (Decoded::Byte(*byte), name.len());
    }
    numeric_entity(text).map_or((Decoded::Byte(b'&'), 1), |(c, len)| (Decoded::Char(c), len))
}

/// `&#65;` or `&#x41;`.
fn numeric_entity(text: &[u8]) -> Option<(char, usize)> {
    let end = text.iter().take(12).position(|byte| *byte == b';')?;
    let digits = std::str::from_utf8(text.get(2..end)?).ok().filter(|_| text.starts_with(b"&#"))?;
    let number = match digits.strip_prefix(['x', 'X']) {
        Some(hex) => u32::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    Some((char::from_u32(number)?, end + 1))
}

/// What follows a backslash.
fn decode_escape(after: &[u8]) -> (Decoded, usize) {
    let byte = match after.first() {
        Some(b'\\') => b'\\',
        Some(b'"') => b'"',
        Some(b'n') => b'\n',
        Some(b't') => b'\t',
        Some(b'r') => b'\r',
        _ => return (Decoded::Byte(b'\\'), 1),
    };
    (Decoded::Byte(byte), 2)
}
