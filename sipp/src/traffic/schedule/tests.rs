//! The books of the schedule over simulated time, whatever happens to the run.

use std::time::Duration;

use sip::ident::Ident;
use sip::time::Time;

use super::{Arrivals, Climb, Growth, Schedule, Share, Start, Wishes};

const SECOND: Duration = Duration::from_secs(1);

fn wishes(calls: f64) -> Wishes {
    Wishes {
        opens_calls: true,
        calls,
        period: SECOND,
        arrivals: Arrivals::Even,
        users: None,
        limit: Some(u64::MAX),
        length: Duration::ZERO,
        scale: 1.0,
        sleep: Duration::ZERO,
        ramp: None,
        share: Share::WHOLE,
        seed: 1,
    }
}

/// Takes the next call and opens it.
fn open(schedule: &mut Schedule, now: Time, open: u64) -> Option<Start> {
    let start = schedule.take(now, open)?;
    schedule.opened(now, start);
    Some(start)
}

fn started(schedule: &mut Schedule, now: Time) -> usize {
    std::iter::from_fn(|| open(schedule, now, 0)).count()
}

/// Rates whose intervals are whole nanoseconds, so that the expected number of calls is exact.
const RATES: [f64; 5] = [0.0, 10.0, 200.0, 1000.0, 5000.0];

/// A hundred simulated runs of random commands and stalls: no call is ever left out of the books.
#[test]
fn every_call_that_comes_due_is_started_or_missed() {
    for seed in 0..100 {
        let mut chance = Ident::seeded(seed);
        let mut schedule = Schedule::new(wishes(1000.0));
        schedule.start(Time::ZERO);
        let (mut now, mut rate, mut since, mut paused) = (0u64, 1000.0, 0u64, false);
        // Calls due before the running segment; a segment ends with a command that begins a new schedule.
        let mut expected = 0;
        let due = |rate: f64, since: u64, now: u64| ((now - since) as f64 * rate / 1e9) as u64;
        for _ in 0..500 {
            now += chance.below(5_000_000);
            let at = Time::from_nanos(now);
            let segment = if paused { 0 } else { due(rate, since, now) };
            match chance.below(20) {
                0 => {
                    expected += segment;
                    (rate, since) = (RATES[chance.below(5) as usize], now);
                    assert!(schedule.set_rate(at, rate));
                }
                1 if paused => {
                    schedule.resume(at);
                    (since, paused) = (now, false);
                }
                1 => {
                    schedule.pause(at);
                    expected += segment;
                    paused = true;
                }
                2 => schedule.set_limit(chance.below(200)),
                // A turn opens a bounded number of calls; the others stay overdue.
                _ => (0..chance.below(40)).for_each(|_| {
                    open(&mut schedule, at, chance.below(200));
                }),
            }
            let pacing = schedule.pacing(at);
            let due = expected + if paused { 0 } else { due(rate, since, now) };
            assert_eq!(pacing.scheduled, pacing.started + pacing.missed, "seed {seed} at {now}");
            assert_eq!(pacing.scheduled + pacing.overdue, due, "seed {seed} at {now}");
        }
        let end = Time::from_nanos(now);
        let before = schedule.pacing(end);
        schedule.end(end);
        let pacing = schedule.pacing(end);
        assert_eq!((pacing.overdue, pacing.missed), (0, before.missed + before.overdue), "seed {seed}");
    }
}

#[test]
fn calls_above_the_limit_are_missed_and_the_plan_goes_on() {
    let mut schedule = Schedule::new(Wishes { limit: Some(1), ..wishes(20.0) });
    schedule.start(Time::ZERO);
    assert!(open(&mut schedule, Time::from_millis(50), 0).is_some());
    assert_eq!(open(&mut schedule, Time::from_millis(149), 1), None);
    let due = open(&mut schedule, Time::from_millis(150), 0).map(|start| start.due);
    assert_eq!(due, Some(Time::from_millis(150)));
    let pacing = schedule.pacing(Time::from_millis(150));
    assert_eq!((pacing.scheduled, pacing.started, pacing.missed), (3, 2, 1));
}

/// Measured on SIPp 3.6.1: `-sleep 1 -r 2` starts calls at 1.5 and 2.0 s.
#[test]
fn the_schedule_begins_after_the_sleep() {
    let mut schedule = Schedule::new(Wishes { sleep: SECOND, ..wishes(2.0) });
    assert_eq!(schedule.next_due(), None, "not started");
    schedule.start(Time::ZERO);
    assert_eq!(schedule.next_due(), Some(Time::from_millis(1500)));
    assert_eq!(started(&mut schedule, Time::from_millis(2000)), 2);
}

#[test]
fn users_are_due_when_their_call_ends() {
    let share = |index| Share { index, of: 2 };
    let engine = |index| {
        let mut schedule =
            Schedule::new(Wishes { users: Some(3), limit: None, share: share(index), ..wishes(0.0) });
        schedule.start(Time::from_millis(10));
        schedule
    };
    let (mut first, mut second) = (engine(0), engine(1));
    assert_eq!(open(&mut first, Time::from_millis(9), 0), None);
    let now = Time::from_millis(12);
    let users = |schedule: &mut Schedule| -> Vec<u32> {
        std::iter::from_fn(|| open(schedule, now, 0)).map(|start| start.user).collect()
    };
    assert_eq!((users(&mut first), users(&mut second)), (vec![3, 1], vec![2]));
    first.release(Time::from_millis(40), 3);
    let again = open(&mut first, Time::from_millis(45), 0).expect("one is free");
    assert_eq!((again.user, again.due), (3, Time::from_millis(40)));
    assert_eq!((first.limit(), first.pacing(now).latest().as_millis()), (3, 5));
}

#[test]
fn the_ramp_ends_the_run_or_stays() {
    for (stays_at_max, end) in [(false, Climb::Done), (true, Climb::On)] {
        let ramp = Growth { increase: 5.0, interval: SECOND, max: Some(12.0), stays_at_max };
        let mut schedule = Schedule::new(Wishes { ramp: Some(ramp), ..wishes(5.0) });
        schedule.start(Time::ZERO);
        assert_eq!(schedule.climb(Time::from_millis(1000)), Some(Climb::On));
        assert_eq!(schedule.climb(Time::from_millis(2000)), Some(end));
        assert_eq!(schedule.climb(Time::from_millis(9000)).is_none(), stays_at_max);
    }
}

/// A connection is lost at 2 s and stands again at 5 s.
#[test]
fn what_comes_due_without_a_connection_is_missed() {
    let mut schedule = Schedule::new(wishes(10.0));
    assert!(!schedule.has_started());
    schedule.start(Time::ZERO);
    assert_eq!((schedule.has_started(), started(&mut schedule, Time::from_millis(2000))), (true, 20));
    schedule.skip(Time::from_millis(5000));
    assert_eq!(started(&mut schedule, Time::from_millis(5100)), 1);
    let pacing = schedule.pacing(Time::from_millis(5100));
    assert_eq!((pacing.scheduled, pacing.started, pacing.missed), (51, 21, 30));
}
