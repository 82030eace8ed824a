//! Module tmx: more questions to a transaction.

mod variables;

use crate::api::{
    Args, Ctx, Flow, FunctionDef, InnerKind, Kind, ModuleDef, PvDef, RouteKind, RouteTable, Routes, StatDef,
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
            "t_flush_flags",
            &[],
            Routes::ANY,
            extra::t_flush_flags,
            "gives the transaction the flags as they are",
        ),
        FunctionDef::new(
            "t_flush_xflags",
            &[],
            Routes::ANY,
            extra::t_flush_flags,
            "the same for further flags",
        ),
        FunctionDef::new(
            "t_drop",
            &[Kind::Int],
            Routes::REQUEST.or(Routes::FAILURE),
            extra::t_drop,
            "ends the transaction and the script without a reply",
        )
        .optional(1),
        FunctionDef::new(
            "t_reuse_branch",
            &[],
            Routes::of(RouteKind::BranchFailure).or(Routes::REQUEST),
            extra::t_reuse_branch,
            "makes the target of the failed branch one again",
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
            variables::branch_idx,
            "index of the branch; in failure_route the number of branches",
        ),
        PvDef::new(
            "T",
            variables::part,
            "parts of the transaction: its name for t_continue(), its last status, the branch",
        )
        .inner(InnerKind::Key(variables::PARTS)),
        PvDef::new(
            "T_reply_code",
            variables::reply_code,
            "status of the reply; in failure_route of the best one",
        ),
        PvDef::new("T_reply_reason", variables::reply_reason, "its reason phrase"),
        PvDef::new("T_reply_last", variables::reply_last, "last status of the branch that replies"),
        PvDef::new("T_reply_ruid", variables::reply_ruid, "registration record that the branch came from"),
        PvDef::new("T_branch", variables::branch_part, "parts of the branch that replies")
            .inner(InnerKind::Key(variables::BRANCH_PARTS)),
        PvDef::new("T_req", variables::of_request, "another variable, of the request; in reply routes")
            .inner(InnerKind::Pv),
        PvDef::new("T_rpl", variables::of_reply, "another variable, of the best reply; in failure routes")
            .inner(InnerKind::Pv),
        PvDef::new("T_inv", variables::of_invite, "another variable, of the INVITE that a CANCEL means")
            .inner(InnerKind::Pv),
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
        StatDef {
            name: "rpl_absorbed",
            read: |shard| {
                let counters = shard.relay.counters();
                counters.replies_received.saturating_sub(counters.replies_relayed)
            },
            doc: "replies to branches that went no further",
        },
        StatDef {
            name: "rpl_sent",
            read: |shard| {
                let counters = shard.relay.counters();
                counters.replies_generated + counters.replies_relayed
            },
            doc: "replies sent upstream",
        },
        StatDef {
            name: "active_transactions",
            read: |shard| shard.relay.contexts().filter(|(_, context)| context.is_running()).count() as u64,
            doc: "response contexts without a final reply",
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
