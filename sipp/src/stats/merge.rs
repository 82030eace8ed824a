//! The figures of several engines as those of one run.

use super::snapshot::{Network, Peak, Phase, Snapshot};

impl Snapshot {
    /// Adds the figures of another engine that runs the same scenario. Media is played by one engine only.
    pub(crate) fn add(&mut self, other: Snapshot) {
        self.at = self.at.max(other.at);
        self.counters.add(&other.counters);
        // Each engine notes how many calls were open at all of them.
        if other.peak.calls > self.peak.calls {
            self.peak = Peak { ..other.peak };
        }
        self.created += other.created;
        self.activity.open += other.activity.open;
        self.activity.all += other.activity.all;
        self.activity.waiting += other.activity.waiting;
        self.activity.woken += other.activity.woken;
        add_network(&mut self.network, &other.network);
        self.pacing.add(&other.pacing);
        self.threads.extend(other.threads);
        self.dropped_records += other.dropped_records;
        for (reason, count) in other.reasons {
            match self.reasons.iter_mut().find(|(known, _)| *known == reason) {
                Some((_, sum)) => *sum += count,
                None => self.reasons.push((reason, count)),
            }
        }
        self.phase = earlier(self.phase, other.phase);
        self.last_error = self.last_error.take().or(other.last_error);
    }
}

fn add_network(sum: &mut Network, more: &Network) {
    sum.sockets += more.sockets;
    sum.send_errors += more.send_errors;
    sum.receive_errors += more.receive_errors;
    sum.congested += more.congested;
    sum.kernel_drops += more.kernel_drops;
    sum.received += more.received;
    sum.sent += more.sent;
}

/// The run has ended when all engines have; until then it does what one of them still does.
fn earlier(one: Phase, other: Phase) -> Phase {
    match (one, other) {
        (Phase::Ended, Phase::Ended) => Phase::Ended,
        (Phase::Ended, _) | (_, Phase::Ended) => Phase::Quitting,
        (Phase::Running, other) => other,
        (one, _) => one,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::screens::tests::client;
    use super::super::snapshot::{Peak, Phase};

    #[test]
    fn figures_of_two_engines_are_those_of_one_run() {
        let (mut one, mut other) = (client(), client());
        one.pacing.start(Duration::ZERO);
        other.pacing.miss();
        other.peak = Peak { calls: 9, ..other.peak };
        other.network.sent = 20;
        one.reasons.clear();
        other.reasons = vec![("why".into(), 2)];
        other.phase = Phase::Running;
        one.add(other.clone());
        assert_eq!((one.counters.totals.outgoing, one.counters.totals.successful), (10, 10));
        assert_eq!((one.pacing.scheduled, one.pacing.started, one.pacing.missed), (2, 1, 1));
        assert_eq!((one.peak.calls, one.network.sent, one.phase), (9, 20, Phase::Quitting));
        one.add(other);
        assert_eq!(one.reasons, [("why".to_owned(), 4)]);
    }
}
