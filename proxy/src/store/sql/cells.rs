//! Cells into statements and out of rows, the same for every kind of database that sqlx speaks to.

use chrono::NaiveDateTime;
use futures_util::{Stream, StreamExt, TryStreamExt};
use sqlx::database::Database;
use sqlx::query::Query as Prepared;
use sqlx::{ColumnIndex, Encode, Type, TypeInfo, ValueRef};

use super::pool::Failure;
use crate::store::dates::local_of_unix;
use crate::store::{Cell, Row};

/// Binds one parameter. What is no text goes as bytes, which the database takes for columns of bytes only.
pub(super) fn bind<DB>(
    query: Prepared<'static, DB, DB::Arguments>,
    cell: Cell,
) -> Prepared<'static, DB, DB::Arguments>
where
    DB: Database,
    Option<String>: Encode<'static, DB> + Type<DB>,
    i64: Encode<'static, DB> + Type<DB>,
    f64: Encode<'static, DB> + Type<DB>,
    NaiveDateTime: Encode<'static, DB> + Type<DB>,
    String: Encode<'static, DB> + Type<DB>,
    Vec<u8>: Encode<'static, DB> + Type<DB>,
{
    match cell {
        Cell::Null => query.bind(None::<String>),
        Cell::Int(int) => query.bind(int),
        Cell::Real(real) => query.bind(real),
        Cell::Time(unix) => query.bind(local_of_unix(unix)),
        Cell::Text(bytes) => match String::from_utf8(bytes.to_vec()) {
            Ok(text) => query.bind(text),
            Err(bytes) => query.bind(bytes.into_bytes()),
        },
    }
}

/// The cells of rows, taken as the rows come: all rows of a large table as the library holds them would need several
/// times the memory. `read` gives the cell in a column whose type has this name.
pub(super) async fn rows<R>(
    rows: impl Stream<Item = Result<R, sqlx::Error>>,
    read: fn(&R, usize, &str) -> Result<Cell, sqlx::Error>,
) -> Result<Vec<Row>, Failure>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
{
    let cells = rows.map(|row| row.and_then(|row| cells(&row, read)));
    cells.try_collect().await.map_err(Failure::of)
}

fn cells<R>(row: &R, read: fn(&R, usize, &str) -> Result<Cell, sqlx::Error>) -> Result<Row, sqlx::Error>
where
    R: sqlx::Row,
    usize: ColumnIndex<R>,
{
    (0..row.len())
        .map(|at| {
            let raw = row.try_get_raw(at)?;
            if raw.is_null() { Ok(Cell::Null) } else { read(row, at, raw.type_info().name()) }
        })
        .collect()
}
