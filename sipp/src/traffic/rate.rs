//! The open loop: calls are due on an absolute schedule, however late the program is.
//!
//! Call k is due at start + (k + 1) / rate: like SIPp the first call comes one interval after the start. A
//! change of the rate begins a new schedule. A call that is due and cannot be opened is missed, not deferred.

use std::time::Duration;

use sip::time::Time;

/// The schedule of outgoing calls.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    calls_per_period: f64,
    period: Duration,
    /// Start of the schedule.
    origin: Time,
    /// Calls taken from the schedule since its start.
    taken: u64,
}

impl Pacer {
    /// A schedule that begins at `now`: `calls` in each `period`.
    pub(crate) fn start(now: Time, calls: f64, period: Duration) -> Pacer {
        Pacer { calls_per_period: calls.max(0.0), period, origin: now, taken: 0 }
    }

    /// Calls per period.
    pub(crate) fn rate(&self) -> f64 {
        self.calls_per_period
    }

    /// The period.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// Begins a new schedule at `now` with that rate; below zero is zero.
    pub(crate) fn set_rate(&mut self, now: Time, calls: f64) {
        *self = Pacer::start(now, calls, self.period);
    }

    /// Begins the schedule anew at `now`, as after a pause.
    pub(crate) fn restart(&mut self, now: Time) {
        self.set_rate(now, self.calls_per_period);
    }

    /// When the next call is due; `None` at rate zero.
    pub(crate) fn next_due(&self) -> Option<Time> {
        if self.calls_per_period <= 0.0 {
            return None;
        }
        // One rounding per call from the origin, so errors do not add up.
        let interval = self.period.as_nanos() as f64 / self.calls_per_period;
        Some(self.origin + Duration::from_nanos(((self.taken + 1) as f64 * interval) as u64))
    }

    /// Takes the next call from the schedule if it is due: the moment it was due at.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Time> {
        let due = self.next_due().filter(|due| *due <= now)?;
        self.taken += 1;
        Some(due)
    }
}

/// `-rate_increase`: the rate grows at each interval, up to a largest one.
#[derive(Clone, Debug)]
pub(crate) struct Ramp {
    /// Added at each step.
    pub(crate) increase: f64,
    /// Time between two steps.
    pub(crate) interval: Duration,
    /// Largest rate.
    pub(crate) max: Option<f64>,
    /// When the next step comes.
    next: Time,
}

/// What a step of the ramp asks for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Step {
    /// Go on at this rate.
    Rate(f64),
    /// The largest rate is reached; go on at it, and end unless told otherwise.
    Max(f64),
}

impl Ramp {
    /// A ramp whose first step comes one interval after `now`; `None` when it would never change anything.
    pub(crate) fn start(now: Time, increase: f64, interval: Duration, max: Option<f64>) -> Option<Ramp> {
        let moves = increase != 0.0 && !interval.is_zero();
        moves.then(|| Ramp { increase, interval, max, next: now + interval })
    }

    /// When the next step comes.
    pub(crate) fn next_due(&self) -> Time {
        self.next
    }

    /// Takes the next step if it is due; `rate` is the one before it.
    pub(crate) fn take_due(&mut self, now: Time, rate: f64) -> Option<Step> {
        if now < self.next {
            return None;
        }
        self.next += self.interval;
        let wanted = rate + self.increase;
        Some(match self.max {
            Some(max) if wanted > max => Step::Max(max),
            _ => Step::Rate(wanted.max(0.0)),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::{Pacer, Ramp, Step};

    const SECOND: Duration = Duration::from_secs(1);

    fn dues(pacer: &mut Pacer, until: Time) -> Vec<u64> {
        std::iter::from_fn(|| pacer.take_due(until)).map(Time::as_millis).collect()
    }

    /// Measured on SIPp 3.6.1: `-r 4`, `-r 1 -rp 400`, `-r 0.5`, `-r 0`.
    #[test]
    fn first_call_comes_one_interval_after_the_start() {
        let rows = [
            (4.0, SECOND, vec![250, 500, 750, 1000]),
            (1.0, Duration::from_millis(400), vec![400, 800]),
            (0.5, SECOND, vec![]),
            (0.0, SECOND, vec![]),
        ];
        for (calls, period, expected) in rows {
            let mut pacer = Pacer::start(Time::ZERO, calls, period);
            assert_eq!(dues(&mut pacer, Time::from_millis(1000)), expected, "{calls}");
        }
        assert_eq!(Pacer::start(Time::ZERO, 0.5, SECOND).next_due(), Some(Time::from_millis(2000)));
        assert_eq!(Pacer::start(Time::ZERO, 0.0, SECOND).next_due(), None);
    }

    #[test]
    fn a_new_rate_begins_a_new_schedule() {
        let mut pacer = Pacer::start(Time::ZERO, 1.0, SECOND);
        pacer.set_rate(Time::from_millis(900), 10.0);
        assert_eq!(pacer.next_due(), Some(Time::from_millis(1000)));
        pacer.set_rate(Time::from_millis(950), -3.0);
        assert_eq!(pacer.next_due(), None);
    }

    #[test]
    fn a_late_program_still_takes_every_call_with_its_own_due_time() {
        let mut pacer = Pacer::start(Time::ZERO, 1000.0, SECOND);
        let taken = dues(&mut pacer, Time::from_millis(5));
        assert_eq!(taken, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn rounding_does_not_add_up() {
        let mut pacer = Pacer::start(Time::ZERO, 3.0, SECOND);
        for _ in 0..3_000_000 {
            pacer.taken += 1;
        }
        pacer.taken -= 1;
        let due = pacer.next_due().expect("rate is not zero");
        assert!(due.since(Time::from_millis(1_000_000_000)) < Duration::from_micros(1), "{due:?}");
        assert!(Time::from_millis(1_000_000_000).since(due) < Duration::from_micros(1), "{due:?}");
    }

    /// Measured on SIPp 3.6.1: `-r 5 -rate_increase 5 -rate_interval 1 -rate_max 12` goes 5, 10, 12 and ends.
    #[test]
    fn ramp_steps_up_to_its_largest_rate() {
        let mut ramp = Ramp::start(Time::ZERO, 5.0, SECOND, Some(12.0)).expect("it increases");
        assert_eq!(ramp.take_due(Time::from_millis(999), 5.0), None);
        assert_eq!(ramp.take_due(Time::from_millis(1000), 5.0), Some(Step::Rate(10.0)));
        assert_eq!(ramp.next_due(), Time::from_millis(2000));
        assert_eq!(ramp.take_due(Time::from_millis(2000), 10.0), Some(Step::Max(12.0)));
        assert!(Ramp::start(Time::ZERO, 0.0, SECOND, None).is_none());
    }
}
