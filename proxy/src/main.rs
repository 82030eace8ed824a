//! Command line of `sip-proxy`: options -> run -> exit code.
//!
//! Findings and log lines go to standard error, what was asked for to standard output. Exit codes are
//! Kamailio's: 0, and 255 for everything that keeps it from running.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "this is the terminal side of the program")]

use std::process::ExitCode;

use proxy::api::Line;
use proxy::options::{Action, Options, help, read};
use proxy::server::Server;
use tokio::signal::unix::{SignalKind, signal};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What Kamailio exits with when it does not start.
const FAILED: u8 = 255;

fn main() -> ExitCode {
    let options = match read(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(refusal) => return fail(&refusal),
    };
    match options.action {
        Action::Help => print!("{}", help()),
        Action::Version | Action::Internals => println!("{VERSION}"),
        Action::PrintDefault => print!("{}", proxy::DEFAULT_CONFIG),
        Action::PrintEvaluated => return fail(&"--cfg-print is not built in yet"),
        Action::Check => return check(&options),
        Action::Run => return run(&options),
    }
    ExitCode::SUCCESS
}

fn check(options: &Options) -> ExitCode {
    match proxy::check(options) {
        Ok(findings) => {
            findings.iter().for_each(|finding| eprintln!("{finding}"));
            eprintln!("config file ok, exiting...");
            ExitCode::SUCCESS
        }
        Err(failure) => fail(&failure),
    }
}

fn run(options: &Options) -> ExitCode {
    let server = match proxy::run(options, log) {
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
    for (transport, addr) in server.addresses() {
        eprintln!("Listening on {}: {addr}", transport.param_name());
    }
    if let Err(error) = wait_for_signal() {
        return fail(&format!("cannot wait for signals: {error}"));
    }
    if options.statistics {
        print_statistics(&server);
    }
    server.stop();
    ExitCode::SUCCESS
}

/// Waits for SIGTERM or SIGINT.
fn wait_for_signal() -> std::io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        Ok(())
    })
}

fn print_statistics(server: &Server) {
    for (name, count) in server.tally().rows() {
        println!("{name:<22} {count}");
    }
}

fn log(line: &Line) {
    eprintln!("{}: {}", line.level.word(), String::from_utf8_lossy(&line.text));
}

fn fail(why: &dyn std::fmt::Display) -> ExitCode {
    eprintln!("sip-proxy: {why}");
    ExitCode::from(FAILED)
}

const VERSION: &str = concat!("version: sip-proxy ", env!("CARGO_PKG_VERSION"));
