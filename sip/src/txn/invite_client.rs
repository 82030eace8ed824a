//! The INVITE client transaction (RFC 3261 17.1.1, figure 5, as updated by RFC 6026 7.2).
//!
//! Beyond the figure: timer C of a proxy (RFC 3261 16.8) while Proceeding, and a CANCEL that waits for the
//! first provisional reply (RFC 3261 9.1). The table builds and sends the CANCEL when this machine says so.

use bytes::Bytes;

use super::Unanswered;
use super::build;
use super::step::{ClientInput as Input, Step};
use super::timers::{Restart, Timer};
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
    /// The highest provisional status so far.
    highest: u16,
}

impl InviteClient {
    /// Sends the INVITE.
    pub(super) fn start(invite: Bytes, step: &mut Step<'_>) -> InviteClient {
        step.send(&invite);
        step.start_resend(Timer::A);
        step.end_with(Timer::B);
        InviteClient { state: State::Calling, message: invite, cancel: Cancel::No, highest: 0 }
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
                step.give_up();
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
                let longest = step.facts.timers.longest_a;
                step.double_resend(longest);
                State::Calling
            }
            Input::Provisional(status) => {
                self.highest = status;
                step.stop_resend();
                step.end_with(Timer::C);
                if let Cancel::Waiting(headers) = &mut self.cancel {
                    self.cancel = Cancel::Ready(std::mem::take(headers));
                    step.give_up();
                }
                step.respond();
                State::Proceeding
            }
            other => self.end(other, step),
        }
    }

    fn proceeding(&mut self, input: Input<'_>, step: &mut Step<'_>) -> State {
        match input {
            Input::Provisional(status) => {
                let is_higher = status >= 180 && status > self.highest;
                self.highest = self.highest.max(status);
                let restarts = step.facts.timers.restart == Restart::Each || is_higher;
                // 16.7 item 2: timer C starts anew, unless the INVITE is already given up.
                if step.end() == Timer::C && restarts {
                    step.end_with(Timer::C);
                }
                step.respond();
                State::Proceeding
            }
            Input::Timer(timer @ (Timer::C | Timer::Lifetime)) => {
                // 16.8: the TU cancels; the answer to that is awaited here.
                step.give_up();
                step.time_out(timer);
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
            Input::Provisional(_) => self.state,
        }
    }

    /// A reply that cannot be acknowledged, since it lacks a To, is as good as none.
    fn reject(&mut self, response: View<'_>, step: &mut Step<'_>) -> State {
        let Some(ack) = build::ack(&self.message, response, step.copied) else { return self.state };
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
            Input::Provisional(_) | Input::Success => State::Completed,
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
        Input::Provisional(_) | Input::Failure(_) | Input::Failed => State::Accepted,
    }
}

#[cfg(test)]
mod tests {
    use crate::peer::Transport::{self, Tcp, Udp};
    use crate::txn::Unanswered::{KeepSending, StopSending};
    use crate::txn::lab::Lab;
    use crate::txn::{Millis, Timers};

    fn calling(transport: Transport) -> Lab {
        let mut lab = Lab::client("INVITE", transport, Timers::default());
        lab.saw(&["0 send INVITE"]);
        lab
    }

    fn proceeding() -> Lab {
        let mut lab = calling(Udp);
        lab.receive(180).saw(&["0 response"]);
        lab
    }

    fn completed() -> Lab {
        let mut lab = calling(Udp);
        lab.receive(486).saw(&["0 send ACK", "0 response"]);
        lab
    }

    fn accepted() -> Lab {
        let mut lab = calling(Udp);
        lab.receive(200).saw(&["0 response"]);
        lab
    }

    /// RFC 3261 17.1.1.2: timer A doubles, without limit.
    #[test]
    fn calling_timer_a_sends_again_and_doubles() {
        calling(Udp).until(31_600).saw(&[
            "500 send INVITE",
            "1500 send INVITE",
            "3500 send INVITE",
            "7500 send INVITE",
            "15500 send INVITE",
            "31500 send INVITE",
        ]);
    }

    #[test]
    fn calling_over_tcp_sends_once() {
        calling(Tcp).until(31_600).saw(&[]);
    }

    #[test]
    fn calling_timer_b_informs_the_tu_and_ends() {
        calling(Tcp).until(33_000).saw(&["32000 timeout B", "32000 over"]).is_clear();
    }

    #[test]
    fn calling_transport_error_informs_the_tu_and_ends() {
        calling(Udp).fail().saw(&["0 error", "0 over"]).is_clear();
    }

    #[test]
    fn calling_1xx_to_tu_then_proceeding() {
        calling(Udp).receive(100).saw(&["0 response"]).until(40_000).saw(&[]);
    }

    #[test]
    fn calling_2xx_to_tu_then_accepted() {
        calling(Udp).receive(200).saw(&["0 response"]).receive(200).saw(&["0 response"]);
    }

    #[test]
    fn calling_failure_is_acknowledged_and_to_tu_then_completed() {
        for status in [302, 486, 500, 603, 700] {
            calling(Udp).receive(status).saw(&["0 send ACK", "0 response"]);
        }
    }

    #[test]
    fn proceeding_1xx_to_tu() {
        proceeding().receive(183).saw(&["0 response"]);
    }

    #[test]
    fn proceeding_2xx_to_tu_then_accepted() {
        proceeding().receive(200).saw(&["0 response"]).receive(486).saw(&[]);
    }

    #[test]
    fn proceeding_failure_is_acknowledged_and_to_tu_then_completed() {
        proceeding().receive(486).saw(&["0 send ACK", "0 response"]);
    }

    #[test]
    fn proceeding_transport_error_informs_the_tu_and_ends() {
        proceeding().fail().saw(&["0 error", "0 over"]).is_clear();
    }

    /// RFC 3261 16.7 item 2, 16.8: each provisional reply starts timer C anew; when it fires the TU cancels,
    /// and the answer to that is waited for.
    #[test]
    fn proceeding_timer_c_tells_the_tu_and_waits_for_the_rest() {
        let mut lab = proceeding();
        lab.until(100_000).receive(180).saw(&["100000 response"]);
        lab.until(281_500).saw(&["281000 timeout C"]).cancel(KeepSending).saw(&["281500 send CANCEL"]);
        lab.receive(487).saw(&["281500 send ACK", "281500 response"]);
    }

    #[test]
    fn proceeding_ends_when_nothing_follows_timer_c() {
        let mut lab = proceeding();
        lab.until(214_000).saw(&["181000 timeout C", "213000 timeout B", "213000 over"]).is_clear();
    }

    #[test]
    fn completed_failure_again_is_acknowledged_only() {
        completed().receive(486).saw(&["0 send ACK"]).receive(100).receive(200).saw(&[]);
    }

    #[test]
    fn completed_transport_error_informs_the_tu_and_ends() {
        completed().fail().saw(&["0 error", "0 over"]).is_clear();
    }

    /// RFC 3261 17.1.1.2: timer D is 32 s, and 0 over reliable transports.
    #[test]
    fn completed_timer_d_ends() {
        completed().until(33_000).saw(&["32000 over"]).is_clear();
        calling(Tcp).receive(486).saw(&["0 send ACK", "0 response", "0 over"]).is_clear();
    }

    #[test]
    fn accepted_2xx_again_to_tu() {
        accepted().receive(200).saw(&["0 response"]).receive(180).receive(486).fail().saw(&[]);
    }

    /// RFC 6026 7.2: timer M is 64*T1 over any transport.
    #[test]
    fn accepted_timer_m_ends() {
        accepted().until(33_000).saw(&["32000 over"]).is_clear();
    }

    /// RFC 3261 9.1: no CANCEL before the first provisional reply.
    #[test]
    fn cancel_waits_for_a_provisional_reply() {
        let mut lab = calling(Udp);
        lab.cancel(KeepSending).until(600).saw(&["500 send INVITE"]);
        lab.receive(100).saw(&["600 response", "600 send CANCEL"]);
        lab.until(1_200).saw(&["1100 send CANCEL"]).receive(180).saw(&["1200 response"]);
    }

    #[test]
    fn cancel_may_stop_an_invite_that_nobody_answers() {
        let mut lab = calling(Udp);
        lab.cancel(StopSending).until(5_000).saw(&[]).receive(200).saw(&["5000 response"]);
    }

    /// RFC 3261 9.1: without a final reply 64*T1 after the CANCEL the INVITE counts as cancelled.
    #[test]
    fn cancel_limits_the_wait_for_a_final_reply() {
        let mut lab = calling(Tcp);
        lab.receive(180).cancel(KeepSending).saw(&["0 response", "0 send CANCEL"]);
        lab.until(10_000).receive(180).saw(&["10000 response"]);
        lab.until(33_000).saw(&["32000 timeout B", "32000 over"]).is_clear();
    }

    #[test]
    fn cancel_is_sent_once_and_not_after_a_final_reply() {
        proceeding()
            .cancel(KeepSending)
            .saw(&["0 send CANCEL"])
            .cancel(KeepSending)
            .receive(180)
            .saw(&["0 response"]);
        completed().cancel(KeepSending).saw(&[]);
        accepted().cancel(KeepSending).saw(&[]);
    }

    #[test]
    fn lifetime_cuts_timer_c_and_leaves_time_to_cancel() {
        let timers = Timers { lifetime: Millis(60_000), ..Timers::default() };
        let mut lab = Lab::client("INVITE", Tcp, timers);
        lab.receive(180).saw(&["0 send INVITE", "0 response"]);
        lab.until(60_100).saw(&["60000 timeout Lifetime"]).cancel(KeepSending).saw(&["60100 send CANCEL"]);
        lab.until(93_000).saw(&["92100 timeout B", "92100 over"]);
    }
}
