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
    /// Empty before the first reply, and once it will not be sent again. In Accepted it is a 2xx of the TU's own.
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
            State::Accepted => self.accepted(input, step),
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
            Input::Accept(reply) => {
                step.send(&reply);
                step.insist();
                self.reply = reply;
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
            // There is nothing to acknowledge yet, so it is not for this transaction.
            Input::Ack => {
                step.pass_ack();
                State::Proceeding
            }
            Input::Confirm => State::Proceeding,
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
            Input::Reply(..) | Input::Accept(_) | Input::Confirm => State::Completed,
        }
    }

    fn accepted(&mut self, input: Input, step: &mut Step<'_>) -> State {
        match input {
            Input::Reply(200..300, reply) => {
                step.send(&reply);
                State::Accepted
            }
            Input::Request if self.reply.is_empty() => State::Accepted,
            Input::Request => {
                step.send(&self.reply);
                State::Accepted
            }
            Input::Timer(Timer::G) => {
                step.send(&self.reply);
                let t2 = step.facts.timers.t2;
                step.double_resend(t2);
                State::Accepted
            }
            Input::Confirm => {
                step.stop_resend();
                step.end_with(Timer::L);
                self.reply = Bytes::new();
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
            Input::Reply(..) | Input::Accept(_) => State::Accepted,
        }
    }
}

fn confirmed(input: Input) -> State {
    match input {
        Input::Timer(_) => State::Terminated,
        Input::Request
        | Input::Ack
        | Input::Reply(..)
        | Input::Accept(_)
        | Input::Confirm
        | Input::Failed => State::Confirmed,
    }
}

#[cfg(test)]
mod tests {
    use crate::peer::Transport::{self, Tcp, Udp};
    use crate::txn::lab::Lab;
    use crate::txn::{Millis, Timers};

    fn proceeding(transport: Transport) -> Lab {
        let mut lab = Lab::server("INVITE", transport, Timers::default());
        lab.saw(&[]);
        lab
    }

    fn completed(transport: Transport) -> Lab {
        let mut lab = proceeding(transport);
        lab.reply(486).saw(&["0 send 486"]);
        lab
    }

    fn confirmed(transport: Transport) -> Lab {
        let mut lab = completed(transport);
        lab.receive_request("ACK").saw(&["0 acked"]);
        lab
    }

    fn accepted() -> Lab {
        let mut lab = proceeding(Udp);
        lab.reply(200).saw(&["0 send 200"]);
        lab
    }

    #[test]
    fn proceeding_invite_again_gets_the_last_reply() {
        let mut lab = proceeding(Udp);
        lab.receive_request("INVITE").saw(&["0 again"]);
        lab.reply(100).saw(&["0 send 100"]).receive_request("INVITE").saw(&["0 again", "0 send 100"]);
    }

    #[test]
    fn proceeding_1xx_from_tu_is_sent() {
        let mut lab = proceeding(Udp);
        lab.reply(180).saw(&["0 send 180"]).reply(183).saw(&["0 send 183"]);
        lab.receive_request("INVITE").saw(&["0 again", "0 send 183"]);
    }

    #[test]
    fn proceeding_failure_from_tu_is_sent_then_completed() {
        for status in [302, 486, 500, 603] {
            proceeding(Tcp)
                .reply(status)
                .saw(&[&format!("0 send {status}")])
                .receive_request("ACK")
                .saw(&["0 acked", "0 over"]);
        }
    }

    #[test]
    fn proceeding_2xx_from_tu_is_sent_then_accepted() {
        proceeding(Udp).reply(200).saw(&["0 send 200"]).reply(486).saw(&[]);
    }

    /// RFC 6026 7.1: the transaction stays in Proceeding.
    #[test]
    fn proceeding_transport_error_informs_the_tu() {
        proceeding(Udp).fail().saw(&["0 error"]).reply(500).saw(&["0 send 500"]);
    }

    #[test]
    fn proceeding_ends_with_its_lifetime() {
        let timers = Timers { lifetime: Millis(180_000), ..Timers::default() };
        let mut lab = Lab::server("INVITE", Udp, timers);
        lab.until(181_000).saw(&["180000 timeout Lifetime", "180000 over"]).is_clear();
    }

    /// RFC 3261 17.2.1: timer G doubles up to T2.
    #[test]
    fn completed_timer_g_sends_again_up_to_t2() {
        let expected = ["500 send 486", "1500 send 486", "3500 send 486", "7500 send 486", "11500 send 486"];
        completed(Udp).until(11_600).saw(&expected);
    }

    #[test]
    fn completed_over_tcp_sends_once() {
        completed(Tcp).until(33_000).saw(&["32000 timeout H", "32000 over"]).is_clear();
    }

    #[test]
    fn completed_invite_again_gets_the_final_reply() {
        completed(Udp).receive_request("INVITE").saw(&["0 again", "0 send 486"]);
    }

    /// RFC 6026 7.1: the transaction stays in Completed.
    #[test]
    fn completed_transport_error_informs_the_tu() {
        completed(Udp).fail().saw(&["0 error"]).receive_request("ACK").saw(&["0 acked"]);
    }

    #[test]
    fn completed_ack_then_confirmed() {
        completed(Udp).receive_request("ACK").saw(&["0 acked"]).until(4_900).saw(&[]);
    }

    #[test]
    fn completed_timer_h_informs_the_tu_and_ends() {
        let timers = Timers { linger: Millis(5_000), ..Timers::default() };
        let mut lab = Lab::server("INVITE", Udp, timers);
        lab.reply(486).until(9_000).saw(&[
            "0 send 486",
            "500 send 486",
            "1500 send 486",
            "3500 send 486",
            "5000 timeout H",
            "5000 over",
        ]);
        lab.is_clear();
    }

    #[test]
    fn confirmed_absorbs_acks_and_invites() {
        confirmed(Udp).receive_request("ACK").saw(&[]).receive_request("INVITE").saw(&["0 again"]);
    }

    /// RFC 3261 17.2.1: timer I is T4, and 0 over reliable transports.
    #[test]
    fn confirmed_timer_i_ends() {
        confirmed(Udp).until(6_000).saw(&["5000 over"]).is_clear();
        completed(Tcp).receive_request("ACK").saw(&["0 acked", "0 over"]).is_clear();
    }

    /// RFC 6026 7.1: retransmissions are absorbed without an answer.
    #[test]
    fn accepted_invite_again_is_absorbed() {
        accepted().receive_request("INVITE").saw(&["0 again"]);
    }

    /// RFC 6026 7.1: the TU may send the 2xx again, or that of another branch.
    #[test]
    fn accepted_2xx_from_tu_is_sent() {
        accepted().reply(200).saw(&["0 send 200"]).reply(180).reply(486).saw(&[]);
    }

    /// RFC 6026 7.1: an ACK in Accepted is passed to the TU.
    #[test]
    fn accepted_ack_goes_to_the_tu() {
        accepted().receive_request("ACK").saw(&["0 stray ACK"]);
    }

    #[test]
    fn accepted_transport_error_informs_the_tu() {
        accepted().fail().saw(&["0 error"]).reply(200).saw(&["0 send 200"]);
    }

    /// RFC 6026 7.1: timer L is 64*T1 over any transport.
    #[test]
    fn accepted_timer_l_ends() {
        accepted().until(33_000).saw(&["32000 over"]).is_clear();
    }

    /// 13.3.1.4: a 2xx of the TU's own is sent again until its ACK comes, over streams too.
    #[test]
    fn accepted_own_2xx_is_sent_until_confirmed() {
        for transport in [Udp, Tcp] {
            let mut lab = proceeding(transport);
            lab.accept().saw(&["0 send 200"]).until(3_600);
            lab.saw(&["500 send 200", "1500 send 200", "3500 send 200"]);
            lab.receive_request("INVITE").saw(&["3600 again", "3600 send 200"]);
            lab.confirm().until(60_000).saw(&["35600 over"]);
            lab.is_clear();
        }
    }

    #[test]
    fn accepted_own_2xx_is_given_up_in_the_end() {
        let timers = Timers { final_response: Millis(9_000), ..Timers::default() };
        let mut lab = Lab::server("INVITE", Udp, timers);
        lab.accept().until(60_000);
        lab.saw(&[
            "0 send 200",
            "500 send 200",
            "1500 send 200",
            "3500 send 200",
            "7500 send 200",
            "9000 over",
        ]);
        lab.is_clear();
    }
}
