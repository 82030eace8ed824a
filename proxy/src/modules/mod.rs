//! The list of modules, one line each. A module is a folder with one static table.

pub mod rr;
pub mod sl;
pub mod tm;

use crate::api::ModuleDef;

/// All modules `loadmodule` knows.
pub static MODULES: &[&ModuleDef] = &[&rr::MODULE, &sl::MODULE, &tm::MODULE];
