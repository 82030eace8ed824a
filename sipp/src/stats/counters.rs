//! What the calls of one scenario count: messages, calls, failures by cause, response times.
//!
//! A [`Counters`] belongs to one scenario on one engine thread. Fields are public because counting is all
//! that happens to them; the rules that tie them together are the methods.

use std::time::Duration;

use super::histogram::Samples;

/// Why a call failed; one per failed call (FailedCall may exceed their sum: an aborted call has no cause).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// The socket refused a message.
    CannotSendMessage,
    /// The last retransmission was not answered.
    MaxUdpRetrans,
    /// The connection could not be opened.
    TcpConnect,
    /// The connection was closed by the peer.
    TcpClosed,
    /// A message that no step was waiting for.
    UnexpectedMessage,
    /// `stop_call`, or misuse of a command link.
    CallRejected,
    /// A command could not be written to the twin.
    CmdNotSent,
    /// `ereg` with `check_it` did not match.
    RegexpDoesntMatch,
    /// `ereg` with `check_it_inverse` matched.
    RegexpShouldntMatch,
    /// `ereg` searched a header field that is not there.
    RegexpHdrNotFound,
    /// No free circuit.
    OutboundCongestion,
    /// A receive timeout passed.
    TimeoutOnRecv,
    /// A send timeout passed.
    TimeoutOnSend,
    /// `test` with `check_it` was false.
    TestDoesntMatch,
    /// `test` with `check_it_inverse` was true.
    TestShouldntMatch,
    /// `strcmp` with `check_it` differed.
    StrcmpDoesntMatch,
    /// `strcmp` with `check_it_inverse` was equal.
    StrcmpShouldntMatch,
}

impl Cause {
    /// All causes with their names in `-trace_stat`, in column order.
    pub const ALL: [(Cause, &'static str); 17] = [
        (Cause::CannotSendMessage, "FailedCannotSendMessage"),
        (Cause::MaxUdpRetrans, "FailedMaxUDPRetrans"),
        (Cause::TcpConnect, "FailedTcpConnect"),
        (Cause::TcpClosed, "FailedTcpClosed"),
        (Cause::UnexpectedMessage, "FailedUnexpectedMessage"),
        (Cause::CallRejected, "FailedCallRejected"),
        (Cause::CmdNotSent, "FailedCmdNotSent"),
        (Cause::RegexpDoesntMatch, "FailedRegexpDoesntMatch"),
        (Cause::RegexpShouldntMatch, "FailedRegexpShouldntMatch"),
        (Cause::RegexpHdrNotFound, "FailedRegexpHdrNotFound"),
        (Cause::OutboundCongestion, "FailedOutboundCongestion"),
        (Cause::TimeoutOnRecv, "FailedTimeoutOnRecv"),
        (Cause::TimeoutOnSend, "FailedTimeoutOnSend"),
        (Cause::TestDoesntMatch, "FailedTestDoesntMatch"),
        (Cause::TestShouldntMatch, "FailedTestShouldntMatch"),
        (Cause::StrcmpDoesntMatch, "FailedStrcmpDoesntMatch"),
        (Cause::StrcmpShouldntMatch, "FailedStrcmpShouldntMatch"),
    ];

    /// The name in `-trace_stat`.
    pub fn name(self) -> &'static str {
        Self::ALL[self as usize].1
    }
}

/// The columns of one message on the scenario screen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MessageCounters {
    /// Times executed: sent, received, pauses entered.
    pub(crate) done: u64,
    /// Sends: our resends. Receives: duplicates seen.
    pub(crate) retrans: u64,
    /// Receive timeouts, or sends given up after the last retransmission.
    pub(crate) timeouts: u64,
    /// Unexpected messages while a call stood here.
    pub(crate) unexpected: u64,
    /// Messages lost on purpose.
    pub(crate) lost: u64,
}

/// The call counts of one scenario; all only grow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Totals {
    /// Calls opened by a received request.
    pub(crate) incoming: u64,
    /// Calls opened by the rate or the users.
    pub(crate) outgoing: u64,
    /// Calls that reached their end.
    pub(crate) successful: u64,
    /// Calls that did not.
    pub(crate) failed: u64,
    /// Failed calls by [`Cause`].
    pub(crate) causes: [u64; Cause::ALL.len()],
    /// Messages that belong to no call.
    pub(crate) out_of_call: u64,
    /// Messages for a call that has ended.
    pub(crate) dead_call: u64,
    /// Our resends.
    pub(crate) retransmissions: u64,
    /// Requests answered by `-aa` or another automatic answer.
    pub(crate) auto_answered: u64,
    /// Warnings.
    pub(crate) warnings: u64,
    /// Fatal errors.
    pub(crate) fatal_errors: u64,
}

impl MessageCounters {
    fn add(&mut self, other: &MessageCounters) {
        self.done += other.done;
        self.retrans += other.retrans;
        self.timeouts += other.timeouts;
        self.unexpected += other.unexpected;
        self.lost += other.lost;
    }
}

impl Totals {
    pub(super) fn add(&mut self, other: &Totals) {
        self.incoming += other.incoming;
        self.outgoing += other.outgoing;
        self.successful += other.successful;
        self.failed += other.failed;
        for (cause, more) in self.causes.iter_mut().zip(other.causes) {
            *cause += more;
        }
        self.out_of_call += other.out_of_call;
        self.dead_call += other.dead_call;
        self.retransmissions += other.retransmissions;
        self.auto_answered += other.auto_answered;
        self.warnings += other.warnings;
        self.fatal_errors += other.fatal_errors;
    }

    /// Calls created so far.
    pub(crate) fn created(&self) -> u64 {
        self.incoming + self.outgoing
    }

    /// Calls created and not ended.
    pub(crate) fn current(&self) -> u64 {
        self.created().saturating_sub(self.successful + self.failed)
    }
}

/// How long a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Length {
    /// From its creation.
    pub(crate) since_created: Duration,
    /// How long after it was due it was created.
    pub(crate) late: Duration,
}

/// What a scenario has to count: taken from the compiled program.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shape {
    /// Number of messages.
    pub(crate) messages: usize,
    /// Number of named counters (`counter="x"`).
    pub(crate) generic: usize,
    /// Borders of the repartition of each response time in milliseconds, ascending; empty without one.
    pub(crate) response_borders_ms: Vec<Vec<u64>>,
    /// Borders of the call length repartition in milliseconds, ascending; empty without one.
    pub(crate) length_borders_ms: Vec<u64>,
}

/// Everything the calls of one scenario count.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counters {
    /// By message index.
    pub(crate) messages: Vec<MessageCounters>,
    /// Calls.
    pub(crate) totals: Totals,
    /// By named counter.
    pub(crate) generic: Vec<u64>,
    /// By response time, in the scenario's order.
    pub(crate) response_times: Vec<Samples>,
    /// Creation to end of each ended call.
    pub(crate) call_length: Samples,
    /// Status codes of unexpected responses, newest last, for `-trace_error_codes`; whoever writes them
    /// clears them, and no more than [`Counters::ERROR_CODES`] are kept.
    pub(crate) error_codes: Vec<u16>,
}

impl Counters {
    /// The most unexpected status codes kept between two rows.
    pub(crate) const ERROR_CODES: usize = 10_000;

    /// Counters at zero for a scenario of that shape.
    pub(crate) fn new(shape: &Shape) -> Counters {
        Counters {
            messages: vec![MessageCounters::default(); shape.messages],
            totals: Totals::default(),
            generic: vec![0; shape.generic],
            response_times: shape.response_borders_ms.iter().map(|borders| Samples::new(borders)).collect(),
            call_length: Samples::new(&shape.length_borders_ms),
            error_codes: Vec::new(),
        }
    }

    /// A call ended well.
    pub(crate) fn call_succeeded(&mut self, length: Length) {
        self.totals.successful += 1;
        self.call_length.record(length.since_created, length.late);
    }

    /// A call failed; `cause` is `None` when SIPp has no name for it.
    pub(crate) fn call_failed(&mut self, cause: Option<Cause>, length: Length) {
        self.totals.failed += 1;
        if let Some(cause) = cause {
            self.totals.causes[cause as usize] += 1;
        }
        self.call_length.record(length.since_created, length.late);
    }

    /// Adds what another engine counted of the same scenario.
    pub(crate) fn add(&mut self, other: &Counters) {
        for (message, more) in self.messages.iter_mut().zip(&other.messages) {
            message.add(more);
        }
        self.totals.add(&other.totals);
        for (counter, more) in self.generic.iter_mut().zip(&other.generic) {
            *counter += more;
        }
        for (samples, more) in self.response_times.iter_mut().zip(&other.response_times) {
            samples.add(more);
        }
        self.call_length.add(&other.call_length);
        self.error_codes.extend_from_slice(&other.error_codes);
    }

    /// An unexpected response came with this status.
    pub(crate) fn unexpected_status(&mut self, status: u16) {
        if self.error_codes.len() < Counters::ERROR_CODES {
            self.error_codes.push(status);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Cause, Counters, Length, Shape};

    #[test]
    fn causes_stand_in_column_order() {
        for (position, (cause, name)) in Cause::ALL.iter().enumerate() {
            assert_eq!(*cause as usize, position, "{name}");
            assert_eq!(cause.name(), *name);
        }
    }

    #[test]
    fn created_is_successful_plus_failed_plus_current() {
        let mut counters = Counters::new(&Shape { messages: 2, ..Shape::default() });
        counters.totals.outgoing = 3;
        let length = Length { since_created: Duration::from_millis(5), late: Duration::ZERO };
        counters.call_succeeded(length);
        counters.call_failed(Some(Cause::TimeoutOnRecv), length);
        let totals = counters.totals;
        assert_eq!((totals.created(), totals.current()), (3, 1));
        assert_eq!(totals.causes[Cause::TimeoutOnRecv as usize], 1);
        assert_eq!(counters.call_length.sums().count, 2);
    }
}
