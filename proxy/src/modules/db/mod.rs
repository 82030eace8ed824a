//! Modules db_sqlite, db_postgres, db_mysql and db_text: names that say which databases a configuration uses.
//!
//! The drivers themselves are built in and run outside of the shards; a `db_url` needs the module of its driver.

mod cache;
mod drivers;

use std::sync::Arc;

use crate::api::{Answer, Ctx, IoAnswer, Level, Loading, TableCheck};
use crate::store::{self, Name, Reply, Row, Url};

pub use cache::{Cache, MakeFn, Read, RefreshedFn};
pub use drivers::{MYSQL, POSTGRES, SQLITE, TEXT, url};

/// Reads a parameter that names a table or column. Errors: it is no [`Name`].
pub fn name(loading: &Loading<'_>, param: &str) -> Result<Name, String> {
    Name::parse(&loading.params.text(param)).map_err(|error| format!("parameter {param}: {error}"))
}

/// The start fails unless `table` of the database is there, in the version that our table `kind` has.
pub fn needs(loading: &mut Loading<'_>, url: &Arc<Url>, kind: &'static str, table: &Name) {
    let Some(known) = store::table(kind) else { return };
    let module = loading.params.module().name;
    let check = TableCheck { module, url: url.clone(), table: table.clone(), version: known.version };
    if !loading.lifecycle.checks.contains(&check) {
        loading.lifecycle.checks.push(check);
    }
}

/// Reads an argument that names a table; one that is none is logged.
pub fn table(ctx: &mut Ctx<'_>, module: &str, name: &[u8]) -> Option<Name> {
    let table = Name::parse(name);
    table.inspect_err(|error| ctx.log(Level::ERR, format!("{module}: {error}"))).ok()
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
