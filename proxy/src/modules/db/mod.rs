//! Modules db_sqlite, db_postgres, db_mysql and db_text: names that say which databases a configuration uses.
//!
//! The drivers themselves are built in and run outside of the shards; a `db_url` needs the module of its driver.

mod cache;
mod drivers;
mod tables;

use crate::api::{Answer, Ctx, IoAnswer, Level, Loading};
use crate::store::{Name, Reply, Row};

pub use cache::{Cache, MakeFn, Read, RefreshedFn};
pub use drivers::{MYSQL, POSTGRES, SQLITE, TEXT, url, url_of};
pub use tables::{needs, noted, prepare, table, table_of, uses};

/// Reads a parameter that names a table or column. Errors: it is no [`Name`].
pub fn name(loading: &Loading<'_>, param: &str) -> Result<Name, String> {
    Name::parse(&loading.params.text(param)).map_err(|error| format!("parameter {param}: {error}"))
}

/// The rows a query of `module` gave; `None` when the database failed, which is logged.
pub fn rows(ctx: &mut Ctx<'_>, module: &str, answer: Answer) -> Option<Vec<Row>> {
    rows_of(answer).inspect_err(|why| ctx.log(Level::ERR, format!("{module}: {why}"))).ok()
}

/// The same without a log. Errors: why there are none.
fn rows_of(answer: Answer) -> Result<Vec<Row>, String> {
    Err(match answer {
        Answer::Io(IoAnswer::Store(Ok(Reply::Rows(rows)))) => return Ok(rows),
        Answer::Io(IoAnswer::Store(Err(error))) => error.to_string(),
        Answer::Io(IoAnswer::Failed(why)) => why,
        _ => "the database gave no rows".to_owned(),
    })
}
