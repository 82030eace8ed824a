//! What an `onsend_route` sees of the copy that is about to leave: `$sndto`, `$snd`, `$sndfrom`.

use std::net::SocketAddr;

use sip::peer::Transport;

use super::NAME;
use crate::api::{Ctx, InnerKind, Leaving, ModuleDef, PvArg, PvDef, Value};
use crate::relay::SocketId;

pub(super) static PART: ModuleDef = ModuleDef { name: NAME, pvs: PVS, ..ModuleDef::EMPTY };

const KEYS: InnerKind = InnerKind::Key(&["ip", "port", "proto", "sproto", "af", "len"]);

static PVS: &[PvDef] = &[
    PvDef::new("sndto", far_end, "where the copy goes, in onsend_route").alias(&["snd"]).inner(KEYS),
    PvDef::new("sndfrom", own_end, "the socket the copy leaves by, in onsend_route").inner(KEYS),
];

fn far_end(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let Some(leaving) = ctx.work.attached.get::<Leaving>().copied() else { return Value::Null };
    let peer = leaving.hop.peer;
    part(arg, (peer.transport, peer.addr), leaving.size)
}

fn own_end(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let Some(leaving) = ctx.work.attached.get::<Leaving>().copied() else { return Value::Null };
    let socket = ctx.shard.sockets.get(SocketId(leaving.hop.socket));
    part(arg, (socket.transport, socket.addr), leaving.size)
}

fn part(arg: &PvArg, (transport, addr): (Transport, SocketAddr), size: usize) -> Value {
    match arg.slot() {
        0 => Value::Str(addr.ip().to_string().into()),
        1 => Value::Int(i64::from(addr.port())),
        2 => Value::Int(transport as i64),
        3 => Value::literal(transport.param_name()),
        4 => Value::Int(if addr.is_ipv4() { 2 } else { 10 }),
        _ => Value::Int(size as i64),
    }
}
