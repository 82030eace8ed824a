//! The requests a client transaction makes itself: ACK to a final reply other than 2xx (RFC 3261 17.1.1.3) and
//! CANCEL (RFC 3261 9.1). Both follow the INVITE hop by hop: same request URI, top Via and Route fields.

use bytes::Bytes;

use crate::msg::{HeaderName, Index, View};

/// The ACK to `response`; `None` when one of the two lacks a mandatory field.
pub(super) fn ack(invite: &[u8], response: View<'_>) -> Option<Bytes> {
    let index = Index::parse(invite).ok()?;
    let invite = View { bytes: invite, index: &index };
    hop_by_hop(invite, b"ACK", response.header(HeaderName::To)?, b"")
}

/// The CANCEL of `invite`, with further header lines, each with its CRLF.
pub(super) fn cancel(invite: &[u8], headers: &[u8]) -> Option<Bytes> {
    let index = Index::parse(invite).ok()?;
    let invite = View { bytes: invite, index: &index };
    hop_by_hop(invite, b"CANCEL", invite.header(HeaderName::To)?, headers)
}

/// The branch of the top Via.
pub(super) fn branch(request: &[u8]) -> Option<Vec<u8>> {
    let index = Index::parse(request).ok()?;
    let view = View { bytes: request, index: &index };
    Some(view.via_top().ok()?.branch()?.to_vec())
}

fn hop_by_hop(invite: View<'_>, method: &[u8], to: &[u8], headers: &[u8]) -> Option<Bytes> {
    let mut out = Vec::with_capacity(invite.bytes.len().min(512) + headers.len());
    out.extend_from_slice(method);
    out.push(b' ');
    out.extend_from_slice(invite.request_uri()?);
    out.extend_from_slice(b" SIP/2.0\r\n");
    let line = |out: &mut Vec<u8>, name: HeaderName, value: &[u8]| {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value);
        out.extend_from_slice(b"\r\n");
    };
    line(&mut out, HeaderName::Via, invite.via_top().ok()?.text);
    line(&mut out, HeaderName::MaxForwards, invite.header(HeaderName::MaxForwards).unwrap_or(b"70"));
    line(&mut out, HeaderName::From, invite.header(HeaderName::From)?);
    line(&mut out, HeaderName::To, to);
    line(&mut out, HeaderName::CallId, invite.call_id().ok()?);
    let mut cseq = invite.cseq().ok()?.number_text.to_vec();
    cseq.push(b' ');
    cseq.extend_from_slice(method);
    line(&mut out, HeaderName::CSeq, &cseq);
    for field in invite.fields(HeaderName::Route) {
        line(&mut out, HeaderName::Route, field.value.of(invite.bytes));
    }
    line(&mut out, HeaderName::ContentLength, b"0");
    out.extend_from_slice(headers);
    out.extend_from_slice(b"\r\n");
    Some(out.into())
}

#[cfg(test)]
mod tests {
    use crate::msg::Message;

    const INVITE: &[u8] = b"INVITE sip:b@b SIP/2.0\r\nv: SIP/2.0/UDP p;branch=z9hG4bKp, SIP/2.0/UDP a;branch=z9hG4bKa\r\n\
        Route: <sip:r1;lr>\r\nMax-Forwards: 69\r\nf: <sip:a@a>;tag=f\r\nt: <sip:b@b>\r\ni: c\r\nCSeq: 7 INVITE\r\n\
        Route: <sip:r2;lr>\r\nContact: <sip:a@h>\r\nl: 3\r\n\r\nsdp";

    /// RFC 3261 17.1.1.3: To of the reply, one Via, the Route fields, no body.
    #[test]
    fn ack_follows_the_invite_and_takes_the_replys_to() {
        let reply = b"SIP/2.0 486 Busy\r\nTo: <sip:b@b>;tag=t\r\n\r\n";
        let reply = Message::parse(reply[..].into()).expect("valid");
        let ack = super::ack(INVITE, reply.view()).expect("complete");
        let expected = "ACK sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bKp\r\nMax-Forwards: 69\r\n\
            From: <sip:a@a>;tag=f\r\nTo: <sip:b@b>;tag=t\r\nCall-ID: c\r\nCSeq: 7 ACK\r\nRoute: <sip:r1;lr>\r\n\
            Route: <sip:r2;lr>\r\nContent-Length: 0\r\n\r\n";
        assert_eq!(std::str::from_utf8(&ack), Ok(expected));
    }

    /// RFC 3261 9.1.
    #[test]
    fn cancel_follows_the_invite_with_added_lines_last() {
        let cancel = super::cancel(INVITE, b"Reason: SIP;cause=200\r\n").expect("complete");
        let expected = "CANCEL sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP p;branch=z9hG4bKp\r\nMax-Forwards: 69\r\n\
            From: <sip:a@a>;tag=f\r\nTo: <sip:b@b>\r\nCall-ID: c\r\nCSeq: 7 CANCEL\r\nRoute: <sip:r1;lr>\r\n\
            Route: <sip:r2;lr>\r\nContent-Length: 0\r\nReason: SIP;cause=200\r\n\r\n";
        assert_eq!(std::str::from_utf8(&cancel), Ok(expected));
    }

    #[test]
    fn incomplete_messages_give_nothing() {
        let reply = Message::parse(b"SIP/2.0 486 Busy\r\nl: 0\r\n\r\n"[..].into()).expect("valid");
        assert_eq!(super::ack(INVITE, reply.view()), None);
        assert_eq!(super::cancel(b"INVITE sip:b SIP/2.0\r\n\r\n", b""), None);
    }
}
