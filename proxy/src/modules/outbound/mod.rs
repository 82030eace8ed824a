//! Module outbound: flow tokens of an edge proxy (RFC 5626 5). Module path puts them into Path, rr into Record-Route,
//! and `loose_route()` sends what comes back with one over the flow it names.

#[cfg(test)]
mod tests;
mod token;

use std::sync::OnceLock;

use sip::msg::{Method, Uri, View};

use crate::api::{Ctx, Loading, ModuleDef, ParamDef, Shard};
use crate::modules::rr::{FlowEnds, FlowHooks, FlowOf};
use token::Key;

/// The table of module outbound.
pub static MODULE: ModuleDef = ModuleDef {
    name: "outbound",
    needs: &["rr"],
    params: &[
        ParamDef::int("force_outbound_flag", -1, "message flag that asks for a flow token in any request"),
        ParamDef::int("force_no_outbound_flag", -1, "message flag that asks for none"),
        ParamDef::text("flow_token_secret", "", "key of the tokens; random when empty"),
    ],
    load: Some(load),
    start: Some(start),
    ..ModuleDef::EMPTY
};

/// The message flags that overrule what a request says of itself, as bits; 0 for none.
#[derive(Debug)]
struct Forced {
    wanted: u32,
    unwanted: u32,
}

/// The key of the tokens, made when the first shard starts unless the configuration names a secret.
#[derive(Debug, Default)]
struct TokenKey(OnceLock<Key>);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let flag = |name: &str| match loading.params.int(name) {
        -1 => Ok(0),
        flag @ 0..=31 => Ok(1 << flag),
        other => Err(format!("parameter {name} is {other}, expected a flag from 0 to 31, or -1")),
    };
    let forced = Forced { wanted: flag("force_outbound_flag")?, unwanted: flag("force_no_outbound_flag")? };
    loading.shared.put(forced);
    let secret = loading.params.text("flow_token_secret");
    if !secret.is_empty() {
        loading.shared.put(TokenKey(OnceLock::from(Key::of_secret(&secret))));
    } else if loading.shared.peek::<TokenKey>().is_none() {
        loading.shared.put(TokenKey::default());
    }
    loading.shared.put(FlowHooks { token, flow_of });
    Ok(())
}

fn start(shard: &mut Shard) {
    let Shard { shared, ident, .. } = shard;
    if let Some(key) = shared.peek::<TokenKey>() {
        key.0.get_or_init(|| Key::random(ident));
    }
}

/// The token later requests to the sender need, when it asks for one: that of the Route if the request goes to a
/// flow itself (RFC 5626 5.3), else that of the flow it came by.
fn token(ctx: &Ctx<'_>) -> Option<Vec<u8>> {
    let forced = ctx.shard.shared.peek::<Forced>()?;
    if ctx.work.flags & forced.unwanted != 0 {
        return None;
    }
    let view = ctx.work.view();
    if let Some(token) = token_of_route(ctx, view) {
        return Some(token);
    }
    if ctx.work.flags & forced.wanted == 0 && !asks(view) {
        return None;
    }
    let received = ctx.work.received;
    let flow = FlowEnds {
        transport: received.peer.transport,
        local: ctx.shard.sockets.get(received.socket).addr,
        remote: received.peer.addr,
    };
    Some(key(ctx)?.write(flow))
}

/// The token in the topmost Route, when it carries `ob` (RFC 5626 5.3).
fn token_of_route(ctx: &Ctx<'_>, view: View<'_>) -> Option<Vec<u8>> {
    let route = view.routes().next()?.ok()?;
    let uri = route.uri().ok()?;
    let token = uri.user.filter(|_| uri.params.get(b"ob").is_some())?;
    matches!(flow_of(ctx, token), FlowOf::Flow(_)).then(|| token.to_vec())
}

/// Whether a sender right before us asks for its flow: a registration with `reg-id`, any other request with `ob` in
/// its Contact URI. As with Kamailio 5.6.3, Supported is not looked at.
fn asks(view: View<'_>) -> bool {
    let is_first_hop = view.vias().nth(1).is_none();
    let contact = view.contacts().next().and_then(Result::ok);
    is_first_hop
        && contact.is_some_and(|contact| match view.method() {
            Some(Method::Register) => contact.params.get(b"reg-id").is_some(),
            _ => contact.uri().is_ok_and(|uri: Uri<'_>| uri.params.get(b"ob").is_some()),
        })
}

/// The flow a user part of ours stands for.
fn flow_of(ctx: &Ctx<'_>, user: &[u8]) -> FlowOf {
    match key(ctx).map(|key| key.read(user)) {
        None | Some(Err(token::NotRead::NoToken)) => FlowOf::NoToken,
        Some(Err(token::NotRead::Forged)) => FlowOf::Forged,
        Some(Ok(ends)) => FlowOf::Flow(ends),
    }
}

fn key<'a>(ctx: &'a Ctx<'_>) -> Option<&'a Key> {
    ctx.shard.shared.peek::<TokenKey>()?.0.get()
}
