//! Challenges: the header line, and the replies 401 and 407 that carry it (RFC 3261 22.2, 22.3).

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::Method;

use super::nonce::{self, Nonce};
use super::params;
use super::verify::Header;
use crate::api::{Args, Catalog, Ctx, Flow, Level, Prepared, Value};

/// What a challenge offers and says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Terms {
    /// `auth`, `auth-int`, or none.
    pub(super) qop: Option<&'static str>,
    /// Only the nonce was too old.
    pub(super) is_stale: bool,
}

impl Terms {
    /// The terms of the flags of a challenge function: 1 auth, 2 auth-int, 16 stale.
    fn of_flags(flags: i64) -> Terms {
        let qop = match flags & 3 {
            0 => None,
            1 => Some("auth"),
            _ => Some("auth-int"),
        };
        Terms { qop, is_stale: flags & STALE != 0 }
    }
}

/// The flag that says the nonce was too old.
const STALE: i64 = 16;

/// Takes a realm that is not empty.
pub(super) fn prepare_realm(_: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    if text.is_empty() {
        return Err("the realm is empty, expected a host name".into());
    }
    Ok(Arc::new(Bytes::copy_from_slice(text)))
}

/// The whole header line with its end.
pub(super) fn line(ctx: &mut Ctx<'_>, header: Header, realm: &[u8], terms: Terms) -> Vec<u8> {
    let rules = params::rules(ctx);
    let since = ctx.shard.unix_time(ctx.shard.now).as_secs() as u32;
    let binding = nonce::binding(ctx, &rules);
    let id = rules.uses.are_counted().then(|| rules.uses.new_id());
    let nonce = Nonce { expires: since.saturating_add(rules.nonce_expire), since, id };
    let nonce = params::key(ctx, |key| key.write(nonce, &binding));
    let name = match header {
        Header::Www => &rules.www_header,
        Header::Proxy => &rules.proxy_header,
    };
    let mut out = [name, &b": Digest realm=\""[..], realm, b"\", nonce=\"", nonce.as_bytes(), b"\""].concat();
    if let Some(qop) = terms.qop {
        out.extend_from_slice(format!(", qop=\"{qop}\"").as_bytes());
    }
    if terms.is_stale {
        out.extend_from_slice(b", stale=true");
    }
    if let Some(algorithm) = params::named_algorithm(ctx) {
        out.extend_from_slice(format!(", algorithm={}", algorithm.name()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out
}

/// `www_challenge(realm, flags)`
pub(super) fn www_challenge(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    challenge(ctx, args, Header::Www)
}

/// `proxy_challenge(realm, flags)`
pub(super) fn proxy_challenge(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    challenge(ctx, args, Header::Proxy)
}

/// `auth_challenge(realm, flags)`: unlike the other two it is content with an ACK.
pub(super) fn auth_challenge(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    if ctx.work.view().method() == Some(Method::Ack) {
        return Flow::TRUE;
    }
    let header = Header::of_method(ctx.work.view());
    challenge(ctx, args, header)
}

/// `auth_get_www_authenticate(realm, flags, $var)`
pub(super) fn auth_get_www_authenticate(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Ok(realm) = args.prepared::<Bytes>(ctx, 0) else { return Flow::FALSE };
    let terms = Terms::of_flags(args.int(ctx, 1));
    let text = line(ctx, Header::Www, &realm, terms);
    let Some(pv) = args.pv(2) else { return Flow::FALSE };
    Flow::from_bool(pv.set(ctx, Value::Str(text.into())).is_ok())
}

fn challenge(ctx: &mut Ctx<'_>, args: &Args<'_>, header: Header) -> Flow {
    let realm = match args.prepared::<Bytes>(ctx, 0) {
        Ok(realm) => realm,
        Err(reason) => {
            ctx.log(Level::ERR, format!("auth: {reason}"));
            ctx.reply(500, b"Internal Server Error");
            return Flow::FALSE;
        }
    };
    // An ACK is never answered (RFC 3261 22.1).
    if ctx.work.view().method() == Some(Method::Ack) {
        return Flow::Next(-3);
    }
    let terms = Terms::of_flags(args.int(ctx, 1));
    let line = line(ctx, header, &realm, terms);
    ctx.work.reply_headers.push(line.into());
    let (status, reason): (u16, &[u8]) = match header {
        Header::Www => (401, b"Unauthorized"),
        Header::Proxy => (407, b"Proxy Authentication Required"),
    };
    let is_sent = match params::rules(ctx).is_stateless {
        true => ctx.reply_stateless(status, reason),
        false => ctx.reply(status, reason),
    };
    if is_sent { Flow::TRUE } else { Flow::Next(-3) }
}
