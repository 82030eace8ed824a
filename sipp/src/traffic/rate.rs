//! The open loop: calls are due on an absolute schedule, however late the program is.
//!
//! Evenly spaced, call k is due at start + (k + 1) / rate: like SIPp the first call comes one interval after the
//! start. A change of the rate begins a new schedule. Several engines share one schedule, call by call in turn.

use std::time::Duration;

use sip::ident::Ident;
use sip::time::Time;

/// How the calls of a rate are spread over time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Arrivals {
    /// Evenly.
    #[default]
    Even,
    /// Independent of each other: gaps are exponentially distributed, as calls of many people are.
    Poisson,
    /// All calls of a period at its end.
    Burst,
}

/// Which part of a run one engine does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Share {
    /// Which of them it is, from 0.
    pub(crate) index: u32,
    /// How many engines there are.
    pub(crate) of: u32,
}

impl Share {
    /// The only engine.
    pub(crate) const WHOLE: Share = Share { index: 0, of: 1 };

    /// Its part of a number: the parts add up to the number.
    pub(crate) fn part(self, number: u32) -> u32 {
        number / self.of + u32::from(self.index < number % self.of)
    }

    /// Its part of a range of ports, which begins at an even distance from the first one.
    pub(crate) fn of_ports(self, (first, last): (u16, u16)) -> (u16, u16) {
        let width = ((u32::from(last.saturating_sub(first)) + 1) / self.of) & !1;
        let start = u32::from(first) + self.index * width;
        let is_last = self.index + 1 == self.of;
        let end = if is_last { last.into() } else { start + width.max(1) - 1 };
        // Within the range, whose ends are ports.
        (start as u16, end as u16)
    }
}

/// The schedule of outgoing calls.
#[derive(Clone, Debug)]
pub(crate) struct Pacer {
    calls_per_period: f64,
    period: Duration,
    /// Start of the schedule.
    origin: Time,
    /// Calls taken from the schedule since its start.
    taken: u64,
    arrivals: Arrivals,
    share: Share,
    ident: Ident,
    /// Nanoseconds from the origin to the next call, when gaps are random.
    random_nanos: f64,
}

impl Pacer {
    /// A schedule that begins at `now`: `calls` in each `period`, evenly spaced, for one engine.
    pub(crate) fn start(now: Time, calls: f64, period: Duration) -> Pacer {
        Pacer {
            calls_per_period: calls.max(0.0),
            period,
            origin: now,
            taken: 0,
            arrivals: Arrivals::Even,
            share: Share::WHOLE,
            ident: Ident::seeded(0),
            random_nanos: 0.0,
        }
    }

    /// The same with other arrivals, and for one of several engines; `seed` is behind random gaps.
    pub(crate) fn spread(self, arrivals: Arrivals, share: Share, seed: u64) -> Pacer {
        let mut pacer = Pacer { arrivals, share, ident: Ident::seeded(seed), ..self };
        pacer.restart(pacer.origin);
        pacer
    }

    /// Calls per period, of all engines together.
    pub(crate) fn rate(&self) -> f64 {
        self.calls_per_period
    }

    /// The period.
    pub(crate) fn period(&self) -> Duration {
        self.period
    }

    /// Begins a new schedule at `now` with that rate; below zero is zero.
    pub(crate) fn set_rate(&mut self, now: Time, calls: f64) {
        self.calls_per_period = calls.max(0.0);
        self.origin = now;
        self.taken = 0;
        self.random_nanos = 0.0;
        self.draw_gap();
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
        let number = (self.taken * u64::from(self.share.of) + u64::from(self.share.index) + 1) as f64;
        let periods = number / self.calls_per_period;
        let period = self.period.as_nanos() as f64;
        let nanos = match self.arrivals {
            Arrivals::Even => periods * period,
            // A quotient that is whole may come out a little above.
            Arrivals::Burst => (periods - 1e-9).ceil() * period,
            Arrivals::Poisson => self.random_nanos,
        };
        Some(self.origin + Duration::from_nanos(nanos as u64))
    }

    /// Takes the next call from the schedule if it is due: the moment it was due at.
    pub(crate) fn take_due(&mut self, now: Time) -> Option<Time> {
        let due = self.next_due().filter(|due| *due <= now)?;
        self.taken += 1;
        self.draw_gap();
        Some(due)
    }

    /// How many calls are due at `now` and not taken.
    pub(crate) fn overdue(&self, now: Time) -> u64 {
        let mut ahead = self.clone();
        (0..COUNTED_AHEAD).take_while(|_| ahead.take_due(now).is_some()).count() as u64
    }

    /// Sums of independent exponential gaps are again such a schedule, so engines need not agree on one.
    fn draw_gap(&mut self) {
        if self.arrivals == Arrivals::Poisson && self.calls_per_period > 0.0 {
            // In (0, 1]: the logarithm of zero would be no gap at all.
            let unit = ((self.ident.next_u64() >> 11) + 1) as f64 / (1u64 << 53) as f64;
            let mean = self.period.as_nanos() as f64 * f64::from(self.share.of) / self.calls_per_period;
            self.random_nanos -= mean * unit.ln();
        }
    }
}

/// Calls that [`Pacer::overdue`] counts at most.
const COUNTED_AHEAD: u32 = 1_000_000;

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

    use super::{Arrivals, Pacer, Ramp, Share, Step};

    const SECOND: Duration = Duration::from_secs(1);

    fn dues(pacer: &mut Pacer, until: Time) -> Vec<u64> {
        std::iter::from_fn(|| pacer.take_due(until)).map(Time::as_millis).collect()
    }

    /// Measured on SIPp 3.6.1: `-r 4`, `-r 1 -rp 400`, `-r 0.5`, `-r 0`.
    #[test]
    fn ports_are_shared_without_overlap() {
        let parts = |of, range| (0..of).map(|index| Share { index, of }.of_ports(range)).collect::<Vec<_>>();
        assert_eq!(parts(1, (6001, 6004)), [(6001, 6004)]);
        assert_eq!(parts(2, (6000, u16::MAX)), [(6000, 35_767), (35_768, u16::MAX)]);
        assert_eq!(parts(3, (6000, 6015)), [(6000, 6003), (6004, 6007), (6008, 6015)]);
        for (start, end) in parts(256, (65_000, 65_010)).into_iter().chain(parts(2, (9, 9))) {
            assert!(start <= end);
        }
    }

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

    #[test]
    fn a_burst_comes_whole_at_the_end_of_its_period() {
        let rows = [
            (3.0, vec![1000, 1000, 1000, 2000, 2000, 2000]),
            (0.5, vec![2000]),
            (1.5, vec![1000, 2000, 2000]),
        ];
        for (calls, expected) in rows {
            let mut pacer = Pacer::start(Time::ZERO, calls, SECOND).spread(Arrivals::Burst, Share::WHOLE, 1);
            assert_eq!(dues(&mut pacer, Time::from_millis(2000)), expected, "{calls}");
        }
    }

    /// A thousand calls per second for a hundred seconds: mean and deviation of the gaps are both 1 ms.
    #[test]
    fn poisson_gaps_are_exponential() {
        let mut pacer = Pacer::start(Time::ZERO, 1000.0, SECOND).spread(Arrivals::Poisson, Share::WHOLE, 7);
        let mut before = Time::ZERO;
        let mut gaps = Vec::new();
        while let Some(due) = pacer.take_due(Time::from_millis(100_000)) {
            gaps.push(due.since(before).as_secs_f64() * 1000.0);
            before = due;
        }
        let mean = gaps.iter().sum::<f64>() / gaps.len() as f64;
        let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / gaps.len() as f64;
        assert!((mean - 1.0).abs() < 0.02 && (variance.sqrt() - 1.0).abs() < 0.03, "{mean} {variance}");
        assert!(gaps.len().abs_diff(100_000) < 1500, "{}", gaps.len());
    }

    #[test]
    fn engines_share_a_schedule_call_by_call() {
        for arrivals in [Arrivals::Even, Arrivals::Burst] {
            let share = |index| Share { index, of: 3 };
            let whole = Pacer::start(Time::ZERO, 7.0, SECOND).spread(arrivals, Share::WHOLE, 1);
            let end = Time::from_millis(5000);
            let mut together: Vec<u64> = (0..3)
                .flat_map(|index| dues(&mut whole.clone().spread(arrivals, share(index), 1), end))
                .collect();
            together.sort_unstable();
            assert_eq!(together, dues(&mut whole.clone(), end), "{arrivals:?}");
        }
        let parts: Vec<u32> = (0..3).map(|index| Share { index, of: 3 }.part(11)).collect();
        assert_eq!(parts, [4, 4, 3]);
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
