//! Bytes to index: one pass, no copy (RFC 3261 7, 25.1).

use smallvec::SmallVec;

use super::{HeaderField, HeaderName, Index, Method, StartLine};
use crate::lex;
use crate::span::Span;

/// Why bytes are not a SIP message. Offsets count from the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Nothing but line ends: a keep-alive (RFC 5626 3.5.1), not a message.
    Empty,
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// A header line without colon or with an empty name, at this offset.
    Header(u32),
    /// The bytes end before the empty line that ends the header fields.
    Truncated,
    /// The Content-Length is no number or larger than what follows (18.3).
    ContentLength,
}

impl Index {
    /// Indexes a whole datagram or frame; leading line ends are skipped (7.5).
    pub fn parse(bytes: &[u8]) -> Result<Index, ParseError> {
        let first = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(ParseError::Empty)?;
        let (line, mut at) = take_line(bytes, first).ok_or(ParseError::Truncated)?;
        let start = parse_start_line(bytes, line).ok_or(ParseError::StartLine)?;
        let mut headers = SmallVec::new();
        loop {
            let (mut line, mut next) = take_line(bytes, at).ok_or(ParseError::Truncated)?;
            if line.is_empty() {
                at = next;
                break;
            }
            while matches!(bytes.get(next), Some(b' ' | b'\t')) {
                let (fold, after) = take_line(bytes, next).ok_or(ParseError::Truncated)?;
                line = Span::new(line.start as usize, fold.end());
                next = after;
            }
            headers.push(parse_field(bytes, line, next)?);
            at = next;
        }
        let mut index = Index { start, headers, body: Span::new(at, bytes.len()) };
        index.limit_body(bytes)?;
        Ok(index)
    }

    /// 18.3: bytes of a datagram behind Content-Length are dropped, a body that is too short is an error.
    fn limit_body(&mut self, bytes: &[u8]) -> Result<(), ParseError> {
        let Some(field) = self.headers.iter().find(|field| field.header == HeaderName::ContentLength) else {
            return Ok(());
        };
        let length = lex::parse_u32(field.value.of(bytes)).ok_or(ParseError::ContentLength)?;
        if length > self.body.len {
            return Err(ParseError::ContentLength);
        }
        self.body.len = length;
        Ok(())
    }
}

/// The line that starts at `at` without its end, and where the next begins; CRLF and LF both end it.
fn take_line(bytes: &[u8], at: usize) -> Option<(Span, usize)> {
    let newline = at + memchr::memchr(b'\n', bytes.get(at..)?)?;
    let end = if newline > at && bytes[newline - 1] == b'\r' { newline - 1 } else { newline };
    Some((Span::new(at, end), newline + 1))
}

fn parse_start_line(bytes: &[u8], line: Span) -> Option<StartLine> {
    let text = line.of(bytes);
    let base = line.start as usize;
    let first = memchr::memchr(b' ', text)?;
    if text.get(..8)?.eq_ignore_ascii_case(b"SIP/2.0 ") {
        let status = lex::parse_u32(text.get(8..11)?)? as u16;
        let reason = match text.get(11) {
            None => Span::new(line.end(), line.end()),
            Some(b' ') => Span::new(base + 12, line.end()),
            Some(_) => return None,
        };
        return Some(StartLine::Response { status, reason });
    }
    let last = memchr::memrchr(b' ', text)?;
    let version = &text[last + 1..];
    let is_request = first > 0
        && last > first + 1
        && text[..first].iter().all(|byte| lex::is_token(*byte))
        && version.eq_ignore_ascii_case(b"SIP/2.0");
    is_request.then(|| StartLine::Request {
        method: Method::parse(&text[..first]),
        method_text: Span::new(base, base + first),
        uri: Span::new(base + first + 1, base + last),
    })
}

fn parse_field(bytes: &[u8], line: Span, next: usize) -> Result<HeaderField, ParseError> {
    let text = line.of(bytes);
    let broken = ParseError::Header(line.start);
    let colon = memchr::memchr(b':', text).ok_or(broken)?;
    let name = lex::trim(&text[..colon]);
    let value = lex::trim(&text[colon + 1..]);
    if name.is_empty() || !name.iter().all(|byte| lex::is_token(*byte)) {
        return Err(broken);
    }
    let name_start = line.start as usize;
    let name_span = Span::new(name_start, name_start + name.len());
    let value_start = value.as_ptr() as usize - bytes.as_ptr() as usize;
    Ok(HeaderField {
        header: HeaderName::parse(name),
        name: name_span,
        value: Span::new(value_start, value_start + value.len()),
        line: Span::new(name_start, next),
    })
}

#[cfg(test)]
mod tests {
    use super::super::{HeaderName, Message, Method};
    use super::ParseError;

    const INVITE: &[u8] =
        b"INVITE sip:service@127.0.0.1:5060 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n\
        Subject: a\r\n  folded value\r\nContent-Length: 3\r\n\r\nabcdef";

    #[test]
    fn indexes_a_request_with_compact_names_folds_and_body() {
        let message = Message::parse(INVITE.into()).expect("valid");
        let view = message.view();
        assert_eq!(view.method(), Some(Method::Invite));
        assert_eq!(view.request_uri(), Some(&b"sip:service@127.0.0.1:5060"[..]));
        assert_eq!(view.header(HeaderName::Via), Some(&b"SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1"[..]));
        assert_eq!(view.header_named(b"s"), Some(&b"a\r\n  folded value"[..]));
        assert_eq!(view.body(), b"abc");
    }

    #[test]
    fn truncation_at_every_byte_is_an_error_not_a_panic() {
        for end in 0..INVITE.len() - 3 {
            assert!(Message::parse(INVITE[..end].to_vec().into()).is_err(), "{end}");
        }
        assert_eq!(Message::parse(b"\r\n\r\n"[..].into()).err(), Some(ParseError::Empty));
    }
}
