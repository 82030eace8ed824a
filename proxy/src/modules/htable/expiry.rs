//! What is over goes: expired items are taken out at intervals, and `event_route[htable:expired:TABLE]` runs for
//! each.

use bytes::Bytes;

use super::Tables;
use crate::api::{Ctx, PvArg, Shard, Value};

/// The item an event route runs for.
#[derive(Clone, Debug)]
struct Record {
    key: Bytes,
    value: Value,
}

/// Takes out of all tables what is over.
pub(super) fn sweep(shard: &mut Shard) {
    let now = shard.unix_time(shard.now).as_secs();
    let Some(tables) = shard.shared.get::<Tables>() else { return };
    for table in &tables.0 {
        for (key, value) in table.take_expired(now) {
            let mut work = shard.made_up();
            work.attached.put(Record { key, value });
            shard.run_event(&format!("htable:expired:{}", table.name), Some(work));
        }
    }
}

/// `$shtrecord(key)`, `$shtrecord(value)`: empty outside the event route.
pub(super) fn record(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    match ctx.work.attached.get::<Record>() {
        Some(record) if arg.slot() == 0 => Value::Str(record.key.clone()),
        Some(record) => record.value.clone(),
        None => Value::EMPTY,
    }
}
