//! `[authentication]`: the header that answers the stored challenge.
//!
//! It is inserted when the rest of the message is written, since with `auth-int` it covers the body.

use super::super::{KeywordDef, KeywordForm, KeywordText, Mistake, Names, Scope};

pub(in crate::lang) const AUTHENTICATION: KeywordDef = KeywordDef {
    name: "authentication",
    args: "username=text password=text aka_K=text aka_OP=text aka_AMF=text",
    vanishes: false,
    form: KeywordForm::Authentication,
    doc: "The Authorization or Proxy-Authorization header for the challenge received last.",
};

/// The keyword with its arguments.
#[derive(Debug)]
pub struct Authentication {}

impl Authentication {
    /// Reads the arguments.
    pub(in crate::lang) fn parse(
        _text: &KeywordText<'_>,
        _names: &mut Names<'_>,
    ) -> Result<Authentication, Mistake> {
        Ok(Authentication {})
    }

    /// Inserts the header at `at` into the message that begins at `base`; returns how many bytes it took.
    pub(in crate::lang) fn insert(
        &self,
        scope: &mut Scope<'_>,
        _base: usize,
        _at: usize,
        _out: &mut Vec<u8>,
    ) -> usize {
        scope.fail("Authentication keyword without dialog_authentication!");
        0
    }
}
