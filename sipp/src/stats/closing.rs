//! What closes a run behind SIPp's own screens: whether the generator kept up, and percentiles.

use super::generator::Generator;
use super::histogram::Percentiles;
use super::layout::Role;
use super::snapshot::Snapshot;

/// The lines, each with its end.
pub(crate) fn text(snapshot: &Snapshot) -> String {
    let mut lines = vec![verdict(snapshot)];
    lines.extend(Generator::judge(snapshot).reasons().iter().map(|reason| format!("  {reason}")));
    if snapshot.layout.role == Role::Client {
        lines.push(schedule(snapshot));
    }
    lines.extend(threads(snapshot));
    lines.extend(percentiles(snapshot));
    lines.push(String::new());
    lines.join("\n")
}

fn verdict(snapshot: &Snapshot) -> String {
    let network = &snapshot.network;
    format!(
        "Generator: {} ({} datagrams dropped by the kernel, {} messages not sent)",
        Generator::judge(snapshot).word(),
        network.kernel_drops,
        network.send_errors
    )
}

/// `Schedule: 100 due = 98 started + 2 missed; 1 late by more than 1 ms, the worst by 1.203 ms`
pub(crate) fn schedule(snapshot: &Snapshot) -> String {
    let pacing = &snapshot.pacing;
    let mut text = format!(
        "Schedule: {} due = {} started + {} missed; {} late by more than 1 ms, the worst by {:.3} ms",
        pacing.scheduled,
        pacing.started,
        pacing.missed,
        pacing.late(),
        pacing.latest().as_secs_f64() * 1000.0
    );
    if pacing.overdue > 0 {
        text.push_str(&format!("; {} overdue", pacing.overdue));
    }
    text
}

/// What each thread used of a CPU, those that used none left out.
fn threads(snapshot: &Snapshot) -> Option<String> {
    let run = snapshot.at.since(sip::time::Time::ZERO).as_secs_f64().max(0.001);
    let percent = |span: std::time::Duration| 100.0 * span.as_secs_f64() / run;
    let used: Vec<String> = snapshot
        .threads
        .iter()
        .filter(|thread| percent(thread.cpu) >= 0.1)
        .map(|thread| format!("{} {:.1} %", thread.name, percent(thread.cpu)))
        .collect();
    (!used.is_empty()).then(|| format!("CPU: {}", used.join(", ")))
}

/// Response times and call length, from sending and from the moment the request was due.
fn percentiles(snapshot: &Snapshot) -> Vec<String> {
    let counters = &snapshot.counters;
    let names = snapshot.layout.response_times.iter().map(|name| format!("Response Time {name}"));
    let rows = names.zip(&counters.response_times).chain([("Call Length".to_owned(), &counters.call_length)]);
    let rows: Vec<_> = rows.filter(|(_, samples)| samples.sums().count > 0).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let head = Percentiles::default().named().map(|(name, _)| format!("{name:>10}")).concat();
    let mut lines = vec![format!("{:<29}{head}", "Milliseconds")];
    for (name, samples) in rows {
        for (from, figures) in [("sent", samples.percentiles()), ("due", samples.corrected())] {
            let figures = figures.named().map(|(_, span)| format!("{:>10.3}", span.as_secs_f64() * 1000.0));
            lines.push(format!("{:<29}{}", format!("{name}, from {from}"), figures.concat()));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::generator::ThreadTime;
    use super::super::screens::tests::client;
    use super::text;

    #[test]
    fn the_closing_lines_say_whether_the_generator_kept_up() {
        let mut snapshot = client();
        for _ in 0..4 {
            snapshot.pacing.start(Duration::from_micros(120));
        }
        snapshot.pacing.miss();
        let cpu = Duration::from_millis(70);
        snapshot.threads = vec![ThreadTime { name: "sipp-desk".into(), cpu, waited: Duration::ZERO }];
        let expected = "\
Generator: VALID (0 datagrams dropped by the kernel, 0 messages not sent)
Schedule: 5 due = 4 started + 1 missed; 0 late by more than 1 ms, the worst by 0.120 ms
CPU: sipp-desk 10.0 %
Milliseconds                        p50       p90       p99     p99.9       max
Response Time 1, from sent        3.001     3.001     3.001     3.001     3.001
Response Time 1, from due         3.001     3.001     3.001     3.001     3.001
Call Length, from sent          208.127   208.127   208.127   208.127   208.127
Call Length, from due           208.127   208.127   208.127   208.127   208.127
";
        assert_eq!(text(&snapshot), expected);
        snapshot.network.kernel_drops = 9;
        assert!(text(&snapshot).starts_with("Generator: GENERATOR-LIMITED (9 datagrams dropped"));
    }
}
