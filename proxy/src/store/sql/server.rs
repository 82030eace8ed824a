//! Database servers through sqlx, whichever they are: a pool of connections, statements prepared once for each.

use std::time::Duration;

use sqlx::database::{Database, HasStatementCache};
use sqlx::pool::PoolOptions;
use sqlx::query::Query as Prepared;
use sqlx::{AssertSqlSafe, ColumnIndex, Connection, Executor, IntoArguments};

use super::cells;
use super::pool::Failure;
use crate::store::{Cell, Driver, Query, Reply, Row, Url};

/// What one kind of server has of its own.
pub(super) trait Server: Database + HasStatementCache {
    /// Its name in queries.
    const DRIVER: Driver;
    /// Gives the names of a table's columns; its parameter is the table.
    const COLUMNS: &'static str;

    /// Where and as whom to connect.
    fn options(url: &Url) -> <Self::Connection as Connection>::Options;

    /// Binds one parameter.
    fn bind(query: Statement<Self>, cell: Cell) -> Statement<Self>;

    /// The value in a column whose type has this name; it is not null.
    fn read(row: &Self::Row, at: usize, kind: &str) -> Result<Cell, sqlx::Error>;

    /// How many rows a change was about.
    fn changed(result: &Self::QueryResult) -> u64;
}

type Statement<S> = Prepared<'static, S, <S as Database>::Arguments>;

/// Connections to one database.
pub(super) struct Pool<S: Database>(sqlx::Pool<S>);

// Derived, it would ask the kind of server for a clone.
impl<S: Database> Clone for Pool<S> {
    fn clone(&self) -> Pool<S> {
        Pool(self.0.clone())
    }
}

/// Connections to one database.
const CONNECTIONS: u32 = 8;

/// A connection that was not used for so long is tried before it is used.
const RESTED: Duration = Duration::from_secs(1);

impl<S> Pool<S>
where
    S: Server,
    for<'c> &'c mut S::Connection: Executor<'c, Database = S>,
    S::Arguments: IntoArguments<S>,
    usize: ColumnIndex<S::Row>,
{
    pub(super) fn open(url: &Url) -> Pool<S> {
        let options = PoolOptions::new()
            .max_connections(CONNECTIONS)
            .acquire_timeout(url.options.connect_limit)
            .test_before_acquire(false)
            .before_acquire(|connection: &mut S::Connection, meta| {
                // One that has rested may be gone without our knowing.
                let has_rested = meta.idle_for > RESTED;
                Box::pin(async move {
                    if has_rested {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            });
        Pool(options.connect_lazy_with(S::options(url)))
    }

    pub(super) async fn run(&self, query: &Query) -> Result<Reply, Failure> {
        let mut connection = self.0.acquire().await.map_err(Failure::away)?;
        if query.is_select() {
            return rows::<S>(&mut connection, prepare(query)).await.map(Reply::Rows);
        }
        let Query::All(queries) = query else {
            return Ok(Reply::Changed(change::<S>(&mut connection, query).await?));
        };
        let mut changed = 0;
        let mut transaction = connection.begin().await.map_err(Failure::of)?;
        for query in queries {
            changed += change::<S>(&mut transaction, query).await?;
        }
        transaction.commit().await.map_err(Failure::of)?;
        Ok(Reply::Changed(changed))
    }

    pub(super) async fn execute(&self, statements: &[String]) -> Result<(), Failure> {
        let mut connection = self.0.acquire().await.map_err(Failure::away)?;
        for statement in statements {
            // The statements are the program's own.
            let query: Statement<S> = sqlx::query(AssertSqlSafe(statement.clone())).persistent(false);
            query.execute(&mut *connection).await.map_err(Failure::of)?;
        }
        Ok(())
    }

    pub(super) async fn columns(&self, table: &str) -> Result<Vec<String>, Failure> {
        let mut connection = self.0.acquire().await.map_err(Failure::away)?;
        let query = S::bind(sqlx::query(S::COLUMNS), Cell::text(table.as_bytes()));
        let rows = rows::<S>(&mut connection, query).await?;
        let name = |cell: &Cell| cell.to_text().map(|text| String::from_utf8_lossy(&text).into_owned());
        Ok(rows.iter().filter_map(|row| name(row.first()?)).collect())
    }
}

async fn rows<S>(connection: &mut S::Connection, query: Statement<S>) -> Result<Vec<Row>, Failure>
where
    S: Server,
    for<'c> &'c mut S::Connection: Executor<'c, Database = S>,
    S::Arguments: IntoArguments<S>,
    usize: ColumnIndex<S::Row>,
{
    cells::rows(query.fetch(connection), S::read).await
}

async fn change<S>(connection: &mut S::Connection, query: &Query) -> Result<u64, Failure>
where
    S: Server,
    for<'c> &'c mut S::Connection: Executor<'c, Database = S>,
    S::Arguments: IntoArguments<S>,
{
    let done = prepare::<S>(query).execute(connection).await.map_err(Failure::of)?;
    Ok(S::changed(&done))
}

fn prepare<S: Server>(query: &Query) -> Statement<S> {
    let statement = query.statement(S::DRIVER);
    // Safe: the text holds checked names and marks only, every value is a parameter.
    statement.parameters.into_iter().fold(sqlx::query(AssertSqlSafe(statement.sql)), S::bind)
}
