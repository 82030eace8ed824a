//! What one transaction does otherwise than the parameters say: `t_set_disable_6xx()` and its kin.

use crate::api::{Args, Ctx, Flow};
use crate::relay::{OnGlobalFailure, Overrides};

/// `t_set_disable_6xx(0|1)`
pub(super) fn disable_6xx(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let rule = if args.int(ctx, 0) != 0 { OnGlobalFailure::Wait } else { OnGlobalFailure::CancelOthers };
    change(ctx, |overrides| overrides.on_global_failure = Some(rule))
}

/// `t_set_disable_failover(0|1)`
pub(super) fn disable_failover(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let is_off = args.int(ctx, 0) != 0;
    change(ctx, |overrides| overrides.failover = is_off.then_some(false))
}

/// `t_set_disable_internal_reply(0|1)`
pub(super) fn disable_error_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let is_off = args.int(ctx, 0) != 0;
    change(ctx, |overrides| overrides.error_reply = is_off.then_some(false))
}

/// No further addresses for this relay.
pub(super) fn stay(ctx: &mut Ctx<'_>) {
    change(ctx, |overrides| overrides.failover = Some(false));
}

/// `t_set_no_e2e_cancel_reason(0|1)`
pub(super) fn no_cancel_reason(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let is_off = args.int(ctx, 0) != 0;
    change(ctx, |overrides| overrides.caller_cancel_reason = Some(!is_off))
}

/// Changes the rules of the transaction, now or once there is one.
fn change(ctx: &mut Ctx<'_>, change: impl FnOnce(&mut Overrides)) -> Flow {
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context_mut(id));
    change(context.map_or(&mut ctx.work.relaying.overrides, |context| context.overrides_mut()));
    Flow::TRUE
}
