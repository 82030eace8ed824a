//! When a thread with much to do rests, so that it has more to do at once.

use std::time::Duration;

use crate::time::Time;

/// Decides when a busy thread rests before it looks at its sockets again, so that messages gather and one
/// wake-up serves many: waking for each message costs more than handling it.
#[derive(Debug)]
pub struct Busy {
    /// About so many messages gather in a rest: more make it hardly cheaper.
    gathered: u32,
    /// No rest is longer.
    longest: Duration,
    window: Time,
    messages: u32,
    /// How long to rest at the pace of the last window; zero when it was quiet.
    rest: Duration,
}

impl Busy {
    /// For a thread that has about so many messages to do in one go and may let one wait for `longest`, at least
    /// 400 us; to that the kernel adds up to 60 us.
    pub const fn gathering(gathered: u32, longest: Duration) -> Busy {
        Busy { gathered, longest, window: Time::ZERO, messages: 0, rest: Duration::ZERO }
    }

    /// Counts a message.
    pub fn count(&mut self, now: Time) {
        let passed = now.since(self.window);
        if passed > WINDOW {
            self.rest = match self.messages {
                0..=MESSAGES_IN_WINDOW => Duration::ZERO,
                messages => (passed * self.gathered / messages).clamp(SHORTEST, self.longest),
            };
            self.window = now;
            self.messages = 0;
        }
        self.messages += 1;
    }

    /// Whether to rest at `now`, and how long. What is due at `pressing` (a call to open) waits no longer than a rest
    /// from then; other deadlines may: a timer's tick is longer than a rest.
    pub fn rest(&self, now: Time, pressing: Option<Time>) -> Option<Duration> {
        if self.rest.is_zero() || now.since(self.window) > 2 * WINDOW {
            return None;
        }
        // It would else wait for a rest and for the work of the turn before it.
        let latest = pressing.map_or(self.rest, |due| (due + self.rest).since(now).saturating_sub(SLACK));
        Some(latest.min(self.rest)).filter(|rest| *rest > SLACK)
    }
}

/// Over which messages are counted.
const WINDOW: Duration = Duration::from_millis(10);
/// More messages than this in a window (2,000 a second) make a thread rest.
const MESSAGES_IN_WINDOW: u32 = 20;
/// The shortest: below it the thread would hardly come to sleep.
const SHORTEST: Duration = Duration::from_micros(400);
/// What the kernel may add to a sleep.
const SLACK: Duration = Duration::from_micros(60);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::time::Time;

    use super::{Busy, SHORTEST};

    const LONGEST: Duration = Duration::from_micros(850);

    /// After half a second with a message every `gap`.
    fn busy(gap: Duration) -> (Busy, Time) {
        let mut busy = Busy::gathering(16, LONGEST);
        let mut now = Time::ZERO;
        while now < Time::from_millis(500) {
            now += gap;
            busy.count(now);
        }
        (busy, now)
    }

    #[test]
    fn only_a_busy_thread_rests_and_the_less_the_busier() {
        assert_eq!(Busy::gathering(16, LONGEST).rest(Time::ZERO, None), None);
        let rows = [
            (1_000, None),
            (300, Some(LONGEST)),
            (40, Some(Duration::from_micros(640))),
            (5, Some(SHORTEST)),
        ];
        for (gap_micros, expected) in rows {
            let (busy, now) = busy(Duration::from_micros(gap_micros));
            let rest = busy.rest(now, None);
            let close = |expected: Duration| rest.is_some_and(|rest| rest.abs_diff(expected) < expected / 50);
            assert!(expected.map_or(rest.is_none(), close), "{gap_micros} us: {rest:?}");
            assert_eq!(busy.rest(now + Duration::from_millis(450), None), None, "quiet again");
        }
    }

    #[test]
    fn no_call_waits_longer_for_its_start_than_a_rest() {
        let (busy, now) = busy(Duration::from_micros(300));
        for micros in [0, 100, 500, 2_000] {
            let due = now + Duration::from_micros(micros);
            let rest = busy.rest(now, Some(due)).expect("a busy thread");
            assert!(now + rest <= due + LONGEST && rest <= LONGEST, "{micros}: {rest:?}");
        }
        assert_eq!(busy.rest(now + LONGEST, Some(now)), None, "a call that is late already");
    }
}
