//! Bytes to index: one pass, no copy (RFC 3261 7, 25.1).
//!
//! [`Index::parse`] refuses what is not well formed; [`Index::parse_lenient`] keeps what can be read and notes
//! the first defect, so that a server can still answer 400 with the reason. CRLF and LF both end a line.

use std::fmt;

use smallvec::SmallVec;

use super::{HeaderField, HeaderName, Index, Method, StartLine};
use crate::lex;
use crate::span::Span;

/// Most header fields a message may have; real ones stay below a hundred.
pub const MAX_HEADERS: usize = 1024;

/// Why bytes are not a SIP message. Offsets count from the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Nothing but line ends: a keep-alive (RFC 5626 3.5.1), not a message.
    Empty,
    /// The first line is neither a request line nor a status line.
    StartLine,
    /// A request whose version is not SIP/2.0: to be answered 505 (21.5.6).
    Version,
    /// A request line with a Request-URI that is empty or holds white space.
    RequestUri,
    /// A header line without colon or with a name that is no token, at this offset.
    Header(u32),
    /// The bytes end before the empty line that ends the header fields.
    Truncated,
    /// The Content-Length is no number, larger than what follows (18.3), or stands twice (RFC 4475 3.3.9).
    ContentLength,
    /// More than [`MAX_HEADERS`] header fields.
    TooManyHeaders,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ParseError::Empty => "Empty message",
            ParseError::StartLine => "Bad start line",
            ParseError::Version => "Version not supported",
            ParseError::RequestUri => "Bad Request-URI",
            ParseError::Header(offset) => return write!(f, "Bad header line at byte {offset}"),
            ParseError::Truncated => "No empty line behind the header fields",
            ParseError::ContentLength => "Bad Content-Length",
            ParseError::TooManyHeaders => "Too many header fields",
        })
    }
}

impl std::error::Error for ParseError {}

impl Index {
    /// Indexes a whole datagram or frame; leading line ends are skipped (7.5). Any defect is an error.
    pub fn parse(bytes: &[u8]) -> Result<Index, ParseError> {
        let index = Index::parse_lenient(bytes)?;
        match index.defect {
            Some(defect) => Err(defect),
            None => Ok(index),
        }
    }

    /// Indexes what can be read and keeps the first defect in [`Index::defect`].
    ///
    /// Header lines that cannot be read are left out, a body shorter than its Content-Length is what there is,
    /// and header fields beyond [`MAX_HEADERS`] and a line without its end are not looked at.
    /// Errors: `Empty`; `Truncated` when there is no whole start line; `StartLine` when it is not SIP.
    pub fn parse_lenient(bytes: &[u8]) -> Result<Index, ParseError> {
        let first = bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).ok_or(ParseError::Empty)?;
        let newline = first + memchr::memchr(b'\n', &bytes[first..]).ok_or(ParseError::Truncated)?;
        let line = lex::trim_end(&bytes[first..newline]);
        let (start, defect) = parse_start_line(line, first).ok_or(ParseError::StartLine)?;
        let mut index = Index {
            start,
            start_line: Span::new(first, newline + 1),
            headers: SmallVec::new(),
            body: Span::new(bytes.len(), bytes.len()),
            defect,
        };
        match index.read_headers(bytes, newline + 1) {
            Ok(body) => index.body = Span::new(body, bytes.len()),
            Err(defect) => index.note(defect),
        }
        index.limit_body(bytes);
        Ok(index)
    }

    /// Reads header lines from `at` on; the result is where the body starts.
    fn read_headers(&mut self, bytes: &[u8], mut at: usize) -> Result<usize, ParseError> {
        loop {
            match bytes.get(at..).unwrap_or_default() {
                [b'\n', ..] => return Ok(at + 1),
                [b'\r', b'\n', ..] => return Ok(at + 2),
                [] => return Err(ParseError::Truncated),
                _ => {}
            }
            if self.headers.len() == MAX_HEADERS {
                return Err(ParseError::TooManyHeaders);
            }
            let head = read_name(bytes, at);
            let (end, next) =
                find_line_end(bytes, head.unwrap_or((at, at)).1).ok_or(ParseError::Truncated)?;
            match head {
                Some((name_end, colon)) => {
                    let value = lex::trim(&bytes[colon + 1..end]);
                    let value_start = value.as_ptr() as usize - bytes.as_ptr() as usize;
                    self.headers.push(HeaderField {
                        header: HeaderName::parse(&bytes[at..name_end]),
                        name: Span::new(at, name_end),
                        value: Span::new(value_start, value_start + value.len()),
                        line: Span::new(at, next),
                    });
                }
                None => self.note(ParseError::Header(at as u32)),
            }
            at = next;
        }
    }

    /// 18.3: bytes of a datagram behind Content-Length are dropped, a body that is too short is a defect.
    fn limit_body(&mut self, bytes: &[u8]) {
        let mut fields = self.headers.iter().filter(|field| field.header == HeaderName::ContentLength);
        let Some(field) = fields.next() else { return };
        match lex::parse_u32(field.value.of(bytes)) {
            Some(length) if length <= self.body.len && fields.next().is_none() => self.body.len = length,
            _ => self.note(ParseError::ContentLength),
        }
    }

    fn note(&mut self, defect: ParseError) {
        self.defect.get_or_insert(defect);
    }
}

/// The name of the header line at `at`: its end, and the offset of the colon. White space may stand between
/// (25.1 HCOLON). `None` when the line does not start with a token and a colon.
fn read_name(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let line = &bytes[at..];
    let len = line.iter().position(|byte| !lex::is_token(*byte)).filter(|len| *len > 0)?;
    let blanks = line[len..].iter().position(|byte| !matches!(byte, b' ' | b'\t'))?;
    (line[len + blanks] == b':').then_some((at + len, at + len + blanks))
}

/// The newline that ends the field around `at`, folds included, and where the next line starts.
fn find_line_end(bytes: &[u8], mut at: usize) -> Option<(usize, usize)> {
    loop {
        let newline = at + memchr::memchr(b'\n', bytes.get(at..)?)?;
        if !matches!(bytes.get(newline + 1), Some(b' ' | b'\t')) {
            return Some((newline, newline + 1));
        }
        at = newline + 1;
    }
}

/// Reads the first line, without its end, at offset `base`; `None` when it is not SIP at all.
fn parse_start_line(line: &[u8], base: usize) -> Option<(StartLine, Option<ParseError>)> {
    if let Some((version, rest)) = line.split_at_checked(8)
        && version.eq_ignore_ascii_case(b"SIP/2.0 ")
    {
        return Some((parse_status_line(rest, base + 8)?, None));
    }
    let first = memchr::memchr(b' ', line)?;
    let last = memchr::memrchr(b' ', line)?;
    let (method, version) = (&line[..first], &line[last + 1..]);
    let is_sip = version.get(..4).is_some_and(|name| name.eq_ignore_ascii_case(b"SIP/"));
    if method.is_empty() || !method.iter().all(|byte| lex::is_token(*byte)) || !is_sip {
        return None;
    }
    let uri = Span::new(base + first + 1, base + last);
    let text = line.get(first + 1..last).unwrap_or_default();
    let defect = if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        Some(ParseError::Version)
    } else if text.is_empty() || text.iter().any(|byte| lex::is_lws(*byte)) {
        Some(ParseError::RequestUri)
    } else {
        None
    };
    let method_text = Span::new(base, base + first);
    Some((StartLine::Request { method: Method::parse(method), method_text, uri }, defect))
}

/// `rest`: what stands behind the version, at offset `base`.
fn parse_status_line(rest: &[u8], base: usize) -> Option<StartLine> {
    let (code, reason) = rest.split_at_checked(3)?;
    let status = lex::parse_u16(code).filter(|status| *status >= 100)?;
    let blank = match reason.first() {
        None => 0,
        Some(b' ') => 1,
        Some(_) => return None,
    };
    Some(StartLine::Response { status, reason: Span::new(base + 3 + blank, base + rest.len()) })
}

#[cfg(test)]
mod tests {
    use super::super::{HeaderName, Message, Method, StartLine};
    use super::*;

    const INVITE: &[u8] =
        b"INVITE sip:service@127.0.0.1:5060 SIP/2.0\r\nv: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\n\
        Subject: a\r\n  folded value\r\nTO :\n sip:a\nContent-Length: 3\r\n\r\nabcdef";

    #[test]
    fn indexes_a_request_with_compact_names_folds_and_body() {
        let message = Message::parse(INVITE.into()).expect("valid");
        let view = message.view();
        assert_eq!(view.method(), Some(Method::Invite));
        assert_eq!(view.request_uri(), Some(&b"sip:service@127.0.0.1:5060"[..]));
        assert_eq!(view.header(HeaderName::Via), Some(&b"SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1"[..]));
        assert_eq!(view.header_named(b"s"), Some(&b"a\r\n  folded value"[..]));
        assert_eq!(view.header(HeaderName::To), Some(&b"sip:a"[..]));
        assert_eq!(view.body(), b"abc");
    }

    #[test]
    fn truncation_at_every_byte_is_an_error_not_a_panic() {
        for end in 0..INVITE.len() - 3 {
            assert!(Message::parse(INVITE[..end].to_vec().into()).is_err(), "{end}");
            if let Ok(message) = Message::parse_lenient(INVITE[..end].to_vec().into()) {
                assert!(message.view().index.defect.is_some(), "{end}");
            }
        }
        assert_eq!(Message::parse(b"\r\n\r\n"[..].into()).err(), Some(ParseError::Empty));
    }

    /// The pieces of the index are the message: nothing is lost between them.
    #[test]
    fn lines_and_body_make_up_the_message() {
        let bytes = &INVITE[..INVITE.len() - 3];
        let index = Index::parse(bytes).expect("valid");
        let mut printed = index.start_line.of(bytes).to_vec();
        for field in &index.headers {
            printed.extend_from_slice(field.line.of(bytes));
        }
        printed.extend_from_slice(b"\r\n");
        printed.extend_from_slice(index.body.of(bytes));
        assert_eq!(printed, bytes);
    }

    /// RFC 3261 7.1, 7.2; RFC 4475 3.1.2.5 to 3.1.2.8, 3.1.2.16, 3.1.2.19.
    #[test]
    fn start_lines() {
        type Row = (&'static str, Result<(u16, &'static str), ParseError>);
        let rows: &[Row] = &[
            ("OPTIONS sip:a SIP/2.0", Ok((0, "sip:a"))),
            ("OPTIONS sip:a sip/2.0  ", Ok((0, "sip:a"))),
            ("new.-!%*_+`'~ sip:a SIP/2.0", Ok((0, "sip:a"))),
            ("SIP/2.0 200 OK", Ok((200, "OK"))),
            ("SIP/2.0 200 ", Ok((200, ""))),
            ("SIP/2.0 200", Ok((200, ""))),
            ("sip/2.0 699 a b  c", Ok((699, "a b  c"))),
            ("SIP/2.0 4294967301 better not", Err(ParseError::StartLine)),
            ("SIP/2.0 099 x", Err(ParseError::StartLine)),
            ("SIP/2.0 2 OK", Err(ParseError::StartLine)),
            ("SIP/2.0", Err(ParseError::StartLine)),
            ("OPTIONS sip:a SIP/7.0", Err(ParseError::Version)),
            ("OPTIONS sip:a HTTP/1.1", Err(ParseError::StartLine)),
            ("OPTIONS sip:a", Err(ParseError::StartLine)),
            ("OPTIONS SIP/2.0", Err(ParseError::RequestUri)),
            ("OPTIONS  SIP/2.0", Err(ParseError::RequestUri)),
            ("OPTIONS  sip:a  SIP/2.0", Err(ParseError::RequestUri)),
            ("OPTIONS sip:a; lr SIP/2.0", Err(ParseError::RequestUri)),
            ("OP<>IONS sip:a SIP/2.0", Err(ParseError::StartLine)),
            (" OPTIONS sip:a SIP/2.0", Err(ParseError::StartLine)),
            ("x", Err(ParseError::StartLine)),
        ];
        for (line, expected) in rows {
            let bytes = format!("\r\n{line}\r\n\r\n").into_bytes();
            let got = Index::parse(&bytes).map(|index| match index.start {
                StartLine::Request { uri, .. } => (0, uri.of(&bytes)),
                StartLine::Response { status, reason } => (status, reason.of(&bytes)),
            });
            assert_eq!(got, expected.map(|(status, text)| (status, text.as_bytes())), "{line}");
        }
    }

    /// What a lenient reader keeps, so that a request with a mistake can be answered.
    #[test]
    fn lenient_reading_keeps_the_good_lines_and_notes_the_first_defect() {
        let rows: &[(&str, ParseError, &str)] = &[
            (
                "A sip:a SIP/2.0\r\nTo: x\r\nno colon\r\nl: 9\r\nFrom: y\r\n\r\nabc",
                ParseError::Header(24),
                "abc",
            ),
            ("A sip:a SIP/2.0\r\nTo: x\r\n: y\r\nFrom: y\r\n\r\n", ParseError::Header(24), ""),
            ("A sip:a SIP/2.0\r\n To: x\r\nTo: x\r\nFrom: y\r\n\r\n", ParseError::Header(17), ""),
            ("A sip:a SIP/3.0\r\nTo: x\r\nFrom: y\r\n\r\n", ParseError::Version, ""),
            ("A sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\nl: 4\r\n\r\nabc", ParseError::ContentLength, "abc"),
            ("A sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\nl: -1\r\n\r\nabc", ParseError::ContentLength, "abc"),
            (
                "A sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\nl: 1\r\nl: 2\r\n\r\nabc",
                ParseError::ContentLength,
                "abc",
            ),
            (
                "A sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\nl: 3\r\nl: 3\r\n\r\nabc",
                ParseError::ContentLength,
                "abc",
            ),
            ("A sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\n", ParseError::Truncated, ""),
            ("A sip:a SIP/2.0\r\nTo: x\r\nFrom: y\r\nVia: SIP", ParseError::Truncated, ""),
        ];
        for (text, defect, body) in rows {
            let message = Message::parse_lenient(text.as_bytes().into()).expect("readable");
            let view = message.view();
            assert_eq!(view.index.defect, Some(*defect), "{text}");
            assert_eq!(view.body(), body.as_bytes(), "{text}");
            assert!(
                view.header(HeaderName::To).is_some() && view.header(HeaderName::From).is_some(),
                "{text}"
            );
            assert_eq!(Index::parse(text.as_bytes()).err(), Some(*defect), "{text}");
        }
    }

    #[test]
    fn header_fields_are_limited() {
        let message =
            |count: usize| format!("A sip:a SIP/2.0\r\n{}\r\n", "X: y\r\n".repeat(count)).into_bytes();
        assert!(Index::parse(&message(MAX_HEADERS)).is_ok());
        let index = Index::parse_lenient(&message(MAX_HEADERS + 1)).expect("readable");
        assert_eq!((index.defect, index.headers.len()), (Some(ParseError::TooManyHeaders), MAX_HEADERS));
    }
}
