//! SIPp-compatible test tool: the map of the crate.
