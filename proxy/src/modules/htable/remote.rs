//! Remote procedures: reading and changing tables from outside.

use std::sync::Arc;

use super::table::Table;
use super::{Tables, database};
use crate::api::{RpcError, RpcValue, Shard, Value};

fn table(shard: &Shard, params: &[Value]) -> Result<Arc<Table>, RpcError> {
    let wanted = params.first().ok_or_else(|| refusal("expected a table"))?;
    let tables: Option<Arc<Tables>> = shard.shared.get();
    let found = tables.and_then(|tables| tables.shared(&wanted.to_text()));
    found.ok_or_else(|| refusal("no such htable"))
}

fn refusal(reason: &str) -> RpcError {
    RpcError { code: 500, reason: reason.to_owned() }
}

fn key(params: &[Value]) -> Result<bytes::Bytes, RpcError> {
    params.get(1).map(Value::to_text).ok_or_else(|| refusal("expected a key"))
}

fn now(shard: &Shard) -> u64 {
    shard.unix_time(shard.now).as_secs()
}

fn done() -> Result<RpcValue, RpcError> {
    Ok(RpcValue::Plain(Value::literal("Ok")))
}

fn item(key: bytes::Bytes, value: Value) -> RpcValue {
    RpcValue::Record(vec![
        ("name".into(), RpcValue::Plain(Value::Str(key))),
        ("value".into(), RpcValue::Plain(value)),
    ])
}

pub(super) fn get(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let (table, key) = (table(shard, params)?, key(params)?);
    match table.get(now(shard), &key) {
        Value::Null => Err(refusal("Key name doesn't exist in htable.")),
        value => Ok(RpcValue::Record(vec![("item".into(), item(key, value))])),
    }
}

pub(super) fn delete(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let (table, key) = (table(shard, params)?, key(params)?);
    table.set(now(shard), &key, Value::Null);
    done()
}

/// Which face a value given from outside has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Face {
    Text,
    Number,
}

/// `htable.sets`, `htable.seti`, and with a life behind the value `htable.setxs`, `htable.setxi`.
pub(super) fn set(shard: &mut Shard, params: &[Value], face: Face) -> Result<RpcValue, RpcError> {
    let (table, key) = (table(shard, params)?, key(params)?);
    let value = params.get(2).ok_or_else(|| refusal("expected a value"))?;
    let value = if face == Face::Number { Value::Int(value.to_int()) } else { Value::Str(value.to_text()) };
    match params.get(3) {
        Some(life) => table.set_for(now(shard), &key, value, u64::try_from(life.to_int()).unwrap_or(0)),
        None => table.set(now(shard), &key, value),
    }
    done()
}

pub(super) fn set_life(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let (table, key) = (table(shard, params)?, key(params)?);
    let life = params.get(2).ok_or_else(|| refusal("expected seconds"))?.to_int();
    match table.set_life(now(shard), &key, u64::try_from(life).unwrap_or(0)) {
        true => done(),
        false => Err(refusal("Key name doesn't exist in htable.")),
    }
}

pub(super) fn dump(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let table = table(shard, params)?;
    let items = table.items(now(shard)).into_iter().map(|(key, value, _)| item(key, value));
    Ok(RpcValue::List(items.collect()))
}

pub(super) fn flush(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    table(shard, params)?.remove_where(|_, _| true);
    done()
}

pub(super) fn list(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    let tables = shard.shared.get::<Tables>().ok_or_else(|| refusal("module htable is not loaded"))?;
    let row = |table: &Arc<Table>| {
        let number = |number: u64| RpcValue::Plain(Value::Int(number as i64));
        RpcValue::Record(vec![
            ("name".into(), RpcValue::Plain(Value::copied(table.name.as_bytes()))),
            ("dbtable".into(), RpcValue::Plain(Value::copied(table.rules.database.table.as_bytes()))),
            ("expire".into(), number(table.rules.autoexpire)),
            ("updateexpire".into(), number(u64::from(!table.rules.keeps_expiry))),
        ])
    };
    Ok(RpcValue::List(tables.0.iter().map(row).collect()))
}

pub(super) fn stats(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    let tables = shard.shared.get::<Tables>().ok_or_else(|| refusal("module htable is not loaded"))?;
    let now = now(shard);
    let row = |table: &Arc<Table>| {
        let all = table.count(now, |_, _| true);
        RpcValue::Record(vec![
            ("name".into(), RpcValue::Plain(Value::copied(table.name.as_bytes()))),
            ("all".into(), RpcValue::Plain(Value::Int(all as i64))),
        ])
    };
    Ok(RpcValue::List(tables.0.iter().map(row).collect()))
}

pub(super) fn reload(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let table = table(shard, params)?;
    database::load(shard, table).map_err(|reason| refusal(&reason))?;
    done()
}

pub(super) fn store(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let table = table(shard, params)?;
    database::store(shard, &table).map_err(|reason| refusal(&reason))?;
    done()
}
