//! Walks over the header fields and over the lines of the body, four of each by name at a time.
//!
//! They read the received text: what is added or removed on the way shows in the sent message only.

use bytes::Bytes;
use sip::span::Span;

use crate::api::{Args, Ctx, Flow, Level, PvArg, Value};

/// Most names in use with one message, as in the original.
const MOST: usize = 4;

/// What is walked over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Over {
    Fields,
    Lines,
}

/// The walks of one message. A name stays taken when its walk has ended.
#[derive(Clone, Debug, Default)]
struct Walks(Vec<Walk>);

#[derive(Clone, Debug)]
struct Walk {
    over: Over,
    name: Bytes,
    at: Place,
}

/// Where a walk stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    At(usize),
    Behind,
}

fn walk<'a>(ctx: &'a mut Ctx<'_>, over: Over, name: &[u8]) -> Option<&'a mut Walk> {
    let walks = &mut ctx.work.attached.get_mut::<Walks>().0;
    walks.iter_mut().find(|walk| walk.over == over && walk.name == name)
}

/// The pieces walked over: whole lines.
fn pieces(ctx: &Ctx<'_>, over: Over) -> Vec<Span> {
    let view = ctx.work.view();
    match over {
        Over::Fields => view.index.headers.iter().map(|field| field.line).collect(),
        Over::Lines => {
            let body = view.index.body;
            let mut start = body.start as usize;
            let ends =
                memchr::memchr_iter(b'\n', body.of(view.bytes)).map(|end| body.start as usize + end + 1);
            let mut lines = Vec::new();
            for end in ends.chain([body.end()]) {
                if end > start {
                    lines.push(Span::new(start, end));
                }
                start = end;
            }
            lines
        }
    }
}

pub(super) fn start(ctx: &mut Ctx<'_>, args: &Args<'_>, over: Over) -> Flow {
    let name = args.text(ctx, 0);
    if let Some(walk) = walk(ctx, over, &name) {
        walk.at = Place::Before;
        return Flow::TRUE;
    }
    let walks = &mut ctx.work.attached.get_mut::<Walks>().0;
    if walks.iter().filter(|walk| walk.over == over).count() >= MOST {
        ctx.log(Level::ERR, format!("no iterator available, there are {MOST}"));
        return Flow::FALSE;
    }
    walks.push(Walk { over, name, at: Place::Before });
    Flow::TRUE
}

pub(super) fn end(ctx: &mut Ctx<'_>, args: &Args<'_>, over: Over) -> Flow {
    let name = args.text(ctx, 0);
    match walk(ctx, over, &name) {
        Some(walk) => {
            walk.at = Place::Before;
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

pub(super) fn next(ctx: &mut Ctx<'_>, args: &Args<'_>, over: Over) -> Flow {
    let name = args.text(ctx, 0);
    let count = pieces(ctx, over).len();
    let Some(walk) = walk(ctx, over, &name) else { return Flow::FALSE };
    let next = match walk.at {
        Place::Before => 0,
        Place::At(at) => at + 1,
        Place::Behind => return Flow::FALSE,
    };
    walk.at = if next < count { Place::At(next) } else { Place::Behind };
    Flow::from_bool(next < count)
}

/// From the start it does not move and says 1, from behind the end -1, as 5.6.3.
pub(super) fn previous(ctx: &mut Ctx<'_>, args: &Args<'_>, over: Over) -> Flow {
    let name = args.text(ctx, 0);
    let Some(walk) = walk(ctx, over, &name) else { return Flow::FALSE };
    match walk.at {
        Place::Before => {}
        Place::At(0) => walk.at = Place::Before,
        Place::At(at) => walk.at = Place::At(at - 1),
        Place::Behind => return Flow::FALSE,
    }
    Flow::TRUE
}

/// The piece a walk stands at.
fn current(ctx: &mut Ctx<'_>, over: Over, name: &[u8]) -> Option<(usize, Span)> {
    let Place::At(at) = walk(ctx, over, name)?.at else { return None };
    pieces(ctx, over).get(at).map(|piece| (at, *piece))
}

pub(super) fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>, over: Over) -> Flow {
    let name = args.text(ctx, 0);
    let Some((_, piece)) = current(ctx, over, &name) else { return Flow::FALSE };
    Flow::from_bool(ctx.work.edits.delete(piece).is_some())
}

pub(super) fn append(ctx: &mut Ctx<'_>, args: &Args<'_>, over: Over) -> Flow {
    let (name, text) = (args.text(ctx, 0), args.text(ctx, 1));
    let Some((_, piece)) = current(ctx, over, &name) else { return Flow::FALSE };
    Flow::from_bool(ctx.work.edits.insert(piece.end(), &text).is_some())
}

pub(super) fn insert(ctx: &mut Ctx<'_>, args: &Args<'_>, over: Over) -> Flow {
    let (name, text) = (args.text(ctx, 0), args.text(ctx, 1));
    let Some((_, piece)) = current(ctx, over, &name) else { return Flow::FALSE };
    Flow::from_bool(ctx.work.edits.insert(piece.start as usize, &text).is_some())
}

/// `$hfitname(i)`
pub(super) fn field_name(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    field(ctx, arg, |field| field.name)
}

/// `$hfitbody(i)`
pub(super) fn field_body(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    field(ctx, arg, |field| field.value)
}

fn field(ctx: &mut Ctx<'_>, arg: &PvArg, part: fn(&sip::msg::HeaderField) -> Span) -> Value {
    let name = arg.name(ctx);
    let Some((at, _)) = current(ctx, Over::Fields, &name) else { return Value::Null };
    let view = ctx.work.view();
    let text = part(&view.index.headers[at]).of(view.bytes);
    Value::Str(ctx.work.slice(text))
}

/// `$blitval(i)`: the line with its line end.
pub(super) fn body_line(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let name = arg.name(ctx);
    let Some((_, piece)) = current(ctx, Over::Lines, &name) else { return Value::Null };
    let view = ctx.work.view();
    Value::Str(ctx.work.slice(piece.of(view.bytes)))
}
