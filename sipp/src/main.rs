//! Command line of `sipp`: options -> run -> exit code; and the signals, which belong to the process.

use std::io::{self, IsTerminal, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command as Process, ExitCode, Stdio};

use sipp::engine::{self, Command, Console, Controller, Terminal};
use sipp::{Exit, Plan};
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let terminal = if io::stdout().is_terminal() { Terminal::Live } else { Terminal::Headless };
    let mut console = Console { out: Box::new(io::stdout()), err: Box::new(io::stderr()), terminal };
    let options = match sipp::plan(&words, &mut console) {
        Plan::Run(options) => options,
        Plan::Done(exit) => return exit.into(),
    };
    if options.general.background {
        return go_to_background(&words).into();
    }
    let control = engine::controller();
    if let Err(error) = watch_signals(control.0.clone()) {
        engine::complain(&mut console.err, &format!("Unable to watch signals: {error}"));
    }
    engine::run(&options, console, control).into()
}

/// `-bg`: the same program once more, without a terminal; this one says its number and ends.
fn go_to_background(words: &[String]) -> Exit {
    let words = words.iter().filter(|word| !matches!(word.as_str(), "-bg" | "--bg"));
    let program = std::env::current_exe().unwrap_or_else(|_| "sipp".into());
    let child = Process::new(program)
        .args(words)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // A signal to the terminal's group is not meant for it.
        .process_group(0)
        .spawn();
    match child {
        Ok(child) => {
            // A closed stdout must not hide the exit code.
            let _ = writeln!(io::stdout(), "Background mode - PID=[{}]", child.id());
            Exit::NoRun
        }
        Err(error) => {
            engine::complain(&mut io::stderr(), &format!("Unable to go to the background: {error}"));
            Exit::Fatal
        }
    }
}

/// Turns signals into commands, on a thread of its own as long as the process lives.
fn watch_signals(controller: Controller) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    let mut quit = signal(SignalKind::user_defined1())?;
    let mut dump = signal(SignalKind::user_defined2())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    // Under nohup it is ignored, and stays so.
    let mut hangup = if ignores_hangup() { None } else { Some(signal(SignalKind::hangup())?) };
    drop(guard);
    std::thread::Builder::new().name("sipp-signals".into()).spawn(move || {
        runtime.block_on(async {
            loop {
                let command = tokio::select! {
                    _ = quit.recv() => Command::Quit,
                    _ = dump.recv() => Command::DumpScreens,
                    _ = interrupt.recv() => Command::Interrupt,
                    _ = terminate.recv() => Command::Interrupt,
                    _ = hung_up(&mut hangup) => Command::Interrupt,
                };
                controller.ask(command);
            }
        });
    })?;
    Ok(())
}

/// The terminal went away; never, when that is ignored.
async fn hung_up(hangup: &mut Option<Signal>) {
    match hangup {
        Some(hangup) => {
            hangup.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Whether this process was started with SIGHUP ignored; where the system does not tell, it was not.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // SIGHUP is signal 1, the lowest bit.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}
