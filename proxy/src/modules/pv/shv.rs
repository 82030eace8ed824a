//! `$shv`: one value per name for all shards, and first values of `$shv` and `$var`.

use std::sync::{Arc, PoisonError, RwLock};

use crate::api::{Ctx, Loading, PvArg, RpcError, RpcValue, SetError, Shard, Value, parse_int};

/// The shared variables by slot, with their names for RPC.
#[derive(Debug, Default)]
pub(super) struct SharedVars {
    slots: Arc<RwLock<Vec<Value>>>,
    names: Vec<(String, usize)>,
    /// First values of `$var`, by slot.
    locals: Vec<(usize, Value)>,
}

impl SharedVars {
    fn read(&self, slot: usize) -> Value {
        let slots = self.slots.read().unwrap_or_else(PoisonError::into_inner);
        slots.get(slot).cloned().unwrap_or(Value::Int(0))
    }

    fn write(&self, slot: usize, value: Value) {
        let mut slots = self.slots.write().unwrap_or_else(PoisonError::into_inner);
        if slots.len() <= slot {
            slots.resize(slot + 1, Value::Int(0));
        }
        slots[slot] = value;
    }
}

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    // Values outlive a reload; first values are for variables that are new.
    let before = loading.shared.get::<SharedVars>();
    let slots = before.as_ref().map_or_else(Arc::default, |before| before.slots.clone());
    let mut vars = SharedVars { slots, ..SharedVars::default() };
    for line in loading.params.list("shvset") {
        let (name, value) = assignment(&line.to_display())?;
        let Some(slot) = loading.catalog.slot("shv", name.as_bytes()).map(|slot| slot as usize) else {
            continue;
        };
        if !before.as_ref().is_some_and(|before| before.names.iter().any(|(_, known)| *known == slot)) {
            vars.write(slot, value);
        }
    }
    for line in loading.params.list("varset") {
        let (name, value) = assignment(&line.to_display())?;
        let slot = loading.catalog.slot("var", name.as_bytes());
        vars.locals.extend(slot.map(|slot| (slot as usize, value)));
    }
    let names = loading.catalog.slots_of("shv");
    vars.names = names.into_iter().map(|(name, slot)| (name, slot as usize)).collect();
    loading.shared.put(vars);
    Ok(())
}

/// `name=s:text` or `name=i:number`
fn assignment(line: &str) -> Result<(String, Value), String> {
    let wrong = || format!("\"{line}\": expected name=s:text or name=i:number");
    let (name, value) = line.split_once('=').ok_or_else(wrong)?;
    let value = match value.split_once(':') {
        Some(("s", text)) => Value::copied(text.as_bytes()),
        Some(("i", number)) => Value::Int(parse_int(number.as_bytes()).ok_or_else(wrong)?),
        _ => return Err(wrong()),
    };
    Ok((name.trim().to_owned(), value))
}

pub(super) fn start(shard: &mut Shard) {
    let Some(vars) = shard.shared.get::<SharedVars>() else { return };
    for (slot, value) in &vars.locals {
        shard.vars.set(*slot, value.clone());
    }
}

pub(super) fn get(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    ctx.shard.shared.peek::<SharedVars>().map_or(Value::Int(0), |vars| vars.read(arg.slot()))
}

pub(super) fn set(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let vars = ctx.shard.shared.peek::<SharedVars>().ok_or(SetError::Absent)?;
    // A shared value outlives the message whose buffer it may be cut from.
    let value = match value {
        Value::Null if vars.read(arg.slot()).is_int() => Value::Int(0),
        // A text stays one.
        Value::Null => Value::EMPTY,
        Value::Str(text) => Value::copied(&text),
        other => other,
    };
    vars.write(arg.slot(), value);
    Ok(())
}

pub(super) fn rpc_get(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let vars = shard.shared.get::<SharedVars>().ok_or_else(|| missing("module pv is not loaded"))?;
    let wanted = params.first().map(Value::to_display);
    let row = |(name, slot): &(String, usize)| {
        RpcValue::Record(vec![
            ("name".into(), RpcValue::Plain(Value::copied(name.as_bytes()))),
            ("value".into(), RpcValue::Plain(vars.read(*slot))),
        ])
    };
    match wanted {
        None => Ok(RpcValue::List(vars.names.iter().map(row).collect())),
        Some(wanted) => {
            let found = vars.names.iter().find(|(name, _)| *name == wanted);
            found.map(row).ok_or_else(|| missing("Variable not found"))
        }
    }
}

pub(super) fn rpc_set(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let vars = shard.shared.get::<SharedVars>().ok_or_else(|| missing("module pv is not loaded"))?;
    let [name, kind, value] = params else { return Err(missing("expected name, s or i, value")) };
    let name = name.to_display();
    let slot = vars.names.iter().find(|(known, _)| *known == name).map(|(_, slot)| *slot);
    let slot = slot.ok_or_else(|| missing("Variable not found"))?;
    let value = match kind.to_display().as_str() {
        "i" | "int" => Value::Int(value.to_int()),
        _ => Value::Str(value.to_text()),
    };
    vars.write(slot, value);
    Ok(RpcValue::List(Vec::new()))
}

fn missing(reason: &str) -> RpcError {
    RpcError { code: 500, reason: reason.to_owned() }
}
