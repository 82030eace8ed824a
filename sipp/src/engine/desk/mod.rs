//! The desk: writes the files and draws the screen from what the signalling thread tells.
//!
//! Runs on a thread of its own, so that a slow disk or terminal delays nothing but itself. Ends with the last
//! figures, when it prints the closing statistics.

mod children;
mod files;
mod flights;
pub(super) mod gather;
pub(super) mod link;
mod problems;
mod tables;
pub(super) mod threads;
mod traces;

use std::io::{self, Write};
use std::sync::mpsc::Receiver;

use sip::time::Time;

use crate::options::{Options, Traces};
use crate::screen::Live;
use crate::stats::closing;
use crate::stats::layout::Part;
use crate::stats::screens::Screen;
use crate::stats::seconds::{Record, Stopwatch};
use crate::stats::snapshot::{Baseline, Phase, Snapshot};
use crate::stats::times::Wall;

use crate::engine::control::board::Board;
use crate::engine::control::command::Command;
use children::Children;
use flights::Flights;
use gather::Gather;
use link::{Batch, Note, Occasion};
use problems::Problems;
use tables::Tables;
use traces::Traces as TraceFiles;

/// Everything the desk owns.
pub(super) struct Desk {
    options: Traces,
    wall: Wall,
    traces: TraceFiles,
    stem: String,
    /// Of each scenario that has files.
    tables: Vec<Tables>,
    live: Option<Live>,
    /// `-tdmmap`: key 5 shows circuits, as with SIPp; without them it shows the charts.
    has_circuits: bool,
    flights: Flights,
    /// For those who watch from outside.
    pub(super) board: Board,
    /// Which scenario the screens show.
    displayed: Part,
    /// Where the periodic columns of the screen begin, for each scenario.
    drawn: Vec<Baseline>,
    problems: Problems,
    children: Children,
    /// The run second by second.
    seconds: Record,
    stopwatch: Stopwatch,
    /// Makes the figures of the engines those of the run.
    pub(super) gather: Gather,
}

impl Desk {
    /// A desk for a run of those scenarios, the main one first; with `live` it draws.
    ///
    /// Errors: a file that was asked for cannot be created; the line to show.
    pub(super) fn new(
        options: &Options,
        (scenarios, pid): (&[(Part, &str)], u32),
        wall: Wall,
        live: Option<Live>,
    ) -> Result<Desk, String> {
        let (watch, junit) = (&options.watch, options.verdict.junit.as_deref());
        let has_circuits = options.general.circuits.is_some();
        let scenario = scenarios.first().map_or("", |(_, name)| name);
        let stem = format!("{scenario}_{pid}");
        let mut tables = Vec::new();
        for (part, name) in scenarios.iter().filter(|(part, _)| *part != Part::OutOfCall) {
            tables.push(Tables::open((&options.traces, junit), (*part, &format!("{name}_{pid}")), &stem)?);
        }
        Ok(Desk {
            wall,
            traces: TraceFiles::new(options, &stem, wall)?,
            tables,
            flights: Flights::new(watch, scenario, pid, wall)?,
            board: Board::default(),
            stem,
            options: options.traces.clone(),
            live,
            has_circuits,
            displayed: Part::Main,
            drawn: Vec::new(),
            problems: Problems::default(),
            children: Children::default(),
            seconds: Record::of_a_long_run(),
            stopwatch: Stopwatch::default(),
            gather: Gather::new(1),
        })
    }

    /// Works until the run is over; `out` and `err` get the closing words. Gives the last figures of each scenario.
    pub(super) fn run(
        mut self,
        notes: &Receiver<Note>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> Vec<Snapshot> {
        while let Ok(note) = notes.recv() {
            match note {
                Note::Batch(batch) => self.batch(&batch),
                Note::Problem(at, text) => self.problem(at, text),
                Note::Log(at, text) => self.traces.log(at, &text, &mut self.problems),
                Note::CallDebug(at, text) => self.traces.call_debug(at, &text, &mut self.problems),
                Note::Failed(flight) => {
                    let at = flight.ended;
                    if let Err(problem) = self.flights.add(*flight) {
                        self.problem(at, problem);
                    }
                }
                Note::Append(name, line) => self.traces.append(name, &line, &mut self.problems),
                Note::Shell(at, text) => {
                    if let Err(problem) = self.children.start(at, &text) {
                        self.problem(at, problem);
                    }
                }
                Note::Oversized(at) => self.traces.stop(at, &mut self.problems),
                Note::Asked(command) => self.asked(command),
                Note::Figures(engine, figures, round) => {
                    for (mut snapshots, occasion) in self.gather.take(engine, figures, round) {
                        self.complete(&mut snapshots, occasion);
                        self.heed_resets(&snapshots);
                        if occasion == Occasion::End {
                            self.close(&snapshots, out, err);
                            return snapshots;
                        }
                        self.figures(&snapshots, occasion);
                    }
                }
            }
        }
        Vec::new()
    }

    /// Periods of the screen begin anew when the counters did.
    fn heed_resets(&mut self, snapshots: &[Snapshot]) {
        for (since, snapshot) in self.drawn.iter_mut().zip(snapshots) {
            since.restart(snapshot);
        }
    }

    /// Adds what the desk knows: commands that failed, the threads' CPU time and the seconds so far.
    fn complete(&mut self, snapshots: &mut [Snapshot], occasion: Occasion) {
        for (at, failure) in self.children.take_failed() {
            self.problem(at, failure);
        }
        let Some(main) = snapshots.first_mut() else { return };
        main.counters.totals.warnings += self.children.told();
        // The thread that sent the figures may have ended since; its own account came with them.
        let others = threads::times().into_iter();
        let others = others.filter(|thread| main.threads.iter().all(|own| own.name != thread.name));
        main.threads.extend(others.collect::<Vec<_>>());
        if matches!(occasion, Occasion::Second | Occasion::End) {
            let second = self.stopwatch.lap(main);
            self.seconds.push(second);
        }
        let threads = main.threads.clone();
        for snapshot in snapshots.iter_mut() {
            snapshot.seconds = self.seconds.clone();
            snapshot.threads.clone_from(&threads);
        }
        if let Some(main) = snapshots.first() {
            self.board.post(main);
        }
    }

    fn figures(&mut self, snapshots: &[Snapshot], occasion: Occasion) {
        match occasion {
            Occasion::Start => {
                self.drawn = vec![Baseline::default(); snapshots.len()];
                for (tables, snapshot) in self.tables.iter_mut().zip(snapshots) {
                    tables.begin(snapshot, &self.options);
                }
                self.new_period(snapshots);
            }
            Occasion::Draw => self.new_period(snapshots),
            Occasion::Redraw => self.draw(snapshots),
            Occasion::Row => self.rows(snapshots),
            Occasion::Dump => self.dump_screens(snapshots),
            Occasion::Second | Occasion::End => {}
        }
    }

    /// Draws, and begins a new period.
    fn new_period(&mut self, snapshots: &[Snapshot]) {
        self.draw(snapshots);
        self.drawn = snapshots.iter().map(Baseline::of).collect();
    }

    fn draw(&mut self, snapshots: &[Snapshot]) {
        let mut both = snapshots.iter().zip(&self.drawn);
        let shown = both.find(|(snapshot, _)| snapshot.layout.part == self.displayed);
        if let (Some(live), Some((snapshot, since))) = (&mut self.live, shown) {
            // A terminal that is gone stops the drawing, not the calls.
            if live.draw((snapshot, since), self.flights.list()).is_err() {
                self.live = None;
            }
        }
    }

    fn rows(&mut self, snapshots: &[Snapshot]) {
        for (tables, snapshot) in self.tables.iter_mut().zip(snapshots) {
            tables.row(snapshot, &self.options);
        }
        self.tell_problems(snapshots.first().map_or(Time::ZERO, |main| main.at));
    }

    fn asked(&mut self, command: Command) {
        match command {
            Command::Trace(traced, on) => return self.traces.switch(traced, on),
            Command::Display(part) => self.displayed = part,
            _ => {}
        }
        let Some(live) = &mut self.live else { return };
        match command {
            Command::Show(key) => live.view.show(if key == '5' && !self.has_circuits { 'g' } else { key }),
            Command::Move(movement) => live.view.go(movement),
            Command::Typing(line) => live.typing = line,
            _ => {}
        }
    }

    fn batch(&mut self, batch: &Batch) {
        self.traces.batch(batch, &mut self.problems);
        for tables in &mut self.tables {
            tables.response_times(batch, &self.options);
        }
        self.tell_problems(batch.response_times.last().map_or(Time::ZERO, |last| last.0));
    }

    /// What the tables could not write.
    fn tell_problems(&mut self, at: Time) {
        let problems: Vec<String> = self.tables.iter_mut().flat_map(Tables::take_problems).collect();
        for problem in problems {
            self.problems.add_unwritten(at, problem);
        }
    }

    fn problem(&mut self, at: Time, text: String) {
        self.traces.problem(at, &text, &mut self.problems);
        self.problems.add(at, text);
    }

    /// SIGUSR2 and key `s`: the file is written anew each time, unless `-trace_screen` keeps adding.
    fn dump_screens(&mut self, snapshots: &[Snapshot]) {
        let both = snapshots.iter().zip(&self.drawn).filter(|(snapshot, _)| has_closing_screens(snapshot));
        let text: String = both.map(|(snapshot, since)| all_screens(snapshot, since)).collect();
        let option = &self.options.screens;
        let name = option.file.clone().unwrap_or_else(|| format!("{}_screen.log", self.stem));
        let mut how = std::fs::OpenOptions::new();
        let append = option.append;
        how.create(true).write(true).append(append).truncate(!append);
        let written = how.open(&name).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            let at = snapshots.first().map_or(Time::ZERO, |main| main.at);
            self.problems.add_unwritten(at, format!("Unable to write '{name}': {error}"));
        }
    }

    /// The last rows, the closing screens, the last warning.
    fn close(mut self, snapshots: &[Snapshot], out: &mut dyn Write, err: &mut dyn Write) {
        // The terminal is given back before anything is printed.
        self.live = None;
        self.rows(snapshots);
        // SIPp writes one more row, about an empty period.
        let mut empty = snapshots.to_vec();
        empty.iter_mut().for_each(|snapshot| snapshot.counters.error_codes.clear());
        self.rows(&empty);
        for tables in &mut self.tables {
            tables.close(snapshots);
        }
        self.tell_problems(snapshots.first().map_or(Time::ZERO, |main| main.at));
        if let Some(main) = snapshots.first()
            && let Err(problem) = self.flights.finish(main)
        {
            self.problems.add_unwritten(main.at, problem);
        }
        if self.options.screens.on {
            // SIPp writes them while it still waits.
            let waits = |snapshot: &Snapshot| Snapshot { phase: Phase::Quitting, ..snapshot.clone() };
            self.dump_screens(&snapshots.iter().map(waits).collect::<Vec<_>>());
        }
        let mut closing = String::new();
        let both = snapshots.iter().zip(&self.drawn);
        for (snapshot, since) in both.filter(|(snapshot, _)| has_closing_screens(snapshot)) {
            closing.push_str(&Screen::Scenario.text(snapshot, since));
            closing.push_str(&Screen::Statistics.text(snapshot, since));
        }
        // A closed stdout or stderr must not hide the exit code.
        if let (Some(main), Some(since)) = (snapshots.first(), self.drawn.first()) {
            if main.media.sent_packets + main.media.received_packets > 0 {
                closing.push_str(&Screen::Media.text(main, since));
            }
            closing.push_str(&closing::text(main));
        }
        let written = out.write_all(closing.as_bytes()).and_then(|()| out.flush());
        if let Err(error) = written.or_else(|error| is_unwanted(&error).then_some(()).ok_or(error)) {
            let at = snapshots.first().map_or(Time::ZERO, |main| main.at);
            self.problems.add_unwritten(at, format!("Unable to write the closing statistics: {error}"));
        }
        let _ = self.problems.tell((self.wall, self.traces.errors()), err);
    }
}

/// True when nobody reads what we print: a closed pipe or descriptor is no fault of the run.
fn is_unwanted(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// True for the scenarios whose calls make up the run. Like SIPp, out-of-call ones are only shown on demand.
pub(super) fn has_closing_screens(snapshot: &Snapshot) -> bool {
    snapshot.layout.part != Part::OutOfCall
}

/// The screens of `-trace_screen`, one after the other.
fn all_screens(snapshot: &Snapshot, since: &Baseline) -> String {
    let more = 1..snapshot.layout.response_times.len();
    let screens = [Screen::Scenario, Screen::Statistics, Screen::Repartition(0)].into_iter();
    screens.chain(more.map(Screen::Repartition)).map(|screen| screen.text(snapshot, since)).collect()
}
