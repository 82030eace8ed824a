//! The sockets of the engines: one port each for those that open calls, one port together for those that wait.

use std::io;
use std::net::{IpAddr, SocketAddr};

use sip::net::{ConnLimits, SocketId, Sockets, UdpSocket};
use sip::peer::Transport;

use crate::exit::Exit;
use crate::options::Options;

use crate::engine::start::setup::{Fatal, transport, udp_options};

/// The sockets of one engine, with the one that its calls share.
pub(in crate::engine) struct Door {
    pub(in crate::engine) sockets: Sockets,
    pub(in crate::engine) socket: SocketId,
}

impl Door {
    /// The bound port.
    pub(in crate::engine) fn port(&self) -> u16 {
        self.sockets.local_addr(self.socket).map_or(0, |addr| addr.port())
    }
}

/// What the doors of a run have in common.
#[derive(Clone, Copy, Debug)]
pub(in crate::engine) struct Plan {
    pub(in crate::engine) ip: IpAddr,
    pub(in crate::engine) limits: ConnLimits,
    /// How many engines there are.
    pub(in crate::engine) engines: usize,
    /// Whether they share one port; otherwise each takes the first free one behind that of the engine before.
    pub(in crate::engine) spreads: bool,
}

/// Binds exactly `-p`, else the first free port of 5060 to 5119, else any.
pub(in crate::engine) fn open(options: &Options, plan: Plan) -> Result<Vec<Door>, Fatal> {
    let mut doors: Vec<Door> = Vec::with_capacity(plan.engines);
    if plan.spreads && plan.engines > 1 {
        let group = search(options, plan.ip, |addr| bind_group(options, addr, plan.engines))?;
        for socket in group {
            let mut sockets = sockets(plan)?;
            let socket = sockets.adopt_udp(socket).map_err(network_error)?;
            doors.push(Door { sockets, socket });
        }
        return Ok(doors);
    }
    for _ in 0..plan.engines {
        let mut sockets = sockets(plan)?;
        let bind = |addr| bind_one(options, &mut sockets, addr);
        let socket = match doors.last() {
            None => search(options, plan.ip, bind)?,
            Some(before) => first_free(before.port().saturating_add(1), plan.ip, bind)?,
        };
        doors.push(Door { sockets, socket });
    }
    Ok(doors)
}

fn sockets(plan: Plan) -> Result<Sockets, Fatal> {
    Sockets::new(plan.limits).map_err(network_error)
}

fn bind_one(options: &Options, sockets: &mut Sockets, addr: SocketAddr) -> io::Result<SocketId> {
    match transport(options.network.mode) {
        Transport::Udp => sockets.bind_udp(addr, &udp_options(options)),
        stream => sockets.listen(stream, addr),
    }
}

/// A port may be shared by sockets that all agree to it, those of another sipp as well: nobody must have it before.
fn bind_group(options: &Options, addr: SocketAddr, engines: usize) -> io::Result<Vec<UdpSocket>> {
    let udp = udp_options(options);
    let alone = UdpSocket::bind(addr, &udp)?;
    let addr = alone.local_addr();
    drop(alone);
    UdpSocket::bind_group(addr, engines, &udp)
}

/// Binds exactly `-p`, or searches.
fn search<T>(
    options: &Options,
    ip: IpAddr,
    mut bind: impl FnMut(SocketAddr) -> io::Result<T>,
) -> Result<T, Fatal> {
    match options.network.port {
        Some(port) => {
            let addr = SocketAddr::new(ip, port);
            bind(addr).map_err(|error| refuse(addr, &error))
        }
        None => first_free(SIP_PORT, ip, bind),
    }
}

/// The first free port from `first` on, any if sixty are taken.
fn first_free<T>(
    first: u16,
    ip: IpAddr,
    mut bind: impl FnMut(SocketAddr) -> io::Result<T>,
) -> Result<T, Fatal> {
    for port in first..first.saturating_add(PORTS_TRIED) {
        let addr = SocketAddr::new(ip, port);
        match bind(addr) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {}
            other => return other.map_err(|error| refuse(addr, &error)),
        }
    }
    let any = SocketAddr::new(ip, 0);
    bind(any).map_err(|error| refuse(any, &error))
}

fn refuse(addr: SocketAddr, error: &io::Error) -> Fatal {
    let exit = if error.kind() == io::ErrorKind::AddrInUse { Exit::AddressInUse } else { Exit::Fatal };
    let mut text = format!("Unable to bind main socket to {addr}: {error}");
    if exit == Exit::AddressInUse {
        text.push_str(" (is another sipp running? choose another port with -p)");
    }
    Fatal { exit, text }
}

fn network_error(error: io::Error) -> Fatal {
    Fatal::late(format!("Network error: {error}"))
}

/// The port meant when none is written, and the first one we try.
const SIP_PORT: u16 = 5060;
/// Ports tried before the system chooses one.
const PORTS_TRIED: u16 = 60;

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::{ConnLimits, Options, Plan, open};

    fn ports(spreads: bool) -> Vec<u16> {
        let ip = Ipv4Addr::LOCALHOST.into();
        let plan = Plan { ip, limits: ConnLimits::default(), engines: 3, spreads };
        let doors = open(&Options::default(), plan).unwrap_or_else(|fatal| panic!("{}", fatal.text));
        doors.iter().map(super::Door::port).collect()
    }

    #[test]
    fn engines_have_a_port_each_or_share_one() {
        let own = ports(false);
        assert!(own[0] < own[1] && own[1] < own[2], "{own:?}");
        let shared = ports(true);
        assert!(shared[0] != 0 && shared.iter().all(|port| *port == shared[0]), "{shared:?}");
    }
}
