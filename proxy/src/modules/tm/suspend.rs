//! Transactions put aside and reached by name: `t_suspend()`, `t_continue()`, and what acts on the transaction of
//! another call.

use super::transaction::{self, Opened};
use crate::api::{Args, Ctx, Errand, Flow, Kept, Shard};
use crate::relay::RelayId;
use crate::relay::cancel::Cause;
use crate::relay::reply::{LocalReply, TagStyle};

/// `t_suspend()`: the transaction waits for `t_continue()`, at most as long as for a final reply.
pub fn t_suspend(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Opened::Ready(id) = transaction::ensure(ctx) else { return Flow::FALSE };
    ctx.shard.relay.send_100(ctx.shard.now, id);
    if !ctx.shard.relay.suspend(id) {
        return Flow::FALSE;
    }
    let limit = ctx.shard.relay.context(id).map(|context| context.timers().final_response.duration());
    ctx.shard.after(limit.unwrap_or_default(), too_long, Box::new(id));
    Flow::TRUE
}

fn too_long(shard: &mut Shard, kept: Kept) {
    if let Ok(id) = kept.downcast::<RelayId>() {
        shard.relay.suspended_too_long(shard.now, *id);
    }
}

/// `t_continue(index, label, route)`: runs `route[route]` on the suspended request.
///
/// DEVIATES: the route runs when the script at hand has ended, not within it: a run never begins inside another
/// (susp_reply in tm_more.toml answers nothing else for this reason).
pub fn t_continue(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let part = |value: i64| u32::try_from(value).ok();
    let (Some(slot), Some(generation)) = (part(args.int(ctx, 0)), part(args.int(ctx, 1))) else {
        return Flow::FALSE;
    };
    let Some(Some(route)) = args.route(ctx, 2) else { return Flow::FALSE };
    let id = RelayId { slot, generation };
    if !ctx.shard.relay.context(id).is_some_and(|context| context.is_suspended()) {
        return Flow::FALSE;
    }
    ctx.shard.errands.push(Errand::Continue { id, route });
    Flow::TRUE
}

/// `t_cancel_callid(callid, cseq, flag[, code])`: cancels the INVITE of another call and sets a flag on its request.
pub fn t_cancel_callid(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(id) = other(ctx, args) else { return Flow::FALSE };
    let status = u16::try_from(args.int(ctx, 3)).ok().filter(|status| *status != 0);
    let cause = status.map_or(Cause::Timeout, Cause::Script);
    let flag = u32::try_from(args.int(ctx, 2));
    if let (Ok(flag), Some(context)) = (flag, ctx.shard.relay.context_mut(id)) {
        context.flags |= 1u32.checked_shl(flag).unwrap_or(0);
    }
    let now = ctx.shard.now;
    ctx.shard.relay.cancel_branches(now, id, &cause, None);
    Flow::TRUE
}

/// `t_reply_callid(callid, cseq, code, reason)`: replies to the request of another call.
pub fn t_reply_callid(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(id) = other(ctx, args) else { return Flow::FALSE };
    let Ok(status @ 100..=699) = u16::try_from(args.int(ctx, 2)) else { return Flow::FALSE };
    let reason = args.text(ctx, 3);
    let tag = TagStyle::Stateful;
    let wanted = LocalReply { status, reason: &reason, lines: b"", body: b"", tag, last_lines: b"" };
    let Some(bytes) = ctx.shard.relay.write_reply(id, &wanted) else { return Flow::FALSE };
    Flow::from_bool(ctx.shard.relay.answer(ctx.shard.now, id, status, bytes))
}

/// `t_retransmit_reply()`: the last reply once more.
pub(super) fn t_retransmit_reply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(id) = ctx.work.relaying.id else { return Flow::FALSE };
    Flow::from_bool(ctx.shard.relay.retransmit_reply(ctx.shard.now, id))
}

fn other(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Option<RelayId> {
    let (call_id, cseq) = (args.text(ctx, 0), args.text(ctx, 1));
    let cseq = crate::api::parse_int(&cseq).and_then(|number| u32::try_from(number).ok())?;
    ctx.shard.relay.find_call(&call_id, cseq)
}
