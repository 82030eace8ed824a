//! The datagram sockets of one thread and what waits to be sent on each.
//!
//! Datagrams gather in a batch per socket until `flush`, or until a batch is full. What the kernel does not
//! take waits, bounded, until the socket is writable again; later datagrams queue behind it.

use std::io;
use std::net::SocketAddr;

use slab::Slab;

use super::inbox::{Entry, Inbox};
use super::poll::{Interest, Readiness, Registry};
use super::{Buffers, Counters, Flow, SendBatch, SendError, SocketId, UdpSocket};
use crate::peer::{Peer, Transport};

/// All datagram sockets of one thread.
#[derive(Debug)]
pub(super) struct Datagrams {
    registry: Registry,
    ports: Slab<Port>,
    unflushed: Vec<SocketId>,
    counters: Counters,
}

#[derive(Debug)]
struct Port {
    socket: UdpSocket,
    batch: SendBatch,
    state: State,
}

/// Where a port's batch stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Empty.
    Idle,
    /// Listed in `unflushed`.
    Unflushed,
    /// Waits until the kernel has room.
    Congested,
}

impl Datagrams {
    pub(super) fn new(registry: Registry) -> Datagrams {
        Datagrams { registry, ports: Slab::new(), unflushed: Vec::new(), counters: Counters::default() }
    }

    pub(super) fn insert(&mut self, socket: UdpSocket) -> io::Result<SocketId> {
        let slot = self.ports.vacant_entry();
        let id = SocketId(slot.key() as u32);
        self.registry.add(&socket, u64::from(id.0), Interest::Read)?;
        slot.insert(Port { socket, batch: SendBatch::default(), state: State::Idle });
        Ok(id)
    }

    /// Sends what waits, as far as the kernel takes it, and closes the socket.
    pub(super) fn remove(&mut self, id: SocketId) {
        self.flush_port(id, &mut Vec::new());
        self.unflushed.retain(|listed| *listed != id);
        if let Some(port) = self.ports.try_remove(id.0 as usize) {
            self.counters.dropped += port.batch.len() as u64;
            self.counters.kernel_drops += port.socket.kernel_drops();
        }
    }

    /// The only socket, when there is one and it waits for nothing but datagrams.
    pub(super) fn only(&self) -> Option<SocketId> {
        let mut ports = self.ports.iter();
        let (key, port) = ports.next()?;
        (ports.next().is_none() && port.state != State::Congested).then_some(SocketId(key as u32))
    }

    pub(super) fn local_addr(&self, id: SocketId) -> Option<SocketAddr> {
        Some(self.ports.get(id.0 as usize)?.socket.local_addr())
    }

    pub(super) fn buffers(&self, id: SocketId) -> Option<Buffers> {
        self.ports.get(id.0 as usize)?.socket.buffers().ok()
    }

    pub(super) fn counters(&self) -> Counters {
        let open: u64 = self.ports.iter().map(|(_, port)| port.socket.kernel_drops()).sum();
        Counters { kernel_drops: self.counters.kernel_drops + open, ..self.counters }
    }

    /// Queues a datagram; `news` gets what a full batch, sent at once, brings to light.
    pub(super) fn queue(
        &mut self,
        id: SocketId,
        (bytes, to, flow): (&[u8], SocketAddr, Flow),
        news: &mut Vec<Entry>,
    ) -> Result<(), SendError> {
        let port = self.ports.get_mut(id.0 as usize).ok_or(SendError::NoSocket)?;
        port.batch.push_in_flow(bytes, to, flow).map_err(|_| SendError::QueueFull)?;
        match port.state {
            State::Idle => {
                port.state = State::Unflushed;
                self.unflushed.push(id);
            }
            State::Unflushed if port.batch.len() >= FLUSH_AT => {
                self.unflushed.retain(|listed| *listed != id);
                self.flush_port(id, news);
            }
            State::Unflushed | State::Congested => {}
        }
        Ok(())
    }

    /// Hands all queued datagrams to the kernel.
    pub(super) fn flush(&mut self, news: &mut Vec<Entry>) {
        while let Some(id) = self.unflushed.pop() {
            self.flush_port(id, news);
        }
    }

    /// Does what a ready socket allows. Errors: the socket itself is broken.
    pub(super) fn serve(&mut self, readiness: Readiness, inbox: &mut Inbox) -> io::Result<()> {
        let id = SocketId(readiness.token as u32);
        if readiness.write {
            let mut news = Vec::new();
            self.flush_port(id, &mut news);
            inbox.extend(news);
        }
        let Some(port) = self.ports.get_mut(id.0 as usize) else { return Ok(()) };
        if readiness.error {
            while let Some(addr) = port.socket.next_unreachable() {
                self.counters.unreachable += 1;
                inbox.push(unreachable(addr, id));
            }
        }
        let count = inbox.receive(&mut port.socket, id)?;
        self.counters.received += count as u64;
        Ok(())
    }

    /// Sends a port's batch and keeps its state and interest true.
    fn flush_port(&mut self, id: SocketId, news: &mut Vec<Entry>) {
        let Some(port) = self.ports.get_mut(id.0 as usize) else { return };
        let was_congested = port.state == State::Congested;
        // An error about the socket itself (out of memory, device gone): nothing in the batch can leave.
        let sent = port.socket.send(&mut port.batch).unwrap_or_else(|_| {
            self.counters.dropped += port.batch.len() as u64;
            port.batch = SendBatch::default();
            Default::default()
        });
        self.counters.sent += sent.datagrams as u64;
        for addr in port.batch.take_failed() {
            self.counters.unreachable += 1;
            news.push(unreachable(addr, id));
        }
        let (state, interest) = match sent.congested {
            true => (State::Congested, Interest::ReadWrite),
            false => (State::Idle, Interest::Read),
        };
        port.state = state;
        self.counters.congested += u64::from(sent.congested);
        if was_congested != sent.congested {
            // Cannot fail for a socket that is in the set.
            let _ = self.registry.change(&port.socket, u64::from(id.0), interest);
        }
    }
}

fn unreachable(addr: SocketAddr, socket: SocketId) -> Entry {
    Entry::Unreachable { peer: Peer::new(Transport::Udp, addr), socket }
}

/// Queued datagrams that are sent without waiting for `flush`.
const FLUSH_AT: usize = 64;
