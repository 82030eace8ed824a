//! Opening calls: at a rate or for a number of users, up to the limits.

use std::time::Duration;

use sip::time::Time;

use crate::call::{Input, Origin};
use crate::options::Rate;
use crate::state::UserId;
use crate::stats::Cause;
use crate::stats::snapshot::{Pacing, Target};
use crate::traffic::calls::CallKey;
use crate::traffic::limits::default_call_limit;
use crate::traffic::rate::{Pacer, Ramp, Step};
use crate::traffic::users::Users;

use super::call_id::CallIdFormat;
use super::signalling::Signalling;

/// How and how many calls are opened.
#[derive(Debug)]
pub(super) struct Opening {
    plan: Plan,
    ramp: Option<Ramp>,
    options: Rate,
    /// The longest pause of a call, for the default limit.
    length: Duration,
    limit: u64,
    scale: f64,
    /// Wait before the first call.
    sleep: Duration,
    pub(super) call_ids: CallIdFormat,
    /// `-callid_slash_ign`.
    pub(super) keeps_id_prefix: bool,
    pub(super) pacing: Pacing,
}

#[derive(Debug)]
enum Plan {
    /// A server opens none.
    None,
    Rate(Pacer),
    Users(Users),
}

/// What [`Opening::new`] takes besides the rate options.
#[derive(Debug)]
pub(super) struct Habits {
    /// Whether the scenario opens calls at all.
    pub(super) opens_calls: bool,
    /// The longest pause of a call.
    pub(super) length: Duration,
    /// `-sleep`.
    pub(super) sleep: Duration,
    /// `-rate_interval`, or `-fd`.
    pub(super) ramp_interval: Duration,
    /// `-cid_str`.
    pub(super) call_ids: CallIdFormat,
    /// `-callid_slash_ign`.
    pub(super) keeps_id_prefix: bool,
}

impl Opening {
    /// Nothing is opened before [`Opening::start`].
    pub(super) fn new(options: &Rate, habits: Habits) -> Opening {
        let plan = match options.users {
            _ if !habits.opens_calls => Plan::None,
            Some(users) => Plan::Users(Users::new(u32::try_from(users).unwrap_or(u32::MAX))),
            None => Plan::Rate(Pacer::start(Time::ZERO, options.calls, options.period)),
        };
        let ramp =
            Ramp::start(Time::ZERO + habits.sleep, options.increase, habits.ramp_interval, options.max);
        let mut opening = Opening {
            plan,
            ramp: ramp.filter(|_| options.users.is_none()),
            options: options.clone(),
            length: habits.length,
            limit: 0,
            scale: options.scale,
            sleep: habits.sleep,
            call_ids: habits.call_ids,
            keeps_id_prefix: habits.keeps_id_prefix,
            pacing: Pacing::default(),
        };
        opening.compute_limit();
        opening
    }

    /// Traffic starts, after `-sleep`.
    pub(super) fn start(&mut self, now: Time) {
        if let Plan::Rate(pacer) = &mut self.plan {
            pacer.restart(now + self.sleep);
        }
    }

    /// When something is to be done next; users are served at once.
    pub(super) fn next_due(&self) -> Option<Time> {
        let ramp = self.ramp.as_ref().map(Ramp::next_due);
        let call = match &self.plan {
            Plan::Rate(pacer) => pacer.next_due(),
            Plan::Users(users) if users.has_free() => Some(Time::ZERO + self.sleep),
            Plan::None | Plan::Users(_) => None,
        };
        ramp.into_iter().chain(call).min()
    }

    /// What the screens call the rate.
    pub(super) fn target(&self) -> Target {
        match &self.plan {
            Plan::Users(users) => Target::Users(u64::from(users.wanted())),
            Plan::Rate(pacer) => Target::Rate { calls: pacer.rate(), period: pacer.period() },
            Plan::None => Target::Rate { calls: self.options.calls, period: self.options.period },
        }
    }

    /// The most simultaneous outgoing calls.
    pub(super) fn limit(&self) -> u64 {
        self.limit
    }

    /// True when so many created calls are all that `-m` asks for.
    pub(super) fn is_last(&self, created: u64) -> bool {
        self.options.stop_after.is_some_and(|stop| created >= stop)
    }

    /// `+ - * /`.
    pub(super) fn adjust(&mut self, now: Time, steps: f64) {
        match &self.plan {
            Plan::Rate(pacer) => {
                let rate = pacer.rate() + steps * self.scale;
                self.set_rate(now, rate);
            }
            Plan::Users(users) => {
                let wanted = (f64::from(users.wanted()) + steps * self.scale).max(0.0);
                self.set_users(wanted as u32);
            }
            Plan::None => {}
        }
    }

    /// Begins a new schedule. Gives `false` when there is no rate to set.
    pub(super) fn set_rate(&mut self, now: Time, rate: f64) -> bool {
        let Plan::Rate(pacer) = &mut self.plan else { return false };
        pacer.set_rate(now, rate);
        self.compute_limit();
        true
    }

    /// Changes the number of users. Gives `false` when there are none.
    pub(super) fn set_users(&mut self, wanted: u32) -> bool {
        let Plan::Users(users) = &mut self.plan else { return false };
        users.set_wanted(wanted);
        self.compute_limit();
        true
    }

    /// `set limit`: stays, whatever the rate becomes.
    pub(super) fn set_limit(&mut self, limit: u64) {
        self.options.limit = Some(limit);
        self.compute_limit();
    }

    /// `set rate-scale`.
    pub(super) fn set_scale(&mut self, scale: f64) {
        self.scale = scale;
    }

    /// Traffic goes on after a pause: what was due meanwhile is not made up for.
    pub(super) fn resume(&mut self, now: Time) {
        if let Plan::Rate(pacer) = &mut self.plan {
            pacer.restart(now);
        }
    }

    /// The call of this user has ended.
    pub(super) fn release(&mut self, user: UserId) {
        if let (Plan::Users(users), 1..) = (&mut self.plan, user.0) {
            users.release(user.0);
        }
    }

    fn compute_limit(&mut self) {
        self.limit = match (self.options.limit, &self.plan) {
            (Some(limit), _) => limit,
            (None, Plan::Users(users)) => u64::from(users.wanted()),
            (None, Plan::Rate(pacer)) => default_call_limit(pacer.rate(), pacer.period(), self.length),
            (None, Plan::None) => u64::MAX,
        };
    }

    /// The next call to open at `now` with `open` calls open: its user (0 for none) and when it was due.
    fn take(&mut self, now: Time, open: u64) -> Option<(UserId, Time)> {
        match &mut self.plan {
            Plan::None => None,
            Plan::Users(users) => {
                let ready = now >= Time::ZERO + self.sleep;
                let user = ready.then(|| users.take()).flatten()?;
                self.pacing.scheduled += 1;
                Some((UserId(user), now))
            }
            Plan::Rate(pacer) => {
                while let Some(due) = pacer.take_due(now) {
                    self.pacing.scheduled += 1;
                    if open < self.limit {
                        return Some((UserId(0), due));
                    }
                    // Like SIPp: the plan goes on as if the call had been made.
                    self.pacing.missed += 1;
                }
                None
            }
        }
    }
}

impl Signalling {
    /// Opens the calls that are due, a bounded number of them.
    pub(super) fn open_due(&mut self, now: Time) {
        if self.opening.is_last(self.counters.totals.created()) {
            self.quit.ask_softly();
        }
        if !self.may_open() {
            return;
        }
        self.climb(now);
        for _ in 0..CALLS_PER_TURN {
            let Some((user, due)) = self.opening.take(now, self.calls.len() as u64) else { return };
            self.open(now, user, due);
            if self.opening.is_last(self.counters.totals.created()) {
                self.quit.ask_softly();
                return;
            }
        }
    }

    /// True when nothing but the schedule keeps calls from being opened.
    pub(super) fn may_open(&self) -> bool {
        !self.state.paused && !self.state.connecting && !self.quit.is_quitting()
    }

    fn open(&mut self, now: Time, user: UserId, due: Time) {
        let pacing = &mut self.opening.pacing;
        pacing.started += 1;
        let delay = now.since(due);
        if delay > LATE {
            pacing.late += 1;
            pacing.latest = pacing.latest.max(delay);
        }
        let id = self.opening.call_ids.write(self.state.call_numbers + 1);
        let Some(key) = self.begin(now, &id, user, Origin::Opened) else { return };
        self.counters.totals.outgoing += 1;
        if self.equip(now, key) {
            self.advance(now, key, Input::Start);
        }
    }

    /// Gives a call the socket it is to have for itself; one that gets none fails, and the answer is false.
    pub(super) fn equip(&mut self, now: Time, key: CallKey) -> bool {
        let equipped = self
            .calls
            .get_mut(key)
            .map(|call| self.own.equip(now, (key, call.state_mut()), (&mut self.sockets, self.socket)));
        if let Some(Err(text)) = equipped {
            self.warn(now, text);
            self.advance(now, key, Input::Failed(Cause::TcpConnect));
            return false;
        }
        true
    }

    /// `-rate_increase`.
    fn climb(&mut self, now: Time) {
        let Target::Rate { calls, .. } = self.opening.target() else { return };
        match self.opening.ramp.as_mut().and_then(|ramp| ramp.take_due(now, calls)) {
            None => {}
            Some(Step::Rate(rate)) => {
                self.opening.set_rate(now, rate);
            }
            Some(Step::Max(rate)) => {
                self.opening.set_rate(now, rate);
                if self.opening.options.stay_at_max {
                    self.opening.ramp = None;
                } else {
                    self.quit.ask();
                }
            }
        }
    }
}

/// Calls opened in one turn before the sockets are looked at again.
const CALLS_PER_TURN: usize = 64;
/// A call opened later than this after it was due counts as late.
const LATE: Duration = Duration::from_millis(1);
