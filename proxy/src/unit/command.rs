//! The command line of `sip-proxy test` and what it prints.

use std::time::Duration;

use super::{Setup, Verdict, junit, run_file};
use crate::cfg::Preset;
use crate::script::Coverage;

/// What `sip-proxy test` was asked for.
#[derive(Clone, Debug, Default)]
pub struct Command {
    /// The configuration.
    pub config: String,
    /// Files of tests.
    pub files: Vec<String>,
    /// Where the JUnit document goes.
    pub junit: Option<String>,
    /// Where the coverage goes.
    pub coverage: Option<String>,
    /// Whether what each message goes through is printed.
    pub trace_calls: bool,
    /// What is defined before the first line.
    pub preset: Preset,
}

/// What came of all tests.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The text for the user.
    pub text: String,
    /// Whether every test passed.
    pub is_good: bool,
}

impl Command {
    /// Reads the words behind `test`. Errors: one line for the user.
    pub fn read(words: &[String]) -> Result<Command, String> {
        let mut command = Command::default();
        let mut words = words.iter().map(String::as_str);
        while let Some(word) = words.next() {
            let mut value =
                || words.next().map(str::to_owned).ok_or(format!("option {word} requires a value"));
            match word {
                "--junit" => command.junit = Some(value()?),
                "--coverage" => command.coverage = Some(value()?),
                "--trace-call" => command.trace_calls = true,
                "-A" => command.preset.defines.push(value()?),
                option if option.starts_with('-') => return Err(format!("unknown option {option}. {USAGE}")),
                file if command.config.is_empty() => command.config = file.to_owned(),
                file => command.files.push(file.to_owned()),
            }
        }
        if command.files.is_empty() { Err(USAGE.to_owned()) } else { Ok(command) }
    }
}

const USAGE: &str = "Usage: sip-proxy test [-A define] [--junit FILE] [--coverage FILE] [--trace-call] config.cfg tests.toml...";

/// Runs all tests and writes the files asked for. `clock` is for the trace.
///
/// Errors: a file that cannot be used, one text.
pub fn run(command: &Command, clock: fn() -> Duration) -> Result<Outcome, String> {
    let trace = command.trace_calls.then_some(clock);
    let setup = Setup { config: &command.config, preset: &command.preset, trace };
    let mut coverage = Coverage::default();
    let mut verdicts = Vec::new();
    for file in &command.files {
        verdicts.extend(run_file(&setup, file, &mut coverage)?);
    }
    let write = |file: &str, text: String| {
        std::fs::write(file, text).map_err(|error| format!("cannot write {file}: {error}"))
    };
    if let Some(file) = &command.junit {
        write(file, junit::document(&verdicts))?;
    }
    let mut text = told(&verdicts);
    if let Some(file) = &command.coverage {
        write(file, coverage.lcov())?;
        let (hit, all) = coverage.lines();
        text.push_str(&format!("{hit} of {all} lines with statements ran, see {file}\n"));
    }
    Ok(Outcome { text, is_good: verdicts.iter().all(|verdict| verdict.failure.is_none()) })
}

fn told(verdicts: &[Verdict]) -> String {
    let mut out = String::new();
    for suite in verdicts.chunk_by(|one, next| one.file == next.file) {
        out.push_str(&format!("{}\n", suite[0].file));
        for Verdict { name, failure, trace, .. } in suite {
            out.push_str(&format!("  {}  {name}\n", if failure.is_some() { "FAIL" } else { "ok  " }));
            if let Some(why) = failure {
                why.lines().for_each(|line| out.push_str(&format!("        {line}\n")));
            }
            trace.iter().for_each(|line| out.push_str(&format!("      | {line}\n")));
        }
    }
    let failed = verdicts.iter().filter(|verdict| verdict.failure.is_some()).count();
    out.push_str(&format!("{} tests, {failed} failed\n", verdicts.len()));
    out
}
