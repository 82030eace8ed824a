//! What kind of message it is: method, status, type.

use sip::msg::{Method, StartLine};
use sip::span::Span;

use super::NAME;
use crate::api::{Ctx, EventDef, InnerKind, ModuleDef, PvArg, PvDef, SetError, Value, parse_int};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, events: EVENTS, ..ModuleDef::EMPTY };

static EVENTS: &[EventDef] = &[
    EventDef {
        name: "core:msg-received",
        doc: "with received_route_mode: before anything else; drop ends it",
    },
    EventDef { name: "core:pre-routing", doc: "before the route of the message; drop ends it" },
    EventDef { name: "core:receive-parse-error", doc: "what came is no message; sees a made-up one" },
    EventDef { name: "core:worker-one-init", doc: "once, when the first worker starts" },
];

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
    PvDef::new("msgbuf", byte_at, "one byte of the message as received")
        .inner(InnerKind::Name)
        .writable(set_byte),
    PvDef::new("rcv", reception, "how the message was received").inner(InnerKind::Key(&RECEPTION)),
    PvDef::new("err.class", |_, _| Value::Null, "null: errors of the parser are answered or logged"),
    PvDef::new("err.level", |_, _| Value::Null, "null"),
    PvDef::new("err.info", |_, _| Value::Null, "null"),
    PvDef::new("err.rcode", |_, _| Value::Null, "null"),
    PvDef::new("err.rreason", |_, _| Value::Null, "null"),
    PvDef::new("msg", msg, "a part of the message or its length").inner(InnerKind::Key(PARTS)),
    PvDef::new("ruid", |ctx, _| ruid(ctx), "identifier of the contact that the request URI comes from"),
    PvDef::new("location_ua", |_, _| Value::Null, "user agent of that contact; not kept"),
    PvDef::new("mi", |ctx, _| Value::Int(ctx.shard.messages as i64), "number of the message in this worker"),
];

const RECEPTION: [&str; 9] = ["buf", "len", "proto", "srcip", "rcvip", "srcport", "rcvport", "sproto", "af"];

fn reception(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let received = ctx.work.received;
    let (far, own) = (received.peer.addr, ctx.shard.sockets.get(received.socket).addr);
    match arg.slot() {
        0 => Value::Str(ctx.work.message.bytes().clone()),
        1 => Value::Int(ctx.work.message.bytes().len() as i64),
        2 => Value::literal(received.peer.transport.param_name()),
        3 => Value::Str(far.ip().to_string().into()),
        4 => Value::Str(own.ip().to_string().into()),
        5 => Value::Int(i64::from(far.port())),
        6 => Value::Int(i64::from(own.port())),
        7 => Value::literal(received.peer.transport.param_name()),
        _ => Value::Int(if far.is_ipv4() { 2 } else { 10 }),
    }
}

/// The place in the parentheses; `None` behind the end.
fn place(ctx: &mut Ctx<'_>, arg: &PvArg) -> Option<usize> {
    let place = parse_int(&arg.name(ctx))?;
    usize::try_from(place).ok().filter(|place| *place < ctx.work.message.bytes().len())
}

fn byte_at(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match place(ctx, arg) {
        Some(place) => Value::Str(ctx.work.message.bytes().slice(place..=place)),
        None => Value::Null,
    }
}

/// Shows in the sent message, as every change does.
fn set_byte(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let place = place(ctx, arg).ok_or(SetError::Absent)?;
    let text = value.to_text();
    let byte = text.first().ok_or(SetError::Value)?;
    let edit = ctx.work.edits.replace(Span::new(place, place + 1), &[*byte]);
    edit.map(drop).ok_or(SetError::Value)
}

/// Parts of a message: length, body, header fields, the first line, the first line with the header fields, what stands
/// behind the first line.
const PARTS: &[&str] = &["len", "body", "hdrs", "fline", "fpart", "lpart"];

fn msg(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let index = ctx.work.view().index;
    let bytes = ctx.work.message.bytes();
    let (start, second) = (index.start_line.start as usize, index.start_line.end());
    let body = (index.body.start as usize).min(bytes.len());
    let fields = second + bytes[second..body].trim_ascii_end().len();
    let line = start + bytes[start..second].trim_ascii_end().len();
    Value::Str(match PARTS[arg.slot()] {
        "len" => return Value::Int((bytes.len() - start) as i64),
        "body" => bytes.slice(body..),
        "hdrs" => bytes.slice(second..fields),
        "fline" => bytes.slice(start..line),
        "fpart" => bytes.slice(start..fields),
        _ => bytes.slice(second..),
    })
}

fn ruid(ctx: &Ctx<'_>) -> Value {
    ctx.work.targets.ruri().ruid.as_deref().map_or(Value::Null, Value::copied)
}

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
