//! The script functions about the dialog of a message.

use bytes::Bytes;

use super::bridge::Bridge;
use super::context::{self, Direction};
use super::life::{self, Managed};
use super::requests;
use super::table::{DialogId, Dialogs, Options};
use crate::api::{Args, Ctx, Flow, Level, Nested, RouteKind, RouteTable};

/// `dlg_manage()`
pub(super) fn dlg_manage(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let event = match life::manage(ctx) {
        Managed::Yes(event) => event,
        Managed::No => return Flow::FALSE,
    };
    match event.and_then(|name| ctx.routes.find(RouteTable::Event, name)) {
        None => Flow::TRUE,
        Some(route) => Flow::Call(Nested {
            route,
            kind: RouteKind::Event,
            work: None,
            then: |_, _, _| Flow::TRUE,
            kept: Box::new(()),
        }),
    }
}

/// `is_known_dlg()`: by Call-ID and tags, whatever was consumed.
pub(super) fn is_known_dlg(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let is_noted = context::id(ctx).is_some();
    let is_found = context::find(ctx.shard.states.get::<Dialogs>(), ctx.work.view()).is_some();
    Flow::from_bool(is_noted || is_found)
}

/// `dlg_get(callid, ftag, ttag)`: makes it the dialog of the message.
pub(super) fn dlg_get(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let [call_id, from, to] = [0, 1, 2].map(|at| args.text(ctx, at));
    let found = context::find_by_tags(ctx.shard.states.get::<Dialogs>(), &call_id, (&from, &to));
    let Some((id, direction)) = found else { return Flow::FALSE };
    let current = context::of(ctx);
    current.dialog = Some(id);
    current.direction = Some(direction);
    Flow::TRUE
}

/// `dlg_bye(side)`
pub(super) fn dlg_bye(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let side = args.text(ctx, 0);
    let (Some(sides), Some(id)) = (sides(&side), context::id(ctx)) else { return Flow::FALSE };
    Flow::from_bool(life::hang_up(ctx.shard, id, sides))
}

/// `dlg_bridge(from, to, next hop)`
pub(super) fn dlg_bridge(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let [from, to, next_hop] = [0, 1, 2].map(|at| args.text(ctx, at));
    if sip::msg::Uri::parse(&from).is_err() || to.is_empty() {
        return Flow::FALSE;
    }
    super::bridge::begin(ctx.shard, Bridge { from, to, next_hop, offer: Bytes::new() });
    Flow::TRUE
}

/// `dlg_refer(side, address)`
pub(super) fn dlg_refer(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (side, address) = (args.text(ctx, 0), args.text(ctx, 1));
    match (sides(&side), context::id(ctx)) {
        (Some([towards]), Some(id)) => Flow::from_bool(requests::refer(ctx.shard, id, (*towards, &address))),
        _ => Flow::FALSE,
    }
}

/// Who is meant by a side; requests to the caller go first.
fn sides(word: &[u8]) -> Option<&'static [Direction]> {
    match word.to_ascii_lowercase().as_slice() {
        b"caller" => Some(&[Direction::Upstream]),
        b"callee" => Some(&[Direction::Downstream]),
        b"all" | b"both" => Some(&[Direction::Upstream, Direction::Downstream]),
        _ => None,
    }
}

/// `dlg_set_timeout(seconds[, h_entry, h_id])`
pub(super) fn dlg_set_timeout(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(seconds) = positive(args.int(ctx, 0)) else { return Flow::FALSE };
    let id = if args.len() > 2 {
        let (entry, serial) = (args.int(ctx, 1), args.int(ctx, 2));
        ctx.shard.states.get::<Dialogs>().numbered(entry, serial)
    } else {
        context::id(ctx)
    };
    let Some(id) = id else { return Flow::FALSE };
    life::set_time(ctx.shard, id, seconds);
    Flow::TRUE
}

/// `dlg_set_timeout_by_profile(profile[, value], seconds)`: for the dialogs of this shard.
pub(super) fn dlg_set_timeout_by_profile(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let last = args.len() - 1;
    let Some(seconds) = positive(args.int(ctx, last)) else { return Flow::FALSE };
    let name = args.text(ctx, 0);
    let Some(profile) = super::profiles::number(ctx.shard, &name) else { return Flow::FALSE };
    let value = if last > 1 { args.text(ctx, 1) } else { Bytes::new() };
    let is_meant = |of: &(u16, Bytes)| of.0 == profile && (value.is_empty() || of.1 == value);
    let dialogs = ctx.shard.states.get::<Dialogs>();
    let meant: Vec<DialogId> =
        dialogs.iter().filter(|it| it.profiles.iter().any(is_meant)).map(|it| it.id).collect();
    meant.into_iter().for_each(|id| life::set_time(ctx.shard, id, seconds));
    Flow::TRUE
}

fn positive(seconds: i64) -> Option<u32> {
    u32::try_from(seconds).ok().filter(|seconds| *seconds > 0)
}

/// `dlg_set_property(word)`
pub(super) fn dlg_set_property(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    change_property(ctx, args, Options::set)
}

/// `dlg_reset_property(word)`
pub(super) fn dlg_reset_property(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    change_property(ctx, args, Options::reset)
}

fn change_property(ctx: &mut Ctx<'_>, args: &Args<'_>, change: fn(&mut Options, Options)) -> Flow {
    let word = args.text(ctx, 0);
    let option = match word.to_ascii_lowercase().as_slice() {
        b"ka-src" => Options::KEEP_CALLER,
        b"ka-dst" => Options::KEEP_CALLEE,
        b"timeout-noreset" => Options::NO_RESET,
        _ => {
            ctx.log(Level::ERR, "dialog: properties are ka-src, ka-dst and timeout-noreset");
            return Flow::FALSE;
        }
    };
    match context::dialog_mut(ctx) {
        Some(dialog) => {
            change(&mut dialog.options, option);
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

/// `dlg_set_ruri()`: the Contact of the side the request goes to.
pub(super) fn dlg_set_ruri(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let direction = context::of(ctx).direction;
    let Some(dialog) = context::dialog(ctx) else { return Flow::FALSE };
    let contact = match direction {
        Some(Direction::Upstream) => dialog.caller.contact.clone(),
        Some(Direction::Downstream) | None => dialog.callee.contact.clone(),
    };
    if contact.is_empty() {
        return Flow::FALSE;
    }
    ctx.work.targets.set_uri(contact);
    Flow::TRUE
}

/// `dlg_setflag(n)`
pub(super) fn dlg_setflag(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    change_flags(ctx, args, |flags, bit| *flags |= bit)
}

/// `dlg_resetflag(n)`
pub(super) fn dlg_resetflag(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    change_flags(ctx, args, |flags, bit| *flags &= !bit)
}

/// `dlg_isflagset(n)`
pub(super) fn dlg_isflagset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(flag) = args.flag(ctx, 0) else { return Flow::FALSE };
    let flags = match context::dialog(ctx) {
        Some(dialog) => dialog.flags,
        None => context::of(ctx).wishes.flags,
    };
    Flow::from_bool(flags & 1 << flag != 0)
}

fn change_flags(ctx: &mut Ctx<'_>, args: &Args<'_>, change: fn(&mut u32, u32)) -> Flow {
    let Some(flag) = args.flag(ctx, 0) else { return Flow::FALSE };
    if let Some(dialog) = context::dialog_mut(ctx) {
        change(&mut dialog.flags, 1 << flag);
    } else {
        change(&mut context::of(ctx).wishes.flags, 1 << flag);
    }
    Flow::TRUE
}
