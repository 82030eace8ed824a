//! `lookup()` and its kin: stored contacts as targets (RFC 3261 16.5).

use bytes::Bytes;
use sip::lex;
use sip::msg::{Method, NameAddr, Uri, Values};
use smallvec::SmallVec;

use super::gruu::Meant;
use super::params::Rules;
use super::place::{NoUri, Place, is_written};
use super::xavps;
use crate::api::{Args, Ctx, Flow, Resumed, ThenFn, Wait};
use crate::modules::usrloc::{Changes, Contact};
use crate::relay::{Sockets, Target, method_bit};

/// `lookup(table[, uri])`: 1, -1 none, -2 none that takes the method, -3 not a URI.
pub(super) fn lookup(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_contacts(ctx, args, Subject::RequestUri, lookup_rows, |ctx, _, place, contacts| {
        to_targets(ctx, place, contacts, Put::RequestUri)
    })
}

fn lookup_rows(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    with_rows(ctx, args, Subject::RequestUri, resumed, |ctx, _, place, contacts| {
        to_targets(ctx, place, contacts, Put::RequestUri)
    })
}

/// `lookup_to_dset(table[, uri])`: the request URI stays.
pub(super) fn lookup_to_dset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_contacts(ctx, args, Subject::RequestUri, lookup_to_dset_rows, |ctx, _, place, contacts| {
        to_targets(ctx, place, contacts, Put::BranchesOnly)
    })
}

fn lookup_to_dset_rows(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    with_rows(ctx, args, Subject::RequestUri, resumed, |ctx, _, place, contacts| {
        to_targets(ctx, place, contacts, Put::BranchesOnly)
    })
}

/// `lookup_branches(table)`: the request URI and each branch there is; contacts of branches become branches.
pub(super) fn lookup_branches(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let branches: Vec<Target> = ctx.work.targets.appended().to_vec();
    ctx.work.targets.clear();
    let flow = lookup(ctx, args);
    for branch in branches {
        let plain = branch.uri.as_ref().filter(|_| branch.ruid.is_none());
        let place = plain.and_then(|uri| Place::of(ctx, args, uri).ok());
        let found = place.is_some_and(|place| {
            let flow = place
                .table
                .clone()
                .read(&place.key, |contacts| to_targets(ctx, &place, contacts, Put::BranchesOnly));
            matches!(flow, Flow::Next(code) if code > 0)
        });
        if !found {
            let limit = ctx.shard.relay.settings().max_branches;
            // It was there before, so there is room for it unless contacts took it.
            let _ = ctx.work.targets.append(branch, limit);
        }
    }
    flow
}

/// `registered(table[, uri[, match[, action]]])`
pub(super) fn registered(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    with_contacts(ctx, args, Subject::UriOrTo, registered_rows, is_registered)
}

fn registered_rows(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    with_rows(ctx, args, Subject::UriOrTo, resumed, is_registered)
}

fn is_registered(ctx: &mut Ctx<'_>, args: &Args<'_>, place: &Place, contacts: &[Contact]) -> Flow {
    let (now, rules) = (unix_now(ctx), place.rules());
    let (only, action) = (args.int(ctx, 2), args.int(ctx, 3));
    // What is not given does not count.
    let wanted = |bit: i64, name: &[u8]| {
        if only & bit == 0 { None } else { xavps::text(ctx, rules, name) }
    };
    let (call_id, received) = (wanted(1, b"match_callid"), wanted(2, b"match_received"));
    let uri = wanted(4, b"match_contact");
    let fits = |wanted: &Option<Bytes>, text: &[u8]| wanted.as_ref().is_none_or(|wanted| *wanted == *text);
    let found = contacts.iter().find(|contact| {
        let texts = contact.texts();
        contact.is_valid(now)
            && fits(&call_id, texts.call_id)
            && fits(&received, texts.received)
            && fits(&uri, texts.uri)
    });
    let Some(found) = found else { return Flow::FALSE };
    if action & RESTORE != 0 {
        xavps::restore(ctx, place.desk().rules, &[Some(found)]);
    }
    if action & NO_RECORD == 0 {
        xavps::tell(ctx, rules, std::slice::from_ref(found), now);
    }
    Flow::TRUE
}

/// Action of `registered()`: the attributes of the contact are given back.
const RESTORE: i64 = 1;
/// Action of `registered()`: `xavp_rcd` stays as it is.
const NO_RECORD: i64 = 2;

/// `unregister(table, uri[, ruid])`: 1 also when nothing was registered, -1 not a URI.
pub(super) fn unregister(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Ok(place) = place(ctx, args, Subject::UriOrTo) else { return Flow::FALSE };
    place.ask(unregister_rows).unwrap_or_else(|| forget(ctx, args, &place, None))
}

fn unregister_rows(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(place) = place(ctx, args, Subject::UriOrTo) else { return Flow::FALSE };
    match place.rows(ctx, resumed) {
        Some(rows) => forget(ctx, args, &place, Some(rows)),
        None => Flow::Next(-2),
    }
}

fn forget(ctx: &mut Ctx<'_>, args: &Args<'_>, place: &Place, rows: Option<Vec<Contact>>) -> Flow {
    let ruid = args.text(ctx, 2);
    let ((), changes) = place.change(rows, |contacts| {
        contacts.retain(|contact| !ruid.is_empty() && contact.texts().ruid != ruid);
    });
    match place.desk().request(&changes) {
        Some(request) => Flow::Wait(Wait { request, then: forgotten, kept: Box::new(changes) }),
        None => Flow::TRUE,
    }
}

fn forgotten(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Ok(changes) = resumed.kept.downcast::<Changes>() else { return Flow::FALSE };
    if is_written(ctx, &resumed.answer, *changes) { Flow::TRUE } else { Flow::Next(-2) }
}

/// Where the best contact goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Put {
    RequestUri,
    BranchesOnly,
}

/// Which URI is looked up when none is given.
#[derive(Clone, Copy)]
pub(super) enum Subject {
    RequestUri,
    /// The request URI; in replies To.
    UriOrTo,
}

/// What a function makes of contacts.
pub(super) type Use = fn(&mut Ctx<'_>, &Args<'_>, &Place, &[Contact]) -> Flow;

/// Looks at contacts in memory, or asks the database for them; `then` goes on there.
pub(super) fn with_contacts(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    subject: Subject,
    then: ThenFn,
    make: Use,
) -> Flow {
    let Ok(place) = place(ctx, args, subject) else { return no_uri(subject) };
    let from_memory = |ctx: &mut Ctx<'_>| {
        place.table.clone().read(&place.key, |contacts| make(ctx, args, &place, contacts))
    };
    place.ask(then).unwrap_or_else(|| from_memory(ctx))
}

/// The same with what the database gave.
pub(super) fn with_rows(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    subject: Subject,
    resumed: Resumed,
    make: Use,
) -> Flow {
    let Ok(place) = place(ctx, args, subject) else { return no_uri(subject) };
    match place.rows(ctx, resumed) {
        Some(rows) => make(ctx, args, &place, &rows),
        None => no_uri(subject),
    }
}

fn no_uri(subject: Subject) -> Flow {
    match subject {
        Subject::RequestUri => Flow::Next(-3),
        Subject::UriOrTo => Flow::FALSE,
    }
}

fn to_targets(ctx: &mut Ctx<'_>, place: &Place, contacts: &[Contact], put: Put) -> Flow {
    let rules = place.rules();
    let now = unix_now(ctx);
    let view = ctx.work.view();
    let is_in_dialog = view.to().is_ok_and(|to| to.tag().is_some());
    let wanted = method_bit(view.method().unwrap_or(Method::Other));
    let filters = rules.filters_methods && !is_in_dialog;
    let branch_flags = wanted_flags(ctx, rules);
    let is_alive = |contact: &Contact| rules.uses_expired || contact.is_valid(now);
    let has_flags = |contact: &Contact| branch_flags.is_none_or(|flags| contact.facts.cflags & flags != 0);
    let valid = || {
        let alive = contacts.iter().filter(|contact| is_alive(contact) && has_flags(contact));
        alive.filter(|contact| place.meant.takes(contact))
    };
    let takes = |contact: &&Contact| !filters || contact.facts.methods & wanted != 0;
    let mut found = valid().filter(takes).peekable();
    let Some(best) = found.peek().copied() else {
        return Flow::Next(if valid().next().is_some() { -2 } else { -1 });
    };
    let takes_all = (rules.appends_branches && place.meant == Meant::All) || put == Put::BranchesOnly;
    let mut found: SmallVec<[Option<&Contact>; 4]> =
        found.take(if takes_all { usize::MAX } else { 1 }).map(Some).collect();
    match put {
        Put::RequestUri => xavps::tell(ctx, rules, std::slice::from_ref(best), now),
        // The request URI, which stays, is a target too.
        Put::BranchesOnly => found.insert(0, None),
    }
    xavps::restore(ctx, place.desk().rules, &found);
    let own = if rules.skips_own_path { Some(ctx.shard.sockets.clone()) } else { None };
    let mut targets = found.iter().flatten().map(|contact| target(contact, own.as_deref()));
    let Some(first) = targets.next() else { return Flow::FALSE };
    let limit = ctx.shard.relay.settings().max_branches;
    let flags = ctx.work.targets.ruri().flags;
    let mut rest: Vec<Target> = Vec::new();
    match put {
        Put::RequestUri => {
            let socket = ctx.work.targets.ruri().socket.or(first.socket);
            *ctx.work.targets.ruri_mut() = Target { flags: flags | first.flags, socket, ..first };
            ctx.work.targets.mark_ruri_new();
        }
        Put::BranchesOnly => rest.push(first),
    }
    rest.extend(targets);
    for target in rest {
        // Beyond the limit further contacts are left out, as the original does.
        if ctx.work.targets.append(target, limit).is_err() {
            break;
        }
    }
    Flow::TRUE
}

/// The branch flags of which a contact must have one (`lookup_filter_mode`, `$xavp(cfg=>rlf_bflags)`).
fn wanted_flags(ctx: &Ctx<'_>, rules: &Rules) -> Option<u32> {
    let flags = if rules.filters_flags { xavps::int(ctx, rules, b"rlf_bflags") } else { None };
    flags.and_then(|flags| u32::try_from(flags).ok()).filter(|flags| *flags != 0)
}

/// The place of the URI of argument 1, or of the message.
fn place(ctx: &mut Ctx<'_>, args: &Args<'_>, subject: Subject) -> Result<Place, NoUri> {
    let given = args.text(ctx, 1);
    let uri = match subject {
        _ if !given.is_empty() => given,
        Subject::UriOrTo if ctx.work.view().status().is_some() => {
            let to = ctx.work.view().to().map_err(|_| NoUri)?;
            Bytes::copy_from_slice(to.uri_text)
        }
        Subject::RequestUri | Subject::UriOrTo => ctx.work.uri().ok_or(NoUri)?,
    };
    Place::of(ctx, args, &uri)
}

/// A stored contact as a target: sent to its first Path, else to where it was received from.
fn target(contact: &Contact, own: Option<&Sockets>) -> Target {
    let texts = contact.texts();
    let path = own.map_or(texts.path, |own| behind_own(texts.path, own));
    let owned = |text: &[u8]| (!text.is_empty()).then(|| Box::from(text));
    let first_path = Values::new(path).next().and_then(|value| NameAddr::parse(value).ok());
    Target {
        uri: Some(texts.uri.into()),
        dst_uri: first_path.map(|path| Box::from(path.uri_text)).or_else(|| owned(texts.received)),
        path: owned(path),
        socket: contact.facts.socket,
        conn: contact.facts.conn,
        q: contact.facts.q,
        flags: contact.facts.cflags,
        ruid: owned(texts.ruid),
        instance: owned(texts.instance),
        reg_id: contact.facts.reg_id,
    }
}

/// A path without its first hop, if that is one of ours.
fn behind_own<'a>(path: &'a [u8], own: &Sockets) -> &'a [u8] {
    let Some(first) = Values::new(path).next() else { return path };
    let is_own =
        NameAddr::parse(first).ok().and_then(|hop| Uri::parse(hop.uri_text).ok()).is_some_and(|uri| {
            let host = String::from_utf8_lossy(uri.host).into_owned();
            own.find(&host, uri.port.unwrap_or(5060), None).is_some()
        });
    if !is_own {
        return path;
    }
    // Stored with one comma between two hops.
    path.get(first.len() + 1..).map_or(b"", lex::trim)
}

fn unix_now(ctx: &Ctx<'_>) -> u32 {
    u32::try_from(ctx.shard.unix_time(ctx.shard.now).as_secs()).unwrap_or(u32::MAX)
}
