//! The table: finds the transaction a message belongs to, runs its machine, wakes it in time.
//!
//! One slab of transactions, one map from key to place, one timer each in one wheel. A timer that fires early,
//! because its transaction moved its deadline back meanwhile, is set again: cheaper than moving it each time.

use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use slab::Slab;

use super::client::{self, Client};
use super::invite_client::{self, InviteClient};
use super::invite_server::{self, InviteServer};
use super::key::{Keyer, TxnKey, has_to_tag};
use super::server::{self, Server};
use super::step::{ClientInput, Facts, Reports, ServerInput, Step};
use super::timers::{Clock, Timer, Timers};
use super::{Hop, Input, NewClient, NewServer, Output, Outputs, Owner, Refused, TxnId, Unanswered, build};
use crate::msg::{StartLine, View};
use crate::time::Time;
use crate::wheel::{TimerId, Wheel};

/// Bounds of a table.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Beyond this many live transactions an INVITE that starts a call is refused.
    pub max_transactions: usize,
    /// This many more may live for the calls that are there: branches, requests in dialogs, CANCEL and all
    /// other methods.
    pub reserve: usize,
    /// Report requests that came before on another way ([`Output::Merged`]); a user agent wants to know
    /// (RFC 3261 8.2.2.2), a proxy does not.
    pub detect_merged: bool,
}

impl Default for Limits {
    /// A million transactions, a quarter of that in reserve, merged requests not reported.
    fn default() -> Limits {
        Limits { max_transactions: 1_000_000, reserve: 250_000, detect_merged: false }
    }
}

/// All transactions of one shard or user agent.
#[derive(Debug)]
pub struct Table {
    entries: Slab<Entry>,
    places: FxHashMap<TxnKey, u32>,
    merged: FxHashMap<TxnKey, u32>,
    wheel: Wheel<u32>,
    keyer: Keyer,
    limits: Limits,
    next_generation: u32,
}

impl Table {
    /// An empty table. `seed` must not be foreseeable by those who send us messages: it keys the hash that
    /// messages are found by.
    pub fn new(limits: Limits, seed: u64) -> Table {
        Table {
            entries: Slab::new(),
            places: FxHashMap::default(),
            merged: FxHashMap::default(),
            wheel: Wheel::new(Duration::from_millis(1)),
            keyer: Keyer::new(seed),
            limits,
            next_generation: 0,
        }
    }

    /// Live transactions.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without live transactions.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// When to hand in [`Input::Due`]; perhaps early, never late. `None` without timers.
    pub fn next_deadline(&self) -> Option<Time> {
        self.wheel.next_deadline()
    }

    /// The server transaction a request is a retransmission of, or an ACK belongs to.
    pub fn find(&self, request: View<'_>) -> Option<TxnId> {
        let method = match method_text(request)? {
            b"ACK" => b"INVITE",
            method => method,
        };
        self.id_of(self.keyer.request(request, method)?)
    }

    /// The INVITE server transaction a CANCEL means (RFC 3261 9.2).
    pub fn find_cancelled(&self, cancel: View<'_>) -> Option<TxnId> {
        self.id_of(self.keyer.request(cancel, b"INVITE")?)
    }

    /// Opens a server transaction; nothing is sent yet. Never for an ACK.
    pub fn open_server(&mut self, now: Time, new: NewServer<'_>) -> Result<TxnId, Refused> {
        let request = new.request;
        let method = method_text(request).ok_or(Refused::Unidentified)?;
        let key = self.keyer.request(request, method).ok_or(Refused::Unidentified)?;
        self.check_room(|| method == b"INVITE" && !has_to_tag(request))?;
        self.check_new(key)?;
        let merged = if self.limits.detect_merged { self.keyer.merged(request) } else { None };
        let mut facts = self.facts(now, new.reply_to, new.owner, new.timers);
        let mut step = Step { now, facts: &mut facts, outputs: &mut Outputs::new() };
        let machine = match method {
            b"INVITE" => Machine::InviteServer(InviteServer::start(&mut step)),
            _ => Machine::Server(Server::start(&mut step)),
        };
        Ok(self.add(key, facts, machine, merged))
    }

    /// Opens a client transaction and sends its request.
    pub fn open_client(
        &mut self,
        now: Time,
        new: NewClient<'_>,
        outputs: &mut Outputs,
    ) -> Result<TxnId, Refused> {
        let key = self.keyer.client(new.branch, new.method);
        self.check_room(|| false)?;
        self.check_new(key)?;
        let mut facts = self.facts(now, new.hop, new.owner, new.timers);
        let mut step = Step { now, facts: &mut facts, outputs };
        let machine = match new.method {
            b"INVITE" => Machine::InviteClient(InviteClient::start(new.request, &mut step)),
            _ => Machine::Client(Client::start(new.request, &mut step)),
        };
        Ok(self.add(key, facts, machine, None))
    }

    /// Takes one input and appends what follows from it.
    pub fn handle(&mut self, now: Time, input: Input<'_>, outputs: &mut Outputs) {
        match input {
            Input::Request(request) => self.request(now, request, outputs),
            Input::Response(response) => self.response(now, response, outputs),
            Input::Due => {
                while let Some(slot) = self.wheel.pop_due(now) {
                    self.entries[slot as usize].armed = None;
                    self.settle(now, slot, outputs);
                }
            }
            Input::Reply { txn, status, bytes } => {
                self.step_by_id(now, txn, outputs, |machine, step| {
                    machine.serve(ServerInput::Reply(status, bytes), step);
                });
            }
            Input::Cancel { txn, headers, unanswered } => {
                self.step_by_id(now, txn, outputs, |machine, step| {
                    machine.cancel(headers, unanswered, step);
                });
            }
            Input::Retime { txn, timers } => self.step_by_id(now, txn, outputs, |_, step| {
                step.facts.timers = timers;
                let end = step.end();
                if !end.is_lingering() {
                    step.end_with(end);
                }
            }),
            Input::Release { txn } => {
                if self.get(txn).is_some() {
                    self.remove(now, txn.slot, outputs);
                }
            }
            Input::Failed { txn } => self.step_by_id(now, txn, outputs, |machine, step| {
                machine.fail(step);
            }),
        }
    }

    fn request(&mut self, now: Time, request: View<'_>, outputs: &mut Outputs) {
        let Some(method) = method_text(request) else { return };
        if method == b"ACK" {
            return self.ack(now, request, outputs);
        }
        let place = self.keyer.request(request, method).and_then(|key| self.places.get(&key));
        if let Some(slot) = place.copied() {
            let Facts { id: txn, owner, .. } = self.entries[slot as usize].facts;
            outputs.push(Output::Retransmission { txn, owner });
            return self.step(now, slot, outputs, |machine, step| machine.serve(ServerInput::Request, step));
        }
        let output = self.cancelled(request, method).or_else(|| self.merged(request));
        outputs.push(output.unwrap_or(Output::Request));
    }

    fn ack(&mut self, now: Time, ack: View<'_>, outputs: &mut Outputs) {
        let place = self.keyer.request(ack, b"INVITE").and_then(|key| self.places.get(&key));
        match place.copied() {
            Some(slot) => {
                self.step(now, slot, outputs, |machine, step| machine.serve(ServerInput::Ack, step))
            }
            None => outputs.push(Output::StrayAck),
        }
    }

    fn cancelled(&self, request: View<'_>, method: &[u8]) -> Option<Output> {
        if method != b"CANCEL" {
            return None;
        }
        let txn = self.find_cancelled(request)?;
        Some(Output::CancelOf { txn, owner: self.get(txn)?.facts.owner })
    }

    fn merged(&self, request: View<'_>) -> Option<Output> {
        if !self.limits.detect_merged {
            return None;
        }
        let slot = self.merged.get(&self.keyer.merged(request)?)?;
        let Facts { id: txn, owner, .. } = self.entries[*slot as usize].facts;
        Some(Output::Merged { txn, owner })
    }

    fn response(&mut self, now: Time, response: View<'_>, outputs: &mut Outputs) {
        let input = match response.status() {
            None => return,
            Some(100..200) => ClientInput::Provisional,
            Some(200..300) => ClientInput::Success,
            Some(300..) => ClientInput::Failure(response),
            Some(..100) => return outputs.push(Output::StrayResponse),
        };
        match self.keyer.response(response).and_then(|key| self.places.get(&key)).copied() {
            Some(slot) => self.step(now, slot, outputs, |machine, step| machine.client(input, step)),
            None => outputs.push(Output::StrayResponse),
        }
    }

    fn step_by_id(
        &mut self,
        now: Time,
        txn: TxnId,
        outputs: &mut Outputs,
        action: impl FnOnce(&mut Machine, &mut Step<'_>),
    ) {
        if self.get(txn).is_some() {
            self.step(now, txn.slot, outputs, action);
        }
    }

    fn step(
        &mut self,
        now: Time,
        slot: u32,
        outputs: &mut Outputs,
        action: impl FnOnce(&mut Machine, &mut Step<'_>),
    ) {
        let Entry { facts, machine, .. } = &mut self.entries[slot as usize];
        action(machine, &mut Step { now, facts, outputs });
        self.settle(now, slot, outputs);
    }

    /// After a step: fires what is due at once (timers of length zero), sends a CANCEL that may go now, sets
    /// the timer, removes what is over.
    fn settle(&mut self, now: Time, slot: u32, outputs: &mut Outputs) {
        let Entry { facts, machine, .. } = &mut self.entries[slot as usize];
        while let Some(timer) = facts.clock.take_due(now) {
            machine.fire(timer, &mut Step { now, facts, outputs });
        }
        let cancel = machine.take_cancel();
        if machine.is_terminated() {
            self.remove(now, slot, outputs);
        } else {
            self.arm(slot);
        }
        if let Some((invite, headers)) = cancel {
            self.send_cancel(now, slot, (invite, headers), outputs);
        }
    }

    /// 9.1: the CANCEL takes the INVITE's way and branch; the TU does not hear of its transaction.
    fn send_cancel(
        &mut self,
        now: Time,
        slot: u32,
        (invite, headers): (Bytes, Bytes),
        outputs: &mut Outputs,
    ) {
        let Some(entry) = self.entries.get(slot as usize) else { return };
        let Facts { hop, owner, timers, .. } = entry.facts;
        let Some(request) = build::cancel(&invite, &headers) else { return };
        let Some(branch) = build::branch(&request) else { return };
        let new = NewClient { request, branch: &branch, method: b"CANCEL", hop, owner, timers };
        // Refused when the table is full, or when a CANCEL of that branch is under way.
        if let Ok(txn) = self.open_client(now, new, outputs) {
            self.entries[txn.slot as usize].facts.reports = Reports::Nowhere;
        }
    }

    /// Sets the wheel's timer unless one fires in time.
    fn arm(&mut self, slot: u32) {
        let entry = &mut self.entries[slot as usize];
        let Some(deadline) = entry.facts.clock.next_deadline() else { return };
        if let Some((armed_at, timer)) = entry.armed {
            if armed_at <= deadline {
                return;
            }
            self.wheel.cancel(timer);
        }
        entry.armed = Some((deadline, self.wheel.insert(deadline, slot)));
    }

    fn remove(&mut self, now: Time, slot: u32, outputs: &mut Outputs) {
        let mut entry = self.entries.remove(slot as usize);
        self.places.remove(&entry.key);
        if let Some((_, timer)) = entry.armed {
            self.wheel.cancel(timer);
        }
        if let Some(merged) = entry.merged
            && self.merged.get(&*merged) == Some(&slot)
        {
            self.merged.remove(&*merged);
        }
        Step { now, facts: &mut entry.facts, outputs }.terminate();
    }

    /// The facts of a transaction that takes the next free place.
    fn facts(&mut self, now: Time, hop: Hop, owner: Owner, timers: Timers) -> Facts {
        self.next_generation = self.next_generation.wrapping_add(1);
        let id = TxnId { slot: self.entries.vacant_key() as u32, generation: self.next_generation };
        Facts { id, owner, hop, timers, created: now, clock: Clock::STOPPED, reports: Reports::ToOwner }
    }

    fn add(&mut self, key: TxnKey, facts: Facts, machine: Machine, merged: Option<TxnKey>) -> TxnId {
        let id = facts.id;
        if let Some(merged) = merged {
            self.merged.entry(merged).or_insert(id.slot);
        }
        self.places.insert(key, id.slot);
        self.entries.insert(Entry { facts, machine, key, armed: None, merged: merged.map(Box::new) });
        self.arm(id.slot);
        id
    }

    fn check_room(&self, opens_call: impl FnOnce() -> bool) -> Result<(), Refused> {
        let Limits { max_transactions, reserve, .. } = self.limits;
        let live = self.entries.len();
        if live < max_transactions.min(MOST) {
            return Ok(());
        }
        let is_refused = live >= max_transactions.saturating_add(reserve).min(MOST) || opens_call();
        if is_refused { Err(Refused::Full) } else { Ok(()) }
    }

    fn check_new(&self, key: TxnKey) -> Result<(), Refused> {
        self.id_of(key).map_or(Ok(()), |txn| Err(Refused::Exists(txn)))
    }

    fn id_of(&self, key: TxnKey) -> Option<TxnId> {
        self.places.get(&key).map(|slot| self.entries[*slot as usize].facts.id)
    }

    fn get(&self, txn: TxnId) -> Option<&Entry> {
        self.entries.get(txn.slot as usize).filter(|entry| entry.facts.id == txn)
    }
}

/// More than any machine holds; keeps places within 32 bits.
const MOST: usize = 1 << 31;

/// One transaction.
#[derive(Debug)]
struct Entry {
    facts: Facts,
    machine: Machine,
    key: TxnKey,
    /// The wheel's timer and when it fires: at the machine's deadline or before.
    armed: Option<(Time, TimerId)>,
    /// Its key among the merged requests, when those are detected.
    merged: Option<Box<TxnKey>>,
}

/// One of the four.
#[derive(Debug)]
enum Machine {
    InviteClient(InviteClient),
    Client(Client),
    InviteServer(InviteServer),
    Server(Server),
}

impl Machine {
    /// An input that only client machines understand.
    fn client(&mut self, input: ClientInput<'_>, step: &mut Step<'_>) {
        match self {
            Machine::InviteClient(machine) => machine.handle(input, step),
            Machine::Client(machine) => machine.handle(input, step),
            Machine::InviteServer(_) | Machine::Server(_) => {}
        }
    }

    /// An input that only server machines understand.
    fn serve(&mut self, input: ServerInput, step: &mut Step<'_>) {
        match self {
            Machine::InviteServer(machine) => machine.handle(input, step),
            Machine::Server(machine) => machine.handle(input, step),
            Machine::InviteClient(_) | Machine::Client(_) => {}
        }
    }

    fn fire(&mut self, timer: Timer, step: &mut Step<'_>) {
        match self {
            Machine::InviteClient(_) | Machine::Client(_) => self.client(ClientInput::Timer(timer), step),
            Machine::InviteServer(_) | Machine::Server(_) => self.serve(ServerInput::Timer(timer), step),
        }
    }

    fn fail(&mut self, step: &mut Step<'_>) {
        match self {
            Machine::InviteClient(_) | Machine::Client(_) => self.client(ClientInput::Failed, step),
            Machine::InviteServer(_) | Machine::Server(_) => self.serve(ServerInput::Failed, step),
        }
    }

    fn cancel(&mut self, headers: Bytes, unanswered: Unanswered, step: &mut Step<'_>) {
        if let Machine::InviteClient(machine) = self {
            machine.cancel(headers, unanswered, step);
        }
    }

    fn take_cancel(&mut self) -> Option<(Bytes, Bytes)> {
        match self {
            Machine::InviteClient(machine) => machine.take_cancel(),
            Machine::Client(_) | Machine::InviteServer(_) | Machine::Server(_) => None,
        }
    }

    fn is_terminated(&self) -> bool {
        match self {
            Machine::InviteClient(machine) => machine.state == invite_client::State::Terminated,
            Machine::Client(machine) => machine.state == client::State::Terminated,
            Machine::InviteServer(machine) => machine.state == invite_server::State::Terminated,
            Machine::Server(machine) => machine.state == server::State::Terminated,
        }
    }
}

fn method_text(request: View<'_>) -> Option<&[u8]> {
    match request.index.start {
        StartLine::Request { method_text, .. } => Some(method_text.of(request.bytes)),
        StartLine::Response { .. } => None,
    }
}
