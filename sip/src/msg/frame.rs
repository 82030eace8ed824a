//! Stream to message boundaries: Content-Length framing and keep-alives (RFC 3261 18.3, RFC 5626 3.5.1).
//!
//! [`Framer`] looks at the unread bytes of one connection and says how many belong to the next message. It
//! holds no bytes itself, only how far it has looked, so each byte is searched once however it arrives.

use super::HeaderName;
use crate::lex;

/// Bounds of what a connection may make us hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest start line and header fields together, in bytes.
    pub max_head: usize,
    /// Largest message, head and body together, in bytes.
    pub max_message: usize,
    /// What a message without Content-Length means.
    pub missing_length: MissingLength,
}

/// What a message without Content-Length on a stream means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissingLength {
    /// An error: the field is mandatory on streams (RFC 3261 20.14).
    Refuse,
    /// No body.
    NoBody,
}

impl Default for Limits {
    /// 64 KiB of head, 1 MiB of message, Content-Length mandatory.
    fn default() -> Limits {
        Limits { max_head: 65_536, max_message: 1_048_576, missing_length: MissingLength::Refuse }
    }
}

/// What the next bytes of a stream are. The caller takes `len` bytes off the front before it asks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Not complete: read more and ask again. The message needs at least this many bytes in all, if known.
    Incomplete {
        /// Size of the whole message; `None` while its head is not complete.
        total: Option<usize>,
    },
    /// One line end: a pong, or the first half of a ping. Nothing to do but skip it.
    Pong {
        /// Bytes to skip.
        len: usize,
    },
    /// The second of two line ends: a ping, to be answered by one CRLF (RFC 5626 3.5.1).
    Ping {
        /// Bytes to skip.
        len: usize,
    },
    /// One message.
    Message {
        /// Its size.
        len: usize,
    },
}

/// Why a stream cannot be read any further: the connection has lost its frame and must be closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// The head is larger than [`Limits::max_head`].
    HeadTooLarge,
    /// The message is larger than [`Limits::max_message`].
    MessageTooLarge,
    /// Content-Length is no number, or there are two that differ.
    BadContentLength,
    /// There is no Content-Length and [`MissingLength::Refuse`] holds.
    NoContentLength,
}

impl FrameError {
    /// One line for a log or the reason of a response.
    pub fn as_str(self) -> &'static str {
        match self {
            FrameError::HeadTooLarge => "header fields too large",
            FrameError::MessageTooLarge => "message too large",
            FrameError::BadContentLength => "bad Content-Length",
            FrameError::NoContentLength => "no Content-Length on a stream",
        }
    }
}

/// Finds message boundaries in one stream.
#[derive(Clone, Debug)]
pub struct Framer {
    limits: Limits,
    /// Everything before this offset has been searched for the end of the head.
    searched: usize,
    /// Size of the whole message once its head is complete.
    total: Option<usize>,
    /// The last thing on the stream was a first line end.
    half_ping: bool,
}

impl Framer {
    /// A framer for a new connection.
    pub fn new(limits: Limits) -> Framer {
        Framer { limits, searched: 0, total: None, half_ping: false }
    }

    /// Looks at `unread`: all bytes of the stream behind the last frame handed out.
    ///
    /// After `Incomplete` the caller appends to the same bytes; after any other answer it takes `len` bytes off
    /// the front, and may ask again at once. Errors are final.
    pub fn next(&mut self, unread: &[u8]) -> Result<Frame, FrameError> {
        if self.searched == 0 && self.total.is_none() {
            match unread {
                [] | [b'\r'] => return Ok(Frame::Incomplete { total: None }),
                [b'\r', b'\n', ..] => return Ok(self.line_end(2)),
                [b'\n' | b'\r', ..] => return Ok(self.line_end(1)),
                _ => self.half_ping = false,
            }
        }
        let total = match self.total {
            Some(total) => total,
            None => match self.find_head_end(unread)? {
                Some(head) => self.measure(unread, head)?,
                None => return Ok(Frame::Incomplete { total: None }),
            },
        };
        if unread.len() < total {
            self.total = Some(total);
            return Ok(Frame::Incomplete { total: Some(total) });
        }
        self.searched = 0;
        self.total = None;
        Ok(Frame::Message { len: total })
    }

    fn line_end(&mut self, len: usize) -> Frame {
        self.half_ping = !self.half_ping;
        if self.half_ping { Frame::Pong { len } } else { Frame::Ping { len } }
    }

    /// Offset behind the empty line, once it is there.
    fn find_head_end(&mut self, unread: &[u8]) -> Result<Option<usize>, FrameError> {
        while let Some(found) = memchr::memchr(b'\n', unread.get(self.searched..).unwrap_or_default()) {
            let behind = self.searched + found + 1;
            if behind > self.limits.max_head {
                return Err(FrameError::HeadTooLarge);
            }
            let end = match unread.get(behind..) {
                Some([b'\n', ..]) => Some(behind + 1),
                Some([b'\r', b'\n', ..]) => Some(behind + 2),
                // The line end that would make the next line empty is still to come: look at this one again.
                Some([] | [b'\r']) | None => return Ok(None),
                Some(_) => None,
            };
            if end.is_some() {
                return Ok(end);
            }
            self.searched = behind;
        }
        if unread.len() > self.limits.max_head {
            return Err(FrameError::HeadTooLarge);
        }
        self.searched = unread.len();
        Ok(None)
    }

    /// Size of the message whose head ends at `head`.
    fn measure(&self, unread: &[u8], head: usize) -> Result<usize, FrameError> {
        let length = match (content_length(&unread[..head])?, self.limits.missing_length) {
            (Some(length), _) => length as usize,
            (None, MissingLength::NoBody) => 0,
            (None, MissingLength::Refuse) => return Err(FrameError::NoContentLength),
        };
        match head.checked_add(length) {
            Some(total) if total <= self.limits.max_message => Ok(total),
            _ => Err(FrameError::MessageTooLarge),
        }
    }
}

/// The Content-Length of a complete head; folded values and the compact name count. Two equal ones frame the
/// message all the same: the parser will name the defect, and the connection lives to carry the answer.
fn content_length(head: &[u8]) -> Result<Option<u32>, FrameError> {
    let mut found = None;
    let mut at = 0;
    while let Some(len) = memchr::memchr(b'\n', &head[at..]) {
        let mut end = at + len + 1;
        while let Some(b' ' | b'\t') = head.get(end) {
            end = memchr::memchr(b'\n', &head[end..]).map_or(head.len(), |len| end + len + 1);
        }
        let line = &head[at..end];
        at = end;
        // Only names that start with C or L can be it; no other line is looked at any closer.
        let (Some(b'C' | b'c' | b'L' | b'l'), Some(colon)) = (line.first(), memchr::memchr(b':', line))
        else {
            continue;
        };
        if HeaderName::parse(lex::trim_end(&line[..colon])) != HeaderName::ContentLength {
            continue;
        }
        let length = lex::parse_u32(lex::trim(&line[colon + 1..])).ok_or(FrameError::BadContentLength)?;
        if found.is_some_and(|earlier| earlier != length) {
            return Err(FrameError::BadContentLength);
        }
        found = Some(length);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"OPTIONS sip:a SIP/2.0\r\nContent-Length: 3\r\n\r\nabc";
    const B: &[u8] = b"SIP/2.0 200 OK\nl :\n  2\nX: y\n\nde";

    /// Feeds `stream` in pieces of `size` bytes and collects what comes out.
    fn frames(stream: &[u8], size: usize, limits: Limits) -> Result<Vec<String>, FrameError> {
        let (mut framer, mut unread, mut seen) = (Framer::new(limits), Vec::new(), Vec::new());
        for piece in stream.chunks(size) {
            unread.extend_from_slice(piece);
            loop {
                let (len, text) = match framer.next(&unread)? {
                    Frame::Incomplete { .. } => break,
                    Frame::Pong { len } => (len, "pong".into()),
                    Frame::Ping { len } => (len, "ping".into()),
                    Frame::Message { len } => (len, String::from_utf8_lossy(&unread[..len]).into_owned()),
                };
                seen.push(text);
                unread.drain(..len);
            }
        }
        if !unread.is_empty() {
            seen.push(format!("left {}", unread.len()));
        }
        Ok(seen)
    }

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// RFC 3261 18.3, RFC 5626 3.5.1.
    #[test]
    fn finds_messages_and_keep_alives_whatever_the_pieces() {
        let stream = [b"\r\n\r\n", A, B, b"\r\n", A, b"\r\n\r\n\r\n", &A[..20]].concat();
        let expected =
            ["pong", "ping", &text(A), &text(B), "pong", &text(A), "pong", "ping", "pong", "left 20"];
        for size in 1..=stream.len() {
            assert_eq!(frames(&stream, size, Limits::default()).expect("valid stream"), expected, "{size}");
        }
    }

    #[test]
    fn refuses_what_cannot_be_framed() {
        let limits = Limits { max_head: 60, max_message: 64, ..Limits::default() };
        let rows: &[(&str, Result<&str, FrameError>)] = &[
            ("A b SIP/2.0\r\n\r\n", Err(FrameError::NoContentLength)),
            ("A b SIP/2.0\r\nl: x\r\n\r\n", Err(FrameError::BadContentLength)),
            ("A b SIP/2.0\r\nl: -1\r\n\r\n", Err(FrameError::BadContentLength)),
            ("A b SIP/2.0\r\nl:\r\n\r\n", Err(FrameError::BadContentLength)),
            ("A b SIP/2.0\r\nl: 1\r\nContent-Length: 2\r\n\r\nab", Err(FrameError::BadContentLength)),
            ("A b SIP/2.0\r\nl: 1\r\nContent-Length: 1\r\n\r\na", Ok("")),
            ("A b SIP/2.0\r\nl: 44\r\n\r\n", Err(FrameError::MessageTooLarge)),
            ("A b SIP/2.0\r\nl: 4294967295\r\n\r\n", Err(FrameError::MessageTooLarge)),
            ("A b SIP/2.0\r\nl: 4294967296\r\n\r\n", Err(FrameError::BadContentLength)),
            (
                "A b SIP/2.0\r\nXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXXX",
                Err(FrameError::HeadTooLarge),
            ),
            (
                "A b SIP/2.0\r\nX: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\nl: 0\r\n\r\n",
                Err(FrameError::HeadTooLarge),
            ),
        ];
        for (stream, expected) in rows {
            for size in [1, 7, stream.len()] {
                let got = frames(stream.as_bytes(), size, limits);
                assert_eq!(got.map(|_| ""), *expected, "{stream} in pieces of {size}");
            }
        }
        let lenient = Limits { missing_length: MissingLength::NoBody, ..limits };
        assert_eq!(frames(b"A b SIP/2.0\r\n\r\n", 4, lenient).expect("no body").len(), 1);
    }

    #[test]
    fn says_how_many_bytes_are_missing_once_the_head_is_there() {
        let mut framer = Framer::new(Limits::default());
        assert_eq!(framer.next(&A[..30]), Ok(Frame::Incomplete { total: None }));
        assert_eq!(framer.next(&A[..A.len() - 1]), Ok(Frame::Incomplete { total: Some(A.len()) }));
        assert_eq!(framer.next(A), Ok(Frame::Message { len: A.len() }));
    }
}
