//! Module kex: the static destination of the shard, `is_myself()`, and variables set from formats.
//!
//! Its flag functions are part of the core here and need no module.

mod process;
mod statistics;

use bytes::Bytes;
use sip::msg::{Scheme, Uri};

use crate::api::{
    Args, Board, Ctx, Flow, FunctionDef, FunctionFn, Kind, Level, ModuleDef, PvDef, Routes, RpcDef, RpcFn,
    RpcScope, Value,
};
use crate::relay::Target;

/// The table of module kex.
pub static MODULE: ModuleDef = ModuleDef {
    name: "kex",
    functions: &[
        row("setdsturi", &[Kind::Text], set_destination, "sets the destination URI"),
        row("resetdsturi", &[], reset_destination, "clears the destination URI"),
        row("isdsturiset", &[], has_destination, "whether there is a destination URI"),
        FunctionDef::new(
            "km_append_branch",
            &[Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE),
            append_branch,
            "adds a branch: the given URI, or the request URI",
        )
        .optional(1),
        row("is_myself", &[Kind::Text], is_myself, "whether a URI is ours"),
        row("pv_printf", &[Kind::WritePv, Kind::Text], print, "sets a variable to a text with variables"),
        row("avp_printf", &[Kind::WritePv, Kind::Text], print, "sets a variable to a text with variables"),
        row("setdebug", &[Kind::Int], set_debug, "log level of this worker"),
        row("resetdebug", &[], reset_debug, "log level of this worker as configured"),
    ],
    rpcs: &[
        rpc("stats.get_statistics", statistics::lines, "statistics as lines: all, group: or name"),
        rpc(
            "stats.fetch",
            |shard, params| statistics::record(shard, params, |count| Value::Str(count.to_string().into())),
            "statistics by name, as texts",
        ),
        rpc(
            "stats.fetchn",
            |shard, params| statistics::record(shard, params, |count| Value::Int(count as i64)),
            "statistics by name, as numbers",
        ),
        rpc("core.echo", process::words, "its arguments, as texts"),
        rpc("core.prints", process::words, "the same"),
        rpc("core.printi", process::numbers, "its arguments, as numbers"),
        rpc("core.version", process::version, "name and version"),
        rpc("core.flags", process::flags, "what is built in"),
        rpc("core.info", process::info, "version and what is built in"),
        rpc("core.runinfo", process::run_info, "version and times"),
        rpc("core.uptime", process::uptime, "since when it runs"),
        rpc("core.ps", process::ps, "threads: process and description, one after the other"),
        rpc("core.psx", process::psx, "threads, with their numbers"),
        rpc("core.pwd", process::working_directory, "the working directory"),
        rpc("core.arg", process::arguments, "the command line"),
        rpc("core.shmmem", process::memory, "memory of the process: unit b, k, m or g"),
        rpc("core.tcp_options", process::tcp_options, "parameters of stream connections"),
        rpc("core.udp4_raw_info", process::raw_sockets, "parameters of raw sockets"),
        rpc("core.sockets_list", process::sockets, "our sockets"),
        rpc("core.aliases_list", process::aliases, "our names"),
        rpc("core.modules", process::modules, "loaded modules, the last one first"),
        rpc("core.ppdefines", process::defines, "defines of the preprocessor"),
        rpc("core.ppdefines_full", process::defines_with_values, "the same with their values"),
    ],
    load: Some(|loading| {
        Board::prepare(loading);
        process::prepare(loading);
        Ok(())
    }),
    start: Some(Board::start),
    pvs: &[PvDef::new("sruid", unique_id, "an identifier no other message has")],
    ..ModuleDef::EMPTY
};

const fn rpc(name: &'static str, run: RpcFn, doc: &'static str) -> RpcDef {
    RpcDef { name, scope: RpcScope::One, run, doc }
}

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

fn set_destination(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let uri = args.text(ctx, 0);
    ctx.work.targets.set_dst_uri(Some(uri.as_ref().into()));
    Flow::TRUE
}

fn reset_destination(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    ctx.work.targets.set_dst_uri(None);
    Flow::TRUE
}

fn has_destination(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.targets.ruri().dst_uri.is_some())
}

/// Port and transport count only when the URI names them.
fn is_myself(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let has_scheme = text.get(..3).is_some_and(|start| start.eq_ignore_ascii_case(b"sip"));
    let text = if has_scheme { text } else { Bytes::from([b"sip:", &text[..]].concat()) };
    let Ok(uri) = Uri::parse(&text) else { return Flow::FALSE };
    if !matches!(uri.scheme, Scheme::Sip | Scheme::Sips) || uri.host.is_empty() {
        return Flow::FALSE;
    }
    let sockets = &ctx.shard.sockets;
    let transport = uri.transport_param();
    let is_ours = match uri.port {
        Some(port) => sockets.is_myself(uri.host, port, transport),
        None => {
            sockets.iter().any(|(_, socket)| sockets.is_myself(uri.host, socket.addr.port(), transport))
                || sockets.is_myself(uri.host, 5060, transport)
        }
    };
    Flow::from_bool(is_ours)
}

fn append_branch(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let mut target = Target { flags: 0, ..ctx.work.targets.ruri().clone() };
    let uri = if args.is_empty() { ctx.work.uri() } else { Some(args.text(ctx, 0)) };
    target.uri = uri.map(|uri| uri.as_ref().into());
    let limit = usize::try_from(ctx.catalog.setting_int("max_branches", 12)).unwrap_or(12);
    Flow::from_bool(ctx.work.targets.append(target, limit).is_ok())
}

fn print(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 1);
    match args.pv(0).map(|pv| pv.set(ctx, Value::Str(text))) {
        Some(Ok(())) => Flow::TRUE,
        Some(Err(_)) | None => Flow::FALSE,
    }
}

fn set_debug(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let level = i8::try_from(args.int(ctx, 0)).unwrap_or(i8::MAX);
    ctx.shard.log.threshold = Level(level);
    Flow::TRUE
}

fn reset_debug(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let level = i8::try_from(ctx.catalog.setting_int("debug", 0)).unwrap_or(i8::MAX);
    ctx.shard.log.threshold = Level(level);
    Flow::TRUE
}

fn unique_id(ctx: &mut Ctx<'_>, _: &crate::api::PvArg) -> Value {
    let number = ctx.shard.ident.next_u64();
    Value::Str(format!("sruid-{:x}-{:x}-{number:x}", ctx.shard.unix_start.as_secs(), ctx.shard.number).into())
}
