//! The report of a whole run as one JSON document, for `-json`: figures, and whether they can be trusted.
//!
//! Names are stable; `docs/report.md` explains them. Durations are milliseconds with microseconds behind the
//! point.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sip::time::Time;

use super::counters::Cause;
use super::histogram::Samples;
use super::layout::{Kind, Role};
use super::snapshot::{Heard, Snapshot, Target};
use super::verdict;

/// Whether this side kept up, so that the figures describe the other one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Generator {
    /// Calls started on time and nothing was lost here.
    Valid,
    /// The figures describe our own limits; why.
    Limited(Vec<String>),
}

impl Generator {
    /// Judges a run: more than one call of a hundred late, or messages lost on this side, and it is limited.
    pub(crate) fn judge(snapshot: &Snapshot) -> Generator {
        let (pacing, network) = (&snapshot.pacing, &snapshot.network);
        let mut reasons = Vec::new();
        if pacing.late * 100 > pacing.started {
            reasons.push(format!(
                "{} of {} calls started more than 1 ms late, the worst by {} ms",
                pacing.late,
                pacing.started,
                pacing.latest.as_millis()
            ));
        }
        if network.kernel_drops > 0 {
            reasons.push(format!("the kernel dropped {} received datagrams", network.kernel_drops));
        }
        if network.send_errors > 0 {
            reasons.push(format!("{} messages could not be sent", network.send_errors));
        }
        if reasons.is_empty() { Generator::Valid } else { Generator::Limited(reasons) }
    }
}

/// The document, with a line end.
pub(crate) fn json(snapshot: &Snapshot) -> String {
    let counters = &snapshot.counters;
    let totals = &counters.totals;
    let (generator, reasons) = match Generator::judge(snapshot) {
        Generator::Valid => ("valid", Vec::new()),
        Generator::Limited(reasons) => ("limited", reasons),
    };
    let response_times: Vec<Value> = snapshot
        .layout
        .response_times
        .iter()
        .zip(&counters.response_times)
        .map(|(name, samples)| samples_json(Some(name), samples))
        .collect();
    let document = json!({
        "version": 1,
        "program": concat!("sipp ", env!("CARGO_PKG_VERSION")),
        "scenario": snapshot.layout.name,
        "role": match snapshot.layout.role {
            Role::Client => "client",
            Role::Server => "server",
        },
        "started": snapshot.setup.wall.date(Time::ZERO, 'T'),
        "duration_ms": millis(snapshot.at.since(Time::ZERO)),
        "generator": { "verdict": generator, "reasons": reasons },
        "conditions": conditions(snapshot),
        "calls": {
            "created": totals.created(),
            "incoming": totals.incoming,
            "outgoing": totals.outgoing,
            "successful": totals.successful,
            "failed": totals.failed,
            "open": snapshot.activity.open,
            "peak": snapshot.peak.calls,
        },
        "failures": failures(snapshot),
        "schedule": schedule(snapshot),
        "messages": messages(snapshot),
        "response_times": response_times,
        "call_length": samples_json(None, &counters.call_length),
        "counters": named(&snapshot.layout.counters, &counters.generic),
        "events": {
            "out_of_call_messages": totals.out_of_call,
            "dead_call_messages": totals.dead_call,
            "retransmissions": totals.retransmissions,
            "auto_answered": totals.auto_answered,
            "warnings": totals.warnings,
            "fatal_errors": totals.fatal_errors,
        },
        "media": {
            "sent_packets": snapshot.media.sent_packets,
            "sent_bytes": snapshot.media.sent_bytes,
            "not_sent": snapshot.media.dropped,
            "received_packets": snapshot.media.received_packets,
            "received_bytes": snapshot.media.received_bytes,
            "echoed": snapshot.media.echoed,
            "lateness_p99_ms": snapshot.media.lateness_p99.as_secs_f64() * 1000.0,
            "received_streams": heard(&snapshot.media.heard),
        },
        "network": {
            "transport": snapshot.setup.transport,
            "received": snapshot.network.received,
            "sent": snapshot.network.sent,
            "send_errors": snapshot.network.send_errors,
            "kernel_drops": snapshot.network.kernel_drops,
        },
        "trace_records_dropped": snapshot.dropped_records,
    });
    format!("{document:#}\n")
}

/// The conditions of `-fail-if` with what the run had.
fn conditions(snapshot: &Snapshot) -> Vec<Value> {
    let judged = verdict::judge(snapshot, &snapshot.setup.rules.conditions);
    let write = |judged: &verdict::Judged| json!({ "condition": judged.text, "figure": judged.figure, "met": judged.is_met });
    judged.iter().map(write).collect()
}

/// What the received streams were like.
fn heard(heard: &Heard) -> Value {
    json!({
        "streams": heard.streams,
        "packets": heard.packets,
        "lost": heard.lost,
        "loss_percent": heard.loss * 100.0,
        "reordered": heard.reordered,
        "duplicates": heard.duplicates,
        "strangers": heard.strangers,
        "worst_jitter_ms": heard.worst_jitter.as_secs_f64() * 1000.0,
        "mean_mos": heard.mean_score,
        "worst_mos": heard.worst_score,
    })
}

/// The causes that happened.
fn failures(snapshot: &Snapshot) -> Map<String, Value> {
    let counts = snapshot.counters.totals.causes;
    let happened = Cause::ALL.iter().zip(counts).filter(|(_, count)| *count > 0);
    happened.map(|((_, name), count)| ((*name).to_owned(), count.into())).collect()
}

fn schedule(snapshot: &Snapshot) -> Value {
    let pacing = &snapshot.pacing;
    let target = match snapshot.target {
        Target::Rate { calls, period } => json!({ "calls": calls, "period_ms": millis(period) }),
        Target::Users(users) => json!({ "users": users }),
    };
    json!({
        "target": target,
        "scheduled": pacing.scheduled,
        "started": pacing.started,
        "missed": pacing.missed,
        "late": pacing.late,
        "latest_ms": millis(pacing.latest),
    })
}

fn messages(snapshot: &Snapshot) -> Vec<Value> {
    let lines = snapshot.layout.lines.iter().zip(&snapshot.counters.messages).enumerate();
    lines
        .map(|(index, (line, counted))| {
            let (kind, what) = match &line.kind {
                Kind::Send { what, .. } => ("send", what.as_str()),
                Kind::Receive(what) => ("recv", what.as_str()),
                Kind::Pause(length) => ("pause", length.as_str()),
                Kind::Nop(text) => ("nop", text.as_str()),
                Kind::SendCommand => ("sendCmd", ""),
                Kind::ReceiveCommand => ("recvCmd", ""),
            };
            json!({
                "index": index,
                "kind": kind,
                "what": what,
                "count": counted.done,
                "retransmissions": counted.retrans,
                "timeouts": counted.timeouts,
                "unexpected": counted.unexpected,
                "lost": counted.lost,
            })
        })
        .collect()
}

fn samples_json(name: Option<&str>, samples: &Samples) -> Value {
    let sums = samples.sums();
    let repartition: Vec<Value> =
        samples.repartition().map(|(border, count)| json!([border, count])).collect();
    json!({
        "name": name,
        "count": sums.count,
        "mean_ms": millis(sums.mean()),
        "deviation_ms": millis(sums.deviation()),
        "p50_ms": millis(samples.percentile(50.0)),
        "p90_ms": millis(samples.percentile(90.0)),
        "p99_ms": millis(samples.percentile(99.0)),
        "p999_ms": millis(samples.percentile(99.9)),
        "max_ms": millis(samples.max()),
        "repartition_ms": repartition,
    })
}

fn named(names: &[String], counts: &[u64]) -> Map<String, Value> {
    names.iter().zip(counts).map(|(name, count)| (name.clone(), (*count).into())).collect()
}

fn millis(span: Duration) -> f64 {
    span.as_micros() as f64 / 1000.0
}

#[cfg(test)]
mod tests {
    use super::super::screens::tests::client;
    use super::{Generator, json};

    /// The golden document stands in `tests/golden/report.json`; `UPDATE=1` writes it anew.
    #[test]
    fn report_is_the_golden_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/report.json");
        // The version of the program is not part of the form.
        let text = json(&client()).replace(concat!("sipp ", env!("CARGO_PKG_VERSION")), "sipp");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &text).expect("the repository is writable");
        }
        let golden = std::fs::read_to_string(path).expect("the golden file is in the repository");
        assert_eq!(text, golden, "run with UPDATE=1 and review the difference");
    }

    #[test]
    fn a_late_or_lossy_generator_is_limited() {
        let mut snapshot = client();
        snapshot.pacing.started = 1000;
        snapshot.pacing.late = 10;
        assert_eq!(Generator::judge(&snapshot), Generator::Valid, "one of a hundred is still fine");
        snapshot.pacing.late = 11;
        snapshot.network.kernel_drops = 3;
        let Generator::Limited(reasons) = Generator::judge(&snapshot) else { panic!("it was late") };
        assert_eq!(reasons.len(), 2, "{reasons:?}");
    }
}
