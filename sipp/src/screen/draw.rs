//! The frame around every screen: SIPp's first and last line, the screen between them, the typed command.

use std::sync::Arc;

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use super::view::View;
use super::{Keys, SCREENS};
use crate::recorder::Flight;
use crate::stats::screens::{Screen, state_bar, title_of};
use crate::stats::snapshot::{Baseline, Phase, Snapshot};

/// Everything that one drawing shows.
pub(super) struct Picture<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) since: &'a Baseline,
    pub(super) keys: &'a Keys,
    pub(super) flights: &'a [Arc<Flight>],
    pub(super) view: &'a View,
    pub(super) typing: Option<&'a str>,
}

/// Draws one picture; fits any size, cutting what does not fit.
pub(super) fn draw(picture: &Picture<'_>, frame: &mut Frame<'_>) {
    let rows = Layout::vertical([Constraint::Length(1), Constraint::Min(0), Constraint::Length(1)]);
    let [top, middle, bottom] = rows.areas(frame.area());
    let screen = &SCREENS[picture.view.screen()];
    let title = with_hints(title_of((screen.title)(), picture.snapshot));
    frame.render_widget(Paragraph::new(title).style(bar_style(picture.snapshot.phase)), top);
    (screen.draw)(picture, frame, middle);
    let last = match picture.typing {
        Some(line) => Paragraph::new(format!("Command: {line}_")).style(Style::new().fg(Color::Yellow)),
        None => Paragraph::new(state_bar(picture.snapshot)).style(bar_style(picture.snapshot.phase)),
    };
    frame.render_widget(last, bottom);
}

/// SIPp's first line with the two keys that lead on, in place of as many of its dashes.
fn with_hints(title: String) -> String {
    const HINTS: &str = "-- [?]: Help - [f]: Failed ";
    let dashes = title.bytes().take_while(|byte| *byte == b'-').count();
    if dashes < HINTS.len() { title } else { format!("{HINTS}{}", &title[HINTS.len()..]) }
}

fn bar_style(phase: Phase) -> Style {
    let colour = match phase {
        Phase::Running => Color::Green,
        Phase::Paused => Color::Yellow,
        Phase::Quitting | Phase::Ended => Color::Red,
    };
    Style::new().fg(colour).add_modifier(Modifier::BOLD)
}

/// One of SIPp's screens, with what went wrong in colour.
pub(super) fn text(picture: &Picture<'_>, screen: Screen, frame: &mut Frame<'_>, area: Rect) {
    let mut lines = screen.lines(picture.snapshot, picture.since);
    if lines.is_empty() {
        lines.push("  Nothing to show: the scenario has no such response time.".into());
    }
    let failed = picture.snapshot.counters.totals.failed > 0;
    let lines = lines
        .into_iter()
        .map(|line| {
            // A tab has no width of its own in a cell grid.
            let line = line.replace('\t', "  ");
            let bad = line.starts_with("Last Error") || (failed && line.starts_with("  Failed call"));
            let title = line.contains("Messages  Retrans") || line.contains("Counter Name");
            let style = match (bad, title) {
                (true, _) => Style::new().fg(Color::Red),
                (_, true) => Style::new().add_modifier(Modifier::BOLD),
                _ => Style::new(),
            };
            Line::from(Span::styled(line, style))
        })
        .collect();
    scrolled(picture, lines, frame, area);
}

/// As many of the lines as fit, from where the user wants to see them.
pub(super) fn scrolled(picture: &Picture<'_>, lines: Vec<Line<'_>>, frame: &mut Frame<'_>, area: Rect) {
    let first = picture.view.first_line(lines.len(), area.height);
    let shown: Vec<Line<'_>> = lines.into_iter().skip(first).take(usize::from(area.height)).collect();
    frame.render_widget(Paragraph::new(shown), area);
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::super::view::{Movement, View};
    use super::{Picture, draw};
    use crate::recorder::tests::refused;
    use crate::stats::screens::tests::client;
    use crate::stats::snapshot::Baseline;

    fn drawn(view: &View, (width, height): (u16, u16)) -> String {
        let snapshot = client();
        let since = Baseline::default();
        let keys = vec![('q', "end"), ('p', "pause")];
        let flights = [Arc::new(refused()), Arc::new(refused())];
        let picture = Picture {
            snapshot: &snapshot,
            since: &since,
            keys: &keys,
            flights: &flights,
            view,
            typing: None,
        };
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("no terminal is involved");
        terminal.draw(|frame| draw(&picture, frame)).expect("drawing into memory cannot fail");
        terminal.backend().to_string()
    }

    #[test]
    fn the_chosen_call_is_shown_with_its_ladder() {
        let mut view = View::default();
        view.show('f');
        view.go(Movement::Down);
        let list = drawn(&view, (80, 24));
        assert!(list.contains(">      1.503        1  404 instead of 200"), "{list}");
        view.go(Movement::Open);
        let call = drawn(&view, (80, 24));
        assert!(call.contains("|<-------------------------------------------- 404 Not Found --|"), "{call}");
    }

    /// The golden screens stand in `tests/golden/screens/`; `UPDATE=1` writes them anew.
    #[test]
    fn screens_are_the_golden_ones() {
        let rows = [
            ("scenario", '1'),
            ("statistics", '2'),
            ("repartition", '3'),
            ("variables", '4'),
            ("charts", 'g'),
            ("failures", 'f'),
            ("help", '?'),
        ];
        for (name, key) in rows {
            let mut view = View::default();
            view.show(key);
            let path = format!("{}/tests/golden/screens/{name}.txt", env!("CARGO_MANIFEST_DIR"));
            let text = drawn(&view, (80, 24));
            if std::env::var_os("UPDATE").is_some() {
                std::fs::write(&path, &text).expect("the repository is writable");
            }
            let golden = std::fs::read_to_string(&path).expect("the golden file is in the repository");
            assert_eq!(text, golden, "{name}: run with UPDATE=1 and review the difference");
        }
    }

    #[test]
    fn any_size_will_do() {
        for key in "123456789f?".chars() {
            let mut view = View::default();
            view.show(key);
            for size in [(1, 1), (3, 2), (20, 5), (300, 100), (80, 24)] {
                drawn(&view, size);
                view.go(Movement::PageDown);
                drawn(&view, size);
                view.go(Movement::Open);
            }
        }
    }
}
