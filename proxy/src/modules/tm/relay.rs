//! `t_relay()` and its kin: from the target set to open branches (RFC 3261 16.6).
//!
//! A [`Job`] holds the targets still to do. It pauses for each branch route and for each name that must be
//! looked up, and goes on where it was; without either it runs through at once.

use sip::locate::Destination;
use sip::msg::{Edits, Method};
use sip::peer::Transport;

use super::transaction::{self, Opened};
use crate::api::{
    Answer, Args, Ctx, EndedBy, Flow, IoAnswer, IoRequest, Nested, Outgoing, Resumed, RouteId, RouteKind,
    Verdict, Wait, Work, Written,
};
use crate::relay::{
    Armed, BranchRefused, NewBranch, NextHop, RelayError, RelayId, RouteSlot, Target, UnmatchedCancel,
};

/// Where a relay goes, when not where the targets say.
#[derive(Clone, Debug, Default)]
pub(super) struct Towards {
    /// The host to send to, instead of the target's.
    pub(super) host: Option<(String, Option<u16>)>,
    /// The transport to use, instead of the target's.
    pub(super) transport: Option<Transport>,
}

/// Relays the request: makes a transaction if there is none, then a branch of each target.
pub(super) fn relay(ctx: &mut Ctx<'_>, towards: Towards) -> Flow {
    match ctx.work.view().method() {
        Some(Method::Ack) => {
            let hooks = ctx.catalog.modules().iter().filter_map(|module| module.hooks.acknowledged);
            hooks.for_each(|acknowledged| acknowledged(ctx));
            return stateless(ctx, &towards);
        }
        Some(Method::Cancel) if ctx.work.relaying.cancels.is_some() => return cancel(ctx),
        Some(Method::Cancel) => match ctx.shard.relay.settings().unmatched_cancel {
            UnmatchedCancel::Relay => {}
            UnmatchedCancel::Forward => return stateless(ctx, &towards),
            UnmatchedCancel::Drop => return Flow::TRUE,
        },
        _ => {}
    }
    let id = match transaction::ensure(ctx) {
        Opened::Ready(id) => id,
        Opened::Retransmission => return Flow::TRUE,
        Opened::Failed(error) => return fail(ctx, error),
    };
    if std::mem::take(&mut ctx.work.relaying.is_replicated) {
        if let Some(context) = ctx.shard.relay.context_mut(id) {
            context.absorb_replies();
        }
    } else if ctx.work.relaying.auto_100 != Some(false) {
        ctx.shard.relay.send_100(ctx.shard.now, id);
    }
    let mut targets: Vec<Target> = ctx.work.targets.take().into_vec();
    if targets.is_empty() {
        return fail(ctx, RelayError::NoBranches);
    }
    targets.reverse();
    let armed = transaction::armed(ctx);
    if ctx.run.kind == RouteKind::Request && armed.runs_later() {
        transaction::store_edits(ctx);
    }
    transaction::armed_mut(ctx).branch = RouteSlot::default();
    ctx.shard.relay.begin_set(id);
    let job = Job { id, targets, armed, towards, opened: 0, error: None, is_dropped: false };
    job.run(ctx)
}

/// Answers a CANCEL whose INVITE is here, and cancels its branches (RFC 3261 16.10).
pub(super) fn cancel(ctx: &mut Ctx<'_>) -> Flow {
    let Some(id) = ctx.work.relaying.cancels else { return Flow::TRUE };
    let view = ctx.work.view();
    let reasons: Vec<u8> = view
        .fields(sip::msg::HeaderName::Reason)
        .flat_map(|field| [field.line.of(view.bytes).trim_ascii_end(), b"\r\n"].concat())
        .collect();
    let outcome = ctx.shard.relay.cancel(ctx.shard.now, id, reasons.into());
    let from = (ctx.work.origin(), ctx.work.reply_hop());
    ctx.shard.relay.answer_cancel(ctx.shard.now, &ctx.work.message, from, outcome);
    Flow::TRUE
}

/// Ends a relay with an error. In a request route the reply follows at the end of the script, unless the
/// script replies; in a failure route the best reply goes upstream and every error is -1.
pub(super) fn fail(ctx: &mut Ctx<'_>, error: RelayError) -> Flow {
    if ctx.run.kind != RouteKind::Request {
        return Flow::FALSE;
    }
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    if context.map_or(ctx.work.relaying.overrides, |it| it.overrides()).error_reply == Some(false) {
        return Flow::Next(NOT_ANSWERED);
    }
    if !matches!(error, RelayError::NoBranches | RelayError::BadRequest) {
        ctx.work.relaying.error = Some(error);
    }
    Flow::Next(i64::from(error.code()))
}

/// What a failed relay returns when it shall not be answered here.
const NOT_ANSWERED: i64 = -4;

/// A relay under way.
#[derive(Debug)]
struct Job {
    id: RelayId,
    /// What is still to do, the next one last.
    targets: Vec<Target>,
    armed: Armed,
    towards: Towards,
    /// Branches opened.
    opened: u32,
    /// What the last branch that was not opened failed with.
    error: Option<RelayError>,
    /// A branch route dropped a branch.
    is_dropped: bool,
}

/// A job that waits for a name, and the branch it is about.
struct Waiting {
    job: Job,
    branch: Prepared,
}

/// A job with a branch that is written and waits for `onsend_route`.
struct Ready {
    job: Job,
    branch: Prepared,
    written: Written,
}

/// A branch as its branch route left it.
struct Prepared {
    target: Target,
    /// The work the branch route ran on; `None` without a branch route.
    work: Option<Box<Work>>,
}

impl Job {
    /// Does targets until one has to wait.
    fn run(mut self, ctx: &mut Ctx<'_>) -> Flow {
        while let Some(target) = self.targets.pop() {
            if let Err(refused) = ctx.shard.relay.check_branch(self.id) {
                self.error = Some(refused_error(refused));
                break;
            }
            if self.armed.branch.is_armed() {
                return self.call_branch_route(ctx, target);
            }
            match self.place(ctx, Prepared { target, work: None }) {
                Ok(job) => self = job,
                Err(flow) => return flow,
            }
        }
        self.finish(ctx)
    }

    /// Runs the branch route on a copy of the request.
    fn call_branch_route(self, ctx: &mut Ctx<'_>, target: Target) -> Flow {
        let route = RouteId(u32::from(self.armed.branch.0) - 1);
        let index = ctx.shard.relay.context(self.id).map_or(0, |context| context.branches().len());
        let mut work = Box::new(ctx.work.clone());
        work.edits = Edits::new();
        work.targets.clear();
        *work.targets.ruri_mut() = target;
        work.relaying.branch = Some(index as u8);
        work.relaying.armed = self.armed;
        Flow::Call(Nested {
            route,
            kind: RouteKind::Branch,
            work: Some(work),
            then: after_branch_route,
            kept: Box::new(self),
        })
    }

    /// Finds the next hop of a branch and opens it; a name has to be located first.
    fn place(mut self, ctx: &mut Ctx<'_>, branch: Prepared) -> Result<Job, Flow> {
        match next_hop(ctx, &self.towards, &branch.target) {
            NextHop::Address(place) => self.prepare(ctx, branch, &[place]),
            NextHop::Name(query) => Err(Flow::Wait(Wait {
                request: IoRequest::Locate(query),
                then: after_lookup,
                kept: Box::new(Waiting { job: self, branch }),
            })),
            NextHop::Nowhere => {
                self.error = Some(RelayError::Unresolvable);
                Ok(self)
            }
        }
    }

    /// Writes the branch's request; it is opened when `onsend_route` lets it pass.
    fn prepare(mut self, ctx: &mut Ctx<'_>, branch: Prepared, places: &[Destination]) -> Result<Job, Flow> {
        let Some(param) = ctx.shard.relay.next_branch_param(self.id) else {
            self.error = Some(RelayError::Internal);
            return Ok(self);
        };
        let copy = Outgoing { target: &branch.target, param, branch: branch.work.as_deref() };
        let written = match ctx.write_copy(&copy, places) {
            Ok(written) => written,
            Err(error) => {
                self.error = Some(error);
                return Ok(self);
            }
        };
        let Some(asking) = ctx.onsend(&written) else {
            self.open(ctx, branch, written);
            return Ok(self);
        };
        Err(asking.call(after_onsend, Box::new(Ready { job: self, branch, written })))
    }

    /// Opens the transaction of a branch.
    fn open(&mut self, ctx: &mut Ctx<'_>, branch: Prepared, written: Written) {
        let Written { hop, bytes, others } = written;
        let armed = branch.work.as_ref().map_or(self.armed, |work| work.relaying.armed);
        let new = NewBranch { request: bytes, hop, target: branch.target, armed, others };
        match ctx.shard.relay.open_branch(ctx.shard.now, self.id, new) {
            Ok(_) => self.opened += 1,
            Err(refused) => self.error = Some(refused_error(refused)),
        }
    }

    fn finish(self, ctx: &mut Ctx<'_>) -> Flow {
        if self.opened > 0 {
            return Flow::TRUE;
        }
        let dropped = self.is_dropped.then_some(RelayError::AllDropped);
        let error = self.error.or(dropped).unwrap_or(RelayError::NoBranches);
        let is_parked = ctx.shard.relay.settings().fails_unsent && self.armed.failure.is_armed();
        if is_parked && ctx.run.kind == RouteKind::Request {
            // DEVIATES: the failure route runs when the script has ended. In Kamailio 5.6.3 it does not run at all,
            // and the caller has no answer (a_relay_that_sends_nothing_may_run_the_failure_route).
            let target = ctx.work.targets.ruri().clone();
            ctx.shard.relay.add_failed_branch(self.id, target, 408);
            ctx.work.relaying.is_parked = true;
            return Flow::Next(i64::from(error.code()));
        }
        fail(ctx, error)
    }
}

/// Continues a job after the branch route of one branch.
fn after_branch_route(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let (Ok(mut job), Answer::Route { end, work: Some(mut work) }) =
        (resumed.kept.downcast::<Job>(), resumed.answer)
    else {
        return Flow::FALSE;
    };
    // The AVPs are the transaction's: what the branch route did to them stays. Edits are the branch's alone.
    ctx.take_lists(&mut work);
    if end.by == EndedBy::Drop {
        job.is_dropped = true;
        return job.run(ctx);
    }
    let target = work.targets.ruri().clone();
    match job.place(ctx, Prepared { target, work: Some(work) }) {
        Ok(job) => job.run(ctx),
        Err(flow) => flow,
    }
}

/// Continues a job after the name of one branch was located.
fn after_lookup(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(waiting) = resumed.kept.downcast::<Waiting>() else { return Flow::FALSE };
    let Waiting { mut job, branch } = *waiting;
    let places = places(resumed.answer);
    if places.is_empty() {
        job.error = Some(RelayError::Unresolvable);
        return job.run(ctx);
    }
    match job.prepare(ctx, branch, &places) {
        Ok(job) => job.run(ctx),
        Err(flow) => flow,
    }
}

/// Continues a job after the `onsend_route` of one branch. A copy that is kept here is as one that could not be
/// sent: the next place is tried, if there is one.
fn after_onsend(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(ready) = resumed.kept.downcast::<Ready>() else { return Flow::FALSE };
    let Ready { mut job, branch, written } = *ready;
    match ctx.onsend_verdict(resumed.answer) {
        Verdict::Send => job.open(ctx, branch, written),
        Verdict::Keep if written.others.is_empty() => job.error = Some(RelayError::Kept),
        Verdict::Keep => {
            return match job.prepare(ctx, branch, &written.others) {
                Ok(job) => job.run(ctx),
                Err(flow) => flow,
            };
        }
    }
    job.run(ctx)
}

/// Sends a request that needs no transaction: the ACK to a 2xx (16.11).
fn stateless(ctx: &mut Ctx<'_>, towards: &Towards) -> Flow {
    let target = ctx.work.targets.ruri().clone();
    match next_hop(ctx, towards, &target) {
        NextHop::Address(place) => ctx.forward_copy(&target, &[place]),
        NextHop::Name(query) => {
            let request = IoRequest::Locate(query);
            Flow::Wait(Wait { request, then: after_stateless_lookup, kept: Box::new(target) })
        }
        NextHop::Nowhere => Flow::FALSE,
    }
}

fn after_stateless_lookup(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(target) = resumed.kept.downcast::<Target>() else { return Flow::FALSE };
    ctx.forward_copy(&target, &places(resumed.answer))
}

/// The places of an answer; none when there is no such host.
fn places(answer: Answer) -> Vec<Destination> {
    match answer {
        Answer::Io(IoAnswer::Located(places)) => places,
        Answer::Io(_) | Answer::Route { .. } => Vec::new(),
    }
}

/// The next hop of a target: the host named, else `$du`, else the request URI.
fn next_hop(ctx: &Ctx<'_>, towards: &Towards, target: &Target) -> NextHop {
    match (&towards.host, &target.dst_uri, &target.uri) {
        (Some((host, port)), _, _) => {
            let transport = towards.transport.unwrap_or(ctx.work.received.peer.transport);
            NextHop::host(host, *port, transport)
        }
        (None, Some(uri), _) | (None, None, Some(uri)) => NextHop::of(uri).over(towards.transport),
        (None, None, None) => {
            NextHop::of(ctx.work.view().request_uri().unwrap_or_default()).over(towards.transport)
        }
    }
}

fn refused_error(refused: BranchRefused) -> RelayError {
    match refused {
        BranchRefused::Gone => RelayError::Internal,
        BranchRefused::Over => RelayError::Canceled,
        BranchRefused::TooMany => RelayError::TooManyBranches,
        BranchRefused::Full => RelayError::Overload,
    }
}
