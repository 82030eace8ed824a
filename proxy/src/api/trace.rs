//! What runs went through, for people: the blocks, lines, functions, return codes and microseconds of
//! `--trace-call`, and the `cfgtrace` lines of module debugger.
//!
//! The running script tells its steps; lines come out for the shell. The clock is a function of the shell's, as
//! nothing in a run may read one.

use std::time::Duration;

use bytes::Bytes;

use super::flow::{End, EndedBy};
use super::log::{Level, Log};
use super::routes::Statement;

/// Collects the lines of a shard.
#[derive(Debug, Default)]
pub struct Trace {
    /// The clock of `--trace-call`; `None` when that was not asked for.
    clock: Option<fn() -> Duration>,
    /// Module debugger's trace.
    pub cfgtrace: Option<CfgTrace>,
    lines: Vec<String>,
    started: Duration,
    depth: usize,
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
        Trace { clock: Some(clock), ..Trace::default() }
    }

    /// A run begins on a message.
    pub fn run_begins(&mut self, block: &str, first_line: &str) {
        let Some(clock) = self.clock else { return };
        self.started = clock();
        self.depth = 0;
        self.line(first_line.to_owned());
        self.block_begins(block);
    }

    /// A run has ended.
    pub fn run_ends(&mut self, end: End) {
        let by = match end.by {
            EndedBy::Return => "end",
            EndedBy::Zero => "return 0",
            EndedBy::Exit => "exit",
            EndedBy::Drop => "drop",
        };
        let micros = self.micros_since(self.started);
        self.depth = 0;
        self.line(format!("  {by}, value {}, {micros} us in all", end.code));
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

    /// A function of the script has answered, with this code if it went on.
    pub fn called(&mut self, place: &str, name: &str, code: Option<i64>, since: Duration) {
        if self.clock.is_none() {
            return;
        }
        let micros = self.micros_since(since);
        let code = code.map_or_else(|| "ends the script or runs a block".to_owned(), |code| code.to_string());
        let indent = 2 + 2 * self.depth;
        self.line(format!("{:indent$}{place}  {name}() = {code}, {micros} us", ""));
    }

    /// The time by the trace's clock.
    pub fn now(&self) -> Duration {
        self.clock.map_or(Duration::ZERO, |clock| clock())
    }

    /// Takes the lines written since the last call, oldest first.
    pub fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.lines)
    }

    fn micros_since(&self, since: Duration) -> u128 {
        self.now().saturating_sub(since).as_micros()
    }

    fn line(&mut self, line: String) {
        if self.clock.is_some() && self.lines.len() < LINES_LIMIT {
            self.lines.push(line);
        }
    }
}

/// Statements that have a line of their own; functions are told with their codes.
const CALLS_ONLY: [&str; 8] = ["assign", "if", "while", "switch", "return", "exit", "drop", "break"];
