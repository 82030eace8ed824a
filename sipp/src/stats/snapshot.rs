//! One moment of a run as plain data: what screens and files are made of.
//!
//! The engine hands snapshots to the thread that draws and writes. Figures of a period are the difference
//! to a [`Baseline`], which each consumer keeps for itself.

use std::sync::Arc;
use std::time::Duration;

use sip::time::Time;

use super::counters::{Counters, Totals};
use super::generator::ThreadTime;
use super::histogram::Sums;
use super::layout::{Layout, Line};
use super::pacing::Pacing;
use super::seconds::Record;
use super::times::Wall;
use super::verdict::Rules;

/// One moment of a run, with the figures of one of its scenarios.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// The scenario.
    pub(crate) layout: Arc<Layout>,
    /// What never changes during the run.
    pub(crate) setup: Arc<Setup>,
    /// The moment.
    pub(crate) at: Time,
    /// Since when the counters count, and what they stood at then: the start, or the last `reset stats`.
    pub(crate) began: Baseline,
    /// What the calls of the scenario counted.
    pub(crate) counters: Counters,
    /// Calls created by all scenarios that `-m` counts.
    pub(crate) created: u64,
    /// How calls are started.
    pub(crate) target: Target,
    /// Most simultaneous outgoing calls.
    pub(crate) limit: u64,
    /// The most calls that were open at once.
    pub(crate) peak: Peak,
    /// What the calls are doing.
    pub(crate) activity: Activity,
    /// What went through the sockets.
    pub(crate) network: Network,
    /// What the player sent and took; all zero without one.
    pub(crate) media: MediaTraffic,
    /// The circuits of `-tdmmap`.
    pub(crate) circuits: Option<Circuits>,
    /// How well the schedule was kept.
    pub(crate) pacing: Pacing,
    /// What our threads used; empty where the system does not tell.
    pub(crate) threads: Vec<ThreadTime>,
    /// The run second by second, up to the last full one.
    pub(crate) seconds: Record,
    /// Trace records dropped because the disk or the terminal could not follow.
    pub(crate) dropped_records: u64,
    /// Why calls failed, in words, with the number of calls; most frequent first.
    pub(crate) reasons: Vec<(String, u64)>,
    /// Running, pausing or ending.
    pub(crate) phase: Phase,
    /// `set hide false`: messages with `hide` are shown too.
    pub(crate) reveals_hidden: bool,
    /// The last warning.
    pub(crate) last_error: Option<String>,
}

/// What never changes during a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Setup {
    /// Where machine time lies on the calendar.
    pub(crate) wall: Wall,
    /// Bound port.
    pub(crate) port: u16,
    /// `UDP`, `TCP`, ...
    pub(crate) transport: String,
    /// Remote host and port as shown; empty without one.
    pub(crate) remote: String,
    /// Length of pauses without attributes.
    pub(crate) pause: Duration,
    /// `-m`.
    pub(crate) stop_after: Option<u64>,
    /// `-aa`.
    pub(crate) auto_answer: bool,
    /// Own calls and incoming ones on one socket (`-rxsf`).
    pub(crate) mixed: bool,
    /// Messages can be lost on purpose.
    pub(crate) lossy: bool,
    /// Names of the scenario's global variables.
    pub(crate) globals: Vec<String>,
    /// What the run is held to.
    pub(crate) rules: Rules,
}

/// The circuits of `-tdmmap`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Circuits {
    /// So many stand in a line of the screen.
    pub(crate) per_line: usize,
    /// Which of them a call has, in order.
    pub(crate) in_use: Vec<bool>,
}

/// How calls are started.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Target {
    /// Calls per period.
    Rate {
        /// Calls.
        calls: f64,
        /// Period.
        period: Duration,
    },
    /// A constant number of calls.
    Users(u64),
}

/// The most calls that were open at once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Peak {
    /// How many.
    pub(crate) calls: u64,
    /// When that was first reached.
    pub(crate) at: Time,
}

/// What the calls are doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Activity {
    /// Open calls of the scenario.
    pub(crate) open: u64,
    /// Open calls of all scenarios.
    pub(crate) all: u64,
    /// How many of those wait for a moment.
    pub(crate) waiting: u64,
    /// Times a call was run because its moment had come.
    pub(crate) woken: u64,
}

/// What went through the sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Network {
    /// Open sockets and connections.
    pub(crate) sockets: u64,
    /// Messages that could not be sent.
    pub(crate) send_errors: u64,
    /// Errors while receiving.
    pub(crate) receive_errors: u64,
    /// Times the kernel took less than offered.
    pub(crate) congested: u64,
    /// Datagrams the kernel dropped before we read them.
    pub(crate) kernel_drops: u64,
    /// Messages received.
    pub(crate) received: u64,
    /// Messages sent.
    pub(crate) sent: u64,
}

/// What went through the media sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct MediaTraffic {
    /// Packets of streams sent.
    pub(crate) sent_packets: u64,
    /// Their bytes, RTP headers included.
    pub(crate) sent_bytes: u64,
    /// Packets that could not be sent.
    pub(crate) dropped: u64,
    /// Packets received on media ports.
    pub(crate) received_packets: u64,
    /// Their bytes.
    pub(crate) received_bytes: u64,
    /// Packets returned from the audio and the video port.
    pub(crate) echoed: [u64; 2],
    /// Streams that play now.
    pub(crate) streams: u64,
    /// Checks of `rtpcheck` that failed.
    pub(crate) failed_checks: u64,
    /// How late 99 of 100 packets were at most.
    pub(crate) lateness_p99: Duration,
    /// What the received streams were like.
    pub(crate) heard: Heard,
}

/// What the received RTP streams were like.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Heard {
    /// Streams.
    pub(crate) streams: u64,
    /// Packets, duplicates not counted.
    pub(crate) packets: u64,
    /// Packets that never came.
    pub(crate) lost: u64,
    /// Their share, 0 to 1.
    pub(crate) loss: f64,
    /// Packets that came behind a later one.
    pub(crate) reordered: u64,
    /// Packets that came more than once.
    pub(crate) duplicates: u64,
    /// Packets that were no RTP, of more sources than are measured, or of none their call expects.
    pub(crate) strangers: u64,
    /// Packets whose protection was wrong (RFC 3711 3.3).
    pub(crate) refused: u64,
    /// Packets that came after their call had ended.
    pub(crate) after_end: u64,
    /// The largest jitter of a stream (RFC 3550 6.4.1).
    pub(crate) worst_jitter: Duration,
    /// Streams whose codec has a rating.
    pub(crate) scored: u64,
    /// Mean rating (R) of these.
    pub(crate) mean_rating: Option<f64>,
    /// Mean opinion score of these.
    pub(crate) mean_score: Option<f64>,
    /// The worst of them.
    pub(crate) worst_score: Option<f64>,
    /// Media lines of calls on which packets went both ways.
    pub(crate) both_ways: u64,
    /// Lines on which we sent and nothing came.
    pub(crate) only_sent: u64,
    /// Lines on which something came and we did not send.
    pub(crate) only_heard: u64,
    /// From the answer to the first packet.
    pub(crate) mean_first_delay: Option<Duration>,
    /// The longest of these.
    pub(crate) longest_first_delay: Option<Duration>,
    /// Digits that came as telephone events.
    pub(crate) digits: u64,
    /// RTCP reports sent.
    pub(crate) reports_sent: u64,
    /// RTCP reports received.
    pub(crate) reports_read: u64,
    /// The longest round trip by RTCP.
    pub(crate) longest_round_trip: Option<Duration>,
    /// The largest loss a peer reported of our streams, 0 to 1.
    pub(crate) worst_peer_loss: Option<f64>,
}

impl Heard {
    /// Media lines on which packets went one way only.
    pub(crate) fn one_way(&self) -> u64 {
        self.only_sent + self.only_heard
    }
}

/// Running, pausing or ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Calls are opened or awaited.
    Running,
    /// No new calls until told otherwise.
    Paused,
    /// No new calls; the run ends with the last open one.
    Quitting,
    /// The run is over.
    Ended,
}

/// What the counters stood at when a period began.
#[derive(Clone, Debug, Default)]
pub(crate) struct Baseline {
    /// When it began.
    pub(crate) at: Time,
    /// Calls.
    pub(crate) totals: Totals,
    /// Named counters.
    pub(crate) generic: Vec<u64>,
    /// Response times.
    pub(crate) response_times: Vec<Sums>,
    /// Call length.
    pub(crate) call_length: Sums,
    /// Bytes of media sent.
    pub(crate) media_sent_bytes: u64,
}

impl Baseline {
    /// A period that begins with this snapshot.
    pub(crate) fn of(snapshot: &Snapshot) -> Baseline {
        let counters = &snapshot.counters;
        Baseline {
            at: snapshot.at,
            totals: counters.totals,
            generic: counters.generic.clone(),
            response_times: counters.response_times.iter().map(|samples| samples.sums()).collect(),
            call_length: counters.call_length.sums(),
            media_sent_bytes: snapshot.media.sent_bytes,
        }
    }

    /// Begins anew when the counters of the snapshot did so since this period began. True when they did.
    pub(crate) fn restart(&mut self, snapshot: &Snapshot) -> bool {
        let is_older = self.at < snapshot.began.at;
        if is_older {
            self.clone_from(&snapshot.began);
        }
        is_older
    }

    /// The sums of a response time when the period began.
    pub(crate) fn response_time(&self, index: usize) -> Sums {
        self.response_times.get(index).copied().unwrap_or_default()
    }

    /// A named counter when the period began.
    pub(crate) fn generic(&self, index: usize) -> u64 {
        self.generic.get(index).copied().unwrap_or(0)
    }
}

impl Snapshot {
    /// The lines that the screens show, with their message index.
    pub(crate) fn lines(&self) -> impl Iterator<Item = (usize, &Line)> {
        let lines = self.layout.lines.iter().enumerate();
        lines.filter(|(_, line)| self.reveals_hidden || !line.hidden)
    }

    /// How long the counters have been counting.
    pub(crate) fn counting(&self) -> Duration {
        self.at.since(self.began.at)
    }

    /// Calls per second of the period that began with `since`.
    pub(crate) fn call_rate(&self, since: &Baseline) -> f64 {
        let seconds = self.at.since(since.at).as_secs_f64();
        let created = self.counters.totals.created().saturating_sub(since.totals.created());
        if seconds > 0.0 { created as f64 / seconds } else { 0.0 }
    }
}
