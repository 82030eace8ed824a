//! `lookup()` and its kin: stored contacts as targets (RFC 3261 16.5).

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{Method, NameAddr, Values};

use super::aor;
use super::params::Rules;
use crate::api::{Args, Ctx, Flow};
use crate::modules::usrloc::{self, Contact, Location, Table};
use crate::relay::{Target, method_bit};

/// `lookup(table[, uri])`: 1, -1 none, -2 none that takes the method, -3 not a URI.
pub(super) fn lookup(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    look_up(ctx, args, Place::RequestUri)
}

/// `lookup_to_dset(table[, uri])`: the request URI stays.
pub(super) fn lookup_to_dset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    look_up(ctx, args, Place::BranchesOnly)
}

/// `registered(table[, uri])`
pub(super) fn registered(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some((table, key)) = record(ctx, args, Subject::UriOrTo) else { return Flow::FALSE };
    let now = unix_now(ctx);
    Flow::from_bool(table.read(&key, |contacts| contacts.iter().any(|contact| contact.is_valid(now))))
}

/// `unregister(table, uri[, ruid])`: 1 also when nothing was registered, -1 not a URI.
pub(super) fn unregister(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some((table, key)) = record(ctx, args, Subject::UriOrTo) else { return Flow::FALSE };
    let ruid = args.text(ctx, 2);
    table.change(&key, |contacts| {
        contacts.retain(|contact| !ruid.is_empty() && contact.texts().ruid != ruid);
    });
    Flow::TRUE
}

/// Where the best contact goes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    RequestUri,
    BranchesOnly,
}

/// Which URI is looked up when none is given.
#[derive(Clone, Copy)]
enum Subject {
    RequestUri,
    /// The request URI; in replies To.
    UriOrTo,
}

fn look_up(ctx: &mut Ctx<'_>, args: &Args<'_>, place: Place) -> Flow {
    let Some((table, key)) = record(ctx, args, Subject::RequestUri) else { return Flow::Next(-3) };
    let shared = ctx.shard.shared.clone();
    let Some(rules) = shared.peek::<Rules>() else { return Flow::FALSE };
    let now = unix_now(ctx);
    let view = ctx.work.view();
    let is_in_dialog = view.to().is_ok_and(|to| to.tag().is_some());
    let wanted = method_bit(view.method().unwrap_or(Method::Other));
    let filters = rules.filters_methods && !is_in_dialog;
    let (targets, refused) = table.read(&key, |contacts| {
        let valid = || contacts.iter().filter(|contact| contact.is_valid(now));
        let takes = |contact: &&Contact| !filters || contact.facts.methods & wanted != 0;
        let targets: Vec<Target> = valid().filter(takes).map(target).collect();
        (targets, valid().count())
    });
    let mut targets = targets.into_iter();
    let Some(first) = targets.next() else { return Flow::Next(if refused > 0 { -2 } else { -1 }) };
    let limit = ctx.shard.relay.settings().max_branches;
    let flags = ctx.work.targets.ruri().flags;
    let mut rest: Vec<Target> = Vec::new();
    match place {
        Place::RequestUri => {
            let socket = ctx.work.targets.ruri().socket.or(first.socket);
            *ctx.work.targets.ruri_mut() = Target { flags: flags | first.flags, socket, ..first };
            ctx.work.targets.mark_ruri_new();
        }
        Place::BranchesOnly => rest.push(first),
    }
    if rules.appends_branches || place == Place::BranchesOnly {
        rest.extend(targets);
    }
    for target in rest {
        // Beyond the limit further contacts are left out, as the original does.
        if ctx.work.targets.append(target, limit).is_err() {
            break;
        }
    }
    Flow::TRUE
}

/// The table named by argument 0 and the key of the URI of argument 1, or of the message.
fn record(ctx: &mut Ctx<'_>, args: &Args<'_>, subject: Subject) -> Option<(Arc<Table>, Vec<u8>)> {
    let shared = ctx.shard.shared.clone();
    let table = shared.peek::<Location>()?.table(&args.text(ctx, 0));
    let given = args.text(ctx, 1);
    let uri = match subject {
        _ if !given.is_empty() => given,
        Subject::UriOrTo if ctx.work.view().status().is_some() => {
            let to = ctx.work.view().to().ok()?;
            Bytes::copy_from_slice(to.uri_text)
        }
        Subject::RequestUri | Subject::UriOrTo => ctx.work.uri()?,
    };
    let key = aor::key(&uri, shared.peek::<Rules>()?, shared.peek::<usrloc::Rules>()?)?;
    Some((table, key))
}

/// A stored contact as a target: sent to its first Path, else to where it was received from.
fn target(contact: &Contact) -> Target {
    let texts = contact.texts();
    let owned = |text: &[u8]| (!text.is_empty()).then(|| Box::from(text));
    let first_path = Values::new(texts.path).next().and_then(|value| NameAddr::parse(value).ok());
    Target {
        uri: Some(texts.uri.into()),
        dst_uri: first_path.map(|path| Box::from(path.uri_text)).or_else(|| owned(texts.received)),
        path: owned(texts.path),
        socket: Some(contact.facts.socket),
        conn: contact.facts.conn,
        q: contact.facts.q,
        flags: contact.facts.cflags,
        ruid: owned(texts.ruid),
        instance: owned(texts.instance),
        reg_id: contact.facts.reg_id,
    }
}

fn unix_now(ctx: &Ctx<'_>) -> u32 {
    u32::try_from(ctx.shard.unix_time(ctx.shard.now).as_secs()).unwrap_or(u32::MAX)
}
