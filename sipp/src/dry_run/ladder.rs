//! The ladder of a dry run as text: time, arrows, what was said, and how each call ended.

use std::fmt::Write;
use std::time::Duration;

use crate::call::Outcome;

use super::{Event, Happening, Side};

/// Columns between the two ends.
const WIDTH: usize = 42;

/// Writes the events under the names of the two ends, the caller's left.
pub fn write(names: [&str; 2], events: &[Event]) -> String {
    let mut out = format!("{:>9}  {}\n", "seconds", heading(names));
    for event in events {
        let at = seconds(Duration::from_nanos(event.at.as_nanos()));
        let name = names[event.side as usize];
        // Writing to a string does not fail.
        let _ = match &event.what {
            Happening::Sent { label, again, lost } => {
                let label = if *again { format!("{label} (again)") } else { label.clone() };
                writeln!(
                    out,
                    "{at:>9}  {}{}",
                    arrow(event.side, &label, *lost),
                    if *lost { " lost" } else { "" }
                )
            }
            Happening::Said(text) => {
                let text = text.trim_end().replace("\r\n", "\n").replace('\n', &format!("\n{:13}", ""));
                writeln!(out, "{at:>9}  * {name}: {text}")
            }
            Happening::LeftOpen(open) => {
                let calls = if open.get() == 1 { "call is" } else { "calls are" };
                writeln!(out, "{at:>9}  ! {name}: {open} {calls} open, and nothing more can happen")
            }
            Happening::Ended { outcome, index, length } => {
                let (how, after) = (verdict(*outcome, *index), seconds(*length));
                writeln!(out, "{at:>9}  = {name}: call {how} after {after} s")
            }
        };
    }
    out
}

fn heading([caller, called]: [&str; 2]) -> String {
    let gap = (WIDTH + 2).saturating_sub(caller.chars().count() + called.chars().count()).max(2);
    format!("{caller}{:gap$}{called}", "")
}

/// `|-- INVITE ----->|`; a lost one ends in the middle of the way.
fn arrow(from: Side, label: &str, lost: bool) -> String {
    let label: String = label.chars().take(WIDTH - 8).collect();
    let dashes = WIDTH - 5 - label.chars().count();
    let (tail, head) = if lost { (dashes / 2, "x") } else { (dashes, ">") };
    let gap = dashes - tail;
    match from {
        Side::Caller => format!("|-- {label} {}{head}{:gap$}|", "-".repeat(tail), ""),
        Side::Called => {
            let head = if lost { "x" } else { "<" };
            format!("|{:gap$}{head}{} {label} --|", "", "-".repeat(tail))
        }
    }
}

fn verdict(outcome: Outcome, index: u16) -> String {
    match outcome {
        Outcome::Succeeded => "succeeded".into(),
        Outcome::Failed(Some(cause)) => format!("failed at message {index} ({})", cause.name()),
        Outcome::Failed(None) => format!("failed at message {index}"),
        Outcome::Aborted => format!("aborted at message {index}"),
        Outcome::Unjudged => "ended without a verdict".into(),
    }
}

fn seconds(span: Duration) -> String {
    format!("{}.{:03}", span.as_secs(), span.subsec_millis())
}
