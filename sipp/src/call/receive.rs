//! Receiving: what a message that belongs to the call does to it.

use sip::msg::{HeaderName, Method, View};
use sip::peer::Peer;

use crate::lang::Subject;
use crate::scenario::{Op, Recv, Step};
use crate::state::{Challenge, Dialog, StepIndex};

use super::matching::{Fit, cseq_method, cseq_number};
use super::{Count, Outcome, Run, Wait};

impl Run<'_, '_> {
    /// Takes a message with the call's Call-ID.
    pub(super) fn take_message(&mut self, view: View<'_>, from: Peer) {
        if self.call.wait == Wait::Fresh {
            self.start();
        }
        if self.call.wait == Wait::Pause && self.env.settings.pause_ignores_messages {
            return;
        }
        self.call.state.peer.get_or_insert(from);
        let hash = self.hash_of(view);
        self.debug(|call| {
            let (len, id, text) = (view.bytes.len(), call.shown_id(), String::from_utf8_lossy(view.bytes));
            format!("Processing {len} byte incoming message for call-ID {id} (hash {hash}):\n{text}\n")
        });
        if self.env.settings.behaviours.cseq && !self.acknowledges(view) {
            return;
        }
        if view.header(HeaderName::To).is_none() {
            return self.unexpected(view, hash);
        }
        if self.take_duplicate(hash) {
            return;
        }
        self.note_dialog(view);
        match self.find_fit(view) {
            Fit::At(index) => self.accept(index, view, hash, Position::Moves),
            Fit::Aside(index) => self.accept(index, view, hash, Position::Stays),
            Fit::AckAgain(recv, ack) => {
                self.count(Count::Retrans(recv));
                self.send_again(ack);
            }
            Fit::Ignored => {}
            Fit::Nowhere => self.unexpected(view, hash),
        }
    }

    /// False when it is an ACK of another INVITE than the last one: the call has failed then (SIPp 3.7; RFC 3261
    /// 13.2.2.4: the ACK has the sequence number of its INVITE).
    fn acknowledges(&mut self, view: View<'_>) -> bool {
        let Some(wanted) = self.call.progress.invite_cseq else { return true };
        let number = cseq_number(view);
        if view.method() != Some(Method::Ack) || number == wanted {
            return true;
        }
        let id = self.id();
        self.warn(format!("Call-Id '{id}': ACK with CSeq {number}, the INVITE had {wanted}: aborting call"));
        self.trace_abort();
        // SIPp has no cause for it in its statistics.
        self.end(Outcome::Failed(None));
        false
    }

    /// What every message of the dialog tells, whether it fits or not.
    fn note_dialog(&mut self, view: View<'_>) {
        self.learn_media(view);
        self.learn_digit(view);
        let call = &mut *self.call;
        match view.status() {
            Some(_) => {
                let tag = view.to().ok().and_then(|to| to.tag());
                if let Some(tag) = tag
                    && call.state.peer_tag.get(5..) != Some(tag)
                {
                    call.state.peer_tag = [b";tag=", tag].concat().into();
                }
            }
            None if view.method() == Some(Method::Ack) => call.progress.acked = true,
            None => {}
        }
    }

    fn accept(&mut self, index: StepIndex, view: View<'_>, hash: u64, position: Position) {
        let program = self.env.program;
        let Some((step, Op::Recv(recv))) = program.step(index).map(|step| (step, &step.op)) else { return };
        if self.is_lost(step) {
            return self.count(Count::Lost(index));
        }
        self.book(index, step);
        if !self.run_actions(index, step, Subject { text: Some(view.bytes) }) {
            return;
        }
        match view.status() {
            Some(status) => self.response_stops_resending(status),
            None => {
                let number = cseq_number(view);
                self.call.state.cseq = self.call.state.cseq.max(number);
                if view.method() == Some(Method::Invite) {
                    self.call.progress.invite_cseq = Some(number);
                }
                self.request_stops_resending(view.method().unwrap_or(Method::Other), index);
            }
        }
        if view.status() == Some(200) && cseq_method(view) == b"INVITE" {
            self.call.progress.answered = true;
        }
        if !self.record(recv, step.line, view) || !recv.advances {
            return;
        }
        self.call.progress.received_any = true;
        self.call.state.last.keep(view, program.keep);
        self.remember_received(hash, index);
        self.go_on_behind(index, step, position);
    }

    /// Moves the call behind the `recv` that took a message.
    fn go_on_behind(&mut self, index: StepIndex, step: &Step, position: Position) {
        if let Some(jump) = self.call.state.pending.jump.take() {
            self.jump(jump);
            return self.run_steps();
        }
        let target = match step.next {
            Some(next) => {
                let taken = self.takes(next);
                // An optional message whose `next` does not hold leaves the call where it is.
                if taken.is_none() && !step.is_optional() { Some(index.following()) } else { taken }
            }
            None if position == Position::Stays => None,
            None => Some(index.following()),
        };
        match target {
            Some(target) => {
                self.call.state.step = target;
                self.run_steps();
            }
            None if self.is_blocked() && self.call.resend.is_none() => self.run_steps(),
            None => {}
        }
    }

    /// `rrs` and `auth`; false when there is no challenge to be answered.
    fn record(&mut self, recv: &Recv, line: u32, view: View<'_>) -> bool {
        if recv.records_route && self.call.state.dialog.is_none() {
            self.call.state.dialog = Some(Box::new(dialog_of(view)));
        }
        let status = view.status().unwrap_or(0);
        if recv.keeps_challenge && matches!(status, 401 | 407) {
            let mut values = challenges(view, HeaderName::ProxyAuthenticate);
            if values.is_empty() {
                values = challenges(view, HeaderName::WwwAuthenticate);
            }
            if values.is_empty() {
                let text = "Couldn't find 'Proxy-Authenticate' or 'WWW-Authenticate' in 401 or 407!";
                self.break_off(line, text);
                return false;
            }
            self.call.state.challenge = Some(Box::new(Challenge { values, status, nonce_count: 0 }));
        }
        true
    }
}

/// Whether a message moves the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Position {
    Moves,
    Stays,
}

/// Route set and remote target that a message establishes: for a response the Record-Route values in reverse,
/// for a request in order (RFC 3261 12.1.1, 12.1.2).
fn dialog_of(view: View<'_>) -> Dialog {
    let mut routes: Vec<&[u8]> = view.values(HeaderName::RecordRoute).collect();
    if view.status().is_some() {
        routes.reverse();
    }
    let target = view.contacts().next().and_then(Result::ok).map_or(&b""[..], |contact| contact.uri_text);
    Dialog { routes: routes.join(&b", "[..]).into(), target: target.into() }
}

fn challenges(view: View<'_>, header: HeaderName) -> Box<[Box<[u8]>]> {
    view.fields(header).map(|field| field.value.of(view.bytes).into()).collect()
}
