//! The SIP library under both programs.
//!
//! Rooms, lowest first: [`span`], [`peer`], [`ident`], [`diag`], [`ere`], [`time`] and [`lex`] know nothing of
//! ours; [`wheel`] and [`msg`] stand on them, [`sdp`], [`digest`], [`locate`] and [`txn`] on these. No room reads a clock, a
//! socket or a random source except `net` (feature `net`, the only one that brings sockets).

pub mod diag;
pub mod digest;
pub mod ere;
pub mod ident;
pub mod lex;
pub mod locate;
pub mod msg;
#[cfg(feature = "net")]
pub mod net;
pub mod peer;
pub mod sdp;
pub mod span;
pub mod time;
pub mod txn;
pub mod wheel;
