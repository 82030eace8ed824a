//! RTCP of one media line: which reports are due, and what the peer's reports say (RFC 3550 6.4, A.3).
//!
//! Told of each packet sent; gives a compound when one is due; takes the peer's compounds.

use std::time::Duration;

use sip::time::Time;

use super::heard::PeerHears;
use super::measure::Reception;
use super::rtcp::{self, Block, Report, SenderInfo};
use super::rtp::Header;

/// The RTCP side of one line.
#[derive(Clone, Debug)]
pub struct Reports {
    /// Time between two reports on average.
    every: Duration,
    next: Time,
    /// What we sent, by our source sent last.
    sent: Sent,
    /// Middle bits of the last sender report received, and when it came.
    last_sender_report: Option<(u32, Time)>,
    peer: Option<PeerHears>,
    clock_rate: u32,
    written: u64,
    read: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sent {
    ssrc: u32,
    packets: u32,
    bytes: u32,
    /// Time stamp of the last packet and when it left.
    last: Option<(u32, Time)>,
    since_report: bool,
}

/// Where the clock stands on the calendar: microseconds since 1970 at [`Time::ZERO`].
#[derive(Clone, Copy, Debug, Default)]
pub struct Origin(pub i64);

impl Reports {
    /// Reports each `every`, the first after half of it (RFC 3550 6.2). `ssrc` is who reports while nothing is sent.
    pub fn new(now: Time, every: Duration, ssrc: u32) -> Reports {
        Reports {
            every,
            next: now + every / 2,
            sent: Sent { ssrc, ..Sent::default() },
            last_sender_report: None,
            peer: None,
            clock_rate: 8_000,
            written: 0,
            read: 0,
        }
    }

    /// When the next report is due.
    pub fn next_deadline(&self) -> Time {
        self.next
    }

    /// Notes a packet of ours; `clock_rate` is that of its payload type.
    pub fn note_sent(&mut self, now: Time, header: Header, payload_bytes: usize, clock_rate: u32) {
        let sent = &mut self.sent;
        if sent.ssrc != header.ssrc {
            *sent = Sent { ssrc: header.ssrc, ..Sent::default() };
        }
        sent.packets = sent.packets.wrapping_add(1);
        sent.bytes = sent.bytes.wrapping_add(payload_bytes as u32);
        sent.last = Some((header.timestamp, now));
        sent.since_report = true;
        self.clock_rate = clock_rate;
    }

    /// Appends a compound about what was sent and what `heard` received, and plans the next one.
    pub fn write<'r>(
        &mut self,
        now: Time,
        origin: Origin,
        heard: impl Iterator<Item = &'r mut Reception>,
        out: &mut Vec<u8>,
    ) {
        let since = self.last_sender_report.map_or((0, 0), |(middle, came)| (middle, units(now.since(came))));
        let blocks = heard.take(MOST_BLOCKS).map(|reception| Block {
            ssrc: reception.ssrc(),
            fraction_lost: reception.take_fraction_lost(),
            lost: u32::try_from(reception.lost()).map_or(MOST_LOST, |lost| lost.min(MOST_LOST)),
            highest: reception.extended_highest(),
            jitter: reception.jitter_units(),
            last_report: since.0,
            since_last_report: since.1,
        });
        let sender = self.sent.last.filter(|_| self.sent.since_report).map(|(timestamp, at)| {
            let since = now.since(at).as_secs_f64() * f64::from(self.clock_rate);
            SenderInfo {
                ntp: ntp(now, origin),
                timestamp: timestamp.wrapping_add(since as u32),
                packets: self.sent.packets,
                bytes: self.sent.bytes,
            }
        });
        let report = Report { ssrc: self.sent.ssrc, sender, blocks: blocks.collect() };
        rtcp::write(&report, CNAME, out);
        self.sent.since_report = false;
        self.written += 1;
        self.next = now + self.spread();
    }

    /// RFC 3550 6.2: between half and one and a half times the interval, so that reports of calls opened together
    /// do not stay together. Different for each source and report, the same in each run.
    fn spread(&self) -> Duration {
        let mixed =
            (u64::from(self.sent.ssrc) << 20 ^ self.written).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56;
        self.every / 2 + self.every * mixed as u32 / 256
    }

    /// Takes a compound of the peer.
    pub fn take(&mut self, now: Time, origin: Origin, compound: &[u8]) {
        for report in rtcp::read(compound) {
            self.read += 1;
            if let Some(sender) = report.sender {
                self.last_sender_report = Some(((sender.ntp >> 16) as u32, now));
            }
            for block in report.blocks.iter().filter(|block| block.ssrc == self.sent.ssrc) {
                self.peer = Some(self.peer_hears(now, origin, block));
            }
        }
    }

    fn peer_hears(&self, now: Time, origin: Origin, block: &Block) -> PeerHears {
        let sent = f64::from(self.sent.packets.max(1));
        // The count is signed: duplicates can make it negative (RFC 3550 6.4.1).
        let lost = if block.lost > MOST_LOST { 0 } else { block.lost };
        let round_trip = (block.last_report != 0).then(|| {
            let arrived = (ntp(now, origin) >> 16) as u32;
            let units = arrived.wrapping_sub(block.last_report).wrapping_sub(block.since_last_report);
            // Clocks that disagree give a small negative value, which is no time at all.
            let units = if units > u32::MAX / 2 { 0 } else { units };
            Duration::from_secs_f64(f64::from(units) / 65_536.0)
        });
        let before = self.peer.and_then(|peer| peer.round_trip);
        PeerHears {
            loss: (f64::from(lost) / sent).min(1.0),
            jitter: Duration::from_secs_f64(f64::from(block.jitter) / f64::from(self.clock_rate)),
            round_trip: round_trip.or(before),
        }
    }

    /// What the peer said last about our stream.
    pub fn peer(&self) -> Option<PeerHears> {
        self.peer
    }

    /// Reports written and read.
    pub fn counts(&self) -> (u64, u64) {
        (self.written, self.read)
    }
}

/// NTP time: seconds since 1900 and their fraction.
fn ntp(now: Time, Origin(origin): Origin) -> u64 {
    let micros = origin.saturating_add((now.as_nanos() / 1000) as i64).max(0) as u64;
    let seconds = micros / 1_000_000 + SECONDS_1900_TO_1970;
    let fraction = (micros % 1_000_000) << 32;
    (seconds << 32) | (fraction / 1_000_000)
}

/// 65536ths of a second.
fn units(span: Duration) -> u32 {
    (span.as_secs_f64() * 65_536.0) as u32
}

/// Blocks in a report (RFC 3550 6.4.1: 31).
const MOST_BLOCKS: usize = 31;
/// Largest positive count of lost packets.
const MOST_LOST: u32 = 0x7f_ffff;
const SECONDS_1900_TO_1970: u64 = 2_208_988_800;
/// The same for all: a test tool has one name per host, and names no user.
const CNAME: &str = "sipp";

#[cfg(test)]
mod tests {
    use super::*;

    const ORIGIN: Origin = Origin(1_700_000_000_000_000);

    fn header(sequence: u16, ssrc: u32) -> Header {
        let timestamp = u32::from(sequence) * 160;
        Header { marker: false, payload_type: 8, sequence, timestamp, ssrc }
    }

    /// Two sides, one of which loses every fifth packet of the other: RFC 3550 6.4.1, A.3.
    #[test]
    fn reports_of_one_side_tell_the_other_what_it_hears() {
        let every = Duration::from_secs(5);
        let mut here = Reports::new(Time::ZERO, every, 1);
        let mut there = Reports::new(Time::ZERO, every, 2);
        let mut reception = Reception::new(Time::ZERO, header(0, 1), 8_000);
        here.note_sent(Time::ZERO, header(0, 1), 160, 8_000);
        for number in 1..100u16 {
            let now = Time::from_millis(20 * u64::from(number));
            here.note_sent(now, header(number, 1), 160, 8_000);
            if number % 5 != 4 || number == 99 {
                reception.take(now, header(number, 1));
            }
        }
        let mut compound = Vec::new();
        here.write(Time::from_millis(2000), ORIGIN, std::iter::empty(), &mut compound);
        let sender = rtcp::read(&compound)[0].sender.expect("it sent");
        assert_eq!((sender.packets, sender.bytes), (100, 16_000));
        there.take(Time::from_millis(2010), ORIGIN, &compound);
        let mut answer = Vec::new();
        there.write(Time::from_millis(2500), ORIGIN, std::iter::once(&mut reception), &mut answer);
        here.take(Time::from_millis(2540), ORIGIN, &answer);
        let peer = here.peer().expect("a block about us");
        assert!((peer.loss - 0.19).abs() < 0.001, "{peer:?}");
        let round_trip = peer.round_trip.expect("answered").as_secs_f64();
        assert!((round_trip - 0.050).abs() < 0.001, "{round_trip}");
        assert_eq!((here.counts(), there.counts()), ((1, 1), (1, 1)));
    }

    #[test]
    fn reports_come_between_half_and_one_and_a_half_intervals_apart() {
        let mut reports = Reports::new(Time::ZERO, Duration::from_secs(5), 77);
        let mut last = Time::ZERO;
        for round in 0..50 {
            let due = reports.next_deadline();
            let gap = due.since(last).as_secs_f64();
            assert!((2.5..=7.5).contains(&gap), "round {round}: {gap}");
            reports.write(due, ORIGIN, std::iter::empty(), &mut Vec::new());
            last = due;
        }
    }
}
