//! How often nonces have been used: a ring of counters indexed by the number of the nonce, shared by all shards.
//!
//! The memory is fixed; a nonce whose place has been given to a newer one counts as stale.

use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

/// The uses of the latest nonces.
#[derive(Debug)]
pub(super) struct Uses {
    next: AtomicU32,
    /// Highest nc seen, for `nonce_count`; empty when uses are not counted.
    counts: Box<[AtomicU8]>,
    /// 1 when used, for `one_time_nonce`; empty when nonces may be used again.
    once: Box<[AtomicU8]>,
}

/// Why a nonce may not be used (again).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UseError {
    /// Its number of uses does not rise, or is no longer known.
    Stale,
    /// It was used before.
    Reused,
}

impl Uses {
    /// Places for that many nonces each; 0 turns a check off. Bounded to 16 million.
    pub(super) fn new(counted: u32, once: u32) -> Uses {
        let places = |count: u32| (0..count.min(1 << 24)).map(|_| AtomicU8::new(0)).collect();
        Uses { next: AtomicU32::new(0), counts: places(counted), once: places(once) }
    }

    /// True when nonces carry a number.
    pub(super) fn are_counted(&self) -> bool {
        !self.counts.is_empty() || !self.once.is_empty()
    }

    /// The number for a new nonce; forgets the uses of the one that had its place.
    pub(super) fn new_id(&self) -> u32 {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        for ring in [&self.counts, &self.once] {
            if let Some(place) = place(ring, id) {
                place.store(0, Ordering::Relaxed);
            }
        }
        id
    }

    /// Notes a use. `count`: the nc of the credentials, `None` without qop. What nc was before is returned, for
    /// [`Uses::undo`].
    pub(super) fn note(&self, id: u32, count: Option<u32>) -> Result<u8, UseError> {
        if let (Some(place), Some(count)) = (place(&self.counts, id), count) {
            self.is_known(&self.counts, id)?;
            // Counts are kept in a byte: a client that goes on beyond gets a new nonce.
            let count = u8::try_from(count).map_err(|_| UseError::Stale)?;
            return place
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |seen| (count > seen).then_some(count))
                .map_err(|_| UseError::Stale);
        }
        match place(&self.once, id) {
            Some(place) => {
                self.is_known(&self.once, id)?;
                let was_used = place.swap(1, Ordering::Relaxed) == 1;
                if was_used { Err(UseError::Reused) } else { Ok(0) }
            }
            None => Ok(0),
        }
    }

    /// Takes a use back: nc is as it was before.
    pub(super) fn undo(&self, id: u32, before: u8) {
        if let Some(place) = place(&self.counts, id) {
            place.store(before, Ordering::Relaxed);
        }
    }

    fn is_known(&self, ring: &[AtomicU8], id: u32) -> Result<(), UseError> {
        let age = self.next.load(Ordering::Relaxed).wrapping_sub(id);
        if age as usize <= ring.len() { Ok(()) } else { Err(UseError::Stale) }
    }
}

fn place(ring: &[AtomicU8], id: u32) -> Option<&AtomicU8> {
    if ring.is_empty() { None } else { ring.get(id as usize % ring.len()) }
}

#[cfg(test)]
mod tests {
    use super::{UseError, Uses};

    #[test]
    fn counts_must_rise() {
        let uses = Uses::new(4, 0);
        let id = uses.new_id();
        assert_eq!(uses.note(id, Some(1)), Ok(0));
        assert_eq!(uses.note(id, Some(1)), Err(UseError::Stale));
        assert_eq!(uses.note(id, Some(3)), Ok(1));
        assert_eq!(uses.note(id, Some(2)), Err(UseError::Stale));
        assert_eq!(uses.note(id, Some(256)), Err(UseError::Stale));
        uses.undo(id, 1);
        assert_eq!(uses.note(id, Some(2)), Ok(1));
        assert_eq!(uses.note(id, None), Ok(0));
    }

    #[test]
    fn one_time_nonces_are_good_once() {
        let uses = Uses::new(0, 4);
        let id = uses.new_id();
        assert_eq!(uses.note(id, Some(1)), Ok(0));
        assert_eq!(uses.note(id, Some(2)), Err(UseError::Reused));
    }

    #[test]
    fn a_nonce_that_lost_its_place_is_stale() {
        for uses in [Uses::new(4, 0), Uses::new(0, 4)] {
            let first = uses.new_id();
            for _ in 0..4 {
                uses.new_id();
            }
            assert_eq!(uses.note(first, Some(1)), Err(UseError::Stale));
        }
        assert!(!Uses::new(0, 0).are_counted());
    }
}
