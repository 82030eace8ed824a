//! Time as the machines see it: nanoseconds since an origin that the shell chose.
//!
//! Machines never read a clock; a shell (or a simulator) hands in `now`. Eight bytes, so calls and
//! transactions can keep many of them.

use std::ops::{Add, AddAssign, Sub};
use std::time::Duration;

/// A moment: nanoseconds since the shell's origin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

impl Time {
    /// The origin.
    pub const ZERO: Time = Time(0);

    /// The moment `nanos` nanoseconds after the origin.
    pub const fn from_nanos(nanos: u64) -> Time {
        Time(nanos)
    }

    /// The moment `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Time {
        Time(millis * 1_000_000)
    }

    /// Nanoseconds since the origin.
    pub const fn as_nanos(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000_000
    }

    /// How long after `earlier` this is; zero when it is not after it.
    pub const fn since(self, earlier: Time) -> Duration {
        Duration::from_nanos(self.0.saturating_sub(earlier.0))
    }

    /// This moment or the first one after it that is a whole number of `steps` (not zero) after the origin.
    pub const fn round_up(self, step: Duration) -> Time {
        let step = step.as_nanos() as u64;
        Time(self.0.div_ceil(step).saturating_mul(step))
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    /// Saturates at the end of time (584 years).
    fn add(self, span: Duration) -> Time {
        Time(self.0.saturating_add(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)))
    }
}

impl AddAssign<Duration> for Time {
    fn add_assign(&mut self, span: Duration) {
        *self = *self + span;
    }
}

impl Sub for Time {
    type Output = Duration;

    fn sub(self, earlier: Time) -> Duration {
        self.since(earlier)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Time;

    #[test]
    fn rounding_keeps_what_is_whole() {
        let step = Duration::from_millis(2);
        let rows = [(0, 0), (1, 2_000_000), (2_000_000, 2_000_000), (2_000_001, 4_000_000)];
        for (nanos, expected) in rows {
            assert_eq!(Time::from_nanos(nanos).round_up(step), Time::from_nanos(expected));
        }
    }

    #[test]
    fn differences_never_go_below_zero() {
        let early = Time::from_millis(5);
        let late = early + Duration::from_millis(7);
        assert_eq!(late - early, Duration::from_millis(7));
        assert_eq!(early - late, Duration::ZERO);
    }
}
