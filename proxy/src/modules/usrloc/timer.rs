//! What the timer does: expired contacts go, with their event, and what is not written yet is written. It walks all
//! contacts once in `timer_interval` seconds, a slice at a time, so that no tick takes long.

use std::sync::Arc;
use std::time::Duration;

use super::contact::{Contact, State};
use super::keepalive;
use super::params::{DbMode, Rules, Store};
use super::profiles::Profiles;
use super::store::{Location, SEGMENTS};
use super::sync::{Changes, Desk, Entry};
use crate::api::{IoAnswer, IoRequest, Kept, Level, Shard};
use crate::store::Query;

/// How far the walk has come.
#[derive(Default)]
pub(super) struct Walk {
    segment: usize,
    /// Contacts that expired.
    pub(super) expired: u64,
}

/// Begins the walk, in the first shard, and takes over what was read from the database.
pub(super) fn start(shard: &mut Shard) {
    let shared = shard.shared.clone();
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else { return };
    location.set_sockets(&shard.sockets);
    if shard.number != 0 {
        return;
    }
    if let Some(store) = &rules.store {
        take_rows(shard, rules, location, store);
    }
    shard.every(Duration::from_secs(rules.sweep_interval.into()) / SEGMENTS as u32, tick);
}

fn take_rows(shard: &mut Shard, rules: &Rules, location: &Location, store: &Store) {
    let mut attributes = location.take_loaded_attributes();
    for (name, rows) in location.take_loaded() {
        let table = location.table(&name);
        let count = rows.len();
        let mut taken = 0usize;
        for row in rows {
            let Some((aor, contact)) = store.read(&row, rules.with_domain, &shard.sockets) else { continue };
            let packed = attributes.remove(contact.texts().ruid);
            let contact = packed.and_then(|packed| contact.with_attributes(&packed)).unwrap_or(contact);
            taken += 1;
            table.change(&aor, |contacts| {
                contacts.push(contact);
                super::sort(contacts, rules.preference);
            });
        }
        let line =
            format!("usrloc: {taken} of {count} contacts of table {} read", String::from_utf8_lossy(&name));
        shard.log.write(Level::INFO, line.as_bytes());
    }
}

fn tick(shard: &mut Shard) {
    let shared = shard.shared.clone();
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else { return };
    let walk = shard.states.get::<Walk>();
    let segment = walk.segment % SEGMENTS;
    walk.segment = segment + 1;
    let now = u32::try_from(shard.unix_time(shard.now).as_secs()).unwrap_or(u32::MAX);
    let mut changes = Changes::default();
    let sockets = shard.sockets.clone();
    let desk = Desk { location, rules, sockets: &sockets };
    for (name, table) in location.tables() {
        let expired = table.take_expired(segment, now);
        for (aor, contact) in expired {
            if rules.mode != DbMode::ReadOnly && contact.facts.state != State::New {
                let table = table.name().clone();
                changes.gone.push(Entry { table, aor: aor.clone(), contact: contact.clone() });
            }
            announce(shard, &aor, contact);
        }
        if writes(rules.mode) {
            changes.put.extend(desk.collect(&table, segment).put);
        }
        if segment == 0 {
            clean(shard, rules, &name, now);
        }
    }
    keepalive::walk(shard, rules, location, segment);
    if writes(rules.mode) {
        changes.gone.extend(location.gone.take());
        write(shard, &desk, changes);
    }
}

/// Runs the event of a contact that has expired; `$ulc(exp=>...)` shows it there.
fn announce(shard: &mut Shard, aor: &[u8], contact: Contact) {
    shard.states.get::<Walk>().expired += 1;
    let mut work = shard.made_up();
    work.attached.get_mut::<Profiles>().put(b"exp", aor, vec![contact]);
    shard.run_event("usrloc:contact-expired", Some(work));
}

/// Whether the timer writes what was not written. With write-through that is what failed before.
fn writes(mode: DbMode) -> bool {
    matches!(mode, DbMode::WriteThrough | DbMode::WriteBack)
}

/// Removes expired rows that nobody has in memory.
fn clean(shard: &mut Shard, rules: &Rules, table: &[u8], now: u32) {
    let Some(store) = &rules.store else { return };
    let is_wanted = rules.mode == DbMode::DbOnly || (store.cleans && rules.mode != DbMode::ReadOnly);
    if let Some(query) = store.remove_expired(table, now).ok().filter(|_| is_wanted) {
        shard.ask(IoRequest::Query(store.url.clone(), query), cleaned, Box::new(()));
    }
}

fn cleaned(shard: &mut Shard, answer: IoAnswer, _: Kept) {
    if let Some(why) = failure(&answer) {
        shard.log.write(Level::ERR, format!("usrloc: expired rows stay: {why}").as_bytes());
    }
}

/// Hands changes to the database in pieces.
pub(super) fn write(shard: &mut Shard, desk: &Desk<'_>, changes: Changes) {
    for piece in pieces(changes) {
        if let Some(request) = desk.request(&piece) {
            shard.ask(request, written, Box::new(piece));
        }
    }
}

/// Most contacts in one transaction of the timer.
const PIECE: usize = 500;

fn pieces(changes: Changes) -> Vec<Changes> {
    let mut pieces = Vec::new();
    let mut gone = changes.gone.into_iter().peekable();
    while gone.peek().is_some() {
        pieces.push(Changes { put: Vec::new(), gone: gone.by_ref().take(PIECE).collect() });
    }
    let mut put = changes.put.into_iter().peekable();
    while put.peek().is_some() {
        pieces.push(Changes { put: put.by_ref().take(PIECE).collect(), gone: Vec::new() });
    }
    pieces
}

fn written(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
    let Ok(changes) = kept.downcast::<Changes>() else { return };
    let Some(why) = failure(&answer) else { return };
    let count = changes.put.len() + changes.gone.len();
    let line = format!("usrloc: {count} contacts not written, tried again by the timer: {why}");
    shard.log.write(Level::ERR, line.as_bytes());
    let shared = shard.shared.clone();
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else { return };
    Desk { location, rules, sockets: &shard.sockets }.take_back(*changes);
}

/// Why a write failed; `None` when it did not.
pub fn failure(answer: &IoAnswer) -> Option<String> {
    match answer {
        IoAnswer::Store(Ok(_)) => None,
        IoAnswer::Store(Err(error)) => Some(error.to_string()),
        IoAnswer::Failed(why) => Some(why.clone()),
        _ => Some("the database gave no answer".to_owned()),
    }
}

/// Writes everything that is not written, a slice of the table per call; for `ul.flush`.
pub(super) fn flush(shard: &mut Shard) {
    let shared = shard.shared.clone();
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else { return };
    if !writes(rules.mode) {
        return;
    }
    let sockets = shard.sockets.clone();
    let desk = Desk { location, rules, sockets: &sockets };
    write(shard, &desk, everything(&desk));
}

/// All that is not written.
fn everything(desk: &Desk<'_>) -> Changes {
    let mut changes = Changes { put: Vec::new(), gone: desk.location.gone.take() };
    for (_, table) in desk.location.tables() {
        (0..SEGMENTS).for_each(|segment| changes.put.extend(desk.collect(&table, segment).put));
    }
    changes
}

/// What is still to be written when the process ends.
pub(super) fn last_writes(shared: &crate::api::Shared) -> Vec<(Arc<crate::store::Url>, Query)> {
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else {
        return Vec::new();
    };
    let (Some(store), Some(sockets)) = (&rules.store, location.sockets()) else { return Vec::new() };
    if !writes(rules.mode) {
        return Vec::new();
    }
    let desk = Desk { location, rules, sockets: &sockets };
    let all = pieces(everything(&desk));
    all.iter().map(|piece| (store.url.clone(), Query::All(desk.queries(store, piece)))).collect()
}
