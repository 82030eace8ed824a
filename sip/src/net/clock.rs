//! The clock of a shell: turns the monotonic clock into [`Time`] since the shell's start.

use std::time::{Duration, Instant, SystemTime};

use crate::time::Time;

/// A monotonic clock whose origin is its making; copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// The time since the start.
    pub fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }

    /// This moment by this clock and by the system's.
    pub fn moment(&self) -> Moment {
        let unix = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Moment { now: self.now(), unix }
    }
}

/// One moment by two clocks, which turns stamps of the kernel into times of the shell.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// By the shell's clock.
    pub now: Time,
    /// By the system's, since the beginning of 1970.
    unix: Duration,
}

impl Moment {
    /// When something was stamped that has just been read. A stamp of the future, or one older than a second, tells
    /// that somebody has set the system's clock: then it came now.
    pub fn of_stamp(&self, unix: Duration) -> Time {
        let age = self.unix.checked_sub(unix).filter(|age| *age < OLDEST).unwrap_or_default();
        Time::from_nanos(self.now.as_nanos().saturating_sub(age.as_nanos() as u64))
    }
}

/// No datagram waits longer to be read.
const OLDEST: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_become_times_unless_the_clock_was_set() {
        let moment = Moment { now: Time::from_millis(5_000), unix: Duration::from_secs(1_000_000) };
        let stamp = |millis: u64| moment.of_stamp(Duration::from_millis(1_000_000_000 + millis - 5_000));
        let rows =
            [(4_990, 4_990), (5_000, 5_000), (5_001, 5_000), (4_001, 4_001), (4_000, 5_000), (0, 5_000)];
        for (stamped, expected) in rows {
            assert_eq!(stamp(stamped), Time::from_millis(expected), "{stamped}");
        }
    }
}
