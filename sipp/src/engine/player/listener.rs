//! Received packets: handed to the lines of calls, and returned to their senders where an echo is on.

use std::net::SocketAddr;

use sip::net::{Busy, Clock, Flow};
use sip::time::Time;

use crate::lang::{EchoSwitch, MediaKind};
use crate::media::Content;

use super::Tally;
use super::hearing::{Hearing, Lines};
use super::places::Places;
use super::ports::{PortId, Received};

/// What takes received packets.
pub(super) struct Listener<'s> {
    pub(super) clock: Clock,
    pub(super) tally: &'s Tally,
    pub(super) hearing: &'s Hearing,
    pub(super) places: &'s Places,
    /// Counts the packets.
    pub(super) busy: &'s mut Busy,
    /// `-rtp_echo` as of now.
    pub(super) echo: EchoSwitch,
    /// `-mb`.
    pub(super) echo_bytes: usize,
    /// Where packets are opened; reused.
    pub(super) packet: &'s mut Vec<u8>,
}

impl Listener<'_> {
    /// Takes what came to a port and queues what is returned to its senders.
    pub(super) fn take(&mut self, received: Received<'_>) {
        let Received { port, echo_line, datagrams, answers } = received;
        let moment = self.clock.moment();
        let (mut bytes_taken, mut refused) = (0, 0);
        let mut lines = self.hearing.lines();
        for index in 0..datagrams.len() {
            let Some((bytes, from)) = datagrams.get(index) else { continue };
            let now = datagrams.arrival(index).map_or(moment.now, |stamp| moment.of_stamp(stamp));
            bytes_taken += bytes.len() as u64;
            self.packet.clear();
            self.packet.extend_from_slice(bytes);
            let returned = if self.is_for_echo_of_call(now, (port, from), &mut lines) {
                Some(&self.packet[..])
            } else {
                self.echoed(echo_line, bytes)
            };
            if let Some(returned) = returned {
                // What goes back to one sender stays in order.
                let flow = Flow::of(from.port().into());
                refused += u64::from(answers.push_in_flow(returned, from, flow).is_err());
            }
        }
        drop(lines);
        let count = datagrams.len() as u64;
        (0..count).for_each(|_| self.busy.count(moment.now));
        Tally::add(&self.tally.received_packets, count);
        Tally::add(&self.tally.received_bytes, bytes_taken);
        Tally::add(&self.tally.dropped, refused);
    }

    /// Hands `packet` to the line it belongs to. True when the line returns it; it is then protected for that.
    fn is_for_echo_of_call(&mut self, now: Time, at: (PortId, SocketAddr), lines: &mut Lines) -> bool {
        let taken = lines.take(now, at, self.packet);
        let is_rtp = matches!(taken.content, Content::Rtp | Content::WrongPattern);
        let Some(line) = taken.line.filter(|line| is_rtp && self.places.echoes(*line)) else { return false };
        Tally::add(&self.tally.echoed[usize::from(line.kind == MediaKind::Video)], 1);
        // A key that is used up returns nothing more.
        lines.protect(line, self.packet).is_ok()
    }

    /// What `-rtp_echo` returns of a datagram.
    fn echoed<'b>(&self, echo_line: Option<usize>, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let line = echo_line.filter(|_| self.echo == EchoSwitch::On)?;
        Tally::add(&self.tally.echoed[line], 1);
        Some(&bytes[..bytes.len().min(self.echo_bytes)])
    }
}
