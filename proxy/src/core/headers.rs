//! Header fields by name, and the fields and parts every script reads (`$ci`, `$cs`, `$ua`, `$rb`).

use bytes::Bytes;
use sip::msg::{HeaderField, HeaderName, Values};
use sip::span::Span;

use super::NAME;
use crate::api::{At, Ctx, Inner, InnerKind, Leaving, ModuleDef, PvArg, PvDef, Value, parse_int};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    PvDef::new("hdr", hdr, "body of a header field").inner(InnerKind::Name).indexed(),
    PvDef::new("hdrc", hdrc, "number of header fields of a name").inner(InnerKind::Name),
    PvDef::new("hfl", hfl, "body of a header field, comma lists split").inner(InnerKind::Name).indexed(),
    PvDef::new("hflc", hflc, "number of values of a header field").inner(InnerKind::Name),
    PvDef::new("ci", |ctx, _| known(ctx, HeaderName::CallId), "Call-ID"),
    PvDef::new("cs", cseq_number, "number in CSeq"),
    PvDef::new("csb", |ctx, _| known(ctx, HeaderName::CSeq), "body of CSeq"),
    PvDef::new("ua", |ctx, _| known(ctx, HeaderName::UserAgent), "body of User-Agent"),
    PvDef::new("ct", |ctx, _| known(ctx, HeaderName::Contact), "body of the first Contact"),
    PvDef::new("cT", |ctx, _| known(ctx, HeaderName::ContentType), "body of Content-Type"),
    PvDef::new("cl", content_length, "body of Content-Length"),
    PvDef::new("rb", body, "body of the message"),
    PvDef::new("bs", body_size, "size of the body"),
    PvDef::new("mb", |ctx, _| Value::Str(ctx.work.message.bytes().clone()), "message as received"),
    PvDef::new("mbu", edited, "message with the edits made so far"),
    PvDef::new("ml", size, "size of the message"),
    PvDef::new("expires", expires, "smallest or largest expiry of the contacts")
        .inner(InnerKind::Key(&["min", "max"])),
];

fn known(ctx: &mut Ctx<'_>, header: HeaderName) -> Value {
    let value = ctx.work.view().header(header);
    value.map_or(Value::Null, |value| Value::Str(ctx.work.slice(value)))
}

/// The name in the parentheses, fixed or computed, handed to `read` without copying a fixed one.
fn with_name<T>(ctx: &mut Ctx<'_>, arg: &PvArg, read: impl FnOnce(&Ctx<'_>, &[u8]) -> T) -> T {
    match &arg.inner {
        Inner::Name(name) => read(ctx, name),
        _ => {
            let name = arg.name(ctx);
            read(ctx, &name)
        }
    }
}

/// The fields of a name; `*` is any name.
fn fields<'a>(ctx: &'a Ctx<'_>, name: &'a [u8]) -> impl Iterator<Item = &'a HeaderField> {
    let (view, any) = (ctx.work.view(), name == b"*");
    let of_name = (!any).then(|| view.fields_named(name)).into_iter().flatten();
    let of_any = any.then(|| view.index.headers.iter()).into_iter().flatten();
    of_name.chain(of_any)
}

fn hdr(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let at = arg.at(ctx);
    with_name(ctx, arg, |ctx, name| {
        let bytes = ctx.work.view().bytes;
        pick(ctx, fields(ctx, name).map(|field| with_trailing_blanks(bytes, field.value)), at)
    })
}

/// Kamailio takes blanks before the end of a line for part of the body.
fn with_trailing_blanks(bytes: &[u8], value: Span) -> &[u8] {
    let behind = &bytes[value.end()..];
    let blanks = behind.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match behind.get(blanks) {
        Some(b'\r' | b'\n') => &bytes[value.start as usize..value.end() + blanks],
        _ => value.of(bytes),
    }
}

fn hdrc(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    with_name(ctx, arg, |ctx, name| Value::Int(fields(ctx, name).count() as i64))
}

fn hfl(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let at = arg.at(ctx);
    with_name(ctx, arg, |ctx, name| pick(ctx, values(ctx, name), at))
}

fn hflc(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    with_name(ctx, arg, |ctx, name| Value::Int(values(ctx, name).count() as i64))
}

/// The values of a name: comma lists are split for the fields that the original splits.
fn values<'a>(ctx: &'a Ctx<'_>, name: &'a [u8]) -> impl Iterator<Item = &'a [u8]> {
    let is_split = matches!(
        HeaderName::parse(name),
        HeaderName::Via
            | HeaderName::Contact
            | HeaderName::RecordRoute
            | HeaderName::Route
            | HeaderName::Diversion
            | HeaderName::PAssertedIdentity
            | HeaderName::PPreferredIdentity
    );
    fields(ctx, name).flat_map(move |field| {
        let body = field.value.of(ctx.work.view().bytes);
        let split = is_split.then(|| Values::new(body)).into_iter().flatten();
        let whole = (!is_split).then_some(body);
        split.chain(whole)
    })
}

fn pick<'a>(ctx: &Ctx<'_>, mut bodies: impl Iterator<Item = &'a [u8]>, at: At) -> Value {
    let found = match at {
        At::None => bodies.next(),
        At::Position(position) if position >= 0 => bodies.nth(position as usize),
        At::Position(_) => {
            let all: Vec<&[u8]> = bodies.collect();
            at.of(all.len()).map(|place| all[place])
        }
        At::All => {
            let all: Vec<&[u8]> = bodies.collect();
            return if all.is_empty() { Value::Null } else { Value::Str(all.join(&b',').into()) };
        }
    };
    found.map_or(Value::Null, |body| Value::Str(ctx.work.slice(body)))
}

/// A text first: `$cs + 1` joins.
fn cseq_number(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let number = ctx.work.view().cseq().ok().map(|cseq| cseq.number_text);
    Value::optional(number.map(|number| ctx.work.slice(number)))
}

fn content_length(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let _ = arg;
    match known(ctx, HeaderName::ContentLength) {
        Value::Str(text) => parse_int(&text).map_or(Value::Str(text), Value::Int),
        other => other,
    }
}

/// Everything behind the empty line, also beyond Content-Length.
fn body(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let start = ctx.work.view().index.body.start as usize;
    let bytes: &Bytes = ctx.work.message.bytes();
    Value::Str(bytes.slice(start.min(bytes.len())..))
}

fn body_size(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    Value::Int(body(ctx, arg).text_len() as i64)
}

fn edited(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let mut out = Vec::new();
    ctx.work.edits.write(ctx.work.view(), &mut out);
    Value::Str(out.into())
}

/// In an `onsend_route` that of the copy about to leave.
fn size(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let leaving = ctx.work.attached.get::<Leaving>().map(|leaving| leaving.size);
    Value::Int(leaving.unwrap_or(ctx.work.message.bytes().len()) as i64)
}

/// Contacts without an expiry of their own take that of the Expires field.
fn expires(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let view = ctx.work.view();
    let of_message = view.expires().ok().flatten();
    let contacts = view.contacts().filter_map(Result::ok);
    let each: Vec<u32> = contacts.filter_map(|contact| contact.expires().or(of_message)).collect();
    let found = match arg.slot() {
        0 => each.iter().min(),
        _ => each.iter().max(),
    };
    let found = found.copied().or(if each.is_empty() { of_message } else { None });
    found.map_or(Value::Null, |seconds| Value::Int(i64::from(seconds)))
}
