//! Connections to one database, whichever kind it is: limits of time, new tries after a lost connection, and no
//! waiting for a database that was found to be away a moment ago.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::{MySql, Postgres};
use tokio::time::{Instant, timeout};

use super::{server, sqlite, text};
use crate::store::{Driver, Query, Reply, StoreError, Url};

/// Connections to one database; clones share them.
#[derive(Clone)]
pub(super) struct Pool {
    kind: Kind,
    limit: Duration,
    retries: u32,
    /// Until when it is taken for away.
    away_until: Arc<Mutex<Option<Instant>>>,
}

#[derive(Clone)]
enum Kind {
    Sqlite(sqlite::Pool),
    Postgres(server::Pool<Postgres>),
    Mysql(server::Pool<MySql>),
    Text(text::Pool),
}

/// Why a statement did not come to an end.
#[derive(Debug)]
pub(super) enum Failure {
    /// The connection broke.
    Lost(String),
    /// There was none to be had: trying again would only take as long again.
    Away(String),
    /// The database answered that it will not.
    Refused(String),
}

/// So long nobody tries to reach a database that could not be reached: else each query would wait its time for it,
/// and the queue would grow.
const AWAY: Duration = Duration::from_millis(500);

impl Pool {
    /// A pool that connects when it is first used; files must exist.
    pub(super) fn open(url: &Url) -> Pool {
        let kind = match url.driver {
            Driver::Sqlite => Kind::Sqlite(sqlite::Pool::open(url)),
            Driver::Postgres => Kind::Postgres(server::Pool::open(url)),
            Driver::Mysql => Kind::Mysql(server::Pool::open(url)),
            Driver::Text => Kind::Text(text::Pool::open(url)),
        };
        let options = &url.options;
        Pool { kind, limit: options.answer_limit, retries: options.retries, away_until: Arc::default() }
    }

    /// The same for a database whose tables are to be made: its file or directory is made when it is not there.
    ///
    /// Errors: it cannot be made.
    pub(super) async fn create(url: &Url) -> Result<Pool, StoreError> {
        match url.driver {
            Driver::Sqlite => sqlite::create(url).await?,
            Driver::Text => std::fs::create_dir_all(&url.database)
                .map_err(|error| StoreError::Unreachable(format!("{}: {error}", url.database)))?,
            Driver::Postgres | Driver::Mysql => {}
        }
        Ok(Pool::open(url))
    }

    /// Runs a query. Errors: see [`StoreError`].
    pub(super) async fn run(&self, query: &Query) -> Result<Reply, StoreError> {
        if self.is_away() {
            return Err(StoreError::Unreachable("it could not be reached a moment ago".into()));
        }
        let mut tries = 0;
        loop {
            let result = match timeout(self.limit, self.try_run(query)).await {
                Ok(result) => result,
                Err(_) => Err(Failure::Lost(format!("no answer within {:?}", self.limit))),
            };
            match result {
                Ok(reply) => return Ok(reply),
                Err(Failure::Refused(why)) => return Err(StoreError::Refused(why)),
                Err(Failure::Lost(_)) if tries < self.retries => tries += 1,
                Err(Failure::Lost(why) | Failure::Away(why)) => {
                    self.note_away();
                    return Err(StoreError::Unreachable(why));
                }
            }
        }
    }

    /// Runs statements of the program's own. Errors: the first that fails.
    pub(super) async fn execute(&self, statements: &[String]) -> Result<(), StoreError> {
        let result = match &self.kind {
            Kind::Sqlite(pool) => pool.execute(statements).await,
            Kind::Postgres(pool) => pool.execute(statements).await,
            Kind::Mysql(pool) => pool.execute(statements).await,
            Kind::Text(pool) => pool.create(),
        };
        result.map_err(StoreError::from)
    }

    /// The columns a table has.
    pub(super) async fn columns(&self, table: &str) -> Result<Vec<String>, StoreError> {
        let result = match &self.kind {
            Kind::Sqlite(pool) => pool.columns(table).await,
            Kind::Postgres(pool) => pool.columns(table).await,
            Kind::Mysql(pool) => pool.columns(table).await,
            Kind::Text(pool) => pool.columns(table),
        };
        result.map_err(StoreError::from)
    }

    async fn try_run(&self, query: &Query) -> Result<Reply, Failure> {
        match &self.kind {
            Kind::Sqlite(pool) => pool.run(query).await,
            Kind::Postgres(pool) => pool.run(query).await,
            Kind::Mysql(pool) => pool.run(query).await,
            Kind::Text(pool) => pool.run(query),
        }
    }

    fn is_away(&self) -> bool {
        let until = self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        until.is_some_and(|until| Instant::now() < until)
    }

    fn note_away(&self) {
        let mut until = self.away_until.lock().unwrap_or_else(PoisonError::into_inner);
        *until = Some(Instant::now() + AWAY);
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> StoreError {
        match failure {
            Failure::Lost(why) | Failure::Away(why) => StoreError::Unreachable(why),
            Failure::Refused(why) => StoreError::Refused(why),
        }
    }
}

impl Failure {
    /// What was said.
    pub(super) fn into_text(self) -> String {
        match self {
            Failure::Lost(why) | Failure::Away(why) | Failure::Refused(why) => why,
        }
    }

    /// Why there was no connection to be had.
    pub(super) fn away(error: sqlx::Error) -> Failure {
        match Failure::of(error) {
            Failure::Lost(why) => Failure::Away(why),
            other => other,
        }
    }

    /// What the library says. Messages of databases name tables and columns; details with values are left out.
    pub(super) fn of(error: sqlx::Error) -> Failure {
        match error {
            sqlx::Error::Database(inner)
                if is_of_the_connection(inner.code().as_deref(), inner.message()) =>
            {
                Failure::Lost(inner.message().to_owned())
            }
            sqlx::Error::Database(inner) => Failure::Refused(inner.message().to_owned()),
            sqlx::Error::PoolTimedOut => Failure::Lost("no connection to be had in time".into()),
            sqlx::Error::Encode(_) => Failure::Refused("it has no place for a text like this".into()),
            error @ (sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)) => {
                Failure::Refused(error.to_string())
            }
            other => Failure::Lost(other.to_string()),
        }
    }
}

/// Classes 08 (connection) and 57 (the server ends) of the SQL standard and PostgreSQL; a file that is not there.
fn is_of_the_connection(code: Option<&str>, message: &str) -> bool {
    code.is_some_and(|code| code.len() == 5 && (code.starts_with("08") || code.starts_with("57P")))
        || message.contains("unable to open")
}
