//! Command line of `sip-proxy`: options -> run -> exit code.
//!
//! Findings and log lines go to standard error, what was asked for to standard output. Exit codes: 0; 1 for what
//! `-c` and `test` found wrong; 255, as Kamailio's, for everything that keeps it from running.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "this is the terminal side of the program")]

use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;

use proxy::options::{Action, Options, help, read};
use proxy::script::{Coverage, Script};
use proxy::server::{self, Server};
use proxy::unit::{Command, run as run_tests};
use sip::diag::Format;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What Kamailio exits with when it does not start.
const FAILED: u8 = 255;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.split_first() {
        Some((first, rest)) if first == "db" => return db(rest),
        Some((first, rest)) if first == "test" => return test(rest),
        _ => {}
    }
    let options = match read(arguments) {
        Ok(options) => options,
        Err(refusal) => return fail(&refusal),
    };
    match options.action {
        Action::Help => print!("{}", help()),
        Action::Version | Action::Internals => println!("{VERSION}"),
        Action::PrintDefault => print!("{}", proxy::DEFAULT_CONFIG),
        Action::PrintEvaluated => match proxy::evaluated(&options) {
            // A reader that went away needs no message.
            Ok(text) => drop(std::io::stdout().write_all(&text)),
            Err(failure) => return fail(&failure),
        },
        Action::Check => return check(&options),
        Action::Run => match move_to_workdir(options) {
            Ok(options) => return run(&options),
            Err(refusal) => return fail(&refusal),
        },
    }
    ExitCode::SUCCESS
}

/// `sip-proxy db ...`
fn db(arguments: &[String]) -> ExitCode {
    match server::db_tool(arguments) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => fail(&why),
    }
}

/// `sip-proxy test ...`: exit code 1 when a test failed.
fn test(arguments: &[String]) -> ExitCode {
    let command = match Command::read(arguments) {
        Ok(command) => command,
        Err(why) => return fail(&why),
    };
    match run_tests(&command, server::since_start) {
        Ok(outcome) => {
            print!("{}", outcome.text);
            if outcome.is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(why) => fail(&why),
    }
}

/// The report goes to standard output when it is for a program, else to standard error as Kamailio's does.
fn check(options: &Options) -> ExitCode {
    let verdict = match proxy::check(options) {
        Ok(verdict) => verdict,
        Err(failure) => return fail(&failure),
    };
    match options.format {
        Format::Text => eprint!("{}", verdict.report),
        Format::Json | Format::Sarif => print!("{}", verdict.report),
    }
    eprint!("{}", verdict.parameters);
    if !verdict.is_good {
        return ExitCode::FAILURE;
    }
    eprintln!("config file ok, exiting...");
    ExitCode::SUCCESS
}

/// `-w`: the configuration is named from where the program was started, all else from there. Errors: one line
/// for the user.
fn move_to_workdir(mut options: Options) -> Result<Options, String> {
    let Some(workdir) = &options.process.workdir else { return Ok(options) };
    if let Some(config) = &mut options.config {
        let absolute = std::path::absolute(&*config).map_err(|error| format!("{config}: {error}"))?;
        *config = absolute.to_string_lossy().into_owned();
    }
    std::env::set_current_dir(workdir).map_err(|error| format!("cannot change to {workdir}: {error}"))?;
    Ok(options)
}

fn run(options: &Options) -> ExitCode {
    let mut server = match proxy::run(options, server::stderr::plain, |line| eprintln!("{line}")) {
        Ok((server, findings)) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            server
        }
        Err(failure) => return fail(&failure),
    };
    if let Some(file) = &options.process.pid_file
        && let Err(error) = std::fs::write(file, format!("{}\n", std::process::id()))
    {
        return fail(&format!("cannot write {file}: {error}"));
    }
    if let Some(file) = &options.process.pgid_file
        && let Err(error) = process_group().and_then(|group| std::fs::write(file, format!("{group}\n")))
    {
        return fail(&format!("cannot write {file}: {error}"));
    }
    if let Err(refusal) = server::confine(server.script()) {
        return fail(&refusal);
    }
    for (transport, addr) in server.addresses() {
        eprintln!("Listening on {}: {addr}", transport.param_name());
    }
    let mut scripts = vec![server.script().clone()];
    if let Err(error) = serve(options, &mut server, &mut scripts) {
        return fail(&format!("cannot wait for signals: {error}"));
    }
    if options.statistics {
        print_statistics(&server);
    }
    server.stop();
    if let Some(file) = &options.coverage {
        return write_coverage(file, &scripts);
    }
    ExitCode::SUCCESS
}

/// The process group: the third field behind the name in `/proc/self/stat`, which may hold blanks itself.
fn process_group() -> std::io::Result<u32> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let behind_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let group = behind_name.split_whitespace().nth(2).and_then(|field| field.parse().ok());
    group.ok_or_else(|| std::io::Error::other("/proc/self/stat has no process group"))
}

/// Waits for SIGTERM or SIGINT; SIGHUP loads the configuration again. `scripts` gets what was loaded, when the
/// coverage of all of them is wanted.
fn serve(options: &Options, server: &mut Server, scripts: &mut Vec<Arc<Script>>) -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        loop {
            tokio::select! {
                _ = terminate.recv() => return Ok(()),
                _ = interrupt.recv() => return Ok(()),
                _ = hang_up.recv() => {
                    reload(options, server);
                    let is_new = !scripts.iter().any(|script| Arc::ptr_eq(script, server.script()));
                    if options.coverage.is_some() && is_new {
                        scripts.push(server.script().clone());
                    }
                }
            }
        }
    })
}

fn reload(options: &Options, server: &mut Server) {
    match proxy::reload(options, server) {
        Ok(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            eprintln!("configuration loaded again");
        }
        Err(failure) => eprintln!("{failure}\nnothing was reloaded: the configuration stays as it was"),
    }
}

fn write_coverage(file: &str, scripts: &[Arc<Script>]) -> ExitCode {
    let mut coverage = Coverage::default();
    scripts.iter().for_each(|script| coverage.add(script));
    if let Err(error) = std::fs::write(file, coverage.lcov()) {
        return fail(&format!("cannot write {file}: {error}"));
    }
    let (hit, all) = coverage.lines();
    eprintln!("coverage: {hit} of {all} lines with statements ran, see {file}");
    ExitCode::SUCCESS
}

fn print_statistics(server: &Server) {
    for (name, count) in server.tally().rows() {
        println!("{name:<22} {count}");
    }
}

fn fail(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("sip-proxy: {why}");
    ExitCode::from(FAILED)
}

const VERSION: &str = concat!("version: sip-proxy ", env!("CARGO_PKG_VERSION"));
