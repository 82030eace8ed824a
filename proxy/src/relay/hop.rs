//! Where a URI says to go, as far as that is clear without DNS (RFC 3263 4, 16.6 item 7).

use std::net::{IpAddr, SocketAddr};

use sip::msg::{Scheme, Uri};
use sip::peer::{Peer, Transport};

/// The next hop a URI names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NextHop {
    /// An address.
    Address(Peer),
    /// A host name; DNS must say more.
    Name {
        /// The name, lower case.
        host: String,
        /// The port written, if any.
        port: Option<u16>,
        /// The transport asked for.
        transport: Transport,
    },
    /// Not a URI one can send to: unreadable, or without a host (`tel:`).
    Nowhere,
}

impl NextHop {
    /// The next hop of a URI: address, port or the transport's default, transport as asked for or UDP.
    pub fn of(uri: &[u8]) -> NextHop {
        let Ok(uri) = Uri::parse(uri) else { return NextHop::Nowhere };
        if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) || uri.host.is_empty() {
            return NextHop::Nowhere;
        }
        let transport = uri.effective_transport();
        match (uri.host_ip(), std::str::from_utf8(uri.host)) {
            (Some(ip), _) => {
                NextHop::Address(Peer::new(transport, SocketAddr::new(ip, uri.effective_port())))
            }
            (None, Ok(host)) => NextHop::Name { host: host.to_ascii_lowercase(), port: uri.port, transport },
            (None, Err(_)) => NextHop::Nowhere,
        }
    }

    /// The hop once the name has been looked up.
    pub fn resolved(ip: IpAddr, port: Option<u16>, transport: Transport) -> Peer {
        Peer::new(transport, SocketAddr::new(ip, port.unwrap_or_else(|| transport.default_port())))
    }
}

#[cfg(test)]
mod tests {
    use sip::peer::{Peer, Transport};

    use super::NextHop;

    #[test]
    fn numeric_hosts_need_no_dns() {
        let address =
            |transport, addr: &str| NextHop::Address(Peer::new(transport, addr.parse().expect("address")));
        let rows = [
            ("sip:a@127.0.0.1", address(Transport::Udp, "127.0.0.1:5060")),
            ("sip:a@127.0.0.1:7;transport=tcp", address(Transport::Tcp, "127.0.0.1:7")),
            ("sips:a@[::1]", address(Transport::Tls, "[::1]:5061")),
            ("tel:+4912", NextHop::Nowhere),
            ("nonsense", NextHop::Nowhere),
            (
                "sip:a@Host.Example:5070",
                NextHop::Name { host: "host.example".into(), port: Some(5070), transport: Transport::Udp },
            ),
        ];
        for (uri, expected) in rows {
            assert_eq!(NextHop::of(uri.as_bytes()), expected, "{uri}");
        }
    }
}
