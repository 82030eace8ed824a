//! The run itself and the world around it: return code, constants, time, position, defines.

use std::time::Duration;

use sip::peer::Transport;

use super::NAME;
use crate::api::{Ctx, Inner, InnerKind, ModuleDef, PvArg, PvDef, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

/// The level of the language and its variables that we follow.
const VERSION: &str = "5.6.3";

static PVS: &[PvDef] = &[
    PvDef::new("rc", |ctx, _| Value::Int(ctx.run.rc), "code of the last function or route")
        .alias(&["retcode", "?"]),
    PvDef::new("null", |_, _| Value::Null, "no value"),
    PvDef::new("true", |_, _| Value::Int(1), "the number 1"),
    PvDef::new("Ts", |ctx, _| seconds(message_time(ctx)), "time of the message in seconds"),
    PvDef::new("TS", |ctx, _| seconds(ctx.shard.unix_time(ctx.shard.now)), "time now in seconds"),
    PvDef::new("Tb", |ctx, _| seconds(ctx.shard.unix_start), "time of the start in seconds"),
    PvDef::new("TV", time_value, "parts of the time").inner(InnerKind::Key(&["s", "u", "sn", "un", "Sn"])),
    PvDef::new("pp", |_, _| Value::Int(i64::from(std::process::id())), "process id"),
    PvDef::new("sid", |ctx, _| Value::Int(ctx.catalog.setting_int("server_id", 0)), "server id"),
    PvDef::new("K", constant, "numbers of families and transports")
        .inner(InnerKind::Key(&["INET", "INET6", "UDP", "TCP", "TLS", "SCTP", "WS", "WSS"])),
    PvDef::new("version", version, "version of the language").inner(InnerKind::Key(&["num", "full", "hash"])),
    PvDef::new("cfg", position, "position in the configuration")
        .inner(InnerKind::Key(&["line", "name", "route"])),
    PvDef::new("def", define, "text of a define").inner(InnerKind::Name),
    PvDef::new("defn", define_or_zero, "text of a define, 0 without one").inner(InnerKind::Name),
    PvDef::new("_s", evaluate, "a text with variables, evaluated").inner(InnerKind::Prepared(
        |catalog, text| {
            let text = catalog.text(text).map_err(|error| error.to_string())?;
            Ok(Inner::Dynamic(std::sync::Arc::new(text)))
        },
    )),
];

fn message_time(ctx: &Ctx<'_>) -> Duration {
    ctx.shard.unix_time(ctx.work.received.at)
}

fn seconds(time: Duration) -> Value {
    Value::Int(time.as_secs() as i64)
}

fn time_value(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let now = ctx.shard.unix_time(ctx.shard.now);
    let message = message_time(ctx);
    match arg.slot() {
        0 => seconds(message),
        1 => Value::Int(i64::from(message.subsec_micros())),
        2 => seconds(now),
        3 => Value::Int(i64::from(now.subsec_micros())),
        _ => Value::Str(format!("{}.{:06}", now.as_secs(), now.subsec_micros()).into()),
    }
}

fn constant(_: &mut Ctx<'_>, arg: &PvArg) -> Value {
    // AF_INET and AF_INET6 of Linux, then the transports by their numbers.
    const NUMBERS: [i64; 8] = [
        2,
        10,
        Transport::Udp as i64,
        Transport::Tcp as i64,
        Transport::Tls as i64,
        Transport::Sctp as i64,
        Transport::Ws as i64,
        Transport::Wss as i64,
    ];
    Value::Int(NUMBERS[arg.slot()])
}

fn version(_: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match arg.slot() {
        0 => Value::literal(VERSION),
        1 => Value::Str(
            format!("kamailio {VERSION} ({}/{}) ", std::env::consts::ARCH, std::env::consts::OS).into(),
        ),
        _ => Value::literal("unknown "),
    }
}

fn position(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match arg.slot() {
        0 => Value::Int(i64::from(ctx.routes.line(ctx.run.position))),
        1 => match ctx.routes.statement(ctx.run.position) {
            Some(statement) => Value::copied(statement.file.as_bytes()),
            None => Value::Null,
        },
        _ => match ctx.routes.name(ctx.run.route) {
            "" => Value::literal("DEFAULT_ROUTE"),
            name => Value::copied(name.as_bytes()),
        },
    }
}

fn define(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let name = arg.name(ctx);
    ctx.catalog.defined(&name).map_or(Value::Null, |text| Value::Str(text.clone()))
}

fn define_or_zero(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match define(ctx, arg) {
        Value::Null => Value::Int(0),
        text => text,
    }
}

fn evaluate(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    Value::Str(arg.name(ctx))
}
