//! Keywords for dates and times.

use super::super::{KeywordDef, KeywordForm, Scope};
use super::write_decimal;

pub(in crate::lang) const TIMESTAMP: KeywordDef = KeywordDef {
    name: "timestamp",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(timestamp),
    doc: "Local date, time and seconds since 1970, separated by tabs.",
};

pub(in crate::lang) const DATE: KeywordDef = KeywordDef {
    name: "date",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(date),
    doc: "The date as in a Date header (RFC 3261 20.17).",
};

pub(in crate::lang) const CLOCK_TICK: KeywordDef = KeywordDef {
    name: "clock_tick",
    args: "",
    vanishes: false,
    form: KeywordForm::Plain(|scope, _, out| write_decimal(scope.now.as_millis() as i64, out)),
    doc: "Milliseconds since the program started.",
};

fn timestamp(scope: &mut Scope<'_>, _offset: i64, out: &mut Vec<u8>) {
    let micros = scope.settings.wall.unix_micros(scope.now);
    let local =
        Civil::from_unix(micros.div_euclid(1_000_000) + i64::from(scope.settings.wall.utc_offset_secs));
    let fraction = micros.rem_euclid(1_000_000);
    let text = format!(
        "{:04}-{:02}-{:02}\t{:02}:{:02}:{:02}.{fraction:06}\t{}.{fraction:06}",
        local.year,
        local.month,
        local.day,
        local.hour,
        local.minute,
        local.second,
        micros.div_euclid(1_000_000),
    );
    out.extend_from_slice(text.as_bytes());
}

fn date(scope: &mut Scope<'_>, _offset: i64, out: &mut Vec<u8>) {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = scope.settings.wall.unix_micros(scope.now).div_euclid(1_000_000);
    let utc = Civil::from_unix(seconds);
    let text = format!(
        "{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT",
        DAYS[seconds.div_euclid(86_400).rem_euclid(7) as usize],
        utc.day,
        MONTHS[utc.month as usize - 1],
        utc.year,
        utc.hour,
        utc.minute,
        utc.second,
    );
    out.extend_from_slice(text.as_bytes());
}

/// A date and time of the Gregorian calendar.
struct Civil {
    year: i64,
    month: i64,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
}

impl Civil {
    /// The date of `seconds` since 1970-01-01. Years are counted from March, so that leap days come last.
    fn from_unix(seconds: i64) -> Civil {
        let days = seconds.div_euclid(86_400) + 719_468;
        let of_day = seconds.rem_euclid(86_400);
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let from_march = (5 * of_year + 2) / 153;
        let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: of_year - (153 * from_march + 2) / 5 + 1,
            hour: of_day / 3600,
            minute: of_day % 3600 / 60,
            second: of_day % 60,
        }
    }
}
