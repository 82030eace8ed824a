//! The transaction of the message in work: made when a function first needs it.

use sip::msg::Method;

use super::params::SecondsFrom;
use crate::api::{Ctx, Pv, RouteKind};
use crate::relay::{Armed, Millis, NewContext, Refused, RelayError, RelayId, Stored, Timers};

/// What asking for a transaction gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opened {
    /// It is there.
    Ready(RelayId),
    /// The request came before and that transaction lives.
    Retransmission,
    /// There can be none.
    Failed(RelayError),
}

/// The transaction of the request; made now when there is none.
pub(super) fn ensure(ctx: &mut Ctx<'_>) -> Opened {
    match ctx.work.relaying.id {
        Some(id) => Opened::Ready(id),
        None => create(ctx),
    }
}

/// Makes the transaction of the request.
pub(super) fn create(ctx: &mut Ctx<'_>) -> Opened {
    if ctx.work.view().index.defect.is_some() || ctx.work.view().method().is_none() {
        return Opened::Failed(RelayError::BadRequest);
    }
    let timers = timers(ctx);
    let new = NewContext {
        request: &ctx.work.message,
        origin: ctx.work.origin(),
        reply_to: ctx.work.reply_hop(),
        armed: ctx.work.relaying.armed,
        flags: ctx.work.flags,
        timers,
    };
    match ctx.shard.relay.open(ctx.shard.now, new) {
        Ok(id) => {
            ctx.work.relaying.id = Some(id);
            if let Some(context) = ctx.shard.relay.context_mut(id) {
                *context.overrides_mut() = ctx.work.relaying.overrides;
                if let Some(original) = ctx.work.relaying.original.take() {
                    *context.original_mut() = *original;
                }
            }
            let hooks = ctx.catalog.modules().iter().filter_map(|module| module.hooks.opened);
            hooks.for_each(|opened| opened(ctx, id));
            Opened::Ready(id)
        }
        Err(Refused::Exists(_)) => Opened::Retransmission,
        Err(Refused::Full) => Opened::Failed(RelayError::Overload),
        Err(Refused::Unidentified) => Opened::Failed(RelayError::BadRequest),
    }
}

/// The timers the script wants, from `t_set_fr()` and its kin or from the variables of the parameters.
fn timers(ctx: &mut Ctx<'_>) -> Option<Timers> {
    let seconds =
        ctx.shard.shared.get::<SecondsFrom>().filter(|it| it.answer.is_some() || it.reply.is_some());
    let Some(seconds) = seconds else { return ctx.work.relaying.timers };
    let millis = |ctx: &mut Ctx<'_>, pv: &Option<Pv>| {
        let seconds = u32::try_from(pv.as_ref()?.get(ctx).to_int()).ok().filter(|seconds| *seconds > 0)?;
        Some(Millis(seconds.saturating_mul(1000)))
    };
    let (answer, reply) = (millis(ctx, &seconds.answer), millis(ctx, &seconds.reply));
    if answer.is_none() && reply.is_none() {
        return ctx.work.relaying.timers;
    }
    let settings = ctx.shard.relay.settings();
    let is_invite = ctx.work.view().method() == Some(Method::Invite);
    let base = if is_invite { settings.invite } else { settings.non_invite };
    let base = ctx.work.relaying.timers.unwrap_or(base);
    Some(Timers {
        after_provisional: answer.unwrap_or(base.after_provisional),
        final_response: reply.unwrap_or(base.final_response),
        ..base
    })
}

/// Settles which request URI failure routes will see.
pub(super) fn store_target<'a>(ctx: &'a mut Ctx<'_>) -> &'a mut Stored {
    let relaying = &mut ctx.work.relaying;
    let target = || Box::new(Stored { target: ctx.work.targets.ruri().clone(), edits: None });
    relaying.stored.get_or_insert_with(target)
}

/// Settles which changes of the message failure routes will see, unless that was done before.
pub(super) fn store_edits(ctx: &mut Ctx<'_>) {
    let is_done = ctx.work.relaying.stored.as_ref().is_some_and(|stored| stored.edits.is_some());
    if !is_done {
        let edits = ctx.work.edits.clone();
        store_target(ctx).edits = Some(edits);
    }
}

/// The routes armed for branches to come.
pub(super) fn armed(ctx: &mut Ctx<'_>) -> Armed {
    *armed_mut(ctx)
}

/// The routes armed for branches to come; in a branch route those of that branch.
pub(super) fn armed_mut<'a>(ctx: &'a mut Ctx<'_>) -> &'a mut Armed {
    let is_own = ctx.run.kind == RouteKind::Branch;
    let context = ctx.work.relaying.id.filter(|_| !is_own).and_then(|id| ctx.shard.relay.context_mut(id));
    match context {
        Some(context) => context.armed_mut(),
        None => &mut ctx.work.relaying.armed,
    }
}
