//! The shape of an option row: its name, what its value means, and what it sets.
//!
//! The effect's variant is the kind of the value, so a row cannot name one kind and set another. Value
//! texts turn into types here, with SIPp's error texts (measured on 3.6.1).

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::time::Duration;

use super::Options;

/// One option: the single place that knows its name, default, help and effect.
pub(crate) struct Row {
    /// Names without the dash; the first is the one that help and hints show.
    pub(super) names: &'static [&'static str],
    /// What the help shows for the value, empty for a flag.
    pub(super) value: &'static str,
    /// What it does, one or two sentences; the default at the end.
    pub(super) help: &'static str,
    /// Kind of value, and what it sets.
    pub(super) effect: Effect,
}

/// The kind of an option's value together with what is done with it.
pub(super) enum Effect {
    /// No value.
    Flag(fn(&mut Options)),
    /// Integer, decimal, `0x` hexadecimal or `0` octal, within these limits.
    Int(RangeInclusive<i64>, fn(&mut Options, i64)),
    /// Decimal number within these limits.
    Float(RangeInclusive<f64>, fn(&mut Options, f64)),
    /// `true`, `false` or an integer.
    Bool(fn(&mut Options, bool)),
    /// Duration; a bare number counts in the unit.
    Time(Unit, fn(&mut Options, Duration)),
    /// The same, of at least so many milliseconds.
    TimeFrom(u64, Unit, fn(&mut Options, Duration)),
    /// Any text, checked by the setter, which gives the whole error text.
    Text(fn(&mut Options, &str) -> Result<(), String>),
    /// A text that may be left out.
    OptionalText(fn(&mut Options, Option<&str>)),
    /// Two words.
    Pair(fn(&mut Options, &str, &str) -> Result<(), String>),
    /// Accepted because scripts pass it; means nothing here, but the value must be one.
    Accepted(Value),
    /// Answered by the command line itself before anything runs; so many words at least and at most.
    Answer(usize, usize),
    /// Known, but this version cannot do it: refused by name (this number of words belongs to it).
    NotYet(usize),
}

/// The kind of a value that means nothing.
#[derive(Clone, Copy)]
pub(super) enum Value {
    /// None.
    Nothing,
    /// An integer.
    Int,
    /// `true`, `false` or an integer.
    Bool,
    /// A duration.
    Time,
}

/// The unit of a bare number.
#[derive(Clone, Copy)]
pub(super) enum Unit {
    Millis,
    Seconds,
}

impl Row {
    /// How many words of the command line belong to the option, at least and at most.
    pub(super) fn words(&self) -> (usize, usize) {
        match self.effect {
            Effect::Flag(_) | Effect::Accepted(Value::Nothing) => (0, 0),
            Effect::Pair(_) => (2, 2),
            Effect::NotYet(words) => (words, words),
            Effect::Answer(least, most) => (least, most),
            Effect::OptionalText(_) => (0, 1),
            _ => (1, 1),
        }
    }

    /// Applies one occurrence; `words` are as many as [`Row::words`] says. The error is the text to show.
    pub(super) fn apply(&self, options: &mut Options, words: &[String]) -> Result<(), String> {
        let name = self.names[0];
        let refuse = |text: &str, what: &str| format!("-{name}, \"{text}\" is not a valid {what}!");
        match &self.effect {
            Effect::Flag(set) => set(options),
            Effect::Int(range, set) => {
                let number = parse_int(&words[0]).ok_or_else(|| refuse(&words[0], "integer"))?;
                set(options, within(name, number, range)?);
            }
            Effect::Float(range, set) => {
                let number = words[0].parse::<f64>().ok().filter(|number| number.is_finite());
                let wrong = || format!("-{name}, \"{}\" is not a floating point number!", words[0]);
                set(options, within(name, number.ok_or_else(wrong)?, range)?);
            }
            Effect::Bool(set) => {
                set(options, parse_bool(&words[0]).ok_or_else(|| refuse(&words[0], "boolean"))?);
            }
            Effect::Time(unit, set) => {
                set(options, parse_time(&words[0], *unit).ok_or_else(|| refuse(&words[0], "time"))?);
            }
            Effect::TimeFrom(least_ms, unit, set) => {
                let time = parse_time(&words[0], *unit).ok_or_else(|| refuse(&words[0], "time"))?;
                if time < Duration::from_millis(*least_ms) {
                    return Err(format!("-{name}, \"{}\" is out of range: at least {least_ms}ms", words[0]));
                }
                set(options, time);
            }
            Effect::Text(set) => set(options, &words[0])?,
            Effect::OptionalText(set) => {
                set(options, words.first().map(String::as_str).filter(|word| !word.is_empty()));
            }
            Effect::Pair(set) => set(options, &words[0], &words[1])?,
            Effect::Accepted(value) => {
                let is_one = |text: &str| match value {
                    Value::Nothing => true,
                    Value::Int => parse_int(text).is_some(),
                    Value::Bool => parse_bool(text).is_some(),
                    Value::Time => parse_time(text, Unit::Millis).is_some(),
                };
                if let Some(wrong) = words.iter().find(|word| !is_one(word)) {
                    return Err(refuse(wrong, value.name()));
                }
            }
            Effect::Answer(..) => {}
            Effect::NotYet(_) => return Err(format!("-{name} is not available in this version of sipp")),
        }
        Ok(())
    }
}

impl Value {
    fn name(self) -> &'static str {
        match self {
            Value::Nothing => "flag",
            Value::Int => "integer",
            Value::Bool => "boolean",
            Value::Time => "time",
        }
    }
}

/// Any integer.
pub(super) const ANY: RangeInclusive<i64> = i64::MIN..=i64::MAX;
/// Integers from 0.
pub(super) const WHOLE: RangeInclusive<i64> = 0..=i64::MAX;
/// Port numbers; 0 is none.
pub(super) const PORTS: RangeInclusive<i64> = 0..=65_535;

/// The number, when it is within the limits.
fn within<N: PartialOrd + Display + Copy>(
    name: &str,
    number: N,
    range: &RangeInclusive<N>,
) -> Result<N, String> {
    if range.contains(&number) {
        return Ok(number);
    }
    let (least, most) = (range.start(), range.end().to_string());
    // A limit of that many digits is none.
    let allowed = if most.len() > 18 { format!("at least {least}") } else { format!("{least} to {most}") };
    Err(format!("-{name}, \"{number}\" is out of range: {allowed}"))
}

/// C's `strtol` with base 0, the whole text.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        i64::from_str_radix(hex, 16).ok()?
    } else if digits.len() > 1 && digits.starts_with('0') {
        i64::from_str_radix(digits, 8).ok()?
    } else {
        digits.parse().ok()?
    };
    Some(if negative { -magnitude } else { magnitude })
}

fn parse_bool(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        parse_int(text).map(|number| number != 0)
    }
}

/// A number that begins with a digit and perhaps a unit; whole milliseconds, the rest is cut off.
fn parse_time(text: &str, unit: Unit) -> Option<Duration> {
    if !text.starts_with(|first: char| first.is_ascii_digit()) {
        return None;
    }
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let number: f64 = text[..digits].parse().ok()?;
    let factor = match &text[digits..] {
        "ms" => 1.0,
        "s" => 1e3,
        "m" => 60e3,
        "h" => 3600e3,
        "" => match unit {
            Unit::Millis => 1.0,
            Unit::Seconds => 1e3,
        },
        _ => return None,
    };
    // Rust's float casts saturate, so an absurd number is merely a very long time.
    Some(Duration::from_millis((number * factor) as u64))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{PORTS, Unit, WHOLE, parse_bool, parse_int, parse_time, within};

    #[test]
    fn integers_are_read_as_strtol_does() {
        let rows = [
            ("10", Some(10)),
            ("0x10", Some(16)),
            ("010", Some(8)),
            ("0", Some(0)),
            ("-5", Some(-5)),
            ("5x", None),
            ("", None),
            ("-", None),
            ("--5", None),
        ];
        for (text, expected) in rows {
            assert_eq!(parse_int(text), expected, "{text}");
        }
    }

    #[test]
    fn times_take_units_and_cut_below_a_millisecond() {
        let rows = [
            ("1500", Unit::Millis, Some(1500)),
            ("2", Unit::Seconds, Some(2000)),
            ("1.5s", Unit::Millis, Some(1500)),
            ("1m", Unit::Millis, Some(60_000)),
            ("1h", Unit::Seconds, Some(3_600_000)),
            ("0.9999", Unit::Millis, Some(0)),
            ("-1", Unit::Millis, None),
            ("1:30", Unit::Millis, None),
            ("1x", Unit::Seconds, None),
            ("1.2.3", Unit::Seconds, None),
        ];
        for (text, unit, expected) in rows {
            assert_eq!(parse_time(text, unit), expected.map(Duration::from_millis), "{text}");
        }
    }

    #[test]
    fn numbers_stay_within_their_limits() {
        assert_eq!(within("p", 5060, &PORTS), Ok(5060));
        let rows = [
            (within("p", 65_536, &PORTS), "-p, \"65536\" is out of range: 0 to 65535"),
            (within("m", -3, &WHOLE), "-m, \"-3\" is out of range: at least 0"),
        ];
        for (refused, text) in rows {
            assert_eq!(refused, Err(text.to_owned()));
        }
        let text = "-lost, \"101\" is out of range: 0 to 100";
        assert_eq!(within("lost", 101.0, &(0.0..=100.0)), Err(text.to_owned()));
        assert_eq!(
            within("r", -0.5, &(0.0..=f64::MAX)),
            Err("-r, \"-0.5\" is out of range: at least 0".to_owned())
        );
    }

    #[test]
    fn booleans_are_words_or_numbers() {
        for (text, expected) in
            [("TRUE", Some(true)), ("false", Some(false)), ("2", Some(true)), ("maybe", None)]
        {
            assert_eq!(parse_bool(text), expected, "{text}");
        }
    }
}
