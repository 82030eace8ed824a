//! SIPp-compatible test tool: the map of the crate.
//!
//! Rooms of the shell: [`options`] (command line), `traffic` (when calls start), `stats` (what is counted
//! and how it is written), `screen` (live terminal), `engine` (sockets, clock, files; imports all others).

mod exit;
pub mod options;
mod stats;
mod traffic;

pub use exit::Exit;
