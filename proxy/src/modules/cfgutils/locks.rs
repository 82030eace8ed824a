//! Locks by name: `lock()`, `trylock()`, `unlock()`.

use super::refuse;
use crate::api::{Args, Ctx, Flow, Hold, Loading, Resumed};

/// The locks; a name belongs to the one its sum falls on.
#[derive(Debug, Default)]
struct Locks(Vec<Hold>);

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let size = loading.params.int("lock_set_size");
    if !(0..=16).contains(&size) {
        return Err(format!("lock_set_size is {size}, expected 0 to 16"));
    }
    let count = if size == 0 { 0 } else { 1usize << size };
    // A lock that is held stays held across a reload.
    if loading.shared.peek::<Locks>().is_none_or(|locks| locks.0.len() != count) {
        loading.shared.put(Locks((0..count).map(|_| Hold::default()).collect()));
    }
    Ok(())
}

/// -1 without locks, as the original does when `lock_set_size` is not set.
pub(super) fn lock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match with_lock(ctx, args, Hold::take) {
        Some(true) => Flow::TRUE,
        Some(false) => Hold::later(again),
        None => refuse(ctx, "lock: set lock_set_size"),
    }
}

fn again(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    if Hold::may_look_again(ctx, "lock", &resumed) { lock(ctx, args) } else { Flow::FALSE }
}

/// -1 when anybody has it, this shard included.
pub(super) fn try_lock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match with_lock(ctx, args, Hold::take_free) {
        Some(taken) => Flow::from_bool(taken),
        None => refuse(ctx, "trylock: set lock_set_size"),
    }
}

pub(super) fn unlock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    Flow::from_bool(with_lock(ctx, args, Hold::leave).unwrap_or(false))
}

fn with_lock(ctx: &mut Ctx<'_>, args: &Args<'_>, act: impl FnOnce(&Hold, u16) -> bool) -> Option<bool> {
    let name = args.text(ctx, 0);
    let locks = ctx.shard.shared.peek::<Locks>()?;
    let sum = name.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let place = sum.checked_rem(locks.0.len())?;
    Some(act(&locks.0[place], ctx.shard.number))
}
