//! Requests made by the script: `t_uac_send()`.

use crate::api::{Args, Ctx, Flow, Level, LocalRequest};

/// `t_uac_send(method, ruri, nexthop, socket, headers, body)`: nobody hears of the outcome; next hop, socket and
/// body may be empty.
pub(super) fn t_uac_send(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let [method, uri, next_hop, socket, headers, body] = [0, 1, 2, 3, 4, 5].map(|at| args.text(ctx, at));
    if method.is_empty() || sip::msg::Uri::parse(&uri).is_err() {
        ctx.log(Level::ERR, "t_uac_send: a method and a readable request URI are needed");
        return Flow::FALSE;
    }
    let mut request = match LocalRequest::new(method, uri).lines(&headers) {
        Ok(request) => request,
        Err(error) => {
            ctx.log(Level::ERR, format!("t_uac_send: {error}"));
            return Flow::FALSE;
        }
    };
    request.next_hop = Some(next_hop).filter(|uri| !uri.is_empty());
    request.body = body;
    if !socket.is_empty() {
        let Ok(id) = ctx.find_socket(&String::from_utf8_lossy(&socket)) else {
            ctx.log(Level::ERR, "t_uac_send: no such socket");
            return Flow::FALSE;
        };
        request.socket = Some(id);
    }
    ctx.shard.send_request(request);
    Flow::TRUE
}
