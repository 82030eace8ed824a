//! When records are written: the flags of a transaction and what it is answered with.

use sip::msg::Method;

use super::params::{self, Rules};
use super::record::{Kind, Outcome, Record};
use crate::api::{Ctx, Replied};
use crate::modules::rr;
use crate::relay::RelayId;
use crate::relay::reply::{TagStyle, write_tag};

/// A transaction was made: it is looked at when a flag says so by now.
pub(super) fn opened(ctx: &mut Ctx<'_>, transaction: RelayId) {
    let rules = params::rules(ctx);
    if ctx.work.view().method() == Some(Method::Cancel) && !rules.report_cancels {
        return;
    }
    if rules.prepare_always || ctx.work.flags & rules.watched() != 0 {
        ctx.work.relaying.is_looked_at = true;
        ctx.shard.relay.watch(transaction);
    }
}

/// All branches have failed.
pub(super) fn failed(ctx: &mut Ctx<'_>, reply: &Replied) {
    let rules = params::rules(ctx);
    at_target(ctx, reply, |ctx| missed(ctx, &rules, reply));
}

/// A reply goes upstream.
pub(super) fn answered(ctx: &mut Ctx<'_>, reply: &Replied) {
    let rules = params::rules(ctx);
    at_target(ctx, reply, |ctx| {
        let is_wanted = match reply.status {
            0..=199 => rules.early_media && has_body(reply),
            200..=299 => true,
            status => {
                missed(ctx, &rules, reply);
                ctx.work.flags & rules.failed != 0 && !rules.not_failed.contains(&status)
            }
        };
        let (log, db) = (rules.log.answered, rules.db.answered);
        if is_wanted && ctx.work.flags & (log | db) != 0 {
            let outcome = outcome(ctx, reply);
            write(ctx, &rules, &outcome, (Kind::Answered, [log, db]));
        }
    });
}

/// The ACK to a 2xx is relayed.
pub(super) fn acknowledged(ctx: &mut Ctx<'_>) {
    let rules = params::rules(ctx);
    let (log, db) = (rules.log.answered, rules.db.answered);
    if rules.report_ack && ctx.work.flags & (log | db) != 0 {
        let record = Record::of_ack(ctx);
        send(ctx, &rules, record, (Kind::Acknowledged, [log, db]));
    }
}

/// The record of a call that was not answered: one for each, so its flags go.
fn missed(ctx: &mut Ctx<'_>, rules: &Rules, reply: &Replied) {
    let (log, db) = (rules.log.missed, rules.db.missed);
    if ctx.work.flags & (log | db) == 0 || ctx.work.view().method() != Some(Method::Invite) {
        return;
    }
    let outcome = outcome(ctx, reply);
    write(ctx, rules, &outcome, (Kind::Missed, [log, db]));
    ctx.work.flags &= !(log | db);
}

fn write(ctx: &mut Ctx<'_>, rules: &Rules, outcome: &Outcome, what: (Kind, [u32; 2])) {
    let record = Record::of_outcome(ctx, outcome);
    send(ctx, rules, record, what);
}

/// Hands a record to the log and the database whose flags are set.
fn send(ctx: &mut Ctx<'_>, rules: &Rules, record: Record, (kind, [log, db]): (Kind, [u32; 2])) {
    let record = if rules.detect_direction && rr::is_upstream(ctx) { record.exchanged() } else { record };
    if ctx.work.flags & log != 0 {
        record.log(ctx, rules, kind.text());
    }
    let Some(store) = rules.store.as_ref().filter(|_| ctx.work.flags & db != 0) else { return };
    let table = if kind == Kind::Missed { &store.missed } else { &store.answered };
    let table = table.render(ctx);
    if let Some(table) = crate::modules::db::table(ctx, "acc", &table) {
        record.store(ctx, rules, store, table);
    }
}

/// Runs with the request URI of the branch whose reply it is.
fn at_target(ctx: &mut Ctx<'_>, reply: &Replied, run: impl FnOnce(&mut Ctx<'_>)) {
    let branch = reply.branch.map(usize::from);
    let context = ctx.shard.relay.context(reply.id);
    let branch = branch.and_then(|branch| context.and_then(|context| context.branches().get(branch)));
    let Some(uri) = branch.and_then(|branch| branch.target().uri.clone()) else { return run(ctx) };
    let before = ctx.work.targets.ruri_mut().uri.replace(uri);
    run(ctx);
    ctx.work.targets.ruri_mut().uri = before;
}

fn outcome(ctx: &Ctx<'_>, reply: &Replied) -> Outcome {
    let view = ctx.work.view();
    let own_tag = match view.to().ok().and_then(|to| to.tag()) {
        Some(tag) => tag.to_vec(),
        None => {
            let mut tag = Vec::new();
            write_tag(view, ctx.shard.relay.signature(), TagStyle::Stateful, &mut tag);
            tag
        }
    };
    Outcome { status: reply.status, reply: reply.received.clone(), own_tag: own_tag.into() }
}

fn has_body(reply: &Replied) -> bool {
    reply.received.as_ref().is_some_and(|reply| !reply.view().body().is_empty())
}
