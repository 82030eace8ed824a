//! Hand-over between shards: messages to the shard that owns their call, stream bytes to the shard that has the
//! connections.
//!
//! A call belongs to one shard by the hash of its Call-ID, so a transaction and its dialog need no lock. What a
//! shard has for others it gathers while it works on a batch, and delivers with one lock and one wake-up each.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use sip::msg::Message;
use sip::net::Waker;
use sip::peer::{ConnId, Peer};
use sip::txn::{Hop, TxnId};

use crate::api::LocalRequest;
use crate::machine::owner;
use crate::relay::SocketId;

/// What goes from one shard to another.
#[derive(Debug)]
pub(super) enum Letter {
    /// A message of a call that the receiver owns.
    Received {
        /// The message, read already.
        message: Arc<Message>,
        /// Where it came from.
        peer: Peer,
        /// Our socket it came in by.
        socket: SocketId,
    },
    /// Bytes for a stream: only [`STREAMS`] has connections.
    Send {
        /// Where to.
        hop: Hop,
        /// The whole message.
        bytes: Bytes,
        /// The transaction to tell when they cannot be sent.
        txn: Option<TxnId>,
        /// The same for further places.
        others: Vec<(Hop, Bytes)>,
        /// The shard that asks.
        from: usize,
    },
    /// Messages to this address may take that connection.
    Alias(ConnId, SocketAddr),
    /// A request to be made in a call that the receiver owns.
    Request(Box<LocalRequest>),
    /// Bytes of this transaction could not be sent.
    Unsent(TxnId),
}

/// The shard that owns all stream connections: their names mean something only there.
pub(super) const STREAMS: usize = 0;

/// Where a shard's letters are put.
#[derive(Debug)]
struct Mailbox {
    letters: Mutex<Vec<Letter>>,
    waker: Waker,
    /// Letters that found it full.
    lost: AtomicU64,
}

/// One shard's way to all others.
#[derive(Debug)]
pub(super) struct Post {
    own: usize,
    boxes: Arc<[Mailbox]>,
    /// What waits for [`Post::deliver`], by receiver.
    outgoing: Vec<Vec<Letter>>,
}

impl Post {
    /// One for each shard, in order; `wakers` end the waits of the shards.
    pub(super) fn connect(wakers: Vec<Waker>) -> Vec<Post> {
        let boxes: Arc<[Mailbox]> = wakers
            .into_iter()
            .map(|waker| Mailbox { letters: Mutex::default(), waker, lost: AtomicU64::new(0) })
            .collect();
        let count = boxes.len();
        let outgoing = || std::iter::repeat_with(Vec::new).take(count).collect();
        (0..count).map(|own| Post { own, boxes: boxes.clone(), outgoing: outgoing() }).collect()
    }

    /// The number of the shard this is.
    pub(super) fn own(&self) -> usize {
        self.own
    }

    /// The shard that owns a message: that of its Call-ID, the reader itself when it has none.
    pub(super) fn owner(&self, message: &Message) -> usize {
        if self.boxes.len() == 1 {
            return self.own;
        }
        message.view().call_id().map_or(self.own, |call_id| self.owner_of(call_id))
    }

    /// The shard that owns a Call-ID.
    pub(super) fn owner_of(&self, call_id: &[u8]) -> usize {
        owner(call_id, self.boxes.len())
    }

    /// Puts a letter by; it leaves with the next [`Post::deliver`].
    pub(super) fn put(&mut self, to: usize, letter: Letter) {
        self.outgoing[to].push(letter);
    }

    /// Delivers what was put by and wakes the receivers. What does not fit is lost and counted: the peers
    /// send again.
    pub(super) fn deliver(&mut self) {
        for (outgoing, mailbox) in self.outgoing.iter_mut().zip(&*self.boxes) {
            if outgoing.is_empty() {
                continue;
            }
            let mut letters = mailbox.letters.lock().unwrap_or_else(PoisonError::into_inner);
            let room = ROOM.saturating_sub(letters.len());
            let lost = outgoing.len().saturating_sub(room);
            letters.extend(outgoing.drain(..).take(room));
            drop(letters);
            mailbox.lost.fetch_add(lost as u64, Ordering::Relaxed);
            mailbox.waker.wake();
        }
    }

    /// Takes what others delivered, in order of delivery; `taken` must be empty and lends its room.
    pub(super) fn collect(&self, taken: &mut Vec<Letter>) {
        let mut letters = self.boxes[self.own].letters.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut *letters, taken);
    }

    /// Letters to this shard that found its mailbox full.
    pub(super) fn lost(&self) -> u64 {
        self.boxes[self.own].lost.load(Ordering::Relaxed)
    }
}

/// Letters a mailbox holds: a shard that is so far behind would answer too late.
const ROOM: usize = 16_384;

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use sip::net::Poll;
    use sip::peer::{Peer, Transport};
    use sip::txn::Hop;

    use super::{Letter, Post, ROOM, owner};

    fn posts(count: usize) -> Vec<Post> {
        let wakers = (0..count).map(|_| Poll::new().expect("a descriptor").waker()).collect();
        Post::connect(wakers)
    }

    fn letter(from: usize) -> Letter {
        let peer = Peer::new(Transport::Tcp, ([127, 0, 0, 1], 5060).into());
        Letter::Send { hop: Hop::new(peer, 0), bytes: Bytes::new(), txn: None, others: Vec::new(), from }
    }

    #[test]
    fn letters_arrive_in_order_and_only_where_they_belong() {
        let mut posts = posts(3);
        (0..3).for_each(|number| posts[0].put(2, letter(number)));
        let mut taken = Vec::new();
        posts[2].collect(&mut taken);
        assert!(taken.is_empty(), "nothing is delivered yet");
        posts[0].deliver();
        posts[1].collect(&mut taken);
        assert!(taken.is_empty());
        posts[2].collect(&mut taken);
        let order: Vec<usize> =
            taken.iter().map(|it| if let Letter::Send { from, .. } = it { *from } else { 9 }).collect();
        assert_eq!(order, [0, 1, 2]);
    }

    #[test]
    fn a_full_mailbox_loses_and_counts() {
        let mut posts = posts(2);
        (0..ROOM + 5).for_each(|_| posts[0].put(1, letter(0)));
        posts[0].deliver();
        let mut taken = Vec::new();
        posts[1].collect(&mut taken);
        assert_eq!((taken.len(), posts[1].lost(), posts[0].lost()), (ROOM, 5, 0));
    }

    #[test]
    fn call_ids_spread_evenly() {
        let mut counts = [0u32; 4];
        (0..4000).for_each(|call| counts[owner(format!("{call}-77@127.0.0.1").as_bytes(), 4)] += 1);
        assert!(counts.iter().all(|count| (850..1150).contains(count)), "{counts:?}");
    }
}
