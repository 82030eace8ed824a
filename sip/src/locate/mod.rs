//! Locating SIP servers (RFC 3263 4): from a host, perhaps a port and a transport, to the places to try, in order.
//!
//! [`locate`] is a pure procedure over what is known: it either gives the list or names the questions whose
//! answers it lacks. A shell asks them, puts the answers into a [`Cache`] and calls again; `net::dns` does so.
//! [`Hosts`] and [`ResolvConf`] read the two files of this machine that have a say. Nothing here asks anybody.

mod cache;
mod files;
mod order;
mod procedure;
mod rules;

use std::fmt;
use std::net::{IpAddr, SocketAddr};

pub use cache::{Cache, CacheLimits};
pub use files::{Hosts, ResolvConf};
pub use procedure::{Progress, locate};
pub use rules::{Families, NaptrRanking, Rules, SrvRanking, Variety};

use crate::peer::{Peer, Transport};

/// What is to be located.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Query {
    /// The host name, in lower case, or an address.
    pub host: String,
    /// The port, when one is written: only addresses are looked up then (RFC 3263 4.2).
    pub port: Option<u16>,
    /// The transport, when one is written.
    pub transport: Option<Transport>,
    /// Whether only secure transports will do (`sips:`).
    pub security: Security,
}

/// Whether a hop must be secure.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Security {
    /// Any transport will do.
    #[default]
    Any,
    /// TLS all the way (RFC 3261 26.2.2).
    Sips,
}

/// A place to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Destination {
    /// Over which transport.
    pub transport: Transport,
    /// Where.
    pub addr: SocketAddr,
}

/// A question to the domain name system.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Question {
    /// The name, in lower case, without a dot at its end.
    pub name: String,
    /// The kind of records wanted.
    pub kind: Kind,
}

/// Kinds of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    /// IPv4 addresses.
    A,
    /// IPv6 addresses.
    Aaaa,
    /// Hosts of a service (RFC 2782).
    Srv,
    /// Services of a domain (RFC 3403).
    Naptr,
    /// The name of an address (RFC 1035 3.5).
    Ptr,
}

/// A record of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// Of A and AAAA.
    Address(IpAddr),
    /// Of SRV.
    Srv(Srv),
    /// Of NAPTR.
    Naptr(Naptr),
    /// Of PTR: a name, lower case, without a dot at the end.
    Name(String),
}

/// A host of a service (RFC 2782).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Srv {
    /// Lower is tried first.
    pub priority: u16,
    /// Among equal priorities: how often to be first.
    pub weight: u16,
    /// Its port.
    pub port: u16,
    /// Its name, lower case, without a dot at the end; empty for "there is no such service".
    pub target: String,
}

/// A service of a domain (RFC 3403, RFC 3263 4.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Naptr {
    /// Lower comes first.
    pub order: u16,
    /// Among equal orders: lower comes first.
    pub preference: u16,
    /// `s`: the replacement is the name of SRV records.
    pub flags: String,
    /// `SIP+D2U` and its kin.
    pub service: String,
    /// The name to go on with, lower case, without a dot at the end.
    pub replacement: String,
}

/// The answer to a question; without records there are none, or nobody answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The records, in the order they came.
    pub records: Vec<Record>,
    /// Seconds it may be kept.
    pub ttl_seconds: u32,
}

impl Query {
    /// The addresses of a host; port 0 when it does not matter.
    pub fn address(host: &str, port: u16) -> Query {
        let host = host.to_ascii_lowercase();
        Query { host, port: Some(port), transport: None, security: Security::Any }
    }

    /// The places it stands for when its host has these addresses.
    pub fn at(&self, addresses: &[IpAddr]) -> Vec<Destination> {
        let transport = procedure::fallback_transport(self);
        let port = self.port.unwrap_or_else(|| transport.default_port());
        addresses.iter().map(|ip| Destination { transport, addr: SocketAddr::new(*ip, port) }).collect()
    }
}

impl Destination {
    /// As the far end of a hop, over any connection.
    pub fn peer(self) -> Peer {
        Peer::new(self.transport, self.addr)
    }
}

impl Question {
    /// A question for this name.
    pub fn new(kind: Kind, name: impl Into<String>) -> Question {
        Question { name: name.into(), kind }
    }

    /// The question for the names of an address (RFC 1035 3.5, RFC 3596 2.5).
    pub fn names_of(ip: IpAddr) -> Question {
        let name = match ip {
            IpAddr::V4(ip) => {
                let [a, b, c, d] = ip.octets();
                format!("{d}.{c}.{b}.{a}.in-addr.arpa")
            }
            IpAddr::V6(ip) => {
                let digits = ip.octets().into_iter().rev().flat_map(|byte| [byte & 15, byte >> 4]);
                digits.map(|digit| format!("{digit:x}.")).collect::<String>() + "ip6.arpa"
            }
        };
        Question::new(Kind::Ptr, name)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::A => "A",
            Kind::Aaaa => "AAAA",
            Kind::Srv => "SRV",
            Kind::Naptr => "NAPTR",
            Kind::Ptr => "PTR",
        })
    }
}
