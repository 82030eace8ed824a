//! Samples of one duration: SIPp's average, deviation and repartition, and percentiles beside them.
//!
//! SIPp reckons in whole milliseconds; the percentiles come from HDR histograms in microseconds with three
//! significant digits: one from the moment the request was sent, as SIPp measures, one from the moment it was
//! due, so that a late generator does not hide waiting. Everything only grows; a period is a difference.

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
    /// From the moment the request was sent.
    histogram: Histogram<u64>,
    /// From the moment it was due.
    corrected: Histogram<u64>,
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
        let histogram: Histogram<u64> = Histogram::new(3).expect("three digits are within 0..=5");
        Samples {
            sums: Sums::default(),
            borders_ms: borders_ms.into(),
            bins: vec![0; bins].into(),
            corrected: histogram.clone(),
            histogram,
        }
    }

    /// Adds one sample, of a request that was sent `late` after it was due.
    pub(crate) fn record(&mut self, sample: Duration, late: Duration) {
        let micros = u64::try_from(sample.as_micros()).unwrap_or(u64::MAX);
        let millis = micros / 1000;
        self.sums.count += 1;
        self.sums.sum_ms = self.sums.sum_ms.saturating_add(millis);
        self.sums.squares = self.sums.squares.saturating_add(u128::from(millis) * u128::from(millis));
        if !self.bins.is_empty() {
            self.bins[self.borders_ms.partition_point(|border| *border <= millis)] += 1;
        }
        let from_due = micros.saturating_add(u64::try_from(late.as_micros()).unwrap_or(u64::MAX));
        for (histogram, micros) in [(&mut self.histogram, micros), (&mut self.corrected, from_due)] {
            histogram
                .record(micros.min(LONGEST_MICROS))
                .expect("an auto-resizing histogram takes every value");
        }
    }

    /// Adds the samples of another engine, with the same borders.
    pub(crate) fn add(&mut self, other: &Samples) {
        self.sums.count += other.sums.count;
        self.sums.sum_ms = self.sums.sum_ms.saturating_add(other.sums.sum_ms);
        self.sums.squares = self.sums.squares.saturating_add(other.sums.squares);
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            *bin += more;
        }
        for (histogram, more) in
            [(&mut self.histogram, &other.histogram), (&mut self.corrected, &other.corrected)]
        {
            histogram.add(more).expect("an auto-resizing histogram takes every other one");
        }
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

    /// The percentiles that are shown, from the moment the request was sent; zero without samples.
    pub(crate) fn percentiles(&self) -> Percentiles {
        Percentiles::of(&self.histogram)
    }

    /// The same from the moment it was due.
    pub(crate) fn corrected(&self) -> Percentiles {
        Percentiles::of(&self.corrected)
    }

    /// The same of the samples since `earlier`; `None` when there are none.
    pub(crate) fn corrected_since(&self, earlier: Option<&Samples>) -> Option<Percentiles> {
        let before = earlier.map_or(0, |earlier| earlier.sums.count);
        if self.sums.count <= before {
            return None;
        }
        let mut period = self.corrected.clone();
        if let Some(earlier) = earlier {
            // Refused only when the earlier one has values that this one has not: after a reset.
            period.subtract(&earlier.corrected).ok()?;
        }
        Some(Percentiles::of(&period))
    }
}

/// The percentiles that screens and files show, exact to three digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Percentiles {
    /// Half of the samples do not exceed it.
    pub(crate) p50: Duration,
    /// 90 %.
    pub(crate) p90: Duration,
    /// 99 %.
    pub(crate) p99: Duration,
    /// 99.9 %.
    pub(crate) p999: Duration,
    /// The largest.
    pub(crate) max: Duration,
}

impl Percentiles {
    fn of(histogram: &Histogram<u64>) -> Percentiles {
        let at = |percent| Duration::from_micros(histogram.value_at_percentile(percent));
        let max = Duration::from_micros(histogram.max());
        Percentiles { p50: at(50.0), p90: at(90.0), p99: at(99.0), p999: at(99.9), max }
    }

    /// With their names, in order.
    pub(crate) fn named(&self) -> [(&'static str, Duration); 5] {
        [("p50", self.p50), ("p90", self.p90), ("p99", self.p99), ("p99.9", self.p999), ("max", self.max)]
    }

    /// Of two periods the worse value of each.
    pub(crate) fn worse(one: Option<Percentiles>, other: Option<Percentiles>) -> Option<Percentiles> {
        let (Some(one), Some(other)) = (one, other) else { return one.or(other) };
        Some(Percentiles {
            p50: one.p50.max(other.p50),
            p90: one.p90.max(other.p90),
            p99: one.p99.max(other.p99),
            p999: one.p999.max(other.p999),
            max: one.max.max(other.max),
        })
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
            samples.record(Duration::from_millis(*sample), Duration::ZERO);
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
        samples.record(Duration::from_millis(40), Duration::ZERO);
        let period = samples.sums().since(&before);
        assert_eq!((period.count, period.mean()), (1, Duration::from_millis(40)));
    }

    #[test]
    fn percentiles_hold_three_digits() {
        let samples = samples(&[], &(1..=1000).collect::<Vec<_>>());
        let p99 = samples.percentile(99.0).as_micros() as f64;
        assert!((p99 - 990_000.0).abs() / 990_000.0 < 0.002, "{p99}");
    }

    /// Ten calls of 2 ms; the generator stalled and sent the last one 50 ms late.
    #[test]
    fn a_late_request_counts_from_when_it_was_due() {
        let mut samples = Samples::new(&[]);
        for call in 1..=10 {
            let late = if call == 10 { 50 } else { 0 };
            samples.record(Duration::from_millis(2), Duration::from_millis(late));
        }
        assert_eq!(samples.percentiles().max.as_millis(), 2, "SIPp's figure");
        assert_eq!((samples.corrected().p90.as_millis(), samples.corrected().max.as_millis()), (2, 52));
    }

    #[test]
    fn samples_of_two_engines_add_up() {
        let (mut one, other) = (samples(&[10], &[1, 30]), samples(&[10], &[5, 900]));
        one.add(&other);
        let together = samples(&[10], &[1, 30, 5, 900]);
        assert_eq!((one.sums(), one.percentiles()), (together.sums(), together.percentiles()));
        assert_eq!(one.repartition().collect::<Vec<_>>(), [(10, 2), (10, 2)]);
    }
}
