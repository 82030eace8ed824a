//! Bodies: is there one, of what type; setting it; and whether SDP puts audio on hold.

use sip::msg::HeaderName;
use sip::sdp;
use sip::span::Span;

use crate::api::{Args, Ctx, Flow};

/// A body without Content-Type counts as SDP. Parameters of the type do not count.
pub(super) fn has_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = (!args.is_empty()).then(|| args.text(ctx, 0));
    let view = ctx.work.view();
    if view.body().is_empty() {
        return Flow::FALSE;
    }
    let Some(wanted) = wanted else { return Flow::TRUE };
    let written = view.header(HeaderName::ContentType).unwrap_or(b"application/sdp");
    let end = memchr::memchr(b';', written).unwrap_or(written.len());
    Flow::from_bool(written[..end].trim_ascii().eq_ignore_ascii_case(&wanted))
}

/// Replaces body and Content-Type; Content-Length follows when the message is written.
pub(super) fn set_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (body, kind) = (args.text(ctx, 0), args.text(ctx, 1));
    let view = ctx.work.view();
    let (span, end) = (view.index.body, view.headers_end());
    let old_type = view.fields(HeaderName::ContentType).next().map(|field| field.value);
    let has_length = view.header(HeaderName::ContentLength).is_some();
    match old_type {
        Some(value) => ctx.work.edits.replace(value, &kind),
        None => ctx.work.edits.insert(end, &[b"Content-Type: ", &kind[..], b"\r\n"].concat()),
    };
    if !has_length {
        ctx.work.edits.insert(end, format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    Flow::from_bool(ctx.work.edits.replace(span, &body).is_some())
}

/// Keeps only the part of that type of a multipart body.
pub(super) fn filter_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    let view = ctx.work.view();
    let Some(part) = multipart_part(view.body(), boundary(ctx), &wanted) else { return Flow::FALSE };
    let (Some(kept), body) = (view.locate(part), view.index.body) else { return Flow::FALSE };
    let kind = view.fields(HeaderName::ContentType).next().map(|field| field.value);
    ctx.work.edits.delete(Span::new(body.start as usize, kept.start as usize));
    ctx.work.edits.delete(Span::new(kept.end(), body.end()));
    if let Some(kind) = kind {
        ctx.work.edits.replace(kind, &wanted);
    }
    Flow::TRUE
}

fn boundary(ctx: &Ctx<'_>) -> Option<Vec<u8>> {
    let kind = ctx.work.view().content_type().ok()??;
    kind.params.get(b"boundary").map(|param| param.unquoted().into_owned())
}

/// The content of the first part of that type (RFC 2046 5.1).
fn multipart_part<'a>(body: &'a [u8], boundary: Option<Vec<u8>>, wanted: &[u8]) -> Option<&'a [u8]> {
    let delimiter = [b"--", &boundary?[..]].concat();
    let starts: Vec<usize> = memchr::memmem::find_iter(body, &delimiter).collect();
    starts.windows(2).find_map(|pair| {
        let part = &body[pair[0] + delimiter.len()..pair[1]];
        let empty = memchr::memmem::find(part, b"\r\n\r\n")?;
        let has_type = part[..empty].split(|byte| *byte == b'\n').any(|line| {
            let line = line.trim_ascii();
            let colon = memchr::memchr(b':', line).unwrap_or(line.len());
            let value = line.get(colon + 1..).unwrap_or_default().trim_ascii();
            let end = memchr::memchr(b';', value).unwrap_or(value.len());
            line[..colon].eq_ignore_ascii_case(b"Content-Type") && value[..end].eq_ignore_ascii_case(wanted)
        });
        let content = &part[empty + 4..];
        has_type.then(|| content.strip_suffix(b"\r\n").unwrap_or(content))
    })
}

/// An audio stream with a null address, or that is not received by the other side (RFC 3264 8.4).
pub(super) fn is_audio_on_hold(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(session) = sdp::find(ctx.work.view()) else { return Flow::FALSE };
    let at_session = session.connection();
    let is_held = session.media().filter(|media| media.kind.eq_ignore_ascii_case(b"audio")).any(|media| {
        let lines: Vec<&[u8]> = media.lines().map(|line| line.value).collect();
        let is_one_way = lines.iter().any(|value| matches!(*value, b"sendonly" | b"inactive"));
        let own =
            media.lines().find(|line| line.kind == b'c').and_then(|line| sdp::Connection::parse(line.value));
        let address = own.or(at_session).map_or(&b""[..], |connection| connection.address);
        is_one_way || matches!(address, b"0.0.0.0" | b"::")
    });
    Flow::from_bool(is_held)
}
