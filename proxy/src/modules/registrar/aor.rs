//! Addresses-of-record: what a URI is called in the tables (RFC 3261 10.3 step 5).

use sip::msg::{Scheme, Uri};

use super::params::Rules;
use crate::modules::usrloc;

/// The key of a URI: its user, with `use_domain` and the domain, escapes resolved, lower case unless
/// `case_sensitive`. `None`: not a URI.
pub(super) fn key(uri: &[u8], rules: &Rules, location: &usrloc::Rules) -> Option<Vec<u8>> {
    let uri = Uri::parse(uri).ok()?;
    let mut key = unescape(uri.user.unwrap_or_default());
    if !rules.is_case_sensitive {
        key.make_ascii_lowercase();
    }
    if location.with_domain && uri.scheme != Scheme::Tel {
        let domain = uri.host.to_ascii_lowercase();
        let domain = domain.strip_prefix(&rules.realm_prefix[..]).unwrap_or(&domain);
        if !key.is_empty() {
            key.push(b'@');
        }
        key.extend_from_slice(domain);
    }
    Some(key)
}

/// Resolves escapes like `%41`; broken ones stay.
pub(super) fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        let digits =
            tail.get(..2).filter(|_| *first == b'%').and_then(|digits| std::str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = &tail[2..];
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::unescape;

    #[test]
    fn escapes_are_resolved_and_broken_ones_stay() {
        let rows: [(&str, &str); 4] = [("b%6fb3", "bob3"), ("a%4", "a%4"), ("%zz", "%zz"), ("100%", "100%")];
        for (text, expected) in rows {
            assert_eq!(unescape(text.as_bytes()), expected.as_bytes());
        }
    }
}
