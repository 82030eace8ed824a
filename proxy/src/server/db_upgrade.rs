//! `sip-proxy db upgrade`: brings the tables of a database to the versions of this program. Tables that are missing
//! are made, columns that are missing are added; nothing is removed and no row is touched.

use crate::store::{Cell, Name, Operator, Query, Reply, StoreError, Table, Url, create, sql, tables};

/// Upgrades a database. Gives a line for each table that was changed or that is newer than ours.
///
/// Errors: the database cannot be reached, or it refuses a change.
pub(super) fn upgrade(url: &Url) -> Result<String, StoreError> {
    // Makes the table of versions too.
    let before: Vec<_> = tables().map(|table| found(url, table)).collect::<Result<_, _>>()?;
    let mut report = String::new();
    for (table, (version, columns)) in tables().zip(before) {
        if columns.is_empty() {
            sql::execute(url, &table.create(url.driver))?;
            set_version(url, table, version.is_some())?;
            report.push_str(&format!("{}: made, version {}\n", table.name, table.version));
            continue;
        }
        match version {
            Some(version) if version == table.version => {}
            Some(version) if version > table.version => report.push_str(&format!(
                "{}: version {version} is newer than {}, left as it is\n",
                table.name, table.version
            )),
            older => {
                let added = add_columns(url, table, &columns)?;
                set_version(url, table, older.is_some())?;
                let from = older.map_or("no version".to_owned(), |version| format!("version {version}"));
                let added = if added.is_empty() { "none".to_owned() } else { added.join(" ") };
                report.push_str(&format!(
                    "{}: from {from} to {}, new columns: {added}\n",
                    table.name, table.version
                ));
            }
        }
    }
    Ok(report)
}

/// The version noted for a table, and the columns it has.
fn found(url: &Url, table: &Table) -> Result<(Option<u32>, Vec<String>), StoreError> {
    let version = match sql::version(url, table.name) {
        Ok(version) => version,
        // There is no table of versions: it comes first of all that is created.
        Err(StoreError::Refused(_)) => {
            sql::execute(url, &create(url.driver)[..1])?;
            None
        }
        Err(error) => return Err(error),
    };
    Ok((version, sql::columns(url, table.name)?))
}

fn add_columns(url: &Url, table: &Table, there: &[String]) -> Result<Vec<&'static str>, StoreError> {
    let missing: Vec<_> =
        table.columns.iter().filter(|column| !there.iter().any(|name| name == column.name)).collect();
    let statements: Vec<String> = missing.iter().map(|column| table.add_column(column, url.driver)).collect();
    sql::execute(url, &statements)?;
    Ok(missing.iter().map(|column| column.name).collect())
}

fn set_version(url: &Url, table: &Table, is_noted: bool) -> Result<Reply, StoreError> {
    let name = (Name::known("table_name"), Cell::text(table.name.as_bytes()));
    let version = (Name::known("table_version"), Cell::Int(table.version.into()));
    let versions = Name::known("version");
    let query = if is_noted {
        Query::Update {
            table: versions,
            values: vec![version],
            only: vec![(name.0, Operator::Equal, name.1)],
        }
    } else {
        Query::Insert { table: versions, values: vec![name, version] }
    };
    sql::run_now(url, &query)
}
