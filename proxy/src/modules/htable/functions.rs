//! The functions `sht_*()`. Tables and keys are texts with variables, so they are found when they are needed.

use std::sync::Arc;

use super::patterns::{self, Wanted};
use super::{Tables, now};
use crate::api::{Args, Ctx, Flow, Level, Value};

/// The tables, and the place of the one named by an argument; a log line when there is none of that name.
fn with_table(ctx: &mut Ctx<'_>, name: &[u8], act: impl FnOnce(&mut Ctx<'_>, &super::Table) -> Flow) -> Flow {
    let Some(tables): Option<Arc<Tables>> = ctx.shard.shared.get() else { return Flow::FALSE };
    match tables.named(name) {
        Some(table) => act(ctx, table),
        None => {
            let name = String::from_utf8_lossy(name).into_owned();
            ctx.log(Level::ERR, format!("there is no table {name}"));
            Flow::FALSE
        }
    }
}

pub(super) fn print(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let now = now(ctx);
    let Some(tables): Option<Arc<Tables>> = ctx.shard.shared.get() else { return Flow::FALSE };
    for table in &tables.0 {
        for (key, value, life) in table.items(now) {
            let key = String::from_utf8_lossy(&key).into_owned();
            ctx.log(Level::ERR, format!("{}=>{key}: {} ({life} s)", table.name, value.to_display()));
        }
    }
    Flow::TRUE
}

pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, key, now) = (args.text(ctx, 0), args.text(ctx, 1), now(ctx));
    with_table(ctx, &name, |_, table| {
        table.set(now, &key, Value::Null);
        Flow::TRUE
    })
}

pub(super) fn reset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    with_table(ctx, &name, |_, table| {
        table.remove_where(|_, _| true);
        Flow::TRUE
    })
}

/// Which face of an item a pattern is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Face {
    Name,
    Value,
}

fn fits(face: Face, wanted: &Wanted, name: &[u8], value: &Value) -> bool {
    match (face, value) {
        (Face::Name, _) => wanted(name),
        (Face::Value, Value::Str(text)) => wanted(text),
        (Face::Value, _) => false,
    }
}

pub(super) fn remove_names(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    remove_matching(ctx, args, Face::Name)
}

pub(super) fn remove_values(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    remove_matching(ctx, args, Face::Value)
}

/// `table=>re`
fn remove_matching(ctx: &mut Ctx<'_>, args: &Args<'_>, face: Face) -> Flow {
    let text = args.text(ctx, 0);
    let Some(arrow) = memchr::memmem::find(&text, b"=>") else { return Flow::FALSE };
    let source = text.slice(arrow + 2..);
    with_table(ctx, &text[..arrow], |ctx, table| {
        let Some(wanted) = patterns::regex(ctx, &source) else { return Flow::FALSE };
        table.remove_where(|name, value| fits(face, &wanted, name, value));
        Flow::TRUE
    })
}

pub(super) fn remove_names_by(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    remove_by(ctx, args, Face::Name)
}

pub(super) fn remove_values_by(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    remove_by(ctx, args, Face::Value)
}

fn remove_by(ctx: &mut Ctx<'_>, args: &Args<'_>, face: Face) -> Flow {
    let (name, word, text) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
    with_table(ctx, &name, |ctx, table| {
        let Some(wanted) = patterns::by_word(ctx, &word, text) else { return Flow::FALSE };
        table.remove_where(|name, value| fits(face, &wanted, name, value));
        Flow::TRUE
    })
}

pub(super) fn match_names(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match_by(ctx, args, Face::Name)
}

pub(super) fn match_values(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match_by(ctx, args, Face::Value)
}

fn match_by(ctx: &mut Ctx<'_>, args: &Args<'_>, face: Face) -> Flow {
    let (name, word, text, now) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2), now(ctx));
    with_table(ctx, &name, |ctx, table| {
        let Some(wanted) = patterns::by_word(ctx, &word, text) else { return Flow::FALSE };
        Flow::from_bool(table.count(now, |name, value| fits(face, &wanted, name, value)) > 0)
    })
}

pub(super) fn set_text(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let value = Value::Str(args.text(ctx, 2));
    set(ctx, args, value)
}

pub(super) fn set_number(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let value = Value::Int(args.int(ctx, 2));
    set(ctx, args, value)
}

fn set(ctx: &mut Ctx<'_>, args: &Args<'_>, value: Value) -> Flow {
    let (name, key, now) = (args.text(ctx, 0), args.text(ctx, 1), now(ctx));
    let life = u64::try_from(args.int(ctx, 3)).unwrap_or(0);
    with_table(ctx, &name, |_, table| {
        table.set_for(now, &key, value, life);
        Flow::TRUE
    })
}

pub(super) fn add(ctx: &mut Ctx<'_>, args: &Args<'_>, step: i64) -> Flow {
    let (name, key, now) = (args.text(ctx, 0), args.text(ctx, 1), now(ctx));
    with_table(ctx, &name, |_, table| Flow::from_bool(!table.add(now, &key, step).is_null()))
}
