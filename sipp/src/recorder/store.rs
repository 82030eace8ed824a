//! Where the messages of open calls lie: blocks of equal size out of a bounded pool, a chain of them per call.
//!
//! A message begins at a fresh block, so the oldest one of a call can be dropped alone. The chain of a call that
//! ended goes back to the pool as a whole, and the blocks freed last are used first: with few open calls the
//! recorder stays in the processor's cache.

use std::net::SocketAddr;

use rustc_hash::FxHashMap;
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::flight::{Endpoint, Kind, Said};

/// What goes on record besides the bytes of a message.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    /// When it left or came.
    pub(crate) at: Time,
    /// Which way, and why.
    pub(crate) kind: Kind,
    /// The message index the call stands on.
    pub(crate) step: u16,
    /// The other side.
    pub(crate) peer: Peer,
}

/// The messages of all open calls of one engine, as far as there is room.
#[derive(Debug)]
pub(crate) struct Recorder {
    pool: Pool,
    /// By the slot of the call.
    logs: Vec<Log>,
    peers: Peers,
    /// The log that is asked next to make room.
    hand: usize,
    /// Calls turned away since one was let in.
    turned_away: u32,
}

/// What is on record of one call.
#[derive(Clone, Copy, Debug)]
struct Log {
    first: u32,
    last: u32,
    blocks: u16,
    messages: u16,
    /// Messages that are gone or never were written.
    omitted: u32,
}

const EMPTY: Log = Log { first: NONE, last: NONE, blocks: 0, messages: 0, omitted: 0 };

impl Recorder {
    /// A recorder that takes at most so many bytes; they are taken when needed. 0 records nothing.
    pub(crate) fn new(bytes: usize) -> Recorder {
        Recorder {
            pool: Pool::new(bytes / CHUNK),
            logs: Vec::new(),
            peers: Peers::default(),
            hand: 0,
            turned_away: 0,
        }
    }

    /// Puts a message of the call in that slot on record.
    pub(crate) fn note(&mut self, slot: usize, entry: Entry, bytes: &[u8]) {
        if self.pool.most_chunks == 0 {
            return;
        }
        if slot >= self.logs.len() {
            self.logs.resize(slot + 1, EMPTY);
        }
        let kept = &bytes[..bytes.len().min(MOST_BYTES)];
        let needed = blocks_of(kept.len());
        if !self.make_room(slot, needed) {
            self.logs[slot].omitted = self.logs[slot].omitted.saturating_add(1);
            return;
        }
        let head = Head {
            at: entry.at,
            length: bytes.len() as u32,
            peer: self.peers.number(entry.peer),
            step: entry.step,
            kind: entry.kind,
        };
        let (first, last) = self.pool.write(&head.pack(), kept);
        let log = &mut self.logs[slot];
        match log.last {
            NONE => log.first = first,
            before => self.pool.next[before as usize] = first,
        }
        log.last = last;
        log.blocks += needed as u16;
        log.messages += 1;
    }

    /// Forgets the call in that slot.
    pub(crate) fn forget(&mut self, slot: usize) {
        if let Some(log) = self.logs.get_mut(slot) {
            self.pool.free(*log);
            *log = EMPTY;
        }
    }

    /// What is on record of the call in that slot, oldest first, and how many messages are missing before that.
    pub(crate) fn read(&self, slot: usize) -> (Vec<Said>, u32) {
        let Some(log) = self.logs.get(slot) else { return (Vec::new(), 0) };
        let mut block = log.first;
        let mut said = Vec::with_capacity(usize::from(log.messages));
        for _ in 0..log.messages {
            let (head, bytes, following) = self.pool.read(block);
            said.push(Said {
                at: head.at,
                kind: head.kind,
                step: head.step,
                peer: self.peers.list.get(head.peer as usize).copied(),
                length: head.length as usize,
                bytes,
            });
            block = following;
        }
        (said, log.omitted)
    }

    /// Sees to it that so many blocks are free for that call. False when its message has to be left out.
    fn make_room(&mut self, slot: usize, needed: usize) -> bool {
        while usize::from(self.logs[slot].blocks) + needed > MOST_BLOCKS {
            self.drop_oldest(slot);
        }
        if self.pool.has(needed) {
            return true;
        }
        let log = self.logs[slot];
        if log.messages == 0 {
            // A call of which the beginning is missing stays off the record. Of new calls few are let in: those
            // on record are then whole, and in the long run all have their chance.
            self.turned_away += 1;
            if log.omitted > 0 || self.turned_away < TURNED_AWAY {
                return false;
            }
            self.turned_away = 0;
        }
        for _ in 0..LOGS_ASKED {
            self.hand = (self.hand + 1) % self.logs.len();
            let victim = &mut self.logs[self.hand];
            if self.hand != slot && victim.messages > 0 {
                self.pool.free(*victim);
                *victim = Log { omitted: victim.omitted + u32::from(victim.messages), ..EMPTY };
                if self.pool.has(needed) {
                    return true;
                }
            }
        }
        false
    }

    fn drop_oldest(&mut self, slot: usize) {
        let log = &mut self.logs[slot];
        let (head, _, following) = self.pool.read(log.first);
        let blocks = blocks_of((head.length as usize).min(MOST_BYTES));
        let mut last = log.first;
        for _ in 1..blocks {
            last = self.pool.next[last as usize];
        }
        self.pool.free(Log { first: log.first, last, blocks: blocks as u16, ..EMPTY });
        log.first = following;
        log.blocks -= blocks as u16;
        log.messages -= 1;
        log.omitted = log.omitted.saturating_add(1);
        if log.messages == 0 {
            log.last = NONE;
        }
    }
}

/// Blocks, free ones in a chain.
#[derive(Debug)]
struct Pool {
    chunks: Vec<Box<[u8]>>,
    most_chunks: usize,
    /// The block behind each block in its chain.
    next: Vec<u32>,
    free: u32,
    free_blocks: usize,
}

impl Pool {
    fn new(most_chunks: usize) -> Pool {
        Pool { chunks: Vec::new(), most_chunks, next: Vec::new(), free: NONE, free_blocks: 0 }
    }

    /// Whether so many blocks are free, or can be made.
    fn has(&mut self, needed: usize) -> bool {
        while self.free_blocks < needed && self.chunks.len() < self.most_chunks {
            let first = self.next.len() as u32;
            self.chunks.push(vec![0; CHUNK].into_boxed_slice());
            self.next.extend((1..BLOCKS_PER_CHUNK).map(|n| first + n as u32));
            self.next.push(self.free);
            self.free = first;
            self.free_blocks += BLOCKS_PER_CHUNK;
        }
        self.free_blocks >= needed
    }

    /// Writes a message into free blocks, of which there are enough; gives the first and the last.
    fn write(&mut self, head: &[u8; HEAD], bytes: &[u8]) -> (u32, u32) {
        let first = self.take();
        let here = bytes.len().min(BLOCK - HEAD);
        let block = self.block_mut(first);
        block[..HEAD].copy_from_slice(head);
        block[HEAD..HEAD + here].copy_from_slice(&bytes[..here]);
        let mut last = first;
        for part in bytes[here..].chunks(BLOCK) {
            let block = self.take();
            self.next[last as usize] = block;
            self.block_mut(block)[..part.len()].copy_from_slice(part);
            last = block;
        }
        (first, last)
    }

    /// The message that begins at a block, and the block behind it.
    fn read(&self, first: u32) -> (Head, Box<[u8]>, u32) {
        let head = Head::unpack(self.block(first));
        let length = (head.length as usize).min(MOST_BYTES);
        let mut bytes = Vec::with_capacity(length);
        bytes.extend_from_slice(&self.block(first)[HEAD..HEAD + length.min(BLOCK - HEAD)]);
        let mut block = first;
        while bytes.len() < length {
            block = self.next[block as usize];
            let part = (length - bytes.len()).min(BLOCK);
            bytes.extend_from_slice(&self.block(block)[..part]);
        }
        (head, bytes.into_boxed_slice(), self.next[block as usize])
    }

    fn take(&mut self) -> u32 {
        let block = self.free;
        self.free = self.next[block as usize];
        self.free_blocks -= 1;
        block
    }

    /// Gives a chain back.
    fn free(&mut self, log: Log) {
        if log.first != NONE {
            self.next[log.last as usize] = self.free;
            self.free = log.first;
            self.free_blocks += usize::from(log.blocks);
        }
    }

    fn block(&self, number: u32) -> &[u8] {
        let at = number as usize % BLOCKS_PER_CHUNK * BLOCK;
        &self.chunks[number as usize / BLOCKS_PER_CHUNK][at..at + BLOCK]
    }

    fn block_mut(&mut self, number: u32) -> &mut [u8] {
        let at = number as usize % BLOCKS_PER_CHUNK * BLOCK;
        &mut self.chunks[number as usize / BLOCKS_PER_CHUNK][at..at + BLOCK]
    }
}

/// What stands before the bytes of a message.
#[derive(Clone, Copy, Debug)]
struct Head {
    at: Time,
    length: u32,
    peer: u32,
    step: u16,
    kind: Kind,
}

impl Head {
    fn pack(&self) -> [u8; HEAD] {
        let mut packed = [0; HEAD];
        packed[..8].copy_from_slice(&self.at.as_nanos().to_le_bytes());
        packed[8..12].copy_from_slice(&self.length.to_le_bytes());
        packed[12..16].copy_from_slice(&self.peer.to_le_bytes());
        packed[16..18].copy_from_slice(&self.step.to_le_bytes());
        packed[18] = self.kind as u8;
        packed
    }

    fn unpack(block: &[u8]) -> Head {
        let word = |at: usize| u32::from_le_bytes([block[at], block[at + 1], block[at + 2], block[at + 3]]);
        Head {
            at: Time::from_nanos(u64::from(word(0)) | u64::from(word(4)) << 32),
            length: word(8),
            peer: word(12),
            step: u16::from_le_bytes([block[16], block[17]]),
            kind: match block[18] {
                0 => Kind::Sent,
                1 => Kind::SentAgain,
                2 => Kind::SentByItself,
                _ => Kind::Received,
            },
        }
    }
}

/// Peers by number, so that a message needs four bytes for its own.
#[derive(Debug, Default)]
struct Peers {
    list: Vec<Endpoint>,
    numbers: FxHashMap<(SocketAddr, Transport), u32>,
    /// Most messages go to the peer of the one before.
    latest: Option<(Endpoint, u32)>,
}

impl Peers {
    fn number(&mut self, peer: Peer) -> u32 {
        let end = Endpoint { transport: peer.transport, addr: peer.addr };
        if let Some((latest, number)) = self.latest
            && latest == end
        {
            return number;
        }
        let number = match self.numbers.get(&(end.addr, end.transport)) {
            Some(number) => *number,
            None if self.list.len() >= MOST_PEERS => return NONE,
            None => {
                let number = self.list.len() as u32;
                self.list.push(end);
                self.numbers.insert((end.addr, end.transport), number);
                number
            }
        };
        self.latest = Some((end, number));
        number
    }
}

fn blocks_of(bytes: usize) -> usize {
    (HEAD + bytes).div_ceil(BLOCK)
}

/// No block, or no peer.
const NONE: u32 = u32::MAX;
/// Bytes of a block: most messages take two or three.
const BLOCK: usize = 256;
/// Bytes before those of a message.
const HEAD: usize = 19;
/// Memory is taken in pieces of this size.
const CHUNK: usize = 64 << 10;
const BLOCKS_PER_CHUNK: usize = CHUNK / BLOCK;
/// The most bytes kept of one message.
pub(super) const MOST_BYTES: usize = 16 << 10;
/// The most blocks of one call: 64 KiB.
const MOST_BLOCKS: usize = 256;
/// Of so many new calls one is let in when there is no room.
const TURNED_AWAY: u32 = 32;
/// Logs looked at to make room for one message.
const LOGS_ASKED: usize = 64;
/// Peers told apart.
const MOST_PEERS: usize = 65_536;

#[cfg(test)]
mod tests {
    use sip::peer::{Peer, Transport};
    use sip::time::Time;

    use super::super::flight::Kind;
    use super::{BLOCK, CHUNK, Entry, HEAD, MOST_BYTES, Recorder};

    fn entry(step: u16) -> Entry {
        let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], 5060).into());
        Entry { at: Time::from_millis(u64::from(step)), kind: Kind::Sent, step, peer }
    }

    fn text(length: usize) -> Vec<u8> {
        (0..length).map(|n| (n % 251) as u8).collect()
    }

    #[test]
    fn messages_of_any_length_come_back() {
        let mut recorder = Recorder::new(1 << 20);
        let lengths =
            [0, 1, BLOCK - HEAD, BLOCK - HEAD + 1, 2 * BLOCK - HEAD, 1400, MOST_BYTES, MOST_BYTES + 5];
        for (step, length) in lengths.into_iter().enumerate() {
            recorder.note(3, entry(step as u16), &text(length));
            recorder.note(4, entry(9), b"another call");
        }
        let (said, omitted) = recorder.read(3);
        assert_eq!(omitted, 0);
        assert_eq!(said.len(), lengths.len());
        for (step, (said, length)) in said.iter().zip(lengths).enumerate() {
            assert_eq!((said.length, usize::from(said.step)), (length, step));
            assert_eq!(*said.bytes, text(length)[..length.min(MOST_BYTES)], "{length}");
            assert_eq!((said.at, said.kind), (Time::from_millis(step as u64), Kind::Sent));
        }
    }

    #[test]
    fn a_call_that_is_forgotten_leaves_its_room_to_others() {
        let mut recorder = Recorder::new(CHUNK);
        for round in 0..1000 {
            recorder.note(0, entry(round), &text(1000));
            assert_eq!(recorder.read(0).0.len(), 1, "{round}");
            recorder.forget(0);
            assert_eq!(recorder.read(0), (Vec::new(), 0));
        }
        assert_eq!(recorder.pool.free_blocks, CHUNK / BLOCK);
    }

    #[test]
    fn the_oldest_messages_of_an_endless_call_are_dropped() {
        let mut recorder = Recorder::new(1 << 20);
        for step in 0..10_000 {
            recorder.note(0, entry(step), &text(1000));
        }
        let (said, omitted) = recorder.read(0);
        assert_eq!(said.len() + omitted as usize, 10_000);
        assert_eq!(said.last().map(|said| said.step), Some(9_999));
        assert_eq!(said.len(), 64, "64 KiB in blocks of 256 bytes");
    }

    #[test]
    fn without_room_few_new_calls_are_let_in_and_the_others_stay_whole() {
        let mut recorder = Recorder::new(4 * CHUNK);
        for slot in 0..10_000 {
            recorder.note(slot, entry(0), &text(200));
        }
        assert_eq!(recorder.pool.chunks.len(), 4);
        let whole =
            |slots: std::ops::Range<usize>| slots.filter(|slot| recorder.read(*slot).0.len() == 1).count();
        let (early, late) = (whole(0..1024), whole(1024..10_000));
        assert!(early > 700, "{early} of the first calls are still on record");
        assert!((200..300).contains(&late), "{late} of 9,000 later ones were let in");
        assert_eq!(early + late, 1024);
    }

    #[test]
    fn every_block_is_free_or_in_one_chain() {
        let mut recorder = Recorder::new(2 * CHUNK);
        let mut seed = 1u64;
        let mut random = |below: u64| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 33) % below
        };
        for _ in 0..20_000 {
            let slot = random(50) as usize;
            match random(5) {
                0 => recorder.forget(slot),
                _ => recorder.note(slot, entry(1), &text(random(3000) as usize)),
            }
        }
        let used: usize = recorder.logs.iter().map(|log| usize::from(log.blocks)).sum();
        assert_eq!(used + recorder.pool.free_blocks, 2 * CHUNK / BLOCK);
        for slot in 0..50 {
            for said in recorder.read(slot).0 {
                assert_eq!(*said.bytes, text(said.length));
            }
        }
    }

    #[test]
    fn nothing_is_recorded_without_memory() {
        let mut recorder = Recorder::new(0);
        recorder.note(0, entry(0), b"x");
        recorder.forget(0);
        assert_eq!(recorder.read(0), (Vec::new(), 0));
    }
}
