//! Other addresses in From and To. Replies show the caller what it sent; requests within the dialog are translated
//! both ways by a parameter of our Record-Route: the exclusive or of the old and the new URI.

use bytes::Bytes;
use sip::msg::{HeaderName, NameAddr, View};

use super::params::{self, Restore};
use crate::api::{Args, Base64, Ctx, Flow, Padding};
use crate::modules::rr;
use crate::relay::Original;

/// Which of the two fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    From,
    To,
}

impl Side {
    fn header(self) -> HeaderName {
        match self {
            Side::From => HeaderName::From,
            Side::To => HeaderName::To,
        }
    }

    fn address(self, view: View<'_>) -> Option<NameAddr<'_>> {
        NameAddr::parse(view.header(self.header())?).ok()
    }

    fn other(self) -> Side {
        match self {
            Side::From => Side::To,
            Side::To => Side::From,
        }
    }
}

/// `uac_replace_from([display,] uri)`
pub(super) fn from(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace(ctx, args, Side::From)
}

/// `uac_replace_to([display,] uri)`
pub(super) fn to(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    replace(ctx, args, Side::To)
}

fn replace(ctx: &mut Ctx<'_>, args: &Args<'_>, side: Side) -> Flow {
    let (display, uri) = match args.len() {
        1 => (None, args.text(ctx, 0)),
        _ => (Some(args.text(ctx, 0)), args.text(ctx, 1)),
    };
    let message = ctx.work.message.clone();
    let view = message.view();
    let Some(address) = side.address(view) else { return Flow::FALSE };
    let Some(place) = view.locate(address.uri_text) else { return Flow::FALSE };
    let has_brackets = address.text.first() != address.uri_text.first() || address.text.starts_with(b"<");
    if let Some(display) = &display {
        if !replace_display(ctx, view, &address, display) {
            return Flow::FALSE;
        }
        if !has_brackets && uri.is_empty() {
            let bracketed = [b"<", address.uri_text, b">"].concat();
            ctx.work.edits.replace(place, &bracketed);
        }
    }
    if uri.is_empty() {
        return Flow::TRUE;
    }
    let text = if has_brackets { uri.to_vec() } else { [b"<", &uri[..], b">"].concat() };
    if ctx.work.edits.replace(place, &text).is_none() {
        return Flow::FALSE;
    }
    let rules = params::rules(ctx);
    if rules.restore != Restore::None {
        let name = if side == Side::From { &rules.from_param } else { &rules.to_param };
        add_param(ctx, name, &exchange_key(address.uri_text, &uri));
    }
    if rules.restore == Restore::Auto {
        show_original(ctx, side, address.text);
    }
    Flow::TRUE
}

/// The text goes in as it is, without quotes; an empty one removes the name.
fn replace_display(ctx: &mut Ctx<'_>, view: View<'_>, address: &NameAddr<'_>, display: &Bytes) -> bool {
    match address.display.and_then(|old| view.locate(old)) {
        Some(old) => ctx.work.edits.replace(old, display).is_some(),
        None if display.is_empty() => true,
        None => {
            let Some(place) = view.locate(address.text) else { return false };
            let text = [&display[..], b" "].concat();
            ctx.work.edits.insert(place.start as usize, &text).is_some()
        }
    }
}

fn add_param(ctx: &mut Ctx<'_>, name: &[u8], value: &[u8]) {
    let param = [b";", name, b"=", value].concat();
    let relaying = &mut ctx.work.relaying;
    match &mut relaying.record_route {
        Some(record_route) => record_route.added.extend_from_slice(&param),
        None => relaying.early_rr_params.extend_from_slice(&param),
    }
}

/// Replies carry the field as it was received.
fn show_original(ctx: &mut Ctx<'_>, side: Side, text: &[u8]) {
    let id = ctx.work.relaying.id;
    let original: &mut Original = match id.and_then(|id| ctx.shard.relay.context_mut(id)) {
        Some(context) => context.original_mut(),
        None => ctx.work.relaying.original.get_or_insert_default(),
    };
    match side {
        Side::From => original.from = Some(text.into()),
        Side::To => original.to = Some(text.into()),
    }
}

/// `loose_route()` found our Route: a request within the dialog is translated.
pub(super) fn routed(ctx: &mut Ctx<'_>) -> Option<&'static str> {
    if params::rules(ctx).restore == Restore::Auto {
        for side in [Side::From, Side::To] {
            restore(ctx, side);
        }
    }
    None
}

/// `uac_restore_from()`
pub(super) fn restore_from(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(restore(ctx, Side::From))
}

/// `uac_restore_to()`
pub(super) fn restore_to(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(restore(ctx, Side::To))
}

/// Translates the field that held `side` when the dialog began: the other one in requests of the called side.
fn restore(ctx: &mut Ctx<'_>, side: Side) -> bool {
    let rules = params::rules(ctx);
    let name = if side == Side::From { &rules.from_param } else { &rules.to_param };
    let route = ctx.work.relaying.route_params.as_deref().unwrap_or_default();
    let Some(key) = sip::msg::Params::semicolons(route).value(name).map(<[u8]>::to_vec) else { return false };
    let place = if rr::is_upstream(ctx) { side.other() } else { side };
    let message = ctx.work.message.clone();
    let view = message.view();
    let Some(address) = place.address(view) else { return false };
    let Some(uri) = exchanged(address.uri_text, &key) else { return false };
    let Some(span) = view.locate(address.uri_text) else { return false };
    if ctx.work.edits.replace(span, &uri).is_none() {
        return false;
    }
    show_original(ctx, place, address.text);
    true
}

/// What makes the new URI of the old one, and the other way round: base64 with `-` for `=`.
fn exchange_key(old: &[u8], new: &[u8]) -> Vec<u8> {
    let byte = |text: &[u8], at: usize| text.get(at).copied().unwrap_or(0);
    let mixed: Vec<u8> = (0..old.len().max(new.len())).map(|at| byte(old, at) ^ byte(new, at)).collect();
    let mut text = Base64::Standard.encode(&mixed, Padding::Yes);
    text.iter_mut().filter(|byte| **byte == b'=').for_each(|byte| *byte = b'-');
    text
}

/// The other URI; `None` when the key is none, or what comes out is no URI.
fn exchanged(uri: &[u8], key: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = key.iter().map(|byte| if *byte == b'-' { b'=' } else { *byte }).collect();
    let key = Base64::Standard.decode(&text)?;
    let byte = |text: &[u8], at: usize| text.get(at).copied().unwrap_or(0);
    let mut other: Vec<u8> = (0..uri.len().max(key.len())).map(|at| byte(uri, at) ^ byte(&key, at)).collect();
    while other.last() == Some(&0) {
        other.pop();
    }
    sip::msg::Uri::parse(&other).ok()?;
    Some(other)
}

#[cfg(test)]
mod tests {
    use super::{exchange_key, exchanged};

    /// Seen on Kamailio 5.6.3.
    #[test]
    fn the_key_makes_either_uri_of_the_other() {
        let (old, new) = (&b"sip:alice@a.example"[..], &b"sip:anon@n.example"[..]);
        let key = exchange_key(old, new);
        assert_eq!(key, b"AAAAAAACBg0lLk9LHRkMHRwJZQ--");
        assert_eq!(exchanged(old, &key).as_deref(), Some(new));
        assert_eq!(exchanged(new, &key).as_deref(), Some(old));
    }

    #[test]
    fn what_is_no_uri_is_left_alone() {
        for key in [&b"!"[..], b"A", b"/////w--"] {
            assert_eq!(exchanged(b"sip:a@b", key), None, "{key:?}");
        }
    }
}
