//! What goes into a call and what comes out of it.

use std::time::Duration;

use sip::msg::View;
use sip::peer::Peer;
use sip::span::Span;
use sip::time::Time;

use crate::lang::{Effect, World};
use crate::scenario::Program;
use crate::state::{CallNumber, Settings, StepIndex, UserId};
pub use crate::stats::Cause;

/// What a call works with; the same for every step.
pub struct Env<'a> {
    /// The scenario.
    pub program: &'a Program,
    /// Values of the run.
    pub settings: &'a Settings,
    /// What calls share.
    pub world: &'a mut World,
}

/// How a call begins.
#[derive(Clone, Copy, Debug)]
pub struct Birth<'a> {
    /// The call number.
    pub number: CallNumber,
    /// The Call-ID: made from `-cid_str`, or that of the first message or command.
    pub id: &'a [u8],
    /// The user; 0 without `-users`.
    pub user: UserId,
    /// Why the call exists.
    pub origin: Origin,
}

/// Why a call exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The program opened it.
    Opened,
    /// A message opened it; answers go to the message's source.
    Received,
    /// The hidden call that runs `<init>`.
    Init,
    /// A request outside of any call, handled by an out-of-call scenario.
    OutOfCall,
}

/// What happens to a call.
#[derive(Clone, Copy, Debug)]
pub enum Input<'a> {
    /// It was created: run until it must wait.
    Start,
    /// A message with its Call-ID arrived.
    Message {
        /// The message.
        view: View<'a>,
        /// Where it came from.
        from: Peer,
    },
    /// `next_deadline` has come.
    Deadline,
    /// A command of a twin arrived, without its final escape byte.
    Command {
        /// The text.
        text: &'a [u8],
        /// The peer's name in the extended form.
        from: Option<&'a str>,
    },
    /// The shell could not do what the call asked for: the call ends with this cause.
    Failed(Cause),
    /// The twin is gone: no further command will come.
    Deserted,
    /// The program is forced to end.
    Abort,
}

/// One thing that comes out, in the order it happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// Send these bytes.
    Send(Outgoing),
    /// Write a command to the twin, escape byte included.
    Command {
        /// Place in [`Outputs::bytes`].
        bytes: Span,
        /// The message of the scenario, whose `dest` names the peer.
        step: StepIndex,
    },
    /// Count.
    Count(Count),
    /// A response time was measured.
    ResponseTime {
        /// Index into `Program::timers`.
        timer: u16,
        /// How long it took.
        took: Duration,
        /// How long after it was due the request was sent that began it.
        late: Duration,
    },
    /// A warning for the errors file and its counter.
    Warning(String),
    /// Why a call cannot go on; it fails, and the exit code tells in the end.
    Broken(String),
    /// A line for `-trace_calldebug`, written when the call is aborted.
    Debug(String),
    /// Something the shell does for the call.
    Effect(Effect),
    /// The call is over; nothing may be handed to it any more.
    Ended(Verdict),
}

/// A message to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// Place in [`Outputs::bytes`].
    pub bytes: Span,
    /// Where to.
    pub to: Peer,
    /// The message of the scenario; for automatic ones the message the call stood on.
    pub step: StepIndex,
    /// Why it is sent.
    pub kind: Sending,
}

/// Why a message is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// The scenario says so.
    First,
    /// It was not answered in time, or a duplicate asked for it.
    Again,
    /// It is no message of the scenario.
    Automatic,
}

/// What is counted, by message where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Count {
    /// Sent, received, or entered (pause, nop).
    Done(StepIndex),
    /// Sent again, or received again.
    Retrans(StepIndex),
    /// Nothing came in time.
    Timeout(StepIndex),
    /// Another message came than awaited; the status code when it was a response.
    Unexpected(StepIndex, Option<u16>),
    /// Dropped on purpose.
    Lost(StepIndex),
    /// A `counter` attribute.
    Counter(u16),
    /// A request was answered outside of the scenario.
    AutoAnswered,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Success or failure.
    pub outcome: Outcome,
    /// The message the call stood on.
    pub step: StepIndex,
    /// From creation to end.
    pub length: Duration,
    /// How long after it was due the call was created.
    pub late: Duration,
    /// The check that made it fail, when it was one; the call went on behind it.
    pub check: Option<FailedCheck>,
}

/// A check of an action that did not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FailedCheck {
    /// The message.
    pub step: StepIndex,
    /// Which of its actions, from 0.
    pub action: u16,
}

/// Success or failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Reached its end.
    Succeeded,
    /// Failed; some failures have no cause of their own in the statistics.
    Failed(Option<Cause>),
    /// Was open when the program was forced to end.
    Aborted,
    /// Ended without a verdict: answered PING, hidden `<init>`.
    Unjudged,
}

/// What one or more steps produced; reused, so that nothing is allocated in the long run.
#[derive(Debug, Default)]
pub struct Outputs {
    /// In order.
    pub list: Vec<Output>,
    /// The bytes of messages and commands.
    pub bytes: Vec<u8>,
}

impl Outputs {
    /// Forgets everything, keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.bytes.clear();
    }

    /// The verdict, if the call ended.
    pub fn verdict(&self) -> Option<Verdict> {
        self.list.iter().rev().find_map(|output| match output {
            Output::Ended(verdict) => Some(*verdict),
            _ => None,
        })
    }

    /// The bytes of a message or command.
    pub fn text(&self, bytes: Span) -> &[u8] {
        bytes.of(&self.bytes)
    }
}

/// A moment that never comes, for deadlines that are not set.
pub(super) const NEVER: Time = Time::from_nanos(u64::MAX);
