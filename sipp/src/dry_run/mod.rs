//! Two scenarios against each other without sockets, on a clock that jumps from event to event.
//!
//! In: two programs with their settings and a link with latency and loss. Out: what happened, in order
//! ([`Event`]), to be printed by `ladder`. All chances come from seeds, so equal seeds give equal bytes.

mod actor;
mod ladder;

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use sip::ident::Ident;
use sip::time::Time;

pub use actor::Actor;
pub use ladder::write;

use crate::call::Outcome;

/// The two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The one that opens calls.
    Caller,
    /// The one that takes them.
    Called,
}

impl Side {
    /// The other end.
    pub fn other(self) -> Side {
        match self {
            Side::Caller => Side::Called,
            Side::Called => Side::Caller,
        }
    }
}

/// The way between the two ends.
#[derive(Clone, Copy, Debug)]
pub struct Link {
    /// How long a message travels.
    pub latency: Duration,
    /// How many messages are lost, in percent.
    pub loss_percent: f64,
    /// Decides which.
    pub seed: u64,
}

/// One thing that happened.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When.
    pub at: Time,
    /// At which end.
    pub side: Side,
    /// What.
    pub what: Happening,
}

/// What can happen.
#[derive(Clone, Debug, PartialEq)]
pub enum Happening {
    /// A message left.
    Sent {
        /// Its method, or its status and reason.
        label: String,
        /// It is sent once more.
        again: bool,
        /// The link lost it.
        lost: bool,
    },
    /// A log line, a warning, or something the shell would have done.
    Said(String),
    /// Nothing more can happen, and that many calls are open.
    LeftOpen(NonZeroUsize),
    /// A call ended.
    Ended {
        /// How.
        outcome: Outcome,
        /// The index of the message it stood on.
        index: u16,
        /// From creation to end.
        length: Duration,
    },
}

/// Runs `calls` calls one after the other, at most for `limit`. Gives what happened.
pub fn run(actors: [Actor; 2], link: Link, calls: u64, limit: Duration) -> Vec<Event> {
    let mut stage = Stage {
        actors,
        link,
        chance: Ident::seeded(link.seed),
        wire: VecDeque::new(),
        events: Vec::new(),
        now: Time::ZERO,
    };
    let mut opened = 0;
    while stage.events.len() < MOST_EVENTS && !stage.actors.iter().any(Actor::is_stopped) {
        if opened < calls && !stage.actors[0].has_open_calls() {
            opened += 1;
            stage.actors[0].open(stage.now, opened);
        } else if !stage.step(Time::ZERO + limit) {
            break;
        }
        stage.collect();
    }
    stage.actors.iter_mut().for_each(Actor::note_open);
    stage.collect();
    stage.events
}

/// A pair of scenarios that send to each other for ever ends here.
const MOST_EVENTS: usize = 100_000;

struct Stage {
    /// The caller first.
    actors: [Actor; 2],
    link: Link,
    chance: Ident,
    /// Messages under way: arrival, receiver, bytes. The latency is the same for all, so they arrive in order.
    wire: VecDeque<(Time, Side, Vec<u8>)>,
    events: Vec<Event>,
    now: Time,
}

impl Stage {
    /// Does the next thing that is due; false when nothing is, or not before `end`.
    fn step(&mut self, end: Time) -> bool {
        let arrival = self.wire.front().map(|(at, ..)| *at);
        let deadlines = [self.actors[0].next_deadline(), self.actors[1].next_deadline()];
        let Some(next) = arrival.into_iter().chain(deadlines.into_iter().flatten()).min() else {
            return false;
        };
        if next > end {
            return false;
        }
        self.now = self.now.max(next);
        if arrival == Some(next) {
            let Some((_, side, bytes)) = self.wire.pop_front() else { return false };
            self.actors[side as usize].receive(self.now, &bytes);
        } else {
            let due = usize::from(deadlines[0] != Some(next));
            self.actors[due].wake(self.now);
        }
        true
    }

    /// Takes what the ends have sent and said.
    fn collect(&mut self) {
        for side in [Side::Caller, Side::Called] {
            for (what, bytes) in self.actors[side as usize].take_doings() {
                let what = match what {
                    Happening::Sent { label, again, .. } => {
                        let lost = self.is_lost();
                        if !lost {
                            self.wire.push_back((self.now + self.link.latency, side.other(), bytes));
                        }
                        Happening::Sent { label, again, lost }
                    }
                    other => other,
                };
                self.events.push(Event { at: self.now, side, what });
            }
        }
    }

    fn is_lost(&mut self) -> bool {
        // 53 bits are what a double holds.
        let unit = (self.chance.next_u64() >> 11) as f64 / (1u64 << 53) as f64;
        unit * 100.0 < self.link.loss_percent
    }
}

#[cfg(test)]
mod tests;
