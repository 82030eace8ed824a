//! What the payload types of a media line mean: `a=rtpmap` lines, else the static types of RFC 3551 6.

use std::sync::Arc;

/// The meaning of the payload types of one line; cheap to share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codecs {
    mapped: Arc<[Mapping]>,
}

/// One `a=rtpmap` line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mapping {
    payload_type: u8,
    name: Box<str>,
    clock_rate: u32,
}

impl Codecs {
    /// Reads the values of `a=rtpmap` lines (RFC 8866 6.6); what cannot be read is passed over, and of several
    /// for one type the first counts.
    pub fn parse<'a>(values: impl Iterator<Item = &'a [u8]>) -> Codecs {
        let mut mapped: Vec<Mapping> = Vec::new();
        for mapping in values.filter_map(Mapping::parse) {
            if mapped.iter().all(|known| known.payload_type != mapping.payload_type) {
                mapped.push(mapping);
            }
        }
        Codecs { mapped: mapped.into() }
    }

    /// The encoding name of a payload type, e.g. `PCMA`; `None` when nobody said.
    pub fn name(&self, payload_type: u8) -> Option<&str> {
        let mapped = self.mapping(payload_type).map(|mapping| &*mapping.name);
        mapped.or_else(|| STATIC.iter().find(|row| row.0 == payload_type).map(|row| row.1))
    }

    /// Units of a payload type's clock per second. Types of which nothing is known count as 8 kHz, which is that
    /// of telephone events and of most audio.
    pub fn clock_rate(&self, payload_type: u8) -> u32 {
        let mapped = self.mapping(payload_type).map(|mapping| mapping.clock_rate);
        let fixed = || STATIC.iter().find(|row| row.0 == payload_type).map(|row| row.2);
        mapped.or_else(fixed).unwrap_or(8_000)
    }

    /// Whether a payload of that type is a telephone event (RFC 4733). A dynamic type that nobody explained is one
    /// when its payload has the size of one: SIPp plays digits with types its descriptions do not name.
    pub fn is_event(&self, payload_type: u8, payload: &[u8]) -> bool {
        match self.mapping(payload_type) {
            Some(mapping) => mapping.name.eq_ignore_ascii_case("telephone-event"),
            None => payload_type >= 96 && payload.len() == 4,
        }
    }

    fn mapping(&self, payload_type: u8) -> Option<&Mapping> {
        self.mapped.iter().find(|mapping| mapping.payload_type == payload_type)
    }
}

impl Mapping {
    fn parse(value: &[u8]) -> Option<Mapping> {
        let text = std::str::from_utf8(value).ok()?;
        let (payload_type, encoding) = text.trim().split_once(' ')?;
        let mut parts = encoding.trim().split('/');
        let name = parts.next().filter(|name| !name.is_empty() && name.len() <= LONGEST_NAME)?;
        let clock_rate = parts.next()?.parse().ok().filter(|rate| (1..=MOST_CLOCK_RATE).contains(rate))?;
        let payload_type = payload_type.parse().ok().filter(|kind| *kind < 128)?;
        Some(Mapping { payload_type, name: name.into(), clock_rate })
    }
}

const LONGEST_NAME: usize = 32;
/// No clock of the registry is near it; it keeps arithmetic on arrival times small.
const MOST_CLOCK_RATE: u32 = 10_000_000;

/// Static payload types: number, encoding name, clock rate.
const STATIC: &[(u8, &str, u32)] = &[
    (0, "PCMU", 8_000),
    (3, "GSM", 8_000),
    (4, "G723", 8_000),
    (5, "DVI4", 8_000),
    (6, "DVI4", 16_000),
    (7, "LPC", 8_000),
    (8, "PCMA", 8_000),
    // RFC 3551 4.5.2: the clock of G722 is 8 kHz by an old mistake, though it samples at 16.
    (9, "G722", 8_000),
    (10, "L16", 44_100),
    (11, "L16", 44_100),
    (12, "QCELP", 8_000),
    (13, "CN", 8_000),
    (14, "MPA", 90_000),
    (15, "G728", 8_000),
    (16, "DVI4", 11_025),
    (17, "DVI4", 22_050),
    (18, "G729", 8_000),
    (25, "CelB", 90_000),
    (26, "JPEG", 90_000),
    (28, "nv", 90_000),
    (31, "H261", 90_000),
    (32, "MPV", 90_000),
    (33, "MP2T", 90_000),
    (34, "H263", 90_000),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mapping_counts_before_the_static_meaning() {
        let lines = [
            "101 telephone-event/8000",
            "97 H264/90000",
            "0 PCMU/16000/2",
            "97 other/1",
            "x",
            "5 y",
            "6 z/0",
        ];
        let codecs = Codecs::parse(lines.iter().map(|line| line.as_bytes()));
        let rows = [
            (101, Some("telephone-event"), 8_000),
            (97, Some("H264"), 90_000),
            (0, Some("PCMU"), 16_000),
            (8, Some("PCMA"), 8_000),
            (34, Some("H263"), 90_000),
            (120, None, 8_000),
        ];
        for (kind, name, rate) in rows {
            assert_eq!((codecs.name(kind), codecs.clock_rate(kind)), (name, rate), "{kind}");
        }
    }

    #[test]
    fn events_are_known_by_name_or_by_their_size() {
        let codecs = Codecs::parse([&b"101 telephone-event/8000"[..], b"97 iLBC/8000"].into_iter());
        let rows =
            [(101, 4, true), (101, 8, true), (97, 4, false), (96, 4, true), (96, 160, false), (8, 4, false)];
        for (kind, len, expected) in rows {
            assert_eq!(codecs.is_event(kind, &vec![0; len]), expected, "{kind} {len}");
        }
    }
}
