//! Hosts and addresses as text: what stands in a URI and in the sent-by of a Via (RFC 3261 25.1 hostport).

use std::net::IpAddr;

use crate::lex;
use crate::msg::field_error::{FieldError, Part};

/// An address as text, with or without the brackets of an IPv6 reference.
pub fn parse_ip(text: &[u8]) -> Option<IpAddr> {
    if let [b'[', inner @ .., b']'] = text {
        return std::str::from_utf8(inner).ok()?.parse().ok().map(IpAddr::V6);
    }
    match text.first()? {
        b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F' | b':' => std::str::from_utf8(text).ok()?.parse().ok(),
        _ => None,
    }
}

/// Appends an address as text, IPv6 without brackets.
pub fn write_ip(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        // By hand: the formatting machinery costs more than all the rest of a short reply.
        IpAddr::V4(ip) => {
            for (place, octet) in ip.octets().into_iter().enumerate() {
                if place > 0 {
                    out.push(b'.');
                }
                lex::write_u32(u32::from(octet), out);
            }
        }
        IpAddr::V6(ip) => out.extend_from_slice(ip.to_string().as_bytes()),
    }
}

/// True when two hosts are the same name (any case) or the same address, however it is written.
pub fn is_equal_host(a: &[u8], b: &[u8]) -> bool {
    a.eq_ignore_ascii_case(b) || parse_ip(a).is_some_and(|ip| parse_ip(b) == Some(ip))
}

/// A host and port at the front of a text.
pub(in crate::msg) struct HostPort<'a> {
    /// Host as written, an IPv6 reference with its brackets.
    pub(in crate::msg) host: &'a [u8],
    /// Port, where written.
    pub(in crate::msg) port: Option<u16>,
    /// Both as written.
    pub(in crate::msg) text: &'a [u8],
    /// What follows.
    pub(in crate::msg) rest: &'a [u8],
}

/// Takes `host [":" port]` off the front of `text`.
///
/// White space around the colon is allowed as in a Via (25.1 COLON). Errors: `Host`, `Port`, with offsets
/// inside `whole`, of which `text` is a part.
pub(in crate::msg) fn take_host_port<'a>(
    whole: &'a [u8],
    text: &'a [u8],
) -> Result<HostPort<'a>, FieldError> {
    let host_len = match text.first() {
        Some(b'[') => {
            let close = memchr::memchr(b']', text).ok_or(FieldError::at(Part::Host, whole, text))?;
            parse_ip(&text[..=close]).ok_or(FieldError::at(Part::Host, whole, text))?;
            close + 1
        }
        _ => text.iter().position(|byte| !lex::is_host(*byte)).unwrap_or(text.len()),
    };
    if host_len == 0 {
        return Err(FieldError::at(Part::Host, whole, text));
    }
    let (host, rest) = text.split_at(host_len);
    let Some((b':', port_text)) = lex::trim_start(rest).split_first() else {
        return Ok(HostPort { host, port: None, text: host, rest });
    };
    let port_text = lex::trim_start(port_text);
    let port_len = port_text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(port_text.len());
    let (digits, rest) = port_text.split_at(port_len);
    let port = lex::parse_u16(digits).ok_or(FieldError::at(Part::Port, whole, port_text))?;
    Ok(HostPort { host, port: Some(port), text: &text[..text.len() - rest.len()], rest })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_round_trip() {
        for text in ["0.0.0.0", "192.0.2.255", "2001:db8::1", "::ffff:1.2.3.4"] {
            let mut out = Vec::new();
            write_ip(parse_ip(text.as_bytes()).expect(text), &mut out);
            assert_eq!(out, text.as_bytes());
        }
        assert_eq!(parse_ip(b"[::1]"), parse_ip(b"::1"));
        for text in ["", "[1.2.3.4", "[1.2.3.4]", "1.2.3", "face.example", "1.2.3.4:5"] {
            assert_eq!(parse_ip(text.as_bytes()), None, "{text}");
        }
        assert!(is_equal_host(b"Example.COM", b"example.com") && is_equal_host(b"[::1]", b"[0:0::1]"));
        assert!(!is_equal_host(b"a", b"b") && !is_equal_host(b"::1", b"::2"));
    }
}
