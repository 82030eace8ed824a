//! All sockets of one signalling thread behind one door: `wait`, `receive`, `send`, `flush`.
//!
//! Datagram sockets are in `datagrams.rs`, stream connections in `conns.rs`; listeners are here. Nothing
//! blocks except `wait`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use slab::Slab;

use super::conns::{CONN_TOKEN, Conns};
use super::datagrams::Datagrams;
use super::inbox::Entry;
use super::poll::Interest;
use super::{
    Buffers, ConnLimits, Counters, Inbox, Listener, Outgoing, Poll, Readiness, Registry, SendError, SocketId,
    UdpOptions, UdpSocket, Waker,
};
use crate::peer::{ConnId, Peer, Transport};
use crate::time::Time;

/// The sockets of one thread.
#[derive(Debug)]
pub struct Sockets {
    pub(super) poll: Poll,
    registry: Registry,
    pub(super) ready: Vec<Readiness>,
    datagrams: Datagrams,
    pub(super) listeners: Slab<Listener>,
    /// Listeners rest until then, after the system had no descriptor for a connection.
    rest_until: Option<Time>,
    pub(super) conns: Conns,
    /// Events found outside `receive`, for the next one.
    news: Vec<Entry>,
    /// What streams count; datagrams count for themselves.
    counters: Counters,
    /// Calls of [`Sockets::glance`], round and round.
    glances: u32,
}

impl Sockets {
    /// No sockets yet. Errors: the system gives no descriptor for the readiness set.
    pub fn new(limits: ConnLimits) -> io::Result<Sockets> {
        let poll = Poll::new()?;
        Ok(Sockets {
            registry: poll.registry(),
            ready: Vec::new(),
            datagrams: Datagrams::new(poll.registry()),
            listeners: Slab::new(),
            rest_until: None,
            conns: Conns::new(limits, poll.registry()),
            news: Vec::new(),
            counters: Counters::default(),
            glances: 0,
            poll,
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
        self.datagrams.insert(socket)
    }

    /// Listens for stream connections; port 0 takes any free one. Errors: see [`Listener::bind`].
    pub fn listen(&mut self, transport: Transport, addr: SocketAddr) -> io::Result<SocketId> {
        self.adopt_listener(Listener::bind(transport, addr)?)
    }

    /// Takes over a listener.
    pub fn adopt_listener(&mut self, listener: Listener) -> io::Result<SocketId> {
        let slot = self.listeners.vacant_entry();
        let id = SocketId(LISTENER_BIT | slot.key() as u32);
        self.registry.add(&listener, u64::from(id.0), Interest::Read)?;
        slot.insert(listener);
        Ok(id)
    }

    /// Closes a datagram socket, after a last attempt to send what waits on it, or a listener; the connections
    /// of a listener stay.
    pub fn close_socket(&mut self, socket: SocketId) {
        match listener_key(socket) {
            Some(key) => drop(self.listeners.try_remove(key)),
            None => self.datagrams.remove(socket),
        }
    }

    /// The address a socket or listener is bound to.
    pub fn local_addr(&self, socket: SocketId) -> Option<SocketAddr> {
        match listener_key(socket) {
            Some(key) => Some(self.listeners.get(key)?.local_addr()),
            None => self.datagrams.local_addr(socket),
        }
    }

    /// The buffers a datagram socket was granted.
    pub fn buffers(&self, socket: SocketId) -> Option<Buffers> {
        self.datagrams.buffers(socket)
    }

    /// Sums since the start.
    pub fn counters(&self) -> Counters {
        let datagrams = self.datagrams.counters();
        Counters {
            received: self.counters.received + datagrams.received,
            sent: self.counters.sent + datagrams.sent,
            dropped: self.counters.dropped + datagrams.dropped,
            ..datagrams
        }
    }

    /// Stream connections open or being made.
    pub fn connections(&self) -> usize {
        self.conns.len()
    }

    /// Waits until something is to be received, `deadline` has come (`None`: no deadline), a connection's own
    /// deadline has come, or a waker is used. Precise to the kernel's timer slack (50 us). A signal ends it early.
    pub fn wait(&mut self, now: Time, deadline: Option<Time>) -> io::Result<()> {
        let timeout = if self.news.is_empty() {
            let own = [self.conns.next_deadline(), self.rest_until];
            own.into_iter().flatten().chain(deadline).min().map(|deadline| deadline.since(now))
        } else {
            Some(Duration::ZERO)
        };
        self.poll.wait(timeout, &mut self.ready)
    }

    /// In place of a [`Sockets::wait`] that would not wait: a thread that has only one datagram socket takes what is
    /// there without asking which socket is ready, which costs as much as a message. Every so often it asks all the
    /// same, to see wakers and ICMP errors.
    pub fn glance(&mut self, now: Time) -> io::Result<()> {
        self.glances = (self.glances + 1) % GLANCES;
        let only = self.datagrams.only().filter(|_| {
            let has_streams = !self.listeners.is_empty() || self.conns.len() > 0;
            !has_streams && self.news.is_empty() && self.glances != 0
        });
        let Some(socket) = only else { return self.wait(now, Some(now)) };
        self.ready.clear();
        self.ready.push(Readiness { token: u64::from(socket.0), read: true, write: false, error: false });
        Ok(())
    }

    /// Takes what the last [`Sockets::wait`] found ready, at most an inbox full; what is left keeps the next
    /// wait from sleeping. Errors: a datagram socket or a listener is broken.
    pub fn receive(&mut self, now: Time, inbox: &mut Inbox) -> io::Result<()> {
        inbox.clear();
        inbox.extend(self.news.drain(..));
        self.conns.expire(now, inbox);
        if self.rest_until.is_some_and(|until| until <= now) {
            self.rest_until = None;
            self.watch_listeners(Interest::Read)?;
        }
        for at in 0..self.ready.len() {
            let readiness = self.ready[at];
            if readiness.token & CONN_TOKEN != 0 {
                self.conns.serve(now, readiness, inbox);
            } else if let Some(key) = listener_key(SocketId(readiness.token as u32)) {
                self.accept(now, key, inbox)?;
            } else {
                self.datagrams.serve(readiness, inbox)?;
            }
        }
        self.ready.clear();
        self.counters.received += inbox.frames() as u64;
        Ok(())
    }

    /// Queues a message for [`Sockets::flush`]; for streams, makes a connection when none is there.
    /// Errors: see [`SendError`]; the message is dropped and counted.
    pub fn send(&mut self, now: Time, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        let Outgoing { bytes, peer, socket, flow } = outgoing;
        let done = match peer.transport {
            Transport::Udp => self.datagrams.queue(socket, (bytes, peer.addr, flow), &mut self.news),
            _ => self.send_on_stream(now, outgoing),
        };
        self.counters.dropped += u64::from(done.is_err());
        done
    }

    /// Hands all queued messages to the kernel.
    pub fn flush(&mut self, now: Time) {
        self.datagrams.flush(&mut self.news);
        self.conns.flush(now, &mut self.news);
    }

    /// Starts a new stream connection to `to` even if one is there, from the host of `socket`. The peer answered
    /// names it; messages may be sent on it at once. [`super::Event::Opened`] or `Closed` tells the outcome.
    pub fn connect(&mut self, now: Time, to: Peer, socket: SocketId) -> Result<Peer, SendError> {
        let from = self.local_addr(socket).map(|addr| addr.ip());
        let from = from.filter(|ip| !ip.is_unspecified() && ip.is_ipv4() == to.addr.is_ipv4());
        self.conns.connect(now, to, from, socket)
    }

    /// The connection that a message to `peer` would take; `None` when one would have to be made.
    pub fn connection_to(&self, peer: Peer) -> Option<ConnId> {
        self.conns.find(peer)
    }

    /// The address a connection leaves from; `None` when it is gone.
    pub fn local_addr_of(&self, conn: ConnId) -> Option<SocketAddr> {
        self.conns.local_addr(conn)
    }

    /// Closes a connection once what waits on it is written. Not reported as an event.
    pub fn close(&mut self, now: Time, conn: ConnId) {
        self.conns.close(now, conn);
    }

    /// Lets messages to `addr` take this connection (RFC 5923 5); the caller has checked the peer's right to it.
    pub fn alias(&mut self, conn: ConnId, addr: SocketAddr) {
        self.conns.alias(conn, addr);
    }

    fn send_on_stream(&mut self, now: Time, outgoing: Outgoing<'_>) -> Result<(), SendError> {
        let conn = match self.conns.find(outgoing.peer) {
            Some(conn) => conn,
            None => self.connect(now, outgoing.peer, outgoing.socket)?.conn,
        };
        self.conns.queue(conn, outgoing.bytes)?;
        self.counters.sent += 1;
        Ok(())
    }

    fn accept(&mut self, now: Time, key: usize, inbox: &mut Inbox) -> io::Result<()> {
        let Some(listener) = self.listeners.get(key) else { return Ok(()) };
        for _ in 0..ACCEPTS_PER_WAIT {
            match listener.accept() {
                Ok(Some((stream, addr))) => {
                    let far = Peer::new(listener.transport(), addr);
                    match self.conns.accept(now, (stream, far), SocketId(LISTENER_BIT | key as u32)) {
                        Some(peer) => inbox.push(Entry::Opened { peer }),
                        None => self.counters.dropped += 1,
                    }
                }
                Ok(None) => break,
                // No descriptor left. The connection stays in the backlog and the listener stays ready, so
                // looking again at once would spin.
                Err(_) => {
                    self.rest_until = Some(now + ACCEPT_REST);
                    return self.watch_listeners(Interest::Nothing);
                }
            }
        }
        Ok(())
    }

    fn watch_listeners(&self, interest: Interest) -> io::Result<()> {
        for (key, listener) in &self.listeners {
            self.registry.change(listener, u64::from(LISTENER_BIT) | key as u64, interest)?;
        }
        Ok(())
    }
}

/// The key of a listener, `None` for a datagram socket.
fn listener_key(socket: SocketId) -> Option<usize> {
    (socket.0 & LISTENER_BIT != 0).then_some((socket.0 & !LISTENER_BIT) as usize)
}

/// Set in the ids of listeners.
const LISTENER_BIT: u32 = 1 << 31;
/// Connections taken from one listener before the others get their turn.
const ACCEPTS_PER_WAIT: usize = 64;
/// Of so many glances one asks the kernel.
const GLANCES: u32 = 16;
/// How long listeners rest when the system has no descriptor left.
const ACCEPT_REST: Duration = Duration::from_millis(200);
