//! Names to addresses, and the address of this host that reaches a peer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use sip::locate::Query;
use sip::net::{DnsOptions, Resolver};

use crate::options::HostPort;

/// The first address of a host (A or AAAA, no SRV), with its port or `default_port`.
///
/// Errors: the line to show, when the name is unknown.
pub(in crate::engine) fn resolve(host: &HostPort, default_port: u16) -> Result<SocketAddr, String> {
    let port = host.port.unwrap_or(default_port);
    if let Some(literal) = host.literal() {
        return Ok(SocketAddr::new(literal, port));
    }
    let unknown = |why: String| format!("Unknown host '{}' on command line: {why}", host.host);
    let resolver =
        Resolver::start(DnsOptions::of_this_machine()).map_err(|error| unknown(error.to_string()))?;
    let places = resolver.locate_and_wait(Query::address(&host.host, port));
    places.first().map(|place| place.addr).ok_or_else(|| unknown("no address".into()))
}

/// The address of this host that packets to `remote` leave from; without a remote, that of the host's name.
pub(in crate::engine) fn local_address(remote: Option<SocketAddr>) -> IpAddr {
    remote.and_then(source_towards).or_else(address_of_hostname).unwrap_or(Ipv4Addr::LOCALHOST.into())
}

/// Connecting a datagram socket sends nothing; it only asks the routing table.
fn source_towards(remote: SocketAddr) -> Option<IpAddr> {
    let socket = UdpSocket::bind((unspecified(remote.ip()), 0)).ok()?;
    socket.connect(remote).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

fn address_of_hostname() -> Option<IpAddr> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    Some((name.trim(), 0).to_socket_addrs().ok()?.next()?.ip())
}

/// The wildcard address of the same family.
pub(in crate::engine) fn unspecified(family_of: IpAddr) -> IpAddr {
    match family_of {
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

#[cfg(test)]
mod tests {
    use crate::options::HostPort;

    use super::{local_address, resolve};

    #[test]
    fn literals_need_no_resolver() {
        let host = |text: &str| HostPort::parse(text).expect("valid");
        assert_eq!(resolve(&host("[::1]:5070"), 5060), Ok("[::1]:5070".parse().expect("valid")));
        assert_eq!(resolve(&host("10.0.0.1"), 5060), Ok("10.0.0.1:5060".parse().expect("valid")));
    }

    #[test]
    fn the_way_to_loopback_is_loopback() {
        let remote = "127.0.0.1:5060".parse().ok();
        assert_eq!(local_address(remote).to_string(), "127.0.0.1");
    }
}
