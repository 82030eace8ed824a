//! All sets, shared by all shards: each has a lock of its own. Reading them anew puts others in their place.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::msg::Uri;

use super::list::{self, Line};
use super::loads::Loads;
use super::params::{Rules, Source};
use super::set::{Destination, Set};

/// The sets by their numbers, and the calls that are counted.
#[derive(Debug, Default)]
pub(super) struct Sets {
    /// `None` until the table has been read.
    sets: RwLock<Option<Arc<Table>>>,
    pub(super) loads: Mutex<Loads>,
    /// Unix second of the last reload by command.
    pub(super) reloaded: Mutex<Option<u64>>,
}

/// Sets in the order in which they were first named.
#[derive(Debug, Default)]
pub(super) struct Table {
    by_id: FxHashMap<i64, usize>,
    sets: Vec<Mutex<Set>>,
}

impl Table {
    /// The set of that number, locked.
    pub(super) fn set(&self, id: i64) -> Option<MutexGuard<'_, Set>> {
        self.by_id.get(&id).map(|place| lock(&self.sets[*place]))
    }

    /// All sets, each locked when its turn comes.
    pub(super) fn iter(&self) -> impl Iterator<Item = MutexGuard<'_, Set>> {
        self.sets.iter().map(lock)
    }

    pub(super) fn len(&self) -> usize {
        self.sets.len()
    }

    fn of_groups(groups: Vec<(i64, Vec<Destination>)>) -> Table {
        let by_id = groups.iter().enumerate().map(|(place, (id, _))| (*id, place)).collect();
        let sets = groups.into_iter().map(|(id, list)| Mutex::new(Set::new(id, list))).collect();
        Table { by_id, sets }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sets {
    /// The sets, when they have been read.
    pub(super) fn table(&self) -> Option<Arc<Table>> {
        self.sets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The calls that are counted, locked. Never taken while a set is locked.
    pub(super) fn loads(&self) -> MutexGuard<'_, Loads> {
        lock(&self.loads)
    }

    /// Reads the file. Errors: it cannot be read or a line is wrong; the sets are then as before.
    pub(super) fn read_file(&self, rules: &Rules) -> Result<(), String> {
        let Source::File(path) = &rules.source else { return Ok(()) };
        let name = path.display();
        let text = std::fs::read(path).map_err(|error| format!("parameter list_file, {name}: {error}"))?;
        let lines = list::of_file(&text).map_err(|error| format!("{name}:{error}"))?;
        self.put_lines(&lines, rules)
    }

    /// Puts sets of these lines in place. Errors: a URI that cannot be read, when `ds_load_mode` says so;
    /// otherwise its line is left out.
    pub(super) fn put_lines(&self, lines: &[Line], rules: &Rules) -> Result<(), String> {
        let mut groups: Vec<(i64, Vec<Destination>)> = Vec::new();
        for line in lines {
            let destination = match Destination::of_line(line) {
                Ok(destination) => destination,
                Err(what) if rules.is_strict => {
                    return Err(format!("{}: {what}", String::from_utf8_lossy(&line.uri)));
                }
                Err(_) => continue,
            };
            match groups.iter_mut().find(|(id, _)| *id == line.set) {
                Some((_, list)) => list.push(destination),
                None => groups.push((line.set, vec![destination])),
            }
        }
        self.put(Table::of_groups(groups));
        self.loads().clear();
        Ok(())
    }

    /// Adds a destination. All sets are made anew, which turns the order of equal priorities around (seen on
    /// Kamailio 5.6.3).
    pub(super) fn add(&self, id: i64, destination: Destination) {
        let mut groups = self.groups();
        match groups.iter_mut().find(|(of, _)| *of == id) {
            Some((_, list)) => list.push(destination),
            None => groups.push((id, vec![destination])),
        }
        self.put(Table::of_groups(groups));
    }

    /// Removes the destinations of a set that `is_meant` names. How many there were.
    pub(super) fn remove(&self, id: i64, is_meant: impl Fn(&Destination) -> bool) -> usize {
        let mut groups = self.groups();
        let mut removed = 0;
        if let Some((_, list)) = groups.iter_mut().find(|(of, _)| *of == id) {
            let before = list.len();
            list.retain(|destination| !is_meant(destination));
            removed = before - list.len();
        }
        groups.retain(|(_, list)| !list.is_empty());
        self.put(Table::of_groups(groups));
        removed
    }

    /// Gives all destinations of a host name the address that was found, and those without a port of their own the one
    /// that was found with it.
    pub(super) fn set_address(&self, host: &Bytes, address: IpAddr, found: Option<u16>) {
        let Some(table) = self.table() else { return };
        for mut set in table.iter() {
            let named = set.list.iter_mut().filter(|destination| destination.host == *host);
            for destination in named {
                destination.address = Some(address);
                let has_own = Uri::parse(&destination.uri).is_ok_and(|uri| uri.port.is_some());
                destination.port = found.filter(|_| !has_own).unwrap_or(destination.port);
            }
        }
    }

    /// The host names whose addresses are to be looked up: those without one, or all of them.
    pub(super) fn names(&self, wanted: Names) -> Vec<Bytes> {
        let Some(table) = self.table() else { return Vec::new() };
        let mut names = Vec::new();
        for set in table.iter() {
            for destination in &set.list {
                let is_name = Uri::parse(&destination.uri).is_ok_and(|uri| uri.host_ip().is_none());
                let is_wanted = wanted == Names::All || destination.address.is_none();
                let is_left_out = destination.state().has(super::state::State::NO_LOOKUP);
                if is_name && is_wanted && !is_left_out && !names.contains(&destination.host) {
                    names.push(destination.host.clone());
                }
            }
        }
        names
    }

    fn groups(&self) -> Vec<(i64, Vec<Destination>)> {
        let Some(table) = self.table() else { return Vec::new() };
        table.iter().map(|set| (set.id, set.list.clone())).collect()
    }

    fn put(&self, table: Table) {
        *self.sets.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(table));
    }
}

/// Which host names to look up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Those without an address.
    Unknown,
    /// All.
    All,
}
