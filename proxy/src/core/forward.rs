//! Sending without a transaction: `forward()` and its kin, and the functions that send bytes as they are.
//!
//! Host names are looked up first; the function then goes on with the answer.

use bytes::Bytes;
use sip::locate::Destination;
use sip::msg::Method;
use sip::peer::Transport;

use super::NAME;
use crate::api::{
    Answer, Args, Ctx, Flow, FunctionDef, FunctionFn, IoAnswer, IoRequest, Kind, Level, ModuleDef, Resumed,
    Routes, Wait,
};
use crate::relay::{NextHop, SocketId, Target, Wish};

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, functions: FUNCTIONS, ..ModuleDef::EMPTY };

const PLACE: &[Kind] = &[Kind::Text, Kind::Int];
const TEXT: &[Kind] = &[Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    row("forward", PLACE, |ctx, args| forward(ctx, args, None), "forwards without a transaction").optional(2),
    row("forward_udp", PLACE, |ctx, args| forward(ctx, args, Some(Transport::Udp)), "the same over UDP")
        .optional(1),
    row("forward_tcp", PLACE, |ctx, args| forward(ctx, args, Some(Transport::Tcp)), "the same over TCP")
        .optional(1),
    row("forward_tls", PLACE, |ctx, args| forward(ctx, args, Some(Transport::Tls)), "the same over TLS")
        .optional(1),
    row("forward_sctp", PLACE, |ctx, args| forward(ctx, args, Some(Transport::Sctp)), "the same over SCTP")
        .optional(1),
    row("send", TEXT, |ctx, args| send(ctx, args, Transport::Udp), "sends the message as it was received")
        .optional(1),
    row("send_udp", TEXT, |ctx, args| send(ctx, args, Transport::Udp), "the same over UDP").optional(1),
    row("send_tcp", TEXT, |ctx, args| send(ctx, args, Transport::Tcp), "the same over TCP").optional(1),
    row("send_data", &[Kind::Text, Kind::Text], send_data, "sends a text to a URI"),
    row("sendx", &[Kind::Text, Kind::Text, Kind::Text], send_by, "sends a text to a URI by a socket of ours"),
];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::NOT_ONSEND, run, doc)
}

/// What is to be sent.
enum Load {
    /// A copy of the request with the changes made to it.
    Copy(Box<Target>),
    /// These bytes, by this socket if one is named.
    Bytes(Bytes, Option<SocketId>),
}

/// To the host given, over the transport the message came by; else where `$du` or the request URI says.
fn forward(ctx: &mut Ctx<'_>, args: &Args<'_>, transport: Option<Transport>) -> Flow {
    if ctx.work.view().method().is_none() {
        ctx.log(Level::ERR, "forward: only requests are forwarded");
        return Flow::FALSE;
    }
    let target = Box::new(ctx.work.targets.ruri().clone());
    let hop = if args.is_empty() {
        target_hop(ctx)
    } else {
        let host = args.text(ctx, 0);
        let port = u16::try_from(args.int(ctx, 1)).ok().filter(|port| *port != 0);
        NextHop::host(
            &String::from_utf8_lossy(&host),
            port,
            transport.unwrap_or(ctx.work.received.peer.transport),
        )
    };
    send_to(ctx, hop, Load::Copy(target))
}

/// To `host[:port]` or a URI; without argument where the request would go.
fn send(ctx: &mut Ctx<'_>, args: &Args<'_>, transport: Transport) -> Flow {
    let load = Load::Bytes(ctx.work.message.bytes().clone(), None);
    if args.is_empty() {
        let hop = target_hop(ctx).over(Some(transport));
        return send_to(ctx, hop, load);
    }
    let place = args.text(ctx, 0);
    let hop = if is_uri(&place) { NextHop::of(&place) } else { NextHop::of(&[b"sip:", &place[..]].concat()) };
    send_to(ctx, hop.over(Some(transport)), load)
}

fn send_data(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (uri, text) = (args.text(ctx, 0), args.text(ctx, 1));
    send_to(ctx, NextHop::of(&uri), Load::Bytes(text, None))
}

/// `sendx(uri, socket, text)`
fn send_by(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (uri, socket, text) = (args.text(ctx, 0), args.value(ctx, 1).to_display(), args.text(ctx, 2));
    let own = ctx.find_socket(&socket).ok();
    if own.is_none() {
        // Sent all the same, by a socket that fits (Kamailio 5.6.3).
        ctx.log(Level::WARN, format!("sendx: we do not listen on {socket}"));
    }
    send_to(ctx, NextHop::of(&uri), Load::Bytes(text, own))
}

fn is_uri(place: &[u8]) -> bool {
    [&b"sip:"[..], b"sips:"]
        .iter()
        .any(|scheme| place.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
}

fn target_hop(ctx: &Ctx<'_>) -> NextHop {
    let target = ctx.work.targets.ruri();
    match target.dst_uri.as_deref().or(target.uri.as_deref()) {
        Some(uri) => NextHop::of(uri),
        None => NextHop::of(ctx.work.view().request_uri().unwrap_or_default()),
    }
}

fn send_to(ctx: &mut Ctx<'_>, hop: NextHop, load: Load) -> Flow {
    match hop {
        NextHop::Address(place) => deliver(ctx, load, &[place]),
        NextHop::Name(query) => {
            Flow::Wait(Wait { request: IoRequest::Locate(query), then: after_lookup, kept: Box::new(load) })
        }
        NextHop::Nowhere => {
            ctx.log(Level::ERR, "there is no host to send to");
            Flow::FALSE
        }
    }
}

fn after_lookup(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(load) = resumed.kept.downcast::<Load>() else { return Flow::FALSE };
    match resumed.answer {
        Answer::Io(IoAnswer::Located(places)) => deliver(ctx, *load, &places),
        Answer::Io(_) | Answer::Route { .. } => Flow::FALSE,
    }
}

fn deliver(ctx: &mut Ctx<'_>, load: Load, places: &[Destination]) -> Flow {
    match load {
        Load::Copy(target) => ctx.forward_copy(&target, places),
        Load::Bytes(bytes, own) => {
            let method = ctx.work.view().method().unwrap_or(Method::Other);
            let wish = Wish::of(method, ctx.work.targets.ruri(), Some(ctx.work.received.socket));
            let wish = Wish { forced: own.or(wish.forced), ..wish };
            let Some((hop, _)) = ctx.shard.relay.first_way(ctx.shard.now, places, &wish) else {
                ctx.log(Level::ERR, "there is no socket to send from");
                return Flow::FALSE;
            };
            ctx.shard.relay.send(hop, bytes);
            Flow::TRUE
        }
    }
}
