//! Dates and durations as SIPp writes them.

use std::time::Duration;

use sip::time::Time;

/// Where machine time lies on the calendar: the wall clock at the origin, and the local time zone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Wall {
    /// Microseconds of the origin since 1970-01-01 UTC.
    pub(crate) origin_unix_micros: i64,
    /// Local time minus UTC in seconds.
    pub(crate) utc_offset_secs: i64,
    /// How dates are written.
    pub(crate) form: DateForm,
}

/// How dates are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DateForm {
    /// SIPp's own.
    #[default]
    Classic,
    /// RFC 3339, with `-rfc3339`.
    Rfc3339,
}

impl Wall {
    /// Microseconds since 1970.
    pub(crate) fn unix_micros(self, at: Time) -> i64 {
        self.origin_unix_micros + (at.as_nanos() / 1000) as i64
    }

    /// `YYYY-MM-DD hh:mm:ss.uuuuuu`, local time; `between` stands between date and time.
    pub(crate) fn date(self, at: Time, between: char) -> String {
        let micros = self.unix_micros(at);
        let local = micros.div_euclid(1_000_000) + self.utc_offset_secs;
        let (year, month, day) = civil(local.div_euclid(86_400));
        let second = local.rem_euclid(86_400);
        format!(
            "{year:04}-{month:02}-{day:02}{between}{:02}:{:02}:{:02}.{:06}",
            second / 3600,
            second / 60 % 60,
            second % 60,
            micros.rem_euclid(1_000_000)
        )
    }

    /// RFC 3339: `2026-01-31T10:20:30.123456+01:00`, `Z` for UTC.
    pub(crate) fn rfc3339(self, at: Time) -> String {
        let mut text = self.date(at, 'T');
        let minutes = self.utc_offset_secs / 60;
        if minutes == 0 {
            text.push('Z');
        } else {
            let sign = if minutes < 0 { '-' } else { '+' };
            let minutes = minutes.abs();
            text.push_str(&format!("{sign}{:02}:{:02}", minutes / 60, minutes % 60));
        }
        text
    }

    /// The date before a message of `-trace_msg`.
    pub(crate) fn spaced(self, at: Time) -> String {
        match self.form {
            DateForm::Classic => self.date(at, ' '),
            DateForm::Rfc3339 => self.rfc3339(at),
        }
    }

    /// The date in all other files: SIPp's usual form (date, tab, time, tab, seconds since 1970), or RFC 3339.
    pub(crate) fn stamp(self, at: Time) -> String {
        if self.form == DateForm::Rfc3339 {
            return self.rfc3339(at);
        }
        let micros = self.unix_micros(at);
        format!("{}\t{}.{:06}", self.date(at, '\t'), micros / 1_000_000, micros % 1_000_000)
    }

    /// Whole seconds since 1970.
    pub(crate) fn unix_seconds(self, at: Time) -> i64 {
        self.unix_micros(at) / 1_000_000
    }
}

/// `hh:mm:ss`.
pub(crate) fn hms(span: Duration) -> String {
    let seconds = span.as_secs();
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

/// `hh:mm:ss:uuuuuu`, in whole milliseconds; the colon before the microseconds is SIPp's.
pub(crate) fn hms_micros(span: Duration) -> String {
    format!("{}:{:06}", hms(span), span.subsec_millis() * 1000)
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
fn civil(days: i64) -> (i64, i64, i64) {
    // Years begin in March here, so the leap day is the last of its year; 146097 days are 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::{DateForm, Wall, civil, hms, hms_micros};

    #[test]
    fn days_become_dates() {
        let rows = [
            (0, (1970, 1, 1)),
            (-1, (1969, 12, 31)),
            (11_016, (2000, 2, 29)),
            (11_017, (2000, 3, 1)),
            (20_778, (2026, 11, 21)),
            (47_540, (2100, 2, 28)),
            (47_541, (2100, 3, 1)),
        ];
        for (days, date) in rows {
            assert_eq!(civil(days), date, "{days}");
        }
    }

    /// A line of SIPp 3.6.1: `2026-11-21<TAB>14:12:03.773559<TAB>1795270323.773559` (UTC).
    #[test]
    fn classic_form_is_sipps() {
        let wall = Wall { origin_unix_micros: 1_795_270_323_000_000, ..Wall::default() };
        let at = Time::from_nanos(773_559_000);
        assert_eq!(wall.stamp(at), "2026-11-21\t14:12:03.773559\t1795270323.773559");
        let east = Wall { utc_offset_secs: 12 * 3600, ..wall };
        assert_eq!(east.date(at, ' '), "2026-11-22 02:12:03.773559");
    }

    /// RFC 3339 5.6.
    #[test]
    fn dates_with_zone_are_written_on_demand() {
        let rows = [
            (0, "2026-11-21T14:12:03.773559Z"),
            (19_800, "2026-11-21T19:42:03.773559+05:30"),
            (-12_600, "2026-11-21T10:42:03.773559-03:30"),
        ];
        for (utc_offset_secs, text) in rows {
            let origin_unix_micros = 1_795_270_323_000_000;
            let wall = Wall { origin_unix_micros, utc_offset_secs, form: DateForm::Rfc3339 };
            let at = Time::from_nanos(773_559_000);
            assert_eq!((wall.stamp(at).as_str(), wall.spaced(at).as_str()), (text, text));
        }
    }

    #[test]
    fn durations_have_a_colon_before_the_microseconds() {
        let span = Duration::from_micros(3_661_208_999);
        assert_eq!(hms(span), "01:01:01");
        assert_eq!(hms_micros(span), "01:01:01:208000");
    }
}
