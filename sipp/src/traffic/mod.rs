//! When calls start, how many there may be, and where the open ones are: pure, in virtual time.
//!
//! [`schedule`] says which call comes when: by [`rate`], the open loop of `-r`, or by [`users`], the closed loop of
//! `-users`. [`limits`] says when to stop, [`calls`] finds calls by Call-ID and by deadline. [`find_max`] looks for the
//! highest rate a target carries. The engine obeys.

pub(crate) mod calls;
pub(crate) mod find_max;
pub(crate) mod limits;
pub(crate) mod rate;
pub(crate) mod schedule;
pub(crate) mod users;
