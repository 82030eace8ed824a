//! `-find-max`: one short run after the other, each with sockets of its own, at the rates that the search asks for.
//!
//! Prints a line for each step and the finding. A step opens calls for `-find-seconds` and then waits for the open
//! ones; those that take too long end it as failed calls.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use sip::net::Clock;
use sip::time::Time;

use crate::exit::Exit;
use crate::options::{self, Options};
use crate::stats::condition::Condition;
use crate::stats::snapshot::Snapshot;
use crate::traffic::find_max::Step;
use crate::traffic::find_max::report::{Protocol, finding_line, round_line};
use crate::traffic::find_max::search::{Search, Wishes};

use super::control::command::Command;
use super::control::{Controlled, Controller, controller};
use super::start::describe;
use super::start::prepare::prepare;
use super::start::setup::Fatal;
use super::{Console, Terminal, report_file, wall_now, work};

/// Looks for the highest rate that holds. Success: there is one.
///
/// Errors: conditions that cannot be read, and whatever keeps a run from starting.
pub(super) fn find_max(
    options: &Options,
    console: &mut Console,
    controlled: Controlled,
) -> Result<Exit, Fatal> {
    let text = options.find_max.conditions.clone().unwrap_or_default();
    let conditions = text.split(',').map(|condition| Condition::parse("-find-max", condition.trim()));
    let conditions: Vec<Condition> = conditions.collect::<Result<_, _>>().map_err(Fatal::early)?;
    // Opened now, so that a wrong name is told before the search and not after it.
    let mut file = report_file(options.traces.report.as_deref())?;
    let stopping = Stopping::watch(controlled)?;
    let wishes = Wishes { first: options.rate.calls, rounds: options.find_max.rounds };
    let (mut search, mut protocol) = (Search::new(wishes), Protocol::default());
    let step = options.find_max.step;
    let mut calls = 0;
    say(console, &format!("Conditions: {text}; {} s per step", step.as_secs_f64()));
    while let Some(rate) = search.next_rate().filter(|_| !stopping.is_asked()) {
        let snapshot = one_run(&options_at(options, &conditions, rate), calls, &stopping)?;
        calls += snapshot.counters.totals.created();
        if stopping.is_asked() {
            break;
        }
        let step = Step::of(rate, &snapshot, &conditions);
        let culprit = step.culprit;
        let round = search.round();
        say(console, &protocol.add(round, step));
        search.tell(culprit);
        if let Some(over) = search.rounds().get(round - 1) {
            say(console, &round_line(round, over));
        }
        // What the step left behind in the target and on the network shall not spoil the next one.
        std::thread::sleep(if culprit.is_some() { LONG_REST } else { SHORT_REST });
    }
    let finding = search.finding();
    say(console, &finding_line(&finding, search.rounds().len()));
    if let Some(file) = &mut file {
        let document = protocol.json(&search, (&text, step.as_secs_f64()));
        file.write_all(document.as_bytes())
            .map_err(|error| Fatal::late(format!("Unable to write the report: {error}")))?;
    }
    Ok(if finding.highest.is_some() { Exit::Success } else { Exit::Failed })
}

/// The command line of one step: that rate, as many calls as come due in it, no files and no verdict of its own.
fn options_at(options: &Options, conditions: &[Condition], rate: f64) -> Options {
    let mut step = options.clone();
    let periods = options.find_max.step.as_secs_f64() / options.rate.period.as_secs_f64();
    step.find_max.conditions = None;
    step.rate.calls = rate;
    step.rate.increase = 0.0;
    step.rate.stop_after = Some(((rate * periods) as u64).max(1));
    step.traces = options::Traces { screen_period: Duration::ZERO, ..options::Traces::default() };
    // Checked like those of -fail-if: a response time must be one of the scenario.
    step.verdict = options::Verdict::default();
    step.watch = options::Watch::default();
    step.verdict.fail_if = conditions.iter().map(|condition| condition.text.clone()).collect();
    step
}

/// Makes one run, behind so many calls of the steps before it, and gives its last figures.
fn one_run(options: &Options, calls: u64, stopping: &Stopping) -> Result<Snapshot, Fatal> {
    let mut quiet = Console {
        out: Box::new(std::io::sink()),
        err: Box::new(std::io::sink()),
        terminal: Terminal::Headless,
    };
    let (controller, controlled) = controller();
    let opened_for = options.find_max.step + options.general.sleep;
    let mut prepared = prepare(options, &mut quiet, (Clock::start(), wall_now()), controlled)?;
    for engine in &mut prepared.engines {
        let program = &engine.scenarios.main().program;
        if !program.mode.opens_calls() {
            return Err(Fatal::early("-find-max needs a scenario that opens calls"));
        }
        let length = describe::pauses(program, options.call.pause).max(options.call.pause);
        engine.rhythm.ends_at = Some(Time::ZERO + opened_for + length + GRACE);
        // Call-IDs are made of the call's number, and the target remembers those of the steps before.
        engine.state.call_numbers += calls;
    }
    stopping.now_running(Some(controller));
    let result = work(prepared, &mut quiet);
    stopping.now_running(None);
    let (ending, snapshot) = result?;
    match (snapshot, ending.exit) {
        // Failed calls and conditions that are met are what the step is about.
        (Some(snapshot), Exit::Success | Exit::Failed | Exit::Incomplete | Exit::Limited | Exit::Stopped) => {
            Ok(snapshot)
        }
        (_, exit) => Err(Fatal { exit, text: ending.error.unwrap_or_default() }),
    }
}

/// Whether somebody asked the search to end; the run of the moment is told.
#[derive(Clone, Debug)]
struct Stopping {
    asked: Arc<AtomicBool>,
    running: Arc<Mutex<Option<Controller>>>,
}

impl Stopping {
    /// Reads commands as long as somebody can send any: all that end a run end the search.
    fn watch(controlled: Controlled) -> Result<Stopping, Fatal> {
        let stopping = Stopping { asked: Arc::default(), running: Arc::default() };
        let watcher = stopping.clone();
        let thread = std::thread::Builder::new().name("sipp-find-max".into());
        let spawned = thread.spawn(move || {
            for command in controlled.receiver {
                if matches!(command, Command::Quit | Command::ForceQuit | Command::Interrupt) {
                    watcher.asked.store(true, Ordering::Relaxed);
                    if let Some(controller) = &*watcher.running() {
                        controller.ask(Command::ForceQuit);
                    }
                }
            }
        });
        match spawned {
            Ok(_) => Ok(stopping),
            Err(error) => Err(Fatal::late(format!("Unable to start a thread: {error}"))),
        }
    }

    fn is_asked(&self) -> bool {
        self.asked.load(Ordering::Relaxed)
    }

    fn now_running(&self, controller: Option<Controller>) {
        *self.running() = controller;
    }

    fn running(&self) -> std::sync::MutexGuard<'_, Option<Controller>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A line for whoever watches.
fn say(console: &mut Console, line: &str) {
    // A closed stdout is no reason to stop: the document may be what is wanted.
    let _ = writeln!(console.out, "{line}").and_then(|()| console.out.flush());
}

/// How long after the last call of a step its open calls may take, beyond the pauses of the scenario.
const GRACE: Duration = Duration::from_secs(4);
/// Rest after a step that held.
const SHORT_REST: Duration = Duration::from_millis(200);
/// Rest after one that did not: retransmissions have to die away.
const LONG_REST: Duration = Duration::from_secs(1);
