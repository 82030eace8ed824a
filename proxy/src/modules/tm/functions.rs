//! The script functions of tm besides relaying and arming: transactions, replies, questions, timers.

use sip::msg::Method;

use super::params::DefaultReply;
use super::relay::{self, Towards};
use super::transaction::{self, Opened};
use crate::api::{Args, Ctx, Flow, Level, RouteKind, Value};
use crate::relay::cancel::Cause;
use crate::relay::{FailureReplies, Millis, Target, Timers};

/// `t_relay([host, port])`
pub(super) fn t_relay(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let towards = Towards { host: host_argument(ctx, args), transport: None };
    relay::relay(ctx, towards)
}

/// `t_replicate([host, port])`: a copy whose replies end here.
pub(super) fn t_replicate(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.relaying.is_replicated = true;
    t_relay(ctx, args)
}

/// `t_newtran()`: 1 when made, 0 (the script ends) for a retransmission, -10 when there is one already.
pub(super) fn t_newtran(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    if ctx.work.relaying.id.is_some() {
        return Flow::Next(-10);
    }
    if ctx.work.view().method() == Some(Method::Ack) {
        return Flow::FALSE;
    }
    match transaction::create(ctx) {
        Opened::Ready(_) => {
            transaction::store_target(ctx);
            Flow::TRUE
        }
        Opened::Retransmission => Flow::STOP,
        Opened::Failed(_) => Flow::FALSE,
    }
}

/// `t_check_trans()`: retransmissions and hop ACKs have ended before the script runs, so what is left is
/// whether a CANCEL has its INVITE, or a reply its branch.
pub(super) fn t_check_trans(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let is_known = match ctx.run.kind {
        RouteKind::Request => ctx.work.relaying.cancels.is_some(),
        RouteKind::CoreReply => ctx.shard.relay.find_branch(ctx.work.view()).is_some(),
        _ => ctx.work.relaying.id.is_some(),
    };
    Flow::from_bool(is_known)
}

/// `t_precheck_trans()`: requests of one call are run one after the other, so none is ever "in processing".
pub fn t_precheck_trans(_: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::FALSE
}

/// `t_lookup_request()`
pub(super) fn t_lookup_request(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.relaying.id.is_some())
}

/// `t_lookup_cancel([1])`: with an argument the message flags of the INVITE are copied to the CANCEL.
pub(super) fn t_lookup_cancel(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(id) = ctx.work.relaying.cancels else { return Flow::FALSE };
    if args.int(ctx, 0) != 0
        && let Some(context) = ctx.shard.relay.context(id)
    {
        ctx.work.flags = context.flags;
    }
    Flow::TRUE
}

/// `t_relay_cancel()`: 0 (the script ends) when the INVITE was found, else 1.
pub(super) fn t_relay_cancel(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    if ctx.work.view().method() != Some(Method::Cancel) {
        return Flow::FALSE;
    }
    if ctx.work.relaying.cancels.is_none() {
        return Flow::TRUE;
    }
    relay::cancel(ctx);
    Flow::STOP
}

/// `t_reply(code, reason)`: null arguments are those of the parameters.
pub(super) fn t_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (status, reason) = (args.value(ctx, 0), args.value(ctx, 1));
    let defaults = ctx.shard.shared.get::<DefaultReply>();
    let status = match (status, &defaults) {
        (Value::Null, Some(defaults)) => defaults.status,
        (status, _) => status.to_int().clamp(0, 999) as u16,
    };
    let reason = match (reason, &defaults) {
        (Value::Null, Some(defaults)) => defaults.reason.clone(),
        (_, _) => args.text(ctx, 1),
    };
    Flow::from_bool(ctx.reply_stateful(status, &reason))
}

/// `t_send_reply(code, reason)`: makes the transaction when there is none.
pub(super) fn t_send_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match transaction::ensure(ctx) {
        Opened::Ready(_) => t_reply(ctx, args),
        Opened::Retransmission => Flow::STOP,
        Opened::Failed(_) => Flow::FALSE,
    }
}

/// `t_save_lumps()`: failure routes see the message as it is changed so far.
pub(super) fn t_save_lumps(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    if ctx.work.relaying.id.is_none() {
        ctx.log(Level::ERR, "t_save_lumps: there is no transaction yet");
        return Flow::FALSE;
    }
    transaction::store_edits(ctx);
    Flow::TRUE
}

/// `t_drop([code])`: the transaction ends without a reply, and so does the script.
pub fn t_drop(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(id) = ctx.work.relaying.id else { return Flow::FALSE };
    ctx.shard.relay.release(ctx.shard.now, id);
    Flow::STOP
}

/// `t_flush_flags()`, `t_flush_xflags()`: later routes see the flags as they are.
pub fn t_flush_flags(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let flags = ctx.work.flags;
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context_mut(id));
    match context {
        Some(context) => {
            context.flags = flags;
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

/// `t_reuse_branch()`: the target of the failed branch becomes one again.
pub fn t_reuse_branch(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(target) = failed_target(ctx) else { return Flow::FALSE };
    *ctx.work.targets.ruri_mut() = target;
    ctx.work.targets.mark_ruri_new();
    Flow::TRUE
}

/// What the branch of a branch failure route was made of.
pub(super) fn failed_target(ctx: &Ctx<'_>) -> Option<Target> {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id))?;
    let branch = context.branches().get(usize::from(ctx.work.relaying.branch?))?;
    Some(branch.target().clone())
}

/// `t_release()`: the transaction ends without a reply.
pub(super) fn t_release(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(id) = ctx.work.relaying.id else { return Flow::FALSE };
    ctx.shard.relay.release(ctx.shard.now, id);
    Flow::TRUE
}

/// `t_is_canceled()`
pub(super) fn t_is_canceled(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    Flow::from_bool(context.is_some_and(|context| context.is_canceled()))
}

/// `t_is_expired()`: the transaction has reached the longest life it may have.
pub(super) fn t_is_expired(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    Flow::from_bool(context.is_some_and(|context| context.is_expired(ctx.shard.now)))
}

/// `t_check_status(re)`: the reply's status, in a failure route the best one, in a request route the last
/// one sent upstream.
pub(super) fn t_check_status(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(status) = current_status(ctx) else { return Flow::FALSE };
    match args.regex(ctx, 0) {
        Ok(pattern) => Flow::from_bool(pattern.is_match(status.to_string().as_bytes())),
        Err(_) => Flow::FALSE,
    }
}

/// `t_grep_status(code)`: whether some branch's last status is this one.
pub(super) fn t_grep_status(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.int(ctx, 0);
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    // The reply at hand is not one of those yet.
    Flow::from_bool(context.is_some_and(|context| {
        let legs = context.legs().as_slice().iter().enumerate();
        legs.filter(|(at, _)| Some(*at) != context.picked()).any(|(_, leg)| i64::from(leg.status) == wanted)
    }))
}

/// `t_get_status_code()`: the last status sent upstream, in a failure route the best one, -1 before the first.
pub(super) fn t_get_status_code(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    if matches!(ctx.run.kind, RouteKind::Failure | RouteKind::BranchFailure) {
        return Flow::Next(i64::from(ctx.work.relaying.picked_status));
    }
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    match context.map_or(0, |context| context.sent_status()) {
        0 => Flow::FALSE,
        status => Flow::Next(i64::from(status)),
    }
}

/// `t_any_timeout()`: whether some branch got no reply in time.
pub(super) fn t_any_timeout(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    any_leg(ctx, |leg| leg.is_faked && leg.status == 408)
}

/// `t_any_replied()`: whether some branch had a reply before the one being processed.
pub(super) fn t_any_replied(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    Flow::from_bool(context.is_some_and(|context| {
        let is_current = |at: usize| Some(at) == context.picked();
        let mut legs = context.legs().as_slice().iter().enumerate();
        legs.any(|(at, leg)| leg.had_reply || (leg.is_final() && !leg.is_faked && !is_current(at)))
    }))
}

/// `t_branch_timeout()`: the picked branch got no reply in time.
pub(super) fn t_branch_timeout(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    picked_leg(ctx, |leg| leg.is_faked && leg.status == 408)
}

/// `t_branch_replied()`: the picked branch had a reply before the one that ended it.
pub(super) fn t_branch_replied(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    picked_leg(ctx, |leg| leg.had_reply)
}

/// `t_set_fr(after_provisional, final)`: milliseconds, 0 leaves a timer as it is.
pub(super) fn t_set_fr(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (after_provisional, last) = (millis(ctx, args, 0), millis(ctx, args, 1));
    retime(ctx, |timers| {
        timers.after_provisional = after_provisional.unwrap_or(timers.after_provisional);
        timers.final_response = last.unwrap_or(timers.final_response);
    })
}

/// `t_reset_fr()`
pub(super) fn t_reset_fr(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let base = base_timers(ctx);
    retime(ctx, |timers| {
        timers.after_provisional = base.after_provisional;
        timers.final_response = base.final_response;
    })
}

/// `t_set_retr(t1, t2)`: milliseconds, 0 leaves a timer as it is.
pub(super) fn t_set_retr(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (t1, t2) = (millis(ctx, args, 0), millis(ctx, args, 1));
    retime(ctx, |timers| {
        timers.t1 = t1.unwrap_or(timers.t1);
        timers.t2 = t2.unwrap_or(timers.t2);
    })
}

/// `t_reset_retr()`
pub(super) fn t_reset_retr(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let base = base_timers(ctx);
    retime(ctx, |timers| {
        timers.t1 = base.t1;
        timers.t2 = base.t2;
    })
}

/// `t_set_max_lifetime(invite, other)`: milliseconds, 0 leaves the limit as it is.
pub(super) fn t_set_max_lifetime(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let at = if ctx.work.view().method() == Some(Method::Invite) { 0 } else { 1 };
    let lifetime = millis(ctx, args, at);
    retime(ctx, |timers| timers.lifetime = lifetime.unwrap_or(timers.lifetime))
}

/// `t_reset_max_lifetime()`
pub(super) fn t_reset_max_lifetime(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let base = base_timers(ctx);
    retime(ctx, |timers| timers.lifetime = base.lifetime)
}

/// `t_drop_replies([mode])`: what of the replies from before this route may still win, in place of
/// `failure_reply_mode`.
pub(super) fn t_drop_replies(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    // DEVIATES: when a kept reply wins after new branches have failed, its failure route is not run again;
    // Kamailio runs it until there may be no more branches (a_failure_route_may_keep_the_first_reply_in_the_race).
    let rule = match args.text(ctx, 0).first() {
        None | Some(b'a') => FailureReplies::Drop,
        Some(b'l') => FailureReplies::DropLast,
        Some(b'n') => FailureReplies::Keep,
        Some(_) => return Flow::FALSE,
    };
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context_mut(id));
    match context {
        Some(context) => {
            context.set_failure_replies(rule);
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

/// `t_set_auto_inv_100(0|1)`
pub(super) fn t_set_auto_inv_100(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.relaying.auto_100 = Some(args.int(ctx, 0) != 0);
    Flow::TRUE
}

/// `t_cancel_branches(which)`: `all`, `others` (not this reply's branch) or `this`.
pub fn t_cancel_branches(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(id) = ctx.work.relaying.id else { return Flow::FALSE };
    let which = args.text(ctx, 0);
    let (now, this) = (ctx.shard.now, ctx.work.relaying.branch);
    match (&which[..], this) {
        (b"all", _) => ctx.shard.relay.cancel_branches(now, id, &Cause::Timeout, None),
        (b"others", _) => ctx.shard.relay.cancel_branches(now, id, &Cause::Timeout, this),
        (b"this", Some(branch)) => ctx.shard.relay.cancel_branch(now, id, branch),
        _ => return Flow::FALSE,
    }
    Flow::TRUE
}

/// `host, port` as arguments; none without arguments.
fn host_argument(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Option<(String, Option<u16>)> {
    if args.is_empty() {
        return None;
    }
    let host = String::from_utf8_lossy(&args.text(ctx, 0)).into_owned();
    let port = u16::try_from(args.int(ctx, 1)).ok().filter(|port| *port != 0);
    (!host.is_empty()).then_some((host, port))
}

fn current_status(ctx: &Ctx<'_>) -> Option<u16> {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    match ctx.run.kind {
        RouteKind::CoreReply | RouteKind::TmReply => ctx.work.view().status(),
        RouteKind::Failure | RouteKind::BranchFailure => Some(ctx.work.relaying.picked_status),
        _ => context.map(|context| context.sent_status()),
    }
}

fn any_leg(ctx: &Ctx<'_>, holds: fn(crate::relay::Leg) -> bool) -> Flow {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    Flow::from_bool(context.is_some_and(|context| context.legs().as_slice().iter().any(|leg| holds(*leg))))
}

fn picked_leg(ctx: &Ctx<'_>, holds: fn(crate::relay::Leg) -> bool) -> Flow {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    let leg = context.and_then(|context| {
        let picked = context.picked().or(ctx.work.relaying.branch.map(usize::from))?;
        context.legs().as_slice().get(picked)
    });
    Flow::from_bool(leg.is_some_and(|leg| holds(*leg)))
}

/// Argument `at` in milliseconds; `None` for 0 and what is no number.
fn millis(ctx: &mut Ctx<'_>, args: &Args<'_>, at: usize) -> Option<Millis> {
    u32::try_from(args.int(ctx, at)).ok().filter(|millis| *millis != 0).map(Millis)
}

/// The timers of the settings for this request.
fn base_timers(ctx: &Ctx<'_>) -> Timers {
    let settings = ctx.shard.relay.settings();
    let method = match ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id)) {
        Some(context) => context.method(),
        None => ctx.work.view().method().unwrap_or(Method::Other),
    };
    if method == Method::Invite { settings.invite } else { settings.non_invite }
}

/// Changes the timers of the transaction, or notes them for the one to come.
fn retime(ctx: &mut Ctx<'_>, change: impl FnOnce(&mut Timers)) -> Flow {
    let context = ctx.work.relaying.id.and_then(|id| Some((id, ctx.shard.relay.context(id)?.timers())));
    let mut timers = match context {
        Some((_, timers)) => timers,
        None => ctx.work.relaying.timers.unwrap_or_else(|| base_timers(ctx)),
    };
    change(&mut timers);
    match context {
        Some((id, _)) => ctx.shard.relay.retime(ctx.shard.now, id, timers),
        None => ctx.work.relaying.timers = Some(timers),
    }
    Flow::TRUE
}
