//! What goes in and out of the machine: requests and replies as they are found to be, what a context starts from,
//! events and bytes to send, and what was counted.

use bytes::Bytes;
use sip::msg::Message;
use sip::peer::Peer;
use sip::txn::{Hop, Timers, TxnId};

use super::{Armed, Origin, RelayId, RouteSlot};

/// Something the shell must run a route for, or must know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Run this route for a branch that got a negative reply, then call [`super::Relay::after_branch_failure`].
    BranchFailure {
        /// The response context.
        id: RelayId,
        /// The branch.
        branch: u8,
        /// The route.
        route: RouteSlot,
    },
    /// Run this route, since all branches have failed, then call [`super::Relay::after_failure`].
    Failure {
        /// The response context.
        id: RelayId,
        /// The branch with the best reply.
        branch: u8,
        /// The route.
        route: RouteSlot,
    },
    /// A request made here has its final reply. A 2xx to INVITE comes again each time it is received.
    Answered {
        /// The response context.
        id: RelayId,
        /// The status.
        status: u16,
        /// The reply without our Via; `None` when the status was made here.
        reply: Option<Bytes>,
        /// Where it came from.
        source: Option<Peer>,
    },
    /// A reply goes upstream on a watched context.
    Replied {
        /// The response context.
        id: RelayId,
        /// The status.
        status: u16,
        /// The branch whose reply it is; `None` when it was made here.
        branch: Option<u8>,
        /// The reply without our Via; `None` when it was made here.
        received: Option<Bytes>,
    },
    /// A reply made here went upstream ([`super::Relay::tell_own_replies`]).
    OwnReply {
        /// The reply.
        bytes: Bytes,
    },
    /// A received reply would go upstream now: run the route for it, then call
    /// [`super::Relay::let_reply_leave`] or [`super::Relay::keep_reply`].
    ReplyLeaves {
        /// The response context.
        id: RelayId,
        /// The branch it is of.
        branch: u8,
        /// The status.
        status: u16,
        /// The reply as it would go upstream.
        bytes: Bytes,
    },
    /// The context is gone; what was kept beside it can go too.
    Ended {
        /// The response context.
        id: RelayId,
        /// It was watched.
        is_watched: bool,
    },
}

/// Bytes to send.
#[derive(Clone, Debug)]
pub struct Sending {
    /// Where to.
    pub hop: Hop,
    /// The whole message.
    pub bytes: Bytes,
    /// The transaction to tell when they cannot be sent.
    pub txn: Option<TxnId>,
    /// The same message for the places to try when they cannot be sent.
    pub others: Vec<(Hop, Bytes)>,
}

/// What a received request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// Dealt with: a retransmission, or the ACK to a negative reply.
    Absorbed,
    /// A new request.
    New,
    /// A request that has been here before, unchanged, more often than a script would want (16.3 item 4).
    Looping,
    /// A CANCEL for this context.
    CancelOf(RelayId),
    /// A CANCEL or ACK that fits nothing here.
    Stray,
}

/// What a received reply is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyArrival {
    /// Dealt with: a retransmission, or the reply to a CANCEL of ours.
    Absorbed,
    /// It belongs to no transaction.
    Stray,
    /// It belongs to a branch; continue with [`super::Relay::reply`].
    Branch {
        /// The response context.
        id: RelayId,
        /// The branch.
        branch: u8,
    },
}

/// What a response context starts from.
#[derive(Clone, Copy, Debug)]
pub struct NewContext<'a> {
    /// The request; its bytes are kept.
    pub request: &'a Message,
    /// Where it came from.
    pub origin: Origin,
    /// Where its replies go, and our socket it came in by.
    pub reply_to: Hop,
    /// Routes armed so far.
    pub armed: Armed,
    /// Message flags.
    pub flags: u32,
    /// Timers, `None` for those of the settings.
    pub timers: Option<Timers>,
}

/// The caller's side of a new context.
#[derive(Clone, Copy, Debug)]
pub(super) struct Side {
    /// The server transaction; `None` for a request made here.
    pub(super) server: Option<TxnId>,
    /// The request was made here.
    pub(super) is_local: bool,
    /// Timers of its branches.
    pub(super) timers: Timers,
}

/// What the relay counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Server transactions opened.
    pub server_transactions: u64,
    /// Transactions of requests made here.
    pub local_transactions: u64,
    /// Branches opened.
    pub client_transactions: u64,
    /// Replies received for branches.
    pub replies_received: u64,
    /// Replies sent upstream that were made here.
    pub replies_generated: u64,
    /// Replies sent upstream that were received.
    pub replies_relayed: u64,
    /// Final replies sent upstream, by class 2 to 6.
    pub finals: [u64; 5],
    /// Replies sent without state, by class; 7 stands for all others.
    pub stateless_replies: [u64; 8],
    /// Those with one of [`STATELESS_CODES`], in that order.
    pub stateless_codes: [u64; STATELESS_CODES.len()],
    /// ACKs to replies sent without state.
    pub own_acks: u64,
}

/// Statuses of replies sent without state that are counted one by one.
pub const STATELESS_CODES: [u16; 13] = [200, 202, 300, 301, 302, 400, 401, 403, 404, 407, 408, 483, 500];
