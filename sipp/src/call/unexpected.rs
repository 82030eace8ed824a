//! Messages that no `recv` waits for: the label `_unexp.main`, automatic answers, or the end of the call.

use sip::msg::View;

use crate::scenario::{Op, Program, UnexpectedLabel};
use crate::state::StepIndex;

use super::io::NEVER;
use super::matching::method_text;
use super::{Cause, Count, Origin, Outcome, Run, Wait};

impl Run<'_, '_> {
    /// Takes a message that fits nowhere.
    pub(super) fn unexpected(&mut self, view: View<'_>, hash: u64) {
        if self.handled_by_label(view) {
            return;
        }
        let (index, transport) = (self.call.state.step.0, self.env.settings.transport);
        self.debug(|_| {
            let text = String::from_utf8_lossy(view.bytes);
            format!("Unexpected {transport} message received (index {index}, hash {hash}):\n\n{text}")
        });
        match method_text(view) {
            Some(b"BYE") => self.unexpected_end(view, "BYE", hash),
            Some(b"CANCEL") => self.unexpected_end(view, "CANCEL", hash),
            Some(b"PING") if self.env.settings.behaviours.ping_reply => {
                self.answer(view, "PING");
                self.end(Outcome::Unjudged);
            }
            Some(b"INFO" | b"NOTIFY" | b"OPTIONS" | b"UPDATE") if self.env.settings.auto_answer => {
                self.answer(view, "INFO, NOTIFY, OPTIONS or UPDATE");
                if self.is_no_call_yet() {
                    self.end(Outcome::Unjudged);
                }
            }
            // DEVIATES: SIPp lets the finished call fail. An ACK comes again for every 200 that was sent again (RFC 3261
            // 13.2.2.4), and may be overtaken by the end of the call.
            // Test: `a_repeated_ack_in_the_timewait_keeps_the_success`.
            Some(b"ACK") if self.call.wait == Wait::Timewait => {
                self.count(Count::Retrans(self.call.state.step));
            }
            _ => self.reject(view),
        }
    }

    /// `_unexp.main`: notes where the call was and takes the message again behind the label.
    fn handled_by_label(&mut self, view: View<'_>) -> bool {
        let Some(UnexpectedLabel { to, return_to, paused_until }) = self.env.program.unexpected else {
            return false;
        };
        if self.scope(0).var(return_to).number() != 0.0 || self.call.wait == Wait::Over {
            return false;
        }
        let current = self.call.state.step;
        let until = if self.call.wait == Wait::Pause { self.call.until } else { NEVER };
        self.set_number(return_to, f64::from(current.0));
        self.set_number(paused_until, if until == NEVER { 0.0 } else { until.as_millis() as f64 });
        self.call.state.step = to;
        self.run_steps();
        if self.call.wait != Wait::Over
            && let Some(peer) = self.call.state.peer
        {
            self.take_message(view, peer);
        }
        true
    }

    /// True when only the message at hand made the call, and the scenario has taken nothing yet.
    fn is_no_call_yet(&self) -> bool {
        let came_in = matches!(self.call.origin, Origin::Received | Origin::OutOfCall);
        came_in && self.call.state.step.0 == 0 && !self.call.progress.received_any
    }

    fn answer(&mut self, view: View<'_>, what: &str) {
        let id = self.id();
        self.warn(format!("Automatic response mode for an unexpected {what} for call: {id}"));
        self.count(Count::AutoAnswered);
        self.send_ok(view);
    }

    /// Sends a 200 to a request without keeping the request as the last message.
    fn send_ok(&mut self, view: View<'_>) {
        let program = self.env.program;
        let kept = std::mem::take(&mut self.call.state.last);
        self.call.state.last.keep(view, program.keep);
        self.send_automatic(&program.automatic.ok);
        self.call.state.last = kept;
    }

    /// BYE and CANCEL end the call. One that comes in a timewait is answered and changes nothing.
    fn unexpected_end(&mut self, view: View<'_>, method: &str, hash: u64) {
        let index = self.call.state.step;
        if self.call.wait == Wait::Timewait {
            // DEVIATES: SIPp answers and lets the finished call fail.
            self.count(Count::Retrans(index));
            self.remember_received(hash, index);
            return self.send_ok(view);
        }
        let id = self.id();
        self.count(Count::Unexpected(index, None));
        if !self.env.settings.behaviours.abort_unexpected {
            return self.warn(format!("Continuing call on an unexpected {method} for call: {id}"));
        }
        self.warn(format!("Aborting call on an unexpected {method} for call: {id}"));
        self.tell_twin();
        if self.env.settings.behaviours.bye {
            self.send_ok(view);
        }
        self.trace_abort();
        self.fail(Cause::UnexpectedMessage);
    }

    fn reject(&mut self, view: View<'_>) {
        let index = self.call.state.step;
        let aborts = self.env.settings.behaviours.abort_unexpected;
        self.count(Count::Unexpected(index, view.status()));
        let verb = if aborts { "Aborting" } else { "Continuing" };
        let doing = describe_wait(self.env.program, index);
        let (id, message) = (self.id(), String::from_utf8_lossy(view.bytes).into_owned());
        self.warn(format!(
            "{verb} call on unexpected message for Call-Id '{id}': while {doing} (index {}), received '{message}'",
            index.0
        ));
        if !aborts {
            return;
        }
        if view.status().is_some() {
            // The response carries the dialog's tags; an unexpected request would put them the wrong way round.
            self.call.state.last.keep(view, self.env.program.keep);
            self.call.progress.received_any = true;
        }
        self.abort(Cause::UnexpectedMessage);
    }
}

fn describe_wait(program: &Program, index: StepIndex) -> String {
    let Some(step) = program.step(index) else { return "finishing".into() };
    match &step.op {
        Op::Recv(_) => format!("expecting '{}'", step.label),
        Op::Send(_) => "sending".into(),
        Op::Pause(_) | Op::Timewait(_) => "pausing".into(),
        Op::SendCmd(_) => "sending command".into(),
        Op::RecvCmd(_) => "expecting command".into(),
        Op::Nop => "in message type 5".into(),
    }
}
