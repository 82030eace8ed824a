//! Module auth: digest challenges and the check of credentials (RFC 3261 22, RFC 7616, RFC 8760).
//!
//! Passwords come from the script here; module auth_db takes them from a table and uses [`precheck`] and
//! [`Candidate::verify`] for the rest. Neither passwords nor their hashes are ever logged.

mod challenge;
mod functions;
mod identity;
mod nonce;
mod params;
#[cfg(test)]
mod tests;
mod uses;
mod verify;

pub use identity::{Compare, is_own_identity};
pub use params::Rules;
pub use verify::{Candidate, Header, Precheck, Verdict, precheck};

use crate::api::{FunctionDef, Kind, ModuleDef, Routes};

/// The table of module auth.
pub static MODULE: ModuleDef = ModuleDef {
    name: "auth",
    params: params::PARAMS,
    functions: FUNCTIONS,
    load: Some(params::load),
    start: Some(params::start),
    ..ModuleDef::EMPTY
};

/// Where a request may be challenged.
const CHALLENGE: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::REPLY);

/// Realm that must not be empty, flags.
const REALM_FLAGS: &[Kind] = &[Kind::Prepared(challenge::prepare_realm), Kind::Int];

/// Realm, password, flags, method the digest is computed with.
const BY_PASSWORD: &[Kind] = &[Kind::Text, Kind::Text, Kind::Int, Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new("www_challenge", REALM_FLAGS, CHALLENGE, challenge::www_challenge, "replies 401"),
    FunctionDef::new("proxy_challenge", REALM_FLAGS, CHALLENGE, challenge::proxy_challenge, "replies 407"),
    FunctionDef::new(
        "auth_challenge",
        REALM_FLAGS,
        CHALLENGE,
        challenge::auth_challenge,
        "replies 401 to REGISTER, 407 to others",
    ),
    FunctionDef::new(
        "auth_get_www_authenticate",
        &[Kind::Prepared(challenge::prepare_realm), Kind::Int, Kind::WritePv],
        Routes::REQUEST,
        challenge::auth_get_www_authenticate,
        "writes a challenge into a variable",
    ),
    FunctionDef::new(
        "pv_www_authenticate",
        BY_PASSWORD,
        Routes::REQUEST,
        functions::pv_www_authenticate,
        "checks Authorization against a password or HA1",
    )
    .optional(1),
    FunctionDef::new(
        "pv_www_authorize",
        BY_PASSWORD,
        Routes::REQUEST,
        functions::pv_www_authenticate,
        "same as pv_www_authenticate()",
    )
    .optional(1),
    FunctionDef::new(
        "pv_proxy_authenticate",
        BY_PASSWORD,
        Routes::REQUEST,
        functions::pv_proxy_authenticate,
        "checks Proxy-Authorization against a password or HA1",
    )
    .optional(1),
    FunctionDef::new(
        "pv_proxy_authorize",
        BY_PASSWORD,
        Routes::REQUEST,
        functions::pv_proxy_authenticate,
        "same as pv_proxy_authenticate()",
    )
    .optional(1),
    FunctionDef::new(
        "pv_auth_check",
        &[Kind::Text, Kind::Text, Kind::Int, Kind::Int],
        Routes::REQUEST,
        functions::pv_auth_check,
        "checks the header the method calls for, and on wish that the user is the sender",
    ),
    FunctionDef::new(
        "has_credentials",
        &[Kind::Text],
        Routes::REQUEST,
        functions::has_credentials,
        "whether there are credentials for a realm",
    ),
    FunctionDef::new(
        "consume_credentials",
        &[],
        Routes::REQUEST,
        functions::consume_credentials,
        "removes the credentials checked last, so that they are not relayed",
    ),
    FunctionDef::new(
        "auth_algorithm",
        &[Kind::Prepared(params::prepare_algorithm)],
        Routes::REQUEST,
        functions::auth_algorithm,
        "changes the algorithm of later challenges and checks",
    ),
];
