//! A flight as text: what happened, the ladder of its messages, and the messages themselves.

use std::fmt::Write;
use std::time::Duration;

use super::flight::{Flight, Kind, Said};
use crate::stats::times::Wall;

/// The whole flight; no line of it but those of messages is wider than 80 columns unless a name in it is long.
pub(crate) fn text(flight: &Flight, wall: Wall) -> String {
    let mut out = summary(flight, wall);
    out.push('\n');
    for line in rungs(flight) {
        out.push_str(&line);
        out.push('\n');
    }
    for said in &flight.messages {
        let (what, whom) = (how(said.kind), far_end(said));
        let at = seconds(said.at.since(flight.began));
        // Writing to a string does not fail.
        let _ = write!(out, "\n--- {at} s, {what} {whom}, {} bytes", said.length);
        if said.length > said.bytes.len() {
            let _ = write!(out, ", the first {} follow", said.bytes.len());
        }
        let message = String::from_utf8_lossy(&said.bytes).replace('\r', "");
        let _ = write!(out, "\n{}\n", message.trim_end_matches('\n'));
    }
    out
}

/// What happened, one fact per line.
pub(crate) fn summary(flight: &Flight, wall: Wall) -> String {
    let mut out = String::new();
    let mut fact = |name: &str, value: &str| {
        let mut lines = value.lines();
        let _ = writeln!(out, "{name:<10} {}", lines.next().unwrap_or_default());
        for line in lines {
            let _ = writeln!(out, "{:<10} {line}", "");
        }
    };
    let length = seconds(flight.ended.since(flight.began));
    fact("Call", &format!("{} (number {} of {})", flight.call_id, flight.number, flight.scenario));
    fact("Failed", &flight.reason);
    fact("When", &format!("{}, {length} s after its start", wall.date(flight.ended, ' ')));
    let place = &flight.place;
    let line = if place.line > 0 { format!("{}:{}: ", place.file, place.line) } else { String::new() };
    fact("Where", &format!("message {}, {line}{}", place.step, place.text));
    fact("Expected", &flight.expected);
    fact("Received", &flight.received);
    for (name, value) in &flight.variables {
        fact("Variable", &format!("${name} = {value}"));
    }
    for warning in &flight.warnings {
        fact("Warning", warning.lines().next().unwrap_or_default());
    }
    out
}

/// The ladder: a heading, one line per message, and the end of the call.
pub(crate) fn rungs(flight: &Flight) -> Vec<String> {
    let first = flight.messages.first().map(far_end).unwrap_or_default();
    let us = flight.local.to_string();
    let gap = (WIDTH + 2).saturating_sub(us.chars().count() + first.chars().count()).max(2);
    let mut lines = vec![format!(" seconds step  {us}{:gap$}{first}", "")];
    if flight.omitted > 0 {
        lines.push(format!("{:15}({} earlier messages were not kept)", "", flight.omitted));
    }
    for said in &flight.messages {
        let at = seconds(said.at.since(flight.began));
        let whom = far_end(said);
        let elsewhere = if whom == first { String::new() } else { format!(" {whom}") };
        lines.push(format!("{at:>8} {:>4}  {}{elsewhere}", said.step, arrow(said)));
    }
    let at = seconds(flight.ended.since(flight.began));
    lines.push(format!("{at:>8} {:>4}  X {}", flight.place.step, flight.reason));
    lines
}

/// `|-- INVITE ----->|` or `|<----- 200 OK --|`.
fn arrow(said: &Said) -> String {
    let mut label = said.title();
    match said.kind {
        Kind::SentAgain => label.push_str(" (again)"),
        Kind::SentByItself => label.push_str(" (automatic)"),
        Kind::Sent | Kind::Received => {}
    }
    let label: String = label.chars().filter(|letter| !letter.is_control()).take(WIDTH - 6).collect();
    let dashes = "-".repeat(WIDTH - 5 - label.chars().count());
    if said.kind.is_sent() { format!("|-- {label} {dashes}>|") } else { format!("|<{dashes} {label} --|") }
}

fn how(kind: Kind) -> &'static str {
    match kind {
        Kind::Sent => "sent to",
        Kind::SentAgain => "sent again to",
        Kind::SentByItself => "sent automatically to",
        Kind::Received => "received from",
    }
}

/// The other side of a message.
fn far_end(said: &Said) -> String {
    said.peer.map_or("another peer".into(), |peer| format!("{}:{}", peer.transport.param_name(), peer.addr))
}

fn seconds(span: Duration) -> String {
    format!("{}.{:03}", span.as_secs(), span.subsec_millis())
}

/// Columns of an arrow between its bars.
const WIDTH: usize = 62;

#[cfg(test)]
mod tests {
    use super::super::tests::refused;
    use super::text;
    use crate::stats::times::Wall;

    /// The golden text stands in `tests/golden/flight.txt`; `UPDATE=1` writes it anew.
    #[test]
    fn a_flight_is_the_golden_text() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/flight.txt");
        let text = text(&refused(), Wall::default());
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(path, &text).expect("the repository is writable");
        }
        let golden = std::fs::read_to_string(path).expect("the golden file is in the repository");
        assert_eq!(text, golden, "run with UPDATE=1 and review the difference");
        assert!(text.lines().all(|line| line.chars().count() <= 80));
    }

    #[test]
    fn nothing_a_peer_sends_breaks_the_ladder() {
        let mut flight = refused();
        let hostile: [&[u8]; 4] = [b"", b"\r\n\r\n", b"SIP/2.0 \x1b[2J\xff\xfe", &[b'A'; 5000]];
        for bytes in hostile {
            flight.messages[2].bytes = bytes.into();
            for line in super::rungs(&flight) {
                assert!(line.chars().count() <= 80 && !line.contains('\u{1b}'), "{line}");
            }
        }
    }
}
