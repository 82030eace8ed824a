//! Bodies of several parts (RFC 2046 5.1): made, parts added, read and taken out.
//!
//! The last delimiter is always written with its closing dashes.

use bytes::Bytes;
use sip::msg::HeaderName;
use sip::span::Span;

use crate::api::{Args, Ctx, Flow, Level, Value};

/// One part of the received body.
struct Part {
    /// From behind its delimiter line to the next delimiter.
    whole: Span,
    /// The header lines, and behind the empty line the content with the line end before the next delimiter.
    content: Span,
    /// Content-Type without parameters.
    kind: Vec<u8>,
    /// The delimiter line behind it.
    delimiter: Span,
}

/// The boundary in the Content-Type of the message.
fn boundary(ctx: &Ctx<'_>) -> Option<Vec<u8>> {
    let kind = ctx.work.view().content_type().ok()??;
    kind.params.get(b"boundary").map(|param| param.unquoted().into_owned())
}

/// The parts of the received body; `None` when it is no multipart body.
fn parts(ctx: &Ctx<'_>) -> Option<Vec<Part>> {
    let delimiter = [b"--", &boundary(ctx)?[..]].concat();
    let view = ctx.work.view();
    let body = view.index.body;
    let text = body.of(view.bytes);
    let start = body.start as usize;
    // The line of each delimiter, its line end included.
    let lines: Vec<Span> = memchr::memmem::find_iter(text, &delimiter)
        .map(|at| {
            let behind = at + delimiter.len();
            let end = memchr::memchr(b'\n', &text[behind..]).map_or(text.len(), |end| behind + end + 1);
            Span::new(start + at, start + end)
        })
        .collect();
    let part = |pair: &[Span]| {
        let whole = Span::new(pair[0].end(), (pair[1].start as usize).max(pair[0].end()));
        let text = whole.of(view.bytes);
        let headers = memchr::memmem::find(text, b"\r\n\r\n").map_or(0, |at| at + 4);
        let kind = text[..headers].split(|byte| *byte == b'\n').find_map(content_type);
        let content = Span::new(whole.start as usize + headers, whole.end());
        Part { whole, content, kind: kind.unwrap_or_default(), delimiter: pair[1] }
    };
    Some(lines.windows(2).map(part).collect())
}

/// The type in a header line, when it is a Content-Type.
fn content_type(line: &[u8]) -> Option<Vec<u8>> {
    let colon = memchr::memchr(b':', line)?;
    let value = &line[colon + 1..];
    let end = memchr::memchr(b';', value).unwrap_or(value.len());
    let is_type = line[..colon].trim_ascii().eq_ignore_ascii_case(b"Content-Type");
    is_type.then(|| value[..end].trim_ascii().to_vec())
}

fn find(ctx: &mut Ctx<'_>, wanted: &[u8], function: &str) -> Option<Part> {
    let Some(parts) = parts(ctx) else {
        ctx.log(Level::ERR, format!("{function}: the body has no parts"));
        return None;
    };
    parts.into_iter().find(|part| part.kind.eq_ignore_ascii_case(wanted))
}

/// `set_body_multipart([text, type [, boundary]])`: without text the body there is becomes the first part.
pub(super) fn set(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    if args.is_empty() && boundary(ctx).is_some() {
        return Flow::TRUE;
    }
    const USUAL: Bytes = Bytes::from_static(b"unique-boundary-1");
    let boundary = if args.len() > 2 { args.text(ctx, 2) } else { USUAL };
    let (content, kind) = if args.len() > 1 {
        (args.text(ctx, 0), args.text(ctx, 1))
    } else {
        let view = ctx.work.view();
        let kind = view.header(HeaderName::ContentType).unwrap_or(b"application/sdp");
        (ctx.work.slice(view.body()), ctx.work.slice_or_copy(kind))
    };
    if content.is_empty() || boundary.is_empty() {
        ctx.log(Level::ERR, "set_body_multipart: there is no body");
        return Flow::FALSE;
    }
    let opening = [b"--", &boundary[..], b"\r\nContent-Type: ", &kind, b"\r\n\r\n"].concat();
    let body = [&opening[..], &content, b"\r\n--", &boundary, b"--\r\n"].concat();
    let view = ctx.work.view();
    let (old, end) = (view.index.body, view.headers_end());
    let has_length = view.header(HeaderName::ContentLength).is_some();
    let types: Vec<Span> = view.fields(HeaderName::ContentType).map(|field| field.line).collect();
    let mut lines =
        [b"Content-Type: multipart/mixed;boundary=\"", &boundary[..], b"\"\r\nMime-Version: 1.0\r\n"]
            .concat();
    if !has_length {
        lines.extend_from_slice(format!("Content-Length: {}\r\n", body.len()).as_bytes());
    }
    for line in types {
        ctx.work.edits.delete(line);
    }
    ctx.work.edits.insert(end, &lines);
    Flow::from_bool(ctx.work.edits.replace(old, &body).is_some())
}

/// `append_body_part(text, type [, disposition])`
pub(super) fn append(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    add(ctx, args, &text)
}

/// The same with the content as hex digits, blanks between them.
pub(super) fn append_hex(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let written = args.text(ctx, 0);
    let digits: Option<Vec<u8>> = written
        .iter()
        .filter(|byte| !byte.is_ascii_whitespace())
        .map(|byte| char::from(*byte).to_digit(16).map(|digit| digit as u8))
        .collect();
    match digits {
        Some(digits) if digits.len() % 2 == 0 => {
            let content: Vec<u8> = digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect();
            add(ctx, args, &content)
        }
        _ => {
            ctx.log(Level::ERR, "append_body_part_hex: expected pairs of hex digits");
            Flow::FALSE
        }
    }
}

/// Puts a part behind the last one.
fn add(ctx: &mut Ctx<'_>, args: &Args<'_>, content: &[u8]) -> Flow {
    let kind = args.text(ctx, 1);
    let disposition = (args.len() > 2).then(|| args.text(ctx, 2));
    let (Some(boundary), Some(parts)) = (boundary(ctx), parts(ctx)) else {
        ctx.log(Level::ERR, "append_body_part: the body has no parts");
        return Flow::FALSE;
    };
    let mut text = [b"--", &boundary[..], b"\r\nContent-Type: ", &kind, b"\r\n"].concat();
    if let Some(disposition) = disposition {
        text.extend_from_slice(&[b"Content-Disposition: ", &disposition[..], b"\r\n"].concat());
    }
    text.extend_from_slice(&[b"\r\n", content, b"\r\n--", &boundary[..], b"--\r\n"].concat());
    let body = ctx.work.view().index.body;
    let last = parts.last().map_or(Span::new(body.end(), body.end()), |part| {
        Span::new(part.delimiter.start as usize, body.end())
    });
    Flow::from_bool(ctx.work.edits.replace(last, &text).is_some())
}

/// Stores the content of a part; of a body without parts the whole.
pub(super) fn get(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    if boundary(ctx).is_none() {
        let body = ctx.work.view().index.body;
        return store(ctx, args, body);
    }
    match find(ctx, &wanted, "get_body_part") {
        Some(part) => store(ctx, args, part.content),
        None => Flow::FALSE,
    }
}

/// The same with the headers of the part and the delimiter behind it.
pub(super) fn get_raw(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    match find(ctx, &wanted, "get_body_part_raw") {
        Some(part) => store(ctx, args, Span::new(part.whole.start as usize, part.delimiter.end())),
        None => Flow::FALSE,
    }
}

fn store(ctx: &mut Ctx<'_>, args: &Args<'_>, span: Span) -> Flow {
    let view = ctx.work.view();
    let value = Value::Str(ctx.work.slice(span.of(view.bytes)));
    Flow::from_bool(args.pv(1).is_some_and(|pv| pv.set(ctx, value).is_ok()))
}

/// Takes a part out with its delimiter.
pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    let Some(part) = find(ctx, &wanted, "remove_body_part") else { return Flow::FALSE };
    let boundary = boundary(ctx).unwrap_or_default();
    // The line before the part goes, the one behind it stays, which may be the closing one.
    let start = (part.whole.start as usize).saturating_sub(boundary.len() + 4);
    let span = Span::new(start, part.delimiter.start as usize);
    Flow::from_bool(ctx.work.edits.delete(span).is_some())
}

/// Keeps only the content of the part of that type, which becomes the type of the body.
pub(super) fn filter(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    let parts = parts(ctx).unwrap_or_default();
    let Some(part) = parts.into_iter().find(|part| part.kind.eq_ignore_ascii_case(&wanted)) else {
        return Flow::FALSE;
    };
    let view = ctx.work.view();
    let body = view.index.body;
    // The line end before a delimiter is part of the delimiter (RFC 2046 5.1.1).
    let content = part.content.of(view.bytes);
    let kept = content.strip_suffix(b"\r\n").unwrap_or(content).len();
    let end = part.content.start as usize + kept;
    let kind = view.fields(HeaderName::ContentType).next().map(|field| field.value);
    ctx.work.edits.delete(Span::new(body.start as usize, part.content.start as usize));
    ctx.work.edits.delete(Span::new(end, body.end()));
    if let Some(kind) = kind {
        ctx.work.edits.replace(kind, &wanted);
    }
    Flow::TRUE
}
