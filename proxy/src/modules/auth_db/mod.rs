//! Module auth_db: credentials checked against a table of users, `subscriber` by default.
//!
//! Nonces, challenges and the arithmetic are those of module auth. A check waits for one query; a database that
//! does not answer makes it fail with -1.

mod functions;
mod params;
#[cfg(test)]
mod tests;

use crate::api::{FunctionDef, Kind, ModuleDef, Routes};

/// The table of module auth_db.
pub static MODULE: ModuleDef = ModuleDef {
    name: "auth_db",
    needs: &["auth"],
    params: params::PARAMS,
    functions: FUNCTIONS,
    load: Some(params::load),
    ..ModuleDef::EMPTY
};

/// Realm, table, method the digest is computed with.
const REALM_TABLE: &[Kind] = &[Kind::Text, TABLE, Kind::Text];

const TABLE: Kind = Kind::Prepared(params::prepare_table);

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "www_authenticate",
        REALM_TABLE,
        Routes::REQUEST,
        functions::www_authenticate,
        "checks Authorization against a table",
    )
    .optional(1),
    FunctionDef::new(
        "www_authorize",
        REALM_TABLE,
        Routes::REQUEST,
        functions::www_authenticate,
        "same as www_authenticate()",
    )
    .optional(1),
    FunctionDef::new(
        "proxy_authenticate",
        &[Kind::Text, TABLE],
        Routes::REQUEST,
        functions::proxy_authenticate,
        "checks Proxy-Authorization against a table",
    ),
    FunctionDef::new(
        "proxy_authorize",
        &[Kind::Text, TABLE],
        Routes::REQUEST,
        functions::proxy_authenticate,
        "same as proxy_authenticate()",
    ),
    FunctionDef::new(
        "auth_check",
        &[Kind::Text, TABLE, Kind::Int],
        Routes::REQUEST,
        functions::auth_check,
        "checks the header the method calls for, and on wish that the user is the sender",
    ),
    FunctionDef::new(
        "is_subscriber",
        &[Kind::Text, TABLE, Kind::Int],
        Routes::ANY,
        functions::is_subscriber,
        "whether the user of a URI is in a table",
    ),
];
