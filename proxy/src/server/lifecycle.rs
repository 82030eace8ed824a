//! What modules want done before the first message and behind the last one: the versions of their tables are
//! checked, rows read and rows written.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{Shared, TableCheck, Versions};
use crate::script::Script;
use crate::store::{Query, Reply, StoreError, Url, sql};

/// Checks the tables and reads the rows a script asks for. Errors: one line for each thing that is not right.
pub fn prepare(script: &Script) -> Result<(), Vec<String>> {
    let wrong: Vec<String> = script.lifecycle.checks.iter().filter_map(|check| verify(check).err()).collect();
    if !wrong.is_empty() {
        return Err(wrong);
    }
    for read in &script.lifecycle.reads {
        let failed = |why: String| vec![format!("module {}: {why}", read.module)];
        let reply =
            sql::run_now(&patient(&read.url), &read.query).map_err(|error| failed(error.to_string()))?;
        let Reply::Rows(rows) = reply else { continue };
        (read.take)(&script.shared, rows).map_err(failed)?;
    }
    Ok(())
}

/// The same database with the time that a whole table may take.
fn patient(url: &Url) -> Url {
    let mut url = url.clone();
    url.options.answer_limit = url.options.answer_limit.max(WHOLE_TABLE);
    url
}

/// How long the rows of a table may take at the start, and the last writes.
const WHOLE_TABLE: Duration = Duration::from_secs(120);

/// Writes what modules still have to write. Errors: one line for each write that failed.
pub(super) fn close(script: &Script, shared: &Shared) -> Vec<String> {
    let writes = script.lifecycle.ends.iter().flat_map(|end| (end.0)(shared));
    let fail = |(url, query): (Arc<Url>, Query)| {
        let error = sql::run_now(&patient(&url), &query).err()?;
        Some(format!("the last writes to {url} failed: {error}"))
    };
    writes.filter_map(fail).collect()
}

fn verify(check: &TableCheck) -> Result<(), String> {
    let TableCheck { module, url, table, version, versions } = check;
    let table = table.as_str();
    let found = match sql::version(url, table) {
        Ok(found) => found,
        Err(error @ StoreError::Refused(_)) => {
            return Err(format!(
                "module {module}: {url} has no table version ({error}), wanted is version {version} of table \
                 {table}; `sip-proxy db create {url}` makes the tables"
            ));
        }
        Err(error) => {
            return Err(format!(
                "module {module}: {url} cannot be asked for table {table}: {error}; `sip-proxy db create {url}` \
                 makes a database that is a file"
            ));
        }
    };
    match found {
        Some(found) if found == *version => Ok(()),
        None if *versions == Versions::IfNoted
            && sql::columns(url, table).is_ok_and(|found| !found.is_empty()) =>
        {
            Ok(())
        }
        Some(found) => Err(format!(
            "module {module}: table {table} of {url} has version {found}, wanted is {version}; \
             `sip-proxy db upgrade {url}` brings it up to date"
        )),
        None => Err(format!(
            "module {module}: {url} has no table {table}, wanted is its version {version}; \
             `sip-proxy db create {url}` makes it"
        )),
    }
}
