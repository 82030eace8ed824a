//! The script functions: which part of the message is looked up where, and the codes they answer.

use bytes::Bytes;
use sip::msg::{HeaderName, NameAddr};

use super::lists::{Lists, Of, Opinion, is_suspicious, is_suspicious_name};
use super::{rules, with_lists};
use crate::api::{Args, Ctx, Flow};

/// Blocked, for checks of one value.
const BLOCKED: Flow = Flow::Next(-2);

/// Allowed, for checks of one value.
const ALLOWED: Flow = Flow::Next(2);

/// `secf_check_ip()`
pub(super) fn ip(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_lists(ctx, args, |ctx, _, lists| {
        let address = ctx.work.received.peer.addr.ip().to_string();
        code(lists.opinion(Of::Address, address.as_bytes()))
    })
}

/// `secf_check_ua()`
pub(super) fn user_agent(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_lists(ctx, args, |ctx, _, lists| match ctx.work.view().header(HeaderName::UserAgent) {
        Some(agent) => code(lists.opinion(Of::UserAgent, agent)),
        None => Flow::TRUE,
    })
}

/// `secf_check_country(country)`
pub(super) fn country(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_lists(ctx, args, |ctx, args, lists| {
        let country = args.text(ctx, 0);
        code(lists.opinion(Of::Country, &country))
    })
}

/// `secf_check_from_hdr()`
pub(super) fn from(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_lists(ctx, args, |ctx, _, lists| match ctx.work.view().from() {
        Ok(from) => party(lists, &from, Names::Count),
        Err(_) => Flow::FALSE,
    })
}

/// `secf_check_to_hdr()`
pub(super) fn to(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_lists(ctx, args, |ctx, _, lists| match ctx.work.view().to() {
        Ok(to) => party(lists, &to, Names::Count),
        Err(_) => Flow::FALSE,
    })
}

/// `secf_check_contact_hdr()`: without a Contact there is nothing to say.
pub(super) fn contact(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_lists(ctx, args, |ctx, _, lists| match ctx.work.view().header(HeaderName::Contact) {
        None => Flow::TRUE,
        Some(value) => match NameAddr::parse(value) {
            Ok(contact) => party(lists, &contact, Names::DoNotCount),
            Err(_) => Flow::FALSE,
        },
    })
}

/// `secf_check_dst(number)`
pub(super) fn destination(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_lists(ctx, args, |ctx, args, lists| {
        let number = args.text(ctx, 0);
        let by_prefix = rules(ctx.shard).matches_prefixes;
        if lists.has_destination(&number, by_prefix) { BLOCKED } else { Flow::TRUE }
    })
}

/// `secf_check_sqli_hdr(text)`
pub(super) fn injection(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    if is_suspicious(&args.text(ctx, 0)) { Flow::FALSE } else { Flow::TRUE }
}

/// `secf_check_sqli_all()`: a hit ends the script.
pub(super) fn any_injection(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let view = ctx.work.view();
    let contact = view.header(HeaderName::Contact).and_then(|value| NameAddr::parse(value).ok());
    let parties = [view.from().ok(), view.to().ok(), contact];
    let has_agent = view.header(HeaderName::UserAgent).is_some_and(is_suspicious);
    let has_party = parties.into_iter().flatten().any(|party| {
        let user_and_host = party.uri().map(|uri| [uri.user.unwrap_or_default(), uri.host]);
        is_suspicious_name(&party.display_name())
            || user_and_host.is_ok_and(|parts| parts.iter().any(|part| is_suspicious(part)))
    });
    if has_agent || has_party { Flow::Next(0) } else { Flow::TRUE }
}

/// Whether a display name is looked up with the users.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Count,
    DoNotCount,
}

/// Name and user against the users first, the domain last: an allowed user is allowed in a blocked domain.
fn party(lists: &Lists, party: &NameAddr<'_>, names: Names) -> Flow {
    let Ok(uri) = party.uri() else { return Flow::FALSE };
    let Some(user) = uri.user.filter(|user| !user.is_empty()) else { return Flow::TRUE };
    let name: Bytes =
        if names == Names::Count { party.display_name().into_owned().into() } else { Bytes::new() };
    for (opinion, sign) in [(Opinion::Allowed, 1), (Opinion::Blocked, -1)] {
        if !name.is_empty() && lists.has(opinion, Of::User, &name) {
            return Flow::Next(4 * sign);
        }
        if lists.has(opinion, Of::User, user) {
            return Flow::Next(2 * sign);
        }
    }
    match lists.opinion(Of::Domain, uri.host) {
        Some(Opinion::Allowed) => Flow::Next(3),
        Some(Opinion::Blocked) => Flow::Next(-3),
        None => Flow::TRUE,
    }
}

fn code(opinion: Option<Opinion>) -> Flow {
    match opinion {
        Some(Opinion::Allowed) => ALLOWED,
        Some(Opinion::Blocked) => BLOCKED,
        None => Flow::TRUE,
    }
}
