//! The verdict of a whole run: which conditions of `-fail-if` are met, and the same as a JUnit document.

use std::fmt::Write;
use std::time::Duration;

use super::condition::{Condition, Counted, Figure, Limit, Measured, Media};
use super::counters::Cause;
use super::generator::Generator;
use super::histogram::Samples;
use super::snapshot::{Heard, Snapshot};

/// What a run is held to besides its calls.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Rules {
    /// `-fail-if`.
    pub(crate) conditions: Vec<Condition>,
    /// `-strict`: a run that says nothing about the other side fails too.
    pub(crate) strict: bool,
}

impl Rules {
    /// Why the run fails by these rules; empty when it does not.
    pub(crate) fn broken_by(&self, snapshot: &Snapshot) -> Vec<Breach> {
        let judged = judge(snapshot, &self.conditions).into_iter().filter(|judged| judged.is_met);
        let mut breaches: Vec<Breach> = judged
            .map(|judged| Breach {
                rule: Rule::Condition,
                text: format!("-fail-if {}: the run had {}", judged.text, judged.figure),
            })
            .collect();
        if self.strict {
            if let Generator::Limited(limits) = Generator::judge(snapshot) {
                let text = format!("-strict: GENERATOR-LIMITED: {}", limits.join("; "));
                breaches.push(Breach { rule: Rule::KeptUp, text });
            }
            let (created, wanted) = (snapshot.created, snapshot.setup.stop_after);
            if let Some(wanted) = wanted.filter(|wanted| created < *wanted) {
                let text = format!("-strict: {created} of the {wanted} calls of -m were made");
                breaches.push(Breach { rule: Rule::Whole, text });
            }
        }
        breaches
    }
}

/// A rule that a run broke.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Breach {
    /// Which one.
    pub(crate) rule: Rule,
    /// What the run had, to be shown.
    pub(crate) text: String,
}

/// What a run is held to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    /// A condition of `-fail-if` is not met.
    Condition,
    /// `-strict`: all calls of `-m` were made.
    Whole,
    /// `-strict`: this program kept up, so that the figures describe the other side.
    KeptUp,
}

/// A condition and what the run had.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Judged {
    /// The condition as written.
    pub(crate) text: String,
    /// The figure of the run as text.
    pub(crate) figure: String,
    /// Whether it is met, so that the run fails.
    pub(crate) is_met: bool,
}

/// The first condition that names a response time the scenario does not have. The text to show.
pub(crate) fn unknown_name(conditions: &[Condition], names: &[String]) -> Option<String> {
    conditions.iter().find_map(|condition| match &condition.figure {
        Figure::Percentile(_, measured) | Figure::Mean(measured) | Figure::Max(measured) => match measured {
            Measured::ResponseTime(name) if !names.contains(name) => {
                let known = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
                let text = &condition.text;
                Some(format!("'{text}': the scenario has no response time '{name}' (it has: {known})"))
            }
            _ => None,
        },
        _ => None,
    })
}

/// Compares the run with each condition. A percentile without any sample meets nothing.
pub(crate) fn judge(snapshot: &Snapshot, conditions: &[Condition]) -> Vec<Judged> {
    conditions.iter().map(|condition| judge_one(snapshot, condition)).collect()
}

fn judge_one(snapshot: &Snapshot, condition: &Condition) -> Judged {
    let (figure, text) = figure(snapshot, condition);
    let limit = match condition.limit {
        Limit::Number(number) | Limit::Percent(number) => number,
        Limit::Time(span) => span.as_secs_f64() * 1000.0,
    };
    let is_met = figure.is_some_and(|figure| condition.comparison.holds(figure, limit));
    Judged { text: condition.text.clone(), figure: text, is_met }
}

/// The figure of the run in the limit's unit, and as text.
fn figure(snapshot: &Snapshot, condition: &Condition) -> (Option<f64>, String) {
    let (measured, of): (&Measured, fn(&Samples, f64) -> Duration) = match &condition.figure {
        Figure::Count(counted) => return count(snapshot, *counted, condition.limit),
        Figure::Media(media) => return heard(&snapshot.media.heard, *media, condition.limit),
        Figure::CallRate => {
            let rate = snapshot.call_rate(&snapshot.began);
            return (Some(rate), format!("{rate:.3} calls/s"));
        }
        Figure::Percentile(_, measured) => (measured, |samples, percent| samples.percentile(percent)),
        Figure::Mean(measured) => (measured, |samples, _| samples.sums().mean()),
        Figure::Max(measured) => (measured, |samples, _| samples.max()),
    };
    let percent = if let Figure::Percentile(percent, _) = condition.figure { percent } else { 0.0 };
    let samples = match measured {
        Measured::CallLength => Some(&snapshot.counters.call_length),
        Measured::ResponseTime(name) => {
            let at = snapshot.layout.response_times.iter().position(|known| known == name);
            at.and_then(|at| snapshot.counters.response_times.get(at))
        }
    };
    match samples.filter(|samples| samples.sums().count > 0) {
        None => (None, "no samples".into()),
        Some(samples) => {
            let millis = of(samples, percent).as_secs_f64() * 1000.0;
            (Some(millis), format!("{millis:.3} ms"))
        }
    }
}

/// A figure of received media; none before the first packet.
fn heard(heard: &Heard, media: Media, limit: Limit) -> (Option<f64>, String) {
    let share = |part: u64, whole: u64| if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 };
    let counted = |part: u64, whole: u64| match limit {
        Limit::Percent(_) => {
            (Some(share(part, whole)), format!("{:.4}% ({part} of {whole})", share(part, whole)))
        }
        _ => (Some(part as f64), part.to_string()),
    };
    let number = |number: Option<f64>, unit: &str| match number {
        Some(number) => (Some(number), format!("{number:.3}{unit}")),
        None => (None, "no samples".into()),
    };
    let span = |span: Option<Duration>| number(span.map(|span| span.as_secs_f64() * 1000.0), " ms");
    match media {
        Media::Loss => counted(heard.lost, heard.lost + heard.packets),
        Media::OneWay => counted(heard.one_way(), heard.one_way() + heard.both_ways),
        Media::PeerLoss => number(heard.worst_peer_loss.map(|loss| loss * 100.0), "%"),
        Media::Jitter => span((heard.packets > 0).then_some(heard.worst_jitter)),
        Media::FirstPacket => span(heard.longest_first_delay),
        Media::RoundTrip => span(heard.longest_round_trip),
        Media::Mos => number(heard.mean_score, ""),
        Media::WorstMos => number(heard.worst_score, ""),
        Media::Rating => number(heard.mean_rating, ""),
    }
}

fn count(snapshot: &Snapshot, counted: Counted, limit: Limit) -> (Option<f64>, String) {
    let totals = &snapshot.counters.totals;
    let messages = &snapshot.counters.messages;
    let number = match counted {
        Counted::Failed => totals.failed,
        Counted::Successful => totals.successful,
        Counted::Created => totals.created(),
        Counted::Retransmissions => totals.retransmissions,
        Counted::Unexpected => messages.iter().map(|message| message.unexpected).sum(),
        Counted::Timeouts => messages.iter().map(|message| message.timeouts).sum(),
        Counted::Missed => snapshot.pacing.missed,
        Counted::Late => snapshot.pacing.late(),
    };
    if !matches!(limit, Limit::Percent(_)) {
        return (Some(number as f64), number.to_string());
    }
    let all = match counted {
        Counted::Missed | Counted::Late => snapshot.pacing.scheduled,
        _ => totals.created(),
    };
    let percent = if all == 0 { 0.0 } else { number as f64 * 100.0 / all as f64 };
    (Some(percent), format!("{percent:.4}% ({number} of {all})"))
}

/// A JUnit document: one case for the calls of each scenario, the main one first, one for each condition.
pub(crate) fn junit(scenarios: &[&Snapshot], judged: &[Judged]) -> String {
    let Some(main) = scenarios.first() else { return String::new() };
    let seconds = main.at.since(sip::time::Time::ZERO).as_secs_f64();
    let failed = scenarios.iter().filter(|snapshot| snapshot.counters.totals.failed > 0).count();
    let (tests, failures) =
        (scenarios.len() + judged.len(), failed + judged.iter().filter(|judged| judged.is_met).count());
    let name = escape(&main.layout.name);
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n<testsuite name=\"sipp {name}\" tests=\"{tests}\" \
         failures=\"{failures}\" errors=\"0\" skipped=\"0\" time=\"{seconds:.3}\">\n"
    );
    for snapshot in scenarios {
        let class = escape(&snapshot.layout.name);
        let failure = failures_of(snapshot);
        let failure = failure.as_ref().map(|(message, reasons)| (message.as_str(), reasons.as_str()));
        case(&mut text, (&class, "calls"), seconds, failure);
    }
    for judged in judged {
        let why = judged.is_met.then(|| format!("{}: the run had {}", judged.text, judged.figure));
        case(
            &mut text,
            (&name, &format!("fail-if {}", judged.text)),
            0.0,
            why.as_deref().map(|why| (why, "")),
        );
    }
    let verdict = match Generator::judge(main) {
        Generator::Valid => "VALID".to_owned(),
        Generator::Limited(reasons) => format!("GENERATOR-LIMITED: {}", reasons.join("; ")),
    };
    text.push_str(&format!("<system-out>{}</system-out>\n</testsuite>\n</testsuites>\n", escape(&verdict)));
    text
}

/// A case; a failed one has a line for the list and more to read inside.
fn case(text: &mut String, (class, name): (&str, &str), seconds: f64, failure: Option<(&str, &str)>) {
    let head = format!("<testcase classname=\"{class}\" name=\"{}\" time=\"{seconds:.3}\"", escape(name));
    match failure {
        None => writeln!(text, "{head}/>"),
        Some((why, "")) => writeln!(text, "{head}><failure message=\"{}\"/></testcase>", escape(why)),
        Some((why, more)) => {
            let (why, more) = (escape(why), escape(more));
            writeln!(text, "{head}><failure message=\"{why}\">{more}</failure></testcase>")
        }
    }
    .expect("a String takes everything");
}

/// Why calls of a scenario failed: causes in one line, reasons one per line.
fn failures_of(snapshot: &Snapshot) -> Option<(String, String)> {
    let totals = &snapshot.counters.totals;
    if totals.failed == 0 {
        return None;
    }
    let mut text = format!("{} of {} calls failed", totals.failed, totals.created());
    for ((_, name), count) in Cause::ALL.iter().zip(totals.causes).filter(|(_, count)| *count > 0) {
        write!(text, ", {name} {count}").expect("a String takes everything");
    }
    let reasons = snapshot.reasons.iter().map(|(reason, calls)| format!("{calls} x {reason}\n"));
    Some((text, reasons.collect()))
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::super::condition::Condition;
    use super::super::screens::tests::client;
    use super::{Rule, Rules, judge, junit, unknown_name};

    /// Five good calls with response time 3 ms and length 208 ms.
    #[test]
    fn conditions_are_compared_with_the_run() {
        let rows = [
            ("p99(1)>2ms", true),
            ("p99(1)>200ms", false),
            ("mean(length)>=208ms", true),
            ("max(length)<1s", true),
            ("failed>0", false),
            ("successful<6", true),
            ("failed>=0%", true),
            ("rate<7", false),
        ];
        let conditions = rows.map(|(text, _)| Condition::parse("-fail-if", text).expect(text));
        for (judged, (text, is_met)) in judge(&client(), &conditions).iter().zip(rows) {
            assert_eq!(judged.is_met, is_met, "{text}: {}", judged.figure);
        }
    }

    #[test]
    fn strict_runs_must_be_whole_and_on_time() {
        let mut snapshot = client();
        let rules = Rules { strict: true, ..Rules::default() };
        assert_eq!(rules.broken_by(&snapshot), []);
        snapshot.created = 4;
        snapshot.network.kernel_drops = 1;
        let broken: Vec<Rule> = rules.broken_by(&snapshot).into_iter().map(|breach| breach.rule).collect();
        assert_eq!(broken, [Rule::KeptUp, Rule::Whole]);
        assert!(Rules::default().broken_by(&snapshot).is_empty(), "SIPp's verdict is the default");
    }

    #[test]
    fn names_of_response_times_are_checked() {
        let conditions = [Condition::parse("-fail-if", "p99(invite)>1ms").expect("valid")];
        let text = unknown_name(&conditions, &["1".into()]).expect("there is none");
        assert!(text.contains("'invite'") && text.contains("it has: 1"), "{text}");
        assert_eq!(unknown_name(&conditions, &["invite".into()]), None);
    }

    #[test]
    fn junit_has_a_case_for_the_calls_and_each_condition() {
        let mut snapshot = client();
        snapshot.counters.totals.failed = 2;
        snapshot.counters.totals.causes[4] = 2;
        let conditions =
            ["p99(1)>2ms", "failed>5"].map(|text| Condition::parse("-fail-if", text).expect(text));
        let text = junit(&[&snapshot, &client()], &judge(&snapshot, &conditions));
        for expected in [
            "tests=\"4\" failures=\"2\"",
            "name=\"calls\" time=\"0.700\"><failure message=\"2 of 5 calls failed, FailedUnexpectedMessage 2\">3 x 404 instead",
            "name=\"fail-if p99(1)&gt;2ms\" time=\"0.000\"><failure message=\"p99(1)&gt;2ms: the run had 3.0",
            "name=\"fail-if failed&gt;5\" time=\"0.000\"/>",
            "<system-out>VALID</system-out>",
        ] {
            assert!(text.contains(expected), "{expected} in\n{text}");
        }
    }
}
