//! Module registrar: REGISTER requests into contacts, and contacts into targets (RFC 3261 10.3, 16.5).

mod answer;
mod aor;
mod lookup;
mod params;
mod request;
mod save;

use crate::api::{FunctionDef, Kind, ModuleDef, Routes};

/// The table of module registrar.
pub static MODULE: ModuleDef = ModuleDef {
    name: "registrar",
    needs: &["usrloc", "sl"],
    params: params::PARAMS,
    functions: &[
        FunctionDef::new(
            "save",
            &[Kind::Word, Kind::Int, Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE),
            save::save,
            "stores the contacts of a REGISTER and replies",
        )
        .optional(2),
        FunctionDef::new(
            "lookup",
            &[Kind::Word, Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE),
            lookup::lookup,
            "makes the stored contacts the targets",
        )
        .optional(1),
        FunctionDef::new(
            "lookup_to_dset",
            &[Kind::Word, Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE),
            lookup::lookup_to_dset,
            "appends the stored contacts as branches",
        )
        .optional(1),
        FunctionDef::new(
            "registered",
            &[Kind::Word, Kind::Text, Kind::Int, Kind::Int],
            Routes::ANY,
            lookup::registered,
            "whether there is a contact",
        )
        .optional(3),
        FunctionDef::new(
            "unregister",
            &[Kind::Word, Kind::Text, Kind::Text],
            Routes::ANY,
            lookup::unregister,
            "forgets the contacts of a URI, or one by its ruid",
        )
        .optional(1),
    ],
    load: Some(params::load),
    ..ModuleDef::EMPTY
};
