//! SQLite through sqlx: a pool for a file, queries with bound parameters, cells by what is stored.

use std::time::Duration;

use bytes::Bytes;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqlitePoolOptions, SqliteRow};
use sqlx::{AssertSqlSafe, Row as _, TypeInfo, ValueRef};

use crate::store::{Cell, Query, Reply, Row, StoreError, Url};

/// Connections to one file.
pub(super) type Pool = sqlx::SqlitePool;

/// Writers wait for each other this long instead of losing a row.
const BUSY: Duration = Duration::from_secs(2);

/// A pool that connects when it is first used; the file must exist.
pub(super) fn open(url: &Url) -> Pool {
    pool(url, false)
}

fn options(url: &Url) -> SqliteConnectOptions {
    SqliteConnectOptions::new().filename(&url.database).busy_timeout(BUSY)
}

fn pool(url: &Url, creates: bool) -> Pool {
    SqlitePoolOptions::new()
        .max_connections(4)
        .acquire_timeout(BUSY)
        .connect_lazy_with(options(url).create_if_missing(creates))
}

/// Runs statements one after the other on a file that is made if it is not there.
pub(super) async fn create(url: &Url, statements: &[String]) -> Result<(), StoreError> {
    let pool = pool(url, true);
    for statement in statements {
        // The statements are the program's own.
        sqlx::query(AssertSqlSafe(statement.clone())).execute(&pool).await.map_err(error)?;
    }
    pool.close().await;
    Ok(())
}

/// Runs a query.
pub(super) async fn run(pool: &Pool, query: &Query) -> Result<Reply, StoreError> {
    let statement = query.statement();
    // Safe: the text holds checked names and `?` only, every value is a parameter.
    let mut prepared = sqlx::query(AssertSqlSafe(statement.sql));
    for cell in statement.parameters {
        prepared = bind(prepared, cell);
    }
    if query.is_select() {
        let rows = prepared.fetch_all(pool).await.map_err(error)?;
        return Ok(Reply::Rows(rows.iter().map(row).collect::<Result<_, _>>().map_err(error)?));
    }
    let done = prepared.execute(pool).await.map_err(error)?;
    Ok(Reply::Changed(done.rows_affected()))
}

type Prepared<'q> = sqlx::query::Query<'q, Sqlite, SqliteArguments>;

fn bind(query: Prepared<'_>, cell: Cell) -> Prepared<'_> {
    match cell {
        Cell::Null => query.bind(None::<i64>),
        Cell::Int(int) => query.bind(int),
        Cell::Real(real) => query.bind(real),
        // Texts stay texts so that they compare with columns of texts; what is no text is stored as bytes.
        Cell::Text(bytes) => match String::from_utf8(bytes.to_vec()) {
            Ok(text) => query.bind(text),
            Err(bytes) => query.bind(bytes.into_bytes()),
        },
    }
}

fn row(row: &SqliteRow) -> Result<Row, sqlx::Error> {
    (0..row.len())
        .map(|at| {
            let raw = row.try_get_raw(at)?;
            if raw.is_null() {
                return Ok(Cell::Null);
            }
            let kind = raw.type_info();
            // What was written decides, not what the column was declared as.
            Ok(match kind.name() {
                "INTEGER" | "BOOLEAN" => Cell::Int(row.try_get_unchecked(at)?),
                "REAL" => Cell::Real(row.try_get_unchecked(at)?),
                _ => Cell::Text(Bytes::from(row.try_get_unchecked::<Vec<u8>, _>(at)?)),
            })
        })
        .collect()
}

/// What the database says names tables and columns, not values.
fn error(error: sqlx::Error) -> StoreError {
    match error {
        sqlx::Error::Database(inner) if !inner.message().contains("unable to open") => {
            StoreError::Refused(inner.message().to_owned())
        }
        other => StoreError::Unreachable(other.to_string()),
    }
}
