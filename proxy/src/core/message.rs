//! What kind of message it is: method, status, type.

use sip::msg::{Method, StartLine};

use super::NAME;
use crate::api::{Ctx, ModuleDef, PvArg, PvDef, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    PvDef::new("rm", method, "method; of a reply that of its CSeq"),
    PvDef::new("rmid", method_id, "number of the method"),
    PvDef::new("rv", |_, _| Value::literal("SIP/2.0"), "version of the message"),
    PvDef::new("rs", status, "status of a reply"),
    PvDef::new("rsi", |ctx, arg| Value::Int(status(ctx, arg).to_int()), "status of a reply, 0 of a request"),
    PvDef::new("rr", reason, "reason phrase of a reply"),
    PvDef::new(
        "mt",
        |ctx, _| Value::Int(if is_request(ctx) { 1 } else { 2 }),
        "1 for a request, 2 for a reply",
    ),
    PvDef::new("mts", kind, "rq for a request, rp for a reply"),
    PvDef::new("mi", |ctx, _| Value::Int(ctx.shard.messages as i64), "number of the message in this worker"),
];

/// True for a request.
pub(super) fn is_request(ctx: &Ctx<'_>) -> bool {
    ctx.work.view().method().is_some()
}

fn method(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let view = ctx.work.view();
    let text = match view.index.start {
        StartLine::Request { method_text, .. } => Some(method_text.of(view.bytes)),
        StartLine::Response { .. } => view.cseq().ok().map(|cseq| cseq.method_text),
    };
    text.map_or(Value::Null, |text| Value::Str(ctx.work.slice(text)))
}

fn method_id(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let view = ctx.work.view();
    let method = view.method().or_else(|| view.cseq().ok().map(|cseq| cseq.method));
    Value::Int(match method {
        None => 0,
        Some(Method::Invite) => 1,
        Some(Method::Cancel) => 2,
        Some(Method::Ack) => 4,
        Some(Method::Bye) => 8,
        Some(Method::Info) => 16,
        Some(Method::Register) => 32,
        Some(Method::Subscribe) => 64,
        Some(Method::Notify) => 128,
        Some(Method::Message) => 256,
        Some(Method::Options) => 512,
        Some(Method::Prack) => 1024,
        Some(Method::Update) => 2048,
        Some(Method::Refer) => 4096,
        Some(Method::Publish) => 8192,
        Some(_) => 16384,
    })
}

fn status(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    ctx.work.view().status().map_or(Value::Null, |status| Value::Int(i64::from(status)))
}

fn reason(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let view = ctx.work.view();
    match view.index.start {
        StartLine::Request { .. } => Value::Null,
        StartLine::Response { reason, .. } => Value::Str(ctx.work.slice(reason.of(view.bytes))),
    }
}

fn kind(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    Value::literal(if is_request(ctx) { "rq" } else { "rp" })
}
