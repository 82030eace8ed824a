//! Datagram sockets where the batch calls of Linux are missing: one system call per datagram.
//!
//! Same interface as `udp.rs`. Without it: kernel drop counts (always 0), ICMP reports (never), sockets of
//! one group that share the load of one peer, and binding to a device (refused).

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use super::outbox::Sent;
use super::{Buffers, SendBatch, UdpOptions};

/// A non-blocking datagram socket.
#[derive(Debug)]
pub struct UdpSocket {
    socket: std::net::UdpSocket,
    local: SocketAddr,
}

impl UdpSocket {
    /// Binds to `addr` (port 0: any free one). An IPv6 socket takes no IPv4 traffic.
    pub fn bind(addr: SocketAddr, options: &UdpOptions) -> io::Result<UdpSocket> {
        UdpSocket::bound(new_socket(addr, options)?, addr)
    }

    /// Binds `count` sockets to one address; how datagrams spread over them is the system's choice.
    pub fn bind_group(addr: SocketAddr, count: usize, options: &UdpOptions) -> io::Result<Vec<UdpSocket>> {
        let mut group: Vec<UdpSocket> = Vec::with_capacity(count.max(1));
        for _ in 0..count.max(1) {
            let addr = group.first().map_or(addr, UdpSocket::local_addr);
            let socket = new_socket(addr, options)?;
            socket.set_reuse_port(count > 1)?;
            group.push(UdpSocket::bound(socket, addr)?);
        }
        Ok(group)
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// Not known here: nothing changes.
    pub fn tell_arrivals(&self) -> io::Result<()> {
        Ok(())
    }

    /// The buffers the kernel granted.
    pub fn buffers(&self) -> io::Result<Buffers> {
        let socket = socket2::SockRef::from(&self.socket);
        Ok(Buffers { receive: socket.recv_buffer_size()?, send: socket.send_buffer_size()? })
    }

    /// Not known here: 0.
    pub fn kernel_drops(&self) -> u64 {
        0
    }

    /// Reads what waits into the free slots of `ring` and returns how many datagrams came; 0 when none waits.
    pub fn receive(&mut self, ring: &mut RecvRing) -> io::Result<usize> {
        let first = ring.filled;
        while !ring.is_full() {
            let at = ring.filled;
            match self.socket.recv_from(&mut ring.slots[at]) {
                Ok((len, source)) => {
                    ring.received[at] = (len, source);
                    ring.filled += 1;
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => break,
                    io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused => {}
                    _ => return Err(error),
                },
            }
        }
        Ok(ring.filled - first)
    }

    /// Hands what waits in `batch` to the kernel, in order. Stops when the kernel takes no more
    /// (`congested`, the rest stays) and passes over destinations it refuses ([`SendBatch::take_failed`]).
    pub fn send(&mut self, batch: &mut SendBatch) -> io::Result<Sent> {
        let mut sent = Sent::default();
        while let Some((bytes, to)) = batch.get(0) {
            match self.socket.send_to(bytes, to) {
                Ok(_) => {
                    sent.datagrams += 1;
                    batch.advance(1);
                }
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Ok(Sent { congested: true, ..sent }),
                    io::ErrorKind::Interrupted => {}
                    io::ErrorKind::NotConnected | io::ErrorKind::BrokenPipe => return Err(error),
                    _ => batch.fail_first(),
                },
            }
        }
        Ok(sent)
    }

    /// Not known here: `None`.
    pub fn next_unreachable(&mut self) -> Option<SocketAddr> {
        None
    }

    fn bound(socket: Socket, addr: SocketAddr) -> io::Result<UdpSocket> {
        socket.bind(&addr.into())?;
        let socket = std::net::UdpSocket::from(socket);
        Ok(UdpSocket { local: socket.local_addr()?, socket })
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Slots that datagrams are received into, each as large as the largest datagram.
#[derive(Debug)]
pub struct RecvRing {
    slots: Vec<Box<[u8]>>,
    received: Vec<(usize, SocketAddr)>,
    filled: usize,
}

impl RecvRing {
    /// A ring of `slots` slots.
    pub fn new(slots: usize) -> RecvRing {
        let nobody = SocketAddr::from(([0, 0, 0, 0], 0));
        RecvRing {
            slots: (0..slots).map(|_| vec![0; MAX_DATAGRAM].into_boxed_slice()).collect(),
            received: vec![(0, nobody); slots],
            filled: 0,
        }
    }

    /// Frees all slots.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Datagrams in the ring.
    pub fn len(&self) -> usize {
        self.filled
    }

    /// True when no datagram is in the ring.
    pub fn is_empty(&self) -> bool {
        self.filled == 0
    }

    /// True when no slot is free.
    pub fn is_full(&self) -> bool {
        self.filled == self.slots.len()
    }

    /// The `slot`-th datagram and its source, `None` past the last one.
    pub fn get(&self, slot: usize) -> Option<(&[u8], SocketAddr)> {
        let (len, source) = *self.received[..self.filled].get(slot)?;
        Some((&self.slots[slot][..len], source))
    }

    /// Not known here: `None`.
    pub fn arrival(&self, _slot: usize) -> Option<Duration> {
        None
    }
}

/// A datagram socket with its options, not bound.
fn new_socket(addr: SocketAddr, options: &UdpOptions) -> io::Result<Socket> {
    if options.device.is_some() {
        return Err(io::Error::new(io::ErrorKind::Unsupported, "binding to a device needs Linux"));
    }
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    socket.set_recv_buffer_size(options.receive_buffer)?;
    socket.set_send_buffer_size(options.send_buffer)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    options.ip.set(&socket, addr.is_ipv4())?;
    Ok(socket)
}

/// No datagram is larger.
const MAX_DATAGRAM: usize = 65_535;

#[cfg(test)]
#[path = "udp_tests.rs"]
#[allow(clippy::duplicate_mod, reason = "one set of promises for both implementations")]
mod promises;
