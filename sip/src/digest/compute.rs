//! The arithmetic of RFC 7616 3.4: H(user:realm:password), the session key, and the response.

use std::fmt;

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

use super::{Algorithm, Covered, Qop};

/// A hash in lower-case hex, 32 or 64 digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct HexDigest {
    digits: [u8; 64],
    len: u8,
}

impl HexDigest {
    /// The digits.
    pub fn as_bytes(&self) -> &[u8] {
        &self.digits[..usize::from(self.len)]
    }

    /// Compares in a time that does not tell where the difference is.
    pub fn is_equal(&self, other: &[u8]) -> bool {
        let difference =
            self.as_bytes().iter().zip(other).fold(0, |sum, (ours, theirs)| sum | (ours ^ theirs));
        other.len() == self.as_bytes().len() && difference == 0
    }
}

impl fmt::Debug for HexDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&String::from_utf8_lossy(self.as_bytes()))
    }
}

/// H(user:realm:password): as good as the password within its realm, so it is never printed.
#[derive(Clone, Copy)]
pub struct Ha1(HexDigest);

impl Ha1 {
    /// Computes it. The session variants of an algorithm have the same value as the plain ones.
    pub fn compute(algorithm: Algorithm, user: &[u8], realm: &[u8], password: &[u8]) -> Ha1 {
        Ha1(hash(algorithm, &[user, b":", realm, b":", password]))
    }

    /// Takes a stored one; `None` unless it is hex of the algorithm's length.
    pub fn from_hex(algorithm: Algorithm, hex: &[u8]) -> Option<Ha1> {
        let is_hex =
            hex.len() == hash(algorithm, &[]).as_bytes().len() && hex.iter().all(u8::is_ascii_hexdigit);
        is_hex.then(|| {
            let mut digits = [0; 64];
            digits[..hex.len()].copy_from_slice(hex);
            digits.make_ascii_lowercase();
            Ha1(HexDigest { digits, len: hex.len() as u8 })
        })
    }

    /// The digits, to be stored. A secret.
    pub fn expose(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for Ha1 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ha1(..)")
    }
}

/// Everything but the key that a response is computed from (RFC 7616 3.4.1).
#[derive(Clone, Copy, Debug)]
pub struct RequestDigest<'a> {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The server's nonce.
    pub nonce: &'a [u8],
    /// The client's nonce; counts with a qop or a session variant.
    pub cnonce: &'a [u8],
    /// The nonce count as written, eight hex digits; counts with a qop.
    pub nc: &'a [u8],
    /// `None` for the older form of RFC 2069, without qop.
    pub qop: Option<Qop>,
    /// What is covered.
    pub covered: Covered<'a>,
}

impl RequestDigest<'_> {
    /// The `response` parameter.
    pub fn response(&self, ha1: &Ha1) -> HexDigest {
        let RequestDigest { algorithm, nonce, cnonce, nc, qop, covered } = *self;
        let session;
        let key = if algorithm.is_session() {
            session = hash(algorithm, &[ha1.expose(), b":", nonce, b":", cnonce]);
            session.as_bytes()
        } else {
            ha1.expose()
        };
        let ha2 = match qop {
            Some(Qop::AuthInt) => {
                let body = hash(algorithm, &[covered.body]);
                hash(algorithm, &[covered.method, b":", covered.uri, b":", body.as_bytes()])
            }
            Some(Qop::Auth) | None => hash(algorithm, &[covered.method, b":", covered.uri]),
        };
        let ha2 = ha2.as_bytes();
        match qop {
            Some(qop) => {
                let qop = qop.name().as_bytes();
                hash(algorithm, &[key, b":", nonce, b":", nc, b":", cnonce, b":", qop, b":", ha2])
            }
            None => hash(algorithm, &[key, b":", nonce, b":", ha2]),
        }
    }
}

fn hash(algorithm: Algorithm, parts: &[&[u8]]) -> HexDigest {
    match algorithm {
        Algorithm::Md5 | Algorithm::Md5Sess => hash_with::<Md5>(parts),
        Algorithm::Sha256 | Algorithm::Sha256Sess => hash_with::<Sha256>(parts),
        Algorithm::Sha512Trunc256 | Algorithm::Sha512Trunc256Sess => hash_with::<Sha512_256>(parts),
    }
}

fn hash_with<D: Digest>(parts: &[&[u8]]) -> HexDigest {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut hasher = D::new();
    for part in parts {
        hasher.update(part);
    }
    let mut digits = [0; 64];
    let mut len = 0;
    for byte in hasher.finalize() {
        digits[len] = DIGITS[usize::from(byte >> 4)];
        digits[len + 1] = DIGITS[usize::from(byte & 15)];
        len += 2;
    }
    HexDigest { digits, len: len as u8 }
}

#[cfg(test)]
mod tests {
    use super::{Ha1, RequestDigest};
    use crate::digest::{Algorithm, Covered, Qop};

    fn respond(algorithm: Algorithm, login: [&str; 3], nonces: [&str; 2], uri: &str) -> String {
        let [user, realm, password] = login.map(str::as_bytes);
        let ha1 = Ha1::compute(algorithm, user, realm, password);
        let [nonce, cnonce] = nonces.map(str::as_bytes);
        let covered = Covered { method: b"GET", uri: uri.as_bytes(), body: b"" };
        let digest =
            RequestDigest { algorithm, nonce, cnonce, nc: b"00000001", qop: Some(Qop::Auth), covered };
        format!("{:?}", digest.response(&ha1))
    }

    /// RFC 2617 3.5.
    #[test]
    fn rfc_2617_example() {
        let login = ["Mufasa", "testrealm@host.com", "Circle Of Life"];
        let nonces = ["dcd98b7102dd2f0e8b11d0f600bfb0c093", "0a4f113b"];
        let response = respond(Algorithm::Md5, login, nonces, "/dir/index.html");
        assert_eq!(response, "6629fae49393a05397450978507c4ef1");
    }

    /// RFC 7616 3.9.1.
    #[test]
    fn rfc_7616_examples() {
        let login = ["Mufasa", "http-auth@example.org", "Circle of Life"];
        let nonces =
            ["7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"];
        let response = |algorithm| respond(algorithm, login, nonces, "/dir/index.html");
        assert_eq!(response(Algorithm::Md5), "8ca523f5e9506fed4657c9700eebdbec");
        assert_eq!(
            response(Algorithm::Sha256),
            "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"
        );
    }

    /// RFC 7616 3.9.2 as corrected by erratum 4897: the response printed there is SHA-512 cut to 256 bits.
    #[test]
    fn rfc_7616_sha_512_256_example() {
        let login = ["J\u{e4}s\u{f8}n Doe", "api@example.org", "Secret, or not?"];
        let nonces =
            ["5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK", "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"];
        assert_eq!(
            respond(Algorithm::Sha512Trunc256, login, nonces, "/doe.json"),
            "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
        );
    }

    /// All forms of RFC 7616 3.4 and RFC 8760 2 with the login of RFC 3261 22.4's example; the expected values
    /// come from another implementation (Python's hashlib).
    #[test]
    fn every_algorithm_and_qop() {
        let rows = [
            (Algorithm::Md5, None, "bf57e4e0d0bffc0fbaedce64d59add5e"),
            (Algorithm::Md5, Some(Qop::Auth), "89eb0059246c02b2f6ee02c7961d5ea3"),
            (Algorithm::Md5, Some(Qop::AuthInt), "77226bb823dc077c1ad3537415667bae"),
            (Algorithm::Md5Sess, None, "fff17611bcbbf00c9116a2c922dea8e1"),
            (Algorithm::Md5Sess, Some(Qop::Auth), "e4e4ea61d186d07a92c9e1f6919902e9"),
            (Algorithm::Md5Sess, Some(Qop::AuthInt), "8527c9ab1b4eed3fd75491f811944e26"),
            (Algorithm::Sha256, None, "38aad98c50c33abe72c5f88dd17246ffcfa6b1f68852c855719ff0659386c0ca"),
            (
                Algorithm::Sha256,
                Some(Qop::AuthInt),
                "554a9ffe79ce71c3cb6c9630deddd2787d8033f895e5cdef6a73c8e84ed4c979",
            ),
            (
                Algorithm::Sha256Sess,
                Some(Qop::Auth),
                "5da59c9ca40954be9d5063a15a174066c8251be2c10cf47c144c366dc7daf792",
            ),
            (
                Algorithm::Sha512Trunc256,
                Some(Qop::Auth),
                "7f1a09de0f19af0a1eac2b28d33e3f2fb89cca1ad8fb01bba5e1883b288bac14",
            ),
            (
                Algorithm::Sha512Trunc256Sess,
                Some(Qop::AuthInt),
                "0220683d8c9faccc1d05bd2ef0e7ccdff87eacd5f06fb6bfd9cd7d3acf66a00b",
            ),
        ];
        for (algorithm, qop, expected) in rows {
            let ha1 = Ha1::compute(algorithm, b"bob", b"biloxi.com", b"zanzibar");
            let covered = Covered { method: b"INVITE", uri: b"sip:bob@biloxi.com", body: b"v=0\r\n" };
            let nonce = b"dcd98b7102dd2f0e8b11d0f600bfb0c093";
            let digest =
                RequestDigest { algorithm, nonce, cnonce: b"0a4f113b", nc: b"00000001", qop, covered };
            assert_eq!(digest.response(&ha1).as_bytes(), expected.as_bytes(), "{algorithm:?} {qop:?}");
        }
    }

    #[test]
    fn a_stored_ha1_must_be_hex_of_the_right_length() {
        let ha1 = Ha1::compute(Algorithm::Md5, b"a", b"b", b"c");
        let upper = ha1.expose().to_ascii_uppercase();
        let stored = Ha1::from_hex(Algorithm::Md5, &upper).expect("hex");
        assert_eq!(stored.expose(), ha1.expose());
        assert!(Ha1::from_hex(Algorithm::Sha256, &upper).is_none());
        assert!(Ha1::from_hex(Algorithm::Md5, b"no hex at all, but 32 bytes long").is_none());
        assert_eq!(format!("{ha1:?}"), "Ha1(..)");
    }
}
