//! `allow_routing()`, `allow_register()` and `allow_uri()`: the URIs of a request against rule files.

use std::sync::Arc;

use sip::msg::{NameAddr, Uri, View};

use super::params;
use super::rules::{Pair, RuleFile};
use crate::api::{Args, Ctx, Flow};

/// How a Contact is shown to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    WithoutPort,
    WithPort,
}

/// `allow_routing([basename | allow, deny])`
pub(super) fn allow_routing(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let rules = params::rules(ctx);
    let pair = match args.len() {
        0 => Some(rules.default_pair.clone()),
        _ => pair(ctx, args),
    };
    let Some(pair) = pair else { return Flow::FALSE };
    if pair.allow.is_empty() && pair.deny.is_empty() {
        return Flow::TRUE;
    }
    let message = ctx.work.message.clone();
    let Some(from) = message.view().from().ok().map(|from| from.uri_text) else { return Flow::FALSE };
    let Some(uri) = ctx.work.uri().and_then(|uri| reduced(&uri, Shown::WithoutPort)) else {
        return Flow::FALSE;
    };
    if !pair.allow.fits(from, &uri) && pair.deny.fits(from, &uri) {
        return Flow::FALSE;
    }
    if !rules.checks_branches {
        return Flow::TRUE;
    }
    let branches = ctx.work.targets.appended().iter().filter_map(|target| target.uri.as_deref());
    let mut uris = branches.map(|uri| reduced(uri, Shown::WithoutPort));
    Flow::from_bool(uris.all(|uri| uri.is_some_and(|uri| pair.allows(from, &uri))))
}

/// `allow_register(basename | allow, deny)`
pub(super) fn allow_register(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    contacts(ctx, args, Shown::WithoutPort)
}

/// `allow_register_include_port(basename | allow, deny)`
pub(super) fn allow_register_include_port(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    contacts(ctx, args, Shown::WithPort)
}

/// `allow_uri(basename, uri)`
pub(super) fn allow_uri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Ok(pair) = args.prepared::<Pair>(ctx, 0) else { return Flow::FALSE };
    let uri = args.text(ctx, 1);
    let message = ctx.work.message.clone();
    let Some(from) = message.view().from().ok().map(|from| from.uri_text) else { return Flow::FALSE };
    Flow::from_bool(pair.allows(from, &uri))
}

fn contacts(ctx: &mut Ctx<'_>, args: &Args<'_>, shown: Shown) -> Flow {
    let Some(pair) = pair(ctx, args) else { return Flow::FALSE };
    let message = ctx.work.message.clone();
    let Some(to) = message.view().to().ok().map(|to| to.uri_text) else { return Flow::FALSE };
    let uris = contact_uris(message.view(), shown);
    Flow::from_bool(uris.into_iter().all(|uri| uri.is_some_and(|uri| pair.allows(to, &uri))))
}

/// The Contacts as the rules see them; `None` for one that cannot be read. A lone `*` is none of them.
fn contact_uris(view: View<'_>, shown: Shown) -> Vec<Option<Vec<u8>>> {
    let fields = view.fields(sip::msg::HeaderName::Contact);
    let values = fields.flat_map(|field| sip::msg::Values::new(field.value.of(view.bytes)));
    values
        .filter(|value| value != b"*")
        .map(|value| NameAddr::parse(value).ok().and_then(|contact| reduced(contact.uri_text, shown)))
        .collect()
}

/// The files of the arguments: a basename, or two names.
fn pair(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Option<Arc<Pair>> {
    if args.len() == 1 {
        return args.prepared::<Pair>(ctx, 0).ok();
    }
    let allow = args.prepared::<RuleFile>(ctx, 0).ok()?;
    let deny = args.prepared::<RuleFile>(ctx, 1).ok()?;
    Some(Arc::new(Pair { allow, deny }))
}

/// `sip:user@host`, with its port on wish.
fn reduced(uri: &[u8], shown: Shown) -> Option<Vec<u8>> {
    let uri = Uri::parse(uri).ok()?;
    let user = uri.user.filter(|user| !user.is_empty());
    let mut text = b"sip:".to_vec();
    if let Some(user) = user {
        text.extend_from_slice(user);
        text.push(b'@');
    }
    text.extend_from_slice(uri.host);
    if let (Shown::WithPort, Some(port)) = (shown, uri.port) {
        text.extend_from_slice(format!(":{port}").as_bytes());
    }
    Some(text)
}
