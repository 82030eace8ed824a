//! What the user chose to see: a screen, how far it is scrolled, and which failed call is chosen.

use std::cell::Cell;

use super::SCREENS;

/// A move within a screen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// One line, or one failed call, up.
    Up,
    /// The same down.
    Down,
    /// A page up.
    PageUp,
    /// A page down.
    PageDown,
    /// Shows the chosen failed call.
    Open,
}

/// What is seen. Lines and entries that are asked for beyond the end are the last ones.
#[derive(Debug, Default)]
pub(crate) struct View {
    screen: usize,
    /// Lines left out at the top.
    scroll: Cell<usize>,
    /// The chosen failed call, by its place in the list.
    chosen: Cell<usize>,
    /// The chosen call is shown instead of the list.
    is_open: bool,
    /// Lines of the last drawing.
    page: Cell<usize>,
}

impl View {
    /// Shows the screen of that key, from its top; the failed calls as a list. An unknown key changes nothing.
    pub(crate) fn show(&mut self, key: char) {
        if let Some(screen) = SCREENS.iter().position(|screen| screen.key == key) {
            self.screen = screen;
            self.scroll.set(0);
            self.is_open = false;
        }
    }

    /// Moves within the screen.
    pub(crate) fn go(&mut self, movement: Movement) {
        let page = self.page.get().max(2) - 1;
        let is_list = SCREENS[self.screen].has_list && !self.is_open;
        let place = if is_list { &self.chosen } else { &self.scroll };
        match movement {
            Movement::Up => place.set(place.get().saturating_sub(1)),
            Movement::Down => place.set(place.get() + 1),
            Movement::PageUp => place.set(place.get().saturating_sub(page)),
            Movement::PageDown => place.set(place.get() + page),
            Movement::Open if is_list => {
                self.is_open = true;
                self.scroll.set(0);
            }
            Movement::Open => {}
        }
    }

    /// The row of [`SCREENS`].
    pub(super) fn screen(&self) -> usize {
        self.screen
    }

    /// Whether the chosen failed call is shown.
    pub(super) fn is_open(&self) -> bool {
        self.is_open
    }

    /// Of so many lines the first to show, in an area of that height.
    pub(super) fn first_line(&self, lines: usize, height: u16) -> usize {
        self.page.set(usize::from(height));
        self.scroll.set(self.scroll.get().min(lines.saturating_sub(usize::from(height))));
        self.scroll.get()
    }

    /// Of so many entries the chosen one, and the first to show in an area of that height; `None` without any.
    pub(super) fn chosen(&self, entries: usize, height: u16) -> Option<(usize, usize)> {
        self.page.set(usize::from(height));
        let last = entries.checked_sub(1)?;
        self.chosen.set(self.chosen.get().min(last));
        let chosen = self.chosen.get();
        Some((chosen, (chosen + 1).saturating_sub(usize::from(height).max(1))))
    }
}

#[cfg(test)]
mod tests {
    use super::{Movement, View};

    #[test]
    fn a_long_screen_scrolls_to_its_end_and_no_further() {
        let mut view = View::default();
        assert_eq!(view.first_line(50, 20), 0);
        for (movement, first) in [
            (Movement::Down, 1),
            (Movement::PageDown, 20),
            (Movement::PageDown, 30),
            (Movement::PageDown, 30),
            (Movement::PageUp, 11),
            (Movement::Up, 10),
            (Movement::Open, 10),
        ] {
            view.go(movement);
            assert_eq!(view.first_line(50, 20), first, "{movement:?}");
        }
        assert_eq!(view.first_line(5, 20), 0, "a larger terminal shows all");
        view.go(Movement::Down);
        view.show('?');
        assert_eq!(view.first_line(50, 20), 0, "another screen begins at its top");
    }

    #[test]
    fn failed_calls_are_chosen_and_opened() {
        let mut view = View::default();
        view.show('f');
        assert_eq!(view.chosen(0, 10), None);
        assert_eq!(view.chosen(30, 10), Some((0, 0)));
        view.go(Movement::PageDown);
        view.go(Movement::Down);
        assert_eq!(view.chosen(30, 10), Some((10, 1)));
        view.go(Movement::Open);
        assert!(view.is_open());
        view.go(Movement::Down);
        assert_eq!(view.first_line(50, 20), 1);
        view.show('f');
        assert_eq!((view.is_open(), view.chosen(30, 10)), (false, Some((10, 1))));
    }
}
