//! What modules want of the process before its first message and behind its last one: tables that must have the
//! right form, rows to be read, rows to be written. A module's `load` asks for it; `server` does it, beside the
//! shards.

use std::fmt;
use std::sync::Arc;

use super::state::Shared;
use crate::store::{Name, Query, Row, Url};

/// What all modules want, in the order they were loaded.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    /// Tables that must be there.
    pub checks: Vec<TableCheck>,
    /// Rows to be read, behind all checks.
    pub reads: Vec<StartRead>,
    /// Rows to be written when all shards have ended.
    pub ends: Vec<AtEnd>,
}

/// A table a module works with.
#[derive(Clone, Debug, PartialEq)]
pub struct TableCheck {
    /// The module.
    pub module: &'static str,
    /// The database.
    pub url: Arc<Url>,
    /// The table.
    pub table: Name,
    /// The version it must have.
    pub version: u32,
    /// Whether table `version` must know it.
    pub versions: Versions,
}

/// What is asked of table `version`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Versions {
    /// It has a row for the table.
    Required,
    /// A table without a row there is taken as it is.
    IfNoted,
}

/// Rows read before the first message, once for all shards: without them the program does not start. What a shard
/// keeps for itself it asks for in its start instead, and serves messages without it when no answer comes.
#[derive(Clone)]
pub struct StartRead {
    /// The module.
    pub module: &'static str,
    /// The database.
    pub url: Arc<Url>,
    /// A select.
    pub query: Query,
    /// Gets the rows.
    pub take: TakeRows,
}

/// Takes rows read at the start. Errors: one line; the start fails.
pub type TakeRows = Arc<dyn Fn(&Shared, Vec<Row>) -> Result<(), String> + Send + Sync>;

/// Gives what must still be written when all shards have ended.
#[derive(Clone)]
pub struct AtEnd(pub LastWrites);

/// The writes, each with its database.
pub type LastWrites = Arc<dyn Fn(&Shared) -> Vec<(Arc<Url>, Query)> + Send + Sync>;

impl fmt::Debug for StartRead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StartRead({}, {:?})", self.module, self.query)
    }
}

impl fmt::Debug for AtEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AtEnd")
    }
}
