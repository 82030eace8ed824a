//! The script functions of rr.

use sip::msg::{NameAddr, Uri};

use super::params::Style;
use super::{FlowEnds, FlowHooks, FlowOf, ReceivedParam};
use crate::api::{Args, Ctx, Flow, Nested, PvArg, Resumed, RouteId, RouteKind, RouteTable, Value};
use crate::relay::record_route::{Form, RecordRoute, UriScheme};
use crate::relay::route::{self, OwnUri};

/// `record_route([params])`: -1 when called twice.
pub(super) fn record_route(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let params = args.text(ctx, 0);
    put(ctx, Form::Socket, &params)
}

/// `record_route_preset(host[, second])`
pub(super) fn record_route_preset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let hosts = (0..args.len()).map(|at| Box::from(&args.text(ctx, at)[..])).collect();
    put(ctx, Form::Preset(hosts), b"")
}

/// `add_rr_param(param)`: kept for a later `record_route()` when there was none yet.
pub(super) fn add_rr_param(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let param = args.text(ctx, 0);
    let relaying = &mut ctx.work.relaying;
    let added = match &mut relaying.record_route {
        Some(record_route) => &mut record_route.added,
        None => &mut relaying.early_rr_params,
    };
    if param.is_empty() || added.len() + param.len() > MAX_ADDED {
        return Flow::FALSE;
    }
    added.extend_from_slice(&param);
    Flow::TRUE
}

/// `remove_record_route()`
pub(super) fn remove_record_route(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    ctx.work.relaying.record_route = None;
    Flow::TRUE
}

/// `loose_route()`: 1 when routes say where to go, -1 when there is none, -3 when all were ours and the
/// request begins a dialog.
pub(super) fn loose_route(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    route_by(ctx, 0, |code| code)
}

/// `loose_route_mode(bits)`: 1 takes no request URI of ours for the sign of a strict router; 2 leaves flow tokens
/// alone.
pub(super) fn loose_route_mode(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let bits = args.int(ctx, 0);
    route_by(ctx, bits, |code| code)
}

/// `loose_route_preloaded()`: 1 when all routes were ours and the request begins a dialog, else -1.
pub(super) fn loose_route_preloaded(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    route_by(ctx, 0, |code| if code == PRELOADED { 1 } else { -1 })
}

/// What `loose_route()` returns when all routes were ours and the request begins a dialog.
const PRELOADED: i64 = -3;

/// What it returns when our Route names the flow to send by, and when it names one that we did not.
const BY_FLOW: i64 = 2;
const BAD_FLOW: i64 = -2;

/// `bits`: those of `loose_route_mode()`.
fn route_by(ctx: &mut Ctx<'_>, bits: i64, answer: fn(i64) -> i64) -> Flow {
    let own = if bits & 1 != 0 { OwnUri::Nothing } else { OwnUri::StrictRouter };
    let Some(uri) = ctx.work.uri() else { return Flow::FALSE };
    let message = ctx.work.message.clone();
    let Ok(plan) = route::plan(message.view(), &uri, &ctx.shard.sockets, own) else { return Flow::FALSE };
    let user = plan.own_user.filter(|_| bits & 2 == 0);
    let Ok(flow) = flow_towards(ctx, user) else { return Flow::Next(answer(BAD_FLOW)) };
    let work = &mut *ctx.work;
    for cut in &plan.cuts {
        work.edits.delete(*cut);
    }
    if let Some((at, uri)) = &plan.appended {
        work.edits.insert(*at, &[b"Route: <", &uri[..], b">\r\n"].concat());
    }
    if let Some(uri) = plan.uri {
        work.targets.set_uri(uri);
        work.targets.set_dst_uri(None);
    }
    if let Some(uri) = plan.dst_uri {
        work.targets.set_dst_uri(Some(uri.into()));
    }
    let forces_socket = ctx.shard.shared.peek::<Style>().is_some_and(|style| style.forces_socket);
    if let Some(socket) = plan.socket.or(plan.own_socket.filter(|_| forces_socket)) {
        work.targets.ruri_mut().socket = Some(socket);
    }
    if let Some(name) = ctx.shard.shared.peek::<ReceivedParam>()
        && let Some(uri) = sip::msg::Params::semicolons(plan.params).value(&name.0)
    {
        work.targets.set_dst_uri(Some(unescaped(uri).into()));
    }
    if let Some(flow) = flow {
        let uri = format!("sip:{};transport={}", flow.remote, flow.transport.param_name());
        work.targets.set_dst_uri(Some(uri.into_bytes().into()));
        let (host, port) = (flow.local.ip().to_string(), flow.local.port());
        work.targets.ruri_mut().socket = ctx.shard.sockets.find(&host, port, Some(flow.transport));
    }
    work.targets.mark_ruri_new();
    work.relaying.route_params = Some(plan.params.into());
    let code = answer(match flow {
        Some(_) => BY_FLOW,
        None if plan.is_preloaded => PRELOADED,
        None => 1,
    });
    let hooks = ctx.catalog.modules().iter().filter_map(|module| module.hooks.routed);
    let names: Vec<&str> = hooks.filter_map(|routed| routed(ctx)).collect();
    let routes = names.into_iter().filter_map(|name| ctx.routes.find(RouteTable::Event, name));
    run_events(routes.collect(), code)
}

/// The flow that the user part of our Route names, unless the request came by it (RFC 5626 5.3). Errors: we did not
/// name it.
fn flow_towards(ctx: &Ctx<'_>, user: Option<&[u8]>) -> Result<Option<FlowEnds>, ()> {
    let hooks = ctx.shard.shared.peek::<FlowHooks>();
    let peer = ctx.work.received.peer;
    match hooks.zip(user).map(|(hooks, user)| (hooks.flow_of)(ctx, user)) {
        Some(FlowOf::Flow(flow)) => {
            Ok(Some(flow).filter(|flow| (flow.remote, flow.transport) != (peer.addr, peer.transport)))
        }
        Some(FlowOf::Forged) => Err(()),
        Some(FlowOf::NoToken) | None => Ok(None),
    }
}

/// Runs event routes on the message, the last of the list first, and ends with this code.
fn run_events(mut events: Vec<RouteId>, code: i64) -> Flow {
    let Some(route) = events.pop() else { return Flow::Next(code) };
    let then = |_: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed| match resumed.kept.downcast() {
        Ok(kept) => {
            let (events, code): (Vec<RouteId>, i64) = *kept;
            run_events(events, code)
        }
        Err(_) => Flow::FALSE,
    };
    Flow::Call(Nested { route, kind: RouteKind::Event, work: None, then, kept: Box::new((events, code)) })
}

/// `check_route_param(re)`
pub(super) fn check_route_param(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Ok(pattern) = args.regex(ctx, 0) else { return Flow::FALSE };
    let params = ctx.work.relaying.route_params.as_deref();
    Flow::from_bool(params.is_some_and(|params| !params.is_empty() && pattern.is_match(params)))
}

/// `is_direction(downstream|upstream)`: upstream when our Route's ftag is not the From tag.
pub(super) fn is_direction(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let wanted = args.text(ctx, 0);
    Flow::from_bool(is_upstream(ctx) == wanted.eq_ignore_ascii_case(b"upstream"))
}

/// `$route_uri`
pub(super) fn route_uri(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let route = ctx.work.view().routes().next();
    match route {
        Some(Ok(route)) => Value::Str(ctx.work.slice(route.uri_text)),
        _ => Value::literal(""),
    }
}

/// `$rdir(id)` and `$rdir(name)`: which way the request goes, by the `ftag` of our Route.
pub(super) fn direction(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match (is_upstream(ctx), arg.slot()) {
        (false, 0) => Value::Int(1),
        (true, 0) => Value::Int(2),
        (false, _) => Value::literal("downstream"),
        (true, _) => Value::literal("upstream"),
    }
}

/// `$fti`: the tag of the party that began the dialog.
pub(super) fn initiator(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    initiator_tag(ctx).map_or(Value::Null, |tag| Value::copied(&tag))
}

/// `$tti`: the tag of the other one.
pub(super) fn terminator(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let view = ctx.work.view();
    let address = if is_upstream(ctx) { view.from() } else { view.to() };
    address.ok().and_then(|address| address.tag()).map_or(Value::Null, Value::copied)
}

/// A URI inside a parameter, with `%3B` and the like as what they stand for.
fn unescaped(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, behind)) = rest.split_first() {
        let digits = behind.get(..2).filter(|_| *first == b'%').and_then(|it| std::str::from_utf8(it).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &behind[2..];
            }
            None => {
                out.push(*first);
                rest = behind;
            }
        }
    }
    out
}

/// Whether a request within a dialog comes from the called side: our Route's `ftag` is not its From tag.
pub fn is_upstream(ctx: &Ctx<'_>) -> bool {
    let params = ctx.work.relaying.route_params.as_deref().unwrap_or_default();
    let from = ctx.work.view().from().ok().and_then(|from| from.tag());
    let ftag = sip::msg::Params::semicolons(params).value(b"ftag").filter(|ftag| !ftag.is_empty());
    ftag.is_some_and(|ftag| from.is_some_and(|tag| tag != ftag))
}

fn put(ctx: &mut Ctx<'_>, form: Form, params: &[u8]) -> Flow {
    if ctx.work.relaying.record_route.is_some() {
        return Flow::FALSE;
    }
    let Some(style) = ctx.shard.shared.get::<Style>() else { return Flow::FALSE };
    let own_user = style.user_from.as_ref().map(|pv| pv.get(ctx).to_text()).filter(|user| !user.is_empty());
    let from_tag = style.with_from_tag.then(|| initiator_tag(ctx)).flatten();
    let uri = ctx.work.uri().unwrap_or_default();
    let user = own_user.as_deref().or_else(|| Uri::parse(&uri).ok().and_then(|uri| uri.user));
    let user = user.filter(|_| style.with_user).map(Box::from);
    let token = ctx.shard.shared.peek::<FlowHooks>().and_then(|hooks| (hooks.token)(ctx));
    let user = token.map(Box::from).or(user);
    let scheme = if !style.ignores_sips && is_secure(ctx, &uri) { UriScheme::Sips } else { UriScheme::Sip };
    let added = std::mem::take(&mut ctx.work.relaying.early_rr_params);
    ctx.work.relaying.record_route = Some(RecordRoute {
        form,
        from_tag,
        user,
        params: params.into(),
        added,
        lr: style.lr,
        double: style.double,
        scheme,
    });
    Flow::TRUE
}

/// The tag of the party that began the dialog: From, or To in a request that goes upstream.
fn initiator_tag(ctx: &Ctx<'_>) -> Option<Box<[u8]>> {
    let view = ctx.work.view();
    let address = if is_upstream(ctx) { view.to() } else { view.from() };
    address.ok().and_then(|address| address.tag()).map(Box::from)
}

/// RFC 3261 16.6 item 4: sips when the request URI, or the topmost Record-Route or Contact, is sips.
fn is_secure(ctx: &Ctx<'_>, uri: &[u8]) -> bool {
    let view = ctx.work.view();
    let is_sips = |uri: &[u8]| uri.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"sips:"));
    let of = |address: Option<Result<NameAddr<'_>, _>>| {
        address.and_then(Result::ok).is_some_and(|address: NameAddr<'_>| is_sips(address.uri_text))
    };
    is_sips(uri) || of(view.record_routes().next()) || of(view.contacts().next())
}

/// Bytes of parameters `add_rr_param()` may gather.
const MAX_ADDED: usize = 512;

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn escapes_stand_for_bytes_and_others_stay() {
        for (text, expected) in [
            ("sip:192.0.2.1:5060%3Btransport%3Dtcp", "sip:192.0.2.1:5060;transport=tcp"),
            ("50%", "50%"),
            ("%zz%3b", "%zz;"),
        ] {
            assert_eq!(unescaped(text.as_bytes()), expected.as_bytes());
        }
    }
}
