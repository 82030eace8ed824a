//! How a run ended: from what stopped each engine and the last figures to the exit code.

use crate::exit::Exit;
use crate::stats::layout::Part;
use crate::stats::snapshot::Snapshot;
use crate::stats::verdict::Rule;

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// The exit code.
    pub(super) exit: Exit,
    /// Why, when it was an error.
    pub(super) error: Option<String>,
}

/// How the part of one engine ended.
#[derive(Debug, Default)]
pub(super) struct Stopped {
    /// What made it stop before its calls were over, with the exit code and, for an error, the reason.
    pub(super) by: Option<(Exit, Option<String>)>,
    /// Why the first call that could not go on could not; the others went on.
    pub(super) broken: Option<String>,
    /// `-timeout` passed.
    pub(super) timed_out: bool,
    /// Checks of `rtpcheck` that failed.
    pub(super) failed_checks: u64,
}

/// The end of a run whose engines stopped like that; `figures` are the last ones of its scenarios.
pub(super) fn of(stopped: Vec<Stopped>, figures: &[Snapshot]) -> Ending {
    let counted = figures.iter().filter(|snapshot| snapshot.layout.part != Part::OutOfCall);
    let (mut failed, mut successful) = (0, 0);
    for snapshot in counted {
        failed += snapshot.counters.totals.failed;
        successful += snapshot.counters.totals.successful;
    }
    let broken = figures.first().map(|main| main.setup.rules.broken_by(main)).unwrap_or_default();
    let breaks = |rule| broken.iter().any(|breach| breach.rule == rule);
    // What a limited generator saw of the other side, failed calls included, may be its own doing.
    let exit = if breaks(Rule::KeptUp) {
        Exit::Limited
    } else if stopped.iter().any(|stopped| stopped.failed_checks > 0) {
        Exit::RtpCheckFailed
    } else if failed > 0 || breaks(Rule::Condition) {
        Exit::Failed
    } else if breaks(Rule::Whole) {
        Exit::Incomplete
    } else if stopped.iter().any(|stopped| stopped.timed_out) && successful == 0 {
        Exit::Stopped
    } else {
        Exit::Success
    };
    let mut call_error = None;
    let mut by = None;
    for stopped in stopped {
        call_error = call_error.or(stopped.broken);
        by = by.or(stopped.by.filter(|(exit, _)| *exit != Exit::Success));
    }
    match by.or(call_error.map(|text| (Exit::Fatal, Some(text)))) {
        Some((exit, error)) => Ending { exit, error },
        None => {
            let texts: Vec<String> = broken.into_iter().map(|breach| breach.text).collect();
            Ending { exit, error: (!texts.is_empty()).then(|| texts.join("\n")) }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::slice::from_ref;
    use std::sync::Arc;

    use super::{Exit, Snapshot, Stopped, of};
    use crate::stats::screens::tests::client;

    /// Five good calls.
    #[test]
    fn the_first_error_of_an_engine_counts_before_the_calls() {
        let mut snapshot = client();
        assert_eq!(of(vec![Stopped::default()], &[snapshot.clone()]).exit, Exit::Success);
        snapshot.counters.totals.failed = 1;
        assert_eq!(of(vec![Stopped::default()], &[snapshot.clone()]).exit, Exit::Failed);
        let by = |exit, text: &str| Stopped { by: Some((exit, Some(text.into()))), ..Stopped::default() };
        let told = Stopped { by: Some((Exit::Success, None)), ..Stopped::default() };
        let ending = of(vec![told, by(Exit::Fatal, "first"), by(Exit::Stopped, "second")], &[snapshot]);
        assert_eq!((ending.exit, ending.error.as_deref()), (Exit::Fatal, Some("first")));
        let broken = Stopped { broken: Some("a call".into()), ..Stopped::default() };
        let ending = of(vec![Stopped::default(), broken], &[client()]);
        assert_eq!((ending.exit, ending.error.as_deref()), (Exit::Fatal, Some("a call")));
        let late = Stopped { timed_out: true, ..Stopped::default() };
        assert_eq!(of(vec![late], &[]).exit, Exit::Stopped);
    }

    #[test]
    fn strict_runs_that_say_nothing_have_codes_of_their_own() {
        let mut snapshot = client();
        Arc::make_mut(&mut snapshot.setup).rules.strict = true;
        Arc::make_mut(&mut snapshot.setup).stop_after = Some(snapshot.created + 1);
        let code = |snapshot: &Snapshot| of(vec![Stopped::default()], from_ref(snapshot)).exit;
        assert_eq!(code(&snapshot), Exit::Incomplete);
        snapshot.counters.totals.failed = 1;
        assert_eq!(code(&snapshot), Exit::Failed);
        snapshot.network.kernel_drops = 1;
        assert_eq!(code(&snapshot), Exit::Limited, "the failed call may be our own doing");
    }
}
