//! The relay: what RFC 3261 16 asks of a proxy, without any script.
//!
//! Messages and decisions come in, branches, replies and events go out. It never runs a script: when a
//! route may have a say, an event is emitted, the shell runs the route and hands the result back.
//! Sections: targets 16.5, branch 16.6, collect 16.7, cancel 16.10, stateless 16.11, route 16.4 and 16.12.

mod abandon;
mod blocklist;
pub mod branch;
pub mod cancel;
mod collect;
mod context;
pub mod error;
mod exchange;
mod failover;
mod forward;
pub mod hop;
pub mod local;
mod loops;
mod machine;
pub mod record_route;
mod relaying;
pub mod reply;
mod respond;
pub mod route;
mod settings;
mod socket;
mod suspend;
mod targets;
#[cfg(test)]
mod tests;

pub use abandon::Cancelled;
pub use blocklist::{BlockReply, BlockRules, Blocklist, method_bit};
pub use collect::{Leg, Legs, On100, OnGlobalFailure, Verdict, priority};
pub use context::{Branch, Context, Overrides};
pub use error::RelayError;
pub use exchange::{Arrival, Counters, Event, NewContext, ReplyArrival, STATELESS_CODES, Sending};
pub use failover::{Places, Wish};
pub use forward::{BranchRefused, NewBranch};
pub use hop::NextHop;
pub use machine::Relay;
pub use relaying::{Original, Relaying, Stored};
pub use reply::{LocalReply, Origin, Signature, TagStyle, ViaHost};
pub use respond::{AskAboutReplies, BranchReply};
pub use settings::{AckTo, FailureReplies, Settings, UnmatchedCancel};
pub use sip::txn::{ConnUse, Hop, Millis, Refused, Restart, Timers};
pub use socket::{Alias, SendRules, Socket, SocketId, Sockets, SourceTowards, Subdomains};
pub use targets::{Target, Targets, TooManyBranches};

/// A transaction the relay keeps state for: position in its table, and how often the position was used
/// before, so that a late event never reaches a successor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RelayId {
    /// Position in the table.
    pub slot: u32,
    /// Counts the transactions that had this position.
    pub generation: u32,
}

/// A script route the relay remembers for its owner without knowing what it is; 0 is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RouteSlot(pub u16);

impl RouteSlot {
    /// True when a route is armed.
    pub fn is_armed(self) -> bool {
        self.0 != 0
    }
}

/// The routes armed for branches created from now on (`t_on_branch`, `t_on_reply`, ...).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Armed {
    /// Runs for each branch before it is sent; the next relay consumes it.
    pub branch: RouteSlot,
    /// Runs for each reply.
    pub reply: RouteSlot,
    /// Runs when all branches have failed; cleared before it runs.
    pub failure: RouteSlot,
    /// Runs for each negative reply of a branch.
    pub branch_failure: RouteSlot,
}

impl Armed {
    /// True when a route is armed that runs after the request was sent.
    pub fn runs_later(self) -> bool {
        [self.reply, self.failure, self.branch_failure].into_iter().any(RouteSlot::is_armed)
    }
}
