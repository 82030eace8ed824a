//! Via: sent-protocol, sent-by and parameters, and what a server writes into it on receipt.
//!
//! [`Via`] borrows one value of the field (several may stand in one field: see `View::vias`). RFC 3261 18.2,
//! 20.42; RFC 3581 (rport); IPv6 references as in RFC 5118 4.5.

use std::net::{IpAddr, SocketAddr};

use super::field_error::{FieldError, Part};
use super::params::Params;
use super::uri::{self, HostPort};
use crate::ident::MAGIC_COOKIE;
use crate::lex;
use crate::peer::Transport;

/// One Via value.
#[derive(Clone, Copy, Debug)]
pub struct Via<'a> {
    /// The whole value without white space around it.
    pub text: &'a [u8],
    /// The transport of the sent-protocol as written.
    pub transport_text: &'a [u8],
    /// The transport, when it is one we know.
    pub transport: Option<Transport>,
    /// Host of sent-by, an IPv6 reference with its brackets.
    pub host: &'a [u8],
    /// Port of sent-by, where written.
    pub port: Option<u16>,
    /// Sent-by as written: host and port.
    pub sent_by: &'a [u8],
    /// All parameters.
    pub params: Params<'a>,
}

/// The rport parameter of RFC 3581.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rport {
    /// Not there.
    Absent,
    /// There without value (or with one that is no port): the client asks for it.
    Requested,
    /// Filled in by the server.
    Port(u16),
}

impl<'a> Via<'a> {
    /// Splits one value into sent-protocol, sent-by and parameters.
    ///
    /// `value`: one value of the list, folds and white space around the slashes and the colon allowed.
    /// Errors: `Protocol`, `Host`, `Port`, `Tail` with the offset inside `value`. Versions other than 2.0 are a
    /// `Protocol` error. RFC 3261 20.42, 25.1.
    pub fn parse(value: &'a [u8]) -> Result<Via<'a>, FieldError> {
        let text = lex::trim(value);
        let rest = take_word(value, text, b"SIP")?;
        let rest = take_word(value, take_slash(value, rest)?, b"2.0")?;
        let rest = take_slash(value, rest)?;
        let len = rest.iter().position(|byte| !lex::is_token(*byte)).unwrap_or(rest.len());
        let (transport_text, rest) = rest.split_at(len);
        let sent_by = lex::trim_start(rest);
        if transport_text.is_empty() || sent_by.len() == rest.len() {
            return Err(FieldError::at(Part::Protocol, value, rest));
        }
        let HostPort { host, port, text: sent_by, rest } = uri::take_host_port(value, sent_by)?;
        let tail = lex::trim_start(rest);
        if !matches!(tail.first(), None | Some(b';')) {
            return Err(FieldError::at(Part::Tail, value, tail));
        }
        let transport = Transport::parse(transport_text);
        Ok(Via { text, transport_text, transport, host, port, sent_by, params: Params::semicolons(tail) })
    }

    /// The branch; `None` when absent or empty.
    pub fn branch(&self) -> Option<&'a [u8]> {
        self.params.value(b"branch").filter(|branch| !branch.is_empty())
    }

    /// The branch when it starts with the magic cookie, so that it alone names the transaction (8.1.1.7).
    pub fn rfc3261_branch(&self) -> Option<&'a [u8]> {
        let cookie = MAGIC_COOKIE.as_bytes();
        self.branch().filter(|branch| {
            branch.len() > cookie.len() && branch[..cookie.len()].eq_ignore_ascii_case(cookie)
        })
    }

    /// The address the request came from as an earlier server saw it.
    pub fn received(&self) -> Option<&'a [u8]> {
        self.params.value(b"received")
    }

    /// The rport parameter.
    pub fn rport(&self) -> Rport {
        match self.params.get(b"rport") {
            None => Rport::Absent,
            Some(param) => param.value.and_then(lex::parse_u16).map_or(Rport::Requested, Rport::Port),
        }
    }

    /// The maddr parameter.
    pub fn maddr(&self) -> Option<&'a [u8]> {
        self.params.value(b"maddr")
    }

    /// The ttl parameter, 0 to 255.
    pub fn ttl(&self) -> Option<u8> {
        self.params.value(b"ttl").and_then(lex::parse_u32).and_then(|ttl| ttl.try_into().ok())
    }

    /// Port of sent-by, or the default of the transport (18.2.2; 5060 for an unknown transport).
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.transport.unwrap_or(Transport::Udp).default_port())
    }

    /// Host and port a response goes to when no connection is at hand: maddr, else received, else sent-by; the
    /// port is rport beside received, else that of sent-by (18.2.2; RFC 3581 4).
    pub fn response_target(&self) -> (&'a [u8], u16) {
        if let Some(maddr) = self.maddr() {
            return (maddr, self.effective_port());
        }
        match (self.received(), self.rport()) {
            (Some(received), Rport::Port(port)) => (received, port),
            (Some(received), _) => (received, self.effective_port()),
            (None, _) => (self.host, self.effective_port()),
        }
    }

    /// What a server that got the request from `source` adds to this value (18.2.1; RFC 3581 4).
    pub fn stamp(&self, source: SocketAddr, policy: RportPolicy) -> Stamp {
        let rport = self.rport() != Rport::Absent;
        let other_host = uri::parse_ip(self.host) != Some(source.ip());
        Stamp {
            received: (rport || other_host || self.received().is_some()).then(|| source.ip()),
            rport: (rport || policy == RportPolicy::Force).then(|| source.port()),
        }
    }

    /// Appends this value with `stamp`: rport filled in place or added, received added at the end; values that
    /// were there before are replaced.
    pub fn write_stamped(&self, stamp: Stamp, out: &mut Vec<u8>) {
        let head = self.text.len() - self.params.as_bytes().len();
        out.extend_from_slice(lex::trim_end(&self.text[..head]));
        let mut rport = stamp.rport;
        for param in self.params {
            if param.name.eq_ignore_ascii_case(b"rport") && stamp.rport.is_some() {
                if let Some(port) = rport.take() {
                    write_rport(port, out);
                }
            } else if !(param.name.eq_ignore_ascii_case(b"received") && stamp.received.is_some()) {
                out.extend_from_slice(param.whole);
            }
        }
        if let Some(port) = rport {
            write_rport(port, out);
        }
        if let Some(ip) = stamp.received {
            write_received(ip, out);
        }
    }
}

/// Whether rport is filled in although the client did not ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RportPolicy {
    /// Only when the parameter is there (RFC 3581 4).
    WhenAsked,
    /// Always, as behind a NAT.
    Force,
}

/// The parameters a server adds to the top Via of a request it received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// Source address, when it must be written.
    pub received: Option<IpAddr>,
    /// Source port, when it must be written.
    pub rport: Option<u16>,
}

/// Appends `;rport=port`.
pub(super) fn write_rport(port: u16, out: &mut Vec<u8>) {
    out.extend_from_slice(b";rport=");
    lex::write_u32(u32::from(port), out);
}

/// Appends `;received=address`; IPv6 without brackets as RFC 5118 4.5 asks.
pub(super) fn write_received(ip: IpAddr, out: &mut Vec<u8>) {
    out.extend_from_slice(b";received=");
    uri::write_ip(ip, out);
}

fn take_word<'a>(value: &[u8], text: &'a [u8], word: &[u8]) -> Result<&'a [u8], FieldError> {
    match text.get(..word.len()) {
        Some(start) if start.eq_ignore_ascii_case(word) => Ok(&text[word.len()..]),
        _ => Err(FieldError::at(Part::Protocol, value, text)),
    }
}

fn take_slash<'a>(value: &[u8], text: &'a [u8]) -> Result<&'a [u8], FieldError> {
    match lex::trim_start(text) {
        [b'/', rest @ ..] => Ok(lex::trim_start(rest)),
        _ => Err(FieldError::at(Part::Protocol, value, text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn via(text: &str) -> Via<'_> {
        Via::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// RFC 3261 20.42, 25.1; RFC 4475 3.1.1.1; RFC 5118 4.5.
    #[test]
    fn takes_values_apart() {
        type Row = (&'static str, Option<Transport>, &'static str, Option<u16>, Option<&'static str>);
        let rows: &[Row] = &[
            (
                "SIP/2.0/UDP erlang.bell-telephone.com:5060;branch=z9hG4bK87asdks7",
                Some(Transport::Udp),
                "erlang.bell-telephone.com",
                Some(5060),
                Some("z9hG4bK87asdks7"),
            ),
            (
                "SIP / 2.0 / UDP first.example.com: 4000;ttl=16 ;maddr=224.2.0.1 ;branch=z9hG4bKa7c6a8dlze.1",
                Some(Transport::Udp),
                "first.example.com",
                Some(4000),
                Some("z9hG4bKa7c6a8dlze.1"),
            ),
            (
                "SIP  / 2.0\r\n /TCP     spindle.example.com   ;\r\n  branch  =   z9hG4bK9ikj8  ,",
                Some(Transport::Tcp),
                "spindle.example.com",
                None,
                Some("z9hG4bK9ikj8  ,"),
            ),
            (
                "sip/2.0/tls [2001:db8::9:1]:5061;branch=b",
                Some(Transport::Tls),
                "[2001:db8::9:1]",
                Some(5061),
                Some("b"),
            ),
            ("SIP/2.0/X-new h", None, "h", None, None),
            ("SIP/2.0/UDP h;branch=", Some(Transport::Udp), "h", None, None),
        ];
        for (text, transport, host, port, branch) in rows {
            let via = via(text);
            assert_eq!(
                (via.transport, via.host, via.port, via.branch()),
                (*transport, host.as_bytes(), *port, branch.map(str::as_bytes)),
                "{text}"
            );
        }
        let via = via(rows[1].0);
        assert_eq!(
            (via.ttl(), via.maddr(), via.sent_by),
            (Some(16), Some(&b"224.2.0.1"[..]), &b"first.example.com: 4000"[..])
        );
    }

    #[test]
    fn refuses_what_is_no_via_and_says_where() {
        let rows = [
            ("", Part::Protocol, 0),
            ("SIP/2.0", Part::Protocol, 7),
            ("SIP/7.0/UDP h", Part::Protocol, 4),
            ("SIP/2.0/UDP", Part::Protocol, 11),
            ("SIP/2.0/UDP ;branch=1", Part::Host, 12),
            ("SIP/2.0/UDP h:x", Part::Port, 14),
            ("SIP/2.0/UDP h:70000", Part::Port, 14),
            ("SIP/2.0/UDP h i", Part::Tail, 14),
            ("SIP/2.0/UDP [::1", Part::Host, 12),
        ];
        for (text, part, offset) in rows {
            assert_eq!(Via::parse(text.as_bytes()).err(), Some(FieldError { part, offset }), "{text}");
        }
    }

    /// RFC 3261 8.1.1.7, 18.2.2; RFC 3581 4.
    #[test]
    fn response_goes_to_maddr_received_rport_or_sent_by() {
        let rows = [
            ("SIP/2.0/UDP h", "h", 5060),
            ("SIP/2.0/TLS h", "h", 5061),
            ("SIP/2.0/UDP h:5070;received=1.2.3.4", "1.2.3.4", 5070),
            ("SIP/2.0/UDP h:5070;received=1.2.3.4;rport=9", "1.2.3.4", 9),
            ("SIP/2.0/UDP h:5070;received=1.2.3.4;rport", "1.2.3.4", 5070),
            ("SIP/2.0/UDP h:5070;maddr=224.0.0.1;received=1.2.3.4;rport=9", "224.0.0.1", 5070),
        ];
        for (text, host, port) in rows {
            assert_eq!(via(text).response_target(), (host.as_bytes(), port), "{text}");
        }
        assert_eq!(via("SIP/2.0/UDP h;branch=Z9hG4bKx").rfc3261_branch(), Some(&b"Z9hG4bKx"[..]));
        assert_eq!(via("SIP/2.0/UDP h;branch=z9hG4bK").rfc3261_branch(), None);
        assert_eq!(via("SIP/2.0/UDP h;branch=1").rfc3261_branch(), None);
    }

    /// RFC 3261 18.2.1; RFC 3581 4: rport asks for received too; a forced rport does not.
    #[test]
    fn stamps_source_address_and_port() {
        let source = "192.0.2.7:4000".parse().expect("address");
        let rows = [
            ("SIP/2.0/UDP 192.0.2.7;branch=b", RportPolicy::WhenAsked, "SIP/2.0/UDP 192.0.2.7;branch=b"),
            ("SIP/2.0/UDP h ;branch=b", RportPolicy::WhenAsked, "SIP/2.0/UDP h;branch=b;received=192.0.2.7"),
            (
                "SIP/2.0/UDP 192.0.2.7;rport;branch=b",
                RportPolicy::WhenAsked,
                "SIP/2.0/UDP 192.0.2.7;rport=4000;branch=b;received=192.0.2.7",
            ),
            (
                "SIP/2.0/UDP 192.0.2.7;branch=b",
                RportPolicy::Force,
                "SIP/2.0/UDP 192.0.2.7;branch=b;rport=4000",
            ),
            (
                "SIP/2.0/UDP h;received=9.9.9.9;rport=1;x",
                RportPolicy::WhenAsked,
                "SIP/2.0/UDP h;rport=4000;x;received=192.0.2.7",
            ),
        ];
        for (text, policy, expected) in rows {
            let mut out = Vec::new();
            via(text).write_stamped(via(text).stamp(source, policy), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), expected, "{text}");
        }
    }
}
