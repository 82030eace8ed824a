//! The parts of a multipart body (RFC 2046 5.1), as far as SIP needs them: headers and body of each part.

use crate::lex;
use crate::msg::MediaType;

/// One part of a multipart body; both slices lie in that body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Header lines of the part, without the empty line; empty when it has none.
    pub head: &'a [u8],
    /// Its content, without the line end before the next boundary.
    pub body: &'a [u8],
}

impl<'a> Part<'a> {
    /// The value of the first header of that name, any case; folds stay inside.
    pub fn header(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut rest = self.head;
        while !rest.is_empty() {
            let (line, next) = take_folded_line(rest);
            rest = next;
            if let Some(colon) = memchr::memchr(b':', line)
                && lex::trim(&line[..colon]).eq_ignore_ascii_case(name)
            {
                return Some(lex::trim(&line[colon + 1..]));
            }
        }
        None
    }

    /// The media type of the part, when it has a readable one.
    pub fn content_type(&self) -> Option<MediaType<'a>> {
        self.header(b"Content-Type").and_then(|value| MediaType::parse(value).ok())
    }
}

/// Walks the parts of a multipart body. A body without closing boundary ends with its last bytes.
#[derive(Clone, Debug)]
pub struct Parts<'a, 'b> {
    /// From behind the last boundary line; `None` when the closing one was seen.
    rest: Option<&'a [u8]>,
    boundary: &'b [u8],
}

impl<'a, 'b> Parts<'a, 'b> {
    /// The parts of `body` between lines of two hyphens and `boundary`.
    pub fn new(body: &'a [u8], boundary: &'b [u8]) -> Parts<'a, 'b> {
        let rest = find_delimiter(body, boundary).and_then(|delimiter| delimiter.behind);
        Parts { rest, boundary }
    }
}

impl<'a> Iterator for Parts<'a, '_> {
    type Item = Part<'a>;

    fn next(&mut self) -> Option<Part<'a>> {
        let rest = self.rest?;
        let (part, behind) = match find_delimiter(rest, self.boundary) {
            Some(delimiter) => (delimiter.before, delimiter.behind),
            None => (rest, None),
        };
        self.rest = behind;
        Some(split_part(part))
    }
}

/// A boundary line: what stands before and behind it.
struct Delimiter<'a> {
    /// Without the line end that belongs to the boundary.
    before: &'a [u8],
    /// `None` behind the closing boundary.
    behind: Option<&'a [u8]>,
}

/// The first line of `text` that is two hyphens, the boundary, perhaps two hyphens, and white space.
fn find_delimiter<'a>(text: &'a [u8], boundary: &[u8]) -> Option<Delimiter<'a>> {
    let mut at = 0;
    while at < text.len() {
        let end = memchr::memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline + 1);
        let line = lex::trim_end(&text[at..end]);
        if let Some(tail) = line.strip_prefix(b"--").and_then(|line| line.strip_prefix(boundary))
            && (tail.is_empty() || tail == b"--")
        {
            let before = text[..at].strip_suffix(b"\n").unwrap_or(&text[..at]);
            let before = before.strip_suffix(b"\r").unwrap_or(before);
            return Some(Delimiter { before, behind: tail.is_empty().then(|| &text[end..]) });
        }
        at = end;
    }
    None
}

fn split_part(part: &[u8]) -> Part<'_> {
    let mut at = 0;
    while at < part.len() {
        let end = memchr::memchr(b'\n', &part[at..]).map_or(part.len(), |newline| at + newline + 1);
        if matches!(&part[at..end], b"\n" | b"\r\n") {
            return Part { head: &part[..at], body: &part[end..] };
        }
        at = end;
    }
    Part { head: part, body: &part[part.len()..] }
}

/// A line with its continuation lines, and what follows.
fn take_folded_line(text: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while let Some(newline) = memchr::memchr(b'\n', &text[at..]) {
        at += newline + 1;
        if !matches!(text.get(at), Some(b' ' | b'\t')) {
            return text.split_at(at);
        }
    }
    (text, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(body: &str) -> Vec<(String, String)> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Parts::new(body.as_bytes(), b"b1").map(|part| (text(part.head), text(part.body))).collect()
    }

    /// RFC 2046 5.1.1: preamble and epilogue are no parts; the line end before a boundary belongs to it.
    #[test]
    fn splits_at_boundary_lines() {
        let rows: &[(&str, &[(&str, &str)])] = &[
            ("", &[]),
            ("no boundary", &[]),
            ("--b1--", &[]),
            ("pre\r\n--b1\r\n\r\nx\r\n--b1--\r\nepilogue", &[("", "x")]),
            ("--b1\nA: 1\n\nx\n\n--b1 \nB: 2\n\n--b1--", &[("A: 1\n", "x\n"), ("B: 2\n", "")]),
            ("--b1\r\nA: 1\r\n\r\nopen --b1", &[("A: 1\r\n", "open --b1")]),
            ("--b12\r\n\r\nx\r\n--b1\r\n\r\ny", &[("", "y")]),
        ];
        for (body, expected) in rows {
            let expected: Vec<_> = expected.iter().map(|(h, b)| (h.to_string(), b.to_string())).collect();
            assert_eq!(parts(body), expected, "{body}");
        }
    }

    #[test]
    fn headers_of_a_part_are_found_in_any_case_and_folded() {
        let part =
            Part { head: b"Content-ID: <1>\r\ncontent-TYPE:\r\n application/sdp;\r\n charset=x", body: b"" };
        assert!(part.content_type().expect("there").is(b"application", b"sdp"));
        assert_eq!(part.header(b"content-id"), Some(&b"<1>"[..]));
        assert_eq!(part.header(b"x"), None);
    }
}
