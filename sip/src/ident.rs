//! Makers of branches and tags from a generator seeded by the caller.
//!
//! Nothing here reads a random source: a shell seeds [`Ident`] once, so the same seed gives the same texts.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};

/// Prefix of a branch made by an RFC 3261 element (8.1.1.7).
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// A generator of numbers and the identifiers made from them: SipHash of a counter, keyed by the seed. Who sees
/// some of them can foresee neither the next ones nor the seed (19.3 asks that of tags).
#[derive(Clone)]
pub struct Ident {
    /// Has taken in the seed.
    keyed: DefaultHasher,
    counter: u64,
}

impl Ident {
    /// A generator; equal seeds give equal sequences.
    pub fn seeded(seed: u64) -> Ident {
        let mut keyed = DefaultHasher::new();
        keyed.write_u64(seed);
        keyed.write(b"ident");
        Ident { keyed, counter: 0 }
    }

    /// The next 64 bits.
    pub fn next_u64(&mut self) -> u64 {
        self.counter += 1;
        let mut hasher = self.keyed.clone();
        hasher.write_u64(self.counter);
        hasher.finish()
    }

    /// A number in `0..bound`; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// Appends a branch: magic cookie and 16 hex digits (8.1.1.7).
    pub fn write_branch(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(MAGIC_COOKIE.as_bytes());
        write_hex(self.next_u64(), out);
    }

    /// Appends a tag of 16 hex digits (19.3 asks for at least 32 bits).
    pub fn write_tag(&mut self, out: &mut Vec<u8>) {
        write_hex(self.next_u64(), out);
    }
}

impl fmt::Debug for Ident {
    /// Shows nothing that would tell the numbers to come.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Ident(..)")
    }
}

/// Appends 16 lower-case hex digits.
pub fn write_hex(value: u64, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..16).rev().map(|nibble| DIGITS[(value >> (nibble * 4)) as usize & 15]));
}

#[cfg(test)]
mod tests {
    use super::Ident;

    #[test]
    fn equal_seeds_give_equal_branches() {
        let (mut a, mut b) = (Vec::new(), Vec::new());
        Ident::seeded(7).write_branch(&mut a);
        Ident::seeded(7).write_branch(&mut b);
        assert_eq!(a, b);
        assert!(a.starts_with(b"z9hG4bK") && a.len() == 23);
    }

    #[test]
    fn below_stays_below() {
        let mut ident = Ident::seeded(1);
        assert!((0..1000).all(|_| ident.below(7) < 7));
        assert_eq!(ident.below(0), 0);
    }
}
