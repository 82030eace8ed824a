//! When a busy thread rests.

use std::time::Duration;

use sip::time::Time;

/// Decides when a busy thread rests before it looks at its sockets again, so that messages gather and one
/// wake-up serves many: waking for each message costs more than handling it.
#[derive(Debug, Default)]
pub(super) struct Busy {
    window: Time,
    messages: u32,
    resting: bool,
}

impl Busy {
    /// Counts a message.
    pub(super) fn count(&mut self, now: Time) {
        if now.since(self.window) > WINDOW {
            self.resting = self.messages > MESSAGES_IN_WINDOW;
            self.window = now;
            self.messages = 0;
        }
        self.messages += 1;
    }

    /// Whether to rest at `now`, and how long. Deadlines wait too: a timer's tick is longer than a rest.
    pub(super) fn rest(&mut self, now: Time) -> Option<Duration> {
        (self.resting && now.since(self.window) <= 2 * WINDOW).then_some(REST)
    }
}

/// Over which messages are counted.
const WINDOW: Duration = Duration::from_millis(10);
/// More messages than this in a window (2,000 a second) make a thread rest.
const MESSAGES_IN_WINDOW: u32 = 20;
/// How long it rests: with the kernel's timer slack still well below the millisecond in which SIPp measures, and
/// within which calls have to start.
const REST: Duration = Duration::from_micros(700);

#[cfg(test)]
mod tests {
    use sip::time::Time;

    use super::{Busy, REST};

    #[test]
    fn only_a_busy_thread_rests() {
        let mut busy = Busy::default();
        assert_eq!(busy.rest(Time::ZERO), None);
        for message in 0..100 {
            busy.count(Time::from_nanos(20_000_000 + message * 300_000));
        }
        assert_eq!(busy.rest(Time::from_millis(50)), Some(REST));
        assert_eq!(busy.rest(Time::from_millis(500)), None, "quiet again");
    }

    #[test]
    fn a_slow_trickle_never_rests() {
        let mut busy = Busy::default();
        for message in 0..100 {
            let now = Time::from_millis(message);
            busy.count(now);
            assert_eq!(busy.rest(now), None, "{message}");
        }
    }
}
