//! The four modules of drivers: their parameters say how databases of their kind are used.

use std::sync::Arc;
use std::time::Duration;

use crate::api::{Loading, ModuleDef, ParamDef, Params};
use crate::store::{Driver, Journal, Options, Url};

/// The table of module db_sqlite.
pub static SQLITE: ModuleDef = ModuleDef {
    name: "db_sqlite",
    params: &[
        ParamDef::list("db_set_readonly", "file that is never written"),
        ParamDef::list("db_set_journal_mode", "file=MODE: its journal, e.g. /var/k.sqlite=WAL"),
        ParamDef::list(
            "db_set_busy_timeout",
            "file=ms: how long a writer waits for another, 2000 unless set",
        ),
    ],
    load: Some(load_sqlite),
    ..ModuleDef::EMPTY
};

/// The table of module db_postgres.
pub static POSTGRES: ModuleDef = ModuleDef {
    name: "db_postgres",
    params: &[
        ParamDef::int("retries", 2, "how often a query is tried again after its connection was lost"),
        ParamDef::int("timeout", 0, "seconds to connect and to answer; 0: 2 and 5"),
        ParamDef::int("tcp_keepalive", 0, "has no effect: connections that rested are tried before use"),
        ParamDef::int("lockset", 4, "has no effect: there are no locks"),
        ParamDef::int("bytea_output_escape", 1, "has no effect: bytes come as they are"),
        ParamDef::text("con_param", "", "has no effect"),
    ],
    load: Some(load_postgres),
    ..ModuleDef::EMPTY
};

/// The table of module db_mysql.
pub static MYSQL: ModuleDef = ModuleDef {
    name: "db_mysql",
    params: &[
        ParamDef::int("ping_interval", 300, "has no effect: connections that rested are tried before use"),
        ParamDef::int("connect_timeout", 2, "seconds to connect"),
        ParamDef::int("send_timeout", 2, "has no effect: receive_timeout holds for both ways"),
        ParamDef::int("receive_timeout", 4, "seconds to answer"),
        ParamDef::int("timeout_interval", 2, "a third of the seconds to answer, without receive_timeout"),
        ParamDef::int("auto_reconnect", 1, "whether a query is tried again after its connection was lost"),
        ParamDef::int("retries", 1, "how often"),
        ParamDef::int("insert_delayed", 0, "has no effect"),
        ParamDef::int("update_affected_found", 0, "has no effect: rows found are counted"),
        ParamDef::int("unsigned_type", 0, "has no effect: numbers keep their sign"),
        ParamDef::int("server_timezone", 0, "has no effect: times are local times"),
        ParamDef::int("opt_ssl_mode", 0, "has no effect"),
        ParamDef::text("opt_ssl_ca", "", "has no effect"),
    ],
    load: Some(load_mysql),
    ..ModuleDef::EMPTY
};

/// The table of module db_text.
pub static TEXT: ModuleDef = ModuleDef {
    name: "db_text",
    params: &[
        ParamDef::int("db_mode", 0, "has no effect: a table is read again when its file has changed"),
        ParamDef::text("db_delim", ":", "what stands between fields"),
        ParamDef::int("emptystring", 0, "whether an empty field is an empty text, not null"),
        ParamDef::int("file_buffer_size", 16_384, "has no effect"),
        ParamDef::int("max_result_rows", 100_000, "has no effect"),
        ParamDef::text("default_connection", "", "has no effect"),
    ],
    load: Some(load_text),
    ..ModuleDef::EMPTY
};

/// Options of PostgreSQL.
struct OfPostgres(Options);

/// Options of MySQL.
struct OfMysql(Options);

/// Options of text tables.
struct OfText(Options);

/// What was said about files of SQLite.
#[derive(Default)]
struct OfSqlite {
    read_only: Vec<String>,
    journals: Vec<(String, Journal)>,
    busy: Vec<(String, Duration)>,
}

/// Reads the parameter `db_url` of the module being loaded.
///
/// Errors: it is no address, or the module of its driver is not loaded.
pub fn url(loading: &Loading<'_>) -> Result<Arc<Url>, String> {
    url_of(loading, "db_url")
}

/// The same of a parameter with another name.
pub fn url_of(loading: &Loading<'_>, param: &str) -> Result<Arc<Url>, String> {
    let text = loading.params.text(param);
    let mut url =
        Url::parse(&String::from_utf8_lossy(&text)).map_err(|error| format!("parameter {param}: {error}"))?;
    let driver = url.driver.name();
    if !loading.catalog.is_loaded(&format!("db_{driver}")) {
        return Err(format!("parameter {param} asks for {driver}, expected loadmodule \"db_{driver}.so\""));
    }
    let shared = &loading.shared;
    let options = match url.driver {
        Driver::Sqlite => shared.peek::<OfSqlite>().map(|of| of.options(&url.database)),
        Driver::Postgres => shared.peek::<OfPostgres>().map(|of| of.0.clone()),
        Driver::Mysql => shared.peek::<OfMysql>().map(|of| of.0.clone()),
        Driver::Text => shared.peek::<OfText>().map(|of| of.0.clone()),
    };
    // The driver's module may stand behind this one: then its parameters hold for later ones only.
    url.options = options.unwrap_or(url.options);
    Ok(Arc::new(url))
}

fn load_sqlite(loading: &mut Loading<'_>) -> Result<(), String> {
    let mut of = OfSqlite::default();
    for value in loading.params.list("db_set_readonly") {
        of.read_only.push(file(&String::from_utf8_lossy(&value.to_text())));
    }
    for (path, mode) in pairs(loading.params, "db_set_journal_mode")? {
        let journal = Journal::parse(&mode).ok_or_else(|| {
            format!(
                "parameter db_set_journal_mode: {mode} is no journal of SQLite, expected WAL, DELETE, \
                 TRUNCATE, PERSIST, MEMORY or OFF"
            )
        })?;
        of.journals.push((path, journal));
    }
    for (path, ms) in pairs(loading.params, "db_set_busy_timeout")? {
        let ms = ms.parse().map_err(|_| format!("parameter db_set_busy_timeout: {ms} is no number of ms"))?;
        of.busy.push((path, Duration::from_millis(ms)));
    }
    loading.shared.put(of);
    Ok(())
}

fn pairs(params: &Params, name: &str) -> Result<Vec<(String, String)>, String> {
    let pair = |text: String| {
        let (path, value) = text
            .split_once('=')
            .ok_or_else(|| format!("parameter {name}: expected FILE=VALUE, not {text}"))?;
        Ok((file(path), value.to_owned()))
    };
    let texts = params.list(name).iter().map(|value| String::from_utf8_lossy(&value.to_text()).into_owned());
    texts.map(pair).collect()
}

/// A file may be named by its path or by its address.
fn file(path: &str) -> String {
    path.strip_prefix("sqlite:///").unwrap_or(path).to_owned()
}

impl OfSqlite {
    fn options(&self, path: &str) -> Options {
        let usual = Options::usual(Driver::Sqlite);
        let busy = self.busy.iter().find(|(file, _)| file == path).map(|(_, limit)| *limit);
        Options {
            is_read_only: self.read_only.iter().any(|file| file == path),
            journal: self.journals.iter().find(|(file, _)| file == path).map(|(_, journal)| *journal),
            busy_limit: busy.unwrap_or(usual.busy_limit),
            ..usual
        }
    }
}

fn load_postgres(loading: &mut Loading<'_>) -> Result<(), String> {
    let usual = Options::usual(Driver::Postgres);
    let retries = count(loading.params, "retries")?;
    let options = match seconds(loading.params, "timeout")? {
        Duration::ZERO => Options { retries, ..usual },
        limit => Options { connect_limit: limit, answer_limit: limit, retries, ..usual },
    };
    loading.shared.put(OfPostgres(options));
    Ok(())
}

fn load_mysql(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let is_old = params.is_set("timeout_interval") && !params.is_set("receive_timeout");
    let answer_limit =
        if is_old { 3 * seconds(params, "timeout_interval")? } else { seconds(params, "receive_timeout")? };
    let retries = if params.int("auto_reconnect") == 0 { 0 } else { count(params, "retries")? };
    let connect_limit = seconds(params, "connect_timeout")?;
    let usual = Options::usual(Driver::Mysql);
    loading.shared.put(OfMysql(Options { connect_limit, answer_limit, retries, ..usual }));
    Ok(())
}

fn load_text(loading: &mut Loading<'_>) -> Result<(), String> {
    let delimiter = match loading.params.text("db_delim")[..] {
        [one] => one,
        _ => return Err("parameter db_delim is one character".into()),
    };
    let empty_is_text = loading.params.int("emptystring") != 0;
    loading.shared.put(OfText(Options { delimiter, empty_is_text, ..Options::usual(Driver::Text) }));
    Ok(())
}

fn seconds(params: &Params, name: &str) -> Result<Duration, String> {
    Ok(Duration::from_secs(count(params, name)?.into()))
}

fn count(params: &Params, name: &str) -> Result<u32, String> {
    u32::try_from(params.int(name))
        .map_err(|_| format!("parameter {name} is {}, expected 0 or more", params.int(name)))
}

#[cfg(test)]
mod tests {
    use crate::trial::compile;

    #[test]
    fn parameters_that_make_no_sense_are_refused() {
        let rows = [
            ("db_sqlite", "db_set_journal_mode", "/x=SAFE", "SAFE is no journal"),
            ("db_sqlite", "db_set_busy_timeout", "/x", "expected FILE=VALUE"),
            ("db_sqlite", "db_set_busy_timeout", "/x=soon", "soon is no number"),
            ("db_text", "db_delim", "::", "one character"),
        ];
        for (module, name, value, expected) in rows {
            let text = format!(
                "loadmodule \"{module}.so\"\nmodparam(\"{module}\", \"{name}\", \"{value}\")\n\
                 request_route {{ exit; }}\n"
            );
            let (script, findings) = compile(&text);
            assert!(script.is_none() && findings[0].message.contains(expected), "{name}: {findings:?}");
        }
    }
}
