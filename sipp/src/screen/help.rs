//! The help screen: keys and what they do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::Keys;

/// The screen's first line.
pub(super) fn title() -> String {
    "------------------------------ Keys ------------------- [1-9]: Change Screen --".to_string()
}

/// Draws one line per key, and the commands behind `c`.
pub(super) fn draw(keys: &Keys, frame: &mut Frame<'_>, area: Rect) {
    let mut lines: Vec<Line<'_>> =
        keys.iter().map(|(letter, meaning)| Line::from(format!("  {letter}  {meaning}"))).collect();
    lines.push(Line::from("  c  command line: set rate|rate-scale|users|limit N, trace X on|off,"));
    lines.push(Line::from("     dump tasks|variables, reset stats"));
    frame.render_widget(Paragraph::new(lines), area);
}
