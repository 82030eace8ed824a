//! Which sockets a configuration asks for: `listen`, `port`, `alias`, `disable_tcp`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs, UdpSocket};

use sip::diag::Diagnostic;
use sip::peer::Transport;

use crate::cfg::SourceMap;
use crate::cfg::ast::{Config, Host, Proto, SettingValue, SocketSpec};
use crate::relay::Alias;

/// One socket to open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listen {
    /// Transport protocol.
    pub transport: Transport,
    /// Address to bind; port 0 takes any free one.
    pub addr: SocketAddr,
    /// Host and port to write instead; port 0 keeps the bound one.
    pub advertise: Option<(Box<str>, u16)>,
    /// `name "label"`
    pub name: Option<Box<str>>,
}

impl fmt::Display for Listen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.transport.param_name(), self.addr)
    }
}

/// The sockets and names of a configuration. Errors: hosts that do not resolve, all of them.
///
/// Without `listen`: the loopback address and the address of the default route, UDP and TCP.
pub fn listens(config: &Config, sources: &SourceMap) -> Result<(Vec<Listen>, Vec<Alias>), Vec<Diagnostic>> {
    let number = |name: &str| {
        config.settings().filter(|setting| setting.def.name == name).last().and_then(|it| match it.value {
            SettingValue::Int(int) => Some(int),
            _ => None,
        })
    };
    let port = number("port").and_then(|port| u16::try_from(port).ok()).unwrap_or(5060);
    let with_tcp = number("disable_tcp").unwrap_or(0) == 0;
    let (mut listens, mut aliases, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    for setting in config.settings() {
        let SettingValue::Sockets(specs) = &setting.value else { continue };
        for spec in specs {
            if setting.def.name == "alias" {
                aliases.extend(spec.hosts.iter().map(|host| alias(spec, host)));
                continue;
            }
            match addresses(spec, port) {
                Ok(addrs) => addrs.into_iter().for_each(|addr| push(&mut listens, spec, addr, with_tcp)),
                Err(host) => findings.push(
                    Diagnostic::error("P900", sources.place(spec.pos), format!("cannot resolve {host}"))
                        .with_hint("write an address, or a name that this machine can resolve"),
                ),
            }
        }
    }
    if !findings.is_empty() {
        return Err(findings);
    }
    if listens.is_empty() {
        listens = everywhere(port, with_tcp, number("auto_bind_ipv6").unwrap_or(0) != 0);
    }
    Ok((listens, aliases))
}

fn push(listens: &mut Vec<Listen>, spec: &SocketSpec, addr: SocketAddr, with_tcp: bool) {
    let advertise = spec.advertise.as_ref().map(|(host, port)| (host_text(host).into(), port.unwrap_or(0)));
    let name = spec.name.as_ref().map(|name| String::from_utf8_lossy(&name.bytes).into());
    let transports = match spec.proto {
        Some(proto) => vec![transport(proto)],
        None => vec![Transport::Udp, Transport::Tcp],
    };
    for transport in transports.into_iter().filter(|it| with_tcp || *it != Transport::Tcp) {
        let listen = Listen { transport, addr, advertise: advertise.clone(), name: name.clone() };
        let is_known = listens.iter().any(|known| known.transport == transport && known.addr == addr);
        if !is_known || addr.port() == 0 {
            listens.push(listen);
        }
    }
}

fn alias(spec: &SocketSpec, host: &Host) -> Alias {
    let host = host_text(host).to_ascii_lowercase().into();
    Alias { transport: spec.proto.map(transport), host, port: spec.port }
}

/// The addresses of a listen line. Errors: the host that does not resolve.
fn addresses(spec: &SocketSpec, port: u16) -> Result<Vec<SocketAddr>, String> {
    let port = spec.port.unwrap_or(port);
    let mut all = Vec::new();
    for host in &spec.hosts {
        match host {
            Host::Ip(ip) => all.push(SocketAddr::new(*ip, port)),
            Host::Name(name) if &*name.text == "lo" => all.push((Ipv4Addr::LOCALHOST, port).into()),
            Host::Name(_) | Host::Literal(_) => {
                let text = host_text(host);
                let found = (text.as_str(), port).to_socket_addrs().map_err(|_| text.clone())?;
                all.push(found.into_iter().next().ok_or(text)?);
            }
        }
    }
    Ok(all)
}

fn host_text(host: &Host) -> String {
    match host {
        Host::Ip(ip) => ip.to_string(),
        Host::Name(name) => name.text.to_string(),
        Host::Literal(text) => String::from_utf8_lossy(&text.bytes).into_owned(),
    }
}

pub(super) fn transport(proto: Proto) -> Transport {
    match proto {
        Proto::Udp => Transport::Udp,
        Proto::Tcp => Transport::Tcp,
        Proto::Tls => Transport::Tls,
        Proto::Sctp => Transport::Sctp,
        Proto::Ws => Transport::Ws,
        Proto::Wss => Transport::Wss,
    }
}

fn everywhere(port: u16, with_tcp: bool, with_ipv6: bool) -> Vec<Listen> {
    let mut ips = vec![IpAddr::V4(Ipv4Addr::LOCALHOST)];
    let world = (Ipv4Addr::UNSPECIFIED.into(), Ipv4Addr::new(192, 0, 2, 1).into());
    ips.extend(default_route_ip(world).filter(|ip| !ip.is_loopback()));
    if with_ipv6 {
        let world = (Ipv6Addr::UNSPECIFIED.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1).into());
        ips.push(Ipv6Addr::LOCALHOST.into());
        ips.extend(default_route_ip(world).filter(|ip| !ip.is_loopback()));
    }
    let transports = [Transport::Udp, Transport::Tcp];
    let wanted = transports.into_iter().filter(|it| with_tcp || *it != Transport::Tcp);
    wanted
        .flat_map(|transport| ips.iter().map(move |ip| (transport, *ip)))
        .map(|(transport, ip)| Listen { transport, addr: (ip, port).into(), advertise: None, name: None })
        .collect()
}

/// The address the kernel would send from to the world; nothing is sent to find it.
fn default_route_ip((any, world): (IpAddr, IpAddr)) -> Option<IpAddr> {
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect((world, 9)).ok()?;
    Some(socket.local_addr().ok()?.ip())
}
