//! The closed loop: a constant number of users, each with one call at a time.
//!
//! A new call starts as soon as one ends. When the number is lowered, users retire as their calls end.

use std::collections::VecDeque;

use sip::time::Time;

/// The users of `-users`; ids count from 1.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    /// How many there shall be.
    wanted: u32,
    /// Ids that exist, with a call or free.
    present: u32,
    /// Ids ever given out.
    highest: u32,
    /// Users without a call, and since when.
    free: VecDeque<(u32, Time)>,
    retired: Vec<u32>,
}

impl Users {
    /// `wanted` users, all free. The first call gets the highest id, as in SIPp.
    pub(crate) fn new(wanted: u32) -> Users {
        let mut users =
            Users { wanted: 0, present: 0, highest: 0, free: VecDeque::new(), retired: Vec::new() };
        users.set_wanted(Time::ZERO, wanted);
        users
    }

    /// Changes the number: new users are free at once, surplus ones retire as their calls end.
    pub(crate) fn set_wanted(&mut self, now: Time, wanted: u32) {
        self.wanted = wanted;
        while self.present < self.wanted {
            let id = self.retired.pop().unwrap_or_else(|| {
                self.highest += 1;
                self.highest
            });
            self.free.push_back((id, now));
            self.present += 1;
        }
        while self.present > self.wanted {
            let Some((id, _)) = self.free.pop_front() else { break };
            self.retire(id);
        }
    }

    /// How many users wait for a call.
    pub(crate) fn free(&self) -> u64 {
        self.free.len() as u64
    }

    /// Since when the user is free who has its turn next.
    pub(crate) fn next_due(&self) -> Option<Time> {
        self.free.back().map(|(_, since)| *since)
    }

    /// A user without a call, who now has one, and since when it was free.
    pub(crate) fn take(&mut self) -> Option<(u32, Time)> {
        self.free.pop_back()
    }

    /// The call of this user has ended.
    pub(crate) fn release(&mut self, now: Time, id: u32) {
        if self.present > self.wanted {
            self.retire(id);
        } else {
            self.free.push_front((id, now));
        }
    }

    /// The user who was taken can make no call at all: it is nobody from here on.
    pub(crate) fn dismiss(&mut self) {
        self.present = self.present.saturating_sub(1);
        self.wanted = self.wanted.min(self.present);
    }

    fn retire(&mut self, id: u32) {
        self.retired.push(id);
        self.present -= 1;
    }
}

#[cfg(test)]
mod tests {
    use sip::time::Time;

    use super::Users;

    fn take_all(users: &mut Users) -> Vec<u32> {
        std::iter::from_fn(|| users.take()).map(|(id, _)| id).collect()
    }

    /// Measured on SIPp 3.6.1: `-users 2` gives the first call user 2, then user 1.
    #[test]
    fn first_call_gets_the_highest_user() {
        let mut users = Users::new(2);
        assert_eq!(take_all(&mut users), [2, 1]);
        users.release(Time::ZERO, 2);
        assert_eq!(take_all(&mut users), [2]);
    }

    #[test]
    fn lowering_retires_users_as_their_calls_end() {
        let mut users = Users::new(3);
        assert_eq!(take_all(&mut users).len(), 3);
        users.set_wanted(Time::ZERO, 1);
        users.release(Time::ZERO, 3);
        users.release(Time::ZERO, 2);
        assert_eq!(users.take(), None);
        users.release(Time::ZERO, 1);
        assert_eq!(take_all(&mut users), [1]);
        users.set_wanted(Time::ZERO, 3);
        assert_eq!(take_all(&mut users).len(), 2, "retired users come back");
    }

    #[test]
    fn who_is_dismissed_never_comes_back() {
        let mut users = Users::new(3);
        assert_eq!(take_all(&mut users), [3, 2, 1]);
        users.dismiss();
        users.release(Time::ZERO, 1);
        users.release(Time::ZERO, 2);
        assert_eq!(take_all(&mut users), [1, 2], "the others go on");
        users.set_wanted(Time::ZERO, 3);
        assert_eq!(take_all(&mut users), [4], "a new user comes in the place");
    }

    #[test]
    fn lowering_takes_free_users_first() {
        let mut users = Users::new(3);
        users.set_wanted(Time::ZERO, 1);
        assert_eq!(take_all(&mut users).len(), 1);
    }
}
