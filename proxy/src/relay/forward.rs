//! Branches: making the client transactions of a response context (RFC 3261 16.6 items 8 to 11).

use bytes::Bytes;
use sip::time::Time;
use sip::txn::{Hop, Input, NewClient, Refused, Timers};

use super::branch::BranchParam;
use super::context::{Branch, Phase};
use super::machine::{Relay, pack};
use super::{Armed, Places, RelayId, Target};

/// A branch about to be opened: the request is written already.
#[derive(Debug)]
pub struct NewBranch {
    /// The request as it goes out, with the Via of [`Relay::next_branch_param`].
    pub request: Bytes,
    /// Where it goes and by which socket.
    pub hop: Hop,
    /// What it was made of.
    pub target: Target,
    /// Routes for its replies and failure.
    pub armed: Armed,
    /// Places to try when this one fails.
    pub others: Places,
}

/// Why a branch was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BranchRefused {
    /// There is no such context any more.
    Gone,
    /// The call was cancelled or answered.
    Over,
    /// It has as many branches as it may.
    TooMany,
    /// The transaction table is full.
    Full,
}

impl Relay {
    /// The branch parameter of the next branch of this context.
    pub fn next_branch_param(&self, id: RelayId) -> Option<BranchParam> {
        let context = self.context(id)?;
        Some(BranchParam::new(context.discriminator, id.slot, context.branches.len() as u8))
    }

    /// Marks the begin of a set of branches: what [`super::FailureReplies::DropLast`] means by "last".
    pub fn begin_set(&mut self, id: RelayId) {
        if let Some(context) = self.context_mut(id) {
            context.last_set = context.branches.len();
        }
    }

    /// Whether this context can take a further branch.
    pub fn check_branch(&self, id: RelayId) -> Result<(), BranchRefused> {
        let context = self.context(id).ok_or(BranchRefused::Gone)?;
        if context.is_canceled || context.phase == Phase::Answered {
            return Err(BranchRefused::Over);
        }
        if context.branches.len() >= self.settings.max_branches {
            return Err(BranchRefused::TooMany);
        }
        Ok(())
    }

    /// Opens a branch and sends its request. Gives its index.
    pub fn open_branch(&mut self, now: Time, id: RelayId, new: NewBranch) -> Result<u8, BranchRefused> {
        self.check_branch(id)?;
        let param = self.next_branch_param(id).ok_or(BranchRefused::Gone)?;
        let context = self.context_mut(id).ok_or(BranchRefused::Gone)?;
        let index = context.legs.add() as u8;
        let timers = context.timers;
        let method = new.request.slice(..memchr::memchr(b' ', &new.request).unwrap_or(0));
        context.branches.push(Branch {
            client: None,
            hop: new.hop,
            sent: if new.others.is_empty() { Bytes::new() } else { new.request.clone() },
            others: new.others,
            reply: None,
            on_reply: new.armed.reply,
            on_failure: new.armed.failure,
            on_branch_failure: new.armed.branch_failure,
            is_canceled: false,
            target: Box::new(new.target),
        });
        let client = NewClient {
            request: new.request,
            branch: param.as_bytes(),
            method: &method,
            hop: new.hop,
            owner: pack(id, index),
            timers,
        };
        let opened = self.table.open_client(now, client, &mut self.outputs);
        let refused = self.adopt(id, index, opened);
        self.settle(now);
        refused.map(|()| index)
    }

    /// Adds a branch that could not be sent, with this status as its result.
    pub fn add_failed_branch(&mut self, id: RelayId, target: Target, status: u16) {
        let Some(context) = self.context_mut(id) else { return };
        let branch = context.legs.add();
        context.branches.push(Branch {
            client: None,
            hop: context.reply_to,
            sent: Bytes::new(),
            others: Places::new(),
            reply: None,
            on_reply: Default::default(),
            on_failure: context.armed.failure,
            on_branch_failure: Default::default(),
            is_canceled: false,
            target: Box::new(target),
        });
        context.legs.fake(branch, status);
    }

    /// New timers for this context: for its branches and those to come.
    pub fn retime(&mut self, now: Time, id: RelayId, timers: Timers) {
        let Some(context) = self.context_mut(id) else { return };
        context.timers = timers;
        let clients: Vec<_> = context.branches.iter().filter_map(|branch| branch.client).collect();
        for txn in clients {
            self.drive(now, Input::Retime { txn, timers });
        }
    }

    /// Records the client transaction of a new branch, or takes the branch out again.
    fn adopt(
        &mut self,
        id: RelayId,
        index: u8,
        opened: Result<sip::txn::TxnId, Refused>,
    ) -> Result<(), BranchRefused> {
        let is_open = opened.is_ok();
        if let Some(branch) =
            self.context_mut(id).and_then(|context| context.branches.get_mut(usize::from(index)))
        {
            branch.client = opened.ok();
        }
        if is_open {
            self.counters.client_transactions += 1;
            return Ok(());
        }
        if let Some(context) = self.context_mut(id) {
            context.legs.fake(usize::from(index), 500);
        }
        Err(BranchRefused::Full)
    }
}
