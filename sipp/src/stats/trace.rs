//! Records of `-trace_msg`, `-trace_shortmsg` and `-trace_err`, as SIPp 3.6.1 writes them.

use std::io::Write;

use sip::msg::{HeaderName, Index, View};
use sip::time::Time;

use super::times::Wall;

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// We sent it.
    Sent,
    /// We received it.
    Received,
}

/// Before each message and the first warning.
const DASHES: &str = "-----------------------------------------------";

/// A record of `-trace_msg`, appended to `out`. `stamp` is the time as [`Wall::spaced`] gives it, `transport` is `UDP`,
/// `TCP`, ...
pub(crate) fn message(
    stamp: &str,
    (direction, transport): (Direction, &str),
    bytes: &[u8],
    out: &mut Vec<u8>,
) {
    let (before, after) = match direction {
        Direction::Sent => ("sent (", "):"),
        Direction::Received => ("received [", "] bytes :"),
    };
    let unit = if direction == Direction::Sent { " bytes" } else { "" };
    let length = bytes.len();
    // Writing into memory cannot fail.
    let _ = write!(out, "{DASHES} {stamp}\n{transport} message {before}{length}{unit}{after}\n\n");
    out.extend_from_slice(bytes);
    out.push(b'\n');
}

/// A line of `-trace_shortmsg`, appended to `out`: time, direction, Call-ID, CSeq and first line, by tabs.
pub(crate) fn short_message(wall: Wall, at: Time, direction: Direction, bytes: &[u8], out: &mut Vec<u8>) {
    let Ok(index) = Index::parse_lenient(bytes) else { return };
    let view = View { bytes, index: &index };
    let letter = match direction {
        Direction::Sent => "\tS\t",
        Direction::Received => "\tR\t",
    };
    out.extend_from_slice(wall.stamp(at).as_bytes());
    out.extend_from_slice(letter.as_bytes());
    out.extend_from_slice(view.header(HeaderName::CallId).unwrap_or_default());
    out.extend_from_slice(b"\tCSeq:");
    out.extend_from_slice(view.header(HeaderName::CSeq).unwrap_or_default());
    out.push(b'\t');
    let first = bytes.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    out.extend_from_slice(first.unwrap_or_default().trim_ascii_end());
    out.push(b'\n');
}

/// A record of `-trace_calldebug`: the steps of a call that was aborted.
pub(crate) fn call_debug(id: &str, lines: &str) -> String {
    format!("{:-<79}\nCall debugging information for call {id}:\n{lines}", "")
}

/// The first line of `-trace_err`.
pub(crate) const ERRORS_HEADER: &str = "The following events occurred:\n";

/// A record of `-trace_err`: the time and the text.
pub(crate) fn error(wall: Wall, at: Time, text: &str) -> String {
    format!("{}: {text}\n", wall.stamp(at))
}

#[cfg(test)]
mod tests {
    use sip::time::Time;

    use super::{Direction, error, message, short_message};
    use crate::stats::times::{DateForm, Wall};

    const WALL: Wall =
        Wall { origin_unix_micros: 1_795_270_329_233_293, utc_offset_secs: 0, form: DateForm::Classic };
    const INVITE: &[u8] =
        b"INVITE sip:service@127.0.0.1:15990 SIP/2.0\r\nCall-ID: 1-24060@127.0.0.1\r\nCSeq: 1 INVITE\r\n\r\n";

    /// A line of SIPp 3.6.1.
    #[test]
    fn short_messages_are_one_line() {
        let mut out = Vec::new();
        short_message(WALL, Time::ZERO, Direction::Sent, INVITE, &mut out);
        let line = "2026-11-21\t14:12:09.233293\t1795270329.233293\tS\t1-24060@127.0.0.1\tCSeq:1 INVITE\tINVITE \
                    sip:service@127.0.0.1:15990 SIP/2.0\n";
        assert_eq!(String::from_utf8(out).as_deref(), Ok(line));
    }

    #[test]
    fn messages_follow_a_dashed_head() {
        let mut out = Vec::new();
        let stamp = WALL.spaced(Time::ZERO);
        message(&stamp, (Direction::Sent, "UDP"), b"abc", &mut out);
        message(&stamp, (Direction::Received, "TCP"), b"defg", &mut out);
        let text = "----------------------------------------------- 2026-11-21 14:12:09.233293\nUDP message sent (3 bytes):\n\nabc\n\
                    ----------------------------------------------- 2026-11-21 14:12:09.233293\nTCP message received [4] bytes :\n\ndefg\n";
        assert_eq!(String::from_utf8(out).as_deref(), Ok(text));
    }

    #[test]
    fn errors_begin_with_the_time() {
        let line = error(WALL, Time::ZERO, "lost");
        assert_eq!(line, "2026-11-21\t14:12:09.233293\t1795270329.233293: lost\n");
    }
}
