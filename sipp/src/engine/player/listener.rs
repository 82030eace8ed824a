//! Received packets: handed to the lines of calls, and returned to their senders where an echo is on.

use sip::time::Time;

use crate::lang::{EchoSwitch, MediaKind};
use crate::media::Content;

use super::Tally;
use super::hearing::Hearing;
use super::places::Places;
use super::ports::Received;

/// What takes received packets.
pub(super) struct Listener<'s> {
    pub(super) tally: &'s Tally,
    pub(super) hearing: &'s Hearing,
    pub(super) places: &'s Places,
    /// `-rtp_echo` as of now.
    pub(super) echo: EchoSwitch,
    /// `-mb`.
    pub(super) echo_bytes: usize,
    /// Where packets are opened; reused.
    pub(super) packet: &'s mut Vec<u8>,
}

impl Listener<'_> {
    /// Takes a packet; gives what is returned to its sender.
    pub(super) fn take(&mut self, now: Time, received: &Received<'_>) -> Option<Vec<u8>> {
        Tally::add(&self.tally.received_packets, 1);
        Tally::add(&self.tally.received_bytes, received.bytes.len() as u64);
        self.packet.clear();
        self.packet.extend_from_slice(received.bytes);
        let mut lines = self.hearing.lines();
        let taken = lines.take(now, (received.port, received.from), self.packet);
        let is_rtp = matches!(taken.content, Content::Rtp | Content::WrongPattern);
        if let Some(line) = taken.line.filter(|line| is_rtp && self.places.echoes(*line)) {
            // A key that is used up returns nothing more.
            lines.protect(line, self.packet).ok()?;
            Tally::add(&self.tally.echoed[usize::from(line.kind == MediaKind::Video)], 1);
            return Some(self.packet.clone());
        }
        drop(lines);
        let line = received.echo_line.filter(|_| self.echo == EchoSwitch::On)?;
        Tally::add(&self.tally.echoed[line], 1);
        Some(received.bytes[..received.bytes.len().min(self.echo_bytes)].to_vec())
    }
}
