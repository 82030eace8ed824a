//! Questions about the message as a whole, and the answer to OPTIONS.

use bytes::Bytes;
use sip::msg::{HeaderName, Method, Uri};

use crate::api::{Args, Ctx, Flow, Loading, parse_http_date};

pub(super) fn has_totag(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.view().to().is_ok_and(|to| to.tag().is_some()))
}

pub(super) fn is_request(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.view().method().is_some())
}

pub(super) fn is_reply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.view().status().is_some())
}

pub(super) fn is_supported(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let tag = args.text(ctx, 0);
    Flow::from_bool(ctx.work.view().has_token(HeaderName::Supported, &tag))
}

/// The header fields of the answer to OPTIONS, made once.
#[derive(Debug)]
struct OptionsFields(Bytes);

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let mut fields = Vec::new();
    for (name, param) in [
        ("Accept", "options_accept"),
        ("Accept-Encoding", "options_accept_encoding"),
        ("Accept-Language", "options_accept_language"),
        ("Supported", "options_support"),
    ] {
        fields.extend_from_slice(name.as_bytes());
        fields.extend_from_slice(b": ");
        fields.extend_from_slice(&loading.params.text(param));
        fields.extend_from_slice(b"\r\n");
    }
    loading.shared.put(OptionsFields(fields.into()));
    Ok(())
}

/// RFC 3261 11.2: 200 to an OPTIONS for us, that is without a user. -1 and nothing sent otherwise.
pub(super) fn options_reply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let is_options = ctx.work.view().method() == Some(Method::Options);
    let has_user = ctx.work.uri().is_some_and(|uri| Uri::parse(&uri).is_ok_and(|uri| uri.user.is_some()));
    if !is_options || has_user {
        return Flow::FALSE;
    }
    if let Some(fields) = ctx.shard.shared.get::<OptionsFields>() {
        ctx.work.reply_headers.push(fields.0.clone());
    }
    Flow::from_bool(ctx.reply(200, b"OK"))
}

/// 1: Date is at most `seconds` away from now; -1: no Date; -2: unreadable; -4: too old or too new.
pub(super) fn hdr_date_check(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(date) = ctx.work.view().header(HeaderName::Date) else { return Flow::FALSE };
    let Some(written) = parse_http_date(date) else { return Flow::Next(-2) };
    let now = ctx.shard.unix_time(ctx.shard.now).as_secs() as i64;
    match (now - written).abs() <= args.int(ctx, 0) {
        true => Flow::TRUE,
        false => Flow::Next(-4),
    }
}
