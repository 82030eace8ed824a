//! What the four machines share: the fixed facts of a transaction, its clock, and the actions of the figures.
//!
//! A machine is stepped with an input and a [`Step`]; it answers with its next state. All it does to the world
//! is written here as one short method per action, so that a state reads like the arrows of its figure.

use bytes::Bytes;

use super::timers::{Clock, Millis, NEVER, Timer, Timers};
use super::{Hop, Output, Outputs, Owner, TxnId};
use crate::msg::View;
use crate::time::Time;

/// What a client machine takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum ClientInput<'a> {
    /// A provisional reply, 100 to 199, with its status.
    Provisional(u16),
    /// A reply 200 to 299.
    Success,
    /// This final reply from 300 on.
    Failure(View<'a>),
    /// A timer of the clock fired.
    Timer(Timer),
    /// The transport could not send.
    Failed,
}

/// What a server machine takes.
#[derive(Clone, Debug)]
pub(super) enum ServerInput {
    /// The request again.
    Request,
    /// An ACK.
    Ack,
    /// A 2xx of the TU's own.
    Accept(Bytes),
    /// The ACK to it.
    Confirm,
    /// A reply from the TU: status code and bytes.
    Reply(u16, Bytes),
    /// A timer of the clock fired.
    Timer(Timer),
    /// The transport could not send.
    Failed,
}

/// The facts of a transaction that its machine does not change, and its clock.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub(super) id: TxnId,
    pub(super) owner: Owner,
    pub(super) hop: Hop,
    pub(super) timers: Timers,
    pub(super) created: Time,
    pub(super) clock: Clock,
    pub(super) reports: Reports,
}

/// Whether the TU hears of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reports {
    /// It does.
    ToOwner,
    /// It does not: the CANCEL the table sent on its behalf.
    Nowhere,
}

/// One step of a machine: now, the transaction's facts, and where outputs go.
#[derive(Debug)]
pub(super) struct Step<'a> {
    pub(super) now: Time,
    pub(super) facts: &'a mut Facts,
    pub(super) outputs: &'a mut Outputs,
    /// Fields of an INVITE whose names begin with this go into its ACK too.
    pub(super) copied: &'a [u8],
}

impl Step<'_> {
    /// Puts bytes on the wire.
    pub(super) fn send(&mut self, bytes: &Bytes) {
        let Facts { id, hop, .. } = *self.facts;
        self.outputs.push(Output::Send { txn: id, hop, bytes: bytes.clone() });
    }

    /// Hands the reply just received to the TU.
    pub(super) fn respond(&mut self) {
        let Facts { id, owner, .. } = *self.facts;
        self.report(Output::Response { txn: id, owner });
    }

    /// Tells the TU that a timer gave up.
    pub(super) fn time_out(&mut self, timer: Timer) {
        let Facts { id, owner, .. } = *self.facts;
        self.report(Output::Timeout { txn: id, owner, timer });
    }

    /// Tells the TU that sending failed.
    pub(super) fn fail(&mut self) {
        let Facts { id, owner, .. } = *self.facts;
        self.report(Output::TransportError { txn: id, owner });
    }

    /// Tells the TU that the ACK came.
    pub(super) fn acknowledge(&mut self) {
        let Facts { id, owner, .. } = *self.facts;
        self.report(Output::Acked { txn: id, owner });
    }

    /// Tells the TU that the transaction is over.
    pub(super) fn terminate(&mut self) {
        let Facts { id, owner, .. } = *self.facts;
        self.report(Output::Terminated { txn: id, owner });
    }

    /// Hands an ACK that is meant for the TU on to it.
    pub(super) fn pass_ack(&mut self) {
        self.report(Output::StrayAck);
    }

    /// Starts timer A, E or G, unless the transport is reliable (17.1.1.2, 17.1.2.2, 17.2.1).
    pub(super) fn start_resend(&mut self, timer: Timer) {
        let transport = self.facts.hop.peer.transport;
        if !transport.is_reliable() {
            let interval = self.facts.timers.length(timer, transport);
            self.facts.clock.start_resend(timer, self.now, interval);
        }
    }

    /// Starts timer G for a 2xx, over any transport, and ends the wait for its ACK with that for a final reply
    /// (13.3.1.4).
    pub(super) fn insist(&mut self) {
        let Timers { t1, final_response, .. } = self.facts.timers;
        self.facts.clock.start_resend(Timer::G, self.now, t1);
        self.facts.clock.end_at(Timer::L, self.now + final_response.duration());
    }

    /// Starts the timer that just sent again with twice its interval, but no more than `longest`.
    pub(super) fn double_resend(&mut self, longest: Millis) {
        self.facts.clock.double_resend(self.now, longest);
    }

    /// Starts timer E again with T2 (17.1.2.2).
    pub(super) fn resend_slowly(&mut self) {
        let t2 = self.facts.timers.t2;
        self.facts.clock.start_resend(Timer::E, self.now, t2);
    }

    /// 17.1.2.2: in Proceeding timer E has T2; here from the provisional reply on, not from when it next fires.
    pub(super) fn slow_down(&mut self) {
        if !self.facts.hop.peer.transport.is_reliable() {
            self.resend_slowly();
        }
    }

    /// Stops timer A, E or G.
    pub(super) fn stop_resend(&mut self) {
        self.facts.clock.stop_resend();
    }

    /// Starts the timer that ends the state to come, in place of the one before; a transaction without a final
    /// reply does not outlive its lifetime.
    pub(super) fn end_with(&mut self, timer: Timer) {
        let Facts { timers, hop, created, .. } = *self.facts;
        let at = self.now + timers.length(timer, hop.peer.transport).duration();
        let death = match timers.lifetime {
            Millis::MAX => NEVER,
            lifetime => created + lifetime.duration(),
        };
        if timer == Timer::Lifetime || (death < at && !timer.is_lingering()) {
            self.facts.clock.end_at(Timer::Lifetime, death);
        } else {
            self.facts.clock.end_at(timer, at);
        }
    }

    /// Ends an INVITE that is cancelled when no final reply comes within timer B: 64*T1 after the CANCEL (9.1).
    /// Goes beyond the lifetime, which may just be over.
    pub(super) fn give_up(&mut self) {
        let wait = self.facts.timers.final_response.duration();
        self.facts.clock.end_at(Timer::B, self.now + wait);
    }

    /// The timer that is to end the present state.
    pub(super) fn end(&self) -> Timer {
        self.facts.clock.end()
    }

    fn report(&mut self, output: Output) {
        if self.facts.reports == Reports::ToOwner {
            self.outputs.push(output);
        }
    }
}
