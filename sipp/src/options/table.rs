//! The table of all options: groups in the order of the help, each with its rows.

use super::row::Row;
use super::{call, find_max, general, network, rate, scenario, tools, traces, twin, verdict, watch};

/// Groups with their titles.
const GROUPS: &[(&str, &[&[Row]])] = &[
    ("Scenario", &[scenario::SCENARIO_ROWS]),
    ("Without traffic", &[tools::ROWS]),
    ("Network", &[network::ROWS]),
    ("General", &[general::ROWS, call::LOSS_ROWS]),
    ("Call behaviour", &[call::ROWS]),
    ("Injection files", &[scenario::INJECTION_ROWS]),
    ("Media", &[general::MEDIA_ROWS]),
    ("Rate", &[rate::ROWS]),
    ("Find the limit", &[find_max::ROWS]),
    ("Retransmission and timeouts", &[call::TIMER_ROWS]),
    ("Third party call control", &[twin::ROWS]),
    ("Performance", &[general::PERFORMANCE_ROWS]),
    ("Verdict", &[verdict::ROWS]),
    ("Failed calls and watching", &[watch::ROWS]),
    (
        "Traces and statistics",
        &[
            traces::ROWS,
            &traces::FILE_ROWS[0],
            &traces::FILE_ROWS[1],
            &traces::FILE_ROWS[2],
            &traces::FILE_ROWS[3],
            &traces::FILE_ROWS[4],
            &traces::FILE_ROWS[5],
        ],
    ),
];

/// Titles and rows, in the order of the help.
pub(super) fn groups() -> impl Iterator<Item = (&'static str, impl Iterator<Item = &'static Row>)> {
    GROUPS.iter().map(|(title, parts)| (*title, parts.iter().flat_map(|rows| rows.iter())))
}

/// All rows.
pub(super) fn rows() -> impl Iterator<Item = &'static Row> {
    groups().flat_map(|(_, rows)| rows)
}

/// The row with that name (without dashes), if there is one.
pub(super) fn find(name: &str) -> Option<&'static Row> {
    rows().find(|row| row.names.contains(&name))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::rows;

    #[test]
    fn every_name_stands_once() {
        let mut seen = HashSet::new();
        for name in rows().flat_map(|row| row.names) {
            assert!(seen.insert(name), "-{name} stands twice");
        }
    }
}
