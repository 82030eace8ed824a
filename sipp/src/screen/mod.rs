//! The live terminal: what is shown, and the terminal that shows it.
//!
//! Drawing is a function of a snapshot and of what the user chose to see, one file per kind of screen. Only
//! [`terminal`](self) touches the real terminal, and gives it back however the program ends.

mod charts;
mod draw;
mod help;
mod terminal;

pub(crate) use terminal::Live;

use crate::stats::screens::Screen;

/// What the user chose to see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Shown {
    /// One of SIPp's screens, scenario first.
    #[default]
    Scenario,
    /// Another of SIPp's screens.
    Sipp(Screen),
    /// Rate, open calls and failures over time.
    Charts,
    /// The keys.
    Help,
}

impl Shown {
    /// What keys 1 to 9 show.
    pub(crate) fn of_key(key: char) -> Option<Shown> {
        Some(match key {
            '1' => Shown::Scenario,
            '2' => Shown::Sipp(Screen::Statistics),
            '3' => Shown::Sipp(Screen::Repartition(0)),
            '4' => Shown::Sipp(Screen::Variables),
            '5' => Shown::Charts,
            '6' => Shown::Sipp(Screen::Repartition(1)),
            '7' => Shown::Sipp(Screen::Repartition(2)),
            '8' => Shown::Sipp(Screen::Repartition(3)),
            '9' => Shown::Sipp(Screen::Repartition(4)),
            _ => return None,
        })
    }
}

/// The keys with their meaning, for the help.
pub(crate) type Keys = Vec<(char, &'static str)>;
