//! What became of the packets of a protected line, for those who look for the reason of silence. Never a key.

use std::fmt;
use std::hash::Hash;

use super::super::srtp::Suite;
use super::MediaLines;

/// Suites and packets of a line whose descriptions agreed on keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Protection {
    /// What we protect with, and how many packets.
    pub sending: (Suite, u64),
    /// What we open with, and how many packets it opened.
    pub receiving: (Suite, u64),
    /// Packets it did not open: another key, changed on the way, or seen before.
    pub refused: u64,
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Protection { sending: (ours, sent), receiving: (theirs, opened), refused } = self;
        let (ours, theirs) = (ours.name(), theirs.name());
        write!(f, "{ours}: {sent} packets sent; {theirs}: {opened} packets opened, {refused} refused")
    }
}

impl<L: Copy + Eq + Hash, P: Copy + Eq + Hash> MediaLines<L, P> {
    /// What became of the packets of a line; `None` for one without keys.
    pub fn protection(&self, id: L) -> Option<Protection> {
        let line = self.lines.get(&id)?;
        let keys = line.expectation.keys.as_ref()?;
        Some(Protection {
            sending: (keys.sending.suite, line.sent),
            receiving: (keys.receiving.suite, self.heard(id).packets),
            refused: line.refused,
        })
    }
}
