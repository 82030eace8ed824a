//! The machine: response contexts over the transaction table, in the steps the shell takes.
//!
//! What is received goes in by [`Relay::receive_request`], [`Relay::receive_response`] and [`Relay::due`]; what
//! scripts decide by the methods of `forward.rs`, `respond.rs` and `abandon.rs`. What comes out waits in
//! [`Relay::take_sendings`] and [`Relay::next_event`]; the shell drains both after each step.

use std::collections::VecDeque;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::{FxHashMap, FxHasher};
use sip::ident::Ident;
use sip::msg::{Index, Method, View};
use sip::time::Time;
use sip::txn::{
    Hop, Input, Limits, Millis, NewServer, Output, Outputs, Owner, Refused, Table, Timer, Timers, TxnId,
};
use slab::Slab;

use super::branch::BranchParam;
use super::context::{Context, Phase};
use super::exchange::{Arrival, Counters, Event, NewContext, ReplyArrival, STATELESS_CODES, Sending, Side};
use super::failover::Fault;
use super::{Blocklist, Legs, Overrides, RelayId, Settings, Signature, Sockets, loops};

/// All response contexts of one shard and their transactions.
#[derive(Debug)]
pub struct Relay {
    pub(super) table: Table,
    pub(super) contexts: Slab<Context>,
    next_generation: u32,
    pub(super) outputs: Outputs,
    pub(super) events: VecDeque<Event>,
    sendings: Vec<Sending>,
    pub(super) settings: Arc<Settings>,
    /// Places left alone for a while.
    pub(super) blocklist: Blocklist,
    pub(super) sockets: Arc<Sockets>,
    pub(super) ident: Ident,
    pub(super) signature: Signature,
    /// Keys the branch parameters of requests forwarded without state.
    stateless_key: u64,
    pub(super) counters: Counters,
    /// Received replies that would go upstream are asked about first.
    pub(super) asks_about_replies: bool,
    /// Transactions from which on no further call is taken.
    crowd: usize,
    /// See [`Relay::tell_own_replies`].
    pub(super) tells_own_replies: bool,
    /// INVITEs answered here with a 2xx whose ACK may come, see `own_answer` of the context.
    own_answers: FxHashMap<u64, RelayId>,
}

impl Relay {
    /// An empty relay. `seed` makes branches unforeseeable.
    pub fn new(settings: Arc<Settings>, sockets: Arc<Sockets>, seed: u64, signature: Signature) -> Relay {
        let limits = Limits { max_transactions: settings.max_transactions, ..Limits::default() };
        Relay {
            table: Table::new(limits, seed),
            contexts: Slab::new(),
            next_generation: 0,
            outputs: Outputs::new(),
            events: VecDeque::new(),
            sendings: Vec::new(),
            settings,
            blocklist: Blocklist::default(),
            sockets,
            ident: Ident::seeded(seed),
            stateless_key: seed.rotate_left(17),
            signature,
            counters: Counters::default(),
            asks_about_replies: false,
            crowd: limits.max_transactions / 10 * 9,
            tells_own_replies: false,
            own_answers: FxHashMap::default(),
        }
    }

    /// Our sockets and names.
    pub fn sockets(&self) -> &Arc<Sockets> {
        &self.sockets
    }

    /// The settings in force.
    pub fn settings(&self) -> &Arc<Settings> {
        &self.settings
    }

    /// Puts other settings in force for transactions to come.
    pub fn set_settings(&mut self, settings: Arc<Settings>) {
        self.table.copy_headers(&settings.copied_headers);
        self.settings = settings;
    }

    /// Places left alone for a while.
    pub fn blocklist(&self) -> &Blocklist {
        &self.blocklist
    }

    /// What was counted so far.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// What marks replies made here.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// Counts a reply sent without state.
    pub fn count_stateless_reply(&mut self, status: u16) {
        self.counters.stateless_replies[usize::from(status / 100).min(7)] += 1;
        if let Some(place) = STATELESS_CODES.iter().position(|code| *code == status) {
            self.counters.stateless_codes[place] += 1;
        }
    }

    /// Counts an ACK to such a reply.
    pub fn count_own_ack(&mut self) {
        self.counters.own_acks += 1;
    }

    /// Whether replies made here are told from now on.
    pub fn tell_own_replies(&mut self, are_told: bool) {
        self.tells_own_replies = are_told;
    }

    /// The branch parameter of a request forwarded without state (16.11).
    pub fn stateless_param(&self, request: View<'_>) -> Option<BranchParam> {
        BranchParam::stateless(request, self.stateless_key)
    }

    /// The branch a reply belongs to, told from its top Via alone; nothing is changed.
    pub fn find_branch(&self, reply: View<'_>) -> Option<(RelayId, u8)> {
        let (slot, discriminator, branch) = BranchParam::parse(reply.via_top().ok()?.branch()?)?;
        let context = self.contexts.get(slot as usize).filter(|it| it.discriminator == discriminator)?;
        Some((RelayId { slot, generation: context.generation }, branch))
    }

    /// Response contexts alive.
    pub fn len(&self) -> usize {
        self.contexts.len()
    }

    /// Response contexts alive, oldest place first.
    pub fn contexts(&self) -> impl Iterator<Item = (RelayId, &Context)> {
        let named = |(slot, context): (usize, _)| {
            let context: &Context = context;
            (RelayId { slot: slot as u32, generation: context.generation }, context)
        };
        self.contexts.iter().map(named)
    }

    /// True when no response context is alive.
    pub fn is_empty(&self) -> bool {
        self.contexts.is_empty()
    }

    /// True when what room is left should be kept for the calls that stand.
    pub fn is_crowded(&self) -> bool {
        self.table.len() >= self.crowd
    }

    /// The context of that name, if it lives.
    pub fn context(&self, id: RelayId) -> Option<&Context> {
        self.contexts.get(id.slot as usize).filter(|context| context.generation == id.generation)
    }

    /// The context of that name for changes, if it lives.
    pub fn context_mut(&mut self, id: RelayId) -> Option<&mut Context> {
        self.contexts.get_mut(id.slot as usize).filter(|context| context.generation == id.generation)
    }

    /// Makes the context tell its replies and its end.
    pub fn watch(&mut self, id: RelayId) {
        if let Some(context) = self.context_mut(id) {
            context.is_watched = true;
        }
    }

    /// True while the end of a context is still to be told.
    pub fn is_ending(&self, id: RelayId) -> bool {
        self.events.iter().any(|event| matches!(event, Event::Ended { id: ended, .. } if *ended == id))
    }

    /// When [`Relay::due`] must be called next.
    pub fn next_deadline(&self) -> Option<Time> {
        self.table.next_deadline()
    }

    /// Takes a request from the network: tells what it is and answers retransmissions.
    pub fn receive_request(&mut self, now: Time, request: View<'_>) -> Arrival {
        self.table.handle(now, Input::Request(request), &mut self.outputs);
        let is_ack = request.method() == Some(Method::Ack);
        // An ACK that comes again leads to nothing, so nothing is told of it (17.2.1, Confirmed).
        let mut arrival = if is_ack { Arrival::Absorbed } else { Arrival::New };
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::Request | Output::Merged { .. } => {
                    let is_cancel = request.method() == Some(Method::Cancel);
                    arrival = if is_cancel { Arrival::Stray } else { Arrival::New };
                }
                Output::CancelOf { owner, .. } => {
                    arrival = match self.owner(owner) {
                        Some((id, _)) => Arrival::CancelOf(id),
                        None => Arrival::Stray,
                    };
                }
                Output::StrayAck if self.confirm_own_answer(now, request) => arrival = Arrival::Absorbed,
                Output::StrayAck => arrival = Arrival::Stray,
                Output::Retransmission { .. } | Output::Acked { .. } => arrival = Arrival::Absorbed,
                other => self.take_output(now, other),
            }
        }
        self.outputs = outputs;
        if arrival == Arrival::New && loops::is_looping(request, self.stateless_key) {
            return Arrival::Looping;
        }
        arrival
    }

    /// Notes that an INVITE is answered here, and tells what its ACK is found by.
    pub(super) fn expect_ack(&mut self, id: RelayId) {
        let Some(context) = self.context(id) else { return };
        let Ok(index) = Index::parse(&context.request) else { return };
        let Some(key) = self.ack_key(View { bytes: &context.request, index: &index }) else { return };
        self.own_answers.insert(key, id);
        if let Some(context) = self.context_mut(id) {
            context.own_answer = Some(key);
        }
    }

    /// Whether the ACK is one to a 2xx made here, which then is sent no more (RFC 3261 13.3.1.4).
    fn confirm_own_answer(&mut self, now: Time, ack: View<'_>) -> bool {
        if self.own_answers.is_empty() {
            return false;
        }
        let found = self.ack_key(ack).and_then(|key| self.own_answers.get(&key)).copied();
        let Some(txn) = found.and_then(|id| self.context(id)?.server) else { return false };
        self.table.handle(now, Input::Confirm { txn }, &mut self.outputs);
        true
    }

    /// Call-ID, number of the CSeq and From tag, which an INVITE and its ACK share.
    fn ack_key(&self, request: View<'_>) -> Option<u64> {
        let mut hasher = FxHasher::default();
        self.stateless_key.hash(&mut hasher);
        request.call_id().ok()?.hash(&mut hasher);
        request.cseq().ok()?.number.hash(&mut hasher);
        request.from().ok()?.tag().hash(&mut hasher);
        Some(hasher.finish())
    }

    /// Takes a reply from the network; ACKs to negative replies go out here, before any route.
    pub fn receive_response(&mut self, now: Time, response: View<'_>) -> ReplyArrival {
        self.table.handle(now, Input::Response(response), &mut self.outputs);
        let mut arrival = ReplyArrival::Absorbed;
        let mut outputs = std::mem::take(&mut self.outputs);
        for output in outputs.drain(..) {
            match output {
                Output::StrayResponse => arrival = ReplyArrival::Stray,
                Output::Response { owner, .. } => {
                    if let Some((id, branch)) = self.owner(owner) {
                        self.counters.replies_received += 1;
                        arrival = ReplyArrival::Branch { id, branch };
                    }
                }
                other => self.take_output(now, other),
            }
        }
        self.outputs = outputs;
        arrival
    }

    /// Lets all timers that are due fire.
    pub fn due(&mut self, now: Time) {
        self.drive(now, Input::Due);
    }

    /// The shell could not send bytes of this transaction.
    pub fn send_failed(&mut self, now: Time, txn: TxnId) {
        self.drive(now, Input::Failed { txn });
    }

    /// Opens the server transaction and response context of a request.
    ///
    /// Errors: the table is full, the request was seen already, or it lacks what identifies it.
    pub fn open(&mut self, now: Time, new: NewContext<'_>) -> Result<RelayId, Refused> {
        let request = new.request.view();
        let method = request.method().unwrap_or(Method::Other);
        let base = if method == Method::Invite { self.settings.invite } else { self.settings.non_invite };
        let timers = new.timers.unwrap_or(base);
        let id = self.next_id();
        // It must outlive its branches: their end is what it tells the caller.
        let outlives = Millis(timers.lifetime.0.saturating_add(timers.final_response.0));
        let own = Timers { lifetime: outlives, ..timers };
        let server = NewServer { request, reply_to: new.reply_to, owner: pack(id, NO_BRANCH), timers: own };
        let server = self.table.open_server(now, server)?;
        self.counters.server_transactions += 1;
        self.insert(now, new, Side { server: Some(server), is_local: false, timers });
        Ok(id)
    }

    /// The name of the next context.
    pub(super) fn next_id(&self) -> RelayId {
        RelayId { slot: self.contexts.vacant_key() as u32, generation: self.next_generation }
    }

    /// Puts in the context that [`Relay::next_id`] has named.
    pub(super) fn insert(&mut self, now: Time, new: NewContext<'_>, side: Side) {
        let generation = self.next_generation;
        self.next_generation = (generation + 1) & GENERATION_MASK;
        self.contexts.insert(Context {
            generation,
            server: side.server,
            is_local: side.is_local,
            suspended: None,
            overrides: Overrides::default(),
            request: new.request.bytes().clone(),
            origin: new.origin,
            reply_to: new.reply_to,
            created: now,
            method: new.request.view().method().unwrap_or(Method::Other),
            phase: Phase::Running,
            is_canceled: false,
            sent_status: 0,
            legs: Legs::default(),
            branches: Default::default(),
            last_set: 0,
            failure_replies: None,
            armed: new.armed,
            timers: side.timers,
            discriminator: loops::marked(self.ident.next_u64(), new.request.view(), self.stateless_key),
            flags: new.flags,
            is_watched: false,
            own_answer: None,
            original: None,
        });
    }

    /// The next thing a route must be run for.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// What is to be sent, in order; empties the queue.
    pub fn take_sendings(&mut self) -> std::vec::Drain<'_, Sending> {
        self.sendings.drain(..)
    }

    /// Sends bytes outside any transaction.
    pub fn send(&mut self, hop: Hop, bytes: Bytes) {
        self.send_to_one_of(hop, bytes, Vec::new());
    }

    /// Sends bytes outside any transaction; what cannot be sent goes to the next of the other places.
    pub fn send_to_one_of(&mut self, hop: Hop, bytes: Bytes, others: Vec<(Hop, Bytes)>) {
        self.sendings.push(Sending { hop, bytes, txn: None, others });
    }

    /// Hands an input to the table and deals with everything that comes out.
    pub(super) fn drive(&mut self, now: Time, input: Input<'_>) {
        self.table.handle(now, input, &mut self.outputs);
        self.settle(now);
    }

    /// Deals with the outputs of the table; what that brings about is dealt with too.
    pub(super) fn settle(&mut self, now: Time) {
        while !self.outputs.is_empty() {
            let mut outputs = std::mem::take(&mut self.outputs);
            outputs.drain(..).for_each(|output| self.take_output(now, output));
            if self.outputs.is_empty() {
                self.outputs = outputs;
            }
        }
    }

    fn take_output(&mut self, now: Time, output: Output) {
        match output {
            Output::Send { txn, hop, bytes } => {
                self.sendings.push(Sending { hop, bytes, txn: Some(txn), others: Vec::new() });
            }
            Output::Timeout { txn, owner, timer } => self.timed_out(now, txn, owner, timer),
            Output::TransportError { owner, .. } => {
                if let Some((id, branch)) = self.owner(owner).filter(|(_, branch)| *branch != NO_BRANCH) {
                    self.fail_over(now, id, branch, Fault::Unsent);
                    self.end_branch(now, id, branch, 503);
                }
            }
            Output::Terminated { txn, owner } => self.terminated(txn, owner),
            Output::Request
            | Output::CancelOf { .. }
            | Output::Merged { .. }
            | Output::StrayAck
            | Output::StrayResponse
            | Output::Retransmission { .. }
            | Output::Acked { .. }
            | Output::Response { .. } => {}
        }
    }

    fn timed_out(&mut self, now: Time, txn: TxnId, owner: Owner, timer: Timer) {
        let Some((id, branch)) = self.owner(owner) else { return };
        if branch == NO_BRANCH {
            return;
        }
        let leg = self.context(id).and_then(|context| context.legs.as_slice().get(usize::from(branch)));
        if timer != Timer::Lifetime && leg.is_some_and(|leg| leg.status == 0) {
            self.fail_over(now, id, branch, Fault::Silent);
        }
        self.end_branch(now, id, branch, 408);
        if matches!(timer, Timer::C | Timer::Lifetime) {
            // The 408 went upstream first, the CANCEL follows without a Reason (seen on Kamailio 5.6.3).
            self.cancel_client(now, txn, Bytes::new());
        }
    }

    fn terminated(&mut self, txn: TxnId, owner: Owner) {
        let Some((id, branch)) = self.owner(owner) else { return };
        let Some(context) = self.context_mut(id) else { return };
        if branch == NO_BRANCH {
            if context.server == Some(txn) {
                context.server = None;
            }
        } else if let Some(branch) = context.branches.get_mut(usize::from(branch))
            && branch.client == Some(txn)
        {
            branch.client = None;
        }
        self.remove_if_over(id);
    }

    /// Forgets a context whose transactions have all ended.
    pub(super) fn remove_if_over(&mut self, id: RelayId) {
        let is_over = self.context(id).is_some_and(|context| {
            context.server.is_none() && context.branches.iter().all(|branch| branch.client.is_none())
        });
        if is_over {
            let Context { is_watched, own_answer, .. } = self.contexts.remove(id.slot as usize);
            if let Some(key) = own_answer.filter(|key| self.own_answers.get(key) == Some(&id)) {
                self.own_answers.remove(&key);
            }
            self.events.push_back(Event::Ended { id, is_watched });
        }
    }

    /// The living context and branch an owner number stands for.
    fn owner(&self, owner: Owner) -> Option<(RelayId, u8)> {
        let id = RelayId { slot: owner.0 as u32, generation: (owner.0 >> 32) as u32 & GENERATION_MASK };
        self.context(id).map(|_| (id, (owner.0 >> 56) as u8))
    }
}

/// The owner number of a context's transaction: slot, generation and branch.
pub(super) fn pack(id: RelayId, branch: u8) -> Owner {
    Owner(u64::from(id.slot) | u64::from(id.generation) << 32 | u64::from(branch) << 56)
}

/// Stands for the server transaction where a branch index is wanted.
pub(super) const NO_BRANCH: u8 = u8::MAX;
/// Generations fit beside the branch in an owner number.
const GENERATION_MASK: u32 = 0x00ff_ffff;
