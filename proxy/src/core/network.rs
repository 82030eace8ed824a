//! Where a message came from and which of our sockets received it.

use std::net::{IpAddr, SocketAddr};

use sip::peer::Transport;

use super::NAME;
use crate::api::{Ctx, InnerKind, ModuleDef, PvArg, PvDef, SetError, Value};
use crate::relay::Socket;

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

static PVS: &[PvDef] = &[
    PvDef::new("si", |ctx, _| ip_text(source(ctx).ip()), "source address").alias(&["src_ip"]),
    PvDef::new("siz", |ctx, _| text(host(source(ctx).ip())), "source address, IPv6 in brackets"),
    PvDef::new("sp", |ctx, _| port(source(ctx)), "source port"),
    PvDef::new("su", |ctx, _| text(uri(source(ctx), transport(ctx), Always::No)), "source as URI"),
    PvDef::new(
        "sut",
        |ctx, _| text(uri(source(ctx), transport(ctx), Always::Yes)),
        "source as URI with transport",
    ),
    PvDef::new("sas", |ctx, _| text(socket(source(ctx), transport(ctx))), "source as proto:ip:port"),
    PvDef::new("Ri", |ctx, _| ip_text(local(ctx).addr.ip()), "receiving address"),
    PvDef::new("Rp", |ctx, _| port(local(ctx).addr), "receiving port"),
    PvDef::new(
        "Ru",
        |ctx, _| text(uri(local(ctx).addr, transport(ctx), Always::No)),
        "receiving socket as URI",
    ),
    PvDef::new(
        "Rut",
        |ctx, _| text(uri(local(ctx).addr, transport(ctx), Always::Yes)),
        "receiving socket as URI with transport",
    ),
    PvDef::new(
        "Ras",
        |ctx, _| text(socket(local(ctx).addr, transport(ctx))),
        "receiving socket as proto:ip:port",
    ),
    PvDef::new("Rn", |ctx, _| name(local(ctx)), "name of the receiving socket"),
    PvDef::new("RAi", |ctx, _| text(advertised(ctx).0), "advertised address"),
    PvDef::new("RAp", |ctx, _| Value::Int(i64::from(advertised(ctx).1)), "advertised port"),
    PvDef::new("RAu", |ctx, _| advertised_uri(ctx, Always::No), "advertised address as URI"),
    PvDef::new("RAut", |ctx, _| advertised_uri(ctx, Always::Yes), "advertised address as URI with transport"),
    PvDef::new("pr", |ctx, _| Value::literal(transport(ctx).param_name()), "transport it came by")
        .alias(&["proto"]),
    PvDef::new("prid", |ctx, _| Value::Int(transport(ctx) as i64), "number of the transport it came by"),
    PvDef::new("af", family, "address family").inner(InnerKind::Key(&["id", "name"])),
    PvDef::new("conid", connection, "connection it came by"),
    PvDef::new("fs", |ctx, _| forced(ctx, forced_text), "forced send socket").writable(force),
    PvDef::new("fsn", |ctx, _| forced(ctx, name), "name of the forced send socket").writable(force_named),
    PvDef::new("fsp", forced_port, "port of the forced send socket, 0 without one"),
];

/// Whether a URI names UDP too.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Always {
    Yes,
    No,
}

fn source(ctx: &Ctx<'_>) -> SocketAddr {
    ctx.work.received.peer.addr
}

fn transport(ctx: &Ctx<'_>) -> Transport {
    ctx.work.received.peer.transport
}

fn local<'a>(ctx: &'a Ctx<'_>) -> &'a Socket {
    ctx.shard.sockets.get(ctx.work.received.socket)
}

fn ip_text(ip: IpAddr) -> Value {
    text(ip.to_string())
}

fn text(text: String) -> Value {
    Value::Str(text.into())
}

fn port(addr: SocketAddr) -> Value {
    Value::Int(i64::from(addr.port()))
}

/// IPv6 in brackets.
fn host(ip: IpAddr) -> String {
    match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    }
}

fn uri(addr: SocketAddr, transport: Transport, always: Always) -> String {
    uri_of(&host(addr.ip()), addr.port(), transport, always)
}

fn uri_of(host: &str, port: u16, transport: Transport, always: Always) -> String {
    match (transport, always) {
        (Transport::Udp, Always::No) => format!("sip:{host}:{port}"),
        _ => format!("sip:{host}:{port};transport={}", transport.param_name()),
    }
}

fn socket(addr: SocketAddr, transport: Transport) -> String {
    format!("{}:{}:{}", transport.param_name(), host(addr.ip()), addr.port())
}

fn name(socket: &Socket) -> Value {
    socket.name.as_deref().map_or(Value::Null, |name| Value::copied(name.as_bytes()))
}

fn advertised(ctx: &Ctx<'_>) -> (String, u16) {
    let socket = local(ctx);
    match &socket.advertise {
        Some((host, 0)) => (host.to_string(), socket.addr.port()),
        Some((host, port)) => (host.to_string(), *port),
        None => (host(socket.addr.ip()), socket.addr.port()),
    }
}

fn advertised_uri(ctx: &Ctx<'_>, always: Always) -> Value {
    let (host, port) = advertised(ctx);
    text(uri_of(&host, port, transport(ctx), always))
}

fn family(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match (arg.slot(), source(ctx).is_ipv4()) {
        (0, true) => Value::Int(2),
        (0, false) => Value::Int(10),
        (_, true) => Value::literal("IPv4"),
        (_, false) => Value::literal("IPv6"),
    }
}

fn connection(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    match ctx.work.received.peer.conn.0 {
        0 => Value::Null,
        id => Value::Int(i64::from(id)),
    }
}

fn forced(ctx: &mut Ctx<'_>, read: impl FnOnce(&Socket) -> Value) -> Value {
    let id = ctx.work.targets.ruri().socket;
    id.map_or(Value::Null, |id| read(ctx.shard.sockets.get(id)))
}

fn forced_text(forced: &Socket) -> Value {
    text(socket(forced.addr, forced.transport))
}

fn forced_port(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    match forced(ctx, |socket| port(socket.addr)) {
        Value::Null => Value::Int(0),
        port => port,
    }
}

fn force(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    if value.is_null() {
        ctx.work.targets.ruri_mut().socket = None;
        return Ok(());
    }
    ctx.force_socket(&value.to_display())
}

fn force_named(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    let wanted = value.to_display();
    let found = ctx.shard.sockets.iter().find(|(_, socket)| socket.name.as_deref() == Some(&wanted));
    let Some((id, _)) = found else { return Err(SetError::Value) };
    ctx.work.targets.ruri_mut().socket = Some(id);
    Ok(())
}
