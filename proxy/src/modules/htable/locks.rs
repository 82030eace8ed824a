//! `sht_lock()` and `sht_unlock()`: the part of a table a key is in, held against the locks of other shards.
//!
//! A shard may take a lock again; one that another shard holds is waited for without blocking.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;

use super::Tables;
use super::table::{PARTS, part_of};
use crate::api::{Args, Ctx, Flow, IoRequest, Level, Resumed, Wait};

/// Who holds each part of a table, and how often.
#[derive(Debug, Default)]
pub(super) struct Locks([Mutex<Option<(u16, u32)>>; PARTS]);

/// How long a run waits before it looks at a lock again.
const RETRY: Duration = Duration::from_millis(1);

pub(super) fn lock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let me = ctx.shard.number;
    let taken = with_part(ctx, args, |holder| match holder {
        Some((owner, _)) if *owner != me => false,
        Some((_, times)) => {
            *times = times.saturating_add(1);
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
        None => Flow::FALSE,
    }
}

fn again(ctx: &mut Ctx<'_>, args: &Args<'_>, _: Resumed) -> Flow {
    lock(ctx, args)
}

/// 1 also when this shard does not hold it.
pub(super) fn unlock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let me = ctx.shard.number;
    let done = with_part(ctx, args, |holder| {
        if let Some((owner, times)) = holder
            && *owner == me
        {
            *times -= 1;
            if *times == 0 {
                *holder = None;
            }
        }
    });
    Flow::from_bool(done.is_some())
}

/// `table=>key`
fn with_part<T>(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    act: impl FnOnce(&mut Option<(u16, u32)>) -> T,
) -> Option<T> {
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
    let mut holder = table.locks.0[part_of(key)].lock().unwrap_or_else(PoisonError::into_inner);
    Some(act(&mut holder))
}
