//! What MySQL and MariaDB have of their own: how to connect, and cells by the type of the column.

use bytes::Bytes;
use sqlx::Row as _;
use sqlx::mysql::{MySql, MySqlArguments, MySqlConnectOptions, MySqlQueryResult, MySqlRow, MySqlSslMode};

use super::cells;
use super::server::Server;
use crate::store::dates::unix_of_local;
use crate::store::{Cell, Driver, Url};

impl Server for MySql {
    const DRIVER: Driver = Driver::Mysql;
    const COLUMNS: &'static str = "SELECT CAST(column_name AS CHAR) FROM information_schema.columns \
                                   WHERE table_schema = DATABASE() AND table_name = ?";

    fn options(url: &Url) -> MySqlConnectOptions {
        let options = MySqlConnectOptions::new()
            .host(if url.host.is_empty() { "localhost" } else { &url.host })
            .port(url.port.unwrap_or(3306))
            .username(&url.user)
            .database(&url.database)
            .ssl_mode(MySqlSslMode::Disabled)
            // Dates mean local time, as Kamailio writes them.
            .timezone(None)
            .no_engine_substitution(false)
            .pipes_as_concat(false);
        if url.password.is_empty() { options } else { options.password(&url.password) }
    }

    fn bind(
        query: sqlx::query::Query<'static, MySql, MySqlArguments>,
        cell: Cell,
    ) -> sqlx::query::Query<'static, MySql, MySqlArguments> {
        cells::bind(query, cell)
    }

    fn read(row: &MySqlRow, at: usize, kind: &str) -> Result<Cell, sqlx::Error> {
        Ok(match kind {
            "BOOLEAN" | "TINYINT" | "SMALLINT" | "MEDIUMINT" | "INT" | "BIGINT" => {
                Cell::Int(row.try_get_unchecked(at)?)
            }
            name if name.ends_with(" UNSIGNED") => {
                let int: u64 = row.try_get_unchecked(at)?;
                Cell::Int(i64::try_from(int).unwrap_or(i64::MAX))
            }
            "FLOAT" => Cell::Real(row.try_get_unchecked::<f32, _>(at)?.into()),
            "DOUBLE" => Cell::Real(row.try_get_unchecked(at)?),
            "DATETIME" | "TIMESTAMP" => Cell::Time(unix_of_local(row.try_get_unchecked(at)?)),
            _ => Cell::Text(Bytes::from(row.try_get_unchecked::<Vec<u8>, _>(at)?)),
        })
    }

    fn changed(result: &MySqlQueryResult) -> u64 {
        result.rows_affected()
    }
}
