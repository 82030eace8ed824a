//! What the media thread counts, readable from other threads at any time.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::media::Received;
use crate::stats::snapshot::{Heard, MediaTraffic};

/// Counters with one writer.
#[derive(Debug)]
pub(in crate::engine) struct Tally {
    pub(super) sent_packets: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
    /// Packets the kernel or a full queue refused.
    pub(super) dropped: AtomicU64,
    pub(super) received_packets: AtomicU64,
    pub(super) received_bytes: AtomicU64,
    /// Packets returned from the audio and the video port.
    pub(super) echoed: [AtomicU64; 2],
    pub(super) streams: AtomicU64,
    /// Checks of `rtpcheck` that failed.
    pub(super) failed_checks: AtomicU64,
    /// What the received streams were like, as of the last reading.
    pub(super) heard: Mutex<Received>,
    /// Packets by how late they were handed to the kernel, in steps of [`LATENESS_STEP_MICROS`].
    lateness: [AtomicU64; LATENESS_STEPS],
}

impl Default for Tally {
    fn default() -> Tally {
        let zero = || AtomicU64::new(0);
        Tally {
            sent_packets: zero(),
            sent_bytes: zero(),
            dropped: zero(),
            received_packets: zero(),
            received_bytes: zero(),
            echoed: [zero(), zero()],
            streams: zero(),
            failed_checks: zero(),
            heard: Mutex::default(),
            lateness: std::array::from_fn(|_| zero()),
        }
    }
}

impl Tally {
    pub(super) fn add(counter: &AtomicU64, amount: u64) {
        // One writer: no need for an atomic addition.
        counter.store(counter.load(Ordering::Relaxed) + amount, Ordering::Relaxed);
    }

    pub(super) fn note_lateness(&self, late: Duration) {
        let step = (late.as_micros() as usize / LATENESS_STEP_MICROS).min(LATENESS_STEPS - 1);
        Self::add(&self.lateness[step], 1);
    }

    pub(super) fn figures(&self) -> MediaTraffic {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        MediaTraffic {
            sent_packets: read(&self.sent_packets),
            sent_bytes: read(&self.sent_bytes),
            dropped: read(&self.dropped),
            received_packets: read(&self.received_packets),
            received_bytes: read(&self.received_bytes),
            echoed: [read(&self.echoed[0]), read(&self.echoed[1])],
            streams: read(&self.streams),
            failed_checks: read(&self.failed_checks),
            lateness_p99: self.lateness_p99(),
            heard: heard(&self.heard.lock().unwrap_or_else(PoisonError::into_inner)),
        }
    }

    /// Makes the figures of received streams readable.
    pub(super) fn publish(&self, received: Received) {
        *self.heard.lock().unwrap_or_else(PoisonError::into_inner) = received;
    }

    /// The upper edge of the step in which the 99th percentile lies.
    fn lateness_p99(&self) -> Duration {
        let counts = self.lateness.each_ref().map(|step| step.load(Ordering::Relaxed));
        let wanted = (counts.iter().sum::<u64>() * 99).div_ceil(100);
        let mut seen = 0;
        let step = counts.iter().position(|count| {
            seen += count;
            seen >= wanted && wanted > 0
        });
        step.map_or(Duration::ZERO, |step| Duration::from_micros(((step + 1) * LATENESS_STEP_MICROS) as u64))
    }
}

/// The figures screens and files show.
fn heard(received: &Received) -> Heard {
    let lines = &received.lines;
    Heard {
        streams: received.streams,
        packets: received.packets,
        lost: received.lost,
        loss: received.loss(),
        reordered: received.reordered,
        duplicates: received.duplicates,
        strangers: received.strangers,
        refused: received.refused,
        after_end: received.after_end,
        worst_jitter: received.worst_jitter,
        scored: received.scored,
        mean_rating: received.mean_rating(),
        mean_score: received.mean_score(),
        worst_score: received.mean_score().map(|_| received.worst_score),
        both_ways: lines.both_ways,
        only_sent: lines.only_sent,
        only_heard: lines.only_heard,
        mean_first_delay: lines.mean_first_delay(),
        longest_first_delay: lines.mean_first_delay().map(|_| lines.longest_first_delay),
        digits: lines.digits,
        reports_sent: lines.reports.0,
        reports_read: lines.reports.1,
        longest_round_trip: lines.longest_round_trip,
        worst_peer_loss: lines.worst_peer_loss,
    }
}

/// Width of a step of the lateness counters.
const LATENESS_STEP_MICROS: usize = 50;
/// Up to 50 ms; the last step takes all above.
const LATENESS_STEPS: usize = 1000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_percentile_is_the_edge_of_its_step() {
        let tally = Tally::default();
        assert_eq!(tally.figures().lateness_p99, Duration::ZERO);
        for _ in 0..99 {
            tally.note_lateness(Duration::from_micros(120));
        }
        tally.note_lateness(Duration::from_millis(30));
        assert_eq!(tally.figures().lateness_p99, Duration::from_micros(150));
        tally.note_lateness(Duration::from_secs(9));
        assert_eq!(tally.figures().lateness_p99, Duration::from_micros(30_050));
    }
}
