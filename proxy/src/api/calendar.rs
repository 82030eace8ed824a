//! Dates of the Gregorian calendar from and to Unix time, always UTC.

/// A moment taken apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Date {
    /// Year with its century.
    pub year: i64,
    /// 1 to 12.
    pub month: i64,
    /// 1 to 31.
    pub day: i64,
    /// 0 to 23.
    pub hour: i64,
    /// 0 to 59.
    pub minute: i64,
    /// 0 to 59.
    pub second: i64,
    /// 0 (Sunday) to 6.
    pub weekday: i64,
    /// 1 to 366.
    pub day_of_year: i64,
}

/// Names of the months.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Names of the days of the week.
pub const WEEKDAYS: [&str; 7] = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

impl Date {
    /// The date of a Unix time in seconds.
    pub fn from_unix(seconds: i64) -> Date {
        let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // Years that begin in March put the leap day at the end.
        let shifted = days + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_from_march = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_from_march + 2) / 153;
        let month = (month_from_march + 2) % 12 + 1;
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Date {
            year,
            month,
            day: day_from_march - (153 * month_from_march + 2) / 5 + 1,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            weekday: (days + 4).rem_euclid(7),
            day_of_year: days - days_from_civil(year, 1, 1) + 1,
        }
    }
}

/// Days since 1970-01-01 of a date.
pub fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// Unix time of `Sat, 13 Nov 2010 23:29:00 GMT` (RFC 3261 20.17); `None` for anything else.
pub fn parse_http_date(date: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(date).ok()?;
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, clock, _] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i64 + 1;
    let clock: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock[..] else { return None };
    let (year, day): (i16, u8) = (year.parse().ok()?, day.parse().ok()?);
    let days = days_from_civil(i64::from(year), month, i64::from(day));
    let is_clock = (0..24).contains(&hours) && (0..60).contains(&minutes) && (0..61).contains(&seconds);
    is_clock.then_some(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

/// A Unix time as `Sat, 13 Nov 2010 23:29:00 GMT` (RFC 3261 20.17).
pub fn http_date(seconds: i64) -> String {
    let date = Date::from_unix(seconds);
    let (weekday, month) = (WEEKDAYS[date.weekday as usize], MONTHS[date.month as usize - 1]);
    format!(
        "{weekday}, {:02} {month} {:04} {:02}:{:02}:{:02} GMT",
        date.day, date.year, date.hour, date.minute, date.second
    )
}

#[cfg(test)]
mod tests {
    use super::{Date, http_date, parse_http_date};

    #[test]
    fn dates_round_trip() {
        // The first is the example of RFC 3261 20.17.
        for (text, seconds) in [
            ("Sat, 13 Nov 2010 23:29:00 GMT", 1_289_690_940),
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
            ("Wed, 31 Dec 1969 23:59:59 GMT", -1),
        ] {
            assert_eq!(parse_http_date(text.as_bytes()), Some(seconds), "{text}");
            assert_eq!(http_date(seconds), text);
        }
        for bad in ["yesterday", "Sat, 13 Nov 2010 23:29 GMT", "Sat, 13 Foo 2010 23:29:00 GMT"] {
            assert_eq!(parse_http_date(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Date::from_unix(1_709_208_000).day_of_year, 60);
    }
}
