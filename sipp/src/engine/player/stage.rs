//! The media thread's loop: commands, packets that are due, received packets.
//!
//! All streams share one timer wheel. What is due in one turn leaves in one batch per socket.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TryRecvError};
use std::time::Duration;

use rustc_hash::FxHashMap;
use sip::net::Clock;
use sip::time::Time;
use sip::wheel::{TimerId, Wheel};
use slab::Slab;
use smallvec::SmallVec;

use crate::lang::EchoSwitch;
use crate::media::{Listening, Playback};

use super::ports::{PortId, Ports};
use super::{Command, Slot, Start, StreamId, Tally};

/// All that the media thread owns.
pub(super) struct Stage {
    clock: Clock,
    ports: Ports,
    tally: Arc<Tally>,
    complaints: SyncSender<String>,
    streams: Slab<Running>,
    by_id: FxHashMap<StreamId, usize>,
    wheel: Wheel<u32>,
    echo: EchoSwitch,
    listening: Listening<(PortId, SocketAddr)>,
    next_sweep: Time,
    /// The packet being made; reused.
    packet: Vec<u8>,
}

/// A stream that plays.
struct Running {
    id: StreamId,
    playback: Playback,
    from: SocketAddr,
    to: SocketAddr,
    /// The sockets it sends from, by port shift.
    ports: SmallVec<[(u16, PortId); 2]>,
    timer: Option<TimerId>,
}

impl Stage {
    pub(super) fn new(
        clock: Clock,
        ports: Ports,
        tally: Arc<Tally>,
        complaints: SyncSender<String>,
    ) -> Stage {
        let echo = ports.habits().echo;
        Stage {
            clock,
            ports,
            tally,
            complaints,
            streams: Slab::new(),
            by_id: FxHashMap::default(),
            wheel: Wheel::new(TICK),
            echo,
            listening: Listening::default(),
            next_sweep: Time::ZERO,
            packet: Vec::new(),
        }
    }

    /// Works until the other end of `orders` is gone.
    pub(super) fn run(mut self, orders: &Receiver<Command>) {
        while self.obey(orders) {
            let now = self.clock.now();
            self.play_due(now);
            self.flush();
            self.sweep(now);
            if let Err(error) = self.receive() {
                self.complain(format!("Media ports cannot be read: {error}"));
                std::thread::sleep(RETRY);
            }
        }
        self.tally.publish(self.listening.received());
    }

    /// Publishes what the received streams are like, now and then.
    fn sweep(&mut self, now: Time) {
        if now >= self.next_sweep {
            self.next_sweep = now + SWEEP_EVERY;
            self.listening.sweep(now);
            self.tally.publish(self.listening.received());
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
                Command::Start(start) => self.start(*start),
                Command::Pause(id) => self.change(id, |playback| playback.pause(now)),
                Command::Resume(id) => self.change(id, |playback| playback.resume(now)),
                Command::Forget(call) => {
                    for slot in Slot::ALL {
                        self.stop(StreamId { call, slot });
                    }
                }
                Command::Echo(switch) => self.echo = switch,
            }
        }
    }

    fn start(&mut self, start: Start) {
        let before = self.by_id.get(&start.id).map(|key| self.streams[*key].playback.clone());
        self.stop(start.id);
        let playback = match before {
            Some(before) => start.playback.continuing(&before),
            None => start.playback,
        };
        let key = self.streams.insert(Running {
            id: start.id,
            playback,
            from: start.from,
            to: start.to,
            ports: SmallVec::new(),
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
        stream.timer =
            stream.playback.next_deadline().map(|deadline| self.wheel.insert(deadline, key as u32));
        if stream.timer.is_none() && !stream.playback.is_paused() {
            for (_, port) in std::mem::take(&mut stream.ports) {
                self.ports.release(port);
            }
            self.count_streams();
        }
    }

    fn stop(&mut self, id: StreamId) {
        let Some(key) = self.by_id.remove(&id) else { return };
        let stream = self.streams.remove(key);
        if let Some(timer) = stream.timer {
            self.wheel.cancel(timer);
        }
        for (_, port) in stream.ports {
            self.ports.release(port);
        }
        self.count_streams();
    }

    fn count_streams(&self) {
        // Every stream that plays has a timer, and nothing else has.
        self.tally.streams.store(self.wheel.len() as u64, std::sync::atomic::Ordering::Relaxed);
    }

    /// Queues every packet whose moment has come; a bounded number, so that commands get their turn.
    fn play_due(&mut self, now: Time) {
        for _ in 0..STREAMS_PER_TURN {
            let Some(key) = self.wheel.pop_due(now) else { return };
            let key = key as usize;
            self.streams[key].timer = None;
            for _ in 0..PACKETS_IN_A_ROW {
                let Some(deadline) = self.streams[key].playback.next_deadline() else { break };
                if deadline > now {
                    break;
                }
                self.tally.note_lateness(now - deadline);
                if !self.send_one(key) {
                    return self.stop(self.streams[key].id);
                }
            }
            self.schedule(key);
        }
    }

    /// Queues a stream's next packet; false when it has no socket to send from.
    fn send_one(&mut self, key: usize) -> bool {
        self.packet.clear();
        let stream = &mut self.streams[key];
        let shift = stream.playback.emit(&mut self.packet);
        let known = stream.ports.iter().find(|(known, _)| *known == shift);
        let port = match known {
            Some((_, port)) => *port,
            None => {
                let from = shifted(stream.from, shift);
                match self.ports.take(from) {
                    Ok((port, complaint)) => {
                        stream.ports.push((shift, port));
                        if let Some(text) = complaint {
                            self.complain(text);
                        }
                        port
                    }
                    Err(error) => {
                        let call = stream.id.call;
                        self.complain(format!("Call {call}: no media socket on {from}: {error}"));
                        return false;
                    }
                }
            }
        };
        let to = shifted(self.streams[key].to, shift);
        if self.ports.queue(port, &self.packet, to) {
            Tally::add(&self.tally.sent_packets, 1);
            Tally::add(&self.tally.sent_bytes, self.packet.len() as u64);
        } else {
            Tally::add(&self.tally.dropped, 1);
        }
        true
    }

    fn flush(&mut self) {
        let flushed = self.ports.flush();
        Tally::add(&self.tally.dropped, flushed.refused);
    }

    /// Waits for the next packet to send or to take, and takes what arrived.
    fn receive(&mut self) -> std::io::Result<()> {
        let due = self.wheel.next_deadline().map(|deadline| deadline.since(self.clock.now()));
        let timeout = if self.ports.is_congested() { Some(due.unwrap_or(RETRY).min(RETRY)) } else { due };
        let (tally, echo, clock, listening) = (&self.tally, self.echo, self.clock, &mut self.listening);
        let mut arrived = None;
        let echo_bytes = self.ports.habits().echo_bytes;
        self.ports.receive(timeout, |received, answers| {
            Tally::add(&tally.received_packets, 1);
            Tally::add(&tally.received_bytes, received.bytes.len() as u64);
            // One look at the clock for all that waited together.
            let now = *arrived.get_or_insert_with(|| clock.now());
            listening.take(now, (received.port, received.from), received.bytes);
            if let (Some(line), EchoSwitch::On) = (received.echo_line, echo) {
                Tally::add(&tally.echoed[line], 1);
                let bytes = &received.bytes[..received.bytes.len().min(echo_bytes)];
                answers.push((received.port, bytes.to_vec(), received.from));
            }
        })
    }

    fn complain(&self, text: String) {
        // With a full channel there is nothing new to say.
        let _ = self.complaints.try_send(text);
    }
}

/// The address `shift` ports above; ports wrap as SIPp's do.
fn shifted(addr: SocketAddr, shift: u16) -> SocketAddr {
    SocketAddr::new(addr.ip(), addr.port().wrapping_add(shift))
}

/// Resolution of the packet clock, rounded down to 0.52 ms: what falls into one tick leaves in one batch, which
/// costs half as much per packet as a tick of 0.13 ms and keeps lateness far below the 2 ms that matter.
const TICK: Duration = Duration::from_millis(1);
/// Streams served in one turn.
const STREAMS_PER_TURN: usize = 2048;
/// Packets of one stream sent in one turn, when it is late or its capture holds bursts.
const PACKETS_IN_A_ROW: usize = 32;
/// Time between two readings of the received streams.
const SWEEP_EVERY: Duration = Duration::from_millis(500);
/// When a refusing socket is tried again.
const RETRY: Duration = Duration::from_millis(1);
