//! Conditions of `-fail-if`: `p99(1)>200ms`, `failed>0.1%`, `loss>1%`, ... on the figures of a whole run.
//!
//! A condition is a figure, a comparison and a limit; it is parsed when the command line is, and met when the
//! run was not good enough. Rates are shares of the calls that ended.

use std::time::Duration;

/// One condition; the run fails when it is met.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Condition {
    /// As written, for reports.
    pub(crate) text: String,
    /// What is compared.
    pub(crate) figure: Figure,
    /// How.
    pub(crate) comparison: Comparison,
    /// With what.
    pub(crate) limit: Limit,
}

/// Something a run has a figure for.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Figure {
    /// A count of calls or messages.
    Count(Counted),
    /// Calls opened per second.
    CallRate,
    /// A percentile (0 to 100) of a duration.
    Percentile(f64, Measured),
    /// The mean of a duration.
    Mean(Measured),
    /// The largest of a duration.
    Max(Measured),
    /// Something about received media.
    Media(Media),
}

/// Figures of received media.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Media {
    /// Packets that never came, or their share.
    Loss,
    /// The same as the worst peer reports it of our streams.
    PeerLoss,
    /// Jitter of the worst stream.
    Jitter,
    /// The longest time from the answer to the first packet.
    FirstPacket,
    /// The longest round trip by RTCP.
    RoundTrip,
    /// Mean opinion score.
    Mos,
    /// The worst one.
    WorstMos,
    /// Mean rating of the E-model.
    Rating,
    /// Calls whose packets went one way only, or their share.
    OneWay,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Counted {
    /// Failed calls.
    Failed,
    /// Successful calls.
    Successful,
    /// Calls created.
    Created,
    /// Messages sent again.
    Retransmissions,
    /// Unexpected messages.
    Unexpected,
    /// Messages that did not come in time.
    Timeouts,
    /// Scheduled calls that could not be opened.
    Missed,
    /// Calls opened late.
    Late,
}

/// A duration that is measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Measured {
    /// The response time of that name.
    ResponseTime(String),
    /// The length of calls.
    CallLength,
}

/// How figure and limit are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// `<`
    Less,
    /// `<=`
    AtMost,
    /// `>`
    More,
    /// `>=`
    AtLeast,
}

/// What a figure is compared with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Limit {
    /// A number of calls, messages, or calls per second.
    Number(f64),
    /// A share of the created calls.
    Percent(f64),
    /// A duration.
    Time(Duration),
}

impl Comparison {
    /// Whether `figure` stands in this relation to `limit`.
    pub(crate) fn holds(self, figure: f64, limit: f64) -> bool {
        match self {
            Comparison::Less => figure < limit,
            Comparison::AtMost => figure <= limit,
            Comparison::More => figure > limit,
            Comparison::AtLeast => figure >= limit,
        }
    }
}

impl Condition {
    /// Reads one condition of that option. Error: the line to show.
    pub(crate) fn parse(option: &str, text: &str) -> Result<Condition, String> {
        let refuse = |why: String| format!("{option} '{text}': {why}");
        let at = text.find(['<', '>']).ok_or_else(|| {
            refuse("a condition is a figure, one of < <= > >=, and a limit, as in p99(1)>200ms".into())
        })?;
        let (figure, rest) = text.split_at(at);
        let (comparison, limit) = match (rest.as_bytes(), rest.get(1..), rest.get(2..)) {
            ([b'<', b'=', ..], _, Some(limit)) => (Comparison::AtMost, limit),
            ([b'>', b'=', ..], _, Some(limit)) => (Comparison::AtLeast, limit),
            ([b'<', ..], Some(limit), _) => (Comparison::Less, limit),
            (_, limit, _) => (Comparison::More, limit.unwrap_or_default()),
        };
        let figure = parse_figure(figure.trim()).map_err(refuse)?;
        let limit = parse_limit(limit.trim(), &figure).map_err(refuse)?;
        Ok(Condition { text: text.into(), figure, comparison, limit })
    }
}

/// Names of counts.
const COUNTS: &[(&str, Counted)] = &[
    ("failed", Counted::Failed),
    ("fail", Counted::Failed),
    ("successful", Counted::Successful),
    ("created", Counted::Created),
    ("retransmissions", Counted::Retransmissions),
    ("unexpected", Counted::Unexpected),
    ("timeouts", Counted::Timeouts),
    ("missed", Counted::Missed),
    ("late", Counted::Late),
];

/// Names of figures of received media.
const MEDIA: &[(&str, Media)] = &[
    ("loss", Media::Loss),
    ("peer_loss", Media::PeerLoss),
    ("jitter", Media::Jitter),
    ("first_packet", Media::FirstPacket),
    ("rtt", Media::RoundTrip),
    ("mos", Media::Mos),
    ("worst_mos", Media::WorstMos),
    ("r", Media::Rating),
    ("one_way", Media::OneWay),
];

fn parse_figure(text: &str) -> Result<Figure, String> {
    if let Some((_, media)) = MEDIA.iter().find(|(name, _)| *name == text) {
        return Ok(Figure::Media(*media));
    }
    if let Some((_, counted)) = COUNTS.iter().find(|(name, _)| *name == text) {
        return Ok(Figure::Count(*counted));
    }
    if text == "rate" {
        return Ok(Figure::CallRate);
    }
    let call = text.strip_suffix(')').and_then(|text| text.split_once('('));
    let Some((function, argument)) = call else {
        let media = MEDIA.iter().map(|(name, _)| *name);
        let names: Vec<&str> = COUNTS.iter().map(|(name, _)| *name).chain(media).collect();
        let names = names.join(", ");
        return Err(format!(
            "unknown figure '{text}'; there are {names}, rate, p99(1), mean(1), max(length)"
        ));
    };
    let measured = match argument.trim() {
        "length" => Measured::CallLength,
        "" => return Err("which response time? write its name, as in p99(1), or length".into()),
        name => Measured::ResponseTime(name.into()),
    };
    match function.trim() {
        "mean" | "avg" => Ok(Figure::Mean(measured)),
        "max" => Ok(Figure::Max(measured)),
        other => {
            let percent = other.strip_prefix('p').and_then(|number| number.parse::<f64>().ok());
            let percent = percent.filter(|percent| (0.0..=100.0).contains(percent));
            let wrong = || format!("unknown figure '{other}(...)'; there are p0 to p100, mean and max");
            Ok(Figure::Percentile(percent.ok_or_else(wrong)?, measured))
        }
    }
}

fn parse_limit(text: &str, figure: &Figure) -> Result<Limit, String> {
    let number =
        |text: &str| text.trim().parse::<f64>().ok().filter(|number| *number >= 0.0 && number.is_finite());
    match figure {
        Figure::Media(Media::PeerLoss) => {
            let percent = text.strip_suffix('%').and_then(number).map(Limit::Percent);
            percent.ok_or_else(|| format!("'{text}' is no percentage, as in 1%"))
        }
        Figure::Media(Media::Mos | Media::WorstMos | Media::Rating) => {
            number(text).map(Limit::Number).ok_or_else(|| format!("'{text}' is no number, as in 3.6"))
        }
        Figure::Count(_) | Figure::Media(Media::Loss | Media::OneWay) => {
            let limit = match text.strip_suffix('%') {
                Some(percent) => number(percent).map(Limit::Percent),
                None => number(text).map(Limit::Number),
            };
            limit.ok_or_else(|| format!("'{text}' is no count and no percentage, as in 0.1%"))
        }
        Figure::CallRate => number(text)
            .map(Limit::Number)
            .ok_or_else(|| format!("'{text}' is no number of calls per second")),
        _ => {
            let units = [("ms", 1e-3), ("us", 1e-6), ("s", 1.0)];
            let found =
                units.iter().find_map(|(unit, scale)| Some(number(text.strip_suffix(unit)?)? * scale));
            let span = found.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
            span.map(Limit::Time)
                .ok_or_else(|| format!("'{text}' is no time with a unit, as in 200ms or 1.5s"))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Comparison, Condition, Counted, Figure, Limit, Measured, Media};

    #[test]
    fn conditions_are_figure_comparison_and_limit() {
        let first = Figure::Percentile(99.0, Measured::ResponseTime("1".into()));
        let rows = [
            ("p99(1)>200ms", first, Comparison::More, Limit::Time(Duration::from_millis(200))),
            ("failed >= 0.1%", Figure::Count(Counted::Failed), Comparison::AtLeast, Limit::Percent(0.1)),
            ("successful<100", Figure::Count(Counted::Successful), Comparison::Less, Limit::Number(100.0)),
            ("loss>1%", Figure::Media(Media::Loss), Comparison::More, Limit::Percent(1.0)),
            ("mos<3.6", Figure::Media(Media::Mos), Comparison::Less, Limit::Number(3.6)),
            (
                "jitter>=20ms",
                Figure::Media(Media::Jitter),
                Comparison::AtLeast,
                Limit::Time(Duration::from_millis(20)),
            ),
            ("one_way>0", Figure::Media(Media::OneWay), Comparison::More, Limit::Number(0.0)),
            ("rate<=9.5", Figure::CallRate, Comparison::AtMost, Limit::Number(9.5)),
            (
                "max(length)>1.5s",
                Figure::Max(Measured::CallLength),
                Comparison::More,
                Limit::Time(Duration::from_millis(1500)),
            ),
        ];
        for (text, figure, comparison, limit) in rows {
            let expected = Condition { text: text.into(), figure, comparison, limit };
            assert_eq!(Condition::parse("-fail-if", text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_condition_is_told() {
        let rows = [
            ("failed", "a condition is a figure"),
            ("fails>1", "unknown figure 'fails'"),
            ("p101(1)>1ms", "p0 to p100"),
            ("p99()>1ms", "which response time?"),
            ("p99(1)>200", "no time with a unit"),
            ("failed>-1", "no count"),
            ("jitter>5", "no time"),
            ("mos<5%", "no number"),
            ("peer_loss>5", "no percentage"),
            ("failed>", "no count"),
            (">", "unknown figure"),
        ];
        for (text, why) in rows {
            let error = Condition::parse("-fail-if", text).expect_err(text);
            assert!(error.contains(why) && error.contains(text), "{error}");
        }
    }
}
