//! From a set and the number of an algorithm to what is picked.

use sip::msg::{HeaderName, Method};

use super::hash;
use super::loads::Call;
use super::reading;
use super::records::{Counting, Record};
use super::set::Algorithm;
use crate::api::{Ctx, Level};

/// Number of the algorithm that sends to all destinations at once.
pub(super) const PARALLEL: i64 = 12;

/// Picks destinations of a set, the first one to be used now; with failover the others behind it.
pub(super) fn pick(ctx: &mut Ctx<'_>, set: i64, number: i64) -> Vec<Record> {
    let Some(algorithm) = algorithm(ctx, number) else { return Vec::new() };
    let (rules, table) = (reading::rules(ctx.shard), reading::table(ctx));
    if algorithm == Algorithm::CallLoad {
        return pick_by_load(ctx, set);
    }
    let Some(mut set) = table.set(set) else { return Vec::new() };
    let order = set.pick(algorithm, rules.last_resort);
    order.iter().map(|place| Record::of(&rules, set.id, &set.list[*place], Counting::No)).collect()
}

/// All destinations of a set that can be used.
pub(super) fn all(ctx: &Ctx<'_>, set: i64) -> Vec<Record> {
    let (rules, table) = (reading::rules(ctx.shard), reading::table(ctx));
    let Some(set) = table.set(set) else { return Vec::new() };
    set.usable().iter().map(|place| Record::of(&rules, set.id, &set.list[*place], Counting::No)).collect()
}

/// Picks the destination with the fewest calls and counts this one there.
fn pick_by_load(ctx: &Ctx<'_>, id: i64) -> Vec<Record> {
    let shard = &*ctx.shard;
    let (rules, sets, table) = (reading::rules(shard), reading::sets(shard), reading::table(ctx));
    let mut loads = sets.loads();
    let Some(mut set) = table.set(id) else { return Vec::new() };
    let order = set.pick(Algorithm::CallLoad, rules.last_resort);
    let Some(first) = order.first().copied() else { return Vec::new() };
    let duid = set.list[first].attrs.duid.clone();
    if duid.is_empty() {
        return order.iter().map(|place| Record::of(&rules, id, &set.list[*place], Counting::No)).collect();
    }
    let until = shard.unix_time(shard.now).as_secs() + rules.call_first_life;
    let call_id = ctx.work.view().call_id().unwrap_or_default();
    if loads.add(call_id, Call { set: id, duid, until }) {
        set.list[first].load += 1;
    }
    order.iter().map(|place| Record::of(&rules, id, &set.list[*place], Counting::Yes)).collect()
}

/// The algorithm of a number; those without one pick the first destination. `None`: it cannot be used.
fn algorithm(ctx: &mut Ctx<'_>, number: i64) -> Option<Algorithm> {
    let rules = reading::rules(ctx.shard);
    let of_uri = |uri: &[u8]| hash::of_uri(uri, rules.user_only).map(Algorithm::Number);
    let view = ctx.work.view();
    match number {
        0 => view.call_id().ok().map(|id| Algorithm::Number(hash::of(&[id]))),
        1 => of_uri(view.from().ok()?.uri_text),
        2 => of_uri(view.to().ok()?.uri_text),
        3 => of_uri(&ctx.work.uri()?),
        4 => Some(Algorithm::RoundRobin),
        5 => Some(match user(ctx) {
            Some(user) => Algorithm::Number(hash::of(&[&user])),
            None => Algorithm::RoundRobin,
        }),
        6 => Some(Algorithm::Number(ctx.shard.ident.next_u64() as u32)),
        7 => match &rules.hash_text {
            Some(text) => Some(Algorithm::Number(hash::of(&[&text.render(ctx)]))),
            None => {
                ctx.log(Level::ERR, "dispatcher: algorithm 7 needs the parameter hash_pvar");
                None
            }
        },
        9 => Some(Algorithm::Weight),
        10 if rules.counts_calls && view.method() == Some(Method::Invite) => Some(Algorithm::CallLoad),
        11 => Some(Algorithm::RelativeWeight),
        13 => Some(Algorithm::Latency),
        _ => Some(Algorithm::First),
    }
}

/// The user name of the credentials.
fn user(ctx: &Ctx<'_>) -> Option<Vec<u8>> {
    let view = ctx.work.view();
    [HeaderName::ProxyAuthorization, HeaderName::Authorization].into_iter().find_map(|name| {
        let auth = view.auths(name).next()?.ok()?;
        auth.param(b"username").map(|user| user.into_owned()).filter(|user| !user.is_empty())
    })
}
