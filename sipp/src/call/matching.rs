//! Which `recv` a message fits: forward over optional ones, then backward.

use sip::msg::View;

use crate::scenario::{Expects, Op, Optional, Program, Recv};
use crate::state::StepIndex;

use super::{Call, Run};

/// Where a message belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    /// This `recv`; the call goes on behind it.
    At(StepIndex),
    /// This global `recv` of earlier; the call stays where it is.
    Aside(StepIndex),
    /// A repeated final response: its ACK is sent again.
    AckAgain(StepIndex, StepIndex),
    /// A late message of a known transaction: nothing happens.
    Ignored,
    /// Nowhere.
    Nowhere,
}

impl Run<'_, '_> {
    /// Finds the `recv` for a message.
    pub(super) fn find_fit(&self, view: View<'_>) -> Fit {
        let program = self.env.program;
        let current = self.call.state.step;
        if let Some(found) = search_forward(program, self.call, view) {
            return Fit::At(found);
        }
        let mut only_optional_between = true;
        for at in (0..current.get()).rev() {
            let step = &program.steps[at];
            let index = StepIndex(at as u16);
            if let Op::Recv(recv) = &step.op
                && fits(recv, index, view, self.call)
            {
                let late = self.fit_backward(recv, index, only_optional_between, view);
                if late != Fit::Nowhere {
                    return late;
                }
            }
            only_optional_between &= step.is_optional();
        }
        Fit::Nowhere
    }

    fn fit_backward(&self, recv: &Recv, index: StepIndex, contiguous: bool, view: View<'_>) -> Fit {
        if recv.optional == Optional::Global {
            return Fit::Aside(index);
        }
        if contiguous && recv.optional == Optional::Yes {
            return Fit::At(index);
        }
        let Some(status) = view.status() else { return Fit::Nowhere };
        if let Some(txn) = recv.response_txn.and_then(|txn| self.call.txns.get(usize::from(txn))) {
            return match txn.ack {
                _ if status < 200 => Fit::Ignored,
                Some(ack) => Fit::AckAgain(index, ack),
                None => Fit::Ignored,
            };
        }
        let follower = index.following();
        let acks = matches!(
            self.env.program.step(follower).map(|step| &step.op),
            Some(Op::Send(send)) if send.is_ack()
        );
        if acks && cseq_method(view) == b"INVITE" { Fit::AckAgain(index, follower) } else { Fit::Nowhere }
    }
}

/// The first fitting `recv` from where the call stands; a mandatory one that does not fit ends the search.
fn search_forward(program: &Program, call: &Call, view: View<'_>) -> Option<StepIndex> {
    for (at, step) in program.steps.iter().enumerate().skip(call.state.step.get()) {
        let index = StepIndex(at as u16);
        match &step.op {
            Op::Recv(recv) if fits(recv, index, view, call) => return Some(index),
            Op::Recv(recv) if recv.optional != Optional::No => {}
            _ => return None,
        }
    }
    None
}

/// True when a message is what a `recv` waits for.
fn fits(recv: &Recv, index: StepIndex, view: View<'_>, call: &Call) -> bool {
    match &recv.expects {
        Expects::Request(method) => method_text(view).is_some_and(|text| text == method.as_bytes()),
        Expects::RequestMatching(regex) => method_text(view).is_some_and(|text| regex.is_match(text)),
        Expects::Response { status, methods } => {
            view.status() == Some(*status) && answers_own_request(recv, index, view, call, methods)
        }
        Expects::ResponseMatching { regex, methods } => {
            let status = view.status().map(|status| status.to_string());
            status.is_some_and(|text| regex.is_match(text.as_bytes()))
                && answers_own_request(recv, index, view, call, methods)
        }
    }
}

/// With `response_txn` the branch decides, else the CSeq method must be among those sent before in the document.
fn answers_own_request(recv: &Recv, index: StepIndex, view: View<'_>, call: &Call, methods: &str) -> bool {
    match recv.response_txn.and_then(|txn| call.txns.get(usize::from(txn))) {
        Some(txn) => {
            let branch = view.via_top().ok().and_then(|via| via.branch()).unwrap_or_default();
            !branch.is_empty() && *txn.branch == *branch
        }
        None => index.0 == 0 || memchr::memmem::find(methods.as_bytes(), cseq_method(view)).is_some(),
    }
}

/// The method of a request as written.
pub(super) fn method_text(view: View<'_>) -> Option<&[u8]> {
    match view.index.start {
        sip::msg::StartLine::Request { method_text, .. } => Some(method_text.of(view.bytes)),
        sip::msg::StartLine::Response { .. } => None,
    }
}

/// The method in the CSeq; empty when there is none.
pub(super) fn cseq_method(view: View<'_>) -> &[u8] {
    let value = view.header(sip::msg::HeaderName::CSeq).unwrap_or_default();
    sip::lex::trim(&value[value.iter().take_while(|byte| byte.is_ascii_digit()).count()..])
}

/// The number in the CSeq; 0 when there is none.
pub(super) fn cseq_number(view: View<'_>) -> u32 {
    let value = view.header(sip::msg::HeaderName::CSeq).unwrap_or_default();
    let digits = value.iter().take_while(|byte| byte.is_ascii_digit()).count();
    sip::lex::parse_u32(&value[..digits]).unwrap_or(0)
}
