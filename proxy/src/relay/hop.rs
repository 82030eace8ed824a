//! Where a URI says to go, as far as that is clear without asking (RFC 3263 4, RFC 3261 16.6 item 7).

use std::net::SocketAddr;

use sip::locate::{Destination, Query, Security};
use sip::msg::{Scheme, Uri};
use sip::peer::Transport;

/// The next hop a URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// An address.
    Address(Destination),
    /// A host name; it must be located.
    Name(Query),
    /// Not a URI one can send to: unreadable, or without a host (`tel:`).
    Nowhere,
}

impl NextHop {
    /// The next hop of a URI: an address with its port or the transport's default one, over the transport asked
    /// for or UDP; or a name.
    pub fn of(uri: &[u8]) -> NextHop {
        let Ok(uri) = Uri::parse(uri) else { return NextHop::Nowhere };
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) || uri.host.is_empty() {
            return NextHop::Nowhere;
        }
        match (uri.host_ip(), std::str::from_utf8(uri.host)) {
            (Some(ip), _) => NextHop::Address(Destination {
                transport: uri.effective_transport(),
                addr: SocketAddr::new(ip, uri.effective_port()),
            }),
            (None, Ok(host)) => NextHop::Name(Query {
                host: host.to_ascii_lowercase(),
                port: uri.port,
                transport: uri.transport_param(),
                security: if uri.scheme == Scheme::Sips { Security::Sips } else { Security::Any },
            }),
            (None, Err(_)) => NextHop::Nowhere,
        }
    }

    /// The next hop of a host and perhaps a port, over this transport.
    pub fn host(host: &str, port: Option<u16>, transport: Transport) -> NextHop {
        match host.trim_start_matches('[').trim_end_matches(']').parse() {
            Ok(ip) => {
                let port = port.unwrap_or_else(|| transport.default_port());
                NextHop::Address(Destination { transport, addr: SocketAddr::new(ip, port) })
            }
            Err(_) if host.is_empty() => NextHop::Nowhere,
            Err(_) => NextHop::Name(Query {
                host: host.to_ascii_lowercase(),
                port,
                transport: Some(transport),
                security: Security::Any,
            }),
        }
    }

    /// The same hop over this transport, if one is given.
    pub fn over(self, transport: Option<Transport>) -> NextHop {
        let Some(transport) = transport else { return self };
        match self {
            NextHop::Address(place) => NextHop::Address(Destination { transport, ..place }),
            NextHop::Name(query) => {
                NextHop::Name(Query { transport: Some(transport), security: Security::Any, ..query })
            }
            NextHop::Nowhere => NextHop::Nowhere,
        }
    }
}

#[cfg(test)]
mod tests {
    use sip::locate::{Destination, Query, Security};
    use sip::peer::Transport;

    use super::NextHop;

    #[test]
    fn numeric_hosts_need_no_dns() {
        let address = |transport, addr: &str| {
            NextHop::Address(Destination { transport, addr: addr.parse().expect("address") })
        };
        let name =
            Query { host: "host.example".into(), port: Some(5070), transport: None, security: Security::Any };
        let rows = [
            ("sip:a@127.0.0.1", address(Transport::Udp, "127.0.0.1:5060")),
            ("sip:a@127.0.0.1:7;transport=tcp", address(Transport::Tcp, "127.0.0.1:7")),
            ("sips:a@[::1]", address(Transport::Tls, "[::1]:5061")),
            ("tel:+4912", NextHop::Nowhere),
            ("nonsense", NextHop::Nowhere),
            ("sip:a@Host.Example:5070", NextHop::Name(name.clone())),
            (
                "sips:a@host.example:5070;transport=TCP",
                NextHop::Name(Query { transport: Some(Transport::Tcp), security: Security::Sips, ..name }),
            ),
        ];
        for (uri, expected) in rows {
            assert_eq!(NextHop::of(uri.as_bytes()), expected, "{uri}");
        }
    }

    #[test]
    fn a_transport_given_beside_the_uri_counts() {
        let tcp = Some(Transport::Tcp);
        let hop = NextHop::of(b"sip:a@127.0.0.1").over(tcp);
        assert_eq!(hop, NextHop::host("127.0.0.1", Some(5060), Transport::Tcp));
        assert_eq!(NextHop::of(b"sip:A").over(tcp), NextHop::host("a", None, Transport::Tcp));
        assert_eq!(NextHop::host("", None, Transport::Udp), NextHop::Nowhere);
    }
}
