//! A DTMF digit in the body of an INFO request: `application/dtmf-relay` (`Signal=5`, `Duration=160`) and
//! `application/dtmf` (the digit alone), as gateways send them. RFC 6086 defines INFO, no RFC these bodies.

use sip::msg::View;

/// The digit of an INFO request; `None` for any other body.
pub(super) fn digit_of(view: View<'_>) -> Option<u8> {
    let content_type = view.content_type().ok()??;
    let body = view.body();
    if content_type.is(b"application", b"dtmf-relay") {
        let signal = body.split(|byte| matches!(byte, b'\r' | b'\n')).find_map(|line| {
            let at = memchr::memchr(b'=', line)?;
            let (name, value) = (line[..at].trim_ascii(), line[at + 1..].trim_ascii());
            name.eq_ignore_ascii_case(b"signal").then_some(value)
        });
        return read(signal?);
    }
    if content_type.is(b"application", b"dtmf") { read(body.trim_ascii()) } else { None }
}

/// One digit, or the number of an event of RFC 4733 3.2.
fn read(signal: &[u8]) -> Option<u8> {
    match signal {
        [digit] if digit.is_ascii_digit() || b"*#ABCDabcd".contains(digit) => {
            Some(digit.to_ascii_uppercase())
        }
        b"10" => Some(b'*'),
        b"11" => Some(b'#'),
        [b'1', digit @ b'2'..=b'5'] => Some(digit - b'2' + b'A'),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use sip::msg::Index;

    use super::*;

    fn digit(content_type: &str, body: &str) -> Option<char> {
        let length = body.len();
        let text = format!(
            "INFO sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n\
             To: <sip:b@b>;tag=2\r\nCall-ID: 1\r\nCSeq: 2 INFO\r\nContent-Type: {content_type}\r\n\
             Content-Length: {length}\r\n\r\n{body}"
        );
        let index = Index::parse(text.as_bytes()).expect("a request");
        digit_of(View { bytes: text.as_bytes(), index: &index }).map(char::from)
    }

    #[test]
    fn reads_the_digit_of_both_bodies() {
        let relay = "application/dtmf-relay";
        let rows = [
            (relay, "Signal=5\r\nDuration=160\r\n", Some('5')),
            (relay, "Duration=160\nsignal = *\n", Some('*')),
            (relay, "Signal=11\r\n", Some('#')),
            (relay, "Signal=d", Some('D')),
            (relay, "Signal=13", Some('B')),
            (relay, "Signal=99", None),
            (relay, "5", None),
            ("application/dtmf", "7", Some('7')),
            ("Application/DTMF; x=y", "#\r\n", Some('#')),
            ("application/dtmf", "77", None),
            ("text/plain", "7", None),
        ];
        for (content_type, body, expected) in rows {
            assert_eq!(digit(content_type, body), expected, "{content_type} {body}");
        }
    }
}
