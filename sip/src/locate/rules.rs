//! What an operator prefers where RFC 3263 leaves a choice; one value, from the `dns_*` parameters.

use crate::peer::Transport;

/// Preferences of [`super::locate`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Whether NAPTR is asked for (RFC 3263 4.1).
    pub naptr: NaptrRanking,
    /// The order of SRV records of equal priority.
    pub srv: SrvRanking,
    /// Which families of addresses are wanted.
    pub families: Families,
    /// Whether, without NAPTR and a transport, all transports are looked for.
    pub variety: Variety,
    /// How much a transport is liked, highest first; below 0 it is never used. UDP, TCP, TLS, SCTP.
    pub preferences: [i32; 4],
}

/// What NAPTR records are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NaptrRanking {
    /// They are not asked for.
    Ignore,
    /// The transport we like best comes first, then their order (Kamailio's `dns_naptr_ignore_rfc`).
    ByPreference,
    /// Their order and preference come first (RFC 3403 4.1).
    ByOrder,
}

/// What the weights of SRV records are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SrvRanking {
    /// The heaviest is always first.
    HeaviestFirst,
    /// Each is first as often as its weight says (RFC 2782).
    ByWeight,
}

/// Families of addresses, in the order they are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Families {
    /// IPv4 only.
    V4,
    /// IPv6 only.
    V6,
    /// IPv4, then IPv6.
    V4V6,
    /// IPv6, then IPv4.
    V6V4,
}

/// Which transports are looked for when none is written and NAPTR tells none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variety {
    /// UDP only.
    One,
    /// All that are liked, so that there is something to fail over to.
    All,
}

impl Default for Rules {
    /// Kamailio 5.6: no NAPTR, heaviest first, IPv4 before IPv6; UDP 30, TCP 20, TLS 10, SCTP 20.
    fn default() -> Rules {
        Rules {
            naptr: NaptrRanking::Ignore,
            srv: SrvRanking::HeaviestFirst,
            families: Families::V4V6,
            variety: Variety::One,
            preferences: [30, 20, 10, 20],
        }
    }
}

impl Rules {
    /// How much a transport is liked; WebSocket cannot be asked for by DNS (RFC 7118 5.2.1).
    pub fn preference(&self, transport: Transport) -> i32 {
        match transport {
            Transport::Udp => self.preferences[0],
            Transport::Tcp => self.preferences[1],
            Transport::Tls => self.preferences[2],
            Transport::Sctp => self.preferences[3],
            Transport::Ws | Transport::Wss => -1,
        }
    }

    /// The transports that may be used, the one liked best first.
    pub fn liked(&self) -> Vec<Transport> {
        let mut liked = vec![Transport::Udp, Transport::Tcp, Transport::Sctp, Transport::Tls];
        liked.retain(|transport| self.preference(*transport) >= 0);
        liked.sort_by_key(|transport| -self.preference(*transport));
        liked
    }
}
