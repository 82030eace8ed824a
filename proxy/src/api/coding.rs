//! Base64 (RFC 4648 4 and 5) and the original's 32-bit hash of texts, for variables and functions alike.

/// The two alphabets of base64.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Base64 {
    /// With `+` and `/`.
    Standard,
    /// With `-` and `_`.
    Url,
}

/// Whether the last group is filled up with `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Padding {
    /// It is.
    Yes,
    /// It is not.
    No,
}

impl Base64 {
    fn alphabet(self) -> &'static [u8; 64] {
        match self {
            Base64::Standard => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
            Base64::Url => b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_",
        }
    }

    /// The digits of these bytes.
    pub fn encode(self, bytes: &[u8], padding: Padding) -> Vec<u8> {
        let alphabet = self.alphabet();
        let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
        for group in bytes.chunks(3) {
            let at = |place: usize| u32::from(group.get(place).copied().unwrap_or(0));
            let bits = at(0) << 16 | at(1) << 8 | at(2);
            for place in 0..4 {
                if place <= group.len() {
                    out.push(alphabet[(bits >> (18 - 6 * place) & 63) as usize]);
                } else if padding == Padding::Yes {
                    out.push(b'=');
                }
            }
        }
        out
    }

    /// The bytes behind the digits, with or without padding; `None` for anything else.
    pub fn decode(self, text: &[u8]) -> Option<Vec<u8>> {
        let padded = text.len() - text.iter().rev().take(2).take_while(|byte| **byte == b'=').count();
        let digits = &text[..padded];
        if digits.len() % 4 == 1 {
            return None;
        }
        let mut out = Vec::with_capacity(digits.len() / 4 * 3 + 2);
        for group in digits.chunks(4) {
            let mut bits = 0u32;
            for place in 0..4 {
                let digit = match group.get(place) {
                    Some(byte) => self.alphabet().iter().position(|known| known == byte)? as u32,
                    None => 0,
                };
                bits = bits << 6 | digit;
            }
            out.extend_from_slice(&bits.to_be_bytes()[1..group.len()]);
        }
        Some(out)
    }
}

/// The hash that `{s.corehash}` and `core_hash()` show, over several texts.
pub fn core_hash(texts: &[&[u8]]) -> u32 {
    let mut hash: u32 = 0;
    for text in texts {
        let mut groups = text.chunks_exact(4);
        for group in &mut groups {
            let word = u32::from_be_bytes([group[0], group[1], group[2], group[3]]);
            hash = hash.wrapping_add(word ^ (word >> 3));
        }
        let rest = groups.remainder().iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        hash = hash.wrapping_add(rest ^ (rest >> 3));
    }
    hash.wrapping_add(hash >> 11).wrapping_add(hash >> 13).wrapping_add(hash >> 23)
}

#[cfg(test)]
mod tests {
    use super::{Base64, Padding, core_hash};

    #[test]
    fn digits_come_back_as_bytes_and_nothing_else_does() {
        assert_eq!(Base64::Standard.decode(b"YWJjZGVm").as_deref(), Some(&b"abcdef"[..]));
        assert_eq!(Base64::Standard.decode(b"MTIzNDU").as_deref(), Some(&b"12345"[..]));
        assert_eq!(Base64::Standard.decode(b"A"), None);
        assert_eq!(Base64::Standard.decode(b"*AAA"), None);
        assert_eq!(Base64::Url.encode(b"\xff\xfe", Padding::Yes), b"__4=");
    }

    /// Kamailio 5.6.3 (measured): `{s.corehash}` and `core_hash("abc", "def", ...)`.
    #[test]
    fn hashes_are_the_originals() {
        assert_eq!(core_hash(&[b"abcdef"]), 1_834_986_995);
        assert_eq!(core_hash(&[b"abc", b"def"]) & 15, 1);
    }
}
