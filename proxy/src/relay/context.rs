//! What the relay remembers of one server transaction and its branches (RFC 3261 16.2 response context).
//!
//! Plain data. The request is kept as bytes and parsed again in the rare cases that need it: an index is
//! larger than most requests.

use bytes::Bytes;
use sip::msg::Method;
use sip::time::Time;
use sip::txn::{Hop, Millis, Timers, TxnId};
use smallvec::SmallVec;

use super::{Armed, FailureReplies, Legs, OnGlobalFailure, Origin, Original, Places, RouteSlot, Target};

/// The response context of a server transaction.
#[derive(Debug)]
pub struct Context {
    /// Counts the transactions that had this slot.
    pub(super) generation: u32,
    /// The server transaction while it lives.
    pub(super) server: Option<TxnId>,
    /// The request was made here: its final reply is told in place of being sent.
    pub(super) is_local: bool,
    /// The branch that stands for a suspended run (`t_suspend()`).
    pub(super) suspended: Option<u8>,
    /// What this transaction does otherwise than the settings say.
    pub(super) overrides: Overrides,
    /// What its replies show of From and To.
    pub(super) original: Option<Box<Original>>,
    /// The request as received.
    pub(super) request: Bytes,
    /// Where it came from.
    pub(super) origin: Origin,
    /// Where replies go, and our socket it came in by.
    pub(super) reply_to: Hop,
    /// When it was made.
    pub(super) created: Time,
    /// Its method.
    pub(super) method: Method,
    /// How far it is.
    pub(super) phase: Phase,
    /// The caller cancelled it.
    pub(super) is_canceled: bool,
    /// Last status sent upstream, provisional or final; 0 before.
    pub(super) sent_status: u16,
    /// The state of each branch in the race.
    pub(super) legs: Legs,
    /// What else is known of each branch, same order.
    pub(super) branches: SmallVec<[Branch; 1]>,
    /// First branch of the set added last.
    pub(super) last_set: usize,
    /// What the failure route that runs wants of earlier replies, in place of the settings.
    pub(super) failure_replies: Option<FailureReplies>,
    /// Routes armed for branches to come.
    pub(super) armed: Armed,
    /// Timers of branches to come.
    pub(super) timers: Timers,
    /// Second half of the branch parameter, the same for all branches.
    pub(super) discriminator: u64,
    /// Message flags of the request.
    pub flags: u32,
    /// Its replies and its end are told.
    pub(super) is_watched: bool,
    /// What the ACK to a 2xx made here is found by; `None` for other replies.
    pub(super) own_answer: Option<u64>,
}

/// What one transaction does otherwise than the settings say.
#[derive(Clone, Copy, Debug, Default)]
pub struct Overrides {
    /// `t_set_disable_6xx()`
    pub on_global_failure: Option<OnGlobalFailure>,
    /// `t_set_disable_failover()`
    pub failover: Option<bool>,
    /// `t_set_no_e2e_cancel_reason()`
    pub caller_cancel_reason: Option<bool>,
    /// `t_set_disable_internal_reply()`: whether a failed relay is answered when the script does not.
    pub error_reply: Option<bool>,
}

/// How far a response context is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Branches run, or none were made yet.
    Running,
    /// A failure route decides; `picked` is the branch that had the best reply.
    Deciding {
        /// Branch with the best reply.
        picked: u8,
        /// Number of branches before the route ran.
        branches: u8,
    },
    /// A final reply went upstream.
    Answered,
}

/// One branch.
#[derive(Debug)]
pub struct Branch {
    /// Its client transaction while it lives.
    pub(super) client: Option<TxnId>,
    /// Where it went.
    pub(super) hop: Hop,
    /// Places to try when this one fails.
    pub(super) others: Places,
    /// The request as sent, kept while there are such places.
    pub(super) sent: Bytes,
    /// The best negative reply as it would go upstream; `None` for a faked status.
    pub(super) reply: Option<Bytes>,
    /// Runs for each reply.
    pub(super) on_reply: RouteSlot,
    /// Runs when this branch had the best reply.
    pub(super) on_failure: RouteSlot,
    /// Runs for each negative reply.
    pub(super) on_branch_failure: RouteSlot,
    /// A CANCEL was asked for.
    pub(super) is_canceled: bool,
    /// What it was made of.
    pub(super) target: Box<Target>,
}

impl Context {
    /// The request as received.
    pub fn request(&self) -> &Bytes {
        &self.request
    }

    /// Where it came from.
    pub fn origin(&self) -> Origin {
        self.origin
    }

    /// Where its replies go, and the socket it came in by.
    pub fn reply_to(&self) -> Hop {
        self.reply_to
    }

    /// The method of the request.
    pub fn method(&self) -> Method {
        self.method
    }

    /// Timers of its branches to come.
    pub fn timers(&self) -> Timers {
        self.timers
    }

    /// What it does otherwise than the settings say.
    pub fn overrides(&self) -> Overrides {
        self.overrides
    }

    /// What it does otherwise than the settings say, for changes.
    pub fn overrides_mut(&mut self) -> &mut Overrides {
        &mut self.overrides
    }

    /// What its replies show of From and To, when not what comes back.
    pub fn original(&self) -> Option<&Original> {
        self.original.as_deref()
    }

    /// The same, to change.
    pub fn original_mut(&mut self) -> &mut Original {
        self.original.get_or_insert_default()
    }

    /// True while a suspended run will go on.
    pub fn is_suspended(&self) -> bool {
        self.suspended.is_some()
    }

    /// Keeps the replies of its branches from going upstream (`t_replicate()`).
    pub fn absorb_replies(&mut self) {
        self.is_local = true;
    }

    /// True for a request made here.
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// True when its replies and its end are told.
    pub fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// When it was made.
    pub fn created(&self) -> Time {
        self.created
    }

    /// True when the caller has cancelled it.
    pub fn is_canceled(&self) -> bool {
        self.is_canceled
    }

    /// True when it has lived as long as it may.
    pub fn is_expired(&self, now: Time) -> bool {
        let lifetime = self.timers.lifetime;
        lifetime != Millis::MAX && now - self.created >= lifetime.duration()
    }

    /// Last status sent upstream, 0 before the first.
    pub fn sent_status(&self) -> u16 {
        self.sent_status
    }

    /// The state of its branches.
    pub fn legs(&self) -> &Legs {
        &self.legs
    }

    /// Its branches, in order.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// Routes armed for branches to come.
    pub fn armed_mut(&mut self) -> &mut Armed {
        &mut self.armed
    }

    /// What becomes of earlier replies after the failure route that runs.
    pub fn set_failure_replies(&mut self, rule: FailureReplies) {
        self.failure_replies = Some(rule);
    }

    /// True when a route is armed that may run later.
    pub fn has_routes(&self) -> bool {
        let is_armed = |slots: [RouteSlot; 3]| slots.into_iter().any(RouteSlot::is_armed);
        self.suspended.is_some()
            || self.armed.runs_later()
            || self.branches.iter().any(|it| is_armed([it.on_reply, it.on_failure, it.on_branch_failure]))
    }

    /// True until a final reply went upstream.
    pub fn is_running(&self) -> bool {
        self.phase != Phase::Answered
    }

    /// The branch a failure route was started for.
    pub fn picked(&self) -> Option<usize> {
        match self.phase {
            Phase::Deciding { picked, .. } => Some(usize::from(picked)),
            Phase::Running | Phase::Answered => None,
        }
    }
}

impl Branch {
    /// The target it was made of.
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// Where it went.
    pub fn hop(&self) -> Hop {
        self.hop
    }

    /// Its stored negative reply as it would go upstream; `None` before, and when the status was made here.
    pub fn reply(&self) -> Option<&Bytes> {
        self.reply.as_ref()
    }

    /// The reply route armed when it was made.
    pub fn on_reply(&self) -> RouteSlot {
        self.on_reply
    }

    /// True when a CANCEL was asked for.
    pub fn is_canceled(&self) -> bool {
        self.is_canceled
    }
}
