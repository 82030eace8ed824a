//! `sht_lock()` and `sht_unlock()`: the part of a table a key is in, held against the locks of other shards.

use std::sync::Arc;

use bytes::Bytes;

use super::Tables;
use super::table::{PARTS, part_of};
use crate::api::{Args, Ctx, Flow, Hold, Level, Resumed};

/// Who holds each part of a table.
#[derive(Debug, Default)]
pub(super) struct Locks([Hold; PARTS]);

pub(super) fn lock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let me = ctx.shard.number;
    match with_part(ctx, args, |part| part.take(me)) {
        Some(true) => Flow::TRUE,
        Some(false) => Hold::later(again),
        None => Flow::FALSE,
    }
}

fn again(ctx: &mut Ctx<'_>, args: &Args<'_>, resumed: Resumed) -> Flow {
    if Hold::may_look_again(ctx, "sht_lock", &resumed) { lock(ctx, args) } else { Flow::FALSE }
}

/// 1 also when this shard does not hold it.
pub(super) fn unlock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let me = ctx.shard.number;
    Flow::from_bool(with_part(ctx, args, |part| part.leave(me)).is_some())
}

/// `table=>key`
fn with_part(ctx: &mut Ctx<'_>, args: &Args<'_>, act: impl FnOnce(&Hold) -> bool) -> Option<bool> {
    let place: Bytes = args.text(ctx, 0);
    let tables: Option<Arc<Tables>> = ctx.shard.shared.get();
    let found = memchr::memmem::find(&place, b"=>").and_then(|arrow| {
        let table = tables.as_ref()?.named(&place[..arrow])?;
        Some((table, &place[arrow + 2..]))
    });
    let Some((table, key)) = found else {
        ctx.log(Level::ERR, "sht_lock: expected table=>key");
        return None;
    };
    Some(act(&table.locks.0[part_of(key)]))
}
