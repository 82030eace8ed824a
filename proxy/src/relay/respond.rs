//! Replies on their way upstream (RFC 3261 16.7): received ones, the best one, and those made here.

use bytes::Bytes;
use sip::msg::{Index, Method, View};
use sip::peer::Peer;
use sip::time::Time;
use sip::txn::Input;

use super::cancel::Cause;
use super::context::Phase;
use super::exchange::Event;
use super::failover::Fault;
use super::machine::Relay;
use super::reply::{self, LocalReply, TagStyle};
use super::{FailureReplies, RelayId, RouteSlot, Verdict};

/// Whether a shell wants a say in received replies that go upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskAboutReplies {
    /// It does not.
    Never,
    /// It does.
    Always,
}

/// A reply of a branch on its way upstream.
#[derive(Clone, Debug)]
pub struct BranchReply {
    /// The branch.
    pub branch: u8,
    /// Its status code after the script's changes.
    pub status: u16,
    /// The reply as it would go upstream: our Via removed, edits applied.
    pub bytes: Bytes,
    /// Where it came from; `None` when that is long ago.
    pub source: Option<Peer>,
}

impl Relay {
    /// Takes a branch's reply into account after its routes have run.
    pub fn reply(&mut self, now: Time, id: RelayId, reply: BranchReply) {
        let (branch, status) = (reply.branch, reply.status);
        let rules = (self.settings.on_global_failure, self.settings.on_100);
        let Some(context) = self.context_mut(id) else { return };
        let at = usize::from(branch);
        let rules = (context.overrides.on_global_failure.unwrap_or(rules.0), rules.1);
        let is_late = context.branches.get(at).is_some_and(|branch| branch.is_canceled);
        if is_late && status < 200 {
            // The CANCEL follows by itself; a provisional reply to a cancelled branch is of no use upstream.
            context.legs.receive(at, status, (rules.0, super::On100::Absorb));
            return;
        }
        let is_first_final = context.legs.as_slice().get(at).is_some_and(|leg| !leg.is_final());
        if is_first_final && (status == 503 || self.settings.failover_codes.contains(&status)) {
            self.fail_over(now, id, branch, Fault::Unavailable(retry_after(&reply.bytes)));
        }
        let Some(context) = self.context_mut(id) else { return };
        let verdict = context.legs.receive(at, status, rules);
        match verdict {
            Verdict::Drop => {}
            Verdict::Forward => self.send_received(now, id, reply),
            Verdict::Accept => {
                self.send_received(now, id, reply);
                self.cancel_branches(now, id, &Cause::Answered(status), Some(branch));
            }
            Verdict::Store | Verdict::StoreAndCancelOthers | Verdict::Complete(_) => {
                self.store(id, branch, Some(reply.bytes));
                if verdict == Verdict::StoreAndCancelOthers {
                    self.cancel_branches(now, id, &Cause::Answered(status), Some(branch));
                }
                self.branch_failed(now, id, branch);
            }
        }
    }

    /// Notes a provisional reply that a route dropped.
    pub fn note_provisional(&mut self, id: RelayId, branch: u8, status: u16) {
        let rules = (self.settings.on_global_failure, super::On100::Absorb);
        if let Some(context) = self.context_mut(id) {
            context.legs.receive(usize::from(branch), status, rules);
        }
    }

    /// Ends a branch without a reply: 408 on a timeout, 503 when sending failed.
    pub(super) fn end_branch(&mut self, now: Time, id: RelayId, branch: u8, status: u16) {
        let Some(context) = self.context_mut(id) else { return };
        match context.legs.fake(usize::from(branch), status) {
            Verdict::Drop => {}
            _ => self.branch_failed(now, id, branch),
        }
    }

    /// A branch has a negative result: its route first, then the choice.
    fn branch_failed(&mut self, now: Time, id: RelayId, branch: u8) {
        let Some(context) = self.context_mut(id) else { return };
        let Some(failed) = context.branches.get_mut(usize::from(branch)) else { return };
        let route = std::mem::take(&mut failed.on_branch_failure);
        if route.is_armed() {
            // What the route relays to is not armed again by itself.
            context.armed.branch_failure = RouteSlot::default();
            self.events.push_back(Event::BranchFailure { id, branch, route });
        } else {
            self.conclude(now, id);
        }
    }

    /// A branch failure route has run.
    pub fn after_branch_failure(&mut self, now: Time, id: RelayId) {
        self.conclude(now, id);
    }

    /// A failure route has run: its new branches go on, else the best reply goes upstream.
    pub fn after_failure(&mut self, now: Time, id: RelayId) {
        let rule = self.settings.failure_replies;
        let Some(context) = self.context_mut(id) else { return };
        let Phase::Deciding { branches, .. } = context.phase else { return };
        context.phase = Phase::Running;
        let rule = context.failure_replies.take().unwrap_or(rule);
        let before = usize::from(branches);
        let has_forked = context.branches.len() > before;
        let dropped = match rule {
            FailureReplies::Drop => 0..before,
            FailureReplies::DropIfForked if has_forked => 0..before,
            FailureReplies::DropLast => context.last_set.min(before)..before,
            FailureReplies::DropIfForked | FailureReplies::Keep => 0..0,
        };
        context.legs.drop_replies(dropped);
        self.conclude(now, id);
    }

    /// Chooses and sends the final reply once all branches have ended; a failure route is asked first.
    pub(super) fn conclude(&mut self, now: Time, id: RelayId) {
        let (faked, silent) = (self.settings.faked_priority, self.settings.silent_timeout);
        let Some(context) = self.context_mut(id) else { return };
        if context.phase != Phase::Running || context.legs.are_pending() {
            return;
        }
        let Some(best) = context.legs.best(faked) else {
            return self.answer_locally(now, id, 500, "I'm terribly sorry, server error occurred (1/TM)");
        };
        let route = std::mem::take(&mut context.branches[best].on_failure);
        if route.is_armed() {
            context.armed.failure = RouteSlot::default();
            context.phase = Phase::Deciding { picked: best as u8, branches: context.branches.len() as u8 };
            self.events.push_back(Event::Failure { id, branch: best as u8, route });
            return;
        }
        let leg = context.legs.as_slice()[best];
        let is_alone = context.branches.len() == 1 && context.method == Method::Invite;
        if silent && is_alone && leg.is_faked && leg.status == 408 && !leg.had_reply && !context.is_canceled {
            return self.release(now, id);
        }
        self.send_best(now, id, best);
    }

    /// Sends the reply of the best branch upstream, or what stands for it.
    fn send_best(&mut self, now: Time, id: RelayId, best: usize) {
        let remap = self.settings.remap_503;
        let merge = self.settings.merge_challenges;
        let Some(context) = self.context(id) else { return };
        let status = context.legs.as_slice()[best].status;
        if let Some(challenges) =
            (merge && !context.is_local && matches!(status, 401 | 407)).then(|| self.challenges(id)).flatten()
        {
            let reason = sip::msg::reason_phrase(status);
            let reply = LocalReply { lines: &challenges, ..local(status, reason) };
            return self.answer_with(now, id, &reply);
        }
        let stored = context.branches[best].reply.clone();
        match (status, stored) {
            (503, _) if remap && !context.is_local => {
                self.answer_locally(now, id, 500, "Service Unavailable")
            }
            (_, Some(bytes)) => {
                self.send_received(now, id, BranchReply { branch: best as u8, status, bytes, source: None });
            }
            (408, None) if context.is_canceled => self.answer_locally(now, id, 487, "Request Terminated"),
            (status, None) => self.answer_locally(now, id, status, sip::msg::reason_phrase(status)),
        }
    }

    /// The challenge lines of all 401 and 407 replies, when there is more than one such reply (16.7 step 7).
    fn challenges(&self, id: RelayId) -> Option<Vec<u8>> {
        let context = self.context(id)?;
        let mut lines = Vec::new();
        let mut count = 0;
        for (leg, branch) in context.legs.as_slice().iter().zip(&context.branches) {
            if let (401 | 407, false, Some(bytes)) = (leg.status, leg.is_dropped, &branch.reply) {
                reply::copy_challenges(bytes, &mut lines);
                count += 1;
            }
        }
        (count > 1).then_some(lines)
    }

    /// Answers with a reply made here, without further header lines.
    pub(super) fn answer_locally(&mut self, now: Time, id: RelayId, status: u16, reason: &str) {
        self.answer_with(now, id, &local(status, reason));
    }

    fn answer_with(&mut self, now: Time, id: RelayId, wanted: &LocalReply<'_>) {
        if self.context(id).is_some_and(|context| context.is_local) {
            return self.tell(id, wanted.status, (None, None));
        }
        match self.write_reply(id, wanted) {
            Some(bytes) => self.send_local(now, id, wanted.status, bytes),
            None => self.release(now, id),
        }
    }

    /// Writes a reply to the stored request; `None` when the context is gone or the request is not readable.
    pub fn write_reply(&self, id: RelayId, wanted: &LocalReply<'_>) -> Option<Bytes> {
        let context = self.context(id)?;
        let index = Index::parse(&context.request).ok()?;
        let request = View { bytes: &context.request, index: &index };
        reply::write(request, context.origin, &self.signature, wanted)
    }

    /// Sends a reply made by the script or by us on the server transaction; a final one ends the branches.
    ///
    /// False when a final reply went upstream before, or the transaction is gone.
    pub fn answer(&mut self, now: Time, id: RelayId, status: u16, bytes: Bytes) -> bool {
        let Some(context) = self.context(id) else { return false };
        if context.phase == Phase::Answered || context.server.is_none() {
            return false;
        }
        self.send_local(now, id, status, bytes);
        if status >= 200 {
            self.cancel_branches(now, id, &Cause::Script(status), None);
        }
        true
    }

    fn send_local(&mut self, now: Time, id: RelayId, status: u16, bytes: Bytes) {
        self.counters.replies_generated += 1;
        if self.tells_own_replies {
            self.events.push_back(Event::OwnReply { bytes: bytes.clone() });
        }
        self.tell_watcher(id, status, None, None);
        let is_own_answer = (200..300).contains(&status)
            && self.context(id).is_some_and(|context| context.method == Method::Invite && !context.is_local);
        if is_own_answer {
            self.expect_ack(id);
        }
        self.send_upstream(now, id, status, bytes);
    }

    fn send_received(&mut self, now: Time, id: RelayId, reply: BranchReply) {
        let BranchReply { branch, status, bytes, source } = reply;
        if self.context(id).is_some_and(|context| context.is_local) {
            if status >= 200 {
                self.tell(id, status, (Some(bytes), source));
            }
        } else if self.asks_about_replies {
            self.note_upstream(id, status);
            self.events.push_back(Event::ReplyLeaves { id, branch, status, bytes });
        } else {
            self.let_reply_leave(now, id, BranchReply { branch, status, bytes, source });
        }
    }

    /// Whether each received reply that would go upstream is asked about with [`Event::ReplyLeaves`].
    pub fn ask_about_replies(&mut self, asks: AskAboutReplies) {
        self.asks_about_replies = asks == AskAboutReplies::Always;
    }

    /// Sends a reply that was asked about.
    pub fn let_reply_leave(&mut self, now: Time, id: RelayId, reply: BranchReply) {
        let BranchReply { branch, status, bytes, .. } = reply;
        self.counters.replies_relayed += 1;
        self.tell_watcher(id, status, Some(branch), Some(&bytes));
        self.send_upstream(now, id, status, bytes);
    }

    /// A reply that was asked about stays here; with a final one the transaction ends without an answer.
    pub fn keep_reply(&mut self, now: Time, id: RelayId, status: u16) {
        if status >= 200 {
            self.release(now, id);
        }
    }

    fn tell_watcher(&mut self, id: RelayId, status: u16, branch: Option<u8>, received: Option<&Bytes>) {
        if self.context(id).is_some_and(|context| context.is_watched) {
            self.events.push_back(Event::Replied { id, status, branch, received: received.cloned() });
        }
    }

    /// Hands a reply to the server transaction.
    fn send_upstream(&mut self, now: Time, id: RelayId, status: u16, bytes: Bytes) {
        let is_first_final = self.context(id).is_some_and(|context| context.phase != Phase::Answered);
        self.note_upstream(id, status);
        let Some(context) = self.context(id) else { return };
        match (context.server, context.own_answer) {
            (Some(txn), Some(_)) if is_first_final => self.drive(now, Input::Accept { txn, bytes }),
            (Some(txn), _) => self.drive(now, Input::Reply { txn, status, bytes }),
            (None, _) => {}
        }
    }

    /// Notes what goes upstream; twice does no harm.
    fn note_upstream(&mut self, id: RelayId, status: u16) {
        let Some(context) = self.context_mut(id) else { return };
        let is_news = context.sent_status != status;
        context.sent_status = status;
        if status >= 200 {
            context.phase = Phase::Answered;
            context.legs.set_answered(status);
            // A 2xx to INVITE may be followed by others; nothing else of a branch's reply is needed any more.
            context.branches.iter_mut().for_each(|branch| branch.reply = None);
            let class = usize::from(status / 100).wrapping_sub(2);
            if let Some(count) = self.counters.finals.get_mut(class).filter(|_| is_news) {
                *count += 1;
            }
        }
    }

    /// Tells the outcome of a request made here.
    fn tell(&mut self, id: RelayId, status: u16, (reply, source): (Option<Bytes>, Option<Peer>)) {
        if let Some(context) = self.context_mut(id) {
            if context.server.is_none() {
                context.phase = Phase::Answered;
                context.legs.set_answered(status);
            }
            self.events.push_back(Event::Answered { id, status, reply, source });
        }
    }

    fn store(&mut self, id: RelayId, branch: u8, bytes: Option<Bytes>) {
        let stored = self.context_mut(id).and_then(|context| context.branches.get_mut(usize::from(branch)));
        if let Some(stored) = stored {
            stored.reply = bytes;
        }
    }

    /// Sends the automatic 100 to an INVITE that has had no reply yet (16.2).
    pub fn send_100(&mut self, now: Time, id: RelayId) {
        let settings = self.settings.clone();
        let Some(context) = self.context(id) else { return };
        if context.method != Method::Invite || context.sent_status != 0 || !settings.auto_100 {
            return;
        }
        self.answer_with(now, id, &local(100, &settings.reason_100));
    }

    /// Forgets a context without a reply.
    pub fn release(&mut self, now: Time, id: RelayId) {
        let Some(context) = self.context(id) else { return };
        let clients = context.branches.iter().filter_map(|branch| branch.client);
        let all: Vec<_> = clients.chain(context.server).collect();
        all.into_iter().for_each(|txn| self.drive(now, Input::Release { txn }));
        self.remove_if_over(id);
    }

    /// True when nothing was sent upstream or downstream and nothing will be by itself.
    pub fn is_orphan(&self, id: RelayId) -> bool {
        self.context(id).is_some_and(|context| {
            context.branches.is_empty() && context.sent_status < 200 && context.phase == Phase::Running
        })
    }
}

/// The seconds of a Retry-After (RFC 3261 20.33).
fn retry_after(reply: &[u8]) -> Option<u32> {
    let index = Index::parse(reply).ok()?;
    let value = View { bytes: reply, index: &index }.header_named(b"Retry-After")?;
    let digits = value.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(value.len());
    sip::lex::parse_u32(&value[..digits])
}

/// A reply without further lines and body.
fn local(status: u16, reason: &str) -> LocalReply<'_> {
    LocalReply {
        status,
        reason: reason.as_bytes(),
        lines: b"",
        body: b"",
        tag: TagStyle::Stateful,
        last_lines: b"",
    }
}
