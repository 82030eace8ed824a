//! The INVITE server transaction (RFC 3261 17.2.1, figure 7, as updated by RFC 6026 7.1).
//!
//! The 100 of figure 7 is the TU's: it knows whether its answer takes longer than 200 ms. A 2xx is sent when
//! the TU says so and never again by itself.

use bytes::Bytes;

use super::step::{ServerInput as Input, Step};
use super::timers::Timer;

/// States of figure 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No final reply yet.
    Proceeding,
    /// A final reply other than 2xx was sent, and is sent again until the ACK comes.
    Completed,
    /// The ACK came; its retransmissions are absorbed.
    Confirmed,
    /// A 2xx was sent; retransmissions of the INVITE are absorbed.
    Accepted,
    /// Over.
    Terminated,
}

/// The machine: its state and the last reply.
#[derive(Clone, Debug)]
pub(super) struct InviteServer {
    pub(super) state: State,
    /// Empty before the first reply, and once it will not be sent again.
    reply: Bytes,
}

impl InviteServer {
    /// The INVITE has come; the TU works on it.
    pub(super) fn start(step: &mut Step<'_>) -> InviteServer {
        step.end_with(Timer::Lifetime);
        InviteServer { state: State::Proceeding, reply: Bytes::new() }
    }

    /// One step.
    pub(super) fn handle(&mut self, input: Input, step: &mut Step<'_>) {
        self.state = match self.state {
            State::Proceeding => self.proceeding(input, step),
            State::Completed => self.completed(input, step),
            State::Confirmed => confirmed(input),
            State::Accepted => accepted(input, step),
            State::Terminated => State::Terminated,
        };
    }

    fn proceeding(&mut self, input: Input, step: &mut Step<'_>) -> State {
        match input {
            Input::Request if self.reply.is_empty() => State::Proceeding,
            Input::Request => {
                step.send(&self.reply);
                State::Proceeding
            }
            Input::Reply(..200, reply) => {
                step.send(&reply);
                self.reply = reply;
                State::Proceeding
            }
            Input::Reply(200..300, reply) => {
                step.send(&reply);
                step.end_with(Timer::L);
                self.reply = Bytes::new();
                State::Accepted
            }
            Input::Reply(_, reply) => {
                step.send(&reply);
                step.start_resend(Timer::G);
                step.end_with(Timer::H);
                self.reply = reply;
                State::Completed
            }
            Input::Timer(timer) => {
                step.time_out(timer);
                State::Terminated
            }
            Input::Failed => {
                step.fail();
                State::Proceeding
            }
            Input::Ack => State::Proceeding,
        }
    }

    fn completed(&mut self, input: Input, step: &mut Step<'_>) -> State {
        match input {
            Input::Request => {
                step.send(&self.reply);
                State::Completed
            }
            Input::Timer(Timer::G) => {
                step.send(&self.reply);
                let t2 = step.facts.timers.t2;
                step.double_resend(t2);
                State::Completed
            }
            Input::Timer(timer) => {
                step.time_out(timer);
                State::Terminated
            }
            Input::Ack => {
                step.stop_resend();
                step.end_with(Timer::I);
                step.acknowledge();
                self.reply = Bytes::new();
                State::Confirmed
            }
            Input::Failed => {
                step.fail();
                State::Completed
            }
            Input::Reply(..) => State::Completed,
        }
    }
}

fn confirmed(input: Input) -> State {
    match input {
        Input::Timer(_) => State::Terminated,
        Input::Request | Input::Ack | Input::Reply(..) | Input::Failed => State::Confirmed,
    }
}

fn accepted(input: Input, step: &mut Step<'_>) -> State {
    match input {
        Input::Reply(200..300, reply) => {
            step.send(&reply);
            State::Accepted
        }
        Input::Ack => {
            step.pass_ack();
            State::Accepted
        }
        Input::Failed => {
            step.fail();
            State::Accepted
        }
        Input::Timer(_) => State::Terminated,
        Input::Request | Input::Reply(..) => State::Accepted,
    }
}
