//! SIPp-compatible test tool: the map of the crate.
//!
//! Rooms of the shell: [`options`] (command line), `traffic` (when calls start), `stats` (what is counted
//! and how it is written), `screen` (live terminal), `engine` (sockets, clock, files; imports all others).
//!
//! Rooms of the scenario language, lowest first: [`state`] (what a call remembers), [`infile`] (injection
//! files), [`lang`] (keywords, actions, distributions), [`scenario`] (XML to program), [`call`] (the machine).

pub mod call;
mod exit;
pub mod infile;
pub mod lang;
pub mod options;
pub mod scenario;
pub mod state;
mod stats;
mod traffic;

pub use exit::Exit;
