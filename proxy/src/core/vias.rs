//! The Via fields of the message: `$via0` the topmost, `$via1` the second, `$viaZ` the last.

use sip::msg::{HeaderName, Via};

use super::NAME;
use crate::api::{Ctx, InnerKind, ModuleDef, PvDef, PvGet, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    row("via0", |ctx, arg| part(ctx, arg.slot(), |all| all.next()), "part of the topmost Via"),
    row("via1", |ctx, arg| part(ctx, arg.slot(), |all| all.nth(1)), "part of the second Via"),
    row("viaZ", |ctx, arg| part(ctx, arg.slot(), |all| all.last()), "part of the last Via"),
];

/// The parts by name.
pub(super) const KEYS: &[&str] = &[
    "host",
    "port",
    "proto",
    "protoid",
    "branch",
    "rport",
    "received",
    "i",
    "params",
    "oc",
    "algo",
    "oc-algo",
    "oc-validity",
    "oc-seq",
    "maddr",
    "ttl",
];

const fn row(name: &'static str, get: PvGet, doc: &'static str) -> PvDef {
    PvDef::new(name, get, doc).inner(InnerKind::Key(KEYS))
}

/// Part `key` (a place in [`KEYS`]) of the Via that `choose` takes.
pub(super) fn part(
    ctx: &mut Ctx<'_>,
    key: usize,
    choose: impl for<'a> FnOnce(&mut dyn Iterator<Item = &'a [u8]>) -> Option<&'a [u8]>,
) -> Value {
    let view = ctx.work.view();
    let Some(via) = choose(&mut view.values(HeaderName::Via)).and_then(|text| Via::parse(text).ok()) else {
        return Value::Null;
    };
    let text = match KEYS[key] {
        "host" => via.host,
        "port" => return via.port.map_or(Value::Null, |port| Value::Int(i64::from(port))),
        "proto" => via.transport_text,
        "protoid" => return via.transport.map_or(Value::Null, |transport| Value::Int(transport as i64)),
        "params" => via.params.as_bytes().strip_prefix(b";").unwrap_or(via.params.as_bytes()),
        "algo" => via.params.value(b"oc-algo").unwrap_or_default(),
        name => via.params.value(name.as_bytes()).unwrap_or_default(),
    };
    // A parameter that is not there and one without value are null alike.
    if text.is_empty() { Value::Null } else { Value::Str(ctx.work.slice(text)) }
}
