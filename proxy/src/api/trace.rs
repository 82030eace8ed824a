//! What runs went through, for people: the blocks, lines, functions, return codes and microseconds of
//! `--trace-call`, the `cfgtrace` lines of module debugger, and what took too long.
//!
//! The running script tells its steps; lines come out for the shell. The clock is a function of the shell's, as
//! nothing in a run may read one.

use std::time::Duration;

use bytes::Bytes;

use super::flow::{End, EndedBy};
use super::latency::Latency;
use super::log::{Level, Log};
use super::routes::{RouteKind, Statement};

/// Collects the lines of a shard.
#[derive(Debug, Default)]
pub struct Trace {
    /// What times are measured with; `None`: all is told without times.
    clock: Option<fn() -> Duration>,
    /// `--trace-call` was asked for.
    shows_calls: bool,
    /// Module debugger's trace.
    pub cfgtrace: Option<CfgTrace>,
    /// What `latency_limit_action` and its kin ask for.
    pub latency: Option<Latency>,
    lines: Vec<String>,
    depth: usize,
}

/// A function of the script that has answered.
#[derive(Debug)]
pub struct Called<'c> {
    /// File and line.
    pub place: &'c str,
    /// Its name.
    pub name: &'c str,
    /// What it answered, if the run goes on.
    pub code: Option<i64>,
    /// When it was called, by [`Trace::now`].
    pub since: Duration,
}

/// How module debugger writes a line for each action.
#[derive(Clone, Debug)]
pub struct CfgTrace {
    /// The level of the lines.
    pub level: Level,
    /// What they start with.
    pub prefix: Bytes,
}

/// Most lines kept for the shell; it collects them after each message.
const LINES_LIMIT: usize = 10_000;

impl Trace {
    /// A trace as `--trace-call` wants it, with this clock.
    pub fn of_calls(clock: fn() -> Duration) -> Trace {
        Trace { shows_calls: true, ..Trace::measured_with(clock) }
    }

    /// A trace that shows nothing by itself.
    pub fn measured_with(clock: fn() -> Duration) -> Trace {
        Trace { clock: Some(clock), ..Trace::default() }
    }

    /// A run begins on a message.
    pub fn run_begins(&mut self, block: &str, first_line: &str) {
        self.depth = 0;
        self.line(first_line.to_owned());
        self.block_begins(block);
    }

    /// A run that began at `since` has ended.
    pub fn run_ends(&mut self, log: &mut Log, kind: RouteKind, end: End, since: Duration) {
        let took = self.now().saturating_sub(since);
        if let (Some(latency), RouteKind::Request) = (&self.latency, kind) {
            latency.routed(log, took);
        }
        let by = match end.by {
            EndedBy::Return => "end",
            EndedBy::Zero => "return 0",
            EndedBy::Exit => "exit",
            EndedBy::Drop => "drop",
        };
        self.depth = 0;
        self.line(format!("  {by}, value {}, {} us in all", end.code, took.as_micros()));
    }

    /// A run is put aside.
    pub fn run_waits(&mut self) {
        self.line("    ... waits for something outside".to_owned());
    }

    /// A block begins.
    pub fn block_begins(&mut self, block: &str) {
        self.line(format!("{:indent$}{block}", "", indent = 2 + 2 * self.depth));
        self.depth += 1;
    }

    /// The blocks that are left now, counted from the outermost.
    pub fn is_at(&mut self, depth: usize) {
        self.depth = depth;
    }

    /// A statement begins.
    pub fn statement(&mut self, log: &mut Log, block: &str, it: &Statement) {
        if let Some(CfgTrace { level, prefix }) = &self.cfgtrace {
            let (kind, name) = block.split_once('[').unwrap_or((block, "DEFAULT_ROUTE]"));
            let name = name.trim_end_matches(']');
            let text = format!(" {kind}=[{name}] c=[{}] l={} n={}", it.file, it.line, it.action);
            log.write(*level, &[&prefix[..], text.as_bytes()].concat());
        }
        if !CALLS_ONLY.contains(&it.action) {
            return;
        }
        self.line(format!(
            "{:indent$}{}:{}  {}",
            "",
            it.file,
            it.line,
            it.action,
            indent = 2 + 2 * self.depth
        ));
    }

    /// A function of the script has answered.
    pub fn called(&mut self, log: &mut Log, call: &Called<'_>) {
        let took = self.now().saturating_sub(call.since);
        if let Some(latency) = &self.latency {
            latency.called(log, call.place, call.name, took);
        }
        if !self.shows_calls {
            return;
        }
        let code =
            call.code.map_or_else(|| "ends the script or runs a block".to_owned(), |code| code.to_string());
        let indent = 2 + 2 * self.depth;
        let Called { place, name, .. } = call;
        self.line(format!("{:indent$}{place}  {name}() = {code}, {} us", "", took.as_micros()));
    }

    /// The time by the trace's clock.
    pub fn now(&self) -> Duration {
        self.clock.map_or(Duration::ZERO, |clock| clock())
    }

    /// Takes the lines written since the last call, oldest first.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn line(&mut self, line: String) {
        if self.shows_calls && self.lines.len() < LINES_LIMIT {
            self.lines.push(line);
        }
    }
}

/// Statements that have a line of their own; functions are told with their codes.
const CALLS_ONLY: [&str; 8] = ["assign", "if", "while", "switch", "return", "exit", "drop", "break"];
