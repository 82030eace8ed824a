//! Module tmx: more questions to a transaction.

use crate::api::{
    Args, Ctx, Flow, FunctionDef, InnerKind, Kind, ModuleDef, PvArg, PvDef, RouteKind, RouteTable, Routes,
    StatDef, Value,
};
use crate::modules::tm::extra;

/// The table of module tmx.
pub static MODULE: ModuleDef = ModuleDef {
    name: "tmx",
    needs: &["tm"],
    functions: &[
        FunctionDef::new(
            "t_precheck_trans",
            &[],
            Routes::REQUEST,
            extra::t_precheck_trans,
            "whether the same request is being processed",
        ),
        FunctionDef::new(
            "t_cancel_branches",
            &[Kind::Text],
            Routes::TM_REPLY,
            extra::t_cancel_branches,
            "cancels all, others or this",
        ),
        FunctionDef::new("t_suspend", &[], Routes::REQUEST, extra::t_suspend, "puts the transaction aside"),
        FunctionDef::new(
            "t_continue",
            &[Kind::Int, Kind::Int, Kind::Route(RouteTable::Request)],
            Routes::ANY,
            extra::t_continue,
            "goes on with a transaction put aside",
        ),
        FunctionDef::new(
            "t_cancel_callid",
            &[Kind::Text, Kind::Text, Kind::Int, Kind::Int],
            Routes::ANY,
            extra::t_cancel_callid,
            "cancels the INVITE of another call",
        )
        .optional(1),
        FunctionDef::new(
            "t_reply_callid",
            &[Kind::Text, Kind::Text, Kind::Int, Kind::Text],
            Routes::ANY,
            extra::t_reply_callid,
            "replies to the request of another call",
        ),
        FunctionDef::new(
            "t_is_request_route",
            &[],
            Routes::ANY,
            |ctx, _| is_kind(ctx, RouteKind::Request),
            "runs as request_route",
        ),
        FunctionDef::new("t_is_reply_route", &[], Routes::ANY, is_reply_route, "runs as a reply route"),
        FunctionDef::new(
            "t_is_branch_route",
            &[],
            Routes::ANY,
            |ctx, _| is_kind(ctx, RouteKind::Branch),
            "runs as branch_route",
        ),
        FunctionDef::new(
            "t_is_failure_route",
            &[],
            Routes::ANY,
            |ctx, _| is_kind(ctx, RouteKind::Failure),
            "runs as failure_route",
        ),
    ],
    pvs: &[
        PvDef::new(
            "T_branch_idx",
            branch_idx,
            "index of the branch; in failure_route the number of branches",
        ),
        PvDef::new(
            "T",
            extra::name,
            "parts of the transaction: its name for t_continue(), its last status, the branch",
        )
        .inner(InnerKind::Key(&["id_index", "id_label", "reply_code", "branch_index"])),
        PvDef::new("T_reply_code", reply_code, "status of the reply; in failure_route of the best one"),
        PvDef::new("T_reply_reason", reply_reason, "its reason phrase"),
    ],
    stats: &[
        StatDef {
            name: "UAS_transactions",
            read: |shard| shard.relay.counters().server_transactions,
            doc: "server transactions",
        },
        StatDef {
            name: "UAC_transactions",
            read: |shard| shard.relay.counters().client_transactions,
            doc: "branches",
        },
        StatDef {
            name: "inuse_transactions",
            read: |shard| shard.relay.len() as u64,
            doc: "response contexts alive",
        },
        StatDef {
            name: "2xx_transactions",
            read: |shard| shard.relay.counters().finals[0],
            doc: "2xx sent upstream",
        },
        StatDef {
            name: "3xx_transactions",
            read: |shard| shard.relay.counters().finals[1],
            doc: "3xx sent upstream",
        },
        StatDef {
            name: "4xx_transactions",
            read: |shard| shard.relay.counters().finals[2],
            doc: "4xx sent upstream",
        },
        StatDef {
            name: "5xx_transactions",
            read: |shard| shard.relay.counters().finals[3],
            doc: "5xx sent upstream",
        },
        StatDef {
            name: "6xx_transactions",
            read: |shard| shard.relay.counters().finals[4],
            doc: "6xx sent upstream",
        },
        StatDef {
            name: "rpl_received",
            read: |shard| shard.relay.counters().replies_received,
            doc: "replies to branches",
        },
        StatDef {
            name: "rpl_generated",
            read: |shard| shard.relay.counters().replies_generated,
            doc: "replies made here",
        },
        StatDef {
            name: "rpl_relayed",
            read: |shard| shard.relay.counters().replies_relayed,
            doc: "replies relayed",
        },
    ],
    ..ModuleDef::EMPTY
};

fn is_kind(ctx: &Ctx<'_>, kind: RouteKind) -> Flow {
    Flow::from_bool(ctx.run.kind == kind)
}

fn is_reply_route(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(matches!(ctx.run.kind, RouteKind::TmReply | RouteKind::CoreReply))
}

fn branch_idx(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    ctx.work.relaying.branch.map_or(Value::Null, |branch| Value::Int(i64::from(branch)))
}

fn reply_code(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    match ctx.run.kind {
        RouteKind::CoreReply | RouteKind::TmReply => {
            ctx.work.view().status().map_or(Value::Null, |status| Value::Int(i64::from(status)))
        }
        RouteKind::Failure | RouteKind::BranchFailure => {
            Value::Int(i64::from(ctx.work.relaying.picked_status))
        }
        _ => match ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id)) {
            Some(context) => Value::Int(i64::from(context.sent_status())),
            None => Value::Null,
        },
    }
}

fn reply_reason(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    if let sip::msg::StartLine::Response { reason, .. } = ctx.work.view().index.start {
        return Value::Str(ctx.work.slice(reason.of(ctx.work.view().bytes)));
    }
    let context = ctx.work.relaying.id.and_then(|id| ctx.shard.relay.context(id));
    let Some((context, picked)) = context.and_then(|it| Some((it, it.picked()?))) else { return Value::Null };
    match context.branches().get(picked).and_then(|branch| branch.reply()) {
        Some(reply) => {
            let line = memchr::memchr(b'\r', reply).unwrap_or(reply.len());
            Value::Str(reply.slice(13.min(line)..line))
        }
        None => Value::literal(sip::msg::reason_phrase(ctx.work.relaying.picked_status)),
    }
}
