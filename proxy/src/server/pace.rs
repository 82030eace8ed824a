//! How eagerly a busy shard wakes: a short rest lets messages gather, so that one wake-up serves several.
//!
//! A wake-up costs more than the work on most messages. Below the threshold a message is served at once; above
//! it the rest is far shorter than what a caller or a timer can notice. At 1,000 calls a second through the relay a
//! rest of 600 us costs a third less CPU than one of 250 (docs/performance.md).

use std::time::Duration;

use sip::time::Time;

/// Decides whether the shard rests before it looks at its sockets again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    window_start: Time,
    events: u32,
    is_busy: bool,
}

impl Pace {
    /// Takes note of one wake-up that brought `events`; how long to rest before the next wait, if at all.
    pub(super) fn rest(&mut self, now: Time, events: u32) -> Option<Duration> {
        self.events += events;
        if now - self.window_start >= WINDOW {
            self.is_busy = self.events >= BUSY_EVENTS;
            self.window_start = now;
            self.events = 0;
        }
        // A well filled batch needs no rest to become larger.
        (self.is_busy && events < FULL_BATCH).then_some(REST)
    }
}

/// Over which time the load is judged.
const WINDOW: Duration = Duration::from_millis(10);
/// Events in a window that make a shard busy: 2,000 in a second.
const BUSY_EVENTS: u32 = 20;
/// Events of one wake-up that are enough.
const FULL_BATCH: u32 = 24;
/// The rest; the kernel adds about 50 us of its own.
const REST: Duration = Duration::from_micros(600);

#[cfg(test)]
mod tests {
    use sip::time::Time;

    use super::{Pace, REST};

    #[test]
    fn a_quiet_shard_never_rests_and_a_busy_one_does() {
        let mut quiet = Pace::default();
        assert!((0..1000u64).all(|milli| quiet.rest(Time::from_millis(milli), 1).is_none()));
        let mut busy = Pace::default();
        let rests: Vec<_> = (0..30u64).map(|milli| busy.rest(Time::from_millis(milli), 5)).collect();
        assert_eq!((rests[0], rests[29]), (None, Some(REST)));
        assert_eq!(busy.rest(Time::from_millis(29), 64), None, "a full batch");
        assert_eq!(busy.rest(Time::from_millis(60), 0), Some(REST), "the window before was busy");
        assert_eq!(busy.rest(Time::from_millis(80), 0), None);
    }
}
