//! The variables `$sht(table=>key)` and their kin.

use std::sync::Arc;

use bytes::Bytes;

use super::patterns;
use super::table::Table;
use super::{CLASS, Tables, now};
use crate::api::{Catalog, Ctx, Inner, PvArg, SetError, Text, Value, parse_int};

/// What stands in the parentheses.
struct Cell {
    table: usize,
    key: Text,
}

/// `table=>key`; everything behind the arrow is the key, blanks too.
pub(super) fn prepare(catalog: &Catalog, text: &[u8]) -> Result<Inner, String> {
    let arrow = memchr::memmem::find(text, b"=>").ok_or("expected table=>key")?;
    let name = text[..arrow].trim_ascii();
    let table = catalog.slot(CLASS, name).ok_or("the configuration names no such table")? as usize;
    let key = catalog.text(&text[arrow + 2..]).map_err(|error| error.to_string())?;
    Ok(Inner::Prepared(Arc::new(Cell { table, key })))
}

/// Table and key of a variable.
fn cell(ctx: &mut Ctx<'_>, arg: &PvArg) -> Option<(Arc<Table>, Bytes)> {
    let cell = arg.prepared::<Cell>()?;
    let tables = ctx.shard.shared.get::<Tables>()?;
    let table = tables.0.get(cell.table)?.clone();
    Some((table, cell.key.render(ctx)))
}

pub(super) fn get(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let now = now(ctx);
    cell(ctx, arg).map_or(Value::Null, |(table, key)| table.get(now, &key))
}

pub(super) fn set(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let now = now(ctx);
    let (table, key) = cell(ctx, arg).ok_or(SetError::Absent)?;
    table.set(now, &key, value);
    Ok(())
}

pub(super) fn life(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let now = now(ctx);
    cell(ctx, arg).map_or(Value::Null, |(table, key)| Value::Int(table.life(now, &key) as i64))
}

pub(super) fn set_life(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let now = now(ctx);
    let life = u64::try_from(value.to_int()).map_err(|_| SetError::Value)?;
    let (table, key) = cell(ctx, arg).ok_or(SetError::Absent)?;
    if table.set_life(now, &key, life) { Ok(()) } else { Err(SetError::Absent) }
}

pub(super) fn add(ctx: &mut Ctx<'_>, arg: &PvArg, step: i64) -> Value {
    let now = now(ctx);
    cell(ctx, arg).map_or(Value::Null, |(table, key)| table.add(now, &key, step))
}

pub(super) fn count_names(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let now = now(ctx);
    let Some((table, pattern)) = cell(ctx, arg) else { return Value::Null };
    let count = patterns::by_sign(ctx, &pattern).map_or(0, |wanted| table.count(now, |name, _| wanted(name)));
    Value::Int(count as i64)
}

/// Texts by pattern; `eqN` counts the numbers equal to N.
pub(super) fn count_values(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let now = now(ctx);
    let Some((table, pattern)) = cell(ctx, arg) else { return Value::Null };
    if let Some(number) = pattern.strip_prefix(b"eq").and_then(parse_int) {
        return Value::Int(
            table.count(now, |_, value| matches!(value, Value::Int(int) if *int == number)) as i64
        );
    }
    let takes_all = pattern.starts_with(b"**");
    let count = patterns::by_sign(ctx, &pattern).map_or(0, |wanted| {
        table.count(now, |_, value| takes_all || matches!(value, Value::Str(text) if wanted(text)))
    });
    Value::Int(count as i64)
}
