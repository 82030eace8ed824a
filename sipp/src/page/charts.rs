//! Charts over the seconds of a run, as SVG: one small picture per question, lines in the same order as its legend.

use std::time::Duration;

use super::{append, escape};
use crate::stats::histogram::Percentiles;
use crate::stats::seconds::Second;
use crate::stats::snapshot::Snapshot;

/// One line of a chart: its class (which is its colour), its name, its value by second; `None` leaves a gap.
struct Series {
    class: char,
    name: String,
    values: Vec<Option<f64>>,
}

/// All charts; a sentence when the run was too short for any.
pub(super) fn all(snapshot: &Snapshot) -> String {
    let record = snapshot.seconds.read();
    let seconds = record.list();
    if seconds.len() < 2 {
        return "<h2>Charts</h2>\n<p>The run was shorter than two seconds.</p>\n".into();
    }
    let mut page = String::from("<h2>Charts</h2>\n<div class=\"charts\">\n");
    let rate = |count: fn(&Second) -> u64| move |second: &Second| Some(per_second(count(second), second));
    let charts: [(&str, Vec<Series>); 4] = [
        (
            "Calls per second",
            vec![
                line('a', "created", seconds, rate(|second| second.created)),
                line('c', "successful", seconds, rate(|second| second.successful)),
            ],
        ),
        ("Open calls", vec![line('a', "open", seconds, |second| Some(second.open as f64))]),
        (
            "Failures per second",
            vec![
                line('d', "failed calls", seconds, rate(|second| second.failed)),
                line('b', "retransmissions", seconds, rate(|second| second.retransmissions)),
            ],
        ),
        (
            "Calls of the schedule that were not made on time",
            vec![
                line('b', "late", seconds, rate(|second| second.pacing.late())),
                line('d', "missed", seconds, rate(|second| second.pacing.missed)),
            ],
        ),
    ];
    for (title, series) in &charts {
        page.push_str(&chart(title, series, seconds));
    }
    let names = snapshot.layout.response_times.iter().map(|name| format!("Response time {name}, ms"));
    for (at, title) in names.chain(["Call length, ms".into()]).enumerate() {
        page.push_str(&chart(&title, &times(seconds, at), seconds));
    }
    page.push_str("</div>\n");
    page
}

fn per_second(count: u64, second: &Second) -> f64 {
    let length = second.length.as_secs_f64();
    if length > 0.0 { count as f64 / length } else { 0.0 }
}

fn line(class: char, name: &str, seconds: &[Second], value: impl Fn(&Second) -> Option<f64>) -> Series {
    Series { class, name: name.into(), values: seconds.iter().map(value).collect() }
}

/// The percentiles of one duration, from when requests were due.
fn times(seconds: &[Second], at: usize) -> Vec<Series> {
    let named = |class, name, of: fn(&Percentiles) -> Duration| {
        line(class, name, seconds, |second| {
            let time = second.times.get(at).copied().flatten()?;
            Some(of(&time).as_secs_f64() * 1000.0)
        })
    };
    vec![
        named('a', "p50", |time| time.p50),
        named('b', "p99", |time| time.p99),
        named('d', "max", |time| time.max),
    ]
}

fn chart(title: &str, series: &[Series], seconds: &[Second]) -> String {
    let top = series.iter().flat_map(|line| line.values.iter().flatten()).copied().fold(0.0, f64::max);
    let top = round_up(top);
    let legend = series.iter().map(|line| {
        let most = line.values.iter().flatten().copied().fold(0.0, f64::max);
        format!("<span class=\"{}\">{} (most {})</span>", line.class, escape(&line.name), shown(most))
    });
    let mut out = format!(
        "<figure>\n<figcaption>{}{}</figcaption>\n<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{}\">\n",
        escape(title),
        legend.collect::<String>(),
        escape(title)
    );
    for (share, place) in [(0.0, BOTTOM), (0.5, (BOTTOM + TOP) / 2.0), (1.0, TOP)] {
        append(
            &mut out,
            format_args!(
                "<line class=\"axis\" x1=\"{LEFT}\" y1=\"{place:.1}\" x2=\"{WIDTH}\" y2=\"{place:.1}\"/>\n\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\n",
                LEFT - 6.0,
                place + 4.0,
                shown(top * share)
            ),
        );
    }
    let end = seconds.last().map_or(0.0, |second| second.at.as_nanos() as f64 / 1e9);
    append(
        &mut out,
        format_args!(
            "<text x=\"{LEFT}\" y=\"{HEIGHT}\">0 s</text>\n\
             <text x=\"{WIDTH}\" y=\"{HEIGHT}\" text-anchor=\"end\">{end:.0} s</text>\n"
        ),
    );
    for line in series {
        let points = points(line, seconds, (top, end));
        append(&mut out, format_args!("<path class=\"series {}\" d=\"{points}\"/>\n", line.class));
    }
    out.push_str("</svg>\n</figure>\n");
    out
}

/// A path through the values; of very many neighbours the largest stands for all, so that peaks stay.
fn points(line: &Series, seconds: &[Second], (top, end): (f64, f64)) -> String {
    let step = line.values.len().div_ceil(POINTS).max(1);
    let mut path = String::new();
    let mut is_down = false;
    for (values, seconds) in line.values.chunks(step).zip(seconds.chunks(step)) {
        let value = values.iter().flatten().copied().reduce(f64::max);
        let (Some(value), Some(second)) = (value, seconds.last()) else {
            is_down = false;
            continue;
        };
        let x = LEFT + (WIDTH - LEFT) * (second.at.as_nanos() as f64 / 1e9) / end.max(1e-9);
        let y = BOTTOM - (BOTTOM - TOP) * value / top;
        append(&mut path, format_args!("{}{x:.1} {y:.1}", if is_down { "L" } else { "M" }));
        is_down = true;
    }
    path
}

/// The next number of 1, 2, 5, 10, 20, 50 ...; 1 for nothing.
fn round_up(value: f64) -> f64 {
    if value <= 0.0 {
        return 1.0;
    }
    let decade = 10f64.powf(value.log10().floor());
    let steps = [1.0, 2.0, 5.0, 10.0];
    steps.into_iter().map(|step| step * decade).find(|round| value <= round * 1.000_001).unwrap_or(value)
}

fn shown(value: f64) -> String {
    if value >= 100.0 || value.fract() == 0.0 { format!("{value:.0}") } else { format!("{value:.2}") }
}

const WIDTH: f64 = 520.0;
const HEIGHT: f64 = 170.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 150.0;
/// Points of a line: more are not seen.
const POINTS: usize = 500;

#[cfg(test)]
mod tests {
    use super::round_up;

    #[test]
    fn axes_end_at_round_numbers() {
        let rows =
            [(0.0, 1.0), (0.7, 1.0), (1.0, 1.0), (1.1, 2.0), (3.0, 5.0), (51.0, 100.0), (200.0, 200.0)];
        for (value, round) in rows {
            assert!((round_up(value) - round).abs() < 1e-9, "{value}: {}", round_up(value));
        }
    }
}
