//! The request URI as it is now (`$ru`), as it was received (`$ou`), and the destination (`$du`).

use bytes::Bytes;
use sip::msg::{Scheme, Uri};

use super::{NAME, rewrite};
use crate::api::{Ctx, InnerKind, ModuleDef, PvArg, PvDef, SetError, Value};
use sip::peer::Transport;

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    PvDef::new("ru", |ctx, _| Value::optional(parsable(ctx.work.uri())), "request URI")
        .alias(&["ruri"])
        .writable(set_uri),
    PvDef::new("rU", |ctx, _| user(ctx.work.uri()), "user of the request URI")
        .alias(&["ruri.user"])
        .writable(set_user),
    PvDef::new("rUl", |ctx, _| user_len(ctx.work.uri()), "length of the user of the request URI"),
    PvDef::new("rd", |ctx, _| host(ctx.work.uri()), "host of the request URI")
        .alias(&["ruri.domain"])
        .writable(set_host),
    PvDef::new("rp", |ctx, _| port(ctx.work.uri()), "port of the request URI").writable(set_port),
    PvDef::new("rP", |ctx, _| transport(ctx.work.uri()), "transport of the request URI"),
    PvDef::new("rz", |ctx, _| scheme(ctx), "scheme of the request URI"),
    PvDef::new("ou", |ctx, _| Value::optional(received(ctx)), "request URI as received").alias(&["ouri"]),
    PvDef::new("oU", |ctx, _| user(received(ctx)), "user of the request URI as received"),
    PvDef::new("oUl", |ctx, _| user_len(received(ctx)), "length of that user"),
    PvDef::new("od", |ctx, _| host(received(ctx)), "host of the request URI as received"),
    PvDef::new("op", |ctx, _| port(received(ctx)), "port of the request URI as received"),
    PvDef::new("oP", |ctx, _| transport(received(ctx)), "transport of the request URI as received"),
    PvDef::new("du", |ctx, _| Value::optional(destination(ctx)), "destination URI")
        .alias(&["duri"])
        .writable(set_destination),
    PvDef::new("dd", |ctx, _| host(destination(ctx)), "host of the destination URI"),
    PvDef::new("dp", |ctx, _| port(destination(ctx)), "port of the destination URI"),
    PvDef::new("dP", |ctx, _| transport(destination(ctx)), "transport of the destination URI"),
    PvDef::new("nh", next_hop, "parts of the next hop").inner(InnerKind::Key(&["u", "U", "d", "p", "P"])),
];

/// Every reader below is null for a text that is no URI.
fn part(uri: Option<Bytes>, read: impl FnOnce(&Uri<'_>) -> Value) -> Value {
    let Some(uri) = uri else { return Value::Null };
    Uri::parse(&uri).map_or(Value::Null, |parsed| read(&parsed))
}

fn parsable(uri: Option<Bytes>) -> Option<Bytes> {
    uri.filter(|uri| Uri::parse(uri).is_ok())
}

/// `urn:service:sos` has the user `service` and the host `sos`.
fn urn<'a>(uri: &Uri<'a>) -> Option<(&'a [u8], &'a [u8])> {
    let rest = uri.text.get(4..).filter(|_| uri.text[..4].eq_ignore_ascii_case(b"urn:"))?;
    let colon = memchr::memchr(b':', rest)?;
    Some((&rest[..colon], &rest[colon + 1..]))
}

pub(super) fn user(uri: Option<Bytes>) -> Value {
    part(uri.clone(), |parsed| {
        let user = parsed.user.or_else(|| urn(parsed).map(|(user, _)| user));
        slice(uri.as_ref(), user)
    })
}

pub(super) fn user_len(uri: Option<Bytes>) -> Value {
    part(uri, |parsed| Value::Int(parsed.user.unwrap_or_default().len() as i64))
}

pub(super) fn host(uri: Option<Bytes>) -> Value {
    part(uri.clone(), |parsed| {
        let host = urn(parsed).map_or(parsed.host, |(_, host)| host);
        slice(uri.as_ref(), Some(host).filter(|host| !host.is_empty()))
    })
}

/// A text first: `$rp + 1` joins.
fn port(uri: Option<Bytes>) -> Value {
    part(uri, |parsed| {
        let is_tls = parsed.transport_param() == Some(Transport::Tls);
        let default = if is_tls { 5061 } else { 5060 };
        Value::Str(Value::Int(i64::from(parsed.port.unwrap_or(default))).to_text())
    })
}

fn transport(uri: Option<Bytes>) -> Value {
    part(uri.clone(), |parsed| {
        let number = parsed.transport_param().unwrap_or(Transport::Udp) as i64;
        let text = match parsed.params.value(b"transport") {
            Some(written) => slice(uri.as_ref(), Some(written)).to_text(),
            None => Bytes::from_static(b"UDP"),
        };
        Value::Both { text, int: number }
    })
}

fn scheme(ctx: &Ctx<'_>) -> Value {
    let phones_are_tel = ctx.catalog.setting_int("phone2tel", 1) != 0;
    part(ctx.work.uri(), |parsed| {
        let user = parsed.params.value(b"user");
        let is_phone = phones_are_tel && user.is_some_and(|user| user.eq_ignore_ascii_case(b"phone"));
        match parsed.scheme {
            Scheme::Sip if is_phone => Value::literal("tel"),
            Scheme::Sip => Value::literal("sip"),
            Scheme::Sips if is_phone => Value::literal("tels"),
            Scheme::Sips => Value::literal("sips"),
            Scheme::Tel => Value::literal("tel"),
            Scheme::Other => {
                let colon = memchr::memchr(b':', parsed.text).unwrap_or(0);
                Value::copied(&parsed.text[..colon].to_ascii_lowercase())
            }
        }
    })
}

/// A part of shared bytes without copying it.
fn slice(whole: Option<&Bytes>, part: Option<&[u8]>) -> Value {
    match (whole, part) {
        (Some(_), Some([])) => Value::EMPTY,
        (Some(whole), Some(part)) => Value::Str(whole.slice_ref(part)),
        _ => Value::Null,
    }
}

pub(super) fn received(ctx: &mut Ctx<'_>) -> Option<Bytes> {
    let uri = ctx.work.view().request_uri()?;
    Some(ctx.work.slice(uri))
}

fn destination(ctx: &mut Ctx<'_>) -> Option<Bytes> {
    ctx.work.targets.ruri().dst_uri.as_deref().map(Bytes::copy_from_slice)
}

fn next_hop(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let uri = destination(ctx).or_else(|| ctx.work.uri()).or_else(|| reply_hop(ctx));
    match arg.slot() {
        0 => Value::optional(parsable(uri)),
        1 => user(uri),
        2 => host(uri),
        3 => port(uri),
        _ => transport(uri),
    }
}

/// Where a reply goes: the second Via as a URI.
fn reply_hop(ctx: &mut Ctx<'_>) -> Option<Bytes> {
    let via = ctx.work.view().vias().nth(1)?.ok()?;
    let (host, port) = via.response_target();
    let mut uri = b"sip:".to_vec();
    uri.extend_from_slice(host);
    uri.extend_from_slice(format!(":{port};transport=").as_bytes());
    uri.extend_from_slice(&via.transport_text.to_ascii_lowercase());
    Some(uri.into())
}

fn set_uri(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    match value {
        Value::Str(text) | Value::Both { text, .. } => ctx.set_uri(&text),
        Value::Int(_) | Value::Null => Err(SetError::Type),
    }
}

fn set_user(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    match value {
        Value::Null => ctx.change_uri(|uri| rewrite::set_user(uri, None)),
        Value::Str(user) | Value::Both { text: user, .. } => {
            ctx.change_uri(|uri| rewrite::set_user(uri, Some(&user)))
        }
        Value::Int(_) => Err(SetError::Type),
    }
}

fn set_host(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    match value {
        Value::Str(host) | Value::Both { text: host, .. } => {
            ctx.change_uri(|uri| rewrite::set_host(uri, &host))
        }
        Value::Int(_) | Value::Null => Err(SetError::Type),
    }
}

fn set_port(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    match value {
        Value::Null => ctx.change_uri(|uri| rewrite::set_port(uri, None)),
        port => ctx.change_uri(|uri| rewrite::set_port(uri, Some(&port.to_text()))),
    }
}

fn set_destination(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    let text = match value {
        Value::Int(_) => return Err(SetError::Type),
        other => other.to_text(),
    };
    ctx.work.targets.set_dst_uri((!text.is_empty()).then(|| text.as_ref().into()));
    Ok(())
}

impl Ctx<'_> {
    /// Sets the request URI of a request; it is not checked.
    pub(super) fn set_uri(&mut self, uri: &[u8]) -> Result<(), SetError> {
        if self.work.view().request_uri().is_none() {
            return Err(SetError::Absent);
        }
        self.work.targets.set_uri(uri);
        Ok(())
    }

    /// Replaces the request URI by what `change` makes of it. Errors: `Value` when it makes nothing.
    pub(super) fn change_uri(
        &mut self,
        change: impl FnOnce(&[u8]) -> rewrite::Rewritten,
    ) -> Result<(), SetError> {
        let uri = self.work.uri().ok_or(SetError::Absent)?;
        let changed = change(&uri).ok_or(SetError::Value)?;
        self.work.targets.set_uri(changed);
        Ok(())
    }
}
