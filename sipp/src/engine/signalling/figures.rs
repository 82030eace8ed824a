//! The figures of a moment, for the desk: one snapshot for each scenario.

use sip::time::Time;

use crate::stats::layout::Part;
use crate::stats::seconds::Record;
use crate::stats::snapshot::{Activity, Circuits, Network, Phase, Snapshot};
use crate::traffic::rate::Share;

use super::Signalling;
use super::media::Media;
use super::scenarios::Scenario;
use crate::engine::desk::gather::RoundId;
use crate::engine::desk::link::{Note, Occasion};
use crate::engine::desk::threads;

impl Signalling {
    /// Hands the figures to the desk, for the round of that moment.
    pub(super) fn publish(&mut self, now: Time, occasion: Occasion, moment: Time) {
        let phase = if self.quit.is_quitting() {
            Phase::Quitting
        } else if self.state.paused {
            Phase::Paused
        } else {
            Phase::Running
        };
        let figures = self.figures(now, phase);
        if occasion == Occasion::Row {
            // They stand in that row, and in no other one.
            for scenario in self.scenarios.iter_mut() {
                scenario.counters.error_codes.clear();
            }
        }
        let round = RoundId { occasion, moment };
        self.link.tell(Note::Figures(self.crew.index(), figures, round));
    }

    /// The figures of every scenario that is shown, the main one first.
    pub(super) fn figures(&self, now: Time, phase: Phase) -> Vec<Snapshot> {
        self.scenarios.shown().map(|scenario| self.figures_of(scenario, now, phase)).collect()
    }

    /// The circuits that calls of this engine have.
    fn circuits(&self) -> Option<Circuits> {
        let table = self.settings.circuits.as_ref()?;
        let mut in_use = vec![false; table.all().count()];
        let Share { index, of } = self.crew.share();
        for circuit in table.all().skip(index as usize).step_by(of as usize) {
            in_use[circuit.place()] = true;
        }
        for circuit in self.world.free_circuits() {
            in_use[circuit.place()] = false;
        }
        Some(Circuits { per_line: table.per_line(), in_use })
    }

    fn figures_of(&self, scenario: &Scenario, now: Time, phase: Phase) -> Snapshot {
        let sockets = self.sockets.counters();
        let is_main = scenario.layout.part == Part::Main;
        Snapshot {
            layout: scenario.layout.clone(),
            setup: scenario.setup.clone(),
            at: now,
            began: scenario.began.clone(),
            counters: scenario.counters.clone(),
            created: self.scenarios.created(),
            target: self.opening.schedule.target(),
            limit: if is_main { self.opening.schedule.limit() } else { u64::MAX },
            peak: scenario.peak,
            activity: Activity {
                open: scenario.open,
                all: self.calls.len() as u64,
                waiting: self.calls.waiting() as u64,
                woken: self.state.woken,
            },
            network: Network {
                sockets: (1 + self.own.count() + self.sockets.connections()) as u64,
                congested: sockets.congested,
                kernel_drops: sockets.kernel_drops + self.crew.lost(),
                received: sockets.received,
                sent: sockets.sent,
                ..self.state.network
            },
            media: self.media.as_ref().map(Media::figures).unwrap_or_default(),
            circuits: self.circuits(),
            pacing: self.opening.schedule.pacing(now),
            threads: threads::own().into_iter().collect(),
            seconds: Record::default(),
            dropped_records: self.link.dropped(),
            reasons: scenario.quota.reasons(),
            phase,
            reveals_hidden: self.state.reveals_hidden,
            last_error: self.state.last_error.clone(),
        }
    }
}
