//! Charts over the last seconds: calls per second, open calls, response time, failures; and percentiles of all.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph, RenderDirection, Sparkline};

use crate::stats::histogram::{Percentiles, Samples};
use crate::stats::seconds::Second;
use crate::stats::snapshot::Snapshot;

/// The screen's first line.
pub(super) fn title() -> String {
    "------------------------------ Charts ----------------- [1-9]: Change Screen --".to_string()
}

/// One chart: its name, unit, colour, and the value of a second.
struct ChartDef {
    name: &'static str,
    unit: &'static str,
    colour: Color,
    /// The value, in thousandths of the unit.
    value: fn(&Second) -> u64,
}

const CHARTS: [ChartDef; 4] = [
    ChartDef {
        name: "Calls per second",
        unit: "",
        colour: Color::Cyan,
        value: |second| per_second(second.created, second),
    },
    ChartDef { name: "Open calls", unit: "", colour: Color::Green, value: |second| second.open * 1000 },
    ChartDef {
        name: "Response time, 99 of 100 below",
        unit: " ms",
        colour: Color::Yellow,
        value: |second| first_time(second).map_or(0, |time| time.p99.as_micros() as u64),
    },
    ChartDef {
        name: "Failed calls per second",
        unit: "",
        colour: Color::Red,
        value: |second| per_second(second.failed, second),
    },
];

fn per_second(count: u64, second: &Second) -> u64 {
    let length = second.length.as_secs_f64();
    if length > 0.0 { (count as f64 * 1000.0 / length) as u64 } else { 0 }
}

/// The first response time of the scenario; the call length when it has none.
fn first_time(second: &Second) -> Option<Percentiles> {
    second.times.first().copied().flatten()
}

/// Draws the charts, newest value at the right.
pub(super) fn draw(snapshot: &Snapshot, frame: &mut Frame<'_>, area: Rect) {
    let table = percentiles(snapshot);
    let rows = [Constraint::Min(0), Constraint::Length(table.len() as u16)];
    let [charts, bottom] = Layout::vertical(rows).areas(area);
    let seconds = snapshot.seconds.list();
    for (chart, area) in
        CHARTS.iter().zip(Layout::vertical([Constraint::Fill(1); 4]).areas::<4>(charts).iter())
    {
        let newest_first: Vec<u64> =
            seconds.iter().rev().take(usize::from(area.width)).map(chart.value).collect();
        draw_chart(chart, &newest_first, frame, *area);
    }
    frame.render_widget(Paragraph::new(table), bottom);
}

fn draw_chart(chart: &ChartDef, newest_first: &[u64], frame: &mut Frame<'_>, area: Rect) {
    let shown = |value: u64| {
        if value.is_multiple_of(1000) {
            (value / 1000).to_string()
        } else {
            format!("{:.1}", value as f64 / 1000.0)
        }
    };
    let newest = shown(newest_first.first().copied().unwrap_or(0));
    let most = shown(newest_first.iter().max().copied().unwrap_or(0));
    let title = format!(" {}: {newest}{unit} (most {most}{unit}) ", chart.name, unit = chart.unit);
    let drawing = Sparkline::default()
        .data(newest_first)
        .direction(RenderDirection::RightToLeft)
        .style(Style::new().fg(chart.colour))
        .block(Block::new().borders(Borders::TOP).title(title));
    frame.render_widget(drawing, area);
}

/// Response times and call length: p50, p90, p99, p99.9 and the largest, in milliseconds; then the schedule.
fn percentiles(snapshot: &Snapshot) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(format!(
        "  {:<20}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "ms", "p50", "p90", "p99", "p99.9", "max"
    ))];
    let row = |name: String, samples: &Samples| {
        let columns = samples.percentiles().named();
        let columns: String =
            columns.map(|(_, value)| format!("{:>10.1}", value.as_micros() as f64 / 1000.0)).concat();
        Line::from(format!("  {name:<20}{columns}"))
    };
    let counters = &snapshot.counters;
    for (name, samples) in snapshot.layout.response_times.iter().zip(&counters.response_times) {
        lines.push(row(format!("Response Time {name}"), samples));
    }
    lines.push(row("Call Length".into(), &counters.call_length));
    lines.push(Line::from(schedule(snapshot)));
    lines
}

/// How well the schedule was kept, and what was lost on this side.
fn schedule(snapshot: &Snapshot) -> String {
    let pacing = &snapshot.pacing;
    let mut text = format!(
        "  Schedule: {} due, {} started, {} missed, {} late (longest {} ms)",
        pacing.scheduled,
        pacing.started,
        pacing.missed,
        pacing.late(),
        pacing.latest().as_millis()
    );
    let lost = [
        (snapshot.network.kernel_drops, "datagrams dropped by the kernel"),
        (snapshot.dropped_records, "trace records dropped"),
    ];
    for (count, what) in lost {
        if count > 0 {
            text.push_str(&format!("; {count} {what}"));
        }
    }
    text
}
