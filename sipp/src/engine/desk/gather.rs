//! From the figures of each engine to those of the run: a round is complete when every engine has given its own.
//!
//! A round is known by the moment it was due at, so that an engine which is late or whose figures were dropped is not
//! mixed up. One that has ended gives no more; its last figures stand for all rounds that follow.

use std::collections::VecDeque;

use sip::time::Time;

use crate::stats::snapshot::Snapshot;

use super::link::Occasion;

/// Rounds that are not complete yet.
#[derive(Debug)]
pub(in crate::engine) struct Gather {
    engines: usize,
    /// The last figures of engines that have ended.
    ended: Vec<Option<Figures>>,
    rounds: VecDeque<Round>,
}

/// What one engine publishes: a snapshot of each scenario.
pub(super) type Figures = Vec<Snapshot>;

/// Which round figures belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) struct RoundId {
    pub(in crate::engine) occasion: Occasion,
    /// When all engines were to publish: a beat of the clock they share, or when a command was given.
    pub(in crate::engine) moment: Time,
}

#[derive(Debug)]
struct Round {
    id: RoundId,
    given: Vec<Option<Figures>>,
}

impl Gather {
    /// For that many engines.
    pub(in crate::engine) fn new(engines: usize) -> Gather {
        Gather { engines, ended: vec![None; engines], rounds: VecDeque::new() }
    }

    /// Takes figures of an engine, and gives those of the run for each round that is complete by them.
    pub(super) fn take(&mut self, engine: usize, figures: Figures, id: RoundId) -> Vec<(Figures, Occasion)> {
        if self.engines == 1 {
            return vec![(figures, id.occasion)];
        }
        if id.occasion == Occasion::End {
            self.ended[engine] = Some(figures);
        } else {
            self.give(engine, figures, id);
        }
        let mut complete = Vec::new();
        while let Some(at) = self.rounds.iter().position(|round| self.is_complete(round)) {
            let round = self.rounds.remove(at).expect("it was just found");
            // An older round of the kind lacks figures that were dropped on their way.
            let is_older = |other: &Round| other.id.moment < round.id.moment;
            self.rounds.retain(|other| other.id.occasion != round.id.occasion || !is_older(other));
            complete.push((self.sum(&round.given), round.id.occasion));
        }
        if self.ended.iter().all(Option::is_some) {
            let nothing = vec![None; self.engines];
            complete.push((self.sum(&nothing), Occasion::End));
        }
        complete
    }

    fn give(&mut self, engine: usize, figures: Figures, id: RoundId) {
        if let Some(round) = self.rounds.iter_mut().find(|round| round.id == id) {
            round.given[engine] = Some(figures);
            return;
        }
        let mut given = vec![None; self.engines];
        given[engine] = Some(figures);
        self.rounds.push_back(Round { id, given });
        if self.rounds.len() > MOST_ROUNDS {
            self.rounds.pop_front();
        }
    }

    fn is_complete(&self, round: &Round) -> bool {
        round.given.iter().zip(&self.ended).all(|(given, ended)| given.is_some() || ended.is_some())
    }

    fn sum(&self, given: &[Option<Figures>]) -> Figures {
        let mut all =
            given.iter().zip(&self.ended).filter_map(|(given, ended)| given.as_ref().or(ended.as_ref()));
        let mut sum = all.next().cloned().unwrap_or_default();
        for figures in all {
            for (snapshot, more) in sum.iter_mut().zip(figures) {
                snapshot.add(more.clone());
            }
        }
        sum
    }
}

/// Rounds that may wait: an engine that is further behind than this has lost its figures.
const MOST_ROUNDS: usize = 32;

#[cfg(test)]
mod tests {
    use sip::time::Time;

    use super::{Gather, Occasion, RoundId};
    use crate::stats::screens::tests::client;
    use crate::stats::snapshot::{Phase, Snapshot};

    /// Figures with so many calls created.
    fn figures(calls: u64) -> Vec<Snapshot> {
        let mut snapshot = client();
        snapshot.counters.totals.outgoing = calls;
        snapshot.phase = Phase::Running;
        vec![snapshot]
    }

    fn calls(complete: &[(Vec<Snapshot>, Occasion)]) -> Vec<(u64, Occasion)> {
        complete.iter().map(|(sum, occasion)| (sum[0].counters.totals.outgoing, *occasion)).collect()
    }

    fn row(second: u64) -> RoundId {
        RoundId { occasion: Occasion::Row, moment: Time::from_millis(second * 1000) }
    }

    const END: RoundId = RoundId { occasion: Occasion::End, moment: Time::ZERO };

    #[test]
    fn a_round_is_complete_with_the_last_engine() {
        let mut gather = Gather::new(2);
        let second = RoundId { occasion: Occasion::Second, moment: Time::ZERO };
        assert!(gather.take(0, figures(10), row(0)).is_empty());
        assert!(gather.take(0, figures(11), second).is_empty());
        assert!(gather.take(0, figures(20), row(1)).is_empty(), "the other one is behind");
        assert_eq!(calls(&gather.take(1, figures(5), row(0))), [(15, Occasion::Row)]);
        assert_eq!(calls(&gather.take(1, figures(7), row(1))), [(27, Occasion::Row)]);
        assert_eq!(calls(&gather.take(1, figures(1), second)), [(12, Occasion::Second)]);
    }

    #[test]
    fn an_engine_that_has_ended_still_counts() {
        let mut gather = Gather::new(2);
        assert!(gather.take(1, figures(100), row(0)).is_empty());
        assert_eq!(calls(&gather.take(0, figures(7), END)), [(107, Occasion::Row)]);
        assert_eq!(calls(&gather.take(1, figures(150), row(1))), [(157, Occasion::Row)]);
        assert_eq!(calls(&gather.take(1, figures(160), END)), [(167, Occasion::End)]);
    }

    #[test]
    fn dropped_figures_stop_nothing() {
        let mut gather = Gather::new(2);
        for number in 0..100 {
            assert!(gather.take(0, figures(number), row(number)).is_empty());
        }
        assert_eq!(gather.rounds.len(), super::MOST_ROUNDS);
        assert_eq!(calls(&gather.take(1, figures(1), row(99))), [(100, Occasion::Row)]);
        assert!(gather.rounds.is_empty(), "the older rounds will never be complete");
    }
}
