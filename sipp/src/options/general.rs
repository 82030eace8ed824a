//! Options about the process itself, and those that are only accepted.

use std::time::Duration;

use super::row::{Effect, PORTS, Row, Unit, Value, WHOLE};

/// Media addresses and ports.
#[derive(Clone, Debug)]
pub struct Media {
    /// `-mi`: local media address; `None` takes the local address.
    pub host: Option<String>,
    /// `-min_rtp_port`: the first media port.
    pub first_port: u16,
    /// `-max_rtp_port`: the last one.
    pub last_port: u16,
    /// `-rtp_echo`: received packets are returned.
    pub echo: bool,
    /// `-mb`: longer packets are returned cut to this many bytes.
    pub echo_bytes: usize,
    /// `-rtp_payload`: payload type of `rtp_stream` when it names none.
    pub stream_type: u8,
    /// `-random_base_ssrc`: the first stream takes any SSRC, the others follow.
    pub random_ssrc: bool,
    /// `-audiotolerance`, `-videotolerance`: share of bad packets with which `rtpcheck` fails.
    pub tolerance: [f64; 2],
    /// `-rtpcheck_debug`.
    pub check_debug: bool,
    /// `-srtpcheck_debug`.
    pub srtp_debug: bool,
    /// `-rtcp`: time between two reports; `None` sends none.
    pub report_every: Option<Duration>,
}

impl Default for Media {
    fn default() -> Media {
        Media {
            host: None,
            first_port: 6000,
            last_port: u16::MAX,
            echo: false,
            echo_bytes: 2048,
            stream_type: 8,
            random_ssrc: false,
            tolerance: [1.0; 2],
            check_debug: false,
            srtp_debug: false,
            report_every: None,
        }
    }
}

/// The process itself.
#[derive(Clone, Debug, Default)]
pub struct General {
    /// `-bg`.
    pub background: bool,
    /// `-nostdin`.
    pub no_keyboard: bool,
    /// `-sleep`: wait before the first call.
    pub sleep: Duration,
    /// `-timeout`.
    pub timeout: Option<Duration>,
    /// `-timeout_error`.
    pub timeout_error: bool,
    /// `-tdmmap`, as written.
    pub circuits: Option<String>,
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["v"],
        value: "",
        help: "Print the version and exit with 99.",
        effect: Effect::Answer(0, 0),
    },
    Row {
        names: &["h", "help"],
        value: "[stat|codes]",
        help: "Print this help, the columns of the statistics file, or the exit codes, and exit with 99.",
        effect: Effect::Answer(0, 1),
    },
    Row {
        names: &["bg"],
        value: "",
        help: "Run in the background.",
        effect: Effect::Flag(|options| options.general.background = true),
    },
    Row {
        names: &["nostdin"],
        value: "",
        help: "Do not read the keyboard.",
        effect: Effect::Flag(|options| options.general.no_keyboard = true),
    },
    Row { names: &["plugin"], value: "FILE", help: "Load a plug-in.", effect: Effect::NotYet(1) },
    Row {
        names: &["sleep"],
        value: "TIME",
        help: "Wait before the first call, in s. Default: 0.",
        effect: Effect::Time(Unit::Seconds, |options, wait| options.general.sleep = wait),
    },
    Row {
        names: &["skip_rlimit"],
        value: "",
        help: "Accepted: the limit of open files is never a reason to refuse a run.",
        effect: Effect::Accepted(Value::Nothing),
    },
    Row {
        names: &["buff_size"],
        value: "BYTES",
        help: "Size of the socket buffers. Default: as large as the system grants.",
        effect: Effect::Int(WHOLE, |options, bytes| {
            options.network.buffer_bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0);
        }),
    },
    Row {
        names: &["sendbuffer_warn"],
        value: "BOOL",
        help: "Accepted: a message that cannot be sent is a warning and a failed call.",
        effect: Effect::Accepted(Value::Bool),
    },
    Row {
        names: &["key"],
        value: "NAME VALUE",
        help: "Define the keyword [NAME].",
        effect: Effect::Pair(|options, name, value| {
            options.scenario.keys.push((name.into(), value.into()));
            Ok(())
        }),
    },
    Row {
        names: &["set"],
        value: "NAME VALUE",
        help: "Set a global variable of the scenario to a text.",
        effect: Effect::Pair(|options, name, value| {
            options.scenario.set.push((name.into(), value.into()));
            Ok(())
        }),
    },
    Row {
        names: &["tdmmap"],
        value: "TABLE",
        help: "TDM circuits {a-b}{h}{c-d}{e-f} for [tdmmap]: each outgoing call has one; a call that finds none fails.",
        effect: Effect::Text(|options, table| {
            options.general.circuits = Some(table.into());
            Ok(())
        }),
    },
];

pub(super) const MEDIA_ROWS: &[Row] = &[
    Row {
        names: &["mi"],
        value: "HOST",
        help: "Local media address. Default: the local address.",
        effect: Effect::Text(|options, host| {
            options.media.host = Some(super::network::HostPort::parse(host)?.host);
            Ok(())
        }),
    },
    Row {
        names: &["min_rtp_port", "mp"],
        value: "PORT",
        help: "First media port. Default: 6000.",
        effect: Effect::Int(PORTS, |options, port| {
            options.media.first_port = u16::try_from(port).unwrap_or(6000)
        }),
    },
    Row {
        names: &["max_rtp_port"],
        value: "PORT",
        help: "Last media port. Default: 65535.",
        effect: Effect::Int(PORTS, |options, port| {
            options.media.last_port = u16::try_from(port).unwrap_or(u16::MAX)
        }),
    },
    Row {
        names: &["rtp_echo"],
        value: "",
        help: "Return every packet received on the media port and the port two above it.",
        effect: Effect::Flag(|options| options.media.echo = true),
    },
    Row {
        names: &["mb"],
        value: "BYTES",
        help: "Longer packets are returned cut to this length. Default: 2048.",
        effect: Effect::Int(1..=65_535, |options, bytes| {
            options.media.echo_bytes = usize::try_from(bytes).unwrap_or(2048);
        }),
    },
    Row {
        names: &["rtp_payload"],
        value: "N",
        help: "Payload type of rtp_stream when it names none. Default: 8.",
        effect: Effect::Text(|options, text| {
            let kind = text.parse().ok().filter(|kind| *kind < 128);
            options.media.stream_type =
                kind.ok_or_else(|| format!("-rtp_payload, \"{text}\" is not a payload type (0 to 127)!"))?;
            Ok(())
        }),
    },
    Row {
        names: &["rtp_threadtasks"],
        value: "N",
        help: "Accepted: streams per thread.",
        effect: Effect::Accepted(Value::Int),
    },
    Row {
        names: &["rtp_buffsize"],
        value: "BYTES",
        help: "Accepted: RTP socket buffers are as large as those of signalling.",
        effect: Effect::Accepted(Value::Int),
    },
    Row {
        names: &["rtpcheck_debug"],
        value: "",
        help: "Write what rtpcheck found to debugafile (audio) and debugvfile (video).",
        effect: Effect::Flag(|options| options.media.check_debug = true),
    },
    Row {
        names: &["srtpcheck_debug"],
        value: "",
        help: "Write suites and packets of each protected media line to srtpctxdebugfile_uac, for a scenario that is \
               called srtpctxdebugfile_uas.",
        effect: Effect::Flag(|options| options.media.srtp_debug = true),
    },
    Row {
        names: &["audiotolerance"],
        value: "N",
        help: "Share of bad audio packets, 0 to 1, with which rtpcheck fails. Default: 1.",
        effect: Effect::Float(0.0..=1.0, |options, share| options.media.tolerance[0] = share.clamp(0.0, 1.0)),
    },
    Row {
        names: &["videotolerance"],
        value: "N",
        help: "Share of bad video packets, 0 to 1, with which rtpcheck fails. Default: 1.",
        effect: Effect::Float(0.0..=1.0, |options, share| options.media.tolerance[1] = share.clamp(0.0, 1.0)),
    },
    Row {
        names: &["rtcp"],
        value: "TIME",
        help: "Send RTCP reports each so often (a bare number is seconds; 5s is usual) and read those of the peer.",
        effect: Effect::TimeFrom(100, Unit::Seconds, |options, every| {
            options.media.report_every = Some(every);
        }),
    },
    Row {
        names: &["random_base_ssrc"],
        value: "",
        help: "The first stream takes any SSRC; the others follow. Default: 0xca110000.",
        effect: Effect::Flag(|options| options.media.random_ssrc = true),
    },
];

const NO_WATCHDOG: &str = "Accepted: nothing ends a run by itself.";

pub(super) const PERFORMANCE_ROWS: &[Row] = &[
    Row {
        names: &["timer_resol"],
        value: "TIME",
        help: "Accepted: timers are always as exact as the system.",
        effect: Effect::Accepted(Value::Time),
    },
    Row {
        names: &["max_recv_loops"],
        value: "N",
        help: "Accepted: messages are read in batches.",
        effect: Effect::Accepted(Value::Int),
    },
    Row {
        names: &["max_sched_loops"],
        value: "N",
        help: "Accepted: calls run when they are due.",
        effect: Effect::Accepted(Value::Int),
    },
    Row {
        names: &["watchdog_interval"],
        value: "TIME",
        help: NO_WATCHDOG,
        effect: Effect::Accepted(Value::Time),
    },
    Row {
        names: &["watchdog_reset"],
        value: "TIME",
        help: NO_WATCHDOG,
        effect: Effect::Accepted(Value::Time),
    },
    Row {
        names: &["watchdog_minor_threshold"],
        value: "TIME",
        help: NO_WATCHDOG,
        effect: Effect::Accepted(Value::Time),
    },
    Row {
        names: &["watchdog_major_threshold"],
        value: "TIME",
        help: NO_WATCHDOG,
        effect: Effect::Accepted(Value::Time),
    },
    Row {
        names: &["watchdog_major_maxtriggers"],
        value: "N",
        help: NO_WATCHDOG,
        effect: Effect::Accepted(Value::Int),
    },
    Row {
        names: &["watchdog_minor_maxtriggers"],
        value: "N",
        help: NO_WATCHDOG,
        effect: Effect::Accepted(Value::Int),
    },
];
