//! The socket a contact is reached by: the one its REGISTER came in by, or, where another proxy received that, the one
//! a header field of the request names (`add_sock_hdr()` there, `sock_flag` and `sock_hdr_name` here).

use sip::peer::Transport;

use super::params::Rules;
use crate::api::{Args, Ctx, Flow};
use crate::relay::SocketId;

/// `add_sock_hdr(name)`
pub(super) fn add_field(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let socket = ctx.shard.sockets.get(ctx.work.received.socket);
    let value = format!(": {}:{}\r\n", socket.transport.param_name(), socket.addr);
    let end = ctx.work.view().headers_end();
    ctx.work.edits.insert(end, &[&name[..], value.as_bytes()].concat());
    Flow::TRUE
}

/// The socket for the contacts of the request. The field that names it is taken out.
pub(super) fn of(ctx: &mut Ctx<'_>, rules: &Rules) -> SocketId {
    let received = ctx.work.received.socket;
    if ctx.work.flags & rules.socket_flag == 0 {
        return received;
    }
    let message = ctx.work.message.clone();
    let view = message.view();
    let Some(field) = view.fields_named(&rules.socket_field).next() else { return received };
    let named = named(ctx, field.value.of(view.bytes));
    ctx.work.edits.delete(field.line);
    named.unwrap_or(received)
}

/// `udp:127.0.0.1:5060`, when it is one of ours.
fn named(ctx: &Ctx<'_>, text: &[u8]) -> Option<SocketId> {
    let (transport, rest) = std::str::from_utf8(text).ok()?.trim().split_once(':')?;
    let (host, port) = rest.rsplit_once(':')?;
    ctx.shard.sockets.find(host, port.parse().ok()?, Transport::parse(transport.as_bytes()))
}
