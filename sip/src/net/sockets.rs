//! All sockets of one signalling thread behind one door: `wait`, `receive`, `send`, `flush`.
//!
//! Datagram sockets are written in batches at `flush` (or earlier when a batch is full); what the kernel
//! does not take waits, bounded, until the socket is writable again.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use slab::Slab;

use super::inbox::Entry;
use super::poll::Interest;
use super::{
    Buffers, Counters, Inbox, Outgoing, Poll, Readiness, SendBatch, SendError, SocketId, UdpOptions,
    UdpSocket, Waker,
};
use crate::peer::{Peer, Transport};
use crate::time::Time;

/// The sockets of one thread.
#[derive(Debug)]
pub struct Sockets {
    poll: Poll,
    ready: Vec<Readiness>,
    udp: Slab<UdpPort>,
    /// Datagram sockets with something in their batch.
    unflushed: Vec<usize>,
    /// Events found outside `receive`, for the next one.
    news: Vec<Entry>,
    counters: Counters,
}

/// A datagram socket and what waits for it.
#[derive(Debug)]
struct UdpPort {
    socket: UdpSocket,
    batch: SendBatch,
    state: PortState,
}

/// Where a port's batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PortState {
    /// Empty.
    Idle,
    /// Listed in `unflushed`.
    Unflushed,
    /// Waits until the kernel has room.
    Congested,
}

impl Sockets {
    /// No sockets yet. Errors: the kernel gives no descriptor for the readiness set.
    pub fn new() -> io::Result<Sockets> {
        Ok(Sockets {
            poll: Poll::new()?,
            ready: Vec::new(),
            udp: Slab::new(),
            unflushed: Vec::new(),
            news: Vec::new(),
            counters: Counters::default(),
        })
    }

    /// A handle with which other threads end a [`Sockets::wait`].
    pub fn waker(&self) -> Waker {
        self.poll.waker()
    }

    /// Binds a datagram socket; port 0 takes any free one.
    pub fn bind_udp(&mut self, addr: SocketAddr, options: &UdpOptions) -> io::Result<SocketId> {
        self.adopt_udp(UdpSocket::bind(addr, options)?)
    }

    /// Takes over a bound datagram socket, e.g. one of [`UdpSocket::bind_group`].
    pub fn adopt_udp(&mut self, socket: UdpSocket) -> io::Result<SocketId> {
        let slot = self.udp.vacant_entry();
        let key = slot.key();
        self.poll.add(&socket, key as u64, Interest::Read)?;
        slot.insert(UdpPort { socket, batch: SendBatch::default(), state: PortState::Idle });
        Ok(SocketId(key as u32))
    }

    /// Closes a datagram socket; what it had not sent yet is lost.
    pub fn close_udp(&mut self, socket: SocketId) {
        if let Some(port) = self.udp.try_remove(socket.0 as usize) {
            self.unflushed.retain(|key| *key != socket.0 as usize);
            self.counters.kernel_drops += port.socket.kernel_drops();
        }
    }

    /// The address a socket is bound to.
    pub fn local_addr(&self, socket: SocketId) -> Option<SocketAddr> {
        Some(self.udp.get(socket.0 as usize)?.socket.local_addr())
    }

    /// The buffers a datagram socket was granted.
    pub fn buffers(&self, socket: SocketId) -> Option<Buffers> {
        self.udp.get(socket.0 as usize)?.socket.buffers().ok()
    }

    /// Sums since the start.
    pub fn counters(&self) -> Counters {
        let open: u64 = self.udp.iter().map(|(_, port)| port.socket.kernel_drops()).sum();
        Counters { kernel_drops: self.counters.kernel_drops + open, ..self.counters }
    }

    /// Waits until something is to be received, `deadline` has come (`None`: no deadline) or a waker is used.
    /// Precise to the kernel's timer slack (50 us). A signal ends it early.
    pub fn wait(&mut self, now: Time, deadline: Option<Time>) -> io::Result<()> {
        let timeout = match deadline {
            _ if !self.news.is_empty() => Some(Duration::ZERO),
            Some(deadline) => Some(deadline.since(now)),
            None => None,
        };
        self.poll.wait(timeout, &mut self.ready)
    }

    /// Takes what the last [`Sockets::wait`] found ready, at most an inbox full; what is left keeps the next
    /// wait from sleeping.
    pub fn receive(&mut self, _now: Time, inbox: &mut Inbox) -> io::Result<()> {
        inbox.clear();
        for entry in self.news.drain(..) {
            inbox.push(entry);
        }
        for at in 0..self.ready.len() {
            let readiness = self.ready[at];
            self.serve_udp(readiness.token as usize, readiness, inbox)?;
        }
        self.ready.clear();
        Ok(())
    }

    /// Sends a message, or queues it until [`Sockets::flush`]. Errors: see [`SendError`].
    pub fn send(&mut self, _now: Time, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        let key = outgoing.socket.0 as usize;
        let port = match outgoing.peer.transport {
            Transport::Udp => self.udp.get_mut(key),
            _ => None,
        };
        let Some(port) = port else {
            self.counters.dropped += 1;
            return Err(SendError::NoSocket);
        };
        if port.batch.push(outgoing.bytes, outgoing.peer.addr).is_err() {
            self.counters.dropped += 1;
            return Err(SendError::QueueFull);
        }
        match port.state {
            PortState::Idle => {
                port.state = PortState::Unflushed;
                self.unflushed.push(key);
            }
            PortState::Unflushed if port.batch.len() >= FLUSH_AT => {
                self.unflushed.retain(|listed| *listed != key);
                self.flush_port(key);
            }
            PortState::Unflushed | PortState::Congested => {}
        }
        Ok(())
    }

    /// Hands all queued datagrams to the kernel.
    pub fn flush(&mut self) {
        for at in 0..self.unflushed.len() {
            self.flush_port(self.unflushed[at]);
        }
        self.unflushed.clear();
    }

    fn serve_udp(&mut self, key: usize, readiness: Readiness, inbox: &mut Inbox) -> io::Result<()> {
        if readiness.write {
            self.flush_port(key);
        }
        let Some(port) = self.udp.get_mut(key) else { return Ok(()) };
        let socket = SocketId(key as u32);
        if readiness.error {
            while let Some(addr) = port.socket.next_unreachable() {
                self.counters.unreachable += 1;
                inbox.push(Entry::Unreachable { peer: Peer::new(Transport::Udp, addr), socket });
            }
        }
        let first = inbox.ring.len();
        let count = port.socket.receive(&mut inbox.ring)?;
        self.counters.received += count as u64;
        for slot in first..first + count {
            inbox.push(Entry::Datagram { slot, socket });
        }
        Ok(())
    }

    /// Sends a port's batch and keeps its state and interest true. `flush` empties the list of unflushed ones.
    fn flush_port(&mut self, key: usize) {
        let Some(port) = self.udp.get_mut(key) else { return };
        let socket = SocketId(key as u32);
        let was = port.state;
        // An error about the socket itself (out of memory, device gone): nothing in the batch can leave.
        let sent = port.socket.send(&mut port.batch).unwrap_or_else(|_| {
            self.counters.dropped += port.batch.len() as u64;
            port.batch = SendBatch::default();
            Default::default()
        });
        self.counters.sent += sent.datagrams as u64;
        for addr in port.batch.take_failed() {
            self.counters.unreachable += 1;
            self.news.push(Entry::Unreachable { peer: Peer::new(Transport::Udp, addr), socket });
        }
        let (state, interest) = if sent.congested {
            self.counters.congested += 1;
            (PortState::Congested, Interest::ReadWrite)
        } else {
            (PortState::Idle, Interest::Read)
        };
        port.state = state;
        if (was == PortState::Congested) != sent.congested {
            // Cannot fail for a socket that is in the set; if it did, the next flush would send the rest.
            let _ = self.poll.change(&port.socket, key as u64, interest);
        }
    }
}

/// Queued datagrams that are sent without waiting for `flush`.
const FLUSH_AT: usize = 64;
