//! Searching with patterns and plain texts, and replacing what was found by edits.

use std::ops::Range;
use std::sync::Arc;

use sip::span::Span;

use crate::api::{Args, Case, Ctx, Flow, Kind, Level, Lines, Pattern, Value};

/// A pattern of this module.
pub(super) const PATTERN: Kind = Kind::PreparedRaw(|_, text| {
    Pattern::compile_for(text, Case::Ignore, Lines::Apart)
        .map(|pattern| Arc::new(pattern) as crate::api::Prepared)
        .map_err(|error| format!("not a regular expression: {error}"))
});

/// The pattern given as argument `at`; a computed one that is none is logged.
pub(super) fn pattern(ctx: &mut Ctx<'_>, args: &Args<'_>, at: usize) -> Option<Arc<Pattern>> {
    match args.prepared::<Pattern>(ctx, at) {
        Ok(pattern) => Some(pattern),
        Err(reason) => {
            ctx.log(Level::ERR, reason);
            None
        }
    }
}

/// Parts of a message that functions work on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Area {
    Whole,
    /// Everything behind the start line.
    BehindStartLine,
    Headers,
    Body,
}

pub(super) fn range(ctx: &Ctx<'_>, area: Area) -> Range<usize> {
    let view = ctx.work.view();
    match area {
        Area::Whole => 0..view.bytes.len(),
        Area::BehindStartLine => view.headers_start()..view.bytes.len(),
        Area::Headers => view.headers_start()..view.headers_end(),
        Area::Body => view.index.body.start as usize..view.bytes.len(),
    }
}

fn matches_in(ctx: &mut Ctx<'_>, args: &Args<'_>, area: Area) -> Flow {
    let Some(pattern) = pattern(ctx, args, 0) else { return Flow::FALSE };
    let range = range(ctx, area);
    Flow::from_bool(pattern.occurs_in(&ctx.work.view().bytes[range]))
}

pub(super) fn search(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    matches_in(ctx, args, Area::Whole)
}

pub(super) fn search_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    matches_in(ctx, args, Area::Body)
}

pub(super) fn search_field(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let Some(pattern) = pattern(ctx, args, 1) else { return Flow::FALSE };
    let mode = if args.len() > 2 { args.text(ctx, 2) } else { "a".into() };
    let view = ctx.work.view();
    let mut bodies = view.fields_named(&name).map(|field| field.value.of(view.bytes));
    Flow::from_bool(match mode.first() {
        Some(b'f') => bodies.next().is_some_and(|body| pattern.is_match(body)),
        Some(b'l') => bodies.last().is_some_and(|body| pattern.is_match(body)),
        _ => bodies.any(|body| pattern.is_match(body)),
    })
}

pub(super) fn search_text(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let Some(pattern) = pattern(ctx, args, 1) else { return Flow::FALSE };
    Flow::from_bool(pattern.is_match(&text))
}

fn append_in(ctx: &mut Ctx<'_>, args: &Args<'_>, area: Area) -> Flow {
    let Some(pattern) = pattern(ctx, args, 0) else { return Flow::FALSE };
    let text = args.text(ctx, 1);
    let range = range(ctx, area);
    let found = pattern.matches(&ctx.work.view().bytes[range.clone()], 1);
    let Some(Some(whole)) = found.first().and_then(|groups| groups.first()) else { return Flow::FALSE };
    Flow::from_bool(ctx.work.edits.insert(range.start + whole.end, &text).is_some())
}

pub(super) fn append(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    append_in(ctx, args, Area::BehindStartLine)
}

pub(super) fn append_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    append_in(ctx, args, Area::Body)
}

/// How many matches are replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Count {
    First,
    All,
}

/// Replaces spans of the message. 1 when there was one.
fn put(ctx: &mut Ctx<'_>, spans: &[Span], text: &[u8]) -> Flow {
    for span in spans {
        ctx.work.edits.replace(*span, text);
    }
    Flow::from_bool(!spans.is_empty())
}

fn replace_in(ctx: &mut Ctx<'_>, args: &Args<'_>, area: Area, count: Count) -> Flow {
    let Some(pattern) = pattern(ctx, args, 0) else { return Flow::FALSE };
    let text = args.text(ctx, 1);
    let range = range(ctx, area);
    let most = if count == Count::First { 1 } else { usize::MAX };
    let found = pattern.matches(&ctx.work.view().bytes[range.clone()], usize::MAX);
    let spans: Vec<Span> = found
        .into_iter()
        .filter_map(|groups| groups.into_iter().next().flatten())
        .filter(|whole| !whole.is_empty())
        .take(most)
        .map(|whole| Span::new(range.start + whole.start, range.start + whole.end))
        .collect();
    put(ctx, &spans, &text)
}

pub(super) fn replace(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_in(ctx, args, Area::BehindStartLine, Count::First)
}

pub(super) fn replace_all(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_in(ctx, args, Area::BehindStartLine, Count::All)
}

pub(super) fn replace_headers(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_in(ctx, args, Area::Headers, Count::First)
}

pub(super) fn replace_body(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_in(ctx, args, Area::Body, Count::First)
}

pub(super) fn replace_body_all(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_in(ctx, args, Area::Body, Count::All)
}

/// The body is one line here: `^` matches at its start only.
pub(super) fn replace_body_whole(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_in(ctx, args, Area::Body, Count::All)
}

fn replace_plain(ctx: &mut Ctx<'_>, args: &Args<'_>, area: Area) -> Flow {
    let (old, new, mode) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
    if old.is_empty() {
        return Flow::FALSE;
    }
    let range = range(ctx, area);
    let most = if mode.first() == Some(&b'f') { 1 } else { usize::MAX };
    let spans: Vec<Span> = memchr::memmem::find_iter(&ctx.work.view().bytes[range.clone()], &old)
        .take(most)
        .map(|at| Span::new(range.start + at, range.start + at + old.len()))
        .collect();
    put(ctx, &spans, &new)
}

pub(super) fn replace_text(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_plain(ctx, args, Area::BehindStartLine)
}

pub(super) fn replace_headers_text(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_plain(ctx, args, Area::Headers)
}

pub(super) fn replace_body_text(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace_plain(ctx, args, Area::Body)
}

/// Arguments: text, pattern, group, number of groups looked at, variable.
pub(super) fn regex_substring(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let Some(pattern) = pattern(ctx, args, 1) else { return Flow::FALSE };
    let group = usize::try_from(args.int(ctx, 2)).unwrap_or(usize::MAX);
    let found = pattern.matches(&text, 1).into_iter().next();
    let found = found.and_then(|groups| groups.get(group).cloned().flatten());
    let (Some(found), Some(pv)) = (found, args.pv(4)) else { return Flow::FALSE };
    Flow::from_bool(pv.set(ctx, Value::copied(&text[found])).is_ok())
}
