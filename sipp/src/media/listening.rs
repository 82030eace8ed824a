//! All received streams of a run: who sends, how well it arrives, and the sums over those that ended.
//!
//! Bounded: packets of more sources than [`Listening::MAX_SOURCES`] are counted, not measured.

use std::hash::Hash;
use std::time::Duration;

use rustc_hash::FxHashMap;
use sip::time::Time;

use super::measure::{Arrival, Reception};
use super::quality::{self, Codec, Heard};
use super::rtp;

/// The streams that arrive, by where they arrive and come from.
#[derive(Debug)]
pub struct Listening<K> {
    streams: FxHashMap<(K, u32), Reception>,
    ended: Received,
    /// Packets that are no RTP, or of too many sources.
    strangers: u64,
}

/// Sums over received streams.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Received {
    /// Streams.
    pub streams: u64,
    /// RTP packets that arrived, duplicates not counted.
    pub packets: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came behind a later one.
    pub reordered: u64,
    /// Packets that came more than once.
    pub duplicates: u64,
    /// The largest jitter of a stream (RFC 3550 6.4.1).
    pub worst_jitter: Duration,
    /// Streams with a score.
    pub scored: u64,
    /// The sum of their scores.
    pub score_sum: f64,
    /// The worst score; 0 without any.
    pub worst_score: f64,
    /// Packets that were no RTP, or of more sources than are measured.
    pub strangers: u64,
}

impl<K: Copy + Eq + Hash> Default for Listening<K> {
    fn default() -> Listening<K> {
        Listening { streams: FxHashMap::default(), ended: Received::default(), strangers: 0 }
    }
}

impl<K: Copy + Eq + Hash> Listening<K> {
    /// Sources measured at once.
    pub const MAX_SOURCES: usize = 1 << 16;

    /// Takes a packet that arrived from `source`.
    pub fn take(&mut self, now: Time, source: K, packet: &[u8]) -> Option<Arrival> {
        let Some((header, _)) = rtp::read(packet) else {
            self.strangers += 1;
            return None;
        };
        let key = (source, header.ssrc);
        if let Some(stream) = self.streams.get_mut(&key) {
            return Some(stream.take(now, header));
        }
        if self.streams.len() >= Self::MAX_SOURCES {
            self.strangers += 1;
            return None;
        }
        self.streams.insert(key, Reception::new(now, header));
        Some(Arrival::InOrder)
    }

    /// Forgets streams of which nothing came for a while; their figures stay in the sums.
    pub fn sweep(&mut self, now: Time) {
        let ended = &mut self.ended;
        self.streams.retain(|_, stream| {
            let goes_on = now.since(stream.last()) < IDLE;
            if !goes_on {
                ended.add(stream);
            }
            goes_on
        });
    }

    /// The sums over all streams, ended or not.
    pub fn received(&self) -> Received {
        let mut all = self.ended;
        self.streams.values().for_each(|stream| all.add(stream));
        all.strangers = self.strangers;
        all
    }
}

impl Received {
    /// Share of packets that never came, 0 to 1; 0 before the first.
    pub fn loss(&self) -> f64 {
        let expected = self.packets + self.lost;
        if expected == 0 { 0.0 } else { self.lost as f64 / expected as f64 }
    }

    /// The mean score (MOS); `None` when no stream has one.
    pub fn mean_score(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.score_sum / self.scored as f64)
    }

    fn add(&mut self, stream: &Reception) {
        self.streams += 1;
        self.packets += stream.packets();
        self.lost += stream.lost();
        self.reordered += stream.reordered();
        self.duplicates += stream.duplicates();
        self.worst_jitter = self.worst_jitter.max(stream.jitter());
        let Some(codec) = Codec::of(stream.payload_type()) else { return };
        let heard = Heard { loss: stream.loss(), jitter: stream.jitter(), network_delay: Duration::ZERO };
        let score = quality::mos(quality::rating(codec, heard));
        self.worst_score = if self.scored == 0 { score } else { self.worst_score.min(score) };
        self.scored += 1;
        self.score_sum += score;
    }
}

/// Silence after which a stream has ended.
const IDLE: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::super::rtp::Header;
    use super::*;

    fn packet(ssrc: u32, sequence: u16, payload_type: u8) -> Vec<u8> {
        let timestamp = u32::from(sequence) * 160;
        let mut out = Vec::new();
        rtp::write(Header { marker: false, payload_type, sequence, timestamp, ssrc }, &[0; 160], &mut out);
        out
    }

    #[test]
    fn sums_over_streams_that_play_and_streams_that_ended() {
        let mut listening = Listening::default();
        for number in (0..100u16).filter(|number| number % 10 != 5) {
            listening.take(Time::from_millis(20 * u64::from(number)), 'a', &packet(1, number, 8));
        }
        listening.sweep(Time::from_millis(60_000));
        for number in 0..10u16 {
            listening.take(Time::from_millis(60_000 + 20 * u64::from(number)), 'a', &packet(1, number, 96));
        }
        let all = listening.received();
        assert_eq!((all.streams, all.packets, all.lost, all.scored), (2, 100, 10, 1));
        assert!((all.loss() - 10.0 / 110.0).abs() < 1e-9);
        assert!(all.mean_score().is_some_and(|score| (2.5..4.0).contains(&score)), "{all:?}");
    }

    #[test]
    fn strangers_are_counted_and_never_fill_the_memory() {
        let mut listening = Listening::default();
        assert_eq!(listening.take(Time::ZERO, 'a', b"hello"), None);
        for ssrc in 0..Listening::<char>::MAX_SOURCES as u32 + 10 {
            listening.take(Time::ZERO, 'a', &packet(ssrc, 1, 8));
        }
        let all = listening.received();
        assert_eq!((all.streams, all.strangers), (Listening::<char>::MAX_SOURCES as u64, 11));
        listening.sweep(Time::from_millis(20_000));
        assert_eq!(listening.streams.len(), 0);
    }
}
