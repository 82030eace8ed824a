//! The non-INVITE server transaction (RFC 3261 17.2.2, figure 8).

use bytes::Bytes;

use super::step::{ServerInput as Input, Step};
use super::timers::Timer;

/// States of figure 8.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// No reply yet.
    Trying,
    /// A provisional reply was sent.
    Proceeding,
    /// A final reply was sent; retransmissions of the request are answered with it.
    Completed,
    /// Over.
    Terminated,
}

/// The machine: its state and the last reply.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub(super) state: State,
    /// Empty in Trying.
    reply: Bytes,
}

impl Server {
    /// The request has come; the TU works on it.
    pub(super) fn start(step: &mut Step<'_>) -> Server {
        step.end_with(Timer::Lifetime);
        Server { state: State::Trying, reply: Bytes::new() }
    }

    /// One step.
    pub(super) fn handle(&mut self, input: Input, step: &mut Step<'_>) {
        self.state = match self.state {
            State::Trying => self.trying(input, step),
            State::Proceeding => self.proceeding(input, step),
            State::Completed => self.completed(input, step),
            State::Terminated => State::Terminated,
        };
    }

    fn trying(&mut self, input: Input, step: &mut Step<'_>) -> State {
        match input {
            Input::Reply(status, reply) => self.reply(status, reply, step),
            Input::Timer(timer) => {
                step.time_out(timer);
                State::Terminated
            }
            Input::Request | Input::Ack | Input::Failed => State::Trying,
        }
    }

    fn proceeding(&mut self, input: Input, step: &mut Step<'_>) -> State {
        match input {
            Input::Request => {
                step.send(&self.reply);
                State::Proceeding
            }
            Input::Reply(status, reply) => self.reply(status, reply, step),
            Input::Timer(timer) => {
                step.time_out(timer);
                State::Terminated
            }
            Input::Failed => {
                step.fail();
                State::Terminated
            }
            Input::Ack => State::Proceeding,
        }
    }

    fn reply(&mut self, status: u16, reply: Bytes, step: &mut Step<'_>) -> State {
        step.send(&reply);
        self.reply = reply;
        if status < 200 {
            return State::Proceeding;
        }
        step.end_with(Timer::J);
        State::Completed
    }

    fn completed(&mut self, input: Input, step: &mut Step<'_>) -> State {
        match input {
            Input::Request => {
                step.send(&self.reply);
                State::Completed
            }
            Input::Timer(_) => State::Terminated,
            Input::Failed => {
                step.fail();
                State::Terminated
            }
            Input::Reply(..) | Input::Ack => State::Completed,
        }
    }
}
