//! Resending over UDP: a message with `retrans` is sent again until it is answered.
//!
//! The first interval is that of the attribute, it doubles each time; for anything but INVITE it stops growing
//! at T2 (RFC 3261 17.1.1.2, 17.1.2.2 in SIPp's reading: INVITE is limited by its count only).

use std::time::Duration;

use sip::msg::Method;
use sip::peer::Transport;
use sip::span::Span;
use sip::time::Time;

use crate::scenario::{Send, SendKind};
use crate::state::StepIndex;

use super::{Cause, Count, Outgoing, Output, Run, Sending, Wait};

/// A message that is not answered yet.
#[derive(Debug)]
pub(super) struct Resend {
    pub(super) bytes: Box<[u8]>,
    pub(super) step: StepIndex,
    pub(super) next: Time,
    interval: Duration,
    count: u32,
    is_invite: bool,
}

impl Run<'_, '_> {
    /// Keeps a message that was just sent, when its scenario and transport ask for it.
    pub(super) fn start_resending(&mut self, index: StepIndex, send: &Send, bytes: Span) {
        let settings = self.env.settings;
        let Some(interval) = send.retrans else { return };
        if !settings.retransmits || settings.transport != Transport::Udp {
            return;
        }
        self.call.resend = Some(Box::new(Resend {
            bytes: bytes.of(&self.outputs.bytes).into(),
            step: index,
            next: self.now + interval,
            interval,
            count: 0,
            is_invite: matches!(send.kind, SendKind::Request(Method::Invite, _)),
        }));
    }

    /// An interval passed without an answer.
    pub(super) fn resend_is_due(&mut self) {
        let settings = self.env.settings;
        let Some(mut resend) = self.call.resend.take() else { return };
        let own =
            if resend.is_invite { settings.max_invite_retrans } else { settings.max_non_invite_retrans };
        if resend.count >= own.min(settings.max_retrans) {
            return self.give_up(resend.step);
        }
        resend.count += 1;
        let (done, most) = (resend.count, own.min(settings.max_retrans));
        // So spelled by SIPp.
        self.debug(|_| format!("Retransmisison required ({done} retransmissions, max {most})"));
        resend.interval *= 2;
        if !resend.is_invite {
            resend.interval = resend.interval.min(settings.t2);
        }
        resend.next += resend.interval;
        // A shell that slept does not send the missed ones in a burst.
        resend.next = resend.next.max(self.now);
        self.resend_bytes(&resend);
        self.call.resend = Some(resend);
    }

    fn resend_bytes(&mut self, resend: &Resend) {
        let program = self.env.program;
        let (Some(to), Some(step)) = (self.destination(), program.step(resend.step)) else { return };
        let start = self.outputs.bytes.len();
        self.outputs.bytes.extend_from_slice(&resend.bytes);
        let bytes = Span::new(start, self.outputs.bytes.len());
        self.count(Count::Retrans(resend.step));
        self.emit(resend.step, step, Outgoing { bytes, to, step: resend.step, kind: Sending::Again });
    }

    fn give_up(&mut self, index: StepIndex) {
        self.count(Count::Timeout(index));
        let program = self.env.program;
        if let Some(label) = program.step(index).and_then(|step| step.on_timeout) {
            self.call.state.step = label;
            return self.run_steps();
        }
        if self.env.settings.behaviours.bye {
            let id = self.id();
            self.push(Output::Warning(format!(
                "Aborting call on UDP retransmission timeout for Call-ID '{id}'"
            )));
        }
        self.abort(Cause::MaxUdpRetrans);
    }

    /// A matching response came: a final one, or any to INVITE, ends resending; else T2 rules from now on.
    pub(super) fn response_stops_resending(&mut self, status: u16) {
        let t2 = self.env.settings.t2;
        match &mut self.call.resend {
            Some(resend) if status < 200 && !resend.is_invite => {
                resend.interval = t2;
                resend.next = self.now + t2;
            }
            _ => self.stop_resending(),
        }
    }

    /// A matching request came at `index`; one that answers what is being resent ends it.
    pub(super) fn request_stops_resending(&mut self, method: Method, index: StepIndex) {
        let answers = matches!(method, Method::Ack | Method::Prack | Method::Cancel | Method::Bye);
        if answers && self.call.resend.as_ref().is_some_and(|resend| index > resend.step) {
            self.stop_resending();
        }
    }

    fn stop_resending(&mut self) {
        self.call.resend = None;
    }

    /// True while the next send waits for an answer.
    pub(super) fn is_blocked(&self) -> bool {
        self.call.wait == Wait::Answer
    }
}
