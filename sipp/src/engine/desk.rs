//! The desk: writes the files and draws the screen from what the signalling thread tells.
//!
//! Runs on a thread of its own, so that a slow disk or terminal delays nothing but itself. Ends with the last
//! figures, when it prints the closing statistics.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::Receiver;

use sip::time::Time;

use crate::options::{Options, TraceFile, Traces};
use crate::screen::Live;
use crate::stats::closing;
use crate::stats::csv::{self, Bins};
use crate::stats::report;
use crate::stats::screens::Screen;
use crate::stats::seconds::{Seconds, Stopwatch};
use crate::stats::snapshot::{Baseline, Phase, Snapshot};
use crate::stats::times::Wall;
use crate::stats::trace;
use crate::stats::verdict;

use super::board::Board;
use super::children::Children;
use super::command::{Command, Traced};
use super::files::{SizeRule, Trace};
use super::flights::Flights;
use super::link::{Batch, Note, Occasion};
use super::threads;

/// Everything the desk owns.
pub(super) struct Desk {
    options: Traces,
    wall: Wall,
    messages: Option<Trace>,
    short_messages: Option<Trace>,
    errors: Option<Trace>,
    logs: Option<Trace>,
    call_debug: Option<Trace>,
    /// Files of rtpcheck, made with their first line.
    checks: Vec<(&'static str, Trace)>,
    stem: String,
    tables: Tables,
    live: Option<Live>,
    flights: Flights,
    /// For those who watch from outside.
    pub(super) board: Board,
    /// Where the periodic columns of the screen begin.
    drawn: Baseline,
    problems: Problems,
    children: Children,
    paper: Vec<u8>,
    /// The run second by second.
    seconds: Arc<Seconds>,
    stopwatch: Stopwatch,
}

/// The files of numbers.
#[derive(Default)]
struct Tables {
    stat: Option<Table>,
    counts: Option<Table>,
    error_codes: Option<Table>,
    response_times: Option<Table>,
    report: Option<Table>,
    junit: Option<Table>,
    /// Where the periodic columns of the next row begin.
    since: Baseline,
    bins: Bins,
    /// Names of the response times.
    timers: Vec<String>,
    /// Response times not written yet.
    waiting: usize,
    pending: String,
}

/// One file of numbers.
struct Table {
    file: std::fs::File,
}

/// What went wrong, for the last words of the program.
#[derive(Default)]
struct Problems {
    count: u64,
    last: Option<(Time, String)>,
}

impl Desk {
    /// A desk for a run of that scenario; with `live` it draws.
    ///
    /// Errors: a file that was asked for cannot be created; the line to show.
    pub(super) fn new(
        options: &Options,
        (scenario, pid): (&str, u32),
        wall: Wall,
        live: Option<Live>,
    ) -> Result<Desk, String> {
        let (watch, junit) = (&options.watch, options.verdict.junit.as_deref());
        let options = &options.traces;
        let stem = format!("{scenario}_{pid}");
        let rule = SizeRule::of(options);
        let trace = |option: &TraceFile, what: &str| {
            option.on.then(|| Trace::new(option, &format!("{stem}_{what}"), rule))
        };
        let mut desk = Desk {
            wall,
            messages: trace(&options.messages, "messages"),
            short_messages: trace(&options.short_messages, "shortmessages"),
            errors: trace(&options.errors, "errors"),
            logs: trace(&options.logs, "logs"),
            call_debug: trace(&options.call_debug, "calldebug"),
            checks: Vec::new(),
            tables: Tables::open((options, junit), &stem)?,
            flights: Flights::new(watch, scenario, pid, wall)?,
            board: Board::default(),
            stem,
            options: options.clone(),
            live,
            drawn: Baseline::default(),
            problems: Problems::default(),
            children: Children::default(),
            paper: Vec::new(),
            seconds: Arc::default(),
            stopwatch: Stopwatch::default(),
        };
        let early = [&mut desk.messages, &mut desk.short_messages];
        for trace in early.into_iter().flatten() {
            trace.open(0).map_err(|error| format!("Unable to create '{}': {error}", trace.name()))?;
        }
        Ok(desk)
    }

    /// Works until the run is over; `out` and `err` get the closing words. Gives the last figures.
    pub(super) fn run(
        mut self,
        notes: &Receiver<Note>,
        out: &mut dyn Write,
        err: &mut dyn Write,
    ) -> Option<Snapshot> {
        while let Ok(note) = notes.recv() {
            match note {
                Note::Batch(batch) => self.batch(&batch),
                Note::Problem(at, text) => self.problem(at, text),
                Note::Log(at, text) => self.log(at, &text),
                Note::CallDebug(at, text) => self.call_debug(at, &text),
                Note::Failed(flight) => {
                    let at = flight.ended;
                    if let Err(problem) = self.flights.add(*flight) {
                        self.problem(at, problem);
                    }
                }
                Note::Append(name, line) => self.append(name, &line),
                Note::Shell(at, text) => {
                    if let Err(problem) = self.children.start(&text) {
                        self.problem(at, problem);
                    }
                }
                Note::Asked(command) => self.asked(command),
                Note::Figures(snapshot, occasion) => {
                    let snapshot = self.complete(*snapshot, occasion);
                    if occasion == Occasion::End {
                        self.close(&snapshot, out, err);
                        return Some(snapshot);
                    }
                    self.figures(&snapshot, occasion);
                }
            }
        }
        None
    }

    /// Adds what the desk knows: the threads' CPU time and the seconds so far.
    fn complete(&mut self, mut snapshot: Snapshot, occasion: Occasion) -> Snapshot {
        // The thread that sent the figures may have ended since; its own account came with them.
        let others = threads::times().into_iter();
        let others = others.filter(|thread| snapshot.threads.iter().all(|own| own.name != thread.name));
        snapshot.threads.extend(others.collect::<Vec<_>>());
        if matches!(occasion, Occasion::Second | Occasion::End) {
            let second = self.stopwatch.lap(&snapshot);
            // Copied only while an earlier snapshot is still shown.
            Arc::make_mut(&mut self.seconds).push(second);
        }
        snapshot.seconds = self.seconds.clone();
        self.board.post(&snapshot);
        snapshot
    }

    /// A line for one of the files of rtpcheck.
    fn append(&mut self, name: &'static str, line: &str) {
        if self.checks.iter().all(|(known, _)| *known != name) {
            let option = TraceFile { on: true, file: Some(name.into()), append: false };
            self.checks.push((name, Trace::new(&option, name, SizeRule::default())));
        }
        let file = self.checks.iter_mut().find(|(known, _)| *known == name);
        let Some(Err(error)) = file.map(|(_, file)| file.write(0, format!("{line}\n").as_bytes())) else {
            return;
        };
        self.problem(Time::ZERO, format!("Unable to write '{name}': {error}"));
    }

    fn figures(&mut self, snapshot: &Snapshot, occasion: Occasion) {
        match occasion {
            Occasion::Start => {
                self.tables.begin(snapshot, &self.options);
                self.new_period(snapshot);
            }
            Occasion::Draw => self.new_period(snapshot),
            Occasion::Redraw => self.draw(snapshot),
            Occasion::Row => self.tables.row(snapshot, &self.options),
            Occasion::Dump => self.dump_screens(snapshot),
            Occasion::Second | Occasion::End => {}
        }
    }

    /// Draws, and begins a new period.
    fn new_period(&mut self, snapshot: &Snapshot) {
        self.draw(snapshot);
        self.drawn = Baseline::of(snapshot);
    }

    fn draw(&mut self, snapshot: &Snapshot) {
        if let Some(live) = &mut self.live {
            // A terminal that is gone stops the drawing, not the calls.
            if live.draw((snapshot, &self.drawn), self.flights.list()).is_err() {
                self.live = None;
            }
        }
    }

    fn asked(&mut self, command: Command) {
        if let Command::Trace(traced, on) = command {
            return self.switch(traced, on);
        }
        let Some(live) = &mut self.live else { return };
        match command {
            Command::Show(key) => live.view.show(key),
            Command::Move(movement) => live.view.go(movement),
            Command::Typing(line) => live.typing = line,
            _ => {}
        }
    }

    fn switch(&mut self, traced: Traced, on: bool) {
        let options = &self.options;
        let (place, option, what) = match traced {
            Traced::Errors => (&mut self.errors, &options.errors, "errors"),
            Traced::Logs => (&mut self.logs, &options.logs, "logs"),
            Traced::Messages => (&mut self.messages, &options.messages, "messages"),
            Traced::ShortMessages => (&mut self.short_messages, &options.short_messages, "shortmessages"),
        };
        if !on {
            *place = None;
        } else if place.is_none() {
            *place = Some(Trace::new(option, &format!("{}_{what}", self.stem), SizeRule::of(options)));
        }
    }

    fn batch(&mut self, batch: &Batch) {
        for traveller in &batch.messages {
            let bytes = &batch.bytes[traveller.bytes.clone()];
            let (at, direction) = (traveller.at, traveller.direction);
            if let Some(messages) = &mut self.messages {
                self.paper.clear();
                trace::message(
                    self.wall,
                    at,
                    (direction, traveller.transport.via_name()),
                    bytes,
                    &mut self.paper,
                );
                write(messages, self.wall.unix_seconds(at), &self.paper, &mut self.problems);
            }
            if let Some(messages) = &mut self.short_messages {
                self.paper.clear();
                trace::short_message(self.wall, at, direction, bytes, &mut self.paper);
                write(messages, self.wall.unix_seconds(at), &self.paper, &mut self.problems);
            }
        }
        self.tables.response_times(batch, &self.options);
    }

    fn problem(&mut self, at: Time, text: String) {
        if let Some(errors) = &mut self.errors {
            let mut record = String::new();
            if errors.is_unopened() {
                record.push_str(trace::ERRORS_HEADER);
            }
            record.push_str(&trace::error(self.wall, at, &text));
            write(errors, self.wall.unix_seconds(at), record.as_bytes(), &mut self.problems);
        }
        self.problems.count += 1;
        self.problems.last = Some((at, text));
    }

    fn log(&mut self, at: Time, text: &[u8]) {
        if let Some(logs) = &mut self.logs {
            self.paper.clear();
            self.paper.extend_from_slice(text);
            self.paper.push(b'\n');
            write(logs, self.wall.unix_seconds(at), &self.paper, &mut self.problems);
        }
    }

    fn call_debug(&mut self, at: Time, text: &str) {
        if let Some(file) = &mut self.call_debug {
            write(file, self.wall.unix_seconds(at), text.as_bytes(), &mut self.problems);
        }
    }

    /// SIGUSR2 and key `s`: the file is written anew each time, unless `-trace_screen` keeps adding.
    fn dump_screens(&mut self, snapshot: &Snapshot) {
        let text = all_screens(snapshot, &self.drawn);
        let option = &self.options.screens;
        let name = option.file.clone().unwrap_or_else(|| format!("{}_screen.log", self.stem));
        let mut how = std::fs::OpenOptions::new();
        let append = option.append;
        how.create(true).write(true).append(append).truncate(!append);
        let written = how.open(&name).and_then(|mut file| file.write_all(text.as_bytes()));
        if let Err(error) = written {
            self.problem(snapshot.at, format!("Unable to write '{name}': {error}"));
        }
    }

    /// The last rows, the closing screens, the last warning.
    fn close(mut self, snapshot: &Snapshot, out: &mut dyn Write, err: &mut dyn Write) {
        // The terminal is given back before anything is printed.
        self.live = None;
        self.tables.row(snapshot, &self.options);
        self.tables.row(snapshot, &self.options);
        self.tables.flush_response_times();
        put(&mut self.tables.report, &report::json(snapshot));
        if let Err(problem) = self.flights.finish(snapshot) {
            self.problem(snapshot.at, problem);
        }
        let judged = verdict::judge(snapshot, &snapshot.setup.rules.conditions);
        put(
            &mut self.tables.junit,
            &verdict::junit(snapshot, &judged, verdict::failures(snapshot).as_deref()),
        );
        if self.options.screens.on {
            // SIPp writes them while it still waits.
            let waiting = Snapshot { phase: Phase::Quitting, ..snapshot.clone() };
            self.dump_screens(&waiting);
        }
        let closing = [Screen::Scenario, Screen::Statistics].map(|screen| screen.text(snapshot, &self.drawn));
        // A closed stdout or stderr must not hide the exit code.
        let has_media = snapshot.media.sent_packets + snapshot.media.received_packets > 0;
        let media = if has_media { Screen::Media.text(snapshot, &self.drawn) } else { String::new() };
        let text = closing.concat() + &media + &closing::text(snapshot);
        let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        let _ = self.last_words(err);
    }

    fn last_words(&self, err: &mut dyn Write) -> io::Result<()> {
        let Some((at, text)) = &self.problems.last else { return Ok(()) };
        err.write_all(trace::error(self.wall, *at, text).as_bytes())?;
        if self.problems.count > 1 {
            match &self.errors {
                Some(errors) => writeln!(err, "There were more errors, see '{}' file", errors.name())?,
                None => writeln!(err, "There were more errors, enable -trace_err to log them.")?,
            }
        }
        Ok(())
    }
}

/// Writes records; a failure becomes the last problem.
fn write(trace: &mut Trace, unix_seconds: i64, records: &[u8], problems: &mut Problems) {
    if let Err(error) = trace.write(unix_seconds, records) {
        problems.count += 1;
        problems.last = Some((Time::ZERO, format!("Unable to write '{}': {error}", trace.name())));
    }
}

/// The screens of `-trace_screen`, one after the other.
fn all_screens(snapshot: &Snapshot, since: &Baseline) -> String {
    let more = 1..snapshot.layout.response_times.len();
    let screens = [Screen::Scenario, Screen::Statistics, Screen::Repartition(0)].into_iter();
    screens.chain(more.map(Screen::Repartition)).map(|screen| screen.text(snapshot, since)).collect()
}

impl Tables {
    fn open((options, junit): (&Traces, Option<&str>), stem: &str) -> Result<Tables, String> {
        let table = |on: bool, name: String| -> Result<Option<Table>, String> {
            if !on {
                return Ok(None);
            }
            let file = std::fs::File::create(&name);
            let file = file.map_err(|error| format!("Unable to create '{name}': {error}"))?;
            Ok(Some(Table { file }))
        };
        let stat = options.stat.file.clone().unwrap_or_else(|| format!("{stem}_.csv"));
        Ok(Tables {
            stat: table(options.stat.on, stat)?,
            counts: table(options.counts, format!("{stem}_counts.csv"))?,
            error_codes: table(options.error_codes, format!("{stem}_error_codes.csv"))?,
            response_times: table(options.response_times, format!("{stem}_rtt.csv"))?,
            // Opened now, so that a wrong name is told before the run and not after it.
            report: table(options.report.is_some(), options.report.clone().unwrap_or_default())?,
            junit: table(junit.is_some(), junit.unwrap_or_default().to_owned())?,
            ..Tables::default()
        })
    }

    /// Titles and the row of zeros.
    fn begin(&mut self, snapshot: &Snapshot, options: &Traces) {
        let delimiter = options.delimiter.as_str();
        self.timers.clone_from(&snapshot.layout.response_times);
        put(&mut self.stat, &csv::stat_header(snapshot, delimiter));
        put(&mut self.counts, &csv::counts_header(&snapshot.layout, snapshot.setup.lossy, delimiter));
        put(&mut self.response_times, &csv::rtt_header(delimiter));
        self.row(snapshot, options);
    }

    fn row(&mut self, snapshot: &Snapshot, options: &Traces) {
        let delimiter = options.delimiter.as_str();
        put(&mut self.stat, &csv::stat_row(snapshot, &self.since, &self.bins, delimiter));
        put(&mut self.counts, &csv::counts_row(snapshot, delimiter));
        put(
            &mut self.error_codes,
            &csv::error_codes_row(snapshot, &snapshot.counters.error_codes, delimiter),
        );
        self.since = Baseline::of(snapshot);
        if options.periodic_repartition {
            self.bins = Bins::of(snapshot);
        }
    }

    fn response_times(&mut self, batch: &Batch, options: &Traces) {
        for (at, took, timer) in &batch.response_times {
            let name = self.timers.get(usize::from(*timer)).map_or("", String::as_str);
            self.pending.push_str(&csv::rtt_row(*at, *took, name, &options.delimiter));
            self.waiting += 1;
            if self.waiting >= options.response_times_batch {
                self.flush_response_times();
            }
        }
    }

    fn flush_response_times(&mut self) {
        put(&mut self.response_times, &self.pending);
        self.pending.clear();
        self.waiting = 0;
    }
}

/// Appends text; a table that cannot be written (disk full) is given up, the run goes on.
fn put(table: &mut Option<Table>, text: &str) {
    if let Some(open) = table
        && open.file.write_all(text.as_bytes()).is_err()
    {
        *table = None;
    }
}
