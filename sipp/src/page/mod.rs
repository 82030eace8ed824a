//! The page of a run (`-html`): one self-contained HTML document with charts, percentiles and failed calls.
//!
//! Figures in, text out. Charts and ladders are inline SVG; there is no script, and nothing is fetched.

mod charts;
mod flights;
mod style;

use std::fmt::{Display, Write};
use std::sync::Arc;
use std::time::Duration;

use sip::time::Time;

use crate::recorder::Flight;
use crate::stats::generator::Generator;
use crate::stats::histogram::Samples;
use crate::stats::layout::Kind;
use crate::stats::snapshot::{Snapshot, Target};
use crate::stats::verdict;

/// The document.
pub(crate) fn html(snapshot: &Snapshot, flights: &[Arc<Flight>]) -> String {
    let name = escape(&snapshot.layout.name);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>sipp: {name}</title>\n\
         <style>\n{}</style>\n</head>\n<body>\n<h1>sipp: {name}</h1>\n",
        style::SHEET
    );
    page.push_str(&head(snapshot));
    page.push_str(&judgement(snapshot));
    page.push_str(&charts::all(snapshot));
    page.push_str(&percentiles(snapshot));
    page.push_str(&messages(snapshot));
    page.push_str(&flights::all(snapshot, flights));
    page.push_str("</body>\n</html>\n");
    page
}

/// What ran, when, and how many calls it made.
fn head(snapshot: &Snapshot) -> String {
    let (totals, setup) = (&snapshot.counters.totals, &snapshot.setup);
    let seconds = snapshot.at.since(Time::ZERO).as_secs_f64();
    let target = match snapshot.target {
        Target::Rate { calls, period } => format!("{calls} calls per {} s", period.as_secs_f64()),
        Target::Users(users) => format!("{users} users"),
    };
    let remote = if setup.remote.is_empty() { String::new() } else { format!(" to {}", setup.remote) };
    let rows = [
        ("Started", setup.wall.date(Time::ZERO, ' ')),
        ("Length", format!("{seconds:.3} s")),
        ("Traffic", format!("{} port {}{remote}, {target}", setup.transport, setup.port)),
        (
            "Calls",
            format!(
                "{} created, {} successful, {} failed, {} open, at most {} at once",
                totals.created(),
                totals.successful,
                totals.failed,
                snapshot.activity.open,
                snapshot.peak.calls
            ),
        ),
        (
            "Messages",
            format!(
                "{} sent, {} received, {} retransmissions",
                snapshot.network.sent, snapshot.network.received, totals.retransmissions
            ),
        ),
    ];
    let rows = rows.map(|(name, value)| format!("<tr><th>{name}</th><td>{}</td></tr>\n", escape(&value)));
    format!("<table>\n{}</table>\n", rows.concat())
}

/// Whether the figures can be trusted, and what the conditions say.
fn judgement(snapshot: &Snapshot) -> String {
    let generator = Generator::judge(snapshot);
    let class = if generator == Generator::Valid { "good" } else { "bad" };
    let mut text = format!("<p class=\"{class}\">{}", generator.word());
    for reason in generator.reasons() {
        append(&mut text, format_args!("; {}", escape(reason)));
    }
    text.push_str("</p>\n");
    let judged = verdict::judge(snapshot, &snapshot.setup.rules.conditions);
    for condition in judged {
        let (class, word) = if condition.is_met { ("bad", "failed") } else { ("good", "passed") };
        let (text_of, figure) = (escape(&condition.text), escape(&condition.figure));
        append(
            &mut text,
            format_args!("<p class=\"{class}\">fail-if {text_of}: {word}, the run had {figure}</p>\n"),
        );
    }
    text
}

/// Response times and call length, from when requests were sent and from when they were due.
fn percentiles(snapshot: &Snapshot) -> String {
    let counters = &snapshot.counters;
    let mut table = String::from(
        "<h2>Response times</h2>\n<table class=\"figures\">\n<tr><th>ms</th><th>samples</th><th>mean</th>\
         <th>p50</th><th>p90</th><th>p99</th><th>p99.9</th><th>max</th></tr>\n",
    );
    let mut rows = |name: String, samples: &Samples| {
        let sums = samples.sums();
        let cells = |figures: [(&str, Duration); 5]| {
            figures.map(|(_, value)| format!("<td>{}</td>", millis(value))).concat()
        };
        append(
            &mut table,
            format_args!(
                "<tr><th>{name}</th><td>{}</td><td>{}</td>{}</tr>\n<tr class=\"minor\"><th>from due</th>\
                 <td></td><td></td>{}</tr>\n",
                sums.count,
                millis(sums.mean()),
                cells(samples.percentiles().named()),
                cells(samples.corrected().named())
            ),
        );
    };
    for (name, samples) in snapshot.layout.response_times.iter().zip(&counters.response_times) {
        rows(format!("Response time {}", escape(name)), samples);
    }
    rows("Call length".into(), &counters.call_length);
    table.push_str("</table>\n");
    table
}

/// The messages of the scenario with their counts.
fn messages(snapshot: &Snapshot) -> String {
    let mut table = String::from(
        "<h2>Messages of the scenario</h2>\n<table class=\"figures\">\n<tr><th>message</th><th></th><th>count</th>\
         <th>again</th><th>timeouts</th><th>unexpected</th><th>lost</th></tr>\n",
    );
    for (index, line) in snapshot.layout.visible() {
        let Some(counts) = snapshot.counters.messages.get(index) else { continue };
        let what = match &line.kind {
            Kind::Send { what, .. } => format!("send {what}"),
            Kind::Receive(what) => format!("receive {what}"),
            Kind::Pause(length) => format!("pause {length}"),
            Kind::Nop(text) => format!("nop {text}"),
            Kind::SendCommand => "send a command".into(),
            Kind::ReceiveCommand => "receive a command".into(),
        };
        let figures = [counts.done, counts.retrans, counts.timeouts, counts.unexpected, counts.lost];
        let cells = figures.map(|figure| format!("<td>{figure}</td>")).concat();
        append(
            &mut table,
            format_args!("<tr><th>{index}</th><td class=\"text\">{}</td>{cells}</tr>\n", escape(&what)),
        );
    }
    table.push_str("</table>\n");
    table
}

fn millis(span: Duration) -> String {
    format!("{:.3}", span.as_secs_f64() * 1000.0)
}

fn append(text: &mut String, what: std::fmt::Arguments<'_>) {
    text.write_fmt(what).expect("a String takes everything");
}

/// Text for HTML and for attribute values in double quotes; control characters become visible.
fn escape(text: &(impl Display + ?Sized)) -> String {
    let text = text.to_string();
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\n' | '\t' => safe.push(letter),
            '\r' => {}
            letter if letter.is_control() => safe.push('\u{fffd}'),
            letter => safe.push(letter),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use quick_xml::events::Event;
    use sip::time::Time;

    use super::html;
    use crate::recorder::tests::refused;
    use crate::stats::screens::tests::client;
    use crate::stats::seconds::Second;
    use crate::stats::snapshot::Snapshot;

    /// Start and end tags nest, and no `<` or `&` stands for itself.
    fn check(page: &str) {
        let body = page.strip_prefix("<!DOCTYPE html>\n").expect("the type comes first");
        let mut reader = quick_xml::Reader::from_str(body);
        let mut depth = 0;
        loop {
            // The reader compares the names of start and end tags.
            match reader.read_event().expect("well-formed") {
                Event::Start(_) => depth += 1,
                Event::End(_) => depth -= 1,
                Event::Eof => break,
                _ => {}
            }
        }
        assert_eq!(depth, 0);
    }

    /// HTML's void elements have no end tag; XML's parser wants one.
    fn as_xml(page: &str) -> String {
        let lines = page.lines().filter(|line| !line.starts_with("<meta "));
        lines.collect::<Vec<_>>().join("\n")
    }

    /// A run of ten seconds.
    fn long() -> Snapshot {
        let snapshot = client();
        for second in 1..=10 {
            let (at, length) = (Time::from_millis(second * 1000), Duration::from_secs(1));
            snapshot.seconds.push(Second { at, length, created: second, ..Second::default() });
        }
        snapshot
    }

    #[test]
    fn the_page_is_well_formed_and_fetches_nothing() {
        let page = html(&long(), &[Arc::new(refused())]);
        check(&as_xml(&page));
        for forbidden in ["<script", "http://", "https://", "src=", "@import", "url("] {
            let found = page.replace("http://www.w3.org/2000/svg", "").contains(forbidden);
            assert!(!found, "{forbidden}");
        }
        for wanted in [
            "404 instead of 200",
            "created (most 10)",
            "Response time 1",
            "INVITE sip:service@127.0.0.1:5070",
        ] {
            assert!(page.contains(wanted), "{wanted}");
        }
    }

    /// What a peer sends is text on the page, whatever it is.
    #[test]
    fn messages_cannot_break_the_page() {
        let mut flight = refused();
        let hostile =
            b"SIP/2.0 200 <script>alert(1)</script> & \"x\" \x00\x1b\xff\r\n\r\n</pre></details></body>";
        flight.messages[2].bytes = hostile[..].into();
        flight.reason = "<b>&".into();
        flight.variables.push(("<x>".into(), "\"&\"".into()));
        let page = html(&client(), &[Arc::new(flight)]);
        check(&as_xml(&page));
        assert!(!page.contains("<script") && !page.contains('\u{1b}'));
    }
}
