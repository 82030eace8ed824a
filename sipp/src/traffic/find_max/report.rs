//! What a search says: a line for each step and round, the finding, and all of it as one JSON document.

use serde_json::{Value, json};

use super::search::{Finding, Round, Search};
use super::{Culprit, Step};

/// What was tried, in order, with the round of each step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Protocol {
    steps: Vec<(usize, Step)>,
}

impl Protocol {
    /// Adds a step of that round and gives its line.
    pub(crate) fn add(&mut self, round: usize, step: Step) -> String {
        let line = step_line(round, &step);
        self.steps.push((round, step));
        line
    }

    /// The document, with a line end. `conditions`: as written; `seconds`: how long a step opened calls.
    pub(crate) fn json(&self, search: &Search, (conditions, seconds): (&str, f64)) -> String {
        let finding = search.finding();
        let steps = self.steps.iter().map(|(round, step)| {
            json!({
                "round": round,
                "rate": step.rate,
                "holds": step.culprit.is_none(),
                "limit": step.culprit.map(word),
                "reasons": step.reasons,
                "figures": step.figures,
            })
        });
        let rounds = search.rounds().iter().map(|round| {
            json!({
                "holds": round.holds,
                "breaks": round.breaks.map(|(rate, _)| rate),
                "limit": round.breaks.map(|(_, culprit)| word(culprit)),
            })
        });
        let document = json!({
            "version": 1,
            "program": concat!("sipp ", env!("CARGO_PKG_VERSION")),
            "find_max": conditions,
            "seconds_per_step": seconds,
            "highest": finding.highest,
            "interval": finding.interval.map(|(low, high)| [low, high]),
            "limit": finding.limit.map(word),
            "rounds": rounds.collect::<Vec<Value>>(),
            "steps": steps.collect::<Vec<Value>>(),
        });
        format!("{document:#}\n")
    }
}

fn step_line(round: usize, step: &Step) -> String {
    let rate = step.rate;
    match step.culprit {
        None => format!("round {round}: {rate:>9} calls/s holds   {}", step.figures.join(", ")),
        Some(culprit) => {
            format!("round {round}: {rate:>9} calls/s breaks  {}: {}", word(culprit), step.reasons.join("; "))
        }
    }
}

/// The line of a round that is over.
pub(crate) fn round_line(number: usize, round: &Round) -> String {
    let held = round.holds.map_or("no rate holds".to_owned(), |rate| format!("{rate} calls/s holds"));
    let broke = match round.breaks {
        None => "none breaks".to_owned(),
        Some((rate, culprit)) => format!("{rate} breaks ({})", word(culprit)),
    };
    format!("round {number}: {held}, {broke}")
}

/// The last line.
pub(crate) fn finding_line(finding: &Finding, rounds: usize) -> String {
    let limit = match finding.limit {
        Some(Culprit::Target) => "the target is the limit",
        Some(Culprit::Generator) => {
            "GENERATOR-LIMITED: this program or its machine is the limit, not the target"
        }
        None => "no limit was found",
    };
    match (finding.highest, finding.interval) {
        (Some(highest), Some((low, high))) => {
            format!(
                "Highest rate that holds: {highest} calls/s ({low} to {high} in {rounds} rounds); {limit}"
            )
        }
        _ => format!("No rate holds; {limit}"),
    }
}

fn word(culprit: Culprit) -> &'static str {
    match culprit {
        Culprit::Target => "target",
        Culprit::Generator => "generator",
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::{Search, Wishes};
    use super::{Culprit, Protocol, Step, finding_line, round_line};

    fn step(rate: f64, culprit: Option<Culprit>) -> Step {
        let reasons = culprit.map(|_| "fail<1%: the run had 3%".to_owned()).into_iter().collect();
        Step { rate, culprit, reasons, figures: vec!["fail<1%: 0%".into()] }
    }

    #[test]
    fn a_search_is_told_in_lines_and_as_a_document() {
        let mut search = Search::new(Wishes { first: 100.0, rounds: 1 });
        let mut protocol = Protocol::default();
        let mut lines = Vec::new();
        while let Some(rate) = search.next_rate() {
            let culprit = (rate > 100.0).then_some(Culprit::Target);
            lines.push(protocol.add(search.round(), step(rate, culprit)));
            search.tell(culprit);
        }
        assert_eq!(lines[0], "round 1:       100 calls/s holds   fail<1%: 0%");
        assert_eq!(lines[1], "round 1:       200 calls/s breaks  target: fail<1%: the run had 3%");
        assert_eq!(round_line(1, &search.rounds()[0]), "round 1: 100 calls/s holds, 104 breaks (target)");
        let expected =
            "Highest rate that holds: 100 calls/s (100 to 100 in 1 rounds); the target is the limit";
        assert_eq!(finding_line(&search.finding(), 1), expected);
        let text = protocol.json(&search, ("fail<1%", 5.0));
        let document: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        assert_eq!((&document["highest"], &document["limit"]), (&100.0.into(), &"target".into()));
        assert_eq!(document["steps"][1]["reasons"][0], "fail<1%: the run had 3%");
    }
}
