//! The table of stream connections: reuse by address, alias, limits, deadlines (RFC 3261 18, RFC 5923).
//!
//! Connections are found by id or by the address of the far end. Each has one deadline: the end of its
//! connection attempt, later the end of its idle time. Nothing is reported for a close the shell asked for.

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::inbox::{Entry, Inbox};
use super::poll::{Interest, Readiness, Registry};
use super::tcp::{CARRIED, Stream, StreamOptions};
use super::{CloseReason, SendError, SocketId};
use crate::msg::frame;
use crate::peer::{ConnId, Peer, Transport};
use crate::time::Time;

/// Bounds of what stream connections may cost.
#[derive(Clone, Copy, Debug)]
pub struct ConnLimits {
    /// Connections open at a time; further ones are refused or closed as soon as accepted.
    pub max_connections: usize,
    /// How long a connection may carry no message and take no bytes; `Duration::MAX`: for ever.
    pub idle: Duration,
    /// How long a connection attempt may take.
    pub connect: Duration,
    /// How long a far end may leave what is written untaken.
    pub send: Duration,
    /// Whether connections are made here.
    pub originate: Originate,
    /// Whether keep-alive pings are answered (RFC 5626 3.5.1).
    pub pings: Pings,
    /// Socket options of connections.
    pub options: StreamOptions,
    /// Bytes that may wait for a far end that does not read.
    pub queue_bytes: usize,
    /// Bytes that all connections together may hold, unfinished messages and queues; beyond it nothing is queued, and
    /// connections that send parts of messages are closed.
    pub held_bytes: usize,
    /// Message sizes, and what a missing Content-Length means.
    pub frame: frame::Limits,
}

/// Whether a message may open a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Originate {
    /// It opens one when there is none.
    #[default]
    Connections,
    /// Only what others opened is used.
    Nothing,
}

/// What becomes of keep-alive pings.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Pings {
    /// Each gets its pong.
    #[default]
    Answered,
    /// They are read over.
    Ignored,
}

impl Default for ConnLimits {
    /// 16,384 connections, 120 s idle, 10 s to connect, 1 MiB queue per connection, 256 MiB in all; a far end may
    /// leave what is written untaken as long as the connection lives.
    fn default() -> ConnLimits {
        ConnLimits {
            max_connections: 16_384,
            idle: Duration::from_secs(120),
            connect: Duration::from_secs(10),
            send: Duration::MAX,
            originate: Originate::default(),
            pings: Pings::default(),
            options: StreamOptions::default(),
            queue_bytes: 1 << 20,
            held_bytes: 256 << 20,
            frame: frame::Limits::default(),
        }
    }
}

/// All connections of one thread.
#[derive(Debug)]
pub(super) struct Conns {
    limits: ConnLimits,
    registry: Registry,
    conns: FxHashMap<ConnId, Conn>,
    /// The connection to take for a far end: what is meant for TLS never takes a TCP connection to the same
    /// address. Keyed with the standard hasher, since peers choose addresses.
    by_addr: HashMap<(Transport, SocketAddr), ConnId>,
    deadlines: BTreeSet<(Time, ConnId)>,
    unflushed: Vec<ConnId>,
    last_id: ConnId,
    /// Bytes the streams hold, see [`Stream::held`].
    held: usize,
    scratch: Box<[u8]>,
}

#[derive(Debug)]
struct Conn {
    stream: Stream,
    peer: Peer,
    socket: SocketId,
    state: State,
    interest: Interest,
    /// Key in `deadlines`; the true deadline may have moved on.
    scheduled: Time,
    /// Start of the attempt, or the last message or write.
    last_used: Time,
    /// Since when the far end has taken nothing of what waits for it.
    stalled: Option<Time>,
    /// Further addresses it is taken for.
    aliases: Vec<SocketAddr>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Connecting,
    Open,
    /// Closed by the shell while bytes waited: goes when they are written.
    Finishing,
}

impl Conns {
    pub(super) fn new(limits: ConnLimits, registry: Registry) -> Conns {
        Conns {
            limits,
            registry,
            conns: FxHashMap::default(),
            by_addr: HashMap::new(),
            deadlines: BTreeSet::new(),
            unflushed: Vec::new(),
            last_id: ConnId::NONE,
            held: 0,
            scratch: vec![0; READ_SIZE].into_boxed_slice(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.conns.len()
    }

    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        self.held
    }

    #[cfg(test)]
    pub(super) fn has_queued(&self) -> bool {
        self.conns.values().any(|conn| conn.stream.queued() > 0)
    }

    /// Takes an accepted connection in. `None`: the limit is reached, it is closed.
    pub(super) fn accept(
        &mut self,
        now: Time,
        (stream, far): (TcpStream, Peer),
        socket: SocketId,
    ) -> Option<Peer> {
        let stream = Stream::new(stream, self.limits.frame);
        self.insert(now, stream, far, (socket, State::Open)).ok()
    }

    /// Starts a new connection. Errors: the limit is reached, the transport has no streams here (`NoSocket`), or
    /// the attempt fails at once (`Unreachable`).
    pub(super) fn connect(
        &mut self,
        now: Time,
        to: Peer,
        from: Option<IpAddr>,
        socket: SocketId,
    ) -> Result<Peer, SendError> {
        if !CARRIED.contains(&to.transport) {
            return Err(SendError::NoSocket);
        }
        if self.limits.originate == Originate::Nothing {
            return Err(SendError::Unreachable);
        }
        if self.conns.len() >= self.limits.max_connections {
            return Err(SendError::TooManyConnections);
        }
        let rules = (self.limits.frame, &self.limits.options);
        let stream = Stream::connect(to, from, rules).map_err(|_| SendError::Unreachable)?;
        self.insert(now, stream, to, (socket, State::Connecting))
    }

    /// The connection that a message to `peer` takes: the one named, if it lives, else one to the address.
    pub(super) fn find(&self, peer: Peer) -> Option<ConnId> {
        let usable = |id: &ConnId| self.conns.get(id).is_some_and(|conn| conn.state != State::Finishing);
        Some(peer.conn)
            .filter(usable)
            .or_else(|| self.by_addr.get(&(peer.transport, peer.addr)).copied().filter(usable))
    }

    /// The address a connection leaves from.
    pub(super) fn local_addr(&self, id: ConnId) -> Option<SocketAddr> {
        self.conns.get(&id)?.stream.local_addr()
    }

    /// Queues a message until `flush`. Errors: `QueueFull`; `NoSocket` when the connection is gone.
    pub(super) fn queue(&mut self, id: ConnId, bytes: &[u8]) -> Result<(), SendError> {
        let conn = self.conns.get_mut(&id).ok_or(SendError::NoSocket)?;
        if self.held + bytes.len() > self.limits.held_bytes {
            return Err(SendError::QueueFull);
        }
        let was_empty = conn.stream.queued() == 0;
        conn.stream.queue(bytes, self.limits.queue_bytes)?;
        self.held += bytes.len();
        if was_empty && conn.state == State::Open {
            self.unflushed.push(id);
        }
        Ok(())
    }

    /// Writes what was queued since the last flush; connections that break are reported to `news`.
    pub(super) fn flush(&mut self, now: Time, news: &mut Vec<Entry>) {
        while let Some(id) = self.unflushed.pop() {
            if let Err(reason) = self.write(now, id) {
                news.extend(self.fail(id, reason));
            }
        }
    }

    /// Takes `addr` for the far end of `conn` too, as its Via sent-by with `alias` says (RFC 5923 5).
    /// The caller answers for the peer's right to that address. An address taken already stays as it is.
    pub(super) fn alias(&mut self, id: ConnId, addr: SocketAddr) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        let far = (conn.peer.transport, addr);
        if conn.aliases.len() < MAX_ALIASES && !self.by_addr.contains_key(&far) {
            self.by_addr.insert(far, id);
            conn.aliases.push(addr);
        }
    }

    /// Closes a connection when what is queued on it has left.
    pub(super) fn close(&mut self, now: Time, id: ConnId) {
        let done = match self.conns.get(&id).map(|conn| conn.state) {
            Some(State::Open) => self.write(now, id).is_err() || self.is_drained(id),
            Some(State::Connecting) => true,
            Some(State::Finishing) | None => return,
        };
        if done {
            self.remove(id);
        } else if let Some(conn) = self.conns.get_mut(&id) {
            conn.state = State::Finishing;
            // Or each further message to the address would open a connection that nobody finds again.
            release_addresses(&mut self.by_addr, id, conn);
        }
    }

    /// Does what a ready connection allows: end its attempt, write, read.
    pub(super) fn serve(&mut self, now: Time, readiness: Readiness, inbox: &mut Inbox) {
        let id = ConnId(readiness.token as u32);
        if let Err(reason) = self.try_serve(now, id, readiness, inbox) {
            inbox.extend(self.fail(id, reason));
        }
    }

    /// Closes connections whose deadline has come.
    pub(super) fn expire(&mut self, now: Time, inbox: &mut Inbox) {
        while let Some(&(due, id)) = self.deadlines.first().filter(|(due, _)| *due <= now) {
            self.deadlines.remove(&(due, id));
            let Some(conn) = self.conns.get_mut(&id) else { continue };
            let (mut deadline, mut reason) = match conn.state {
                State::Connecting => (conn.last_used + self.limits.connect, CloseReason::ConnectTimeout),
                State::Open | State::Finishing => (conn.last_used + self.limits.idle, CloseReason::Idle),
            };
            if let Some(stalled) = conn.stalled
                && stalled + self.limits.send < deadline
            {
                (deadline, reason) = (stalled + self.limits.send, CloseReason::SendTimeout);
            }
            if deadline > now {
                conn.scheduled = deadline;
                self.deadlines.insert((deadline, id));
                continue;
            }
            inbox.extend(self.fail(id, reason));
        }
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.deadlines.first().map(|(due, _)| *due)
    }

    fn insert(
        &mut self,
        now: Time,
        stream: Stream,
        far: Peer,
        (socket, state): (SocketId, State),
    ) -> Result<Peer, SendError> {
        if self.conns.len() >= self.limits.max_connections {
            return Err(SendError::TooManyConnections);
        }
        let id = self.fresh_id();
        let (interest, span) = match state {
            State::Connecting => (Interest::ReadWrite, self.limits.connect),
            State::Open | State::Finishing => (Interest::Read, self.limits.idle),
        };
        self.registry.add(&stream, token(id), interest).map_err(|_| SendError::TooManyConnections)?;
        let peer = Peer { conn: id, ..far };
        let scheduled = now + span;
        self.deadlines.insert((scheduled, id));
        self.by_addr.entry((peer.transport, peer.addr)).or_insert(id);
        let aliases = Vec::new();
        let stalled = None;
        let conn =
            Conn { stream, peer, socket, state, interest, scheduled, last_used: now, stalled, aliases };
        self.conns.insert(id, conn);
        Ok(peer)
    }

    /// The next id that is not zero and not in use (they wrap after four billion connections).
    fn fresh_id(&mut self) -> ConnId {
        loop {
            self.last_id = ConnId(self.last_id.0.wrapping_add(1));
            if self.last_id != ConnId::NONE && !self.conns.contains_key(&self.last_id) {
                return self.last_id;
            }
        }
    }

    fn try_serve(
        &mut self,
        now: Time,
        id: ConnId,
        readiness: Readiness,
        inbox: &mut Inbox,
    ) -> Result<(), CloseReason> {
        let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
        if conn.state == State::Connecting {
            if !readiness.write && !readiness.error {
                return Ok(());
            }
            conn.stream.check_connected().map_err(|_| CloseReason::Refused)?;
            conn.state = State::Open;
            conn.last_used = now;
            inbox.push(Entry::Opened { peer: conn.peer });
            self.schedule(id, now + self.limits.idle);
        }
        if readiness.write {
            self.write(now, id)?;
        }
        // An error without anything to read is learned by reading too.
        if (readiness.read || readiness.error) && !inbox.is_arena_full() {
            self.read(now, id, inbox)?;
        }
        Ok(())
    }

    fn read(&mut self, now: Time, id: ConnId, inbox: &mut Inbox) -> Result<(), CloseReason> {
        let Some(conn) = self.conns.get_mut(&id) else { return Ok(()) };
        let (peer, socket) = (conn.peer, conn.socket);
        let before = conn.stream.held();
        let heard = conn.stream.read(&mut self.scratch, |bytes| inbox.push_frame(bytes, peer, socket));
        self.held = self.held - before + conn.stream.held();
        let heard = heard?;
        if heard.messages + heard.pings > 0 {
            conn.last_used = now;
        }
        if self.held > self.limits.held_bytes {
            return Err(CloseReason::Crowded);
        }
        let pongs = if self.limits.pings == Pings::Answered { heard.pings } else { 0 };
        for _ in 0..pongs {
            // A far end that pings and does not read loses its pongs, as a full queue loses anything.
            let _ = self.queue(id, b"\r\n");
        }
        Ok(())
    }

    /// Writes what waits and asks to be told of room only while something is left.
    fn write(&mut self, now: Time, id: ConnId) -> Result<(), CloseReason> {
        let Some(conn) = self.conns.get_mut(&id).filter(|conn| conn.state != State::Connecting) else {
            return Ok(());
        };
        let before = conn.stream.held();
        let wrote = conn.stream.write();
        self.held = self.held - before + conn.stream.held();
        let has_moved = wrote.map_err(|_| CloseReason::Error)? > 0;
        if has_moved {
            conn.last_used = now;
        }
        let left = conn.stream.queued() > 0;
        conn.stalled = match conn.stalled {
            _ if !left => None,
            Some(since) if !has_moved => Some(since),
            _ => Some(now),
        };
        if !left && conn.state == State::Finishing {
            self.remove(id);
            return Ok(());
        }
        let interest = if left { Interest::ReadWrite } else { Interest::Read };
        if interest != conn.interest {
            conn.interest = interest;
            self.registry.change(&conn.stream, token(id), interest).map_err(|_| CloseReason::Error)?;
        }
        if left {
            self.schedule(id, now + self.limits.send);
        }
        Ok(())
    }

    fn is_drained(&self, id: ConnId) -> bool {
        self.conns.get(&id).is_none_or(|conn| conn.stream.queued() == 0)
    }

    /// Brings the deadline of a connection forward, if `due` comes before it.
    fn schedule(&mut self, id: ConnId, due: Time) {
        let Some(conn) = self.conns.get_mut(&id) else { return };
        if due < conn.scheduled {
            self.deadlines.remove(&(conn.scheduled, id));
            self.deadlines.insert((due, id));
            conn.scheduled = due;
        }
    }

    /// Closes a connection that came to its end; the report, unless the shell gave it up before.
    fn fail(&mut self, id: ConnId, reason: CloseReason) -> Option<Entry> {
        let conn = self.remove(id)?;
        (conn.state != State::Finishing).then_some(Entry::Closed { peer: conn.peer, reason })
    }

    /// Takes a connection out of all tables; dropping it closes it.
    fn remove(&mut self, id: ConnId) -> Option<Conn> {
        let conn = self.conns.remove(&id)?;
        self.held -= conn.stream.held();
        self.deadlines.remove(&(conn.scheduled, id));
        release_addresses(&mut self.by_addr, id, &conn);
        Some(conn)
    }
}

/// Messages to the addresses of a connection no longer take it.
fn release_addresses(by_addr: &mut HashMap<(Transport, SocketAddr), ConnId>, id: ConnId, conn: &Conn) {
    for addr in conn.aliases.iter().chain([&conn.peer.addr]) {
        let far = (conn.peer.transport, *addr);
        if by_addr.get(&far) == Some(&id) {
            by_addr.remove(&far);
        }
    }
}

/// The readiness token of a connection: its id, marked as not a [`SocketId`].
fn token(id: ConnId) -> u64 {
    CONN_TOKEN | u64::from(id.0)
}

/// Set in the tokens of connections.
pub(super) const CONN_TOKEN: u64 = 1 << 32;
/// Bytes taken from one connection before the others get their turn.
const READ_SIZE: usize = 65_536;
/// Further addresses one connection may claim.
const MAX_ALIASES: usize = 4;
