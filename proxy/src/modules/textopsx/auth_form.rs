//! Header fields in the form of Authorization: a scheme, then `name=value` divided by commas (RFC 3261 20.7).

use std::ops::Range;

use sip::span::Span;

/// The value of a parameter, quotes included.
pub(super) fn value(bytes: &[u8], field: Span, name: &[u8]) -> Option<Span> {
    let text = field.of(bytes);
    let part = parts(text).into_iter().find(|part| is_named(&text[part.clone()], name))?;
    let sign = memchr::memchr(b'=', &text[part.clone()])?;
    Some(shifted(field, part.start + sign + 1..part.end))
}

/// What goes when a parameter is taken out: the comma before it, or for the first one the comma behind it.
pub(super) fn removal(bytes: &[u8], field: Span, name: &[u8]) -> Option<Span> {
    let text = field.of(bytes);
    let parts = parts(text);
    let at = parts.iter().position(|part| is_named(&text[part.clone()], name))?;
    let part = parts[at].clone();
    let start = match at.checked_sub(1) {
        Some(before) => parts[before].end,
        None => part.start,
    };
    let has_comma = at == 0 && text.get(part.end) == Some(&b',');
    Some(shifted(field, start..part.end + usize::from(has_comma)))
}

fn shifted(field: Span, range: Range<usize>) -> Span {
    let start = field.start as usize;
    Span::new(start + range.start, start + range.end)
}

fn is_named(part: &[u8], name: &[u8]) -> bool {
    let sign = memchr::memchr(b'=', part).unwrap_or(part.len());
    part[..sign].trim_ascii().eq_ignore_ascii_case(name)
}

/// The parameters behind the scheme, without the blanks around them; commas in quotes divide nothing.
fn parts(text: &[u8]) -> Vec<Range<usize>> {
    let scheme = text.iter().position(|byte| *byte == b' ').map_or(0, |blank| blank + 1);
    let mut parts = Vec::new();
    let (mut start, mut is_quoted) = (scheme, false);
    for at in scheme..=text.len() {
        match text.get(at) {
            Some(b'"') => is_quoted = !is_quoted,
            Some(b',') | None if !is_quoted || at == text.len() => {
                let part = &text[start..at];
                let lead = part.len() - part.trim_ascii_start().len();
                let len = part.trim_ascii().len();
                parts.push(start + lead..start + lead + len);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use sip::span::Span;

    use super::{removal, value};

    #[test]
    fn parameters_are_found_and_leave_with_a_comma() {
        let text = b"Digest username=\"b,ob\", realm=\"r\",qop=auth";
        let field = Span::new(0, text.len());
        let of = |span: Option<Span>| span.map(|span| String::from_utf8_lossy(span.of(text)).into_owned());
        assert_eq!(of(value(text, field, b"Realm")).as_deref(), Some("\"r\""));
        assert_eq!(of(removal(text, field, b"username")).as_deref(), Some("username=\"b,ob\","));
        assert_eq!(of(removal(text, field, b"qop")).as_deref(), Some(",qop=auth"));
        assert_eq!(of(value(text, field, b"nonce")), None);
    }
}
