//! Sockets: bytes come in as [`Event`]s, bytes go out as [`Outgoing`] (RFC 3261 18).
//!
//! [`Sockets`] is what one signalling thread owns: datagram sockets read and written in batches, stream
//! connections in a table, one readiness wait with a deadline. A shell's loop is `wait`, `receive`, its
//! machines, `send`, `flush`. TLS and WebSocket will be further transports of the same table.
//! Not here: parsing, transactions, name resolution policy. `unsafe` is in `udp.rs` and its two parts only.

mod busy;
mod clock;
mod conns;
mod datagrams;
mod dns;
mod inbox;
mod outbox;
mod poll;
mod sockets;
mod tcp;
#[cfg(target_os = "linux")]
mod udp;
#[cfg(any(not(target_os = "linux"), test))]
#[cfg_attr(
    target_os = "linux",
    allow(unreachable_pub, dead_code, reason = "on Linux it is built for its tests only")
)]
mod udp_plain;
#[cfg(not(target_os = "linux"))]
use udp_plain as udp;

use std::fmt;

pub use busy::Busy;
pub use clock::{Clock, Moment};
pub use conns::{ConnLimits, Originate, Pings};
pub use dns::{Completion, DnsOptions, Found, Names, Resolver};
pub use inbox::Inbox;
pub use outbox::{BatchFull, SendBatch, Sent};
pub use poll::{Interest, Poll, Readiness, Registry, Waker};
pub use sockets::Sockets;
pub use tcp::{KeepAlive, Listener, StreamOptions};
pub use udp::{RecvRing, UdpSocket};

use crate::peer::Peer;

/// Names one datagram socket or listener of a [`Sockets`], while it is open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SocketId(pub u32);

/// A message as it arrived: one datagram, or one frame of a stream.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// The whole message, not parsed; borrowed from the [`Inbox`].
    pub bytes: &'a [u8],
    /// Where it came from; `peer.conn` is set for streams, so a reply can take the same connection.
    pub peer: Peer,
    /// The local socket or listener it came through.
    pub socket: SocketId,
}

/// Which messages stay in order: those of one flow, e.g. of one call, are never sent in another order than they were
/// queued in. Datagrams of different flows may change places, so that equal ones go to the kernel together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow(u64);

impl Flow {
    /// Keeps its place among all others.
    pub const NONE: Flow = Flow(0);

    /// The flow of that number.
    pub fn of(number: u64) -> Flow {
        Flow(number.wrapping_add(1))
    }
}

/// A message to send.
#[derive(Clone, Copy, Debug)]
pub struct Outgoing<'a> {
    /// The whole message; copied before the call returns.
    pub bytes: &'a [u8],
    /// Where to. For streams, `peer.conn` when alive, else any connection to `peer.addr`, else a new one (18.1.1).
    pub peer: Peer,
    /// The datagram socket to send from; for a new stream connection, the socket or listener whose host it starts
    /// from and that [`Incoming::socket`] names for what comes back.
    pub socket: SocketId,
    /// Which datagrams it must not overtake.
    pub flow: Flow,
}

/// What a [`Sockets`] reports.
#[derive(Clone, Copy, Debug)]
pub enum Event<'a> {
    /// A message arrived.
    Received(Incoming<'a>),
    /// A stream connection stands, accepted or connected; `peer.conn` names it.
    Opened {
        /// The far end, with its connection.
        peer: Peer,
    },
    /// A stream connection is gone, or could not be made; what was queued on it is lost.
    Closed {
        /// The far end, with its connection.
        peer: Peer,
        /// Why.
        reason: CloseReason,
    },
    /// A datagram did not reach its peer: an ICMP error came back or the kernel refused it (18.4).
    Unreachable {
        /// Where it was sent to.
        peer: Peer,
        /// The socket it was sent from.
        socket: SocketId,
    },
}

/// Why a stream connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseReason {
    /// The far end closed it.
    ByPeer,
    /// Nobody listens there, or the way there failed.
    Refused,
    /// The far end did not answer the connection attempt in time.
    ConnectTimeout,
    /// It carried nothing for the idle time.
    Idle,
    /// What came is not SIP framing, or too large.
    BadFrame,
    /// It sent part of a message while all connections held as much as they may.
    Crowded,
    /// It did not take what was written in time.
    SendTimeout,
    /// The kernel reported an error, e.g. a reset.
    Error,
}

/// What went through the sockets of one [`Sockets`] since it was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages received.
    pub received: u64,
    /// Messages handed to the kernel.
    pub sent: u64,
    /// Times the kernel took less than offered; the rest waited.
    pub congested: u64,
    /// Messages given up because a queue was full or no socket fits.
    pub dropped: u64,
    /// Datagrams reported back as undeliverable.
    pub unreachable: u64,
    /// Datagrams the kernel dropped before we read them (SO_RXQ_OVFL).
    pub kernel_drops: u64,
}

/// How a datagram socket is made.
#[derive(Clone, Debug)]
pub struct UdpOptions {
    /// Wanted receive buffer in bytes; the kernel may grant less, see [`Buffers`].
    pub receive_buffer: usize,
    /// Wanted send buffer in bytes.
    pub send_buffer: usize,
    /// Network device to bind to (SO_BINDTODEVICE, Linux only).
    pub device: Option<String>,
    /// What the IP layer does with what is sent.
    pub ip: IpOptions,
}

/// What the IP layer does with a socket and what it sends; the default is what the system does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IpOptions {
    /// Type of service, or traffic class (RFC 791 3.1, RFC 8200 7).
    pub tos: Option<u8>,
    /// Datagrams are not to be cut into fragments on their way (Linux only).
    pub no_fragments: bool,
    /// The socket may be bound to an address that this machine does not have (yet; Linux only).
    pub free_bind: bool,
}

impl IpOptions {
    /// Sets them on a socket that is not bound. Errors: the system refuses one.
    fn set(self, socket: &socket2::Socket, is_ipv4: bool) -> std::io::Result<()> {
        if let Some(tos) = self.tos {
            let value = u32::from(tos);
            if is_ipv4 { socket.set_tos_v4(value) } else { socket.set_tclass_v6(value) }?;
        }
        #[cfg(target_os = "linux")]
        if self.free_bind {
            if is_ipv4 { socket.set_freebind_v4(true) } else { socket.set_freebind_v6(true) }?;
        }
        Ok(())
    }
}

impl Default for UdpOptions {
    /// Buffers large enough for a burst of about ten thousand messages.
    fn default() -> UdpOptions {
        UdpOptions { receive_buffer: 8 << 20, send_buffer: 4 << 20, device: None, ip: IpOptions::default() }
    }
}

/// Socket buffers the kernel granted, in bytes as the kernel counts them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Buffers {
    /// Receive buffer.
    pub receive: usize,
    /// Send buffer.
    pub send: usize,
}

/// A message was not sent; nothing of it was queued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendError {
    /// Too much is waiting on that socket or connection already.
    QueueFull,
    /// There is no such socket, or it does not speak the peer's transport.
    NoSocket,
    /// As many connections are open as the limits or the system allow.
    TooManyConnections,
    /// The connection attempt failed at once, e.g. there is no route.
    Unreachable,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SendError::QueueFull => "send queue is full",
            SendError::NoSocket => "no local socket for this transport",
            SendError::TooManyConnections => "too many connections",
            SendError::Unreachable => "no way to this peer",
        })
    }
}

impl std::error::Error for SendError {}

#[cfg(test)]
mod tests;
