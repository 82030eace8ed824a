//! What a change of contacts means for the database: written before the answer, or left for the timer.
//!
//! A contact says itself whether its row is as it is ([`State`]); what was removed and has a row still stands in a
//! list. A write that fails puts both back, so nothing is lost while the database is away.

use std::sync::{Arc, Mutex, PoisonError};

use super::contact::{Contact, State};
use super::params::{DbMode, Rules, Store};
use super::rows::Record;
use super::store::{Location, Table};
use crate::api::IoRequest;
use crate::relay::Sockets;
use crate::store::{NameError, Query};

/// A contact with its table and its address-of-record, by themselves.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) table: Arc<[u8]>,
    pub(super) aor: Box<[u8]>,
    pub(super) contact: Contact,
}

/// Changes on their way to the database.
#[derive(Debug, Default)]
pub struct Changes {
    /// Contacts as they are to be written.
    pub(super) put: Vec<Entry>,
    /// Contacts whose rows are to go.
    pub(super) gone: Vec<Entry>,
}

/// Rows that are to go, and were not removed yet.
#[derive(Debug, Default)]
pub(super) struct Gone(Mutex<Vec<Entry>>);

/// Where contacts are and how they are stored, for one change.
#[derive(Clone, Copy, Debug)]
pub struct Desk<'a> {
    /// The tables.
    pub location: &'a Location,
    /// The parameters.
    pub rules: &'a Rules,
    /// Our sockets.
    pub sockets: &'a Sockets,
}

impl Entry {
    pub(super) fn record(&self) -> Record<'_> {
        Record { table: &self.table, aor: &self.aor, contact: &self.contact }
    }
}

impl Changes {
    /// True when there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.gone.is_empty()
    }
}

impl Desk<'_> {
    /// Changes the contacts of an address-of-record in memory. What must be written before the change is answered
    /// comes back; with [`DbMode::WriteBack`] nothing does.
    pub fn change<T>(
        &self,
        table: &Arc<Table>,
        aor: &[u8],
        change: impl FnOnce(&mut Vec<Contact>) -> T,
    ) -> (T, Changes) {
        match self.rules.mode {
            DbMode::Memory | DbMode::ReadOnly => (table.change(aor, change), Changes::default()),
            DbMode::WriteThrough | DbMode::WriteBack | DbMode::DbOnly => {
                let (result, mut changes) = table.change(aor, |contacts| {
                    let before = contacts.clone();
                    let result = change(contacts);
                    (result, difference(table.name(), aor, &before, contacts))
                });
                if self.rules.mode == DbMode::WriteBack {
                    changes.put.clear();
                    self.location.gone.add(std::mem::take(&mut changes.gone));
                } else {
                    self.mark(table, &changes, State::Synced);
                }
                (result, changes)
            }
        }
    }

    /// The same for contacts that were read from the database and are kept nowhere.
    pub fn change_rows<T>(
        table: &Arc<Table>,
        aor: &[u8],
        contacts: &mut Vec<Contact>,
        change: impl FnOnce(&mut Vec<Contact>) -> T,
    ) -> (T, Changes) {
        let before = contacts.clone();
        let result = change(contacts);
        let changes = difference(table.name(), aor, &before, contacts);
        (result, changes)
    }

    /// What to ask the database for; `None` when there is nothing to write or no database.
    pub fn request(&self, changes: &Changes) -> Option<IoRequest> {
        let store = self.rules.store.as_ref().filter(|_| !changes.is_empty())?;
        let queries = self.queries(store, changes);
        let query = match <[Query; 1]>::try_from(queries) {
            Ok([one]) => one,
            Err(queries) => Query::All(queries),
        };
        Some(IoRequest::Query(store.url.clone(), query))
    }

    /// The writes of these changes. Names of tables that are none are left out: they were refused at the start.
    pub(super) fn queries(&self, store: &Store, changes: &Changes) -> Vec<Query> {
        let with_domain = self.rules.with_domain;
        let gone = changes.gone.iter().map(|entry| store.remove(entry.record(), with_domain));
        let put = changes.put.iter().map(|entry| store.write(entry.record(), with_domain, self.sockets));
        let mut queries: Vec<Query> =
            gone.chain(put).filter_map(|query: Result<Query, NameError>| query.ok()).collect();
        if store.has_attributes {
            let gone = changes.gone.iter().filter_map(|entry| store.remove_attributes(entry.record()).ok());
            let put = changes.put.iter();
            let put = put.filter_map(|entry| store.write_attributes(entry.record(), with_domain).ok());
            queries.extend(gone.chain(put.flatten()));
        }
        queries
    }

    /// The writes failed: the timer tries again.
    pub fn take_back(&self, changes: Changes) {
        for entry in changes.put {
            let state = entry.contact.facts.state;
            let ruid = entry.contact.texts().ruid;
            self.location.table(&entry.table).change(&entry.aor, |contacts| {
                let found = contacts.iter_mut().find(|contact| contact.texts().ruid == ruid);
                if let Some(contact) = found.filter(|contact| contact.facts.state != State::New) {
                    contact.facts.state = state;
                }
            });
        }
        self.location.gone.add(changes.gone);
    }

    /// Takes what the timer has to write of one segment, and what is to go; all of it counts as written.
    pub(super) fn collect(&self, table: &Arc<Table>, segment: usize) -> Changes {
        let mut put = Vec::new();
        table.visit(segment, |aor, contact| {
            if contact.facts.state != State::Synced {
                put.push(Entry { table: table.name().clone(), aor: aor.into(), contact: contact.clone() });
                contact.facts.state = State::Synced;
            }
        });
        Changes { put, gone: Vec::new() }
    }

    fn mark(&self, table: &Arc<Table>, changes: &Changes, state: State) {
        for entry in &changes.put {
            table.change(&entry.aor, |contacts| {
                let ruid = entry.contact.texts().ruid;
                contacts.iter_mut().filter(|contact| contact.texts().ruid == ruid).for_each(|contact| {
                    contact.facts.state = state;
                });
            });
        }
    }
}

impl Gone {
    pub(super) fn add(&self, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(entries);
        }
    }

    pub(super) fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// What became of the contacts of an address-of-record; their states are set.
fn difference(table: &Arc<[u8]>, aor: &[u8], before: &[Contact], after: &mut [Contact]) -> Changes {
    let entry = |contact: &Contact| Entry { table: table.clone(), aor: aor.into(), contact: contact.clone() };
    let mut changes = Changes::default();
    for contact in after.iter_mut() {
        let old = before.iter().find(|old| old.texts().ruid == contact.texts().ruid);
        contact.facts.state = old.map_or(State::New, |old| old.facts.state);
        if old.is_some_and(|old| old != contact) && contact.facts.state == State::Synced {
            contact.facts.state = State::Dirty;
        }
        if contact.facts.state != State::Synced {
            changes.put.push(entry(contact));
        }
    }
    let has_gone = |old: &&Contact| !after.iter().any(|contact| contact.texts().ruid == old.texts().ruid);
    changes
        .gone
        .extend(before.iter().filter(has_gone).filter(|old| old.facts.state != State::New).map(entry));
    changes
}

#[cfg(test)]
mod tests {
    use super::super::contact::{Contact, Facts, State, Texts};
    use super::difference;

    fn contact(ruid: &[u8], expires: u32, state: State) -> Contact {
        let facts = Facts { expires, state, ..Facts::default() };
        Contact::new(Texts { uri: b"sip:x@y", ruid, ..Texts::default() }, facts).expect("short")
    }

    #[test]
    fn what_is_new_changed_and_gone_is_told_apart() {
        let before = [
            contact(b"same", 1, State::Synced),
            contact(b"changed", 1, State::Synced),
            contact(b"gone", 1, State::Synced),
            contact(b"unwritten", 1, State::New),
            contact(b"gone-unwritten", 1, State::New),
        ];
        let mut after = [
            contact(b"same", 1, State::New),
            contact(b"changed", 2, State::New),
            contact(b"unwritten", 2, State::New),
            contact(b"new", 1, State::New),
        ];
        let changes = difference(&b"location"[..].into(), b"bob", &before, &mut after);
        let states = after.map(|contact| contact.facts.state);
        assert_eq!(states, [State::Synced, State::Dirty, State::New, State::New]);
        let ruids: Vec<_> = changes.put.iter().map(|entry| entry.contact.texts().ruid.to_vec()).collect();
        assert_eq!(ruids, [&b"changed"[..], b"unwritten", b"new"]);
        let gone: Vec<_> = changes.gone.iter().map(|entry| entry.contact.texts().ruid.to_vec()).collect();
        assert_eq!(gone, [b"gone"]);
    }
}
