//! Command line of `sip-proxy`: options -> run -> exit code.
#![allow(clippy::print_stderr, reason = "this is the terminal side of the program")]

use std::process::ExitCode;

use proxy::cfg::{DiskLoader, Loader, Preset};
use proxy::server::{Server, Source, load};

fn main() -> ExitCode {
    let file = std::env::args().nth(2).unwrap_or_default();
    let text = DiskLoader.read(&file).unwrap_or_default();
    let preset = Preset::default();
    let outcome = load(&Source { name: &file, text, preset: &preset }, &DiskLoader, |line| {
        eprintln!("{}: {}", line.level.word(), String::from_utf8_lossy(&line.text));
    });
    outcome.findings.iter().for_each(|finding| eprintln!("{finding}"));
    let Some(plan) = outcome.plan else { return ExitCode::FAILURE };
    match Server::start(plan) {
        Ok(server) => {
            eprintln!("listening on {:?}", server.addresses());
            loop {
                std::thread::park();
            }
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
