//! Changes to one part of a URI: text in, text out; everything else of the URI stays as it is written.

use sip::msg::{Scheme, Uri};

/// The new text of a URI; `None` when the change cannot be made (the URI is not one, or has no such part).
pub(super) type Rewritten = Option<Vec<u8>>;

/// Sets the user; `None` or an empty one removes user and password. The password stays otherwise.
pub(super) fn set_user(uri: &[u8], user: Option<&[u8]>) -> Rewritten {
    let uri = Uri::parse(uri).ok()?;
    match user.filter(|user| !user.is_empty()) {
        None => put_user_info(&uri, b""),
        Some(user) => match uri.password {
            Some(password) => put_user_info(&uri, &[user, b":", password].concat()),
            None => put_user_info(&uri, user),
        },
    }
}

/// Sets user and password to `user_info` (`user` or `user:password`).
pub(super) fn set_user_info(uri: &[u8], user_info: &[u8]) -> Rewritten {
    put_user_info(&Uri::parse(uri).ok()?, user_info)
}

/// Puts text before the user; makes a user when there is none.
pub(super) fn prefix(uri: &[u8], prefix: &[u8]) -> Rewritten {
    let user = Uri::parse(uri).ok()?.user.unwrap_or_default();
    set_user(uri, Some(&[prefix, user].concat()))
}

/// Sets the host. A tel URI becomes a sip URI with `user=phone`.
pub(super) fn set_host(uri: &[u8], host: &[u8]) -> Rewritten {
    let parsed = Uri::parse(uri).ok()?;
    let port = parsed.port.map_or(Vec::new(), |port| format!(":{port}").into_bytes());
    put_host_port(&parsed, &[host, &port].concat())
}

/// Sets host and port to `host_port`; without a port in it there is none.
pub(super) fn set_host_port(uri: &[u8], host_port: &[u8]) -> Rewritten {
    put_host_port(&Uri::parse(uri).ok()?, host_port)
}

/// Sets host and port and the transport parameter (`host:port;transport=x`); an old one goes.
pub(super) fn set_host_port_transport(uri: &[u8], text: &[u8]) -> Rewritten {
    let parsed = Uri::parse(uri).ok()?;
    let Some(transport) = parsed.params.get(b"transport") else { return put_host_port(&parsed, text) };
    let at = sip::span::Span::locate(parsed.text, transport.whole)?;
    let without = [&parsed.text[..at.start as usize], &parsed.text[at.end()..]].concat();
    set_host_port(&without, text)
}

/// Sets or removes the port. A tel URI has none.
pub(super) fn set_port(uri: &[u8], port: Option<&[u8]>) -> Rewritten {
    let parsed = Uri::parse(uri).ok()?;
    if parsed.host.is_empty() {
        return None;
    }
    match port.filter(|port| !port.is_empty()) {
        Some(port) => put_host_port(&parsed, &[parsed.host, b":", port].concat()),
        None => put_host_port(&parsed, parsed.host),
    }
}

/// Adds `;user=phone` behind the parameters, unless it is there.
pub(super) fn user_phone(uri: &[u8]) -> Rewritten {
    let parsed = Uri::parse(uri).ok()?;
    if parsed.scheme == Scheme::Tel || parsed.params.has(b"user") {
        return None;
    }
    let end =
        memchr::memchr(b'?', tail(&parsed)).map_or(uri.len(), |at| uri.len() - tail(&parsed).len() + at);
    Some([&uri[..end], b";user=phone", &uri[end..]].concat())
}

/// Drops characters from the head of the user; as many as there are remove it.
pub(super) fn strip(uri: &[u8], count: usize) -> Rewritten {
    let user = Uri::parse(uri).ok()?.user.unwrap_or_default();
    set_user(uri, user.get(count..))
}

/// Drops characters from the tail of the user; as many as there are remove it.
pub(super) fn strip_tail(uri: &[u8], count: usize) -> Rewritten {
    let user = Uri::parse(uri).ok()?.user.unwrap_or_default();
    set_user(uri, user.len().checked_sub(count).map(|len| &user[..len]))
}

fn put_user_info(uri: &Uri<'_>, user_info: &[u8]) -> Rewritten {
    let scheme = scheme_text(uri);
    match uri.scheme {
        Scheme::Sip | Scheme::Sips => {
            let at: &[u8] = if user_info.is_empty() { b"" } else { b"@" };
            Some([scheme, user_info, at, uri.host_port, tail(uri)].concat())
        }
        Scheme::Tel => Some([scheme, user_info, tail(uri)].concat()),
        Scheme::Other => None,
    }
}

fn put_host_port(uri: &Uri<'_>, host_port: &[u8]) -> Rewritten {
    match uri.scheme {
        Scheme::Sip | Scheme::Sips => {
            let before = uri.text.len() - tail(uri).len() - uri.host_port.len();
            Some([&uri.text[..before], host_port, tail(uri)].concat())
        }
        Scheme::Tel => {
            let number = uri.user.unwrap_or_default();
            // Its parameters become part of the user (RFC 3261 19.1.6).
            Some([b"sip:", number, tail(uri), b"@", host_port, b";user=phone"].concat())
        }
        Scheme::Other => None,
    }
}

/// The scheme with its colon.
fn scheme_text<'a>(uri: &Uri<'a>) -> &'a [u8] {
    let colon = memchr::memchr(b':', uri.text).unwrap_or(0);
    &uri.text[..=colon]
}

/// Parameters and headers as written.
fn tail<'a>(uri: &Uri<'a>) -> &'a [u8] {
    let last = if uri.scheme == Scheme::Tel { uri.user.unwrap_or_default() } else { uri.host_port };
    let end = sip::span::Span::locate(uri.text, last).map_or(uri.text.len(), |span| span.end());
    &uri.text[end..]
}

#[cfg(test)]
mod tests {
    use super::*;

    type Row = (fn(&[u8]) -> Rewritten, &'static str, &'static str);

    #[test]
    fn one_part_changes_and_the_rest_stays() {
        // Measured on Kamailio 5.6.3.
        let rows: [Row; 19] = [
            (|uri| set_user(uri, Some(b"x")), "sip:bob:pw@h:5070;p=1?h=2", "sip:x:pw@h:5070;p=1?h=2"),
            (|uri| set_user(uri, Some(b"x")), "sip:h;p=1", "sip:x@h;p=1"),
            (|uri| set_user(uri, None), "sip:bob:pw@h;p=1", "sip:h;p=1"),
            (|uri| set_user(uri, Some(b"+1")), "tel:+49;phone-context=x", "tel:+1;phone-context=x"),
            (|uri| set_user_info(uri, b"u:p"), "sip:bob:pw@h", "sip:u:p@h"),
            (|uri| set_host(uri, b"n"), "sip:bob@h:5070;p", "sip:bob@n:5070;p"),
            (|uri| set_host(uri, b"n"), "tel:+49", "sip:+49@n;user=phone"),
            (|uri| set_host_port(uri, b"n"), "sip:bob@h:5070;p", "sip:bob@n;p"),
            (
                |uri| set_host_port_transport(uri, b"n:1;transport=tcp"),
                "sip:b@h;x=y;transport=udp;z",
                "sip:b@n:1;transport=tcp;x=y;z",
            ),
            (|uri| set_port(uri, Some(b"5081")), "sip:b@[::1]:5070;p", "sip:b@[::1]:5081;p"),
            (|uri| set_port(uri, None), "sip:b@h:5070", "sip:b@h"),
            (|uri| prefix(uri, b"00"), "sip:b@h", "sip:00b@h"),
            (|uri| prefix(uri, b"00"), "sip:h", "sip:00@h"),
            (|uri| strip(uri, 2), "sip:bob:pw@h", "sip:b:pw@h"),
            (|uri| strip(uri, 9), "sip:bob:pw@h", "sip:h"),
            (|uri| strip(uri, 0), "sip:bob@h", "sip:bob@h"),
            (|uri| strip_tail(uri, 1), "tel:+491", "tel:+49"),
            (user_phone, "sip:b@h;p?x=y", "sip:b@h;p;user=phone?x=y"),
            (user_phone, "sip:h", "sip:h;user=phone"),
        ];
        for (change, uri, expected) in rows {
            let changed = change(uri.as_bytes()).expect(uri);
            assert_eq!(String::from_utf8_lossy(&changed), expected, "{uri}");
        }
        assert_eq!(set_port(b"tel:+49", Some(b"1")), None);
        assert_eq!(user_phone(b"sip:b@h;user=phone"), None);
        assert_eq!(set_user(b"garbage", Some(b"x")), None);
    }
}
