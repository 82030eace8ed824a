//! One stream connection and one listener: non-blocking TCP with message framing (RFC 3261 18.3).
//!
//! A [`Stream`] holds bytes only while a message is incomplete or the far end does not read; an idle
//! connection costs no buffers. When to connect, reuse and close is decided in `conns.rs`.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, TcpKeepalive, Type};

use super::{CloseReason, IpOptions, SendError};
use crate::msg::frame::{Frame, Framer, Limits};
use crate::peer::{Peer, Transport};

/// A socket that takes stream connections of one transport.
#[derive(Debug)]
pub struct Listener {
    transport: Transport,
    listener: TcpListener,
    local: SocketAddr,
}

impl Listener {
    /// Listens on `addr` (port 0: any free one). An IPv6 listener takes no IPv4 connections.
    /// Errors: the system refuses the address, or `transport` has no streams here (`Unsupported`).
    pub fn bind(transport: Transport, addr: SocketAddr) -> io::Result<Listener> {
        Listener::bind_with(transport, addr, &StreamOptions::default())
    }

    /// The same with socket options, which the connections it takes have too. Errors: as [`Listener::bind`].
    pub fn bind_with(
        transport: Transport,
        addr: SocketAddr,
        options: &StreamOptions,
    ) -> io::Result<Listener> {
        let socket = new_socket(transport, addr)?;
        options.set(&socket, addr.is_ipv4())?;
        #[cfg(target_os = "linux")]
        if let Some(seconds) = options.defer_accept {
            set_number(&socket, libc::TCP_DEFER_ACCEPT, seconds)?;
        }
        Listener::listening(socket, transport, addr)
    }

    /// The address it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// The next connection that waits, `None` when none does. Errors: no descriptor or memory left.
    pub(super) fn accept(&self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        loop {
            match self.listener.accept() {
                Ok((stream, addr)) => {
                    stream.set_nonblocking(true)?;
                    return Ok(Some((stream, addr)));
                }
                Err(error) => match error.kind() {
                    ErrorKind::WouldBlock => return Ok(None),
                    // The far end gave up while it waited; the next one may be fine.
                    ErrorKind::Interrupted | ErrorKind::ConnectionAborted => {}
                    _ => return Err(error),
                },
            }
        }
    }

    /// The transport of the connections it takes.
    pub(super) fn transport(&self) -> Transport {
        self.transport
    }

    fn listening(socket: Socket, transport: Transport, addr: SocketAddr) -> io::Result<Listener> {
        if !CARRIED.contains(&transport) {
            return Err(ErrorKind::Unsupported.into());
        }
        // A restart must not wait for old connections to leave TIME_WAIT.
        socket.set_reuse_address(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        let listener = TcpListener::from(socket);
        Ok(Listener { transport, local: listener.local_addr()?, listener })
    }
}

impl AsFd for Listener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

/// Socket options of stream connections and listeners; the default is what the system does.
#[derive(Clone, Copy, Debug, Default)]
pub struct StreamOptions {
    /// What the IP layer does with what is sent.
    pub ip: IpOptions,
    /// Probes of connections that carry nothing; `None` sends none.
    pub keepalive: Option<KeepAlive>,
    /// Seconds a closed connection stays in FIN-WAIT-2 (Linux only).
    pub linger2: Option<u32>,
    /// Times a connection attempt is repeated (Linux only).
    pub syn_count: Option<u32>,
    /// Seconds a connection may take to send something before it is accepted (Linux only).
    pub defer_accept: Option<u32>,
    /// Received segments are acknowledged at once (Linux only).
    pub quick_ack: bool,
    /// IPv4 and IPv6 address that connections leave from.
    pub source: (Option<Ipv4Addr>, Option<Ipv6Addr>),
}

/// Probes of connections that carry nothing (RFC 9293 3.8.4); `None` leaves what the system does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeepAlive {
    /// Time until the first one.
    pub idle: Option<Duration>,
    /// Time between two.
    pub interval: Option<Duration>,
    /// Number that may stay without answer.
    pub count: Option<u32>,
}

impl StreamOptions {
    /// Sets those that listeners and connections have. Errors: the system refuses one.
    fn set(&self, socket: &Socket, is_ipv4: bool) -> io::Result<()> {
        self.ip.set(socket, is_ipv4)?;
        if let Some(probes) = self.keepalive {
            let mut wanted = TcpKeepalive::new();
            if let Some(idle) = probes.idle {
                wanted = wanted.with_time(idle);
            }
            if let Some(interval) = probes.interval {
                wanted = wanted.with_interval(interval);
            }
            if let Some(count) = probes.count {
                wanted = wanted.with_retries(count);
            }
            socket.set_keepalive(true)?;
            socket.set_tcp_keepalive(&wanted)?;
        }
        #[cfg(target_os = "linux")]
        self.set_numbers(socket)?;
        Ok(())
    }

    #[cfg(target_os = "linux")]
    fn set_numbers(&self, socket: &Socket) -> io::Result<()> {
        let numbers = [
            (libc::TCP_LINGER2, self.linger2),
            (libc::TCP_SYNCNT, self.syn_count),
            (libc::TCP_QUICKACK, self.quick_ack.then_some(1)),
        ];
        numbers.iter().try_for_each(|(option, value)| match value {
            Some(value) => set_number(socket, *option, *value),
            None => Ok(()),
        })
    }

    /// The address that connections to `to` leave from.
    fn source_towards(&self, to: SocketAddr) -> Option<IpAddr> {
        match to {
            SocketAddr::V4(_) => self.source.0.map(IpAddr::from),
            SocketAddr::V6(_) => self.source.1.map(IpAddr::from),
        }
    }
}

#[cfg(target_os = "linux")]
fn set_number(socket: &Socket, option: libc::c_int, value: u32) -> io::Result<()> {
    let value = libc::c_int::try_from(value).unwrap_or(libc::c_int::MAX);
    super::udp::set_option(socket, libc::IPPROTO_TCP, option, &value)
}

/// One connection: the socket, the unfinished message on its way in, the bytes on their way out.
#[derive(Debug)]
pub(super) struct Stream {
    socket: TcpStream,
    framer: Framer,
    unread: Vec<u8>,
    queue: Vec<u8>,
    /// Bytes at the front of `queue` that the kernel has taken.
    written: usize,
}

/// What one read brought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Heard {
    pub(super) messages: usize,
    /// Keep-alive pings to answer (RFC 5626 3.5.1).
    pub(super) pings: usize,
    /// Bytes they took.
    taken: usize,
}

impl Stream {
    /// The address it leaves from; known as soon as it connects.
    pub(super) fn local_addr(&self) -> Option<SocketAddr> {
        self.socket.local_addr().ok()
    }

    /// Starts to connect; writable when it has succeeded or failed, see [`Stream::check_connected`].
    pub(super) fn connect(
        peer: Peer,
        from: Option<IpAddr>,
        (limits, options): (Limits, &StreamOptions),
    ) -> io::Result<Stream> {
        let to = peer.addr;
        let socket = new_socket(peer.transport, to)?;
        options.set(&socket, to.is_ipv4())?;
        if let Some(from) = options.source_towards(to).or(from) {
            socket.bind(&SocketAddr::new(from, 0).into())?;
        }
        match socket.connect(&to.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(libc::EINPROGRESS) => {}
            Err(error) => return Err(error),
        }
        Ok(Stream::new(socket.into(), limits))
    }

    /// Wraps a connected or connecting non-blocking socket.
    pub(super) fn new(socket: TcpStream, limits: Limits) -> Stream {
        // Messages are written whole; waiting for more to fill a segment only adds delay. A socket that
        // cannot be told so still works.
        let _ = socket.set_nodelay(true);
        Stream { socket, framer: Framer::new(limits), unread: Vec::new(), queue: Vec::new(), written: 0 }
    }

    /// After the socket became writable: did the connection come to stand?
    pub(super) fn check_connected(&self) -> io::Result<()> {
        match self.socket.take_error()? {
            Some(error) => Err(error),
            None => self.socket.peer_addr().map(|_| ()),
        }
    }

    /// Reads once, through `scratch`, and gives each complete message to `on_message`.
    /// Errors: the connection is at its end, for that reason.
    pub(super) fn read(
        &mut self,
        scratch: &mut [u8],
        mut on_message: impl FnMut(&[u8]),
    ) -> Result<Heard, CloseReason> {
        let len = match self.socket.read(scratch) {
            Ok(0) => return Err(CloseReason::ByPeer),
            Ok(len) => len,
            Err(error) => match error.kind() {
                ErrorKind::WouldBlock | ErrorKind::Interrupted => return Ok(Heard::default()),
                _ => return Err(CloseReason::Error),
            },
        };
        if self.unread.is_empty() {
            let heard = split(&mut self.framer, &scratch[..len], &mut on_message)?;
            self.unread.extend_from_slice(&scratch[heard.taken..len]);
            return Ok(heard);
        }
        self.unread.extend_from_slice(&scratch[..len]);
        let heard = split(&mut self.framer, &self.unread, &mut on_message)?;
        self.unread.drain(..heard.taken);
        if self.unread.is_empty() {
            self.unread = Vec::new();
        }
        Ok(heard)
    }

    /// Puts a message behind those that wait. Errors: `QueueFull` beyond `limit` bytes.
    pub(super) fn queue(&mut self, bytes: &[u8], limit: usize) -> Result<(), SendError> {
        if self.queued() + bytes.len() > limit {
            return Err(SendError::QueueFull);
        }
        if self.written > 0 {
            self.queue.drain(..self.written);
            self.written = 0;
        }
        self.queue.extend_from_slice(bytes);
        Ok(())
    }

    /// Bytes that wait to be written.
    pub(super) fn queued(&self) -> usize {
        self.queue.len() - self.written
    }

    /// Bytes it holds in memory: the unfinished message and what waits to be written.
    pub(super) fn held(&self) -> usize {
        self.unread.len() + self.queued()
    }

    /// Writes as much as the kernel takes and returns how many bytes that was.
    pub(super) fn write(&mut self) -> io::Result<usize> {
        let before = self.written;
        while self.written < self.queue.len() {
            match self.socket.write(&self.queue[self.written..]) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(len) => self.written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(self.written - before),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        let wrote = self.written - before;
        self.written = 0;
        self.queue.clear();
        self.queue.shrink_to(KEPT_QUEUE);
        Ok(wrote)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// Cuts `bytes` into messages.
fn split(
    framer: &mut Framer,
    bytes: &[u8],
    on_message: &mut impl FnMut(&[u8]),
) -> Result<Heard, CloseReason> {
    let mut heard = Heard::default();
    loop {
        let rest = &bytes[heard.taken..];
        heard.taken += match framer.next(rest).map_err(|_| CloseReason::BadFrame)? {
            Frame::Incomplete { .. } => return Ok(heard),
            Frame::Pong { len } => len,
            Frame::Ping { len } => {
                heard.pings += 1;
                len
            }
            Frame::Message { len } => {
                heard.messages += 1;
                on_message(&rest[..len]);
                len
            }
        };
    }
}

/// A socket of the transport; over SCTP a stream in the one-to-one style, read and written as TCP is (RFC 6458 4).
fn new_socket(transport: Transport, addr: SocketAddr) -> io::Result<Socket> {
    let protocol = match transport {
        Transport::Sctp => SCTP,
        _ => Protocol::TCP,
    };
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(protocol))?;
    socket.set_nonblocking(true)?;
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    Ok(socket)
}

/// The transports a [`Stream`] can carry.
pub(super) const CARRIED: &[Transport] = &[Transport::Tcp, Transport::Sctp];
/// The number of SCTP among the protocols (RFC 9260).
const SCTP: Protocol = Protocol::SCTP;
/// Connections that may wait to be accepted.
const BACKLOG: i32 = 1024;
/// Queue memory a connection keeps when everything is written.
const KEPT_QUEUE: usize = 4096;
