//! The INVITE client transaction (RFC 3261 17.1.1, figure 5, as updated by RFC 6026 7.2).
//!
//! Beyond the figure: timer C of a proxy (RFC 3261 16.8) while Proceeding, and a CANCEL that waits for the
//! first provisional reply (RFC 3261 9.1). The table builds and sends the CANCEL when this machine says so.

use bytes::Bytes;

use super::Unanswered;
use super::build;
use super::step::{ClientInput as Input, Step};
use super::timers::{Millis, Timer};
use crate::msg::View;

/// States of figure 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Sent, no reply yet.
    Calling,
    /// A provisional reply came.
    Proceeding,
    /// A final reply other than 2xx came and was acknowledged.
    Completed,
    /// A 2xx came; more may come, all are passed to the TU.
    Accepted,
    /// Over.
    Terminated,
}

/// How far a cancellation has come.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Cancel {
    /// Nobody asked for it.
    No,
    /// Asked for, with these header lines; no provisional reply yet.
    Waiting(Bytes),
    /// May be sent now.
    Ready(Bytes),
    /// Handed to the table.
    Sent,
}

/// The machine: its state, what it would send again, and the cancellation.
#[derive(Clone, Debug)]
pub(super) struct InviteClient {
    pub(super) state: State,
    /// The INVITE; in Completed the ACK; in Accepted nothing.
    message: Bytes,
    cancel: Cancel,
}

impl InviteClient {
    /// Sends the INVITE.
    pub(super) fn start(invite: Bytes, step: &mut Step<'_>) -> InviteClient {
        step.send(&invite);
        step.start_resend(Timer::A);
        step.end_with(Timer::B);
        InviteClient { state: State::Calling, message: invite, cancel: Cancel::No }
    }

    /// One step.
    pub(super) fn handle(&mut self, input: Input<'_>, step: &mut Step<'_>) {
        self.state = match self.state {
            State::Calling => self.calling(input, step),
            State::Proceeding => self.proceeding(input, step),
            State::Completed => self.completed(input, step),
            State::Accepted => accepted(input, step),
            State::Terminated => State::Terminated,
        };
    }

    /// The TU wants the INVITE cancelled.
    pub(super) fn cancel(&mut self, headers: Bytes, unanswered: Unanswered, step: &mut Step<'_>) {
        match (self.state, &self.cancel) {
            (State::Calling, Cancel::No) => {
                self.cancel = Cancel::Waiting(headers);
                if unanswered == Unanswered::StopSending {
                    step.stop_resend();
                }
            }
            (State::Proceeding, Cancel::No) => {
                self.cancel = Cancel::Ready(headers);
                // 9.1: without a final reply 64*T1 after the CANCEL, the INVITE counts as cancelled.
                step.end_with(Timer::B);
            }
            _ => {}
        }
    }

    /// The INVITE and the header lines of a CANCEL that is to be sent now; once.
    pub(super) fn take_cancel(&mut self) -> Option<(Bytes, Bytes)> {
        let Cancel::Ready(headers) = &mut self.cancel else { return None };
        let headers = std::mem::take(headers);
        self.cancel = Cancel::Sent;
        Some((self.message.clone(), headers))
    }

    fn calling(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Timer(Timer::A) => {
                step.send(&self.message);
                step.double_resend(Millis::MAX);
                State::Calling
            }
            Input::Provisional => {
                step.stop_resend();
                step.end_with(Timer::C);
                if let Cancel::Waiting(headers) = &mut self.cancel {
                    self.cancel = Cancel::Ready(std::mem::take(headers));
                    step.end_with(Timer::B);
                }
                step.respond();
                State::Proceeding
            }
            other => self.end(other, step),
        }
    }

    fn proceeding(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Provisional => {
                // 16.7 item 2: timer C starts anew, unless the INVITE is already given up.
                if step.end() == Timer::C {
                    step.end_with(Timer::C);
                }
                step.respond();
                State::Proceeding
            }
            Input::Timer(Timer::C) => {
                // 16.8: the TU cancels; the answer to that is awaited here.
                step.end_with(Timer::B);
                step.time_out(Timer::C);
                State::Proceeding
            }
            other => self.end(other, step),
        }
    }

    /// The arrows that Calling and Proceeding share.
    fn end(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Success => {
                step.stop_resend();
                step.end_with(Timer::M);
                self.message = Bytes::new();
                step.respond();
                State::Accepted
            }
            Input::Failure(response) => self.reject(response, step),
            Input::Timer(timer) => {
                step.time_out(timer);
                State::Terminated
            }
            Input::Failed => {
                step.fail();
                State::Terminated
            }
            Input::Provisional => self.state,
        }
    }

    /// A reply that cannot be acknowledged, since it lacks a To, is as good as none.
    fn reject(&mut self, response: View<'_>, step: &mut Step<'_>) -> State {
        let Some(ack) = build::ack(&self.message, response) else { return self.state };
        self.message = ack;
        step.stop_resend();
        step.end_with(Timer::D);
        step.send(&self.message);
        step.respond();
        State::Completed
    }

    fn completed(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Failure(_) => {
                step.send(&self.message);
                State::Completed
            }
            Input::Timer(_) => State::Terminated,
            Input::Failed => {
                step.fail();
                State::Terminated
            }
            Input::Provisional | Input::Success => State::Completed,
        }
    }
}

fn accepted(input: Input<'_>, step: &mut Step<'_>) -> State {
    match input {
        Input::Success => {
            step.respond();
            State::Accepted
        }
        Input::Timer(_) => State::Terminated,
        Input::Provisional | Input::Failure(_) | Input::Failed => State::Accepted,
    }
}
