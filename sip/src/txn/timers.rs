//! Timer lengths as a value, and the timers A to M by name (RFC 3261 17, table 4; RFC 6026 7).
//!
//! A value per transaction, never a global: a script may change them for one transaction, a test runs two sets
//! side by side. The overrides besides T1, T2 and T4 are those a proxy's operator sets.

use std::time::Duration;

use crate::peer::Transport;
use crate::time::Time;

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
    /// Which provisional replies start C anew.
    pub restart: Restart,
    /// The longest interval of timer A. RFC: there is none (17.1.1.2).
    pub longest_a: Millis,
}

/// Which provisional replies to INVITE start timer C anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Restart {
    /// Each but 100 is what RFC 3261 16.7 item 2 asks; here 100 too.
    #[default]
    Each,
    /// The first, and later ones from 180 on with a higher status than all before.
    Higher,
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
            restart: Restart::Each,
            longest_a: Millis::MAX,
        }
    }

    /// How long a timer runs over this transport; zero where RFC 3261 lets a reliable transport skip the wait.
    pub(super) fn length(&self, timer: Timer, transport: Transport) -> Millis {
        let on_datagrams = |span| if transport.is_reliable() { Millis(0) } else { span };
        let linger = |span: Millis| span.min(self.linger);
        match timer {
            Timer::A | Timer::E | Timer::G => self.t1,
            Timer::B | Timer::F => self.final_response,
            Timer::C => self.after_provisional,
            Timer::D => linger(on_datagrams(self.t1.times(64).max(Millis(32_000)))),
            Timer::H | Timer::L | Timer::M => linger(self.t1.times(64)),
            Timer::I | Timer::K => linger(on_datagrams(self.t4)),
            Timer::J => linger(on_datagrams(self.t1.times(64))),
            Timer::Lifetime => self.lifetime,
        }
    }
}

impl Timer {
    /// True when it ends a transaction that has had its final reply.
    pub(super) fn is_lingering(self) -> bool {
        use Timer::{D, H, I, J, K, L, M};
        matches!(self, D | H | I | J | K | L | M)
    }
}

/// The two timers a machine may have running: one that sends again, one that ends the state.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// When to send again; [`NEVER`] when not.
    resend_at: Time,
    /// When the state ends.
    end_at: Time,
    /// The interval that leads to `resend_at`.
    interval: Millis,
    /// Which timer sends again.
    resend: Timer,
    /// Which timer ends the state.
    end: Timer,
}

impl Clock {
    /// Nothing runs.
    pub(super) const STOPPED: Clock = Clock {
        resend_at: NEVER,
        end_at: NEVER,
        interval: Millis(0),
        resend: Timer::A,
        end: Timer::Lifetime,
    };

    /// When the next timer fires.
    pub(super) fn next_deadline(&self) -> Option<Time> {
        Some(self.resend_at.min(self.end_at)).filter(|deadline| *deadline != NEVER)
    }

    /// Takes a timer that is due. The end goes first: what is over is not sent again.
    pub(super) fn take_due(&mut self, now: Time) -> Option<Timer> {
        if self.end_at <= now {
            self.end_at = NEVER;
            return Some(self.end);
        }
        if self.resend_at <= now {
            self.resend_at = NEVER;
            return Some(self.resend);
        }
        None
    }

    /// Sends again from now on after `interval`.
    pub(super) fn start_resend(&mut self, timer: Timer, now: Time, interval: Millis) {
        (self.resend, self.interval, self.resend_at) = (timer, interval, now + interval.duration());
    }

    /// Sends again after twice the last interval, but no more than `longest`.
    pub(super) fn double_resend(&mut self, now: Time, longest: Millis) {
        self.start_resend(self.resend, now, self.interval.times(2).min(longest));
    }

    /// Nothing is sent again.
    pub(super) fn stop_resend(&mut self) {
        self.resend_at = NEVER;
    }

    /// The state ends at `at` by `timer`; whatever was to end it before is forgotten.
    pub(super) fn end_at(&mut self, timer: Timer, at: Time) {
        (self.end, self.end_at) = (timer, at);
    }

    /// The timer that is to end the state.
    pub(super) fn end(&self) -> Timer {
        self.end
    }
}

/// A deadline that never comes.
pub(super) const NEVER: Time = Time::from_nanos(u64::MAX);

#[cfg(test)]
mod tests {
    use super::{Millis, Timer, Timers};
    use crate::peer::Transport::{Tcp, Udp};

    /// RFC 3261 table 4 and RFC 6026 with the default T1, T2, T4.
    #[test]
    fn lengths_are_those_of_table_4() {
        let rows = [
            (Timer::A, 500, 500),
            (Timer::B, 32_000, 32_000),
            (Timer::C, 181_000, 181_000),
            (Timer::D, 32_000, 0),
            (Timer::E, 500, 500),
            (Timer::F, 32_000, 32_000),
            (Timer::G, 500, 500),
            (Timer::H, 32_000, 32_000),
            (Timer::I, 5_000, 0),
            (Timer::J, 32_000, 0),
            (Timer::K, 5_000, 0),
            (Timer::L, 32_000, 32_000),
            (Timer::M, 32_000, 32_000),
        ];
        let timers = Timers::default();
        for (timer, udp, tcp) in rows {
            assert_eq!(timers.length(timer, Udp), Millis(udp), "{timer:?} over UDP");
            assert_eq!(timers.length(timer, Tcp), Millis(tcp), "{timer:?} over TCP");
        }
    }

    #[test]
    fn linger_cuts_only_what_absorbs_retransmissions() {
        let timers = Timers { linger: Millis(1_000), ..Timers::default() };
        for timer in [Timer::D, Timer::H, Timer::I, Timer::J, Timer::K, Timer::L, Timer::M] {
            assert_eq!(timers.length(timer, Udp), Millis(1_000), "{timer:?}");
        }
        assert_eq!(timers.length(Timer::B, Udp), Millis(32_000));
    }
}
