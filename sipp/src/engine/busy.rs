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

    /// How long to rest at `now`; never past `deadline`.
    pub(super) fn rest(&mut self, now: Time, deadline: Option<Time>) -> Option<Duration> {
        if !self.resting || now.since(self.window) > 2 * WINDOW {
            return None;
        }
        let most = deadline.map_or(REST, |deadline| deadline.since(now).min(REST));
        Some(most).filter(|rest| *rest > REST / 4)
    }
}

/// Over which messages are counted.
const WINDOW: Duration = Duration::from_millis(10);
/// More messages than this in a window (2,000 a second) make a thread rest.
const MESSAGES_IN_WINDOW: u32 = 20;
/// How long it rests: short against the millisecond in which SIPp measures.
const REST: Duration = Duration::from_micros(250);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::{Busy, REST};

    #[test]
    fn only_a_busy_thread_rests_and_never_past_a_deadline() {
        let mut busy = Busy::default();
        assert_eq!(busy.rest(Time::ZERO, None), None);
        for message in 0..100 {
            busy.count(Time::from_nanos(20_000_000 + message * 300_000));
        }
        let now = Time::from_millis(50);
        assert_eq!(busy.rest(now, None), Some(REST));
        assert_eq!(busy.rest(now, Some(now + Duration::from_micros(100))), Some(Duration::from_micros(100)));
        assert_eq!(busy.rest(now, Some(now)), None);
        assert_eq!(busy.rest(Time::from_millis(500), None), None, "quiet again");
    }
}
