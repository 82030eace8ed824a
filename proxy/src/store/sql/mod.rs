//! Databases over SQL: one thread with its own event loop, a pool of connections for each address.
//!
//! Jobs come in without waiting and are answered by a callback. Each has a time limit; a lost connection is made
//! anew for the next query. Only `server` and the `db` commands of the program run anything in here.

mod cells;
mod group;
mod mysql;
mod pool;
mod postgres;
mod server;
mod sqlite;
#[cfg(test)]
mod tests;
mod text;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, Sender};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Cell, Name, Operator, Query, Reply, StoreError, Url, create};
use pool::Pool;

/// Takes what a query came to; called on the database thread.
pub type Answer = Box<dyn FnOnce(Result<Reply, StoreError>) + Send>;

/// The database thread. It ends when the last of its handles is dropped.
#[derive(Clone)]
pub struct Runner {
    jobs: Sender<Job>,
    room: Arc<Semaphore>,
}

struct Job {
    url: Arc<Url>,
    query: Query,
    answer: Answer,
    /// Held until the answer was given.
    place: OwnedSemaphorePermit,
}

/// Most queries waiting, those at work included.
const QUEUE: usize = 10_000;

impl Runner {
    /// Starts the thread. Errors: the system refuses one.
    pub fn start() -> std::io::Result<Runner> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let runtime = runtime()?;
        std::thread::Builder::new().name("database".into()).spawn(move || {
            runtime.block_on(async {
                let mut pools: HashMap<Arc<Url>, Pool> = HashMap::new();
                while let Some(Job { url, query, answer, place }) = queue.recv().await {
                    let pool = pools.entry(url.clone()).or_insert_with(|| Pool::open(&url)).clone();
                    tokio::spawn(async move {
                        answer(pool.run(&query).await);
                        drop(place);
                    });
                }
            });
        })?;
        Ok(Runner { jobs, room: Arc::new(Semaphore::new(QUEUE)) })
    }

    /// Hands a query in; `answer` is called in any case, with [`StoreError::Busy`] at once when too many wait.
    pub fn run(&self, url: Arc<Url>, query: Query, answer: Answer) {
        let Ok(place) = self.room.clone().try_acquire_owned() else { return answer(Err(StoreError::Busy)) };
        if let Err(refused) = self.jobs.try_send(Job { url, query, answer, place }) {
            (refused.into_inner().answer)(Err(StoreError::Busy));
        }
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}

/// Runs a query and waits for it: for the start and for commands, not for shards. Errors: see [`StoreError`].
pub fn run_now(url: &Url, query: &Query) -> Result<Reply, StoreError> {
    now(async { Pool::open(url).run(query).await })
}

/// Creates the tables that are not there yet, and the file of a database that is one. Errors: see [`StoreError`].
pub fn create_tables(url: &Url) -> Result<(), StoreError> {
    now(async { Pool::create(url).await?.execute(&create(url.driver)).await })
}

/// The number table `version` has for a table; `None` for none. Errors: see [`StoreError`].
pub fn version(url: &Url, table: &str) -> Result<Option<u32>, StoreError> {
    let query = Query::Select {
        table: Name::known("version"),
        columns: vec![Name::known("table_version")],
        only: vec![(Name::known("table_name"), Operator::Equal, Cell::text(table.as_bytes()))],
    };
    let Reply::Rows(rows) = run_now(url, &query)? else { return Ok(None) };
    Ok(rows.first().and_then(|row| u32::try_from(row[0].to_int()?).ok()))
}

/// Runs statements of the program's own, one after the other. Errors: see [`StoreError`].
pub fn execute(url: &Url, statements: &[String]) -> Result<(), StoreError> {
    now(async { Pool::open(url).execute(statements).await })
}

/// The columns a table has; none when there is no such table. Errors: see [`StoreError`].
pub fn columns(url: &Url, table: &str) -> Result<Vec<String>, StoreError> {
    now(async { Pool::open(url).columns(table).await })
}

fn now<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let runtime = runtime().map_err(|error| StoreError::Unreachable(error.to_string()))?;
    runtime.block_on(work)
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_time().enable_io().build()
}
