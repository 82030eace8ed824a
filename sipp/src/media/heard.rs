//! What one call heard on one media line, as plain figures, and the names `rtp_stats` asks for them by.

use std::time::Duration;

/// Figures of one media line of one call.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Heard {
    /// RTP packets our streams sent on the line.
    pub sent: u64,
    /// RTP packets that arrived, duplicates not counted.
    pub packets: u64,
    /// Packets that never came.
    pub lost: u64,
    /// Packets that came behind a later one.
    pub reordered: u64,
    /// Packets that came more than once.
    pub duplicates: u64,
    /// Packets of sources the peer did not announce; not part of the other figures.
    pub strangers: u64,
    /// Packets whose protection was wrong (RFC 3711 3.3).
    pub refused: u64,
    /// Interarrival jitter (RFC 3550 6.4.1) of the source with most packets.
    pub jitter: Duration,
    /// From the moment both sides knew where to send until the first packet; `None` before it.
    pub first_delay: Option<Duration>,
    /// Payload type of that source's first packet.
    pub payload_type: Option<u8>,
    /// Its encoding name; empty when nobody said.
    pub codec: String,
    /// Rating by the E-model; `None` for a codec without values.
    pub rating: Option<f64>,
    /// The mean opinion score of that rating.
    pub score: Option<f64>,
    /// Digits that came as telephone events.
    pub digits: String,
    /// What the peer's reports say it hears of us; `None` before the first.
    pub peer: Option<PeerHears>,
}

/// What the peer reports about our stream (RFC 3550 6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct PeerHears {
    /// Share of our packets it lost since the beginning, 0 to 1.
    pub loss: f64,
    /// Its jitter.
    pub jitter: Duration,
    /// Round trip; `None` without a sender report of ours that it answered.
    pub round_trip: Option<Duration>,
}

impl Heard {
    /// Share of packets that never came, 0 to 1; 0 before the first.
    pub fn loss(&self) -> f64 {
        let expected = self.packets + self.lost;
        if expected == 0 { 0.0 } else { self.lost as f64 / expected as f64 }
    }

    /// Which way packets went.
    pub fn ways(&self) -> Ways {
        match (self.sent > 0, self.packets > 0) {
            (true, true) => Ways::Both,
            (true, false) => Ways::OnlySent,
            (false, true) => Ways::OnlyHeard,
            (false, false) => Ways::None,
        }
    }
}

/// Which way the packets of a line went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ways {
    /// None at all.
    None,
    /// Both.
    Both,
    /// We sent, nothing came.
    OnlySent,
    /// Something came, we did not send.
    OnlyHeard,
}

/// A figure as a scenario gets it.
#[derive(Clone, Debug, PartialEq)]
pub enum Figure {
    /// A number.
    Number(f64),
    /// A text.
    Text(String),
    /// There is none: the variable becomes unset.
    Missing,
}

/// One figure that `rtp_stats` knows.
#[derive(Debug)]
pub struct FigureDef {
    /// Its name.
    pub name: &'static str,
    /// How it is read.
    pub read: fn(&Heard) -> Figure,
    /// One sentence with its unit.
    pub doc: &'static str,
}

/// The figures of `rtp_stats`.
pub const FIGURES: &[FigureDef] = &[
    FigureDef { name: "packets", read: |heard| count(heard.packets), doc: "RTP packets received" },
    FigureDef { name: "sent", read: |heard| count(heard.sent), doc: "RTP packets sent" },
    FigureDef { name: "lost", read: |heard| count(heard.lost), doc: "packets that never came" },
    FigureDef {
        name: "loss",
        read: |heard| Figure::Number(heard.loss() * 100.0),
        doc: "the same in percent",
    },
    FigureDef { name: "reordered", read: |heard| count(heard.reordered), doc: "packets behind a later one" },
    FigureDef { name: "duplicates", read: |heard| count(heard.duplicates), doc: "packets that came again" },
    FigureDef { name: "strangers", read: |heard| count(heard.strangers), doc: "packets of other senders" },
    FigureDef { name: "refused", read: |heard| count(heard.refused), doc: "packets with a wrong SRTP tag" },
    FigureDef {
        name: "jitter",
        read: |heard| millis(Some(heard.jitter)),
        doc: "RFC 3550 jitter in milliseconds",
    },
    FigureDef {
        name: "first_delay",
        read: |heard| millis(heard.first_delay),
        doc: "milliseconds from the answer to the first packet",
    },
    FigureDef { name: "codec", read: |heard| text(&heard.codec), doc: "encoding name of what came" },
    FigureDef {
        name: "payload_type",
        read: |heard| number(heard.payload_type.map(f64::from)),
        doc: "payload type of what came",
    },
    FigureDef { name: "r", read: |heard| number(heard.rating), doc: "E-model rating, 0 to 93" },
    FigureDef { name: "mos", read: |heard| number(heard.score), doc: "mean opinion score, 1 to 4.5" },
    FigureDef {
        name: "one_way",
        read: |heard| Figure::Number(f64::from(matches!(heard.ways(), Ways::OnlySent | Ways::OnlyHeard))),
        doc: "1 when packets went one way only, else 0",
    },
    FigureDef { name: "dtmf", read: |heard| text(&heard.digits), doc: "digits of RFC 4733 events" },
    FigureDef {
        name: "peer_loss",
        read: |heard| number(heard.peer.map(|peer| peer.loss * 100.0)),
        doc: "percent of our packets the peer reports lost",
    },
    FigureDef {
        name: "peer_jitter",
        read: |heard| millis(heard.peer.map(|peer| peer.jitter)),
        doc: "the peer's jitter in milliseconds",
    },
    FigureDef {
        name: "rtt",
        read: |heard| millis(heard.peer.and_then(|peer| peer.round_trip)),
        doc: "round trip by RTCP in milliseconds",
    },
];

/// The figure of that name.
pub fn find(name: &str) -> Option<&'static FigureDef> {
    FIGURES.iter().find(|figure| figure.name == name)
}

fn count(number: u64) -> Figure {
    Figure::Number(number as f64)
}

fn number(number: Option<f64>) -> Figure {
    number.map_or(Figure::Missing, Figure::Number)
}

fn millis(span: Option<Duration>) -> Figure {
    number(span.map(|span| span.as_secs_f64() * 1000.0))
}

fn text(text: &str) -> Figure {
    if text.is_empty() { Figure::Missing } else { Figure::Text(text.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_read_by_name() {
        let heard = Heard {
            sent: 5,
            packets: 90,
            lost: 10,
            jitter: Duration::from_micros(1500),
            codec: "PCMA".into(),
            ..Heard::default()
        };
        let read = |name: &str| find(name).map(|figure| (figure.read)(&heard));
        assert_eq!(read("loss"), Some(Figure::Number(10.0)));
        assert_eq!(read("jitter"), Some(Figure::Number(1.5)));
        assert_eq!(read("codec"), Some(Figure::Text("PCMA".into())));
        assert_eq!(read("mos"), Some(Figure::Missing));
        assert_eq!(read("one_way"), Some(Figure::Number(0.0)));
        assert_eq!(read("nothing"), None);
    }
}
