//! Messages that a connection does not take because its far end reads too slowly: they wait here, in order, for
//! the `timeout` of their `send` or `-send_timeout`.

use std::collections::VecDeque;
use std::time::Duration;

use sip::net::{Flow, Outgoing, SendError, SocketId};
use sip::peer::Peer;
use sip::time::Time;

use crate::call::Input;
use crate::scenario::{Op, Program};
use crate::state::StepIndex;
use crate::stats::Cause;
use crate::stats::trace::Direction;
use crate::traffic::calls::CallKey;

use crate::engine::signalling::Signalling;

/// What waits.
#[derive(Debug)]
pub(in crate::engine) struct Congestion {
    /// `-send_timeout`.
    timeout: Option<Duration>,
    waiting: VecDeque<Waiting>,
    bytes: usize,
}

#[derive(Debug)]
struct Waiting {
    /// The call, as long as it is open.
    call: Option<CallKey>,
    to: Peer,
    socket: SocketId,
    flow: Flow,
    bytes: Box<[u8]>,
    until: Option<Time>,
}

impl Congestion {
    /// Nothing waits; messages whose `send` gives no timeout wait that long, without it for ever.
    pub(in crate::engine) fn new(timeout: Option<Duration>) -> Congestion {
        Congestion { timeout, waiting: VecDeque::new(), bytes: 0 }
    }

    /// When to try again.
    pub(in crate::engine) fn next_due(&self, now: Time) -> Option<Time> {
        (!self.waiting.is_empty()).then(|| now + AGAIN)
    }

    /// How long the message of that step may wait.
    pub(in crate::engine) fn patience(&self, program: &Program, step: StepIndex) -> Option<Duration> {
        let own = program.step(step).and_then(|step| match &step.op {
            Op::Send(send) => send.timeout,
            _ => None,
        });
        own.or(self.timeout)
    }

    /// True when something waits for that peer already: what follows must not overtake it.
    pub(in crate::engine) fn holds_back(&self, to: Peer) -> bool {
        self.waiting.iter().any(|other| other.to == to)
    }

    /// Lets a message wait. False when too much does.
    pub(in crate::engine) fn add(
        &mut self,
        call: CallKey,
        outgoing: &Outgoing<'_>,
        until: Option<Time>,
    ) -> bool {
        if self.bytes + outgoing.bytes.len() > MOST_BYTES {
            return false;
        }
        self.bytes += outgoing.bytes.len();
        let Outgoing { bytes, peer, socket, flow } = *outgoing;
        self.waiting.push_back(Waiting {
            call: Some(call),
            to: peer,
            socket,
            flow,
            bytes: bytes.into(),
            until,
        });
        true
    }

    /// A call is over; what it said last still goes out, and its place may be another call's.
    pub(in crate::engine) fn forget(&mut self, call: CallKey) {
        for waiting in self.waiting.iter_mut().filter(|waiting| waiting.call == Some(call)) {
            waiting.call = None;
        }
    }
}

impl Signalling {
    /// Tries the messages that wait, in order; those whose time is over fail their call.
    pub(in crate::engine) fn try_congested(&mut self, now: Time) {
        let mut full: Vec<Peer> = Vec::new();
        for _ in 0..self.congestion.waiting.len() {
            let Some(waiting) = self.congestion.waiting.pop_front() else { return };
            let Waiting { call, to, socket, flow, ref bytes, until } = waiting;
            let outgoing = Outgoing { bytes, peer: to, socket, flow };
            let sent =
                if full.contains(&to) { Err(SendError::QueueFull) } else { self.sockets.send(now, outgoing) };
            let failed = match sent {
                Ok(()) => {
                    self.link.message(now, Direction::Sent, to.transport, bytes);
                    None
                }
                Err(SendError::QueueFull) if until.is_none_or(|until| until > now) => {
                    full.push(to);
                    self.congestion.waiting.push_back(waiting);
                    continue;
                }
                Err(SendError::QueueFull) => Some(Cause::TimeoutOnSend),
                Err(_) => Some(Cause::CannotSendMessage),
            };
            self.congestion.bytes -= bytes.len();
            if let (Some(call), Some(cause)) = (call, failed) {
                self.advance(now, call, Input::Failed(cause));
            }
        }
    }
}

/// Time between two tries.
const AGAIN: Duration = Duration::from_millis(10);
/// Bytes that may wait in all.
const MOST_BYTES: usize = 64 << 20;
