//! Secure RTP and RTCP with keys from session descriptions (RFC 3711, suites of RFC 4568 6.2 and RFC 6188).
//!
//! [`Sender`] protects the packets of one source, [`Receiver`] opens them; both are given a [`Suite`] and the
//! bytes of an `inline:` key. AES in counter mode or no encryption, HMAC-SHA1 always; no key rotation, no MKI.

mod keys;
mod receiver;
mod sender;

pub use keys::{Suite, WrongKeyLength};
pub use receiver::{Receiver, Refused};
pub use sender::{Exhausted, Sender};

#[cfg(test)]
mod tests;
