//! The closed loop: a constant number of users, each with one call at a time.
//!
//! A new call starts as soon as one ends. When the number is lowered, users retire as their calls end.

use std::collections::VecDeque;

/// The users of `-users`; ids count from 1.
#[derive(Clone, Debug)]
pub(crate) struct Users {
    /// How many there shall be.
    wanted: u32,
    /// Ids that exist, with a call or free.
    present: u32,
    /// Ids ever given out.
    highest: u32,
    free: VecDeque<u32>,
    retired: Vec<u32>,
}

impl Users {
    /// `wanted` users, all free. The first call gets the highest id, as in SIPp.
    pub(crate) fn new(wanted: u32) -> Users {
        let mut users =
            Users { wanted: 0, present: 0, highest: 0, free: VecDeque::new(), retired: Vec::new() };
        users.set_wanted(wanted);
        users
    }

    /// How many users there shall be.
    pub(crate) fn wanted(&self) -> u32 {
        self.wanted
    }

    /// Changes the number: new users are free at once, surplus ones retire as their calls end.
    pub(crate) fn set_wanted(&mut self, wanted: u32) {
        self.wanted = wanted;
        while self.present < self.wanted {
            let id = self.retired.pop().unwrap_or_else(|| {
                self.highest += 1;
                self.highest
            });
            self.free.push_back(id);
            self.present += 1;
        }
        while self.present > self.wanted {
            let Some(id) = self.free.pop_front() else { break };
            self.retire(id);
        }
    }

    /// True when a user waits for a call.
    pub(crate) fn has_free(&self) -> bool {
        !self.free.is_empty()
    }

    /// A user without a call, who now has one.
    pub(crate) fn take(&mut self) -> Option<u32> {
        self.free.pop_back()
    }

    /// The call of this user has ended.
    pub(crate) fn release(&mut self, id: u32) {
        if self.present > self.wanted {
            self.retire(id);
        } else {
            self.free.push_front(id);
        }
    }

    fn retire(&mut self, id: u32) {
        self.retired.push(id);
        self.present -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::Users;

    fn take_all(users: &mut Users) -> Vec<u32> {
        std::iter::from_fn(|| users.take()).collect()
    }

    /// Measured on SIPp 3.6.1: `-users 2` gives the first call user 2, then user 1.
    #[test]
    fn first_call_gets_the_highest_user() {
        let mut users = Users::new(2);
        assert_eq!(take_all(&mut users), [2, 1]);
        users.release(2);
        assert_eq!(take_all(&mut users), [2]);
    }

    #[test]
    fn lowering_retires_users_as_their_calls_end() {
        let mut users = Users::new(3);
        assert_eq!(take_all(&mut users).len(), 3);
        users.set_wanted(1);
        users.release(3);
        users.release(2);
        assert_eq!(users.take(), None);
        users.release(1);
        assert_eq!(take_all(&mut users), [1]);
        users.set_wanted(3);
        assert_eq!(take_all(&mut users).len(), 2, "retired users come back");
    }

    #[test]
    fn lowering_takes_free_users_first() {
        let mut users = Users::new(3);
        users.set_wanted(1);
        assert_eq!(take_all(&mut users).len(), 1);
    }
}
