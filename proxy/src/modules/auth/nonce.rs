//! Nonces that prove by themselves when and for what they were made (RFC 7616 5.4).
//!
//! Base64 of: expiry and creation in Unix seconds, a keyed hash over them, if asked for a keyed hash over parts
//! of the request, and if uses are counted the number of the nonce. Checking needs no stored state.

use std::fmt;

use sha2::{Digest, Sha256};
use sip::ident::Ident;
use sip::msg::{Method, View};

use super::params::Rules;
use crate::api::{Ctx, Work};

/// The key of the hashes. Never printed.
pub(super) struct Key([u8; 32]);

/// Which parts of a request its nonce is bound to: 1 request URI, 2 Call-ID, 4 From tag, 8 source address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound(pub(super) u32);

/// What a nonce says about itself, once its hash has been found right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Nonce {
    /// Unix seconds from which on it is stale.
    pub(super) expires: u32,
    /// Unix seconds of its creation.
    pub(super) since: u32,
    /// Its number, when uses are counted.
    pub(super) id: Option<u32>,
}

/// Why a nonce is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NonceError {
    /// It was not made by us, or was changed.
    Forged,
    /// It was made for another request.
    OtherRequest,
}

impl Key {
    /// The key of a configured secret, so that servers with the same secret take each other's nonces.
    pub(super) fn of_secret(secret: &[u8]) -> Key {
        Key(Sha256::digest(secret).into())
    }

    /// A key nobody knows.
    pub(super) fn random(ident: &mut Ident) -> Key {
        let mut key = [0; 32];
        key.chunks_exact_mut(8).for_each(|chunk| chunk.copy_from_slice(&ident.next_u64().to_be_bytes()));
        Key(key)
    }

    /// Writes a nonce. `binding`: the parts of the request it is bound to, empty for none.
    pub(super) fn write(&self, nonce: Nonce, binding: &[u8]) -> String {
        let mut raw = Vec::with_capacity(LONGEST);
        raw.extend_from_slice(&nonce.expires.to_be_bytes());
        raw.extend_from_slice(&nonce.since.to_be_bytes());
        raw.extend_from_slice(&self.hash(b"nonce", nonce, b""));
        if !binding.is_empty() {
            raw.extend_from_slice(&self.hash(b"bound", nonce, binding));
        }
        if let Some(id) = nonce.id {
            raw.push(0);
            raw.extend_from_slice(&id.to_be_bytes());
        }
        base64::write(&raw)
    }

    /// Reads a nonce. `has_id`: whether ours carry a number. Errors: it is not ours, or not for this request.
    pub(super) fn read(&self, text: &[u8], numbered: Numbered, binding: &[u8]) -> Result<Nonce, NonceError> {
        let raw = base64::read(text).ok_or(NonceError::Forged)?;
        let bound_len = if binding.is_empty() { 0 } else { HASH };
        let id_len = if numbered == Numbered::Yes { 5 } else { 0 };
        if raw.len() != 8 + HASH + bound_len + id_len {
            return Err(NonceError::Forged);
        }
        let word = |at: usize| u32::from_be_bytes([raw[at], raw[at + 1], raw[at + 2], raw[at + 3]]);
        let id = (numbered == Numbered::Yes).then(|| word(raw.len() - 4));
        let nonce = Nonce { expires: word(0), since: word(4), id };
        if !is_equal(&raw[8..8 + HASH], &self.hash(b"nonce", nonce, b"")) {
            return Err(NonceError::Forged);
        }
        let bound = &raw[8 + HASH..8 + HASH + bound_len];
        if !binding.is_empty() && !is_equal(bound, &self.hash(b"bound", nonce, binding)) {
            return Err(NonceError::OtherRequest);
        }
        Ok(nonce)
    }

    fn hash(&self, purpose: &[u8; 5], nonce: Nonce, binding: &[u8]) -> [u8; HASH] {
        let mut hasher = Sha256::new();
        hasher.update(self.0);
        hasher.update(purpose);
        hasher.update(nonce.expires.to_be_bytes());
        hasher.update(nonce.since.to_be_bytes());
        hasher.update(nonce.id.unwrap_or(0).to_be_bytes());
        hasher.update(binding);
        let mut short = [0; HASH];
        short.copy_from_slice(&hasher.finalize()[..HASH]);
        short
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// Whether nonces carry a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbered {
    /// They do: uses are counted.
    Yes,
    /// They do not.
    No,
}

impl Bound {
    /// What the nonce of this request is bound to.
    fn of(rules: &Rules, view: View<'_>) -> Bound {
        if view.method() == Some(Method::Register) {
            return rules.bound_register;
        }
        let has_tag = view.to().is_ok_and(|to| to.tag().is_some());
        if has_tag { rules.bound_in_dialog } else { rules.bound_no_dialog }
    }

    fn parts(self, work: &Work) -> Vec<u8> {
        let view = work.view();
        let from_tag = view.from().ok().and_then(|from| from.tag()).unwrap_or_default();
        let source = work.received.peer.addr.ip().to_string();
        let parts: [(u32, &[u8]); 4] = [
            (1, view.request_uri().unwrap_or_default()),
            (2, view.call_id().unwrap_or_default()),
            (4, from_tag),
            (8, source.as_bytes()),
        ];
        let mut out = Vec::new();
        for (_, part) in parts.iter().filter(|(bit, _)| self.0 & bit != 0) {
            out.extend_from_slice(&(part.len() as u32).to_be_bytes());
            out.extend_from_slice(part);
        }
        out
    }
}

/// The parts of the request in work that its nonce is bound to; empty for none.
pub(super) fn binding(ctx: &Ctx<'_>, rules: &Rules) -> Vec<u8> {
    Bound::of(rules, ctx.work.view()).parts(ctx.work)
}

/// Compares in a time that does not tell where the difference is.
fn is_equal(one: &[u8], other: &[u8]) -> bool {
    one.len() == other.len() && one.iter().zip(other).fold(0, |sum, (a, b)| sum | (a ^ b)) == 0
}

/// Bytes of a keyed hash.
const HASH: usize = 16;

/// Bytes of the longest nonce before base64.
const LONGEST: usize = 8 + HASH + HASH + 5;

/// Base64 with padding (RFC 4648 4).
mod base64 {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub(super) fn write(raw: &[u8]) -> String {
        let mut out = String::with_capacity(raw.len().div_ceil(3) * 4);
        for chunk in raw.chunks(3) {
            let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
            let word = word << (8 * (3 - chunk.len()));
            for place in 0..4 {
                let letter = LETTERS[(word >> (18 - 6 * place)) as usize & 63];
                out.push(if place <= chunk.len() { char::from(letter) } else { '=' });
            }
        }
        out
    }

    /// `None` unless it is what `write` makes.
    pub(super) fn read(text: &[u8]) -> Option<Vec<u8>> {
        if text.len() > super::LONGEST.div_ceil(3) * 4 {
            return None;
        }
        let mut out = Vec::with_capacity(text.len() / 4 * 3);
        let letters = text.iter().position(|byte| *byte == b'=').unwrap_or(text.len());
        let mut word = 0u32;
        for (at, letter) in text[..letters].iter().enumerate() {
            let value = LETTERS.iter().position(|known| known == letter)?;
            word = word << 6 | value as u32;
            if at % 4 != 0 {
                out.push((word >> (6 - 2 * (at % 4))) as u8);
            }
        }
        (write(&out).as_bytes() == text).then_some(out)
    }

    #[cfg(test)]
    mod tests {
        /// RFC 4648 10.
        #[test]
        fn the_examples_of_the_rfc() {
            for (raw, text) in [
                ("", ""),
                ("f", "Zg=="),
                ("fo", "Zm8="),
                ("foo", "Zm9v"),
                ("foob", "Zm9vYg=="),
                ("fooba", "Zm9vYmE="),
                ("foobar", "Zm9vYmFy"),
            ] {
                assert_eq!(super::write(raw.as_bytes()), text);
                assert_eq!(super::read(text.as_bytes()).as_deref(), Some(raw.as_bytes()), "{text}");
            }
            for bad in ["Zg", "Zg=", "Zh==", "Zm9v!", "Z", "====", "Zg==Zg=="] {
                assert_eq!(super::read(bad.as_bytes()), None, "{bad}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Key, Nonce, NonceError, Numbered};

    const PLAIN: Nonce = Nonce { expires: 1300, since: 1000, id: None };

    #[test]
    fn lengths_are_those_seen_on_kamailio() {
        let key = Key::of_secret(b"x");
        let numbered = Nonce { id: Some(7), ..PLAIN };
        for (nonce, binding, length) in
            [(PLAIN, &b""[..], 32), (numbered, b"", 40), (PLAIN, b"call", 56), (numbered, b"call", 60)]
        {
            assert_eq!(key.write(nonce, binding).len(), length);
        }
    }

    #[test]
    fn any_changed_letter_is_noticed() {
        let key = Key::of_secret(b"x");
        let numbered = Nonce { id: Some(7), ..PLAIN };
        let text = key.write(numbered, b"call").into_bytes();
        assert_eq!(key.read(&text, Numbered::Yes, b"call"), Ok(numbered));
        for at in 0..text.len() {
            let mut changed = text.clone();
            changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
            assert!(key.read(&changed, Numbered::Yes, b"call").is_err(), "{at}");
            assert!(key.read(&text[..at], Numbered::Yes, b"call").is_err(), "{at}");
        }
    }

    #[test]
    fn keys_and_requests_are_told_apart() {
        let key = Key::of_secret(b"x");
        let text = key.write(PLAIN, b"").into_bytes();
        assert_eq!(key.read(&text, Numbered::No, b""), Ok(PLAIN));
        assert_eq!(Key::of_secret(b"y").read(&text, Numbered::No, b""), Err(NonceError::Forged));
        assert_eq!(key.read(&text, Numbered::Yes, b""), Err(NonceError::Forged));
        let bound = key.write(PLAIN, b"call-1").into_bytes();
        assert_eq!(key.read(&bound, Numbered::No, b"call-2"), Err(NonceError::OtherRequest));
    }
}
