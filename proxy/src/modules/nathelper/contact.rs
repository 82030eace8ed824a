//! The Contact of a peer behind a NAT: rewritten, or its real address noted beside it.

use sip::msg::{HeaderName, NameAddr, Values, View};
use sip::peer::Transport;
use sip::span::Span;

use super::Rules;
use crate::api::{Args, Ctx, Flow, Value};
use crate::relay::reply::write_host;

/// The last contact of the first Contact line: the one the original works on.
pub(super) fn last_of_first_line(view: View<'_>) -> Option<NameAddr<'_>> {
    let value = Values::new(view.header(HeaderName::Contact)?).last()?;
    NameAddr::parse(value).ok()
}

/// `fix_nated_contact()`: -1 without a Contact, and when called twice.
pub(super) fn fix_nated_contact(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let message = ctx.work.message.clone();
    let view = message.view();
    let Some(uri) = last_of_first_line(view).and_then(|contact| contact.uri().ok()) else {
        return Flow::FALSE;
    };
    let Some(span) = view.locate(uri.host_port) else { return Flow::FALSE };
    let source = ctx.work.received.peer.addr;
    let mut text = Vec::new();
    write_host(source.ip(), &mut text);
    text.extend_from_slice(format!(":{}", source.port()).as_bytes());
    if ctx.work.edits.replace(span, &text).is_none() {
        return Flow::FALSE;
    }
    let maddr = uri.params.get(b"maddr").and_then(|maddr| view.locate(maddr.whole));
    if let Some(maddr) = maddr {
        ctx.work.edits.delete(maddr);
    }
    Flow::TRUE
}

/// `fix_nated_register()`: the source as a URI in the AVP that the registrar reads.
pub(super) fn fix_nated_register(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(name) = ctx.shard.shared.peek::<Rules>().and_then(|rules| rules.received_avp.clone()) else {
        return Flow::FALSE;
    };
    let uri = source_uri(ctx);
    ctx.work.avps.push(name, Value::Str(uri.into()));
    Flow::TRUE
}

/// `add_rcv_param([1])`: `;received="uri"` behind each Contact; with 1 as `;received=uri` in its URI.
pub(super) fn add_rcv_param(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let in_uri = args.int(ctx, 0) != 0;
    let uri = source_uri(ctx);
    let message = ctx.work.message.clone();
    let view = message.view();
    for contact in view.contacts().filter_map(Result::ok) {
        let place = if in_uri { view.locate(contact.uri_text) } else { view.locate(contact.text) };
        let Some(end) = place.map(Span::end) else { return Flow::FALSE };
        let text = if in_uri {
            [b";received=", &uri[..]].concat()
        } else {
            [b";received=\"", &uri[..], b"\""].concat()
        };
        ctx.work.edits.insert(end, &text);
    }
    Flow::TRUE
}

/// `sip:IP:PORT[;transport=x]` of the source; no transport for UDP.
fn source_uri(ctx: &Ctx<'_>) -> Vec<u8> {
    let peer = ctx.work.received.peer;
    let mut uri = b"sip:".to_vec();
    write_host(peer.addr.ip(), &mut uri);
    uri.extend_from_slice(format!(":{}", peer.addr.port()).as_bytes());
    if peer.transport != Transport::Udp {
        uri.extend_from_slice(b";transport=");
        uri.extend_from_slice(peer.transport.param_name().as_bytes());
    }
    uri
}
