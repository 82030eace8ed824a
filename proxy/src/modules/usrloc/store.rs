//! The location tables in memory: address-of-record to contacts, shared by all shards.
//!
//! Each table is cut into segments with a lock of their own, held for the time of one look or change. Times
//! come from the caller as Unix seconds.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};

use rustc_hash::{FxHashMap, FxHasher};
use sip::peer::ConnId;

use super::attribute_rows::ByRuid;
use super::contact::Contact;
use super::sync::Gone;
use crate::relay::Sockets;
use crate::store::Row;

/// All tables by name.
#[derive(Debug, Default)]
pub struct Location {
    tables: RwLock<FxHashMap<Box<[u8]>, Arc<Table>>>,
    /// Rows read at the start that are not contacts yet.
    loaded: Mutex<Vec<Loaded>>,
    /// Their attributes.
    loaded_attributes: Mutex<ByRuid>,
    /// What is to be removed from the database.
    pub(super) gone: Gone,
    sockets: OnceLock<Arc<Sockets>>,
    /// Who came by which connection, when contacts follow connections.
    by_connection: Mutex<FxHashMap<ConnId, Vec<Owner>>>,
}

/// The name of a table, and its rows.
type Loaded = (Box<[u8]>, Vec<Row>);

/// A table, and an address-of-record in it.
type Owner = (Arc<Table>, Box<[u8]>);

/// One table.
#[derive(Debug)]
pub struct Table {
    name: Arc<[u8]>,
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
        tables.entry(name.into()).or_insert_with(|| Arc::new(Table::new(name))).clone()
    }

    /// Keeps rows of a table until its contacts can be made of them.
    pub(super) fn keep_loaded(&self, table: &[u8], rows: Vec<Row>) {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner).push((table.into(), rows));
    }

    /// Keeps attributes until the contacts they belong to are made.
    pub(super) fn keep_loaded_attributes(&self, attributes: ByRuid) {
        self.loaded_attributes.lock().unwrap_or_else(PoisonError::into_inner).extend(attributes);
    }

    pub(super) fn take_loaded_attributes(&self) -> ByRuid {
        std::mem::take(&mut *self.loaded_attributes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn take_loaded(&self) -> Vec<Loaded> {
        std::mem::take(&mut *self.loaded.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn set_sockets(&self, sockets: &Arc<Sockets>) {
        self.sockets.get_or_init(|| sockets.clone());
    }

    pub(super) fn sockets(&self) -> Option<Arc<Sockets>> {
        self.sockets.get().cloned()
    }

    /// Notes that contacts of an address-of-record came by a connection.
    pub fn note_connection(&self, conn: ConnId, table: &Arc<Table>, aor: &[u8]) {
        if conn == ConnId::NONE {
            return;
        }
        let mut connections = self.by_connection.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = connections.entry(conn).or_default();
        if !of_it.iter().any(|(known, of)| Arc::ptr_eq(known, table) && **of == *aor) {
            of_it.push((table.clone(), aor.into()));
        }
    }

    /// Whose contacts came by a connection that has ended.
    pub(super) fn take_connection(&self, conn: ConnId) -> Vec<Owner> {
        let mut connections = self.by_connection.lock().unwrap_or_else(PoisonError::into_inner);
        connections.remove(&conn).unwrap_or_default()
    }

    /// Names and tables, in no order.
    pub fn tables(&self) -> Vec<(Box<[u8]>, Arc<Table>)> {
        let tables = self.tables.read().unwrap_or_else(PoisonError::into_inner);
        tables.iter().map(|(name, table)| (name.clone(), table.clone())).collect()
    }
}

impl Table {
    fn new(name: &[u8]) -> Table {
        Table { name: name.into(), segments: (0..SEGMENTS).map(|_| Mutex::default()).collect() }
    }

    /// What it is called.
    pub fn name(&self) -> &Arc<[u8]> {
        &self.name
    }

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

    /// Takes the expired contacts out of one segment.
    pub fn take_expired(&self, segment: usize, unix_now: u32) -> Vec<(Box<[u8]>, Contact)> {
        let mut expired = Vec::new();
        self.lock(segment).retain(|aor, contacts| {
            if contacts.iter().all(|contact| contact.is_valid(unix_now)) {
                return true;
            }
            let gone = contacts.extract_if(.., |contact| !contact.is_valid(unix_now));
            expired.extend(gone.map(|contact| (aor.clone(), contact)));
            !contacts.is_empty()
        });
        expired
    }

    /// Shows each address-of-record of a segment.
    pub(super) fn records(&self, segment: usize, mut look: impl FnMut(&[u8], &[Contact])) {
        self.lock(segment).iter().for_each(|(aor, contacts)| look(aor, contacts));
    }

    /// Shows each contact of a segment.
    pub(super) fn visit(&self, segment: usize, mut look: impl FnMut(&[u8], &mut Contact)) {
        for (aor, contacts) in self.lock(segment).iter_mut() {
            contacts.iter_mut().for_each(|contact| look(aor, contact));
        }
    }

    /// Looks at all contacts of one segment, with their addresses-of-record.
    pub fn each(&self, number: usize, mut look: impl FnMut(&[u8], &Contact)) {
        let segment = self.lock(number % self.segments.len());
        for (aor, contacts) in segment.iter() {
            contacts.iter().for_each(|contact| look(aor, contact));
        }
    }

    /// Addresses-of-record and contacts stored, expired ones included.
    pub fn count(&self) -> (usize, usize) {
        (0..self.segments.len()).fold((0, 0), |(records, contacts), at| {
            let segment = self.lock(at);
            (records + segment.len(), contacts + segment.values().map(Vec::len).sum::<usize>())
        })
    }

    /// A number that tells the segment of an address-of-record; the same in every process.
    pub fn hash(aor: &[u8]) -> u32 {
        (BuildHasherDefault::<FxHasher>::default().hash_one(aor) >> 32) as u32
    }

    /// The address-of-record with a record of that ruid, by the number [`Table::hash`] gives for it.
    pub fn find_record(&self, hash: u32, ruid: &[u8]) -> Option<Vec<u8>> {
        let segment = self.lock(hash as usize % self.segments.len());
        let found = segment.iter().find(|(aor, contacts)| {
            Table::hash(aor) == hash && contacts.iter().any(|contact| contact.texts().ruid == ruid)
        });
        found.map(|(aor, _)| aor.to_vec())
    }

    fn segment(&self, aor: &[u8]) -> MutexGuard<'_, Segment> {
        self.lock(Table::hash(aor) as usize % self.segments.len())
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
        // 0 stands for a contact that never expires.
        for number in 0..100u32 {
            let aor = number.to_string();
            table.change(aor.as_bytes(), |contacts| contacts.push(contact(b"sip:1", number)));
        }
        let expired: usize = (0..SEGMENTS).map(|segment| table.take_expired(segment, 50).len()).sum();
        assert_eq!((expired, table.count()), (50, (50, 50)));
    }
}
