//! Third-party call control: commands to and from a twin instance.

use crate::lang::Subject;
use crate::scenario::{Op, Program, RecvCmd, SendCmd, Step};
use crate::state::StepIndex;

use super::{Cause, Output, Run};

/// The byte that ends a command on the connection.
const ESCAPE: u8 = 0x1B;
/// Commands a call keeps for later; a twin that sends more is rejected.
const MAX_EARLY: usize = 8;

/// Commands that came before the call reached their `recvCmd`, oldest first.
#[derive(Debug, Default)]
pub(super) struct EarlyCommands(Vec<EarlyCommand>);

#[derive(Debug)]
struct EarlyCommand {
    text: Box<[u8]>,
    from: Option<Box<str>>,
}

impl Run<'_, '_> {
    pub(super) fn run_send_command(&mut self, index: StepIndex, step: &Step, command: &SendCmd) {
        let mut bytes = self.render(&command.text, i32::from(index.0));
        self.outputs.bytes.push(ESCAPE);
        bytes.len += 1;
        self.push(Output::Command { bytes, step: index });
        self.book(index, step);
        if !step.actions.is_empty() {
            let text = self.outputs.text(bytes).to_vec();
            if !self.run_actions(index, step, Subject { text: Some(&text) }) {
                return;
            }
        }
        self.advance(step);
    }

    /// Takes a command: runs its `recvCmd`, or keeps it when that comes later. One that no `recvCmd` will ever
    /// take rejects the call.
    pub(super) fn take_command(&mut self, text: &[u8], from: Option<&str>) {
        if self.call.wait == super::Wait::Fresh {
            self.start();
        }
        if self.call.wait == super::Wait::Over {
            return;
        }
        if is_abort(text) {
            return self.abort_by_twin();
        }
        if let Some(index) = self.awaited_command(from) {
            let program = self.env.program;
            self.call.state.step = index;
            if self.accept_command(index, &program.steps[index.get()], text) {
                self.run_steps();
            }
            return;
        }
        let early = &mut self.call.early.0;
        if early.len() < MAX_EARLY && is_awaited_later(self.env.program, self.call.state.step, from) {
            return early.push(EarlyCommand { text: text.into(), from: from.map(Into::into) });
        }
        let id = self.id();
        self.warn(format!("Unexpected command for Call-Id '{id}'"));
        self.abort(Cause::CallRejected);
    }

    /// A call that stands on a `recvCmd` would stand there for ever (as SIPp's does); others go on.
    pub(super) fn take_desertion(&mut self) {
        let step = self.env.program.step(self.call.state.step);
        if step.is_some_and(|step| matches!(step.op, Op::RecvCmd(_))) {
            self.take_abort();
        }
    }

    /// Runs a `recvCmd` with the first command that came early and fits; false when there is none.
    pub(super) fn take_early_command(&mut self, index: StepIndex, step: &Step, recv: &RecvCmd) -> bool {
        let early = &mut self.call.early.0;
        let Some(at) = early.iter().position(|command| takes_from(recv, command.from.as_deref())) else {
            return false;
        };
        let command = early.remove(at);
        self.accept_command(index, step, &command.text);
        true
    }

    /// Books a command and runs the actions; false when they ended the call.
    fn accept_command(&mut self, index: StepIndex, step: &Step, text: &[u8]) -> bool {
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        self.book(index, step);
        let goes_on = self.run_actions(index, step, Subject { text: Some(&text[..end]) });
        if goes_on {
            self.advance(step);
        }
        goes_on
    }

    /// Tells the twin of a call that fails, when the scenario has one.
    pub(super) fn tell_twin(&mut self) {
        let program = self.env.program;
        let is_link = |step: &Step| matches!(step.op, Op::SendCmd(_) | Op::RecvCmd(_));
        let sends = program.steps.iter().position(|step| matches!(step.op, Op::SendCmd(_)));
        let Some(at) = sends.or_else(|| program.steps.iter().position(is_link)) else { return };
        let step = StepIndex(at as u16);
        let mut bytes = self.render(&program.automatic.twin_abort, i32::from(self.call.state.step.0));
        self.outputs.bytes.push(ESCAPE);
        bytes.len += 1;
        self.push(Output::Command { bytes, step });
    }

    /// The first `recvCmd` over optional messages whose `src` is the sender.
    fn awaited_command(&self, from: Option<&str>) -> Option<StepIndex> {
        let steps = &self.env.program.steps;
        for (at, step) in steps.iter().enumerate().skip(self.call.state.step.get()) {
            match &step.op {
                Op::RecvCmd(recv) if takes_from(recv, from) => return Some(StepIndex(at as u16)),
                _ if step.is_optional() => {}
                _ => return None,
            }
        }
        None
    }
}

/// True when a `recvCmd` takes commands of that sender.
fn takes_from(recv: &RecvCmd, from: Option<&str>) -> bool {
    recv.src.is_none() || recv.src.as_deref() == from
}

/// True when a `recvCmd` further down takes commands of that sender.
fn is_awaited_later(program: &Program, step: StepIndex, from: Option<&str>) -> bool {
    let later = program.steps.iter().skip(step.get());
    later.into_iter().any(|step| matches!(&step.op, Op::RecvCmd(recv) if takes_from(recv, from)))
}

/// True when the twin says that it aborted the call.
fn is_abort(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        line.split_at_checked(13).is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case(b"internal-cmd:") && sip::lex::trim(value) == b"abort_call"
        })
    })
}
