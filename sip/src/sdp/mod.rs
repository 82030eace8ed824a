//! Session descriptions as a borrowed view: lines, media sections, connection addresses (RFC 8866).
//!
//! [`Sdp`] checks nothing but the shape `letter=value`; values are decoded on demand and are slices of the body,
//! so that [`Span::locate`](crate::span::Span::locate) finds them again for edits. Lines that are no SDP are
//! skipped. [`find`] looks into multipart bodies. CRLF and LF both end a line.

mod multipart;

use std::net::IpAddr;

use crate::lex;
use crate::msg::View;
use crate::msg::uri::parse_ip;

pub use multipart::{Part, Parts};

/// A session description.
#[derive(Clone, Copy, Debug)]
pub struct Sdp<'a> {
    text: &'a [u8],
}

/// One `letter=value` line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line<'a> {
    /// The type letter, e.g. `b'm'`.
    pub kind: u8,
    /// The value without the line end.
    pub value: &'a [u8],
}

/// The value of a `c=` line (5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// Address type as written: `IP4` or `IP6`.
    pub address_type: &'a [u8],
    /// Address as written, without a multicast TTL; may be a host name.
    pub address: &'a [u8],
}

/// One `m=` line and the lines that belong to it (5.14).
#[derive(Clone, Copy, Debug)]
pub struct Media<'a> {
    /// Kind of media, e.g. `audio`.
    pub kind: &'a [u8],
    /// Port; 0 means the stream is refused or ended.
    pub port: u16,
    /// The port as written, for edits.
    pub port_text: &'a [u8],
    /// Number of ports behind a slash, else 1.
    pub port_count: u16,
    /// Protocol, e.g. `RTP/AVP`.
    pub proto: &'a [u8],
    /// Formats as written, blanks between: payload types for RTP.
    pub formats: &'a [u8],
    /// The lines behind the `m=` line up to the next one.
    lines: &'a [u8],
    /// The `c=` line of the session, used where the section has none.
    session_connection: Option<Connection<'a>>,
}

/// Which way media flows, seen from the one who wrote the description (6.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Both ways; also when nothing is said.
    SendRecv,
    /// From the writer only.
    SendOnly,
    /// To the writer only.
    RecvOnly,
    /// Not at all.
    Inactive,
}

/// The session description in the body of a message: the body itself, or the first such part of a multipart body.
/// A body without Content-Type counts as one. `None` when there is none.
pub fn find<'a>(view: View<'a>) -> Option<Sdp<'a>> {
    let body = view.body();
    if body.is_empty() {
        return None;
    }
    let Some(content_type) = view.content_type().ok()? else {
        return Some(Sdp::new(body));
    };
    if content_type.is(b"application", b"sdp") {
        return Some(Sdp::new(body));
    }
    let boundary = content_type.boundary()?;
    let mut parts = Parts::new(body, &boundary);
    let part = parts.find(|part| part.content_type().is_some_and(|kind| kind.is(b"application", b"sdp")))?;
    Some(Sdp::new(part.body))
}

impl<'a> Sdp<'a> {
    /// The view of `text`; never fails.
    pub fn new(text: &'a [u8]) -> Sdp<'a> {
        Sdp { text }
    }

    /// The description as written.
    pub fn as_bytes(self) -> &'a [u8] {
        self.text
    }

    /// All lines in order.
    pub fn lines(self) -> Lines<'a> {
        Lines { rest: self.text }
    }

    /// The lines before the first `m=` line.
    pub fn session(self) -> impl Iterator<Item = Line<'a>> {
        self.lines().take_while(|line| line.kind != b'm')
    }

    /// The value of the first session line of that kind, e.g. `b'o'`.
    pub fn session_value(self, kind: u8) -> Option<&'a [u8]> {
        self.session().find(|line| line.kind == kind).map(|line| line.value)
    }

    /// The `c=` line of the session.
    pub fn connection(self) -> Option<Connection<'a>> {
        self.session_value(b'c').and_then(Connection::parse)
    }

    /// The address in the `o=` line, as a connection (5.2).
    pub fn origin_connection(self) -> Option<Connection<'a>> {
        // o=<username> <sess-id> <sess-version> <nettype> <addrtype> <unicast-address>
        let origin = self.session_value(b'o')?;
        let third_blank = memchr::memchr_iter(b' ', origin).nth(2)?;
        Connection::parse(&origin[third_blank + 1..])
    }

    /// All media sections in order; an `m=` line that cannot be read is skipped with its section.
    pub fn media(self) -> impl Iterator<Item = Media<'a>> {
        let session_connection = self.connection();
        let mut lines = self.lines();
        std::iter::from_fn(move || {
            let line = lines.find(|line| line.kind == b'm')?;
            let rest = lines.rest;
            let mut ahead = lines.clone();
            let mut end = rest.len();
            while let (before, Some(next)) = (ahead.rest.len(), ahead.next()) {
                if next.kind == b'm' {
                    end = rest.len() - before;
                    break;
                }
            }
            Some(Media::parse(line.value, &rest[..end], session_connection))
        })
        .flatten()
    }

    /// The first media section of that kind, e.g. `b"audio"`, whose port is not 0.
    pub fn media_of(self, kind: &[u8]) -> Option<Media<'a>> {
        self.media().find(|media| media.kind.eq_ignore_ascii_case(kind) && media.port != 0)
    }
}

impl<'a> Connection<'a> {
    /// Parses `IN IP4 address[/ttl[/count]]`; `None` when a word is missing or the network is not `IN`.
    pub fn parse(value: &'a [u8]) -> Option<Connection<'a>> {
        let mut words = words(value);
        words.next().filter(|network| network.eq_ignore_ascii_case(b"IN"))?;
        let address_type = words.next()?;
        let address = words.next()?;
        let end = memchr::memchr(b'/', address).unwrap_or(address.len());
        Some(Connection { address_type, address: &address[..end] })
    }

    /// The address, when it is one and not a host name.
    pub fn ip(&self) -> Option<IpAddr> {
        parse_ip(self.address)
    }
}

impl<'a> Media<'a> {
    fn parse(value: &'a [u8], lines: &'a [u8], session: Option<Connection<'a>>) -> Option<Media<'a>> {
        let mut words = words(value);
        let (kind, port_text, proto) = (words.next()?, words.next()?, words.next()?);
        let slash = memchr::memchr(b'/', port_text);
        let (port_text, count) = port_text.split_at(slash.unwrap_or(port_text.len()));
        let proto_end = proto.as_ptr() as usize - value.as_ptr() as usize + proto.len();
        Some(Media {
            kind,
            port: lex::parse_u16(port_text)?,
            port_text,
            port_count: count.get(1..).map_or(Some(1), lex::parse_u16)?,
            proto,
            formats: lex::trim(&value[proto_end..]),
            lines,
            session_connection: session,
        })
    }

    /// The lines of this section behind its `m=` line.
    pub fn lines(&self) -> Lines<'a> {
        Lines { rest: self.lines }
    }

    /// The formats one by one.
    pub fn formats(&self) -> impl Iterator<Item = &'a [u8]> {
        words(self.formats)
    }

    /// The connection of this section, else that of the session (5.7).
    pub fn connection(&self) -> Option<Connection<'a>> {
        self.own_connection().or(self.session_connection)
    }

    /// The connection written in this section.
    pub fn own_connection(&self) -> Option<Connection<'a>> {
        self.lines().find(|line| line.kind == b'c').and_then(|line| Connection::parse(line.value))
    }

    /// The values of all attributes of that name, e.g. `b"rtpmap"`; a flag has an empty value (5.13).
    pub fn attributes<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        self.lines().filter_map(move |line| line.attribute(name))
    }

    /// The direction of this section, when it says one; else that of the session applies (6.7).
    pub fn direction(&self) -> Option<Direction> {
        self.lines().find_map(Line::direction)
    }

    /// The RTCP port: the `rtcp` attribute (RFC 3605 2.1), else the port above the media port.
    pub fn rtcp_port(&self) -> Option<u16> {
        match self.attributes(b"rtcp").next().and_then(|value| words(value).next()) {
            Some(port) => lex::parse_u16(port),
            None => self.port.checked_add(1),
        }
    }
}

impl<'a> Line<'a> {
    /// The value of an `a=` line of that name, empty for a flag; `None` for any other line.
    pub fn attribute(self, name: &[u8]) -> Option<&'a [u8]> {
        let (written, rest) = self.value.split_at_checked(name.len()).filter(|_| self.kind == b'a')?;
        match rest {
            _ if !written.eq_ignore_ascii_case(name) => None,
            [] => Some(rest),
            [b':', value @ ..] => Some(value),
            _ => None,
        }
    }

    /// The direction an `a=` line says.
    pub fn direction(self) -> Option<Direction> {
        const NAMES: [(&[u8], Direction); 4] = [
            (b"sendrecv", Direction::SendRecv),
            (b"sendonly", Direction::SendOnly),
            (b"recvonly", Direction::RecvOnly),
            (b"inactive", Direction::Inactive),
        ];
        NAMES.iter().find(|row| self.attribute(row.0).is_some()).map(|row| row.1)
    }
}

/// Walks the lines of a description; what is not `letter=value` is skipped.
#[derive(Clone, Debug)]
pub struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        while !self.rest.is_empty() {
            let newline = memchr::memchr(b'\n', self.rest);
            let line = &self.rest[..newline.unwrap_or(self.rest.len())];
            self.rest = &self.rest[newline.map_or(self.rest.len(), |newline| newline + 1)..];
            if let [kind, b'=', value @ ..] = line {
                return Some(Line { kind: *kind, value: lex::trim_end(value) });
            }
        }
        None
    }
}

/// The words of a value; more than one blank between them is tolerated.
fn words(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| lex::is_lws(*byte)).filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::msg::Message;
    use crate::span::Span;

    const OFFER: &[u8] = b"v=0\r\no=alice 2890844526 2890844526 IN IP4 host.atlanta.example.com\r\ns=\r\n\
        c=IN IP4 192.0.2.1/127\r\nt=0 0\r\na=sendonly\r\nm=audio 49170 RTP/AVP 0 8 97\r\na=rtpmap:0 PCMU/8000\r\n\
        a=rtpmap:97 iLBC/8000\r\na=recvonly\r\nm=video 51372/2 RTP/AVP 31\nc=IN IP6 2001:db8::1\nnonsense\n\
        a=rtcp:53020\nm=broken\r\nm=image 0 udptl t38";

    fn text(bytes: &[u8]) -> String {
        String::from_utf8_lossy(bytes).into_owned()
    }

    /// RFC 3264 10 offer shapes; RFC 8866 5.7 (the session's c= is a default), 5.14.
    #[test]
    fn media_sections_have_kind_port_formats_and_connection() {
        let sdp = Sdp::new(OFFER);
        let seen: Vec<_> = sdp
            .media()
            .map(|media| {
                let connection = media.connection().expect("session has one");
                let ip = connection.ip().map(|ip| ip.to_string());
                format!(
                    "{} {} {} {} [{}] {ip:?}",
                    text(media.kind),
                    media.port,
                    media.port_count,
                    text(media.proto),
                    text(media.formats)
                )
            })
            .collect();
        assert_eq!(
            seen,
            [
                "audio 49170 1 RTP/AVP [0 8 97] Some(\"192.0.2.1\")",
                "video 51372 2 RTP/AVP [31] Some(\"2001:db8::1\")",
                "image 0 1 udptl [t38] Some(\"192.0.2.1\")",
            ]
        );
        let audio = sdp.media_of(b"AUDIO").expect("there");
        assert_eq!(
            audio.attributes(b"rtpmap").map(text).collect::<Vec<_>>(),
            ["0 PCMU/8000", "97 iLBC/8000"]
        );
        assert_eq!(audio.formats().count(), 3);
        assert_eq!((audio.direction(), audio.rtcp_port()), (Some(Direction::RecvOnly), Some(49171)));
        let video = sdp.media_of(b"video").expect("there");
        assert_eq!((video.direction(), video.rtcp_port()), (None, Some(53020)));
        assert!(sdp.media_of(b"image").is_none(), "port 0 is no stream");
        assert_eq!(sdp.session().find_map(Line::direction), Some(Direction::SendOnly));
    }

    #[test]
    fn session_values_are_found_and_located() {
        let sdp = Sdp::new(OFFER);
        let origin = sdp.origin_connection().expect("o= line");
        assert_eq!((text(origin.address), origin.ip()), ("host.atlanta.example.com".into(), None));
        let port = sdp.media_of(b"audio").expect("there").port_text;
        assert_eq!(Span::locate(OFFER, port).expect("inside").of(OFFER), b"49170");
        assert_eq!(sdp.session_value(b's'), Some(&b""[..]));
    }

    #[test]
    fn odd_values_are_refused_not_guessed() {
        for value in ["", "IN", "IN IP4", "ATM NSAP 47", " IN"] {
            assert_eq!(Connection::parse(value.as_bytes()), None, "{value}");
        }
        for value in
            ["", "audio", "audio 1", "audio x RTP/AVP 0", "audio 70000 RTP/AVP 0", "audio 1/x RTP/AVP 0"]
        {
            assert!(Media::parse(value.as_bytes(), b"", None).is_none(), "{value}");
        }
        let flag = Line { kind: b'a', value: b"rtcp-mux" };
        assert_eq!((flag.attribute(b"rtcp-mux"), flag.attribute(b"rtcp")), (Some(&b""[..]), None));
    }

    #[test]
    fn every_truncation_reads_without_panic() {
        for end in 0..OFFER.len() {
            let sdp = Sdp::new(&OFFER[..end]);
            assert!(sdp.media().count() <= 3);
            assert!(sdp.lines().count() <= 16 && sdp.origin_connection().is_none_or(|o| o.ip().is_none()));
        }
    }

    /// RFC 3261 7.4, RFC 5621 3: a session description may be a part of a multipart body.
    #[test]
    fn finds_the_description_in_a_body() {
        let with = |content_type: &str, body: &str| {
            let head = format!("INFO sip:a SIP/2.0\r\n{content_type}\r\n{body}");
            Message::parse(head.into_bytes().into()).expect("valid")
        };
        let found = |message: &Message| find(message.view()).map(|sdp| text(sdp.as_bytes()));
        assert_eq!(found(&with("c: application/SDP\r\n", "v=0")).as_deref(), Some("v=0"));
        assert_eq!(found(&with("", "v=0")).as_deref(), Some("v=0"));
        assert_eq!(found(&with("c: text/plain\r\n", "v=0")), None);
        assert_eq!(found(&with("c: application/sdp\r\n", "")), None);
        let mixed = "c: multipart/mixed;boundary=\"b\"\r\n";
        let body = "--b\r\nContent-Type: text/plain\r\n\r\nhi\r\n--b\r\ncontent-type : application/sdp\r\n\r\nv=0\r\n\r\n--b--\r\n";
        assert_eq!(found(&with(mixed, body)).as_deref(), Some("v=0\r\n"));
        assert_eq!(found(&with("c: multipart/mixed\r\n", body)), None);
    }
}
