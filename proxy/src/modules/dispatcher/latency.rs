//! How long a destination takes to answer pings: running mean and deviation, and a short-term estimate.

/// Statistics of one destination, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Latency {
    count: u32,
    pub(super) average: f64,
    pub(super) deviation: f64,
    pub(super) estimate: f64,
    pub(super) longest: u32,
    /// Pings without an answer.
    pub(super) timeouts: u32,
    squares: f64,
}

impl Latency {
    /// What the attribute `latency` says a destination takes.
    pub(super) fn expected(millis: f64) -> Latency {
        Latency { average: millis, estimate: millis, ..Latency::default() }
    }

    /// An answer after this long. `alpha` is the weight of the newest in the estimate.
    pub(super) fn sample(&mut self, millis: f64, alpha: f64) {
        // From there on the mean is one of a moving window.
        self.count = (self.count + 1).min(WINDOW);
        self.longest = self.longest.max(millis as u32);
        let before = millis - self.average;
        self.average += before / f64::from(self.count);
        self.squares += before * (millis - self.average);
        if self.count > 1 {
            self.deviation = (self.squares / f64::from(self.count - 1)).max(0.0).sqrt();
        }
        if self.count < TRAINING {
            self.estimate = self.average;
        } else {
            self.estimate += alpha * (millis - self.estimate);
        }
        if self.count == TRAINING && self.deviation < 0.5 {
            self.squares *= f64::from(TRAINED) / f64::from(TRAINING);
            self.count = TRAINED;
        }
    }

    /// How much longer than usual it takes at present, never negative.
    pub(super) fn congestion(&self) -> f64 {
        (self.estimate - self.average).max(0.0)
    }
}

/// Samples the mean is of at most.
const WINDOW: u32 = 1 << 21;
/// Samples before the estimate follows the newest ones.
const TRAINING: u32 = 10;
/// What that many samples count as when they hardly differ.
const TRAINED: u32 = 10_000;

#[cfg(test)]
mod tests {
    use super::Latency;

    #[test]
    fn the_estimate_follows_the_newest_samples_after_ten() {
        let mut latency = Latency::default();
        (0..9).for_each(|at| latency.sample(f64::from(10 + at % 3), 0.9));
        assert!((latency.average - 11.0).abs() < 1e-9 && latency.estimate == latency.average);
        latency.sample(11.0, 0.9);
        latency.sample(111.0, 0.9);
        assert!((latency.estimate - 101.0).abs() < 1.0, "{latency:?}");
        assert!(latency.congestion() > 80.0 && latency.longest == 111, "{latency:?}");
    }

    #[test]
    fn steady_destinations_have_a_steady_mean() {
        let mut latency = Latency::default();
        (0..10).for_each(|_| latency.sample(20.0, 0.9));
        latency.sample(120.0, 0.9);
        assert!((latency.average - 20.0).abs() < 0.1, "{latency:?}");
        assert_eq!(Latency::expected(30.0).congestion(), 0.0);
    }
}
