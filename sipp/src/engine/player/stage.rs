//! The media thread's loop: commands, packets and reports that are due, received packets.
//!
//! All streams share one timer wheel. What is due in one turn leaves in one batch per socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use sip::net::{Busy, Clock, Flow};
use sip::time::Time;
use sip::wheel::{TimerId, Wheel};
use slab::Slab;
use smallvec::SmallVec;

use crate::lang::{EchoSwitch, MediaKind};
use crate::media::{Playback, pattern::Checked};

use super::bell::Bell;
use super::hearing::{Hearing, Lines};
use super::listener::Listener;
use super::places::Places;
use super::ports::{PortId, Ports};
use super::{Command, LineId, Place, Remark, Slot, Start, StreamId, Tally};

/// All that the media thread owns.
pub(super) struct Stage {
    clock: Clock,
    ports: Ports,
    tally: Arc<Tally>,
    hearing: Hearing,
    places: Places,
    remarks: SyncSender<Remark>,
    streams: Slab<Running>,
    by_id: FxHashMap<StreamId, usize>,
    wheel: Wheel<u32>,
    echo: EchoSwitch,
    bell: Bell,
    busy: Busy,
    next_sweep: Time,
    /// The packet being made or read; reused.
    packet: Vec<u8>,
}

/// A stream that plays.
struct Running {
    id: StreamId,
    playback: Playback,
    from: SocketAddr,
    to: SocketAddr,
    /// The line it counts for.
    line: LineId,
    /// Whether what comes back is compared.
    is_checked: bool,
    /// The sockets it sends from, by port shift.
    ports: SmallVec<[(u16, PortId); 2]>,
    /// The one its last packet left from.
    last: Option<PortId>,
    timer: Option<TimerId>,
}

impl Stage {
    pub(super) fn new(
        clock: Clock,
        ports: Ports,
        (tally, hearing): (Arc<Tally>, Hearing),
        remarks: SyncSender<Remark>,
        bell: Bell,
    ) -> Stage {
        let echo = ports.habits().echo;
        Stage {
            clock,
            ports,
            tally,
            hearing,
            places: Places::new(),
            remarks,
            streams: Slab::new(),
            by_id: FxHashMap::default(),
            wheel: Wheel::new(TICK),
            echo,
            bell,
            busy: Busy::gathering(PACKETS_IN_ONE_GO, crate::engine::LONGEST_REST),
            next_sweep: Time::ZERO,
            packet: Vec::new(),
        }
    }

    /// Works until the other end of `orders` is gone.
    pub(super) fn run(mut self, orders: &Receiver<Command>) {
        while self.obey(orders) {
            self.play_due();
            let now = self.clock.now();
            self.report_due(now);
            self.flush();
            self.sweep(now);
            if let Err(error) = self.receive() {
                self.complain(format!("Media ports cannot be read: {error}"));
                // What is broken stays readable for ever: without a pause this thread would do nothing but complain.
                std::thread::sleep(RETRY);
            }
        }
        self.end_all();
    }

    /// The run is over: all calls end.
    fn end_all(&mut self) {
        let now = self.clock.now();
        let ids: Vec<StreamId> = self.by_id.keys().copied().collect();
        ids.into_iter().for_each(|id| self.stop(now, id));
        self.flush();
        self.tally.publish(self.hearing.lines().received());
    }

    /// Publishes what the received streams are like, now and then.
    fn sweep(&mut self, now: Time) {
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_EVERY;
            let mut lines = self.hearing.lines();
            lines.sweep(now);
            let received = lines.received();
            drop(lines);
            self.tally.publish(received);
        }
    }

    /// Takes waiting commands; false when there will be no more.
    fn obey(&mut self, orders: &Receiver<Command>) -> bool {
        loop {
            let command = match orders.try_recv() {
                Ok(command) => command,
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            };
            let now = self.clock.now();
            match command {
                Command::Start(start) => self.start(now, *start),
                Command::Pause(id) => self.change(id, |playback| playback.pause(now)),
                Command::Resume(id) => self.change(id, |playback| playback.resume(now)),
                Command::Forget(call) => self.forget(now, call),
                Command::Echo(switch) => self.echo = switch,
                Command::Expect(place) => self.expect(now, *place),
                Command::EchoLine(line, switch) => self.places.echo(line, switch),
            }
        }
    }

    fn expect(&mut self, now: Time, place: Place) {
        let mut lines = self.hearing.lines();
        let said = self.places.expect(now, place, &mut self.ports, &mut lines);
        drop(lines);
        if let Ok(Some(text)) | Err(text) = said {
            self.complain(text);
        }
    }

    fn forget(&mut self, now: Time, call: u64) {
        for slot in Slot::ALL {
            self.stop(now, StreamId { call, slot });
        }
        for kind in MediaKind::ALL {
            let line = LineId { call, kind };
            self.places.close(line, &mut self.ports);
            let mut lines = self.hearing.lines();
            let protection = lines.protection(line).filter(|_| self.ports.habits().srtp_debug);
            lines.forget(now, line);
            drop(lines);
            if let Some(protection) = protection {
                self.remark(Remark::Protected(format!("call {call} m={}: {protection}", kind.word())));
            }
        }
    }

    fn start(&mut self, now: Time, start: Start) {
        let before = self.by_id.get(&start.id).map(|key| self.streams[*key].playback.clone());
        self.stop(now, start.id);
        let line = LineId { call: start.id.call, kind: start.kind };
        let is_checked = start.check.is_some();
        if let Some(check) = start.check {
            self.hearing.lines().check(line, check);
        }
        let playback = match before {
            Some(before) => start.playback.continuing(&before),
            None => start.playback,
        };
        let key = self.streams.insert(Running {
            id: start.id,
            playback,
            from: start.from,
            to: start.to,
            line,
            is_checked,
            ports: SmallVec::new(),
            last: None,
            timer: None,
        });
        self.by_id.insert(start.id, key);
        self.schedule(key);
        self.count_streams();
    }

    fn change(&mut self, id: StreamId, change: impl FnOnce(&mut Playback)) {
        let Some(key) = self.by_id.get(&id).copied() else { return };
        change(&mut self.streams[key].playback);
        self.schedule(key);
    }

    /// Sets a stream's timer to its next packet. A stream that has ended keeps its place, so that a
    /// following one goes on with its sequence; it ends with its call.
    fn schedule(&mut self, key: usize) {
        let stream = &mut self.streams[key];
        if let Some(timer) = stream.timer.take() {
            self.wheel.cancel(timer);
        }
        stream.timer = stream
            .playback
            .next_deadline()
            .map(|deadline| self.wheel.insert(deadline.round_up(BEAT), key as u32));
        if stream.timer.is_none() && !stream.playback.is_paused() {
            for (_, port) in std::mem::take(&mut stream.ports) {
                self.ports.release(port);
            }
            self.count_streams();
        }
    }

    fn stop(&mut self, now: Time, id: StreamId) {
        let Some(key) = self.by_id.remove(&id) else { return };
        let stream = self.streams.remove(key);
        if stream.is_checked {
            let result = self.hearing.lines().end_check(now, stream.line);
            self.judge(stream.line, result.unwrap_or_default());
        }
        if let Some(timer) = stream.timer {
            self.wheel.cancel(timer);
        }
        for (_, port) in stream.ports {
            self.ports.release(port);
        }
        self.count_streams();
    }

    /// Holds the result of a check against the tolerance of its kind.
    fn judge(&self, line: LineId, result: Checked) {
        let habits = self.ports.habits();
        let fails = result.fails(habits.tolerance[usize::from(line.kind == MediaKind::Video)]);
        if fails {
            Tally::add(&self.tally.failed_checks, 1);
        }
        if habits.check_debug {
            let Checked { sent, bad, good } = result;
            let verdict = if fails { "failed" } else { "passed" };
            let call = line.call;
            let text =
                format!("call {call}: {sent} packets sent, {good} came back the same, {bad} bad: {verdict}");
            self.remark(Remark::Checked(line.kind, text));
        }
    }

    fn count_streams(&self) {
        // Every stream that plays has a timer, and nothing else has.
        self.tally.streams.store(self.wheel.len() as u64, std::sync::atomic::Ordering::Relaxed);
    }

    /// Sends every packet whose moment has come, a slice of the streams at a time: the first ones do not wait for
    /// the last, and whoever wants to know what a call heard waits for one slice only. A bounded number, so that
    /// commands get their turn.
    fn play_due(&mut self) {
        let hearing = self.hearing.clone();
        for _ in 0..SLICES_PER_TURN {
            let now = self.clock.now();
            let mut lines = hearing.lines();
            let played = self.play_slice(now, &mut lines);
            drop(lines);
            self.flush();
            match played {
                Played::All => return,
                Played::Slice => {}
                Played::UpTo(broken) => self.stop(now, broken),
            }
        }
    }

    fn play_slice(&mut self, now: Time, lines: &mut Lines) -> Played {
        for _ in 0..STREAMS_PER_SLICE {
            let Some(key) = self.wheel.pop_due(now) else { return Played::All };
            let key = key as usize;
            self.streams[key].timer = None;
            for _ in 0..PACKETS_IN_A_ROW {
                let Some(deadline) = self.streams[key].playback.next_deadline() else { break };
                if deadline > now {
                    break;
                }
                self.tally.note_lateness(now - deadline);
                if !self.send_one(now, key, lines) {
                    return Played::UpTo(self.streams[key].id);
                }
            }
            self.schedule(key);
        }
        Played::Slice
    }

    /// Queues a stream's next packet; false when it has no socket to send from, or no key any more.
    fn send_one(&mut self, now: Time, key: usize, lines: &mut Lines) -> bool {
        self.packet.clear();
        let stream = &mut self.streams[key];
        let shift = stream.playback.emit(&mut self.packet);
        let (to, line) = (shifted(stream.to, shift), stream.line);
        let known = stream.ports.iter().find(|(known, _)| *known == shift);
        let Some(port) = known.map(|(_, port)| *port).or_else(|| self.open_port(key, shift)) else {
            return false;
        };
        // Each port has a batch of its own: packets of one capture keep their order over all its ports.
        if self.streams[key].last.replace(port).is_some_and(|last| last != port) {
            self.flush();
        }
        // Only what leaves the media port itself is the line's; a capture may hold RTCP and other streams.
        if shift == 0 && lines.sending(now, line, &mut self.packet).is_err() {
            self.complain(format!(
                "Call {}: its SRTP key has protected as many packets as it may",
                line.call
            ));
            return false;
        }
        if self.ports.queue(port, &self.packet, to, Flow::of(key as u64)) {
            Tally::add(&self.tally.sent_packets, 1);
            Tally::add(&self.tally.sent_bytes, self.packet.len() as u64);
        } else {
            Tally::add(&self.tally.dropped, 1);
        }
        true
    }

    /// The socket a stream sends from, that far from its base port; `None` when there is none to be had.
    fn open_port(&mut self, key: usize, shift: u16) -> Option<PortId> {
        let stream = &mut self.streams[key];
        let from = shifted(stream.from, shift);
        match self.ports.take(from) {
            Ok((port, complaint)) => {
                stream.ports.push((shift, port));
                if let Some(text) = complaint {
                    self.complain(text);
                }
                Some(port)
            }
            Err(error) => {
                let call = stream.id.call;
                self.complain(format!("Call {call}: no media socket on {from}: {error}"));
                None
            }
        }
    }

    fn flush(&mut self) {
        let flushed = self.ports.flush();
        Tally::add(&self.tally.dropped, flushed.refused);
    }

    /// Queues every report whose moment has come.
    fn report_due(&mut self, now: Time) {
        while let Some(due) = self.places.pop_report(now) {
            self.packet.clear();
            let mut lines = self.hearing.lines();
            lines.write_report(now, due.line, &mut self.packet);
            let next = lines.next_report(due.line);
            drop(lines);
            self.places.plan_report(due.line, next);
            if !self.ports.queue(due.port, &self.packet, due.to, Flow::NONE) {
                Tally::add(&self.tally.dropped, 1);
            }
        }
    }

    /// Waits for the next packet to send or to take, and takes what arrived.
    fn receive(&mut self) -> std::io::Result<()> {
        let now = self.clock.now();
        let deadlines = [self.wheel.next_deadline(), self.places.next_report()];
        let due = deadlines.into_iter().flatten().min().map(|deadline| deadline.since(now));
        let mut timeout = if self.ports.is_congested() { Some(due.unwrap_or(RETRY).min(RETRY)) } else { due };
        if let Some(rest) = self.busy.rest(now, None) {
            // Packets gather: one wake-up takes many.
            std::thread::sleep(rest.min(timeout.unwrap_or(rest)));
            timeout = Some(Duration::ZERO);
        } else if !self.bell.may_wait(timeout) {
            timeout = Some(Duration::ZERO);
        }
        let mut listener = Listener {
            clock: self.clock,
            tally: &self.tally,
            hearing: &self.hearing,
            places: &self.places,
            busy: &mut self.busy,
            echo: self.echo,
            echo_bytes: self.ports.habits().echo_bytes,
            packet: &mut self.packet,
        };
        self.ports.receive(timeout, &mut listener)
    }

    fn complain(&self, text: String) {
        self.remark(Remark::Complaint(text));
    }

    fn remark(&self, remark: Remark) {
        // With a full channel there is nothing new to say.
        let _ = self.remarks.try_send(remark);
    }
}

/// The address `shift` ports above; ports wrap as SIPp's do.
fn shifted(addr: SocketAddr, shift: u16) -> SocketAddr {
    SocketAddr::new(addr.ip(), addr.port().wrapping_add(shift))
}

/// How far a slice of streams that are due came.
enum Played {
    /// None is left.
    All,
    /// There may be more.
    Slice,
    /// Up to this one, which cannot go on.
    UpTo(StreamId),
}

/// Packets leave on a grid of this width, all that are due there in one go: a wake-up costs as much as many packets.
/// Files are exact on it ([`Playback`]); the datagrams of a capture leave half a millisecond late at most.
const BEAT: Duration = Duration::from_micros(500);
/// Resolution of the timers of packets and reports, rounded down to 0.066 ms.
pub(super) const TICK: Duration = Duration::from_micros(100);
/// Streams served before what they send is flushed, and slices in one turn.
const STREAMS_PER_SLICE: usize = 64;
const SLICES_PER_TURN: usize = 32;
/// Packets of one stream sent in one turn, when it is late or its capture holds bursts.
const PACKETS_IN_A_ROW: usize = 32;
/// Time between two readings of the received streams.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Received packets that are worth a wake-up.
const PACKETS_IN_ONE_GO: u32 = 64;
/// When a refusing socket is tried again.
const RETRY: Duration = Duration::from_millis(1);
