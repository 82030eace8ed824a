//! Questions about plain texts.

use crate::api::{Args, Ctx, Flow};

fn both(ctx: &mut Ctx<'_>, args: &Args<'_>, holds: fn(&[u8], &[u8]) -> bool) -> Flow {
    let (a, b) = (args.text(ctx, 0), args.text(ctx, 1));
    Flow::from_bool(holds(&a, &b))
}

/// As [`both`], with the code some of these functions have for no.
fn both_or(ctx: &mut Ctx<'_>, args: &Args<'_>, otherwise: i64, holds: fn(&[u8], &[u8]) -> bool) -> Flow {
    let (a, b) = (args.text(ctx, 0), args.text(ctx, 1));
    Flow::Next(if holds(&a, &b) { 1 } else { otherwise })
}

pub(super) fn equal(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    both(ctx, args, |a, b| a == b)
}

pub(super) fn equal_any_case(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    both_or(ctx, args, -2, |a, b| a.eq_ignore_ascii_case(b))
}

pub(super) fn starts_with(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    both_or(ctx, args, -2, |a, b| a.starts_with(b))
}

pub(super) fn ends_with(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    both(ctx, args, |a, b| a.ends_with(b))
}

pub(super) fn any_in(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    both(ctx, args, |text, set| text.iter().any(|byte| set.contains(byte)))
}

pub(super) fn all_in(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    both(ctx, args, |text, set| text.iter().all(|byte| set.contains(byte)))
}

/// The place counts from 1, so that it is true; -1 when it is not there.
fn place(found: Option<usize>) -> Flow {
    found.map_or(Flow::FALSE, |at| Flow::Next(at as i64 + 1))
}

pub(super) fn find(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (text, part) = (args.text(ctx, 0), args.text(ctx, 1));
    place(memchr::memmem::find(&text, &part))
}

pub(super) fn find_any_case(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (text, part) = (args.text(ctx, 0), args.text(ctx, 1));
    place(memchr::memmem::find(&text.to_ascii_lowercase(), &part.to_ascii_lowercase()))
}
