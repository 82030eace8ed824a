//! The variables `$dlg(...)`, `$dlg_ctx(...)`, `$dlg_var(...)` and `$DLG_...`.

use bytes::Bytes;

use super::context;
use super::life;
use super::params::totals;
use super::table::{self, Dialog, Leg, Options};
use crate::api::{Ctx, PvArg, SetError, Shard, Value};

/// What may stand in `$dlg(...)`.
pub(super) const PARTS: &[&str] = &[
    "h_id",
    "h_entry",
    "ref",
    "state",
    "from_uri",
    "to_uri",
    "from_tag",
    "to_tag",
    "from_cseq",
    "to_cseq",
    "from_rs",
    "to_rs",
    "from_contact",
    "to_contact",
    "from_bindaddr",
    "to_bindaddr",
    "callid",
    "lifetime",
    "start_ts",
    "dflags",
    "sflags",
    "toroute",
];

/// What may stand in `$dlg_ctx(...)`.
pub(super) const CONTEXT: &[&str] =
    &["on", "timeout", "timeout_bye", "timeout_route", "timeout_route_id", "set", "dir"];

/// `$dlg(part)`
pub(super) fn dlg(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let shown = context::of(ctx).shown;
    let Some(id) = context::id(ctx) else { return Value::Null };
    let shard = &mut *ctx.shard;
    let sockets = shard.sockets.clone();
    let Some(dialog) = shard.states.get::<table::Dialogs>().get(id) else { return Value::Null };
    let socket = |leg: &Leg| {
        leg.socket.map_or(Value::Null, |id| {
            let socket = sockets.get(id);
            Value::Str(format!("{}:{}", socket.transport.param_name(), socket.addr).into())
        })
    };
    let int = |number: u32| Value::Int(i64::from(number));
    match PARTS.get(arg.slot()).copied().unwrap_or_default() {
        "h_id" => int(dialog.id.serial),
        "h_entry" => int(dialog.entry),
        "ref" => int(1),
        "state" => Value::Int(shown.unwrap_or(dialog.state) as i64),
        "from_uri" => text(&dialog.from_uri),
        "to_uri" => text(&dialog.to_uri),
        "from_tag" => text(&dialog.caller.tag),
        "to_tag" => text(&dialog.callee.tag),
        "from_cseq" => cseq(&dialog.caller),
        "to_cseq" => cseq(&dialog.callee),
        "from_rs" => text(&dialog.caller.routes),
        "to_rs" => text(&dialog.callee.routes),
        "from_contact" => text(&dialog.caller.contact),
        "to_contact" => text(&dialog.callee.contact),
        "from_bindaddr" => socket(&dialog.caller),
        "to_bindaddr" => socket(&dialog.callee),
        "callid" => text(&dialog.call_id),
        "lifetime" => int(dialog.lifetime),
        "start_ts" => int(dialog.started),
        "sflags" => int(dialog.flags),
        _ => int(0),
    }
}

/// Null for an empty text.
fn text(text: &[u8]) -> Value {
    if text.is_empty() { Value::Null } else { Value::copied(text) }
}

/// A text; null before the side is known.
fn cseq(leg: &Leg) -> Value {
    if leg.tag.is_empty() { Value::Null } else { Value::Str(leg.cseq.to_string().into()) }
}

/// `$dlg_ctx(part)`
pub(super) fn dlg_ctx(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let is_set = context::id(ctx).is_some();
    let wishes = &context::of(ctx).wishes;
    match CONTEXT.get(arg.slot()).copied().unwrap_or_default() {
        "timeout" => Value::Int(wishes.timeout),
        "timeout_bye" => Value::Int(wishes.sends_bye),
        "timeout_route" if wishes.timeout_route.is_empty() => Value::Null,
        "timeout_route" => Value::Str(wishes.timeout_route.clone()),
        "timeout_route_id" => {
            let name = String::from_utf8_lossy(&wishes.timeout_route).into_owned();
            let id = ctx.routes.find(crate::api::RouteTable::Request, &name);
            Value::Int(id.map_or(0, |id| i64::from(id.0)))
        }
        "set" => Value::Int(i64::from(is_set)),
        _ => Value::Int(0),
    }
}

/// Sets a part of the context; a dialog that is there takes it at once.
pub(super) fn set_dlg_ctx(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let id = context::id(ctx);
    let wishes = &mut context::of(ctx).wishes;
    match CONTEXT.get(arg.slot()).copied().unwrap_or_default() {
        "timeout" => {
            wishes.timeout = value.to_int();
            if let (Some(id), Ok(seconds @ 1..)) = (id, u32::try_from(value.to_int())) {
                life::set_time(ctx.shard, id, seconds);
            }
        }
        "timeout_bye" => {
            wishes.sends_bye = value.to_int();
            if let Some(dialog) = context::dialog_mut(ctx) {
                match value.to_int() {
                    0 => dialog.options.reset(Options::BYE),
                    _ => dialog.options.set(Options::BYE),
                }
            }
        }
        "timeout_route" => {
            wishes.timeout_route = value.to_text();
            let name: Box<str> = String::from_utf8_lossy(&value.to_text()).into();
            if let Some(dialog) = context::dialog_mut(ctx) {
                dialog.timeout_route = Some(name).filter(|name| !name.is_empty());
            }
        }
        _ => return Err(SetError::ReadOnly),
    }
    Ok(())
}

/// `$dlg_var(name)`
pub(super) fn dlg_var(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let name = arg.name(ctx);
    if let Some(dialog) = context::dialog(ctx) {
        return Value::optional(dialog.var(&name).cloned());
    }
    let vars = &context::of(ctx).wishes.vars;
    Value::optional(vars.iter().find(|(of, _)| *of == name).map(|(_, value)| value.clone()))
}

/// Sets a variable of the dialog, or of the one to come. Errors: `Type` for a number.
pub(super) fn set_dlg_var(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let name = Bytes::copy_from_slice(&arg.name(ctx));
    let value = match value {
        Value::Int(_) => return Err(SetError::Type),
        Value::Null => None,
        // A copy: the message it may be a part of shall not live as long as the dialog.
        other => Some(Bytes::copy_from_slice(&other.to_text())),
    };
    match context::dialog_mut(ctx) {
        Some(dialog) => table::set_var(&mut dialog.vars, name, value),
        None => table::set_var(&mut context::of(ctx).wishes.vars, name, value),
    }
    Ok(())
}

/// `$DLG_count`
pub(super) fn count(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    Value::Int(totals(ctx.shard).active())
}

/// `$DLG_status`: of a request within the dialog, else null.
pub(super) fn status(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    within(ctx, |dialog, _| Value::Int(dialog.state as i64))
}

/// `$DLG_lifetime`: seconds since the answer.
pub(super) fn lifetime(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    within(ctx, |dialog, now| match dialog.started {
        0 => Value::Int(0),
        started => Value::Int(i64::from(now.saturating_sub(started))),
    })
}

fn within(ctx: &mut Ctx<'_>, read: fn(&Dialog, u32) -> Value) -> Value {
    if !context::of(ctx).is_within {
        return Value::Null;
    }
    let now = life::seconds(ctx.shard);
    context::dialog(ctx).map_or(Value::Null, |dialog| read(dialog, now))
}

/// Statistics.
pub(super) fn counts(shard: &mut Shard) -> table::Counts {
    shard.states.get::<table::Dialogs>().counts
}
