//! The one writer of an SQLite file: what waits is written in one transaction, since each costs a write to the disk
//! and only one connection may write at a time.

use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::pool::Failure;
use super::sqlite::change;
use crate::store::{Query, Reply};

/// Hands changes to the writer.
#[derive(Clone)]
pub(super) struct Writer {
    changes: mpsc::UnboundedSender<Change>,
}

/// A change and who waits for it.
struct Change {
    query: Query,
    done: oneshot::Sender<Result<Reply, Failure>>,
}

/// Most changes in one transaction.
const GROUP: usize = 500;

impl Writer {
    /// Starts the task that writes; it ends with the last handle.
    pub(super) fn start(pool: SqlitePool) -> Writer {
        // The queue of the runner bounds it.
        let (changes, mut queue) = mpsc::unbounded_channel::<Change>();
        tokio::spawn(async move {
            let mut group = Vec::new();
            while queue.recv_many(&mut group, GROUP).await > 0 {
                write(&pool, std::mem::take(&mut group)).await;
            }
        });
        Writer { changes }
    }

    /// Gives a change to the writer and waits until it is on the disk.
    pub(super) async fn run(&self, query: Query) -> Result<Reply, Failure> {
        let (done, answer) = oneshot::channel();
        let ended = || Failure::Lost("the writer has ended".into());
        self.changes.send(Change { query, done }).map_err(|_| ended())?;
        answer.await.map_err(|_| ended())?
    }
}

async fn write(pool: &SqlitePool, group: Vec<Change>) {
    let mut connection = match pool.acquire().await {
        Ok(connection) => connection,
        Err(error) => {
            let why = Failure::of(error).into_text();
            return group.into_iter().for_each(|change| change.answer(Err(Failure::Lost(why.clone()))));
        }
    };
    let mut results = Vec::with_capacity(group.len());
    let begun = raw(&mut connection, "BEGIN IMMEDIATE").await;
    if let Err(failure) = begun {
        let why = failure.into_text();
        return group.into_iter().for_each(|change| change.answer(Err(Failure::Lost(why.clone()))));
    }
    for change in &group {
        results.push(one(&mut connection, &change.query).await);
    }
    let committed = raw(&mut connection, "COMMIT").await;
    if let Err(failure) = committed {
        let _ = raw(&mut connection, "ROLLBACK").await;
        let why = failure.into_text();
        return group.into_iter().for_each(|change| change.answer(Err(Failure::Lost(why.clone()))));
    }
    for (change, result) in group.into_iter().zip(results) {
        change.answer(result.map(Reply::Changed));
    }
}

/// One change of the group. One that fails takes back what it did itself, and nothing else.
async fn one(connection: &mut SqliteConnection, query: &Query) -> Result<u64, Failure> {
    if !matches!(query, Query::All(_)) {
        return change(connection, query).await;
    }
    raw(connection, "SAVEPOINT all_of_it").await?;
    let result = change(connection, query).await;
    if result.is_err() {
        raw(connection, "ROLLBACK TO all_of_it").await?;
    }
    raw(connection, "RELEASE all_of_it").await?;
    result
}

async fn raw(connection: &mut SqliteConnection, statement: &'static str) -> Result<(), Failure> {
    sqlx::query(AssertSqlSafe(statement)).execute(connection).await.map(drop).map_err(Failure::of)
}

impl Change {
    fn answer(self, result: Result<Reply, Failure>) {
        // Who waited for it may have run out of time.
        let _ = self.done.send(result);
    }
}
