//! A stream of a file or a pattern: one packet per packet time, a continuous sequence, a true clock.

use std::time::Duration;

use sip::time::Time;

use super::payload::Format;
use super::rtp::{self, Header};
use super::samples::Samples;

/// What a stream sends.
#[derive(Clone, Debug)]
pub struct StreamPlan {
    /// The bytes.
    pub samples: Samples,
    /// How they are cut.
    pub format: &'static Format,
    /// The payload type written.
    pub payload_type: u8,
    /// How often the file is played; `None` is without end.
    pub loops: Option<u32>,
    /// Synchronisation source.
    pub ssrc: u32,
}

/// A running stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    plan: StreamPlan,
    /// Place in the file.
    at: usize,
    /// Bytes still to be sent; `u64::MAX` is without end.
    left: u64,
    sequence: u16,
    timestamp: u32,
    next: Time,
}

impl Stream {
    /// A stream whose first packet leaves at `start`; its time stamp is that of the millisecond clock.
    pub(super) fn new(plan: StreamPlan, start: Time) -> Stream {
        let len = plan.samples.bytes().len() as u64;
        let left = plan.loops.map_or(u64::MAX, |loops| len * u64::from(loops));
        let timestamp = clock(plan.format, start);
        Stream { plan, at: 0, left, sequence: 0, timestamp, next: start }
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        (self.left > 0).then_some(self.next)
    }

    /// Appends the next packet. The last one is filled up from the beginning of the file.
    pub(super) fn emit(&mut self, out: &mut Vec<u8>) {
        let size = usize::from(self.plan.format.bytes);
        let header = Header {
            marker: false,
            payload_type: self.plan.payload_type,
            sequence: self.sequence,
            timestamp: self.timestamp,
            ssrc: self.plan.ssrc,
        };
        let start = out.len();
        rtp::write(header, &[], out);
        let bytes = self.plan.samples.bytes();
        while out.len() < start + rtp::HEADER_BYTES + size {
            let wanted = start + rtp::HEADER_BYTES + size - out.len();
            let piece = &bytes[self.at..bytes.len().min(self.at + wanted)];
            out.extend_from_slice(piece);
            self.at = (self.at + piece.len()) % bytes.len();
        }
        if self.left != u64::MAX {
            self.left = self.left.saturating_sub(size as u64);
        }
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.plan.format.ticks);
        self.next += self.plan.format.packet_time();
    }

    /// Shifts what is left by the length of a pause: the sequence goes on without gap, the clock went on.
    pub(super) fn pause(&mut self, by: Duration) {
        self.next += by;
        let millis = u32::try_from(by.as_millis()).unwrap_or(u32::MAX);
        self.timestamp = self.timestamp.wrapping_add(millis.wrapping_mul(self.plan.format.ticks_per_ms()));
    }

    /// Goes on where `before` ended: same source, following sequence number.
    pub(super) fn continuing(mut self, before: &Stream) -> Stream {
        self.sequence = before.sequence;
        self.plan.ssrc = before.plan.ssrc;
        self
    }
}

fn clock(format: &Format, now: Time) -> u32 {
    // Cut to 32 bits: the clock wraps, as RFC 3550 5.1 allows.
    now.as_millis().wrapping_mul(u64::from(format.ticks_per_ms())) as u32
}

#[cfg(test)]
mod tests {
    use super::super::payload;
    use super::*;

    fn stream(bytes: usize, payload_type: u8, loops: Option<u32>) -> Stream {
        let file: Vec<u8> = (0..bytes).map(|at| at as u8).collect();
        let plan = StreamPlan {
            samples: Samples::parse(&file).expect("not empty"),
            format: payload::find(payload_type, None).expect("known"),
            payload_type,
            loops,
            ssrc: 0xca11_0000,
        };
        Stream::new(plan, Time::from_millis(1000))
    }

    fn packets(stream: &mut Stream) -> Vec<(u64, Header, Vec<u8>)> {
        let mut all = Vec::new();
        while let Some(due) = stream.next_deadline() {
            let mut out = Vec::new();
            stream.emit(&mut out);
            let (header, payload) = rtp::read(&out).expect("valid RTP");
            all.push((due.as_millis(), header, payload.to_vec()));
        }
        all
    }

    /// SIPp 3.6.1: 868 bytes of PCMA give 6 packets, twice 11; the last one wraps to the beginning (measured).
    #[test]
    fn cuts_a_file_and_fills_the_last_packet_from_its_beginning() {
        let once = packets(&mut stream(868, 8, Some(1)));
        let twice = packets(&mut stream(868, 8, Some(2)));
        assert_eq!((once.len(), twice.len()), (6, 11));
        let (due, header, payload) = &once[5];
        assert_eq!((*due, header.sequence, header.timestamp), (1100, 5, 8000 + 5 * 160));
        assert_eq!((payload[67], payload[68], payload.len()), (867u32 as u8, 0, 160));
        assert!(once.iter().all(|(_, header, _)| !header.marker && header.ssrc == 0xca11_0000));
    }

    /// Measured on SIPp 3.6.1: G.729 counts 160 per 20 ms packet of 32 bytes, iLBC 240 per 30 ms packet of 62.
    #[test]
    fn packet_sizes_and_clocks_follow_the_payload_type() {
        for (kind, payload_bytes, spacing_ms, ticks) in
            [(18, 20, 20, 160), (98, 50, 30, 240), (13, 1, 150, 1200)]
        {
            let sent = packets(&mut stream(200, kind, Some(1)));
            assert_eq!(sent[0].2.len(), payload_bytes);
            assert_eq!(sent[1].0 - sent[0].0, spacing_ms);
            assert_eq!(sent[1].1.timestamp - sent[0].1.timestamp, ticks);
        }
    }

    /// SIPp 3.6.1: after a pause of 216 ms the time stamp jumps by 1728, the sequence does not (measured).
    #[test]
    fn a_pause_moves_the_clock_but_not_the_sequence() {
        let mut stream = stream(320, 8, Some(1));
        stream.emit(&mut Vec::new());
        stream.pause(Duration::from_millis(216));
        let rest = packets(&mut stream);
        assert_eq!((rest[0].0, rest[0].1.sequence), (1236, 1));
        assert_eq!(rest[0].1.timestamp, 8000 + 160 + 1728);
    }

    #[test]
    fn without_loops_it_never_ends() {
        let mut stream = stream(1, 0, None);
        for _ in 0..70_000 {
            stream.emit(&mut Vec::new());
        }
        assert!(stream.next_deadline().is_some());
    }

    #[test]
    fn a_following_stream_continues_the_sequence() {
        let mut first = stream(480, 8, Some(1));
        packets(&mut first);
        let next = packets(&mut stream(160, 8, Some(1)).continuing(&first));
        assert_eq!(next[0].1.sequence, 3);
    }
}
