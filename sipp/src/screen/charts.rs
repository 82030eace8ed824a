//! Charts over the last seconds, a column for each: calls per second, open calls, percentiles of the first response
//! time, failures; below them percentiles of the whole run.

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::stats::histogram::{Percentiles, Samples};
use crate::stats::seconds::Second;
use crate::stats::snapshot::Snapshot;

/// The screen's first line.
pub(super) fn title() -> String {
    "------------------------------ Charts ----------------- [1-9]: Change Screen --".to_string()
}

/// One chart: its name, unit, and what it shows of a second.
struct ChartDef {
    name: &'static str,
    unit: &'static str,
    /// Each band's name, none for a chart of one value, and colour, from the bottom up.
    bands: &'static [(&'static str, Color)],
    /// The upper ends of the bands, ascending, in thousandths of the unit.
    values: fn(&Second) -> Vec<u64>,
}

const CHARTS: [ChartDef; 4] = [
    ChartDef {
        name: "Calls per second",
        unit: "",
        bands: &[("", Color::Cyan)],
        values: |second| vec![per_second(second.created, second)],
    },
    ChartDef {
        name: "Open calls",
        unit: "",
        bands: &[("", Color::Green)],
        values: |second| vec![second.open * 1000],
    },
    ChartDef {
        name: "Response time",
        unit: " ms",
        bands: &[("p50 ", Color::Blue), ("p90 ", Color::Yellow), ("p99 ", Color::Magenta)],
        values: |second| {
            let times = first_time(second);
            let ends = |time: Percentiles| [time.p50, time.p90, time.p99].map(|end| end.as_micros() as u64);
            times.map_or([0; 3], ends).to_vec()
        },
    },
    ChartDef {
        name: "Failed calls per second",
        unit: "",
        bands: &[("", Color::Red)],
        values: |second| vec![per_second(second.failed, second)],
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

/// Draws the charts, newest value at the right: one below the other, or two by two where there is room.
pub(super) fn draw(snapshot: &Snapshot, frame: &mut Frame<'_>, area: Rect) {
    let table = percentiles(snapshot);
    let rows = [Constraint::Min(0), Constraint::Length(table.len() as u16)];
    let [charts, bottom] = Layout::vertical(rows).areas(area);
    let places: Vec<Rect> = if charts.width >= TWO_COLUMNS {
        let halves = Layout::horizontal([Constraint::Fill(1); 2]).spacing(2).areas::<2>(charts);
        let quarters = |half| Layout::vertical([Constraint::Fill(1); 2]).areas::<2>(half);
        halves.into_iter().flat_map(quarters).collect()
    } else {
        Layout::vertical([Constraint::Fill(1); 4]).areas::<4>(charts).to_vec()
    };
    let record = snapshot.seconds.read();
    let seconds = record.list();
    for (chart, area) in CHARTS.iter().zip(places) {
        let newest_first: Vec<Vec<u64>> =
            seconds.iter().rev().take(usize::from(area.width)).map(chart.values).collect();
        draw_chart(chart, &newest_first, frame, area);
    }
    frame.render_widget(Paragraph::new(table), bottom);
}

/// A line with the name and the newest values, and below it a bar for each second.
fn draw_chart(chart: &ChartDef, newest_first: &[Vec<u64>], frame: &mut Frame<'_>, area: Rect) {
    let shown = |value: u64| {
        if value.is_multiple_of(1000) {
            (value / 1000).to_string()
        } else {
            format!("{:.1}", value as f64 / 1000.0)
        }
    };
    let most = newest_first.iter().filter_map(|bands| bands.last()).max().copied().unwrap_or(0);
    let mut title = vec![Span::raw(format!(" {}: ", chart.name))];
    for (band, (name, colour)) in chart.bands.iter().enumerate() {
        let newest = newest_first.first().and_then(|bands| bands.get(band)).copied().unwrap_or(0);
        let space = if band + 1 < chart.bands.len() { "  " } else { chart.unit };
        let style = Style::new().fg(*colour).add_modifier(Modifier::BOLD);
        title.push(Span::styled(format!("{name}{}{space}", shown(newest)), style));
    }
    title.push(Span::raw(format!(" (most {}{}) ", shown(most), chart.unit)));
    let block = Block::new().borders(Borders::TOP).border_style(Style::new().fg(Color::DarkGray));
    let block = block.title(Line::from(title));
    let bars = block.inner(area);
    frame.render_widget(block, area);
    let colours: Vec<Color> = chart.bands.iter().map(|(_, colour)| *colour).collect();
    let buffer = frame.buffer_mut();
    for (column, bands) in newest_first.iter().take(usize::from(bars.width)).enumerate() {
        draw_bar(
            (bands, most),
            &colours,
            Rect { x: bars.right() - 1 - column as u16, width: 1, ..bars },
            buffer,
        );
    }
}

/// One bar in a column of cells, `most` high when full; a cell has the colour of the lowest band that reaches it.
fn draw_bar((bands, most): (&[u64], u64), colours: &[Color], area: Rect, buffer: &mut Buffer) {
    let eighths = |value: u64| match value {
        0 => 0,
        // What is there is seen, however little it is.
        value => (value.saturating_mul(u64::from(area.height) * 8) / most.max(1)).max(1),
    };
    let top = bands.last().map_or(0, |value| eighths(*value));
    for row in 0..area.height {
        let below = u64::from(row) * 8;
        let filled = top.saturating_sub(below).min(8);
        if filled == 0 {
            return;
        }
        let band = bands.iter().position(|value| eighths(*value) > below).unwrap_or(0);
        let cell = &mut buffer[(area.x, area.bottom() - 1 - row)];
        cell.set_symbol(BARS[filled as usize - 1]).set_fg(colours[band]);
    }
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

/// From this width on there are two charts beside each other.
const TWO_COLUMNS: u16 = 110;
/// An eighth of a cell to a whole one.
const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

#[cfg(test)]
mod tests {
    use ratatui::buffer::Buffer;
    use ratatui::layout::Rect;
    use ratatui::style::Color;

    use super::draw_bar;

    #[test]
    fn bars_show_their_bands_from_the_bottom_up() {
        let area = Rect::new(0, 0, 1, 4);
        let colours = [Color::Blue, Color::Yellow, Color::Magenta];
        let drawn = |bands: &[u64]| {
            let mut buffer = Buffer::empty(area);
            draw_bar((bands, 80), &colours, area, &mut buffer);
            [0, 1, 2, 3].map(|row| (buffer[(0, row)].symbol().to_string(), buffer[(0, row)].fg))
        };
        let full = |colour| ("█".to_string(), colour);
        let empty = || (" ".to_string(), Color::Reset);
        let expected = [full(Color::Magenta), full(Color::Magenta), full(Color::Yellow), full(Color::Blue)];
        assert_eq!(drawn(&[20, 40, 80]), expected);
        let little = ("▁".to_string(), Color::Blue);
        assert_eq!(drawn(&[1, 1, 1]), [empty(), empty(), empty(), little], "what is there is seen");
        assert_eq!(drawn(&[0, 0, 0]), [empty(), empty(), empty(), empty()]);
    }
}
