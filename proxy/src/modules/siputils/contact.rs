//! URIs of Contact hidden in a URI of ours and taken out of it again: in its user, divided by a separator, or in
//! a parameter, in base64.

use sip::msg::{HeaderName, NameAddr, Uri, Values};
use sip::span::Span;

use crate::api::{Args, Base64, Ctx, Flow, Level, Loading, Padding};

/// What divides the parts of a hidden URI (`contact_flds_separator`).
#[derive(Clone, Copy, Debug)]
struct Separator(u8);

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    match loading.params.text("contact_flds_separator")[..] {
        [byte] => {
            loading.shared.put(Separator(byte));
            Ok(())
        }
        _ => Err("contact_flds_separator is one character".into()),
    }
}

fn separator(ctx: &Ctx<'_>) -> u8 {
    ctx.shard.shared.peek::<Separator>().map_or(b'*', |separator| separator.0)
}

/// Which Contact fields a function works on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fields {
    /// The first one only, as 5.6.3 does for the user form.
    First,
    All,
}

/// Replaces the URI of each contact by what `change` makes of it; `None` leaves one as it is. A URI without
/// angle brackets gets them when `brackets` says so. Errors: the first that `change` gives, nothing is changed.
fn change_contacts(
    ctx: &mut Ctx<'_>,
    fields: Fields,
    brackets: bool,
    change: impl Fn(&[u8]) -> Result<Option<Vec<u8>>, i64>,
) -> Result<usize, i64> {
    let view = ctx.work.view();
    let limit = if fields == Fields::First { 1 } else { usize::MAX };
    let mut changes: Vec<(Span, Vec<u8>)> = Vec::new();
    let mut seen = 0;
    for field in view.fields(HeaderName::Contact).take(limit) {
        for value in Values::new(field.value.of(view.bytes)) {
            let Ok(contact) = NameAddr::parse(value) else { return Err(-1) };
            seen += 1;
            let Some(span) = view.locate(contact.uri_text) else { continue };
            let Some(mut uri) = change(contact.uri_text)? else { continue };
            if brackets && !contact.text.contains(&b'<') {
                uri = [b"<", &uri[..], b">"].concat();
            }
            changes.push((span, uri));
        }
    }
    for (span, uri) in changes {
        ctx.work.edits.replace(span, &uri);
    }
    Ok(seen)
}

/// -1 without a Contact.
pub(super) fn encode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (prefix, host) = (args.text(ctx, 0), args.text(ctx, 1));
    let by = separator(ctx);
    let result = change_contacts(ctx, Fields::First, false, |uri| {
        let uri = Uri::parse(uri).map_err(|_| -1)?;
        let port = uri.port.map_or(String::new(), |port| port.to_string());
        let transport = uri.params.get(b"transport").and_then(|param| param.value).unwrap_or_default();
        let parts: [&[u8]; 6] = [
            &prefix,
            uri.user.unwrap_or_default(),
            uri.password.unwrap_or_default(),
            uri.host,
            port.as_bytes(),
            transport,
        ];
        Ok(Some([b"sip:", &parts.join(&by)[..], b"@", &host].concat()))
    });
    finish(ctx, "encode_contact", result)
}

fn finish(ctx: &mut Ctx<'_>, function: &str, result: Result<usize, i64>) -> Flow {
    match result {
        Ok(0) => {
            ctx.log(Level::ERR, format!("{function}: there is no Contact"));
            Flow::FALSE
        }
        Ok(_) => Flow::TRUE,
        Err(code) => {
            ctx.log(Level::ERR, format!("{function}: a URI cannot be read"));
            Flow::Next(code)
        }
    }
}

/// What 5.6.3 answers for a URI that hides no other.
const NOT_ENCODED: i64 = -26;

/// `sip:prefix*user*password*host*port*transport@ours;x=y` as `sip:user:password@host:port;transport=...;x=y`.
fn decoded(uri: &[u8], by: u8) -> Option<Vec<u8>> {
    let colon = memchr::memchr(b':', uri)?;
    let at = memchr::memchr(b'@', uri)?;
    let parts: Vec<&[u8]> = uri.get(colon + 1..at)?.split(|byte| *byte == by).collect();
    let [_, user, password, host, port, transport] = parts[..] else { return None };
    let mut out = b"sip:".to_vec();
    if !user.is_empty() {
        out.extend_from_slice(user);
        if !password.is_empty() {
            out.push(b':');
            out.extend_from_slice(password);
        }
        out.push(b'@');
    }
    out.extend_from_slice(host);
    if !port.is_empty() {
        out.push(b':');
        out.extend_from_slice(port);
    }
    if !transport.is_empty() {
        out.extend_from_slice(b";transport=");
        out.extend_from_slice(transport);
    }
    let params = memchr::memchr(b';', &uri[at..]).map_or(uri.len(), |params| at + params);
    out.extend_from_slice(&uri[params..]);
    Some(out)
}

pub(super) fn decode(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let by = separator(ctx);
    match ctx.work.uri().and_then(|uri| decoded(&uri, by)) {
        Some(uri) => {
            ctx.work.targets.set_uri(uri);
            Flow::TRUE
        }
        None => finish(ctx, "decode_contact", Err(NOT_ENCODED)),
    }
}

pub(super) fn decode_header(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let by = separator(ctx);
    let result = change_contacts(ctx, Fields::First, false, |uri| match decoded(uri, by) {
        Some(uri) => Ok(Some(uri)),
        None => Err(NOT_ENCODED),
    });
    finish(ctx, "decode_contact_header", result)
}

/// 1 also without a Contact.
pub(super) fn param_encode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, ours) = (args.text(ctx, 0), args.text(ctx, 1));
    let result = change_contacts(ctx, Fields::First, true, |uri| {
        let hidden = Base64::Url.encode(uri, Padding::No);
        Ok(Some([&ours[..], b";", &name, b"=", &hidden].concat()))
    });
    Flow::from_bool(result.is_ok())
}

/// The URI in a parameter of this one; `None` without the parameter. Errors: it is no URI.
fn hidden(uri: &[u8], name: &[u8]) -> Result<Option<Vec<u8>>, i64> {
    let parsed = Uri::parse(uri).map_err(|_| -1)?;
    let Some(value) = parsed.params.get(name).and_then(|param| param.value) else { return Ok(None) };
    let inner = Base64::Url.decode(value).filter(|inner| Uri::parse(inner).is_ok());
    inner.map(Some).ok_or(-1)
}

pub(super) fn param_decode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let result = change_contacts(ctx, Fields::First, false, |uri| hidden(uri, &name));
    Flow::from_bool(result.is_ok())
}

/// 1 also when there is no such parameter; -1 when it holds no URI.
pub(super) fn param_decode_ruri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    match ctx.work.uri().map(|uri| hidden(&uri, &name)) {
        Some(Ok(Some(uri))) => {
            ctx.work.targets.set_uri(uri);
            Flow::TRUE
        }
        Some(Ok(None)) => Flow::TRUE,
        Some(Err(_)) | None => Flow::FALSE,
    }
}

pub(super) fn param_rm(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let result = change_contacts(ctx, Fields::All, false, |uri| {
        let parsed = Uri::parse(uri).map_err(|_| -1)?;
        let span = parsed.params.get(&name).and_then(|param| Span::locate(uri, param.whole));
        Ok(span.map(|span| [&uri[..span.start as usize], &uri[span.end()..]].concat()))
    });
    Flow::from_bool(result.is_ok())
}

#[cfg(test)]
mod tests {
    use super::decoded;

    #[test]
    fn hidden_uris_come_back() {
        // Kamailio 5.6.3 (measured).
        let rows = [
            ("sip:enc*bob*pw*1.2.3.4*5070*tcp@9.9.9.9", Some("sip:bob:pw@1.2.3.4:5070;transport=tcp")),
            ("sip:enc*bob**1.2.3.4**@9.9.9.9", Some("sip:bob@1.2.3.4")),
            ("sip:enc*bob**1.2.3.4*5060*udp@9.9.9.9;x=y", Some("sip:bob@1.2.3.4:5060;transport=udp;x=y")),
            ("sip:enc*bob*1.2.3.4@9.9.9.9", None),
            ("sip:bob@9.9.9.9", None),
            ("bob", None),
        ];
        for (uri, expected) in rows {
            assert_eq!(decoded(uri.as_bytes(), b'*').as_deref(), expected.map(str::as_bytes), "{uri}");
        }
    }
}
