//! Timer lengths as a value, and the timers A to M by name (RFC 3261 17, table 4; RFC 6026 7).
//!
//! A value per transaction, never a global: a script may change them for one transaction, a test runs two sets
//! side by side. The overrides besides T1, T2 and T4 are those a proxy's operator sets.

use std::time::Duration;

/// Whole milliseconds, up to 49 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u32);

impl Millis {
    /// Longer than any transaction lives: "no limit".
    pub const MAX: Millis = Millis(u32::MAX);

    /// The same span of time.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.0 as u64)
    }

    /// This many times as long; no longer than [`Millis::MAX`].
    pub const fn times(self, factor: u32) -> Millis {
        Millis(self.0.saturating_mul(factor))
    }
}

/// The timers of the transaction machines. Some are one timer in two roles: A/E/G retransmit, B/F wait for a
/// final reply, all others end a transaction that only absorbs retransmissions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timer {
    /// INVITE request retransmission, UDP only: T1, doubling (17.1.1.2).
    A,
    /// INVITE transaction timeout: 64*T1 (17.1.1.2).
    B,
    /// Proxy: INVITE with provisional replies only: more than 3 minutes (16.6 item 11, 16.8).
    C,
    /// Wait for retransmissions of a final reply other than 2xx: at least 32 s on UDP, else 0 (17.1.1.2).
    D,
    /// Non-INVITE request retransmission, UDP only: T1, doubling up to T2 (17.1.2.2).
    E,
    /// Non-INVITE transaction timeout: 64*T1 (17.1.2.2).
    F,
    /// INVITE reply retransmission, UDP only: T1, doubling up to T2 (17.2.1).
    G,
    /// Wait for the ACK: 64*T1 (17.2.1).
    H,
    /// Wait for retransmissions of the ACK: T4 on UDP, else 0 (17.2.1).
    I,
    /// Wait for retransmissions of a non-INVITE request: 64*T1 on UDP, else 0 (17.2.2).
    J,
    /// Wait for retransmissions of a reply: T4 on UDP, else 0 (17.1.2.2).
    K,
    /// Wait for retransmissions of an accepted INVITE: 64*T1 (RFC 6026 7.1).
    L,
    /// Wait for further 2xx to INVITE: 64*T1 (RFC 6026 7.2).
    M,
    /// The longest life of a transaction without a final reply, whatever else happens; not in the RFC, an
    /// operator's guard.
    Lifetime,
}

/// Lengths of the timers of one transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timers {
    /// Estimated round trip time (17.1.1.1).
    pub t1: Millis,
    /// Longest interval between retransmissions (17.1.2.2).
    pub t2: Millis,
    /// Longest time a message stays in the network (17.1.2.2).
    pub t4: Millis,
    /// B and F: wait for a final reply, or for INVITE for any reply. RFC: 64*T1.
    pub final_response: Millis,
    /// C: wait after each provisional reply to INVITE (100 too). RFC: more than 3 minutes.
    pub after_provisional: Millis,
    /// Cuts D, H, I, J, K, L and M: the longest time a finished transaction stays to absorb retransmissions.
    pub linger: Millis,
    /// The longest life without a final reply.
    pub lifetime: Millis,
}

impl Default for Timers {
    /// The defaults of RFC 3261: T1 500 ms, T2 4 s, T4 5 s, all else from them, no limits of ours.
    fn default() -> Timers {
        Timers::of(Millis(500), Millis(4000), Millis(5000))
    }
}

impl Timers {
    /// All timers as RFC 3261 derives them from these three.
    pub const fn of(t1: Millis, t2: Millis, t4: Millis) -> Timers {
        Timers {
            t1,
            t2,
            t4,
            final_response: t1.times(64),
            after_provisional: Millis(181_000),
            linger: Millis::MAX,
            lifetime: Millis::MAX,
        }
    }
}
