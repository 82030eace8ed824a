//! SIP proxy with the Kamailio configuration language: the map of the crate.

pub mod api;
pub mod cfg;
pub mod core;
pub mod modules;
pub mod options;
pub mod relay;
pub mod script;
pub mod server;
pub mod trial;
