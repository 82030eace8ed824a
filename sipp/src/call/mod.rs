//! The call machine: one run of a scenario for one Call-ID.
//!
//! `handle(now, Input, &mut Env, &mut Outputs)` moves it, `next_deadline()` says when it wants to be called
//! again. A call runs until it must wait: for a message, a command, a pause, or the answer to a message it
//! keeps resending. No clock, socket or random source inside.

mod abort;
mod commands;
mod duplicates;
mod info_digit;
mod io;
mod matching;
mod receive;
mod render;
mod retrans;
mod session;
mod step;
mod unexpected;

use std::time::Duration;

use sip::time::Time;
use smallvec::SmallVec;

pub use io::{
    Birth, Cause, Count, Env, FailedCheck, Input, Origin, Outcome, Outgoing, Output, Outputs, Sending,
    Verdict,
};

use crate::lang::{Effect, Problem};
use crate::scenario::{Op, Program, Step};
use crate::state::{CallState, StepIndex};

use commands::EarlyCommands;
use duplicates::Seen;
use io::NEVER;
use retrans::Resend;

/// One call.
#[derive(Debug)]
pub struct Call {
    state: CallState,
    wait: Wait,
    /// When the wait ends by itself.
    until: Time,
    resend: Option<Box<Resend>>,
    seen: Seen,
    progress: Progress,
    /// The last check that failed.
    failure: Option<(Cause, FailedCheck)>,
    origin: Origin,
    timers: SmallVec<[TimerState; 1]>,
    /// How long after it was due the call was created.
    late: Late,
    /// Branches stored by `start_txn`, and whether an ACK was sent for each.
    txns: Box<[Txn]>,
    /// Commands that came before their `recvCmd`.
    early: EarlyCommands,
}

/// What a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wait {
    /// It has not started.
    Fresh,
    /// A message or command, at a `recv` or `recvCmd`.
    Message,
    /// The end of a `pause`.
    Pause,
    /// The end of a `timewait`: the call has succeeded.
    Timewait,
    /// The answer to a message that is being resent; only then the next one is sent.
    Answer,
    /// Its turn: it ran very many steps without waiting.
    Turn,
    /// Nothing: it is over.
    Over,
}

/// How far the dialog came; what an abort has to end.
#[derive(Clone, Copy, Debug, Default)]
struct Progress {
    sent_any: bool,
    last_sent_is_invite: bool,
    /// An ACK was sent or received.
    acked: bool,
    /// A 200 came that no ACK answered yet.
    answered: bool,
    received_any: bool,
    /// CSeq of the INVITE received last; its ACK must have the same.
    invite_cseq: Option<u32>,
}

#[derive(Clone, Copy, Debug)]
struct TimerState {
    started: Time,
    /// How long after it was due that was.
    late: Late,
    stopped: bool,
}

/// A delay in whole microseconds, at most an hour and eleven minutes: calls are small.
#[derive(Clone, Copy, Debug, Default)]
struct Late(u32);

impl Late {
    fn of(delay: Duration) -> Late {
        Late(u32::try_from(delay.as_micros()).unwrap_or(u32::MAX))
    }

    fn duration(self) -> Duration {
        Duration::from_micros(self.0.into())
    }
}

#[derive(Clone, Debug, Default)]
struct Txn {
    branch: Box<[u8]>,
    ack: Option<StepIndex>,
}

impl Call {
    /// A call that has not started. `env.world` picks its injection lines.
    ///
    /// Errors: the text of a fatal error, when a `USER` file has no line for the user.
    pub fn new(now: Time, birth: Birth<'_>, env: &mut Env<'_>) -> Result<Call, String> {
        let program = env.program;
        let locals = program.vars.table(crate::state::Scope::Call).len();
        let mut state = CallState::new(birth.number, birth.id, now, locals);
        state.user = birth.user;
        state.media = program.media.plays.then(Box::default);
        state.cseq = env.settings.base_cseq.saturating_sub(1);
        if birth.origin != Origin::Received && birth.origin != Origin::OutOfCall {
            state.peer = env.settings.destination;
        }
        let world = &mut *env.world;
        if birth.origin == Origin::Opened && env.settings.circuits.is_some() {
            state.circuit = world.take_circuit();
        }
        let ident = &mut world.ident;
        state.lines = world
            .infiles
            .pick_lines(birth.user.0, &program.files, |bound| ident.below(bound))
            .map_err(|error| error.to_string())?;
        Ok(Call {
            state,
            wait: Wait::Fresh,
            until: NEVER,
            resend: None,
            seen: Seen::default(),
            progress: Progress::default(),
            failure: None,
            origin: birth.origin,
            timers: program
                .timers
                .iter()
                .map(|_| TimerState { started: now, late: Late(0), stopped: false })
                .collect(),
            late: Late(0),
            txns: vec![Txn::default(); program.txns.len()].into_boxed_slice(),
            early: EarlyCommands::default(),
        })
    }

    /// The call, not started yet, was due at that moment: what it measures from its start counts from there too.
    pub fn was_due(&mut self, due: Time) {
        self.late = Late::of(self.state.created.since(due));
        for timer in &mut self.timers {
            timer.late = self.late;
        }
    }

    /// Moves the call. After an [`Output::Ended`] nothing may follow.
    pub fn handle(&mut self, now: Time, input: Input<'_>, env: &mut Env<'_>, outputs: &mut Outputs) {
        if self.wait == Wait::Over {
            return;
        }
        let late = match input {
            Input::Start => self.late,
            Input::Deadline => self.next_deadline().map_or(Late(0), |due| Late::of(now.since(due))),
            // A message is handled at once: when it came is when it is due.
            _ => Late(0),
        };
        let mut run = Run { call: self, now, late, env, outputs };
        match input {
            Input::Start => run.start(),
            Input::Message { view, from } => run.take_message(view, from),
            Input::Deadline => run.take_deadline(),
            Input::Command { text, from } => run.take_command(text, from),
            Input::Failed(cause) => run.take_failure(cause),
            Input::Deserted => run.take_desertion(),
            Input::Abort => run.take_abort(),
        }
        let line = run.env.program.step(run.call.state.step).map_or(0, |step| step.line);
        run.report_problems(line);
    }

    /// When the call wants [`Input::Deadline`]; `None` when only a message can move it.
    pub fn next_deadline(&self) -> Option<Time> {
        let resend = self.resend.as_ref().map_or(NEVER, |resend| resend.next);
        Some(self.until.min(resend)).filter(|deadline| *deadline != NEVER && self.wait != Wait::Over)
    }

    /// What the call remembers.
    pub fn state(&self) -> &CallState {
        &self.state
    }

    /// The same, for the shell to note the call's own port or a new destination.
    pub fn state_mut(&mut self) -> &mut CallState {
        &mut self.state
    }

    fn shown_id(&self) -> String {
        String::from_utf8_lossy(&self.state.id).into_owned()
    }

    /// True while the call is in a pause.
    pub fn is_paused(&self) -> bool {
        matches!(self.wait, Wait::Pause | Wait::Timewait)
    }

    /// True when the next thing the call does is to write a message.
    pub fn sends_next(&self, program: &Program) -> bool {
        let step = program.step(self.state.step);
        self.wait == Wait::Turn && step.is_some_and(|step| matches!(step.op, Op::Send(_)))
    }

    /// Bytes of memory the call takes, those behind pointers included.
    pub fn memory(&self) -> usize {
        size_of::<Call>()
            + self.state.id.len()
            + self.state.last.heap_size()
            + self.state.peer_tag.len()
            + self.state.lines.len() * 4
            + self.resend.as_ref().map_or(0, |resend| size_of::<Resend>() + resend.bytes.len())
    }
}

/// One input being handled: the call and everything around it.
struct Run<'r, 'e> {
    call: &'r mut Call,
    now: Time,
    /// How long after it was due the input is handled.
    late: Late,
    env: &'r mut Env<'e>,
    outputs: &'r mut Outputs,
}

impl Run<'_, '_> {
    fn push(&mut self, output: Output) {
        self.outputs.list.push(output);
    }

    fn count(&mut self, count: Count) {
        self.outputs.list.push(Output::Count(count));
    }

    fn warn(&mut self, text: String) {
        self.outputs.list.push(Output::Warning(text));
    }

    fn start(&mut self) {
        self.debug(|call| format!("Starting call {}", call.shown_id()));
        self.run_steps();
    }

    /// Text for `-trace_calldebug`, made only when someone wants it.
    fn debug(&mut self, text: impl FnOnce(&Call) -> String) {
        if self.env.settings.call_debug {
            let line = text(self.call);
            self.outputs.list.push(Output::Debug(line));
        }
    }

    /// Call-ID for warnings.
    fn id(&self) -> String {
        self.call.shown_id()
    }

    /// Ends the call.
    fn end(&mut self, outcome: Outcome) {
        let call = &mut *self.call;
        call.wait = Wait::Over;
        call.until = NEVER;
        call.resend = None;
        let check = match (outcome, call.failure) {
            (Outcome::Failed(Some(cause)), Some((failed, check))) if cause == failed => Some(check),
            _ => None,
        };
        let (length, late) = (self.now - call.state.created, call.late.duration());
        let verdict = Verdict { outcome, step: call.state.step, length, late, check };
        self.push(Output::Ended(verdict));
    }

    /// Ends the call as failed.
    fn fail(&mut self, cause: Cause) {
        self.end(Outcome::Failed(Some(cause)));
    }

    fn take_failure(&mut self, cause: Cause) {
        match self.call.wait {
            Wait::Timewait => self.finish(),
            _ => self.fail(cause),
        }
    }

    /// Hands on what keywords and actions of the message in that line complained about; after a fatal complaint the
    /// call is over.
    fn report_problems(&mut self, line: u32) -> Gravity {
        let mut broken = None;
        for problem in std::mem::take(&mut self.env.world.problems) {
            match problem {
                Problem::Warning(text) => self.warn(text),
                Problem::Fatal(text) => broken = broken.or(Some(text)),
            }
        }
        let Some(text) = broken else { return Gravity::Harmless };
        self.break_off(line, &text);
        Gravity::Fatal
    }

    /// The call cannot go on and fails; it takes leave of the peer when it has a dialog with it.
    ///
    /// DEVIATES: SIPp ends the program, and with it all other calls. Here they go on, and the exit code in the end is the
    /// same. Test: `a_call_that_cannot_go_on_ends_no_other`.
    fn break_off(&mut self, line: u32, text: &str) {
        if self.call.origin == Origin::Init {
            self.push(Output::Effect(Effect::Fatal(text.into())));
            return self.halt();
        }
        let place = format!("{}:{line}", self.env.program.source.name);
        self.push(Output::Broken(format!("{place}: {text} (call {})", self.id())));
        if self.call.wait != Wait::Over {
            // What came for the message it stands on has not been noted yet.
            let at_recv =
                matches!(self.env.program.step(self.call.state.step), Some(Step { op: Op::Recv(_), .. }));
            self.call.progress.received_any |= at_recv;
            let progress = self.call.progress;
            match progress.last_sent_is_invite || progress.acked {
                true => self.abort(Cause::CallRejected),
                false => self.fail(Cause::CallRejected),
            }
        }
        // What the farewell could not print belongs to this call, not to the next one.
        self.env.world.problems.clear();
    }

    /// The program ends: the call stops where it is, without a verdict.
    fn halt(&mut self) {
        self.call.wait = Wait::Over;
        self.call.until = NEVER;
        self.call.resend = None;
    }
}

/// Whether a call can go on after a complaint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Gravity {
    Harmless,
    Fatal,
}

#[cfg(test)]
mod tests;
