//! The patterns of `rtpcheck`: packets filled with one byte, which the peer returns and we compare.

use std::time::Duration;

use sip::time::Time;

/// The byte of a pattern, counted from 1.
pub fn byte_of(number: u32) -> Option<u8> {
    let at = usize::try_from(number).ok()?.checked_sub(1)?;
    BYTES.get(at).copied()
}

const BYTES: [u8; 6] = [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff];

/// How many packets of a pattern came back as they were sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatternCheck {
    byte: u8,
    payload_bytes: usize,
    sent: u64,
    good: u64,
    wrong: u64,
    /// When the last packets left: at the end they may still be on their way.
    recent: [Time; RECENT],
}

/// Packets of which the moment of sending is remembered.
const RECENT: usize = 16;
/// As long as this a packet may be on its way.
const ON_ITS_WAY: Duration = Duration::from_millis(200);

impl PatternCheck {
    /// A check of packets with so many payload bytes of that value.
    pub fn new(byte: u8, payload_bytes: usize) -> PatternCheck {
        PatternCheck { byte, payload_bytes, sent: 0, good: 0, wrong: 0, recent: [Time::ZERO; RECENT] }
    }

    /// Notes a packet sent.
    pub fn note_sent(&mut self, now: Time) {
        self.recent[self.sent as usize % RECENT] = now;
        self.sent += 1;
    }

    /// Compares a packet that came back.
    pub fn take(&mut self, payload: &[u8]) -> Comparison {
        if payload.len() == self.payload_bytes && payload.iter().all(|byte| *byte == self.byte) {
            self.good += 1;
            Comparison::Same
        } else {
            self.wrong += 1;
            Comparison::Different
        }
    }

    /// What came of it at `now`.
    pub fn result(&self, now: Time) -> Checked {
        let remembered = self.sent.min(RECENT as u64) as usize;
        let late =
            self.recent[..remembered].iter().filter(|sent| now.since(**sent) < ON_ITS_WAY).count() as u64;
        let missing = self.sent.saturating_sub(self.good + self.wrong);
        let excused = late.min(missing);
        Checked { sent: self.sent - excused, bad: missing - excused + self.wrong, good: self.good }
    }
}

/// What a packet turned out to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// As it was sent.
    Same,
    /// Changed.
    Different,
}

/// The result of a check.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Checked {
    /// Packets sent, without those that may still be on their way.
    pub sent: u64,
    /// Packets that came back changed, or not at all.
    pub bad: u64,
    /// Packets that came back as they were.
    pub good: u64,
}

impl Checked {
    /// SIPp's rule: the share of bad packets reaches the tolerance. A check without any packet says nothing.
    pub fn fails(&self, tolerance: f64) -> bool {
        self.sent > 0 && self.bad as f64 / self.sent as f64 >= tolerance
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_have_the_bytes_of_sipp() {
        let bytes: Vec<_> = (0..8).map(byte_of).collect();
        let known = [0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff].map(Some);
        assert_eq!(bytes, [&[None][..], &known, &[None]].concat());
    }

    #[test]
    fn missing_and_changed_packets_are_bad_and_late_ones_are_not() {
        let mut check = PatternCheck::new(0xaa, 4);
        for number in 0..100 {
            check.note_sent(Time::from_millis(20 * number));
            match number {
                0..40 => assert_eq!(check.take(&[0xaa; 4]), Comparison::Same),
                40 => assert_eq!(check.take(&[0xaa, 0xaa, 0xab, 0xaa]), Comparison::Different),
                41 => assert_eq!(check.take(&[0xaa; 3]), Comparison::Different),
                _ => {}
            }
        }
        // The ten packets of the last 200 ms may still come.
        let result = check.result(Time::from_millis(1990));
        assert_eq!(result, Checked { sent: 90, bad: 2 + 48, good: 40 });
        assert_eq!(check.result(Time::from_millis(9000)).bad, 60);
        let tolerances = [(0.0, true), (0.55, true), (0.56, false), (1.0, false)];
        for (tolerance, fails) in tolerances {
            assert_eq!(result.fails(tolerance), fails, "{tolerance}");
        }
        assert!(!Checked::default().fails(0.0));
    }
}
