//! The open calls of one engine: found by Call-ID and by deadline; and a short memory of ended ones.
//!
//! A call costs its own size, one timer and one entry of a hash map. An ended call is remembered by the hash
//! of its Call-ID only (under 64 bytes), so that late messages are told from foreign ones.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, BuildHasherDefault, Hasher, RandomState};
use std::time::Duration;

use sip::time::Time;
use sip::wheel::{TimerId, Wheel};
use slab::Slab;

/// What the table must know of a call.
pub(crate) trait Identified {
    /// Its Call-ID.
    fn call_id(&self) -> &[u8];
}

/// Names an open call; reused after it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CallKey(u32);

impl CallKey {
    /// Another number for each open call.
    pub(crate) fn number(self) -> u64 {
        self.0.into()
    }
}

/// Whom a Call-ID belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// An open call.
    Open(CallKey),
    /// A call that ended a while ago.
    Ended(Epitaph),
    /// Nobody we know.
    Unknown,
}

/// What is remembered of an ended call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Epitaph {
    /// It reached its end.
    Successful,
    /// It failed at this message.
    FailedAt(u16),
    /// It is not remembered: a message with its Call-ID may begin anew.
    None,
}

/// The open calls.
pub(crate) struct Calls<C> {
    slots: Slab<Slot<C>>,
    by_id: HashMap<u64, u32, BuildHasherDefault<Identity>>,
    timers: Wheel<u32>,
    hasher: RandomState,
    ended: Ended,
}

struct Slot<C> {
    call: C,
    timer: Option<TimerId>,
    deadline: Time,
}

impl CallKey {
    /// A number below the most calls that were open at once.
    pub(crate) fn slot(self) -> usize {
        self.0 as usize
    }
}

impl<C: Identified> Calls<C> {
    /// No calls; ended ones will be remembered for `remember` (zero: not at all).
    pub(crate) fn new(remember: Duration) -> Calls<C> {
        Calls {
            slots: Slab::new(),
            by_id: HashMap::default(),
            timers: Wheel::new(TICK),
            hasher: RandomState::new(),
            ended: Ended { remember, ..Ended::default() },
        }
    }

    /// Number of open calls.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Number of open calls that wait for a moment.
    pub(crate) fn waiting(&self) -> usize {
        self.timers.len()
    }

    /// Whom a received Call-ID belongs to. A message for an ended call extends its memory, as in SIPp.
    pub(crate) fn find(&mut self, now: Time, call_id: &[u8]) -> Owner {
        let hash = self.hash(call_id);
        if let Some(slot) = self.by_id.get(&hash)
            && self.slots[*slot as usize].call.call_id() == call_id
        {
            return Owner::Open(CallKey(*slot));
        }
        self.ended.find(now, hash).map_or(Owner::Unknown, Owner::Ended)
    }

    /// Adds a call without a deadline.
    pub(crate) fn insert(&mut self, call: C) -> CallKey {
        let hash = self.hash(call.call_id());
        let slot = self.slots.insert(Slot { call, timer: None, deadline: Time::ZERO }) as u32;
        self.by_id.insert(hash, slot);
        CallKey(slot)
    }

    /// The call of that key. The key must not outlive the call.
    pub(crate) fn get_mut(&mut self, key: CallKey) -> Option<&mut C> {
        self.slots.get_mut(key.0 as usize).map(|slot| &mut slot.call)
    }

    /// Sets the moment at which [`Calls::take_due`] gives the call; `None` means it waits for messages only.
    pub(crate) fn set_deadline(&mut self, key: CallKey, deadline: Option<Time>) {
        let Some(slot) = self.slots.get_mut(key.0 as usize) else { return };
        if let Some(timer) = slot.timer {
            if deadline == Some(slot.deadline) {
                return;
            }
            self.timers.cancel(timer);
            slot.timer = None;
        }
        if let Some(deadline) = deadline {
            slot.timer = Some(self.timers.insert(deadline, key.0));
            slot.deadline = deadline;
        }
    }

    /// The next call whose deadline has come.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<CallKey> {
        let key = self.timers.pop_due(now)?;
        if let Some(slot) = self.slots.get_mut(key as usize) {
            slot.timer = None;
        }
        Some(CallKey(key))
    }

    /// When to ask [`Calls::take_due`] again; `None` when no call waits for a moment.
    pub(crate) fn next_deadline(&self) -> Option<Time> {
        self.timers.next_deadline()
    }

    /// Removes an ended call and remembers its Call-ID.
    pub(crate) fn remove(&mut self, now: Time, key: CallKey, epitaph: Epitaph) -> Option<C> {
        let slot = self.slots.try_remove(key.0 as usize)?;
        if let Some(timer) = slot.timer {
            self.timers.cancel(timer);
        }
        let hash = self.hash(slot.call.call_id());
        if self.by_id.get(&hash) == Some(&key.0) {
            self.by_id.remove(&hash);
        }
        self.ended.add(now, hash, epitaph);
        Some(slot.call)
    }

    /// All open calls, in no order.
    pub(crate) fn keys(&self) -> Vec<CallKey> {
        self.slots.iter().map(|(slot, _)| CallKey(slot as u32)).collect()
    }

    fn hash(&self, call_id: &[u8]) -> u64 {
        self.hasher.hash_one(call_id)
    }
}

/// Ended calls by the hash of their Call-ID, in generations: a whole map is dropped at a time. One map with
/// entries added and removed for ever would double once more long after the load became steady.
#[derive(Debug, Default)]
struct Ended {
    remember: Duration,
    /// Oldest first; at most three hold something that is still remembered.
    generations: VecDeque<Generation>,
}

/// The calls that ended within half the time they are remembered.
#[derive(Debug)]
struct Generation {
    opened: Time,
    /// What a call was, and until when it is remembered: milliseconds since `opened`.
    epitaphs: HashMap<u64, (Epitaph, u32), BuildHasherDefault<Identity>>,
}

impl Ended {
    fn add(&mut self, now: Time, hash: u64, epitaph: Epitaph) {
        if self.remember.is_zero() || epitaph == Epitaph::None {
            return;
        }
        self.forget(now);
        let half = self.remember / 2;
        if self.generations.back().is_none_or(|newest| newest.opened + half <= now) {
            let expected = self.generations.back().map_or(0, |newest| newest.epitaphs.len());
            let epitaphs = HashMap::with_capacity_and_hasher(expected, BuildHasherDefault::default());
            self.generations.push_back(Generation { opened: now, epitaphs });
        }
        let newest = self.generations.back_mut().expect("one was just made if there was none");
        let until = (now + self.remember).since(newest.opened).as_millis() as u32;
        newest.epitaphs.insert(hash, (epitaph, until));
    }

    fn find(&mut self, now: Time, hash: u64) -> Option<Epitaph> {
        self.forget(now);
        let (generation, found) =
            self.generations.iter().rev().find_map(|old| Some((old, *old.epitaphs.get(&hash)?)))?;
        let until = generation.opened + Duration::from_millis(u64::from(found.1));
        if until <= now {
            return None;
        }
        self.add(now, hash, found.0);
        Some(found.0)
    }

    /// Drops the generations of which nothing is remembered any more.
    fn forget(&mut self, now: Time) {
        let life = self.remember + self.remember / 2;
        while self.generations.front().is_some_and(|oldest| oldest.opened + life <= now) {
            self.generations.pop_front();
        }
    }
}

/// The map's keys are hashes already.
#[derive(Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, _: &[u8]) {
        unreachable!("only u64 keys are hashed");
    }

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }
}

/// SIPp's timers have a resolution of one millisecond.
const TICK: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::{Calls, Ended, Epitaph, Identified, Owner};

    impl Identified for &'static str {
        fn call_id(&self) -> &[u8] {
            self.as_bytes()
        }
    }

    fn calls() -> Calls<&'static str> {
        Calls::new(Duration::from_secs(1))
    }

    #[test]
    fn calls_are_found_by_id_and_by_deadline() {
        let mut calls = calls();
        let first = calls.insert("a");
        let second = calls.insert("b");
        assert_eq!(calls.find(Time::ZERO, b"b"), Owner::Open(second));
        assert_eq!(calls.find(Time::ZERO, b"c"), Owner::Unknown);
        calls.set_deadline(first, Some(Time::from_millis(50)));
        calls.set_deadline(second, Some(Time::from_millis(20)));
        calls.set_deadline(first, Some(Time::from_millis(10)));
        let late = Time::from_millis(30);
        assert_eq!(calls.take_due(late), Some(first));
        assert_eq!(calls.take_due(late), Some(second));
        assert_eq!(calls.take_due(Time::from_millis(100)), None);
        assert_eq!(calls.next_deadline(), None);
    }

    #[test]
    fn an_ended_call_is_remembered_for_a_while_and_longer_when_messages_come() {
        let mut calls = calls();
        let key = calls.insert("a");
        calls.set_deadline(key, Some(Time::from_millis(5)));
        assert_eq!(calls.remove(Time::ZERO, key, Epitaph::FailedAt(3)), Some("a"));
        assert_eq!(calls.take_due(Time::from_millis(10)), None, "its timer is gone");
        let dead = Owner::Ended(Epitaph::FailedAt(3));
        assert_eq!(calls.find(Time::from_millis(900), b"a"), dead);
        assert_eq!(calls.find(Time::from_millis(1800), b"a"), dead, "the message at 900 ms extended it");
        assert_eq!(calls.find(Time::from_millis(2900), b"a"), Owner::Unknown);
        assert_eq!(calls.find(Time::from_millis(3300), b"a"), Owner::Unknown);
        assert!(calls.ended.generations.is_empty());
    }

    /// 64 bytes for each remembered call: a map entry, half as many again that are not dropped yet.
    #[test]
    fn memory_of_an_ended_call_is_small() {
        let entry = size_of::<(u64, (Epitaph, u32))>() + 1;
        // The map is at least 7/16 full: it doubles at 7/8.
        assert!(entry * 16 / 7 * 3 / 2 <= 64, "{entry}");
    }

    #[test]
    fn no_more_than_three_generations_are_kept() {
        let mut ended = Ended { remember: Duration::from_secs(1), ..Ended::default() };
        for n in 0..10_000 {
            ended.add(Time::from_millis(n), n, Epitaph::Successful);
        }
        let kept: usize = ended.generations.iter().map(|generation| generation.epitaphs.len()).sum();
        assert!(kept <= 1500 && ended.generations.len() <= 3, "{kept} in {}", ended.generations.len());
        assert_eq!(ended.find(Time::from_millis(9_999), 9_100), Some(Epitaph::Successful));
        assert_eq!(ended.find(Time::from_millis(9_999), 8_900), None);
    }
}
