//! When two URIs are the same (RFC 3261 19.1.4, RFC 3966 4).

use super::{Scheme, Uri, is_equal_host};
use crate::lex::{self, Case};
use crate::msg::params::{Param, Params};

/// Most parameters and most headers of a URI that is compared by parts.
const MAX_COMPARED: usize = 64;

impl Uri<'_> {
    /// Equality of 19.1.4 (sip, sips), RFC 3966 4 (tel), else of the text with any case in the scheme.
    /// Not transitive for sip URIs, which is why this is no `PartialEq`. Different texts with more than 64
    /// parameters or headers are never equal: comparing them takes time by the square.
    pub fn is_equal(&self, other: &Uri<'_>) -> bool {
        if self.text == other.text {
            return true;
        }
        if self.is_too_long_to_compare() || other.is_too_long_to_compare() {
            return false;
        }
        match (self.scheme, other.scheme) {
            (Scheme::Sip, Scheme::Sip) | (Scheme::Sips, Scheme::Sips) => self.is_equal_sip(other),
            (Scheme::Tel, Scheme::Tel) => self.is_equal_tel(other),
            (Scheme::Other, Scheme::Other) => {
                let split = |text: &[u8]| memchr::memchr(b':', text).unwrap_or(text.len());
                let (a, b) = (self.text.split_at(split(self.text)), other.text.split_at(split(other.text)));
                a.0.eq_ignore_ascii_case(b.0) && a.1 == b.1
            }
            _ => false,
        }
    }

    fn is_too_long_to_compare(&self) -> bool {
        [self.params, self.headers].iter().any(|params| params.iter().nth(MAX_COMPARED).is_some())
    }

    fn is_equal_sip(&self, other: &Uri<'_>) -> bool {
        let same = |a: Option<&[u8]>, b: Option<&[u8]>| match (a, b) {
            (Some(a), Some(b)) => lex::eq_escaped(a, b, Case::Exact),
            (None, None) => true,
            _ => false,
        };
        same(self.user, other.user)
            && same(self.password, other.password)
            && is_equal_host(self.host, other.host)
            && self.port == other.port
            && is_params_equal_one_way(self.params, other.params)
            && is_params_equal_one_way(other.params, self.params)
            && is_each_in(self.headers, other.headers)
            && is_each_in(other.headers, self.headers)
    }

    /// RFC 3966 4: visual separators do not count, all parameters must be in both.
    fn is_equal_tel(&self, other: &Uri<'_>) -> bool {
        let digits = |uri: &Uri<'_>| -> Vec<u8> {
            let user = uri.user.unwrap_or_default().iter();
            user.filter(|byte| !b"-.()".contains(byte)).map(u8::to_ascii_lowercase).collect()
        };
        digits(self) == digits(other)
            && is_each_in(self.params, other.params)
            && is_each_in(other.params, self.params)
    }
}

/// 19.1.4: a parameter in both must match; user, ttl, method and maddr must not stand in one only.
/// (transport in one only is ignored by the rule on "other" parameters but listed among the components whose
/// default never matches; the RFC's own example makes `;transport=udp` differ from none, so it counts.)
fn is_params_equal_one_way(a: Params<'_>, b: Params<'_>) -> bool {
    const NEVER_ALONE: [&[u8]; 5] = [b"user", b"ttl", b"method", b"maddr", b"transport"];
    a.iter().all(|param| match b.get(param.name) {
        Some(other) => is_value_equal(param, other),
        None => !NEVER_ALONE.iter().any(|name| param.name.eq_ignore_ascii_case(name)),
    })
}

fn is_each_in(a: Params<'_>, b: Params<'_>) -> bool {
    a.iter().all(|param| b.get(param.name).is_some_and(|other| is_value_equal(param, other)))
}

fn is_value_equal(a: Param<'_>, b: Param<'_>) -> bool {
    a.value.is_some() == b.value.is_some()
        && lex::eq_escaped(a.value.unwrap_or_default(), b.value.unwrap_or_default(), Case::Ignore)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uri(text: &str) -> Uri<'_> {
        Uri::parse(text.as_bytes()).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    /// RFC 3261 19.1.4: its own lists.
    #[test]
    fn compares_as_the_rfc_lists() {
        let equal = [
            ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
            (
                "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
                "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
            ),
            (
                "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
                "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
            ),
            ("sip:a@[2001:db8::1]", "sip:a@[2001:DB8:0::1]"),
            ("tel:+1-201-555-0123", "TEL:+12015550123"),
            ("urn:service:sos", "URN:service:sos"),
        ];
        for (a, b) in equal {
            assert!(uri(a).is_equal(&uri(b)) && uri(b).is_equal(&uri(a)), "{a} = {b}");
        }
        let different = [
            ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
            ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
            ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
            ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
            ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
            ("sip:a@h", "sips:a@h"),
            ("sip:a@h", "sip:a:@h"),
            ("sip:a@h;maddr=1.2.3.4", "sip:a@h"),
            ("sip:a@h;user=phone", "sip:a@h"),
            ("tel:+12015550123;ext=1", "tel:+12015550123"),
            ("sip:12@h", "tel:12"),
        ];
        for (a, b) in different {
            assert!(!uri(a).is_equal(&uri(b)) && !uri(b).is_equal(&uri(a)), "{a} != {b}");
        }
    }

    #[test]
    fn endless_parameters_are_not_compared() {
        let params = |count: usize| format!("sip:a@h{}", ";x".repeat(count));
        let (short, long) = (params(MAX_COMPARED), params(MAX_COMPARED + 1));
        assert!(uri(&short).is_equal(&uri("sip:a@h")) && !uri(&long).is_equal(&uri("sip:a@h")));
        assert!(uri(&long).is_equal(&uri(&long)));
    }
}
