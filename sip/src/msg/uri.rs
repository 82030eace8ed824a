//! URIs: sip, sips, tel, and any other scheme kept as text (RFC 3261 19.1, RFC 3966).
//!
//! [`Uri`] borrows; its parts are slices as written, escapes unresolved. Reading is as liberal as the field
//! asks for in user parts and strict in host and port. Comparison (19.1.4) is in `compare`, hosts and addresses in
//! `host`.

mod compare;
mod host;

use std::net::IpAddr;

use super::field_error::{FieldError, Part};
use super::params::Params;
use crate::peer::Transport;

pub(super) use host::{HostPort, take_host_port};
pub use host::{is_equal_host, parse_ip, write_ip};

/// The scheme of a URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scheme {
    /// `sip:`
    Sip,
    /// `sips:`
    Sips,
    /// `tel:`
    Tel,
    /// Any other; the text behind the colon is not taken apart.
    Other,
}

/// A URI taken apart; all slices lie in the text it was parsed from.
#[derive(Clone, Copy, Debug)]
pub struct Uri<'a> {
    /// The whole URI.
    pub text: &'a [u8],
    /// Its scheme.
    pub scheme: Scheme,
    /// User as written; the number of a tel URI; `None` when there is none.
    pub user: Option<&'a [u8]>,
    /// Password as written.
    pub password: Option<&'a [u8]>,
    /// Host as written, an IPv6 reference with its brackets; empty for `tel:` and other schemes.
    pub host: &'a [u8],
    /// Port, where written.
    pub port: Option<u16>,
    /// Host and port as written.
    pub host_port: &'a [u8],
    /// URI parameters.
    pub params: Params<'a>,
    /// Header part behind the question mark.
    pub headers: Params<'a>,
}

impl<'a> Uri<'a> {
    /// Takes a URI apart; `text` is the URI alone, without angle brackets.
    ///
    /// Errors: `Scheme` (missing or not a scheme), `UserInfo` (empty user, or blanks, controls, quotes or
    /// angle brackets in it), `Host` (empty or bad), `Port`, `Parameters` (blanks or controls behind the host).
    /// IPv6 references as in RFC 5118 4.1 and 4.2.
    pub fn parse(text: &'a [u8]) -> Result<Uri<'a>, FieldError> {
        let scheme_error = FieldError { part: Part::Scheme, offset: 0 };
        let colon = memchr::memchr(b':', text).ok_or(scheme_error)?;
        let (scheme, rest) = (&text[..colon], &text[colon + 1..]);
        let is_scheme = scheme.first().is_some_and(u8::is_ascii_alphabetic)
            && scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte));
        if !is_scheme {
            return Err(scheme_error);
        }
        if scheme.eq_ignore_ascii_case(b"sip") {
            return parse_sip(text, Scheme::Sip, rest);
        }
        if scheme.eq_ignore_ascii_case(b"sips") {
            return parse_sip(text, Scheme::Sips, rest);
        }
        if let Some(bad) = rest.iter().position(|byte| is_forbidden(*byte)) {
            return Err(FieldError::at(Part::Tail, text, &rest[bad..]));
        }
        let mut uri = Uri { scheme: Scheme::Other, ..Uri::empty(text) };
        if scheme.eq_ignore_ascii_case(b"tel") {
            let end = memchr::memchr(b';', rest).unwrap_or(rest.len());
            if end == 0 {
                return Err(FieldError::at(Part::UserInfo, text, rest));
            }
            uri.scheme = Scheme::Tel;
            uri.user = Some(&rest[..end]);
            uri.params = Params::semicolons(&rest[end..]);
        }
        Ok(uri)
    }

    /// The host as an address, when it is one; brackets of an IPv6 reference are taken off.
    pub fn host_ip(&self) -> Option<IpAddr> {
        parse_ip(self.host)
    }

    /// The `transport` parameter, when it names a transport we know.
    pub fn transport_param(&self) -> Option<Transport> {
        self.params.value(b"transport").and_then(Transport::parse)
    }

    /// The transport to use without DNS: TLS (or WSS when asked) for sips, the parameter, else UDP
    /// (19.1.2; RFC 3263 4.1 for numeric hosts; 26.2.2 for sips).
    pub fn effective_transport(&self) -> Transport {
        match (self.scheme, self.transport_param()) {
            (Scheme::Sips, Some(Transport::Ws | Transport::Wss)) => Transport::Wss,
            (Scheme::Sips, _) => Transport::Tls,
            (_, Some(transport)) => transport,
            (_, None) => Transport::Udp,
        }
    }

    /// The port to use without DNS: as written, else the transport's default (19.1.2).
    pub fn effective_port(&self) -> u16 {
        self.port.unwrap_or_else(|| self.effective_transport().default_port())
    }

    /// True when the URI marks a loose router (19.1.1 `lr`, with or without value).
    pub fn is_loose_router(&self) -> bool {
        self.params.has(b"lr")
    }

    fn empty(text: &'a [u8]) -> Uri<'a> {
        let none = &text[text.len()..];
        Uri {
            text,
            scheme: Scheme::Other,
            user: None,
            password: None,
            host: none,
            port: None,
            host_port: none,
            params: Params::semicolons(none),
            headers: Params::ampersands(none),
        }
    }
}

fn parse_sip<'a>(text: &'a [u8], scheme: Scheme, rest: &'a [u8]) -> Result<Uri<'a>, FieldError> {
    let mut uri = Uri { scheme, ..Uri::empty(text) };
    // Neither parameters nor headers may hold an unescaped @, but a user may hold ; and ? (25.1).
    let rest = match memchr::memchr(b'@', rest) {
        Some(at) => {
            let user_info = &rest[..at];
            let colon = memchr::memchr(b':', user_info);
            let user = &user_info[..colon.unwrap_or(at)];
            if user.is_empty() || user_info.iter().any(|byte| is_forbidden(*byte)) {
                return Err(FieldError::at(Part::UserInfo, text, rest));
            }
            uri.user = Some(user);
            uri.password = colon.map(|colon| &user_info[colon + 1..]);
            &rest[at + 1..]
        }
        None => rest,
    };
    let HostPort { host, port, text: host_port, rest: tail } = take_host_port(text, rest)?;
    uri.host = host;
    uri.port = port;
    uri.host_port = host_port;
    if let Some(bad) = tail.iter().position(|byte| is_forbidden(*byte)) {
        return Err(FieldError::at(Part::Parameters, text, &tail[bad..]));
    }
    let question = memchr::memchr(b'?', tail);
    let (params, headers) = tail.split_at(question.unwrap_or(tail.len()));
    if !matches!(params.first(), None | Some(b';')) {
        return Err(FieldError::at(Part::Host, text, params));
    }
    uri.params = Params::semicolons(params);
    uri.headers = Params::ampersands(headers.get(1..).unwrap_or(headers));
    Ok(uri)
}

/// Bytes that stand in no part of a URI: they would end or break the field around it.
fn is_forbidden(byte: u8) -> bool {
    byte <= b' ' || byte == 0x7f || matches!(byte, b'<' | b'>' | b'"')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri<'_> {
        Uri::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    fn show(uri: &Uri<'_>) -> String {
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        let option = |part: Option<&[u8]>| part.map_or("-".into(), text);
        format!(
            "{:?} {} {} {} {} {} {}",
            uri.scheme,
            option(uri.user),
            option(uri.password),
            text(uri.host),
            uri.port.map_or("-".into(), |port| port.to_string()),
            text(uri.params.as_bytes()),
            text(uri.headers.as_bytes())
        )
    }

    /// RFC 3261 19.1.3 examples, RFC 3966, RFC 5118 4.1, and shapes of the field.
    #[test]
    fn takes_uris_apart() {
        let rows: &[(&str, &str)] = &[
            ("sip:alice@atlanta.com", "Sip alice - atlanta.com -  "),
            (
                "sip:alice:secretword@atlanta.com;transport=tcp",
                "Sip alice secretword atlanta.com - ;transport=tcp ",
            ),
            (
                "sips:alice@atlanta.com?subject=project%20x&priority=urgent",
                "Sips alice - atlanta.com -  subject=project%20x&priority=urgent",
            ),
            (
                "sip:+1-212-555-1212:1234@gateway.com;user=phone",
                "Sip +1-212-555-1212 1234 gateway.com - ;user=phone ",
            ),
            ("sips:1212@gateway.com", "Sips 1212 - gateway.com -  "),
            (
                "sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com",
                "Sip - - atlanta.com - ;method=REGISTER to=alice%40atlanta.com",
            ),
            ("sip:alice;day=tuesday@atlanta.com", "Sip alice;day=tuesday - atlanta.com -  "),
            ("SIP:a?b/c@h:5060;lr", "Sip a?b/c - h 5060 ;lr "),
            ("sip:[2001:db8::10]:5070;lr", "Sip - - [2001:db8::10] 5070 ;lr "),
            ("sip:a@[::ffff:192.0.2.1]", "Sip a - [::ffff:192.0.2.1] -  "),
            ("sip:a:@h", "Sip a  h -  "),
            ("sip:*21#@h_1.example", "Sip *21# - h_1.example -  "),
            ("tel:+1-201-555-0123;phone-context=x", "Tel +1-201-555-0123 -  - ;phone-context=x "),
            ("urn:service:sos", "Other - -  -  "),
            ("http://example.com/a?b", "Other - -  -  "),
        ];
        for (text, expected) in rows {
            let parsed = uri(text);
            assert_eq!(show(&parsed), *expected, "{text}");
            assert_eq!(parsed.text, text.as_bytes());
        }
    }

    #[test]
    fn refuses_what_is_no_uri_and_says_where() {
        let rows: &[(&str, Part, u32)] = &[
            ("", Part::Scheme, 0),
            ("alice", Part::Scheme, 0),
            (":a", Part::Scheme, 0),
            ("<sip:a@b>", Part::Scheme, 0),
            ("sip:", Part::Host, 4),
            ("sip:@h", Part::UserInfo, 4),
            ("sip:a b@h", Part::UserInfo, 4),
            ("sip:a@", Part::Host, 6),
            ("sip:a@;lr", Part::Host, 6),
            ("sip:a@h@i", Part::Host, 7),
            ("sip:h:", Part::Port, 6),
            ("sip:h:66000", Part::Port, 6),
            ("sip:h:5x", Part::Host, 7),
            ("sip:[2001:db8::10", Part::Host, 4),
            ("sip:[2001:db8::zz]", Part::Host, 4),
            ("sip:a@h;x y", Part::Parameters, 9),
            ("sip:a@h>", Part::Parameters, 7),
            ("tel:", Part::UserInfo, 4),
            // RFC 5118 4.2: an IPv6 address without brackets is a host and a bad port.
            ("sip:2001:db8::10", Part::Port, 9),
        ];
        for (text, part, offset) in rows {
            let error = Uri::parse(text.as_bytes()).expect_err(text);
            assert_eq!(error, FieldError { part: *part, offset: *offset }, "{text}");
        }
    }

    #[test]
    fn transport_and_port_follow_scheme_and_parameters() {
        let rows = [
            ("sip:h", Transport::Udp, 5060),
            ("sip:h:5070;transport=TCP", Transport::Tcp, 5070),
            ("sip:h;transport=tls", Transport::Tls, 5061),
            ("sips:h", Transport::Tls, 5061),
            ("sips:h;transport=tcp", Transport::Tls, 5061),
            ("sips:h;transport=ws", Transport::Wss, 443),
            ("sip:h;transport=ws", Transport::Ws, 80),
            ("sip:h;transport=carrier-pigeon", Transport::Udp, 5060),
        ];
        for (text, transport, port) in rows {
            assert_eq!(
                (uri(text).effective_transport(), uri(text).effective_port()),
                (transport, port),
                "{text}"
            );
        }
        assert_eq!(uri("sip:a@[::1]").host_ip(), "::1".parse().ok());
        assert_eq!(uri("sip:a@127.0.0.1").host_ip(), "127.0.0.1".parse().ok());
        assert_eq!(uri("sip:a@face.example").host_ip(), None);
        assert!(uri("sip:h;lr").is_loose_router() && uri("sip:h;lr=on").is_loose_router());
    }
}
