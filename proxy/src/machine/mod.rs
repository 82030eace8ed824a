//! The machine of one shard: messages, answers and time go in, bytes to send and questions to the outside come out.
//!
//! Messages pass the door (`door.rs`), start runs of the script (`runs.rs`), and the relay does the rest. No
//! socket, no thread and no clock: the shell (`server`) and the tests of configurations (`unit`) drive it alike.

mod arrival;
mod door;
mod leaving;
mod local;
mod runs;
mod sender;
mod tally;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::msg::Message;
use sip::peer::ConnId;
use sip::time::Time;
use sip::txn::TxnId;

use crate::api::{
    IoAnswer, IoRequest, Latency, LocalRequest, ModuleDef, Received, RouteId, RouteTable, Shard, Text, Trace,
};
use crate::relay::{AskAboutReplies, Sending};
use crate::script::Script;

pub use crate::api::{call_hash, owner};
pub use tally::Tally;

use local::Asker;
use runs::{Kept, Waiting};

/// One shard's share of the proxy: its transactions, kept messages and waiting runs.
#[derive(Debug)]
pub struct Machine {
    /// What functions of the script may touch.
    pub shard: Shard,
    script: Arc<Script>,
    entries: Entries,
    defaults: Defaults,
    /// Requests of transactions whose routes may still run, by place of the response context.
    kept: Vec<Option<Kept>>,
    /// Who wants to know about requests made here, by place of the response context.
    askers: Vec<Option<Asker>>,
    /// Requests to be made in calls of other shards.
    foreign: Vec<LocalRequest>,
    /// Runs put aside, by token.
    waiting: FxHashMap<u64, Waiting>,
    /// When sleeping runs go on.
    sleepers: BinaryHeap<Reverse<(Time, u64)>>,
    /// Most runs put aside at a time.
    max_waiting: usize,
    next_token: u64,
    questions: Vec<Question>,
    /// Texts rendered at the end of each run, and what they were at the end of the last one.
    watched: (Vec<Text>, Vec<Bytes>),
    /// What was counted here; the shell counts what it does itself.
    pub tally: Tally,
}

/// What goes into the machine.
#[derive(Debug)]
pub enum Input {
    /// A message of a call of this shard.
    Message(Arc<Message>, Received),
    /// Bytes that are no message, and why.
    Unreadable(Bytes, Received, String),
    /// The answer to a [`Question`].
    Answer(u64, IoAnswer),
    /// A request to be made in a call of this shard.
    Request(Box<LocalRequest>),
    /// The bytes of this transaction could not be sent.
    SendFailed(TxnId),
    /// A stream connection of ours has ended.
    Closed(ConnId),
    /// Time has passed: what is due happens.
    Due,
}

/// Something a run waits for; the answer goes back as [`Input::Answer`] with its token.
#[derive(Debug)]
pub struct Question {
    /// Names the run.
    pub token: u64,
    /// What it wants.
    pub request: IoRequest,
}

/// The blocks the machine itself starts.
#[derive(Clone, Copy, Debug)]
struct Entries {
    request: Option<RouteId>,
    reply: Option<RouteId>,
    /// `onsend_route`, when it runs for replies too.
    reply_leaves: Option<RouteId>,
    /// `event_route[core:msg-received]`, with `received_route_mode`.
    received: Option<RouteId>,
    /// `event_route[core:pre-routing]`
    pre_routing: Option<RouteId>,
    /// `event_route[core:receive-parse-error]`
    parse_error: Option<RouteId>,
    /// `event_route[sl:filtered-ack]`
    own_ack: Option<RouteId>,
    /// `event_route[tm:local-response]`
    own_reply: Option<RouteId>,
    /// `event_route[sl:local-response]`
    stateless_reply: Option<RouteId>,
}

/// Core parameters that every message starts with.
#[derive(Clone, Copy, Debug)]
struct Defaults {
    /// `force_rport`
    force_rport: bool,
    /// `local_rport`
    local_rport: bool,
    /// `reply_to_via`
    reply_to_via: bool,
    /// `check_via`
    check_via: bool,
    /// `tcp_accept_aliases`
    accept_aliases: bool,
    /// `dns`
    locate_sender: bool,
    /// `rev_dns`
    name_sender: bool,
    /// `sip_parser_log`
    parser_log: i8,
}

impl Machine {
    /// A machine that has not received anything yet.
    pub fn new(mut shard: Shard, script: Arc<Script>) -> Machine {
        let entries = Entries::of(&script);
        entries.listen(&mut shard);
        let mut machine = Machine {
            entries,
            defaults: Defaults::of(&script),
            shard,
            script,
            kept: Vec::new(),
            askers: Vec::new(),
            foreign: Vec::new(),
            waiting: FxHashMap::default(),
            sleepers: BinaryHeap::new(),
            max_waiting: runs::MAX_WAITING,
            next_token: 0,
            questions: Vec::new(),
            watched: Default::default(),
            tally: Tally::default(),
        };
        machine.tell_entries();
        machine
    }

    fn tell_entries(&mut self) {
        let asks = match self.entries.reply_leaves {
            Some(_) => AskAboutReplies::Always,
            None => AskAboutReplies::Never,
        };
        self.shard.relay.ask_about_replies(asks);
    }

    /// Does all that an input leads to. What is to be sent and asked is then taken with
    /// [`Machine::take_sendings`] and [`Machine::take_questions`].
    pub fn handle(&mut self, now: Time, input: Input) {
        self.shard.now = now;
        match input {
            Input::Message(message, received) => {
                self.shard.messages += 1;
                self.message(message, received);
            }
            Input::Unreadable(bytes, received, why) => self.unreadable(&bytes, received, &why),
            Input::Answer(token, answer) => self.resume(token, answer),
            Input::Request(request) => self.local_request(request),
            Input::SendFailed(txn) => self.shard.relay.send_failed(now, txn),
            Input::Closed(conn) => self.connection_closed(conn),
            Input::Due => {
                self.wake_sleepers();
                self.shard.sound_alarms();
                self.shard.relay.due(now);
            }
        }
        loop {
            self.run_errands();
            let Some(event) = self.shard.relay.next_event() else { return };
            self.relay_event(event);
        }
    }

    /// What is to be sent, in order.
    pub fn take_sendings(&mut self) -> impl Iterator<Item = Sending> + '_ {
        self.shard.relay.take_sendings()
    }

    /// What runs wait for, in order.
    pub fn take_questions(&mut self) -> impl Iterator<Item = Question> + '_ {
        self.questions.drain(..)
    }

    /// Requests for other shards, each for the [`owner`] of its Call-ID.
    pub fn take_foreign(&mut self) -> impl Iterator<Item = LocalRequest> + '_ {
        self.foreign.drain(..)
    }

    /// Addresses that connections are to be taken for.
    pub fn take_aliases(&mut self) -> std::vec::IntoIter<(ConnId, SocketAddr)> {
        std::mem::take(&mut self.shard.conn_aliases).into_iter()
    }

    /// When [`Input::Due`] is wanted next.
    pub fn next_deadline(&self) -> Option<Time> {
        let sleeper = self.sleepers.peek().map(|Reverse((at, _))| *at);
        [self.shard.relay.next_deadline(), self.shard.alarms.next_deadline(), sleeper]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes another script: messages from now on run it. Transactions stay with the script that made them.
    ///
    /// `script` was loaded with the present one as the one before, so that names keep their numbers.
    pub fn take_script(&mut self, script: Arc<Script>) {
        self.entries = Entries::of(&script);
        self.tell_entries();
        self.entries.listen(&mut self.shard);
        self.defaults = Defaults::of(&script);
        self.shard.shared = script.shared.clone();
        self.script = script;
        // The modules of the new script set them anew.
        self.shard.alarms.clear_ticks();
        self.start_modules();
        self.tally.reloads += 1;
    }

    /// Runs the start functions of the modules in this shard.
    pub fn start_modules(&mut self) {
        self.measure();
        for start in self.script.catalog.modules().iter().filter_map(|module| module.start) {
            start(&mut self.shard);
        }
    }

    /// Has measured what the script's `latency_` parameters ask for.
    fn measure(&mut self) {
        let shard = &mut self.shard;
        let latency = Latency::of(&self.script.catalog, shard.log.threshold);
        if let (Some(_), Some(clock)) = (&latency, shard.stopwatch) {
            shard.trace.get_or_insert_with(|| Box::new(Trace::measured_with(clock)));
        }
        if let Some(trace) = &mut shard.trace {
            trace.latency = latency;
        }
    }

    /// Runs the stop functions of the modules in this shard; what they ask is then taken as ever.
    pub fn stop_modules(&mut self) {
        for stop in self.script.catalog.modules().iter().filter_map(|module| module.stop) {
            stop(&mut self.shard);
        }
        self.run_errands();
    }

    /// The loaded modules, the core first.
    pub fn modules(&self) -> &[&'static ModuleDef] {
        self.script.catalog.modules()
    }

    /// How many questions to the outside are not answered yet.
    pub fn open_questions(&self) -> usize {
        self.waiting.len() - self.sleepers.len().min(self.waiting.len())
    }

    /// Renders these texts at the end of each run from now on.
    pub fn watch(&mut self, texts: Vec<Text>) {
        self.watched = (texts, Vec::new());
    }

    /// The texts of [`Machine::watch`] as they were at the end of the last run; empty when none has ended.
    pub fn watched(&self) -> &[Bytes] {
        &self.watched.1
    }

    /// What was counted, with what is alive now.
    pub fn total(&self) -> Tally {
        Tally { contexts: self.shard.relay.len() as u64, waiting: self.waiting.len() as u64, ..self.tally }
    }

    fn wake_sleepers(&mut self) {
        while let Some(Reverse((at, token))) = self.sleepers.peek().copied() {
            if at > self.shard.now {
                return;
            }
            self.sleepers.pop();
            self.resume(token, IoAnswer::Done);
        }
    }
}

impl Entries {
    fn of(script: &Script) -> Entries {
        let event = |name| script.route(RouteTable::Event, name);
        let onsend = script.route(RouteTable::Onsend, "");
        let is_on = |name| script.catalog.setting_int(name, 0) != 0;
        Entries {
            request: script.route(RouteTable::Request, ""),
            reply: script.route(RouteTable::Reply, ""),
            reply_leaves: onsend.filter(|_| is_on("onsend_route_reply")),
            received: event("core:msg-received").filter(|_| is_on("received_route_mode")),
            pre_routing: event("core:pre-routing"),
            parse_error: event("core:receive-parse-error"),
            own_ack: event("sl:filtered-ack"),
            own_reply: event("tm:local-response"),
            stateless_reply: event("sl:local-response"),
        }
    }

    /// Has told what some event route wants to see, and nothing else.
    fn listen(self, shard: &mut Shard) {
        shard.relay.tell_own_replies(self.own_reply.is_some());
        shard.tells_stateless_replies = self.stateless_reply.is_some();
    }
}

impl Defaults {
    fn of(script: &Script) -> Defaults {
        let is_on = |name: &str| script.catalog.setting_int(name, 0) != 0;
        Defaults {
            force_rport: is_on("force_rport"),
            local_rport: is_on("local_rport"),
            reply_to_via: is_on("reply_to_via"),
            check_via: is_on("check_via"),
            accept_aliases: is_on("tcp_accept_aliases"),
            locate_sender: is_on("dns"),
            name_sender: is_on("rev_dns"),
            parser_log: script.catalog.setting_int("sip_parser_log", -1).clamp(-5, 3) as i8,
        }
    }
}
