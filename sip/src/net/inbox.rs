//! What one `receive` brought: datagrams still in their slots, stream messages in an arena, and news of
//! connections, in order of arrival per source.

use std::io;
use std::ops::Range;

use super::{CloseReason, Event, Incoming, RecvRing, SocketId, UdpSocket};
use crate::peer::{Peer, Transport};

/// Receives events from a [`super::Sockets`] and lends them out; reused from one receive to the next.
#[derive(Debug)]
pub struct Inbox {
    ring: RecvRing,
    arena: Vec<u8>,
    frames: usize,
    entries: Vec<Entry>,
}

/// An event whose bytes, if any, are named and not borrowed.
#[derive(Clone, Debug)]
pub(super) enum Entry {
    /// A datagram in a slot of the ring.
    Datagram {
        slot: usize,
        socket: SocketId,
    },
    /// A stream message in the arena.
    Frame {
        bytes: Range<usize>,
        peer: Peer,
        socket: SocketId,
    },
    Opened {
        peer: Peer,
    },
    Closed {
        peer: Peer,
        reason: CloseReason,
    },
    Unreachable {
        peer: Peer,
        socket: SocketId,
    },
}

impl Inbox {
    /// An empty inbox for up to `slots` datagrams at a time.
    pub fn with_slots(slots: usize) -> Inbox {
        Inbox { ring: RecvRing::new(slots), arena: Vec::new(), frames: 0, entries: Vec::new() }
    }

    /// The events, in order.
    pub fn events(&self) -> impl Iterator<Item = Event<'_>> {
        self.entries.iter().filter_map(|entry| self.event(entry))
    }

    /// True when nothing came.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Forgets the events of the last receive.
    pub(super) fn clear(&mut self) {
        self.ring.clear();
        self.entries.clear();
        self.arena.clear();
        self.frames = 0;
        self.arena.shrink_to(KEPT_ARENA);
    }

    /// True when no more stream bytes should be read before the shell has taken these.
    pub(super) fn is_arena_full(&self) -> bool {
        self.arena.len() >= MAX_ARENA
    }

    /// Stream messages in this inbox.
    pub(super) fn frames(&self) -> usize {
        self.frames
    }

    pub(super) fn push(&mut self, entry: Entry) {
        self.entries.push(entry);
    }

    pub(super) fn extend(&mut self, entries: impl IntoIterator<Item = Entry>) {
        self.entries.extend(entries);
    }

    /// Takes what waits on a datagram socket, as far as slots are free, and returns how many came.
    pub(super) fn receive(&mut self, from: &mut UdpSocket, socket: SocketId) -> io::Result<usize> {
        let first = self.ring.len();
        let count = from.receive(&mut self.ring)?;
        self.entries.extend((first..first + count).map(|slot| Entry::Datagram { slot, socket }));
        Ok(count)
    }

    /// Copies a stream message in.
    pub(super) fn push_frame(&mut self, bytes: &[u8], peer: Peer, socket: SocketId) {
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.frames += 1;
        self.entries.push(Entry::Frame { bytes: start..self.arena.len(), peer, socket });
    }

    fn event(&self, entry: &Entry) -> Option<Event<'_>> {
        Some(match entry {
            Entry::Datagram { slot, socket } => {
                let (bytes, source) = self.ring.get(*slot)?;
                Event::Received(Incoming { bytes, peer: Peer::new(Transport::Udp, source), socket: *socket })
            }
            Entry::Frame { bytes, peer, socket } => {
                Event::Received(Incoming { bytes: &self.arena[bytes.clone()], peer: *peer, socket: *socket })
            }
            Entry::Opened { peer } => Event::Opened { peer: *peer },
            Entry::Closed { peer, reason } => Event::Closed { peer: *peer, reason: *reason },
            Entry::Unreachable { peer, socket } => Event::Unreachable { peer: *peer, socket: *socket },
        })
    }
}

impl Default for Inbox {
    /// 64 slots: enough to share a wake-up among many datagrams, few enough to stay in the cache.
    fn default() -> Inbox {
        Inbox::with_slots(64)
    }
}

/// Stream bytes after which reading pauses.
const MAX_ARENA: usize = 1 << 20;
/// Arena memory kept between receives.
const KEPT_ARENA: usize = 256 << 10;
