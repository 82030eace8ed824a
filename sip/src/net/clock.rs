//! The clock of a shell: turns the monotonic clock into [`Time`] since the shell's start.

use std::time::Instant;

use crate::time::Time;

/// A monotonic clock whose origin is its making; copies agree.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    origin: Instant,
}

impl Clock {
    /// A clock that reads zero now.
    pub fn start() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// The time since the start.
    pub fn now(&self) -> Time {
        Time::ZERO + self.origin.elapsed()
    }
}
