//! Samples of one duration: SIPp's average, deviation and repartition, and percentiles beside them.
//!
//! SIPp reckons in whole milliseconds; the percentiles come from an HDR histogram in microseconds with
//! three significant digits. Everything only grows; a period is the difference of two [`Sums`].

use std::time::Duration;

use hdrhistogram::Histogram;

/// Count, sum and sum of squares of samples in whole milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// Number of samples.
    pub(crate) count: u64,
    /// Sum in milliseconds.
    pub(crate) sum_ms: u64,
    /// Sum of the squares in square milliseconds.
    pub(crate) squares: u128,
}

impl Sums {
    /// What was added since `earlier`.
    pub(crate) fn since(&self, earlier: &Sums) -> Sums {
        Sums {
            count: self.count.saturating_sub(earlier.count),
            sum_ms: self.sum_ms.saturating_sub(earlier.sum_ms),
            squares: self.squares.saturating_sub(earlier.squares),
        }
    }

    /// The average, zero without samples.
    pub(crate) fn mean(&self) -> Duration {
        Duration::from_millis(self.sum_ms.checked_div(self.count).unwrap_or(0))
    }

    /// The standard deviation of a sample (divided by n - 1), zero below two samples.
    pub(crate) fn deviation(&self) -> Duration {
        if self.count < 2 {
            return Duration::ZERO;
        }
        let count = self.count as f64;
        let mean = self.sum_ms as f64 / count;
        let variance = (self.squares as f64 - count * mean * mean) / (count - 1.0);
        Duration::from_millis(variance.max(0.0).sqrt() as u64)
    }
}

/// All samples of one response time or of the call length.
#[derive(Clone, Debug)]
pub(crate) struct Samples {
    sums: Sums,
    borders_ms: Box<[u64]>,
    bins: Box<[u64]>,
    histogram: Histogram<u64>,
}

impl Default for Samples {
    fn default() -> Samples {
        Samples::new(&[])
    }
}

impl Samples {
    /// No samples yet; `borders_ms` ascending, empty without a repartition.
    pub(crate) fn new(borders_ms: &[u64]) -> Samples {
        let bins = if borders_ms.is_empty() { 0 } else { borders_ms.len() + 1 };
        let histogram = Histogram::new(3).expect("three digits are within 0..=5");
        Samples {
            sums: Sums::default(),
            borders_ms: borders_ms.into(),
            bins: vec![0; bins].into(),
            histogram,
        }
    }

    /// Adds one sample.
    pub(crate) fn record(&mut self, sample: Duration) {
        let micros = u64::try_from(sample.as_micros()).unwrap_or(u64::MAX);
        let millis = micros / 1000;
        self.sums.count += 1;
        self.sums.sum_ms = self.sums.sum_ms.saturating_add(millis);
        self.sums.squares = self.sums.squares.saturating_add(u128::from(millis) * u128::from(millis));
        if !self.bins.is_empty() {
            self.bins[self.borders_ms.partition_point(|border| *border <= millis)] += 1;
        }
        self.histogram
            .record(micros.min(LONGEST_MICROS))
            .expect("an auto-resizing histogram takes every value");
    }

    /// Count and sums so far.
    pub(crate) fn sums(&self) -> Sums {
        self.sums
    }

    /// The repartition: each border with the number of samples below it and not below the one before;
    /// then the last border again with those not below it. Empty without borders.
    pub(crate) fn repartition(&self) -> impl Iterator<Item = (u64, u64)> {
        let last = self.borders_ms.last().copied();
        self.borders_ms.iter().copied().chain(last).zip(self.bins.iter().copied())
    }

    /// The duration that `percent` of the samples do not exceed, exact to three digits; zero without any.
    pub(crate) fn percentile(&self, percent: f64) -> Duration {
        Duration::from_micros(self.histogram.value_at_percentile(percent))
    }

    /// The largest sample, exact to three digits.
    pub(crate) fn max(&self) -> Duration {
        Duration::from_micros(self.histogram.max())
    }
}

/// Longer samples count as this in the percentiles (a day): the histogram grows with its largest value.
const LONGEST_MICROS: u64 = 86_400_000_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Samples;

    fn samples(borders_ms: &[u64], millis: &[u64]) -> Samples {
        let mut samples = Samples::new(borders_ms);
        for sample in millis {
            samples.record(Duration::from_millis(*sample));
        }
        samples
    }

    #[test]
    fn repartition_counts_a_border_value_upwards() {
        let samples = samples(&[10, 20], &[0, 9, 10, 19, 20, 500]);
        let bins: Vec<_> = samples.repartition().collect();
        assert_eq!(bins, [(10, 2), (20, 2), (20, 2)]);
    }

    #[test]
    fn mean_and_deviation_are_those_of_a_sample() {
        let sums = samples(&[], &[2, 4, 4, 4, 5, 5, 7, 9]).sums();
        assert_eq!(sums.mean(), Duration::from_millis(5));
        // The deviation is 2.13; SIPp shows whole milliseconds.
        assert_eq!(sums.deviation(), Duration::from_millis(2));
    }

    #[test]
    fn one_sample_deviates_by_nothing() {
        assert_eq!(samples(&[], &[7]).sums().deviation(), Duration::ZERO);
        assert_eq!(samples(&[], &[]).sums().mean(), Duration::ZERO);
    }

    #[test]
    fn a_period_is_the_difference_of_two_sums() {
        let mut samples = samples(&[], &[10, 20]);
        let before = samples.sums();
        samples.record(Duration::from_millis(40));
        let period = samples.sums().since(&before);
        assert_eq!((period.count, period.mean()), (1, Duration::from_millis(40)));
    }

    #[test]
    fn percentiles_hold_three_digits() {
        let samples = samples(&[], &(1..=1000).collect::<Vec<_>>());
        let p99 = samples.percentile(99.0).as_micros() as f64;
        assert!((p99 - 990_000.0).abs() / 990_000.0 < 0.002, "{p99}");
    }
}
