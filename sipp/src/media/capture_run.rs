//! One replay of a capture: which datagram is due when.

use std::sync::Arc;

use sip::time::Time;

use super::Capture;

/// A place in a capture and the moment its first datagram leaves.
#[derive(Clone, Debug)]
pub(super) struct CaptureRun {
    capture: Arc<Capture>,
    next: u32,
    start: Time,
}

impl CaptureRun {
    pub(super) fn new(capture: Arc<Capture>, start: Time) -> CaptureRun {
        CaptureRun { capture, next: 0, start }
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.capture.get(self.next as usize).map(|packet| self.start + packet.at)
    }

    /// Appends the next datagram as captured; gives its distance from the base port.
    pub(super) fn emit(&mut self, out: &mut Vec<u8>) -> u16 {
        let Some(packet) = self.capture.get(self.next as usize) else { return 0 };
        self.next += 1;
        out.extend_from_slice(packet.payload);
        packet.port_shift
    }

    pub(super) fn pause(&mut self, by: std::time::Duration) {
        self.start += by;
    }
}
