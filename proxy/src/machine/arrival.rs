//! What happens to a message before its route runs: `event_route[core:msg-received]` (with `received_route_mode`) and
//! `event_route[core:pre-routing]` may drop it; what cannot be read goes to `core:receive-parse-error` and the log.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::Message;

use super::Machine;
use super::runs::Purpose;
use crate::api::{End, EndedBy, Level, Received, RouteKind, Work};

/// An event route on the way of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// `core:msg-received`
    Received,
    /// `core:pre-routing`
    PreRouting,
}

impl Machine {
    /// A message that could be read.
    pub(super) fn message(&mut self, message: Arc<Message>, received: Received) {
        self.shard.counts.note(message.view());
        let mut work = Box::new(Work::new(message, received));
        work.sending.force_rport = self.defaults.force_rport;
        work.sending.local_rport = self.defaults.local_rport;
        work.sending.reply_to_via = self.defaults.reply_to_via;
        self.pass(work, Some(Gate::Received));
    }

    /// Runs the route of this gate, then the next ones; behind the last one the message goes on.
    fn pass(&mut self, work: Box<Work>, gate: Option<Gate>) {
        let route = match gate {
            Some(Gate::Received) => self.entries.received,
            Some(Gate::PreRouting) => self.entries.pre_routing,
            None => return self.routed(work),
        };
        let next = gate.and_then(Gate::next);
        match (route, gate) {
            (Some(route), Some(gate)) => self.start(route, RouteKind::Event, work, Purpose::Gate(gate)),
            _ => self.pass(work, next),
        }
    }

    /// The route of a gate has ended.
    pub(super) fn passed(&mut self, work: Box<Work>, gate: Gate, end: End) {
        if end.by != EndedBy::Drop {
            return self.pass(work, gate.next());
        }
        let (requests, replies) = &mut self.shard.counts.dropped;
        let count = if work.view().method().is_some() { requests } else { replies };
        *count += 1;
    }

    fn routed(&mut self, work: Box<Work>) {
        if work.view().method().is_some() {
            self.tally.requests += 1;
            self.request_of_sender(work);
        } else {
            self.tally.replies += 1;
            self.core_reply(work);
        }
    }

    /// Bytes that are no message.
    pub(super) fn unreadable(&mut self, bytes: &Bytes, received: Received, why: &str) {
        self.tally.malformed += 1;
        self.shard.counts.malformed += 1;
        let level = Level(self.defaults.parser_log);
        let peer = received.peer.addr;
        let shown: String = bytes.iter().take(SHOWN).map(|byte| byte.escape_ascii().to_string()).collect();
        let line = format!("bad message from {peer}: {why}: <{shown}>");
        self.shard.log.limited(self.shard.now, level, "parser", &line);
        if let Some(route) = self.entries.parse_error {
            let mut work = self.shard.made_up();
            work.received = received;
            self.start(route, RouteKind::Event, work, Purpose::Event);
        }
    }
}

impl Gate {
    fn next(self) -> Option<Gate> {
        match self {
            Gate::Received => Some(Gate::PreRouting),
            Gate::PreRouting => None,
        }
    }
}

/// Bytes of an unreadable message that the log shows.
const SHOWN: usize = 200;
