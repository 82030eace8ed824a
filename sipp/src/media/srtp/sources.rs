//! What is remembered for each source under one key (RFC 3711 3.2.3).

use smallvec::SmallVec;

/// A value per synchronisation source; the one heard of longest ago makes room when there are too many.
#[derive(Debug)]
pub(super) struct Sources<T> {
    known: SmallVec<[(u32, T); 1]>,
}

impl<T> Default for Sources<T> {
    fn default() -> Sources<T> {
        Sources { known: SmallVec::new() }
    }
}

impl<T> Sources<T> {
    /// The value of a source; `fresh` when it has none yet.
    pub(super) fn of(&mut self, ssrc: u32, fresh: T) -> &mut T {
        let at = self.known.iter().position(|(known, _)| *known == ssrc).unwrap_or_else(|| {
            if self.known.len() >= MOST_SOURCES {
                self.known.remove(0);
            }
            self.known.push((ssrc, fresh));
            self.known.len() - 1
        });
        &mut self.known[at].1
    }

    /// The value of a known source.
    pub(super) fn get(&self, ssrc: u32) -> Option<&T> {
        self.known.iter().find(|(known, _)| *known == ssrc).map(|(_, value)| value)
    }
}

/// Sources under one key that are told apart.
const MOST_SOURCES: usize = 16;
