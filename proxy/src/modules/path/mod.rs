//! Module path: a Path field that brings later requests for a registered contact back through us (RFC 3327).

use bytes::Bytes;
use sip::msg::HeaderName;
use sip::peer::Transport;

use crate::api::{Args, Ctx, Flow, FunctionDef, FunctionFn, Kind, Loading, ModuleDef, ParamDef, Routes};
use crate::modules::rr::{FlowHooks, ReceivedParam};

/// The table of module path.
pub static MODULE: ModuleDef = ModuleDef {
    name: "path",
    needs: &["rr"],
    params: &[
        ParamDef::int("use_received", 0, "whether a consumed Route's `received` becomes the next hop"),
        ParamDef::text("received_name", "received", "name of that parameter"),
        ParamDef::int("received_format", 0, "form of that parameter: 0 a URI"),
        ParamDef::int(
            "enable_r2",
            0,
            "whether two fields are written when a request changes sockets: 0 never",
        ),
        ParamDef::int("sockname_mode", 0, "whether the name of the socket is written: 0 never"),
    ],
    functions: &[
        row("add_path", add_path, "adds a Path field: user, parameters"),
        row("add_path_received", add_path_received, "adds a Path field that remembers the source"),
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const fn row(name: &'static str, run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, &[Kind::Text, Kind::Text], Routes::REQUEST, run, doc).optional(2)
}

/// The name of the parameter that remembers the source.
#[derive(Debug)]
struct ReceivedName(Bytes);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    for name in ["received_format", "enable_r2", "sockname_mode"] {
        if loading.params.int(name) != 0 {
            return Err(format!("parameter {name} can only be 0 here"));
        }
    }
    let name = loading.params.text("received_name");
    if loading.params.int("use_received") != 0 {
        loading.shared.put(ReceivedParam(name.clone()));
    }
    loading.shared.put(ReceivedName(name));
    Ok(())
}

/// `add_path([user[, params]])`
fn add_path(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    add(ctx, args, b"")
}

/// `add_path_received([user[, params]])`: `;received=` names where the request came from.
fn add_path_received(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(name) = ctx.shard.shared.get::<ReceivedName>() else { return Flow::FALSE };
    let peer = ctx.work.received.peer;
    // Written inside a URI parameter, `;` and `=` must be escaped (RFC 3261 25.1).
    let transport = match peer.transport {
        Transport::Udp => String::new(),
        other => format!("%3Btransport%3D{}", other.param_name()),
    };
    let received = [b";", &name.0[..], format!("=sip:{}{transport}", peer.addr).as_bytes()].concat();
    add(ctx, args, &received)
}

fn add(ctx: &mut Ctx<'_>, args: &Args<'_>, received: &[u8]) -> Flow {
    let (user, params) = (args.text(ctx, 0), args.text(ctx, 1));
    let socket = ctx.shard.sockets.get(ctx.work.received.socket);
    // RFC 5626 5.1: the flow the registration came by, unless the script names a user itself.
    let flows = ctx.shard.shared.peek::<FlowHooks>().filter(|_| user.is_empty());
    let token = flows.and_then(|flows| (flows.token)(ctx));
    let user = token.as_deref().unwrap_or(&user);
    let mut line = b"Path: <sip:".to_vec();
    if !user.is_empty() {
        line.extend_from_slice(user);
        line.push(b'@');
    }
    line.extend_from_slice(socket.sent_by().as_bytes());
    if socket.transport != Transport::Udp {
        line.extend_from_slice(format!(";transport={}", socket.transport.param_name()).as_bytes());
    }
    line.extend_from_slice(b";lr");
    line.extend_from_slice(received);
    if !params.is_empty() {
        line.push(b';');
        line.extend_from_slice(&params);
    }
    if token.is_some() {
        line.extend_from_slice(b";ob");
    }
    line.extend_from_slice(b">\r\n");
    // RFC 3327 5.2: above the Path fields of those who had the request before; the first stands last of all.
    let view = ctx.work.view();
    let above = view.fields(HeaderName::Path).next().map(|field| field.line.start as usize);
    ctx.work.edits.insert(above.unwrap_or(view.headers_end()), &line);
    Flow::TRUE
}
