//! The life of a dialog: how it begins, what requests and replies change, and how it ends.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::{HeaderName, Method, NameAddr, Values, View};

use super::context::{self, Current, Direction};
use super::params::{Matching, Rules, rules, totals};
use super::requests;
use super::table::{Bound, DialogId, Dialogs, Due, Leg, NewDialog, Options, State};
use super::{Moment, Watcher};
use crate::api::{Ctx, Level, Replied, Shard, Work};
use crate::relay::{RelayId, Sockets};

/// What `dlg_manage()` came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Managed {
    /// It is in a dialog; this event route is to run.
    Yes(Option<&'static str>),
    /// It is in none, and begins none.
    No,
}

/// Begins a dialog with an INVITE, or finds that of a request within one.
pub(super) fn manage(ctx: &mut Ctx<'_>) -> Managed {
    let view = ctx.work.view();
    let has_to_tag = view.to().is_ok_and(|to| to.tag().is_some());
    if has_to_tag {
        let found = context::find(ctx.shard.states.get::<Dialogs>(), ctx.work.view());
        return match found {
            Some((id, direction)) => Managed::Yes(request_within(ctx, id, direction)),
            None => Managed::No,
        };
    }
    if view.method() != Some(Method::Invite)
        || ctx.work.attached.get::<Current>().is_some_and(|it| it.dialog.is_some())
    {
        return Managed::No;
    }
    match begin(ctx) {
        Some(()) => Managed::Yes(None),
        None => Managed::No,
    }
}

fn begin(ctx: &mut Ctx<'_>) -> Option<()> {
    let rules = rules(ctx.shard);
    if let Some(id) = spiral(ctx, &rules) {
        context::of(ctx).dialog = Some(id);
        return Some(());
    }
    let lifetime = timeout(ctx, &rules).unwrap_or(rules.default_timeout);
    let created = seconds(ctx.shard);
    let view = ctx.work.view();
    let (from, to) = (view.from().ok()?, view.to().ok()?);
    let contact = view.contacts().next().and_then(Result::ok);
    let new = NewDialog {
        entries: rules.entries,
        call_id: view.call_id().ok()?.into(),
        from_uri: from.uri_text.into(),
        to_uri: to.uri_text.into(),
        caller: Leg {
            tag: from.tag()?.into(),
            contact: contact.map_or_else(Box::default, |contact| contact.uri_text.into()),
            routes: joined(record_routes(view)),
            cseq: view.cseq().ok()?.number,
            socket: Some(ctx.work.received.socket),
        },
        lifetime,
        created,
    };
    let first = ctx.shard.ident.next_u64() as u32 & 0x3fff;
    let (shards, number) = (ctx.shard.shards as u32, u32::from(ctx.shard.number));
    let dialogs = ctx.shard.states.get::<Dialogs>();
    if dialogs.is_full() {
        ctx.log(Level::ERR, "dialog: too many dialogs, this call is not followed");
        return None;
    }
    if dialogs.next_serial == 0 {
        let first = if rules.first_serial == 0 { first + 1 } else { rules.first_serial };
        dialogs.serial_step = rules.serial_step.saturating_mul(shards);
        dialogs.next_serial = first.saturating_mul(shards) + number;
    }
    let id = dialogs.insert(new);
    dialogs.set_deadline(id, ctx.shard.now + Duration::from_secs(rules.early_timeout));
    let cookie = dialogs.get(id).map(|dialog| dialog.cookie()).unwrap_or_default();
    if rules.matching != Matching::Headers {
        add_cookie(ctx, &rules, &cookie);
    }
    grant(ctx, id, &rules);
    tell_watcher(ctx.shard, id, Moment::Begun);
    if let Some(transaction) = ctx.work.relaying.id {
        bind(ctx.shard, transaction, Bound { dialog: id, is_initial: true });
    }
    Some(())
}

/// The dialog of an INVITE that came before and was sent to ourselves.
fn spiral(ctx: &mut Ctx<'_>, rules: &Rules) -> Option<DialogId> {
    let view = ctx.work.view();
    let (call_id, from) = (view.call_id().ok()?, view.from().ok()?.tag()?);
    let dialogs = ctx.shard.states.get::<Dialogs>();
    let mut live = dialogs.of_call(call_id).filter(|dialog| dialog.state != State::Deleted);
    live.find(|dialog| rules.detects_spirals && *dialog.caller.tag == *from).map(|dialog| dialog.id)
}

fn add_cookie(ctx: &mut Ctx<'_>, rules: &Rules, cookie: &str) {
    let param = [b";", &rules.rr_param[..], b"=", cookie.as_bytes()].concat();
    let relaying = &mut ctx.work.relaying;
    match &mut relaying.record_route {
        Some(record_route) => record_route.added.extend_from_slice(&param),
        None => relaying.early_rr_params.extend_from_slice(&param),
    }
}

/// Gives a new dialog what the script wished for before.
fn grant(ctx: &mut Ctx<'_>, id: DialogId, rules: &Rules) {
    let current = context::of(ctx);
    current.dialog = Some(id);
    let wishes = std::mem::take(&mut current.wishes);
    let (timeout, sends_bye) = (wishes.timeout, wishes.sends_bye);
    current.wishes.timeout = timeout;
    current.wishes.sends_bye = sends_bye;
    current.wishes.timeout_route = wishes.timeout_route.clone();
    let totals = totals(ctx.shard);
    wishes.profiles.iter().for_each(|(profile, value)| totals.join(*profile, value));
    let Some(dialog) = ctx.shard.states.get::<Dialogs>().get_mut(id) else { return };
    dialog.vars = wishes.vars;
    dialog.profiles = wishes.profiles;
    dialog.flags = wishes.flags;
    if sends_bye != 0 || rules.sends_bye {
        dialog.options.set(Options::BYE);
    }
    if rules.keeps_time {
        dialog.options.set(Options::NO_RESET);
    }
    let route = &wishes.timeout_route;
    dialog.timeout_route = (!route.is_empty()).then(|| String::from_utf8_lossy(route).into());
}

/// Seconds the script allows, from the AVP.
fn timeout(ctx: &mut Ctx<'_>, rules: &Rules) -> Option<u32> {
    let value = rules.timeout_avp.as_ref()?.get(ctx);
    u32::try_from(value.to_int()).ok().filter(|seconds| *seconds > 0)
}

/// Replies and the end of this transaction are told from now on.
fn bind(shard: &mut Shard, transaction: RelayId, bound: Bound) {
    shard.relay.watch(transaction);
    shard.states.get::<Dialogs>().by_transaction.insert(transaction, bound);
}

/// A transaction was made for a message: it is one of its dialog.
pub(super) fn opened(ctx: &mut Ctx<'_>, transaction: RelayId) {
    let rules = rules(ctx.shard);
    if rules.flag & ctx.work.flags != 0
        && ctx.work.attached.get::<Current>().is_none_or(|it| it.dialog.is_none())
    {
        manage(ctx);
    }
    let Some(current) = ctx.work.attached.get::<Current>() else { return };
    if let Some(dialog) = current.dialog {
        let view = ctx.work.view();
        let is_first = view.to().is_ok_and(|to| to.tag().is_none());
        let is_initial = !current.is_within && is_first && view.method() == Some(Method::Invite);
        bind(ctx.shard, transaction, Bound { dialog, is_initial });
    }
}

/// `loose_route()` found our Route: the dialog is the one its cookie names.
pub(super) fn routed(ctx: &mut Ctx<'_>) -> Option<&'static str> {
    let rules = rules(ctx.shard);
    let params = ctx.work.relaying.route_params.as_deref().unwrap_or_default();
    let cookie = sip::msg::Params::semicolons(params).value(&rules.rr_param).map(<[u8]>::to_vec);
    let dialogs = ctx.shard.states.get::<Dialogs>();
    let (id, direction) = context::find(dialogs, ctx.work.view())?;
    let is_named =
        cookie.is_some_and(|cookie| dialogs.get(id).is_some_and(|it| it.cookie().as_bytes() == cookie));
    match rules.matching {
        Matching::Cookie if !is_named => None,
        _ => request_within(ctx, id, direction),
    }
}

/// A request within a dialog. Answers the event route to run.
fn request_within(ctx: &mut Ctx<'_>, id: DialogId, direction: Direction) -> Option<&'static str> {
    let rules = rules(ctx.shard);
    let is_first = !context::of(ctx).is_within;
    let current = context::of(ctx);
    (current.dialog, current.is_within, current.direction) = (Some(id), true, Some(direction));
    if !is_first {
        return None;
    }
    let lifetime = timeout(ctx, &rules);
    let view = ctx.work.view();
    let (method, cseq) = (view.method()?, view.cseq().ok()?.number);
    let contact = view.contacts().next().and_then(Result::ok).map(|contact| Box::from(contact.uri_text));
    let dialog = ctx.shard.states.get::<Dialogs>().get_mut(id)?;
    if let Some(lifetime) = lifetime {
        dialog.lifetime = lifetime;
    }
    match method {
        Method::Bye => return end(ctx.shard, id),
        Method::Ack if dialog.state == State::ConfirmedNoAck => confirm(ctx.shard, id),
        Method::Ack => {}
        _ => {
            let leg =
                if direction == Direction::Downstream { &mut dialog.caller } else { &mut dialog.callee };
            leg.cseq = cseq;
            if let (Method::Invite | Method::Update, Some(contact)) = (method, contact) {
                leg.contact = contact;
            }
        }
    }
    begin_time_anew(ctx.shard, id);
    None
}

fn confirm(shard: &mut Shard, id: DialogId) {
    let rules = rules(shard);
    let now = shard.now;
    let dialogs = shard.states.get::<Dialogs>();
    dialogs.set_state(id, State::Confirmed);
    if let Some(dialog) = dialogs.get(id) {
        let left = u64::from(dialog.expires.saturating_sub(dialog.started));
        dialogs.set_deadline(id, now + Duration::from_secs(left));
    }
    if rules.keep_alive > 0 {
        dialogs.keep_alive_at(id, now + Duration::from_secs(rules.keep_alive));
    }
}

/// Begins the time of a confirmed dialog anew, unless it shall not be.
fn begin_time_anew(shard: &mut Shard, id: DialogId) {
    let Some(dialog) = shard.states.get::<Dialogs>().get(id) else { return };
    if dialog.state == State::Confirmed && !dialog.options.has(Options::NO_RESET) {
        let lifetime = dialog.lifetime;
        set_time(shard, id, lifetime);
    }
}

/// Gives a dialog this many seconds from now.
pub(super) fn set_time(shard: &mut Shard, id: DialogId, lifetime: u32) {
    let (now, second) = (shard.now, seconds(shard));
    let dialogs = shard.states.get::<Dialogs>();
    let Some(dialog) = dialogs.get_mut(id) else { return };
    dialog.lifetime = lifetime;
    if dialog.state >= State::ConfirmedNoAck && dialog.state != State::Deleted {
        dialog.expires = second.saturating_add(lifetime);
        dialogs.set_deadline(id, now + Duration::from_secs(u64::from(lifetime)));
    }
}

/// A reply of a transaction of a dialog goes upstream.
pub(super) fn replied(shard: &mut Shard, reply: &Replied) {
    let Some(bound) = shard.states.get::<Dialogs>().by_transaction.get(&reply.id).copied() else { return };
    let Some(dialog) = shard.states.get::<Dialogs>().get(bound.dialog) else { return };
    let state = dialog.state;
    match (reply.status, bound.is_initial) {
        (101..=199, true) if state == State::Unconfirmed => {
            shard.states.get::<Dialogs>().set_state(bound.dialog, State::Early);
        }
        (200..=299, true) if state < State::ConfirmedNoAck => answered(shard, bound.dialog, reply),
        (300.., true) if state < State::ConfirmedNoAck => failed(shard, bound.dialog, reply),
        (200..=299, false) => refresh(shard, bound.dialog, reply),
        _ => {}
    }
}

/// The INVITE has been answered: the callee is known, and the time runs.
fn answered(shard: &mut Shard, id: DialogId, reply: &Replied) {
    let rules = rules(shard);
    let (now, second) = (shard.now, seconds(shard));
    let sockets = shard.sockets.clone();
    let out =
        shard.relay.context(reply.id).and_then(|context| context.branches().last()).map(|it| it.hop().socket);
    let dialogs = shard.states.get::<Dialogs>();
    dialogs.set_state(id, State::ConfirmedNoAck);
    let Some(dialog) = dialogs.get_mut(id) else { return };
    if let Some(message) = &reply.received {
        dialog.callee = callee(message.view(), &sockets);
    }
    dialog.callee.socket = out.map(crate::relay::SocketId).or(dialog.caller.socket);
    dialog.started = second;
    dialog.expires = second.saturating_add(dialog.lifetime);
    let life = u64::from(dialog.lifetime).min(rules.noack_timeout);
    dialogs.set_deadline(id, now + Duration::from_secs(life));
    totals(shard).change_active(1);
    tell_watcher(shard, id, Moment::Answered);
    tell(shard, "dialog:start", (id, None), Some(reply));
}

/// The callee as its answer shows it. Its routes are those between it and us, nearest to us first.
fn callee(view: View<'_>, sockets: &Sockets) -> Leg {
    let tag = view.to().ok().and_then(|to| to.tag()).unwrap_or_default();
    let contact = view.contacts().next().and_then(Result::ok);
    let is_other = |route: &&[u8]| {
        let uri = NameAddr::parse(route).ok().and_then(|route| sip::msg::Uri::parse(route.uri_text).ok());
        !uri.is_some_and(|uri| sockets.is_myself(uri.host, uri.port.unwrap_or(0), None))
    };
    let mut routes: Vec<&[u8]> = record_routes(view).into_iter().take_while(is_other).collect();
    routes.reverse();
    Leg {
        tag: tag.into(),
        contact: contact.map_or_else(Box::default, |contact| contact.uri_text.into()),
        routes: joined(routes),
        cseq: 0,
        socket: None,
    }
}

/// A request within was answered: the Contact of the other side may be another.
fn refresh(shard: &mut Shard, id: DialogId, reply: &Replied) {
    let Some(message) = &reply.received else { return };
    let view = message.view();
    let is_target = view.cseq().is_ok_and(|cseq| matches!(cseq.method, Method::Invite | Method::Update));
    let contact = view.contacts().next().and_then(Result::ok).filter(|_| is_target);
    let Some(dialog) = shard.states.get::<Dialogs>().get_mut(id) else { return };
    let is_from_callee = view.to().ok().and_then(|to| to.tag()).is_some_and(|tag| *tag == *dialog.callee.tag);
    if let Some(contact) = contact {
        let leg = if is_from_callee { &mut dialog.callee } else { &mut dialog.caller };
        leg.contact = contact.uri_text.into();
    }
}

/// The INVITE failed.
fn failed(shard: &mut Shard, id: DialogId, reply: &Replied) {
    shard.states.get::<Dialogs>().counts.failed += 1;
    finish(shard, id);
    tell(shard, "dialog:failed", (id, None), Some(reply));
}

/// A transaction of a dialog is over: one that had no answer has failed.
pub(super) fn transaction_ended(shard: &mut Shard, transaction: RelayId) {
    let Some(bound) = shard.states.get::<Dialogs>().by_transaction.remove(&transaction) else { return };
    let state = shard.states.get::<Dialogs>().get(bound.dialog).map(|dialog| dialog.state);
    if bound.is_initial && state.is_some_and(|state| state < State::ConfirmedNoAck) {
        shard.states.get::<Dialogs>().counts.failed += 1;
        finish(shard, bound.dialog);
        tell(shard, "dialog:failed", (bound.dialog, None), None);
    }
}

/// Ends a dialog by a BYE. Answers the event route to run, unless it has run.
fn end(shard: &mut Shard, id: DialogId) -> Option<&'static str> {
    let dialog = shard.states.get::<Dialogs>().get(id)?;
    let is_told = dialog.options.has(Options::ENDING);
    if !matches!(dialog.state, State::ConfirmedNoAck | State::Confirmed) {
        return None;
    }
    finish(shard, id);
    (!is_told).then_some("dialog:end")
}

/// Tells the module that wants to know.
fn tell_watcher(shard: &mut Shard, id: DialogId, moment: Moment) {
    let Some(watcher) = shard.shared.get::<Watcher>() else { return };
    let Some(dialog) = shard.states.get::<Dialogs>().get_mut(id) else { return };
    let mut vars = std::mem::take(&mut dialog.vars);
    (watcher.0)(shard, &mut vars, moment);
    if let Some(dialog) = shard.states.get::<Dialogs>().get_mut(id) {
        dialog.vars = vars;
    }
}

/// Ends a dialog: it leaves its profiles and is listed for a while.
pub(super) fn finish(shard: &mut Shard, id: DialogId) {
    let state = shard.states.get::<Dialogs>().get(id).map(|dialog| dialog.state);
    let was_answered = state.is_some_and(|state| state >= State::ConfirmedNoAck);
    finish_as(shard, id, if was_answered { Moment::Ended } else { Moment::Failed });
}

fn finish_as(shard: &mut Shard, id: DialogId, moment: Moment) {
    let (rules, totals) = (rules(shard), totals(shard));
    let (now, second) = (shard.now, seconds(shard));
    let dialogs = shard.states.get::<Dialogs>();
    let Some(dialog) = dialogs.get_mut(id) else { return };
    if dialog.state == State::Deleted {
        return;
    }
    tell_watcher(shard, id, moment);
    let dialogs = shard.states.get::<Dialogs>();
    let Some(dialog) = dialogs.get_mut(id) else { return };
    if dialog.state >= State::ConfirmedNoAck {
        totals.change_active(-1);
    }
    dialog.ended = second;
    dialog.expires = 0;
    std::mem::take(&mut dialog.profiles).iter().for_each(|(profile, value)| totals.leave(*profile, value));
    dialogs.set_state(id, State::Deleted);
    dialogs.set_deadline(id, now + Duration::from_secs(rules.end_timeout));
    dialogs.bound_ended();
}

/// Runs an event route on the reply that caused it, or on a made-up request.
fn tell(shard: &mut Shard, name: &str, (id, shown): (DialogId, Option<State>), reply: Option<&Replied>) {
    let message = reply.and_then(|reply| reply.received.clone());
    let mut work = match message {
        Some(message) => {
            let socket = crate::relay::SocketId(0);
            Box::new(Work::new(Arc::clone(&message), shard.own_reception(socket)))
        }
        None => shard.made_up(),
    };
    context::attach(&mut work, id, shown);
    shard.run_event(name, Some(work));
}

/// Sends BYE to sides of an answered dialog and runs the event route. False: it is not answered.
pub(super) fn hang_up(shard: &mut Shard, id: DialogId, sides: &[Direction]) -> bool {
    let Some(dialog) = shard.states.get::<Dialogs>().get_mut(id) else { return false };
    if !matches!(dialog.state, State::ConfirmedNoAck | State::Confirmed) {
        return false;
    }
    let (state, is_told) = (dialog.state, dialog.options.has(Options::ENDING));
    dialog.options.set(Options::ENDING);
    for side in sides {
        requests::send_bye(shard, id, *side);
    }
    if !is_told {
        tell(shard, "dialog:end", (id, Some(state)), None);
    }
    true
}

/// Does what is due: once a second, and nothing when nothing is.
pub(super) fn tick(shard: &mut Shard) {
    let now = shard.now;
    if shard.number == 0 {
        totals(shard).drop_remotes(seconds(shard));
    }
    while let Some(due) = shard.states.get::<Dialogs>().take_due(now) {
        match due {
            Due::Life(id) => life_is_due(shard, id),
            Due::KeepAlive(id) => requests::keep_alive(shard, id),
        }
    }
}

fn life_is_due(shard: &mut Shard, id: DialogId) {
    let second = seconds(shard);
    let Some(dialog) = shard.states.get::<Dialogs>().get(id) else { return };
    match dialog.state {
        State::Deleted => shard.states.get::<Dialogs>().remove(id),
        State::Unconfirmed | State::Early => {
            finish(shard, id);
            shard.states.get::<Dialogs>().remove(id);
        }
        State::ConfirmedNoAck if dialog.expires > second + SHORT_LIFE => set_time(shard, id, SHORT_LIFE),
        State::ConfirmedNoAck | State::Confirmed => expire(shard, id),
    }
}

/// The time of an answered dialog is over.
fn expire(shard: &mut Shard, id: DialogId) {
    let dialogs = shard.states.get::<Dialogs>();
    dialogs.counts.expired += 1;
    let Some(dialog) = dialogs.get(id) else { return };
    let (state, options, route) = (dialog.state, dialog.options, dialog.timeout_route.clone());
    if let Some(route) = route {
        let mut work = shard.made_up();
        context::attach(&mut work, id, Some(state));
        shard.run_route(&route, Some(work));
    }
    if options.has(Options::BYE) && !options.has(Options::ENDING) {
        hang_up(shard, id, &[Direction::Upstream, Direction::Downstream]);
    } else {
        finish_as(shard, id, Moment::Expired);
        if !options.has(Options::ENDING) {
            tell(shard, "dialog:end", (id, None), None);
        }
    }
}

/// Unix second.
pub(super) fn seconds(shard: &Shard) -> u32 {
    shard.unix_time(shard.now).as_secs() as u32
}

fn record_routes(view: View<'_>) -> Vec<&[u8]> {
    view.fields(HeaderName::RecordRoute).flat_map(|field| Values::new(field.value.of(view.bytes))).collect()
}

fn joined(routes: Vec<&[u8]>) -> Box<[u8]> {
    Bytes::from(routes.join(&b", "[..]))[..].into()
}

/// Seconds a dialog has left when no ACK or no answer to a keep-alive comes.
pub(super) const SHORT_LIFE: u32 = 10;
