//! Class `uri`: the parts of a SIP URI. A part that is not there is an empty text, a text that is no URI null.

use bytes::Bytes;
use sip::msg::{Params, Scheme, Uri};

use super::super::NAME;
use super::slice;
use crate::api::{Ctx, Level, ModuleDef, TransformArgs, TransformDef, TransformFn, TransformKind, Value};

pub(in super::super) static PART: ModuleDef =
    ModuleDef { name: NAME, transforms: TRANSFORMS, ..ModuleDef::EMPTY };

static TRANSFORMS: &[TransformDef] = &[
    row("user", |c, v, _| part(c, &v, |uri| uri.user.unwrap_or_default()), "user"),
    row("passwd", |c, v, _| part(c, &v, |uri| uri.password.unwrap_or_default()), "password"),
    row("host", |c, v, _| part(c, &v, |uri| uri.host), "host"),
    row("port", port, "port, empty when it is not written"),
    row("params", |c, v, _| part(c, &v, params), "parameters"),
    row("headers", |c, v, _| part(c, &v, |uri| without_first(uri.headers)), "headers"),
    row("scheme", scheme, "scheme"),
    row("transport", |c, v, _| param_of(c, &v, b"transport"), "parameter transport"),
    row("ttl", |c, v, _| param_of(c, &v, b"ttl"), "parameter ttl"),
    row("uparam", |c, v, _| param_of(c, &v, b"user"), "parameter user"),
    row("maddr", |c, v, _| param_of(c, &v, b"maddr"), "parameter maddr"),
    row("method", |c, v, _| param_of(c, &v, b"method"), "parameter method"),
    row("lr", |c, v, _| param_of(c, &v, b"lr"), "parameter lr"),
    row("r2", |c, v, _| param_of(c, &v, b"r2"), "parameter r2"),
    TransformDef::new("uri", "param", &[TransformKind::Text], param, "a parameter by name"),
    row("tosocket", to_socket, "proto:host:port"),
    row("duri", |c, v, _| composed(c, &v, User::No, Rest::Yes), "scheme, host, port and transport"),
    row("saor", |c, v, _| composed(c, &v, User::Yes, Rest::No), "scheme, user and host"),
    row("suri", |c, v, _| composed(c, &v, User::Yes, Rest::Yes), "scheme, user, host, port and transport"),
];

const fn row(op: &'static str, run: TransformFn, doc: &'static str) -> TransformDef {
    TransformDef::new("uri", op, &[], run, doc)
}

/// Takes the text apart and reads it; null with a log line when it is no URI.
fn read(ctx: &mut Ctx<'_>, value: &Value, read: impl FnOnce(&Bytes, &Uri<'_>) -> Value) -> Value {
    let text = value.to_text();
    // A lone semicolon at the end is forgiven.
    let text = if text.ends_with(b";") { text.slice(..text.len() - 1) } else { text };
    match Uri::parse(&text) {
        Ok(uri) => read(&text, &uri),
        Err(_) => {
            ctx.log(Level::ERR, [b"invalid uri [", &text[..], b"]"].concat());
            Value::Null
        }
    }
}

fn part(ctx: &mut Ctx<'_>, value: &Value, pick: for<'a> fn(&Uri<'a>) -> &'a [u8]) -> Value {
    read(ctx, value, |text, uri| slice(text, pick(uri)))
}

/// Those of a tel URI belong to the number, as Kamailio sees it.
fn params<'a>(uri: &Uri<'a>) -> &'a [u8] {
    if uri.scheme == Scheme::Tel { b"" } else { without_first(uri.params) }
}

fn without_first(params: Params<'_>) -> &[u8] {
    let text = params.as_bytes();
    match text.first() {
        Some(b';' | b'?') => &text[1..],
        _ => text,
    }
}

fn port(ctx: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    read(ctx, &value, |_, uri| uri.port.map_or(Value::EMPTY, |port| Value::Int(i64::from(port))))
}

fn scheme(ctx: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    read(ctx, &value, |text, uri| {
        let colon = memchr::memchr(b':', uri.text).unwrap_or(0);
        Value::Str(text.slice(..colon))
    })
}

fn param_of(ctx: &mut Ctx<'_>, value: &Value, name: &[u8]) -> Value {
    read(ctx, value, |_, uri| param_value(uri, name))
}

fn param(ctx: &mut Ctx<'_>, value: Value, args: &TransformArgs<'_>) -> Value {
    let name = args.text(ctx, 0);
    param_of(ctx, &value, &name)
}

fn param_value(uri: &Uri<'_>, name: &[u8]) -> Value {
    uri.params.get(name).map_or(Value::EMPTY, |param| Value::copied(&param.unquoted()))
}

fn to_socket(ctx: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let made = read(ctx, &value, |_, uri| match uri.params.value(b"transport") {
        Some(transport) if !uri.host.is_empty() => {
            let port = uri.port.unwrap_or(5060).to_string();
            Value::Str([transport, b":", uri.host, b":", port.as_bytes()].concat().into())
        }
        _ => Value::Null,
    });
    if made.is_null() {
        ctx.log(Level::ERR, "{uri.tosocket}: the URI has no transport");
    }
    made
}

/// Whether a composed URI has its user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum User {
    Yes,
    No,
}

/// Whether a composed URI has port and transport.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Rest {
    Yes,
    No,
}

fn composed(ctx: &mut Ctx<'_>, value: &Value, user: User, rest: Rest) -> Value {
    read(ctx, value, |_, uri| {
        let colon = memchr::memchr(b':', uri.text).unwrap_or(0);
        let mut out = uri.text[..=colon].to_vec();
        if let (User::Yes, Some(user)) = (user, uri.user) {
            out.extend_from_slice(user);
            if uri.scheme != Scheme::Tel {
                out.push(b'@');
            }
        }
        if rest == Rest::No {
            out.extend_from_slice(uri.host);
            return Value::Str(out.into());
        }
        out.extend_from_slice(uri.host_port);
        if let Some(transport) = uri.params.value(b"transport") {
            out.extend_from_slice(b";transport=");
            out.extend_from_slice(transport);
        }
        Value::Str(out.into())
    })
}
