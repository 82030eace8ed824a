//! Whether we are the first hop of a request, or the last of a reply.

use sip::msg::Uri;

use crate::api::{Args, Ctx, Flow};

/// A request: it has one Via. A reply: its top Record-Route is ours; unless mode is 1, that must be an address
/// and the packet must not come from it.
pub(super) fn is_first_hop(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let mode = if args.is_empty() { 0 } else { args.int(ctx, 0) };
    let view = ctx.work.view();
    if view.method().is_some() {
        return Flow::from_bool(view.vias().nth(1).is_none_or(|via| via.is_err()));
    }
    let Some(top) = view.record_routes().next() else { return Flow::TRUE };
    let uri = top.ok().and_then(|address| Uri::parse(address.uri_text).ok());
    let Some(uri) = uri else { return Flow::FALSE };
    let port = uri.effective_port();
    if !ctx.shard.sockets.is_myself(uri.host, port, uri.transport_param()) {
        return Flow::FALSE;
    }
    if mode == 1 {
        return Flow::TRUE;
    }
    let source = ctx.work.received.peer;
    match uri.host_ip() {
        None => Flow::FALSE,
        Some(ip) => {
            let is_loop = source.addr.ip() == ip
                && source.addr.port() == port
                && source.transport == uri.effective_transport();
            Flow::from_bool(!is_loop)
        }
    }
}
