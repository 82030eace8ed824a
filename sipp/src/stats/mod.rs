//! Statistics: what is counted, and how it is written.
//!
//! [`counters`] is the plain struct that calls count into; everything in it only grows, so the figures of a
//! period are the difference of two copies. The other files turn those figures into SIPp's texts; the
//! engine writes them. No clock, file or socket here.

pub(crate) mod counters;
pub(crate) mod histogram;
