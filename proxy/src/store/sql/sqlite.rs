//! SQLite through sqlx: readers in a pool, all writing through one connection in groups, cells by what is stored.

use std::time::Duration;

use bytes::Bytes;
use sqlx::sqlite::{
    Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions,
    SqliteRow,
};
use sqlx::{AssertSqlSafe, Row as _};

use super::cells;
use super::group::Writer;
use super::pool::Failure;
use crate::store::{Cell, Driver, Journal, Query, Reply, StoreError, Url, julian_day};

/// Connections to one file.
#[derive(Clone)]
pub(super) struct Pool {
    readers: sqlx::SqlitePool,
    writer: Writer,
}

/// How long a query waits for a connection of ours.
const WAIT: Duration = Duration::from_secs(2);

fn options(url: &Url) -> SqliteConnectOptions {
    let options = SqliteConnectOptions::new()
        .filename(&url.database)
        .busy_timeout(url.options.busy_limit)
        .read_only(url.options.is_read_only);
    match url.options.journal {
        None => options,
        Some(Journal::Delete) => options.journal_mode(SqliteJournalMode::Delete),
        Some(Journal::Truncate) => options.journal_mode(SqliteJournalMode::Truncate),
        Some(Journal::Persist) => options.journal_mode(SqliteJournalMode::Persist),
        Some(Journal::Memory) => options.journal_mode(SqliteJournalMode::Memory),
        Some(Journal::Wal) => options.journal_mode(SqliteJournalMode::Wal),
        Some(Journal::Off) => options.journal_mode(SqliteJournalMode::Off),
    }
}

fn pool(url: &Url, count: u32) -> sqlx::SqlitePool {
    // A database in memory is gone with its last connection, and each connection has its own.
    let count = if url.database == ":memory:" { 1 } else { count };
    SqlitePoolOptions::new()
        .max_connections(count)
        .acquire_timeout(WAIT)
        .test_before_acquire(false)
        .connect_lazy_with(options(url))
}

/// Makes the file, if it is not there.
pub(super) async fn create(url: &Url) -> Result<(), StoreError> {
    use sqlx::ConnectOptions;
    let made = options(url).create_if_missing(true).connect().await;
    made.map(drop).map_err(|error| Failure::of(error).into())
}

impl Pool {
    pub(super) fn open(url: &Url) -> Pool {
        let readers = pool(url, READERS);
        let writers = if url.database == ":memory:" { readers.clone() } else { pool(url, 1) };
        Pool { readers, writer: Writer::start(writers) }
    }

    pub(super) async fn run(&self, query: &Query) -> Result<Reply, Failure> {
        if !query.is_select() {
            return self.writer.run(query.clone()).await;
        }
        let mut connection = self.readers.acquire().await.map_err(Failure::away)?;
        cells::rows(prepare(query).fetch(&mut *connection), read).await.map(Reply::Rows)
    }

    pub(super) async fn execute(&self, statements: &[String]) -> Result<(), Failure> {
        let mut connection = self.readers.acquire().await.map_err(Failure::away)?;
        for statement in statements {
            // The statements are the program's own.
            let query = sqlx::query(AssertSqlSafe(statement.clone())).persistent(false);
            query.execute(&mut *connection).await.map_err(Failure::of)?;
        }
        Ok(())
    }

    pub(super) async fn columns(&self, table: &str) -> Result<Vec<String>, Failure> {
        let query = sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(table.to_owned());
        query.fetch_all(&self.readers).await.map_err(Failure::of)
    }
}

/// Connections that read beside one another.
const READERS: u32 = 4;

/// Runs one change, or all of [`Query::All`]; gives how many rows changed.
pub(super) async fn change(connection: &mut SqliteConnection, query: &Query) -> Result<u64, Failure> {
    let Query::All(queries) = query else {
        let done = prepare(query).execute(connection).await.map_err(Failure::of)?;
        return Ok(done.rows_affected());
    };
    let mut changed = 0;
    for query in queries {
        let done = prepare(query).execute(&mut *connection).await.map_err(Failure::of)?;
        changed += done.rows_affected();
    }
    Ok(changed)
}

type Prepared = sqlx::query::Query<'static, Sqlite, SqliteArguments>;

fn prepare(query: &Query) -> Prepared {
    let statement = query.statement(Driver::Sqlite);
    // Safe: the text holds checked names and `?` only, every value is a parameter.
    statement.parameters.into_iter().fold(sqlx::query(AssertSqlSafe(statement.sql)), bind)
}

fn bind(query: Prepared, cell: Cell) -> Prepared {
    match cell {
        // Kamailio keeps times so (5.6.3).
        Cell::Time(unix) => query.bind(julian_day(unix)),
        cell => cells::bind(query, cell),
    }
}

/// What was written decides, not what the column was declared as.
fn read(row: &SqliteRow, at: usize, kind: &str) -> Result<Cell, sqlx::Error> {
    Ok(match kind {
        "INTEGER" | "BOOLEAN" => Cell::Int(row.try_get_unchecked(at)?),
        "REAL" => Cell::Real(row.try_get_unchecked(at)?),
        _ => Cell::Text(Bytes::from(row.try_get_unchecked::<Vec<u8>, _>(at)?)),
    })
}
