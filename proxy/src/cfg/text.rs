//! String literals: where they end and what their escapes mean.

use std::borrow::Cow;

/// Length of the double-quoted literal that starts `text`, quotes included; `None` if it does not end.
pub(super) fn quoted_len(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', text.get(at..)?)?;
        match text[found] {
            b'"' => return Some(found + 1),
            _ => at = found + 2,
        }
    }
}

/// The text between double quotes with its escapes resolved.
///
/// `\n \r \t \a \" \\`, `\xH` and `\xHH`, `\NN` and `\NNN` (at least two octal digits, so that `\1` stays a
/// back-reference); backslash-newline vanishes; any other pair stays as it is, for regular expressions.
/// Octal wraps modulo 256, and a NUL ends the string, as Kamailio does.
pub(super) fn unescape(body: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\\', 0, body).is_none() {
        return Cow::Borrowed(body);
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(&byte) = rest.first() {
        let (resolved, taken) = if byte == b'\\' { escape(rest) } else { (Escape::Byte(byte), 1) };
        match resolved {
            Escape::Byte(0) => break,
            Escape::Byte(byte) => out.push(byte),
            Escape::Nothing => {}
            Escape::Verbatim => out.extend_from_slice(&rest[..taken]),
        }
        rest = &rest[taken..];
    }
    Cow::Owned(out)
}

/// A literal of the language that stands for the bytes.
pub(super) fn quote(bytes: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for &byte in bytes {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            byte => out.push(byte),
        }
    }
    out.push(b'"');
    out
}

/// A file name between quotes: `\t \n \r`, any other `\c` is `c`.
pub(super) fn unescape_path(body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(body.len());
    let mut bytes = body.iter();
    while let Some(&byte) = bytes.next() {
        let resolved = match byte {
            b'\\' => bytes.next().map(|escaped| match escaped {
                b't' => b'\t',
                b'n' => b'\n',
                b'r' => b'\r',
                other => *other,
            }),
            byte => Some(byte),
        };
        out.extend(resolved);
    }
    out
}

/// What an escape stands for.
enum Escape {
    Byte(u8),
    Nothing,
    Verbatim,
}

/// The escape at the start of `text`, which is a backslash, and its length.
fn escape(text: &[u8]) -> (Escape, usize) {
    let simple = |byte| (Escape::Byte(byte), 2);
    match text {
        [_, b'n', ..] => simple(b'\n'),
        [_, b'r', ..] => simple(b'\r'),
        [_, b't', ..] => simple(b'\t'),
        [_, b'a', ..] => simple(7),
        [_, byte @ (b'"' | b'\\'), ..] => simple(*byte),
        [_, b'\n', ..] => (Escape::Nothing, 2),
        [_, b'\r', b'\n', ..] => (Escape::Nothing, 3),
        [_, b'x', digits @ ..] => numeric(digits, 16, 1, 2),
        [_, digits @ ..] => numeric(digits, 8, 2, 3),
        [] => (Escape::Verbatim, text.len()),
    }
}

/// A numeric escape of at least `min` and at most `max` digits, or the two bytes as they are.
fn numeric(digits: &[u8], radix: u32, min: usize, max: usize) -> (Escape, usize) {
    let prefix = if radix == 16 { 2 } else { 1 };
    let mut value = 0u32;
    let mut count = 0;
    while let Some(digit) = digits.get(count).and_then(|&byte| char::from(byte).to_digit(radix))
        && count < max
    {
        value = value * radix + digit;
        count += 1;
    }
    if count < min {
        return (Escape::Verbatim, 2.min(prefix + digits.len()));
    }
    (Escape::Byte(value as u8), prefix + count)
}

#[cfg(test)]
mod tests {
    use super::{quoted_len, unescape};

    #[test]
    fn resolves_escapes_as_measured() {
        let rows: &[(&[u8], &[u8])] = &[
            (b"plain", b"plain"),
            (br#"a\n\r\t\a\"\\"#, b"a\n\r\t\x07\"\\"),
            (br"\x41\x4g", b"A\x04g"),
            (br"\101\12\08\1\v", b"A\n\\08\\1\\v"),
            (br"\+\q\.\$\'\f\b\xg", br"\+\q\.\$\'\f\b\xg"),
            (br"a\x00b", b"a"),
            (br"a\400b", b"a"),
            (br"\501", b"A"),
            (b"a\\\nb\\\r\nc\nd", b"abc\nd"),
            (b"end\\", b"end\\"),
        ];
        for (body, expected) in rows {
            assert_eq!(&*unescape(body), *expected, "{}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn finds_the_closing_quote() {
        assert_eq!(quoted_len(br#""a\"b" "c""#), Some(6));
        assert_eq!(quoted_len(br#""a\"#), None);
        assert_eq!(quoted_len(br#"""#), None);
    }
}
