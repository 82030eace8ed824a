//! Whether somebody found the credentials of a request right, for variables that tell whose request it is.

/// Attached to a message by the modules that check passwords.
#[derive(Clone, Copy, Debug, Default)]
pub struct Authorized(pub bool);
