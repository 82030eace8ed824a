//! How often each reason was seen, and which failures are kept in full.

use std::collections::HashMap;

/// Counts failures by reason; says of each whether it is one of the first.
#[derive(Clone, Debug)]
pub(crate) struct Quota {
    /// Failures kept of each reason.
    each: u64,
    /// Memory that what is kept may still take.
    bytes_left: usize,
    counts: HashMap<String, u64>,
}

impl Quota {
    /// Keeps the first `each` failures of every reason, `bytes` of all together.
    pub(crate) fn new(each: u64, bytes: usize) -> Quota {
        Quota { each, bytes_left: bytes, counts: HashMap::new() }
    }

    /// Counts a failure. True when it is to be kept in full.
    pub(crate) fn count(&mut self, reason: &str) -> bool {
        let reason = if self.counts.len() < REASONS || self.counts.contains_key(reason) {
            reason
        } else {
            OTHER_REASONS
        };
        let count = match self.counts.get_mut(reason) {
            Some(count) => count,
            None => self.counts.entry(reason.to_owned()).or_default(),
        };
        *count += 1;
        *count <= self.each && self.bytes_left > 0
    }

    /// A kept failure takes so much memory.
    pub(crate) fn spend(&mut self, bytes: usize) {
        self.bytes_left = self.bytes_left.saturating_sub(bytes);
    }

    /// The reasons with their counts, most frequent first.
    pub(crate) fn reasons(&self) -> Vec<(String, u64)> {
        let mut reasons: Vec<_> = self.counts.iter().map(|(text, count)| (text.clone(), *count)).collect();
        reasons.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        reasons
    }

    /// Everything is counted from zero again; what is kept stays.
    pub(crate) fn reset(&mut self) {
        self.counts.clear();
    }
}

/// Distinct reasons told apart; a peer that invents status codes makes no more.
const REASONS: usize = 256;
/// What the rest is counted as.
const OTHER_REASONS: &str = "other reasons";

#[cfg(test)]
mod tests {
    use super::{OTHER_REASONS, Quota, REASONS};

    #[test]
    fn the_first_of_each_reason_are_kept() {
        let mut quota = Quota::new(2, 1000);
        let kept: Vec<bool> = ["a", "a", "b", "a", "b", "b"].map(|reason| quota.count(reason)).to_vec();
        assert_eq!(kept, [true, true, true, false, true, false]);
        assert_eq!(quota.reasons(), [("a".to_owned(), 3), ("b".to_owned(), 3)]);
    }

    #[test]
    fn memory_has_an_end() {
        let mut quota = Quota::new(20, 100);
        assert!(quota.count("a"));
        quota.spend(99);
        assert!(quota.count("a"));
        quota.spend(99);
        assert!(!quota.count("a"));
    }

    #[test]
    fn reasons_without_end_are_one() {
        let mut quota = Quota::new(20, 100);
        for n in 0..10_000 {
            quota.count(&n.to_string());
        }
        let reasons = quota.reasons();
        assert_eq!(reasons.len(), REASONS + 1);
        assert_eq!(reasons[0], (OTHER_REASONS.to_owned(), 10_000 - REASONS as u64));
    }
}
