//! The hash that spreads calls over destinations. It is Kamailio's, so that calls go where they always went.

use sip::msg::{Scheme, Uri};

/// The hash of texts, never 0.
pub(super) fn of(texts: &[&[u8]]) -> u32 {
    let sum = texts.iter().fold(0u32, |sum, text| sum.wrapping_add(chunks(text)));
    let mixed = sum.wrapping_add(sum >> 11).wrapping_add((sum >> 13).wrapping_add(sum >> 23));
    mixed.max(1)
}

/// The hash of a URI: user and host, and the port unless it is the usual one; or the user alone.
pub(super) fn of_uri(text: &[u8], user_only: UserOnly) -> Option<u32> {
    let uri = Uri::parse(text).ok()?;
    let user = uri.user.unwrap_or_default();
    let usual = if uri.scheme == Scheme::Sips { 5061 } else { 5060 };
    let host = if uri.port.is_none_or(|port| port == usual) { uri.host } else { uri.host_port };
    Some(match user_only {
        UserOnly::Yes if !user.is_empty() => of(&[user]),
        UserOnly::Yes | UserOnly::No => of(&[user, host]),
    })
}

/// Whether the host of a URI counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UserOnly {
    Yes,
    No,
}

/// Words of four bytes, most significant first; the last one is what is left, 0 when nothing is.
fn chunks(text: &[u8]) -> u32 {
    let word =
        |bytes: &[u8]| bytes.iter().fold(0u32, |word, byte| (word << 8).wrapping_add(u32::from(*byte)));
    let mix = |word: u32| word ^ (word >> 3);
    let whole = text.chunks_exact(4);
    let rest = mix(word(whole.remainder()));
    whole.map(word).fold(rest, |sum, word| sum.wrapping_add(mix(word)))
}

#[cfg(test)]
mod tests {
    use super::{UserOnly, of, of_uri};

    /// Seen on Kamailio 5.6.3 (`dispatcher.hash`).
    #[test]
    fn hashes_are_those_of_old() {
        assert_eq!(
            (of(&[b"abc"]), of(&[b"abc", b"d"]), of(&[b"alice"])),
            (7_167_810, 7_167_914, 1_834_153_949)
        );
        assert_eq!(of(&[b""]), 1);
    }

    #[test]
    fn the_usual_port_does_not_count() {
        let hash = |uri: &str| of_uri(uri.as_bytes(), UserOnly::No);
        assert_eq!(hash("sip:a@h:5060"), hash("sip:a@h"));
        assert_ne!(hash("sip:a@h:5070"), hash("sip:a@h"));
        assert_eq!(of_uri(b"sip:a@h", UserOnly::Yes), of_uri(b"sip:a@other", UserOnly::Yes));
        assert_eq!(hash("nothing"), None);
    }
}
