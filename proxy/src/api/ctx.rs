//! What a function or a variable may touch while a message is processed.

use std::hash::Hasher;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustc_hash::FxHasher;
use sip::ident::Ident;
use sip::peer::{ConnId, Peer};
use sip::time::Time;

use super::catalog::Catalog;
use super::errand::{Alarms, Errand};
use super::log::{Level, Log};
use super::pattern::PatternCache;
use super::routes::{RouteId, RouteKind, RouteNames};
use super::state::{Shared, States};
use super::stats::Counts;
use super::trace::Trace;
use super::value::Value;
use super::work::{Received, Work};
use crate::relay::{Relay, Sockets};

/// Handed to every function, variable and transformation. The three mutable parts are separate fields so
/// that they can be borrowed beside one another.
#[derive(Debug)]
pub struct Ctx<'a> {
    /// The message.
    pub work: &'a mut Work,
    /// The run of the script.
    pub run: &'a mut RunState,
    /// The shard the run is in.
    pub shard: &'a mut Shard,
    /// The blocks of the script.
    pub routes: &'a RouteNames,
    /// The loaded tables.
    pub catalog: &'a Catalog,
}

impl Ctx<'_> {
    /// Writes a log line, when its level is on.
    pub fn log(&mut self, level: Level, text: impl AsRef<[u8]>) {
        self.shard.log.write(level, text.as_ref());
    }
}

/// What belongs to one run of a script and ends with it.
#[derive(Clone, Debug)]
pub struct RunState {
    /// `$rc`: the code of the last module function or `route()`.
    pub rc: i64,
    /// What the run is for; a nested run has its own.
    pub kind: RouteKind,
    /// Script flags, bit n is flag n.
    pub script_flags: u32,
    /// The block being run.
    pub route: RouteId,
    /// The position in the script; [`RouteNames::line`] tells its line.
    pub position: u32,
}

impl RunState {
    /// The state at the start of a run.
    pub fn new(kind: RouteKind, route: RouteId) -> RunState {
        RunState { rc: 0, kind, script_flags: 0, route, position: 0 }
    }
}

/// What belongs to one shard: one thread, one share of the messages.
#[derive(Debug)]
pub struct Shard {
    /// The clock as of the event being handled.
    pub now: Time,
    /// Unix time at [`Time::ZERO`].
    pub unix_start: Duration,
    /// Maker of tags, branches and random numbers.
    pub ident: Ident,
    /// Log lines for the shell.
    pub log: Log,
    /// Regular expressions that came out of variables.
    pub patterns: PatternCache,
    /// `$var`
    pub vars: Vars,
    /// What modules keep per shard.
    pub states: States,
    /// What modules share between shards.
    pub shared: Arc<Shared>,
    /// Transactions and branches.
    pub relay: Relay,
    /// What modules asked of the loop, to be done after the step at hand.
    pub errands: Vec<Errand>,
    /// What modules want to be called for later.
    pub alarms: Alarms,
    /// Addresses that connections are to be taken for, until the shell takes them.
    pub conn_aliases: Vec<(ConnId, SocketAddr)>,
    /// Our sockets and names.
    pub sockets: Arc<Sockets>,
    /// Tells what runs go through, when somebody asked.
    pub trace: Option<Box<Trace>>,
    /// The clock of what is measured within a run, as nothing there may read one.
    pub stopwatch: Option<fn() -> Duration>,
    /// Number of the shard, from 0.
    pub number: u16,
    /// How many shards there are.
    pub shards: usize,
    /// What it counts of its messages.
    pub counts: Counts,
    /// Messages received by the shard so far (`$mi`).
    pub messages: u64,
    /// Replies sent without state run `event_route[sl:local-response]`.
    pub tells_stateless_replies: bool,
}

impl Shard {
    /// A shard before its first message.
    pub fn new(ident: Ident, shared: Arc<Shared>, relay: Relay) -> Shard {
        Shard {
            now: Time::ZERO,
            unix_start: Duration::ZERO,
            ident,
            log: Log::default(),
            patterns: PatternCache::default(),
            vars: Vars::default(),
            states: States::default(),
            shared,
            errands: Vec::new(),
            alarms: Alarms::default(),
            conn_aliases: Vec::new(),
            sockets: relay.sockets().clone(),
            relay,
            trace: None,
            stopwatch: None,
            number: 0,
            shards: 1,
            counts: Counts::default(),
            messages: 0,
            tells_stateless_replies: false,
        }
    }

    /// Takes the connection a message came by for its source address with another port too (RFC 5923 5). Nothing
    /// is done for datagrams.
    pub fn alias_connection(&mut self, received: &Received, port: u16) {
        let Peer { conn, addr, .. } = received.peer;
        if conn != ConnId::NONE {
            self.conn_aliases.push((conn, SocketAddr::new(addr.ip(), port)));
        }
    }

    /// Whether the calls of a Call-ID are this shard's.
    pub fn owns(&self, call_id: &[u8]) -> bool {
        owner(call_id, self.shards) == usize::from(self.number)
    }

    /// Unix time of a moment.
    pub fn unix_time(&self, at: Time) -> Duration {
        self.unix_start + at.since(Time::ZERO)
    }
}

/// The shard a call belongs to, by its Call-ID.
pub fn owner(call_id: &[u8], shards: usize) -> usize {
    if shards < 2 { 0 } else { call_hash(call_id) as usize % shards }
}

/// A number that stands for a call, by its Call-ID; others may have the same.
pub fn call_hash(call_id: &[u8]) -> u32 {
    let mut hasher = FxHasher::default();
    hasher.write(call_id);
    // The upper half is the better mixed one of this hash.
    (hasher.finish() >> 32) as u32
}

/// `$var`, one slot per name, kept from message to message.
#[derive(Clone, Debug, Default)]
pub struct Vars {
    slots: Vec<Value>,
}

impl Vars {
    /// The value of a slot; 0 when it was never set.
    pub fn get(&self, slot: usize) -> Value {
        self.slots.get(slot).cloned().unwrap_or(Value::Int(0))
    }

    /// Sets a slot. Slots are given out by the catalog, so there are few.
    pub fn set(&mut self, slot: usize, value: Value) {
        if self.slots.len() <= slot {
            self.slots.resize(slot + 1, Value::Int(0));
        }
        self.slots[slot] = value;
    }
}
