//! Flight recorder: what every open call said and heard, until it is known whether anybody will ask.
//!
//! Messages are copied into a [`store`] of fixed size; a call that ends well costs nothing more. Of a failed one the
//! engine makes a [`Flight`], as long as its reason was not seen often enough ([`Quota`]). [`ladder`] and [`capture`]
//! turn flights into text and packets. Pure: no clock, file or socket.

pub(crate) mod capture;
mod flight;
pub(crate) mod ladder;
mod quota;
pub(crate) mod reason;
mod store;

pub(crate) use flight::{Flight, Kind, Place, Said, title};
pub(crate) use quota::Quota;
pub(crate) use store::{Entry, Recorder};

#[cfg(test)]
pub(crate) mod tests;
