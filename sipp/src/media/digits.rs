//! Received telephone events become digits (RFC 4733 2.5): one digit per event, however many packets carry it.

use super::events::digit_of;

/// Reads the telephone events of one media line.
#[derive(Clone, Debug, Default)]
pub struct Digits {
    text: String,
    current: Option<Event>,
}

/// The event of the last packet.
#[derive(Clone, Copy, Debug)]
struct Event {
    code: u8,
    timestamp: u32,
    duration: u16,
    is_counted: bool,
}

impl Digits {
    /// Digits kept; a peer that sends more wants to fill the memory.
    pub const MOST: usize = 1024;

    /// Takes the payload of a packet of that time stamp; what is no event is passed over.
    pub fn take(&mut self, timestamp: u32, payload: &[u8]) {
        let Some([code, flags, high, low]) = payload.first_chunk() else { return };
        let (duration, ends) = (u16::from_be_bytes([*high, *low]), flags & END_BIT != 0);
        match &mut self.current {
            Some(event) if event.timestamp == timestamp && event.code == *code => event.duration = duration,
            Some(event) if event.goes_on_at(timestamp, *code) => {
                (event.timestamp, event.duration) = (timestamp, duration);
            }
            _ => {
                // All end packets of the event before were lost.
                self.count_current(Evidence::Lasted);
                let event = Event { code: *code, timestamp, duration, is_counted: false };
                self.current = Some(event);
            }
        }
        if ends {
            self.count_current(Evidence::Ended);
        }
    }

    /// The digits in order. An event of which no end came yet counts once it has lasted.
    pub fn text(&self) -> String {
        let mut all = self.clone();
        all.count_current(Evidence::Lasted);
        all.text
    }

    fn count_current(&mut self, evidence: Evidence) {
        let Some(event) = &mut self.current else { return };
        // SIPp sends packets of duration 0 in front of its digits, which look like digits that never lasted.
        if event.is_counted || evidence == Evidence::Lasted && event.duration == 0 {
            return;
        }
        event.is_counted = true;
        if let Some(digit) = digit_of(event.code).filter(|_| self.text.len() < Self::MOST) {
            self.text.push(digit);
        }
    }
}

/// Why an event counts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Evidence {
    /// A packet said it is over.
    Ended,
    /// It lasted for some time.
    Lasted,
}

impl Event {
    /// RFC 4733 2.5.1.3: an event longer than its duration field goes on in a new segment.
    fn goes_on_at(&self, timestamp: u32, code: u8) -> bool {
        !self.is_counted
            && self.code == code
            && self.duration > 0
            && timestamp == self.timestamp.wrapping_add(self.duration.into())
    }
}

/// RFC 4733 2.3.2.
const END_BIT: u8 = 0x80;

#[cfg(test)]
mod tests {
    use super::*;

    /// (time stamp, event, end, duration)
    type Packet = (u32, u8, bool, u16);

    fn heard(packets: &[Packet]) -> String {
        let mut digits = Digits::default();
        for (timestamp, code, ends, duration) in packets {
            let [high, low] = duration.to_be_bytes();
            digits.take(*timestamp, &[*code, u8::from(*ends) << 7 | 10, high, low]);
        }
        digits.text()
    }

    #[test]
    fn one_digit_per_event() {
        let rows: &[(&str, &[Packet], &str)] = &[
            (
                "three ends",
                &[(0, 5, false, 0), (0, 5, false, 160), (0, 5, true, 320), (0, 5, true, 320)],
                "5",
            ),
            ("the same digit twice", &[(0, 5, true, 320), (900, 5, true, 320)], "55"),
            ("all ends lost", &[(0, 1, false, 160), (0, 1, false, 320), (900, 11, true, 320)], "1#"),
            ("the beginning lost", &[(0, 10, true, 320)], "*"),
            ("not over yet", &[(0, 15, false, 160)], "D"),
            (
                "segments, RFC 4733 2.5.1.3",
                &[(0, 2, false, 65535), (65535, 2, false, 160), (65535, 2, true, 800)],
                "2",
            ),
            ("fillers of SIPp", &[(0, 0, false, 0), (20, 0, false, 0), (40, 0, false, 0)], ""),
            ("no DTMF", &[(0, 16, true, 100)], ""),
            ("a late packet of a counted event", &[(0, 3, true, 320), (0, 3, false, 160)], "3"),
        ];
        for (name, packets, expected) in rows {
            assert_eq!(heard(packets), *expected, "{name}");
        }
    }

    #[test]
    fn a_flood_does_not_fill_the_memory() {
        let packets: Vec<_> = (0..5000).map(|number| (number * 1000, 1, true, 320)).collect();
        assert_eq!(heard(&packets).len(), Digits::MOST);
        Digits::default().take(0, &[1, 2]);
    }
}
