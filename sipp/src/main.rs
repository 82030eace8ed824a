//! Command line of `sipp`: options -> run -> exit code; and the signals, which belong to the process.

mod pager;

use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{ChildStdout, Command as Process, ExitCode, Stdio};

use sipp::engine::{self, Command, Console, Controller, Terminal};
use sipp::{Exit, Plan};
use tokio::signal::unix::{Signal, SignalKind, signal};

fn main() -> ExitCode {
    let words: Vec<String> =
        std::env::args_os().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
    let terminal = if std::env::var_os(IN_BACKGROUND).is_some() {
        Terminal::Background
    } else if io::stdout().is_terminal() {
        Terminal::Live
    } else {
        Terminal::Headless
    };
    let mut console = Console { out: Box::new(io::stdout()), err: Box::new(io::stderr()), terminal };
    let options = match sipp::plan(&words, &mut console) {
        Plan::Run(options) => options,
        Plan::Told(exit, text) => {
            // A closed stdout must not hide the exit code.
            let _ = if terminal == Terminal::Live { pager::show(&text) } else { pager::print(&text) };
            return exit.into();
        }
        Plan::Done(exit) => return exit.into(),
    };
    if options.general.background && terminal != Terminal::Background {
        return go_to_background(&words);
    }
    let control = engine::controller();
    if let Err(error) = watch_signals(control.0.clone()) {
        engine::complain(&mut console.err, &format!("Unable to watch signals: {error}"));
    }
    engine::run(&options, console, control).into()
}

/// `-bg`: the same program once more, without a terminal; this one waits until that is ready, says its number and
/// ends. What keeps it from starting is told here, with its exit code.
fn go_to_background(words: &[String]) -> ExitCode {
    let program = std::env::current_exe().unwrap_or_else(|_| "sipp".into());
    let child = Process::new(program)
        .args(words)
        .env(IN_BACKGROUND, "1")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        // A signal to the terminal's group is not meant for it.
        .process_group(0)
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            engine::complain(&mut io::stderr(), &format!("Unable to go to the background: {error}"));
            return Exit::Fatal.into();
        }
    };
    if child.stdout.take().is_some_and(hear_ready) {
        // A closed stdout must not hide the exit code.
        let _ = writeln!(io::stdout(), "Background mode - PID=[{}]", child.id());
        return Exit::NoRun.into();
    }
    let mut told = Vec::new();
    // What could not be read is not told; the exit code still is.
    let _ = child.stderr.take().map(|mut said| said.read_to_end(&mut told));
    let _ = io::stderr().write_all(&told);
    let code = child.wait().ok().and_then(|status| status.code()).and_then(|code| u8::try_from(code).ok());
    code.unwrap_or(Exit::Fatal as u8).into()
}

/// Passes on what the program in the background finds doubtful until it is ready; false when it ends before.
fn hear_ready(said: ChildStdout) -> bool {
    for line in BufReader::new(said).split(b'\n').map_while(Result::ok) {
        if [&line, &b"\n"[..]].concat() == engine::READY {
            return true;
        }
        let _ = writeln!(io::stderr(), "{}", String::from_utf8_lossy(&line));
    }
    false
}

/// Tells the program that it is the one in the background.
const IN_BACKGROUND: &str = "SIPP_IN_BACKGROUND";

/// Turns signals into commands, on a thread of its own as long as the process lives.
fn watch_signals(controller: Controller) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    let guard = runtime.enter();
    let mut quit = signal(SignalKind::user_defined1())?;
    let mut dump = signal(SignalKind::user_defined2())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut core = signal(SignalKind::quit())?;
    // Untaken it would end the run.
    let mut oversized = signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw()))?;
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
                    _ = core.recv() => Command::Interrupt,
                    _ = oversized.recv() => Command::StopTraces,
                    _ = hung_up(&mut hangup) => Command::Interrupt,
                };
                controller.insist(command);
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
