//! Module sl: replies without state.

mod counts;

use crate::api::{
    Args, Ctx, Errand, EventDef, Flow, FunctionDef, InnerKind, Kind, Loading, ModuleDef, ParamDef, PvArg,
    PvDef, RichRedirect, RouteKind, Routes, RpcDef, RpcScope, Value,
};
use bytes::Bytes;

use crate::relay::RelayError;
use crate::relay::reply::{TagStyle, write_tag};

/// The table of module sl.
pub static MODULE: ModuleDef = ModuleDef {
    name: "sl",
    params: &[
        ParamDef::int("default_code", 500, "status of a reply whose status is empty"),
        ParamDef::text("default_reason", "Internal Server Error", "reason of a reply whose reason is empty"),
        ParamDef::int("rich_redirect", 0, "what a 3xx says beside URIs, bits: 1 branch flags, 2 Path"),
        ParamDef::text("event_callback_fl_ack", "", "accepted without effect"),
        ParamDef::text("event_callback_lres_sent", "", "accepted without effect"),
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
            "send_reply_mode",
            &[Kind::Int, Kind::Text, Kind::Int],
            Routes::REQUEST.or(Routes::FAILURE).or(Routes::REPLY).or(Routes::EVENT),
            send_reply_mode,
            "the same; mode 1: by an existing connection only, 2: the connection is closed behind it",
        ),
        FunctionDef::new(
            "sl_reply_error",
            &[],
            Routes::REQUEST,
            sl_reply_error,
            "replies for the last error",
        ),
        FunctionDef::new(
            "send_reply_error",
            &[],
            Routes::REQUEST.or(Routes::FAILURE).or(Routes::REPLY),
            send_reply_error,
            "the same on the transaction, when there is one",
        ),
        FunctionDef::new(
            "sl_forward_reply",
            CODE_REASON,
            Routes::REPLY,
            forward_reply,
            "forwards the reply at once, perhaps with another status and reason",
        )
        .optional(2),
    ],
    pvs: &[PvDef::new("ltt", local_tag, "the To tag of a reply made here")
        .inner(InnerKind::Key(&["s", "t", "x"]))],
    stats: counts::STATS,
    rpcs: &[RpcDef {
        name: "sl.stats",
        scope: RpcScope::Sum,
        run: counts::stats,
        doc: "replies sent without state, by status",
    }],
    events: &[
        EventDef { name: "sl:local-response", doc: "a reply went out without state; sees the reply" },
        EventDef { name: "sl:filtered-ack", doc: "the ACK to such a reply came, and ends here" },
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const CODE_REASON: &[Kind] = &[Kind::Int, Kind::Text];

/// `sl_send_reply(code, reason)`
fn sl_send_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (status, reason) = status_line(ctx, args);
    Flow::from_bool(ctx.reply_stateless(status, &reason))
}

/// `send_reply(code, reason)`
fn send_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (status, reason) = status_line(ctx, args);
    let is_request = ctx.run.kind == RouteKind::Request;
    if ctx.shard.shared.peek::<Defaults>().is_some_and(|defaults| !defaults.uses_transactions) {
        return Flow::from_bool(ctx.reply_stateless(status, &reason));
    }
    match ctx.work.relaying.id {
        None if !is_request && ctx.run.kind != RouteKind::Event => Flow::FALSE,
        _ => Flow::from_bool(ctx.reply(status, &reason)),
    }
}

/// `send_reply_mode(code, reason, mode)`
fn send_reply_mode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match args.int(ctx, 2) {
        1 => ctx.work.sending.reply_no_connect = true,
        2 => ctx.work.sending.reply_close = true,
        _ => {}
    }
    send_reply(ctx, args)
}

/// `$ltt(s)`: of a stateless reply; `$ltt(t)`: of the transaction, null without one; `$ltt(x)`: whichever fits.
fn local_tag(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let style = match (arg.slot(), ctx.work.relaying.id) {
        (0, _) | (2, None) => TagStyle::Stateless,
        (_, Some(_)) => TagStyle::Stateful,
        (_, None) => return Value::Null,
    };
    let mut tag = Vec::new();
    write_tag(ctx.work.view(), ctx.shard.relay.signature(), style, &mut tag);
    Value::Str(tag.into())
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

/// `send_reply_error()`: -1 when there is a final reply.
fn send_reply_error(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let error = ctx.work.relaying.error.unwrap_or(RelayError::Internal);
    let suffix = if ctx.work.relaying.id.is_some() { "TM" } else { "SL" };
    Flow::from_bool(ctx.reply(error.status(), error.reason(suffix).as_bytes()))
}

/// `sl_forward_reply([code[, reason]])`: by the second Via, with the changes made so far.
fn forward_reply(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let mut work = Box::new(ctx.work.clone());
    if !args.is_empty() {
        let (status, reason) = (args.int(ctx, 0), args.text(ctx, 1));
        if !work.change_status(status, Some(&reason).filter(|_| args.len() > 1).map(|reason| &reason[..])) {
            return Flow::FALSE;
        }
    }
    ctx.shard.errands.push(Errand::ForwardReply(work));
    Flow::TRUE
}

/// The parameters.
#[derive(Debug)]
struct Defaults {
    code: u16,
    reason: Bytes,
    /// `bind_tm`: `send_reply()` uses the transaction when there is one.
    uses_transactions: bool,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let code = loading.params.int("default_code");
    let code = u16::try_from(code).ok().filter(|code| (100..=699).contains(code));
    let code = code.ok_or("default_code is a status, 100 to 699")?;
    loading.shared.put(Defaults {
        code,
        reason: loading.params.text("default_reason"),
        uses_transactions: loading.params.int("bind_tm") != 0,
    });
    loading.shared.put(RichRedirect(loading.params.int("rich_redirect") as u8));
    Ok(())
}

/// Status and reason of the arguments; where a variable has no value the defaults count.
fn status_line(ctx: &mut Ctx<'_>, args: &Args<'_>) -> (u16, Bytes) {
    let (code, reason) = (args.value(ctx, 0), args.value(ctx, 1));
    let defaults = ctx.shard.shared.peek::<Defaults>();
    let default =
        || defaults.map_or((500, Bytes::new()), |defaults| (defaults.code, defaults.reason.clone()));
    let code = if code.is_null() { default().0 } else { code.to_int().clamp(0, 999) as u16 };
    (code, if reason.is_null() { default().1 } else { reason.to_text() })
}
