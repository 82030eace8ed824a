//! What a module makes of whole tables and keeps for all shards: read with the first use, read again after a reload.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::rows;
use crate::api::{Ctx, Flow, IoRequest, Kept, Level, Resumed, ThenFn, Wait};
use crate::store::{Query, Row, Url};

/// Makes the content of the rows of each query, in order. Errors: one line for the log.
pub type MakeFn<T> = fn(&[Vec<Row>]) -> Result<T, String>;

/// Tables read once.
pub struct Cache<T> {
    url: Arc<Url>,
    queries: Vec<Query>,
    make: MakeFn<T>,
    content: RwLock<Option<Arc<T>>>,
}

/// What is known so far, and what the caller wanted to know it for.
struct Reading {
    rows: Vec<Vec<Row>>,
    kept: Kept,
}

/// How far the reading has come.
pub enum Read<T> {
    /// All is there; the second is what was kept.
    Done(Arc<T>, Kept),
    /// There is more to read: what the function answers.
    Goes(Flow),
    /// It failed, which has been logged.
    Failed,
}

impl<T: Send + Sync + 'static> Cache<T> {
    /// Nothing read yet. `queries`: at least one.
    pub fn new(url: Arc<Url>, queries: Vec<Query>, make: MakeFn<T>) -> Cache<T> {
        Cache { url, queries, make, content: RwLock::default() }
    }

    /// The content, if it has been read.
    pub fn get(&self) -> Option<Arc<T>> {
        self.content.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Forgets the content; the next use reads it again.
    pub fn forget(&self) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Begins to read; `then` hands its answer to [`Cache::go_on`].
    pub fn begin(&self, then: ThenFn, kept: Kept) -> Flow {
        self.ask(then, Reading { rows: Vec::new(), kept })
    }

    /// Takes the rows of one query. `module` stands in the log.
    pub fn go_on(&self, ctx: &mut Ctx<'_>, module: &str, resumed: Resumed, then: ThenFn) -> Read<T> {
        let Ok(reading) = resumed.kept.downcast::<Reading>() else { return Read::Failed };
        let Reading { rows: mut all, kept } = *reading;
        let Some(rows) = rows(ctx, module, resumed.answer) else { return Read::Failed };
        all.push(rows);
        if all.len() < self.queries.len() {
            return Read::Goes(self.ask(then, Reading { rows: all, kept }));
        }
        match (self.make)(&all) {
            Ok(content) => {
                let content = Arc::new(content);
                *self.content.write().unwrap_or_else(PoisonError::into_inner) = Some(content.clone());
                Read::Done(content, kept)
            }
            Err(why) => {
                ctx.log(Level::ERR, format!("{module}: {why}"));
                Read::Failed
            }
        }
    }

    fn ask(&self, then: ThenFn, reading: Reading) -> Flow {
        let query = self.queries[reading.rows.len()].clone();
        Flow::Wait(Wait { request: IoRequest::Query(self.url.clone(), query), then, kept: Box::new(reading) })
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache({:?})", self.queries)
    }
}
