//! Classes `nameaddr`, `tobody` and `urialias`.

use bytes::Bytes;
use sip::msg::{NameAddr, Uri};
use sip::peer::Transport;

use super::super::NAME;
use super::slice;
use crate::api::{Ctx, Level, ModuleDef, TransformArgs, TransformDef, TransformFn, Value};

pub(in super::super) static PART: ModuleDef =
    ModuleDef { name: NAME, transforms: TRANSFORMS, ..ModuleDef::EMPTY };

static TRANSFORMS: &[TransformDef] = &[
    row(
        "nameaddr",
        "name",
        |_, v, _| outer(&v, |text, addr| slice(text, addr.display.unwrap_or_default())),
        "display name",
    ),
    row("nameaddr", "uri", |_, v, _| outer(&v, |text, addr| slice(text, addr.uri_text)), "URI"),
    row("nameaddr", "len", length, "length up to the closing bracket"),
    row("tobody", "uri", |_, v, _| body(&v, |text, addr| slice(text, addr.uri_text)), "URI"),
    row("tobody", "tag", |_, v, _| body(&v, |text, addr| slice(text, addr.tag().unwrap_or_default())), "tag"),
    row(
        "tobody",
        "display",
        |_, v, _| body(&v, |text, addr| slice(text, addr.display.unwrap_or_default())),
        "display name",
    ),
    row("tobody", "user", |_, v, _| uri_part(&v, |uri| uri.user.unwrap_or_default()), "user"),
    row("tobody", "host", |_, v, _| uri_part(&v, |uri| uri.host), "host"),
    row("tobody", "params", params, "parameters"),
    row("urialias", "encode", encode, "a URI as ip~port~proto"),
    row("urialias", "decode", decode, "ip~port~proto as a URI"),
];

const fn row(class: &'static str, op: &'static str, run: TransformFn, doc: &'static str) -> TransformDef {
    TransformDef::new(class, op, &[], run, doc)
}

/// Reads a value as `nameaddr` does: without brackets the whole text is the URI.
fn outer(value: &Value, read: impl FnOnce(&Bytes, &NameAddr<'_>) -> Value) -> Value {
    let text = value.to_text();
    let Ok(mut address) = NameAddr::parse(&text) else { return Value::Null };
    if memchr::memchr(b'<', &text).is_none() {
        address.uri_text = address.text;
    }
    read(&text, &address)
}

fn length(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    if NameAddr::parse(&text).is_err() {
        return Value::Null;
    }
    let close = memchr::memchr(b'>', &text).map_or(text.len(), |at| at + 1);
    Value::Int(close as i64)
}

fn body(value: &Value, read: impl FnOnce(&Bytes, &NameAddr<'_>) -> Value) -> Value {
    let text = value.to_text();
    NameAddr::parse(&text).map_or(Value::Null, |address| read(&text, &address))
}

fn uri_part(value: &Value, pick: for<'a> fn(&Uri<'a>) -> &'a [u8]) -> Value {
    body(value, |text, address| match address.uri() {
        Ok(uri) => slice(text, pick(&uri)),
        Err(_) => Value::Null,
    })
}

fn params(_: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    body(&value, |text, address| {
        let params = address.params.as_bytes();
        slice(text, params.strip_prefix(b";").unwrap_or(params))
    })
}

fn encode(ctx: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    match Uri::parse(&text) {
        Ok(uri) if !uri.host.is_empty() => {
            let transport = uri.transport_param().unwrap_or(Transport::Udp) as u8;
            let rest = format!("~{}~{transport}", uri.port.unwrap_or(5060));
            Value::Str([uri.host, rest.as_bytes()].concat().into())
        }
        _ => {
            ctx.log(Level::ERR, [b"{urialias.encode}: invalid uri [", &text[..], b"]"].concat());
            Value::Null
        }
    }
}

fn decode(ctx: &mut Ctx<'_>, value: Value, _: &TransformArgs<'_>) -> Value {
    let text = value.to_text();
    let parts: Vec<&[u8]> = text.split(|byte| *byte == b'~').collect();
    let decoded = match parts[..] {
        [host, port, number] => transport_of(number).map(|transport| {
            let param = match transport {
                Transport::Udp => String::new(),
                other => format!(";transport={}", other.param_name()),
            };
            [b"sip:", host, b":", port, param.as_bytes()].concat()
        }),
        _ => None,
    };
    if decoded.is_none() {
        ctx.log(Level::ERR, [b"{urialias.decode}: not an alias [", &text[..], b"]"].concat());
    }
    decoded.map_or(Value::Null, |uri| Value::Str(uri.into()))
}

fn transport_of(number: &[u8]) -> Option<Transport> {
    Some(match number {
        b"1" => Transport::Udp,
        b"2" => Transport::Tcp,
        b"3" => Transport::Tls,
        b"4" => Transport::Sctp,
        b"5" => Transport::Ws,
        b"6" => Transport::Wss,
        _ => return None,
    })
}
