//! Challenges and credentials: scheme and parameters, as text (RFC 3261 20.7, 20.27, 20.44, 25.1).
//!
//! Computing and checking the digest is the room `digest`; this file only takes the value apart.

use std::borrow::Cow;

use super::field_error::{FieldError, Part};
use super::params::Params;
use crate::lex;

/// One challenge or one set of credentials.
#[derive(Clone, Copy, Debug)]
pub struct Auth<'a> {
    /// The whole value without white space around it.
    pub text: &'a [u8],
    /// The scheme as written, e.g. `Digest`.
    pub scheme: &'a [u8],
    /// The parameters behind it, comma separated.
    pub params: Params<'a>,
}

impl<'a> Auth<'a> {
    /// Parses the value of WWW-Authenticate, Proxy-Authenticate, Authorization or Proxy-Authorization.
    /// Errors: `Scheme`, when the value does not start with a token.
    pub fn parse(value: &'a [u8]) -> Result<Auth<'a>, FieldError> {
        let text = lex::trim(value);
        let len = text.iter().position(|byte| !lex::is_token(*byte)).unwrap_or(text.len());
        let (scheme, rest) = text.split_at(len);
        if scheme.is_empty() || !rest.first().is_none_or(|byte| lex::is_lws(*byte)) {
            return Err(FieldError::at(Part::Scheme, value, text));
        }
        Ok(Auth { text, scheme, params: Params::commas(lex::trim_start(rest)) })
    }

    /// True for the digest scheme, any case.
    pub fn is_digest(&self) -> bool {
        self.scheme.eq_ignore_ascii_case(b"Digest")
    }

    /// A parameter without quotes and escapes; `None` when absent.
    pub fn param(&self, name: &[u8]) -> Option<Cow<'a, [u8]>> {
        self.params.get(name).map(|param| param.unquoted())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 20.44 and 22.4 examples.
    #[test]
    fn reads_challenges_and_credentials() {
        let value = b"Digest realm=\"atlanta, \\\"x\\\"\",\r\n domain=\"sip:a,sip:b\", qop=\"auth,auth-int\", stale=FALSE, algorithm=MD5";
        let auth = Auth::parse(value).expect("valid");
        assert!(auth.is_digest());
        assert_eq!(auth.param(b"REALM").as_deref(), Some(&b"atlanta, \"x\""[..]));
        assert_eq!(auth.param(b"qop").as_deref(), Some(&b"auth,auth-int"[..]));
        assert_eq!(auth.param(b"algorithm").as_deref(), Some(&b"MD5"[..]));
        assert_eq!(auth.param(b"opaque"), None);
        assert_eq!(auth.params.iter().count(), 5);
        assert_eq!(Auth::parse(b"Basic").expect("valid").scheme, b"Basic");
        for bad in ["", "=x", "\"Digest\" realm", "Digest,realm=x"] {
            assert_eq!(
                Auth::parse(bad.as_bytes()).err(),
                Some(FieldError { part: Part::Scheme, offset: 0 }),
                "{bad}"
            );
        }
    }
}
