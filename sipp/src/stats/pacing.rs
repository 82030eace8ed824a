//! How well the schedule of calls was kept: what came due, what was started and how late, what was missed.
//!
//! Every call that comes due is counted once more, as started or as missed; none is silently left out.

use std::time::Duration;

/// The books of the schedule; everything only grows, except `overdue`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pacing {
    /// Calls that came due and were taken from the schedule: `started` + `missed`.
    pub(crate) scheduled: u64,
    /// Calls that were opened.
    pub(crate) started: u64,
    /// Calls that came due and were never opened: the limit was reached, or the run was paused or ended first.
    pub(crate) missed: u64,
    /// Calls that are due and wait for their turn.
    pub(crate) overdue: u64,
    /// How late the started calls were.
    pub(crate) lateness: Lateness,
}

impl Pacing {
    /// Calls started more than a millisecond after they were due.
    pub(crate) fn late(&self) -> u64 {
        self.lateness.above(LATE)
    }

    /// The longest delay of a start.
    pub(crate) fn latest(&self) -> Duration {
        self.lateness.latest
    }

    /// A call came due and is opened this much later.
    pub(crate) fn start(&mut self, delay: Duration) {
        self.scheduled += 1;
        self.started += 1;
        self.lateness.record(delay);
    }

    /// A call came due and is not opened.
    pub(crate) fn miss(&mut self) {
        self.scheduled += 1;
        self.missed += 1;
    }

    /// Adds the books of another engine.
    pub(crate) fn add(&mut self, other: &Pacing) {
        self.scheduled += other.scheduled;
        self.started += other.started;
        self.missed += other.missed;
        self.overdue += other.overdue;
        self.lateness.add(&other.lateness);
    }

    /// What was added since `earlier`; `overdue` and the longest delay are those of now.
    pub(crate) fn since(&self, earlier: &Pacing) -> Pacing {
        Pacing {
            scheduled: self.scheduled.saturating_sub(earlier.scheduled),
            started: self.started.saturating_sub(earlier.started),
            missed: self.missed.saturating_sub(earlier.missed),
            overdue: self.overdue,
            lateness: self.lateness.since(&earlier.lateness),
        }
    }
}

/// Delays of starts, in bins from a tenth of a millisecond to seconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Lateness {
    bins: [u64; BORDERS_MICROS.len() + 1],
    /// The longest.
    latest: Duration,
}

impl Lateness {
    /// Adds a delay.
    pub(crate) fn record(&mut self, delay: Duration) {
        let micros = u64::try_from(delay.as_micros()).unwrap_or(u64::MAX);
        self.bins[BORDERS_MICROS.partition_point(|border| *border < micros)] += 1;
        self.latest = self.latest.max(delay);
    }

    /// Upper border of each bin, included, with its count; the last one has no border.
    pub(crate) fn bins(&self) -> impl Iterator<Item = (Option<Duration>, u64)> {
        let borders = BORDERS_MICROS.iter().map(|micros| Some(Duration::from_micros(*micros)));
        borders.chain([None]).zip(self.bins)
    }

    /// How many delays were longer than one of the borders.
    pub(crate) fn above(&self, border: Duration) -> u64 {
        self.bins()
            .filter(|(upper, _)| upper.is_none_or(|upper| upper > border))
            .map(|(_, count)| count)
            .sum()
    }

    fn add(&mut self, other: &Lateness) {
        for (bin, more) in self.bins.iter_mut().zip(other.bins) {
            *bin += more;
        }
        self.latest = self.latest.max(other.latest);
    }

    fn since(&self, earlier: &Lateness) -> Lateness {
        let mut period = *self;
        for (bin, before) in period.bins.iter_mut().zip(earlier.bins) {
            *bin = bin.saturating_sub(before);
        }
        period
    }
}

/// A call opened later than this after it was due counts as late.
pub(crate) const LATE: Duration = Duration::from_millis(1);
/// Upper borders of the bins.
const BORDERS_MICROS: [u64; 11] =
    [100, 250, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 500_000, 1_000_000];

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{LATE, Pacing};

    #[test]
    fn a_call_is_late_after_more_than_a_millisecond() {
        let mut pacing = Pacing::default();
        for micros in [0, 100, 999, 1_000, 1_001, 70_000, 9_000_000] {
            pacing.start(Duration::from_micros(micros));
        }
        assert_eq!((pacing.late(), pacing.latest()), (3, Duration::from_secs(9)));
        assert_eq!(pacing.lateness.above(Duration::from_millis(100)), 1);
        let bins: Vec<u64> = pacing.lateness.bins().map(|(_, count)| count).collect();
        assert_eq!(bins, [2, 0, 0, 2, 1, 0, 0, 0, 1, 0, 0, 1]);
    }

    #[test]
    fn periods_and_sums_keep_the_books_balanced() {
        let mut pacing = Pacing::default();
        pacing.start(LATE);
        let before = pacing;
        pacing.miss();
        pacing.start(2 * LATE);
        let period = pacing.since(&before);
        assert_eq!((period.scheduled, period.started, period.missed, period.late()), (2, 1, 1, 1));
        let mut both = before;
        both.add(&period);
        assert_eq!(both, pacing);
    }
}
