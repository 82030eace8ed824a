//! Third-party call control: commands to and from a twin instance.

use crate::lang::Subject;
use crate::scenario::{Op, SendCmd, Step};
use crate::state::StepIndex;

use super::{Cause, Output, Run};

/// The byte that ends a command on the connection.
const ESCAPE: u8 = 0x1B;

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

    /// Takes a command; one that no `recvCmd` waits for rejects the call.
    pub(super) fn take_command(&mut self, text: &[u8], from: Option<&str>) {
        if self.call.wait == super::Wait::Fresh {
            self.run_steps();
        }
        if is_abort(text) {
            return self.abort(Cause::CallRejected);
        }
        let Some(index) = self.awaited_command(from) else {
            let id = self.id();
            self.warn(format!("Unexpected command for Call-Id '{id}'"));
            return self.abort(Cause::CallRejected);
        };
        let program = self.env.program;
        let step = &program.steps[index.get()];
        let end = text.iter().rposition(|byte| !matches!(byte, b'\r' | b'\n')).map_or(0, |last| last + 1);
        self.call.state.step = index;
        self.book(index, step);
        if self.run_actions(index, step, Subject { text: Some(&text[..end]) }) {
            self.advance(step);
            self.run_steps();
        }
    }

    /// The first `recvCmd` over optional messages whose `src` is the sender.
    fn awaited_command(&self, from: Option<&str>) -> Option<StepIndex> {
        let steps = &self.env.program.steps;
        for (at, step) in steps.iter().enumerate().skip(self.call.state.step.get()) {
            match &step.op {
                Op::RecvCmd(recv) => {
                    let fits = recv.src.is_none() || recv.src.as_deref() == from;
                    return fits.then_some(StepIndex(at as u16));
                }
                _ if step.is_optional() => {}
                _ => return None,
            }
        }
        None
    }
}

/// True when the twin says that it aborted the call.
fn is_abort(text: &[u8]) -> bool {
    text.split(|byte| *byte == b'\n').any(|line| {
        line.split_at_checked(13).is_some_and(|(name, value)| {
            name.eq_ignore_ascii_case(b"internal-cmd:") && sip::lex::trim(value) == b"abort_call"
        })
    })
}
