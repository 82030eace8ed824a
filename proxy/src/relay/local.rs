//! Requests made here (RFC 3261 8.1.1): their text, their context without a server transaction, and the ACK to
//! a 2xx (13.2.2.4). The order of the header fields is Kamailio's.

use bytes::Bytes;
use sip::lex;
use sip::msg::{Edits, HeaderName, Index, Message, NameAddr, Values, View};
use sip::peer::Peer;
use sip::time::Time;
use sip::txn::{Hop, Timers};

use super::branch::ViaRport;
use super::exchange::{NewContext, Side};
use super::machine::Relay;
use super::{Armed, Origin, RelayId, Signature, Socket, ViaHost};

/// What a request made here consists of. Texts are header values.
#[derive(Clone, Copy, Debug)]
pub struct Parts<'a> {
    /// Its method.
    pub method: &'a [u8],
    /// Its request URI.
    pub uri: &'a [u8],
    /// To.
    pub to: &'a [u8],
    /// From, with or without a tag.
    pub from: &'a [u8],
    /// The tag for a From without one.
    pub from_tag: &'a [u8],
    /// Call-ID.
    pub call_id: &'a [u8],
    /// The number of CSeq.
    pub cseq: u32,
    /// Max-Forwards, unless `headers` has it.
    pub max_forwards: Option<u8>,
    /// Further lines, each with its CRLF.
    pub headers: &'a [u8],
    /// The body.
    pub body: &'a [u8],
}

/// Writes a request without its Via, which depends on the way it takes.
///
/// Order: To, From, CSeq, Call-ID, Max-Forwards, Content-Length, User-Agent, the further lines.
pub fn compose(parts: &Parts<'_>, by: &Signature) -> Bytes {
    let mut out = Vec::with_capacity(400 + parts.headers.len() + parts.body.len());
    [parts.method, b" ", parts.uri, b" SIP/2.0\r\nTo: ", parts.to, b"\r\nFrom: ", parts.from]
        .iter()
        .for_each(|part| out.extend_from_slice(part));
    if NameAddr::parse(parts.from).is_ok_and(|from| from.tag().is_none()) {
        out.extend_from_slice(b";tag=");
        out.extend_from_slice(parts.from_tag);
    }
    out.extend_from_slice(b"\r\nCSeq: ");
    lex::write_u32(parts.cseq, &mut out);
    [b" ", parts.method, b"\r\nCall-ID: ", parts.call_id].iter().for_each(|part| out.extend_from_slice(part));
    if let Some(hops) = parts.max_forwards {
        out.extend_from_slice(b"\r\nMax-Forwards: ");
        lex::write_u32(u32::from(hops), &mut out);
    }
    out.extend_from_slice(b"\r\nContent-Length: ");
    lex::write_u32(parts.body.len() as u32, &mut out);
    out.extend_from_slice(b"\r\n");
    if !by.user_agent.is_empty() {
        out.extend_from_slice(&by.user_agent);
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(parts.headers);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(parts.body);
    out.into()
}

/// Writes a composed request as it goes out: the script's edits, its request URI, our Via.
pub fn write(request: View<'_>, edits: &Edits, uri: Option<&[u8]>, via: &OwnVia<'_>) -> Bytes {
    let mut own = Edits::new();
    if let Some(uri) = uri {
        own.set_request_uri(uri);
    }
    own.insert_with(request.headers_start(), |out| via.write(out));
    let mut out = Vec::with_capacity(request.bytes.len() + 128);
    edits.write_branch(&own, request, &mut out);
    out.into()
}

/// The Via of a request made here.
#[derive(Clone, Copy, Debug)]
pub struct OwnVia<'a> {
    /// The socket it leaves by.
    pub socket: &'a Socket,
    /// Its branch parameter.
    pub branch: &'a [u8],
    /// Whether it asks for rport.
    pub rport: ViaRport,
}

impl OwnVia<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Via: SIP/2.0/");
        out.extend_from_slice(self.socket.transport.via_name().as_bytes());
        out.push(b' ');
        out.extend_from_slice(self.socket.sent_by().as_bytes());
        out.extend_from_slice(b";branch=");
        out.extend_from_slice(self.branch);
        if self.rport == ViaRport::Asked {
            out.extend_from_slice(b";rport");
        }
        out.extend_from_slice(b"\r\n");
    }
}

/// What the context of a request made here starts from.
#[derive(Clone, Copy, Debug)]
pub struct NewLocal<'a> {
    /// The request, without its Via.
    pub request: &'a Message,
    /// The socket it leaves by first.
    pub hop: Hop,
    /// Routes armed for it.
    pub armed: Armed,
    /// Message flags.
    pub flags: u32,
    /// Timers.
    pub timers: Timers,
}

impl Relay {
    /// Opens a response context without a server transaction; its outcome is told by
    /// [`super::Event::Answered`]. A branch must be opened next.
    pub fn open_local(&mut self, now: Time, new: NewLocal<'_>) -> RelayId {
        let id = self.next_id();
        self.counters.local_transactions += 1;
        let rport = sip::msg::RportPolicy::WhenAsked;
        let origin = Origin { source: new.hop.peer, rport, via_host: ViaHost::AsWritten };
        let context = NewContext {
            request: new.request,
            origin,
            reply_to: new.hop,
            armed: new.armed,
            flags: new.flags,
            timers: None,
        };
        self.insert(now, context, Side { server: None, is_local: true, timers: new.timers });
        id
    }
}

/// The ACK to a 2xx (RFC 3261 13.2.2.4) to an INVITE made here, and the URI it is sent to: the first Route, else
/// the remote target. `invite`: as it was sent. `None`: one of the two lacks what it takes.
pub fn ack(invite: &[u8], reply: View<'_>, by: &Signature, via: &OwnVia<'_>) -> Option<Bytes> {
    let index = Index::parse(invite).ok()?;
    let invite = View { bytes: invite, index: &index };
    let target = remote_target(reply).or_else(|| invite.request_uri())?;
    let mut routes = Vec::new();
    route_set(reply).into_iter().for_each(|route| {
        routes.extend_from_slice(b"Route: ");
        routes.extend_from_slice(route);
        routes.extend_from_slice(b"\r\n");
    });
    let parts = Parts {
        method: b"ACK",
        uri: target,
        to: reply.header(HeaderName::To)?,
        from: invite.header(HeaderName::From)?,
        from_tag: b"",
        call_id: invite.call_id().ok()?,
        cseq: invite.cseq().ok()?.number,
        max_forwards: Some(70),
        headers: &routes,
        body: b"",
    };
    let text = compose(&parts, by);
    let index = Index::parse(&text).ok()?;
    Some(write(View { bytes: &text, index: &index }, &Edits::new(), None, via))
}

/// Where an ACK to this reply goes: the URI of the first route, else the remote target.
pub fn ack_target(reply: View<'_>) -> Option<&[u8]> {
    let first = route_set(reply).first().and_then(|route| NameAddr::parse(route).ok());
    first.map(|route| route.uri_text).or_else(|| remote_target(reply))
}

fn remote_target(reply: View<'_>) -> Option<&[u8]> {
    reply.name_addrs(HeaderName::Contact).next()?.ok().map(|contact| contact.uri_text)
}

/// 12.1.2: the Record-Route values in reverse order.
fn route_set(reply: View<'_>) -> Vec<&[u8]> {
    let values =
        reply.fields(HeaderName::RecordRoute).flat_map(|field| Values::new(field.value.of(reply.bytes)));
    let mut routes: Vec<&[u8]> = values.collect();
    routes.reverse();
    routes
}

/// The peer of a request made here stands for itself as the source.
pub fn own_peer(socket: &Socket) -> Peer {
    Peer::new(socket.transport, socket.addr)
}
