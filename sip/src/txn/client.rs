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
            Input::Provisional(_) => {
                step.slow_down();
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
            Input::Provisional(_) => {
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
            Input::Provisional(_) => self.state,
        }
    }
}

fn completed(input: Input<'_>) -> State {
    match input {
        Input::Timer(_) => State::Terminated,
        Input::Provisional(_) | Input::Success | Input::Failure(_) | Input::Failed => State::Completed,
    }
}

#[cfg(test)]
mod tests {
    use crate::peer::Transport::{self, Tcp, Udp};
    use crate::txn::lab::Lab;
    use crate::txn::{Millis, Timers};

    fn trying(transport: Transport) -> Lab {
        let mut lab = Lab::client("OPTIONS", transport, Timers::default());
        lab.saw(&["0 send OPTIONS"]);
        lab
    }

    fn proceeding(transport: Transport) -> Lab {
        let mut lab = trying(transport);
        lab.receive(100).saw(&["0 response"]);
        lab
    }

    /// RFC 3261 17.1.2.2: timer E doubles up to T2.
    #[test]
    fn trying_timer_e_sends_again_up_to_t2() {
        let mut lab = trying(Udp);
        lab.until(11_600).saw(&[
            "500 send OPTIONS",
            "1500 send OPTIONS",
            "3500 send OPTIONS",
            "7500 send OPTIONS",
            "11500 send OPTIONS",
        ]);
    }

    /// RFC 3261 17.1.2.2: no timer E over a reliable transport.
    #[test]
    fn trying_over_tcp_sends_once() {
        trying(Tcp).until(40_000).saw(&["32000 timeout F", "32000 over"]).is_clear();
    }

    #[test]
    fn trying_timer_f_informs_the_tu_and_ends() {
        let timers = Timers { final_response: Millis(1_000), ..Timers::default() };
        let mut lab = Lab::client("OPTIONS", Udp, timers);
        lab.until(9_000)
            .saw(&["0 send OPTIONS", "500 send OPTIONS", "1000 timeout F", "1000 over"])
            .is_clear();
    }

    #[test]
    fn trying_transport_error_informs_the_tu_and_ends() {
        trying(Udp).fail().saw(&["0 error", "0 over"]).is_clear();
    }

    #[test]
    fn trying_1xx_to_tu_then_proceeding() {
        trying(Udp).receive(100).saw(&["0 response"]).receive(183).saw(&["0 response"]);
    }

    #[test]
    fn trying_final_to_tu_then_completed() {
        for status in [200, 302, 404, 500, 603] {
            trying(Udp).receive(status).saw(&["0 response"]).receive(status).saw(&[]);
        }
    }

    /// RFC 3261 17.1.2.2: in Proceeding timer E is T2, from the provisional reply on.
    #[test]
    fn proceeding_timer_e_sends_again_every_t2() {
        let expected = ["4000 send OPTIONS", "8000 send OPTIONS"];
        proceeding(Udp).until(8_600).saw(&expected);
    }

    #[test]
    fn proceeding_timer_f_informs_the_tu_and_ends() {
        let mut lab = proceeding(Tcp);
        lab.until(33_000).saw(&["32000 timeout F", "32000 over"]).is_clear();
    }

    #[test]
    fn proceeding_transport_error_informs_the_tu_and_ends() {
        proceeding(Udp).fail().saw(&["0 error", "0 over"]).is_clear();
    }

    #[test]
    fn proceeding_1xx_to_tu() {
        proceeding(Udp).receive(180).saw(&["0 response"]);
    }

    #[test]
    fn proceeding_final_to_tu_then_completed() {
        proceeding(Udp).receive(200).saw(&["0 response"]).receive(200).saw(&[]);
    }

    /// RFC 3261 17.1.2.2: timer K is T4, and 0 over reliable transports.
    #[test]
    fn completed_timer_k_ends() {
        trying(Udp).receive(200).saw(&["0 response"]).until(6_000).saw(&["5000 over"]).is_clear();
        trying(Tcp).receive(200).saw(&["0 response", "0 over"]).is_clear();
    }

    #[test]
    fn completed_absorbs_what_still_comes() {
        trying(Udp).receive(200).saw(&["0 response"]).receive(100).receive(500).fail().saw(&[]);
    }

    /// An operator's guard: beyond its lifetime nothing waits for a reply.
    #[test]
    fn lifetime_ends_what_is_not_answered() {
        let timers = Timers { lifetime: Millis(2_000), ..Timers::default() };
        let mut lab = Lab::client("OPTIONS", Tcp, timers);
        lab.until(2_100).saw(&["0 send OPTIONS", "2000 timeout Lifetime", "2000 over"]).is_clear();
    }
}
