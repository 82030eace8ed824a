//! Failed calls on the page: why and how often, and each kept one with its ladder and messages behind a line that
//! opens.

use std::sync::Arc;

use super::{append, escape};
use crate::recorder::{Flight, Kind, Said, ladder};
use crate::stats::snapshot::Snapshot;

/// Reasons and calls; nothing when no call failed.
pub(super) fn all(snapshot: &Snapshot, flights: &[Arc<Flight>]) -> String {
    if snapshot.reasons.is_empty() && flights.is_empty() {
        return "<h2>Failed calls</h2>\n<p>None.</p>\n".into();
    }
    let mut page = String::from("<h2>Failed calls</h2>\n<table class=\"figures\">\n");
    for (reason, calls) in &snapshot.reasons {
        let reason = escape(reason);
        append(&mut page, format_args!("<tr><td>{calls}</td><td class=\"text\">{reason}</td></tr>\n"));
    }
    page.push_str("</table>\n");
    let shown = flights.len().min(MOST);
    let failed = snapshot.counters.totals.failed;
    append(&mut page, format_args!("<p>{shown} of {failed} calls, the first of each reason:</p>\n"));
    for flight in flights.iter().take(MOST) {
        page.push_str(&call(snapshot, flight));
    }
    page
}

fn call(snapshot: &Snapshot, flight: &Flight) -> String {
    let seconds = flight.ended.as_millis() as f64 / 1000.0;
    let summary = ladder::summary(flight, snapshot.setup.wall);
    let mut out = format!(
        "<details>\n<summary>{seconds:.3} s: {} ({})</summary>\n<pre>{}</pre>\n",
        escape(&flight.reason),
        escape(&flight.call_id),
        escape(&summary)
    );
    out.push_str(&drawing(flight));
    for said in &flight.messages {
        let direction = if said.kind.is_sent() { "sent" } else { "received" };
        append(
            &mut out,
            format_args!(
                "<details>\n<summary>{} s {direction}: {}</summary>\n<pre>{}</pre>\n</details>\n",
                after(flight, said),
                escape(&said.title()),
                escape(&String::from_utf8_lossy(&said.bytes))
            ),
        );
    }
    out.push_str("</details>\n");
    out
}

/// The ladder.
fn drawing(flight: &Flight) -> String {
    let height = TOP + (flight.messages.len() as u32 + 1) * ROW;
    let peer = flight.messages.iter().find_map(|said| said.peer).map(|peer| peer.addr.to_string());
    let mut out = format!(
        "<svg class=\"ladder\" viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"ladder\">\n\
         <text x=\"{LEFT}\" y=\"14\" text-anchor=\"middle\">{}</text>\n\
         <text x=\"{RIGHT}\" y=\"14\" text-anchor=\"middle\">{}</text>\n",
        escape(&flight.local),
        escape(&peer.unwrap_or_default())
    );
    for x in [LEFT, RIGHT] {
        append(
            &mut out,
            format_args!("<line class=\"axis\" x1=\"{x}\" y1=\"20\" x2=\"{x}\" y2=\"{height}\"/>\n"),
        );
    }
    for (row, said) in flight.messages.iter().enumerate() {
        out.push_str(&arrow(flight, said, TOP + row as u32 * ROW));
    }
    let y = height - ROW / 2;
    append(
        &mut out,
        format_args!(
            "<path class=\"end\" d=\"M{0} {1}l10 10m0 -10l-10 10\"/>\n<text x=\"{2}\" y=\"{3}\">{4}</text>\n</svg>\n",
            LEFT - 5,
            y - 5,
            LEFT + 14,
            y + 4,
            escape(&flight.reason)
        ),
    );
    out
}

fn arrow(flight: &Flight, said: &Said, y: u32) -> String {
    let (class, from, to, tip) =
        if said.kind.is_sent() { ("sent", LEFT, RIGHT, -8) } else { ("received", RIGHT, LEFT, 8) };
    let again = match said.kind {
        Kind::SentAgain => " (again)",
        Kind::SentByItself => " (automatic)",
        Kind::Sent | Kind::Received => "",
    };
    format!(
        "<text class=\"dim\" x=\"0\" y=\"{0}\">{1}</text>\n<path class=\"{class}\" fill=\"none\" \
         d=\"M{from} {y}H{to}m{tip} -4L{to} {y}l{tip} 4\"/>\n\
         <text x=\"{2}\" y=\"{3}\" text-anchor=\"middle\">{4}{again}</text>\n",
        y + 4,
        after(flight, said),
        (LEFT + RIGHT) / 2,
        y - 5,
        escape(&said.title())
    )
}

/// Seconds since the call began.
fn after(flight: &Flight, said: &Said) -> String {
    format!("{:.3}", said.at.since(flight.began).as_secs_f64())
}

/// Calls on the page; the others are in `-failures`.
const MOST: usize = 200;
const WIDTH: u32 = 720;
const LEFT: u32 = 150;
const RIGHT: u32 = 600;
const TOP: u32 = 44;
const ROW: u32 = 28;
