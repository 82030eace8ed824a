//! The list of modules, one line each. A module is a folder with one static table.

pub mod nathelper;
pub mod registrar;
pub mod rr;
pub mod sl;
pub mod tm;
pub mod tmx;
pub mod usrloc;

use crate::api::ModuleDef;

/// All modules `loadmodule` knows.
pub static MODULES: &[&ModuleDef] = &[
    &nathelper::MODULE,
    &registrar::MODULE,
    &rr::MODULE,
    &sl::MODULE,
    &tm::MODULE,
    &tmx::MODULE,
    &usrloc::MODULE,
];
