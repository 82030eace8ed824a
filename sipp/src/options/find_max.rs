//! Options that look for the highest rate a target carries.

use std::time::Duration;

use super::row::{Effect, Row, Unit};

/// The search for the highest rate.
#[derive(Clone, Debug)]
pub struct FindMax {
    /// `-find-max`: what must hold, as written, separated by commas; `None` runs as usual.
    pub conditions: Option<String>,
    /// `-find-seconds`: how long one step opens calls.
    pub step: Duration,
    /// `-find-rounds`: how often the answer is looked for.
    pub rounds: usize,
}

impl Default for FindMax {
    fn default() -> FindMax {
        FindMax { conditions: None, step: Duration::from_secs(5), rounds: 3 }
    }
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["find-max"],
        value: "CONDITIONS",
        help: "Look for the highest rate at which these conditions hold (written as for -fail-if, separated by \
               commas), beginning at -r: short runs at rates that double and halve, then close in. Says whether the \
               target or this program was the limit; -json writes all steps. Example: -find-max \
               'fail<0.1%,p99(1)<200ms'.",
        effect: Effect::Text(|options, conditions| {
            options.find_max.conditions = Some(conditions.into());
            Ok(())
        }),
    },
    Row {
        names: &["find-seconds"],
        value: "TIME",
        help: "How long one step of -find-max opens calls, in s. Default: 5.",
        effect: Effect::TimeFrom(100, Unit::Seconds, |options, step| options.find_max.step = step),
    },
    Row {
        names: &["find-rounds"],
        value: "N",
        help: "How often -find-max looks for the answer, which gives an interval. Default: 3.",
        effect: Effect::Int(1..=1000, |options, rounds| {
            options.find_max.rounds = usize::try_from(rounds).unwrap_or(1).max(1);
        }),
    },
];
