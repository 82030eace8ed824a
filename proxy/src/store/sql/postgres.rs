//! PostgreSQL through sqlx: a pool of connections, statements prepared once for each, cells by the type of the column.

use std::time::Duration;

use bytes::Bytes;
use sqlx::postgres::{
    PgArguments, PgConnectOptions, PgConnection, PgPoolOptions, PgRow, PgSslMode, Postgres,
};
use sqlx::{AssertSqlSafe, Connection, Row as _, TypeInfo, ValueRef};

use super::pool::Failure;
use crate::store::dates::{local_of_unix, unix_of_local};
use crate::store::{Cell, Driver, Query, Reply, Row, Url};

/// Connections to one database.
#[derive(Clone)]
pub(super) struct Pool(sqlx::PgPool);

impl Pool {
    pub(super) fn open(url: &Url) -> Pool {
        let mut options = PgConnectOptions::new_without_pgpass()
            .host(if url.host.is_empty() { "localhost" } else { &url.host })
            .username(&url.user)
            .database(&url.database)
            .ssl_mode(PgSslMode::Disable)
            .application_name("sip-proxy");
        if !url.password.is_empty() {
            options = options.password(&url.password);
        }
        options = options.port(url.port.unwrap_or(5432));
        let pool = PgPoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(url.options.connect_limit)
            .test_before_acquire(false)
            .before_acquire(|connection, meta| {
                // One that has rested may be gone without our knowing.
                let has_rested = meta.idle_for > RESTED;
                Box::pin(async move {
                    if has_rested {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_lazy_with(options);
        Pool(pool)
    }

    pub(super) async fn run(&self, query: &Query) -> Result<Reply, Failure> {
        let mut connection = self.0.acquire().await.map_err(Failure::away)?;
        if query.is_select() {
            let rows = prepare(query).fetch_all(&mut *connection).await.map_err(Failure::of)?;
            return Ok(Reply::Rows(rows.iter().map(row).collect::<Result<_, _>>().map_err(Failure::of)?));
        }
        let Query::All(queries) = query else {
            return Ok(Reply::Changed(change(&mut connection, query).await?));
        };
        let mut changed = 0;
        let mut transaction = connection.begin().await.map_err(Failure::of)?;
        for query in queries {
            changed += change(&mut transaction, query).await?;
        }
        transaction.commit().await.map_err(Failure::of)?;
        Ok(Reply::Changed(changed))
    }

    pub(super) async fn execute(&self, statements: &[String]) -> Result<(), Failure> {
        for statement in statements {
            // The statements are the program's own.
            let query = sqlx::query(AssertSqlSafe(statement.clone())).persistent(false);
            query.execute(&self.0).await.map_err(Failure::of)?;
        }
        Ok(())
    }

    pub(super) async fn columns(&self, table: &str) -> Result<Vec<String>, Failure> {
        let query = sqlx::query_scalar(
            "SELECT column_name::text FROM information_schema.columns \
             WHERE table_schema = current_schema() AND table_name = $1",
        );
        query.bind(table.to_owned()).fetch_all(&self.0).await.map_err(Failure::of)
    }
}

/// Connections to one database.
const CONNECTIONS: u32 = 8;

/// A connection that was not used for so long is tried before it is used.
const RESTED: Duration = Duration::from_secs(1);

async fn change(connection: &mut PgConnection, query: &Query) -> Result<u64, Failure> {
    let done = prepare(query).execute(connection).await.map_err(Failure::of)?;
    Ok(done.rows_affected())
}

type Prepared<'q> = sqlx::query::Query<'q, Postgres, PgArguments>;

fn prepare(query: &Query) -> Prepared<'static> {
    let statement = query.statement(Driver::Postgres);
    // Safe: the text holds checked names and marks only, every value is a parameter.
    statement.parameters.into_iter().fold(sqlx::query(AssertSqlSafe(statement.sql)), bind)
}

fn bind(query: Prepared<'_>, cell: Cell) -> Prepared<'_> {
    match cell {
        // Nulls have no type here and stand in the statement.
        Cell::Null => query.bind(None::<String>),
        Cell::Int(int) => query.bind(int),
        Cell::Real(real) => query.bind(real),
        Cell::Time(unix) => query.bind(local_of_unix(unix)),
        // What is no text, the database takes for columns of bytes only, and refuses else.
        Cell::Text(bytes) => match String::from_utf8(bytes.to_vec()) {
            Ok(text) => query.bind(text),
            Err(bytes) => query.bind(bytes.into_bytes()),
        },
    }
}

fn row(row: &PgRow) -> Result<Row, sqlx::Error> {
    (0..row.len())
        .map(|at| {
            let raw = row.try_get_raw(at)?;
            if raw.is_null() {
                return Ok(Cell::Null);
            }
            let kind = raw.type_info();
            Ok(match kind.name() {
                "BOOL" => Cell::Int(row.try_get_unchecked::<bool, _>(at)?.into()),
                "INT2" => Cell::Int(row.try_get_unchecked::<i16, _>(at)?.into()),
                "INT4" => Cell::Int(row.try_get_unchecked::<i32, _>(at)?.into()),
                "INT8" => Cell::Int(row.try_get_unchecked(at)?),
                "FLOAT4" => Cell::Real(row.try_get_unchecked::<f32, _>(at)?.into()),
                "FLOAT8" => Cell::Real(row.try_get_unchecked(at)?),
                "TIMESTAMP" => Cell::Time(unix_of_local(row.try_get_unchecked(at)?)),
                "TIMESTAMPTZ" => {
                    let time: chrono::DateTime<chrono::Utc> = row.try_get_unchecked(at)?;
                    Cell::Time(time.timestamp())
                }
                _ => Cell::Text(Bytes::from(row.try_get_unchecked::<Vec<u8>, _>(at)?)),
            })
        })
        .collect()
}
