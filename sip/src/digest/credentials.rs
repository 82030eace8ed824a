//! The server side: read credentials, verify them (RFC 3261 22.4, RFC 7616 3.4).
//!
//! Whether the nonce is ours, fresh and not used before is the caller's to judge, and the realm too.

use std::borrow::Cow;

use super::compute::{Ha1, RequestDigest};
use super::{Algorithm, Covered, DigestError, Qop};
use crate::msg::{Auth, Param};

/// Digest credentials of a request. Texts are without quotes and escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials<'a> {
    /// User name as sent, perhaps with a domain.
    pub username: Cow<'a, [u8]>,
    /// Protection space.
    pub realm: Cow<'a, [u8]>,
    /// The nonce it answers.
    pub nonce: Cow<'a, [u8]>,
    /// The URI it covers.
    pub uri: Cow<'a, [u8]>,
    /// The proof, as sent.
    pub response: Cow<'a, [u8]>,
    /// The algorithm; MD5 when none is named.
    pub algorithm: Algorithm,
    /// Returned from the challenge.
    pub opaque: Option<Cow<'a, [u8]>>,
    /// `None` for the form without qop.
    pub qop: Option<Qop>,
    /// The client's nonce; empty without qop and session.
    pub cnonce: Cow<'a, [u8]>,
    /// The nonce count as sent; empty without qop.
    pub nc: Cow<'a, [u8]>,
}

/// The parameters that count, in the order in which they are taken apart; the first of each name does.
const NAMES: [&str; 10] =
    ["username", "realm", "nonce", "uri", "response", "algorithm", "opaque", "qop", "cnonce", "nc"];

impl<'a> Credentials<'a> {
    /// Reads credentials. Errors: `Scheme`; `Missing` username, realm, nonce, uri, response, and with a qop
    /// cnonce and nc, with a session variant cnonce; `Algorithm`; `Qop`.
    pub fn parse(auth: &Auth<'a>) -> Result<Credentials<'a>, DigestError> {
        if !auth.is_digest() {
            return Err(DigestError::Scheme);
        }
        let mut found: [Option<Param<'a>>; NAMES.len()] = [None; NAMES.len()];
        for param in auth.params {
            let at = NAMES.iter().position(|name| param.name.eq_ignore_ascii_case(name.as_bytes()));
            if let Some(first) = at.map(|at| &mut found[at]).filter(|slot| slot.is_none()) {
                *first = Some(param);
            }
        }
        let [username, realm, nonce, uri, response, algorithm, opaque, qop, cnonce, nc] =
            found.map(|param| param.map(Param::unquoted));
        let algorithm = match algorithm {
            Some(name) => Algorithm::parse(&name).ok_or(DigestError::Algorithm)?,
            None => Algorithm::Md5,
        };
        let qop = match qop {
            Some(name) => Some(Qop::parse(&name).ok_or(DigestError::Qop)?),
            None => None,
        };
        let required = |value: Option<Cow<'a, [u8]>>, name| value.ok_or(DigestError::Missing(name));
        let needed = |value, name, is_needed| match required(value, name) {
            Err(error) if is_needed => Err(error),
            value => Ok(value.unwrap_or_default()),
        };
        Ok(Credentials {
            username: required(username, "username")?,
            realm: required(realm, "realm")?,
            nonce: required(nonce, "nonce")?,
            uri: required(uri, "uri")?,
            response: required(response, "response")?,
            algorithm,
            opaque,
            qop,
            cnonce: needed(cnonce, "cnonce", qop.is_some() || algorithm.is_session())?,
            nc: needed(nc, "nc", qop.is_some())?,
        })
    }

    /// True when the response proves the knowledge of `ha1` for this method and body.
    pub fn verify(&self, ha1: &Ha1, method: &[u8], body: &[u8]) -> bool {
        let digest = RequestDigest {
            algorithm: self.algorithm,
            nonce: &self.nonce,
            cnonce: &self.cnonce,
            nc: &self.nc,
            qop: self.qop,
            covered: Covered { method, uri: &self.uri, body },
        };
        digest.response(ha1).is_equal(&self.response)
    }

    /// The nonce count as a number; `None` unless it is eight hex digits (RFC 7616 3.4).
    pub fn nonce_count(&self) -> Option<u32> {
        let text = std::str::from_utf8(&self.nc).ok().filter(|text| text.len() == 8)?;
        u32::from_str_radix(text, 16).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::Credentials;
    use crate::digest::{Algorithm, Challenge, Covered, DigestError, Ha1, Login, Proof, Qop};
    use crate::msg::Auth;

    fn credentials(value: &[u8]) -> Result<Credentials<'_>, DigestError> {
        Credentials::parse(&Auth::parse(value).expect("a scheme"))
    }

    /// RFC 7616 3.4: what a client writes, a server verifies, and only that.
    #[test]
    fn verifies_what_a_client_answers() {
        for algorithm in ["MD5", "MD5-sess", "SHA-256", "SHA-256-sess", "SHA-512-256", "SHA-512-256-sess"] {
            for qop in [None, Some(Qop::Auth), Some(Qop::AuthInt)] {
                let value = format!("Digest realm=\"a \\\"b\\\"\", nonce=\"n\", algorithm={algorithm}");
                let challenge =
                    Challenge::parse(&Auth::parse(value.as_bytes()).expect("valid")).expect("valid");
                let login = Login { user: b"bob", password: b"secret" };
                let proof = Proof { qop, cnonce: b"c", nonce_count: 1 };
                let covered = Covered { method: b"INVITE", uri: b"sip:h", body: b"v=0" };
                let answer = challenge.answer(login, proof, covered);
                let mut written = Vec::new();
                challenge.write_credentials((login.user, b"sip:h"), proof, &answer, &mut written);
                let read = credentials(&written).expect("complete");
                let ha1 = |password| Ha1::compute(challenge.algorithm, b"bob", &challenge.realm, password);
                let name = format!("{algorithm} {qop:?}");
                assert!(read.verify(&ha1(b"secret"), b"INVITE", b"v=0"), "{name}");
                assert!(!read.verify(&ha1(b"Secret"), b"INVITE", b"v=0"), "{name}");
                assert!(!read.verify(&ha1(b"secret"), b"BYE", b"v=0"), "{name}");
                let covers_body = qop == Some(Qop::AuthInt);
                assert_eq!(read.verify(&ha1(b"secret"), b"INVITE", b"v=1"), !covers_body, "{name}");
                assert_eq!(read.nonce_count(), qop.map(|_| 1), "{name}");
            }
        }
    }

    #[test]
    fn refuses_incomplete_credentials() {
        let full = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=\"x\"";
        let plain = credentials(full.as_bytes()).expect("complete");
        assert_eq!((plain.algorithm, plain.qop, plain.nonce_count()), (Algorithm::Md5, None, None));
        for name in ["username", "realm", "nonce", "uri", "response"] {
            let without = full.replace(name, "other");
            assert_eq!(credentials(without.as_bytes()), Err(DigestError::Missing(name)));
        }
        let rows = [
            (", qop=auth, nc=00000001", DigestError::Missing("cnonce")),
            (", qop=auth, cnonce=\"c\"", DigestError::Missing("nc")),
            (", algorithm=MD5-sess", DigestError::Missing("cnonce")),
            (", qop=both", DigestError::Qop),
            (", algorithm=MD4", DigestError::Algorithm),
        ];
        for (tail, error) in rows {
            let value = format!("{full}{tail}");
            assert_eq!(credentials(value.as_bytes()), Err(error), "{tail}");
        }
        assert_eq!(credentials(b"Basic dTpw"), Err(DigestError::Scheme));
    }

    /// A response that is cut, longer or in upper case is wrong.
    #[test]
    fn compares_the_whole_response() {
        let ha1 = Ha1::compute(Algorithm::Md5, b"u", b"r", b"p");
        let base = "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:h\", response=";
        let with = |response: &str| {
            let value = format!("{base}\"{response}\"");
            credentials(value.as_bytes()).expect("complete").verify(&ha1, b"BYE", b"")
        };
        let right = "cf649068fcfdfec7b5ea6fa9808662d1";
        assert!(with(right));
        for wrong in ["", &right[..31], &format!("{right}0"), &right.to_uppercase()] {
            assert!(!with(wrong), "{wrong}");
        }
    }
}
