//! Digest authentication: challenges answered and credentials checked (RFC 3261 22.4, RFC 7616, RFC 8760).
//!
//! The client side reads a [`Challenge`] and makes an [`Answer`], as pieces or as a header value; the server
//! side reads [`Credentials`] and verifies them against an [`Ha1`], computed or stored. Nonces come from the
//! caller: nothing here draws random numbers, knows time or keeps state. No secret shows in debug output.

pub mod aka;
mod challenge;
mod compute;
mod credentials;

pub use challenge::{Answer, Challenge, Login, Offers, Proof};
pub use compute::{Ha1, HexDigest, RequestDigest};
pub use credentials::Credentials;

/// Hash algorithms, plain and as session variants (RFC 7616 3.4.2; RFC 8760 2.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Algorithm {
    /// MD5: meant when none is named.
    #[default]
    Md5,
    /// MD5 with a session key.
    Md5Sess,
    /// SHA-256.
    Sha256,
    /// SHA-256 with a session key.
    Sha256Sess,
    /// SHA-512/256.
    Sha512Trunc256,
    /// SHA-512/256 with a session key.
    Sha512Trunc256Sess,
}

impl Algorithm {
    const NAMES: [(Algorithm, &'static str); 6] = [
        (Algorithm::Md5, "MD5"),
        (Algorithm::Md5Sess, "MD5-sess"),
        (Algorithm::Sha256, "SHA-256"),
        (Algorithm::Sha256Sess, "SHA-256-sess"),
        (Algorithm::Sha512Trunc256, "SHA-512-256"),
        (Algorithm::Sha512Trunc256Sess, "SHA-512-256-sess"),
    ];

    /// The algorithm of that name, any case.
    pub fn parse(name: &[u8]) -> Option<Algorithm> {
        Self::NAMES.iter().find(|row| row.1.as_bytes().eq_ignore_ascii_case(name)).map(|row| row.0)
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].1
    }

    /// True for the variants that hash nonces into the key (RFC 7616 3.4.2).
    pub fn is_session(self) -> bool {
        matches!(self, Algorithm::Md5Sess | Algorithm::Sha256Sess | Algorithm::Sha512Trunc256Sess)
    }
}

/// Quality of protection (RFC 7616 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qop {
    /// The response covers method and URI.
    Auth,
    /// It covers the body too.
    AuthInt,
}

impl Qop {
    /// The value of that name, any case.
    pub fn parse(name: &[u8]) -> Option<Qop> {
        [Qop::Auth, Qop::AuthInt].into_iter().find(|qop| qop.name().as_bytes().eq_ignore_ascii_case(name))
    }

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Qop::Auth => "auth",
            Qop::AuthInt => "auth-int",
        }
    }
}

/// Why a challenge or credentials cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestError {
    /// The scheme is not `Digest`.
    Scheme,
    /// This parameter is not there, or empty where it may not be.
    Missing(&'static str),
    /// The algorithm is unknown; such a challenge is to be ignored (RFC 8760 2.4).
    Algorithm,
    /// No known quality of protection is named.
    Qop,
}

/// The parts of a request that a digest covers.
#[derive(Clone, Copy, Debug)]
pub struct Covered<'a> {
    /// Method as written.
    pub method: &'a [u8],
    /// The `uri` parameter of the credentials, not necessarily the request URI.
    pub uri: &'a [u8],
    /// The body; counts for [`Qop::AuthInt`] only.
    pub body: &'a [u8],
}
