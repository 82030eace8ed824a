//! Where a function finds its contacts: the table, the address-of-record, and whether the database must be asked
//! first (usrloc `db_mode` 3).

use std::sync::Arc;

use bytes::Bytes;

use super::aor;
use super::gruu::Meant;
use super::params::Rules;
use crate::api::{
    Answer, Args, Catalog, Ctx, Flow, IoAnswer, IoRequest, Kind, Level, Prepared, Resumed, Shared,
};
use crate::api::{ThenFn, Wait};
use crate::modules::usrloc::{self, Changes, Contact, DbMode, Desk, Location, Table};
use crate::relay::Sockets;
use crate::store::Reply;

/// The name of a table as an argument; the tables that a configuration names are known at the start.
pub(super) const TABLE: Kind = Kind::Prepared(table_name);

fn table_name(catalog: &Catalog, name: &[u8]) -> Result<Prepared, String> {
    // After the start no more names are noted, and none is needed.
    let _ = catalog.slot(usrloc::TABLES, name);
    Ok(Arc::new(Bytes::copy_from_slice(name)))
}

/// The contacts of one address-of-record.
pub(super) struct Place {
    shared: Arc<Shared>,
    sockets: Arc<Sockets>,
    pub(super) table: Arc<Table>,
    pub(super) key: Vec<u8>,
    /// Which of the contacts are meant.
    pub(super) meant: Meant,
}

/// Why there is no [`Place`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct NoUri;

impl Place {
    /// The place of `uri` in the table of argument 0. Errors: it is no URI.
    pub(super) fn of(ctx: &mut Ctx<'_>, args: &Args<'_>, uri: &[u8]) -> Result<Place, NoUri> {
        let name = args.prepared::<Bytes>(ctx, 0).map_err(|_| NoUri)?;
        let shared = ctx.shard.shared.clone();
        let table = shared.peek::<Location>().ok_or(NoUri)?.table(&name);
        let (sockets, meant) = (ctx.shard.sockets.clone(), Meant::of(uri));
        let mut place = Place { shared, sockets, table, key: Vec::new(), meant };
        place.key = match &place.meant {
            Meant::Record(ruid, hash) => place.table.find_record(*hash, ruid).unwrap_or_default(),
            Meant::All | Meant::Instance(_) => {
                aor::key(uri, place.rules(), place.desk().rules).ok_or(NoUri)?
            }
        };
        Ok(place)
    }

    /// The parameters of registrar.
    pub(super) fn rules(&self) -> &Rules {
        self.shared.peek().expect("load() puts the parameters in")
    }

    /// Where contacts are changed.
    pub(super) fn desk(&self) -> Desk<'_> {
        Desk {
            location: self.shared.peek().expect("usrloc, which is needed, puts its tables in"),
            rules: self.shared.peek().expect("usrloc, which is needed, puts its parameters in"),
            sockets: &self.sockets,
        }
    }

    /// With contacts in the database only: asks for them, and `then` goes on.
    pub(super) fn ask(&self, then: ThenFn) -> Option<Flow> {
        let rules = self.desk().rules;
        let store = rules.store.as_ref().filter(|_| rules.mode == DbMode::DbOnly)?;
        let query = store.select(self.table.name(), &self.key, rules.with_domain).ok()?;
        let request = IoRequest::Query(store.url.clone(), query);
        Some(Flow::Wait(Wait { request, then, kept: Box::new(()) }))
    }

    /// The contacts the database gave, in their order; `None` when it failed, which is logged.
    pub(super) fn rows(&self, ctx: &mut Ctx<'_>, resumed: Resumed) -> Option<Vec<Contact>> {
        let rows = match resumed.answer {
            Answer::Io(IoAnswer::Store(Ok(Reply::Rows(rows)))) => rows,
            Answer::Io(answer) => {
                let why = usrloc::failure(&answer).unwrap_or_default();
                ctx.log(Level::ERR, format!("registrar: contacts cannot be read: {why}"));
                return None;
            }
            Answer::Route { .. } => return None,
        };
        let rules = self.desk().rules;
        let store = rules.store.as_ref()?;
        let read = |row| store.read(row, rules.with_domain, &self.sockets).map(|(_, contact)| contact);
        let mut contacts: Vec<Contact> = rows.iter().filter_map(read).collect();
        usrloc::sort(&mut contacts, rules.preference);
        Some(contacts)
    }

    /// Changes the contacts, or those that were read; gives what must be written first.
    pub(super) fn change<T>(
        &self,
        rows: Option<Vec<Contact>>,
        change: impl FnOnce(&mut Vec<Contact>) -> T,
    ) -> (T, Changes) {
        match rows {
            None => self.desk().change(&self.table, &self.key, change),
            Some(mut contacts) => Desk::change_rows(&self.table, &self.key, &mut contacts, change),
        }
    }
}

/// What came of a write; a failure is logged, and in memory it is left for the timer. False: it failed and there is
/// nothing in memory.
pub(super) fn is_written(ctx: &mut Ctx<'_>, answer: &Answer, changes: Changes) -> bool {
    let why = match answer {
        Answer::Io(answer) => usrloc::failure(answer),
        Answer::Route { .. } => None,
    };
    let Some(why) = why else { return true };
    ctx.log(Level::ERR, format!("registrar: contacts are not written yet: {why}"));
    let shared = ctx.shard.shared.clone();
    let (Some(location), Some(rules)) = (shared.peek::<Location>(), shared.peek::<usrloc::Rules>()) else {
        return false;
    };
    if rules.mode == DbMode::DbOnly {
        return false;
    }
    Desk { location, rules, sockets: &ctx.shard.sockets }.take_back(changes);
    true
}
