//! Messages made from other messages: the reply to a request (RFC 3261 8.2.6), ACK for a non-2xx (17.1.1.3) and
//! CANCEL (9.1).
//!
//! All append to a buffer of the caller. Copied values keep their bytes and the names their spelling; lines end in
//! CRLF whatever the original had.

use super::field_error::HeaderError;
use super::status::reason_phrase;
use super::via::{Stamp, Via};
use super::{HeaderField, HeaderName, Method, StartLine, View};
use crate::lex;

/// What a reply says beyond what it copies from the request.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// Status code, 100 to 699.
    pub status: u16,
    /// Reason phrase.
    pub reason: &'a [u8],
    /// Tag to add when the To of the request has none; not added to a 100 (8.2.6.2).
    pub to_tag: Option<&'a [u8]>,
    /// What to write into the top Via; `None` copies it.
    pub stamp: Option<Stamp>,
    /// Whether Record-Route is copied.
    pub record_route: RecordRoute,
    /// More header fields, each with its CRLF; a Content-Type belongs here.
    pub headers: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

/// Whether a reply copies the Record-Route fields of its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecordRoute {
    /// Yes: the reply makes a dialog (12.1.1).
    Copy,
    /// No.
    Omit,
}

impl Reply<'_> {
    /// A reply with the default reason phrase, no To tag and nothing added; Record-Route is copied into 101 to
    /// 299.
    pub fn new(status: u16) -> Reply<'static> {
        Reply {
            status,
            reason: reason_phrase(status).as_bytes(),
            to_tag: None,
            stamp: None,
            record_route: if (101..300).contains(&status) { RecordRoute::Copy } else { RecordRoute::Omit },
            headers: b"",
            body: b"",
        }
    }
}

/// Appends the reply to `request` (8.2.6): the fields in the request's order, then those of `reply`, then
/// Content-Length and body.
///
/// Errors: `Missing` when there is no Via, From, To, Call-ID or CSeq; nothing is appended then. The values need
/// not be readable, so that a bad request can be answered too.
pub fn write_reply(request: View<'_>, reply: &Reply<'_>, out: &mut Vec<u8>) -> Result<(), HeaderError> {
    const NEEDED: [HeaderName; 5] =
        [HeaderName::Via, HeaderName::From, HeaderName::To, HeaderName::CallId, HeaderName::CSeq];
    for header in NEEDED {
        request.header(header).ok_or(HeaderError::Missing(header))?;
    }
    out.reserve(request.headers_end() + reply.reason.len() + reply.headers.len() + reply.body.len() + 128);
    out.extend_from_slice(b"SIP/2.0 ");
    lex::write_u32(u32::from(reply.status), out);
    out.push(b' ');
    out.extend_from_slice(reply.reason);
    out.extend_from_slice(b"\r\n");
    let mut stamp = reply.stamp;
    for field in &request.index.headers {
        match field.header {
            HeaderName::Via => write_via(request, field, stamp.take(), out),
            HeaderName::To => write_to(request, field, reply, out),
            HeaderName::From | HeaderName::CallId | HeaderName::CSeq => copy_field(request, field, out),
            HeaderName::RecordRoute if reply.record_route == RecordRoute::Copy => {
                copy_field(request, field, out)
            }
            // 8.2.6.1: a 100 carries the Timestamp of its request.
            HeaderName::Timestamp if reply.status == 100 => copy_field(request, field, out),
            _ => {}
        }
    }
    out.extend_from_slice(reply.headers);
    write_body(reply.body, out);
    Ok(())
}

/// What an ACK or CANCEL says beyond what each one copies from its INVITE.
#[derive(Clone, Copy, Debug, Default)]
pub struct Additions<'a> {
    /// Fields of the INVITE whose names begin with this are copied too, whatever the case; empty for none.
    pub copied: &'a [u8],
    /// More fields, each with its CRLF.
    pub lines: &'a [u8],
}

/// Appends the ACK for the non-2xx final `response` to `invite`, as that was sent (17.1.1.3).
///
/// Errors: `Missing` or `Invalid` of what must be copied; `Duplicate` never. Nothing is appended then.
pub fn write_ack(
    invite: View<'_>,
    response: View<'_>,
    added: Additions<'_>,
    out: &mut Vec<u8>,
) -> Result<(), HeaderError> {
    let to = response.header(HeaderName::To).ok_or(HeaderError::Missing(HeaderName::To))?;
    write_same_transaction(invite, Method::Ack, to, added, out)
}

/// Appends the CANCEL for `request`, as that was sent (9.1).
///
/// Errors: `Missing` or `Invalid` of what must be copied. Nothing is appended then.
pub fn write_cancel(request: View<'_>, added: Additions<'_>, out: &mut Vec<u8>) -> Result<(), HeaderError> {
    let to = request.header(HeaderName::To).ok_or(HeaderError::Missing(HeaderName::To))?;
    write_same_transaction(request, Method::Cancel, to, added, out)
}

/// Whether a name begins with a prefix, whatever the case.
fn begins(name: &[u8], prefix: &[u8]) -> bool {
    name.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// Appends `name: value` and CRLF.
pub fn write_field(name: &[u8], value: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}

/// A request that rides on the branch of another: same request URI, top Via, From, Call-ID, CSeq number, Route
/// and Max-Forwards, in the order they have there; the further fields come last, behind the length (as Kamailio
/// 5.6.3 writes it, measured).
fn write_same_transaction(
    request: View<'_>,
    method: Method,
    to: &[u8],
    added: Additions<'_>,
    out: &mut Vec<u8>,
) -> Result<(), HeaderError> {
    let StartLine::Request { uri, .. } = request.index.start else {
        return Err(HeaderError::Missing(HeaderName::CSeq));
    };
    let via = request.via_top()?;
    request.header(HeaderName::From).ok_or(HeaderError::Missing(HeaderName::From))?;
    request.call_id()?;
    let cseq = request.cseq()?;
    out.extend_from_slice(method.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(uri.of(request.bytes));
    out.extend_from_slice(b" SIP/2.0\r\n");
    write_field(b"Via", via.text, out);
    // 8.1.1.6: each request has one, even if the one it rides on has none.
    if request.header(HeaderName::MaxForwards).is_none() {
        write_field(b"Max-Forwards", b"70", out);
    }
    for field in &request.index.headers {
        match field.header {
            HeaderName::To => write_field(b"To", to, out),
            HeaderName::CSeq => {
                out.extend_from_slice(b"CSeq: ");
                out.extend_from_slice(cseq.number_text);
                out.push(b' ');
                out.extend_from_slice(method.as_str().as_bytes());
                out.extend_from_slice(b"\r\n");
            }
            HeaderName::From | HeaderName::CallId | HeaderName::Route | HeaderName::MaxForwards => {
                copy_field(request, field, out);
            }
            _ if !added.copied.is_empty() && begins(field.name.of(request.bytes), added.copied) => {
                copy_field(request, field, out);
            }
            _ => {}
        }
    }
    out.extend_from_slice(b"Content-Length: 0\r\n");
    out.extend_from_slice(added.lines);
    out.extend_from_slice(b"\r\n");
    Ok(())
}

/// The field as it is, but ended by CRLF.
fn copy_field(request: View<'_>, field: &HeaderField, out: &mut Vec<u8>) {
    write_field(field.name.of(request.bytes), field.value.of(request.bytes), out);
}

/// A Via field; its first value gets the stamp, if there is one and the value can be read.
fn write_via(request: View<'_>, field: &HeaderField, stamp: Option<Stamp>, out: &mut Vec<u8>) {
    let value = field.value.of(request.bytes);
    let top = super::Values::new(value).next().and_then(|top| Via::parse(top).ok());
    let (Some(stamp), Some(top)) = (stamp, top) else {
        return copy_field(request, field, out);
    };
    out.extend_from_slice(field.name.of(request.bytes));
    out.extend_from_slice(b": ");
    top.write_stamped(stamp, out);
    let top_end = crate::span::Span::locate(value, top.text).map_or(value.len(), |span| span.end());
    out.extend_from_slice(&value[top_end..]);
    out.extend_from_slice(b"\r\n");
}

/// The To field, with the reply's tag when it has none.
fn write_to(request: View<'_>, field: &HeaderField, reply: &Reply<'_>, out: &mut Vec<u8>) {
    let value = field.value.of(request.bytes);
    let has_tag = super::NameAddr::parse(value).is_ok_and(|to| to.tag().is_some());
    copy_field(request, field, out);
    if let Some(tag) = reply.to_tag.filter(|_| !has_tag && reply.status > 100) {
        out.truncate(out.len() - 2);
        out.extend_from_slice(b";tag=");
        out.extend_from_slice(tag);
        out.extend_from_slice(b"\r\n");
    }
}

fn write_body(body: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(b"Content-Length: ");
    lex::write_u32(body.len() as u32, out);
    out.extend_from_slice(b"\r\n\r\n");
    out.extend_from_slice(body);
}

#[cfg(test)]
mod tests {
    use super::super::{Message, RportPolicy};
    use super::*;

    const INVITE: &[u8] = b"INVITE sip:bob@biloxi.com SIP/2.0\n\
        v: SIP/2.0/UDP pc33;branch=z9hG4bK1;rport, SIP/2.0/UDP two\nVia: SIP/2.0/UDP three\n\
        Record-Route: <sip:p1;lr>\nTo: Bob\n  <sip:bob@biloxi.com>\nf: <sip:alice>;tag=1928\n\
        i: a84b4c76e66710\nCSeq: 00314159 INVITE\nRoute: <sip:r1;lr>, <sip:r2>\nROUTE: <sip:r3>\n\
        Timestamp: 54\nMax-Forwards: 3\n\n";

    fn message(bytes: &'static [u8]) -> Message {
        Message::parse(bytes.into()).expect("valid")
    }

    fn text(out: Vec<u8>) -> String {
        Message::parse(out.clone().into()).expect("what is written can be read");
        String::from_utf8(out).expect("text")
    }

    /// RFC 3261 8.2.6: Via, From, To, Call-ID and CSeq are copied; Timestamp into a 100 only; no tag in a 100.
    #[test]
    fn reply_copies_what_the_rfc_names() {
        let request = message(INVITE);
        let mut out = Vec::new();
        let trying = Reply { to_tag: Some(b"x"), ..Reply::new(100) };
        write_reply(request.view(), &trying, &mut out).expect("complete");
        assert_eq!(
            text(out),
            "SIP/2.0 100 Trying\r\nv: SIP/2.0/UDP pc33;branch=z9hG4bK1;rport, SIP/2.0/UDP two\r\n\
             Via: SIP/2.0/UDP three\r\nTo: Bob\n  <sip:bob@biloxi.com>\r\nf: <sip:alice>;tag=1928\r\n\
             i: a84b4c76e66710\r\nCSeq: 00314159 INVITE\r\nTimestamp: 54\r\nContent-Length: 0\r\n\r\n"
        );
    }

    /// RFC 3261 12.1.1 (Record-Route), 18.2.1 and RFC 3581 4 (top Via), 8.2.6.2 (tag).
    #[test]
    fn dialog_reply_adds_tag_record_route_stamp_headers_and_body() {
        let request = message(INVITE);
        let source = "192.0.2.1:4444".parse().expect("address");
        let via = request.view().via_top().expect("via");
        let reply = Reply {
            to_tag: Some(b"t1"),
            stamp: Some(via.stamp(source, RportPolicy::WhenAsked)),
            headers: b"Content-Type: text/plain\r\n",
            body: b"hi",
            ..Reply::new(200)
        };
        let mut out = Vec::new();
        write_reply(request.view(), &reply, &mut out).expect("complete");
        assert_eq!(
            text(out),
            "SIP/2.0 200 OK\r\n\
             v: SIP/2.0/UDP pc33;branch=z9hG4bK1;rport=4444;received=192.0.2.1, SIP/2.0/UDP two\r\n\
             Via: SIP/2.0/UDP three\r\nRecord-Route: <sip:p1;lr>\r\nTo: Bob\n  <sip:bob@biloxi.com>;tag=t1\r\n\
             f: <sip:alice>;tag=1928\r\ni: a84b4c76e66710\r\nCSeq: 00314159 INVITE\r\n\
             Content-Type: text/plain\r\nContent-Length: 2\r\n\r\nhi"
        );
    }

    #[test]
    fn a_tag_that_is_there_stays() {
        let request = message(b"BYE sip:a SIP/2.0\r\nVia: nonsense\r\nTo: <sip:a>;tag=old\r\nFrom: ?\r\nCall-ID: c\r\nCSeq: x\r\n\r\n");
        let stamp = Some(Stamp { received: None, rport: Some(1) });
        let mut out = Vec::new();
        let reply = Reply { to_tag: Some(b"new"), reason: b"Bad Via", stamp, ..Reply::new(400) };
        write_reply(request.view(), &reply, &mut out).expect("complete, though unreadable");
        let text = text(out);
        assert!(
            text.starts_with("SIP/2.0 400 Bad Via\r\nVia: nonsense\r\nTo: <sip:a>;tag=old\r\n"),
            "{text}"
        );
    }

    /// RFC 3261 17.1.1.3, 9.1: one Via, To of the response (ACK) or of the request (CANCEL), the Route set,
    /// in the order of the request.
    #[test]
    fn ack_and_cancel_ride_on_the_branch() {
        let request = message(INVITE);
        let response = message(b"SIP/2.0 486 Busy Here\r\nTo: Bob <sip:bob@biloxi.com>;tag=b\r\n\r\n");
        let expected = |method: &str, to: &str, extra: &str| {
            format!(
                "{method} sip:bob@biloxi.com SIP/2.0\r\nVia: SIP/2.0/UDP pc33;branch=z9hG4bK1;rport\r\n\
                 To: {to}\r\nf: <sip:alice>;tag=1928\r\ni: a84b4c76e66710\r\n\
                 CSeq: 00314159 {method}\r\nRoute: <sip:r1;lr>, <sip:r2>\r\n\
                 ROUTE: <sip:r3>\r\nMax-Forwards: 3\r\nContent-Length: 0\r\n{extra}\r\n"
            )
        };
        let mut out = Vec::new();
        write_ack(request.view(), response.view(), Additions::default(), &mut out).expect("complete");
        assert_eq!(text(out), expected("ACK", "Bob <sip:bob@biloxi.com>;tag=b", ""));
        let mut out = Vec::new();
        let added = Additions { copied: b"", lines: b"Reason: SIP;cause=200\r\n" };
        write_cancel(request.view(), added, &mut out).expect("complete");
        assert_eq!(text(out), expected("CANCEL", "Bob\n  <sip:bob@biloxi.com>", "Reason: SIP;cause=200\r\n"));
    }

    #[test]
    fn nothing_is_written_when_a_field_is_missing() {
        let request = message(
            b"INVITE sip:a SIP/2.0\r\nVia: SIP/2.0/UDP h\r\nFrom: a\r\nTo: b\r\nCSeq: 1 INVITE\r\n\r\n",
        );
        let mut out = Vec::new();
        let missing = Err(HeaderError::Missing(HeaderName::CallId));
        assert_eq!(write_reply(request.view(), &Reply::new(400), &mut out), missing);
        assert_eq!(write_cancel(request.view(), Additions::default(), &mut out), missing);
        assert_eq!(write_ack(request.view(), request.view(), Additions::default(), &mut out), missing);
        assert!(out.is_empty());
    }
}
