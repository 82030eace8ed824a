//! The real terminal: raw mode and the other screen while it lives, given back when it is dropped.
//!
//! A signal ends the run, which drops it. A panic of any thread gives it back before it is told, so that what is told
//! stays on the screen.

use std::io::{self, Stdout};
use std::mem::ManuallyDrop;
use std::panic;
use std::sync::{Arc, Once};

use crossterm::cursor::Show;
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
    /// Taken over with the first drawing: until then errors are printed as usual.
    taken: Option<Taken>,
    keys: Keys,
    /// What the user chose to see.
    pub(crate) view: View,
    /// The command that is being typed.
    pub(crate) typing: Option<String>,
}

impl Live {
    /// A screen with those keys in its help; the terminal stays as it is until something is drawn.
    pub(crate) fn new(keys: Keys) -> Live {
        Live { taken: None, keys, view: View::default(), typing: None }
    }

    /// Draws; only what changed is sent. Errors: the terminal is gone, or refuses.
    pub(crate) fn draw(
        &mut self,
        (snapshot, since): (&Snapshot, &Baseline),
        flights: &[Arc<Flight>],
    ) -> io::Result<()> {
        let taken = match &mut self.taken {
            Some(taken) => taken,
            None => self.taken.insert(Taken::take()?),
        };
        let picture = Picture {
            snapshot,
            since,
            keys: &self.keys,
            flights,
            view: &self.view,
            typing: self.typing.as_deref(),
        };
        taken.0.draw(|frame| draw(&picture, frame))?;
        Ok(())
    }
}

/// A terminal that is ours. Never dropped as ratatui does it: that complains on standard error, and panics when both
/// are gone.
struct Taken(ManuallyDrop<Terminal<CrosstermBackend<Stdout>>>);

impl Taken {
    fn take() -> io::Result<Taken> {
        static HOOKED: Once = Once::new();
        HOOKED.call_once(|| {
            let tell = panic::take_hook();
            panic::set_hook(Box::new(move |panic| {
                give_back();
                tell(panic);
            }));
        });
        // Keys are read from standard input, which may be a pipe: then there is no raw mode to set.
        let _ = enable_raw_mode();
        execute!(io::stdout(), EnterAlternateScreen)?;
        Ok(Taken(ManuallyDrop::new(Terminal::new(CrosstermBackend::new(io::stdout()))?)))
    }
}

impl Drop for Taken {
    fn drop(&mut self) {
        give_back();
    }
}

/// The terminal as it was. Nothing can be done about one that is gone.
fn give_back() {
    let _ = disable_raw_mode();
    let _ = execute!(io::stdout(), LeaveAlternateScreen, Show);
}
