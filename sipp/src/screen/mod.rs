//! The live terminal: what is shown, and the terminal that shows it.
//!
//! Drawing is a function of a snapshot and of what the user chose to see, one file per kind of screen. Only
//! [`terminal`](self) touches the real terminal, and gives it back however the program ends.

mod charts;
mod draw;
mod failures;
mod help;
mod terminal;
mod view;

pub(crate) use terminal::Live;
pub use view::Movement;

use ratatui::Frame;
use ratatui::layout::Rect;

use crate::stats::screens::Screen;
use draw::{Picture, text};

/// One screen. A new one is a row of [`SCREENS`], its file, and its key among the keys of the engine.
struct ScreenDef {
    /// The key that shows it.
    key: char,
    /// The first line, 79 columns.
    title: fn() -> String,
    /// Whether it shows a list with a chosen entry.
    has_list: bool,
    /// Draws what stands between the first and the last line.
    draw: fn(&Picture<'_>, &mut Frame<'_>, Rect),
}

const SCREENS: &[ScreenDef] = &[
    ScreenDef {
        key: '1',
        title: || Screen::Scenario.title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Scenario, f, a),
    },
    ScreenDef {
        key: '2',
        title: || Screen::Statistics.title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Statistics, f, a),
    },
    ScreenDef {
        key: '3',
        title: || Screen::Repartition(0).title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Repartition(0), f, a),
    },
    ScreenDef {
        key: '4',
        title: || Screen::Variables.title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Variables, f, a),
    },
    ScreenDef {
        key: '5',
        title: || Screen::Circuits.title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Circuits, f, a),
    },
    ScreenDef {
        key: 'g',
        title: charts::title,
        has_list: false,
        draw: |p, f, a| charts::draw(p.snapshot, f, a),
    },
    ScreenDef {
        key: '6',
        title: || Screen::Repartition(1).title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Repartition(1), f, a),
    },
    ScreenDef {
        key: '7',
        title: || Screen::Repartition(2).title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Repartition(2), f, a),
    },
    ScreenDef {
        key: '8',
        title: || Screen::Repartition(3).title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Repartition(3), f, a),
    },
    ScreenDef {
        key: '9',
        title: || Screen::Repartition(4).title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Repartition(4), f, a),
    },
    ScreenDef {
        key: 'm',
        title: || Screen::Media.title(),
        has_list: false,
        draw: |p, f, a| text(p, Screen::Media, f, a),
    },
    ScreenDef { key: 'f', title: failures::title, has_list: true, draw: failures::draw },
    ScreenDef { key: '?', title: help::title, has_list: false, draw: help::draw },
];

/// The keys with their meaning, for the help.
pub(crate) type Keys = Vec<(char, &'static str)>;
