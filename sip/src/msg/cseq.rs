//! CSeq and RAck: sequence numbers with their methods (RFC 3261 20.16, RFC 3262 7.2).

use super::Method;
use super::field_error::{FieldError, Part};
use crate::lex;

/// A CSeq value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CSeq<'a> {
    /// The sequence number; 8.1.1.5 asks for less than 2^31, readers accept all 32 bits.
    pub number: u32,
    /// The number as written.
    pub number_text: &'a [u8],
    /// Known method or `Other`.
    pub method: Method,
    /// The method as written.
    pub method_text: &'a [u8],
}

impl<'a> CSeq<'a> {
    /// Parses `number LWS method`. Errors: `Number`, `Method`.
    pub fn parse(value: &'a [u8]) -> Result<CSeq<'a>, FieldError> {
        let (number_text, rest) = take_number(value, lex::trim(value))?;
        let number = lex::parse_u32(number_text).ok_or(FieldError::at(Part::Number, value, number_text))?;
        let method_text = lex::trim_start(rest);
        let is_method = method_text.len() < rest.len()
            && !method_text.is_empty()
            && method_text.iter().all(|byte| lex::is_token(*byte));
        if !is_method {
            return Err(FieldError::at(Part::Method, value, rest));
        }
        Ok(CSeq { number, number_text, method: Method::parse(method_text), method_text })
    }
}

/// A RAck value: the RSeq of the response it acknowledges, and that response's CSeq.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RAck<'a> {
    /// RSeq of the reliable provisional response.
    pub rseq: u32,
    /// Its CSeq.
    pub cseq: CSeq<'a>,
}

impl<'a> RAck<'a> {
    /// Parses `rseq LWS number LWS method`. Errors: `Number`, `Method`.
    pub fn parse(value: &'a [u8]) -> Result<RAck<'a>, FieldError> {
        let (rseq, rest) = take_number(value, lex::trim(value))?;
        let rseq = lex::parse_u32(rseq).ok_or(FieldError::at(Part::Number, value, rseq))?;
        let cseq = CSeq::parse(rest).map_err(|error| FieldError {
            offset: error.offset + FieldError::at(error.part, value, rest).offset,
            ..error
        })?;
        Ok(RAck { rseq, cseq })
    }
}

fn take_number<'a>(value: &[u8], text: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), FieldError> {
    let len = text.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    if len == 0 {
        return Err(FieldError::at(Part::Number, value, text));
    }
    Ok(text.split_at(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 3261 20.16; RFC 4475 3.1.1.1 (leading zeros, folds), 3.1.2.4 (too large).
    #[test]
    fn reads_number_and_method() {
        let cseq = CSeq::parse(b" 0009\r\n  INVITE ").expect("valid");
        assert_eq!((cseq.number, cseq.number_text, cseq.method), (9, &b"0009"[..], Method::Invite));
        let cseq = CSeq::parse(b"4294967295 NEW-1").expect("valid");
        assert_eq!((cseq.number, cseq.method, cseq.method_text), (u32::MAX, Method::Other, &b"NEW-1"[..]));
        let rows = [
            ("", Part::Number, 0),
            ("INVITE", Part::Number, 0),
            ("-1 INVITE", Part::Number, 0),
            ("36893488147419103232 REGISTER", Part::Number, 0),
            ("1", Part::Method, 1),
            ("1INVITE", Part::Method, 1),
            ("1 IN VITE", Part::Method, 1),
        ];
        for (text, part, offset) in rows {
            assert_eq!(CSeq::parse(text.as_bytes()).err(), Some(FieldError { part, offset }), "{text}");
        }
    }

    /// RFC 3262 7.2.
    #[test]
    fn reads_rack() {
        let rack = RAck::parse(b"776656 1 INVITE").expect("valid");
        assert_eq!((rack.rseq, rack.cseq.number, rack.cseq.method), (776_656, 1, Method::Invite));
        assert_eq!(RAck::parse(b"1 x INVITE").err(), Some(FieldError { part: Part::Number, offset: 2 }));
    }
}
