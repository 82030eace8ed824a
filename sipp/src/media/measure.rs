//! What a received stream was like: loss, order, duplicates, jitter, first delay (RFC 3550 6.4.1, A.1, A.3, A.8).
//!
//! One [`Reception`] per source. Packets in with their arrival time, figures out; no clock inside.

use std::time::Duration;

use sip::time::Time;

use super::rtp::Header;

/// Figures of one received stream.
#[derive(Clone, Debug)]
pub struct Reception {
    ssrc: u32,
    payload_type: u8,
    clock_rate: u32,
    first: Time,
    last: Time,
    packets: u64,
    duplicates: u64,
    reordered: u64,
    /// Highest sequence number seen, extended by its wraps.
    highest: u64,
    base: u64,
    /// One bit per sequence number at and below `highest`, the lowest bit for `highest` itself.
    window: u128,
    /// Time stamp of the last packet, and its arrival minus that stamp in units of the clock.
    timestamp: u32,
    transit: i64,
    /// 16 times the jitter in units of the clock, as in RFC 3550 A.8.
    jitter_x16: u64,
    /// Packets received and expected at the last report.
    reported: (u64, u64),
}

/// What became of one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// The next one, or one behind a gap.
    InOrder,
    /// Behind one with a higher number.
    Late,
    /// Seen before.
    Duplicate,
    /// So far away that the sender must have begun anew.
    Restart,
}

impl Reception {
    /// A stream whose first packet arrived at `now`; `clock_rate` is that of its payload type.
    pub fn new(now: Time, header: Header, clock_rate: u32) -> Reception {
        let sequence = u64::from(header.sequence);
        let mut reception = Reception {
            ssrc: header.ssrc,
            payload_type: header.payload_type,
            clock_rate,
            first: now,
            last: now,
            packets: 1,
            duplicates: 0,
            reordered: 0,
            highest: sequence,
            base: sequence,
            window: 1,
            timestamp: header.timestamp,
            transit: 0,
            jitter_x16: 0,
            reported: (0, 0),
        };
        reception.transit = reception.transit_of(now, header);
        reception
    }

    /// Takes the next packet of the same source.
    pub fn take(&mut self, now: Time, header: Header) -> Arrival {
        let arrival = self.place(header.sequence);
        match arrival {
            Arrival::Duplicate => {
                self.duplicates += 1;
                return arrival;
            }
            Arrival::Late => self.reordered += 1,
            Arrival::Restart => self.restart(header),
            Arrival::InOrder => {}
        }
        self.packets += 1;
        self.last = now;
        self.note_transit(now, header, arrival);
        arrival
    }

    /// RFC 3550 A.8. Further packets of the same time stamp (a telephone event that lasts, a video frame in pieces)
    /// say nothing about the network.
    fn note_transit(&mut self, now: Time, header: Header, arrival: Arrival) {
        if header.timestamp == self.timestamp {
            return;
        }
        let transit = self.transit_of(now, header);
        if header.payload_type == self.payload_type && arrival != Arrival::Restart {
            // J += (|D| - J) / 16, in integers.
            let change = transit.abs_diff(self.transit);
            self.jitter_x16 = self.jitter_x16 + change - (self.jitter_x16 + 8) / 16;
        }
        (self.timestamp, self.transit) = (header.timestamp, transit);
    }

    /// Notes a sequence number; RFC 3550 A.1 without its probation.
    fn place(&mut self, sequence: u16) -> Arrival {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead == 0 {
            return Arrival::Duplicate;
        }
        if ahead < MAX_DROPOUT {
            self.highest += u64::from(ahead);
            self.window = self.window.checked_shl(ahead.into()).unwrap_or(0) | 1;
            return Arrival::InOrder;
        }
        let behind = u32::from(ahead.wrapping_neg());
        if behind >= u128::BITS {
            return Arrival::Restart;
        }
        let bit = 1u128 << behind;
        if self.window & bit != 0 {
            return Arrival::Duplicate;
        }
        self.window |= bit;
        // The first packets came in the wrong order: the stream began before its first arrival.
        self.base = self.base.min(self.highest.saturating_sub(behind.into()));
        Arrival::Late
    }

    /// The numbers start anew: what was expected so far stays expected.
    fn restart(&mut self, header: Header) {
        let expected = self.expected();
        // Far enough above what wraps that the base never falls below zero.
        self.highest = (1 << 32) + u64::from(header.sequence);
        self.base = self.highest - expected;
        self.window = 1;
    }

    fn transit_of(&self, now: Time, header: Header) -> i64 {
        let arrival = u128::from(now.as_nanos()) * u128::from(self.clock_rate) / 1_000_000_000;
        // RTP time wraps; only the low 32 bits of the difference count.
        i64::from((arrival as u32).wrapping_sub(header.timestamp) as i32)
    }

    /// Synchronisation source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Payload type of the first packet.
    pub fn payload_type(&self) -> u8 {
        self.payload_type
    }

    /// When the first packet came.
    pub fn first(&self) -> Time {
        self.first
    }

    /// When the last one came.
    pub fn last(&self) -> Time {
        self.last
    }

    /// Packets received, duplicates not counted.
    pub fn packets(&self) -> u64 {
        self.packets
    }

    /// Packets that came more than once.
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }

    /// Packets that came behind a later one.
    pub fn reordered(&self) -> u64 {
        self.reordered
    }

    /// Packets the sender must have sent, by their numbers.
    pub fn expected(&self) -> u64 {
        self.highest - self.base + 1
    }

    /// Packets that never came.
    pub fn lost(&self) -> u64 {
        self.expected().saturating_sub(self.packets)
    }

    /// Share of packets that never came, 0 to 1.
    pub fn loss(&self) -> f64 {
        self.lost() as f64 / self.expected() as f64
    }

    /// Interarrival jitter (RFC 3550 6.4.1).
    pub fn jitter(&self) -> Duration {
        let units = self.jitter_x16 as f64 / 16.0;
        Duration::from_secs_f64(units / f64::from(self.clock_rate))
    }

    /// The same in units of the stream's clock, as receiver reports carry it.
    pub fn jitter_units(&self) -> u32 {
        u32::try_from(self.jitter_x16 / 16).unwrap_or(u32::MAX)
    }

    /// Highest sequence number and its wraps, as receiver reports carry it.
    pub fn extended_highest(&self) -> u32 {
        self.highest as u32
    }

    /// Share of packets lost since the last call in 256ths (RFC 3550 A.3).
    pub fn take_fraction_lost(&mut self) -> u8 {
        let (packets, expected) = (self.packets, self.expected());
        let (packets_before, expected_before) = std::mem::replace(&mut self.reported, (packets, expected));
        let new = expected.saturating_sub(expected_before);
        let lost = new.saturating_sub(packets - packets_before);
        (lost * 256).checked_div(new).map_or(0, |share| share.min(255) as u8)
    }
}

/// A jump forward beyond this is a new start (RFC 3550 A.1).
const MAX_DROPOUT: u16 = 3000;

#[cfg(test)]
mod tests {
    use super::*;

    fn header(sequence: u16) -> Header {
        let timestamp = u32::from(sequence).wrapping_mul(160);
        Header { marker: false, payload_type: 8, sequence, timestamp, ssrc: 1 }
    }

    /// Sequence numbers each 20 ms after the one before.
    fn received(numbers: &[u16]) -> Reception {
        let mut reception = Reception::new(Time::ZERO, header(numbers[0]), 8_000);
        for (place, number) in numbers.iter().enumerate().skip(1) {
            reception.take(Time::from_millis(20 * place as u64), header(*number));
        }
        reception
    }

    #[test]
    fn counts_loss_order_and_duplicates() {
        let rows = [
            (vec![1, 2, 3], (0, 0, 0)),
            (vec![1, 2, 5], (2, 0, 0)),
            (vec![1, 3, 2, 4], (0, 1, 0)),
            (vec![1, 2, 2, 3, 1], (0, 0, 2)),
            (vec![65534, 65535, 0, 1], (0, 0, 0)),
            (vec![65534, 0, 65535, 2], (1, 1, 0)),
            (vec![5, 4, 6], (0, 1, 0)),
            (vec![1, 2, 30000, 30001], (0, 0, 0)),
        ];
        for (numbers, expected) in rows {
            let reception = received(&numbers);
            let seen = (reception.lost(), reception.reordered(), reception.duplicates());
            assert_eq!(seen, expected, "{numbers:?}");
        }
    }

    /// RFC 3550 A.8: a steady stream has no jitter; one that alternates by 10 ms approaches 10 ms.
    #[test]
    fn jitter_is_the_running_mean_of_changes() {
        assert_eq!(received(&(0..100).collect::<Vec<_>>()).jitter(), Duration::ZERO);
        let mut reception = Reception::new(Time::ZERO, header(0), 8_000);
        for number in 1..500u16 {
            let late = if number % 2 == 0 { 0 } else { 10 };
            reception.take(Time::from_millis(20 * u64::from(number) + late), header(number));
        }
        let jitter = reception.jitter().as_secs_f64() * 1000.0;
        assert!((9.5..10.5).contains(&jitter), "{jitter}");
    }

    #[test]
    fn a_lasting_event_is_no_jitter() {
        let event = |sequence| Header { timestamp: 8000, payload_type: 101, ..header(sequence) };
        let mut reception = Reception::new(Time::ZERO, event(0), 8_000);
        for number in 1..11u16 {
            reception.take(Time::from_millis(20 * u64::from(number)), event(number));
        }
        assert_eq!(reception.jitter(), Duration::ZERO);
    }

    #[test]
    fn the_fraction_lost_is_that_of_the_interval() {
        let mut reception = received(&[1, 2, 3, 4]);
        assert_eq!(reception.take_fraction_lost(), 0);
        for number in [6, 8] {
            reception.take(Time::from_millis(200), header(number));
        }
        assert_eq!(reception.take_fraction_lost(), 128);
        assert_eq!(reception.take_fraction_lost(), 0);
    }

    #[test]
    fn any_sequence_of_numbers_is_survived() {
        let mut ident = sip::ident::Ident::seeded(3);
        let mut reception = received(&[0]);
        for step in 0..100_000 {
            reception.take(Time::from_millis(step), header(ident.next_u64() as u16));
        }
        assert!(reception.expected() >= reception.packets() || reception.lost() == 0);
    }
}
