//! Tables kept in a database: read at the start and by `htable.reload`, written by `htable.store` and, with
//! `dbmode`, at the end.

use std::sync::Arc;

use bytes::Bytes;

use super::Tables;
use super::table::Table;
use crate::api::{AtEnd, IoAnswer, IoRequest, Kept, Level, Loading, Shard, Shared, Value};
use crate::modules::db;
use crate::store::{Cell, Name, Query, Reply, Row, Url};

/// Where tables are kept (`db_url` and the names of columns).
#[derive(Debug)]
pub(super) struct Store {
    url: Arc<Url>,
    key: Name,
    key_type: Name,
    value_type: Name,
    value: Name,
    expires: Option<Name>,
    size_suffix: Bytes,
}

/// What a definition says about the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Source {
    /// `dbtable`, empty for none.
    pub(super) table: String,
    /// `cols`: the column of the key and those of the value.
    pub(super) columns: Vec<String>,
    /// `coldelim`, between several values.
    pub(super) divider: String,
    /// `colnull`, in place of null.
    pub(super) null: String,
    /// `dbmode`: its items are written back at the end.
    pub(super) is_written_back: bool,
}

/// Reads the parameters; nothing without `db_url`. `stored`: the tables that tables are kept in.
pub(super) fn prepare(loading: &mut Loading<'_>, stored: &[String]) -> Result<(), String> {
    if loading.params.text("db_url").is_empty() {
        return match stored {
            [] => Ok(()),
            _ => Err("a table has a dbtable, and db_url is not set".into()),
        };
    }
    let name = |param: &str| db::name(loading, param);
    let expires = (loading.params.int("db_expires") != 0).then(|| name("expires_column")).transpose()?;
    let store = Store {
        url: db::url(loading)?,
        key: name("key_name_column")?,
        key_type: name("key_type_column")?,
        value_type: name("value_type_column")?,
        value: name("key_value_column")?,
        expires,
        size_suffix: loading.params.text("array_size_suffix"),
    };
    for name in stored.iter().filter_map(|name| Name::parse(name.as_bytes()).ok()) {
        db::uses(loading, &store.url, "htable", &name);
    }
    loading.shared.put(store);
    loading.lifecycle.ends.push(AtEnd(Arc::new(last_writes)));
    Ok(())
}

/// Every table with `dbmode` is emptied and gets what the items are at the end.
fn last_writes(shared: &Shared) -> Vec<(Arc<Url>, Query)> {
    let (Some(store), Some(tables)) = (shared.peek::<Store>(), shared.peek::<Tables>()) else {
        return Vec::new();
    };
    let written_back = tables.0.iter().filter(|table| table.rules.database.is_written_back);
    // As of the beginning of time nothing is over: what is over by then is dropped when it is read again.
    let queries = written_back.filter_map(|table| writes(store, table, 0).ok()).flatten();
    queries.map(|query| (store.url.clone(), query)).collect()
}

fn table_name(table: &Table) -> Result<Name, String> {
    let name = &table.rules.database.table;
    if name.is_empty() {
        return Err(format!("table {} is not kept in a database", table.name));
    }
    Name::parse(name.as_bytes()).map_err(|error| format!("dbtable of {}: {error}", table.name))
}

/// Asks for the rows of a table; they replace its items when they come. Errors: it is not kept in a database.
pub(super) fn load(shard: &mut Shard, table: Arc<Table>) -> Result<(), String> {
    let name = table_name(&table)?;
    let Some(store) = shard.shared.get::<Store>() else { return Err("db_url is not set".into()) };
    let columns = match table.rules.database.columns.is_empty() {
        true => {
            let usual = [&store.key, &store.key_type, &store.value_type, &store.value];
            usual.into_iter().chain(&store.expires).cloned().collect()
        }
        false => {
            let named = table.rules.database.columns.iter().map(|column| Name::parse(column.as_bytes()));
            named.collect::<Result<Vec<Name>, _>>().map_err(|error| error.to_string())?
        }
    };
    let query = Query::Select { table: name, columns, only: Vec::new() };
    shard.ask(IoRequest::Query(store.url.clone(), query), loaded, Box::new(table));
    Ok(())
}

fn loaded(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
    let Ok(table) = kept.downcast::<Arc<Table>>() else { return };
    let rows = match answer {
        IoAnswer::Store(Ok(Reply::Rows(rows))) => rows,
        IoAnswer::Store(Err(error)) => {
            shard.log.write(Level::ERR, format!("htable {}: {error}", table.name).as_bytes());
            return;
        }
        _ => return,
    };
    let Some(store) = shard.shared.get::<Store>() else { return };
    let now = shard.unix_time(shard.now).as_secs();
    table.remove_where(|_, _| true);
    for row in &rows {
        let taken = match table.rules.database.columns.is_empty() {
            true => usual_row(&store, &table, row, now),
            false => packed_row(&table, row, now),
        };
        if taken.is_none() {
            shard.log.write(Level::ERR, format!("htable {}: a row has no key", table.name).as_bytes());
        }
    }
}

/// Key, key type (1: element of an array), value type (1: number), value, expiry.
fn usual_row(store: &Store, table: &Table, row: &Row, now: u64) -> Option<()> {
    let key = row.first()?.to_text()?;
    let is_array = row.get(1).and_then(Cell::to_int) == Some(1);
    let is_number = row.get(2).and_then(Cell::to_int) == Some(1);
    let cell = row.get(3)?;
    let value = match is_number {
        true => Value::Int(cell.to_int().unwrap_or(0)),
        false => Value::Str(cell.to_text().unwrap_or_default()),
    };
    let expires =
        row.get(4).and_then(Cell::to_int).and_then(|at| u64::try_from(at).ok()).filter(|at| *at > 0);
    if !is_array {
        table.put(now, &key, value, expires);
        return Some(());
    }
    let size_key = [&key[..], &store.size_suffix].concat();
    let count = table.get(now, &size_key).to_int();
    table.put(now, format!("{}[{count}]", String::from_utf8_lossy(&key)).as_bytes(), value, expires);
    table.put(now, &size_key, Value::Int(count + 1), expires);
    Some(())
}

/// Key and values, several of them joined.
fn packed_row(table: &Table, row: &Row, now: u64) -> Option<()> {
    let source = &table.rules.database;
    let key = row.first()?.to_text()?;
    let null = Bytes::copy_from_slice(source.null.as_bytes());
    let values: Vec<Bytes> =
        row[1..].iter().map(|cell| cell.to_text().unwrap_or_else(|| null.clone())).collect();
    table.put(now, &key, Value::Str(values.join(source.divider.as_bytes()).into()), None);
    Some(())
}

/// Empties the database's table and writes all items. Errors: it is not kept in a database, or packed.
pub(super) fn store(shard: &mut Shard, table: &Table) -> Result<(), String> {
    let Some(store) = shard.shared.get::<Store>() else { return Err("db_url is not set".into()) };
    let now = shard.unix_time(shard.now).as_secs();
    // Rows are written one after the other: the first query is the one that empties.
    let queries = writes(&store, table, now)?.into();
    write_next(shard, store.url.clone(), queries);
    Ok(())
}

/// The queries that put the items of a table in place of its rows; `now`: Unix time in seconds.
fn writes(store: &Store, table: &Table, now: u64) -> Result<Vec<Query>, String> {
    let name = table_name(table)?;
    if !table.rules.database.columns.is_empty() {
        return Err(format!("table {} is packed from columns, which cannot be written", table.name));
    }
    let empty = Query::Delete { table: name.clone(), only: Vec::new() };
    let rows = table.items(now).into_iter().map(|(key, value, life)| {
        let is_number = i64::from(value.is_int());
        let mut values = vec![
            (store.key.clone(), Cell::Text(key)),
            (store.key_type.clone(), Cell::Int(0)),
            (store.value_type.clone(), Cell::Int(is_number)),
            (store.value.clone(), Cell::Text(value.to_text())),
        ];
        if let Some(expires) = &store.expires {
            values.push((expires.clone(), Cell::Int(if life == 0 { 0 } else { (now + life) as i64 })));
        }
        Query::Insert { table: name.clone(), values }
    });
    Ok(std::iter::once(empty).chain(rows).collect())
}

type Rest = (Arc<Url>, std::collections::VecDeque<Query>);

fn write_next(shard: &mut Shard, url: Arc<Url>, mut queries: std::collections::VecDeque<Query>) {
    if let Some(query) = queries.pop_front() {
        shard.ask(IoRequest::Query(url.clone(), query), written, Box::new((url, queries)));
    }
}

fn written(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
    if let IoAnswer::Store(Err(error)) = answer {
        shard.log.write(Level::ERR, format!("htable: {error}").as_bytes());
        return;
    }
    if let Ok(rest) = kept.downcast::<Rest>() {
        write_next(shard, rest.0, rest.1);
    }
}
