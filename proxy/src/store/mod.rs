//! The database room: addresses, queries, rows and table schemas as data, and below `sql` the drivers.
//!
//! Modules make a [`Query`] and wait for its [`Reply`]; `server::io` runs it through [`sql::Runner`], so no shard
//! waits for a database. Values travel as parameters only: SQL text is made from checked [`Name`]s and nothing else.

mod dates;
mod options;
mod query;
mod schema;
pub mod sql;
mod text_table;
mod url;

pub use dates::julian_day;
pub use options::{Journal, Options};
pub use query::{Cell, Name, NameError, Operator, Query, Reply, Row, Statement, StoreError};
pub use schema::{Column, ColumnType, Key, Table, create, table, tables};
pub use url::{Driver, Url, UrlError};
