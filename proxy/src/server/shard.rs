//! The loop of one shard: receive a batch, run its messages, let timers fire, send.
//!
//! One thread owns one of these: its sockets, transactions, kept messages and waiting runs. Messages of one
//! call are worked on in order of arrival, by the shard that owns the call (`post.rs`).

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::msg::{Message, ParseError};
use sip::net::{self, Clock, Event, Inbox, Incoming, Outgoing};
use sip::peer::Peer;
use sip::time::Time;

use super::LogSink;
use super::io::Io;
use super::pace::Pace;
use super::post::{Letter, Post, STREAMS};
use super::runs::Waiting;
use crate::api::{IoAnswer, Received, RouteId, RouteTable, Shard, Work};
use crate::relay::{Sending, SocketId};
use crate::script::Script;

/// One shard and everything it owns.
#[derive(Debug)]
pub(super) struct Worker {
    pub(super) shard: Shard,
    pub(super) script: Arc<Script>,
    pub(super) entries: Entries,
    pub(super) defaults: Defaults,
    /// Requests of transactions whose routes may still run, by place of the response context.
    pub(super) kept: Vec<Option<Box<Work>>>,
    /// Runs put aside, by token.
    pub(super) waiting: FxHashMap<u64, Waiting>,
    /// When sleeping runs go on.
    pub(super) sleepers: BinaryHeap<Reverse<(Time, u64)>>,
    pub(super) next_token: u64,
    pub(super) io: Io,
    pub(super) tally: Tally,
    pace: Pace,
    clock: Clock,
    sockets: net::Sockets,
    /// The net room's name of each of our sockets; none for listeners of another shard.
    ids: Vec<Option<net::SocketId>>,
    post: Post,
    /// Room for what is being sent; empty between steps.
    sendings: Vec<Sending>,
    /// Letters taken and not yet worked on; empty between steps.
    letters: Vec<Letter>,
    commands: Receiver<Command>,
    log: LogSink,
}

/// What connects a worker to the world beside its messages.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) sockets: net::Sockets,
    /// The net room's name of each of our sockets, where this shard has it.
    pub(super) ids: Vec<Option<net::SocketId>>,
    pub(super) post: Post,
    pub(super) commands: Receiver<Command>,
    pub(super) io: Io,
    pub(super) log: LogSink,
}

/// The blocks the loop itself starts.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entries {
    pub(super) request: Option<RouteId>,
    pub(super) reply: Option<RouteId>,
}

/// Core parameters that every message starts with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Defaults {
    /// `force_rport`
    pub(super) force_rport: bool,
    /// `local_rport`
    pub(super) local_rport: bool,
}

/// What other threads ask of a shard.
#[derive(Debug)]
pub(super) enum Command {
    /// End the loop.
    Stop,
    /// The answer a run waits for.
    Answer(u64, IoAnswer),
    /// Tell what was counted.
    Tell(Sender<Tally>),
}

/// What a shard counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Requests received.
    pub requests: u64,
    /// Replies received.
    pub replies: u64,
    /// Messages dropped: not SIP, or not answerable.
    pub malformed: u64,
    /// Requests answered with 400.
    pub bad_requests: u64,
    /// Requests answered with 503, since there was too much to do.
    pub turned_away: u64,
    /// Replies that belonged to nothing and could not be forwarded.
    pub stray_replies: u64,
    /// Messages that could not be sent.
    pub unsent: u64,
    /// Messages read here that belonged to another shard.
    pub handed_over: u64,
    /// Messages lost on the way between shards, since the receiver was too far behind.
    pub lost: u64,
    /// Response contexts alive.
    pub contexts: u64,
}

impl Tally {
    /// Names and counts, for people.
    pub fn rows(&self) -> [(&'static str, u64); 10] {
        [
            ("requests received", self.requests),
            ("replies received", self.replies),
            ("dropped as malformed", self.malformed),
            ("answered 400", self.bad_requests),
            ("turned away with 503", self.turned_away),
            ("stray replies", self.stray_replies),
            ("not sent", self.unsent),
            ("handed over", self.handed_over),
            ("lost between shards", self.lost),
            ("transactions open", self.contexts),
        ]
    }

    /// Adds another shard's counts.
    pub(super) fn add(&mut self, other: &Tally) {
        self.requests += other.requests;
        self.replies += other.replies;
        self.malformed += other.malformed;
        self.bad_requests += other.bad_requests;
        self.turned_away += other.turned_away;
        self.stray_replies += other.stray_replies;
        self.unsent += other.unsent;
        self.handed_over += other.handed_over;
        self.lost += other.lost;
        self.contexts += other.contexts;
    }
}

impl Worker {
    /// A worker that has not received anything yet.
    pub(super) fn new(shard: Shard, script: Arc<Script>, outside: Outside) -> Worker {
        let Outside { sockets, ids, post, commands, io, log } = outside;
        let entries = Entries {
            request: script.route(RouteTable::Request, ""),
            reply: script.route(RouteTable::Reply, ""),
        };
        let is_on = |name: &str| script.catalog.setting_int(name, 0) != 0;
        let defaults = Defaults { force_rport: is_on("force_rport"), local_rport: is_on("local_rport") };
        Worker {
            defaults,
            shard,
            script,
            entries,
            kept: Vec::new(),
            waiting: FxHashMap::default(),
            sleepers: BinaryHeap::new(),
            next_token: 0,
            io,
            tally: Tally::default(),
            pace: Pace::default(),
            clock: Clock::start(),
            sockets,
            ids,
            post,
            sendings: Vec::new(),
            letters: Vec::new(),
            commands,
            log,
        }
    }

    /// Runs until told to stop, or until the kernel refuses to wait.
    pub(super) fn run(mut self) {
        let mut inbox = Inbox::default();
        loop {
            let deadline = self.next_deadline();
            if self.sockets.wait(self.clock.now(), deadline).is_err() {
                return;
            }
            self.shard.now = self.clock.now();
            if self.sockets.receive(self.shard.now, &mut inbox).is_err() {
                self.tally.unsent += 1;
            }
            let mut events = self.read_letters();
            for event in inbox.events() {
                self.event(event);
                events += 1;
            }
            if !self.obey() {
                return;
            }
            self.wake_sleepers();
            self.shard.relay.due(self.shard.now);
            self.settle();
            self.sockets.flush(self.shard.now);
            self.post.deliver();
            self.shard.log.take().iter().for_each(self.log);
            if let Some(rest) = self.pace.rest(self.shard.now, events) {
                std::thread::sleep(rest);
            }
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Received(incoming) => {
                self.received(incoming);
                self.settle();
            }
            // Kamailio does not hear of ICMP errors and lets the timers decide; a connection that ends is
            // noticed by what is not answered on it.
            Event::Opened { .. } | Event::Closed { .. } | Event::Unreachable { .. } => {}
        }
    }

    fn received(&mut self, incoming: Incoming<'_>) {
        // Short datagrams are keep-alives (Kamailio drops those below 20 bytes without a word).
        if incoming.bytes.len() < 20 {
            return;
        }
        let Some(socket) = self.ids.iter().position(|id| *id == Some(incoming.socket)) else { return };
        let socket = SocketId(socket as u16);
        match Message::parse_lenient(Bytes::copy_from_slice(incoming.bytes)) {
            Ok(message) => {
                let owner = self.post.owner(&message);
                let message = Arc::new(message);
                if owner == self.post.own() {
                    self.own_message(message, incoming.peer, socket);
                } else {
                    self.tally.handed_over += 1;
                    self.post.put(owner, Letter::Received { message, peer: incoming.peer, socket });
                }
            }
            Err(ParseError::Empty) => {}
            Err(_) => self.tally.malformed += 1,
        }
    }

    /// A message of a call of ours.
    fn own_message(&mut self, message: Arc<Message>, peer: Peer, socket: SocketId) {
        self.shard.messages += 1;
        self.message(message, Received { peer, socket, at: self.shard.now });
    }

    /// Works on what other shards delivered. Gives the number of letters.
    fn read_letters(&mut self) -> u32 {
        let mut letters = std::mem::take(&mut self.letters);
        self.post.collect(&mut letters);
        let count = letters.len() as u32;
        for letter in letters.drain(..) {
            match letter {
                Letter::Received { message, peer, socket } => self.own_message(message, peer, socket),
                Letter::Send { hop, bytes, txn, from } => {
                    if !self.send(&Sending { hop, bytes, txn })
                        && let Some(txn) = txn
                    {
                        self.post.put(from, Letter::Unsent(txn));
                    }
                }
                Letter::Unsent(txn) => self.shard.relay.send_failed(self.shard.now, txn),
            }
            self.settle();
        }
        self.letters = letters;
        count
    }

    /// Deals with all that came of the last step: routes to run, bytes to send.
    pub(super) fn settle(&mut self) {
        while let Some(event) = self.shard.relay.next_event() {
            self.relay_event(event);
        }
        let mut sendings = std::mem::take(&mut self.sendings);
        sendings.extend(self.shard.relay.take_sendings());
        let mut has_failed = false;
        for sending in sendings.drain(..) {
            if self.is_for_streams(&sending) {
                let Sending { hop, bytes, txn } = sending;
                self.post.put(STREAMS, Letter::Send { hop, bytes, txn, from: self.post.own() });
            } else if !self.send(&sending)
                && let Some(txn) = sending.txn
            {
                has_failed = true;
                self.shard.relay.send_failed(self.shard.now, txn);
            }
        }
        self.sendings = sendings;
        if has_failed {
            self.settle();
        }
    }

    /// Whether another shard has the connections for this.
    fn is_for_streams(&self, sending: &Sending) -> bool {
        sending.hop.peer.transport.is_reliable() && self.post.own() != STREAMS
    }

    /// Sends bytes by a socket of this shard; whether they are on their way.
    fn send(&mut self, sending: &Sending) -> bool {
        let socket = self.ids.get(usize::from(sending.hop.socket)).copied().flatten();
        let is_sent = socket.is_some_and(|socket| {
            let outgoing = Outgoing { bytes: &sending.bytes, peer: sending.hop.peer, socket };
            self.sockets.send(self.shard.now, outgoing).is_ok()
        });
        self.tally.unsent += u64::from(!is_sent);
        is_sent
    }

    /// Takes the commands that wait. False: stop.
    fn obey(&mut self) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            match command {
                Command::Stop => return false,
                Command::Answer(token, answer) => {
                    self.resume(token, answer);
                    self.settle();
                }
                Command::Tell(answer) => {
                    let contexts = self.shard.relay.len() as u64;
                    // Whoever asked may have gone.
                    let _ = answer.send(Tally { contexts, lost: self.post.lost(), ..self.tally });
                }
            }
        }
        true
    }

    fn next_deadline(&self) -> Option<Time> {
        let sleeper = self.sleepers.peek().map(|Reverse((at, _))| *at);
        [self.shard.relay.next_deadline(), sleeper].into_iter().flatten().min()
    }

    fn wake_sleepers(&mut self) {
        while let Some(Reverse((at, token))) = self.sleepers.peek().copied() {
            if at > self.shard.now {
                return;
            }
            self.sleepers.pop();
            self.resume(token, IoAnswer::Done);
            self.settle();
        }
    }
}
