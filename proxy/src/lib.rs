//! SIP proxy with the Kamailio configuration language: the map of the crate.

pub mod cfg;
pub mod relay;
