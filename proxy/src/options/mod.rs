//! The command line of `sip-proxy`: Kamailio's options, and a few of our own.
//!
//! One table of rows gives parsing, help and hints: a new option is one row and one field. Nothing is opened
//! or resolved here.

mod command_line;
mod help;
mod table;

use sip::diag::Format;

use crate::cfg::Preset;

pub use command_line::{Refusal, read};
pub use help::help;
pub use table::{OptionRow, rows};

/// Everything a command line can say. Values that also exist as global parameters win over the configuration.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// What to do.
    pub action: Action,
    /// `-f`: the configuration file; `None` runs the built-in one.
    pub config: Option<String>,
    /// `-A`, `--subst`, `--substdef`, `--substdefs`: what is defined before the first line.
    pub preset: Preset,
    /// `--format`: how findings are printed.
    pub format: Format,
    /// `--statistics`: print what was counted at the end.
    pub statistics: bool,
    /// `--trace-call`: print what each message goes through.
    pub trace_calls: bool,
    /// `--coverage`: the lcov file written at the end.
    pub coverage: Option<String>,
    /// `-v` beside `-c`: also list what the global parameters do here.
    pub verbose: bool,
    /// The log.
    pub log: Log,
    /// Sockets and names.
    pub network: Network,
    /// The process.
    pub process: Process,
    /// `-L`: where modules would be looked for; all of ours are built in.
    pub module_path: Option<String>,
}

/// What the program is asked to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Action {
    /// Serve.
    #[default]
    Run,
    /// `-c`, `--check`: check the configuration and say what is wrong.
    Check,
    /// `--cfg-print`: print the configuration after includes, defines and conditions.
    PrintEvaluated,
    /// `--print-config`: print the built-in configuration.
    PrintDefault,
    /// `-h`, `--help`
    Help,
    /// `-v`, `-V`, `--version`
    Version,
    /// `-I`: version and limits built in.
    Internals,
}

/// Options about the log.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// `-d` (as often as the level says) or `--debug`.
    pub level: Option<i64>,
}

/// Options about sockets and names.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// `-l`, each `[proto:]host[:port][/advertised]`; besides those of the configuration (Kamailio 5.6.3 adds
    /// them, measured).
    pub listen: Vec<String>,
    /// `--alias`, each `[proto:]host[:port]`.
    pub aliases: Vec<String>,
    /// `-T`
    pub without_tcp: bool,
}

/// Options about the process.
#[derive(Clone, Debug, Default)]
pub struct Process {
    /// `-D`, `-DD`, `-DDD`: how far it goes to the background.
    pub daemonize: Option<Daemonize>,
    /// `-n`: workers.
    pub children: Option<u32>,
    /// `-w`
    pub workdir: Option<String>,
    /// `-P`
    pub pid_file: Option<String>,
    /// `-G`
    pub pgid_file: Option<String>,
}

/// How far the program goes to the background; without `-D` it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Daemonize {
    /// `-D`: stays in the foreground (the original also runs without workers).
    NoFork,
    /// `-DD`: stays in the foreground.
    Foreground,
    /// `-DDD`: goes to the background.
    Background,
}
