//! The parameters of auth_db as typed values.

use std::sync::Arc;

use crate::api::{AvpName, Catalog, Ctx, Loading, ParamDef, Prepared};
use crate::modules::db;
use crate::store::{Name, Url};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::text("db_url", "mysql://kamailioro:kamailioro@localhost/kamailio", "database of the users"),
    ParamDef::text("user_column", "username", "column of the user"),
    ParamDef::text("domain_column", "domain", "column of the domain"),
    ParamDef::text("password_column", "ha1", "column of the password or its hash"),
    ParamDef::text("password_column_2", "ha1b", "column of the hash for users that send a domain"),
    ParamDef::int("calculate_ha1", 0, "whether the column holds the password itself"),
    ParamDef::int("use_domain", 0, "whether the domain is looked up too"),
    ParamDef::text("load_credentials", "", "columns loaded on success: `column;$avp(name)=column`"),
    ParamDef::int("version_table", 1, "whether the version of the table is checked at the start"),
    ParamDef::int("force_generate_avps", 0, "whether columns are loaded on failure too"),
];

/// The parameters.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) url: Arc<Url>,
    pub(super) user: Name,
    pub(super) domain: Name,
    pub(super) password: Name,
    pub(super) password_2: Name,
    pub(super) has_plain_passwords: bool,
    pub(super) uses_domain: bool,
    pub(super) loads: Vec<(AvpName, Name)>,
    pub(super) always_loads: bool,
}

/// Checks the parameters. Errors: a bad address, or a column that is no name.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let column =
        |param: &str| Name::parse(&params.text(param)).map_err(|error| format!("parameter {param}: {error}"));
    let rules = Rules {
        url: db::url(loading)?,
        user: column("user_column")?,
        domain: column("domain_column")?,
        password: column("password_column")?,
        password_2: column("password_column_2")?,
        has_plain_passwords: params.int("calculate_ha1") != 0,
        uses_domain: params.int("use_domain") != 0,
        loads: loads(loading)?,
        always_loads: params.int("force_generate_avps") != 0,
    };
    if params.int("version_table") != 0 {
        for table in db::noted(loading, TABLES) {
            db::needs(loading, &rules.url, "subscriber", &table);
        }
    }
    loading.shared.put(rules);
    Ok(())
}

/// The class of names under which the tables of arguments are noted.
const TABLES: &str = "auth_db table";

/// Prepares an argument that names a table. Errors: it is no name.
pub(super) fn prepare_table(catalog: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    db::prepare(catalog, TABLES, text)
}

/// Reads `load_credentials`; a column alone goes into the AVP of its name.
fn loads(loading: &Loading<'_>) -> Result<Vec<(AvpName, Name)>, String> {
    let text = loading.params.text("load_credentials");
    let wrong = |what: String| format!("parameter load_credentials: {what}");
    let mut loads = Vec::new();
    for item in text.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()) {
        let (name, column) = match item.iter().position(|byte| *byte == b'=') {
            Some(at) => {
                let variable = item[..at].trim_ascii();
                let name = variable.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")"));
                let name = name.ok_or_else(|| {
                    wrong(format!("expected $avp(name), found {}", String::from_utf8_lossy(variable)))
                })?;
                (name, item[at + 1..].trim_ascii())
            }
            None => (item, item),
        };
        let column = Name::parse(column).map_err(|error| wrong(error.to_string()))?;
        loads.push((AvpName::parse(&text.slice_ref(name)), column));
    }
    Ok(loads)
}

/// The parameters. `load` has put them in before any function runs.
pub(super) fn rules(ctx: &Ctx<'_>) -> Arc<Rules> {
    ctx.shard.shared.get().expect("load() puts the rules in")
}
