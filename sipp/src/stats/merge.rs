//! The figures of several engines as those of one run.

use std::time::Duration;

use super::snapshot::{Heard, MediaTraffic, Network, Peak, Phase, Snapshot};

impl Snapshot {
    /// Adds the figures of another engine that runs the same scenario.
    pub(crate) fn add(&mut self, other: Snapshot) {
        self.at = self.at.max(other.at);
        self.began.at = self.began.at.max(other.began.at);
        self.began.totals.add(&other.began.totals);
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
        self.media.add(&other.media);
        if let (Some(circuits), Some(others)) = (&mut self.circuits, other.circuits) {
            circuits.in_use.iter_mut().zip(others.in_use).for_each(|(one, other)| *one |= other);
        }
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

impl MediaTraffic {
    /// Each engine has a player of its own. Of two 99th percentiles the larger one holds for both.
    fn add(&mut self, more: &MediaTraffic) {
        self.sent_packets += more.sent_packets;
        self.sent_bytes += more.sent_bytes;
        self.dropped += more.dropped;
        self.received_packets += more.received_packets;
        self.received_bytes += more.received_bytes;
        for (echoed, more) in self.echoed.iter_mut().zip(more.echoed) {
            *echoed += more;
        }
        self.streams += more.streams;
        self.failed_checks += more.failed_checks;
        self.lateness_p99 = self.lateness_p99.max(more.lateness_p99);
        self.heard = self.heard.plus(&more.heard);
    }
}

impl Heard {
    /// The figures of both as those of one set of streams.
    fn plus(&self, more: &Heard) -> Heard {
        let (packets, lost) = (self.packets + more.packets, self.lost + more.lost);
        let scored = (self.scored, more.scored);
        let delays = (self.both_ways + self.only_heard, more.both_ways + more.only_heard);
        let delay = |heard: &Heard| heard.mean_first_delay.map(|delay| delay.as_secs_f64());
        Heard {
            streams: self.streams + more.streams,
            packets,
            lost,
            loss: if packets + lost == 0 { 0.0 } else { lost as f64 / (packets + lost) as f64 },
            reordered: self.reordered + more.reordered,
            duplicates: self.duplicates + more.duplicates,
            strangers: self.strangers + more.strangers,
            refused: self.refused + more.refused,
            after_end: self.after_end + more.after_end,
            worst_jitter: self.worst_jitter.max(more.worst_jitter),
            scored: scored.0 + scored.1,
            mean_rating: mean((self.mean_rating, more.mean_rating), scored),
            mean_score: mean((self.mean_score, more.mean_score), scored),
            worst_score: either(self.worst_score, more.worst_score, f64::min),
            both_ways: self.both_ways + more.both_ways,
            only_sent: self.only_sent + more.only_sent,
            only_heard: self.only_heard + more.only_heard,
            mean_first_delay: mean((delay(self), delay(more)), delays).map(Duration::from_secs_f64),
            longest_first_delay: self.longest_first_delay.max(more.longest_first_delay),
            digits: self.digits + more.digits,
            reports_sent: self.reports_sent + more.reports_sent,
            reports_read: self.reports_read + more.reports_read,
            longest_round_trip: self.longest_round_trip.max(more.longest_round_trip),
            worst_peer_loss: either(self.worst_peer_loss, more.worst_peer_loss, f64::max),
        }
    }
}

/// The mean of two means, each over so many.
fn mean(means: (Option<f64>, Option<f64>), over: (u64, u64)) -> Option<f64> {
    let all = (over.0 + over.1) as f64;
    let sum = |one: f64, other: f64| (one * over.0 as f64 + other * over.1 as f64) / all;
    either(means.0, means.1, sum)
}

/// What both have, or the one that is there.
fn either(one: Option<f64>, other: Option<f64>, both: impl Fn(f64, f64) -> f64) -> Option<f64> {
    match (one, other) {
        (Some(one), Some(other)) => Some(both(one, other)),
        (one, other) => one.or(other),
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
    use super::super::snapshot::{Heard, MediaTraffic, Peak, Phase};

    #[test]
    fn media_of_two_engines_is_that_of_one_run() {
        let heard = |packets, lost, scored, score: f64| Heard {
            packets,
            lost,
            scored,
            mean_score: Some(score),
            worst_score: Some(score),
            both_ways: scored,
            mean_first_delay: Some(Duration::from_millis(scored * 10)),
            ..Heard::default()
        };
        let traffic = |heard, late| MediaTraffic {
            sent_packets: 7,
            echoed: [1, 2],
            lateness_p99: Duration::from_millis(late),
            heard,
            ..MediaTraffic::default()
        };
        let (mut one, mut other) = (client(), client());
        one.media = traffic(heard(90, 10, 1, 4.0), 1);
        other.media = traffic(heard(297, 3, 3, 2.0), 2);
        one.add(other.clone());
        let (media, both) = (one.media, one.media.heard);
        assert_eq!((media.sent_packets, media.echoed, media.lateness_p99.as_millis()), (14, [2, 4], 2));
        assert_eq!((both.packets, both.lost, both.loss), (387, 13, 13.0 / 400.0));
        assert_eq!((both.scored, both.mean_score, both.worst_score), (4, Some(2.5), Some(2.0)));
        assert_eq!(both.mean_first_delay, Some(Duration::from_millis(25)));
        other.media.heard = Heard::default();
        one.add(other);
        assert_eq!(one.media.heard, both, "an engine that heard nothing changes nothing");
    }

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
