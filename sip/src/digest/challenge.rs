//! The client side: read a challenge, answer it (RFC 3261 22.2, 22.3; RFC 7616 3.3, 3.4).

use std::borrow::Cow;
use std::fmt;

use super::aka;
use super::compute::{Ha1, HexDigest, RequestDigest};
use super::{Algorithm, Covered, DigestError, Qop};
use crate::lex;
use crate::msg::Auth;

/// A digest challenge. Texts are without quotes and escapes; they borrow from the header value where there are
/// none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge<'a> {
    /// Protection space.
    pub realm: Cow<'a, [u8]>,
    /// The server's nonce.
    pub nonce: Cow<'a, [u8]>,
    /// To be returned as it came.
    pub opaque: Option<Cow<'a, [u8]>>,
    /// The algorithm; MD5 when none is named.
    pub algorithm: Algorithm,
    /// The algorithm as written; `None` when none is named.
    pub algorithm_text: Option<Cow<'a, [u8]>>,
    /// What the server offers: auth, auth-int, both, or none of them for the form without qop.
    pub offers: Offers,
    /// True when only the nonce was too old (RFC 7616 3.3).
    pub is_stale: bool,
}

/// The qop values a challenge offers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offers {
    /// `auth` is offered.
    pub auth: bool,
    /// `auth-int` is offered.
    pub auth_int: bool,
}

/// Who answers. The password shows in no debug output.
#[derive(Clone, Copy)]
pub struct Login<'a> {
    /// User name.
    pub user: &'a [u8],
    /// Password.
    pub password: &'a [u8],
}

impl fmt::Debug for Login<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Login({}, ..)", String::from_utf8_lossy(self.user))
    }
}

/// The client's own part of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    /// One of the offered; `None` for the form without qop.
    pub qop: Option<Qop>,
    /// A fresh text of the client, without quotes.
    pub cnonce: &'a [u8],
    /// How often this nonce has been used, from 1.
    pub nonce_count: u32,
}

/// The pieces of an answer that had to be computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The `response` parameter.
    pub response: HexDigest,
    /// The `nc` parameter: eight hex digits.
    pub nc: [u8; 8],
}

impl<'a> Challenge<'a> {
    /// Reads a challenge. Errors: `Scheme`, `Missing` realm or nonce, `Algorithm`, `Qop` when qop names nothing
    /// known.
    pub fn parse(auth: &Auth<'a>) -> Result<Challenge<'a>, DigestError> {
        Challenge::parse_with(auth, Algorithm::parse)
    }

    /// Reads a challenge that may also ask for a one-time password (RFC 3310); then its `algorithm` is the one
    /// behind the prefix. Errors: as [`Challenge::parse`].
    pub fn parse_aka(auth: &Auth<'a>) -> Result<(Challenge<'a>, Option<aka::Version>), DigestError> {
        let mut version = None;
        let challenge = Challenge::parse_with(auth, |name| {
            let split = aka::Version::split(name);
            version = split.map(|(version, _)| version);
            Algorithm::parse(split.map_or(name, |(_, rest)| rest))
        })?;
        Ok((challenge, version))
    }

    fn parse_with(
        auth: &Auth<'a>,
        read: impl FnOnce(&[u8]) -> Option<Algorithm>,
    ) -> Result<Challenge<'a>, DigestError> {
        if !auth.is_digest() {
            return Err(DigestError::Scheme);
        }
        let algorithm_text = auth.param(b"algorithm");
        let algorithm = match &algorithm_text {
            Some(name) => read(name).ok_or(DigestError::Algorithm)?,
            None => Algorithm::Md5,
        };
        Ok(Challenge {
            realm: auth.param(b"realm").ok_or(DigestError::Missing("realm"))?,
            nonce: auth.param(b"nonce").ok_or(DigestError::Missing("nonce"))?,
            opaque: auth.param(b"opaque"),
            algorithm,
            algorithm_text,
            offers: auth.param(b"qop").map_or(Ok(Offers::default()), |list| Offers::parse(&list))?,
            is_stale: auth.param(b"stale").is_some_and(|stale| stale.eq_ignore_ascii_case(b"true")),
        })
    }

    /// Computes an answer for this request.
    pub fn answer(&self, login: Login<'_>, proof: Proof<'_>, covered: Covered<'_>) -> Answer {
        let ha1 = Ha1::compute(self.algorithm, login.user, &self.realm, login.password);
        let mut nc = [b'0'; 8];
        nc.copy_from_slice(format!("{:08x}", proof.nonce_count).as_bytes());
        let Proof { qop, cnonce, .. } = proof;
        let digest =
            RequestDigest { algorithm: self.algorithm, nonce: &self.nonce, cnonce, nc: &nc, qop, covered };
        Answer { response: digest.response(&ha1), nc }
    }

    /// Appends the value of an Authorization or Proxy-Authorization field that carries `answer`; its order is
    /// that of RFC 3261 20.7 and 22.4 with the computed parts behind.
    pub fn write_credentials(
        &self,
        (user, uri): (&[u8], &[u8]),
        proof: Proof<'_>,
        answer: &Answer,
        out: &mut Vec<u8>,
    ) {
        out.extend_from_slice(b"Digest username=");
        write_quoted(user, out);
        let mut quoted = |name: &[u8], value: &[u8]| {
            out.extend_from_slice(name);
            write_quoted(value, out);
        };
        quoted(b", realm=", &self.realm);
        quoted(b", nonce=", &self.nonce);
        quoted(b", uri=", uri);
        quoted(b", response=", answer.response.as_bytes());
        if let Some(opaque) = &self.opaque {
            quoted(b", opaque=", opaque);
        }
        if proof.qop.is_some() || self.algorithm.is_session() {
            quoted(b", cnonce=", proof.cnonce);
        }
        if let Some(qop) = proof.qop {
            out.extend_from_slice(b", qop=");
            out.extend_from_slice(qop.name().as_bytes());
            out.extend_from_slice(b", nc=");
            out.extend_from_slice(&answer.nc);
        }
        if self.algorithm_text.is_some() {
            out.extend_from_slice(b", algorithm=");
            out.extend_from_slice(self.algorithm.name().as_bytes());
        }
    }
}

impl Offers {
    /// The value a client without wishes takes: auth, else auth-int, else none.
    pub fn preferred(self) -> Option<Qop> {
        match self {
            Offers { auth: true, .. } => Some(Qop::Auth),
            Offers { auth_int: true, .. } => Some(Qop::AuthInt),
            Offers { .. } => None,
        }
    }

    fn parse(list: &[u8]) -> Result<Offers, DigestError> {
        let mut offers = Offers::default();
        for name in list.split(|byte| *byte == b',') {
            match Qop::parse(lex::trim(name)) {
                Some(Qop::Auth) => offers.auth = true,
                Some(Qop::AuthInt) => offers.auth_int = true,
                None => {}
            }
        }
        offers.preferred().map(|_| offers).ok_or(DigestError::Qop)
    }
}

/// Appends a quoted-string (RFC 3261 25.1).
fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::{Challenge, Login, Offers, Proof};
    use crate::digest::{Algorithm, Covered, DigestError, Qop};
    use crate::msg::Auth;

    fn challenge(value: &str) -> Result<Challenge<'_>, DigestError> {
        Challenge::parse(&Auth::parse(value.as_bytes()).expect("a scheme"))
    }

    /// RFC 3261 20.27, 20.44, 22.4.
    #[test]
    fn reads_challenges() {
        let value = "Digest realm=\"atlanta.example.com\", domain=\"sip:ss1.carrier.com\", qop=\"auth,auth-int\", \
            nonce=\"f84f1cec41e6cbe5aea9c8e88d359\", opaque=\"\", stale=FALSE, algorithm=MD5";
        let read = challenge(value).expect("valid");
        assert_eq!(read.realm, &b"atlanta.example.com"[..]);
        assert_eq!(read.opaque.as_deref(), Some(&b""[..]));
        assert_eq!((read.algorithm, read.is_stale), (Algorithm::Md5, false));
        assert_eq!(read.offers, Offers { auth: true, auth_int: true });
        assert_eq!(read.offers.preferred(), Some(Qop::Auth));
    }

    #[test]
    fn refuses_what_cannot_be_answered() {
        let rows = [
            ("Basic realm=\"r\"", DigestError::Scheme),
            ("Digest nonce=\"n\"", DigestError::Missing("realm")),
            ("Digest realm=\"r\"", DigestError::Missing("nonce")),
            ("Digest realm=\"r\", nonce=\"n\", algorithm=AKAv1-MD5", DigestError::Algorithm),
            ("Digest realm=\"r\", nonce=\"n\", qop=\"token\"", DigestError::Qop),
        ];
        for (value, error) in rows {
            assert_eq!(challenge(value), Err(error), "{value}");
        }
    }

    #[test]
    fn writes_credentials_with_what_was_asked_for() {
        let read =
            challenge("Digest realm=\"a\\\"b\", nonce=\"n\", opaque=\"o\", qop=\"auth\", algorithm=sha-256")
                .expect("valid");
        let login = Login { user: b"bob", password: b"secret" };
        let proof = Proof { qop: Some(Qop::Auth), cnonce: b"c", nonce_count: 26 };
        let answer = read.answer(login, proof, Covered { method: b"REGISTER", uri: b"sip:h", body: b"" });
        let mut out = Vec::new();
        read.write_credentials((login.user, b"sip:h"), proof, &answer, &mut out);
        let expected = format!(
            "Digest username=\"bob\", realm=\"a\\\"b\", nonce=\"n\", uri=\"sip:h\", response=\"{:?}\", \
             opaque=\"o\", cnonce=\"c\", qop=auth, nc=0000001a, algorithm=SHA-256",
            answer.response
        );
        assert_eq!(String::from_utf8_lossy(&out), expected);
        assert_eq!(format!("{login:?}"), "Login(bob, ..)");
    }
}
