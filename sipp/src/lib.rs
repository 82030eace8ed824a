//! SIPp-compatible test tool: the map of the crate.
//!
//! Rooms of the shell: `options` (command line), `traffic` (when calls start), `stats` (what is counted and
//! how it is written), `screen` (live terminal), `engine` (sockets, clock, files; imports all the others).

mod stats;
