//! Recognising messages that were received before (UDP, not with `-nr`).
//!
//! A call remembers a hash of the last message and of the one that its last answer belongs to. A repeated
//! message is not run through the scenario: its answer is sent again, or it is ignored.

use std::hash::Hasher;

use rustc_hash::FxHasher;
use sip::msg::{HeaderName, View};
use sip::peer::Transport;

use crate::state::{DuplicateCheck, StepIndex};

use super::{Count, Run};

/// Memory of received messages.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Seen {
    /// The last message and the `recv` it matched; no hash before the first.
    last: Option<(u64, StepIndex)>,
    /// True once something was sent after it.
    sent_since: bool,
    /// The message that came before the last answer, and the answer.
    answered: Option<Answered>,
}

#[derive(Clone, Copy, Debug)]
struct Answered {
    hash: u64,
    recv: StepIndex,
    send: StepIndex,
    with_response: bool,
}

impl Seen {
    fn note_received(&mut self, hash: u64, recv: StepIndex) {
        self.last = Some((hash, recv));
        self.sent_since = false;
    }

    /// The first send after a message is its answer; a later response takes the place of an earlier one, so
    /// that a repeated INVITE is answered by the 200 and not by the 180. Gives the message it is the answer to.
    pub(super) fn note_sent(&mut self, send: StepIndex, is_response: bool) -> Option<(u64, StepIndex)> {
        let (hash, recv) = self.last?;
        let first = !self.sent_since;
        let better = is_response
            && self.answered.is_some_and(|answered| answered.with_response && answered.hash == hash);
        if first || better {
            self.answered = Some(Answered { hash, recv, send, with_response: is_response });
        }
        self.sent_since = true;
        (first || better).then_some((hash, recv))
    }
}

impl Run<'_, '_> {
    /// The message with that hash was taken by a `recv`.
    pub(super) fn remember_received(&mut self, hash: u64, recv: StepIndex) {
        self.call.seen.note_received(hash, recv);
        self.debug(|_| format!("Set Last Recv Hash: {hash} (recv index {})", recv.0));
    }

    /// The hash duplicates share; 0 when duplicates are not looked for.
    pub(super) fn hash_of(&self, view: View<'_>) -> u64 {
        let settings = self.env.settings;
        if !settings.retransmits || settings.transport != Transport::Udp {
            return 0;
        }
        let mut hasher = FxHasher::default();
        match settings.duplicates {
            DuplicateCheck::Full => hasher.write(view.bytes),
            DuplicateCheck::Loose => {
                for header in [HeaderName::To, HeaderName::From, HeaderName::CallId, HeaderName::CSeq] {
                    hasher.write(view.header(header).unwrap_or_default());
                }
                if view.status().is_some() {
                    let line_end = memchr::memchr(b'\n', view.bytes).unwrap_or(0);
                    hasher.write(&view.bytes[..line_end]);
                    hasher.write(view.body());
                }
            }
        }
        hasher.finish().max(1)
    }

    /// Deals with a message that came before; false when it is a new one.
    pub(super) fn take_duplicate(&mut self, hash: u64) -> bool {
        let seen = self.call.seen;
        if hash == 0 {
            return false;
        }
        if let Some(answered) = seen.answered.filter(|answered| answered.hash == hash) {
            self.count(Count::Retrans(answered.recv));
            self.send_again(answered.send);
            return true;
        }
        match seen.last {
            Some((last, recv)) if last == hash && !seen.sent_since => {
                self.count(Count::Retrans(recv));
                true
            }
            _ => false,
        }
    }
}

/// A hash of what is sent, for `-trace_calldebug`.
pub(super) fn hash_of_sent(bytes: &[u8]) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write(bytes);
    hasher.finish().max(1)
}
