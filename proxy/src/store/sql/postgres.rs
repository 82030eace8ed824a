//! What PostgreSQL has of its own: how to connect, and cells by the type of the column.

use bytes::Bytes;
use sqlx::Row as _;
use sqlx::postgres::{PgArguments, PgConnectOptions, PgQueryResult, PgRow, PgSslMode, Postgres};

use super::cells;
use super::server::Server;
use crate::store::dates::unix_of_local;
use crate::store::{Cell, Driver, Url};

impl Server for Postgres {
    const DRIVER: Driver = Driver::Postgres;
    const COLUMNS: &'static str = "SELECT column_name::text FROM information_schema.columns \
                                   WHERE table_schema = current_schema() AND table_name = $1";

    fn options(url: &Url) -> PgConnectOptions {
        let options = PgConnectOptions::new_without_pgpass()
            .host(if url.host.is_empty() { "localhost" } else { &url.host })
            .port(url.port.unwrap_or(5432))
            .username(&url.user)
            .database(&url.database)
            .ssl_mode(PgSslMode::Disable)
            .application_name("sip-proxy");
        if url.password.is_empty() { options } else { options.password(&url.password) }
    }

    /// Nulls have no type here and stand in the statement.
    fn bind(
        query: sqlx::query::Query<'static, Postgres, PgArguments>,
        cell: Cell,
    ) -> sqlx::query::Query<'static, Postgres, PgArguments> {
        cells::bind(query, cell)
    }

    fn read(row: &PgRow, at: usize, kind: &str) -> Result<Cell, sqlx::Error> {
        Ok(match kind {
            "BOOL" => Cell::Int(row.try_get_unchecked::<bool, _>(at)?.into()),
            "INT2" => Cell::Int(row.try_get_unchecked::<i16, _>(at)?.into()),
            "INT4" => Cell::Int(row.try_get_unchecked::<i32, _>(at)?.into()),
            "INT8" => Cell::Int(row.try_get_unchecked(at)?),
            "FLOAT4" => Cell::Real(row.try_get_unchecked::<f32, _>(at)?.into()),
            "FLOAT8" => Cell::Real(row.try_get_unchecked(at)?),
            "TIMESTAMP" => Cell::Time(unix_of_local(row.try_get_unchecked(at)?)),
            "TIMESTAMPTZ" => {
                let time: chrono::DateTime<chrono::Utc> = row.try_get_unchecked(at)?;
                Cell::Time(time.timestamp())
            }
            _ => Cell::Text(Bytes::from(row.try_get_unchecked::<Vec<u8>, _>(at)?)),
        })
    }

    fn changed(result: &PgQueryResult) -> u64 {
        result.rows_affected()
    }
}
