//! SIP proxy with the Kamailio configuration language: the map of the crate.
//!
//! Text becomes a script ([`mod@cfg`], [`script`], with the tables of [`core`] and [`modules`] after the contract of
//! [`api`]); [`relay`] is the proxy of RFC 3261 16 without any script; [`server`] is the shell with sockets and
//! threads. [`run`] and [`check`] are the program without its command line.

pub mod api;
pub mod cfg;
pub mod core;
pub mod machine;
pub mod modules;
pub mod options;
pub mod relay;
pub mod script;
pub mod server;
pub mod store;
pub mod trial;
pub mod unit;

use std::fmt;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use sip::diag::{Diagnostic, Report};

use cfg::{DiskLoader, Loader};
use options::Options;
use script::Script;
use server::{LogSink, Outcome, Plan, Server, Source, StartError, TraceSink};

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

/// What `-c` says of a configuration.
#[derive(Debug)]
pub struct Verdict {
    /// All findings in the form that `--format` asks for.
    pub report: String,
    /// Whether there is no error among them.
    pub is_good: bool,
    /// With `-v`: what becomes of each global parameter that is set, one line each with its place.
    pub parameters: String,
}

/// Loads the configuration of the options and tells everything that is wrong with it.
///
/// Errors: [`Failure::Unreadable`] and [`Failure::Option`].
pub fn check(options: &Options) -> Result<Verdict, Failure> {
    let (name, text) = configuration(options)?;
    let source = Source { name, text, preset: &options.preset, before: None };
    let Outcome { plan, findings, sources, parameters } = server::load(&source, &DiskLoader, |_| {});
    let parameters = if options.verbose { parameters.join("") } else { String::new() };
    let rules: Vec<_> = cfg::codes::ALL.iter().chain(script::CODES).copied().collect();
    let report =
        Report { tool: "sip-proxy", version: env!("CARGO_PKG_VERSION"), rules: &rules, findings: &findings };
    let report = report.render(options.format, |name| sources.text_named(name));
    let Some(mut plan) = plan else { return Ok(Verdict { report, is_good: false, parameters }) };
    server::override_plan(&mut plan, options).map_err(Failure::Option)?;
    Ok(Verdict { report, is_good: true, parameters })
}

/// The configuration with includes, defines and conditions in place, as `--cfg-print` shows it.
///
/// Errors: [`Failure::Unreadable`] and [`Failure::Configuration`].
pub fn evaluated(options: &Options) -> Result<Vec<u8>, Failure> {
    let (name, text) = configuration(options)?;
    let parsed = cfg::parse_text(name, text, &options.preset, &DiskLoader);
    if parsed.has_errors() {
        Err(Failure::Configuration(parsed.diagnostics))
    } else {
        Ok(cfg::print(&parsed.config))
    }
}

/// Starts a server as the options say; `log` gets its log lines, `trace` what `--trace-call` tells. Gives the
/// warnings too.
///
/// Several may run in one process. Errors: see [`Failure`]; nothing keeps running then.
pub fn run(options: &Options, log: LogSink, trace: TraceSink) -> Result<(Server, Vec<Diagnostic>), Failure> {
    let (mut plan, findings) = prepare(options, None, log)?;
    plan.trace = options.trace_calls.then_some(trace);
    Server::start(plan).map(|server| (server, findings)).map_err(Failure::Start)
}

/// Loads the configuration of the options again and lets a running server run it from now on.
///
/// Sockets, threads and what modules keep stay. Errors: [`Failure::Unreadable`] and [`Failure::Configuration`];
/// the server then goes on as before.
pub fn reload(options: &Options, server: &mut Server) -> Result<Vec<Diagnostic>, Failure> {
    let (plan, findings) = prepare(options, Some(server.script()), |_| {})?;
    server::prepare(&plan.script).map_err(|lines| Failure::Start(StartError::Databases(lines)))?;
    server.take_script(&plan.script, plan.debug);
    Ok(findings)
}

fn prepare(
    options: &Options,
    before: Option<&Script>,
    log: LogSink,
) -> Result<(Plan, Vec<Diagnostic>), Failure> {
    let (name, text) = configuration(options)?;
    let source = Source { name, text, preset: &options.preset, before };
    let Outcome { plan, findings, .. } = server::load(&source, &DiskLoader, log);
    let Some(mut plan) = plan else { return Err(Failure::Configuration(findings)) };
    server::override_plan(&mut plan, options).map_err(Failure::Option)?;
    plan.log = log_sink(&plan.script, plan.log);
    if options.coverage.is_some() {
        Arc::get_mut(&mut plan.script).expect("nobody else has it yet").count_hits();
    }
    Ok((plan, findings))
}

/// Where log lines go: to the system's log unless `log_stderror` is on or the machine has none, else to standard
/// error in the form that `log_engine_type` and `log_color` ask for; `plain` when they ask for nothing.
fn log_sink(script: &Script, plain: LogSink) -> LogSink {
    let catalog = &script.catalog;
    let text = |name: &str, default: &str| {
        catalog.setting(name).map_or_else(|| default.to_owned(), api::Value::to_display)
    };
    if catalog.setting_int("log_stderror", 0) == 0
        && server::syslog::open(&text("log_facility", "LOG_DAEMON"), &text("log_name", "sip-proxy"))
    {
        return server::syslog::write;
    }
    match &*text("log_engine_type", "") {
        "json" => server::stderr::json,
        _ if catalog.setting_int("log_color", 0) != 0 => server::stderr::coloured,
        _ => plain,
    }
}

/// Name and text of the configuration that the options ask for.
fn configuration(options: &Options) -> Result<(&str, Bytes), Failure> {
    match &options.config {
        Some(file) => {
            let unreadable = |error| Failure::Unreadable { file: file.clone(), error };
            Ok((file, DiskLoader.read(file).map_err(unreadable)?))
        }
        None => Ok(("default.cfg", Bytes::from_static(DEFAULT_CONFIG.as_bytes()))),
    }
}
