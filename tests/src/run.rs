//! Runs one case: fills placeholders in, starts the programs, compares.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::case::{Case, Expect, Step};
use crate::impair::Impair;
use crate::programs::{self, Missing, Running};
use crate::words::Words;
use crate::{closing, ports};

/// How a case ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything expected came out.
    Passed,
    /// A packaged original is missing.
    Skipped(String),
    /// What differed, with the programs' last words.
    Failed(String),
}

/// A verdict as a test's result; a comparison left out is a failure when `CI=true`.
pub fn conclude(verdict: Verdict) -> Result<(), String> {
    match verdict {
        Verdict::Passed => Ok(()),
        Verdict::Skipped(why) if std::env::var("CI").as_deref() == Ok("true") => {
            Err(format!("left out, which CI does not allow: {why}"))
        }
        Verdict::Skipped(_) => Ok(()),
        Verdict::Failed(what) => Err(what),
    }
}

/// Runs `case` with the words of one variant in a fresh directory below `scratch`.
pub fn run(case: &Case, words: &BTreeMap<String, String>, scratch: &Path) -> Verdict {
    let variant = words.get("name").map_or("", String::as_str);
    let directory = scratch.join(format!("{}-{variant}", case.name.replace('/', "-")));
    let mut run = Run { words: Words::new(words.clone()), directory, running: Vec::new(), links: Vec::new() };
    let result = run.prepare(case).and_then(|()| run.steps(case));
    match result {
        Ok(()) => {
            drop(run.running);
            let _ = fs::remove_dir_all(&run.directory);
            Verdict::Passed
        }
        Err(Trouble::Skip(why)) => Verdict::Skipped(why),
        Err(Trouble::Fail(what)) => Verdict::Failed(format!("{what}\n{}", run.last_words())),
    }
}

enum Trouble {
    Skip(String),
    Fail(String),
}

impl From<String> for Trouble {
    fn from(what: String) -> Trouble {
        Trouble::Fail(what)
    }
}

/// What `{peer_calls}` means unless the environment says otherwise: enough to meet what one call does not.
const PEER_CALLS: u32 = 100;

struct Run {
    words: Words,
    directory: PathBuf,
    running: Vec<(Running, Step)>,
    links: Vec<Impair>,
}

impl Run {
    fn prepare(&mut self, case: &Case) -> Result<(), Trouble> {
        let _ = fs::remove_dir_all(&self.directory);
        fs::create_dir_all(&self.directory).map_err(|error| error.to_string())?;
        let top = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new(".")).to_path_buf();
        self.words.insert("dir", self.directory.display().to_string());
        self.words.insert("top", top.display().to_string());
        let calls = std::env::var("PEER_CALLS").unwrap_or_else(|_| PEER_CALLS.to_string());
        self.words.insert("peer_calls", calls);
        if let Ok(path) = programs::locate("sip-proxy") {
            self.words.insert("proxy_path", path.display().to_string());
        }
        self.words.settle()?;
        let own = fs::read_dir(&case.folder).map_err(|error| error.to_string())?;
        let mut files: Vec<PathBuf> = own.filter_map(Result::ok).map(|entry| entry.path()).collect();
        let area = case.folder.parent().unwrap_or(&case.folder);
        files.extend(case.plan.parts.iter().map(|part| area.join("parts").join(part)));
        for file in files {
            self.words
                .copy(&file, &self.directory)
                .map_err(|error| format!("{}: {error}", file.display()))?;
        }
        Ok(())
    }

    fn steps(&mut self, case: &Case) -> Result<(), Trouble> {
        for (number, step) in case.plan.step.iter().enumerate() {
            self.step(number, step)?;
        }
        while !self.running.is_empty() {
            let (mut program, step) = self.running.remove(0);
            let result = if step.expect.exit.is_some() {
                program.wait(Duration::from_secs(step.timeout_s)).map(Some)
            } else {
                program.end();
                Ok(None)
            };
            let checked = result.and_then(|status| self.check(&program, status, &step));
            if let Err(what) = checked {
                self.running.insert(0, (program, step));
                return Err(Trouble::Fail(what));
            }
        }
        Ok(())
    }

    fn step(&mut self, number: usize, step: &Step) -> Result<(), Trouble> {
        let name = self.words.fill(&step.program)?;
        let args: Vec<String> = self.words.fill(&step.args)?.split_whitespace().map(str::to_string).collect();
        if name == "impair" {
            self.links.push(link(&args)?);
            return Ok(());
        }
        let path = programs::locate(&name).map_err(|missing| match missing {
            Missing::Original(what) => Trouble::Skip(what),
            Missing::Broken(what) => Trouble::Fail(what),
        })?;
        let args = self.with_housekeeping(&name, args);
        let mut program = Running::start(&path, &args, &self.directory, &format!("{number}-{name}"))?;
        let limit = Duration::from_secs(step.timeout_s);
        let Some(port) = &step.ready else {
            let ended = program.wait(limit).and_then(|status| self.check(&program, Some(status), step));
            self.running.push((program, Step { expect: Expect::default(), ..step.clone() }));
            return ended.map_err(Trouble::Fail);
        };
        let port = self.words.port(port)?;
        let table = if self.words.fill(&step.ready_on)?.starts_with('t') { "tcp" } else { "udp" };
        let ready = program.wait_until(limit, || ports::is_bound(table, port));
        self.running.push((program, step.clone()));
        ready.map_err(Trouble::Fail)
    }

    /// What the packaged Kamailio needs to run beside others, unprivileged, in its own directory.
    fn with_housekeeping(&self, program: &str, mut args: Vec<String>) -> Vec<String> {
        if program == "kamailio" {
            let directory = self.directory.display().to_string();
            let pid = format!("{directory}/kamailio.pid");
            let more = ["-DD", "-E", "-m", "64", "-M", "8", "-w", &directory, "-Y", &directory, "-P", &pid];
            args.extend(more.iter().map(ToString::to_string));
        }
        args
    }

    fn check(&mut self, program: &Running, status: Option<ExitStatus>, step: &Step) -> Result<(), String> {
        let expect = &step.expect;
        let mut wrong = Vec::new();
        if let (Some(status), Some(code)) = (status, expect.exit)
            && status.code() != Some(code)
        {
            let signal = status.signal().map(|signal| format!(" (signal {signal})")).unwrap_or_default();
            wrong.push(format!("exit {:?}{signal}, expected {code}", status.code()));
        }
        let (out, err) = (program.output("out"), program.output("err"));
        for (row, count) in [("Successful call", &expect.successful), ("Failed call", &expect.failed)] {
            let Some(count) = count else { continue };
            let (seen, count) = (closing::cumulative(&out, row), self.words.fill(count)?);
            if seen.map(|seen| seen.to_string()).as_ref() != Some(&count) {
                wrong.push(format!("{row}: {seen:?}, expected {count}"));
            }
        }
        let holds = [("standard output", &out, &expect.stdout), ("standard error", &err, &expect.stderr)];
        for (place, text, wanted) in holds {
            for want in wanted {
                let want = self.words.fill(want)?;
                if !text.contains(&want) {
                    wrong.push(format!("no {want:?} in {place}"));
                }
            }
        }
        for (name, wanted) in &expect.file {
            let text = self.read_matching(name);
            wrong.extend(
                wanted.iter().filter(|want| !text.contains(*want)).map(|w| format!("no {w:?} in {name}")),
            );
        }
        if wrong.is_empty() { Ok(()) } else { Err(format!("{}: {}", program.label, wrong.join("; "))) }
    }

    /// All files of the directory whose names fit `pattern` (one `*`), joined.
    fn read_matching(&self, pattern: &str) -> String {
        let (start, end) = pattern.split_once('*').unwrap_or((pattern, ""));
        let entries = fs::read_dir(&self.directory).into_iter().flatten().filter_map(Result::ok);
        let fitting = entries.filter(|entry| {
            let name = entry.file_name().to_string_lossy().into_owned();
            if pattern.contains('*') {
                name.starts_with(start) && name.ends_with(end)
            } else {
                name == pattern
            }
        });
        fitting
            .map(|entry| String::from_utf8_lossy(&fs::read(entry.path()).unwrap_or_default()).into_owned())
            .collect()
    }

    fn last_words(&self) -> String {
        let mut text = format!("directory: {}\n", self.directory.display());
        for (program, _) in &self.running {
            for ending in ["out", "err"] {
                let output = program.output(ending);
                let lines: Vec<&str> = output.lines().rev().take(30).collect();
                let lines: Vec<&str> = lines.into_iter().rev().collect();
                text.push_str(&format!("--- {}.{ending}\n{}\n", program.label, lines.join("\n")));
            }
        }
        text
    }
}

/// `LISTEN SERVER KIND,KIND…`; kinds are written with `_` for the blank.
fn link(args: &[String]) -> Result<Impair, String> {
    let [listen, server, drops] = args else {
        return Err("impair takes: LISTEN SERVER KIND,KIND".to_string());
    };
    let port = |text: &str| text.parse::<u16>().map_err(|_| format!("impair: {text} is no port"));
    let drops = drops.split(',').map(|kind| kind.replace('_', " ")).collect();
    Impair::start(port(listen)?, port(server)?, drops).map_err(|error| format!("impair: {error}"))
}
