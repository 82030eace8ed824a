//! Header fields: adding, removing, and asking whether they are there.

use std::sync::Arc;

use sip::msg::{HeaderName, Method};
use sip::span::Span;

use super::search::pattern;
use crate::api::{Args, At, Case, Ctx, Flow, Kind, Level, Pattern, http_date};

/// The text of a header field with its line end: the original sends a broken message without.
fn whole_line(ctx: &mut Ctx<'_>, mut text: Vec<u8>) -> Vec<u8> {
    if !text.ends_with(b"\n") {
        ctx.log(Level::WARN, "a header field without its line end: \\r\\n is added");
        text.extend_from_slice(b"\r\n");
    }
    text
}

pub(super) fn append_to_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0).to_vec();
    let line = whole_line(ctx, text);
    ctx.work.reply_headers.push(line.into());
    Flow::TRUE
}

/// Behind the first field of the name given, or of none: behind the last field.
pub(super) fn append(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    add(ctx, args, Side::Behind)
}

/// Before the first field of the name given; without a name before all fields.
pub(super) fn insert(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    add(ctx, args, Side::Before)
}

/// Where a field goes: before the first or behind the last of those it is placed by.
#[derive(Clone, Copy)]
enum Side {
    Before,
    Behind,
}

fn add(ctx: &mut Ctx<'_>, args: &Args<'_>, side: Side) -> Flow {
    let text = args.text(ctx, 0).to_vec();
    let line = whole_line(ctx, text);
    let name = (args.len() > 1).then(|| args.text(ctx, 1));
    let view = ctx.work.view();
    let (start, end) = (view.headers_start(), view.headers_end());
    let at = match (name, side) {
        (None, Side::Before) => start,
        (None, Side::Behind) => end,
        (Some(name), Side::Before) => {
            view.fields_named(&name).next().map_or(end, |field| field.line.start as usize)
        }
        (Some(name), Side::Behind) => view.fields_named(&name).last().map_or(end, |field| field.line.end()),
    };
    ctx.work.edits.insert(at, &line);
    Flow::TRUE
}

/// Prefix, request URI, suffix.
pub(super) fn append_uri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (prefix, suffix) = (args.text(ctx, 0), args.text(ctx, 1));
    let Some(uri) = ctx.work.uri() else { return Flow::FALSE };
    let line = whole_line(ctx, [prefix, uri, suffix].concat());
    let at = ctx.work.view().headers_end();
    ctx.work.edits.insert(at, &line);
    Flow::TRUE
}

pub(super) fn is_present(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    Flow::from_bool(ctx.work.view().fields_named(&name).next().is_some())
}

pub(super) fn is_present_matching(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(pattern) = pattern(ctx, args, 0) else { return Flow::FALSE };
    Flow::from_bool(!lines(ctx, |name| pattern.is_match(name)).is_empty())
}

/// The lines of the fields whose name is wanted.
fn lines(ctx: &Ctx<'_>, is_wanted: impl Fn(&[u8]) -> bool) -> Vec<Span> {
    let view = ctx.work.view();
    let fields = view.index.headers.iter().filter(|field| is_wanted(field.name.of(view.bytes)));
    fields.map(|field| field.line).collect()
}

/// -1 when there was none.
fn delete(ctx: &mut Ctx<'_>, lines: &[Span]) -> Flow {
    for line in lines {
        ctx.work.edits.delete(*line);
    }
    Flow::from_bool(!lines.is_empty())
}

pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let lines: Vec<Span> = ctx.work.view().fields_named(&name).map(|field| field.line).collect();
    delete(ctx, &lines)
}

pub(super) fn remove_matching(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(pattern) = pattern(ctx, args, 0) else { return Flow::FALSE };
    let lines = lines(ctx, |name| pattern.is_match(name));
    delete(ctx, &lines)
}

pub(super) fn remove_except(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let both: Option<(Arc<Pattern>, Arc<Pattern>)> = pattern(ctx, args, 0).zip(pattern(ctx, args, 1));
    let Some((wanted, kept)) = both else { return Flow::FALSE };
    let lines = lines(ctx, |name| wanted.is_match(name) && !kept.is_match(name));
    delete(ctx, &lines)
}

/// Whether a body is wanted.
type Fits<'a> = Box<dyn Fn(&[u8]) -> bool + 'a>;

/// `remove_hf_match(name, op, text)`: op is `eq`, `ne`, `in` (the text is in the body) or `re`.
pub(super) fn remove_by_value(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, op, text) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
    let fits: Fits<'_> = match &op[..] {
        b"eq" => Box::new(|body| body == text),
        b"ne" => Box::new(|body| body != text),
        b"in" => Box::new(|body| memchr::memmem::find(body, &text).is_some()),
        b"re" => match ctx.shard.patterns.get(&text, Case::Ignore) {
            Ok(pattern) => Box::new(move |body| pattern.is_match(body)),
            Err(error) => {
                ctx.log(Level::ERR, format!("remove_hf_match: {error}"));
                return Flow::FALSE;
            }
        },
        _ => {
            ctx.log(Level::ERR, "remove_hf_match: expected eq, ne, in or re");
            return Flow::FALSE;
        }
    };
    let view = ctx.work.view();
    let fields = view.fields_named(&name).filter(|field| fits(field.value.of(view.bytes)));
    let lines: Vec<Span> = fields.map(|field| field.line).collect();
    delete(ctx, &lines)
}

pub(super) fn remove_at(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (name, at) = (args.text(ctx, 0), At::Position(args.int(ctx, 1)));
    let lines: Vec<Span> = ctx.work.view().fields_named(&name).map(|field| field.line).collect();
    match at.of(lines.len()) {
        Some(place) => delete(ctx, &[lines[place]]),
        None => Flow::FALSE,
    }
}

/// Methods separated by `|`.
pub(super) const METHODS: Kind = Kind::Prepared(|_, text| {
    let mut methods = Vec::new();
    for name in text.split(|byte| *byte == b'|') {
        match Method::parse(name) {
            Method::Other => {
                let name = String::from_utf8_lossy(name);
                return Err(format!(
                    "unknown method {name}; methods are written in capitals, separated by |"
                ));
            }
            method => methods.push(method),
        }
    }
    Ok(Arc::new(Methods(methods)))
});

struct Methods(Vec<Method>);

/// Of a reply, the method of its CSeq. Names that come out of variables are compared as they are.
pub(super) fn is_method(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let view = ctx.work.view();
    let cseq = view.cseq().ok();
    let Some(method) = view.method().or(cseq.map(|cseq| cseq.method)) else { return Flow::FALSE };
    if let Ok(wanted) = args.prepared::<Methods>(ctx, 0) {
        return Flow::from_bool(wanted.0.contains(&method));
    }
    let wanted = args.text(ctx, 0);
    let written = ctx.work.view().cseq().ok().map_or(&b""[..], |cseq| cseq.method_text);
    Flow::from_bool(wanted.split(|byte| *byte == b'|').any(|name| name == written))
}

/// RFC 3323 4.2: a value of the Privacy list.
pub(super) fn is_privacy(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    let value = ctx.work.view().header(HeaderName::Privacy).unwrap_or_default();
    let mut listed = value.split(|byte| matches!(byte, b';' | b','));
    Flow::from_bool(listed.any(|item| item.trim_ascii().eq_ignore_ascii_case(&wanted)))
}

pub(super) fn append_time(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let line = date_line(ctx);
    ctx.work.reply_headers.push(line.into());
    Flow::TRUE
}

pub(super) fn append_time_to_request(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let line = date_line(ctx);
    let view = ctx.work.view();
    let at = view.fields(HeaderName::Via).next().map_or(view.headers_end(), |field| field.line.end());
    ctx.work.edits.insert(at, line.as_bytes());
    Flow::TRUE
}

/// RFC 3261 20.17: always GMT.
fn date_line(ctx: &Ctx<'_>) -> String {
    let now = ctx.shard.unix_time(ctx.shard.now).as_secs() as i64;
    format!("Date: {}\r\n", http_date(now))
}
