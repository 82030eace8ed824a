//! Requests made here (RFC 3261 8.1.1): what a module says about one, and what it is told in the end.
//!
//! `event_route[tm:local-request]` runs on each before it is sent; the transaction, retransmissions, further
//! addresses and the ACK to a 2xx are taken care of.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::{HeaderName, Index, Message, NameAddr};

use super::ctx::Shard;
use super::flow::Kept;
use super::value::parse_int;
use crate::relay::{Armed, SocketId, Timers};

/// A request to send. Made with [`LocalRequest::new`]; every field may be changed.
#[derive(Debug)]
pub struct LocalRequest {
    /// Its method. Never `ACK` or `CANCEL`.
    pub method: Bytes,
    /// Its request URI.
    pub uri: Bytes,
    /// The URI it is sent to; `None` for the topmost Route of `headers`, or the request URI.
    pub next_hop: Option<Bytes>,
    /// The socket it leaves by; `None` for one that fits.
    pub socket: Option<SocketId>,
    /// The value of From; a tag is added when it has none.
    pub from: Bytes,
    /// The value of To.
    pub to: Bytes,
    /// The Call-ID; empty for a new one.
    pub call_id: Bytes,
    /// The number of CSeq.
    pub cseq: u32,
    /// Max-Forwards; `None` when `headers` has it.
    pub max_forwards: Option<u8>,
    /// Further header lines, each with its CRLF.
    pub headers: Bytes,
    /// The body; its Content-Type is in `headers`.
    pub body: Bytes,
    /// Its timers; `None` for those of tm.
    pub timers: Option<Timers>,
    /// Routes that run on its replies and its failure.
    pub armed: Armed,
    /// Told what came of it; `None` when nobody wants to know.
    pub done: Option<(DoneFn, Kept)>,
}

/// What came of a request made here.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The final status: received, or 408 when no answer came, 477 when it could not be sent, 478 when there was
    /// nowhere to send it to, and 0 when `event_route[tm:local-request]` dropped it.
    pub status: u16,
    /// The reply, without our Via; `None` when the status was made here.
    pub reply: Option<Arc<Message>>,
    /// Time between the request and the outcome.
    pub took: Duration,
}

/// Told what came of a request. It may ask for more (`shard.send_request`, `shard.run_event`, ...).
pub type DoneFn = fn(&mut Shard, Outcome, Kept);

impl LocalRequest {
    /// A request with a From and To of this URI, a new Call-ID, CSeq 10, Max-Forwards 70 and nothing else
    /// (the numbers are Kamailio's).
    pub fn new(method: impl Into<Bytes>, uri: impl Into<Bytes>) -> LocalRequest {
        let uri = uri.into();
        let address = bracketed(&uri);
        LocalRequest {
            method: method.into(),
            uri,
            next_hop: None,
            socket: None,
            from: address.clone(),
            to: address,
            call_id: Bytes::new(),
            cseq: 10,
            max_forwards: Some(70),
            headers: Bytes::new(),
            body: Bytes::new(),
            timers: None,
            armed: Armed::default(),
            done: None,
        }
    }

    /// The same with this URI in From.
    pub fn from(mut self, uri: impl AsRef<[u8]>) -> LocalRequest {
        self.from = bracketed(uri.as_ref());
        self
    }

    /// The same with this URI in To.
    pub fn to(mut self, uri: impl AsRef<[u8]>) -> LocalRequest {
        self.to = bracketed(uri.as_ref());
        self
    }

    /// The same with a callback.
    pub fn then(mut self, done: DoneFn, kept: impl std::any::Any + Send) -> LocalRequest {
        self.done = Some((done, Box::new(kept)));
        self
    }

    /// The same with header lines as a user writes them: From, To, Call-ID and CSeq become those of the request,
    /// all others are added. Lines may end in CRLF or LF; folded ones stay together.
    ///
    /// Errors: a line that is no header field, a CSeq without number, a From or To that cannot be read.
    pub fn lines(mut self, lines: &[u8]) -> Result<LocalRequest, BadLine> {
        let mut text = b"X x SIP/2.0\r\n".to_vec();
        for line in lines.split(|byte| *byte == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if !line.is_empty() {
                text.extend_from_slice(line);
                text.extend_from_slice(b"\r\n");
            }
        }
        text.extend_from_slice(b"\r\n");
        let index = Index::parse(&text).map_err(|_| BadLine)?;
        let mut others = self.headers.to_vec();
        for field in &index.headers {
            let value = field.value.of(&text);
            let copied = || Bytes::copy_from_slice(value);
            match field.header {
                HeaderName::From => {
                    self.from = NameAddr::parse(value).map(|_| copied()).map_err(|_| BadLine)?
                }
                HeaderName::To => self.to = NameAddr::parse(value).map(|_| copied()).map_err(|_| BadLine)?,
                HeaderName::CallId => self.call_id = copied(),
                HeaderName::CSeq => {
                    let number = value.split(u8::is_ascii_whitespace).next().unwrap_or_default();
                    let number = parse_int(number).and_then(|number| u32::try_from(number).ok());
                    self.cseq = number.ok_or(BadLine)?;
                }
                HeaderName::ContentLength => {}
                header => {
                    if header == HeaderName::MaxForwards {
                        self.max_forwards = None;
                    }
                    others.extend_from_slice(field.line.of(&text));
                }
            }
        }
        self.headers = others.into();
        Ok(self)
    }
}

/// A header line that cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadLine;

impl fmt::Display for BadLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a header line cannot be read")
    }
}

impl std::error::Error for BadLine {}

/// `<uri>`
fn bracketed(uri: &[u8]) -> Bytes {
    [b"<", uri, b">"].concat().into()
}

#[cfg(test)]
mod tests {
    use super::{BadLine, LocalRequest};

    #[test]
    fn header_lines_of_a_user_become_parts_of_the_request() {
        let request = LocalRequest::new("MESSAGE", "sip:b@x")
            .lines(b"From: <sip:a@x>;tag=1\nX-One: 1\r\nf-unknown: 2\ni: call\nCSeq: 77 OPTIONS\nContent-Type: a/b")
            .expect("readable");
        assert_eq!(request.from, &b"<sip:a@x>;tag=1"[..]);
        assert_eq!((request.to, request.call_id, request.cseq), ("<sip:b@x>".into(), "call".into(), 77));
        assert_eq!(request.headers, &b"X-One: 1\r\nf-unknown: 2\r\nContent-Type: a/b\r\n"[..]);
    }

    #[test]
    fn what_is_no_header_line_is_refused() {
        for lines in ["no colon", "CSeq: x INVITE", "From: <"] {
            let refused = LocalRequest::new("OPTIONS", "sip:b@x").lines(lines.as_bytes());
            assert_eq!(refused.err(), Some(BadLine), "{lines}");
        }
    }
}
