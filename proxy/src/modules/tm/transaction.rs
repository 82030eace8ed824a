//! The transaction of the message in work: made when a function first needs it.

use crate::api::{Ctx, RouteKind};
use crate::relay::{Armed, NewContext, Refused, RelayError, RelayId};

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
    let new = NewContext {
        request: &ctx.work.message,
        origin: ctx.work.origin(),
        reply_to: ctx.work.reply_hop(),
        armed: ctx.work.relaying.armed,
        flags: ctx.work.flags,
        timers: ctx.work.relaying.timers,
    };
    match ctx.shard.relay.open(ctx.shard.now, new) {
        Ok(id) => {
            ctx.work.relaying.id = Some(id);
            if let Some(context) = ctx.shard.relay.context_mut(id) {
                *context.overrides_mut() = ctx.work.relaying.overrides;
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
