//! Variables of scripts: `$var`, `$vn`, `$avp`, and what counts values.

use bytes::Bytes;

use super::NAME;
use crate::api::{At, AvpAliases, AvpName, Ctx, Inner, InnerKind, ModuleDef, PvArg, PvDef, SetError, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    PvDef::new("var", var, "variable of the worker, 0 at first")
        .alias(&["vz"])
        .inner(InnerKind::Slot)
        .writable(set_var),
    PvDef::new("vn", vn, "variable of the worker, null at first").inner(InnerKind::Slot).writable(set_vn),
    PvDef::new("avp", avp, "values of the transaction").inner(InnerKind::Name).indexed().writable(set_avp),
    PvDef::new("cnt", count, "number of values of a variable").inner(InnerKind::Pv),
];

fn var(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    ctx.shard.vars.get(arg.slot())
}

fn set_var(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let value = if value.is_null() { Value::Int(0) } else { owned(value) };
    ctx.shard.vars.set(arg.slot(), value);
    Ok(())
}

/// A value that outlives the message must not keep its buffer alive.
fn owned(value: Value) -> Value {
    match value {
        Value::Str(text) if text.len() < KEEP_LIMIT => Value::Str(Bytes::copy_from_slice(&text)),
        other => other,
    }
}

/// Shorter texts are copied out of their buffer; a longer one is most of it.
const KEEP_LIMIT: usize = 512;

/// `$vn` of one shard; null until set.
#[derive(Debug, Default)]
struct NullVars(Vec<Value>);

fn vn(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    ctx.shard.states.get::<NullVars>().0.get(arg.slot()).cloned().unwrap_or_default()
}

fn set_vn(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let slots = &mut ctx.shard.states.get::<NullVars>().0;
    if slots.len() <= arg.slot() {
        slots.resize(arg.slot() + 1, Value::Null);
    }
    slots[arg.slot()] = owned(value);
    Ok(())
}

pub(super) fn avp_name(ctx: &mut Ctx<'_>, arg: &PvArg) -> AvpName {
    let name = match &arg.inner {
        Inner::Name(name) => name.clone(),
        _ => arg.name(ctx),
    };
    let aliases = ctx.shard.shared.peek::<AvpAliases>();
    aliases.and_then(|aliases| aliases.resolve(&name)).unwrap_or_else(|| AvpName::parse(&name))
}

fn avp(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let name = avp_name(ctx, arg);
    match arg.at(ctx) {
        At::All => {
            let all: Vec<Bytes> = ctx.work.avps.all(&name).map(Value::to_text).collect();
            if all.is_empty() { Value::Null } else { Value::Str(all.join(&b", "[..]).into()) }
        }
        at => ctx.work.avps.get(&name, at).cloned().unwrap_or_default(),
    }
}

/// Assigning pushes; `[*]` replaces all. Null pops; with `[*]` it removes all.
fn set_avp(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let name = avp_name(ctx, arg);
    let is_all = arg.at(ctx) == At::All;
    if is_all {
        ctx.work.avps.remove(&name);
    }
    match value {
        Value::Null if !is_all => {
            ctx.work.avps.pop(&name);
        }
        Value::Null => {}
        value => ctx.work.avps.push(name, value),
    }
    Ok(())
}

fn count(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let Inner::Pv(pv) = &arg.inner else { return Value::Int(0) };
    let many = match pv.def.name {
        "avp" => {
            let name = avp_name(ctx, &pv.arg);
            ctx.work.avps.count(&name)
        }
        "xavp" | "xavi" => super::xavp::count(ctx, &pv.arg),
        _ => usize::from(!pv.get(ctx).is_null()),
    };
    Value::Int(many as i64)
}
