//! Peers: the transport and address a message came from or goes to (RFC 3261 18).

use std::fmt;
use std::net::SocketAddr;

/// Transport protocols of SIP. The numbers are the ones scripts see (`proto` values of Kamailio).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Transport {
    /// Datagrams, RFC 3261 18.
    Udp = 1,
    /// Streams, RFC 3261 18.
    Tcp = 2,
    /// TLS over TCP, RFC 3261 26.2.
    Tls = 3,
    /// SCTP, RFC 4168.
    Sctp = 4,
    /// WebSocket, RFC 7118.
    Ws = 5,
    /// WebSocket over TLS, RFC 7118.
    Wss = 6,
}

impl Transport {
    /// All transports with their names: as in a Via (upper case) and as in a URI parameter (lower case).
    const NAMES: [(Transport, &'static str, &'static str); 6] = [
        (Transport::Udp, "UDP", "udp"),
        (Transport::Tcp, "TCP", "tcp"),
        (Transport::Tls, "TLS", "tls"),
        (Transport::Sctp, "SCTP", "sctp"),
        (Transport::Ws, "WS", "ws"),
        (Transport::Wss, "WSS", "wss"),
    ];

    /// The transport of a Via sent-protocol or a `transport` parameter, any case.
    pub fn parse(name: &[u8]) -> Option<Transport> {
        Self::NAMES.iter().find(|row| row.1.as_bytes().eq_ignore_ascii_case(name)).map(|row| row.0)
    }

    /// The transport whose place in this enum is `number`.
    pub fn of_number(number: u8) -> Option<Transport> {
        Self::NAMES.iter().map(|row| row.0).find(|known| *known as u8 == number)
    }

    /// The name a Via carries, e.g. `UDP`.
    pub fn via_name(self) -> &'static str {
        Self::NAMES[self as usize - 1].1
    }

    /// The name a URI parameter carries, e.g. `udp`.
    pub fn param_name(self) -> &'static str {
        Self::NAMES[self as usize - 1].2
    }

    /// True when the transport delivers or reports an error, so no retransmission is needed (17.1.1.2).
    pub fn is_reliable(self) -> bool {
        self != Transport::Udp
    }

    /// True when the peer is authenticated and the hop encrypted (26.2.1).
    pub fn is_secure(self) -> bool {
        matches!(self, Transport::Tls | Transport::Wss)
    }

    /// The port meant when none is written: 5061 for TLS, 80 and 443 for WebSocket, else 5060 (19.1.2, RFC 7118 4).
    pub fn default_port(self) -> u16 {
        match self {
            Transport::Tls => 5061,
            Transport::Ws => 80,
            Transport::Wss => 443,
            Transport::Udp | Transport::Tcp | Transport::Sctp => 5060,
        }
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.via_name())
    }
}

/// Identifies one stream connection while the process lives; 0 stands for "none" (datagrams, or "any").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ConnId(pub u32);

impl ConnId {
    /// No particular connection.
    pub const NONE: ConnId = ConnId(0);
}

/// The far end of a hop: transport, address, and for streams the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Peer {
    /// Transport protocol.
    pub transport: Transport,
    /// Address and port of the far end.
    pub addr: SocketAddr,
    /// Connection, [`ConnId::NONE`] for datagrams or when any connection to `addr` will do.
    pub conn: ConnId,
}

impl Peer {
    /// A peer without a particular connection.
    pub fn new(transport: Transport, addr: SocketAddr) -> Peer {
        Peer { transport, addr, conn: ConnId::NONE }
    }
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.param_name(), self.addr)
    }
}

#[cfg(test)]
mod tests {
    use super::Transport;

    #[test]
    fn names_round_trip_in_any_case() {
        for transport in
            [Transport::Udp, Transport::Tcp, Transport::Tls, Transport::Sctp, Transport::Ws, Transport::Wss]
        {
            assert_eq!(Transport::parse(transport.via_name().as_bytes()), Some(transport));
            assert_eq!(Transport::parse(transport.param_name().as_bytes()), Some(transport));
        }
        assert_eq!(Transport::parse(b"Udp"), Some(Transport::Udp));
        assert_eq!(Transport::parse(b"UDPX"), None);
    }
}
