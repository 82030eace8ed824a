//! Module sl: replies without state.

use crate::api::{Args, Ctx, Flow, FunctionDef, Kind, ModuleDef, ParamDef, RouteKind, Routes, StatDef};
use crate::relay::RelayError;

/// The table of module sl.
pub static MODULE: ModuleDef = ModuleDef {
    name: "sl",
    params: &[
        ParamDef::int("default_code", 500, "has no effect"),
        ParamDef::text("default_reason", "Internal Server Error", "has no effect"),
        ParamDef::int("bind_tm", 1, "whether send_reply() uses the transaction when there is one"),
    ],
    functions: &[
        FunctionDef::new(
            "sl_send_reply",
            CODE_REASON,
            Routes::REQUEST,
            sl_send_reply,
            "replies without state",
        ),
        FunctionDef::new("sl_reply", CODE_REASON, Routes::REQUEST, sl_send_reply, "replies without state"),
        FunctionDef::new(
            "send_reply",
            CODE_REASON,
            Routes::REQUEST.or(Routes::FAILURE).or(Routes::REPLY).or(Routes::EVENT),
            send_reply,
            "replies on the transaction when there is one, else without state",
        ),
        FunctionDef::new(
            "sl_reply_error",
            &[],
            Routes::REQUEST,
            sl_reply_error,
            "replies for the last error",
        ),
    ],
    stats: &[
        StatDef { name: "sent_replies", read: |shard| sent(shard, 0..8), doc: "replies sent without state" },
        StatDef { name: "sent_err_replies", read: |shard| sent(shard, 4..7), doc: "4xx to 6xx among them" },
    ],
    ..ModuleDef::EMPTY
};

const CODE_REASON: &[Kind] = &[Kind::Int, Kind::Text];

/// `sl_send_reply(code, reason)`
fn sl_send_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (status, reason) = (status(ctx, args), args.text(ctx, 1));
    Flow::from_bool(ctx.reply_stateless(status, &reason))
}

/// `send_reply(code, reason)`
fn send_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (status, reason) = (status(ctx, args), args.text(ctx, 1));
    let is_request = ctx.run.kind == RouteKind::Request;
    match ctx.work.relaying.id {
        None if !is_request && ctx.run.kind != RouteKind::Event => Flow::FALSE,
        _ => Flow::from_bool(ctx.reply(status, &reason)),
    }
}

/// `sl_reply_error()`: -2 after a final reply, -3 when tm will reply for a failed relay by itself.
fn sl_reply_error(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    if ctx.work.relaying.has_replied {
        return Flow::Next(-2);
    }
    if ctx.work.relaying.error.is_some() && ctx.work.relaying.id.is_some() {
        return Flow::Next(-3);
    }
    let error = ctx.work.relaying.error.unwrap_or(RelayError::Internal);
    let is_sent = ctx.reply_stateless(error.status(), error.reason("SL").as_bytes());
    Flow::from_bool(is_sent)
}

fn status(ctx: &mut Ctx<'_>, args: &Args<'_>) -> u16 {
    args.int(ctx, 0).clamp(0, 999) as u16
}

fn sent(shard: &mut crate::api::Shard, classes: std::ops::Range<usize>) -> u64 {
    shard.relay.counters().stateless_replies[classes].iter().sum()
}
