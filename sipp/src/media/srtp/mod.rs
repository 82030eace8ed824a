//! Secure RTP and RTCP with keys from session descriptions (RFC 3711, suites of RFC 4568 6.2 and RFC 6188).
//!
//! [`Sender`] protects the packets of one side of a media line, [`Receiver`] opens them; both are given a
//! [`Keying`]: suite, the bytes of an `inline:` key, lifetime, identifier. AES in counter mode or no encryption,
//! HMAC-SHA1; each source has its own index. No key rotation within a line: a new description brings new keys.

mod keys;
mod receiver;
mod sender;
mod sources;

pub use keys::{Keying, Suite, WrongKeyLength};
pub use receiver::{Receiver, Refused};
pub use sender::{Exhausted, Sender};

#[cfg(test)]
mod tests;
