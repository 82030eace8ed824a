//! Addresses of destinations that are named by hosts (`ds_dns_mode`): looked up when the list is read, when somebody is
//! compared with it, and again and again; by address records, or by service (RFC 3263 4.2).

use std::time::Duration;

use bytes::Bytes;

use super::reading::{rules, sets};
use super::sets::Names;
use crate::api::{
    Answer, Args, Ctx, Flow, FunctionFn, IoAnswer, IoRequest, Kept, Level, Resumed, Shard, Wait,
};
use crate::relay::NextHop;

/// When and how names are looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Lookups {
    /// When a list has been read.
    pub(super) at_load: bool,
    /// When `ds_is_from_list()` compares.
    pub(super) at_match: bool,
    /// By service: the port comes with the address.
    pub(super) by_service: bool,
    /// Seconds between look-ups of all names, 0 for none.
    pub(super) interval: u64,
}

impl Lookups {
    /// `ds_dns_mode` and `ds_dns_interval`.
    pub(super) fn of_mode(mode: i64, interval: u64) -> Lookups {
        let has = |bit: i64| mode & bit != 0;
        let interval = if has(4) { interval } else { 0 };
        Lookups { at_load: has(1), at_match: has(2), by_service: has(8), interval }
    }

    fn request(self, name: &[u8]) -> Option<IoRequest> {
        // With a port only addresses are asked for (RFC 3263 4.2).
        let port: &[u8] = if self.by_service { b"" } else { b":5060" };
        match NextHop::of(&[b"sip:", name, port].concat()) {
            NextHop::Name(query) => Some(IoRequest::Locate(query)),
            _ => None,
        }
    }
}

/// Begins, in the shard that does what is done by the clock.
pub(super) fn start(shard: &mut Shard) {
    of_list(shard);
    let interval = Duration::from_secs(rules(shard).lookups.interval);
    shard.every(interval, |shard| ask(shard, Names::All));
}

/// A list has been read: asks for the addresses of its host names.
pub(super) fn of_list(shard: &mut Shard) {
    if rules(shard).lookups.at_load {
        ask(shard, Names::Unknown);
    }
}

fn ask(shard: &mut Shard, names: Names) {
    let lookups = rules(shard).lookups;
    for name in sets(shard).names(names) {
        if let Some(request) = lookups.request(&name) {
            shard.ask(request, told, Box::new(name));
        }
    }
}

fn told(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
    if let Ok(name) = kept.downcast::<Bytes>() {
        take(shard, &name, &answer);
    }
}

fn take(shard: &mut Shard, name: &Bytes, answer: &IoAnswer) {
    match answer {
        IoAnswer::Located(places) if !places.is_empty() => {
            let addr = places[0].addr;
            let port = rules(shard).lookups.by_service.then_some(addr.port());
            sets(shard).set_address(name, addr.ip(), port);
        }
        _ => {
            let line = format!("dispatcher: no address of {}", String::from_utf8_lossy(name));
            shard.log.write(Level::ERR, line.as_bytes());
        }
    }
}

/// Runs `act` behind a look-up of all names, when they are looked up for each comparison.
pub(super) fn before(ctx: &mut Ctx<'_>, args: &Args<'_>, act: FunctionFn) -> Flow {
    let names = match rules(ctx.shard).lookups.at_match {
        true => sets(ctx.shard).names(Names::All),
        false => Vec::new(),
    };
    next(ctx, args, (names, act))
}

/// The names still to be looked up, the last first, and what runs behind them.
type Rest = (Vec<Bytes>, FunctionFn);

fn next(ctx: &mut Ctx<'_>, args: &Args<'_>, (names, act): Rest) -> Flow {
    let lookups = rules(ctx.shard).lookups;
    match names.last().map(|name| lookups.request(name)) {
        None => act(ctx, args),
        Some(None) => next(ctx, args, (names[..names.len() - 1].to_vec(), act)),
        Some(Some(request)) => Flow::Wait(Wait { request, then: found, kept: Box::new((names, act)) }),
    }
}

fn found(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    let (Ok(rest), Answer::Io(answer)) = (resumed.kept.downcast::<Rest>(), resumed.answer) else {
        return Flow::FALSE;
    };
    let (mut names, act) = *rest;
    if let Some(name) = names.pop() {
        take(ctx.shard, &name, &answer);
    }
    next(ctx, args, (names, act))
}
