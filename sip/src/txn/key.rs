//! Matching messages to transactions (RFC 3261 17.1.3, 17.2.3), with the fallback for RFC 2543 elements.
//!
//! A key is a 128-bit SipHash under a seed of the process, over the parts the RFC compares. Nobody outside can
//! make two messages collide, and by chance it does not happen, so the parts themselves are not kept. One pass of
//! `SipHasher13` with 128 bits costs a third of two passes of the standard hasher (docs/performance.md).

use std::fmt;
use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};
use smallvec::SmallVec;

use crate::msg::{HeaderName, StartLine, View};

/// What a transaction is found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct TxnKey(u64, u64);

/// Makes keys.
#[derive(Clone)]
pub(super) struct Keyer {
    /// Each key starts from this state, which has taken in the seed.
    seeded: SipHasher13,
}

impl Keyer {
    /// Equal seeds give equal keys.
    pub(super) fn new(seed: u64) -> Keyer {
        Keyer { seeded: SipHasher13::new_with_keys(seed, !seed) }
    }

    /// A client transaction: branch of the top Via and method of the CSeq (17.1.3).
    pub(super) fn client(&self, branch: &[u8], method: &[u8]) -> TxnKey {
        self.key(Role::Client, &[branch, method])
    }

    /// The client transaction a reply belongs to; `None` without a readable top Via, branch and CSeq.
    pub(super) fn response(&self, response: View<'_>) -> Option<TxnKey> {
        let via = response.via_top().ok()?;
        let cseq = response.cseq().ok()?;
        Some(self.client(via.branch()?, cseq.method_text))
    }

    /// The server transaction of `method` that a request belongs to: its own method, or `INVITE` for an ACK and
    /// to find what a CANCEL means (17.2.3, 9.2). `None` when the request lacks what it takes.
    ///
    /// Sent-by is part of the key, since a branch is unique only to the client that made it. Without the magic
    /// cookie the RFC 2543 rules apply. They also compare the To tag, which for an ACK is that of our reply;
    /// it is left out: what agrees in all the rest is the same request.
    pub(super) fn request(&self, request: View<'_>, method: &[u8]) -> Option<TxnKey> {
        let via = request.via_top().ok()?;
        if let Some(branch) = via.rfc3261_branch() {
            let mut sent_by: SmallVec<[u8; 64]> = SmallVec::from_slice(via.sent_by);
            sent_by.make_ascii_lowercase();
            return Some(self.key(Role::Server, &[branch, &sent_by, method]));
        }
        let (call_id, cseq) = (request.call_id().ok()?, request.cseq().ok()?);
        let from_tag = request.from().ok()?.tag().unwrap_or_default();
        let uri = request.request_uri()?;
        let parts = [uri, from_tag, call_id, cseq.number_text, via.text, method];
        Some(self.key(Role::OldServer, &parts))
    }

    /// What merged requests have in common: From tag, Call-ID and CSeq; `None` for requests with a To tag,
    /// ACK and CANCEL, which are never merged (8.2.2.2).
    pub(super) fn merged(&self, request: View<'_>) -> Option<TxnKey> {
        let cseq = request.cseq().ok()?;
        let is_candidate = !matches!(cseq.method_text, b"ACK" | b"CANCEL") && !has_to_tag(request);
        let from_tag = request.from().ok()?.tag()?;
        let parts = [from_tag, request.call_id().ok()?, cseq.number_text, cseq.method_text];
        is_candidate.then(|| self.key(Role::Merged, &parts))
    }

    fn key(&self, role: Role, parts: &[&[u8]]) -> TxnKey {
        let mut state = self.seeded;
        state.write_u8(role as u8);
        for part in parts {
            state.write_usize(part.len());
            state.write(part);
        }
        let (first, second) = state.finish128().as_u64();
        TxnKey(first, second)
    }
}

impl fmt::Debug for Keyer {
    /// Shows nothing of the seed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keyer(..)")
    }
}

/// True when the To of a request has a tag: it belongs to a dialog (12.2.2). False when there is no readable To.
pub(super) fn has_to_tag(request: View<'_>) -> bool {
    request.header(HeaderName::To).is_some() && request.to().is_ok_and(|to| to.tag().is_some())
}

/// The method of a request as written; `None` for a response.
pub(super) fn method_text(request: View<'_>) -> Option<&[u8]> {
    match request.index.start {
        StartLine::Request { method_text, .. } => Some(method_text.of(request.bytes)),
        StartLine::Response { .. } => None,
    }
}

/// Keeps keys of different kinds apart.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Role {
    Client,
    Server,
    OldServer,
    Merged,
}

#[cfg(test)]
mod tests {
    use super::Keyer;
    use crate::msg::Message;

    /// A request; `{}` stands for nothing, the parts are what the rows vary.
    fn request(method: &str, via: &str, to: &str, cseq: &str) -> Message {
        let text = format!(
            "{method} sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP {via}\r\nFrom: <sip:a@a>;tag=f\r\nTo: <sip:b@b>{to}\r\n\
             Call-ID: c\r\nCSeq: {cseq} {method}\r\n\r\n"
        );
        Message::parse(text.into_bytes().into()).expect("valid")
    }

    /// RFC 3261 17.2.3 and 9.2: which messages name the transaction of the first.
    #[test]
    fn requests_match_by_branch_sent_by_and_method() {
        let keyer = Keyer::new(1);
        let invite = request("INVITE", "h:5060;branch=z9hG4bKx", "", "1");
        let key = keyer.request(invite.view(), b"INVITE");
        let rows = [
            ("retransmission", request("INVITE", "h:5060;branch=z9hG4bKx", "", "1"), true),
            ("host in other case", request("INVITE", "H:5060;branch=z9hG4bKx", "", "1"), true),
            ("ACK to a failure", request("ACK", "h:5060;branch=z9hG4bKx", ";tag=t", "1"), true),
            ("CANCEL", request("CANCEL", "h:5060;branch=z9hG4bKx", "", "1"), true),
            ("ACK to a 2xx", request("ACK", "h:5060;branch=z9hG4bKy", ";tag=t", "1"), false),
            ("other client", request("INVITE", "g:5060;branch=z9hG4bKx", "", "1"), false),
            ("other port", request("INVITE", "h:5070;branch=z9hG4bKx", "", "1"), false),
        ];
        for (name, message, expected) in rows {
            assert_eq!(keyer.request(message.view(), b"INVITE") == key, expected, "{name}");
        }
        assert_ne!(keyer.request(invite.view(), b"CANCEL"), key);
        assert_ne!(Keyer::new(2).request(invite.view(), b"INVITE"), key);
    }

    /// RFC 3261 17.2.3, branches without the magic cookie.
    #[test]
    fn old_requests_match_by_uri_tags_call_and_via() {
        let keyer = Keyer::new(1);
        let key = keyer.request(request("INVITE", "h;branch=1", "", "1").view(), b"INVITE");
        assert!(key.is_some());
        let rows = [
            ("retransmission", request("INVITE", "h;branch=1", "", "1"), true),
            ("ACK with the tag of our reply", request("ACK", "h;branch=1", ";tag=t", "1"), true),
            ("other CSeq", request("INVITE", "h;branch=1", "", "2"), false),
            ("other Via", request("INVITE", "h;branch=2", "", "1"), false),
        ];
        for (name, message, expected) in rows {
            assert_eq!(keyer.request(message.view(), b"INVITE") == key, expected, "{name}");
        }
    }

    /// RFC 3261 8.2.2.2.
    #[test]
    fn merged_requests_agree_without_a_to_tag_only() {
        let keyer = Keyer::new(1);
        let one = request("INVITE", "h;branch=z9hG4bK1", "", "1");
        let other_way = request("INVITE", "h;branch=z9hG4bK2", "", "1");
        assert!(keyer.merged(one.view()).is_some());
        assert_eq!(keyer.merged(one.view()), keyer.merged(other_way.view()));
        let in_dialog = request("INVITE", "h;branch=z9hG4bK2", ";tag=t", "1");
        assert_eq!(keyer.merged(in_dialog.view()), None);
        let ack = request("ACK", "h;branch=z9hG4bK2", "", "1");
        assert_eq!(keyer.merged(ack.view()), None);
    }

    #[test]
    fn what_has_no_via_has_no_key() {
        let message = Message::parse(b"BYE sip:b SIP/2.0\r\nCall-ID: c\r\n\r\n"[..].into()).expect("valid");
        assert_eq!(Keyer::new(1).request(message.view(), b"BYE"), None);
    }
}
