//! Replies made here from a request (RFC 3261 8.2.6, 18.2.2), with the header order of Kamailio.

use std::hash::{Hash, Hasher};
use std::net::IpAddr;

use bytes::Bytes;
use rustc_hash::FxHasher;
use sip::lex;
use sip::msg::{HeaderField, HeaderName, Index, NameAddr, Rport, RportPolicy, Stamp, Values, Via, View};
use sip::peer::Peer;

/// Where a request came from, as its top Via must show (RFC 3261 18.2.1, RFC 3581).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Source address and transport.
    pub source: Peer,
    /// Whether rport is filled in unasked (`force_rport()`).
    pub rport: RportPolicy,
    /// What is known of the host in its Via.
    pub via_host: ViaHost,
}

/// What is known of the host in the Via of a request (parameters `dns`, `rev_dns`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ViaHost {
    /// What it says.
    #[default]
    AsWritten,
    /// It is a name of the address that the request came from.
    NamesSource,
}

impl Origin {
    /// What its top Via gets (RFC 3261 18.2.1, RFC 3581 4). A host that names the source needs no `received`.
    pub fn stamp(&self, via: &Via<'_>) -> Stamp {
        let mut stamp = via.stamp(self.source.addr, self.rport);
        let is_asked = via.received().is_some() || via.rport() != Rport::Absent;
        if self.via_host == ViaHost::NamesSource && !is_asked {
            stamp.received = None;
        }
        stamp
    }
}

/// What marks replies made by this server: one value per run.
#[derive(Clone, Debug)]
pub struct Signature {
    /// First part of our To tags: 32 hex digits, different in each run.
    pub tag_prefix: [u8; 32],
    /// The whole `Server: ...` line without line end; empty for none.
    pub server: Box<[u8]>,
    /// The whole `User-Agent: ...` line of requests made here, without line end; empty for none.
    pub user_agent: Box<[u8]>,
}

/// A reply to make.
#[derive(Clone, Copy, Debug)]
pub struct LocalReply<'a> {
    /// Status code; not checked.
    pub status: u16,
    /// Reason phrase.
    pub reason: &'a [u8],
    /// Header lines to add, each with its CRLF.
    pub lines: &'a [u8],
    /// Body; its Content-Type is among `lines`.
    pub body: &'a [u8],
    /// Which To tag it gets.
    pub tag: TagStyle<'a>,
    /// Header lines behind Content-Length, each with its CRLF.
    pub last_lines: &'a [u8],
}

/// Our To tags tell who answered: the stateless or the stateful part.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TagStyle<'a> {
    /// `prefix.checksum`
    Stateless,
    /// `prefix-checksum`
    Stateful,
    /// This one.
    Given(&'a [u8]),
}

/// Writes a reply to `request`. `None`: the request has no readable Via.
///
/// Order: Via, From, To, Call-ID, CSeq as they stand in the request, Record-Route for 180 to 299, the added
/// lines, Server, Content-Length. A To tag is added above 100 when the request has none.
pub fn write(request: View<'_>, origin: Origin, by: &Signature, wanted: &LocalReply<'_>) -> Option<Bytes> {
    let mut out = Vec::with_capacity(request.bytes.len() + wanted.lines.len() + wanted.body.len() + 160);
    out.extend_from_slice(b"SIP/2.0 ");
    write_status(wanted.status, &mut out);
    out.push(b' ');
    out.extend_from_slice(wanted.reason);
    out.extend_from_slice(CRLF);
    let with_routes = (180..300).contains(&wanted.status);
    let mut is_top = true;
    for field in &request.index.headers {
        match field.header {
            HeaderName::Via if is_top => {
                is_top = false;
                write_top_via(request, field, origin, &mut out)?;
            }
            HeaderName::To => write_to(request, field, by, wanted, &mut out)?,
            HeaderName::Via | HeaderName::From | HeaderName::CallId | HeaderName::CSeq => {
                copy(request, field, &mut out)
            }
            HeaderName::RecordRoute if with_routes => copy(request, field, &mut out),
            _ => {}
        }
    }
    out.extend_from_slice(wanted.lines);
    if !by.server.is_empty() {
        out.extend_from_slice(&by.server);
        out.extend_from_slice(CRLF);
    }
    out.extend_from_slice(b"Content-Length: ");
    lex::write_u32(wanted.body.len() as u32, &mut out);
    out.extend_from_slice(CRLF);
    out.extend_from_slice(wanted.last_lines);
    out.extend_from_slice(CRLF);
    out.extend_from_slice(wanted.body);
    (!is_top).then(|| Bytes::from(out))
}

/// Our To tag for a request: prefix, separator and a checksum of its top Via, so that a retransmission gets
/// the same one.
pub fn write_tag(request: View<'_>, by: &Signature, style: TagStyle<'_>, out: &mut Vec<u8>) {
    let separator = match style {
        TagStyle::Stateless => b'.',
        TagStyle::Stateful => b'-',
        TagStyle::Given(tag) => return out.extend_from_slice(tag),
    };
    out.extend_from_slice(&by.tag_prefix);
    out.push(separator);
    let mut hasher = FxHasher::default();
    let value = request.header(HeaderName::Via).unwrap_or_default();
    Values::new(value).next().unwrap_or_default().hash(&mut hasher);
    let checksum = hasher.finish();
    out.extend_from_slice(format!("{:08x}", (checksum ^ (checksum >> 32)) as u32).as_bytes());
}

/// Where replies to a request go: back to the source address; to the source port over a connection or when
/// rport asks for it, else to the port of the Via (18.2.2, RFC 3581 4).
pub fn reply_peer(via: &Via<'_>, origin: Origin) -> Peer {
    let mut peer = origin.source;
    let stamp = origin.stamp(via);
    if !peer.transport.is_reliable() && stamp.rport.is_none() {
        peer.addr.set_port(via.port.unwrap_or(5060));
    }
    peer
}

/// Appends the challenge lines of a reply, each with its line end.
pub(super) fn copy_challenges(reply: &[u8], out: &mut Vec<u8>) {
    let Ok(index) = Index::parse(reply) else { return };
    let view = View { bytes: reply, index: &index };
    let is_challenge = |field: &&HeaderField| {
        matches!(field.header, HeaderName::WwwAuthenticate | HeaderName::ProxyAuthenticate)
    };
    index.headers.iter().filter(is_challenge).for_each(|field| copy(view, field, out));
}

/// Copies a field as written, its line end as CRLF.
fn copy(request: View<'_>, field: &HeaderField, out: &mut Vec<u8>) {
    let line = field.line.of(request.bytes);
    out.extend_from_slice(line.trim_ascii_end());
    out.extend_from_slice(CRLF);
}

/// The first Via field with `received` and `rport` filled in its first value.
fn write_top_via(request: View<'_>, field: &HeaderField, origin: Origin, out: &mut Vec<u8>) -> Option<()> {
    let value = field.value.of(request.bytes);
    let first = Values::new(value).next()?;
    let via = Via::parse(first).ok()?;
    out.extend_from_slice(field.name.of(request.bytes));
    out.extend_from_slice(b": ");
    via.write_stamped(origin.stamp(&via), out);
    let behind = first.as_ptr() as usize - value.as_ptr() as usize + first.len();
    out.extend_from_slice(&value[behind..]);
    out.extend_from_slice(CRLF);
    Some(())
}

fn write_to(
    request: View<'_>,
    field: &HeaderField,
    by: &Signature,
    wanted: &LocalReply<'_>,
    out: &mut Vec<u8>,
) -> Option<()> {
    let value = field.value.of(request.bytes);
    let has_tag = NameAddr::parse(value).ok()?.tag().is_some();
    out.extend_from_slice(field.line.of(request.bytes).trim_ascii_end());
    if !has_tag && wanted.status > 100 {
        out.extend_from_slice(b";tag=");
        write_tag(request, by, wanted.tag, out);
    }
    out.extend_from_slice(CRLF);
    Some(())
}

/// Three digits at least: Kamailio sends `099` for 99.
fn write_status(status: u16, out: &mut Vec<u8>) {
    if status < 100 {
        out.push(b'0');
    }
    if status < 10 {
        out.push(b'0');
    }
    lex::write_u32(u32::from(status), out);
}

/// Line end of everything written here.
pub(super) const CRLF: &[u8] = b"\r\n";

/// An address as it stands in a URI or Via: IPv6 in brackets.
pub fn write_host(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(ip) => out.extend_from_slice(ip.to_string().as_bytes()),
        IpAddr::V6(ip) => out.extend_from_slice(format!("[{ip}]").as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use sip::msg::{Message, RportPolicy, Via};
    use sip::peer::{Peer, Transport};

    use super::{LocalReply, Origin, Signature, TagStyle, ViaHost, reply_peer, write};

    const OPTIONS: &[u8] =
        b"OPTIONS sip:us SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;rport;branch=z9hG4bK1, \
        SIP/2.0/UDP b\r\nRoute: <sip:us>\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\n\
        CSeq: 1 OPTIONS\r\nRecord-Route: <sip:r;lr>\r\nContent-Length: 0\r\n\r\n";

    fn origin() -> Origin {
        let source = Peer::new(Transport::Udp, "192.0.2.1:6000".parse().expect("address"));
        Origin { source, rport: RportPolicy::WhenAsked, via_host: ViaHost::AsWritten }
    }

    fn signature() -> Signature {
        Signature {
            tag_prefix: [b'a'; 32],
            server: Box::from(&b"Server: us"[..]),
            user_agent: Box::default(),
        }
    }

    /// RFC 3261 8.2.6.2 and RFC 3581 4; the order is Kamailio's.
    #[test]
    fn a_reply_copies_what_must_be_copied_and_stamps_the_top_via() {
        let request = Message::parse(OPTIONS.into()).expect("valid");
        let wanted = LocalReply {
            status: 404,
            reason: b"Not Here",
            lines: b"X: y\r\n",
            body: b"",
            tag: TagStyle::Stateful,
            last_lines: b"",
        };
        let reply = write(request.view(), origin(), &signature(), &wanted).expect("has a Via");
        let text = String::from_utf8(reply.to_vec()).expect("ASCII");
        let (before, after) = text.split_once("tag=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-").expect("our tag");
        assert_eq!(
            before,
            "SIP/2.0 404 Not Here\r\nVia: SIP/2.0/UDP 10.0.0.1:5070;rport=6000;branch=z9hG4bK1;received=192.0.2.1, \
             SIP/2.0/UDP b\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;"
        );
        assert_eq!(
            &after[8..],
            "\r\nCall-ID: x\r\nCSeq: 1 OPTIONS\r\nX: y\r\nServer: us\r\nContent-Length: 0\r\n\r\n"
        );
    }

    #[test]
    fn record_route_goes_into_180_to_299_and_no_tag_into_100() {
        let request = Message::parse(OPTIONS.into()).expect("valid");
        for (status, routes, tag) in
            [(100, false, false), (180, true, true), (200, true, true), (302, false, true)]
        {
            let wanted = LocalReply {
                status,
                reason: b"",
                lines: b"",
                body: b"",
                tag: TagStyle::Stateless,
                last_lines: b"",
            };
            let reply = write(request.view(), origin(), &signature(), &wanted).expect("has a Via");
            let text = String::from_utf8(reply.to_vec()).expect("ASCII");
            assert_eq!(text.contains("Record-Route: <sip:r;lr>\r\n"), routes, "{status}");
            assert_eq!(text.contains("tag=aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa."), tag, "{status}");
        }
    }

    #[test]
    fn replies_go_to_the_source_port_only_when_rport_says_so() {
        let rows = [
            ("SIP/2.0/UDP 10.0.0.1:5070;rport", 6000),
            ("SIP/2.0/UDP 10.0.0.1:5070", 5070),
            ("SIP/2.0/UDP 10.0.0.1", 5060),
        ];
        for (text, port) in rows {
            let via = Via::parse(text.as_bytes()).expect("valid");
            assert_eq!(
                reply_peer(&via, origin()).addr,
                std::net::SocketAddr::new([192, 0, 2, 1].into(), port),
                "{text}"
            );
        }
    }
}
