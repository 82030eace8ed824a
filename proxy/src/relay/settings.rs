//! What an operator sets for all relays: timers and rules, one value (the parameters of module tm).

use sip::txn::{Millis, Timers};

use super::{BlockRules, On100, OnGlobalFailure, cancel::Unreplied};

/// What happens to earlier replies when a failure route adds branches (`failure_reply_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailureReplies {
    /// 0: they stay and may win.
    Keep,
    /// 1: they are dropped in any case.
    Drop,
    /// 2: those of the last set of branches are dropped.
    DropLast,
    /// 3: they are dropped when branches were added.
    #[default]
    DropIfForked,
}

/// What becomes of a CANCEL whose INVITE is not here (`unmatched_cancel`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UnmatchedCancel {
    /// 0: it is relayed with a transaction, as any request.
    #[default]
    Relay,
    /// 1: it is forwarded without one.
    Forward,
    /// 2: it goes nowhere.
    Drop,
}

/// Where the ACK to a 2xx goes whose INVITE was made here (`local_ack_mode`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AckTo {
    /// 0: to the first route of the dialog, else to the remote target (RFC 3261 13.2.2.4).
    #[default]
    RemoteTarget,
    /// 1: where the INVITE went.
    Invited,
    /// 2: where the 2xx came from.
    Answerer,
}

/// Settings of the relay.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Timers of INVITE transactions.
    pub invite: Timers,
    /// Timers of other transactions.
    pub non_invite: Timers,
    /// Whether an INVITE is answered with 100 when it is relayed.
    pub auto_100: bool,
    /// The reason phrase of that 100.
    pub reason_100: Box<str>,
    /// Received 100s.
    pub on_100: On100,
    /// 6xx replies.
    pub on_global_failure: OnGlobalFailure,
    /// Unreplied branches of a cancelled call.
    pub unreplied: Unreplied,
    /// Earlier replies when a failure route forks.
    pub failure_replies: FailureReplies,
    /// Added to the priority number of faked replies.
    pub faked_priority: u32,
    /// Whether a winning 503 goes upstream as 500.
    pub remap_503: bool,
    /// Whether CANCELs made here carry a Reason.
    pub local_cancel_reason: bool,
    /// Whether Reason lines of a received CANCEL are copied to ours.
    pub caller_cancel_reason: bool,
    /// Whether challenges of several branches are merged into one 401 or 407 (RFC 3261 16.7 step 7).
    pub merge_challenges: bool,
    /// Whether an INVITE to one place that nobody answers ends without a word (tm parameter `noisy_ctimer` 0).
    pub silent_timeout: bool,
    /// What becomes of a CANCEL without its INVITE.
    pub unmatched_cancel: UnmatchedCancel,
    /// Whether the next place of a target is tried when one fails (core parameter `use_dns_failover`).
    pub failover: bool,
    /// Further statuses that make the next place be tried; 503 always does.
    pub failover_codes: Box<[u16]>,
    /// Places that are left alone.
    pub blocking: BlockRules,
    /// Fields of a sent INVITE whose names begin with this go into its CANCEL and ACK too (`ac_extra_hdrs`).
    pub copied_headers: Box<[u8]>,
    /// The reply route that runs for replies without a transaction; empty for none (`on_sl_reply`).
    pub on_stray_reply: Box<str>,
    /// Where ACKs to a 2xx go.
    pub ack_to: AckTo,
    /// Whether a relay that sent nothing runs the failure route (`failure_exec_mode`).
    pub fails_unsent: bool,
    /// Whether the next place is tried by the socket the request came in by (`dns_reuse_rcv_socket`).
    pub keeps_socket: bool,
    /// What a 3xx made here says beside URIs, bits: 1 branch flags, 2 Path (`rich_redirect`).
    pub rich_redirect: u8,
    /// Branches one transaction may have in all.
    pub max_branches: usize,
    /// Server transactions alive at a time.
    pub max_transactions: usize,
}

impl Default for Settings {
    /// Kamailio 5.6 defaults.
    fn default() -> Settings {
        let base = Timers {
            final_response: Millis(30_000),
            after_provisional: Millis(120_000),
            linger: Millis(5000),
            lifetime: Millis(180_000),
            longest_a: Millis(4000),
            ..Timers::of(Millis(500), Millis(4000), Millis(5000))
        };
        Settings {
            invite: base,
            non_invite: Timers { lifetime: Millis(32_000), ..base },
            auto_100: true,
            reason_100: "trying -- your call is important to us".into(),
            on_100: On100::Absorb,
            on_global_failure: OnGlobalFailure::CancelOthers,
            unreplied: Unreplied::KeepSending,
            failure_replies: FailureReplies::DropIfForked,
            faked_priority: 0,
            remap_503: true,
            local_cancel_reason: true,
            caller_cancel_reason: true,
            merge_challenges: true,
            silent_timeout: false,
            unmatched_cancel: UnmatchedCancel::Relay,
            failover: false,
            failover_codes: Box::default(),
            blocking: BlockRules::default(),
            copied_headers: Box::default(),
            on_stray_reply: Box::default(),
            ack_to: AckTo::default(),
            fails_unsent: false,
            keeps_socket: false,
            rich_redirect: 0,
            max_branches: 12,
            max_transactions: 1_000_000,
        }
    }
}
