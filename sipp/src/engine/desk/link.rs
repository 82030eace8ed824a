//! From the signalling thread to the desk: notes over a bounded channel.
//!
//! The desk writes files and draws screens. When it cannot follow, notes are dropped and counted; a call never
//! waits for a disk or a terminal. Traced messages travel in batches, since there may be 100,000 a second.

use std::ops::Range;
use std::sync::mpsc::{SyncSender, TrySendError};
use std::time::Duration;

use sip::peer::Transport;
use sip::time::Time;

use crate::recorder::Flight;
use crate::stats::layout::Part;
use crate::stats::trace::Direction;

use super::gather::{Figures, RoundId};
use crate::engine::control::command::{Command, Traced};

/// What the desk is told.
#[derive(Debug)]
pub(in crate::engine) enum Note {
    /// Messages and response times.
    Batch(Batch),
    /// A warning or an error, for the errors file and the screen.
    Problem(Time, String),
    /// The text of a `log` action.
    Log(Time, Vec<u8>),
    /// A failed call that is kept.
    Failed(Box<Flight>),
    /// A record of `-trace_calldebug`.
    CallDebug(Time, String),
    /// A line for a file of that name in the working directory.
    Append(&'static str, String),
    /// Run this in a shell and do not wait for it.
    Shell(Time, Vec<u8>),
    /// Figures of an engine, of each scenario, the main one first; and the round they belong to.
    Figures(usize, Figures, RoundId),
    /// A file reached the size that the system allows.
    Oversized(Time),
    /// Something asked of the desk by a key.
    Asked(Command),
}

/// What a snapshot is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Occasion {
    /// The run begins.
    Start,
    /// Draw the screen; a period ends.
    Draw,
    /// Draw the screen again because of a key; the period goes on.
    Redraw,
    /// Write a row of statistics.
    Row,
    /// A second ended: keep what happened in it.
    Second,
    /// Write the screens to a file.
    Dump,
    /// The run is over.
    End,
}

/// Messages and response times of a short while.
#[derive(Debug, Default)]
pub(in crate::engine) struct Batch {
    /// Messages in order; their bytes lie in `bytes`.
    pub(super) messages: Vec<Traveller>,
    /// The bytes.
    pub(super) bytes: Vec<u8>,
    /// When it ended, how long it took, scenario and index of the timer.
    pub(super) response_times: Vec<(Time, Duration, (Part, u16))>,
}

/// One message that was sent or received.
#[derive(Debug)]
pub(super) struct Traveller {
    pub(super) at: Time,
    pub(super) direction: Direction,
    pub(super) transport: Transport,
    pub(super) bytes: Range<usize>,
}

/// Which notes the desk has a use for.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::engine) struct Wanted {
    pub(in crate::engine) messages: bool,
    pub(in crate::engine) short_messages: bool,
    pub(in crate::engine) response_times: bool,
}

/// The sending end.
#[derive(Debug)]
pub(in crate::engine) struct Link {
    sender: SyncSender<Note>,
    pub(super) wanted: Wanted,
    batch: Batch,
    /// When the first thing in the batch happened.
    since: Option<Time>,
    dropped: u64,
}

impl Link {
    /// A link over that channel.
    pub(in crate::engine) fn new(sender: SyncSender<Note>, wanted: Wanted) -> Link {
        Link { sender, wanted, batch: Batch::default(), since: None, dropped: 0 }
    }

    /// Adds a message to the batch, if anybody wants it.
    pub(in crate::engine) fn message(
        &mut self,
        at: Time,
        direction: Direction,
        transport: Transport,
        bytes: &[u8],
    ) {
        if !self.wanted.messages && !self.wanted.short_messages {
            return;
        }
        self.since.get_or_insert(at);
        let start = self.batch.bytes.len();
        self.batch.bytes.extend_from_slice(bytes);
        self.batch.messages.push(Traveller {
            at,
            direction,
            transport,
            bytes: start..self.batch.bytes.len(),
        });
        if self.batch.bytes.len() > BATCH_BYTES {
            self.flush();
        }
    }

    /// Adds a response time to the batch, if anybody wants it.
    pub(in crate::engine) fn response_time(&mut self, at: Time, took: Duration, timer: (Part, u16)) {
        if self.wanted.response_times {
            self.since.get_or_insert(at);
            self.batch.response_times.push((at, took, timer));
        }
    }

    /// Hands the batch over when it has waited long enough: to wake the desk costs more than a message does.
    pub(in crate::engine) fn flush_due(&mut self, now: Time) {
        if self.next_due().is_some_and(|due| due <= now) {
            self.flush();
        }
    }

    /// When the batch has to be handed over; `None` when it is empty.
    pub(in crate::engine) fn next_due(&self) -> Option<Time> {
        self.since.map(|since| since + LINGER)
    }

    /// Hands the batch over.
    pub(in crate::engine) fn flush(&mut self) {
        self.since = None;
        if !self.batch.messages.is_empty() || !self.batch.response_times.is_empty() {
            let batch = std::mem::take(&mut self.batch);
            self.tell(Note::Batch(batch));
        }
    }

    /// Hands a note over, or drops and counts it.
    pub(in crate::engine) fn tell(&mut self, note: Note) {
        if let Err(TrySendError::Full(_)) = self.sender.try_send(note) {
            self.dropped += 1;
        }
    }

    /// Hands a note over that must arrive; waits for the desk.
    pub(in crate::engine) fn tell_surely(&mut self, note: Note) {
        // The desk is gone only when the process ends anyway.
        let _ = self.sender.send(note);
    }

    /// Switches a trace file.
    pub(in crate::engine) fn switch(&mut self, traced: Traced, on: bool) {
        // What happened before the switch was wanted as before.
        self.flush();
        match traced {
            Traced::Messages => self.wanted.messages = on,
            Traced::ShortMessages => self.wanted.short_messages = on,
            Traced::Errors | Traced::Logs => {}
        }
        self.tell(Note::Asked(Command::Trace(traced, on)));
    }

    /// Ends all traces: a file reached the size that the system allows.
    pub(in crate::engine) fn stop_traces(&mut self, now: Time) {
        self.wanted.messages = false;
        self.wanted.short_messages = false;
        self.tell_surely(Note::Oversized(now));
    }

    /// Notes dropped so far.
    pub(in crate::engine) fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// Notes that may wait for the desk.
pub(in crate::engine) const CAPACITY: usize = 4096;
/// How long a batch may wait for more.
const LINGER: Duration = Duration::from_millis(50);
/// A batch is handed over when it holds more than this.
const BATCH_BYTES: usize = 64 << 10;
