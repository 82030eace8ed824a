//! What the first shard does by the clock: pings and what their answers mean, and the end of calls nobody ended.

use std::time::Duration;

use bytes::Bytes;

use super::functions::{Step, count_in};
use super::list::with_scheme;
use super::lookup;
use super::marking;
use super::params::Probing;
use super::reading::{self, rules, sets};
use super::set::Destination;
use super::state::{Change, State};
use crate::api::{Kept, LocalRequest, Outcome, Shard};

/// What is kept beside a ping.
struct Ping {
    set: i64,
    uri: Bytes,
}

/// Whether pings are sent; `dispatcher.ping_active` switches it.
#[derive(Debug)]
pub(super) struct IsPinging(pub(super) bool);

impl Default for IsPinging {
    fn default() -> IsPinging {
        IsPinging(true)
    }
}

/// Begins, in the first shard only: the sets are shared.
pub(super) fn start(shard: &mut Shard) {
    if shard.number != 0 {
        return;
    }
    let rules = rules(shard);
    reading::ask_table(shard);
    lookup::start(shard);
    shard.every(Duration::from_secs(rules.probing.interval), ping_all);
    if rules.counts_calls {
        shard.every(Duration::from_secs(rules.call_check_interval), end_old_calls);
    }
}

fn end_old_calls(shard: &mut Shard) {
    let (sets, now) = (sets(shard), shard.unix_time(shard.now).as_secs());
    let over = sets.loads().take_expired(now);
    let Some(table) = sets.table() else { return };
    over.iter().for_each(|call| count_in(&table, call.set, &call.duid, Step::Less));
}

/// Pings who is to be pinged, whether earlier pings were answered or not.
fn ping_all(shard: &mut Shard) {
    if !shard.states.get::<IsPinging>().0 {
        return;
    }
    let rules = rules(shard);
    let Some(table) = sets(shard).table() else { return };
    let mut pings = Vec::new();
    for set in table.iter() {
        let wanted = set.list.iter().filter(|it| is_pinged(it.state(), rules.probing.mode));
        pings.extend(
            wanted.map(|it| (ping(shard, &rules.probing, it), Ping { set: set.id, uri: it.uri.clone() })),
        );
    }
    for (request, kept) in pings {
        shard.send_request(request.then(answered, kept));
    }
}

fn is_pinged(state: State, mode: i64) -> bool {
    let left_out = State::DISABLED.with(State::NO_PING);
    let is_probing = state.has(State::PROBING);
    !state.has(left_out)
        && match mode {
            1 => true,
            2 => is_probing && state.has(State::INACTIVE),
            _ => is_probing,
        }
}

fn ping(shard: &Shard, probing: &Probing, to: &Destination) -> LocalRequest {
    let from = if to.attrs.ping_from.is_empty() { &probing.from } else { &to.attrs.ping_from };
    let mut request = LocalRequest::new(probing.method.clone(), to.uri.clone()).from(from);
    let proxy =
        if to.attrs.outbound_proxy.is_empty() { &probing.outbound_proxy } else { &to.attrs.outbound_proxy };
    request.next_hop = (!proxy.is_empty()).then(|| with_scheme(proxy));
    let socket = String::from_utf8_lossy(&to.attrs.socket);
    request.socket = if socket.is_empty() { None } else { shard.find_socket(&socket).ok() };
    request
}

fn answered(shard: &mut Shard, outcome: Outcome, kept: Kept) {
    let Ok(ping) = kept.downcast::<Ping>() else { return };
    let rules = rules(shard);
    let change = {
        let Some(table) = sets(shard).table() else { return };
        let Some(mut set) = table.set(ping.set) else { return };
        let Some(place) = set.find(&ping.uri) else { return };
        if rules.probing.measures_latency && set.list[place].state().has(State::PROBING) {
            let latency = &mut set.list[place].latency;
            match outcome.reply {
                Some(_) => latency.sample(outcome.took.as_secs_f64() * 1000.0, rules.probing.alpha),
                None => latency.timeouts += 1,
            }
            set.adjust_rweights();
        }
        let wanted = asked(set.list[place].state(), &rules.probing, outcome.status);
        set.ask(place, wanted, rules.thresholds)
    };
    tell(shard, change, &ping.uri);
}

/// The state an answer asks for.
fn asked(state: State, probing: &Probing, status: u16) -> State {
    let stays = match probing.mode {
        1 => true,
        3 => state.has(State::PROBING),
        _ => false,
    };
    match (probing.is_success(status), probing.mode) {
        (true, _) if stays => State::PROBING,
        (true, _) => State::ACTIVE,
        (false, 0) => State::TRYING,
        (false, _) => State::TRYING.with(State::PROBING),
    }
}

/// Runs the event route of a change on a made-up request to the destination.
pub(super) fn tell(shard: &mut Shard, change: Change, uri: &Bytes) {
    if let Some(name) = marking::event(change) {
        let mut work = shard.made_up();
        work.targets.set_uri(&uri[..]);
        shard.run_event(name, Some(work));
    }
}

#[cfg(test)]
mod tests {
    use super::super::params::{Code, Probing};
    use super::super::state::{Change, Health, State, Thresholds};
    use super::{asked, is_pinged};

    fn probing(mode: i64) -> Probing {
        Probing {
            method: "OPTIONS".into(),
            from: "sip:a@b".into(),
            interval: 1,
            mode,
            codes: vec![Code::Exactly(404)],
            outbound_proxy: bytes::Bytes::new(),
            measures_latency: false,
            alpha: 0.9,
        }
    }

    #[test]
    fn the_mode_says_who_is_pinged() {
        let rows = [
            (0, [false, true, true]),
            (1, [true, true, true]),
            (2, [false, false, true]),
            (3, [false, true, true]),
        ];
        for (mode, expected) in rows {
            let states = [0, 8, 9].map(|flags| is_pinged(State::of_flags(flags), mode));
            assert_eq!(states, expected, "mode {mode}");
        }
        assert!([4, 12, 32 | 8].iter().all(|flags| !is_pinged(State::of_flags(*flags), 1)));
    }

    /// The timeline of a destination that dies and comes back, thresholds 5 and 2, seen on Kamailio 5.6.3.
    #[test]
    fn a_destination_goes_down_after_so_many_failures_and_up_after_so_many_successes() {
        let probing = probing(1);
        let thresholds = Thresholds { failures: 5, successes: 2 };
        let mut health = Health::new(State::ACTIVE);
        let mut step = |status| {
            let change = health.ask(asked(health.state, &probing, status), thresholds);
            (health.state.letters(), change)
        };
        let rows = [
            (200, "AP", Change::Same),
            (408, "TP", Change::Same),
            (408, "TP", Change::Same),
            (500, "TP", Change::Same),
            (408, "TP", Change::Same),
            (408, "IP", Change::Down),
            (408, "IP", Change::Same),
            (404, "IP", Change::Same),
            (200, "AP", Change::Up),
        ];
        for (number, (status, letters, change)) in rows.into_iter().enumerate() {
            assert_eq!(step(status), (letters.to_owned(), change), "step {number}");
        }
    }

    #[test]
    fn mode_0_probes_until_the_first_answer() {
        let probing = probing(0);
        assert_eq!(asked(State::PROBING, &probing, 200), State::ACTIVE);
        assert_eq!(asked(State::PROBING, &probing, 408), State::TRYING);
    }
}
