//! Sending: text and memory of a call become bytes, and what the call remembers of having sent them.

use sip::msg::Method;
use sip::peer::Peer;
use sip::span::Span;

use crate::lang::{Scope, Subject, Template};
use crate::scenario::{Op, Send, SendKind, Step};
use crate::state::StepIndex;

use super::duplicates::hash_of_sent;
use super::{Cause, Count, Gravity, Outgoing, Output, Run, Sending};

impl Run<'_, '_> {
    /// What keywords and actions see; `index` is what `[msg_index]` prints.
    pub(super) fn scope(&mut self, index: i32) -> Scope<'_> {
        Scope {
            call: &mut self.call.state,
            world: self.env.world,
            settings: self.env.settings,
            now: self.now,
            index,
            length_mark: None,
            authentication_mark: None,
        }
    }

    /// Renders a text behind the bytes of the outputs.
    pub(super) fn render(&mut self, template: &Template, index: i32) -> Span {
        let mut bytes = std::mem::take(&mut self.outputs.bytes);
        let start = bytes.len();
        template.render(&mut self.scope(index), &mut bytes);
        self.outputs.bytes = bytes;
        Span::new(start, self.outputs.bytes.len())
    }

    pub(super) fn run_send(&mut self, index: StepIndex, step: &Step, send: &Send) {
        if let SendKind::Request(method, _) = send.kind
            && !matches!(method, Method::Ack | Method::Cancel)
        {
            self.call.state.cseq = self.call.state.cseq.wrapping_add(1);
        }
        let Some(to) = self.destination() else {
            self.warn(format!("No address to send message {} of call {} to", index.0, self.id()));
            return self.fail(Cause::CannotSendMessage);
        };
        let bytes = self.render(&send.text, i32::from(index.0));
        if self.report_problems(step.line) == Gravity::Fatal {
            return;
        }
        self.note_own_media(bytes);
        self.emit(index, step, Outgoing { bytes, to, step: index, kind: Sending::First });
        self.book(index, step);
        self.remember_sent(index, send, bytes);
        if !step.actions.is_empty() {
            let text = self.outputs.text(bytes).to_vec();
            let failure = self.call.failure;
            if !self.run_actions(index, step, Subject { text: Some(&text) }) {
                return;
            }
            // SIPp ignores checks that fail on a sent message.
            self.call.failure = failure;
        }
        self.advance(step);
    }

    /// Where the call's messages go.
    pub(super) fn destination(&self) -> Option<Peer> {
        let settings = self.env.settings;
        let redirected = settings.destination.filter(|_| settings.redirects_answers);
        redirected.or(self.call.state.peer).or(settings.destination)
    }

    /// Puts a message out, unless it is lost on purpose.
    pub(super) fn emit(&mut self, index: StepIndex, step: &Step, outgoing: Outgoing) {
        if self.is_lost(step) {
            self.count(Count::Lost(index));
        } else {
            self.trace_sending(i32::from(index.0), &outgoing);
            self.push(Output::Send(outgoing));
        }
    }

    /// A line for `-trace_calldebug`.
    pub(super) fn trace_sending(&mut self, index: i32, outgoing: &Outgoing) {
        if !self.env.settings.call_debug {
            return;
        }
        let text = self.outputs.text(outgoing.bytes);
        let hash = hash_of_sent(text);
        let text = String::from_utf8_lossy(text).into_owned();
        let transport = outgoing.to.transport;
        self.debug(|call| {
            let id = call.shown_id();
            format!("Sending {transport} message for call {id} (index {index}, hash {hash}):\n{text}\n")
        });
    }

    /// Throws the dice of `lost`.
    pub(super) fn is_lost(&mut self, step: &Step) -> bool {
        let percent = step.lost_percent.unwrap_or(self.env.settings.lost_percent);
        percent > 0.0 && self.env.world.random_unit() * 100.0 < percent
    }

    /// Sends a message of the scenario once more with keywords evaluated anew.
    pub(super) fn send_again(&mut self, index: StepIndex) {
        let program = self.env.program;
        let Some((step, Op::Send(send))) = program.step(index).map(|step| (step, &step.op)) else { return };
        let Some(to) = self.destination() else { return };
        let bytes = self.render(&send.text, i32::from(index.0));
        self.count(Count::Retrans(index));
        self.emit(index, step, Outgoing { bytes, to, step: index, kind: Sending::Again });
    }

    fn remember_sent(&mut self, index: StepIndex, send: &Send, bytes: Span) {
        let call = &mut *self.call;
        let text = bytes.of(&self.outputs.bytes);
        call.progress.sent_any = true;
        if let SendKind::Request(method, _) = &send.kind {
            call.progress.last_sent_is_invite = *method == Method::Invite;
            match method {
                Method::Invite => call.progress.acked = false,
                Method::Ack => (call.progress.acked, call.progress.answered) = (true, false),
                _ => {}
            }
        }
        if let Some(txn) = send.start_txn.and_then(|txn| call.txns.get_mut(usize::from(txn))) {
            txn.branch = top_branch(text).into();
        }
        if let Some(txn) = send.ack_txn.and_then(|txn| call.txns.get_mut(usize::from(txn))) {
            txn.ack = Some(index);
        }
        let answered = call.seen.note_sent(index, matches!(send.kind, SendKind::Response(_)));
        if let Some((hash, recv)) = answered {
            let (recv, send) = (recv.0, index.0);
            self.debug(|_| format!("Set Retransmission Hash: {hash} (recv index {recv}, send index {send})"));
        }
        self.start_resending(index, send, bytes);
    }
}

/// The branch of the first Via of a message; empty when there is none.
fn top_branch(message: &[u8]) -> &[u8] {
    sip::msg::Index::parse(message)
        .ok()
        .and_then(|index| {
            let view = sip::msg::View { bytes: message, index: &index };
            let branch = view.via_top().ok()?.branch()?;
            Span::locate(message, branch)
        })
        .map_or(&[], |span| span.of(message))
}
