//! The request of one branch, written once (RFC 3261 16.6 items 1 to 8).
//!
//! Script edits and the branch's own (request URI, Record-Route, Via, stamp of the received Via, Path) are
//! merged while the bytes are written; nothing is parsed again.

use std::hash::{Hash, Hasher};

use bytes::Bytes;
use rustc_hash::FxHasher;
use sip::ident::MAGIC_COOKIE;
use sip::lex;
use sip::msg::{Edits, HeaderName, MissingLength, Values, Via, View};

use super::record_route::RecordRoute;
use super::{Origin, Socket, Target};

/// Everything a branch's request is written from.
#[derive(Clone, Copy, Debug)]
pub struct Forward<'a> {
    /// The request as received.
    pub request: View<'a>,
    /// Edits of the script, for all branches.
    pub edits: &'a Edits,
    /// Edits of the branch route.
    pub branch_edits: &'a Edits,
    /// Where the request came from.
    pub origin: Origin,
    /// The socket it came in by.
    pub incoming: &'a Socket,
    /// The socket it leaves by.
    pub outgoing: &'a Socket,
    /// What the branch is made of.
    pub target: &'a Target,
    /// Branch parameter of our Via.
    pub param: BranchParam,
    /// The Record-Route to write, if any.
    pub record_route: Option<&'a RecordRoute>,
    /// Whether our Via asks for rport.
    pub via_rport: ViaRport,
    /// What else our Via says.
    pub via_words: &'a ViaWords,
}

/// What the script says about our Via.
#[derive(Clone, Debug, Default)]
pub struct ViaWords {
    /// `host[:port]` in place of the socket's.
    pub sent_by: Option<Box<str>>,
    /// Further parameters, each with its semicolon.
    pub params: Vec<u8>,
}

/// Whether our Via asks the next hop for rport (RFC 3581 3; core parameter `local_rport`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ViaRport {
    /// It does not.
    #[default]
    Absent,
    /// It does.
    Asked,
}

/// Writes the request. `None`: the request has no readable Via.
pub fn write(forward: &Forward<'_>) -> Option<Bytes> {
    let request = forward.request;
    let via_line = request.fields(HeaderName::Via).next()?.line;
    let mut own = forward.branch_edits.clone();
    if let Some(uri) = &forward.target.uri {
        own.set_request_uri(uri);
    }
    if let Some(record_route) = forward.record_route {
        own.insert_with(request.headers_start(), |out| {
            record_route.write(forward.incoming, forward.outgoing, out);
        });
    }
    own.insert_with(via_line.start as usize, |out| write_via(forward, out));
    stamp(forward, &mut own)?;
    if let Some(path) = &forward.target.path {
        // The Path vector stands above Route fields the request has already, below the Vias.
        let behind_vias = request.fields(HeaderName::Via).last().map(|field| field.line.end());
        let first_route = request.fields(HeaderName::Route).next().map(|field| field.line.start as usize);
        if let Some(at) = first_route.or(behind_vias) {
            own.insert(at, &[b"Route: ", &path[..], b"\r\n"].concat());
        }
    }
    if forward.outgoing.transport.is_reliable() {
        own.set_missing_length(MissingLength::Add);
    }
    let mut out = Vec::with_capacity(request.bytes.len() + ROOM_FOR_OUR_LINES);
    forward.edits.write_branch(&own, request, &mut out);
    Some(Bytes::from(out))
}

/// Writes a reply as it goes upstream: without our Via (16.7 step 3), with the script's edits.
pub fn write_reply(reply: View<'_>, edits: &Edits) -> Option<Bytes> {
    let mut own = edits.clone();
    let field = reply.fields(HeaderName::Via).next()?;
    own.delete_values(reply, field, 0..1)?;
    let mut out = Vec::with_capacity(reply.bytes.len());
    own.write(reply, &mut out);
    Some(Bytes::from(out))
}

/// `Via: SIP/2.0/UDP host;branch=x[;i=conn][;rport][;words]`
fn write_via(forward: &Forward<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"Via: SIP/2.0/");
    out.extend_from_slice(forward.outgoing.transport.via_name().as_bytes());
    out.push(b' ');
    let sent_by = forward.via_words.sent_by.as_deref().unwrap_or(forward.outgoing.sent_by());
    out.extend_from_slice(sent_by.as_bytes());
    out.extend_from_slice(b";branch=");
    out.extend_from_slice(forward.param.as_bytes());
    let connection = forward.origin.source.conn.0;
    if connection != 0 {
        out.extend_from_slice(format!(";i={connection:x}").as_bytes());
    }
    if forward.via_rport == ViaRport::Asked {
        out.extend_from_slice(b";rport");
    }
    out.extend_from_slice(&forward.via_words.params);
    out.extend_from_slice(b"\r\n");
}

/// RFC 3261 18.2.1, RFC 3581 4: `received` right behind host and port, `rport` in its place.
fn stamp(forward: &Forward<'_>, own: &mut Edits) -> Option<()> {
    let request = forward.request;
    let value = request.fields(HeaderName::Via).next()?.value.of(request.bytes);
    let via = Via::parse(Values::new(value).next()?).ok()?;
    let stamp = forward.origin.stamp(&via);
    let behind_sent_by = request.locate(via.sent_by)?.end();
    // What was not asked for stands in front of `received` (Kamailio 5.6.3).
    let rport = stamp.rport.map(|port| {
        let mut text = b";rport=".to_vec();
        lex::write_u32(u32::from(port), &mut text);
        text
    });
    match (&rport, via.params.get(b"rport")) {
        (Some(text), Some(asked)) => own.replace(request.locate(asked.whole)?, text),
        (Some(text), None) => own.insert(behind_sent_by, text),
        (None, _) => None,
    };
    if let Some(ip) = stamp.received {
        if let Some(old) = via.params.get(b"received") {
            own.delete(request.locate(old.whole)?);
        }
        own.insert_with(behind_sent_by, |out| {
            out.extend_from_slice(b";received=");
            out.extend_from_slice(ip.to_string().as_bytes());
        });
    }
    Some(())
}

/// The branch parameter of a Via of ours: cookie, place of the context, its discriminator, branch index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BranchParam {
    text: [u8; BranchParam::ROOM],
    len: u8,
}

impl BranchParam {
    const ROOM: usize = 40;

    /// The parameter of a branch of a response context.
    pub fn new(discriminator: u64, slot: u32, index: u8) -> BranchParam {
        BranchParam::format(slot, discriminator, index)
    }

    /// The parameter of a request forwarded without a transaction: the same for each retransmission, for its
    /// CANCEL, and for the ACK to its negative reply (16.11).
    pub fn stateless(request: View<'_>, key: u64) -> Option<BranchParam> {
        let via = request.via_top().ok()?;
        let cseq = request.cseq().ok()?;
        let mut hasher = FxHasher::default();
        key.hash(&mut hasher);
        request.call_id().ok()?.hash(&mut hasher);
        cseq.number.hash(&mut hasher);
        let place = hasher.finish() as u32 & 0xffff;
        match via.rfc3261_branch() {
            Some(branch) => (branch, via.sent_by).hash(&mut hasher),
            None => {
                let tag = |address: Result<sip::msg::NameAddr<'_>, _>| {
                    address.ok().and_then(|it| it.tag().map(<[u8]>::to_vec))
                };
                (tag(request.from()), tag(request.to()), request.request_uri(), via.text).hash(&mut hasher);
            }
        }
        Some(BranchParam::format(place, hasher.finish(), 0))
    }

    /// Reads a parameter of ours: place, discriminator and branch index.
    pub fn parse(text: &[u8]) -> Option<(u32, u64, u8)> {
        let mut parts = text.strip_prefix(MAGIC_COOKIE.as_bytes())?.split(|byte| *byte == b'.');
        let (place, discriminator, index) = (parts.next()?, parts.next()?, parts.next()?);
        let is_all = parts.next().is_none();
        let read = |part: &[u8]| {
            let digits = part.iter().rev().map(|digit| char::from(*digit).to_digit(16));
            digits.take(17).try_fold(0u64, |sum, digit| Some(sum.checked_mul(16)? + u64::from(digit?)))
        };
        let place = u32::try_from(read(place)?).ok()?;
        let index = u8::try_from(read(index)?).ok()?;
        is_all.then_some((place, read(discriminator)?, index))
    }

    /// The text.
    pub fn as_bytes(&self) -> &[u8] {
        &self.text[..usize::from(self.len)]
    }

    fn format(place: u32, discriminator: u64, index: u8) -> BranchParam {
        let mut param = BranchParam { text: [0; BranchParam::ROOM], len: 0 };
        param.push(MAGIC_COOKIE.as_bytes());
        param.push_hex(u64::from(place));
        param.push(b".");
        param.push_hex(discriminator);
        param.push(b".");
        param.push_hex(u64::from(index));
        param
    }

    fn push(&mut self, bytes: &[u8]) {
        let end = usize::from(self.len) + bytes.len();
        self.text[usize::from(self.len)..end].copy_from_slice(bytes);
        self.len = end as u8;
    }

    /// At most 16 digits; with cookie, dots, 8 digits of place and 2 of index the text has room.
    fn push_hex(&mut self, mut value: u64) {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        loop {
            self.push(&[DIGITS[value as usize & 15]]);
            value >>= 4;
            if value == 0 {
                return;
            }
        }
    }
}

/// What our Via, Record-Route and stamps usually need.
const ROOM_FOR_OUR_LINES: usize = 256;

#[cfg(test)]
mod tests {
    use sip::msg::{Edits, Message, RportPolicy};
    use sip::peer::{ConnId, Peer, Transport};

    use super::super::record_route::{Double, RecordRoute};
    use super::super::{Origin, Socket, Target, ViaHost};
    use super::{BranchParam, Forward, ViaRport, ViaWords, write, write_reply};

    const INVITE: &[u8] =
        b"INVITE sip:bob@us SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bKa\r\n\
        From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\nRoute: <sip:r;lr>\r\n\r\n";

    fn text(bytes: Option<bytes::Bytes>) -> String {
        String::from_utf8(bytes.expect("written").to_vec()).expect("ASCII")
    }

    fn socket(transport: Transport, port: u16) -> Socket {
        Socket::new(transport, ([127, 0, 0, 1], port).into(), None)
    }

    fn origin(transport: Transport, conn: u32) -> Origin {
        let source = Peer { conn: ConnId(conn), ..Peer::new(transport, ([192, 0, 2, 1], 6000).into()) };
        Origin { source, rport: RportPolicy::WhenAsked, via_host: ViaHost::AsWritten }
    }

    /// RFC 3261 16.6 items 2, 4 and 8; RFC 3581 4; RFC 3327 5.3. The order is Kamailio's.
    #[test]
    fn a_branch_gets_uri_record_route_via_stamp_and_path() {
        let request = Message::parse(INVITE.into()).expect("valid");
        let target = Target {
            uri: Some(b"sip:bob@192.0.2.9"[..].into()),
            path: Some(b"<sip:p;lr>"[..].into()),
            ..Target::default()
        };
        let record_route = RecordRoute { double: Double::WhenDifferent, ..RecordRoute::default() };
        let forward = Forward {
            request: request.view(),
            edits: &Edits::new(),
            branch_edits: &Edits::new(),
            origin: origin(Transport::Udp, 0),
            incoming: &socket(Transport::Udp, 5060),
            outgoing: &socket(Transport::Udp, 5060),
            target: &target,
            param: BranchParam::new(0x1f, 3, 0),
            record_route: Some(&record_route),
            via_rport: ViaRport::Asked,
            via_words: &ViaWords { sent_by: None, params: b";srvid=7".to_vec() },
        };
        assert_eq!(
            text(write(&forward)),
            "INVITE sip:bob@192.0.2.9 SIP/2.0\r\nRecord-Route: <sip:127.0.0.1;lr>\r\n\
             Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK3.f1.0;rport;srvid=7\r\n\
             Via: SIP/2.0/UDP 10.0.0.1:5070;received=192.0.2.1;rport=6000;branch=z9hG4bKa\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\
             Route: <sip:p;lr>\r\nRoute: <sip:r;lr>\r\n\r\n"
        );
    }

    #[test]
    fn over_streams_a_length_is_added_and_the_connection_is_named() {
        let request = Message::parse(INVITE.into()).expect("valid");
        let forward = Forward {
            request: request.view(),
            edits: &Edits::new(),
            branch_edits: &Edits::new(),
            origin: origin(Transport::Tcp, 0x2a),
            incoming: &socket(Transport::Tcp, 5060),
            outgoing: &socket(Transport::Tcp, 5070),
            target: &Target::default(),
            param: BranchParam::new(1, 0, 11),
            record_route: None,
            via_rport: ViaRport::Absent,
            via_words: &ViaWords::default(),
        };
        let written = text(write(&forward));
        assert!(
            written.contains("Via: SIP/2.0/TCP 127.0.0.1:5070;branch=z9hG4bK0.1.b;i=2a\r\n"),
            "{written}"
        );
        assert!(written.ends_with("Content-Length: 0\r\n\r\n"), "{written}");
    }

    /// RFC 3261 16.7 step 3.
    #[test]
    fn a_reply_loses_our_via_only() {
        let reply = b"SIP/2.0 180 Ringing\r\nVia: us, caller\r\nVia: x\r\nTo: y\r\n\r\n";
        let reply = Message::parse(reply[..].into()).expect("valid");
        assert_eq!(
            text(write_reply(reply.view(), &Edits::new())),
            "SIP/2.0 180 Ringing\r\nVia: caller\r\nVia: x\r\nTo: y\r\n\r\n"
        );
    }

    #[test]
    fn branch_parameters_can_be_read_back() {
        for parts in [(0, 0, 0), (0xffff_fffe, u64::MAX, 11), (300, 1 << 40, 254)] {
            let param = BranchParam::new(parts.1, parts.0, parts.2);
            assert_eq!(BranchParam::parse(param.as_bytes()), Some(parts));
        }
        for foreign in
            ["z9hG4bKnashds8", "z9hG4bK1.2", "z9hG4bK1.2.3.4", "z9hG4bKx.2.0", "1.2.3", "z9hG4bK1.2.1234"]
        {
            assert_eq!(BranchParam::parse(foreign.as_bytes()), None, "{foreign}");
        }
    }

    /// RFC 3261 16.11: equal requests, their CANCEL and ACK give equal branches, others do not.
    #[test]
    fn stateless_branches_repeat() {
        let param = |text: &[u8]| {
            let message = Message::parse(text.to_vec().into()).expect("valid");
            BranchParam::stateless(message.view(), 7).expect("complete")
        };
        let cancel = String::from_utf8_lossy(INVITE).replace("INVITE", "CANCEL");
        let other = String::from_utf8_lossy(INVITE).replace("z9hG4bKa", "z9hG4bKb");
        assert_eq!(param(INVITE), param(INVITE));
        assert_eq!(param(INVITE), param(cancel.as_bytes()));
        assert_ne!(param(INVITE), param(other.as_bytes()));
        assert!(param(INVITE).as_bytes().starts_with(b"z9hG4bK"));
    }
}
