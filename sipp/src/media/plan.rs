//! The machine behind every outgoing stream: when its next packet is due, and what it is.

use std::sync::Arc;
use std::time::Duration;

use sip::time::Time;

use super::Capture;
use super::capture_run::CaptureRun;
use super::events::{EventRun, Events};
use super::stream::{Stream, StreamPlan};

/// One running stream. [`Playback::next_deadline`] says when to call [`Playback::emit`]. The first packet is due at a
/// whole millisecond: packets of many streams that are due together leave together.
#[derive(Clone, Debug)]
pub struct Playback {
    kind: Kind,
    /// Since when it is paused.
    paused: Option<Time>,
}

#[derive(Clone, Debug)]
enum Kind {
    Capture(CaptureRun),
    Events(EventRun),
    Stream(Stream),
}

impl Playback {
    /// Replays a capture: payloads, order and spacing as captured.
    pub fn capture(capture: Arc<Capture>, start: Time) -> Playback {
        Playback { kind: Kind::Capture(CaptureRun::new(capture, start.round_up(GRID))), paused: None }
    }

    /// Plays telephone events. `first_sequence`: see [`Events::sequence_span`] for the one after it.
    pub fn events(events: Events, first_sequence: u16, ssrc: u32, start: Time) -> Playback {
        let run = EventRun::new(events, first_sequence, ssrc, start.round_up(GRID));
        Playback { kind: Kind::Events(run), paused: None }
    }

    /// Streams a file.
    pub fn stream(plan: StreamPlan, start: Time) -> Playback {
        Playback { kind: Kind::Stream(Stream::new(plan, start.round_up(GRID))), paused: None }
    }

    /// When the next packet is due; `None` at the end and while paused.
    pub fn next_deadline(&self) -> Option<Time> {
        if self.paused.is_some() {
            return None;
        }
        match &self.kind {
            Kind::Capture(run) => run.next_deadline(),
            Kind::Events(run) => run.next_deadline(),
            Kind::Stream(stream) => stream.next_deadline(),
        }
    }

    /// Appends the next packet and gives the distance of its ports from the stream's base ports.
    pub fn emit(&mut self, out: &mut Vec<u8>) -> u16 {
        match &mut self.kind {
            Kind::Capture(run) => return run.emit(out),
            Kind::Events(run) => run.emit(out),
            Kind::Stream(stream) => stream.emit(out),
        }
        0
    }

    /// True while it is paused.
    pub fn is_paused(&self) -> bool {
        self.paused.is_some()
    }

    /// Sends nothing until [`Playback::resume`]; again is harmless.
    pub fn pause(&mut self, now: Time) {
        self.paused.get_or_insert(now);
    }

    /// Goes on with the packet that was next, as much later as the pause was long, in whole milliseconds.
    pub fn resume(&mut self, now: Time) {
        let Some(since) = self.paused.take() else { return };
        let by = (Time::ZERO + now.since(since)).round_up(GRID) - Time::ZERO;
        match &mut self.kind {
            Kind::Capture(run) => run.pause(by),
            Kind::Events(run) => run.pause(by),
            Kind::Stream(stream) => stream.pause(by),
        }
    }

    /// The same stream as `before` with new content: a file stream keeps source and sequence.
    pub fn continuing(self, before: &Playback) -> Playback {
        match (self.kind, &before.kind) {
            (Kind::Stream(stream), Kind::Stream(old)) => {
                Playback { kind: Kind::Stream(stream.continuing(old)), paused: self.paused }
            }
            (kind, _) => Playback { kind, paused: self.paused },
        }
    }
}

/// Where streams begin.
const GRID: Duration = Duration::from_millis(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::{Samples, payload};

    #[test]
    fn a_paused_stream_has_no_deadline_and_resumes_later() {
        let plan = StreamPlan {
            samples: Samples::parse(&[0; 1600]).expect("not empty"),
            format: payload::find(0, None).expect("known"),
            payload_type: 0,
            loops: Some(1),
            ssrc: 1,
        };
        let mut playback = Playback::stream(plan, Time::from_nanos(99_000_001));
        assert_eq!(playback.next_deadline(), Some(Time::from_millis(100)));
        playback.emit(&mut Vec::new());
        playback.pause(Time::from_millis(110));
        playback.pause(Time::from_millis(115));
        assert_eq!((playback.next_deadline(), playback.is_paused()), (None, true));
        playback.resume(Time::from_nanos(309_000_001));
        playback.resume(Time::from_millis(999));
        assert_eq!(playback.next_deadline(), Some(Time::from_millis(320)));
    }
}
