//! What happened in each second of a run: the record behind charts, the report and questions asked later.
//!
//! Bounded: the first hour stands second by second; a longer run has neighbours joined, so that each record
//! covers two seconds, then four.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use sip::time::Time;
use smallvec::SmallVec;

use super::counters::Totals;
use super::histogram::{Percentiles, Samples};
use super::pacing::Pacing;
use super::snapshot::{Baseline, Snapshot};

/// One second of a run, or several of a long one.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Second {
    /// Its end.
    pub(crate) at: Time,
    /// How long it was.
    pub(crate) length: Duration,
    /// The schedule's books for it.
    pub(crate) pacing: Pacing,
    /// Calls created.
    pub(crate) created: u64,
    /// Calls that ended well.
    pub(crate) successful: u64,
    /// Calls that failed.
    pub(crate) failed: u64,
    /// Open calls at its end.
    pub(crate) open: u64,
    /// Messages sent again.
    pub(crate) retransmissions: u64,
    /// Datagrams the kernel dropped before we read them.
    pub(crate) kernel_drops: u64,
    /// Messages that could not be sent.
    pub(crate) send_errors: u64,
    /// CPU time of our threads, in the order of [`Snapshot::threads`].
    pub(crate) cpu: SmallVec<[Duration; 4]>,
    /// Of each response time and at last of the call length: percentiles of the samples of this second, from the
    /// moment the request was due; `None` without any.
    pub(crate) times: SmallVec<[Option<Percentiles>; 2]>,
}

impl Second {
    /// Joins the second that follows: counts add up, of percentiles the worse stays.
    fn join(&mut self, next: &Second) {
        self.at = next.at;
        self.length += next.length;
        self.pacing.add(&next.pacing);
        self.pacing.overdue = next.pacing.overdue;
        self.created += next.created;
        self.successful += next.successful;
        self.failed += next.failed;
        self.open = next.open;
        self.retransmissions += next.retransmissions;
        self.kernel_drops += next.kernel_drops;
        self.send_errors += next.send_errors;
        self.cpu.resize(self.cpu.len().max(next.cpu.len()), Duration::ZERO);
        for (cpu, more) in self.cpu.iter_mut().zip(&next.cpu) {
            *cpu += *more;
        }
        for (time, other) in self.times.iter_mut().zip(&next.times) {
            *time = Percentiles::worse(*time, *other);
        }
    }
}

/// The seconds of a run. All snapshots of it share them: a copy in each would grow with the run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Record(Arc<RwLock<Seconds>>);

impl Record {
    /// None yet, with the memory for all there can be: a long run shall not look as if it leaked.
    pub(crate) fn of_a_long_run() -> Record {
        let mut list = vec![Second::default(); MOST];
        list.clear();
        Record(Arc::new(RwLock::new(Seconds { list, ..Seconds::default() })))
    }

    /// Adds the second that ended.
    pub(crate) fn push(&self, second: Second) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).push(second);
    }

    /// What there is.
    pub(crate) fn read(&self) -> RwLockReadGuard<'_, Seconds> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The seconds of a run, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Seconds {
    list: Vec<Second>,
    /// How many seconds one record covers.
    step: usize,
    /// Seconds taken into the last record so far.
    joined: usize,
}

impl Seconds {
    /// The records; all but the last cover [`Seconds::step`] seconds.
    pub(crate) fn list(&self) -> &[Second] {
        &self.list
    }

    /// How many seconds one record covers: 1 in the first hour.
    pub(crate) fn step(&self) -> usize {
        self.step.max(1)
    }

    fn push(&mut self, second: Second) {
        let begins = self.joined == 0;
        match self.list.last_mut().filter(|_| !begins) {
            Some(last) => last.join(&second),
            None => self.list.push(second),
        }
        self.joined += 1;
        if self.joined == self.step() {
            self.joined = 0;
            if self.list.len() >= MOST {
                self.halve();
            }
        }
    }

    fn halve(&mut self) {
        let halves = self.list.len().div_ceil(2);
        for at in 0..halves {
            let mut joined = std::mem::take(&mut self.list[2 * at]);
            if let Some(next) = self.list.get(2 * at + 1) {
                joined.join(next);
            }
            self.list[at] = joined;
        }
        self.list.truncate(halves);
        self.step = self.step() * 2;
    }
}

/// Makes seconds out of one snapshot after the other.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch {
    before: Option<Box<Snapshot>>,
}

impl Stopwatch {
    /// The second between the snapshot before and this one; the first covers all since the start.
    pub(crate) fn lap(&mut self, snapshot: &Snapshot) -> Second {
        let before = self.before.as_deref();
        let (totals, network) = (&snapshot.counters.totals, &snapshot.network);
        let mut period = before.map(Baseline::of).unwrap_or_default();
        let restarted = period.restart(snapshot);
        let counted = |count: fn(&Totals) -> u64| count(totals).saturating_sub(count(&period.totals));
        let since = |now: u64, then: fn(&Snapshot) -> u64| now.saturating_sub(before.map_or(0, then));
        let pacing = match before {
            Some(before) => snapshot.pacing.since(&before.pacing),
            None => snapshot.pacing,
        };
        let cpu = snapshot.threads.iter().map(|thread| {
            let then = before.and_then(|before| before.threads.iter().find(|then| then.name == thread.name));
            thread.cpu.saturating_sub(then.map_or(Duration::ZERO, |then| then.cpu))
        });
        let second = Second {
            at: snapshot.at,
            length: snapshot.at.since(before.map_or(Time::ZERO, |before| before.at)),
            pacing,
            created: counted(Totals::created),
            successful: counted(|totals| totals.successful),
            failed: counted(|totals| totals.failed),
            open: snapshot.activity.open,
            retransmissions: counted(|totals| totals.retransmissions),
            kernel_drops: since(network.kernel_drops, |then| then.network.kernel_drops),
            send_errors: since(network.send_errors, |then| then.network.send_errors),
            cpu: cpu.collect(),
            times: times(snapshot, before.filter(|_| !restarted)),
        };
        self.before = Some(Box::new(snapshot.clone()));
        second
    }
}

/// Percentiles of what was measured since `before`.
fn times(snapshot: &Snapshot, before: Option<&Snapshot>) -> SmallVec<[Option<Percentiles>; 2]> {
    let all = |snapshot: &Snapshot| -> Vec<Samples> {
        let counters = &snapshot.counters;
        counters.response_times.iter().chain([&counters.call_length]).cloned().collect()
    };
    let then = before.map(all).unwrap_or_default();
    let now = all(snapshot);
    now.iter().enumerate().map(|(at, samples)| samples.corrected_since(then.get(at))).collect()
}

/// Records kept: an hour of seconds.
const MOST: usize = 3600;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::super::counters::Totals;
    use super::super::screens::tests::client;
    use super::super::snapshot::Baseline;
    use super::{MOST, Second, Seconds, Stopwatch};

    #[test]
    fn a_lap_is_the_difference_of_two_snapshots() {
        let mut watch = Stopwatch::default();
        let mut snapshot = client();
        assert_eq!(watch.lap(&snapshot).created, 5);
        snapshot.at = Time::from_millis(1700);
        snapshot.counters.totals.outgoing += 3;
        snapshot.counters.response_times[0].record(Duration::from_millis(7), Duration::from_millis(5));
        snapshot.pacing.start(Duration::from_millis(5));
        let second = watch.lap(&snapshot);
        assert_eq!((second.created, second.pacing.late(), second.length.as_millis()), (3, 1, 1000));
        let time = second.times[0].expect("one sample");
        assert!((time.p99.as_millis(), time.max.as_millis()) == (12, 12), "from the due moment: {time:?}");
        assert_eq!(second.times[1], None, "no call ended in it");
    }

    /// `reset stats` with a call open; then two more came, and one ended.
    #[test]
    fn a_second_in_which_counters_began_anew_counts_from_there() {
        let mut watch = Stopwatch::default();
        let mut snapshot = client();
        watch.lap(&snapshot);
        let open = Totals { outgoing: 1, ..Totals::default() };
        snapshot.began = Baseline { at: Time::from_millis(1200), totals: open, ..Baseline::default() };
        snapshot.at = Time::from_millis(1700);
        snapshot.counters.totals = Totals { outgoing: 3, successful: 1, ..Totals::default() };
        let second = watch.lap(&snapshot);
        assert_eq!((second.created, second.successful, second.failed), (2, 1, 0));
        assert_eq!(snapshot.call_rate(&snapshot.began), 4.0, "two calls in half a second");
    }

    #[test]
    fn a_long_run_keeps_its_sums_and_stays_bounded() {
        let mut seconds = Seconds::default();
        for at in 1..=3 * MOST as u64 {
            let length = Duration::from_secs(1);
            seconds.push(Second {
                at: Time::from_millis(at * 1000),
                length,
                created: 2,
                ..Second::default()
            });
            assert!(seconds.list().len() <= MOST);
        }
        assert_eq!(seconds.step(), 4);
        let sum: u64 = seconds.list().iter().map(|second| second.created).sum();
        let length: Duration = seconds.list().iter().map(|second| second.length).sum();
        assert_eq!((sum, length.as_secs()), (6 * MOST as u64, 3 * MOST as u64));
        assert_eq!(seconds.list()[0].length.as_secs(), 4);
    }
}
