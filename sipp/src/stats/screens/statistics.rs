//! The statistics, repartition and variables screens.

use std::time::Duration;

use crate::stats::histogram::Samples;
use crate::stats::layout::Layout;
use crate::stats::snapshot::{Baseline, Snapshot};
use crate::stats::times::hms_micros;

const RULE: &str = "-------------------------+---------------------------+--------------------------";

pub(super) fn lines(snapshot: &Snapshot, since: &Baseline) -> Vec<String> {
    let counters = &snapshot.counters;
    let (now, before) = (&counters.totals, &since.totals);
    let wall = &snapshot.setup.wall;
    let date = |name: &str, at| format!("  {name:<23}| {}         ", wall.stamp(at));
    let count = |name: &str, period: u64, all: u64| {
        format!("  {name:<23}| {period:>8}                  | {all:>8}                 ")
    };
    let span = |name: &str, period: Duration, all: Duration| {
        format!("  {name:<23}| {}           | {}          ", hms_micros(period), hms_micros(all))
    };
    let mut lines = vec![
        date("Start Time", snapshot.began.at),
        date("Last Reset Time", since.at),
        date("Current Time", snapshot.at),
        RULE.into(),
        "  Counter Name           | Periodic value            | Cumulative value".into(),
        RULE.into(),
        span("Elapsed Time", snapshot.at.since(since.at), snapshot.counting()),
        format!(
            "  {:<23}| {:>8.3} cps              | {:>8.3} cps             ",
            "Call Rate",
            snapshot.call_rate(since),
            snapshot.call_rate(&snapshot.began)
        ),
        RULE.into(),
        count("Incoming calls created", now.incoming - before.incoming, now.incoming),
        count("Outgoing calls created", now.outgoing - before.outgoing, now.outgoing),
        format!("  {:<23}|{:27}| {:>8}                 ", "Total Calls created", "", now.created()),
        format!("  {:<23}| {:>8}                  |{:26}", "Current Calls", snapshot.activity.open, ""),
    ];
    if !counters.generic.is_empty() {
        lines.push(RULE.into());
    }
    for (index, (name, all)) in snapshot.layout.counters.iter().zip(&counters.generic).enumerate() {
        lines.push(count(&format!("Counter {name}"), all - since.generic(index), *all));
    }
    lines.push(RULE.into());
    lines.push(count("Successful call", now.successful - before.successful, now.successful));
    lines.push(count("Failed call", now.failed - before.failed, now.failed));
    lines.push(RULE.into());
    for (index, (name, samples)) in
        snapshot.layout.response_times.iter().zip(&counters.response_times).enumerate()
    {
        let period = samples.sums().since(&since.response_time(index));
        lines.push(span(&format!("Response Time {name}"), period.mean(), samples.sums().mean()));
    }
    let length = counters.call_length.sums();
    lines.push(span("Call Length", length.since(&since.call_length).mean(), length.mean()));
    lines
}

pub(super) fn repartition_lines(snapshot: &Snapshot, index: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(name) = snapshot.layout.response_times.get(index) {
        lines.push(format!("{:<79}", format!("  Average Response Time Repartition {name}")));
        lines.extend(bin_lines(&snapshot.counters.response_times[index]));
    }
    if index == 0 {
        lines.push(format!("{:<79}", "  Average Call Length Repartition"));
        lines.extend(bin_lines(&snapshot.counters.call_length));
    }
    lines
}

fn bin_lines(samples: &Samples) -> Vec<String> {
    let bins: Vec<(u64, u64)> = samples.repartition().collect();
    let Some((&(last, above), below)) = bins.split_last() else {
        return vec!["    <No repartion defined>".into()];
    };
    let mut lines = Vec::new();
    let mut lower = 0;
    for (border, count) in below {
        lines.push(format!("{lower:>14} ms <= n < {border:>10} ms : {count:>10}"));
        lower = *border;
    }
    lines.push(format!("{:>18} n >= {last:>10} ms : {above:>10}", ""));
    lines
}

pub(super) fn variables_lines(layout: &Layout) -> Vec<String> {
    let mut lines = vec!["Action defined Per Message :".to_owned()];
    if layout.actions.is_empty() {
        lines.push("=> No action found on any messages".into());
    }
    lines.extend(layout.actions.iter().cloned());
    lines
}
