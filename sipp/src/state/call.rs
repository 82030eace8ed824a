//! The memory of one call: identity, position, dialog, last message, variables, injection lines.
//!
//! Kept small on purpose: a hundred thousand of them are open at once. What only some scenarios use sits
//! behind a pointer.

use std::net::SocketAddr;

use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::circuits::Circuit;
use super::messages::LastMessage;
use super::ports::CallMedia;
use super::vars::Vars;

/// Number of a call, from 1, in order of creation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallNumber(pub u64);

/// A user of `-users`, from 1; 0 stands for "no user".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UserId(pub u32);

/// Position of a message in a scenario, from 0 in document order; the number of messages stands for "the end".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StepIndex(pub u16);

impl StepIndex {
    /// The position as an index into the steps.
    pub fn get(self) -> usize {
        usize::from(self.0)
    }

    /// The message after this one.
    pub fn following(self) -> StepIndex {
        StepIndex(self.0.saturating_add(1))
    }
}

/// What one call remembers and keywords and actions may read or change.
#[derive(Clone, Debug)]
pub struct CallState {
    /// The Call-ID.
    pub id: Box<[u8]>,
    /// The call number.
    pub number: CallNumber,
    /// The user that owns the call.
    pub user: UserId,
    /// The message the call stands on.
    pub step: StepIndex,
    /// When the call was created.
    pub created: Time,
    /// The number `[cseq]` prints.
    pub cseq: u32,
    /// What is kept of the last received message.
    pub last: LastMessage,
    /// `;tag=...` of the last response's To; empty before the first.
    pub peer_tag: Box<[u8]>,
    /// Where this call's messages go; `None` until the first message of an incoming call.
    pub peer: Option<Peer>,
    /// A destination that `setdest` gave by a name that is still being looked up.
    pub unresolved: Option<Box<Unresolved>>,
    /// Its circuit of `-tdmmap`.
    pub circuit: Option<Circuit>,
    /// Where the call's own socket or connection is bound; `None` when it uses the common one.
    pub own: Option<Box<SocketAddr>>,
    /// Route set and remote target, once a message with `rrs` recorded them.
    pub dialog: Option<Box<Dialog>>,
    /// The stored challenge of a 401 or 407.
    pub challenge: Option<Box<Challenge>>,
    /// Local variables.
    pub vars: Vars,
    /// The line of each injection file this call uses; `u32::MAX` when it has none.
    pub lines: Box<[u32]>,
    /// Where its media goes; only where the scenario plays any.
    pub media: Option<Box<CallMedia>>,
    /// Changes of position that an action asked for.
    pub pending: Pending,
}

/// Route set and remote target of a dialog (RFC 3261 12.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialog {
    /// Values of the Route header, joined by `, `, in the order they are sent.
    pub routes: Box<[u8]>,
    /// URI of the remote target.
    pub target: Box<[u8]>,
}

/// Where a call's messages shall go once the address of the host is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// Transport.
    pub transport: Transport,
    /// Name of the host.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// A challenge waiting to be answered by `[authentication]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Values of the challenge headers as received.
    pub values: Box<[Box<[u8]>]>,
    /// 401 or 407.
    pub status: u16,
    /// How often the nonce has been used.
    pub nonce_count: u32,
}

/// What the actions of a message asked the call to do once all of them ran.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Continue at this message.
    pub jump: Option<StepIndex>,
    /// Let the current or next pause end at this moment.
    pub pause_until: Option<Time>,
    /// Let the shell see to the call's connection before the next message is written, which names its port.
    pub reconnects: bool,
}

impl CallState {
    /// A fresh call. `vars`: number of local variables.
    pub fn new(number: CallNumber, id: impl Into<Box<[u8]>>, created: Time, vars: usize) -> CallState {
        CallState {
            id: id.into(),
            number,
            user: UserId::default(),
            step: StepIndex::default(),
            created,
            cseq: 1,
            last: LastMessage::default(),
            peer_tag: Box::default(),
            peer: None,
            unresolved: None,
            circuit: None,
            own: None,
            dialog: None,
            challenge: None,
            vars: Vars::new(vars),
            lines: Box::default(),
            media: None,
            pending: Pending::default(),
        }
    }
}
