//! The scenarios of a run, each with its program and its own counters.
//!
//! A run has a main scenario, and perhaps one for calls that come in (`-rxsf`) and one for requests outside of
//! any call (`-oocsf`, or what carries the answers of `-aa`). An open call remembers which one it runs.

use std::ops::{Index, IndexMut};
use std::sync::Arc;

use sip::time::Time;

use crate::call::Call;
use crate::recorder::Quota;
use crate::scenario::Program;
use crate::stats::counters::{Counters, Shape, Totals};
use crate::stats::layout::{Layout, Part};
use crate::stats::snapshot::{Baseline, Peak, Setup};
use crate::traffic::calls::Identified;

/// An open call and the scenario it runs.
pub(in crate::engine) struct Running {
    pub(in crate::engine) call: Call,
    pub(super) scenario: ScenarioId,
}

impl Identified for Running {
    fn call_id(&self) -> &[u8] {
        &self.call.state().id
    }
}

/// Names a scenario of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct ScenarioId(u8);

impl ScenarioId {
    /// The main scenario.
    pub(in crate::engine) const MAIN: ScenarioId = ScenarioId(0);
}

/// One scenario and what its calls count.
pub(in crate::engine) struct Scenario {
    pub(in crate::engine) program: Program,
    pub(in crate::engine) layout: Arc<Layout>,
    pub(in crate::engine) setup: Arc<Setup>,
    pub(in crate::engine) counters: Counters,
    /// Since when they count.
    pub(in crate::engine) began: Baseline,
    /// What the counters count, to begin anew.
    pub(in crate::engine) shape: Shape,
    /// Why its calls failed, and which of them are kept.
    pub(in crate::engine) quota: Quota,
    /// Its open calls.
    pub(in crate::engine) open: u64,
    pub(in crate::engine) peak: Peak,
    /// It only carries automatic answers: no figures of it are shown.
    pub(in crate::engine) is_hidden: bool,
}

impl Scenario {
    /// Notes a call that was opened; `elsewhere` are open at other engines.
    pub(super) fn count_open(&mut self, now: Time, elsewhere: u64) {
        self.open += 1;
        let open = self.open + elsewhere;
        if open > self.peak.calls {
            self.peak = Peak { calls: open, at: now };
        }
    }

    /// Everything counted starts again at zero, except what open calls will subtract from.
    pub(super) fn reset(&mut self, now: Time) {
        let open = self.counters.totals.current();
        let outgoing = self.program.mode.calls_out();
        let messages = std::mem::take(&mut self.counters.messages);
        // SIPp goes on counting messages.
        self.counters = Counters { messages, ..Counters::new(&self.shape) };
        self.quota.reset();
        self.counters.totals = Totals {
            outgoing: if outgoing { open } else { 0 },
            incoming: if outgoing { 0 } else { open },
            ..Totals::default()
        };
        self.began = Baseline { at: now, totals: self.counters.totals, ..Baseline::default() };
    }
}

/// The scenarios of a run, the main one first.
pub(in crate::engine) struct Scenarios(Vec<Scenario>);

impl Scenarios {
    /// `list` begins with the main scenario and has no part twice.
    pub(in crate::engine) fn new(list: Vec<Scenario>) -> Scenarios {
        Scenarios(list)
    }

    /// The main scenario.
    pub(in crate::engine) fn main(&self) -> &Scenario {
        &self[ScenarioId::MAIN]
    }

    /// The same, to count.
    pub(in crate::engine) fn main_mut(&mut self) -> &mut Scenario {
        &mut self[ScenarioId::MAIN]
    }

    /// The scenario that is that part of the run.
    pub(super) fn find(&self, part: Part) -> Option<ScenarioId> {
        // A run has three parts at most.
        self.0.iter().position(|scenario| scenario.layout.part == part).map(|at| ScenarioId(at as u8))
    }

    /// The scenarios whose figures are shown.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Scenario> {
        self.0.iter().filter(|scenario| !scenario.is_hidden)
    }

    /// All scenarios.
    pub(super) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Scenario> {
        self.0.iter_mut()
    }

    /// Sums a figure over the scenarios whose calls make up the run: those outside of any call do not.
    pub(super) fn sum(&self, figure: impl Fn(&Scenario) -> u64) -> u64 {
        self.0.iter().filter(|scenario| scenario.layout.part != Part::OutOfCall).map(figure).sum()
    }

    /// Calls created so far, as `-m` counts them.
    pub(super) fn created(&self) -> u64 {
        self.sum(|scenario| scenario.counters.totals.created())
    }
}

impl Index<ScenarioId> for Scenarios {
    type Output = Scenario;

    fn index(&self, id: ScenarioId) -> &Scenario {
        &self.0[usize::from(id.0)]
    }
}

impl IndexMut<ScenarioId> for Scenarios {
    fn index_mut(&mut self, id: ScenarioId) -> &mut Scenario {
        &mut self.0[usize::from(id.0)]
    }
}
