//! Failed calls: why calls failed and how often, those that are kept as a list, and the ladder of the chosen one.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::draw::Picture;
use crate::recorder::{Flight, ladder};

/// The screen's first line.
pub(super) fn title() -> String {
    "---------------------------- Failed Calls ------------- [1-9]: Change Screen --".to_string()
}

/// Draws the list, or the chosen call.
pub(super) fn draw(picture: &Picture<'_>, frame: &mut Frame<'_>, area: Rect) {
    let chosen = picture.view.chosen(picture.flights.len(), area.height);
    match chosen.map(|(chosen, _)| &picture.flights[chosen]) {
        Some(flight) if picture.view.is_open() => call(picture, flight, frame, area),
        _ => list(picture, frame, area),
    }
}

fn list(picture: &Picture<'_>, frame: &mut Frame<'_>, area: Rect) {
    let reasons = reasons(picture);
    let most = area.height / 2;
    let rows =
        [Constraint::Length(most.min(reasons.len() as u16)), Constraint::Length(1), Constraint::Min(0)];
    let [top, heading, bottom] = Layout::vertical(rows).areas(area);
    frame.render_widget(Paragraph::new(reasons), top);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let columns = "     seconds  message  reason";
    frame.render_widget(Paragraph::new(columns).style(bold), heading);
    let flights = picture.flights;
    let Some((chosen, first)) = picture.view.chosen(flights.len(), bottom.height) else { return };
    let lines = flights.iter().enumerate().skip(first).take(usize::from(bottom.height));
    let lines = lines.map(|(at, flight)| {
        let mark = if at == chosen { '>' } else { ' ' };
        let seconds = flight.ended.as_millis() as f64 / 1000.0;
        let (step, reason) = (flight.place.step, short(flight));
        let line = format!("{mark} {seconds:>10.3}  {step:>7}  {reason}  {}", flight.call_id);
        let style = if at == chosen { Style::new().fg(Color::Yellow) } else { Style::new() };
        Line::from(line).style(style)
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), bottom);
}

/// The message stands in a column of its own.
fn short(flight: &Flight) -> String {
    flight.reason.replacen(&format!(" at message {}", flight.place.step), "", 1)
}

fn reasons(picture: &Picture<'_>) -> Vec<Line<'static>> {
    let snapshot = picture.snapshot;
    let mut lines = Vec::new();
    if snapshot.reasons.is_empty() {
        lines.push(Line::from("  No call has failed."));
    } else {
        let kept = picture.flights.len();
        let failed = snapshot.counters.totals.failed;
        lines.push(Line::from(format!(
            "  {failed} failed, {kept} kept: [j] [k] choose, [Enter] its ladder, [f] this list"
        )));
    }
    for (reason, calls) in &snapshot.reasons {
        lines.push(Line::from(format!("  {calls:>10}  {reason}")).style(Style::new().fg(Color::Red)));
    }
    lines.push(Line::default());
    lines
}

fn call(picture: &Picture<'_>, flight: &Flight, frame: &mut Frame<'_>, area: Rect) {
    let snapshot = picture.snapshot;
    let text = ladder::text(flight, snapshot.setup.wall);
    let lines: Vec<&str> = text.lines().collect();
    let first = picture.view.first_line(lines.len(), area.height);
    let shown = lines.into_iter().skip(first).take(usize::from(area.height)).map(coloured);
    frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()), area);
}

fn coloured(line: &str) -> Line<'_> {
    let colour = match line {
        _ if line.starts_with("Failed ") || line.contains("  X ") => Color::Red,
        _ if line.starts_with("---") => Color::Cyan,
        _ if line.contains("|<--") => Color::Green,
        _ => return Line::from(line),
    };
    Line::from(line).style(Style::new().fg(colour))
}
