//! The shell: the only room of the program with sockets, threads, files and a clock.
//!
//! `start` turns options into a run. One thread or several do `signalling` on the `network`, one is the `desk` (files
//! and screen), one the `player` (media); keyboard, control socket and whoever embeds us send commands (`control`).

mod control;
mod desk;
mod ending;
mod find_max;
mod network;
mod player;
mod signalling;
mod start;

use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use chrono::{Local, Offset};
use sip::net::Clock;
use sip::time::Time;

use crate::exit::Exit;
use crate::options::Options;
use crate::stats::snapshot::Snapshot;
use crate::stats::times::{DateForm, Wall};
use crate::stats::trace;

pub use crate::screen::Movement;
pub use control::command::Command;
pub use control::{Controlled, Controller, controller};
pub use start::check::check;
pub use start::rehearse::rehearse;

use control::outside::Outside;
use ending::{Ending, Stopped};
use start::prepare::{Prepared, prepare};
use start::setup::Fatal;

/// Where a run prints, and whether it may use the terminal.
pub struct Console {
    /// Gets the closing statistics.
    pub out: Box<dyn Write + Send>,
    /// Gets errors.
    pub err: Box<dyn Write + Send>,
    /// Whether the live screen is drawn on standard output and keys are read.
    pub terminal: Terminal,
}

/// What a run does with the terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Terminal {
    /// Nothing: closing statistics only.
    Headless,
    /// Live screens and keys.
    Live,
    /// There is none: standard output leads to the process that passes on what was found and waits for [`READY`].
    Background,
}

/// What a run in the background says when nothing can keep it from starting any more.
pub const READY: &[u8] = b"ready\n";

/// The longest that a busy thread rests: with what the kernel adds still below the millisecond in which SIPp measures,
/// and within which calls have to start.
const LONGEST_REST: Duration = Duration::from_micros(850);

/// Runs a scenario to its end, and says how it ended. Prints what SIPp prints.
pub fn run(
    options: &Options,
    mut console: Console,
    (controller, controlled): (Controller, Controlled),
) -> Exit {
    let clock = Clock::start();
    let mut wall = wall_now();
    if options.traces.rfc3339 {
        wall.form = DateForm::Rfc3339;
    }
    let over = Arc::new(AtomicBool::new(false));
    let result = Outside::open(options).and_then(|outside| {
        if options.find_max.conditions.is_some() {
            outside.listen(options, (&controller, &over), &mut console)?;
            say_ready(&mut console);
            let exit = find_max::find_max(options, &mut console, controlled)?;
            return Ok(Ending { exit, error: None });
        }
        let mut prepared = prepare(options, &mut console, (clock, wall), controlled)?;
        prepared.desk.board = outside.board.clone();
        outside.listen(options, (&controller, &over), &mut console)?;
        say_ready(&mut console);
        work(prepared, &mut console).map(|(ending, _)| ending)
    });
    over.store(true, Ordering::Relaxed);
    let (exit, text) = match result {
        Ok(Ending { exit, error }) => (exit, error),
        Err(Fatal { exit, text }) => (exit, Some(text)),
    };
    if let Some(text) = text {
        // A closed stderr must not hide the exit code.
        let _ = console.err.write_all(trace::error(wall, clock.now(), &text).as_bytes());
    }
    exit
}

/// Tells the process that waits for a run in the background.
fn say_ready(console: &mut Console) {
    if console.terminal == Terminal::Background {
        // Nobody waits any more: the run goes on all the same.
        let _ = console.out.write_all(READY).and_then(|()| console.out.flush());
    }
}

/// Writes an error as SIPp does: the time, a colon, the text.
pub fn complain(err: &mut dyn Write, text: &str) {
    // A closed stderr must not hide the exit code.
    let _ = err.write_all(trace::error(wall_now(), Time::ZERO, text).as_bytes());
}

/// The wall clock now, as an origin for machine time.
fn wall_now() -> Wall {
    let now = Local::now();
    Wall {
        origin_unix_micros: now.timestamp_micros(),
        utc_offset_secs: i64::from(now.offset().fix().local_minus_utc()),
        form: DateForm::Classic,
    }
}

/// Lets the threads work until the run is over. Gives how it ended and its last figures.
fn work(prepared: Prepared, console: &mut Console) -> Result<(Ending, Option<Snapshot>), Fatal> {
    let Prepared { engines, desk, notes } = prepared;
    let mut threads: Vec<JoinHandle<Stopped>> = Vec::with_capacity(engines.len());
    for (index, engine) in engines.into_iter().enumerate() {
        // The system keeps fifteen letters.
        let name = if index == 0 { "sipp-signalling".into() } else { format!("sipp-signal-{index}") };
        let thread = std::thread::Builder::new().name(name).spawn(move || engine.run());
        threads.push(thread.map_err(|error| Fatal::late(format!("Unable to start a thread: {error}")))?);
    }
    let last = desk.run(&notes, &mut console.out, &mut console.err);
    let stopped: Result<Vec<Stopped>, _> = threads.into_iter().map(JoinHandle::join).collect();
    let stopped = stopped.map_err(|_| Fatal::late("A signalling thread ended by a bug"))?;
    Ok((ending::of(stopped, &last), last.into_iter().next()))
}

/// Creates the file of `-json`. Errors: it cannot be created.
fn report_file(name: Option<&str>) -> Result<Option<std::fs::File>, Fatal> {
    let Some(name) = name else { return Ok(None) };
    let file = std::fs::File::create(name);
    file.map(Some).map_err(|error| Fatal::late(format!("Unable to create '{name}': {error}")))
}
