//! Datagrams on their way out: copied into one arena, handed to the kernel in batches by `udp.rs`.

use std::net::SocketAddr;

use super::Flow;

/// Datagrams waiting for one socket, in order. Bounded; allocates only while it grows.
#[derive(Debug, Default)]
pub struct SendBatch {
    arena: Vec<u8>,
    items: Vec<Item>,
    /// Items before this one are sent.
    next: usize,
    failed: Vec<SocketAddr>,
    /// Turn within its flow and index of each waiting datagram, while they are arranged.
    order: Vec<(u32, usize)>,
    arranged: Vec<Item>,
    /// As many wait as are worth joining.
    joins: bool,
}

/// One datagram: its bytes in the arena and its destination.
#[derive(Clone, Copy, Debug)]
struct Item {
    start: usize,
    len: usize,
    to: SocketAddr,
    flow: Flow,
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

    /// Adds a datagram that keeps its place. Errors: [`BatchFull`] when [`SendBatch::MAX_BYTES`] would be passed.
    pub fn push(&mut self, bytes: &[u8], to: SocketAddr) -> Result<(), BatchFull> {
        self.push_in_flow(bytes, to, Flow::NONE)
    }

    /// Adds a datagram of a flow. Errors: as for [`SendBatch::push`].
    pub fn push_in_flow(&mut self, bytes: &[u8], to: SocketAddr, flow: Flow) -> Result<(), BatchFull> {
        if self.arena.len() + bytes.len() > Self::MAX_BYTES {
            self.compact();
            if self.arena.len() + bytes.len() > Self::MAX_BYTES {
                return Err(BatchFull);
            }
        }
        let start = self.arena.len();
        self.arena.extend_from_slice(bytes);
        self.items.push(Item { start, len: bytes.len(), to, flow });
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

    /// Brings waiting datagrams of equal length and destination together, for a kernel that takes several in one
    /// piece; those of one flow stay in order. Nothing moves when one of them has no flow.
    pub(super) fn arrange(&mut self) {
        let waiting = &mut self.items[self.next..];
        self.joins = waiting.len() >= FEWEST_JOINED;
        let is_alike = |pair: &[Item]| pair[0].to == pair[1].to && pair[0].len == pair[1].len;
        let worth = self.joins
            && waiting.len() <= MOST_ARRANGED
            && waiting.iter().all(|item| item.flow != Flow::NONE)
            && !waiting.windows(2).all(is_alike);
        if !worth {
            return;
        }
        // The first datagrams of all flows may go first, then the second ones, and so on.
        self.order.clear();
        self.order.extend((0..waiting.len()).map(|at| (0, at)));
        self.order.sort_unstable_by_key(|(_, at)| (waiting[*at].flow, *at));
        for next in 1..self.order.len() {
            let (before, own) = (self.order[next - 1], self.order[next]);
            if waiting[before.1].flow == waiting[own.1].flow {
                self.order[next].0 = before.0 + 1;
            }
        }
        // Longer ones first: the last one of a piece may be shorter than the others.
        self.order.sort_unstable_by_key(|(turn, at)| {
            let item = &waiting[*at];
            (*turn, item.to, std::cmp::Reverse(item.len), *at)
        });
        self.arranged.clear();
        self.arranged.extend(self.order.iter().map(|(_, at)| waiting[*at]));
        waiting.copy_from_slice(&self.arranged);
    }

    /// How many datagrams from the `index`-th on the kernel may take as one piece: equal in destination and length,
    /// the last one perhaps shorter. 1 when it goes alone, as datagrams without a flow do, and all when few wait.
    pub(super) fn piece(&self, index: usize, most: usize) -> usize {
        let waiting = &self.items[self.next + index..];
        let first = &waiting[0];
        if !self.joins || first.flow == Flow::NONE || first.len == 0 || first.len > PIECE_PART {
            return 1;
        }
        let most = most.min(PIECE_BYTES / first.len);
        let rest = waiting[1..].iter().take_while(|item| item.to == first.to && item.len == first.len);
        let equal = 1 + rest.take(most.max(1) - 1).count();
        let shorter = |item: &Item| item.to == first.to && item.len < first.len && item.len > 0;
        equal + usize::from(equal < most && waiting.get(equal).is_some_and(shorter))
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

/// How many datagrams are worth joining: few are sent at once anyway, and captures on this machine show each of them
/// by itself.
const FEWEST_JOINED: usize = 8;
/// Of more than so many the next call arranges its part.
const MOST_ARRANGED: usize = 1024;
/// The kernel cuts a piece into packets of this length at most: what fits any network.
const PIECE_PART: usize = 1400;
/// A piece is an IP packet until it is cut.
const PIECE_BYTES: usize = 65_000;

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::super::Flow;
    use super::SendBatch;

    fn addr(port: u16) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], port))
    }

    /// Flow, length and port of what waits.
    fn waiting(batch: &SendBatch) -> Vec<(u8, usize, u16)> {
        (0..batch.len())
            .filter_map(|at| batch.get(at))
            .map(|(bytes, to)| (bytes[0], bytes.len(), to.port()))
            .collect()
    }

    /// Four calls, each with an ACK of 30 bytes and a BYE of 40.
    fn calls() -> SendBatch {
        let mut batch = SendBatch::default();
        for call in 0..4 {
            for len in [30, 40] {
                batch.push_in_flow(&vec![call; len], addr(5060), Flow::of(call.into())).expect("room");
            }
        }
        batch
    }

    #[test]
    fn equal_datagrams_come_together_and_calls_stay_in_order() {
        let mut batch = calls();
        assert_eq!(batch.piece(0, 64), 1, "not arranged");
        batch.arrange();
        let acks = (0..4).map(|call| (call, 30, 5060));
        let byes = (0..4).map(|call| (call, 40, 5060));
        assert_eq!(waiting(&batch), acks.chain(byes).collect::<Vec<_>>());
        assert_eq!((batch.piece(0, 64), batch.piece(4, 64), batch.piece(4, 3)), (4, 4, 3));
        for at in 0..8 {
            let (bytes, _) = batch.get(at).expect("it waits");
            assert!(bytes.iter().all(|byte| *byte == bytes[0]), "no bytes are mixed up");
        }
    }

    #[test]
    fn few_datagrams_go_one_by_one() {
        let mut batch = SendBatch::default();
        for call in 0..8 {
            batch.arrange();
            assert!(call == 0 || batch.piece(0, 64) == 1, "{call}");
            batch.push_in_flow(&[0; 50], addr(1), Flow::of(call)).expect("room");
        }
        batch.arrange();
        assert_eq!(batch.piece(0, 64), 8);
    }

    #[test]
    fn a_datagram_without_flow_keeps_all_in_order() {
        let mut batch = calls();
        batch.push(b"x", addr(5060)).expect("room");
        let before = waiting(&batch);
        batch.arrange();
        assert_eq!(waiting(&batch), before);
    }

    #[test]
    fn a_piece_has_one_destination_and_ends_with_a_shorter_one() {
        let mut batch = SendBatch::default();
        for (len, port) in [(50, 1), (50, 1), (20, 1), (50, 1), (50, 2), (0, 2), (1401, 2), (1401, 2)] {
            batch.push_in_flow(&vec![1; len], addr(port), Flow::of(1)).expect("room");
        }
        // Of one flow, so nothing moves.
        batch.arrange();
        let pieces: Vec<usize> = (0..8).map(|at| batch.piece(at, 64)).collect();
        assert_eq!(pieces, [3, 2, 1, 1, 1, 1, 1, 1]);
        let mut large = SendBatch::default();
        for _ in 0..64 {
            large.push_in_flow(&[0; 1400], addr(1), Flow::of(1)).expect("room");
        }
        large.push(b"x", addr(1)).expect("room");
        large.arrange();
        assert_eq!(large.piece(64, 64), 1, "no flow");
        assert_eq!(large.piece(0, 64), 46, "65,000 bytes");
    }
}
