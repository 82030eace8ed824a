//! Bodies: is there one, of what type; setting it; and whether SDP puts audio on hold.

use sip::msg::HeaderName;
use sip::sdp;

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
    let old_type = view.fields(HeaderName::ContentType).next();
    let is_same = old_type.is_some_and(|field| field.value.of(view.bytes) == &kind[..]);
    let old_type = old_type.map(|field| field.line);
    let has_length = view.header(HeaderName::ContentLength).is_some();
    if !is_same {
        old_type.map(|line| ctx.work.edits.delete(line));
        ctx.work.edits.insert(end, &[b"Content-Type: ", &kind[..], b"\r\n"].concat());
    }
    if !has_length {
        ctx.work.edits.insert(end, format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    Flow::from_bool(ctx.work.edits.replace(span, &body).is_some())
}

/// Body and Content-Type of the next reply made here to this request.
pub(super) fn set_reply_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (body, kind) = (args.text(ctx, 0), args.text(ctx, 1));
    if body.is_empty() || kind.is_empty() {
        return Flow::FALSE;
    }
    ctx.work.reply_body = Some((body, kind));
    Flow::TRUE
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
