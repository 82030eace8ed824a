//! Byte classes and the small readers of RFC 3261 25.1: token, linear white space, quoted string, escapes.
//!
//! All take slices of a message and return slices of it; nothing here allocates except [`unquote`] and
//! [`unescape`] when there really is an escape to resolve.

use std::borrow::Cow;

const TOKEN: u8 = 1;
const LWS: u8 = 2;
const HOST: u8 = 4;
const RESERVED: u8 = 8;

/// One byte of class bits per byte value.
static CLASS: [u8; 256] = build_classes();

/// True for the bytes of `token`.
pub fn is_token(byte: u8) -> bool {
    CLASS[byte as usize] & TOKEN != 0
}

/// True for space, tab, and the line ends a folded value may hold.
pub fn is_lws(byte: u8) -> bool {
    CLASS[byte as usize] & LWS != 0
}

/// True for the bytes of a host name; the underscore is no part of the grammar but of many real names.
pub fn is_host(byte: u8) -> bool {
    CLASS[byte as usize] & HOST != 0
}

/// True for the bytes of `reserved`, the ones whose escaped form means something else (19.1.4).
pub fn is_reserved(byte: u8) -> bool {
    CLASS[byte as usize] & RESERVED != 0
}

/// `text` without linear white space at both ends.
pub fn trim(text: &[u8]) -> &[u8] {
    trim_end(trim_start(text))
}

/// `text` without linear white space at its start.
pub fn trim_start(text: &[u8]) -> &[u8] {
    let start = text.iter().position(|byte| !is_lws(*byte)).unwrap_or(text.len());
    &text[start..]
}

/// `text` without linear white space at its end.
pub fn trim_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|byte| !is_lws(*byte)).map_or(0, |last| last + 1);
    &text[..end]
}

/// Parses an unsigned decimal number that fills `text`; `None` when empty, not digits only, or too large.
pub fn parse_u32(text: &[u8]) -> Option<u32> {
    if text.is_empty() {
        return None;
    }
    text.iter().try_fold(0u32, |sum, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then_some(())?;
        sum.checked_mul(10)?.checked_add(u32::from(digit))
    })
}

/// Parses a port number that fills `text`: 0 to 65535.
pub fn parse_u16(text: &[u8]) -> Option<u16> {
    parse_u32(text).and_then(|number| u16::try_from(number).ok())
}

/// Appends a decimal number.
pub fn write_u32(mut number: u32, out: &mut Vec<u8>) {
    let mut digits = [0u8; 10];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// The offset behind the closing quote of the quoted string `text` starts with; `None` when it never closes
/// or `text` does not start with a quote. A backslash takes the next byte with it.
pub fn quoted_end(text: &[u8]) -> Option<usize> {
    if text.first() != Some(&b'"') {
        return None;
    }
    let mut at = 1;
    loop {
        at += memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        if text[at] == b'"' {
            return Some(at + 1);
        }
        at += 2;
    }
}

/// The content of a quoted string with its escapes resolved; text that is not quoted comes back as it is.
pub fn unquote(text: &[u8]) -> Cow<'_, [u8]> {
    let [b'"', inner @ .., b'"'] = text else {
        return Cow::Borrowed(text);
    };
    if memchr::memchr(b'\\', inner).is_none() {
        return Cow::Borrowed(inner);
    }
    let mut plain = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter();
    while let Some(&byte) = bytes.next() {
        plain.push(if byte == b'\\' { *bytes.next().unwrap_or(&byte) } else { byte });
    }
    Cow::Owned(plain)
}

/// Appends `text` as a quoted string, quotes and backslashes escaped.
pub fn write_quoted(text: &[u8], out: &mut Vec<u8>) {
    out.push(b'"');
    for &byte in text {
        if matches!(byte, b'"' | b'\\') {
            out.push(b'\\');
        }
        out.push(byte);
    }
    out.push(b'"');
}

/// `text` with its `%xx` escapes resolved; a percent sign without two hex digits stays.
pub fn unescape(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'%', text).is_none() {
        return Cow::Borrowed(text);
    }
    Cow::Owned(Unescaped { rest: text }.map(|(byte, _)| byte).collect())
}

/// True when two escaped texts mean the same: an escape equals its character unless that one is reserved
/// (19.1.4); letters compare as `case` says.
pub fn eq_escaped(a: &[u8], b: &[u8], case: Case) -> bool {
    let fold = |(byte, escaped): (u8, bool)| {
        let byte = if case == Case::Ignore { byte.to_ascii_lowercase() } else { byte };
        (byte, escaped && is_reserved(byte))
    };
    Unescaped { rest: a }.map(fold).eq(Unescaped { rest: b }.map(fold))
}

/// How letters compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// `a` and `A` differ.
    Exact,
    /// `a` and `A` are equal (ASCII only).
    Ignore,
}

/// The bytes of an escaped text, each with "it was written as an escape".
struct Unescaped<'a> {
    rest: &'a [u8],
}

impl Iterator for Unescaped<'_> {
    type Item = (u8, bool);

    fn next(&mut self) -> Option<(u8, bool)> {
        if let [b'%', high, low, rest @ ..] = self.rest
            && let (Some(high), Some(low)) = (hex_value(*high), hex_value(*low))
        {
            self.rest = rest;
            return Some((high << 4 | low, true));
        }
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some((*first, false))
    }
}

/// The value of a hex digit of either case.
pub fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

const fn build_classes() -> [u8; 256] {
    let mut classes = [0u8; 256];
    let mut byte = 0;
    while byte < 256 {
        if (byte as u8).is_ascii_alphanumeric() {
            classes[byte] = TOKEN | HOST;
        }
        byte += 1;
    }
    classes = mark(classes, b"-.!%*_+`'~", TOKEN);
    classes = mark(classes, b"-._", HOST);
    classes = mark(classes, b" \t\r\n", LWS);
    mark(classes, b";/?:@&=+$,", RESERVED)
}

const fn mark(mut classes: [u8; 256], bytes: &[u8], class: u8) -> [u8; 256] {
    let mut at = 0;
    while at < bytes.len() {
        classes[bytes[at] as usize] |= class;
        at += 1;
    }
    classes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_digits_only_and_bounded() {
        for (text, number) in [("0", Some(0)), ("070", Some(70)), ("4294967295", Some(u32::MAX))] {
            assert_eq!(parse_u32(text.as_bytes()), number);
        }
        for text in ["", "-1", "+1", "1 ", "4294967296", "99999999999999999999", "0x1"] {
            assert_eq!(parse_u32(text.as_bytes()), None, "{text}");
        }
        assert_eq!((parse_u16(b"65535"), parse_u16(b"65536")), (Some(65535), None));
        let mut out = Vec::new();
        write_u32(0, &mut out);
        write_u32(u32::MAX, &mut out);
        assert_eq!(out, b"04294967295");
    }

    /// 25.1 quoted-string: a backslash quotes one byte; an open string has no end.
    #[test]
    fn quoted_strings_end_at_the_first_unescaped_quote() {
        let rows: &[(&str, Option<usize>, &str)] = &[
            (r#""a b" <sip:x>"#, Some(5), "a b"),
            (r#""say \"hi\"""#, Some(12), r#"say "hi""#),
            (r#""back\\""#, Some(8), r"back\"),
            (r#""""#, Some(2), ""),
            (r#""open"#, None, ""),
            (r#""open\"#, None, ""),
            ("plain", None, ""),
            ("", None, ""),
        ];
        for (text, end, content) in rows {
            assert_eq!(quoted_end(text.as_bytes()), *end, "{text}");
            if let Some(end) = end {
                let whole = &text.as_bytes()[..*end];
                assert_eq!(unquote(whole), content.as_bytes(), "{text}");
                let mut written = Vec::new();
                write_quoted(content.as_bytes(), &mut written);
                assert_eq!(written, whole, "{text}");
            }
        }
        assert_eq!(unquote(b"token"), &b"token"[..]);
        assert_eq!(unquote(b"\""), &b"\""[..]);
    }

    /// 19.1.4: `%61` is `a`, but `%3B` is not `;`.
    #[test]
    fn escapes_equal_their_unreserved_characters_only() {
        assert!(eq_escaped(b"%61lice", b"alice", Case::Exact));
        assert!(!eq_escaped(b"a%3Bb", b"a;b", Case::Exact));
        assert!(eq_escaped(b"a%3Bb", b"a%3bb", Case::Exact));
        assert!(!eq_escaped(b"Alice", b"alice", Case::Exact));
        assert!(eq_escaped(b"Alice", b"aLICe", Case::Ignore));
        assert_eq!(unescape(b"a%20b%zz%4"), &b"a b%zz%4"[..]);
    }

    #[test]
    fn trims_folds_too() {
        assert_eq!(trim(b"\r\n  a b\t \r\n "), b"a b");
        assert_eq!(trim(b" \t"), b"");
    }
}
