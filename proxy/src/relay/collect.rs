//! Which reply goes upstream (RFC 3261 16.7), with Kamailio's priorities.
//!
//! [`Legs`] remembers the last status of each branch; a status goes in, a [`Verdict`] comes out. Replies
//! themselves, transactions and scripts are not seen here.

use smallvec::SmallVec;

/// What is known of one branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Leg {
    /// Last status received or faked; 0 before the first.
    pub status: u16,
    /// The status was made here (timeout, send failure), no reply came.
    pub is_faked: bool,
    /// A reply came before the one being processed.
    pub had_reply: bool,
    /// Out of the race: its reply was dropped by a failure route's new branches.
    pub is_dropped: bool,
}

impl Leg {
    /// True once a final status is there.
    pub fn is_final(self) -> bool {
        self.status >= 200
    }
}

/// The branches of one server transaction, in the order they were created.
#[derive(Clone, Debug, Default)]
pub struct Legs {
    legs: SmallVec<[Leg; 2]>,
    /// The final status sent upstream, 0 while there is none.
    answered: u16,
    was_6xx: bool,
}

/// What to do with a reply that came in on a branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Send it upstream now; nothing is decided by it (1xx, a further 2xx).
    Forward,
    /// Send it upstream now and end the other branches (2xx).
    Accept,
    /// Keep it, others are still running.
    Store,
    /// Keep it and cancel the others (6xx).
    StoreAndCancelOthers,
    /// All branches have ended; this one has the best reply.
    Complete(usize),
    /// Ignore it.
    Drop,
}

/// What a 6xx does to the other branches (tm parameter `disable_6xx_block`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnGlobalFailure {
    /// Cancel them, RFC 3261 16.7 step 5.
    CancelOthers,
    /// Treat it as any negative reply.
    Wait,
}

/// Whether a received 100 is relayed (tm parameter `relay_100`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On100 {
    /// It ends here, RFC 3261 16.7 step 5.
    Absorb,
    /// It goes upstream.
    Forward,
}

impl Legs {
    /// Adds a branch; its index is the number of branches before.
    pub fn add(&mut self) -> usize {
        self.legs.push(Leg::default());
        self.legs.len() - 1
    }

    /// Branches in order.
    pub fn as_slice(&self) -> &[Leg] {
        &self.legs
    }

    /// The final status that went upstream, 0 while there is none.
    pub fn answered(&self) -> u16 {
        self.answered
    }

    /// Records that a final reply went upstream.
    pub fn set_answered(&mut self, status: u16) {
        self.answered = status;
    }

    /// True while some branch has no final status.
    pub fn are_pending(&self) -> bool {
        self.legs.iter().any(|leg| !leg.is_final())
    }

    /// Takes a received reply into account. RFC 3261 16.7 steps 4 to 6.
    pub fn receive(&mut self, branch: usize, status: u16, rules: (OnGlobalFailure, On100)) -> Verdict {
        let Some(leg) = self.legs.get_mut(branch) else { return Verdict::Drop };
        let before = *leg;
        let is_success = (200..300).contains(&status);
        if before.is_final() {
            // A branch that has ended says nothing new, but each further 2xx must reach the caller (16.7 step 5).
            let is_further_success = is_success && (200..300).contains(&before.status);
            return if is_further_success { Verdict::Forward } else { Verdict::Drop };
        }
        leg.had_reply = before.status != 0;
        leg.status = status;
        leg.is_faked = false;
        if self.answered != 0 {
            return if is_success { Verdict::Forward } else { Verdict::Drop };
        }
        match status {
            0..=100 if rules.1 == On100::Absorb => Verdict::Drop,
            0..=199 => Verdict::Forward,
            200..=299 => {
                self.answered = status;
                Verdict::Accept
            }
            _ => self.refuse(status, rules.0),
        }
    }

    /// Ends a branch without a reply: 408 for a timeout, another code for a failed send.
    pub fn fake(&mut self, branch: usize, status: u16) -> Verdict {
        let Some(leg) = self.legs.get_mut(branch) else { return Verdict::Drop };
        if leg.is_final() {
            return Verdict::Drop;
        }
        leg.had_reply = leg.status != 0;
        leg.status = status;
        leg.is_faked = true;
        if self.answered != 0 {
            return Verdict::Drop;
        }
        self.refuse(status, OnGlobalFailure::Wait)
    }

    /// The branch whose final status is best: the lowest [`priority`], the earliest branch among equals.
    pub fn best(&self, faked_extra: u32) -> Option<usize> {
        let rank = |leg: &Leg| priority(leg.status) + if leg.is_faked { faked_extra } else { 0 };
        self.legs
            .iter()
            .enumerate()
            .filter(|(_, leg)| leg.is_final() && !leg.is_dropped)
            .min_by_key(|(_, leg)| rank(leg))
            .map(|(at, _)| at)
    }

    /// Takes the replies of the branches `from..to` out of the race.
    pub fn drop_replies(&mut self, range: std::ops::Range<usize>) {
        let end = range.end.min(self.legs.len());
        self.legs[range.start.min(end)..end].iter_mut().for_each(|leg| leg.is_dropped = true);
    }

    fn refuse(&mut self, status: u16, on_global: OnGlobalFailure) -> Verdict {
        let is_first_6xx =
            (600..700).contains(&status) && !self.was_6xx && on_global == OnGlobalFailure::CancelOthers;
        self.was_6xx |= is_first_6xx;
        if self.are_pending() {
            return if is_first_6xx { Verdict::StoreAndCancelOthers } else { Verdict::Store };
        }
        self.best(0).map_or(Verdict::Store, Verdict::Complete)
    }
}

/// The rank of a final status, lowest is best: 2xx, 6xx, 3xx, then the 4xx that a client can act upon, other
/// 4xx, 5xx (RFC 3261 16.7 step 6).
pub fn priority(status: u16) -> u32 {
    let rest = u32::from(status % 100);
    match status {
        200..=299 => rest,
        600..=699 => 1000 + rest,
        300..=399 => 3000 + rest,
        401 | 407 | 415 | 420 | 484 => 4000 + rest,
        400..=499 => 4100 + rest,
        500..=599 => 5000 + rest,
        700.. => 10_000 + u32::from(status),
        100..=199 => 11_000 + u32::from(status),
        0..=99 => 32_000 + u32::from(status),
    }
}

#[cfg(test)]
mod tests {
    use super::{Legs, On100, OnGlobalFailure, Verdict};

    const RULES: (OnGlobalFailure, On100) = (OnGlobalFailure::CancelOthers, On100::Absorb);

    fn legs(count: usize) -> Legs {
        let mut legs = Legs::default();
        (0..count).for_each(|_| {
            legs.add();
        });
        legs
    }

    /// Statuses by branch, in branch order, and the status that must win (seen on Kamailio 5.6.3).
    #[test]
    fn the_best_of_all_final_replies_wins() {
        let cases: &[(&[u16], u16)] = &[
            (&[404, 486, 503], 404),
            (&[486, 401, 407], 401),
            (&[503, 503, 500], 500),
            (&[302, 404], 302),
            (&[600, 404, 302], 600),
            (&[486, 404], 404),
            (&[401, 486], 401),
            (&[407, 401], 401),
            (&[503, 486], 486),
            (&[484, 404], 484),
            (&[480, 480], 480),
        ];
        for (statuses, winner) in cases {
            let mut legs = legs(statuses.len());
            let mut last = Verdict::Drop;
            for (branch, status) in statuses.iter().enumerate().rev() {
                last = legs.receive(branch, *status, RULES);
            }
            let Verdict::Complete(best) = last else { panic!("{statuses:?}: {last:?}") };
            assert_eq!(statuses[best], *winner, "{statuses:?}");
        }
    }

    #[test]
    fn equal_statuses_are_decided_by_branch_order_not_arrival() {
        let mut legs = legs(2);
        assert_eq!(legs.receive(1, 480, RULES), Verdict::Store);
        assert_eq!(legs.receive(0, 480, RULES), Verdict::Complete(0));
    }

    #[test]
    fn a_silent_branch_beats_busy_and_unavailable() {
        for status in [486, 503] {
            let mut legs = legs(2);
            assert_eq!(legs.receive(0, status, RULES), Verdict::Store);
            assert_eq!(legs.fake(1, 408), Verdict::Complete(1));
            // faked_reply_prio 2000 lets any received reply win.
            assert_eq!(legs.best(2000), Some(0));
        }
    }

    #[test]
    fn a_6xx_cancels_the_others_once_and_a_later_2xx_still_wins() {
        let mut legs = legs(3);
        assert_eq!(legs.receive(0, 180, RULES), Verdict::Forward);
        assert_eq!(legs.receive(1, 603, RULES), Verdict::StoreAndCancelOthers);
        assert_eq!(legs.receive(2, 600, RULES), Verdict::Store);
        assert_eq!(legs.receive(0, 200, RULES), Verdict::Accept);
    }

    #[test]
    fn after_the_answer_only_further_2xx_pass() {
        let mut legs = legs(2);
        assert_eq!(legs.receive(0, 100, RULES), Verdict::Drop);
        assert_eq!(legs.receive(0, 200, RULES), Verdict::Accept);
        assert_eq!(legs.receive(0, 200, RULES), Verdict::Forward);
        assert_eq!(legs.receive(1, 180, RULES), Verdict::Drop);
        assert_eq!(legs.receive(1, 200, RULES), Verdict::Forward);
        assert_eq!(legs.receive(0, 486, RULES), Verdict::Drop);
        assert_eq!(legs.fake(0, 408), Verdict::Drop);
        assert_eq!(legs.receive(9, 200, RULES), Verdict::Drop);
    }

    #[test]
    fn dropped_replies_cannot_win() {
        let mut legs = legs(1);
        assert_eq!(legs.receive(0, 302, RULES), Verdict::Complete(0));
        legs.drop_replies(0..1);
        legs.add();
        assert_eq!(legs.receive(1, 486, RULES), Verdict::Complete(1));
    }
}
