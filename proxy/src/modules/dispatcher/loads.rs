//! The calls that count against the load of destinations, by Call-ID (algorithm 10).

use bytes::Bytes;
use rustc_hash::FxHashMap;

/// Where the calls went that were sent by load.
#[derive(Debug, Default)]
pub(super) struct Loads {
    calls: FxHashMap<Bytes, Call>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Call {
    pub(super) set: i64,
    pub(super) duid: Bytes,
    /// Unix second up to which it counts.
    pub(super) until: u64,
}

impl Loads {
    /// Begins to count a call. False: it is counted already, or there are too many.
    pub(super) fn add(&mut self, call_id: &[u8], call: Call) -> bool {
        if self.calls.contains_key(call_id) || self.calls.len() >= MAX_CALLS {
            return false;
        }
        self.calls.insert(Bytes::copy_from_slice(call_id), call);
        true
    }

    /// Moves a call from one destination to another. False: it does not count for the first.
    pub(super) fn replace(&mut self, call_id: &[u8], from: &[u8], to: &Bytes) -> bool {
        match self.calls.get_mut(call_id) {
            Some(call) if call.duid == from => {
                call.duid = to.clone();
                true
            }
            _ => false,
        }
    }

    /// Stops counting a call, whichever destination it is for.
    pub(super) fn remove(&mut self, call_id: &[u8]) -> Option<Call> {
        self.calls.remove(call_id)
    }

    /// Stops counting a call that counts for this destination.
    pub(super) fn remove_of(&mut self, call_id: &[u8], duid: &[u8]) -> Option<Call> {
        let is_of = self.calls.get(call_id).is_some_and(|call| call.duid == duid);
        if is_of { self.calls.remove(call_id) } else { None }
    }

    /// A call has been answered: it counts up to this second.
    pub(super) fn confirm(&mut self, call_id: &[u8], until: u64) {
        if let Some(call) = self.calls.get_mut(call_id) {
            call.until = until;
        }
    }

    /// Takes out the calls whose time is over.
    pub(super) fn take_expired(&mut self, now: u64) -> Vec<Call> {
        let over: Vec<Bytes> =
            self.calls.iter().filter(|(_, call)| call.until <= now).map(|(id, _)| id.clone()).collect();
        over.iter().filter_map(|id| self.calls.remove(id)).collect()
    }

    /// True when no call counts.
    pub(super) fn is_empty(&self) -> bool {
        self.calls.is_empty()
    }

    /// Forgets all calls.
    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}

/// Most calls counted; further ones are sent on without being counted.
const MAX_CALLS: usize = 1_000_000;

#[cfg(test)]
mod tests {
    use super::{Call, Loads};

    fn call(duid: &'static str, until: u64) -> Call {
        Call { set: 1, duid: duid.into(), until }
    }

    /// Seen on Kamailio 5.6.3: a call counts once, and moves and ends only where it counts.
    #[test]
    fn a_call_counts_for_one_destination() {
        let mut loads = Loads::default();
        assert!(loads.add(b"1", call("a", 10)));
        assert!(!loads.add(b"1", call("b", 10)));
        assert!(!loads.replace(b"1", b"b", &"c".into()));
        assert!(loads.replace(b"1", b"a", &"c".into()));
        assert_eq!(loads.remove_of(b"1", b"a"), None);
        assert_eq!(loads.remove_of(b"1", b"c"), Some(call("c", 10)));
        assert!(loads.is_empty());
    }

    #[test]
    fn calls_end_when_their_time_is_over() {
        let mut loads = Loads::default();
        loads.add(b"1", call("a", 10));
        loads.add(b"2", call("b", 10));
        loads.confirm(b"2", 20);
        assert_eq!(loads.take_expired(10), [call("a", 10)]);
        assert_eq!(loads.remove(b"2"), Some(call("b", 20)));
        assert_eq!(loads.take_expired(99), []);
    }
}
