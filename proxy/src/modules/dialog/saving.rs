//! When dialogs are written to the database and read from it (`db_mode`).
//!
//! A dialog that was changed is noted by the table; a beat writes what was noted, all in one query, and waits for its
//! answer before the next. Only answered dialogs are written; an ended one goes when it is forgotten.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::time::Time;

use super::life;
use super::params::{Database, Rules, SaveMode, Tables, rules, totals};
use super::rows::{self, Key};
use super::table::{DialogId, Dialogs};
use crate::api::{Answer, Args, Ctx, Flow, IoAnswer, IoRequest, Kept, Level, Resumed, Shard, Wait};
use crate::store::{Cell, Name, Operator, Query, Reply, Row};

/// What is to be written in a shard.
#[derive(Debug, Default)]
pub(super) struct Saving {
    /// The tables have been asked for.
    is_loaded: bool,
    /// A query is under way.
    is_busy: bool,
    /// Nothing is written before: the database refused the last query.
    rests_until: Option<Time>,
}

/// How often changes are written at once (`db_mode` 1).
const BEAT: Duration = Duration::from_millis(50);

/// How long a refusing database is left alone.
const REST: Duration = Duration::from_secs(5);
/// Dialogs in one query.
const PORTION: usize = 500;

/// Reads the tables, and writes from now on. After a reload the dialogs are there already.
pub(super) fn start(shard: &mut Shard) {
    let rules = rules(shard);
    let Some(database) = &rules.database else { return };
    match database.mode {
        SaveMode::AtOnce => shard.every(BEAT, write),
        SaveMode::Delayed => shard.every(database.period, write),
        SaveMode::AtTheEnd => {}
    }
    if database.mode != SaveMode::AtTheEnd {
        shard.states.get::<Dialogs>().note_changes();
    }
    let saving = shard.states.get::<Saving>();
    if !std::mem::replace(&mut saving.is_loaded, true) && !database.skips_load {
        shard.ask(select_vars(database), vars_read, Box::new(()));
    }
}

/// Variables come first, so that no dialog is there without its own.
fn select_vars(database: &Database) -> IoRequest {
    IoRequest::Query(database.url.clone(), rows::select_vars(&database.tables))
}

/// The shard ends: all that there is to write is written.
pub(super) fn stop(shard: &mut Shard) {
    let rules = rules(shard);
    let Some(database) = &rules.database else { return };
    if database.mode == SaveMode::AtTheEnd {
        shard.states.get::<Dialogs>().note_all();
    }
    while !shard.states.get::<Dialogs>().is_written() {
        write_portion(shard, &rules, database);
    }
}

fn write(shard: &mut Shard) {
    let rules = rules(shard);
    let now = shard.now;
    let saving = shard.states.get::<Saving>();
    let may_write = !saving.is_busy && saving.rests_until.is_none_or(|until| until <= now);
    if let Some(database) = rules.database.as_ref().filter(|_| may_write) {
        write_portion(shard, &rules, database);
    }
}

/// Writes some of what was noted.
fn write_portion(shard: &mut Shard, rules: &Rules, database: &Database) {
    let sockets = shard.sockets.clone();
    let dialogs = shard.states.get::<Dialogs>();
    let (put, gone) = dialogs.take_changed(PORTION);
    let changed = put.iter().filter_map(|id| dialogs.get(*id));
    let puts = changed.flat_map(|dialog| rows::put(&database.tables, dialog, &sockets, &rules.profiles));
    let deletes = gone.iter().flat_map(|key| rows::delete(&database.tables, key));
    let queries: Vec<Query> = puts.chain(deletes).collect();
    if !queries.is_empty() {
        shard.states.get::<Saving>().is_busy = true;
        let request = IoRequest::Query(database.url.clone(), Query::All(queries));
        shard.ask(request, written, Box::new((put, gone)));
    }
}

/// The database has answered. What it refused is tried again later.
fn written(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
    let rest = shard.now + REST;
    let saving = shard.states.get::<Saving>();
    saving.is_busy = false;
    let reason = match answer {
        // What was noted meanwhile follows at once.
        IoAnswer::Store(Ok(_)) => return write(shard),
        IoAnswer::Store(Err(error)) => error.to_string(),
        IoAnswer::Failed(reason) => reason,
        IoAnswer::Done | IoAnswer::Located(_) | IoAnswer::Names(_) => return,
    };
    saving.rests_until = Some(rest);
    if let Ok(kept) = kept.downcast::<(Vec<DialogId>, Vec<Key>)>() {
        let dialogs = shard.states.get::<Dialogs>();
        dialogs.gone.extend(kept.1);
        kept.0.into_iter().for_each(|id| dialogs.note_change(id));
    }
    shard.log.write(Level::ERR, format!("dialog: dialogs were not written: {reason}").as_bytes());
}

/// The variables have been read; the dialogs are asked for next.
fn vars_read(shard: &mut Shard, answer: IoAnswer, _: Kept) {
    let rules = rules(shard);
    let Some(database) = &rules.database else { return };
    let Some(vars) = rows_of(shard, answer) else { return };
    let request = IoRequest::Query(database.url.clone(), rows::select(&database.tables, Vec::new()));
    shard.ask(request, dialogs_read, Box::new(vars));
}

fn dialogs_read(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
    let rules = rules(shard);
    if let (Some(rows), Ok(vars)) = (rows_of(shard, answer), kept.downcast::<Vec<Row>>()) {
        restore(shard, &rules, &rows, &vars);
    }
}

/// The rows of an answer; a refusal is logged.
fn rows_of(shard: &mut Shard, answer: IoAnswer) -> Option<Vec<Row>> {
    let reason = match answer {
        IoAnswer::Store(Ok(Reply::Rows(rows))) => return Some(rows),
        IoAnswer::Store(Err(error)) => error.to_string(),
        IoAnswer::Failed(reason) => reason,
        IoAnswer::Store(Ok(Reply::Changed(_)))
        | IoAnswer::Done
        | IoAnswer::Located(_)
        | IoAnswer::Names(_) => return None,
    };
    shard.log.write(Level::ERR, format!("dialog: dialogs were not read: {reason}").as_bytes());
    None
}

/// Puts the dialogs of rows back that are this shard's and not there yet.
fn restore(shard: &mut Shard, rules: &Arc<Rules>, rows: &[Row], vars: &[Row]) {
    let (now, second) = (shard.now, life::seconds(shard));
    let mut vars_of: FxHashMap<Key, Vec<(Bytes, Bytes)>> = FxHashMap::default();
    for (key, name, value) in vars.iter().filter_map(rows::read_var) {
        vars_of.entry(key).or_default().push((name, value));
    }
    let found = |written: &str| if written.is_empty() { None } else { shard.find_socket(written).ok() };
    let read = rows.iter().filter_map(|row| rows::read(row, &found, &rules.profiles));
    let own: Vec<_> = read.filter(|stored| shard.owns(&stored.call_id)).collect();
    let totals = totals(shard);
    for stored in own {
        let key = Key { entry: stored.entry, serial: stored.serial };
        let dialogs = shard.states.get::<Dialogs>();
        let is_there = dialogs.of_call(&stored.call_id).any(|it| it.id.serial == key.serial);
        if is_there || dialogs.is_full() {
            continue;
        }
        let left = u64::from(stored.expires.saturating_sub(second));
        let lifetime = stored.expires.checked_sub(stored.started).filter(|life| *life > 0);
        stored.profiles.iter().for_each(|(profile, value)| totals.join(*profile, value));
        totals.change_active(1);
        let id = dialogs.put_back(stored, lifetime.unwrap_or(rules.default_timeout));
        if let (Some(dialog), Some(vars)) = (dialogs.get_unnoted(id), vars_of.remove(&key)) {
            dialog.vars = vars;
        }
        dialogs.set_deadline(id, now + Duration::from_secs(left));
        if rules.keep_alive > 0 {
            dialogs.keep_alive_at(id, now + Duration::from_secs(rules.keep_alive));
        }
    }
}

/// `dlg_db_load_callid(callid)`: reads the dialogs of a Call-ID that are not here yet.
pub(super) fn dlg_db_load_callid(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let call_id = args.text(ctx, 0);
    read_more(ctx, |tables| vec![rows::of_call(tables, &call_id)])
}

/// `dlg_db_load_extra()`: reads all dialogs that are not here yet.
pub(super) fn dlg_db_load_extra(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    read_more(ctx, |_| Vec::new())
}

/// Which rows are meant.
type Only = Vec<(Name, Operator, Cell)>;

fn read_more(ctx: &mut Ctx<'_>, only: impl FnOnce(&Tables) -> Only) -> Flow {
    let rules = rules(ctx.shard);
    let Some(database) = &rules.database else { return Flow::FALSE };
    let only = only(&database.tables);
    Flow::Wait(Wait { request: select_vars(database), then: more_vars_read, kept: Box::new(only) })
}

fn more_vars_read(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let rules = rules(ctx.shard);
    let (Answer::Io(answer), Some(database), Ok(only)) =
        (resumed.answer, &rules.database, resumed.kept.downcast::<Only>())
    else {
        return Flow::FALSE;
    };
    let Some(vars) = rows_of(ctx.shard, answer) else { return Flow::FALSE };
    let request = IoRequest::Query(database.url.clone(), rows::select(&database.tables, *only));
    Flow::Wait(Wait { request, then: more_read, kept: Box::new(vars) })
}

fn more_read(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let (Answer::Io(answer), Ok(vars)) = (resumed.answer, resumed.kept.downcast::<Vec<Row>>()) else {
        return Flow::FALSE;
    };
    let Some(rows) = rows_of(ctx.shard, answer) else { return Flow::FALSE };
    let rules = rules(ctx.shard);
    restore(ctx.shard, &rules, &rows, &vars);
    Flow::TRUE
}
