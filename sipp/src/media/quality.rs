//! How a call would sound: the E-model for narrow-band codecs, from loss and delay to R and MOS (ITU-T G.107,
//! with the equipment values of G.113 appendix I).

use std::time::Duration;

/// What the E-model knows of a codec.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Codec {
    /// Equipment impairment without loss.
    ie: f64,
    /// Robustness against random loss.
    bpl: f64,
    /// Time from sound to packet.
    delay: Duration,
}

impl Codec {
    /// G.711 with loss concealment.
    pub const G711: Codec = Codec { ie: 0.0, bpl: 25.1, delay: Duration::from_millis(20) };
    /// G.729 with voice activity detection off.
    pub const G729: Codec = Codec { ie: 11.0, bpl: 19.0, delay: Duration::from_millis(25) };
    /// G.722 at 64 kbit/s; its wide band is not rewarded on the narrow-band scale.
    pub const G722: Codec = Codec { ie: 0.0, bpl: 4.3, delay: Duration::from_millis(20) };

    /// The codec of an encoding name (RFC 3551 4.5), letter case ignored; `None` for one without values.
    pub fn named(name: &str) -> Option<Codec> {
        match name.to_ascii_uppercase().as_str() {
            "PCMU" | "PCMA" => Some(Codec::G711),
            "G722" => Some(Codec::G722),
            "G729" => Some(Codec::G729),
            _ => None,
        }
    }
}

/// What a listener got.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Heard {
    /// Share of packets lost, 0 to 1; late ones count as lost.
    pub loss: f64,
    /// Interarrival jitter; a buffer of twice that is assumed.
    pub jitter: Duration,
    /// One-way delay of the network.
    pub network_delay: Duration,
}

/// The transmission rating factor, 0 to 93.2 (G.107 7.1 with default values).
pub fn rating(codec: Codec, heard: Heard) -> f64 {
    let delay = heard.network_delay + heard.jitter * 2 + codec.delay;
    let delay_ms = delay.as_secs_f64() * 1000.0;
    let loss_percent = heard.loss.clamp(0.0, 1.0) * 100.0;
    // G.107 7.5: Ie-eff for random loss.
    let equipment = codec.ie + (95.0 - codec.ie) * loss_percent / (loss_percent + codec.bpl);
    (DEFAULT_RATING - delay_impairment(delay_ms) - equipment).clamp(0.0, 100.0)
}

/// Mean opinion score of a rating, 1 to 4.5 (G.107 annex B).
pub fn mos(rating: f64) -> f64 {
    if rating <= 0.0 {
        return 1.0;
    }
    let r = rating.min(100.0);
    (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7.0e-6).max(1.0)
}

/// Id: what delay takes from the rating without echo; the usual approximation of G.107 7.4 (Cole, Rosenbluth).
fn delay_impairment(delay_ms: f64) -> f64 {
    0.024 * delay_ms + 0.11 * (delay_ms - 177.3).max(0.0)
}

/// R with all of G.107's default values and no delay.
const DEFAULT_RATING: f64 = 93.2;

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(loss: f64, jitter_ms: u64, delay_ms: u64) -> Heard {
        Heard {
            loss,
            jitter: Duration::from_millis(jitter_ms),
            network_delay: Duration::from_millis(delay_ms),
        }
    }

    /// G.107 annex B table: R against MOS.
    #[test]
    fn scores_follow_the_table_of_annex_b() {
        for (rating, score) in
            [(90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58), (0.0, 1.0)]
        {
            assert!((mos(rating) - score).abs() < 0.01, "{rating}: {}", mos(rating));
        }
    }

    #[test]
    fn good_lines_are_good_and_bad_ones_bad() {
        let score = |codec, heard| mos(rating(codec, heard));
        assert!(score(Codec::G711, heard(0.0, 0, 0)) > 4.35);
        let lossy = score(Codec::G711, heard(0.05, 0, 0));
        assert!((3.6..4.1).contains(&lossy), "{lossy}");
        assert!(score(Codec::G711, heard(0.5, 0, 0)) < 2.0);
        assert!(score(Codec::G729, heard(0.0, 0, 0)) < score(Codec::G711, heard(0.0, 0, 0)));
        assert!(score(Codec::G711, heard(0.0, 0, 400)) < 3.9);
    }

    #[test]
    fn every_value_gives_a_score_on_the_scale() {
        for loss in [-1.0, 0.0, 0.3, 1.0, 7.0] {
            for delay in [0, 100, 1_000_000] {
                for codec in [Codec::G711, Codec::G722, Codec::G729] {
                    let score = mos(rating(codec, heard(loss, delay, delay)));
                    assert!((1.0..=4.5).contains(&score), "{loss} {delay} {score}");
                }
            }
        }
    }
}
