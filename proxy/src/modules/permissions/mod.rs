//! Module permissions: which addresses may do what, by groups, from a file or the table `address`.
//!
//! The table is read with the first check that needs it and kept until `permissions.addressReload`.

mod addresses;
mod functions;
mod params;
#[cfg(test)]
mod tests;

use crate::api::{FunctionDef, Kind, ModuleDef, Routes, RpcDef, RpcScope};

/// The table of module permissions.
pub static MODULE: ModuleDef = ModuleDef {
    name: "permissions",
    params: params::PARAMS,
    functions: FUNCTIONS,
    rpcs: &[RpcDef {
        name: "permissions.addressReload",
        scope: RpcScope::One,
        run: functions::reload,
        doc: "forgets the addresses; the next check reads them anew",
    }],
    load: Some(params::load),
    ..ModuleDef::EMPTY
};

static FUNCTIONS: &[FunctionDef] = &[
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
