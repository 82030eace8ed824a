//! End-to-end harness: a case is a folder below `cases/` with an `expect.toml`; nothing else is to be written.
//!
//! [`case`] reads the folder, [`run`] starts its programs one after the other in a directory of its own, with
//! [`ports`] nobody else uses, and compares what they report with what the case expects. [`programs`] knows
//! where our binaries and the packaged originals are, [`impair`] is the link that loses and
//! records packets. [`pair`] runs one pair of scenarios with the original and with ours on either end and
//! compares what went over the wire, after [`mask`] took out what differs from run to run; [`ensemble`] does so with
//! more than two programs and the TCP links between them.
//! [`media_call`] makes calls with media between two of ours, [`rtp_relay`] is a bad line for them.
//! [`database`] starts databases of a test's own, [`server`] a proxy with clients around it.
//! [`suite`] compares as `pair` does, but routes of a configuration, with the packaged Kamailio.

pub mod case;
pub mod closing;
pub mod database;
mod digest;
pub mod dns;
pub mod ensemble;
pub mod folder;
pub mod impair;
pub mod mask;
pub mod media_call;
pub mod pair;
pub mod ports;
pub mod programs;
pub mod rtp_relay;
pub mod run;
pub mod server;
pub mod side_by_side;
mod stage;
mod stream_link;
pub mod suite;
pub mod terminal;
mod words;
