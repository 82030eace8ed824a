//! Datagrams on their way out: copied into one arena, handed to the kernel in batches by `udp.rs`.

use std::net::SocketAddr;

/// Datagrams waiting for one socket, in order. Bounded; allocates only while it grows.
#[derive(Debug, Default)]
pub struct SendBatch {
    arena: Vec<u8>,
    items: Vec<Item>,
    /// Items before this one are sent.
    next: usize,
    failed: Vec<SocketAddr>,
}

/// One datagram: its bytes in the arena and its destination.
#[derive(Clone, Copy, Debug)]
struct Item {
    start: usize,
    len: usize,
    to: SocketAddr,
}

/// What one [`super::UdpSocket::send`] did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// Datagrams the kernel took.
    pub datagrams: usize,
    /// True when it took no more; try again when the socket is writable.
    pub congested: bool,
}

/// The batch holds as much as it may; nothing was added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchFull;

impl SendBatch {
    /// Bytes that may wait for a congested socket before datagrams are refused.
    pub const MAX_BYTES: usize = 4 << 20;

    /// Adds a datagram. Errors: [`BatchFull`] when [`SendBatch::MAX_BYTES`] would be passed.
    pub fn push(&mut self, bytes: &[u8], to: SocketAddr) -> Result<(), BatchFull> {
        if self.arena.len() + bytes.len() > Self::MAX_BYTES {
            self.compact();
            if self.arena.len() + bytes.len() > Self::MAX_BYTES {
                return Err(BatchFull);
            }
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.items.push(Item { start, len: bytes.len(), to });
        Ok(())
    }

    /// Datagrams not sent yet.
    pub fn len(&self) -> usize {
        self.items.len() - self.next
    }

    /// True when nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The `index`-th waiting datagram and its destination.
    pub(super) fn get(&self, index: usize) -> Option<(&[u8], SocketAddr)> {
        let item = self.items.get(self.next + index)?;
        Some((&self.arena[item.start..item.start + item.len], item.to))
    }

    /// The first `count` waiting datagrams went to the kernel.
    pub(super) fn advance(&mut self, count: usize) {
        self.next += count;
        debug_assert!(self.next <= self.items.len(), "more sent than queued");
        if self.next == self.items.len() {
            self.arena.clear();
            self.items.clear();
            self.next = 0;
        }
    }

    /// The first waiting datagram cannot be delivered: remembers its destination and goes on.
    pub(super) fn fail_first(&mut self) {
        if let Some(item) = self.items.get(self.next) {
            self.failed.push(item.to);
            self.advance(1);
        }
    }

    /// Destinations the kernel refused since the last call.
    pub fn take_failed(&mut self) -> impl Iterator<Item = SocketAddr> {
        self.failed.drain(..)
    }

    /// Moves what waits to the front of the arena.
    fn compact(&mut self) {
        let Some(first) = self.items.get(self.next).map(|item| item.start) else { return };
        self.arena.drain(..first);
        self.items.drain(..self.next);
        self.next = 0;
        for item in &mut self.items {
            item.start -= first;
        }
    }
}
