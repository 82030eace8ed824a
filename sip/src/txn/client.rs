//! The non-INVITE client transaction (RFC 3261 17.1.2, figure 6).

use bytes::Bytes;

use super::step::{ClientInput as Input, Step};
use super::timers::Timer;

/// States of figure 6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Sent, no reply yet.
    Trying,
    /// A provisional reply came.
    Proceeding,
    /// A final reply came; its retransmissions are absorbed.
    Completed,
    /// Over.
    Terminated,
}

/// The machine: its state, and the request as long as it may be sent again.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub(super) state: State,
    request: Bytes,
}

impl Client {
    /// Sends the request.
    pub(super) fn start(request: Bytes, step: &mut Step<'_>) -> Client {
        step.send(&request);
        step.start_resend(Timer::E);
        step.end_with(Timer::F);
        Client { state: State::Trying, request }
    }

    /// One step.
    pub(super) fn handle(&mut self, input: Input<'_>, step: &mut Step<'_>) {
        self.state = match self.state {
            State::Trying => self.trying(input, step),
            State::Proceeding => self.proceeding(input, step),
            State::Completed => completed(input),
            State::Terminated => State::Terminated,
        };
    }

    fn trying(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Timer(Timer::E) => {
                step.send(&self.request);
                let t2 = step.facts.timers.t2;
                step.double_resend(t2);
                State::Trying
            }
            Input::Provisional => {
                step.respond();
                State::Proceeding
            }
            other => self.end(other, step),
        }
    }

    fn proceeding(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Timer(Timer::E) => {
                step.send(&self.request);
                step.resend_slowly();
                State::Proceeding
            }
            Input::Provisional => {
                step.respond();
                State::Proceeding
            }
            other => self.end(other, step),
        }
    }

    /// The arrows that Trying and Proceeding share.
    fn end(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Success | Input::Failure(_) => {
                step.respond();
                step.stop_resend();
                step.end_with(Timer::K);
                self.request = Bytes::new();
                State::Completed
            }
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
}

fn completed(input: Input<'_>) -> State {
    match input {
        Input::Timer(_) => State::Terminated,
        Input::Provisional | Input::Success | Input::Failure(_) | Input::Failed => State::Completed,
    }
}
