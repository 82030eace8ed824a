//! The location tables in memory: address-of-record to contacts, shared by all shards.
//!
//! Each table is cut into segments with a lock of their own, held for the time of one look or change. Times
//! come from the caller as Unix seconds.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHasher};

use super::contact::Contact;

/// All tables by name.
#[derive(Debug, Default)]
pub struct Location {
    tables: RwLock<FxHashMap<Box<[u8]>, Arc<Table>>>,
}

/// One table.
#[derive(Debug)]
pub struct Table {
    segments: Box<[Mutex<Segment>]>,
}

type Segment = FxHashMap<Box<[u8]>, Vec<Contact>>;

impl Location {
    /// The table of that name; made when it is first named.
    pub fn table(&self, name: &[u8]) -> Arc<Table> {
        if let Some(table) = self.tables.read().unwrap_or_else(PoisonError::into_inner).get(name) {
            return table.clone();
        }
        let mut tables = self.tables.write().unwrap_or_else(PoisonError::into_inner);
        tables.entry(name.into()).or_default().clone()
    }

    /// Names and tables, in no order.
    pub fn tables(&self) -> Vec<(Box<[u8]>, Arc<Table>)> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.iter().map(|(name, table)| (name.clone(), table.clone())).collect()
    }
}

impl Default for Table {
    fn default() -> Table {
        Table { segments: (0..SEGMENTS).map(|_| Mutex::default()).collect() }
    }
}

impl Table {
    /// Looks at the contacts of an address-of-record, in order of preference; expired ones may be among them.
    pub fn read<T>(&self, aor: &[u8], look: impl FnOnce(&[Contact]) -> T) -> T {
        look(self.segment(aor).get(aor).map_or(&[], Vec::as_slice))
    }

    /// Changes the contacts of an address-of-record; without any left its record is removed.
    pub fn change<T>(&self, aor: &[u8], change: impl FnOnce(&mut Vec<Contact>) -> T) -> T {
        let mut segment = self.segment(aor);
        if let Some(contacts) = segment.get_mut(aor) {
            let result = change(contacts);
            if contacts.is_empty() {
                segment.remove(aor);
            }
            return result;
        }
        let mut contacts = Vec::new();
        let result = change(&mut contacts);
        if !contacts.is_empty() {
            segment.insert(aor.into(), contacts);
        }
        result
    }

    /// Forgets expired contacts in one segment; called with rising numbers it walks the table.
    pub fn sweep(&self, number: usize, unix_now: u32) {
        let mut segment = self.lock(number % self.segments.len());
        segment.retain(|_, contacts| {
            contacts.retain(|contact| contact.is_valid(unix_now));
            !contacts.is_empty()
        });
    }

    /// Addresses-of-record and contacts stored, expired ones included.
    pub fn count(&self) -> (usize, usize) {
        (0..self.segments.len()).fold((0, 0), |(records, contacts), at| {
            let segment = self.lock(at);
            (records + segment.len(), contacts + segment.values().map(Vec::len).sum::<usize>())
        })
    }

    fn segment(&self, aor: &[u8]) -> MutexGuard<'_, Segment> {
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(aor);
        self.lock((hash >> 32) as usize % self.segments.len())
    }

    fn lock(&self, at: usize) -> MutexGuard<'_, Segment> {
        self.segments[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Segments of a table.
pub const SEGMENTS: usize = 64;

#[cfg(test)]
mod tests {
    use super::super::contact::{Contact, Facts, Texts};
    use super::{Location, SEGMENTS};

    fn contact(uri: &[u8], expires: u32) -> Contact {
        Contact::new(Texts { uri, ..Texts::default() }, Facts { expires, ..Facts::default() }).expect("short")
    }

    #[test]
    fn records_come_and_go_with_their_contacts() {
        let location = Location::default();
        let table = location.table(b"location");
        table.change(b"bob", |contacts| contacts.push(contact(b"sip:1", 10)));
        assert_eq!(location.table(b"location").read(b"bob", <[_]>::len), 1);
        assert_eq!(location.table(b"other").count(), (0, 0));
        table.change(b"bob", Vec::clear);
        assert_eq!(table.count(), (0, 0));
    }

    #[test]
    fn sweeping_all_segments_forgets_what_has_expired() {
        let table = Location::default().table(b"location");
        for number in 0..100u32 {
            let aor = number.to_string();
            table.change(aor.as_bytes(), |contacts| contacts.push(contact(b"sip:1", number)));
        }
        (0..SEGMENTS).for_each(|segment| table.sweep(segment, 50));
        assert_eq!(table.count(), (49, 49));
    }
}
