//! The figures of a running test as metrics, in the text format of Prometheus (exposition format 0.0.4).
//!
//! Names are stable. Counters end in `_total`, times are in seconds.

use std::fmt::{Display, Write};
use std::time::Duration;

use sip::time::Time;

use super::counters::Cause;
use super::generator::Generator;
use super::histogram::Samples;
use super::snapshot::{Phase, Snapshot, Target};

/// One metric: its name, its kind, its help, and what it is worth.
struct Metric {
    name: &'static str,
    kind: &'static str,
    help: &'static str,
    /// The labels (empty, or `name="value"`) and the value of each sample.
    samples: fn(&Snapshot) -> Vec<(String, f64)>,
}

/// A metric with one sample.
macro_rules! plain {
    ($name:literal, $kind:literal, $help:literal, $value:expr) => {
        Metric {
            name: $name,
            kind: $kind,
            help: $help,
            samples: |snapshot| {
                let value: fn(&Snapshot) -> f64 = $value;
                vec![(String::new(), value(snapshot))]
            },
        }
    };
}

const METRICS: &[Metric] = &[
    plain!("sipp_uptime_seconds", "gauge", "Time since the start.", |s| seconds(s.at.since(Time::ZERO))),
    Metric {
        name: "sipp_calls_created_total",
        kind: "counter",
        help: "Calls created, by who opened them.",
        samples: |s| {
            let totals = &s.counters.totals;
            vec![
                (label("origin", "incoming"), totals.incoming as f64),
                (label("origin", "outgoing"), totals.outgoing as f64),
            ]
        },
    },
    plain!("sipp_calls_successful_total", "counter", "Calls that reached their end.", |s| {
        s.counters.totals.successful as f64
    }),
    plain!("sipp_calls_failed_total", "counter", "Calls that failed.", |s| s.counters.totals.failed as f64),
    Metric {
        name: "sipp_calls_failed_by_cause_total",
        kind: "counter",
        help: "Calls that failed, by cause as -trace_stat names it.",
        samples: |s| {
            let causes = Cause::ALL.iter();
            causes
                .map(|(cause, name)| (label("cause", name), s.counters.totals.causes[*cause as usize] as f64))
                .collect()
        },
    },
    plain!("sipp_calls_open", "gauge", "Open calls.", |s| s.activity.open as f64),
    plain!("sipp_calls_open_peak", "gauge", "Most calls that were open at once.", |s| s.peak.calls as f64),
    plain!("sipp_calls_limit", "gauge", "Most outgoing calls that may be open; 0 on a server.", |s| {
        if s.limit == u64::MAX { 0.0 } else { s.limit as f64 }
    }),
    plain!(
        "sipp_target_rate",
        "gauge",
        "Calls per second that are wanted; 0 with users.",
        |s| match s.target {
            Target::Rate { calls, period } => calls / seconds(period).max(1e-9),
            Target::Users(_) => 0.0,
        }
    ),
    plain!("sipp_target_users", "gauge", "Users that are wanted; 0 without.", |s| match s.target {
        Target::Rate { .. } => 0.0,
        Target::Users(users) => users as f64,
    }),
    plain!("sipp_paused", "gauge", "1 while no calls are opened.", |s| f64::from(s.phase == Phase::Paused)),
    plain!("sipp_schedule_due_total", "counter", "Calls that came due.", |s| s.pacing.scheduled as f64),
    plain!("sipp_schedule_started_total", "counter", "Calls of the schedule that were opened.", |s| {
        s.pacing.started as f64
    }),
    plain!("sipp_schedule_missed_total", "counter", "Calls of the schedule that were not opened.", |s| {
        s.pacing.missed as f64
    }),
    plain!("sipp_schedule_late_total", "counter", "Calls opened more than 1 ms after they were due.", |s| {
        s.pacing.late() as f64
    }),
    plain!(
        "sipp_generator_limited",
        "gauge",
        "1 when the figures describe this program and not the target.",
        |s| { f64::from(Generator::judge(s) != Generator::Valid) }
    ),
    Metric {
        name: "sipp_messages_total",
        kind: "counter",
        help: "SIP messages, by direction.",
        samples: |s| {
            vec![
                (label("direction", "sent"), s.network.sent as f64),
                (label("direction", "received"), s.network.received as f64),
            ]
        },
    },
    plain!("sipp_retransmissions_total", "counter", "Messages sent again.", |s| {
        s.counters.totals.retransmissions as f64
    }),
    plain!("sipp_out_of_call_messages_total", "counter", "Messages that belong to no call.", |s| {
        s.counters.totals.out_of_call as f64
    }),
    plain!("sipp_send_errors_total", "counter", "Messages that could not be sent.", |s| {
        s.network.send_errors as f64
    }),
    plain!(
        "sipp_kernel_drops_total",
        "counter",
        "Datagrams the kernel dropped before they were read.",
        |s| { s.network.kernel_drops as f64 }
    ),
    plain!("sipp_warnings_total", "counter", "Warnings.", |s| s.counters.totals.warnings as f64),
    plain!(
        "sipp_trace_records_dropped_total",
        "counter",
        "Trace records dropped: the disk was too slow.",
        |s| { s.dropped_records as f64 }
    ),
    plain!("sipp_rtp_packets_sent_total", "counter", "RTP packets sent.", |s| s.media.sent_packets as f64),
    plain!("sipp_rtp_packets_received_total", "counter", "RTP packets received.", |s| {
        s.media.received_packets as f64
    }),
    Metric {
        name: "sipp_thread_cpu_seconds_total",
        kind: "counter",
        help: "CPU time of our threads.",
        samples: |s| s.threads.iter().map(|t| (label("thread", &t.name), seconds(t.cpu))).collect(),
    },
    Metric {
        name: "sipp_counter_total",
        kind: "counter",
        help: "Counters of the scenario.",
        samples: |s| {
            let names = s.layout.counters.iter().zip(&s.counters.generic);
            names.map(|(name, count)| (label("name", name), *count as f64)).collect()
        },
    },
];

/// Everything, ready to be sent.
pub(crate) fn text(snapshot: &Snapshot) -> String {
    let mut out = String::new();
    for metric in METRICS {
        let samples = (metric.samples)(snapshot);
        if samples.is_empty() {
            continue;
        }
        head(&mut out, (metric.name, metric.kind), metric.help);
        for (labels, value) in samples {
            sample(&mut out, metric.name, &labels, value);
        }
    }
    let counters = &snapshot.counters;
    let times = snapshot.layout.response_times.iter().zip(&counters.response_times);
    let times: Vec<(String, &Samples)> =
        times.map(|(name, samples)| (label("name", name), samples)).collect();
    let help = "Response times of the scenario, from when the request was sent.";
    summary(&mut out, "sipp_response_time_seconds", help, &times);
    let length = [(String::new(), &counters.call_length)];
    summary(&mut out, "sipp_call_length_seconds", "Length of the calls that ended.", &length);
    out
}

/// Quantiles, sum and count of durations.
fn summary(out: &mut String, name: &'static str, help: &str, all: &[(String, &Samples)]) {
    if all.is_empty() {
        return;
    }
    head(out, (name, "summary"), help);
    for (labels, samples) in all {
        let figures = samples.percentiles();
        let comma = if labels.is_empty() { "" } else { "," };
        for (quantile, value) in
            [("0.5", figures.p50), ("0.9", figures.p90), ("0.99", figures.p99), ("0.999", figures.p999)]
        {
            let labels = format!("{labels}{comma}quantile=\"{quantile}\"");
            sample(out, name, &labels, seconds(value));
        }
        let sums = samples.sums();
        sample(out, &format!("{name}_sum"), labels, sums.sum_ms as f64 / 1000.0);
        sample(out, &format!("{name}_count"), labels, sums.count as f64);
    }
}

fn head(out: &mut String, (name, kind): (&str, &str), help: &str) {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} {kind}").expect("a String takes everything");
}

fn sample(out: &mut String, name: &str, labels: &str, value: impl Display) {
    let labels = if labels.is_empty() { String::new() } else { format!("{{{labels}}}") };
    writeln!(out, "{name}{labels} {value}").expect("a String takes everything");
}

/// Backslash, quote and line end are escaped in label values.
fn label(name: &str, value: &str) -> String {
    let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("{name}=\"{value}\"")
}

fn seconds(span: Duration) -> f64 {
    span.as_secs_f64()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::super::screens::tests::client;
    use super::{label, text};

    /// The golden text stands in `tests/golden/metrics.txt`; `UPDATE=1` writes it anew.
    #[test]
    fn metrics_are_the_golden_text() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/metrics.txt");
        let text = text(&client());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &text).expect("the repository is writable");
        }
        let golden = std::fs::read_to_string(path).expect("the golden file is in the repository");
        assert_eq!(text, golden, "run with UPDATE=1 and review the difference");
    }

    #[test]
    fn every_sample_stands_below_its_help_and_type() {
        let text = text(&client());
        let mut known = HashSet::new();
        let mut lines = text.lines().peekable();
        while let Some(line) = lines.next() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, help) = help.split_once(' ').expect("a help text");
                assert!(help.ends_with('.') && known.insert(name), "{line}");
                assert!(lines.next().expect("a type").starts_with(&format!("# TYPE {name} ")), "{line}");
                continue;
            }
            let (name, value) = line.rsplit_once(' ').expect("a name and a value");
            let name = name.split('{').next().expect("a name");
            let base = name.trim_end_matches("_sum").trim_end_matches("_count");
            assert!(known.contains(name) || known.contains(base), "{line}");
            assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        }
    }

    #[test]
    fn label_values_are_escaped() {
        assert_eq!(label("name", "a\"b\\c\nd"), "name=\"a\\\"b\\\\c\\nd\"");
    }
}
