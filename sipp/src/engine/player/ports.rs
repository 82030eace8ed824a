//! The media sockets: one per local port, shared by all streams that send from it, each with its batch.

use std::collections::hash_map::Entry;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use rustc_hash::FxHashMap;
use rustix::process::{Resource, getrlimit, setrlimit};
use sip::net::{Flow, Interest, Poll, Readiness, RecvRing, SendBatch, UdpOptions, UdpSocket, Waker};
use slab::Slab;

use super::Habits;
use super::listener::Listener;

/// Names an open port.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct PortId(usize);

/// All media sockets.
pub(super) struct Ports {
    poll: Poll,
    open: Slab<Port>,
    by_addr: FxHashMap<SocketAddr, PortId>,
    /// Ports whose batch waits to be sent.
    unsent: Vec<PortId>,
    ring: RecvRing,
    ready: Vec<Readiness>,
    habits: Habits,
    first_port: u16,
}

struct Port {
    /// The address streams ask for it by.
    wanted: SocketAddr,
    socket: UdpSocket,
    batch: SendBatch,
    is_unsent: bool,
    /// Streams that use it; it closes with the last one.
    uses: usize,
    /// 0 for the audio port, 1 for the video port of `-rtp_echo`.
    echo_line: Option<usize>,
}

/// What a flush came to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flushed {
    pub(super) refused: u64,
}

/// What was read from a port in one go, and where answers go.
pub(super) struct Received<'a> {
    pub(super) port: PortId,
    /// Set for the two ports of `-rtp_echo`.
    pub(super) echo_line: Option<usize>,
    pub(super) datagrams: &'a RecvRing,
    pub(super) answers: &'a mut SendBatch,
}

impl Ports {
    /// Binds the audio port and the video port two above it: the first free even step from `habits.first_port`.
    pub(super) fn new(habits: Habits) -> io::Result<Ports> {
        let mut ports = Ports {
            poll: Poll::new()?,
            open: Slab::new(),
            by_addr: FxHashMap::default(),
            unsent: Vec::new(),
            ring: RecvRing::new(DATAGRAMS_PER_READ),
            ready: Vec::new(),
            habits,
            first_port: habits.first_port,
        };
        ports.first_port = ports.bind_pair()?;
        raise_file_limit();
        Ok(ports)
    }

    pub(super) fn first_port(&self) -> u16 {
        self.first_port
    }

    pub(super) fn waker(&self) -> Waker {
        self.poll.waker()
    }

    pub(super) fn habits(&self) -> &Habits {
        &self.habits
    }

    fn bind_pair(&mut self) -> io::Result<u16> {
        let mut last_error = io::Error::from(io::ErrorKind::AddrInUse);
        for step in 0..PAIRS_TRIED {
            let audio = u32::from(self.habits.first_port) + step * 2;
            let Some(video) = u16::try_from(audio + 2).ok().filter(|port| *port <= self.habits.last_port)
            else {
                break;
            };
            match self.bind_lines(video - 2, video) {
                Ok(()) => return Ok(video - 2),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse => last_error = error,
                Err(error) => return Err(error),
            }
        }
        Err(last_error)
    }

    fn bind_lines(&mut self, audio: u16, video: u16) -> io::Result<()> {
        let bind = |port| bind(SocketAddr::new(self.habits.ip, port));
        let sockets = [bind(audio)?, bind(video)?];
        for (line, socket) in sockets.into_iter().enumerate() {
            let wanted = socket.local_addr();
            self.insert(wanted, socket, Some(line))?;
        }
        Ok(())
    }

    fn insert(
        &mut self,
        wanted: SocketAddr,
        socket: UdpSocket,
        echo_line: Option<usize>,
    ) -> io::Result<PortId> {
        let slot = self.open.vacant_entry();
        let id = PortId(slot.key());
        self.poll.registry().add(&socket, id.0 as u64, Interest::Read)?;
        let uses = usize::from(echo_line.is_some());
        slot.insert(Port { wanted, socket, batch: SendBatch::default(), is_unsent: false, uses, echo_line });
        self.by_addr.insert(wanted, id);
        Ok(id)
    }

    /// The socket bound to `addr`, opened when it is the first use. When the port is taken by another program
    /// the socket gets any free one; the second value then says so.
    pub(super) fn take(&mut self, addr: SocketAddr) -> io::Result<(PortId, Option<String>)> {
        if let Entry::Occupied(known) = self.by_addr.entry(addr) {
            let id = *known.get();
            self.open[id.0].uses += 1;
            return Ok((id, None));
        }
        let (socket, complaint) = match bind(addr) {
            Ok(socket) => (socket, None),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let socket = bind(SocketAddr::new(addr.ip(), 0))?;
                let text = format!(
                    "Media port {} is taken by another program, sending from port {} instead (choose another \
                     one with -mp)",
                    addr.port(),
                    socket.local_addr().port()
                );
                (socket, Some(text))
            }
            Err(error) => return Err(error),
        };
        let id = self.insert(addr, socket, None)?;
        self.open[id.0].uses = 1;
        Ok((id, complaint))
    }

    /// Takes over a socket that was bound for a call.
    pub(super) fn adopt(&mut self, socket: UdpSocket) -> io::Result<PortId> {
        let id = self.insert(socket.local_addr(), socket, None)?;
        self.open[id.0].uses = 1;
        Ok(id)
    }

    /// Gives one use back. What waits is sent first.
    pub(super) fn release(&mut self, id: PortId) {
        let Some(port) = self.open.get_mut(id.0) else { return };
        port.uses -= 1;
        if port.uses == 0 {
            // An error here is about the last packets of a stream nobody plays any more.
            let _ = port.socket.send(&mut port.batch);
            self.unsent.retain(|waiting| *waiting != id);
            let port = self.open.remove(id.0);
            self.by_addr.remove(&port.wanted);
        }
    }

    /// Queues a datagram; false when too much waits for that socket already. Those of one flow stay in order, equal
    /// ones of several may go to the kernel together.
    pub(super) fn queue(&mut self, id: PortId, bytes: &[u8], to: SocketAddr, flow: Flow) -> bool {
        let Some(port) = self.open.get_mut(id.0) else { return false };
        if !port.is_unsent {
            port.is_unsent = true;
            self.unsent.push(id);
        }
        port.batch.push_in_flow(bytes, to, flow).is_ok()
    }

    /// Hands what waits to the kernel. What it does not take now is offered again with the next flush.
    pub(super) fn flush(&mut self) -> Flushed {
        let mut flushed = Flushed::default();
        let mut waiting = std::mem::take(&mut self.unsent);
        waiting.retain(|id| {
            let Some(port) = self.open.get_mut(id.0) else { return false };
            let congested = match port.socket.send(&mut port.batch) {
                Ok(sent) => sent.congested,
                Err(_) => {
                    flushed.refused += port.batch.len() as u64;
                    port.batch = SendBatch::default();
                    false
                }
            };
            flushed.refused += port.batch.take_failed().count() as u64;
            port.is_unsent = congested;
            congested
        });
        self.unsent = waiting;
        flushed
    }

    /// True while the kernel has not taken everything.
    pub(super) fn is_congested(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Waits until packets arrive, a command comes or `timeout` has passed, and gives what came to `listener`.
    pub(super) fn receive(
        &mut self,
        timeout: Option<Duration>,
        listener: &mut Listener<'_>,
    ) -> io::Result<()> {
        self.poll.wait(timeout, &mut self.ready)?;
        for readiness in &self.ready {
            let id = PortId(readiness.token as usize);
            let Some(port) = self.open.get_mut(id.0) else { continue };
            if readiness.error {
                // ICMP reports say that nobody listens there; a test tool goes on sending.
                while port.socket.next_unreachable().is_some() {}
            }
            self.ring.clear();
            if port.socket.receive(&mut self.ring)? == 0 {
                continue;
            }
            listener.take(Received {
                port: id,
                echo_line: port.echo_line,
                datagrams: &self.ring,
                answers: &mut port.batch,
            });
            if !port.is_unsent && !port.batch.is_empty() {
                port.is_unsent = true;
                self.unsent.push(id);
            }
        }
        Ok(())
    }
}

/// Binds a media port; packets come with the time of their arrival.
pub(super) fn bind(addr: SocketAddr) -> io::Result<UdpSocket> {
    let socket = UdpSocket::bind(addr, &UdpOptions::default())?;
    // Where it is refused a packet came when it is read.
    let _ = socket.tell_arrivals();
    Ok(socket)
}

/// Calls with ports of their own need as many files as there are calls: as many as the system allows.
fn raise_file_limit() {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // Where it is refused the old limit holds, and a call without socket is a warning.
    let _ = setrlimit(Resource::Nofile, limit);
}

/// Pairs of ports tried for audio and video.
const PAIRS_TRIED: u32 = 100;
/// Datagrams taken from one socket before the others get their turn.
const DATAGRAMS_PER_READ: usize = 64;
