//! What the sockets report: messages find or make their call, broken connections end calls.

use sip::msg::{HeaderName, Index, View};
use sip::net::{Event, Incoming, SocketId};
use sip::peer::Peer;
use sip::time::Time;

use crate::call::{Input, Origin, Outcome};
use crate::state::UserId;
use crate::stats::layout::Part;
use crate::stats::trace::Direction;
use crate::traffic::calls::{Epitaph, Owner};

use super::Signalling;
use super::scenarios::ScenarioId;

impl Signalling {
    /// One thing the sockets report.
    pub(super) fn receive(&mut self, now: Time, event: Event<'_>) {
        match event {
            Event::Received(incoming) => {
                self.busy.count(now);
                self.message(now, incoming);
            }
            Event::Unreachable { .. } => self.state.network.receive_errors += 1,
            Event::Opened { .. } if self.state.connecting => self.connected(now),
            Event::Opened { .. } => {}
            Event::Closed { peer, reason } => self.closed(now, peer, reason),
        }
    }

    fn message(&mut self, now: Time, incoming: Incoming<'_>) {
        self.link.message(now, Direction::Received, incoming.peer.transport, incoming.bytes);
        self.deliver(now, incoming, Whose::Unknown);
    }

    /// A message: finds or makes its call, here or at another engine.
    pub(super) fn deliver(&mut self, now: Time, incoming: Incoming<'_>, whose: Whose) {
        let Incoming { bytes, peer: from, socket } = incoming;
        // A reply begins with it, and most messages are replies or short requests.
        if !bytes.starts_with(SIP) && memchr::memmem::find(bytes, SIP).is_none() {
            let is_keepalive = bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0));
            if !is_keepalive {
                let text = String::from_utf8_lossy(bytes);
                self.warn(now, format!("non SIP message discarded: \"{text}\" ({})", bytes.len()));
            }
            return;
        }
        let index = match Index::parse_lenient(bytes) {
            Ok(index) => index,
            Err(error) => {
                self.warn(now, format!("SIP message that cannot be read discarded: {error}"));
                return;
            }
        };
        let view = View { bytes, index: &index };
        let Some(id) = view.header(HeaderName::CallId) else {
            let text = String::from_utf8_lossy(bytes);
            self.warn(now, format!("(1) No valid Call-ID: header in reply '{text}'"));
            self.warn(now, "SIP message without Call-ID discarded".into());
            return;
        };
        let id = if self.opening.keeps_id_prefix { id } else { without_prefix(id) };
        if whose == Whose::Unknown
            && let Some(owner) = self.crew.owner(id)
        {
            self.crew.hand_over(owner, bytes, from);
            return;
        }
        match self.calls.find(now, id) {
            Owner::Open(key) => {
                self.advance(now, key, Input::Message { view, from });
            }
            Owner::Ended(epitaph) => self.dead_call(now, (id, epitaph), bytes),
            Owner::Unknown => self.foreign(now, id, view, (from, socket)),
        }
    }

    /// A message for a call that has ended.
    fn dead_call(&mut self, now: Time, (id, epitaph): (&[u8], Epitaph), bytes: &[u8]) {
        self.scenarios.main_mut().counters.totals.dead_call += 1;
        let reason = match epitaph {
            Epitaph::Successful => "successful".to_owned(),
            Epitaph::FailedAt(index) => format!("failed at index {index}"),
            Epitaph::None => String::new(),
        };
        let (id, text) = (String::from_utf8_lossy(id), String::from_utf8_lossy(bytes));
        self.warn(now, format!("Dead call {id} ({reason}), received '{text}'"));
    }

    /// A message of no call we know: a request opens one if there is a scenario for it.
    fn foreign(&mut self, now: Time, id: &[u8], view: View<'_>, (from, socket): (Peer, SocketId)) {
        let host = self.host_of(view).filter(|(origin, _)| *origin != Origin::Received || self.reserve());
        let Some((origin, scenario)) = host else {
            self.scenarios.main_mut().counters.totals.out_of_call += 1;
            let text = String::from_utf8_lossy(view.bytes);
            self.warn(now, format!("Discarding message which can't be mapped to a known SIPp call:\n{text}"));
            return;
        };
        if origin == Origin::OutOfCall && !self.scenarios[scenario].is_hidden {
            self.scenarios.main_mut().counters.totals.auto_answered += 1;
            let method = String::from_utf8_lossy(view.method_text().unwrap_or_default()).into_owned();
            let text = format!("Received out-of-call {method} message, using the out-of-call scenario");
            self.warn(now, text);
        }
        let Some(key) = self.begin(now, (id, UserId(0)), origin, scenario) else { return };
        if let Some(running) = self.calls.get_mut(key).filter(|_| self.own.home_field().is_some()) {
            self.own.lodge((key, running.call.state_mut()), socket, &self.sockets);
        }
        self.advance(now, key, Input::Start);
        let verdict = self.advance(now, key, Input::Message { view, from });
        // DEVIATES: SIPp counts a call for a request that it answered by itself, and waits for it for ever.
        let is_no_call =
            verdict.is_some_and(|verdict| verdict.outcome == Outcome::Unjudged && verdict.step.0 == 0);
        if !is_no_call {
            self.scenarios[scenario].counters.totals.incoming += 1;
        } else if origin == Origin::Received {
            self.crew.forget_created(1);
        }
        self.quit_behind_the_last();
    }

    /// The scenario that a message of no call opens a call of, and why.
    fn host_of(&self, view: View<'_>) -> Option<(Origin, ScenarioId)> {
        let method = view.method_text()?;
        let outside = self.scenarios.find(Part::OutOfCall);
        if let Some(outside) = outside.filter(|outside| self.scenarios[*outside].is_hidden) {
            let answers = matches!(method, b"INFO" | b"NOTIFY" | b"OPTIONS" | b"UPDATE");
            return answers.then_some((Origin::OutOfCall, outside));
        }
        if !self.quit.is_quitting() {
            if self.scenarios.main().program.mode.takes_calls() {
                return Some((Origin::Received, ScenarioId::MAIN));
            }
            if let Some(receiving) = self.scenarios.find(Part::Receiving) {
                return Some((Origin::Received, receiving));
            }
        }
        outside.map(|outside| (Origin::OutOfCall, outside))
    }
}

/// Whether the engine that has a message knows whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Whose {
    /// It was received here.
    Unknown,
    /// Another engine handed it over.
    Ours,
}

/// What a SIP message has in it, sooner or later.
const SIP: &[u8] = b"SIP/2.0";

/// SIPp cuts everything up to `///` from a received Call-ID.
fn without_prefix(id: &[u8]) -> &[u8] {
    memchr::memmem::find(id, b"///").map_or(id, |at| &id[at + 3..])
}

#[cfg(test)]
mod tests {
    use super::without_prefix;

    #[test]
    fn prefix_of_a_call_id_ends_with_three_slashes() {
        assert_eq!(without_prefix(b"abc///1-2@3"), b"1-2@3");
        assert_eq!(without_prefix(b"1-2@3"), b"1-2@3");
    }
}
