//! "Module zero": the functions, variables and transformations that need no `loadmodule`.
//!
//! Written with the same tables as every module, in parts by subject. Kamailio has many of the variables in
//! module pv; here they are always there, and loading pv adds only its functions and parameters.

mod addresses;
mod avp_flags;
mod branches;
mod credentials;
mod flags;
mod forward;
mod groups;
mod headers;
mod log;
mod message;
mod network;
mod onsend;
mod rewrite;
mod run;
mod ruri;
mod selects;
mod statistics;
mod times;
mod transforms;
mod uri_functions;
mod vars;
mod vias;
mod xavp;

use crate::api::ModuleDef;

/// The parts of the core; all have the name `core`.
pub static PARTS: &[&ModuleDef] = &[
    &ruri::PART,
    &addresses::PART,
    &avp_flags::PART,
    &branches::PART,
    &credentials::PART,
    &flags::PART,
    &forward::PART,
    &groups::PART,
    &headers::PART,
    &log::PART,
    &message::PART,
    &network::PART,
    &onsend::PART,
    &run::PART,
    &selects::PART,
    &statistics::PART,
    &times::PART,
    &uri_functions::PART,
    &vars::PART,
    &vias::PART,
    &xavp::PART,
    &transforms::strings::PART,
    &transforms::codecs::PART,
    &transforms::uri::PART,
    &transforms::lists::PART,
    &transforms::names::PART,
    &transforms::values::PART,
];

/// The name of the core's parts.
pub const NAME: &str = "core";

#[cfg(test)]
mod tests;
