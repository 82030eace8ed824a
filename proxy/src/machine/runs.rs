//! Runs of the script: why each was started, and what happens when it ends.

use std::cmp::Reverse;
use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{Edits, Message};
use sip::peer::ConnId;

use super::arrival::Gate;
use super::leaving::LeavingReply;
use super::local::{Asker, Unplaced};
use super::{Machine, Question};
use crate::api::{
    self, AnswerFn, Ctx, End, EndedBy, Hooks, IoAnswer, IoRequest, Level, Replied, RouteId, RouteKind, Shard,
    Work,
};
use crate::relay::branch;
use crate::relay::reply::{LocalReply, TagStyle};
use crate::relay::{BranchReply, Event, RelayId, RouteSlot, Target};
use crate::script::{Run, Script, Status};

/// What a run was started for; says what happens at its end.
#[derive(Debug)]
pub(super) enum Purpose {
    /// `request_route`
    Request,
    /// The unnamed `reply_route`.
    CoreReply,
    /// `onreply_route[X]`
    TmReply {
        /// The response context.
        id: RelayId,
        /// The branch that replied.
        branch: u8,
    },
    /// `event_route[tm:branch-failure:X]`
    BranchFailure {
        /// The response context.
        id: RelayId,
        /// The request before the route ran.
        before: Box<Before>,
    },
    /// The reply route of replies without a transaction.
    StrayReply,
    /// `event_route[tm:local-request]`
    Local(Asker),
    /// An event route on the way of a message
    Gate(Gate),
    /// `onsend_route` on a reply
    ReplyLeaves(LeavingReply),
    /// Any other event route.
    Event,
    /// The block a suspended transaction goes on with.
    Continued(RelayId),
    /// `failure_route[X]`
    Failure {
        /// The response context.
        id: RelayId,
        /// The request before the route ran.
        before: Box<Before>,
    },
}

/// What of a stored request is the same for each of its failure routes.
#[derive(Debug)]
pub(super) struct Before {
    edits: Edits,
    target: Target,
}

impl Before {
    fn of(work: &Work) -> Before {
        Before { edits: work.edits.clone(), target: work.targets.ruri().clone() }
    }
}

/// Something put aside until the outside has answered.
#[derive(Debug)]
pub(super) enum Waiting {
    /// A run.
    Run {
        /// It.
        run: Box<Run>,
        /// What it is for.
        purpose: Purpose,
    },
    /// A question of a module.
    Asked(AnswerFn, api::Kept),
    /// A request made here that has no address yet.
    Unplaced(Box<Unplaced>),
    /// A request whose Via names a host.
    Sender(Box<Work>),
    /// A reply without a transaction whose next hop has a name, and the connection of its request.
    Reply(Box<Work>, ConnId),
}

/// The request of a transaction whose routes may still run.
#[derive(Debug)]
pub(super) struct Kept {
    /// The request; away while a route runs on it.
    work: Option<Box<Work>>,
    /// The script the transaction was made by: its route numbers mean nothing in another one.
    script: Arc<Script>,
}

/// Most runs put aside at a time; one more goes on at once as if the outside had failed. A run takes about 3 KB.
pub(super) const MAX_WAITING: usize = 20_000;

/// A hook that looks at a request.
type LookFn = fn(&mut Ctx<'_>, &Replied);

/// The route a slot stands for; slots count from 1.
pub(super) fn route_of(slot: RouteSlot) -> Option<RouteId> {
    slot.is_armed().then(|| RouteId(u32::from(slot.0) - 1))
}

impl Machine {
    /// Runs a block of the script on a message.
    pub(super) fn start(&mut self, route: RouteId, kind: RouteKind, work: Box<Work>, purpose: Purpose) {
        let run = Run::new(&self.script, route, kind, work);
        self.begin(run, purpose);
    }

    fn begin(&mut self, mut run: Run, purpose: Purpose) {
        let status = run.start(&mut self.shard);
        self.advance(run, status, purpose);
    }

    /// Goes on with a run whose answer has come. Unknown tokens are late answers.
    pub(super) fn resume(&mut self, token: u64, answer: IoAnswer) {
        if let Some(waiting) = self.waiting.remove(&token) {
            self.go_on(waiting, answer);
        }
    }

    fn go_on(&mut self, waiting: Waiting, answer: IoAnswer) {
        match waiting {
            Waiting::Run { mut run, purpose } => {
                let status = run.resume(&mut self.shard, answer);
                self.advance(*run, status, purpose);
            }
            Waiting::Asked(then, kept) => then(&mut self.shard, answer, kept),
            Waiting::Unplaced(unplaced) => self.placed(*unplaced, answer),
            Waiting::Sender(work) => self.sender_known(work, &answer),
            Waiting::Reply(work, conn) => self.reply_located(work, answer, conn),
        }
    }

    fn advance(&mut self, run: Run, status: Status, purpose: Purpose) {
        match status {
            Status::Done(end) => self.finish(run, end, purpose),
            Status::Waiting(request) => self.wait(request, Waiting::Run { run: Box::new(run), purpose }),
        }
    }

    /// Asks the outside and puts the asker aside until it has answered.
    pub(super) fn wait(&mut self, request: IoRequest, waiting: Waiting) {
        if self.waiting.len() >= self.max_waiting {
            self.tally.hurried += 1;
            return self.go_on(waiting, IoAnswer::Failed("too many runs are waiting".into()));
        }
        let token = self.next_token;
        self.next_token += 1;
        match request {
            IoRequest::Sleep(span) => self.sleepers.push(Reverse((self.shard.now + span, token))),
            request => self.questions.push(Question { token, request }),
        }
        self.waiting.insert(token, waiting);
    }

    fn finish(&mut self, mut run: Run, end: End, purpose: Purpose) {
        if !self.watched.0.is_empty() {
            self.watched.1 = self.watched.0.iter().map(|text| run.render(&mut self.shard, text)).collect();
        }
        let (work, script) = run.into_parts();
        match purpose {
            Purpose::Request => self.finish_request(work, script),
            Purpose::CoreReply => self.finish_core_reply(work, end),
            Purpose::TmReply { id, branch } => self.finish_tm_reply(id, branch, work, end),
            Purpose::StrayReply => match end.by {
                EndedBy::Drop | EndedBy::Zero => {}
                EndedBy::Return | EndedBy::Exit => self.forward_reply(work),
            },
            Purpose::Local(asker) => self.finish_local(work, end, asker, script),
            Purpose::Gate(gate) => self.passed(work, gate, end),
            Purpose::ReplyLeaves(reply) => self.reply_judged(work, reply, end),
            Purpose::Event => {}
            Purpose::Continued(id) => {
                self.keep(id, work, script);
                self.shard.relay.resumed(self.shard.now, id);
            }
            Purpose::BranchFailure { id, before } => {
                self.give_back(id, (work, before), script);
                self.shard.relay.after_branch_failure(self.shard.now, id);
            }
            Purpose::Failure { id, before } => {
                self.give_back(id, (work, before), script);
                self.shard.relay.after_failure(self.shard.now, id);
            }
        }
    }

    /// A request's script has ended: a failed relay is answered, a forgotten transaction is let go, and the
    /// message is kept when a route may still run on it.
    fn finish_request(&mut self, work: Box<Work>, script: Arc<Script>) {
        let Some(id) = work.relaying.id else { return };
        let now = self.shard.now;
        if !self.shard.relay.is_orphan(id) {
            let is_parked = work.relaying.is_parked;
            self.keep(id, work, script);
            if is_parked {
                self.shard.relay.resumed(now, id);
            }
            return;
        }
        let Some(error) = work.relaying.error else {
            self.shard
                .log
                .write(Level::WARN, b"the script ended with a transaction neither relayed nor answered");
            return self.shard.relay.release(now, id);
        };
        let (reason, lines) = (error.reason("TM"), work.reply_headers.concat());
        let wanted = LocalReply {
            status: error.status(),
            reason: reason.as_bytes(),
            lines: &lines,
            body: b"",
            tag: TagStyle::Stateful,
            last_lines: b"",
        };
        match self.shard.relay.write_reply(id, &wanted) {
            Some(bytes) => {
                self.shard.relay.answer(now, id, wanted.status, bytes);
                self.keep(id, work, script);
            }
            None => self.shard.relay.release(now, id),
        }
    }

    fn finish_core_reply(&mut self, work: Box<Work>, end: End) {
        let is_discarded = match end.by {
            EndedBy::Drop | EndedBy::Zero => true,
            EndedBy::Return => end.code < 0,
            EndedBy::Exit => false,
        };
        if is_discarded {
            self.shard.counts.dropped.1 += 1;
        } else {
            self.transaction_reply(work);
        }
    }

    fn finish_tm_reply(&mut self, id: RelayId, branch: u8, mut work: Box<Work>, end: End) {
        self.take_back_lists(id, &mut work);
        let is_provisional = work.view().status().is_some_and(|status| status < 200);
        if is_provisional && end.by == EndedBy::Drop {
            let status = work.view().status().unwrap_or(100);
            return self.shard.relay.note_provisional(id, branch, status);
        }
        self.relay_reply(id, branch, &work);
    }

    /// Hands a branch's reply to the relay, as it would go upstream.
    pub(super) fn relay_reply(&mut self, id: RelayId, branch: u8, work: &Work) {
        let original = self.shard.relay.context(id).and_then(|context| context.original());
        let edits = original.map(|original| original.restored(work.view(), &work.edits));
        let bytes = branch::write_reply(work.view(), edits.as_ref().unwrap_or(&work.edits));
        let Some(bytes) = bytes else { return };
        // The script may have changed the status line.
        let status = bytes.get(8..11).and_then(sip::lex::parse_u32).unwrap_or(0) as u16;
        let source = Some(work.received.peer);
        self.shard.relay.reply(self.shard.now, id, BranchReply { branch, status, bytes, source });
    }

    /// Something the relay wants a route for.
    pub(super) fn relay_event(&mut self, event: Event) {
        match event {
            Event::Answered { id, status, reply, source } => self.answered(id, status, reply, source),
            Event::OwnReply { bytes } => self.own_reply("tm:local-response", bytes),
            Event::Replied { id, status, branch, received } => {
                self.replied(id, (status, branch), received);
            }
            Event::ReplyLeaves { id, branch, status, bytes } => {
                self.relayed_reply_leaves(id, BranchReply { branch, status, bytes, source: None });
            }
            Event::Ended { id, is_watched } => {
                if is_watched {
                    self.tell_modules(|hooks| hooks.ended, |shard, ended| ended(shard, id));
                }
                if let Some(asker) = self.askers.get_mut(id.slot as usize) {
                    *asker = None;
                }
                if let Some(kept) = self.kept.get_mut(id.slot as usize) {
                    *kept = None;
                }
            }
            Event::Failure { id, branch, route } => match self.failed_request(id, branch) {
                Some((work, script)) => {
                    let before = Box::new(Before::of(&work));
                    let purpose = Purpose::Failure { id, before };
                    self.run_stored((route, RouteKind::Failure), work, &script, purpose);
                }
                None => self.shard.relay.after_failure(self.shard.now, id),
            },
            Event::BranchFailure { id, branch, route } => match self.stored_request(id, branch) {
                Some((mut work, script)) => {
                    let before = Box::new(Before::of(&work));
                    work.relaying.branch = Some(branch);
                    let purpose = Purpose::BranchFailure { id, before };
                    self.run_stored((route, RouteKind::BranchFailure), work, &script, purpose);
                }
                None => self.shard.relay.after_branch_failure(self.shard.now, id),
            },
        }
    }

    /// Runs an event route on a reply made here.
    fn own_reply(&mut self, name: &str, bytes: Bytes) {
        let Ok(message) = Message::parse_lenient(bytes) else { return };
        let received = self.shard.own_reception(crate::relay::SocketId(0));
        self.shard.run_event(name, Some(Box::new(Work::new(Arc::new(message), received))));
        self.run_errands();
    }

    /// Tells modules of a reply on its way upstream.
    fn replied(&mut self, id: RelayId, (status, branch): (u16, Option<u8>), received: Option<Bytes>) {
        let received = received.and_then(|bytes| Message::parse_lenient(bytes).ok()).map(Arc::new);
        let reply = Replied { id, status, branch, received };
        self.tell_modules(|hooks| hooks.replied, |shard, replied| replied(shard, &reply));
        // Event routes that these started come first.
        self.run_errands();
        self.show_request(&reply, |hooks| hooks.answered);
    }

    /// The kept request for a failure route, after modules have looked at it.
    fn failed_request(&mut self, id: RelayId, branch: u8) -> Option<(Box<Work>, Arc<Script>)> {
        let context = self.shard.relay.context(id)?;
        let status = context.legs().as_slice().get(usize::from(branch))?.status;
        let stored = context.branches().get(usize::from(branch)).and_then(|branch| branch.reply().cloned());
        let received = stored.and_then(|bytes| Message::parse_lenient(bytes).ok()).map(Arc::new);
        let reply = Replied { id, status, branch: Some(branch), received };
        self.show_request(&reply, |hooks| hooks.failed);
        self.stored_request(id, branch)
    }

    /// Shows the request of a transaction to the modules that have this hook, when they asked for it.
    fn show_request(&mut self, reply: &Replied, hook: fn(&Hooks) -> Option<LookFn>) {
        let is_meant = |work: &Work| {
            let relaying = &work.relaying;
            let is_shown = reply.branch.is_none() && relaying.shown_status == reply.status;
            relaying.id == Some(reply.id) && relaying.is_looked_at && !is_shown
        };
        let shard = &mut self.shard;
        let look = |ctx: &mut Ctx<'_>| {
            let modules = ctx.catalog.modules();
            modules.iter().filter_map(|module| hook(&module.hooks)).for_each(|look| look(ctx, reply));
        };
        let kept = self.kept.get_mut(reply.id.slot as usize).and_then(Option::as_mut);
        let kept = kept.filter(|kept| kept.work.as_deref().is_some_and(is_meant));
        if let Some((work, kept)) = kept.and_then(|kept| Some((kept.work.take()?, kept))) {
            // The first block stands for any: nothing of it is run.
            let mut run = Run::new(&kept.script, RouteId(0), RouteKind::Failure, work);
            run.show(shard, look);
            kept.work = Some(run.into_work());
            return;
        }
        // The run that made the transaction may wait for something.
        let waiting = self.waiting.values_mut().find_map(|waiting| match waiting {
            Waiting::Run { run, .. } => Some(run).filter(|run| is_meant(run.work())),
            Waiting::Asked(..) | Waiting::Unplaced(_) | Waiting::Sender(_) | Waiting::Reply(..) => None,
        });
        if let Some(run) = waiting {
            run.show(shard, look);
        }
    }

    /// Tells the modules of a connection that has ended.
    pub(super) fn connection_closed(&mut self, conn: ConnId) {
        self.tell_modules(|hooks| hooks.closed, |shard, closed| closed(shard, conn));
    }

    /// Calls a hook of all modules that have it.
    fn tell_modules<H>(&mut self, hook: fn(&Hooks) -> Option<H>, mut call: impl FnMut(&mut Shard, H)) {
        let script = self.script.clone();
        let hooks = script.catalog.modules().iter().filter_map(|module| hook(&module.hooks));
        hooks.for_each(|it| call(&mut self.shard, it));
    }

    fn run_stored(
        &mut self,
        (slot, kind): (RouteSlot, RouteKind),
        work: Box<Work>,
        script: &Arc<Script>,
        purpose: Purpose,
    ) {
        if let Some(route) = route_of(slot) {
            self.begin(Run::new(script, route, kind, work), purpose);
        }
    }

    /// Runs `onreply_route[X]` on a reply of a branch.
    pub(super) fn run_on_reply(&mut self, route: RouteId, id: RelayId, branch: u8, work: Box<Work>) {
        let script = self.script_of(id);
        self.begin(Run::new(&script, route, RouteKind::TmReply, work), Purpose::TmReply { id, branch });
    }

    /// The script a transaction was made by.
    fn script_of(&self, id: RelayId) -> Arc<Script> {
        let kept = self.kept.get(id.slot as usize).and_then(Option::as_ref).map(|kept| &kept.script);
        // Nothing is kept yet while the run that made the transaction waits for something.
        let waiting = || {
            let mut runs = self.waiting.values().filter_map(|waiting| match waiting {
                Waiting::Run { run, .. } => Some(run),
                Waiting::Asked(..) | Waiting::Unplaced(_) | Waiting::Sender(_) | Waiting::Reply(..) => None,
            });
            runs.find(|run| run.work().relaying.id == Some(id)).map(|run| run.script())
        };
        kept.or_else(waiting).unwrap_or(&self.script).clone()
    }

    /// The kept request for a failure route: its request URI is consumed, and no branch is appended.
    fn stored_request(&mut self, id: RelayId, branch: u8) -> Option<(Box<Work>, Arc<Script>)> {
        let kept = self.kept.get_mut(id.slot as usize)?.as_mut()?;
        let (mut work, script) = (kept.work.take()?, kept.script.clone());
        let context = self.shard.relay.context(id)?;
        work.targets.mark_ruri_consumed();
        work.targets.clear();
        work.relaying.branch = Some(context.branches().len() as u8);
        work.relaying.picked_status = context.legs().as_slice().get(usize::from(branch))?.status;
        work.relaying.error = None;
        Some((work, script))
    }

    /// Goes on with a suspended transaction: the block runs on its request, as a failure route does, but the request
    /// URI is still a target.
    pub(super) fn go_on_with(&mut self, id: RelayId, route: RouteId) {
        let Some(kept) = self.kept.get_mut(id.slot as usize).and_then(Option::as_mut) else { return };
        if !self.shard.relay.resume(id) {
            return;
        }
        let (work, script) = (kept.work.take(), kept.script.clone());
        let Some(mut work) = work else { return self.shard.relay.resumed(self.shard.now, id) };
        work.relaying.error = None;
        let run = Run::new(&script, route, RouteKind::Failure, work);
        self.begin(run, Purpose::Continued(id));
    }

    /// Keeps a request after a failure route, with the edits and the target it had before.
    fn give_back(&mut self, id: RelayId, (mut work, before): (Box<Work>, Box<Before>), script: Arc<Script>) {
        work.edits = before.edits;
        *work.targets.ruri_mut() = before.target;
        self.keep(id, work, script);
    }

    /// Keeps a request while routes may run on it, or modules want to look at it.
    pub(super) fn keep(&mut self, id: RelayId, mut work: Box<Work>, script: Arc<Script>) {
        if let Some(stored) = work.relaying.stored.take() {
            *work.targets.ruri_mut() = stored.target;
            work.edits = stored.edits.unwrap_or_default();
        }
        let relay = &self.shard.relay;
        let is_wanted = match relay.context(id) {
            Some(context) => context.has_routes() || work.relaying.is_looked_at,
            None => work.relaying.is_looked_at && relay.is_ending(id),
        };
        if !is_wanted {
            return;
        }
        let place = id.slot as usize;
        if self.kept.len() <= place {
            self.kept.resize_with(place + 1, || None);
        }
        self.kept[place] = Some(Kept { work: Some(work), script });
    }

    /// Lends a reply the lists and flags of its transaction.
    pub(super) fn lend_lists(&mut self, id: RelayId, work: &mut Work) {
        if let Some(kept) = self.kept_work(id) {
            std::mem::swap(&mut work.avps, &mut kept.avps);
            std::mem::swap(&mut work.xavps, &mut kept.xavps);
            work.flags = kept.flags;
        }
    }

    pub(super) fn take_back_lists(&mut self, id: RelayId, work: &mut Work) {
        if let Some(kept) = self.kept_work(id) {
            std::mem::swap(&mut work.avps, &mut kept.avps);
            std::mem::swap(&mut work.xavps, &mut kept.xavps);
            kept.flags = work.flags;
        }
    }

    fn kept_work(&mut self, id: RelayId) -> Option<&mut Work> {
        self.kept.get_mut(id.slot as usize)?.as_mut()?.work.as_deref_mut()
    }
}
