//! The table: finds the transaction a message belongs to, runs its machine, wakes it in time.
//!
//! One slab of transactions, one map from key to place, one timer each in one wheel. A timer that fires early,
//! because its transaction moved its deadline back meanwhile, is set again: cheaper than moving it each time.

use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use slab::Slab;

use super::client::Client;
use super::invite_client::InviteClient;
use super::invite_server::InviteServer;
use super::key::{Keyer, TxnKey, has_to_tag, method_text};
use super::limits::Limits;
use super::machine::{Entry, Machine};
use super::server::Server;
use super::step::{ClientInput, Facts, Reports, ServerInput, Step};
use super::timers::{Clock, Timers};
use super::{Hop, Input, NewClient, NewServer, Output, Outputs, Owner, Refused, TxnId, build};
use crate::msg::{Additions, View};
use crate::time::Time;
use crate::wheel::Wheel;

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
    /// See [`Table::copy_headers`].
    copied: Box<[u8]>,
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
            copied: Box::default(),
        }
    }

    /// From now on copies the fields of a sent INVITE whose names begin with `prefix` into its CANCEL and ACK.
    pub fn copy_headers(&mut self, prefix: &[u8]) {
        self.copied = prefix.into();
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
        let mut step = Step { now, facts: &mut facts, outputs: &mut Outputs::new(), copied: b"" };
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
        let mut step = Step { now, facts: &mut facts, outputs, copied: b"" };
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
            Input::Accept { txn, bytes } => self.step_by_id(now, txn, outputs, |machine, step| {
                machine.serve(ServerInput::Accept(bytes), step);
            }),
            Input::Confirm { txn } => self.step_by_id(now, txn, outputs, |machine, step| {
                machine.serve(ServerInput::Confirm, step);
            }),
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
            Some(status @ 100..200) => ClientInput::Provisional(status),
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
        action(machine, &mut Step { now, facts, outputs, copied: &self.copied });
        self.settle(now, slot, outputs);
    }

    /// After a step: fires what is due at once (timers of length zero), sends a CANCEL that may go now, sets
    /// the timer, removes what is over.
    fn settle(&mut self, now: Time, slot: u32, outputs: &mut Outputs) {
        let Entry { facts, machine, .. } = &mut self.entries[slot as usize];
        while let Some(timer) = facts.clock.take_due(now) {
            machine.fire(timer, &mut Step { now, facts, outputs, copied: &self.copied });
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
        let Some((request, branch)) =
            build::cancel(&invite, Additions { copied: &self.copied, lines: &headers })
        else {
            return;
        };
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
        Step { now, facts: &mut entry.facts, outputs, copied: b"" }.terminate();
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

#[cfg(test)]
mod tests {
    use super::Table;
    use crate::msg::Message;
    use crate::peer::Transport;
    use crate::time::Time;
    use crate::txn::Limits;
    use crate::txn::lab::{Lab, hop, request, response};
    use crate::txn::{Input, Millis, NewClient, NewServer, Output, Owner, Refused, Timers, TxnId};

    fn table(limits: Limits) -> Table {
        Table::new(limits, 3)
    }

    fn open_server(table: &mut Table, request: &Message) -> Result<TxnId, Refused> {
        let (reply_to, timers) = (hop(Transport::Udp), Timers::default());
        table
            .open_server(Time::ZERO, NewServer { request: request.view(), reply_to, owner: Owner(5), timers })
    }

    fn open_client(table: &mut Table, method: &str, branch: &str) -> Result<TxnId, Refused> {
        let new = NewClient {
            request: request(method, branch).bytes().clone(),
            branch: branch.as_bytes(),
            method: method.as_bytes(),
            hop: hop(Transport::Udp),
            owner: Owner(6),
            timers: Timers::default(),
        };
        table.open_client(Time::ZERO, new, &mut Vec::new())
    }

    fn receive(table: &mut Table, message: &Message) -> Vec<Output> {
        let mut outputs = Vec::new();
        let input = match message.view().method() {
            Some(_) => Input::Request(message.view()),
            None => Input::Response(message.view()),
        };
        table.handle(Time::ZERO, input, &mut outputs);
        outputs
    }

    /// RFC 3261 9.2: the CANCEL means the INVITE of the same branch, and has a transaction of its own.
    #[test]
    fn a_cancel_names_its_invite() {
        let mut table = table(Limits::default());
        let (invite, cancel) = (request("INVITE", "z9hG4bK1"), request("CANCEL", "z9hG4bK1"));
        assert!(matches!(receive(&mut table, &cancel)[..], [Output::Request]));
        let id = open_server(&mut table, &invite).expect("room");
        let outputs = receive(&mut table, &cancel);
        assert!(matches!(outputs[..], [Output::CancelOf { txn, owner: Owner(5) }] if txn == id));
        let of_cancel = open_server(&mut table, &cancel).expect("room");
        let outputs = receive(&mut table, &cancel);
        assert!(matches!(outputs[..], [Output::Retransmission { txn, .. }] if txn == of_cancel));
        assert_eq!(
            (table.find_cancelled(cancel.view()), table.find(cancel.view())),
            (Some(id), Some(of_cancel))
        );
    }

    #[test]
    fn what_belongs_to_nothing_is_reported() {
        let mut table = table(Limits::default());
        assert!(matches!(receive(&mut table, &request("INVITE", "z9hG4bK1"))[..], [Output::Request]));
        assert!(matches!(receive(&mut table, &request("ACK", "z9hG4bK1"))[..], [Output::StrayAck]));
        let reply = response(200, "INVITE", "z9hG4bK1");
        assert!(matches!(receive(&mut table, &reply)[..], [Output::StrayResponse]));
        open_client(&mut table, "BYE", "z9hG4bK1").expect("room");
        // RFC 3261 17.1.3: the branch alone does not make it ours, the method must agree.
        assert!(matches!(receive(&mut table, &reply)[..], [Output::StrayResponse]));
    }

    /// RFC 3261 8.2.2.2.
    #[test]
    fn a_merged_request_is_reported_while_the_first_lives() {
        let mut table = table(Limits { detect_merged: true, ..Limits::default() });
        let way = |branch: &str| {
            let text = format!(
                "INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch={branch}\r\nFrom: <sip:a>;tag=f\r\n\
                 To: <sip:b>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
            );
            Message::parse(text.into_bytes().into()).expect("valid")
        };
        let first = open_server(&mut table, &way("z9hG4bK1")).expect("room");
        let outputs = receive(&mut table, &way("z9hG4bK2"));
        assert!(matches!(outputs[..], [Output::Merged { txn, .. }] if txn == first));
        table.handle(Time::ZERO, Input::Release { txn: first }, &mut Vec::new());
        assert!(matches!(receive(&mut table, &way("z9hG4bK2"))[..], [Output::Request]));
    }

    #[test]
    fn a_full_table_refuses_new_calls_first_then_all() {
        let mut table = table(Limits { max_transactions: 1, reserve: 1, detect_merged: false });
        open_server(&mut table, &request("INVITE", "z9hG4bK1")).expect("room");
        assert_eq!(open_server(&mut table, &request("INVITE", "z9hG4bK2")), Err(Refused::Full));
        open_client(&mut table, "INVITE", "z9hG4bK1").expect("reserve");
        assert_eq!(open_server(&mut table, &request("BYE", "z9hG4bK3")), Err(Refused::Full));
    }

    #[test]
    fn one_key_has_one_transaction() {
        let mut table = table(Limits::default());
        let invite = request("INVITE", "z9hG4bK1");
        let id = open_server(&mut table, &invite).expect("room");
        assert_eq!(open_server(&mut table, &invite), Err(Refused::Exists(id)));
        let no_via = Message::parse(b"BYE sip:b SIP/2.0\r\n\r\n"[..].into()).expect("valid");
        assert_eq!(open_server(&mut table, &no_via), Err(Refused::Unidentified));
    }

    #[test]
    fn new_timers_count_from_the_order() {
        let mut lab = Lab::client("OPTIONS", Transport::Tcp, Timers::default());
        let timers = Timers { final_response: Millis(3_000), ..Timers::default() };
        let txn = lab.txn;
        lab.until(1_000).give(Input::Retime { txn, timers });
        lab.until(5_000).saw(&["0 send OPTIONS", "4000 timeout F", "4000 over"]);
    }

    #[test]
    fn a_released_name_is_stale() {
        let mut lab = Lab::server("INVITE", Transport::Udp, Timers::default());
        let txn = lab.txn;
        lab.give(Input::Release { txn }).saw(&["0 over"]);
        lab.reply(200).fail().give(Input::Release { txn }).saw(&[]).is_clear();
    }

    /// Buffers not counted, they are shared with the TU.
    #[test]
    fn stays_small_per_transaction() {
        assert!(size_of::<super::Entry>() <= 320, "{}", size_of::<super::Entry>());
    }
}
