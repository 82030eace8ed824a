//! Whether this side kept up: the run is valid, or its figures describe the generator and not the target.

use std::time::Duration;

use super::snapshot::Snapshot;

/// Whether this side kept up, so that the figures describe the other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Generator {
    /// Calls started on time and nothing was lost here.
    Valid,
    /// The figures describe our own limits; why.
    Limited(Vec<String>),
}

impl Generator {
    /// Judges a run: more than one call of a hundred too late, or messages lost on this side, and it is limited.
    pub(crate) fn judge(snapshot: &Snapshot) -> Generator {
        let (pacing, network) = (&snapshot.pacing, &snapshot.network);
        let mut reasons = Vec::new();
        let too_late = pacing.lateness.above(TOO_LATE);
        if too_late * 100 > pacing.started {
            reasons.push(format!(
                "{too_late} of {} calls started more than {} ms late, the worst by {:.3} ms",
                pacing.started,
                TOO_LATE.as_millis(),
                pacing.latest().as_secs_f64() * 1000.0
            ));
        }
        if pacing.overdue * 100 > pacing.scheduled + pacing.overdue {
            reasons.push(format!("{} calls are due and not started yet", pacing.overdue));
        }
        if network.kernel_drops > 0 {
            reasons.push(format!("the kernel dropped {} received datagrams", network.kernel_drops));
        }
        if network.send_errors > 0 {
            reasons.push(format!("{} messages could not be sent", network.send_errors));
        }
        if reasons.is_empty() {
            return Generator::Valid;
        }
        reasons.extend(snapshot.threads.iter().filter_map(|thread| thread.complaint(snapshot)));
        Generator::Limited(reasons)
    }

    /// The verdict in a word, as closing statistics and reports print it.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Generator::Valid => "VALID",
            Generator::Limited(_) => "GENERATOR-LIMITED",
        }
    }

    /// Why it is limited; empty when it is not.
    pub(crate) fn reasons(&self) -> &[String] {
        match self {
            Generator::Valid => &[],
            Generator::Limited(reasons) => reasons,
        }
    }
}

/// What one thread of the program used since the run began.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ThreadTime {
    /// Its name: `sipp-signalling`, ...
    pub(crate) name: String,
    /// CPU time, user and system.
    pub(crate) cpu: Duration,
    /// Time it was ready to run and had no CPU.
    pub(crate) waited: Duration,
}

impl ThreadTime {
    /// Why this thread may be the reason that calls were late.
    fn complaint(&self, snapshot: &Snapshot) -> Option<String> {
        let run = snapshot.at.since(sip::time::Time::ZERO).as_secs_f64();
        let percent = |span: Duration| 100.0 * span.as_secs_f64() / run.max(0.001);
        let (cpu, waited) = (percent(self.cpu), percent(self.waited));
        (self.name.starts_with(SIGNALLING) && (cpu > BUSY_PERCENT || waited > WAITING_PERCENT)).then(|| {
            format!("{} used {cpu:.0} % of a CPU and waited {waited:.0} % of the time for one", self.name)
        })
    }
}

/// A call that starts later than this after it was due is not the load that was asked for. What starts later than
/// a millisecond is counted, and response times from the due moment include it; on a machine that others use too it
/// is no reason to throw a run away.
const TOO_LATE: Duration = Duration::from_millis(10);
/// How the names of the threads begin that open calls.
pub(crate) const SIGNALLING: &str = "sipp-signal";
/// A thread that uses more of a CPU has little left.
const BUSY_PERCENT: f64 = 80.0;
/// A thread that waits more often shares its CPU with somebody.
const WAITING_PERCENT: f64 = 5.0;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::screens::tests::client;
    use super::{Generator, ThreadTime};

    #[test]
    fn a_late_or_lossy_generator_is_limited() {
        let mut snapshot = client();
        for call in 0..1000 {
            snapshot.pacing.start(Duration::from_millis(if call < 10 { 50 } else { 10 }));
        }
        assert_eq!(Generator::judge(&snapshot), Generator::Valid, "one of a hundred is still fine");
        snapshot.pacing.start(Duration::from_millis(11));
        snapshot.network.kernel_drops = 3;
        let judged = Generator::judge(&snapshot);
        assert_eq!((judged.word(), judged.reasons().len()), ("GENERATOR-LIMITED", 2), "{judged:?}");
    }

    /// The run of the snapshot is 700 ms long.
    #[test]
    fn a_busy_thread_is_named_when_something_is_wrong() {
        let mut snapshot = client();
        let busy = Duration::from_millis(650);
        snapshot.threads =
            vec![ThreadTime { name: "sipp-signalling".into(), cpu: busy, waited: Duration::ZERO }];
        assert_eq!(Generator::judge(&snapshot), Generator::Valid, "busy is not late");
        snapshot.network.send_errors = 1;
        let judged = Generator::judge(&snapshot);
        assert!(judged.reasons()[1].contains("93 % of a CPU"), "{judged:?}");
    }
}
