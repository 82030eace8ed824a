//! Locks by name: `lock()`, `trylock()`, `unlock()`.
//!
//! A lock belongs to the shard that took it and counts how often; another shard that wants it waits without
//! blocking its thread.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::refuse;
use crate::api::{Answer, Args, Ctx, Flow, IoAnswer, IoRequest, Loading, Resumed, Wait};

/// The locks: who holds each, and how often.
#[derive(Debug, Default)]
struct Locks(Vec<Mutex<Option<(u16, u32)>>>);

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let size = loading.params.int("lock_set_size");
    if !(0..=16).contains(&size) {
        return Err(format!("lock_set_size is {size}, expected 0 to 16"));
    }
    let count = if size == 0 { 0 } else { 1usize << size };
    // A lock that is held stays held across a reload.
    if loading.shared.peek::<Locks>().is_none_or(|locks| locks.0.len() != count) {
        loading.shared.put(Locks((0..count).map(|_| Mutex::default()).collect()));
    }
    Ok(())
}

/// How long a run waits before it looks at a lock again.
const RETRY: Duration = Duration::from_millis(1);

/// -1 without locks, as the original does when `lock_set_size` is not set.
pub(super) fn lock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let me = ctx.shard.number;
    let taken = with_lock(ctx, &name, |holder| match holder {
        Some((owner, _)) if *owner != me => false,
        Some((_, times)) => {
            *times += 1;
            true
        }
        None => {
            *holder = Some((me, 1));
            true
        }
    });
    match taken {
        Some(true) => Flow::TRUE,
        Some(false) => Flow::Wait(Wait { request: IoRequest::Sleep(RETRY), then: again, kept: Box::new(()) }),
        None => refuse(ctx, "lock: set lock_set_size"),
    }
}

fn again(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    match resumed.answer {
        Answer::Io(IoAnswer::Failed(why)) => refuse(ctx, &format!("lock: {why}")),
        _ => lock(ctx, args),
    }
}

/// -1 when anybody has it, this shard included.
pub(super) fn try_lock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let me = ctx.shard.number;
    let taken = with_lock(ctx, &name, |holder| match holder {
        Some(_) => false,
        None => {
            *holder = Some((me, 1));
            true
        }
    });
    match taken {
        Some(taken) => Flow::from_bool(taken),
        None => refuse(ctx, "trylock: set lock_set_size"),
    }
}

pub(super) fn unlock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let me = ctx.shard.number;
    let given = with_lock(ctx, &name, |holder| match holder {
        Some((owner, times)) if *owner == me => {
            *times -= 1;
            if *times == 0 {
                *holder = None;
            }
            true
        }
        _ => false,
    });
    Flow::from_bool(given.unwrap_or(false))
}

fn with_lock<T>(ctx: &Ctx<'_>, name: &[u8], act: impl FnOnce(&mut Option<(u16, u32)>) -> T) -> Option<T> {
    let locks = ctx.shard.shared.peek::<Locks>()?;
    let sum = name.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let place = sum.checked_rem(locks.0.len())?;
    Some(act(&mut locks.0[place].lock().unwrap_or_else(PoisonError::into_inner)))
}
