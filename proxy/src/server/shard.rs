//! The loop of one shard: receive a batch, run its messages, let timers fire, send.
//!
//! One thread owns one of these: a machine and its sockets. Messages of one call are worked on in order of
//! arrival, by the shard that owns the call (`post.rs`).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender};
use std::time::Duration;

use bytes::Bytes;
use sip::msg::{Message, ParseError};
use sip::net::{self, Busy, Clock, Event, Flow, Inbox, Incoming, Outgoing};
use sip::peer::{ConnId, Peer};
use sip::time::Time;
use sip::txn::{Hop, TxnId};
use smallvec::SmallVec;

use super::io::Io;
use super::post::{Letter, Post, STREAMS};
use super::{LogSink, TraceSink};
use crate::api::{IoAnswer, IoRequest, Level, Received, Shard};
use crate::machine::{Input, Machine, Question, Tally, call_hash};
use crate::relay::{Sending, SocketId};
use crate::script::Script;

/// One shard and everything it owns.
#[derive(Debug)]
pub(super) struct Worker {
    machine: Machine,
    io: Io,
    busy: Busy,
    clock: Clock,
    /// The time as of the batch being worked on.
    now: Time,
    /// The call of the message being worked on: what it leads to stays in order.
    flow: Flow,
    sockets: net::Sockets,
    /// The net room's name of each of our sockets; none for listeners of another shard.
    ids: Vec<Option<net::SocketId>>,
    post: Post,
    /// Room for what is being sent; empty between steps.
    sendings: Vec<Sending>,
    /// Letters taken and not yet worked on; empty between steps.
    letters: Vec<Letter>,
    /// Messages on connections that do not stand yet, for the places to try when they never will.
    alternatives: Vec<(ConnId, Places)>,
    commands: Receiver<Command>,
    /// How many shards have what they read at their start.
    settled: Arc<AtomicUsize>,
    log: LogSink,
    trace: Option<TraceSink>,
}

/// The same message for each of several places.
type Places = Vec<(Hop, Bytes)>;

/// Messages remembered for further places at most.
const MOST_ALTERNATIVES: usize = 1_000;

/// What connects a worker to the world beside its messages.
#[derive(Debug)]
pub(super) struct Outside {
    pub(super) sockets: net::Sockets,
    /// The net room's name of each of our sockets, where this shard has it.
    pub(super) ids: Vec<Option<net::SocketId>>,
    pub(super) post: Post,
    pub(super) commands: Receiver<Command>,
    /// Counts the shards that have what they read at their start.
    pub(super) settled: Arc<AtomicUsize>,
    pub(super) io: Io,
    pub(super) log: LogSink,
    pub(super) trace: Option<TraceSink>,
}

/// About so many messages are worth a wake-up.
const MESSAGES_IN_ONE_GO: u32 = 48;
/// The longest that a message waits for others to come: far shorter than what a caller or a timer can notice.
const LONGEST_REST: Duration = Duration::from_micros(900);

/// How long the answers of databases are waited for at the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// What other threads ask of a shard.
#[derive(Debug)]
pub(super) enum Command {
    /// End the loop.
    Stop,
    /// The answer a run waits for.
    Answer(u64, IoAnswer),
    /// Run this script from now on, and write log lines up to this level.
    Reload(Arc<Script>, Level),
    /// Tell what was counted.
    Tell(Sender<Tally>),
}

impl Worker {
    /// A worker that has not received anything yet.
    pub(super) fn new(shard: Shard, script: Arc<Script>, outside: Outside) -> Worker {
        let Outside { sockets, ids, post, commands, settled, io, log, trace } = outside;
        let mut machine = Machine::new(shard, script);
        machine.start_modules();
        Worker {
            machine,
            io,
            busy: Busy::gathering(MESSAGES_IN_ONE_GO, LONGEST_REST),
            clock: Clock::start(),
            now: Time::ZERO,
            flow: Flow::NONE,
            sockets,
            ids,
            post,
            sendings: Vec::new(),
            letters: Vec::new(),
            alternatives: Vec::new(),
            commands,
            settled,
            log,
            trace,
        }
    }

    /// Runs until told to stop, or until the kernel refuses to wait.
    pub(super) fn run(mut self) {
        if self.post.own() == 0 {
            self.machine.shard.run_event("core:worker-one-init", None);
        }
        let mut inbox = Inbox::default();
        if !self.settle() {
            return;
        }
        loop {
            if self.wait().is_err() {
                return;
            }
            let now = self.clock.now();
            self.now = now;
            if self.sockets.receive(now, &mut inbox).is_err() {
                self.machine.tally.unsent += 1;
            }
            self.read_letters();
            for event in inbox.events() {
                self.busy.count(now);
                self.event(event);
            }
            if !self.obey() {
                return self.stop();
            }
            self.handle(Input::Due);
            self.sockets.flush(now);
            self.post.deliver();
            self.machine.shard.log.take().iter().for_each(self.log);
            if let (Some(sink), Some(trace)) = (self.trace, &mut self.machine.shard.trace) {
                trace.take().iter().for_each(|line| sink(line));
            }
        }
    }

    /// Waits for messages or for the next deadline; a busy shard lets messages gather.
    fn wait(&mut self) -> std::io::Result<()> {
        let now = self.clock.now();
        match self.busy.rest(now, None) {
            Some(rest) => {
                std::thread::sleep(rest);
                self.sockets.glance(now)
            }
            None => self.sockets.wait(now, self.machine.next_deadline()),
        }
    }

    /// Lets modules write what must not be lost, and waits for the answers a while.
    fn stop(mut self) {
        self.machine.stop_modules();
        self.ask();
        let end = std::time::Instant::now() + LAST_WORDS;
        while self.machine.open_questions() > 0 {
            let left = end.saturating_duration_since(std::time::Instant::now());
            match self.commands.recv_timeout(left) {
                Ok(Command::Answer(token, answer)) => self.handle(Input::Answer(token, answer)),
                Ok(_) => {}
                Err(_) => break,
            }
        }
        self.machine.shard.log.take().iter().for_each(self.log);
    }

    /// Waits, within reason, for what modules of any shard read at their start, so that no message finds them without
    /// it. False: stop.
    fn settle(&mut self) -> bool {
        self.now = self.clock.now();
        self.handle(Input::Due);
        let end = self.now + SETTLING_LIMIT;
        let mut is_counted = false;
        while self.clock.now() < end {
            if !is_counted && self.machine.total().waiting == 0 {
                self.settled.fetch_add(1, Ordering::AcqRel);
                is_counted = true;
            }
            if self.settled.load(Ordering::Acquire) >= self.machine.shard.shards {
                break;
            }
            if let Ok(command) = self.commands.recv_timeout(Duration::from_millis(1))
                && !self.command(command)
            {
                return false;
            }
        }
        true
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Received(incoming) => self.received(incoming),
            Event::Opened { peer } => self.alternatives.retain(|(conn, _)| *conn != peer.conn),
            Event::Closed { peer, .. } => self.closed(peer.conn),
            // Kamailio does not hear of ICMP errors and lets the timers decide.
            Event::Unreachable { .. } => {}
        }
    }

    /// A connection has ended. One that never stood had messages on it that may go elsewhere; those of transactions
    /// are noticed by what is not answered.
    fn closed(&mut self, conn: ConnId) {
        let ended: Vec<Places> =
            self.alternatives.extract_if(.., |(it, _)| *it == conn).map(|it| it.1).collect();
        for mut places in ended {
            let (hop, bytes) = places.remove(0);
            self.send(&Sending { hop, bytes, txn: None, others: places });
        }
        self.handle(Input::Closed(conn));
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
                    self.machine.tally.handed_over += 1;
                    self.post.put(owner, Letter::Received { message, peer: incoming.peer, socket });
                }
            }
            Err(ParseError::Empty) => {}
            Err(error) => {
                let received = Received { peer: incoming.peer, socket, at: self.now };
                let bytes = Bytes::copy_from_slice(incoming.bytes);
                self.handle(Input::Unreadable(bytes, received, error.to_string()));
            }
        }
    }

    /// A message of a call of ours.
    fn own_message(&mut self, message: Arc<Message>, peer: Peer, socket: SocketId) {
        let call_id = message.view().call_id();
        self.flow = call_id.map_or(Flow::NONE, |call_id| Flow::of(call_hash(call_id).into()));
        self.handle(Input::Message(message, Received { peer, socket, at: self.now }));
        self.flow = Flow::NONE;
    }

    /// Works on what other shards delivered. Gives the number of letters.
    fn read_letters(&mut self) {
        let mut letters = std::mem::take(&mut self.letters);
        self.post.collect(&mut letters);
        for letter in letters.drain(..) {
            self.busy.count(self.now);
            match letter {
                Letter::Received { message, peer, socket } => self.own_message(message, peer, socket),
                Letter::Alias(conn, addr) => self.sockets.alias(conn, addr),
                Letter::Send { hop, bytes, txn, others, from } => {
                    if !self.send(&Sending { hop, bytes, txn, others })
                        && let Some(txn) = txn
                    {
                        self.post.put(from, Letter::Unsent(txn));
                    }
                }
                Letter::Request(request) => self.handle(Input::Request(request)),
                Letter::Unsent(txn) => self.handle(Input::SendFailed(txn)),
            }
        }
        self.letters = letters;
    }

    /// Gives the machine an input, and does what comes of it: bytes to send, questions to ask.
    fn handle(&mut self, input: Input) {
        self.machine.handle(self.now, input);
        let mut failed = self.send_all();
        while let Some(txn) = failed.pop() {
            self.machine.handle(self.now, Input::SendFailed(txn));
            failed.extend(self.send_all());
        }
        for (conn, addr) in self.machine.take_aliases() {
            match self.post.own() {
                STREAMS => self.sockets.alias(conn, addr),
                _ => self.post.put(STREAMS, Letter::Alias(conn, addr)),
            }
        }
        for request in self.machine.take_foreign() {
            self.post.put(self.post.owner_of(&request.call_id), Letter::Request(Box::new(request)));
        }
        self.ask();
    }

    /// Sends what the machine has. Gives the transactions whose bytes could not be sent.
    fn send_all(&mut self) -> SmallVec<[TxnId; 2]> {
        let mut failed = SmallVec::new();
        let mut sendings = std::mem::take(&mut self.sendings);
        sendings.extend(self.machine.take_sendings());
        for sending in sendings.drain(..) {
            if self.is_for_streams(&sending) {
                let Sending { hop, bytes, txn, others } = sending;
                self.post.put(STREAMS, Letter::Send { hop, bytes, txn, others, from: self.post.own() });
            } else if !self.send(&sending) {
                failed.extend(sending.txn);
            }
        }
        self.sendings = sendings;
        failed
    }

    /// Asks the outside what runs wait for. What cannot be asked is answered at once.
    fn ask(&mut self) {
        let questions: SmallVec<[Question; 2]> = self.machine.take_questions().collect();
        for Question { token, request } in questions {
            let is_asked = match request {
                IoRequest::Locate(query) => match self.io.recall(&query) {
                    Some(places) => {
                        self.handle(Input::Answer(token, IoAnswer::Located(places)));
                        true
                    }
                    None => self.io.locate(token, query),
                },
                IoRequest::Names(ip) => self.io.names(token, ip),
                IoRequest::Query(url, query) => self.io.query(token, url, query),
                // The machine has a clock of its own for these.
                IoRequest::Sleep(_) => true,
            };
            if !is_asked {
                let answer = IoAnswer::Failed("too many look-ups are waiting".into());
                self.handle(Input::Answer(token, answer));
            }
        }
    }

    /// Whether another shard has the connections for this.
    fn is_for_streams(&self, sending: &Sending) -> bool {
        sending.hop.peer.transport.is_reliable() && self.post.own() != STREAMS
    }

    /// Sends bytes by a socket of this shard, to the first place that takes them; whether they are on their way.
    fn send(&mut self, sending: &Sending) -> bool {
        let mut is_sent = self.send_by(sending.hop, &sending.bytes);
        let (mut hop, mut rest) = (sending.hop, &sending.others[..]);
        while !is_sent && let [(next, bytes), behind @ ..] = rest {
            is_sent = self.send_by(*next, bytes);
            (hop, rest) = (*next, behind);
        }
        self.machine.tally.unsent += u64::from(!is_sent);
        if is_sent && !rest.is_empty() && self.alternatives.len() < MOST_ALTERNATIVES {
            // Forgotten when the connection stands.
            let conn = self.sockets.connection_to(hop.peer);
            self.alternatives.extend(conn.map(|conn| (conn, rest.to_vec())));
        }
        is_sent
    }

    fn send_by(&mut self, hop: Hop, bytes: &[u8]) -> bool {
        let Some(socket) = self.ids.get(usize::from(hop.socket)).copied().flatten() else { return false };
        let is_stream = hop.peer.transport.is_reliable();
        if is_stream && hop.conn_use.existing_only && self.sockets.connection_to(hop.peer).is_none() {
            return false;
        }
        let outgoing = Outgoing { bytes, peer: hop.peer, socket, flow: self.flow };
        if self.sockets.send(self.now, outgoing).is_err() {
            return false;
        }
        if is_stream
            && hop.conn_use.close_behind
            && let Some(conn) = self.sockets.connection_to(hop.peer)
        {
            self.sockets.close(self.now, conn);
        }
        true
    }

    /// Takes the commands that wait. False: stop.
    fn obey(&mut self) -> bool {
        while let Ok(command) = self.commands.try_recv() {
            if !self.command(command) {
                return false;
            }
        }
        true
    }

    /// False: stop.
    fn command(&mut self, command: Command) -> bool {
        match command {
            Command::Stop => return false,
            Command::Answer(token, answer) => self.handle(Input::Answer(token, answer)),
            Command::Reload(script, debug) => {
                self.machine.shard.log.threshold = debug;
                self.machine.take_script(script);
            }
            Command::Tell(answer) => {
                let tally = Tally { lost: self.post.lost(), ..self.machine.total() };
                // Whoever asked may have gone.
                let _ = answer.send(tally);
            }
        }
        true
    }
}

/// How long a shard waits before its first message for what its modules read at the start; a database that does not
/// answer by then is not there.
const SETTLING_LIMIT: Duration = Duration::from_secs(5);
