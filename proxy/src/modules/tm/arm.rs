//! Routes armed for what happens later: `t_on_branch`, `t_on_reply`, `t_on_failure`, `t_on_branch_failure`.

use super::transaction;
use crate::api::{Args, Ctx, Flow, RouteTable};
use crate::relay::{Armed, RouteSlot};

/// `t_on_branch(name)`: for the branches of the next relay.
pub(super) fn on_branch(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    arm(ctx, args, |armed| &mut armed.branch)
}

/// `t_on_reply(name)`: for replies of branches made from now on.
pub(super) fn on_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    arm(ctx, args, |armed| &mut armed.reply)
}

/// `t_on_failure(name)`: for when all branches have failed.
pub(super) fn on_failure(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    arm(ctx, args, |armed| &mut armed.failure)
}

/// `t_on_branch_failure(name)`: stands for `event_route[tm:branch-failure:name]`.
pub(super) fn on_branch_failure(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let mut slot = RouteSlot::default();
    if !name.is_empty() && name != "0" {
        let event = format!("tm:branch-failure:{}", String::from_utf8_lossy(&name));
        let Some(route) = ctx.routes.find(RouteTable::Event, &event) else { return Flow::FALSE };
        slot = RouteSlot(route.0 as u16 + 1);
    }
    transaction::armed_mut(ctx).branch_failure = slot;
    Flow::TRUE
}

/// `t_is_set(what)`: whether such a route is armed.
pub(super) fn is_set(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let what = args.text(ctx, 0);
    let armed = transaction::armed(ctx);
    let slot = match &what[..] {
        b"branch_route" => armed.branch,
        b"failure_route" => armed.failure,
        b"onreply_route" => armed.reply,
        b"branch_failure_route" => armed.branch_failure,
        _ => return Flow::FALSE,
    };
    Flow::from_bool(slot.is_armed())
}

fn arm(ctx: &mut Ctx<'_>, args: &Args<'_>, slot: fn(&mut Armed) -> &mut RouteSlot) -> Flow {
    let Some(route) = args.route(ctx, 0) else { return Flow::FALSE };
    *slot(transaction::armed_mut(ctx)) =
        route.map_or(RouteSlot::default(), |route| RouteSlot(route.0 as u16 + 1));
    Flow::TRUE
}
