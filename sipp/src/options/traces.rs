//! Options about files that tell what happened.

use std::time::Duration;

use super::row::{Effect, Row, Unit, WHOLE};

/// One file that tells what happened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceFile {
    /// Whether it is written.
    pub on: bool,
    /// Its name; `None` takes the automatic one.
    pub file: Option<String>,
    /// Append to an old file instead of replacing it.
    pub append: bool,
}

/// Files and how often they are written.
#[derive(Clone, Debug)]
pub struct Traces {
    /// `-f`: how often the screen is drawn; zero is never.
    pub screen_period: Duration,
    /// `-trace_stat`, `-stf`.
    pub stat: TraceFile,
    /// `-fd`.
    pub stat_period: Duration,
    /// `-stat_delimiter`.
    pub delimiter: String,
    /// `-periodic_rtd`.
    pub periodic_repartition: bool,
    /// `-trace_msg`.
    pub messages: TraceFile,
    /// `-trace_shortmsg`.
    pub short_messages: TraceFile,
    /// `-trace_err`.
    pub errors: TraceFile,
    /// `-trace_logs`.
    pub logs: TraceFile,
    /// `-trace_screen`.
    pub screens: TraceFile,
    /// `-trace_calldebug`.
    pub call_debug: TraceFile,
    /// `-rfc3339`: the form of times.
    pub rfc3339: bool,
    /// `-trace_counts`.
    pub counts: bool,
    /// `-trace_error_codes`.
    pub error_codes: bool,
    /// `-trace_rtt`.
    pub response_times: bool,
    /// `-rtt_freq`: samples between two writes.
    pub response_times_batch: usize,
    /// `-ringbuffer_files`: old files kept.
    pub ring_files: usize,
    /// `-ringbuffer_size`: bytes after which a new file begins.
    pub ring_bytes: Option<u64>,
    /// `-max_log_size`: bytes after which a file is closed.
    pub max_bytes: Option<u64>,
    /// `-json`: where the report of the run goes.
    pub report: Option<String>,
}

impl Default for Traces {
    fn default() -> Traces {
        Traces {
            screen_period: Duration::from_secs(1),
            stat: TraceFile::default(),
            stat_period: Duration::from_secs(60),
            delimiter: ";".into(),
            periodic_repartition: false,
            messages: TraceFile::default(),
            short_messages: TraceFile::default(),
            errors: TraceFile::default(),
            logs: TraceFile::default(),
            screens: TraceFile::default(),
            call_debug: TraceFile::default(),
            rfc3339: false,
            counts: false,
            error_codes: false,
            response_times: false,
            response_times_batch: 200,
            ring_files: 0,
            ring_bytes: None,
            max_bytes: None,
            report: None,
        }
    }
}

/// A size in bytes: zero and less is none.
fn bytes(number: i64) -> Option<u64> {
    u64::try_from(number).ok().filter(|bytes| *bytes > 0)
}

/// The three rows of one trace: the switch, the file name and the overwrite rule.
macro_rules! trace_rows {
    ($on:literal, $file:literal, $overwrite:literal, $what:literal, $field:ident) => {
        [
            Row {
                names: &[$on],
                value: "",
                help: concat!("Write ", $what, "."),
                effect: Effect::Flag(|options| options.traces.$field.on = true),
            },
            Row {
                names: &[$file],
                value: "FILE",
                help: concat!("File name for -", $on, "."),
                effect: Effect::Text(|options, file| {
                    options.traces.$field.file = Some(file.into());
                    Ok(())
                }),
            },
            Row {
                names: &[$overwrite],
                value: "BOOL",
                help: concat!("Replace an old file of -", $on, ". Default: true."),
                effect: Effect::Bool(|options, overwrite| options.traces.$field.append = !overwrite),
            },
        ]
    };
}

pub(super) const FILE_ROWS: [[Row; 3]; 6] = [
    trace_rows!("trace_msg", "message_file", "message_overwrite", "all messages", messages),
    trace_rows!(
        "trace_shortmsg",
        "shortmessage_file",
        "shortmessage_overwrite",
        "one line per message",
        short_messages
    ),
    trace_rows!("trace_err", "error_file", "error_overwrite", "warnings and errors", errors),
    trace_rows!(
        "trace_screen",
        "screen_file",
        "screen_overwrite",
        "the screens at the end of the run",
        screens
    ),
    trace_rows!("trace_logs", "log_file", "log_overwrite", "the texts of log actions", logs),
    trace_rows!(
        "trace_calldebug",
        "calldebug_file",
        "calldebug_overwrite",
        "the steps of calls that were aborted",
        call_debug
    ),
];

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["f"],
        value: "TIME",
        help: "How often the screen is drawn, in s; 0 is never. Default: 1.",
        effect: Effect::Time(Unit::Seconds, |options, period| options.traces.screen_period = period),
    },
    Row {
        names: &["trace_stat"],
        value: "",
        help: "Write statistics as <scenario>_<pid>_.csv; -h stat explains its columns.",
        effect: Effect::Flag(|options| options.traces.stat.on = true),
    },
    Row {
        names: &["stf"],
        value: "FILE",
        help: "File name for -trace_stat.",
        effect: Effect::Text(|options, file| {
            options.traces.stat.file = Some(file.into());
            Ok(())
        }),
    },
    Row {
        names: &["fd"],
        value: "TIME",
        help: "Time between two rows of statistics, in s; 0 writes them at the start and the end only. Default: 60.",
        effect: Effect::Time(Unit::Seconds, |options, period| options.traces.stat_period = period),
    },
    Row {
        names: &["stat_delimiter"],
        value: "TEXT",
        help: "What stands between columns. Default: ;",
        effect: Effect::Text(|options, delimiter| {
            options.traces.delimiter = delimiter.into();
            Ok(())
        }),
    },
    Row {
        names: &["periodic_rtd"],
        value: "",
        help: "Count the repartitions of -trace_stat anew in each row.",
        effect: Effect::Flag(|options| options.traces.periodic_repartition = true),
    },
    Row {
        names: &["rfc3339"],
        value: "",
        help: "Write times as RFC 3339: 2026-01-31T10:20:30.123456+01:00.",
        effect: Effect::Flag(|options| options.traces.rfc3339 = true),
    },
    Row {
        names: &["trace_counts"],
        value: "",
        help: "Write the counters of each message as <scenario>_<pid>_counts.csv.",
        effect: Effect::Flag(|options| options.traces.counts = true),
    },
    Row {
        names: &["trace_error_codes"],
        value: "",
        help: "Write the status codes of unexpected responses as <scenario>_<pid>_error_codes.csv.",
        effect: Effect::Flag(|options| options.traces.error_codes = true),
    },
    Row {
        names: &["trace_rtt"],
        value: "",
        help: "Write every response time as <scenario>_<pid>_rtt.csv.",
        effect: Effect::Flag(|options| options.traces.response_times = true),
    },
    Row {
        names: &["rtt_freq"],
        value: "N",
        help: "Response times between two writes. Default: 200.",
        effect: Effect::Int(1..=i64::MAX, |options, number| {
            options.traces.response_times_batch = usize::try_from(number).unwrap_or(0).max(1);
        }),
    },
    Row {
        names: &["json"],
        value: "FILE",
        help: "Write a report of the whole run as JSON: calls, failures, response times with percentiles, and \
               whether this program kept up.",
        effect: Effect::Text(|options, file| {
            options.traces.report = Some(file.into());
            Ok(())
        }),
    },
    Row {
        names: &["ringbuffer_files"],
        value: "N",
        help: "Old files kept when -ringbuffer_size begins a new one. Default: 0.",
        effect: Effect::Int(WHOLE, |options, number| {
            options.traces.ring_files = usize::try_from(number).unwrap_or(0)
        }),
    },
    Row {
        names: &["ringbuffer_size"],
        value: "BYTES",
        help: "Begin a new trace file when the old one is larger.",
        effect: Effect::Int(WHOLE, |options, number| options.traces.ring_bytes = bytes(number)),
    },
    Row {
        names: &["max_log_size"],
        value: "BYTES",
        help: "Close a trace file for good when it is larger.",
        effect: Effect::Int(WHOLE, |options, number| options.traces.max_bytes = bytes(number)),
    },
];
