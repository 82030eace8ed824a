//! Options about the verdict of a run, for scripts and build servers.

use super::row::{Effect, Row};

/// What decides about the exit code besides the calls, and who is told.
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    /// `-fail-if`, as written.
    pub fail_if: Vec<String>,
    /// `-strict`.
    pub strict: bool,
    /// `-junit`: file name.
    pub junit: Option<String>,
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["fail-if"],
        value: "CONDITION",
        help: "Exit with 1 when this holds at the end: a figure, one of < <= > >=, and a limit. Figures: failed, \
               successful, created, retransmissions, unexpected, timeouts, missed, late (numbers, or percentages of \
               the calls), rate (calls/s), p99(1), mean(1), max(1) of response time 1, and of length; of received \
               media loss, peer_loss, jitter, first_packet, rtt, mos, worst_mos, r, one_way. Several may be given. Example: -fail-if 'p99(1)>200ms' -fail-if 'failed>0.1%'.",
        effect: Effect::Text(|options, condition| {
            options.verdict.fail_if.push(condition.into());
            Ok(())
        }),
    },
    Row {
        names: &["strict"],
        value: "",
        help: "Exit with 2 when fewer calls than -m were made, with 3 when this program could not keep up.",
        effect: Effect::Flag(|options| options.verdict.strict = true),
    },
    Row {
        names: &["junit"],
        value: "FILE",
        help: "Write the verdict as JUnit XML: one test case for the calls and one for each -fail-if.",
        effect: Effect::Text(|options, file| {
            options.verdict.junit = Some(file.into());
            Ok(())
        }),
    },
];
