//! End-to-end harness: a case is a folder below `cases/` with an `expect.toml`; nothing else is to be written.
//!
//! [`case`] reads the folder, [`run`] starts its programs one after the other in a directory of its own, with
//! [`ports`] nobody else uses, and compares what they report with what the case expects. [`programs`] knows
//! where our binaries and the packaged originals are, [`impair`] is the link that loses packets.

pub mod case;
pub mod closing;
pub mod impair;
pub mod ports;
pub mod programs;
pub mod run;
