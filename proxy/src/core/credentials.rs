//! The credentials of a request (`$au`, `$ar`, ...) and the account they are of (`$Au`, `$AU`).
//!
//! Proxy-Authorization goes before Authorization. ACK and CANCEL have none, whatever they carry, since they
//! cannot be challenged (RFC 3261 22.1).

use sip::msg::{Auth, HeaderName, Method, Uri};

use super::NAME;
use crate::api::{Authorized, Ctx, ModuleDef, PvDef, Value};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    PvDef::new("au", |ctx, _| user(ctx), "user of the credentials, without domain"),
    PvDef::new("aU", |ctx, _| param(ctx, b"username"), "user of the credentials, whole"),
    PvDef::new("ad", |ctx, _| domain(ctx), "domain in the user of the credentials"),
    PvDef::new("ar", |ctx, _| param(ctx, b"realm"), "realm of the credentials"),
    PvDef::new("adu", |ctx, _| param(ctx, b"uri"), "URI of the credentials").alias(&["auth.uri"]),
    PvDef::new("aa", |ctx, _| param(ctx, b"algorithm"), "algorithm of the credentials"),
    PvDef::new("adn", |ctx, _| param(ctx, b"nonce"), "nonce of the credentials").alias(&["auth.nonce"]),
    PvDef::new("adc", |ctx, _| param(ctx, b"cnonce"), "cnonce of the credentials"),
    PvDef::new("adr", |ctx, _| param(ctx, b"response"), "response of the credentials").alias(&["auth.resp"]),
    PvDef::new("ado", |ctx, _| param(ctx, b"opaque"), "opaque of the credentials"),
    PvDef::new("Au", |ctx, _| account(ctx, Part::Whole), "account: credentials, else From, as user@domain")
        .alias(&["authURI"]),
    PvDef::new("AU", |ctx, _| account(ctx, Part::User), "user of the account").alias(&["authUser"]),
];

fn param(ctx: &mut Ctx<'_>, name: &[u8]) -> Value {
    let view = ctx.work.view();
    if matches!(view.method(), None | Some(Method::Ack | Method::Cancel)) {
        return Value::Null;
    }
    let written = view
        .header(HeaderName::ProxyAuthorization)
        .or_else(|| view.header(HeaderName::Authorization))
        .and_then(|value| Auth::parse(value).ok());
    written.and_then(|auth| auth.param(name)).map_or(Value::Null, |value| Value::copied(&value))
}

fn user(ctx: &mut Ctx<'_>) -> Value {
    match param(ctx, b"username") {
        Value::Str(whole) => {
            let end = memchr::memchr(b'@', &whole).unwrap_or(whole.len());
            Value::Str(whole.slice(..end))
        }
        other => other,
    }
}

fn domain(ctx: &mut Ctx<'_>) -> Value {
    match param(ctx, b"username") {
        Value::Str(whole) => {
            memchr::memchr(b'@', &whole).map_or(Value::Null, |at| Value::Str(whole.slice(at + 1..)))
        }
        other => other,
    }
}

/// How much of the account is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Whole,
    User,
}

fn account(ctx: &mut Ctx<'_>, part: Part) -> Value {
    // Credentials that nobody checked say nothing: 5.6.3 takes From then.
    let is_checked = ctx.work.attached.get::<Authorized>().is_some_and(|mark| mark.0);
    let user = if is_checked { user(ctx) } else { Value::Null };
    if !user.is_null() {
        if part == Part::User {
            return user;
        }
        let domain = domain(ctx);
        let domain = if domain.is_null() { param(ctx, b"realm") } else { domain };
        return Value::Str([&user.to_text()[..], b"@", &domain.to_text()].concat().into());
    }
    let Ok(from) = ctx.work.view().from() else { return Value::Null };
    let Ok(uri) = Uri::parse(from.uri_text) else { return Value::Null };
    let user = uri.user.unwrap_or_default();
    match part {
        Part::User => Value::copied(user),
        Part::Whole => Value::copied(&[user, b"@", uri.host].concat()),
    }
}
