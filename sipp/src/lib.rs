//! SIPp-compatible test tool: the map of the crate.
//!
//! Rooms of the shell: [`options`] (command line), `traffic` (when calls start), `stats` (what is counted
//! and how it is written), `page` (HTML), `recorder` (what failed calls
//! said), `screen` (live terminal), [`engine`] (sockets, clock, files; imports all others).
//!
//! Rooms of the scenario language, lowest first: [`state`] (what a call remembers), [`infile`] (injection
//! files), [`media`] (streams and captures), [`lang`] (keywords, actions, distributions), [`scenario`] (XML to
//! program), [`call`] (the machine), [`dry_run`] (two scenarios against each other without sockets).

pub mod call;
pub mod dry_run;
pub mod engine;
mod exit;
pub mod infile;
pub mod lang;
pub mod media;
pub mod options;
mod page;
mod recorder;
pub mod scenario;
mod screen;
pub mod state;
mod stats;
mod traffic;

use std::io::Write;

use engine::{Console, Controlled, Controller};
use options::{Invocation, Options, Task, Topic};

pub use exit::Exit;

/// What a command line comes to.
pub enum Plan {
    /// A run, to be started with [`engine::run`].
    Run(Box<Options>),
    /// A text to be shown; the process ends with this code then.
    Told(Exit, String),
    /// Everything was said already; the process ends with this code.
    Done(Exit),
}

/// Reads the words behind the program's name and answers those that ask for a text.
pub fn plan(words: &[String], console: &mut Console) -> Plan {
    let (exit, text) = match options::read(words) {
        Ok(Invocation::Run(options)) => {
            return match options.tools.task {
                None => Plan::Run(options),
                Some(Task::Check) => Plan::Done(engine::check(&options, console)),
                Some(Task::DryRun) => Plan::Done(engine::rehearse(&options, console)),
            };
        }
        Ok(Invocation::Help(topic)) => (Exit::NoRun, topic.text()),
        Ok(Invocation::Version) => (Exit::NoRun, options::version()),
        Ok(Invocation::Dump(name)) => match scenario::builtin::text(&name) {
            Some(text) => (Exit::NoRun, text.to_owned()),
            None => {
                engine::complain(&mut console.err, &format!("Invalid default scenario name '{name}'"));
                (Exit::Failed, String::new())
            }
        },
        Err(refusal) => {
            let help = if refusal.with_help { Topic::Options.text() } else { String::new() };
            engine::complain(&mut console.err, &refusal.text);
            (Exit::Failed, help)
        }
    };
    Plan::Told(exit, text)
}

/// Reads a command line and does what it says, in this process: what `main` does, without signals.
pub fn run(words: &[String], mut console: Console, control: (Controller, Controlled)) -> Exit {
    match plan(words, &mut console) {
        Plan::Run(options) => engine::run(&options, console, control),
        Plan::Told(exit, text) => {
            // A closed stdout must not hide the exit code.
            let _ = console.out.write_all(text.as_bytes()).and_then(|()| console.out.flush());
            exit
        }
        Plan::Done(exit) => exit,
    }
}
