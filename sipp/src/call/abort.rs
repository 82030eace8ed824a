//! Ending a call before its scenario does: what has to be sent so that the peer does not hang on.

use super::{Cause, Outcome, Outgoing, Output, Run, Sending};
use crate::lang::Template;
use crate::state::Compat;

impl Run<'_, '_> {
    /// Ends the call as failed: tells the twin, and with the `bye` behaviour ends the dialog first.
    pub(super) fn abort(&mut self, cause: Cause) {
        self.tell_twin();
        self.leave_dialog();
        self.fail(cause);
    }

    /// The twin has aborted its call; it need not be told.
    pub(super) fn abort_by_twin(&mut self) {
        self.leave_dialog();
        // SIPp counts no cause for it.
        self.end(Outcome::Failed(None));
    }

    /// The program is forced to end.
    pub(super) fn take_abort(&mut self) {
        let id = self.id();
        self.warn(format!("Aborted call with Call-ID '{id}'"));
        self.leave_dialog();
        self.end(Outcome::Aborted);
    }

    fn leave_dialog(&mut self) {
        self.trace_abort();
        if self.env.settings.behaviours.bye {
            self.end_dialog();
        }
    }

    /// A line for `-trace_calldebug`.
    pub(super) fn trace_abort(&mut self) {
        self.debug(|call| format!("Aborting call {} (index {}).", call.shown_id(), call.state.step.0));
    }

    /// Sends what ends the dialog: ACK, ACK and BYE, CANCEL or BYE. Calls that the program did not open by itself,
    /// for a request or a command, send nothing (so SIPp).
    fn end_dialog(&mut self) {
        let program = self.env.program;
        if !program.mode.opens_calls() || self.call.state.step.0 == 0 {
            return;
        }
        let progress = self.call.progress;
        let status = self.call.state.last.status();
        let automatic = &program.automatic;
        if progress.last_sent_is_invite && !progress.acked {
            if status >= 400 {
                self.send_automatic(&automatic.ack);
            } else if progress.answered {
                self.send_automatic(&automatic.ack);
                self.send_automatic(&automatic.bye);
            } else if progress.received_any {
                self.send_automatic(&automatic.cancel);
            }
        } else if progress.received_any {
            self.send_automatic(&automatic.bye);
        }
    }

    /// Sends a message that is no step of the scenario.
    pub(super) fn send_automatic(&mut self, template: &Template) {
        let Some(to) = self.destination() else { return };
        let step = self.call.state.step;
        // The index that [branch] prints.
        let index = match self.env.settings.compat {
            Compat::V36 => -1,
            Compat::V37 => i32::from(step.0) - 1,
        };
        let bytes = self.render(template, index);
        let outgoing = Outgoing { bytes, to, step, kind: Sending::Automatic };
        self.trace_sending(index, &outgoing);
        self.push(Output::Send(outgoing));
    }
}
