//! Cancelling branches (RFC 3261 16.10): for the caller, for an answer elsewhere, for the script.

use bytes::Bytes;
use sip::msg::{Message, Method};
use sip::time::Time;
use sip::txn::{Hop, Input, NewServer, Owner, TxnId, Unanswered};

use super::cancel::{self, Action, Cause};
use super::context::Phase;
use super::machine::Relay;
use super::reply::{self, LocalReply, Origin, TagStyle};
use super::{RelayId, Verdict};

/// What became of a caller's CANCEL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cancelled {
    /// Branches are being cancelled: answer the CANCEL with `200 canceling`.
    Pending,
    /// There was nothing to cancel: answer with `200 ok -- no more pending branches`.
    NothingPending,
}

impl Relay {
    /// The caller cancelled. `reasons`: the Reason lines of its CANCEL, each with its CRLF.
    ///
    /// CANCELs downstream are queued before this returns; the INVITE is answered here only when it has no
    /// branches.
    pub fn cancel(&mut self, now: Time, id: RelayId, reasons: Bytes) -> Cancelled {
        let by_settings = self.settings.caller_cancel_reason;
        let Some(context) = self.context_mut(id) else { return Cancelled::NothingPending };
        if context.phase == Phase::Answered || context.method != Method::Invite {
            return Cancelled::NothingPending;
        }
        context.is_canceled = true;
        if context.branches.is_empty() {
            self.answer_locally(now, id, 487, "Request canceled");
            return Cancelled::NothingPending;
        }
        let is_pending = context.legs.are_pending();
        let copies = context.overrides.caller_cancel_reason.unwrap_or(by_settings);
        let reasons = if copies { reasons } else { Bytes::new() };
        self.cancel_branches(now, id, &Cause::Caller(reasons), None);
        if is_pending { Cancelled::Pending } else { Cancelled::NothingPending }
    }

    /// Answers a CANCEL, in a transaction of its own so that its retransmissions are answered too (9.2).
    pub fn answer_cancel(&mut self, now: Time, cancel: &Message, from: (Origin, Hop), outcome: Cancelled) {
        let reason: &[u8] = match outcome {
            Cancelled::Pending => b"canceling",
            Cancelled::NothingPending => b"ok -- no more pending branches",
        };
        let wanted = LocalReply {
            status: 200,
            reason,
            lines: b"",
            body: b"",
            tag: TagStyle::Stateful,
            last_lines: b"",
        };
        let (origin, reply_to) = from;
        let Some(bytes) = reply::write(cancel.view(), origin, &self.signature, &wanted) else { return };
        let server =
            NewServer { request: cancel.view(), reply_to, owner: NOBODY, timers: self.settings.non_invite };
        match self.table.open_server(now, server) {
            Ok(txn) => self.drive(now, Input::Reply { txn, status: 200, bytes }),
            Err(_) => self.send(reply_to, bytes),
        }
    }

    /// Cancels all branches that still run, but not `except`.
    pub fn cancel_branches(&mut self, now: Time, id: RelayId, cause: &Cause, except: Option<u8>) {
        let unreplied = self.settings.unreplied;
        let Some(context) = self.context(id).filter(|context| context.method == Method::Invite) else {
            return;
        };
        let planned: Vec<(u8, Option<TxnId>, Action)> = context
            .legs
            .as_slice()
            .iter()
            .zip(&context.branches)
            .zip(0u8..)
            .filter(|((_, branch), at)| Some(*at) != except && !branch.is_canceled)
            .map(|((leg, branch), at)| (at, branch.client, cancel::action(*leg, cause, unreplied)))
            .filter(|(_, _, action)| *action != Action::Nothing)
            .collect();
        let mut has_ended = false;
        for (at, client, action) in planned {
            if let Some(branch) =
                self.context_mut(id).and_then(|context| context.branches.get_mut(usize::from(at)))
            {
                branch.is_canceled = true;
            }
            let reason = self.reason(cause, action);
            let unanswered = match action {
                Action::WaitSilently => Unanswered::StopSending,
                Action::Now | Action::WaitSending | Action::Nothing => Unanswered::KeepSending,
                Action::Fake487 => {
                    has_ended |= self.fake_487(id, at);
                    Unanswered::StopSending
                }
            };
            if let Some(txn) = client {
                self.drive(now, Input::Cancel { txn, headers: reason, unanswered });
            }
        }
        if has_ended {
            self.conclude(now, id);
        }
    }

    /// Cancels one branch, if it runs.
    pub fn cancel_branch(&mut self, now: Time, id: RelayId, branch: u8) {
        let client = self.context_mut(id).and_then(|context| {
            let branch = context.branches.get_mut(usize::from(branch))?;
            branch.is_canceled = true;
            branch.client
        });
        if let Some(txn) = client {
            self.cancel_client(now, txn, Bytes::new());
        }
    }

    /// Sends a CANCEL on one client transaction.
    pub(super) fn cancel_client(&mut self, now: Time, txn: TxnId, headers: Bytes) {
        self.drive(now, Input::Cancel { txn, headers, unanswered: Unanswered::StopSending });
    }

    fn reason(&self, cause: &Cause, action: Action) -> Bytes {
        let is_ours = !matches!(cause, Cause::Caller(_));
        if is_ours && !self.settings.local_cancel_reason {
            Bytes::new()
        } else {
            cancel::reason(cause, action)
        }
    }

    fn fake_487(&mut self, id: RelayId, branch: u8) -> bool {
        self.context_mut(id)
            .is_some_and(|context| context.legs.fake(usize::from(branch), 487) != Verdict::Drop)
    }
}

/// The owner number of transactions whose outputs nobody waits for.
const NOBODY: Owner = Owner(u64::MAX);
