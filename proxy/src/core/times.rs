//! Date and time: `$time(k)`, `$timef(format)`, their UTC forms, `$Tf`, `$TF`, and `{s.ftime}`.
//!
//! The moment comes from the shard; only the zone of the machine is looked up here.

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, Datelike, Local, TimeZone, Timelike, Utc};

use super::NAME;
use crate::api::{
    Ctx, InnerKind, Level, ModuleDef, PvArg, PvDef, TransformArgs, TransformDef, TransformKind, Value,
    parse_int,
};

pub(super) static PART: ModuleDef =
    ModuleDef { name: NAME, pvs: PVS, transforms: TRANSFORMS, ..ModuleDef::EMPTY };

const KEYS: InnerKind =
    InnerKind::Key(&["sec", "min", "hour", "mday", "mon", "year", "wday", "yday", "isdst"]);

static PVS: &[PvDef] = &[
    PvDef::new("time", |ctx, arg| field(&local(now(ctx)), arg), "part of the local time").inner(KEYS),
    PvDef::new("utime", |ctx, arg| field(&utc(now(ctx)), arg), "part of the time in UTC").inner(KEYS),
    PvDef::new("timef", |ctx, arg| formatted(ctx, arg, local), "local time by a format of strftime")
        .inner(InnerKind::Name),
    PvDef::new("utimef", |ctx, arg| formatted(ctx, arg, utc), "time in UTC by a format of strftime")
        .inner(InnerKind::Name),
    PvDef::new("Tf", |ctx, _| text(&local(received(ctx)), PLAIN), "time of the message as text"),
    PvDef::new("TF", |ctx, _| text(&local(now(ctx)), PLAIN), "time now as text"),
];

static TRANSFORMS: &[TransformDef] =
    &[TransformDef::new("s", "ftime", &[TransformKind::Text], ftime, "a Unix time by a format of strftime")];

/// The form of ctime(3).
const PLAIN: &[u8] = b"%a %b %e %H:%M:%S %Y";

fn now(ctx: &Ctx<'_>) -> i64 {
    ctx.shard.unix_time(ctx.shard.now).as_secs() as i64
}

fn received(ctx: &Ctx<'_>) -> i64 {
    ctx.shard.unix_time(ctx.work.received.at).as_secs() as i64
}

fn utc(seconds: i64) -> DateTime<chrono::FixedOffset> {
    DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default().fixed_offset()
}

fn local(seconds: i64) -> DateTime<chrono::FixedOffset> {
    let utc = DateTime::<Utc>::from_timestamp(seconds, 0).unwrap_or_default();
    Local.from_utc_datetime(&utc.naive_utc()).fixed_offset()
}

fn field(date: &DateTime<chrono::FixedOffset>, arg: &PvArg) -> Value {
    Value::Int(match arg.slot() {
        0 => i64::from(date.second()),
        1 => i64::from(date.minute()),
        2 => i64::from(date.hour()),
        3 => i64::from(date.day()),
        4 => i64::from(date.month()),
        5 => i64::from(date.year()),
        6 => i64::from(date.weekday().number_from_sunday()),
        7 => i64::from(date.ordinal()),
        // The zone data that is read here does not tell summer time apart.
        _ => 0,
    })
}

fn formatted(ctx: &mut Ctx<'_>, arg: &PvArg, zone: fn(i64) -> DateTime<chrono::FixedOffset>) -> Value {
    let format = arg.name(ctx);
    text(&zone(now(ctx)), &format)
}

/// Null for a format that is none.
fn text(date: &DateTime<chrono::FixedOffset>, format: &[u8]) -> Value {
    let format = String::from_utf8_lossy(format);
    let items: Vec<Item<'_>> = StrftimeItems::new(&format).collect();
    if items.iter().any(|item| matches!(item, Item::Error)) {
        return Value::Null;
    }
    Value::Str(date.format_with_items(items.iter()).to_string().into())
}

fn ftime(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let format = args.text(ctx, 0);
    match parse_int(&value.to_text()) {
        Some(seconds) => text(&local(seconds), &format),
        None => {
            ctx.log(Level::ERR, "{s.ftime}: the value is not a time in seconds");
            Value::Null
        }
    }
}
