//! Sums over received streams and over the media lines of calls.

use std::time::Duration;

use super::heard::{Heard, Ways};
use super::measure::Reception;
use super::quality::{self, Codec};

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
    /// The sum of their ratings.
    pub rating_sum: f64,
    /// The sum of their scores.
    pub score_sum: f64,
    /// The worst score; 0 without any.
    pub worst_score: f64,
    /// Packets that were no RTP, of more sources than are measured, or of none the call expects.
    pub strangers: u64,
    /// Packets whose protection was wrong (RFC 3711 3.3).
    pub refused: u64,
    /// Packets that came after their call had ended.
    pub after_end: u64,
    /// What the media lines of calls came to.
    pub lines: LineSums,
}

/// Sums over the media lines of calls on which a packet went.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LineSums {
    /// Packets went both ways.
    pub both_ways: u64,
    /// We sent, nothing came.
    pub only_sent: u64,
    /// Something came, we did not send.
    pub only_heard: u64,
    /// The longest time from the answer to the first packet.
    pub longest_first_delay: Duration,
    /// The sum of these times over the lines that heard something.
    pub first_delays: Duration,
    /// Digits that came as telephone events.
    pub digits: u64,
    /// RTCP reports sent and received.
    pub reports: (u64, u64),
    /// The longest round trip by RTCP.
    pub longest_round_trip: Option<Duration>,
    /// The largest loss a peer reported of our streams, 0 to 1.
    pub worst_peer_loss: Option<f64>,
}

impl Received {
    /// Share of packets that never came, 0 to 1; 0 before the first.
    pub fn loss(&self) -> f64 {
        let expected = self.packets + self.lost;
        if expected == 0 { 0.0 } else { self.lost as f64 / expected as f64 }
    }

    /// The mean rating (R); `None` when no stream has one.
    pub fn mean_rating(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.rating_sum / self.scored as f64)
    }

    /// The mean score (MOS); `None` when no stream has one.
    pub fn mean_score(&self) -> Option<f64> {
        (self.scored > 0).then(|| self.score_sum / self.scored as f64)
    }

    /// Adds a stream of that encoding name.
    pub(super) fn add(&mut self, stream: &Reception, codec: Option<&str>, network_delay: Duration) {
        self.streams += 1;
        self.packets += stream.packets();
        self.lost += stream.lost();
        self.reordered += stream.reordered();
        self.duplicates += stream.duplicates();
        self.worst_jitter = self.worst_jitter.max(stream.jitter());
        let Some((rating, score)) = codec.and_then(|codec| judge(stream, codec, network_delay)) else {
            return;
        };
        self.worst_score = if self.scored == 0 { score } else { self.worst_score.min(score) };
        self.scored += 1;
        self.rating_sum += rating;
        self.score_sum += score;
    }
}

impl LineSums {
    /// Adds a line on which a packet went.
    pub(super) fn add(&mut self, heard: &Heard, reports: (u64, u64)) {
        match heard.ways() {
            Ways::None => return,
            Ways::Both => self.both_ways += 1,
            Ways::OnlySent => self.only_sent += 1,
            Ways::OnlyHeard => self.only_heard += 1,
        }
        if let Some(delay) = heard.first_delay {
            self.longest_first_delay = self.longest_first_delay.max(delay);
            self.first_delays += delay;
        }
        self.digits += heard.digits.len() as u64;
        self.reports = (self.reports.0 + reports.0, self.reports.1 + reports.1);
        if let Some(peer) = heard.peer {
            self.longest_round_trip = self.longest_round_trip.max(peer.round_trip);
            let worst = self.worst_peer_loss.unwrap_or_default().max(peer.loss);
            self.worst_peer_loss = Some(worst);
        }
    }

    /// The mean time from the answer to the first packet; `None` when no line heard anything.
    pub fn mean_first_delay(&self) -> Option<Duration> {
        let lines = u32::try_from(self.both_ways + self.only_heard).ok()?;
        self.first_delays.checked_div(lines)
    }
}

/// Rating and score of a stream; `None` for an encoding without values.
pub(super) fn judge(stream: &Reception, codec: &str, network_delay: Duration) -> Option<(f64, f64)> {
    let codec = Codec::named(codec)?;
    let heard = quality::Heard { loss: stream.loss(), jitter: stream.jitter(), network_delay };
    let rating = quality::rating(codec, heard);
    Some((rating, quality::mos(rating)))
}
