//! SIP proxy with the Kamailio configuration language: the map of the crate.
//!
//! Text becomes a script ([`cfg`], [`script`], with the tables of [`core`] and [`modules`] after the contract of
//! [`api`]); [`relay`] is the proxy of RFC 3261 16 without any script; [`server`] is the shell with sockets and
//! threads. [`run`] and [`check`] are the program without its command line.

pub mod api;
pub mod cfg;
pub mod core;
pub mod modules;
pub mod options;
pub mod relay;
pub mod script;
pub mod server;
pub mod trial;

use std::fmt;
use std::io;

use bytes::Bytes;
use sip::diag::Diagnostic;

use cfg::{DiskLoader, Loader};
use options::Options;
use server::{LogSink, Outcome, Plan, Server, Source, StartError};

/// The configuration that runs when none is given.
pub const DEFAULT_CONFIG: &str = include_str!("default.cfg");

/// Why the program does not run.
#[derive(Debug)]
pub enum Failure {
    /// The configuration file cannot be read.
    Unreadable {
        /// Its name.
        file: String,
        /// Why not.
        error: io::Error,
    },
    /// The configuration has errors: all findings.
    Configuration(Vec<Diagnostic>),
    /// An option says something that cannot be done: one line for the user.
    Option(String),
    /// Sockets or threads could not be made.
    Start(StartError),
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Unreadable { file, error } => write!(f, "cannot read {file}: {error}"),
            Failure::Configuration(findings) => {
                findings.iter().try_for_each(|finding| writeln!(f, "{finding}"))?;
                let errors = findings.iter().filter(|it| it.severity == sip::diag::Severity::Error).count();
                write!(f, "{errors} error{} in the configuration", if errors == 1 { "" } else { "s" })
            }
            Failure::Option(text) => f.write_str(text),
            Failure::Start(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for Failure {}

/// Loads the configuration of the options and tells the warnings. Errors: see [`Failure`]; all that is wrong.
pub fn check(options: &Options) -> Result<Vec<Diagnostic>, Failure> {
    prepare(options, |_| {}).map(|(_, findings)| findings)
}

/// Starts a server as the options say; `log` gets its log lines. Gives the warnings too.
///
/// Several may run in one process. Errors: see [`Failure`]; nothing keeps running then.
pub fn run(options: &Options, log: LogSink) -> Result<(Server, Vec<Diagnostic>), Failure> {
    let (plan, findings) = prepare(options, log)?;
    Server::start(plan).map(|server| (server, findings)).map_err(Failure::Start)
}

fn prepare(options: &Options, log: LogSink) -> Result<(Plan, Vec<Diagnostic>), Failure> {
    let (name, text) = match &options.config {
        Some(file) => {
            let unreadable = |error| Failure::Unreadable { file: file.clone(), error };
            (file.as_str(), DiskLoader.read(file).map_err(unreadable)?)
        }
        None => ("default.cfg", Bytes::from_static(DEFAULT_CONFIG.as_bytes())),
    };
    let source = Source { name, text, preset: &options.preset };
    let Outcome { plan, findings } = server::load(&source, &DiskLoader, log);
    let Some(mut plan) = plan else { return Err(Failure::Configuration(findings)) };
    server::override_plan(&mut plan, options).map_err(Failure::Option)?;
    Ok((plan, findings))
}
