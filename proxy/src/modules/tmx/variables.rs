//! The variables of tmx: parts of the transaction and its branches, and other variables seen on its messages.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::Message;

use crate::api::{Ctx, Inner, PvArg, RouteKind, Value, Work};
use crate::relay::{Branch, Context, Leg};

/// What may stand in `$T(...)`.
pub(super) const PARTS: &[&str] = &["id_index", "id_label", "reply_code", "branch_index", "reply_type"];

/// What may stand in `$T_branch(...)`.
pub(super) const BRANCH_PARTS: &[&str] = &["flags", "uri", "ruid"];

/// `$T(part)`
pub(super) fn part(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let id = ctx.work.relaying.id;
    match PARTS.get(arg.slot()).copied().unwrap_or_default() {
        "id_index" => id.map_or(Value::Null, |id| Value::Int(i64::from(id.slot))),
        "id_label" => id.map_or(Value::Null, |id| Value::Int(i64::from(id.generation))),
        "reply_code" => reply_code(ctx, arg),
        "branch_index" => branch_idx(ctx, arg),
        _ => {
            let is_faked = leg(ctx).is_some_and(|leg| leg.is_faked);
            Value::Int(i64::from(is_faked && !is_reply_route(ctx)))
        }
    }
}

/// `$T_branch_idx`: in a failure route the number of branches, 0 before there is any.
pub(super) fn branch_idx(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let none = if ctx.run.kind == RouteKind::CoreReply { -1 } else { 0 };
    Value::Int(ctx.work.relaying.branch.map_or(none, i64::from))
}

/// `$T_reply_code`: of the reply at hand, in a failure route of the best one, else the last one sent upstream.
pub(super) fn reply_code(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let code = match ctx.run.kind {
        RouteKind::CoreReply | RouteKind::TmReply => ctx.work.view().status().unwrap_or(0),
        RouteKind::Failure | RouteKind::BranchFailure => ctx.work.relaying.picked_status,
        _ => context(ctx).map_or(0, Context::sent_status),
    };
    Value::Int(i64::from(code))
}

/// `$T_reply_reason`
pub(super) fn reply_reason(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    if let sip::msg::StartLine::Response { reason, .. } = ctx.work.view().index.start {
        return Value::Str(ctx.work.slice(reason.of(ctx.work.view().bytes)));
    }
    let Some(picked) = branch(ctx) else { return Value::Null };
    match picked.reply() {
        Some(reply) => {
            let line = memchr::memchr(b'\r', reply).unwrap_or(reply.len());
            Value::Str(reply.slice(REASON.min(line)..line))
        }
        None => Value::literal(sip::msg::reason_phrase(ctx.work.relaying.picked_status)),
    }
}

/// `$T_reply_last`: the last status of the branch that replies; an empty text elsewhere.
pub(super) fn reply_last(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    match ctx.run.kind {
        RouteKind::TmReply => ctx.work.view().status().map_or(Value::Null, |it| Value::Int(i64::from(it))),
        _ => Value::literal(""),
    }
}

/// `$T_reply_ruid`: the registration record that the branch came from; an empty text without one.
pub(super) fn reply_ruid(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let ruid = branch(ctx).and_then(|branch| branch.target().ruid.as_deref());
    ruid.map_or(Value::literal(""), Value::copied)
}

/// `$T_branch(part)`: of the branch that replies.
pub(super) fn branch_part(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let Some(branch) = branch(ctx).filter(|_| ctx.run.kind == RouteKind::TmReply) else { return Value::Null };
    let target = branch.target();
    let text = |text: Option<&[u8]>| text.map_or(Value::Null, Value::copied);
    match BRANCH_PARTS.get(arg.slot()).copied().unwrap_or_default() {
        "flags" => Value::Int(i64::from(target.flags)),
        "uri" => text(target.uri.as_deref()),
        _ => text(target.ruid.as_deref()),
    }
}

/// `$T_req(variable)`: of the request, in reply routes; null elsewhere, as in Kamailio 5.6.3.
pub(super) fn of_request(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let request = if is_reply_route(ctx) { context(ctx).map(|it| it.request().clone()) } else { None };
    of_message(ctx, arg, request)
}

/// `$T_rpl(variable)`: of the best reply in a failure route, of the branch's in a branch failure route.
pub(super) fn of_reply(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let is_failure = matches!(ctx.run.kind, RouteKind::Failure | RouteKind::BranchFailure);
    let reply = if is_failure { branch(ctx).and_then(|branch| branch.reply().cloned()) } else { None };
    of_message(ctx, arg, reply)
}

/// `$T_inv(variable)`: of the INVITE that the CANCEL at hand means.
pub(super) fn of_invite(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let invite = ctx.work.relaying.cancels.and_then(|id| ctx.shard.relay.context(id));
    let invite = invite.map(|context| context.request().clone());
    of_message(ctx, arg, invite)
}

/// A variable as seen on another message.
fn of_message(ctx: &mut Ctx<'_>, arg: &PvArg, bytes: Option<Bytes>) -> Value {
    let (Some(bytes), Inner::Pv(pv)) = (bytes, &arg.inner) else { return Value::Null };
    let Ok(message) = Message::parse_lenient(bytes) else { return Value::Null };
    let mut other = Work::new(Arc::new(message), ctx.work.received);
    std::mem::swap(ctx.work, &mut other);
    let value = pv.get(ctx);
    std::mem::swap(ctx.work, &mut other);
    value
}

/// Where the reason phrase begins: behind `SIP/2.0 486 `.
const REASON: usize = 12;

fn is_reply_route(ctx: &Ctx<'_>) -> bool {
    matches!(ctx.run.kind, RouteKind::CoreReply | RouteKind::TmReply)
}

/// The transaction of the message; of a reply before tm's part of it is known by its Via.
fn context<'a>(ctx: &'a Ctx<'_>) -> Option<&'a Context> {
    let id = ctx.work.relaying.id.or_else(|| match ctx.run.kind {
        RouteKind::CoreReply => ctx.shard.relay.find_branch(ctx.work.view()).map(|(id, _)| id),
        _ => None,
    });
    ctx.shard.relay.context(id?)
}

/// The branch the route is about.
fn place(ctx: &Ctx<'_>) -> Option<usize> {
    let picked = context(ctx)?.picked().filter(|_| ctx.run.kind == RouteKind::Failure);
    picked.or(ctx.work.relaying.branch.map(usize::from))
}

fn branch<'a>(ctx: &'a Ctx<'_>) -> Option<&'a Branch> {
    context(ctx)?.branches().get(place(ctx)?)
}

fn leg<'a>(ctx: &'a Ctx<'_>) -> Option<&'a Leg> {
    context(ctx)?.legs().as_slice().get(place(ctx)?)
}
