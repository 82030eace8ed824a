//! Dates as databases keep them: local date and time, and Julian days.

use chrono::{DateTime, Local, NaiveDateTime, TimeZone};

/// The Julian day of Unix second 0.
const EPOCH: f64 = 2_440_587.5;

/// The Julian day of a moment: Kamailio's way to keep times in SQLite (5.6.3).
pub fn julian_day(unix: i64) -> f64 {
    unix as f64 / 86_400.0 + EPOCH
}

/// Unix seconds of a Julian day, to the nearest second.
pub(super) fn unix_of_julian_day(day: f64) -> i64 {
    ((day - EPOCH) * 86_400.0).round() as i64
}

/// Local date and time of Unix seconds: what MySQL and PostgreSQL store.
pub(super) fn local_of_unix(unix: i64) -> NaiveDateTime {
    DateTime::from_timestamp(unix, 0).unwrap_or_default().with_timezone(&Local).naive_local()
}

/// Unix seconds of local date and time.
pub(super) fn unix_of_local(local: NaiveDateTime) -> i64 {
    let unknown = || local.and_utc().timestamp();
    Local.from_local_datetime(&local).earliest().map_or_else(unknown, |time| time.timestamp())
}

#[cfg(test)]
mod tests {
    use super::{julian_day, local_of_unix, unix_of_julian_day, unix_of_local};

    #[test]
    fn moments_come_back() {
        for unix in [0, 1, 951_827_696, 1_763_755_200, 4_102_444_799] {
            assert_eq!(unix_of_julian_day(julian_day(unix)), unix);
            assert_eq!(unix_of_local(local_of_unix(unix)), unix);
        }
        assert_eq!(julian_day(1_763_726_400), 2_461_001.0);
    }
}
