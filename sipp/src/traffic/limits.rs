//! How many calls may be open, and how a run is brought to its end.

use std::time::Duration;

/// The most simultaneous outgoing calls when `-l` does not say it: three times what the rate keeps open.
///
/// `length` is the longest pause the scenario or `-d` asks for; less than a second counts as a second.
pub(crate) fn default_call_limit(rate: f64, period: Duration, length: Duration) -> u64 {
    let length = length.max(Duration::from_secs(1)).as_secs_f64();
    let open = 3.0 * rate * length / period.as_secs_f64().max(0.001);
    (open as u64).max(1)
}

/// How far the run is on its way to the end.
///
/// SIPp counts requests to quit: the end of `-m` asks softly, `q` adds 10, `Q` adds 20; above 10 it forces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct QuitLevel(u32);

impl QuitLevel {
    /// Asked by `-m` or the scenario: soft, unless something stronger was asked before.
    pub(crate) fn ask_softly(&mut self) {
        self.0 = self.0.max(1);
    }

    /// Key `q`, SIGUSR1, `-rate_max`: soft first, forced when repeated.
    pub(crate) fn ask(&mut self) {
        self.0 = self.0.saturating_add(10);
    }

    /// Key `Q` or `-timeout`: all calls end now.
    pub(crate) fn force(&mut self) {
        self.0 = self.0.saturating_add(20);
    }

    /// No new calls are opened; the run ends with the last open call.
    pub(crate) fn is_quitting(self) -> bool {
        self.0 > 0
    }

    /// Open calls are aborted.
    pub(crate) fn is_forced(self) -> bool {
        self.0 > 10
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{QuitLevel, default_call_limit};

    #[test]
    fn default_limit_is_three_times_what_the_rate_keeps_open() {
        let second = Duration::from_secs(1);
        let rows = [
            // Measured on SIPp 3.6.1: -r 2 -d 200 gives 6.
            (2.0, second, Duration::from_millis(200), 6),
            (10.0, second, Duration::ZERO, 30),
            (10.0, second, Duration::from_secs(10), 300),
            (5.0, Duration::from_secs(2), Duration::from_secs(4), 30),
            (0.1, second, Duration::ZERO, 1),
        ];
        for (rate, period, length, limit) in rows {
            assert_eq!(default_call_limit(rate, period, length), limit, "{rate} {length:?}");
        }
    }

    #[test]
    fn second_request_forces() {
        let mut level = QuitLevel::default();
        assert!(!level.is_quitting());
        level.ask();
        assert!(level.is_quitting() && !level.is_forced());
        level.ask();
        assert!(level.is_forced());
    }

    #[test]
    fn one_key_forces_once_the_number_of_calls_is_reached() {
        let mut level = QuitLevel::default();
        level.ask_softly();
        level.ask_softly();
        assert!(!level.is_forced());
        level.ask();
        assert!(level.is_forced());
    }
}
