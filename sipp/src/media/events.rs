//! Telephone events for `play_dtmf` (RFC 4733), in the packets SIPp sends (measured on 3.6.1 and 3.7.7).
//!
//! 400 ms of filler packets, then each digit: marker on the first packet, growing durations, three end packets.

use std::time::Duration;

use sip::time::Time;

use super::rtp::{self, Header};

/// Digits to play and how long each lasts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    digits: Box<[u8]>,
    tone_ms: u16,
}

impl Events {
    /// Reads `digits[,ms]`. Characters that are no events are skipped; a length outside 50 to 2000 is 200.
    pub fn parse(text: &[u8]) -> Events {
        let comma = memchr::memchr(b',', text);
        let (digits, length) = text.split_at(comma.unwrap_or(text.len()));
        let length = std::str::from_utf8(length.get(1..).unwrap_or_default()).ok();
        let tone_ms = length.and_then(|length| length.trim().parse().ok());
        Events {
            digits: digits.iter().filter_map(|digit| event_of(*digit)).collect(),
            tone_ms: tone_ms.filter(|ms| (50..=2000).contains(ms)).unwrap_or(200),
        }
    }

    /// Sequence numbers a playback uses up.
    pub fn sequence_span(&self) -> u16 {
        let per_digit = usize::from(self.tone_ms / STEP_MS + END_PACKETS);
        (usize::from(FILLERS * FILLER_SEQUENCE_STEP) + per_digit * self.digits.len()) as u16
    }
}

/// The event code of a digit (RFC 4733 3.2).
fn event_of(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'*' => Some(10),
        b'#' => Some(11),
        b'A'..=b'D' => Some(digit - b'A' + 12),
        b'a'..=b'd' => Some(digit - b'a' + 12),
        _ => None,
    }
}

/// The digit of an event code; `None` for events that are no DTMF.
pub fn digit_of(event: u8) -> Option<char> {
    "0123456789*#ABCD".chars().nth(event.into())
}

/// A running playback of events.
#[derive(Clone, Debug)]
pub(super) struct EventRun {
    events: Events,
    /// Index of the next packet.
    at: u32,
    first_sequence: u16,
    ssrc: u32,
    start: Time,
}

/// One packet of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Planned {
    at_ms: u64,
    payload_type: u8,
    marker: bool,
    sequence: u16,
    timestamp: u32,
    payload: [u8; 4],
}

impl EventRun {
    pub(super) fn new(events: Events, first_sequence: u16, ssrc: u32, start: Time) -> EventRun {
        EventRun { events, at: 0, first_sequence, ssrc, start }
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.planned().map(|packet| self.start + Duration::from_millis(packet.at_ms))
    }

    pub(super) fn emit(&mut self, out: &mut Vec<u8>) {
        let Some(packet) = self.planned() else { return };
        self.at += 1;
        let header = Header {
            marker: packet.marker,
            payload_type: packet.payload_type,
            sequence: packet.sequence,
            timestamp: packet.timestamp,
            ssrc: self.ssrc,
        };
        rtp::write(header, &packet.payload, out);
    }

    pub(super) fn pause(&mut self, by: Duration) {
        self.start += by;
    }

    fn planned(&self) -> Option<Planned> {
        let fillers = u32::from(FILLERS);
        match self.at.checked_sub(fillers) {
            None => Some(self.filler(self.at as u16)),
            Some(at) => {
                let growing = u32::from(self.events.tone_ms / STEP_MS);
                let per_digit = growing + u32::from(END_PACKETS);
                let digit = (at / per_digit) as usize;
                let event = *self.events.digits.get(digit)?;
                Some(self.tone(digit as u64, event, at % per_digit))
            }
        }
    }

    /// The `index`-th packet before the digits; the first two leave together.
    fn filler(&self, index: u16) -> Planned {
        Planned {
            at_ms: u64::from(STEP_MS) * u64::from(index.saturating_sub(1)),
            payload_type: FILLER_TYPE,
            marker: false,
            sequence: self.first_sequence.wrapping_add(index * FILLER_SEQUENCE_STEP),
            timestamp: FIRST_TIMESTAMP + u32::from(index) * u32::from(STEP_MS),
            payload: [0; 4],
        }
    }

    /// The `packet`-th packet of the `digit`-th digit: growing ones each 20 ms, then the end, three times.
    fn tone(&self, digit: u64, event: u8, packet: u32) -> Planned {
        let tone_ms = u64::from(self.events.tone_ms);
        let growing = u32::from(self.events.tone_ms / STEP_MS);
        let per_digit = growing + u32::from(END_PACKETS);
        let (since_start_ms, duration_ms, end) = match packet.checked_sub(growing) {
            None => (u64::from(packet) * u64::from(STEP_MS), u64::from(packet) * u64::from(STEP_MS), 0),
            Some(copy) => (tone_ms + u64::from(copy), tone_ms, END_BIT),
        };
        let duration = (duration_ms * TICKS_PER_MS) as u16;
        let number = digit as u32 * per_digit + packet;
        Planned {
            at_ms: DIGITS_AFTER_MS + digit * tone_ms * 2 + since_start_ms,
            payload_type: EVENT_TYPE,
            marker: packet == 0,
            sequence: self
                .first_sequence
                .wrapping_add(FILLERS * FILLER_SEQUENCE_STEP)
                .wrapping_add(number as u16),
            // SIPp counts milliseconds here, not units of the 8 kHz clock.
            timestamp: FIRST_TIMESTAMP
                .wrapping_add(u32::from(FILLERS * STEP_MS))
                .wrapping_add((digit * tone_ms * 2) as u32),
            payload: [event, end | VOLUME, (duration >> 8) as u8, duration as u8],
        }
    }
}

/// Payload type of events.
const EVENT_TYPE: u8 = 96;
/// Payload type of the packets before them.
const FILLER_TYPE: u8 = 97;
const FILLERS: u16 = 20;
const FILLER_SEQUENCE_STEP: u16 = 2;
const STEP_MS: u16 = 20;
const END_PACKETS: u16 = 3;
/// From the first filler to the first digit: 220 ms behind the last filler.
const DIGITS_AFTER_MS: u64 = 18 * 20 + 220;
const FIRST_TIMESTAMP: u32 = 24_000;
const TICKS_PER_MS: u64 = 8;
const VOLUME: u8 = 10;
/// RFC 4733 2.3.2.
const END_BIT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    fn packets(text: &str) -> Vec<(u64, Header, Vec<u8>)> {
        let mut run = EventRun::new(Events::parse(text.as_bytes()), 1200, 7, Time::from_millis(5));
        let mut all = Vec::new();
        while let Some(due) = run.next_deadline() {
            let mut out = Vec::new();
            run.emit(&mut out);
            assert_eq!(out.len(), 16);
            let (header, payload) = rtp::read(&out).expect("valid RTP");
            all.push((due.as_millis() - 5, header, payload.to_vec()));
        }
        all
    }

    /// What SIPp 3.6.1 sends for `1#,100`, packet by packet (measured).
    #[test]
    fn sends_fillers_then_each_digit_with_three_ends() {
        let sent = packets("1#,100");
        assert_eq!(sent.len(), 20 + 2 * 8);
        let fillers: Vec<_> =
            sent[..20].iter().map(|(_, header, _)| (header.sequence, header.timestamp)).collect();
        assert_eq!((fillers[0], fillers[1], fillers[19]), ((1200, 24000), (1202, 24020), (1238, 24380)));
        assert_eq!(sent[..4].iter().map(|packet| packet.0).collect::<Vec<_>>(), [0, 0, 20, 40]);
        let digit: Vec<_> = sent[20..28]
            .iter()
            .map(|(_, header, payload)| {
                (header.sequence, header.marker, payload[1], u16::from_be_bytes([payload[2], payload[3]]))
            })
            .collect();
        let expected = [
            (1240, true, 10, 0),
            (1241, false, 10, 160),
            (1242, false, 10, 320),
            (1243, false, 10, 480),
            (1244, false, 10, 640),
            (1245, false, 0x8a, 800),
            (1246, false, 0x8a, 800),
            (1247, false, 0x8a, 800),
        ];
        assert_eq!(digit, expected);
        assert!(
            sent[20..28].iter().all(|(_, header, _)| (header.timestamp, header.payload_type) == (24400, 96))
        );
        let times: Vec<_> = sent[20..29].iter().map(|packet| packet.0 - sent[20].0).collect();
        assert_eq!(times, [0, 20, 40, 60, 80, 100, 101, 102, 200]);
        assert_eq!((sent[28].1.timestamp, sent[28].2[0], sent[28].1.marker), (24600, 11, true));
    }

    #[test]
    fn skips_what_is_no_digit_and_mends_lengths() {
        let rows = [
            ("1 2-3", 3, 200),
            ("*#AD,50", 4, 50),
            ("1,49", 1, 200),
            ("1,2001", 1, 200),
            ("1,2000", 1, 2000),
            ("1,x", 1, 200),
            ("", 0, 200),
        ];
        for (text, digits, ms) in rows {
            let events = Events::parse(text.as_bytes());
            assert_eq!((events.digits.len(), events.tone_ms), (digits, ms), "{text}");
        }
    }

    #[test]
    fn uses_up_the_sequence_it_says() {
        for text in ["1#,100", "", "5,70", "0123456789,2000"] {
            let last = packets(text).last().expect("fillers").1;
            let step = if last.payload_type == FILLER_TYPE { FILLER_SEQUENCE_STEP } else { 1 };
            let events = Events::parse(text.as_bytes());
            assert_eq!(
                last.sequence.wrapping_add(step),
                1200u16.wrapping_add(events.sequence_span()),
                "{text}"
            );
        }
    }
}
