//! Charts over the last minutes: calls per second, open calls, failures; and percentiles of response times.

use std::collections::VecDeque;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Style};
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders, Paragraph, RenderDirection, Sparkline};

use crate::stats::histogram::Samples;
use crate::stats::snapshot::{Baseline, Snapshot};

/// One value per drawing, oldest first, bounded.
#[derive(Debug, Default)]
pub(super) struct History {
    rate: VecDeque<u64>,
    open: VecDeque<u64>,
    failed: VecDeque<u64>,
}

impl History {
    /// Adds the period between `since` and the snapshot.
    pub(super) fn add(&mut self, snapshot: &Snapshot, since: &Baseline) {
        let totals = &snapshot.counters.totals;
        let rate = snapshot.call_rate(since.at, since.totals.created()).round() as u64;
        let failed = totals.failed.saturating_sub(since.totals.failed);
        let values = [rate, snapshot.activity.open, failed];
        for (line, value) in [&mut self.rate, &mut self.open, &mut self.failed].into_iter().zip(values) {
            line.push_back(value);
            if line.len() > KEPT {
                line.pop_front();
            }
        }
    }
}

/// The screen's first line.
pub(super) fn title() -> String {
    "------------------------------ Charts ----------------- [1-9]: Change Screen --".to_string()
}

/// Draws the charts, newest value at the right.
pub(super) fn draw(history: &History, snapshot: &Snapshot, frame: &mut Frame<'_>, area: Rect) {
    let table_height = snapshot.counters.response_times.len() as u16 + 4;
    let rows = Layout::vertical([
        Constraint::Min(3),
        Constraint::Min(3),
        Constraint::Min(3),
        Constraint::Length(table_height),
    ]);
    let [rate, open, failed, table] = rows.areas(area);
    chart("Calls per second", &history.rate, Color::Cyan, frame, rate);
    chart("Open calls", &history.open, Color::Green, frame, open);
    chart("Failed calls", &history.failed, Color::Red, frame, failed);
    let mut lines = percentiles(snapshot);
    lines.push(Line::from(schedule(snapshot)));
    frame.render_widget(Paragraph::new(lines), table);
}

fn chart(title: &str, values: &VecDeque<u64>, colour: Color, frame: &mut Frame<'_>, area: Rect) {
    let newest = values.back().copied().unwrap_or(0);
    let most = values.iter().max().copied().unwrap_or(0);
    let block = Block::new().borders(Borders::TOP).title(format!(" {title}: {newest} (most {most}) "));
    let newest_first = values.iter().rev().copied();
    let chart = Sparkline::default()
        .data(newest_first)
        .direction(RenderDirection::RightToLeft)
        .style(Style::new().fg(colour))
        .block(block);
    frame.render_widget(chart, area);
}

/// Response times and call length: p50, p90, p99, p99.9 and the largest, in milliseconds.
fn percentiles(snapshot: &Snapshot) -> Vec<Line<'static>> {
    let mut lines = vec![Line::from(format!(
        "  {:<20}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "ms", "p50", "p90", "p99", "p99.9", "max"
    ))];
    let row = |name: String, samples: &Samples| {
        let columns = [50.0, 90.0, 99.0, 99.9].map(|percent| samples.percentile(percent));
        let columns = columns.into_iter().chain([samples.max()]);
        let columns: String =
            columns.map(|value| format!("{:>10.1}", value.as_micros() as f64 / 1000.0)).collect();
        Line::from(format!("  {name:<20}{columns}"))
    };
    let counters = &snapshot.counters;
    for (name, samples) in snapshot.layout.response_times.iter().zip(&counters.response_times) {
        lines.push(row(format!("Response Time {name}"), samples));
    }
    lines.push(row("Call Length".into(), &counters.call_length));
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

/// Drawings remembered: as many as a wide terminal has columns.
const KEPT: usize = 600;
