//! What a module makes of whole tables and keeps for all shards: read with the first use, read again after a reload.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use super::rows_of;
use crate::api::{Answer, Ctx, Flow, IoAnswer, IoRequest, Kept, Level, Resumed, Shard, ThenFn, Wait};
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

    /// Begins to read; `then` hands its answer to [`Cache::go_on`].
    pub fn begin(&self, then: ThenFn, kept: Kept) -> Flow {
        self.ask(then, Reading { rows: Vec::new(), kept })
    }

    /// Takes the rows of one query. `module` stands in the log.
    pub fn go_on(&self, ctx: &mut Ctx<'_>, module: &str, resumed: Resumed, then: ThenFn) -> Read<T> {
        let Ok(reading) = resumed.kept.downcast::<Reading>() else { return Read::Failed };
        let Reading { rows: mut all, kept } = *reading;
        match rows_of(resumed.answer) {
            Ok(rows) => all.push(rows),
            Err(why) => return failed(ctx.shard, module, &why),
        }
        if all.len() < self.queries.len() {
            return Read::Goes(self.ask(then, Reading { rows: all, kept }));
        }
        match self.keep(&all) {
            Ok(content) => Read::Done(content, kept),
            Err(why) => failed(ctx.shard, module, &why),
        }
    }

    /// Reads the tables without a run that waits, and what is there stays until all of it has come: for the start
    /// and for a reload. `then` sees the new content. `module` stands in the log.
    pub fn refresh(self: &Arc<Self>, shard: &mut Shard, module: &'static str, then: RefreshedFn<T>) {
        Refresh { cache: self.clone(), module, then, rows: Vec::new() }.ask(shard);
    }

    fn keep(&self, rows: &[Vec<Row>]) -> Result<Arc<T>, String> {
        let content = Arc::new((self.make)(rows)?);
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = Some(content.clone());
        Ok(content)
    }

    fn request(&self, number: usize) -> IoRequest {
        IoRequest::Query(self.url.clone(), self.queries[number].clone())
    }

    fn ask(&self, then: ThenFn, reading: Reading) -> Flow {
        let request = self.request(reading.rows.len());
        Flow::Wait(Wait { request, then, kept: Box::new(reading) })
    }
}

fn failed<T>(shard: &mut Shard, module: &str, why: &str) -> Read<T> {
    shard.log.write(Level::ERR, format!("{module}: {why}").as_bytes());
    Read::Failed
}

/// Called when tables have been read anew.
pub type RefreshedFn<T> = fn(&mut Shard, &T);

/// A reading without a run.
struct Refresh<T> {
    cache: Arc<Cache<T>>,
    module: &'static str,
    then: RefreshedFn<T>,
    rows: Vec<Vec<Row>>,
}

impl<T: Send + Sync + 'static> Refresh<T> {
    fn ask(self, shard: &mut Shard) {
        let request = self.cache.request(self.rows.len());
        shard.ask(request, Refresh::<T>::answered, Box::new(self));
    }

    fn answered(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
        let Ok(mut refresh) = kept.downcast::<Refresh<T>>() else { return };
        let done = rows_of(Answer::Io(answer)).and_then(|rows| {
            refresh.rows.push(rows);
            let is_complete = refresh.rows.len() == refresh.cache.queries.len();
            if is_complete { refresh.cache.keep(&refresh.rows).map(Some) } else { Ok(None) }
        });
        match done {
            Ok(Some(content)) => (refresh.then)(shard, &content),
            Ok(None) => refresh.ask(shard),
            Err(why) => shard.log.write(Level::ERR, format!("{}: {why}", refresh.module).as_bytes()),
        }
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cache({:?})", self.queries)
    }
}
