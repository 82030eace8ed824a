//! `-find-max`: the highest rate at which the conditions hold, and who is the limit above it.
//!
//! [`search`] is the machine that chooses rates, [`report`] its words. Here: what one step, a short run at one
//! rate, came to. The engine makes the runs.

pub(crate) mod report;
pub(crate) mod search;

use crate::stats::condition::Condition;
use crate::stats::generator::Generator;
use crate::stats::snapshot::Snapshot;
use crate::stats::verdict;

/// Who could not follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Culprit {
    /// The other side: conditions did not hold, while this side kept up.
    Target,
    /// This side: what was measured says nothing about the other one.
    Generator,
}

/// What a run at one rate came to.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Step {
    /// Calls per period.
    pub(crate) rate: f64,
    /// `None` when all conditions held.
    pub(crate) culprit: Option<Culprit>,
    /// Why not, in words.
    pub(crate) reasons: Vec<String>,
    /// The figures of the conditions, as text.
    pub(crate) figures: Vec<String>,
}

impl Step {
    /// Judges a run that was to open calls at `rate`.
    pub(crate) fn of(rate: f64, snapshot: &Snapshot, conditions: &[Condition]) -> Step {
        let judged = verdict::judge(snapshot, conditions);
        let figures = judged.iter().map(|judged| format!("{}: {}", judged.text, judged.figure)).collect();
        if let Generator::Limited(reasons) = Generator::judge(snapshot) {
            return Step { rate, culprit: Some(Culprit::Generator), reasons, figures };
        }
        let broken = judged.iter().filter(|judged| !judged.is_met);
        let mut reasons: Vec<String> =
            broken.map(|judged| format!("{}: the run had {}", judged.text, judged.figure)).collect();
        let pacing = &snapshot.pacing;
        if pacing.missed > 0 {
            reasons.push(format!(
                "{} of {} calls were not opened, since {} were open (-l allows more)",
                pacing.missed, pacing.scheduled, snapshot.limit
            ));
        }
        Step { rate, culprit: (!reasons.is_empty()).then_some(Culprit::Target), reasons, figures }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Culprit, Step};
    use crate::stats::condition::Condition;
    use crate::stats::screens::tests::client;

    /// Five good calls with a response time of 3 ms.
    #[test]
    fn a_step_knows_who_could_not_follow() {
        let condition = |text| vec![Condition::parse("-find-max", text).expect("valid")];
        let snapshot = client();
        assert_eq!(Step::of(10.0, &snapshot, &condition("p99(1)<5ms")).culprit, None);
        let broken = Step::of(10.0, &snapshot, &condition("p99(1)<2ms"));
        assert_eq!(broken.culprit, Some(Culprit::Target));
        assert!(broken.reasons[0].starts_with("p99(1)<2ms: the run had 3.0"), "{broken:?}");
        let mut missed = client();
        missed.pacing.miss();
        assert_eq!(Step::of(10.0, &missed, &condition("fail<1%")).culprit, Some(Culprit::Target));
        let mut late = client();
        late.pacing.start(Duration::from_millis(20));
        let late = Step::of(10.0, &late, &condition("p99(1)<2ms"));
        assert_eq!(late.culprit, Some(Culprit::Generator), "its figures say nothing about the target");
    }
}
