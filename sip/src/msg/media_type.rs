//! Content-Type and Accept values: type, subtype and parameters (RFC 3261 20.15, 25.1 media-type).

use std::borrow::Cow;

use super::field_error::{FieldError, Part};
use super::params::Params;
use crate::lex;

/// One media type, as written.
#[derive(Clone, Copy, Debug)]
pub struct MediaType<'a> {
    /// The part before the slash, e.g. `application`.
    pub kind: &'a [u8],
    /// The part behind it, e.g. `sdp`.
    pub subtype: &'a [u8],
    /// Parameters, e.g. `;boundary=x`.
    pub params: Params<'a>,
}

impl<'a> MediaType<'a> {
    /// Parses `type/subtype;params`. Errors: `Protocol` (no slash or an empty part), `Tail`.
    pub fn parse(value: &'a [u8]) -> Result<MediaType<'a>, FieldError> {
        let end = memchr::memchr(b';', value).unwrap_or(value.len());
        let broken = FieldError::at(Part::Protocol, value, value);
        let slash = memchr::memchr(b'/', &value[..end]).ok_or(broken)?;
        let (kind, subtype) = (lex::trim(&value[..slash]), lex::trim(&value[slash + 1..end]));
        let is_word = |word: &[u8]| !word.is_empty() && word.iter().all(|byte| lex::is_token(*byte));
        if !is_word(kind) {
            return Err(broken);
        }
        if !is_word(subtype) {
            return Err(FieldError::at(Part::Tail, value, subtype));
        }
        Ok(MediaType { kind, subtype, params: Params::semicolons(&value[end..]) })
    }

    /// True when type and subtype are these, any case.
    pub fn is(&self, kind: &[u8], subtype: &[u8]) -> bool {
        self.kind.eq_ignore_ascii_case(kind) && self.subtype.eq_ignore_ascii_case(subtype)
    }

    /// The boundary of a multipart type without quotes (RFC 2046 5.1.1); `None` for other types.
    pub fn boundary(&self) -> Option<Cow<'a, [u8]>> {
        let param = self.params.get(b"boundary").filter(|_| self.kind.eq_ignore_ascii_case(b"multipart"))?;
        Some(param.unquoted()).filter(|boundary| !boundary.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_type_subtype_and_boundary() {
        let sdp = MediaType::parse(b"Application / SDP;charset=x").expect("valid");
        assert!(sdp.is(b"application", b"sdp") && sdp.boundary().is_none() && sdp.params.has(b"charset"));
        let mixed = MediaType::parse(b"multipart/mixed; boundary=\"a b\"").expect("valid");
        assert_eq!(mixed.boundary().as_deref(), Some(&b"a b"[..]));
        for (bad, part) in [
            ("", Part::Protocol),
            ("text", Part::Protocol),
            ("/x", Part::Protocol),
            ("a/", Part::Tail),
            ("a/b c", Part::Tail),
        ] {
            assert_eq!(
                MediaType::parse(bad.as_bytes()).map_err(|error| error.part).err(),
                Some(part),
                "{bad}"
            );
        }
    }
}
