//! From a command line to a run that can start: scenarios and what they read are loaded and checked (`loading`,
//! `check`), addresses and limits found (`setup`), and `prepare` builds the engines and the desk of it all.
//!
//! Everything that can be wrong is found here, before anything is sent. `rehearse` plays scenarios without a network.

pub(super) mod check;
pub(in crate::engine) mod describe;
pub(super) mod library;
pub(in crate::engine) mod loading;
pub(super) mod prepare;
pub(super) mod rehearse;
pub(super) mod setup;
