//! The help screen: keys and what they do.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use super::draw::{Picture, scrolled};

/// The screen's first line.
pub(super) fn title() -> String {
    "------------------------------ Keys ------------------- [1-9]: Change Screen --".to_string()
}

/// Draws one line per key, and the commands behind `c`.
pub(super) fn draw(picture: &Picture<'_>, frame: &mut Frame<'_>, area: Rect) {
    let keys = picture.keys.iter();
    let keys = keys.map(|(letter, meaning)| {
        let letter = match letter {
            ' ' => "Space".to_owned(),
            '\r' => "Enter".to_owned(),
            letter => letter.to_string(),
        };
        Line::from(format!("  {letter:<6} {meaning}"))
    });
    let commands = COMMANDS.iter().map(|(line, meaning)| Line::from(format!("    {line:<36} {meaning}")));
    let lines = keys.chain([Line::from("  c      command line, until Enter:")]).chain(commands).collect();
    scrolled(picture, lines, frame, area);
}

/// The lines behind key `c`.
const COMMANDS: &[(&str, &str)] = &[
    ("set rate N, set rate-scale N", "calls per period; step of + - * /"),
    ("set users N, set limit N", "of -users; of open calls"),
    ("set display main", "the scenario that is shown"),
    ("set hide true|false", "leave out messages with hide=\"true\""),
    ("trace error|logs on|off", "trace files"),
    ("trace messages|shortmessages on|off", ""),
    ("dump tasks, dump variables", "to the errors file"),
    ("reset stats", "count from zero again"),
];
