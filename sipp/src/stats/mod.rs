//! Statistics: what is counted, and how it is written.
//!
//! [`counters`] is the plain struct that calls count into; everything in it only grows, so the figures of a
//! period are the difference of two copies. A [`snapshot`] adds what the engine knows. The other files turn
//! snapshots and messages into SIPp's texts; the engine writes them. No clock, file or socket here.

pub(crate) mod closing;
pub(crate) mod condition;
pub(crate) mod counters;
pub(crate) mod csv;
pub(crate) mod generator;
pub(crate) mod histogram;
pub(crate) mod layout;
mod merge;
pub(crate) mod metrics;
pub(crate) mod pacing;
pub(crate) mod report;
pub(crate) mod screens;
pub(crate) mod seconds;
pub(crate) mod snapshot;
pub(crate) mod times;
pub(crate) mod trace;
pub(crate) mod verdict;

pub use counters::Cause;
