//! The real terminal: raw mode and the other screen while it lives, given back when it is dropped.
//!
//! A panic unwinds and drops it too; a signal ends the run, which drops it.

use std::io::{self, Stdout};
use std::sync::Arc;

use crossterm::execute;
use crossterm::terminal::{EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;

use super::Keys;
use super::draw::{Picture, draw};
use super::view::View;
use crate::recorder::Flight;
use crate::stats::snapshot::{Baseline, Snapshot};

/// The live screen.
pub(crate) struct Live {
    terminal: Terminal<CrosstermBackend<Stdout>>,
    keys: Keys,
    /// What the user chose to see.
    pub(crate) view: View,
    /// The command that is being typed.
    pub(crate) typing: Option<String>,
}

impl Live {
    /// Takes the terminal over. Errors: there is none, or it refuses.
    pub(crate) fn start(keys: Keys) -> io::Result<Live> {
        // Keys are read from standard input, which may be a pipe: then there is no raw mode to set.
        let _ = enable_raw_mode();
        execute!(io::stdout(), EnterAlternateScreen)?;
        let terminal = Terminal::new(CrosstermBackend::new(io::stdout()))?;
        Ok(Live { terminal, keys, view: View::default(), typing: None })
    }

    /// Draws; only what changed is sent. Errors: the terminal is gone.
    pub(crate) fn draw(
        &mut self,
        (snapshot, since): (&Snapshot, &Baseline),
        flights: &[Arc<Flight>],
    ) -> io::Result<()> {
        let picture = Picture {
            snapshot,
            since,
            keys: &self.keys,
            flights,
            view: &self.view,
            typing: self.typing.as_deref(),
        };
        self.terminal.draw(|frame| draw(&picture, frame))?;
        Ok(())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Nothing can be done about a terminal that is gone.
        let _ = disable_raw_mode();
        let _ = execute!(io::stdout(), LeaveAlternateScreen);
        let _ = self.terminal.show_cursor();
    }
}
