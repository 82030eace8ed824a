//! Questions about URIs and changes to them.

use bytes::Bytes;
use sip::msg::{HeaderName, Scheme, Uri};
use sip::span::Span;

use crate::api::{Args, Ctx, Flow, Level, Value};

/// The parameter without value, or with the value given.
pub(super) fn uri_param(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    has_param(ctx, args, |found, wanted| match wanted {
        None => found.is_none(),
        Some(wanted) => found.is_some_and(|found| found == &wanted[..]),
    })
}

pub(super) fn uri_param_any(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    has_param(ctx, args, |found, wanted| wanted.is_none_or(|wanted| found == Some(&wanted[..])))
}

fn has_param(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    fits: impl Fn(Option<&[u8]>, Option<Bytes>) -> bool,
) -> Flow {
    let name = args.text(ctx, 0);
    let wanted = (args.len() > 1).then(|| args.text(ctx, 1));
    let Some(uri) = ctx.work.uri() else { return Flow::FALSE };
    let Ok(uri) = Uri::parse(&uri) else { return Flow::FALSE };
    Flow::from_bool(uri.params.get(&name).is_some_and(|param| fits(param.value, wanted)))
}

pub(super) fn uri_param_rm(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let Some(uri) = ctx.work.uri() else { return Flow::FALSE };
    let span = Uri::parse(&uri)
        .ok()
        .and_then(|parsed| parsed.params.get(&name))
        .and_then(|param| Span::locate(&uri, param.whole));
    let Some(span) = span else { return Flow::FALSE };
    ctx.work.targets.set_uri([&uri[..span.start as usize], &uri[span.end()..]].concat());
    Flow::TRUE
}

/// `name=value`; put before the headers of the URI.
pub(super) fn add_uri_param(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let param = args.text(ctx, 0);
    let Some(uri) = ctx.work.uri() else { return Flow::FALSE };
    let Ok(parsed) = Uri::parse(&uri) else { return Flow::FALSE };
    if param.is_empty() {
        return Flow::TRUE;
    }
    // The headers' text begins behind the question mark.
    let headers = parsed.headers.as_bytes();
    let end = if headers.is_empty() { uri.len() } else { uri.len() - headers.len() - 1 };
    ctx.work.targets.set_uri([&uri[..end], b";", &param, &uri[end..]].concat());
    Flow::TRUE
}

pub(super) fn get_uri_param(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let Some(uri) = ctx.work.uri() else { return Flow::FALSE };
    let found = Uri::parse(&uri).ok().and_then(|parsed| {
        parsed.params.get(&name).map(|param| Value::copied(param.value.unwrap_or_default()))
    });
    match found {
        Some(value) => write(ctx, args, 1, value),
        None => Flow::FALSE,
    }
}

/// Stores a result in the variable given as argument `at`.
fn write(ctx: &mut Ctx<'_>, args: &Args<'_>, at: usize, value: Value) -> Flow {
    match args.pv(at).map(|pv| pv.set(ctx, value)) {
        Some(Ok(())) => Flow::TRUE,
        Some(Err(reason)) => {
            ctx.log(Level::ERR, format!("the result was not stored: {reason}"));
            Flow::FALSE
        }
        None => Flow::FALSE,
    }
}

pub(super) fn is_uri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    Flow::from_bool(Uri::parse(&text).is_ok_and(|uri| uri.scheme != Scheme::Other))
}

pub(super) fn is_user(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    let view = ctx.work.view();
    let mut auths = [HeaderName::ProxyAuthorization, HeaderName::Authorization]
        .into_iter()
        .flat_map(|header| view.auths(header).filter_map(Result::ok));
    let user = auths.next().and_then(|auth| auth.params.get(b"username").map(|user| user.unquoted()));
    Flow::from_bool(user.is_some_and(|user| *user == *wanted))
}

pub(super) fn cmp_uri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    compare(ctx, args, |a, b| a.is_equal(b))
}

pub(super) fn cmp_aor(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    compare(ctx, args, |a, b| a.user == b.user && a.host.eq_ignore_ascii_case(b.host))
}

fn compare(ctx: &mut Ctx<'_>, args: &Args<'_>, same: fn(&Uri<'_>, &Uri<'_>) -> bool) -> Flow {
    let (a, b) = (args.text(ctx, 0), args.text(ctx, 1));
    match (Uri::parse(&a), Uri::parse(&b)) {
        (Ok(a), Ok(b)) => Flow::from_bool(same(&a, &b)),
        _ => Flow::FALSE,
    }
}

pub(super) fn cmp_hdr_name(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (a, b) = (args.text(ctx, 0), args.text(ctx, 1));
    let (known_a, known_b) = (HeaderName::parse(&a), HeaderName::parse(&b));
    let is_same = known_a == known_b && (known_a != HeaderName::Other || a.eq_ignore_ascii_case(&b));
    Flow::from_bool(is_same)
}

pub(super) fn set_uri_user(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (text, user) = (args.value(ctx, 0).to_text(), args.text(ctx, 1));
    let Ok(uri) = Uri::parse(&text) else { return Flow::FALSE };
    let Some(host) = Span::locate(&text, uri.host_port) else { return Flow::FALSE };
    let colon = memchr::memchr(b':', &text).unwrap_or(0);
    let at: &[u8] = if user.is_empty() { b"" } else { b"@" };
    let changed = [&text[..=colon], &user, at, &text[host.start as usize..]].concat();
    write(ctx, args, 0, Value::Str(changed.into()))
}

pub(super) fn set_uri_host(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (text, host) = (args.value(ctx, 0).to_text(), args.text(ctx, 1));
    let Ok(uri) = Uri::parse(&text) else { return Flow::FALSE };
    let Some(span) = Span::locate(&text, uri.host) else { return Flow::FALSE };
    let changed = [&text[..span.start as usize], &host, &text[span.end()..]].concat();
    write(ctx, args, 0, Value::Str(changed.into()))
}

/// `tel:+1-23;x=y` and `h.ex` make `sip:+123;x=y@h.ex;user=phone` (RFC 3261 19.1.6). Other URIs stay.
pub(super) fn tel2sip(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (uri, host) = (args.text(ctx, 0), args.text(ctx, 1));
    let Some(number) = uri.get(4..).filter(|_| uri[..4].eq_ignore_ascii_case(b"tel:")) else {
        return write(ctx, args, 2, Value::Str(uri));
    };
    let params = memchr::memchr(b';', number).unwrap_or(number.len());
    let digits = number[..params].iter().copied().filter(|byte| !matches!(byte, b'-' | b'.' | b'(' | b')'));
    let mut made = b"sip:".to_vec();
    made.extend(digits);
    made.extend_from_slice(&number[params..].to_ascii_lowercase());
    made.extend_from_slice(b"@");
    made.extend_from_slice(&host);
    made.extend_from_slice(b";user=phone");
    write(ctx, args, 2, Value::Str(made.into()))
}

/// RFC 5627 3: a public GRUU has a `gr` parameter with a value, a temporary one without.
pub(super) fn is_gruu(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let uri = if args.is_empty() { ctx.work.uri() } else { Some(args.text(ctx, 0)) };
    let Some(uri) = uri else { return Flow::FALSE };
    match Uri::parse(&uri).ok().and_then(|uri| uri.params.get(b"gr").map(|gr| gr.value.is_some())) {
        Some(true) => Flow::Next(1),
        Some(false) => Flow::Next(2),
        None => Flow::FALSE,
    }
}
