//! Datagram sockets on Linux, read and written in batches (recvmmsg, sendmmsg); RFC 3261 18.
//!
//! What it adds to a plain socket: one system call per batch, datagrams of equal length as one piece that the kernel
//! cuts and joins (UDP_SEGMENT, UDP_GRO), large buffers, the kernel's drop counter (SO_RXQ_OVFL), ICMP errors with the address they are about (IP_RECVERR), and groups of sockets on one
//! port over which the kernel spreads peers (SO_REUSEPORT). `udp_plain.rs` is the same without these.
#![allow(unsafe_code)] // The batch calls have no safe wrapper; each block states the invariant it stands on.

mod name;
mod ring;

use std::io;
use std::mem::{size_of, zeroed};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use socket2::{Domain, Protocol, Socket, Type};

use super::outbox::Sent;
use super::{Buffers, SendBatch, UdpOptions};
use name::{NAME_LEN, Name};
use ring::DropCounter;
pub use ring::RecvRing;

/// A non-blocking datagram socket.
#[derive(Debug)]
pub struct UdpSocket {
    socket: Socket,
    local: SocketAddr,
    drops: DropCounter,
    /// The kernel cuts pieces for this socket; until it refuses one.
    cuts: bool,
}

impl UdpSocket {
    /// Binds to `addr` (port 0: any free one). An IPv6 socket takes no IPv4 traffic.
    pub fn bind(addr: SocketAddr, options: &UdpOptions) -> io::Result<UdpSocket> {
        UdpSocket::bound(new_socket(addr, options)?, addr)
    }

    /// Binds `count` sockets to one address. The kernel spreads peers over them; what one peer sends comes by one
    /// of them, so it stays in order. With `count` 1 it is [`UdpSocket::bind`].
    pub fn bind_group(addr: SocketAddr, count: usize, options: &UdpOptions) -> io::Result<Vec<UdpSocket>> {
        if count <= 1 {
            return Ok(vec![UdpSocket::bind(addr, options)?]);
        }
        let mut group: Vec<UdpSocket> = Vec::with_capacity(count);
        for _ in 0..count {
            // With port 0 the first socket finds the port, the others share it.
            let addr = group.first().map_or(addr, UdpSocket::local_addr);
            let socket = new_socket(addr, options)?;
            socket.set_reuse_port(true)?;
            group.push(UdpSocket::bound(socket, addr)?);
        }
        Ok(group)
    }

    /// The address it is bound to.
    pub fn local_addr(&self) -> SocketAddr {
        self.local
    }

    /// From now on every datagram comes with the moment it reached the kernel ([`RecvRing::arrival`]).
    pub fn tell_arrivals(&self) -> io::Result<()> {
        set_option(&self.socket, libc::SOL_SOCKET, libc::SO_TIMESTAMPNS, &ON)
    }

    /// The buffers the kernel granted.
    pub fn buffers(&self) -> io::Result<Buffers> {
        Ok(Buffers { receive: self.socket.recv_buffer_size()?, send: self.socket.send_buffer_size()? })
    }

    /// Datagrams the kernel dropped because the receive buffer was full, as told with the last one received.
    pub fn kernel_drops(&self) -> u64 {
        self.drops.total
    }

    /// Reads what waits into the free slots of `ring` and returns how many datagrams came; 0 when none waits.
    /// A pending ICMP error is not an error here: see [`UdpSocket::next_unreachable`].
    pub fn receive(&mut self, ring: &mut RecvRing) -> io::Result<usize> {
        let free = ring.headers.len() - ring.filled;
        if free == 0 {
            return Ok(0);
        }
        let headers = &mut ring.headers[ring.filled..];
        for _ in 0..=RETRIES {
            // SAFETY: `headers` are `free` initialised entries whose pointers lead into `ring`'s own vectors,
            // which are never reallocated (see `RecvRing::new`) and which nobody borrows during the call.
            let count = unsafe {
                libc::recvmmsg(
                    self.socket.as_raw_fd(),
                    headers.as_mut_ptr(),
                    free as libc::c_uint,
                    libc::MSG_DONTWAIT as _,
                    std::ptr::null_mut(),
                )
            };
            match usize::try_from(count) {
                Ok(count) => {
                    let datagrams = ring.take_in(count);
                    self.drops.update(ring.last_drops());
                    return Ok(datagrams);
                }
                Err(_) => match Trouble::of(io::Error::last_os_error())? {
                    Trouble::WouldBlock => return Ok(0),
                    // The report was taken with this call; what waits comes with the next.
                    Trouble::Retry | Trouble::Destination => {}
                },
            }
        }
        Ok(0)
    }

    /// Hands what waits in `batch` to the kernel, in order. Stops when the kernel takes no more
    /// (`congested`, the rest stays) and passes over destinations it refuses ([`SendBatch::take_failed`]).
    pub fn send(&mut self, batch: &mut SendBatch) -> io::Result<Sent> {
        let mut sent = Sent::default();
        let mut refusals = 0;
        if self.cuts {
            batch.arrange();
        }
        while !batch.is_empty() {
            let fd = self.socket.as_raw_fd();
            let taken = match batch.len() {
                // A socket of a call with one packet at a time need not prepare room for many.
                1 => send_some::<1>(fd, batch, self.cuts),
                2..=8 => send_some::<8>(fd, batch, self.cuts),
                _ => send_some::<SEND_BATCH>(fd, batch, self.cuts),
            };
            match taken {
                Ok(count) => {
                    sent.datagrams += count;
                    batch.advance(count);
                    refusals = 0;
                }
                // An old kernel, or a device that cannot: from now on each datagram goes by itself.
                Err(error) if self.cuts && refuses_pieces(&error) => self.cuts = false,
                Err(error) => match Trouble::of(error)? {
                    Trouble::WouldBlock => return Ok(Sent { congested: true, ..sent }),
                    Trouble::Retry => {}
                    // An ICMP report about an earlier datagram fails one send that has nothing to do with
                    // it; only when the same datagram fails again and again is its destination the cause.
                    Trouble::Destination if refusals < RETRIES => refusals += 1,
                    Trouble::Destination => {
                        batch.fail_first();
                        refusals = 0;
                    }
                },
            }
        }
        Ok(sent)
    }

    /// The destination of a datagram that an ICMP error came back for, one per call until `None`.
    pub fn next_unreachable(&mut self) -> Option<SocketAddr> {
        let mut name = Name::unset();
        let mut control = [0u64; 64];
        // SAFETY: all-zero is a valid msghdr; its pointers lead to the two locals above, which outlive the
        // call, with their true sizes. No payload is wanted, so there is no iovec.
        let received = unsafe {
            let mut header: libc::msghdr = zeroed();
            header.msg_name = (&raw mut name).cast();
            header.msg_namelen = NAME_LEN;
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = size_of_val(&control) as _;
            libc::recvmsg(self.socket.as_raw_fd(), &raw mut header, libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT)
        };
        if received < 0 {
            // Nothing queued; take a pending error too, or the socket would stay ready for ever.
            let _ = self.socket.take_error();
            return None;
        }
        name.addr()
    }

    fn bound(socket: Socket, addr: SocketAddr) -> io::Result<UdpSocket> {
        socket.bind(&addr.into())?;
        let local = socket.local_addr()?.as_socket().ok_or(io::ErrorKind::Unsupported)?;
        Ok(UdpSocket { socket, local, drops: DropCounter::default(), cuts: true })
    }
}

impl AsFd for UdpSocket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// What an error number of a datagram call means for the caller's loop.
enum Trouble {
    /// No datagram waits, or no room to send.
    WouldBlock,
    /// A signal came.
    Retry,
    /// About one destination, not about the socket: ICMP errors, no route, firewalled, too large.
    Destination,
}

impl Trouble {
    /// Errors: gives `error` back when it is about the socket itself.
    fn of(error: io::Error) -> io::Result<Trouble> {
        match error.raw_os_error() {
            // A full device queue (ENOBUFS) passes like a full socket buffer.
            Some(libc::EAGAIN | libc::ENOBUFS) => Ok(Trouble::WouldBlock),
            Some(libc::EINTR) => Ok(Trouble::Retry),
            Some(
                libc::ECONNREFUSED
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
                | libc::EHOSTDOWN
                | libc::ENETDOWN
                | libc::ENOPROTOOPT
                | libc::EPROTO
                | libc::EOPNOTSUPP
                | libc::EACCES
                | libc::EPERM
                | libc::EMSGSIZE
                | libc::EINVAL
                | libc::EADDRNOTAVAIL
                | libc::EAFNOSUPPORT,
            ) => Ok(Trouble::Destination),
            _ => Err(error),
        }
    }
}

/// One sendmmsg over at most `N` from the front of `batch`; how many datagrams the kernel took (at least 1). With
/// `cuts` it gets equal ones as one piece.
fn send_some<const N: usize>(fd: libc::c_int, batch: &SendBatch, cuts: bool) -> io::Result<usize> {
    // SAFETY: all-zero is a valid value of these C structs. (Two statements: a tuple would be built and moved.)
    let mut headers: [libc::mmsghdr; N] = unsafe { zeroed() };
    // SAFETY: as above.
    let mut iovecs: [libc::iovec; N] = unsafe { zeroed() };
    let mut names = [Name::unset(); N];
    let mut controls = [SegmentControl::NONE; N];
    let mut parts = [0; N];
    let (mut count, mut datagrams) = (0, 0);
    while let Some((first, to)) = (datagrams < N).then(|| batch.get(datagrams)).flatten() {
        let piece = if cuts { batch.piece(datagrams, N - datagrams) } else { 1 };
        for (part, iovec) in iovecs[datagrams..datagrams + piece].iter_mut().enumerate() {
            let bytes = batch.get(datagrams + part).map_or(&[][..], |(bytes, _)| bytes);
            *iovec = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
        }
        let (name, name_len) = Name::from_addr(to);
        names[count] = name;
        headers[count].msg_hdr.msg_namelen = name_len;
        headers[count].msg_hdr.msg_iovlen = piece as _;
        if piece > 1 {
            controls[count] = SegmentControl::of(first.len() as u16);
            headers[count].msg_hdr.msg_controllen = size_of::<SegmentControl>() as _;
        }
        parts[count] = piece;
        count += 1;
        datagrams += piece;
    }
    let (names_at, iovecs_at, controls_at) = (names.as_mut_ptr(), iovecs.as_mut_ptr(), controls.as_mut_ptr());
    let mut first_part = 0;
    for (slot, header) in headers[..count].iter_mut().enumerate() {
        header.msg_hdr.msg_name = names_at.wrapping_add(slot).cast();
        header.msg_hdr.msg_iov = iovecs_at.wrapping_add(first_part);
        if header.msg_hdr.msg_controllen > 0 {
            header.msg_hdr.msg_control = controls_at.wrapping_add(slot).cast();
        }
        first_part += parts[slot];
    }
    // SAFETY: the first `count` headers point to the local names, controls and iovecs, whose counts add up to
    // `datagrams` <= N, and through these to bytes of `batch`, all of which outlive the call; the kernel
    // only reads them.
    let taken =
        unsafe { libc::sendmmsg(fd, headers.as_mut_ptr(), count as libc::c_uint, libc::MSG_DONTWAIT as _) };
    match usize::try_from(taken) {
        Ok(taken) => Ok(parts[..taken].iter().sum()),
        Err(_) => Err(io::Error::last_os_error()),
    }
}

/// The control message that says at which length a piece is cut, laid out as the kernel reads it.
#[repr(C, align(8))]
#[derive(Clone, Copy)]
struct SegmentControl {
    header_len: usize,
    header_level: libc::c_int,
    header_type: libc::c_int,
    length: u16,
    padding: [u8; 6],
}

impl SegmentControl {
    const NONE: SegmentControl =
        SegmentControl { header_len: 0, header_level: 0, header_type: 0, length: 0, padding: [0; 6] };

    fn of(length: u16) -> SegmentControl {
        SegmentControl {
            header_len: size_of::<usize>() + 2 * size_of::<libc::c_int>() + size_of::<u16>(),
            header_level: libc::SOL_UDP,
            header_type: libc::UDP_SEGMENT,
            length,
            padding: [0; 6],
        }
    }
}

/// Errors that a piece is refused with where single datagrams may pass: no such option, no checksums by the
/// device, longer than the path allows.
fn refuses_pieces(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(libc::EIO | libc::EINVAL | libc::EMSGSIZE | libc::EOPNOTSUPP | libc::ENOPROTOOPT)
    )
}

/// A datagram socket with its options, not bound.
fn new_socket(addr: SocketAddr, options: &UdpOptions) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(addr), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    grow_buffers(&socket, options)?;
    set_option(&socket, libc::SOL_SOCKET, libc::SO_RXQ_OVFL, &ON)?;
    // Refused by kernels before 5.0, which then hand over every datagram by itself.
    let _ = set_option(&socket, libc::SOL_UDP, libc::UDP_GRO, &ON);
    if addr.is_ipv6() {
        socket.set_only_v6(true)?;
        set_option(&socket, libc::IPPROTO_IPV6, libc::IPV6_RECVERR, &ON)?;
    } else {
        set_option(&socket, libc::IPPROTO_IP, libc::IP_RECVERR, &ON)?;
    }
    options.ip.set(&socket, addr.is_ipv4())?;
    if options.ip.no_fragments {
        let (level, name) = match addr.is_ipv4() {
            true => (libc::IPPROTO_IP, libc::IP_MTU_DISCOVER),
            false => (libc::IPPROTO_IPV6, libc::IPV6_MTU_DISCOVER),
        };
        // The same number for both families.
        set_option(&socket, level, name, &libc::IP_PMTUDISC_DO)?;
    }
    if let Some(device) = &options.device {
        socket.bind_device(Some(device.as_bytes()))?;
    }
    Ok(socket)
}

/// Asks past the system's limit first (needs CAP_NET_ADMIN), then within it; what was granted is read later.
fn grow_buffers(socket: &Socket, options: &UdpOptions) -> io::Result<()> {
    let wanted = |bytes: usize| libc::c_int::try_from(bytes).unwrap_or(libc::c_int::MAX);
    if set_option(socket, libc::SOL_SOCKET, libc::SO_RCVBUFFORCE, &wanted(options.receive_buffer)).is_err() {
        socket.set_recv_buffer_size(options.receive_buffer)?;
    }
    if set_option(socket, libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &wanted(options.send_buffer)).is_err() {
        socket.set_send_buffer_size(options.send_buffer)?;
    }
    Ok(())
}

/// setsockopt with a plain C value.
pub(super) fn set_option<T: Copy>(
    socket: &Socket,
    level: libc::c_int,
    name: libc::c_int,
    value: &T,
) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes from a valid reference; callers pass the C type that the
    // option is documented with, and what a filter points to lives until the call returns.
    let status = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            name,
            std::ptr::from_ref(value).cast(),
            size_of::<T>() as libc::socklen_t,
        )
    };
    if status == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

const ON: libc::c_int = 1;
/// Datagrams per sendmmsg; a piece has no more in any kernel.
const SEND_BATCH: usize = 64;
/// How often a call that failed for a pending ICMP error is repeated.
const RETRIES: usize = 2;

#[cfg(test)]
#[path = "udp_tests.rs"]
#[allow(clippy::duplicate_mod, reason = "one set of promises for both implementations")]
mod promises;

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::time::{Duration, SystemTime};

    use super::{RecvRing, UdpSocket};
    use crate::net::{Interest, Poll, SendBatch, UdpOptions};

    fn bound(receive_buffer: usize) -> UdpSocket {
        let options = UdpOptions { receive_buffer, ..UdpOptions::default() };
        UdpSocket::bind(SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0), &options).expect("a free port")
    }

    fn send_one(from: &mut UdpSocket, to: SocketAddr) -> usize {
        let mut batch = SendBatch::default();
        batch.push(b"x", to).expect("room in the batch");
        from.send(&mut batch).expect("send").datagrams
    }

    #[test]
    fn a_refused_peer_is_named_and_disturbs_nobody_else() {
        let (mut from, mut alive, dead) = (bound(65_536), bound(65_536), bound(65_536));
        let gone = dead.local_addr();
        drop(dead);
        assert_eq!(send_one(&mut from, gone), 1, "the kernel takes it; the report comes later");
        let mut poll = Poll::new().expect("an epoll set");
        poll.registry().add(&from, 1, Interest::Read).expect("a fresh socket");
        let mut ready = Vec::new();
        poll.wait(Some(Duration::from_secs(5)), &mut ready).expect("wait");
        assert!(ready[0].error);
        // The pending report must not cost the next datagram, which goes to somebody else.
        assert_eq!(send_one(&mut from, alive.local_addr()), 1);
        assert_eq!(alive.receive(&mut RecvRing::new(1)).expect("receive"), 1);
        assert_eq!(from.next_unreachable(), Some(gone));
        assert_eq!(from.next_unreachable(), None);
        poll.wait(Some(Duration::ZERO), &mut ready).expect("wait");
        assert!(ready.is_empty(), "nothing is left to report: {ready:?}");
    }

    #[test]
    fn a_pending_report_does_not_hide_what_waits() {
        let (mut from, mut other, dead) = (bound(65_536), bound(65_536), bound(65_536));
        send_one(&mut from, dead.local_addr());
        let gone = dead.local_addr();
        drop(dead);
        send_one(&mut from, gone);
        send_one(&mut other, from.local_addr());
        assert_eq!(from.receive(&mut RecvRing::new(4)).expect("receive"), 1);
    }

    #[test]
    fn the_kernel_tells_when_a_datagram_came() {
        let (mut from, mut to) = (bound(65_536), bound(65_536));
        let mut ring = RecvRing::new(2);
        send_one(&mut from, to.local_addr());
        to.tell_arrivals().expect("every kernel can");
        let unix = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let before = unix();
        send_one(&mut from, to.local_addr());
        assert_eq!(to.receive(&mut ring).expect("receive"), 2);
        // The kernel begins with it a moment later; what came before has the time of its reading.
        let after = unix();
        assert!(ring.arrival(1).is_some_and(|at| (before..=after).contains(&at)), "{:?}", ring.arrival(1));
        assert_eq!(ring.arrival(2), None);
    }

    #[test]
    fn the_kernel_tells_what_it_dropped() {
        let (mut from, mut to) = (bound(65_536), bound(4_096));
        let mut batch = SendBatch::default();
        for _ in 0..100 {
            batch.push(&[0; 1_000], to.local_addr()).expect("room in the batch");
        }
        assert_eq!(from.send(&mut batch).expect("send").datagrams, 100);
        let mut ring = RecvRing::new(200);
        let kept = to.receive(&mut ring).expect("receive") as u64;
        // The count comes with a datagram that was queued after the drops.
        send_one(&mut from, to.local_addr());
        ring.clear();
        assert_eq!(to.receive(&mut ring).expect("receive"), 1);
        assert!(kept < 100);
        assert_eq!(to.kernel_drops(), 100 - kept);
    }
}
