//! The `alias` parameter: the real address of a peer, carried in its Contact and read back from request URIs.

use sip::msg::{Uri, View};
use sip::peer::Transport;

use super::Rules;
use super::contact::last_of_first_line;
use crate::api::{Args, Ctx, Flow};

/// `add_contact_alias([ip, port, proto])`: 2 when it is not needed.
pub(super) fn add_contact_alias(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let message = ctx.work.message.clone();
    let view = message.view();
    if view.has_star_contact() {
        return Flow::FALSE;
    }
    let Some(uri) = last_of_first_line(view).and_then(|contact| contact.uri().ok()) else {
        return Flow::Next(2);
    };
    let peer = ctx.work.received.peer;
    if args.len() >= 3 {
        let (host, port, proto) = (args.text(ctx, 0), args.text(ctx, 1), args.text(ctx, 2));
        let Some(transport) = Transport::parse(&proto) else { return Flow::FALSE };
        let alias = format!(
            "{}~{}~{}",
            String::from_utf8_lossy(&host),
            String::from_utf8_lossy(&port),
            transport as u8
        );
        return insert(ctx, view, &alias);
    }
    // Without a transport parameter a UDP contact always gets one (Kamailio 5.6.3).
    let is_same = uri.host_ip() == Some(peer.addr.ip())
        && uri.effective_port() == peer.addr.port()
        && uri.transport_param() == Some(peer.transport);
    if is_same {
        return Flow::Next(2);
    }
    let alias = source_alias(ctx);
    insert(ctx, view, &alias)
}

/// `set_contact_alias([1])`: with 1 an alias that is there is taken out first.
pub(super) fn set_contact_alias(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let message = ctx.work.message.clone();
    let view = message.view();
    let Some(rules) = ctx.shard.shared.get::<Rules>() else { return Flow::FALSE };
    let Some(uri) = last_of_first_line(view).and_then(|contact| contact.uri().ok()) else {
        return Flow::Next(2);
    };
    if args.int(ctx, 0) != 0
        && let Some(old) = uri.params.get(&rules.alias_name).and_then(|old| view.locate(old.whole))
    {
        ctx.work.edits.delete(old);
    }
    let alias = source_alias(ctx);
    insert(ctx, view, &alias)
}

/// `handle_ruri_alias([1])`: takes the first (with 1 the last) alias out of the request URI and makes it the
/// destination. 1 done, 2 none, -1 unusable.
pub(super) fn handle_ruri_alias(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(rules) = ctx.shard.shared.get::<Rules>() else { return Flow::FALSE };
    let wants_last = args.int(ctx, 0) != 0;
    let Some(text) = ctx.work.uri() else { return Flow::FALSE };
    let Ok(uri) = Uri::parse(&text) else { return Flow::FALSE };
    let mut aliases = uri.params.iter().filter(|param| param.name.eq_ignore_ascii_case(&rules.alias_name));
    let alias = if wants_last { aliases.last() } else { aliases.next() };
    let Some((alias, value)) = alias.and_then(|alias| Some((alias, alias.value?))) else {
        return Flow::Next(2);
    };
    if !value.contains(&b'~') {
        return Flow::Next(2);
    }
    let Some(destination) = destination(value) else { return Flow::FALSE };
    let start = alias.whole.as_ptr() as usize - text.as_ptr() as usize;
    let rest = [&text[..start], &text[start + alias.whole.len()..]].concat();
    ctx.work.targets.set_uri(rest);
    ctx.work.targets.set_dst_uri(Some(destination.into_bytes().into()));
    Flow::TRUE
}

/// `ip~port~proto` as a URI; 1 UDP has no transport parameter, 5 and 6 are both `ws`.
fn destination(value: &[u8]) -> Option<String> {
    let mut parts = std::str::from_utf8(value).ok()?.split('~');
    let (host, port, proto) = (parts.next()?, parts.next()?, parts.next()?);
    let transport = match proto {
        "1" => "",
        "2" => ";transport=tcp",
        "3" => ";transport=tls",
        "4" => ";transport=sctp",
        "5" | "6" => ";transport=ws",
        _ => return None,
    };
    Some(format!("sip:{host}:{port}{transport}"))
}

/// `ip~port~proto` of the source.
fn source_alias(ctx: &Ctx<'_>) -> String {
    let peer = ctx.work.received.peer;
    let mut host = Vec::new();
    crate::relay::reply::write_host(peer.addr.ip(), &mut host);
    format!("{}~{}~{}", String::from_utf8_lossy(&host), peer.addr.port(), peer.transport as u8)
}

/// Puts the alias right behind host and port; a URI without angle brackets gets them.
fn insert(ctx: &mut Ctx<'_>, view: View<'_>, alias: &str) -> Flow {
    let Some(rules) = ctx.shard.shared.get::<Rules>() else { return Flow::FALSE };
    let Some(contact) = last_of_first_line(view) else { return Flow::Next(2) };
    let (Ok(uri), Some(whole)) = (contact.uri(), view.locate(contact.uri_text)) else { return Flow::FALSE };
    let Some(place) = view.locate(uri.host_port) else { return Flow::FALSE };
    let is_bracketed = contact.text.contains(&b'<');
    let edits = &mut ctx.work.edits;
    if !is_bracketed {
        edits.insert(whole.start as usize, b"<");
    }
    edits.insert(place.end(), &[b";", &rules.alias_name[..], b"=", alias.as_bytes()].concat());
    if !is_bracketed {
        edits.insert(whole.end(), b">");
    }
    Flow::TRUE
}

#[cfg(test)]
mod tests {
    use super::destination;

    #[test]
    fn an_alias_is_address_port_and_protocol_number() {
        let rows = [
            ("10.0.0.1~5070~1", Some("sip:10.0.0.1:5070")),
            ("10.0.0.1~17510~6", Some("sip:10.0.0.1:17510;transport=ws")),
            ("[::1]~5~2", Some("sip:[::1]:5;transport=tcp")),
            ("10.0.0.1~5070", None),
            ("10.0.0.1~5070~9", None),
        ];
        for (value, expected) in rows {
            assert_eq!(destination(value.as_bytes()).as_deref(), expected, "{value}");
        }
    }
}
