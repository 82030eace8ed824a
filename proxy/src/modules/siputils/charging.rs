//! P-Charging-Vector (RFC 7315 4.6): who is to be charged for what, added, removed and read.

use std::net::IpAddr;

use bytes::Bytes;

use crate::api::{Args, Ctx, Flow, InnerKind, Level, PvArg, PvDef, Value};

const NAME: &[u8] = b"P-Charging-Vector";

/// `$pcv(...)`
pub(super) const VECTOR: PvDef = PvDef::new("pcv", read, "P-Charging-Vector or one of its parts")
    .inner(InnerKind::Key(&["all", "value", "genaddr", "orig", "term"]));

/// The vector made for this message, before it shows in it.
#[derive(Clone, Debug)]
struct Made(Bytes);

/// `g` adds one when there is none, `r` removes, `f` does both. 1 also for anything else, which does nothing.
pub(super) fn manage(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    let is_there = ctx.work.view().fields_named(NAME).next().is_some() || made(ctx).is_some();
    let (removes, adds) = match wanted.first() {
        Some(b'r' | b'R') => (true, false),
        Some(b'f' | b'F') => (true, true),
        Some(b'g' | b'G') => (false, !is_there),
        _ => {
            ctx.log(Level::WARN, "sip_p_charging_vector: expected g, r or f");
            return Flow::TRUE;
        }
    };
    if removes {
        let lines: Vec<_> = ctx.work.view().fields_named(NAME).map(|field| field.line).collect();
        for line in lines {
            ctx.work.edits.delete(line);
        }
    }
    if adds {
        add(ctx);
    }
    Flow::TRUE
}

fn made(ctx: &Ctx<'_>) -> Option<Bytes> {
    ctx.work.attached.get::<Made>().map(|made| made.0.clone())
}

/// The identifier is 32 hex digits, of the address, the time and a random number.
fn add(ctx: &mut Ctx<'_>) {
    let ip = ctx.shard.sockets.get(ctx.work.received.socket).addr.ip();
    let place = match ip {
        IpAddr::V4(ip) => u32::from(ip),
        IpAddr::V6(ip) => u128::from(ip) as u32,
    };
    let seconds = ctx.shard.unix_time(ctx.shard.now).as_secs() as u32;
    let random = ctx.shard.ident.next_u64();
    let vector = format!("icid-value={seconds:08X}{place:08X}{random:016X}; icid-generated-at={ip}");
    let end = ctx.work.view().headers_end();
    ctx.work.edits.insert(end, &[NAME, b": ", vector.as_bytes(), b"\r\n"].concat());
    ctx.work.attached.put(Made(vector.into()));
}

fn read(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let received = ctx.work.view().header_named(NAME).map(|value| ctx.work.slice(value));
    let Some(vector) = made(ctx).or(received) else { return Value::Null };
    let name: &[u8] = match arg.slot() {
        0 => return Value::Str(vector),
        1 => b"icid-value",
        2 => b"icid-generated-at",
        3 => b"orig-ioi",
        _ => b"term-ioi",
    };
    let part = vector.split(|byte| *byte == b';').find_map(|part| {
        let sign = memchr::memchr(b'=', part)?;
        part[..sign].trim_ascii().eq_ignore_ascii_case(name).then(|| part[sign + 1..].trim_ascii())
    });
    part.map_or(Value::Null, Value::copied)
}
