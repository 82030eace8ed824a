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
            Input::Request | Input::Ack | Input::Accept(_) | Input::Confirm | Input::Failed => State::Trying,
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
            Input::Ack | Input::Accept(_) | Input::Confirm => State::Proceeding,
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
            Input::Reply(..) | Input::Ack | Input::Accept(_) | Input::Confirm => State::Completed,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::peer::Transport::{self, Tcp, Udp};
    use crate::txn::lab::Lab;
    use crate::txn::{Millis, Timers};

    fn trying(transport: Transport) -> Lab {
        let mut lab = Lab::server("OPTIONS", transport, Timers::default());
        lab.saw(&[]);
        lab
    }

    fn proceeding(transport: Transport) -> Lab {
        let mut lab = trying(transport);
        lab.reply(100).saw(&["0 send 100"]);
        lab
    }

    fn completed(transport: Transport) -> Lab {
        let mut lab = trying(transport);
        lab.reply(200).saw(&["0 send 200"]);
        lab
    }

    /// RFC 3261 17.2.2: discarded, there is nothing to send.
    #[test]
    fn trying_request_again_is_absorbed() {
        trying(Udp).receive_request("OPTIONS").saw(&["0 again"]);
    }

    #[test]
    fn trying_1xx_from_tu_is_sent_then_proceeding() {
        trying(Udp)
            .reply(100)
            .saw(&["0 send 100"])
            .receive_request("OPTIONS")
            .saw(&["0 again", "0 send 100"]);
    }

    #[test]
    fn trying_final_from_tu_is_sent_then_completed() {
        for status in [200, 302, 404, 500, 603] {
            trying(Udp).reply(status).saw(&[&format!("0 send {status}")]).reply(500).saw(&[]);
        }
    }

    #[test]
    fn proceeding_request_again_gets_the_last_reply() {
        proceeding(Udp).receive_request("OPTIONS").saw(&["0 again", "0 send 100"]);
    }

    #[test]
    fn proceeding_1xx_from_tu_is_sent() {
        proceeding(Udp)
            .reply(183)
            .saw(&["0 send 183"])
            .receive_request("OPTIONS")
            .saw(&["0 again", "0 send 183"]);
    }

    #[test]
    fn proceeding_final_from_tu_is_sent_then_completed() {
        proceeding(Udp).reply(200).saw(&["0 send 200"]).reply(404).saw(&[]);
    }

    #[test]
    fn proceeding_transport_error_informs_the_tu_and_ends() {
        proceeding(Udp).fail().saw(&["0 error", "0 over"]).is_clear();
    }

    #[test]
    fn completed_request_again_gets_the_final_reply() {
        completed(Udp).receive_request("OPTIONS").saw(&["0 again", "0 send 200"]);
    }

    #[test]
    fn completed_transport_error_informs_the_tu_and_ends() {
        completed(Udp).fail().saw(&["0 error", "0 over"]).is_clear();
    }

    /// RFC 3261 17.2.2: timer J is 64*T1, and 0 over reliable transports.
    #[test]
    fn completed_timer_j_ends() {
        completed(Udp).until(33_000).saw(&["32000 over"]).is_clear();
        trying(Tcp).reply(200).saw(&["0 send 200", "0 over"]).is_clear();
    }

    /// An operator's guard: a TU that never answers does not keep the transaction.
    #[test]
    fn lifetime_ends_what_the_tu_does_not_answer() {
        let timers = Timers { lifetime: Millis(2_000), ..Timers::default() };
        let mut lab = Lab::server("OPTIONS", Udp, timers);
        lab.until(3_000).saw(&["2000 timeout Lifetime", "2000 over"]).is_clear();
    }
}
