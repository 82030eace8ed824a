//! Remote-Party-ID: who calls, as an authentication has found it and left in a variable.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::Uri;

use super::numbers::e164;
use crate::api::{Args, Ctx, Flow, Loading, Pv, Value};

/// The parameters `rpid_avp`, `rpid_prefix` and `rpid_suffix`.
#[derive(Debug)]
struct RemoteParty {
    variable: Pv,
    prefix: Bytes,
    suffix: Bytes,
}

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let name = loading.params.text("rpid_avp");
    let variable = loading.catalog.variable(&name).map_err(|error| format!("rpid_avp: {error}"))?;
    let (prefix, suffix) = (loading.params.text("rpid_prefix"), loading.params.text("rpid_suffix"));
    loading.shared.put(RemoteParty { variable, prefix, suffix });
    Ok(())
}

fn party(ctx: &mut Ctx<'_>) -> Option<(Arc<RemoteParty>, Bytes)> {
    let party = ctx.shard.shared.get::<RemoteParty>()?;
    match party.variable.get(ctx) {
        Value::Null => None,
        value => Some((party, value.to_text())),
    }
}

/// -1 when the variable is not set.
pub(super) fn append(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some((party, uri)) = party(ctx) else { return Flow::FALSE };
    let (prefix, suffix) = match args.len() {
        0 => (party.prefix.clone(), party.suffix.clone()),
        _ => (args.text(ctx, 0), args.text(ctx, 1)),
    };
    let line = [b"Remote-Party-ID: ", &prefix[..], &uri, &suffix, b"\r\n"].concat();
    let end = ctx.work.view().headers_end();
    Flow::from_bool(ctx.work.edits.insert(end, &line).is_some())
}

/// The variable holds a URI, perhaps in angle brackets.
pub(super) fn is_e164(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some((_, text)) = party(ctx) else { return Flow::FALSE };
    let uri = sip::msg::NameAddr::parse(&text).map_or(&text[..], |party| party.uri_text);
    Flow::from_bool(Uri::parse(uri).is_ok_and(|uri| e164(ctx, uri.user.unwrap_or_default())))
}
