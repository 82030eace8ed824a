//! Walks over a table by name, four at a time for one message: `sht_iterator_*()`, `$shtitkey`, `$shtitval`.
//!
//! A walk sees the keys there were when it started, in order; nothing is locked, so a table may be changed on the
//! way.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::Bytes;

use super::table::Table;
use super::{Tables, now};
use crate::api::{Args, Ctx, Flow, Level, PvArg, Value};

/// Most names in use with one message, as in the original.
const MOST: usize = 4;

/// The walks of one message.
#[derive(Clone, Debug, Default)]
struct Walks(Vec<Walk>);

#[derive(Clone, Debug)]
struct Walk {
    name: Bytes,
    table: Arc<Table>,
    current: Option<Bytes>,
    rest: VecDeque<Bytes>,
}

fn walks<'a>(ctx: &'a mut Ctx<'_>) -> &'a mut Vec<Walk> {
    &mut ctx.work.attached.get_mut::<Walks>().0
}

fn refuse(ctx: &mut Ctx<'_>, why: &str) -> Flow {
    ctx.log(Level::ERR, why);
    Flow::FALSE
}

fn keys(table: &Table, now: u64) -> VecDeque<Bytes> {
    table.items(now).into_iter().map(|(key, _, _)| key).collect()
}

pub(super) fn start(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, wanted, now) = (args.text(ctx, 0), args.text(ctx, 1), now(ctx));
    let tables: Option<Arc<Tables>> = ctx.shard.shared.get();
    let found = tables.and_then(|tables| tables.shared(&wanted));
    let Some(table) = found else { return refuse(ctx, "sht_iterator_start: there is no such table") };
    let walk = Walk { name: name.clone(), rest: keys(&table, now), table, current: None };
    let walks = walks(ctx);
    walks.retain(|walk| walk.name != name);
    if walks.len() >= MOST {
        return refuse(ctx, "sht_iterator_start: no iterator available");
    }
    walks.push(walk);
    Flow::TRUE
}

/// At the end -1, and the walk stands before the first item again.
pub(super) fn next(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, now) = (args.text(ctx, 0), now(ctx));
    let Some(walk) = walks(ctx).iter_mut().find(|walk| walk.name == name) else {
        return refuse(ctx, "sht_iterator_next: the iterator was not started");
    };
    advance(walk, now)
}

fn advance(walk: &mut Walk, now: u64) -> Flow {
    loop {
        walk.current = walk.rest.pop_front();
        match &walk.current {
            None => {
                walk.rest = keys(&walk.table, now);
                return Flow::FALSE;
            }
            // Items that went meanwhile are passed over.
            Some(key) if walk.table.has(now, key) => return Flow::TRUE,
            Some(_) => {}
        }
    }
}

pub(super) fn end(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let before = walks(ctx).len();
    walks(ctx).retain(|walk| walk.name != name);
    match walks(ctx).len() < before {
        true => Flow::TRUE,
        false => refuse(ctx, "sht_iterator_end: there is no such iterator"),
    }
}

/// The table and the key a walk stands at.
fn current(ctx: &mut Ctx<'_>, name: &[u8]) -> Option<(Arc<Table>, Bytes)> {
    let walk = walks(ctx).iter().find(|walk| walk.name == name)?;
    Some((walk.table.clone(), walk.current.clone()?))
}

/// Removes the item and moves on: 1, or -2 when it was the last.
pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, now) = (args.text(ctx, 0), now(ctx));
    let Some((table, key)) = current(ctx, &name) else {
        return refuse(ctx, "sht_iterator_rm: the iterator stands at no item");
    };
    table.set(now, &key, Value::Null);
    let walk = walks(ctx).iter_mut().find(|walk| walk.name == name);
    match walk.map(|walk| advance(walk, now)) {
        Some(Flow::Next(1)) => Flow::TRUE,
        _ => Flow::Next(-2),
    }
}

pub(super) fn set_text(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let value = Value::Str(args.text(ctx, 1));
    set(ctx, args, value)
}

pub(super) fn set_number(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let value = Value::Int(args.int(ctx, 1));
    set(ctx, args, value)
}

fn set(ctx: &mut Ctx<'_>, args: &Args<'_>, value: Value) -> Flow {
    let (name, now) = (args.text(ctx, 0), now(ctx));
    let Some((table, key)) = current(ctx, &name) else {
        return refuse(ctx, "the iterator stands at no item");
    };
    table.set(now, &key, value);
    Flow::TRUE
}

pub(super) fn set_life(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, life, now) = (args.text(ctx, 0), args.int(ctx, 1), now(ctx));
    let Some((table, key)) = current(ctx, &name) else {
        return refuse(ctx, "the iterator stands at no item");
    };
    Flow::from_bool(table.set_life(now, &key, u64::try_from(life).unwrap_or(0)))
}

/// `$shtitkey(i)`
pub(super) fn key(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let name = arg.name(ctx);
    current(ctx, &name).map_or(Value::Null, |(_, key)| Value::Str(key))
}

/// `$shtitval(i)`
pub(super) fn value(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let (name, now) = (arg.name(ctx), now(ctx));
    current(ctx, &name).map_or(Value::Null, |(table, key)| table.get(now, &key))
}
