//! Our own sockets and names: what "we" means in a Via, a Route and `myself` (RFC 3261 16.4, 18.1.1).
//!
//! Filled once at start from `listen` and `alias`, then shared by all shards; only the domains of a table change. No socket is opened
//! here; a [`SocketId`] is the shell's key to the real one.

use std::net::{IpAddr, SocketAddr};
use std::sync::{PoisonError, RwLock};

use rustc_hash::FxHashSet;
use sip::peer::{Peer, Transport};

/// Which of our sockets: the position in [`Sockets`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u16);

/// One socket we listen on.
#[derive(Clone, Debug)]
pub struct Socket {
    /// Transport protocol.
    pub transport: Transport,
    /// The bound address; the port is the real one, also when 0 was asked for.
    pub addr: SocketAddr,
    /// `advertise`: host and port to write instead of the bound ones; port 0 keeps the bound one.
    pub advertise: Option<(Box<str>, u16)>,
    /// `name "label"` of the listen line.
    pub name: Option<Box<str>>,
    sent_by: Box<str>,
}

/// A name of ours from an `alias` line; absent parts match everything.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alias {
    /// Transport, any when absent.
    pub transport: Option<Transport>,
    /// Host in lower case; IPv6 without brackets.
    pub host: Box<str>,
    /// Port, any when absent.
    pub port: Option<u16>,
}

/// Domains that are ours with all names below them; a script's modules say which.
#[derive(Clone, Debug, Default)]
pub struct Subdomains(pub Vec<Alias>);

/// All sockets and aliases of the server.
#[derive(Debug, Default)]
pub struct Sockets {
    sockets: Vec<Socket>,
    aliases: Vec<Alias>,
    rules: SendRules,
    subdomains: Vec<Alias>,
    /// Names from a table, in small letters.
    domains: RwLock<FxHashSet<Box<str>>>,
}

/// How the way of a message is chosen (core parameters `mhomed`, `udp_mtu`, `udp_mtu_try_proto`).
#[derive(Clone, Copy, Debug)]
pub struct SendRules {
    /// Tells which of our addresses the kernel would send from; set when it shall choose the datagram socket.
    pub source_towards: Option<SourceTowards>,
    /// Requests longer than this do not go over UDP; 0 for no bound.
    pub udp_mtu: usize,
    /// What they go over; UDP for "nothing else".
    pub udp_mtu_transport: Transport,
}

/// Asks the kernel for the address of ours that packets to a far end leave from.
pub type SourceTowards = fn(SocketAddr) -> Option<IpAddr>;

impl Default for SendRules {
    fn default() -> SendRules {
        SendRules { source_towards: None, udp_mtu: 0, udp_mtu_transport: Transport::Udp }
    }
}

impl Alias {
    fn allows(&self, port: u16, transport: Option<Transport>) -> bool {
        self.port.is_none_or(|named| named == port)
            && (self.transport.is_none() || transport.is_none() || self.transport == transport)
    }
}

impl Socket {
    /// A socket; `advertise` as in the field of that name.
    pub fn new(transport: Transport, addr: SocketAddr, advertise: Option<(Box<str>, u16)>) -> Socket {
        let sent_by = write_sent_by(addr, advertise.as_ref()).into_boxed_str();
        Socket { transport, addr, advertise, name: None, sent_by }
    }

    /// `host[:port]` as it stands in our Via, Record-Route and Path: advertised if so configured, IPv6 in
    /// brackets, port 5060 left out (also for TLS: its 5061 is written).
    pub fn sent_by(&self) -> &str {
        &self.sent_by
    }

    /// The same with another host, another port, or both.
    pub fn sent_by_as(&self, host: Option<&str>, port: Option<u16>) -> String {
        let (own_host, own_port) = match &self.advertise {
            Some((host, port)) => (host.to_string(), *port),
            None => (self.addr.ip().to_string(), 0),
        };
        let own_port = if own_port == 0 { self.addr.port() } else { own_port };
        let host = host.map_or(own_host, str::to_owned);
        let mut text = write_sent_by(self.addr, Some(&(host.into(), port.unwrap_or(own_port))));
        // A port that was asked for is written, also 5060.
        if port == Some(5060) {
            text.push_str(":5060");
        }
        text
    }

    /// Whether `host` and `port` name this socket, bound or advertised.
    fn is_named(&self, host: &str, port: u16) -> bool {
        let is_bound = self.addr.port() == port && is_ip(host, self.addr.ip());
        is_bound
            || self.advertise.as_ref().is_some_and(|(name, advertised)| {
                let advertised = if *advertised == 0 { self.addr.port() } else { *advertised };
                advertised == port && name.eq_ignore_ascii_case(host)
            })
    }
}

impl Sockets {
    /// The table; positions become [`SocketId`]s.
    pub fn new(sockets: Vec<Socket>, aliases: Vec<Alias>) -> Sockets {
        Sockets {
            sockets,
            aliases,
            rules: SendRules::default(),
            subdomains: Vec::new(),
            domains: RwLock::default(),
        }
    }

    /// The same with these rules.
    pub fn with_rules(mut self, rules: SendRules) -> Sockets {
        self.rules = rules;
        self
    }

    /// How the way of a message is chosen.
    pub fn rules(&self) -> SendRules {
        self.rules
    }

    /// The same with domains that are ours with all names below them.
    #[must_use]
    pub fn with_subdomains(mut self, subdomains: Vec<Alias>) -> Sockets {
        self.subdomains = subdomains;
        self
    }

    /// The socket of that id. Ids come from this table, so it is always there.
    pub fn get(&self, id: SocketId) -> &Socket {
        &self.sockets[usize::from(id.0)]
    }

    /// All sockets with their ids, in the order of the `listen` lines.
    pub fn iter(&self) -> impl Iterator<Item = (SocketId, &Socket)> {
        self.sockets.iter().enumerate().map(|(at, socket)| (SocketId(at as u16), socket))
    }

    /// The names from `alias` lines.
    pub fn aliases(&self) -> &[Alias] {
        &self.aliases
    }

    /// Takes the names of domains that are ours whatever port and transport, in place of those before.
    pub fn take_domains(&self, names: impl IntoIterator<Item = Box<str>>) {
        let names = names.into_iter().map(|name| name.to_ascii_lowercase().into()).collect();
        *self.domains.write().unwrap_or_else(PoisonError::into_inner) = names;
    }

    fn has_domain(&self, host: &str) -> bool {
        let domains = self.domains.read().unwrap_or_else(PoisonError::into_inner);
        !domains.is_empty() && domains.contains(&*host.to_ascii_lowercase())
    }

    /// True when host, port and transport name us: a socket, its advertised name, an alias or one of our domains.
    ///
    /// `port` 0 means the transport's default port; `transport` `None` matches all.
    pub fn is_myself(&self, host: &[u8], port: u16, transport: Option<Transport>) -> bool {
        let Ok(host) = std::str::from_utf8(host) else { return false };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let actual_port = if port == 0 { transport.map_or(5060, Transport::default_port) } else { port };
        self.find(host, actual_port, transport).is_some()
            || self
                .aliases
                .iter()
                .any(|alias| alias.host.eq_ignore_ascii_case(host) && alias.allows(actual_port, transport))
            || self
                .subdomains
                .iter()
                .any(|domain| is_below(host, &domain.host) && domain.allows(actual_port, transport))
            || self.has_domain(host)
    }

    /// The socket that host, port and transport name; see [`Sockets::is_myself`] for the arguments.
    pub fn find(&self, host: &str, port: u16, transport: Option<Transport>) -> Option<SocketId> {
        self.iter()
            .find(|(_, socket)| {
                transport.is_none_or(|wanted| wanted == socket.transport) && socket.is_named(host, port)
            })
            .map(|(id, _)| id)
    }

    /// The socket a message to `to` leaves by: the forced one (or one of the same address that fits), else the one
    /// the kernel routes by when the rules say so, else the one the request came in by when transport and address
    /// family fit, else the first that fits. `None`: we have no such socket.
    pub fn choose(
        &self,
        to: Peer,
        forced: Option<SocketId>,
        received_on: Option<SocketId>,
    ) -> Option<SocketId> {
        let fits = |id: &SocketId| {
            let socket = self.get(*id);
            socket.transport == to.transport && socket.addr.is_ipv4() == to.addr.is_ipv4()
        };
        let routed = || {
            let ask = self.rules.source_towards.filter(|_| to.transport == Transport::Udp)?;
            let ip = ask(to.addr)?;
            let mut sockets = self.iter().filter(|(id, socket)| fits(id) && socket.addr.ip() == ip);
            sockets.next().map(|(id, _)| id)
        };
        // A socket of another transport is forced: its address counts, the transport is the one that is needed.
        let beside = |id: SocketId| {
            let ip = self.get(id).addr.ip();
            let mut sockets = self.iter().filter(|(id, socket)| fits(id) && socket.addr.ip() == ip);
            sockets.next().map(|(id, _)| id)
        };
        forced
            .and_then(|id| if fits(&id) { Some(id) } else { beside(id) })
            .or_else(routed)
            .or_else(|| received_on.filter(fits))
            .or_else(|| self.iter().map(|(id, _)| id).find(|id| fits(id)))
    }
}

/// The domain itself, or a name that ends with a dot and it.
fn is_below(host: &str, domain: &str) -> bool {
    let Some(rest) = host.len().checked_sub(domain.len()) else { return false };
    let (head, tail) = host.as_bytes().split_at(rest);
    tail.eq_ignore_ascii_case(domain.as_bytes()) && head.last().is_none_or(|byte| *byte == b'.')
}

fn is_ip(host: &str, ip: IpAddr) -> bool {
    host.parse::<IpAddr>().is_ok_and(|written| written == ip)
}

fn write_sent_by(addr: SocketAddr, advertise: Option<&(Box<str>, u16)>) -> String {
    let (host, port) = match advertise {
        Some((name, port)) if name.contains(':') && !name.starts_with('[') => (format!("[{name}]"), *port),
        Some((name, port)) => (name.to_string(), *port),
        None if addr.is_ipv6() => (format!("[{}]", addr.ip()), 0),
        None => (addr.ip().to_string(), 0),
    };
    match if port == 0 { addr.port() } else { port } {
        5060 => host,
        port => format!("{host}:{port}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Alias, Socket, SocketId, Sockets};
    use sip::peer::{Peer, Transport};

    fn sockets() -> Sockets {
        let at = |text: &str| text.parse().expect("address");
        Sockets::new(
            vec![
                Socket::new(Transport::Udp, at("127.0.0.1:5060"), None),
                Socket::new(Transport::Tcp, at("[::1]:5070"), None),
                Socket::new(Transport::Udp, at("127.0.0.1:5080"), Some(("sip.example".into(), 5099))),
            ],
            vec![
                Alias { transport: None, host: "any.example".into(), port: None },
                Alias { transport: Some(Transport::Udp), host: "one.example".into(), port: Some(5062) },
            ],
        )
    }

    #[test]
    fn sent_by_leaves_out_5060_and_brackets_ipv6() {
        let all: Vec<String> = sockets().iter().map(|(_, socket)| socket.sent_by().to_owned()).collect();
        assert_eq!(all, ["127.0.0.1", "[::1]:5070", "sip.example:5099"]);
    }

    #[test]
    fn myself_is_a_socket_an_advertised_name_or_an_alias() {
        let sockets = sockets();
        let cases: &[(&str, u16, Option<Transport>, bool)] = &[
            ("127.0.0.1", 0, None, true),
            ("127.0.0.1", 5061, None, false),
            ("[::1]", 5070, Some(Transport::Tcp), true),
            ("[::1]", 5070, Some(Transport::Udp), false),
            ("SIP.example", 5099, None, true),
            ("any.example", 7777, None, true),
            ("one.example", 5062, None, true),
            ("one.example", 0, None, false),
            ("other.example", 0, None, false),
        ];
        for (host, port, transport, expected) in cases {
            assert_eq!(sockets.is_myself(host.as_bytes(), *port, *transport), *expected, "{host}:{port}");
        }
    }

    #[test]
    fn the_receiving_socket_sends_when_it_fits() {
        let sockets = sockets();
        let to = Peer::new(Transport::Udp, "127.0.0.1:9".parse().expect("address"));
        assert_eq!(sockets.choose(to, None, Some(SocketId(2))), Some(SocketId(2)));
        assert_eq!(sockets.choose(to, None, Some(SocketId(1))), Some(SocketId(0)));
        assert_eq!(sockets.choose(to, Some(SocketId(2)), None), Some(SocketId(2)));
        let over_tls = Peer::new(Transport::Tls, "127.0.0.1:9".parse().expect("address"));
        assert_eq!(sockets.choose(over_tls, None, None), None);
    }
}
