//! Addresses with display name and parameters (From, To, Contact, Route, ...), and comma lists of values.
//!
//! [`NameAddr`] borrows from one value; the URI inside is taken apart only when asked. [`Values`] splits a
//! field value at its commas, honouring quotes and angle brackets (RFC 3261 7.3.1, 20.10, 25.1 name-addr).

use std::borrow::Cow;

use super::field_error::{FieldError, Part};
use super::params::Params;
use super::uri::Uri;
use crate::lex;

/// One `"Display" <uri>;params` or `uri;params` value.
#[derive(Clone, Copy, Debug)]
pub struct NameAddr<'a> {
    /// The whole value without white space around it.
    pub text: &'a [u8],
    /// The display name as written, quotes included; `None` when there is none.
    pub display: Option<&'a [u8]>,
    /// The URI as written, without angle brackets.
    pub uri_text: &'a [u8],
    /// The parameters of the header field; those of the URI are inside the brackets.
    pub params: Params<'a>,
}

impl<'a> NameAddr<'a> {
    /// Splits one value into display name, URI and parameters.
    ///
    /// Without angle brackets, parameters belong to the header field (20.10). Errors: `Empty`,
    /// `DisplayName` (open quote, or no bracket behind it), `Bracket` (never closed), `Tail` (text that is no
    /// parameter behind the closing bracket).
    pub fn parse(value: &'a [u8]) -> Result<NameAddr<'a>, FieldError> {
        let text = lex::trim(value);
        let name_len = match text.first() {
            None => return Err(FieldError { part: Part::Empty, offset: 0 }),
            Some(b'"') => lex::quoted_end(text).ok_or(FieldError::at(Part::DisplayName, value, text))?,
            Some(_) => 0,
        };
        let open = memchr::memchr3(b'<', b';', b':', &text[name_len..]).map(|at| name_len + at);
        let Some(open) = open.filter(|at| text[*at] == b'<') else {
            if name_len > 0 {
                return Err(FieldError::at(Part::DisplayName, value, text));
            }
            let end = memchr::memchr(b';', text).unwrap_or(text.len());
            let params = Params::semicolons(&text[end..]);
            return Ok(NameAddr { text, display: None, uri_text: lex::trim_end(&text[..end]), params });
        };
        let inside = &text[open + 1..];
        let close =
            memchr::memchr(b'>', inside).ok_or(FieldError::at(Part::Bracket, value, &text[open..]))?;
        let tail = lex::trim_start(&inside[close + 1..]);
        if !matches!(tail.first(), None | Some(b';')) {
            return Err(FieldError::at(Part::Tail, value, tail));
        }
        let display = lex::trim_end(&text[..open]);
        Ok(NameAddr {
            text,
            display: (!display.is_empty()).then_some(display),
            uri_text: &inside[..close],
            params: Params::semicolons(tail),
        })
    }

    /// The URI taken apart. Errors: see [`Uri::parse`]; offsets count inside the URI.
    pub fn uri(&self) -> Result<Uri<'a>, FieldError> {
        Uri::parse(self.uri_text)
    }

    /// The `tag` parameter (19.3); `None` when absent or empty.
    pub fn tag(&self) -> Option<&'a [u8]> {
        self.params.value(b"tag").filter(|tag| !tag.is_empty())
    }

    /// The display name without quotes and escapes; empty when there is none.
    pub fn display_name(&self) -> Cow<'a, [u8]> {
        lex::unquote(self.display.unwrap_or_default())
    }

    /// The `expires` parameter of a Contact in seconds (20.10); `None` when absent or no number, which 20.10
    /// tells a registrar to read as absent.
    pub fn expires(&self) -> Option<u32> {
        self.params.value(b"expires").and_then(lex::parse_u32)
    }

    /// The `q` parameter of a Contact in thousandths, 0 to 1000 (20.10, 25.1 qvalue).
    pub fn q_thousandths(&self) -> Option<u16> {
        parse_qvalue(self.params.value(b"q")?)
    }
}

/// The values of a comma list, without the white space around them; empty ones are skipped.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    rest: &'a [u8],
}

impl<'a> Values<'a> {
    /// The values in `text`, a field value as written.
    pub fn new(text: &'a [u8]) -> Values<'a> {
        Values { rest: text }
    }
}

impl<'a> Iterator for Values<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let comma = find_comma(self.rest);
            let value = lex::trim(&self.rest[..comma.unwrap_or(self.rest.len())]);
            self.rest = comma.map_or(&[], |comma| &self.rest[comma + 1..]);
            if !value.is_empty() {
                return Some(value);
            }
        }
        None
    }
}

/// The first comma outside quotes and angle brackets. What never closes hides all commas behind it.
fn find_comma(text: &[u8]) -> Option<usize> {
    // Most values hold no comma at all: one fast look spares the careful walk.
    memchr::memchr(b',', text)?;
    let mut at = 0;
    loop {
        at += memchr::memchr3(b',', b'"', b'<', &text[at..])?;
        match text[at] {
            b',' => return Some(at),
            b'"' => at += lex::quoted_end(&text[at..])?,
            _ => at += memchr::memchr(b'>', &text[at..])? + 1,
        }
    }
}

/// 25.1: `0` or `1` with up to three decimals, at most 1.
fn parse_qvalue(text: &[u8]) -> Option<u16> {
    let (whole, decimals) = match memchr::memchr(b'.', text) {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &text[text.len()..]),
    };
    let whole = if whole.is_empty() && !decimals.is_empty() { 0 } else { lex::parse_u16(whole)? };
    let mut thousandths = 0;
    for place in 0..3 {
        let digit = decimals.get(place).map_or(Some(0), |digit| lex::parse_u16(&[*digit]))?;
        thousandths = thousandths * 10 + digit;
    }
    let total = whole.checked_mul(1000)?.checked_add(thousandths)?;
    (decimals.len() <= 3 && total <= 1000).then_some(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(value: &str) -> String {
        let text = |part: &[u8]| String::from_utf8_lossy(part).into_owned();
        match NameAddr::parse(value.as_bytes()) {
            Ok(addr) => format!(
                "{}|{}|{}",
                addr.display.map_or("-".into(), text),
                text(addr.uri_text),
                text(addr.params.as_bytes())
            ),
            Err(error) => error.to_string(),
        }
    }

    /// RFC 3261 20.10, 20.20, 20.39; RFC 4475 3.1.1.1, 3.1.1.6, 3.1.2.14.
    #[test]
    fn splits_display_uri_and_parameters() {
        let rows: &[(&str, &str)] = &[
            (
                r#""A. G. Bell" <sip:agb@bell-telephone.com> ;tag=a48s"#,
                r#""A. G. Bell"|sip:agb@bell-telephone.com|;tag=a48s"#,
            ),
            (
                "sip:+12125551212@server.phone2net.com;tag=887s",
                "-|sip:+12125551212@server.phone2net.com|;tag=887s",
            ),
            (
                "Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8",
                "Anonymous|sip:c8oqz84zk7z@privacy.org|;tag=hyh8",
            ),
            ("<sip:a@b;lr>", "-|sip:a@b;lr|"),
            ("caller<sip:caller@example.com>", "caller|sip:caller@example.com|"),
            (r#""quoted \" <;:>," <sip:a@b>"#, r#""quoted \" <;:>,"|sip:a@b|"#),
            ("sip:a@b;x=\"<>\"", "-|sip:a@b|;x=\"<>\""),
            (
                "Bell, Alexander <sip:a.g.bell@bell-tel.com>;tag=43",
                "Bell, Alexander|sip:a.g.bell@bell-tel.com|;tag=43",
            ),
            ("\r\n sip:a@b\r\n ;tag=1 ", "-|sip:a@b|;tag=1"),
            ("<>", "-||"),
            ("", "bad value is empty at byte 0"),
            (r#""open <sip:a@b>"#, "bad display name at byte 0"),
            (r#""name" sip:a@b"#, "bad display name at byte 0"),
            ("  <sip:a@b", "bad bracket at byte 2"),
            ("<sip:a@b> x", "bad text behind its end at byte 10"),
        ];
        for (value, expected) in rows {
            assert_eq!(show(value), *expected, "{value}");
        }
    }

    #[test]
    fn reads_tag_expires_and_q() {
        let addr = NameAddr::parse(br#""Mr. \"W\"" <sip:w@h>;q=0.7; expires=3600;TAG=x"#).expect("valid");
        assert_eq!(addr.tag(), Some(&b"x"[..]));
        assert_eq!(addr.display_name(), &br#"Mr. "W""#[..]);
        assert_eq!((addr.expires(), addr.q_thousandths()), (Some(3600), Some(700)));
        let rows = [
            ("1", Some(1000)),
            ("0.05", Some(50)),
            (".5", Some(500)),
            ("1.001", None),
            ("x", None),
            ("0.1234", None),
            ("", None),
            ("-1", None),
        ];
        for (q, expected) in rows {
            assert_eq!(parse_qvalue(q.as_bytes()), expected, "{q}");
        }
    }

    /// RFC 3261 7.3.1: commas inside quotes and brackets do not separate.
    #[test]
    fn splits_lists_outside_quotes_and_brackets() {
        let rows: &[(&str, &[&str])] = &[
            ("", &[]),
            (" , ,", &[]),
            ("a", &["a"]),
            ("a , b,\r\n c", &["a", "b", "c"]),
            (r#""x, \"y" <sip:a,b@c>, <sip:d>"#, &[r#""x, \"y" <sip:a,b@c>"#, "<sip:d>"]),
            ("<sip:open, b", &["<sip:open, b"]),
            ("\"open, b", &["\"open, b"]),
        ];
        for (text, expected) in rows {
            let values: Vec<_> = Values::new(text.as_bytes()).collect();
            assert_eq!(values, expected.iter().map(|value| value.as_bytes()).collect::<Vec<_>>(), "{text}");
        }
    }
}
