//! Module usrloc: where contacts are stored. Tables in memory, shared by all shards, and in a database.

mod attribute_rows;
mod attributes;
mod contact;
mod keepalive;
mod matching;
mod params;
mod profiles;
mod rows;
mod rpc;
mod store;
mod sync;
mod timer;

use std::sync::Arc;

use sip::peer::ConnId;

pub use attributes::{pack, unpack};
pub use contact::{Contact, Facts, State, Texts, TooLong};
pub use matching::{Matching, Order, Preference, find, order, sort};
pub use params::{DbMode, Rules, Store};
pub use profiles::{Profile, Profiles};
pub use store::{Location, SEGMENTS, Table};
pub use sync::{Changes, Desk};
pub use timer::failure;

use crate::api::{AtEnd, EventDef, Hooks, Loading, ModuleDef, Shard, StartRead, StatDef, TakeRows};
use crate::modules::db;
use crate::store::{Name, NameError};

/// The table of module usrloc.
pub static MODULE: ModuleDef = ModuleDef {
    name: "usrloc",
    params: params::PARAMS,
    rpcs: rpc::RPCS,
    stats: &[
        StatDef { name: "registered_users", read: users, doc: "addresses-of-record with contacts" },
        StatDef { name: "location_users", read: users_of_location, doc: "those of table location" },
        StatDef { name: "location-users", read: users_of_location, doc: "the same" },
        StatDef { name: "location_contacts", read: contacts_of_location, doc: "contacts of table location" },
        StatDef { name: "location-contacts", read: contacts_of_location, doc: "the same" },
        StatDef { name: "location_expires", read: expired, doc: "contacts that have expired" },
        StatDef { name: "location-expires", read: expired, doc: "the same" },
    ],
    events: &[EventDef {
        name: "usrloc:contact-expired",
        doc: "a contact has expired; $ulc(exp=>...) shows it",
    }],
    load: Some(load),
    start: Some(timer::start),
    hooks: Hooks { closed: Some(connection_closed), ..Hooks::NONE },
    ..ModuleDef::EMPTY
};

/// The class of names under which functions note the tables they name, for the start to read them.
pub const TABLES: &str = "usrloc table";

/// The branch flag that marks contacts behind a NAT, as a bit; 0 for none.
#[derive(Clone, Copy, Debug)]
pub struct NatFlag(pub u32);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let rules = params::read(loading)?;
    keepalive::check(loading)?;
    let mut names: Vec<Vec<u8>> =
        loading.params.list("preload").iter().map(|name| name.to_text().to_vec()).collect();
    names.extend(loading.catalog.slots_of(TABLES).into_iter().map(|(name, _)| name.into_bytes()));
    names.sort();
    names.dedup();
    // Contacts outlive a reload.
    let is_new = loading.shared.peek::<Location>().is_none();
    if is_new {
        loading.shared.put(Location::default());
    }
    if let Some(location) = loading.shared.peek::<Location>() {
        names.iter().for_each(|name| drop(location.table(name)));
    }
    if let Some(store) = &rules.store {
        prepare(loading, &rules, store, &names, is_new)?;
    }
    let nat_flag = u32::try_from(loading.params.int("nat_bflag")).ok().and_then(|bit| 1u32.checked_shl(bit));
    loading.shared.put(NatFlag(nat_flag.unwrap_or(0)));
    loading.shared.put(rules);
    Ok(())
}

/// Asks for what the database is needed for before the first message and behind the last one.
fn prepare(
    loading: &mut Loading<'_>,
    rules: &Rules,
    store: &Arc<Store>,
    names: &[Vec<u8>],
    is_new: bool,
) -> Result<(), String> {
    let is_read = match rules.mode {
        DbMode::WriteThrough | DbMode::WriteBack => loading.params.int("db_load") != 0,
        DbMode::ReadOnly => true,
        DbMode::Memory | DbMode::DbOnly => false,
    };
    for name in names {
        let table = Name::parse(name).map_err(|error| error.to_string())?;
        if loading.params.int("version_table") != 0 {
            db::needs(loading, &store.url, "location", &table);
        }
        if store.has_attributes && loading.params.int("version_table") != 0 {
            let table = attribute_rows::table(name).map_err(|error| error.to_string())?;
            db::needs(loading, &store.url, "location_attrs", &table);
        }
        if is_read && is_new {
            loading.lifecycle.reads.extend(reads(store, name).map_err(|error| error.to_string())?);
        }
    }
    loading.lifecycle.ends.push(AtEnd(Arc::new(timer::last_writes)));
    Ok(())
}

/// What is read of a table at the start.
fn reads(store: &Store, name: &[u8]) -> Result<Vec<StartRead>, NameError> {
    let (url, name) = (&store.url, name.to_vec());
    let read = |query, take| StartRead { module: "usrloc", url: url.clone(), query, take };
    let mut reads = Vec::new();
    if store.has_attributes {
        let take: TakeRows = Arc::new(|shared, rows| {
            if let Some(location) = shared.peek::<Location>() {
                location.keep_loaded_attributes(attribute_rows::read(&rows));
            }
            Ok(())
        });
        reads.push(read(store.select_attributes(&name)?, take));
    }
    let query = store.select_all(&name)?;
    let take: TakeRows = Arc::new(move |shared, rows| {
        if let Some(location) = shared.peek::<Location>() {
            location.keep_loaded(&name, rows);
        }
        Ok(())
    });
    reads.push(read(query, take));
    Ok(reads)
}

/// Contacts that came by a connection go with it (`handle_lost_tcp`).
fn connection_closed(shard: &mut Shard, conn: ConnId) {
    let shared = shard.shared.clone();
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else { return };
    if !rules.follows_connections {
        return;
    }
    let sockets = shard.sockets.clone();
    let desk = Desk { location, rules, sockets: &sockets };
    for (table, aor) in location.take_connection(conn) {
        let ((), changes) = desk.change(&table, &aor, |contacts| {
            contacts.retain(|contact| contact.facts.conn != conn);
        });
        timer::write(shard, &desk, changes);
    }
}

fn users(shard: &mut Shard) -> u64 {
    // Shared by all shards: the first one tells for all.
    let Some(location) = shard.shared.peek::<Location>().filter(|_| shard.number == 0) else { return 0 };
    location.tables().iter().map(|(_, table)| table.count().0 as u64).sum()
}

fn users_of_location(shard: &mut Shard) -> u64 {
    count(shard).0 as u64
}

fn contacts_of_location(shard: &mut Shard) -> u64 {
    count(shard).1 as u64
}

fn count(shard: &Shard) -> (usize, usize) {
    let location = shard.shared.peek::<Location>().filter(|_| shard.number == 0);
    location.map_or((0, 0), |location| location.table(b"location").count())
}

fn expired(shard: &mut Shard) -> u64 {
    shard.states.get::<timer::Walk>().expired
}
