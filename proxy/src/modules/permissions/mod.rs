//! Module permissions: which addresses may do what, by groups (table `address` or a file), which peers are trusted
//! (table `trusted`), and who may go where (rule files).
//!
//! Addresses are read with the first check that needs them and kept until `permissions.addressReload`.

mod addresses;
mod functions;
mod params;
mod routing;
mod rules;
#[cfg(test)]
mod tests;
mod trusted;

use crate::api::{FunctionDef, Kind, ModuleDef, Routes, RpcDef, RpcScope};

/// The table of module permissions.
pub static MODULE: ModuleDef = ModuleDef {
    name: "permissions",
    params: params::PARAMS,
    functions: FUNCTIONS,
    rpcs: &[
        RpcDef {
            name: "permissions.addressReload",
            scope: RpcScope::One,
            run: functions::reload,
            doc: "forgets the addresses; the next check reads them anew",
        },
        RpcDef {
            name: "permissions.trustedReload",
            scope: RpcScope::One,
            run: trusted::reload,
            doc: "reads the trusted peers anew",
        },
    ],
    load: Some(params::load),
    ..ModuleDef::EMPTY
};

/// Where rules may be asked.
const RULES: Routes = Routes::REQUEST.or(Routes::FAILURE);
/// A name without ending that stands for two files.
const BASE: &[Kind] = &[Kind::Prepared(rules::prepare_pair)];
/// What is allowed, what is denied.
const FILES: &[Kind] = &[Kind::Prepared(rules::prepare_file), Kind::Prepared(rules::prepare_file)];

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new("allow_routing", &[], RULES, routing::allow_routing, "asks the default rule files"),
    FunctionDef::new(
        "allow_routing",
        BASE,
        RULES,
        routing::allow_routing,
        "whether From may go to the request URI and all branches, by two rule files of one name",
    ),
    FunctionDef::new(
        "allow_routing",
        FILES,
        RULES,
        routing::allow_routing,
        "the same by a file of what is allowed and one of what is denied",
    ),
    FunctionDef::new(
        "allow_register",
        BASE,
        RULES,
        routing::allow_register,
        "whether To may have the Contacts, by two rule files of one name",
    ),
    FunctionDef::new(
        "allow_register",
        FILES,
        RULES,
        routing::allow_register,
        "the same by a file of what is allowed and one of what is denied",
    ),
    FunctionDef::new(
        "allow_register_include_port",
        BASE,
        RULES,
        routing::allow_register_include_port,
        "allow_register() with the ports of the Contacts",
    ),
    FunctionDef::new(
        "allow_register_include_port",
        FILES,
        RULES,
        routing::allow_register_include_port,
        "allow_register() with the ports of the Contacts",
    ),
    FunctionDef::new(
        "allow_uri",
        &[Kind::Prepared(rules::prepare_pair), Kind::Text],
        RULES,
        routing::allow_uri,
        "whether From may go to a URI, by two rule files of one name",
    ),
    FunctionDef::new(
        "allow_trusted",
        &[],
        Routes::ANY,
        trusted::allow_trusted,
        "whether source, protocol and URIs are those of a trusted peer",
    ),
    FunctionDef::new(
        "allow_trusted",
        &[Kind::Text, Kind::Text, Kind::Text],
        Routes::ANY,
        trusted::allow_trusted,
        "the same for an address, a protocol and perhaps a From URI",
    )
    .optional(1),
    FunctionDef::new(
        "allow_source_address",
        &[Kind::Int],
        Routes::ANY,
        functions::allow_source_address,
        "whether the source is in a group, 1 if none is given",
    )
    .optional(1),
    FunctionDef::new(
        "allow_address",
        &[Kind::Int, Kind::Text, Kind::Int],
        Routes::ANY,
        functions::allow_address,
        "whether an address or name and a port are in a group",
    ),
    FunctionDef::new(
        "allow_source_address_group",
        &[],
        Routes::ANY,
        functions::allow_source_address_group,
        "the group the source is in",
    ),
    FunctionDef::new(
        "allow_address_group",
        &[Kind::Text, Kind::Int],
        Routes::ANY,
        functions::allow_address_group,
        "the group an address or name and a port are in",
    ),
];
