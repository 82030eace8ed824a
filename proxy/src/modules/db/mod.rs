//! Modules db_sqlite, db_postgres, db_mysql and db_text: names that say which databases a configuration uses.
//!
//! The drivers themselves are built in and run outside of the shards; a `db_url` needs the module of its driver.

mod cache;

use std::sync::Arc;

use crate::api::{Answer, Ctx, IoAnswer, Level, Loading, ModuleDef, ParamDef};
use crate::store::{Driver, Name, Reply, Row, Url};

pub use cache::{Cache, MakeFn, Read, RefreshedFn};

/// The table of module db_sqlite.
pub static SQLITE: ModuleDef = ModuleDef {
    name: "db_sqlite",
    params: &[
        ParamDef::list("db_set_readonly", "has no effect"),
        ParamDef::list("db_set_journal_mode", "has no effect; the mode of the file is kept"),
        ParamDef::list("db_set_busy_timeout", "has no effect; writers wait for each other for 2 s"),
    ],
    ..ModuleDef::EMPTY
};

/// The table of module db_postgres.
pub static POSTGRES: ModuleDef = ModuleDef {
    name: "db_postgres",
    params: &[
        ParamDef::int("retries", 2, "has no effect"),
        ParamDef::int("timeout", 0, "has no effect"),
        ParamDef::int("tcp_keepalive", 0, "has no effect"),
        ParamDef::int("lockset", 4, "has no effect"),
        ParamDef::int("bytea_output_escape", 1, "has no effect"),
        ParamDef::text("con_param", "", "has no effect"),
    ],
    ..ModuleDef::EMPTY
};

/// The table of module db_mysql.
pub static MYSQL: ModuleDef = ModuleDef {
    name: "db_mysql",
    params: &[
        ParamDef::int("ping_interval", 300, "has no effect"),
        ParamDef::int("connect_timeout", 2, "has no effect"),
        ParamDef::int("send_timeout", 2, "has no effect"),
        ParamDef::int("receive_timeout", 4, "has no effect"),
        ParamDef::int("timeout_interval", 2, "has no effect"),
        ParamDef::int("auto_reconnect", 1, "has no effect"),
        ParamDef::int("retries", 1, "has no effect"),
        ParamDef::int("insert_delayed", 0, "has no effect"),
        ParamDef::int("update_affected_found", 0, "has no effect"),
        ParamDef::int("unsigned_type", 0, "has no effect"),
        ParamDef::int("server_timezone", 0, "has no effect"),
        ParamDef::int("opt_ssl_mode", 0, "has no effect"),
        ParamDef::text("opt_ssl_ca", "", "has no effect"),
    ],
    ..ModuleDef::EMPTY
};

/// The table of module db_text.
pub static TEXT: ModuleDef = ModuleDef {
    name: "db_text",
    params: &[
        ParamDef::int("db_mode", 0, "has no effect"),
        ParamDef::text("db_delim", ":", "has no effect"),
        ParamDef::int("emptystring", 0, "has no effect"),
        ParamDef::int("file_buffer_size", 16_384, "has no effect"),
        ParamDef::int("max_result_rows", 100_000, "has no effect"),
        ParamDef::text("default_connection", "", "has no effect"),
    ],
    ..ModuleDef::EMPTY
};

/// Reads the parameter `db_url` of the module being loaded.
///
/// Errors: it is no address, the module of its driver is not loaded, or the driver is not built in.
pub fn url(loading: &Loading<'_>) -> Result<Arc<Url>, String> {
    let text = loading.params.text("db_url");
    let url =
        Url::parse(&String::from_utf8_lossy(&text)).map_err(|error| format!("parameter db_url: {error}"))?;
    let driver = url.driver.name();
    if !loading.catalog.is_loaded(&format!("db_{driver}")) {
        return Err(format!("parameter db_url asks for {driver}, expected loadmodule \"db_{driver}.so\""));
    }
    if url.driver != Driver::Sqlite {
        return Err(format!("parameter db_url asks for {driver}, only sqlite is built in yet"));
    }
    Ok(Arc::new(url))
}

/// Reads a parameter that names a table or column. Errors: it is no [`Name`].
pub fn name(loading: &Loading<'_>, param: &str) -> Result<Name, String> {
    Name::parse(&loading.params.text(param)).map_err(|error| format!("parameter {param}: {error}"))
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
