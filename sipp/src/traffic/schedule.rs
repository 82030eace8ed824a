//! Which call comes when, and the books about it: rate or users, ramp, limit, pauses.
//!
//! Every call that comes due is started or missed, and counted so in the same step: scheduled = started + missed
//! holds at every moment. A change of the rate keeps what was due before it; a pause or the end misses it.

use std::collections::VecDeque;
use std::time::Duration;

use sip::time::Time;

use super::limits::default_call_limit;
use super::rate::{Arrivals, Pacer, Ramp, Share, Step};
use super::users::Users;
use crate::stats::pacing::Pacing;
use crate::stats::snapshot::Target;

/// When calls start and how many may be open.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    plan: Plan,
    ramp: Option<Ramp>,
    wishes: Wishes,
    limit: u64,
    /// Traffic starts then; `None` until it is known.
    starts_at: Option<Time>,
    state: State,
    /// Calls that were due under a rate that was changed since.
    owed: VecDeque<Time>,
    pacing: Pacing,
}

/// What the command line asks for.
#[derive(Clone, Debug)]
pub(crate) struct Wishes {
    /// Whether calls are opened at all.
    pub(crate) opens_calls: bool,
    /// Calls per period.
    pub(crate) calls: f64,
    /// The period.
    pub(crate) period: Duration,
    /// How calls are spread over time.
    pub(crate) arrivals: Arrivals,
    /// A constant number of calls instead of a rate.
    pub(crate) users: Option<u32>,
    /// Most open calls; `None` follows from the rate.
    pub(crate) limit: Option<u64>,
    /// The longest pause of a call, for the default limit.
    pub(crate) length: Duration,
    /// Step of the rate keys.
    pub(crate) scale: f64,
    /// Wait before the first call.
    pub(crate) sleep: Duration,
    /// `-rate_increase`, if the rate grows.
    pub(crate) ramp: Option<Growth>,
    /// Which part of the run this engine does.
    pub(crate) share: Share,
    /// Behind random gaps.
    pub(crate) seed: u64,
}

/// `-rate_increase` and what belongs to it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Growth {
    /// Added at each step.
    pub(crate) increase: f64,
    /// Time between two steps.
    pub(crate) interval: Duration,
    /// Largest rate.
    pub(crate) max: Option<f64>,
    /// Stay at the largest rate instead of ending.
    pub(crate) stays_at_max: bool,
}

/// A call to open now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Start {
    /// Its user, from 1; 0 without users.
    pub(crate) user: u32,
    /// When it was due.
    pub(crate) due: Time,
}

/// What a step of the ramp means for the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Climb {
    /// It goes on.
    On,
    /// The largest rate is reached, and the run is to end.
    Done,
}

#[derive(Clone, Debug)]
enum Plan {
    /// A server opens none.
    None,
    Rate(Pacer),
    Users(Users),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Running,
    Paused,
    Ended,
}

impl Schedule {
    /// Nothing comes due before [`Schedule::start`].
    pub(crate) fn new(wishes: Wishes) -> Schedule {
        let plan = match wishes.users {
            _ if !wishes.opens_calls => Plan::None,
            Some(users) => Plan::Users(Users::new(wishes.share.part(users))),
            None => Plan::Rate(Pacer::start(Time::ZERO, wishes.calls, wishes.period).spread(
                wishes.arrivals,
                wishes.share,
                wishes.seed,
            )),
        };
        let mut schedule = Schedule {
            plan,
            ramp: None,
            limit: 0,
            starts_at: None,
            state: State::Running,
            owed: VecDeque::new(),
            pacing: Pacing::default(),
            wishes,
        };
        schedule.compute_limit();
        schedule
    }

    /// Traffic starts, after the wait before the first call.
    pub(crate) fn start(&mut self, now: Time) {
        let start = now + self.wishes.sleep;
        self.starts_at = Some(start);
        if let Plan::Rate(pacer) = &mut self.plan {
            pacer.restart(start);
            let ramp = self.wishes.ramp;
            self.ramp = ramp.and_then(|ramp| Ramp::start(start, ramp.increase, ramp.interval, ramp.max));
        }
    }

    /// When something is to be done next.
    pub(crate) fn next_due(&self) -> Option<Time> {
        let start = self.starts_at.filter(|_| self.state == State::Running)?;
        let call = match &self.plan {
            _ if !self.owed.is_empty() => Some(start),
            Plan::Rate(pacer) => pacer.next_due(),
            Plan::Users(users) => users.next_due().map(|since| since.max(start)),
            Plan::None => None,
        };
        self.ramp.as_ref().map(Ramp::next_due).into_iter().chain(call).min()
    }

    /// The next call to open at `now` with `open` calls open; calls above the limit are missed. Whoever opens it
    /// says so by [`Schedule::opened`]; otherwise it was none of the calls that were asked for.
    pub(crate) fn take(&mut self, now: Time, open: u64) -> Option<Start> {
        loop {
            let start = self.take_due(now)?;
            if open < self.limit || matches!(self.plan, Plan::Users(_)) {
                return Some(start);
            }
            // Like SIPp: the plan goes on as if the call had been made.
            self.pacing.miss();
        }
    }

    /// A call that was taken is opened now.
    pub(crate) fn opened(&mut self, now: Time, start: Start) {
        self.pacing.start(now.since(start.due));
    }

    /// True when traffic has started, or has a time at which it does.
    pub(crate) fn has_started(&self) -> bool {
        self.starts_at.is_some()
    }

    /// What is due now cannot be started: it is missed.
    pub(crate) fn skip(&mut self, now: Time) {
        self.miss_overdue(now);
    }

    /// The call of this user has ended.
    pub(crate) fn release(&mut self, now: Time, user: u32) {
        let share = self.wishes.share;
        if let (Plan::Users(users), Some(from_zero)) = (&mut self.plan, user.checked_sub(1)) {
            users.release(now, from_zero / share.of + 1);
        }
    }

    /// The user of the call taken last can make no call.
    pub(crate) fn dismiss_user(&mut self) {
        if let Plan::Users(users) = &mut self.plan {
            users.dismiss();
        }
    }

    /// `-rate_increase`: the step that is due, if one is.
    pub(crate) fn climb(&mut self, now: Time) -> Option<Climb> {
        let Plan::Rate(pacer) = &self.plan else { return None };
        let step = self.ramp.as_mut()?.take_due(now, pacer.rate())?;
        let (Step::Rate(rate) | Step::Max(rate)) = step;
        self.set_rate(now, rate);
        if matches!(step, Step::Rate(_)) {
            return Some(Climb::On);
        }
        if self.wishes.ramp.is_some_and(|ramp| ramp.stays_at_max) {
            self.ramp = None;
            return Some(Climb::On);
        }
        Some(Climb::Done)
    }

    /// `+ - * /`.
    pub(crate) fn adjust(&mut self, now: Time, steps: f64) {
        match self.target() {
            Target::Rate { calls, .. } => {
                self.set_rate(now, calls + steps * self.wishes.scale);
            }
            Target::Users(users) => {
                self.set_users(now, (users as f64 + steps * self.wishes.scale).max(0.0) as u32);
            }
        }
    }

    /// Begins a new schedule. Gives `false` when there is no rate to set.
    pub(crate) fn set_rate(&mut self, now: Time, rate: f64) -> bool {
        let Plan::Rate(pacer) = &mut self.plan else { return false };
        if self.state == State::Running && self.starts_at.is_some() {
            while let Some(due) = pacer.take_due(now) {
                match self.owed.len() < MOST_OWED {
                    true => self.owed.push_back(due),
                    false => self.pacing.miss(),
                }
            }
        }
        let begins = self.starts_at.map_or(now, |start| start.max(now));
        pacer.set_rate(begins, rate);
        self.compute_limit();
        true
    }

    /// Changes the number of users of all engines. Gives `false` when there are none.
    pub(crate) fn set_users(&mut self, now: Time, wanted: u32) -> bool {
        let Plan::Users(users) = &mut self.plan else { return false };
        users.set_wanted(now, self.wishes.share.part(wanted));
        self.wishes.users = Some(wanted);
        self.compute_limit();
        true
    }

    /// `set limit`: stays, whatever the rate becomes.
    pub(crate) fn set_limit(&mut self, limit: u64) {
        self.wishes.limit = Some(limit);
        self.compute_limit();
    }

    /// `set rate-scale`.
    pub(crate) fn set_scale(&mut self, scale: f64) {
        self.wishes.scale = scale;
    }

    /// No calls from now on; what was due before and is not started is missed.
    pub(crate) fn pause(&mut self, now: Time) {
        if self.state == State::Running {
            self.miss_overdue(now);
            self.state = State::Paused;
        }
    }

    /// Traffic goes on after a pause: nothing came due meanwhile.
    pub(crate) fn resume(&mut self, now: Time) {
        if self.state == State::Paused {
            self.state = State::Running;
            if let Plan::Rate(pacer) = &mut self.plan {
                pacer.restart(now);
            }
        }
    }

    /// All calls that were asked for are made: nothing comes due any more.
    pub(crate) fn complete(&mut self) {
        self.owed.clear();
        self.state = State::Ended;
    }

    /// The run is to end: what was due before and is not started is missed.
    pub(crate) fn end(&mut self, now: Time) {
        if self.state == State::Running {
            self.miss_overdue(now);
        }
        self.state = State::Ended;
    }

    /// What the screens call the rate, of all engines together.
    pub(crate) fn target(&self) -> Target {
        match &self.plan {
            Plan::Users(_) => Target::Users(u64::from(self.wishes.users.unwrap_or(0))),
            Plan::Rate(pacer) => Target::Rate { calls: pacer.rate(), period: pacer.period() },
            Plan::None => Target::Rate { calls: self.wishes.calls, period: self.wishes.period },
        }
    }

    /// The most simultaneous outgoing calls of all engines together.
    pub(crate) fn limit(&self) -> u64 {
        self.limit
    }

    /// The books, with what is overdue at `now`.
    pub(crate) fn pacing(&self, now: Time) -> Pacing {
        let overdue = match &self.plan {
            _ if self.state != State::Running || self.starts_at.is_none() => 0,
            Plan::Rate(pacer) => pacer.overdue(now),
            Plan::Users(users) if self.starts_at <= Some(now) => users.free(),
            Plan::None | Plan::Users(_) => 0,
        };
        Pacing { overdue: overdue + self.owed.len() as u64, ..self.pacing }
    }

    fn take_due(&mut self, now: Time) -> Option<Start> {
        let start = self.starts_at.filter(|start| self.state == State::Running && *start <= now)?;
        if let Some(due) = self.owed.pop_front() {
            return Some(Start { user: 0, due });
        }
        let share = self.wishes.share;
        match &mut self.plan {
            Plan::None => None,
            Plan::Rate(pacer) => pacer.take_due(now).map(|due| Start { user: 0, due }),
            Plan::Users(users) => users.take().map(|(id, since)| Start {
                user: (id - 1) * share.of + share.index + 1,
                due: since.max(start),
            }),
        }
    }

    /// Users that are free when the run ends have asked for nothing.
    fn miss_overdue(&mut self, now: Time) {
        while matches!(self.plan, Plan::Rate(_)) && self.take_due(now).is_some() {
            self.pacing.miss();
        }
    }

    fn compute_limit(&mut self) {
        self.limit = match (self.wishes.limit, &self.plan) {
            (Some(limit), _) => limit,
            (None, Plan::Users(_)) => u64::from(self.wishes.users.unwrap_or(0)),
            (None, Plan::Rate(pacer)) => default_call_limit(pacer.rate(), pacer.period(), self.wishes.length),
            (None, Plan::None) => u64::MAX,
        };
    }
}

/// Calls that were due before a change of the rate and wait; more of them are missed.
const MOST_OWED: usize = 1 << 16;

#[cfg(test)]
mod tests;
