//! A compiled scenario: messages in order, labels and variables resolved to numbers, texts split into segments.
//!
//! The call machine runs it, the shell reads names and flags for screens and files. Immutable and shared.

use std::sync::Arc;
use std::time::Duration;

use sip::msg::Method;

use crate::infile::FileId;
use crate::lang::distributions::Pause;
use crate::lang::{Action, MediaNeeds, PosixRegex, Template, VarNames};
use crate::state::{KeepRule, Scope, Settings, StepIndex, VarSlot};

/// A scenario ready to run.
#[derive(Debug)]
pub struct Program {
    /// The `name` attribute of the scenario; empty when absent.
    pub name: String,
    /// How calls begin.
    pub mode: Mode,
    /// The messages; a [`StepIndex`] counts them, `steps.len()` is the end.
    pub steps: Vec<Step>,
    /// Response time timers in order of first appearance.
    pub timers: Vec<Timer>,
    /// Names of `counter` attributes in order of first appearance.
    pub counters: Vec<String>,
    /// Borders of CallLengthRepartition in milliseconds.
    pub call_length_borders: Vec<u32>,
    /// Steps of `<init>`, run once by a hidden call before traffic; empty without.
    pub init: Vec<Step>,
    /// The texts of automatic messages.
    pub automatic: Automatic,
    /// All variables.
    pub vars: VarNames,
    /// Names used by `start_txn`, in order; calls keep a branch for each.
    pub txns: Vec<String>,
    /// Parts of received messages that calls keep.
    pub keep: KeepRule,
    /// Labels `_unexp.main` with its variables, when the scenario has it.
    pub unexpected: Option<UnexpectedLabel>,
    /// What the actions play.
    pub media: MediaNeeds,
    /// Injection files whose line a call takes when it is made: those that `[fieldN]` names without a line.
    pub files: Box<[FileId]>,
    /// True when some message has its own `lost`.
    pub has_losses: bool,
    /// Where it was read from.
    pub source: Source,
}

/// The text of a scenario, to quote from.
#[derive(Clone, Debug, Default)]
pub struct Source {
    /// Its name as findings show it.
    pub name: String,
    /// The text.
    pub text: Arc<[u8]>,
}

impl Source {
    /// A line without the blanks around it, from 1; empty beyond the end.
    pub fn line(&self, number: u32) -> String {
        let line =
            (number as usize).checked_sub(1).and_then(|at| self.text.split(|byte| *byte == b'\n').nth(at));
        String::from_utf8_lossy(line.unwrap_or_default().trim_ascii()).into_owned()
    }
}

/// How the calls of a scenario begin (first message other than pause and nop).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `send` first: the program opens calls.
    Client,
    /// `recv` first: requests open calls.
    Server,
    /// `sendCmd` is the first command and the program opens calls.
    CommandClient,
    /// `sendCmd` is the first command and requests open calls.
    CommandServer,
    /// `recvCmd` first: commands open calls.
    Commanded,
}

impl Mode {
    /// True when the program opens calls by itself.
    pub fn opens_calls(self) -> bool {
        matches!(self, Mode::Client | Mode::CommandClient)
    }

    /// True when calls go to the remote host: the program or a command opens them.
    pub fn calls_out(self) -> bool {
        self.opens_calls() || self == Mode::Commanded
    }

    /// True when messages of an unknown Call-ID open calls.
    pub fn takes_calls(self) -> bool {
        matches!(self, Mode::Server | Mode::CommandServer)
    }
}

/// A response time timer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Name as in `rtd="..."`.
    pub name: String,
    /// Borders of ResponseTimeRepartition in milliseconds; empty without.
    pub borders: Vec<u32>,
}

/// One message of a scenario.
#[derive(Debug)]
pub struct Step {
    /// What it does.
    pub op: Op,
    /// What screens and count files call it: `INVITE`, `200`, `Pause`, the `display` text of a nop.
    pub label: String,
    /// Line in the scenario file, from 1.
    pub line: u32,
    /// `hide`: not on screens and count files.
    pub hidden: bool,
    /// `crlf`: a blank line follows on the screen.
    pub blank_after: bool,
    /// Where the call goes on, when not at the next message.
    pub next: Option<Next>,
    /// Runs only if this holds.
    pub condition: Option<Condition>,
    /// Counts in this counter.
    pub counter: Option<u16>,
    /// Starts these timers (indexes into `Program::timers`).
    pub start_timers: Vec<u16>,
    /// Stops these timers.
    pub stop_timers: Vec<u16>,
    /// `repeat_rtd`: every stop counts, not only the first.
    pub repeats_timer: bool,
    /// `lost` in percent; `None` means the default.
    pub lost_percent: Option<f64>,
    /// `ontimeout`.
    pub on_timeout: Option<StepIndex>,
    /// Actions in order.
    pub actions: Vec<PlacedAction>,
}

/// An action and where it stands.
#[derive(Debug)]
pub struct PlacedAction {
    /// Line in the scenario file, from 1.
    pub line: u32,
    /// What it does.
    pub action: Box<dyn Action>,
}

/// `next` with `test` and `chance`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Next {
    /// The label's message.
    pub to: StepIndex,
    /// Jump only if this variable is set.
    pub test: Option<VarSlot>,
    /// Probability of the jump.
    pub chance: Option<f64>,
}

/// `condexec` and `condexec_inverse`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// The variable looked at.
    pub var: VarSlot,
    /// Run when the variable is set, or when it is not.
    pub runs_when_set: bool,
}

/// What a message does.
#[derive(Debug)]
pub enum Op {
    /// Sends a message.
    Send(Send),
    /// Waits for a message.
    Recv(Recv),
    /// Waits.
    Pause(Pause),
    /// Waits at the end, when the call has already succeeded.
    Timewait(Pause),
    /// Only actions.
    Nop,
    /// Sends a command to the twin.
    SendCmd(SendCmd),
    /// Waits for a command.
    RecvCmd(RecvCmd),
}

/// `send`.
#[derive(Debug)]
pub struct Send {
    /// The message.
    pub text: Template,
    /// Its start line.
    pub kind: SendKind,
    /// `retrans`: first interval of resending.
    pub retrans: Option<Duration>,
    /// `timeout`: how long it may wait in a congested connection.
    pub timeout: Option<Duration>,
    /// `start_txn`: remembers the branch here.
    pub start_txn: Option<u16>,
    /// `ack_txn`.
    pub ack_txn: Option<u16>,
}

impl Send {
    /// True for an ACK.
    pub fn is_ack(&self) -> bool {
        matches!(self.kind, SendKind::Request(Method::Ack, _))
    }
}

/// What the start line of a sent message says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SendKind {
    /// A request of this method; the text for those outside the table.
    Request(Method, Arc<str>),
    /// A response with this status.
    Response(u16),
}

/// `recv`.
#[derive(Debug)]
pub struct Recv {
    /// What it waits for.
    pub expects: Expects,
    /// `optional`.
    pub optional: Optional,
    /// `advance_state`: false runs the actions only.
    pub advances: bool,
    /// `rrs`: remembers route set and remote target.
    pub records_route: bool,
    /// `auth`: remembers the challenge.
    pub keeps_challenge: bool,
    /// `timeout`.
    pub timeout: Option<Duration>,
    /// `response_txn`: the response must carry this transaction's branch.
    pub response_txn: Option<u16>,
    /// `ignoresdp`.
    pub ignores_sdp: bool,
}

/// What a `recv` matches.
#[derive(Debug)]
pub enum Expects {
    /// A request of exactly this method.
    Request(Box<str>),
    /// A request whose method the expression matches.
    RequestMatching(PosixRegex),
    /// A response of this status. `methods`: concatenation of the methods of all plain requests sent earlier
    /// in the document; the response's CSeq method must occur in it.
    Response {
        /// The status code.
        status: u16,
        /// Earlier methods.
        methods: Box<str>,
    },
    /// A response whose decimal status the expression matches.
    ResponseMatching {
        /// The expression.
        regex: PosixRegex,
        /// Earlier methods.
        methods: Box<str>,
    },
}

/// `optional`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Optional {
    /// Must come.
    No,
    /// May come here.
    Yes,
    /// May come here and later.
    Global,
}

/// `sendCmd`.
#[derive(Debug)]
pub struct SendCmd {
    /// The command without the final escape byte.
    pub text: Template,
    /// `dest`: name of the peer in the extended form.
    pub dest: Option<String>,
}

/// `recvCmd`.
#[derive(Debug)]
pub struct RecvCmd {
    /// `optional`.
    pub optional: Optional,
    /// `src`: name of the peer in the extended form.
    pub src: Option<String>,
    /// `timeout`.
    pub timeout: Option<Duration>,
}

/// The texts of automatic messages: SIPp's, or what DefaultMessage put in their place.
#[derive(Debug)]
pub struct Automatic {
    /// `ack`: ends a rejected or answered INVITE of an aborted call.
    pub ack: Template,
    /// `bye`
    pub bye: Template,
    /// `cancel`
    pub cancel: Template,
    /// `200`: answers unexpected requests.
    pub ok: Template,
    /// `3pcc_abort`: tells the twin that a call was aborted.
    pub twin_abort: Template,
}

/// The label `_unexp.main`: where unexpected messages are handled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnexpectedLabel {
    /// The message it names.
    pub to: StepIndex,
    /// `_unexp.retaddr`
    pub return_to: VarSlot,
    /// `_unexp.pausedaddr`
    pub paused_until: VarSlot,
}

impl Program {
    /// The message at a position; `None` at the end.
    pub fn step(&self, index: StepIndex) -> Option<&Step> {
        self.steps.get(index.get())
    }

    /// Makes keywords literal whose values hold for the whole run. To be called once, before calls are opened;
    /// a program that is not settled gives the same messages more slowly.
    pub fn settle(&mut self, settings: &Settings) {
        for step in &mut self.steps {
            match &mut step.op {
                Op::Send(send) => send.text.settle(settings),
                Op::SendCmd(command) => command.text.settle(settings),
                _ => {}
            }
        }
    }

    /// Calls take a line of that file, whether or not a message prints it.
    pub fn take_lines_of(&mut self, file: FileId) {
        if !self.files.contains(&file) {
            self.files = self.files.iter().copied().chain([file]).collect();
        }
    }

    /// The slot of a declared global variable, for `-set`.
    pub fn global(&self, name: &str) -> Option<VarSlot> {
        self.vars.find(name).filter(|slot| slot.scope == Scope::Global)
    }
}

impl Step {
    /// True when the message waits for a message or a command that may stay away.
    pub fn is_optional(&self) -> bool {
        match &self.op {
            Op::Recv(recv) => recv.optional != Optional::No,
            Op::RecvCmd(recv) => recv.optional != Optional::No,
            _ => false,
        }
    }
}
