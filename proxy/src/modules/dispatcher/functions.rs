//! The functions that pick destinations and go on to the next.

use sip::msg::{Method, Uri};

use super::reading::{self, when_read};
use super::records::{self, Record};
use super::select;
use crate::api::{Args, Ctx, Flow, Level, parse_int};
use crate::relay::{SocketId, Target};

/// Where a destination goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// `$du`
    Destination,
    /// Host and port of the request URI.
    Domain,
    /// Only into the notes.
    Notes,
}

/// `ds_select_dst(set, alg[, limit])`
pub(super) fn ds_select_dst(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    when_read(ctx, args, |ctx, args| select(ctx, args, Place::Destination))
}

/// `ds_select_domain(set, alg[, limit])`
pub(super) fn ds_select_domain(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    when_read(ctx, args, |ctx, args| select(ctx, args, Place::Domain))
}

/// `ds_select(set, alg[, limit])`
pub(super) fn ds_select(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    when_read(ctx, args, |ctx, args| select(ctx, args, Place::Notes))
}

/// `ds_select_routes("set=alg;set=alg", mode[, limit])`
pub(super) fn ds_select_routes(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    when_read(ctx, args, select_routes)
}

/// `ds_next_dst()`
pub(super) fn ds_next_dst(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    next(ctx, Place::Destination)
}

/// `ds_next_domain()`
pub(super) fn ds_next_domain(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    next(ctx, Place::Domain)
}

/// `ds_set_dst()`
pub(super) fn ds_set_dst(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    set_current(ctx, Place::Destination)
}

/// `ds_set_domain()`
pub(super) fn ds_set_domain(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    set_current(ctx, Place::Domain)
}

/// `ds_load_update()`: the call ends with BYE, CANCEL and a negative reply; a 2xx confirms it.
pub(super) fn ds_load_update(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let shard = &*ctx.shard;
    let (rules, sets) = (reading::rules(shard), reading::sets(shard));
    let view = ctx.work.view();
    let Ok(call_id) = view.call_id() else { return Flow::FALSE };
    let is_of_invite = view.cseq().is_ok_and(|cseq| cseq.method == Method::Invite);
    let is_over = match (view.method(), view.status()) {
        (Some(method), _) => matches!(method, Method::Bye | Method::Cancel),
        (None, Some(200..=299)) if is_of_invite => {
            let until = shard.unix_time(shard.now).as_secs() + rules.call_life;
            sets.loads().confirm(call_id, until);
            false
        }
        (None, Some(300..)) => is_of_invite,
        _ => false,
    };
    let over = if is_over { sets.loads().remove(call_id) } else { None };
    if let Some(call) = over {
        count(ctx, call.set, &call.duid, Step::Less);
    }
    Flow::TRUE
}

/// `ds_load_unset()`
pub(super) fn ds_load_unset(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let (rules, sets) = (reading::rules(ctx.shard), reading::sets(ctx.shard));
    let record = records::current(ctx.work, &rules);
    if let Some(Record { set, duid: Some(duid), .. }) = record {
        let call_id = ctx.work.view().call_id().unwrap_or_default();
        let over = sets.loads().remove_of(call_id, &duid);
        if over.is_some() {
            count(ctx, set, &duid, Step::Less);
        }
    }
    Flow::TRUE
}

fn select(ctx: &mut Ctx<'_>, args: &Args<'_>, place: Place) -> Flow {
    if is_taken(ctx, place) {
        return Flow::FALSE;
    }
    let (set, number) = (args.int(ctx, 0), args.int(ctx, 1));
    if number == select::PARALLEL && place != Place::Notes {
        return select_all(ctx, set, place);
    }
    let records = select::pick(ctx, set, number);
    let limit = limit(ctx, args);
    take(ctx, records, (limit, place))
}

/// `force_dst=0`: a `$du` that is there stays.
fn is_taken(ctx: &Ctx<'_>, place: Place) -> bool {
    place == Place::Destination
        && reading::rules(ctx.shard).keeps_destination
        && ctx.work.targets.ruri().dst_uri.is_some()
}

fn limit(ctx: &mut Ctx<'_>, args: &Args<'_>) -> usize {
    match usize::try_from(args.int(ctx, 2)) {
        Ok(limit) if limit > 0 => limit,
        _ => usize::MAX,
    }
}

fn select_routes(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (pairs, mode) = (args.text(ctx, 0), args.text(ctx, 1));
    let place = match mode.first() {
        Some(b'0' | b'd' | b'D') => Place::Destination,
        Some(b'1' | b'r' | b'R') => Place::Domain,
        Some(b'2' | b'x' | b'X') => Place::Notes,
        _ => {
            ctx.log(Level::ERR, "ds_select_routes: expected d, r or x");
            return Flow::FALSE;
        }
    };
    if is_taken(ctx, place) {
        return Flow::FALSE;
    }
    let mut records = Vec::new();
    for pair in pairs.split(|byte| *byte == b';').filter(|pair| !pair.is_empty()) {
        let (set, number) = pair.split_at(memchr::memchr(b'=', pair).unwrap_or(pair.len()));
        let number = number.get(1..).and_then(parse_int);
        let (Some(set), Some(number)) = (parse_int(set), number) else {
            ctx.log(Level::ERR, "ds_select_routes: expected set=algorithm;set=algorithm");
            return Flow::FALSE;
        };
        records.extend(select::pick(ctx, set, number));
    }
    let limit = limit(ctx, args);
    take(ctx, records, (limit, place))
}

/// Uses the first of what was picked and notes it with the others.
fn take(ctx: &mut Ctx<'_>, mut records: Vec<Record>, (limit, place): (usize, Place)) -> Flow {
    let rules = reading::rules(ctx.shard);
    records.truncate(limit);
    let Some(first) = records.first().cloned() else { return Flow::FALSE };
    records::note(ctx.work, &rules, records);
    Flow::from_bool(apply(ctx, &first, place))
}

/// Algorithm 12: the first is used as ever, the others become branches. 2 when there is no room for all.
fn select_all(ctx: &mut Ctx<'_>, set: i64, place: Place) -> Flow {
    let rules = reading::rules(ctx.shard);
    let mut all = select::all(ctx, set).into_iter();
    let Some(first) = all.next() else { return Flow::FALSE };
    records::note(ctx.work, &rules, Vec::new());
    let uri = ctx.work.uri().unwrap_or_default();
    if !apply(ctx, &first, place) {
        return Flow::FALSE;
    }
    let max_branches = ctx.shard.relay.settings().max_branches;
    for record in all {
        let socket = socket(ctx, &record);
        let target = match place {
            Place::Domain => {
                Target { uri: with_domain(&uri, &record.uri).map(Into::into), socket, ..Target::default() }
            }
            Place::Destination | Place::Notes => Target {
                uri: Some(uri[..].into()),
                dst_uri: Some(record.uri[..].into()),
                socket,
                ..Target::default()
            },
        };
        if ctx.work.targets.append(target, max_branches).is_err() {
            return Flow::Next(2);
        }
    }
    Flow::TRUE
}

/// Goes on to the next noted destination; the count of the call goes along.
fn next(ctx: &mut Ctx<'_>, place: Place) -> Flow {
    let (rules, sets) = (reading::rules(ctx.shard), reading::sets(ctx.shard));
    let Some(before) = records::current(ctx.work, &rules) else { return Flow::FALSE };
    records::drop_current(ctx.work, &rules);
    let Some(record) = records::current(ctx.work, &rules) else { return Flow::FALSE };
    if let (Some(from), Some(to)) = (&before.duid, &record.duid) {
        let call_id = ctx.work.view().call_id().unwrap_or_default();
        let is_moved = sets.loads().replace(call_id, from, to);
        if is_moved {
            count(ctx, before.set, from, Step::Less);
            count(ctx, record.set, to, Step::More);
        }
    }
    Flow::from_bool(apply(ctx, &record, place))
}

fn set_current(ctx: &mut Ctx<'_>, place: Place) -> Flow {
    let rules = reading::rules(ctx.shard);
    match records::current(ctx.work, &rules) {
        Some(record) => Flow::from_bool(apply(ctx, &record, place)),
        None => Flow::FALSE,
    }
}

/// Makes a destination the target of the request. False: the request URI has no place for it.
fn apply(ctx: &mut Ctx<'_>, record: &Record, place: Place) -> bool {
    match place {
        Place::Notes => return true,
        Place::Destination => ctx.work.targets.set_dst_uri(Some(record.uri[..].into())),
        Place::Domain => match ctx.work.uri().and_then(|uri| with_domain(&uri, &record.uri)) {
            Some(uri) => ctx.work.targets.set_uri(uri),
            None => return false,
        },
    }
    if let Some(socket) = socket(ctx, record) {
        ctx.work.targets.ruri_mut().socket = Some(socket);
    }
    true
}

/// The socket a destination asks for. One that is not ours is said in the log.
fn socket(ctx: &mut Ctx<'_>, record: &Record) -> Option<SocketId> {
    if let Some(name) = &record.socket_name {
        let mut sockets = ctx.shard.sockets.iter();
        let named = sockets.find(|(_, it)| it.name.as_deref().is_some_and(|of| of.as_bytes() == &name[..]));
        if let Some((id, _)) = named {
            return Some(id);
        }
    }
    let written = String::from_utf8_lossy(record.socket.as_ref()?).into_owned();
    let found = ctx.find_socket(&written).ok();
    if found.is_none() {
        ctx.log(Level::WARN, format!("dispatcher: {written} is no socket of ours"));
    }
    found
}

/// A URI with host, port and transport of a destination; its own parameters go (seen on Kamailio 5.6.3).
fn with_domain(uri: &[u8], destination: &[u8]) -> Option<Vec<u8>> {
    let (own, destination) = (Uri::parse(uri).ok()?, Uri::parse(destination).ok()?);
    let mut out = b"sip:".to_vec();
    if let Some(user) = own.user {
        out.extend_from_slice(user);
        if let Some(password) = own.password {
            out.extend_from_slice(&[b":", password].concat());
        }
        out.push(b'@');
    }
    out.extend_from_slice(destination.host_port);
    if let Some(transport) = destination.params.get(b"transport") {
        out.push(b';');
        out.extend_from_slice(transport.whole.strip_prefix(b";").unwrap_or(transport.whole));
    }
    Some(out)
}

/// How a count changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    More,
    Less,
}

/// Changes the count of calls of a destination.
fn count(ctx: &Ctx<'_>, set: i64, duid: &[u8], step: Step) {
    count_in(&reading::table(ctx), set, duid, step);
}

/// The same, of these sets.
pub(super) fn count_in(table: &super::sets::Table, set: i64, duid: &[u8], step: Step) {
    let Some(mut set) = table.set(set) else { return };
    if let Some(destination) = set.list.iter_mut().find(|it| it.attrs.duid == duid) {
        destination.load = match step {
            Step::More => destination.load + 1,
            Step::Less => destination.load.saturating_sub(1),
        };
    }
}
