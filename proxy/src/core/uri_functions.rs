//! Functions that change the request URI, the destination and how copies are sent.

use sip::peer::Transport;

use super::{NAME, rewrite};
use crate::api::{Args, Ctx, Flow, FunctionDef, FunctionFn, Kind, Level, ModuleDef, Routes, SetError};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, functions: FUNCTIONS, ..ModuleDef::EMPTY };

const TEXT: &[Kind] = &[Kind::Word];
const INT: &[Kind] = &[Kind::Int];

static FUNCTIONS: &[FunctionDef] = &[
    row("rewritehost", TEXT, host, "sets the host of the request URI"),
    row("sethost", TEXT, host, "sets the host of the request URI"),
    row("seth", TEXT, host, "sets the host of the request URI"),
    row("rewritehostport", TEXT, host_port, "sets host and port of the request URI"),
    row("sethostport", TEXT, host_port, "sets host and port of the request URI"),
    row("sethp", TEXT, host_port, "sets host and port of the request URI"),
    row("rewritehostporttrans", TEXT, host_port_transport, "sets host, port and transport"),
    row("sethostporttrans", TEXT, host_port_transport, "sets host, port and transport"),
    row("sethpt", TEXT, host_port_transport, "sets host, port and transport"),
    row("rewriteport", TEXT, port, "sets the port of the request URI"),
    row("setport", TEXT, port, "sets the port of the request URI"),
    row("setp", TEXT, port, "sets the port of the request URI"),
    row("rewriteuser", TEXT, user, "sets the user of the request URI"),
    row("setuser", TEXT, user, "sets the user of the request URI"),
    row("setu", TEXT, user, "sets the user of the request URI"),
    row("rewriteuserpass", TEXT, user_info, "sets user and password of the request URI"),
    row("setuserpass", TEXT, user_info, "sets user and password of the request URI"),
    row("setup", TEXT, user_info, "sets user and password of the request URI"),
    row("rewriteuri", TEXT, uri, "sets the request URI"),
    row("seturi", TEXT, uri, "sets the request URI"),
    row("revert_uri", &[], revert, "sets the request URI as it was received"),
    row("prefix", TEXT, prefix, "puts text before the user"),
    row("strip", INT, strip, "drops characters from the head of the user"),
    row("strip_tail", INT, strip_tail, "drops characters from the tail of the user"),
    row("userphone", &[], user_phone, "adds user=phone"),
    row("force_rport", &[], force_rport, "answers to the source port"),
    row("add_rport", &[], force_rport, "answers to the source port"),
    row("add_local_rport", &[], local_rport, "puts rport into our Via"),
    row("force_send_socket", TEXT, send_socket, "forces the socket copies leave by"),
    row("udp_mtu_try_proto", TEXT, mtu_transport, "transport of this message when it is too large for UDP"),
    row("set_advertised_address", TEXT, advertised_address, "host in our Via of this message"),
    row("set_advertised_port", INT, advertised_port, "port in our Via of this message"),
    row("force_tcp_alias", INT, tcp_alias, "the connection stands for its source").optional(1),
    row("add_tcp_alias", INT, tcp_alias, "the connection stands for its source").optional(1),
    any("set_forward_no_connect", |ctx, _| note(|on| on.work.sending.forward_no_connect = true, ctx)),
    any("set_forward_close", |ctx, _| note(|on| on.work.sending.forward_close = true, ctx)),
    any("set_reply_no_connect", |ctx, _| note(|on| on.work.sending.reply_no_connect = true, ctx)),
    any("set_reply_close", |ctx, _| note(|on| on.work.sending.reply_close = true, ctx)),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::NOT_ONSEND, run, doc)
}

const fn any(name: &'static str, run: FunctionFn) -> FunctionDef {
    FunctionDef::new(name, &[], Routes::ANY, run, "how copies of and replies to this message are sent")
}

/// 1 when the change was made; the original says 1 or -1 and logs why.
fn done(ctx: &mut Ctx<'_>, name: &str, result: Result<(), SetError>) -> Flow {
    match result {
        Ok(()) => Flow::TRUE,
        Err(reason) => {
            ctx.log(Level::ERR, format!("{name}: the request URI was not changed: {reason}"));
            Flow::FALSE
        }
    }
}

fn host(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.change_uri(|uri| rewrite::set_host(uri, &text));
    done(ctx, "rewritehost", result)
}

fn host_port(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.change_uri(|uri| rewrite::set_host_port(uri, &text));
    done(ctx, "rewritehostport", result)
}

fn host_port_transport(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.change_uri(|uri| rewrite::set_host_port_transport(uri, &text));
    done(ctx, "rewritehostporttrans", result)
}

fn port(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.change_uri(|uri| rewrite::set_port(uri, Some(&text)));
    done(ctx, "rewriteport", result)
}

fn user(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.change_uri(|uri| rewrite::set_user(uri, Some(&text)));
    done(ctx, "rewriteuser", result)
}

/// The original replaces the user and drops the password; a text with a colon is both.
fn user_info(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.change_uri(|uri| rewrite::set_user_info(uri, &text));
    done(ctx, "rewriteuserpass", result)
}

fn uri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.set_uri(&text);
    done(ctx, "rewriteuri", result)
}

fn revert(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    ctx.work.targets.ruri_mut().uri = None;
    ctx.work.targets.mark_ruri_new();
    Flow::TRUE
}

fn prefix(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let result = ctx.change_uri(|uri| rewrite::prefix(uri, &text));
    done(ctx, "prefix", result)
}

fn strip(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let count = usize::try_from(args.int(ctx, 0)).unwrap_or(0);
    let result = ctx.change_uri(|uri| rewrite::strip(uri, count));
    done(ctx, "strip", result)
}

fn strip_tail(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let count = usize::try_from(args.int(ctx, 0)).unwrap_or(0);
    let result = ctx.change_uri(|uri| rewrite::strip_tail(uri, count));
    done(ctx, "strip_tail", result)
}

/// Nothing to add is no failure.
fn user_phone(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    match ctx.change_uri(rewrite::user_phone) {
        Err(SetError::Value) => Flow::TRUE,
        other => done(ctx, "userphone", other),
    }
}

fn note(set: impl FnOnce(&mut Ctx<'_>), ctx: &mut Ctx<'_>) -> Flow {
    set(ctx);
    Flow::TRUE
}

fn force_rport(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    note(|ctx| ctx.work.sending.force_rport = true, ctx)
}

fn local_rport(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    note(|ctx| ctx.work.sending.local_rport = true, ctx)
}

fn send_socket(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let written = args.value(ctx, 0).to_display();
    match ctx.force_socket(&written) {
        Ok(()) => Flow::TRUE,
        Err(_) => {
            ctx.log(Level::ERR, format!("force_send_socket: we do not listen on {written}"));
            Flow::FALSE
        }
    }
}

fn advertised_address(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.sending.advertised_host = Some(args.text(ctx, 0));
    Flow::TRUE
}

fn advertised_port(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.sending.advertised_port = u16::try_from(args.int(ctx, 0)).ok();
    Flow::TRUE
}

fn mtu_transport(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.sending.mtu_transport = Transport::parse(&args.text(ctx, 0));
    Flow::TRUE
}

/// For the port given, else for that of the top Via.
fn tcp_alias(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let port = match args.is_empty() {
        true => ctx.work.view().via_top().ok().map(|via| via.effective_port()),
        false => u16::try_from(args.int(ctx, 0)).ok(),
    };
    if let Some(port) = port {
        ctx.shard.alias_connection(&ctx.work.received, port);
    }
    Flow::TRUE
}
