//! Opening calls: what the schedule says, up to the number of `-m`.

use std::net::IpAddr;
use std::time::Duration;

use sip::time::Time;

use crate::call::{Input, Origin};
use crate::infile::FileId;
use crate::lang::World;
use crate::options::{self, Rate};
use crate::state::{CallState, UserId};
use crate::stats::Cause;
use crate::traffic::calls::CallKey;
use crate::traffic::rate::{Arrivals, Share};
use crate::traffic::schedule::{Climb, Growth, Schedule, Start, Wishes};

use super::Signalling;
use super::call_id::CallIds;
use super::scenarios::ScenarioId;
use crate::engine::start::setup::Fatal;

/// How and how many calls are opened.
#[derive(Debug)]
pub(in crate::engine) struct Opening {
    pub(in crate::engine) schedule: Schedule,
    stop_after: Option<u64>,
    pub(super) call_ids: CallIds,
    /// `-callid_slash_ign`.
    pub(super) keeps_id_prefix: bool,
}

/// What [`Opening::new`] takes besides the rate options.
#[derive(Debug)]
pub(in crate::engine) struct Habits {
    /// Whether the scenario opens calls at all.
    pub(in crate::engine) opens_calls: bool,
    /// The longest pause of a call.
    pub(in crate::engine) length: Duration,
    /// Which part of the run this engine does.
    pub(in crate::engine) share: Share,
    /// `-sleep`.
    pub(in crate::engine) sleep: Duration,
    /// `-rate_interval`, or `-fd`.
    pub(in crate::engine) ramp_interval: Duration,
    /// `-cid_type` and `-cid_str`.
    pub(in crate::engine) call_ids: CallIds,
    /// `-callid_slash_ign`.
    pub(in crate::engine) keeps_id_prefix: bool,
}

impl Opening {
    /// Nothing is opened before the schedule starts.
    pub(in crate::engine) fn new(options: &Rate, habits: Habits) -> Opening {
        let ramp = Growth {
            increase: options.increase,
            interval: habits.ramp_interval,
            max: options.max,
            stays_at_max: options.stay_at_max,
        };
        let schedule = Schedule::new(Wishes {
            opens_calls: habits.opens_calls,
            calls: options.calls,
            period: options.period,
            arrivals: match options.arrivals {
                options::Arrivals::Even => Arrivals::Even,
                options::Arrivals::Poisson => Arrivals::Poisson,
                options::Arrivals::Burst => Arrivals::Burst,
            },
            users: options.users.map(|users| u32::try_from(users).unwrap_or(u32::MAX)),
            limit: options.limit,
            length: habits.length,
            scale: options.scale,
            sleep: habits.sleep,
            ramp: Some(ramp),
            share: habits.share,
            seed: rand::random(),
        });
        Opening {
            schedule,
            stop_after: options.stop_after,
            call_ids: habits.call_ids,
            keeps_id_prefix: habits.keeps_id_prefix,
        }
    }
}

impl Signalling {
    /// Opens the calls that are due, a bounded number of them.
    pub(super) fn open_due(&mut self, now: Time) {
        if self.is_last() {
            self.complete();
        }
        if !self.may_open() {
            if self.quit.is_quitting() {
                self.opening.schedule.end(now);
            }
            return;
        }
        if self.opening.schedule.climb(now) == Some(Climb::Done) {
            self.quit.ask();
            return;
        }
        for _ in 0..CALLS_PER_TURN {
            let Some(start) = self.opening.schedule.take(now, self.crew.open()) else { return };
            if self.reserve() {
                self.open(now, start);
            }
            if self.is_last() {
                self.complete();
                self.crew.quit_softly();
                return;
            }
        }
    }

    /// True when nothing but the schedule keeps calls from being opened.
    pub(super) fn may_open(&self) -> bool {
        !self.state.paused && !self.state.connecting && !self.quit.is_quitting()
    }

    /// One of the calls of `-m` is made here; `false` when all are made.
    pub(in crate::engine) fn reserve(&self) -> bool {
        self.crew.reserve(self.opening.stop_after)
    }

    /// True when all engines together created the calls of `-m`.
    fn is_last(&self) -> bool {
        self.opening.stop_after.is_some_and(|stop| self.crew.created() >= stop)
    }

    /// Ends the run softly, at all engines, when the calls of `-m` are made.
    pub(in crate::engine) fn quit_behind_the_last(&mut self) {
        if self.is_last() {
            self.quit.ask_softly();
            self.crew.quit_softly();
        }
    }

    /// All calls of `-m` are made.
    fn complete(&mut self) {
        self.opening.schedule.complete();
        self.quit.ask_softly();
    }

    fn open(&mut self, now: Time, start: Start) {
        self.opening.schedule.opened(now, start);
        let micros = self.settings.wall.unix_micros(now);
        let id = self.opening.call_ids.write(self.crew.number(self.state.call_numbers + 1), micros);
        let birth = (id.as_slice(), UserId(start.user));
        let Some(key) = self.begin(now, birth, Origin::Opened, ScenarioId::MAIN) else { return };
        if let Some(running) = self.calls.get_mut(key) {
            running.call.was_due(start.due);
        }
        self.scenarios.main_mut().counters.totals.outgoing += 1;
        if self.has_circuit(now, key) && self.equip(now, key) {
            self.advance(now, key, Input::Start);
        }
    }

    /// `-tdmmap`: a call that found no circuit fails, and the answer is false.
    fn has_circuit(&mut self, now: Time, key: CallKey) -> bool {
        let circuit = self.calls.get_mut(key).and_then(|running| running.call.state().circuit);
        if circuit.is_some() || self.settings.circuits.is_none() {
            return true;
        }
        self.warn(now, "Can't create new outgoing call: all tdm_map circuits busy".into());
        self.advance(now, key, Input::Failed(Cause::OutboundCongestion));
        false
    }

    /// `-t ui`: messages are taken at all these local addresses. Errors: one cannot be bound.
    pub(in crate::engine) fn settle_at(&mut self, homes: &[IpAddr]) -> Result<(), Fatal> {
        homes.iter().try_for_each(|ip| {
            let home = self.own.home(*ip, (&mut self.sockets, self.socket));
            home.map(drop).map_err(Fatal::late)
        })
    }

    /// A new connection for a call whose own one was closed or leads elsewhere. False when there is none.
    pub(super) fn equip_again(&mut self, now: Time, key: CallKey) -> bool {
        let Some(running) = self.calls.get_mut(key) else { return false };
        let call = (key, running.call.state_mut());
        self.own.equip(now, call, (&mut self.sockets, self.socket)).is_ok()
    }

    /// Gives a call the socket it is to have for itself; one that gets none fails, and the answer is false.
    pub(in crate::engine) fn equip(&mut self, now: Time, key: CallKey) -> bool {
        let Some(running) = self.calls.get_mut(key) else { return true };
        let call = running.call.state_mut();
        let sockets = (&mut self.sockets, self.socket);
        let (equipped, cause) = if let Some(field) = self.own.home_field() {
            let home = home_of(call, &self.world, field);
            (home.and_then(|ip| self.own.house((key, call), ip, sockets)), Cause::CannotSendMessage)
        } else {
            (self.own.equip(now, (key, call), sockets), Cause::TcpConnect)
        };
        if let Err(text) = equipped {
            self.warn(now, text);
            self.advance(now, key, Input::Failed(cause));
            return false;
        }
        true
    }
}

/// `-t ui`: the local address of a call, from the line it has of the first injection file.
///
/// Errors: the line has no such field, or no address in it; the text of a warning.
fn home_of(call: &CallState, world: &World, field: usize) -> Result<IpAddr, String> {
    let line = call.lines.first().copied().unwrap_or(u32::MAX);
    let file = world.infiles.get(FileId(0)).ok_or("-t ui needs an injection file (-inf)")?;
    file.address(line, field).map_err(|error| error.to_string())
}

/// Calls opened in one turn before the sockets are looked at again.
const CALLS_PER_TURN: usize = 64;
