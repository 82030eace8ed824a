//! A lock of scripts: taken by a function, given back by another, perhaps messages later.
//!
//! It belongs to the shard that took it and counts how often. No thread ever waits for it: a run that wants what
//! another shard has looks again a little later.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Answer, Ctx, Flow, IoAnswer, IoRequest, Level, Resumed, ThenFn, Wait};

/// The shard that has it and how often it took it.
#[derive(Debug, Default)]
pub struct Hold(Mutex<Option<(u16, u32)>>);

/// How long a run waits before it looks again.
const RETRY: Duration = Duration::from_millis(1);

impl Hold {
    /// Takes it, once more if `shard` has it already; false when another one does.
    pub fn take(&self, shard: u16) -> bool {
        let mut holder = self.holder();
        match &mut *holder {
            Some((owner, _)) if *owner != shard => return false,
            Some((_, times)) => *times = times.saturating_add(1),
            None => *holder = Some((shard, 1)),
        }
        true
    }

    /// Takes it only when nobody has it, this shard included.
    pub fn take_free(&self, shard: u16) -> bool {
        let mut holder = self.holder();
        let is_free = holder.is_none();
        if is_free {
            *holder = Some((shard, 1));
        }
        is_free
    }

    /// Gives back what was taken once; false when `shard` does not have it.
    pub fn leave(&self, shard: u16) -> bool {
        let mut holder = self.holder();
        let Some((owner, times)) = &mut *holder else { return false };
        if *owner != shard {
            return false;
        }
        *times -= 1;
        if *times == 0 {
            *holder = None;
        }
        true
    }

    /// Lets the run wait a moment and go on in `then`, which looks again if [`Hold::may_look_again`].
    pub fn later(then: ThenFn) -> Flow {
        Flow::Wait(Wait { request: IoRequest::Sleep(RETRY), then, kept: Box::new(()) })
    }

    /// False, and logged, when the run could not be made to wait because too many wait already.
    pub fn may_look_again(ctx: &mut Ctx<'_>, function: &str, resumed: &Resumed) -> bool {
        let Answer::Io(IoAnswer::Failed(why)) = &resumed.answer else { return true };
        ctx.log(Level::ERR, format!("{function}: {why}"));
        false
    }

    fn holder(&self) -> std::sync::MutexGuard<'_, Option<(u16, u32)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::Hold;

    #[test]
    fn a_shard_takes_again_what_it_has_and_gives_it_back_as_often() {
        let hold = Hold::default();
        assert!(hold.take(1) && hold.take(1));
        assert!(!hold.take(2) && !hold.take_free(1) && !hold.leave(2));
        assert!(hold.leave(1) && !hold.take(2));
        assert!(hold.leave(1) && !hold.leave(1));
        assert!(hold.take_free(2));
    }
}
