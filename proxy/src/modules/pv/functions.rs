//! Questions about the value of a variable, and texts evaluated twice.

use crate::api::{Args, Ctx, Flow, Level, Value};

pub(super) fn is_set(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    Flow::from_bool(!args.value(ctx, 0).is_null())
}

pub(super) fn unset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    Flow::from_bool(args.pv(0).is_some_and(|pv| pv.set(ctx, Value::Null).is_ok()))
}

pub(super) fn is_int(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    Flow::from_bool(args.value(ctx, 0).is_int())
}

pub(super) fn type_of(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let kind: &[u8] = match args.value(ctx, 0) {
        Value::Null => b"null",
        Value::Int(_) => b"int",
        Value::Str(_) | Value::Both { .. } => b"str",
    };
    Flow::from_bool(args.text(ctx, 1) == kind)
}

pub(super) fn not_empty(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match args.value(ctx, 0) {
        Value::Null | Value::Int(_) => Flow::FALSE,
        text => Flow::from_bool(text.text_len() > 0),
    }
}

/// `pv_evalx(dst, text)`: what the text evaluates to is a text with variables itself.
pub(super) fn evaluate_twice(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let once = args.text(ctx, 1);
    let text = match ctx.catalog.text(&once) {
        Ok(text) => text,
        Err(error) => {
            ctx.log(Level::ERR, format!("pv_evalx: {error}"));
            return Flow::FALSE;
        }
    };
    let twice = Value::Str(text.render(ctx));
    Flow::from_bool(args.pv(0).is_some_and(|pv| pv.set(ctx, twice).is_ok()))
}
