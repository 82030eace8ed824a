//! The report of a whole run as one JSON document, for `-json`: figures, and whether they can be trusted.
//!
//! Names are stable; `docs/report.md` explains them. Durations are milliseconds with microseconds behind the
//! point.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sip::time::Time;

use super::counters::Cause;
use super::generator::Generator;
use super::histogram::{Percentiles, Samples};
use super::layout::{Kind, Role};
use super::seconds::Second;
use super::snapshot::{Heard, Snapshot, Target};
use super::verdict;

/// The document, with a line end: the figures of the main scenario, and those of the others when there are any.
pub(crate) fn json(snapshot: &Snapshot, others: &[Snapshot]) -> String {
    let mut document = document(snapshot);
    if let (false, Some(members)) = (others.is_empty(), document.as_object_mut()) {
        let others = others.iter().map(|other| {
            let mut members = of_scenario(other);
            members.insert("part".into(), other.layout.part.word().into());
            Value::Object(members)
        });
        members.insert("other_scenarios".into(), others.collect());
    }
    format!("{document:#}\n")
}

/// The document of a moment, of the seconds only the last one: short enough for a datagram.
pub(crate) fn brief(snapshot: &Snapshot) -> Value {
    let mut document = document(snapshot);
    if let Some(list) = document.pointer_mut("/seconds/list").and_then(Value::as_array_mut) {
        *list = list.pop().into_iter().collect();
    }
    document
}

fn document(snapshot: &Snapshot) -> Value {
    let totals = &snapshot.counters.totals;
    let mut document = json!({
        "version": 1,
        "program": concat!("sipp ", env!("CARGO_PKG_VERSION")),
        "started": snapshot.setup.wall.date(Time::ZERO, 'T'),
        "duration_ms": millis(snapshot.at.since(Time::ZERO)),
        "generator": generator(snapshot),
        "conditions": conditions(snapshot),
        "reasons": reasons_json(snapshot),
        "schedule": schedule(snapshot),
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
            "failed_rtp_checks": snapshot.media.failed_checks,
            "lateness_p99_ms": snapshot.media.lateness_p99.as_secs_f64() * 1000.0,
            "received_streams": heard(&snapshot.media.heard),
            "calls": media_calls(&snapshot.media.heard),
            "rtcp": rtcp(&snapshot.media.heard),
        },
        "network": {
            "transport": snapshot.setup.transport,
            "received": snapshot.network.received,
            "sent": snapshot.network.sent,
            "send_errors": snapshot.network.send_errors,
            "kernel_drops": snapshot.network.kernel_drops,
        },
        "trace_records_dropped": snapshot.dropped_records,
        "seconds": seconds(snapshot),
    });
    let members = document.as_object_mut().expect("it was written as an object");
    members.extend(of_scenario(snapshot));
    document
}

/// Whether this side kept up, and what it used.
fn generator(snapshot: &Snapshot) -> Value {
    let judged = Generator::judge(snapshot);
    let verdict = match judged {
        Generator::Valid => "valid",
        Generator::Limited(_) => "limited",
    };
    let threads = snapshot.threads.iter();
    let threads = threads.map(|thread| {
        json!({ "name": thread.name, "cpu_ms": millis(thread.cpu), "waited_ms": millis(thread.waited) })
    });
    json!({ "verdict": verdict, "reasons": judged.reasons(), "threads": threads.collect::<Vec<_>>() })
}

/// The run second by second.
fn seconds(snapshot: &Snapshot) -> Value {
    let names: Vec<&str> =
        snapshot.layout.response_times.iter().map(String::as_str).chain(["length"]).collect();
    let record = |second: &Second| {
        let times = names.iter().zip(&second.times).filter_map(|(name, time)| Some((name, (*time)?)));
        let times: Map<String, Value> =
            times.map(|(name, time)| ((*name).to_owned(), percentiles(&time))).collect();
        json!({
            "at_ms": millis(second.at.since(Time::ZERO)),
            "length_ms": millis(second.length),
            "scheduled": second.pacing.scheduled,
            "started": second.pacing.started,
            "missed": second.pacing.missed,
            "late": second.pacing.late(),
            "overdue": second.pacing.overdue,
            "created": second.created,
            "successful": second.successful,
            "failed": second.failed,
            "open": second.open,
            "retransmissions": second.retransmissions,
            "kernel_drops": second.kernel_drops,
            "send_errors": second.send_errors,
            "cpu_ms": second.cpu.iter().map(|cpu| millis(*cpu)).collect::<Vec<_>>(),
            "times": times,
        })
    };
    let seconds = snapshot.seconds.read();
    json!({
        "step": seconds.step(),
        "list": seconds.list().iter().map(record).collect::<Vec<_>>(),
    })
}

/// What each scenario of a run has for itself.
fn of_scenario(snapshot: &Snapshot) -> Map<String, Value> {
    let (counters, layout) = (&snapshot.counters, &snapshot.layout);
    let totals = &counters.totals;
    let times = layout.response_times.iter().zip(&counters.response_times);
    let times: Vec<Value> = times.map(|(name, samples)| samples_json(Some(name), samples)).collect();
    let role = match layout.role {
        Role::Client => "client",
        Role::Server => "server",
    };
    let calls = json!({
        "created": totals.created(),
        "incoming": totals.incoming,
        "outgoing": totals.outgoing,
        "successful": totals.successful,
        "failed": totals.failed,
        "open": snapshot.activity.open,
        "peak": snapshot.peak.calls,
    });
    [
        ("scenario", layout.name.as_str().into()),
        ("role", role.into()),
        ("calls", calls),
        ("failures", failures(snapshot).into()),
        ("messages", messages(snapshot).into()),
        ("response_times", times.into()),
        ("call_length", samples_json(None, &counters.call_length)),
        ("counters", named(&layout.counters, &counters.generic).into()),
    ]
    .into_iter()
    .map(|(name, value)| (name.to_owned(), value))
    .collect()
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
        "refused": heard.refused,
        "after_end": heard.after_end,
        "worst_jitter_ms": heard.worst_jitter.as_secs_f64() * 1000.0,
        "mean_r": heard.mean_rating,
        "mean_mos": heard.mean_score,
        "worst_mos": heard.worst_score,
    })
}

/// Why calls failed, in words, most frequent first.
fn reasons_json(snapshot: &Snapshot) -> Vec<Value> {
    let reasons = snapshot.reasons.iter();
    reasons.map(|(reason, calls)| json!({ "reason": reason, "calls": calls })).collect()
}

/// What the media lines of calls came to.
fn media_calls(heard: &Heard) -> Value {
    json!({
        "both_ways": heard.both_ways,
        "only_sent": heard.only_sent,
        "only_heard": heard.only_heard,
        "mean_first_packet_ms": heard.mean_first_delay.map(millis),
        "longest_first_packet_ms": heard.longest_first_delay.map(millis),
        "digits": heard.digits,
    })
}

/// Reports of both sides.
fn rtcp(heard: &Heard) -> Value {
    json!({
        "sent": heard.reports_sent,
        "received": heard.reports_read,
        "longest_round_trip_ms": heard.longest_round_trip.map(millis),
        "worst_peer_loss_percent": heard.worst_peer_loss.map(|loss| loss * 100.0),
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
    let lateness = pacing.lateness.bins().map(|(border, count)| json!([border.map(millis), count]));
    let lateness: Vec<Value> = lateness.collect();
    json!({
        "target": target,
        "scheduled": pacing.scheduled,
        "started": pacing.started,
        "missed": pacing.missed,
        "overdue": pacing.overdue,
        "late": pacing.late(),
        "latest_ms": millis(pacing.latest()),
        "lateness_ms": lateness,
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
    let (sums, sent) = (samples.sums(), samples.percentiles());
    let repartition: Vec<Value> =
        samples.repartition().map(|(border, count)| json!([border, count])).collect();
    json!({
        "name": name,
        "count": sums.count,
        "mean_ms": millis(sums.mean()),
        "deviation_ms": millis(sums.deviation()),
        "p50_ms": millis(sent.p50),
        "p90_ms": millis(sent.p90),
        "p99_ms": millis(sent.p99),
        "p999_ms": millis(sent.p999),
        "max_ms": millis(sent.max),
        "from_due": percentiles(&samples.corrected()),
        "repartition_ms": repartition,
    })
}

fn percentiles(figures: &Percentiles) -> Value {
    json!({
        "p50_ms": millis(figures.p50),
        "p90_ms": millis(figures.p90),
        "p99_ms": millis(figures.p99),
        "p999_ms": millis(figures.p999),
        "max_ms": millis(figures.max),
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
    use super::json;

    /// The golden document stands in `tests/golden/report.json`; `UPDATE=1` writes it anew.
    #[test]
    fn report_is_the_golden_one() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/report.json");
        // The version of the program is not part of the form.
        let text = json(&client(), &[]).replace(concat!("sipp ", env!("CARGO_PKG_VERSION")), "sipp");
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &text).expect("the repository is writable");
        }
        let golden = std::fs::read_to_string(path).expect("the golden file is in the repository");
        assert_eq!(text, golden, "run with UPDATE=1 and review the difference");
    }

    #[test]
    fn a_second_scenario_has_figures_of_its_own() {
        let text = json(&client(), &[client()]);
        let document: serde_json::Value = serde_json::from_str(&text).expect("it is JSON");
        assert_eq!(document["other_scenarios"][0]["calls"]["created"], 5);
        assert_eq!(document["other_scenarios"][0]["part"], "main");
    }
}
