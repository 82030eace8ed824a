//! Databases over SQL: one thread with its own event loop, a pool of connections for each address.
//!
//! Jobs come in without waiting and are answered by a callback. Each has a time limit; a lost connection is made
//! anew for the next query. Only `server` and the `db` commands of the program run anything in here.

mod sqlite;

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc::{self, Sender};

use super::{Driver, Query, Reply, StoreError, Url, create};

/// Takes what a query came to; called on the database thread.
pub type Answer = Box<dyn FnOnce(Result<Reply, StoreError>) + Send>;

/// The database thread. It ends when the last of its handles is dropped.
#[derive(Clone)]
pub struct Runner {
    jobs: Sender<Job>,
}

struct Job {
    url: Arc<Url>,
    query: Query,
    answer: Answer,
}

/// Most queries waiting.
const QUEUE: usize = 10_000;

/// How long a query may take, waiting for a connection included.
const LIMIT: Duration = Duration::from_secs(5);

impl Runner {
    /// Starts the thread. Errors: the system refuses one.
    pub fn start() -> std::io::Result<Runner> {
        let (jobs, mut queue) = mpsc::channel::<Job>(QUEUE);
        let runtime = runtime()?;
        std::thread::Builder::new().name("database".into()).spawn(move || {
            runtime.block_on(async {
                let mut pools: HashMap<Arc<Url>, sqlite::Pool> = HashMap::new();
                while let Some(Job { url, query, answer }) = queue.recv().await {
                    if url.driver != Driver::Sqlite {
                        answer(Err(StoreError::NoDriver(url.driver.name())));
                        continue;
                    }
                    let pool = pools.entry(url.clone()).or_insert_with(|| sqlite::open(&url)).clone();
                    tokio::spawn(async move { answer(limited(&pool, &query).await) });
                }
            });
        })?;
        Ok(Runner { jobs })
    }

    /// Hands a query in; `answer` is called in any case, with [`StoreError::Busy`] at once when too many wait.
    pub fn run(&self, url: Arc<Url>, query: Query, answer: Answer) {
        if let Err(refused) = self.jobs.try_send(Job { url, query, answer }) {
            (refused.into_inner().answer)(Err(StoreError::Busy));
        }
    }
}

impl fmt::Debug for Runner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Runner")
    }
}

/// Runs a query and waits for it: for commands, not for shards. Errors: see [`StoreError`].
pub fn run_now(url: &Url, query: &Query) -> Result<Reply, StoreError> {
    if url.driver != Driver::Sqlite {
        return Err(StoreError::NoDriver(url.driver.name()));
    }
    now(async { limited(&sqlite::open(url), query).await })
}

/// Creates the tables that are not there yet, and the database file. Errors: see [`StoreError`].
pub fn create_tables(url: &Url) -> Result<(), StoreError> {
    if url.driver != Driver::Sqlite {
        return Err(StoreError::NoDriver(url.driver.name()));
    }
    now(sqlite::create(url, &create()))
}

async fn limited(pool: &sqlite::Pool, query: &Query) -> Result<Reply, StoreError> {
    match tokio::time::timeout(LIMIT, sqlite::run(pool, query)).await {
        Ok(result) => result,
        Err(_) => Err(StoreError::Unreachable(format!("no answer within {} s", LIMIT.as_secs()))),
    }
}

fn now<T>(work: impl Future<Output = Result<T, StoreError>>) -> Result<T, StoreError> {
    let runtime = runtime().map_err(|error| StoreError::Unreachable(error.to_string()))?;
    runtime.block_on(work)
}

fn runtime() -> std::io::Result<Runtime> {
    Builder::new_current_thread().enable_time().enable_io().build()
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::{Runner, create_tables, run_now};
    use crate::store::{Cell, Name, Operator, Query, Reply, StoreError, Url};

    struct File(std::path::PathBuf);

    impl File {
        fn new(name: &str) -> File {
            File(std::env::temp_dir().join(format!("store-{}-{name}.sqlite", std::process::id())))
        }

        fn url(&self) -> Url {
            Url::parse(&format!("sqlite:///{}", self.0.display())).expect("an address")
        }
    }

    impl Drop for File {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    fn user(name: &[u8]) -> Query {
        let values = [("username", name), ("domain", b"a.example"), ("ha1", b"0123")];
        Query::Insert {
            table: Name::known("subscriber"),
            values: values.map(|(column, value)| (Name::known(column), Cell::text(value))).to_vec(),
        }
    }

    fn hash_of(name: &[u8]) -> Query {
        Query::Select {
            table: Name::known("subscriber"),
            columns: vec![Name::known("ha1"), Name::known("id")],
            only: vec![(Name::known("username"), Operator::Equal, Cell::text(name))],
        }
    }

    #[test]
    fn rows_go_in_and_come_back() {
        let file = File::new("rows");
        let url = file.url();
        create_tables(&url).expect("a new file");
        create_tables(&url).expect("again: nothing to do");
        let evil = b"x'); DROP TABLE subscriber; --";
        for name in [&b"alice"[..], evil, b"\xff\xfe"] {
            assert_eq!(run_now(&url, &user(name)), Ok(Reply::Changed(1)));
        }
        let id = |id| Ok(Reply::Rows(vec![vec![Cell::text(b"0123"), Cell::Int(id)]]));
        assert_eq!(run_now(&url, &hash_of(b"alice")), id(1));
        assert_eq!(run_now(&url, &hash_of(evil)), id(2));
        assert_eq!(run_now(&url, &hash_of(b"bob")), Ok(Reply::Rows(vec![])));
        let twice = run_now(&url, &user(b"alice"));
        assert!(matches!(twice, Err(StoreError::Refused(ref why)) if why.contains("UNIQUE")), "{twice:?}");
    }

    #[test]
    fn what_is_not_there_is_told_apart() {
        let file = File::new("missing");
        let missing = run_now(&file.url(), &hash_of(b"alice"));
        assert!(matches!(missing, Err(StoreError::Unreachable(_))), "{missing:?}");
        create_tables(&file.url()).expect("a new file");
        let table = Name::known("nothing");
        let refused = run_now(&file.url(), &Query::Delete { table, only: vec![] });
        assert!(
            matches!(refused, Err(StoreError::Refused(ref why)) if why.contains("nothing")),
            "{refused:?}"
        );
    }

    #[test]
    fn the_runner_answers_every_job() {
        let file = File::new("runner");
        create_tables(&file.url()).expect("a new file");
        let url = Arc::new(file.url());
        let runner = Runner::start().expect("a thread");
        let (sender, answers) = mpsc::channel();
        for number in 0..50 {
            let sender = sender.clone();
            let name = format!("user{number}");
            runner.run(url.clone(), user(name.as_bytes()), Box::new(move |reply| drop(sender.send(reply))));
        }
        for _ in 0..50 {
            assert_eq!(answers.recv().expect("an answer"), Ok(Reply::Changed(1)));
        }
    }
}
