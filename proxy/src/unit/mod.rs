//! Tests of configurations: `sip-proxy test config.cfg tests/*.toml`.
//!
//! A file of tests says what comes in and what must come out (`file.rs`); a stage runs the configuration in memory
//! (`stage.rs`): no socket is opened, names come from the file, and time passes only when a test says so. Each test
//! has a stage of its own.

mod command;
mod expect;
mod file;
mod junit;
mod message;
mod stage;

use std::path::Path;
use std::time::Duration;

use crate::cfg::{DiskLoader, Preset};
use crate::script::Coverage;
use crate::server::{self, Plan, Source};

pub use command::{Command, run};

use file::{Step, Test, TestFile};
use stage::Stage;

/// How one test went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The file of tests.
    pub file: String,
    /// The name of the test.
    pub name: String,
    /// What was not as expected, with the number of the step; `None` for a test that passed.
    pub failure: Option<String>,
    /// What each message went through, when that was asked for.
    pub trace: Vec<String>,
}

/// What the tests are run with.
#[derive(Debug)]
pub struct Setup<'a> {
    /// Path of the configuration.
    pub config: &'a str,
    /// What the command line defines.
    pub preset: &'a Preset,
    /// The clock of a trace; `None` for none.
    pub trace: Option<fn() -> Duration>,
}

/// Runs all tests of a file. What ran of the configuration is added to `coverage`.
///
/// Errors: the file or the configuration cannot be used; one text with everything that is wrong.
pub fn run_file(setup: &Setup<'_>, path: &str, coverage: &mut Coverage) -> Result<Vec<Verdict>, String> {
    let tests = TestFile::read(Path::new(path))?;
    let mut verdicts = Vec::new();
    for test in &tests.test {
        let mut plan = load(setup)?;
        let script = std::sync::Arc::get_mut(&mut plan.script).expect("nobody else has it yet");
        script.count_hits();
        let mut stage = Stage::new(plan, &tests.hosts, setup.trace);
        let failure = run_test(&mut stage, test).err();
        coverage.add(stage.script());
        let trace = stage.take_trace();
        verdicts.push(Verdict { file: path.to_owned(), name: test.name.clone(), failure, trace });
    }
    Ok(verdicts)
}

/// A plan anew for each test, so that no test sees what another one left.
fn load(setup: &Setup<'_>) -> Result<Plan, String> {
    let text =
        std::fs::read(setup.config).map_err(|error| format!("cannot read {}: {error}", setup.config))?;
    let source = Source { name: setup.config, text: text.into(), preset: setup.preset, before: None };
    let outcome = server::load(&source, &DiskLoader, |_| {});
    outcome.plan.ok_or_else(|| {
        let lines: Vec<String> = outcome.findings.iter().map(ToString::to_string).collect();
        lines.join("\n")
    })
}

fn run_test(stage: &mut Stage, test: &Test) -> Result<(), String> {
    for (at, step) in test.step.iter().enumerate() {
        run_step(stage, step).map_err(|why| format!("step {}: {why}", at + 1))?;
    }
    Ok(())
}

fn run_step(stage: &mut Stage, step: &Step) -> Result<(), String> {
    let variables: Vec<&str> = step.variables.keys().map(String::as_str).collect();
    stage.watch(&variables)?;
    match (&step.send, &step.answer, &step.wait) {
        (Some(_), None, None) => stage.send(step)?,
        (None, Some(status), None) => stage.answer(step, status)?,
        (None, None, Some(span)) => stage.wait(file::duration(span)?),
        _ => return Err("a step has one of send, answer and wait".to_owned()),
    }
    if let Some(expected) = &step.expect {
        expect::messages(expected, stage.came_out())?;
    }
    expect::lines(&step.log, stage.logged())?;
    expect::no_lines(&step.no_log, stage.logged())?;
    expect::variables(&step.variables, stage.watched())
}

#[cfg(test)]
mod tests;
