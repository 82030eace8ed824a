//! Questions about the message as a whole, and the answer to OPTIONS.

use bytes::Bytes;
use sip::msg::{HeaderName, Method, Uri};

use crate::api::{Args, Ctx, Flow, Loading};

pub(super) fn has_totag(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.view().to().is_ok_and(|to| to.tag().is_some()))
}

pub(super) fn is_request(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.view().method().is_some())
}

pub(super) fn is_reply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    Flow::from_bool(ctx.work.view().status().is_some())
}

pub(super) fn is_supported(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let tag = args.text(ctx, 0);
    Flow::from_bool(ctx.work.view().has_token(HeaderName::Supported, &tag))
}

/// The header fields of the answer to OPTIONS, made once.
#[derive(Debug)]
struct OptionsFields(Bytes);

pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let mut fields = Vec::new();
    for (name, param) in [
        ("Accept", "options_accept"),
        ("Accept-Encoding", "options_accept_encoding"),
        ("Accept-Language", "options_accept_language"),
        ("Supported", "options_support"),
    ] {
        fields.extend_from_slice(name.as_bytes());
        fields.extend_from_slice(b": ");
        fields.extend_from_slice(&loading.params.text(param));
        fields.extend_from_slice(b"\r\n");
    }
    loading.shared.put(OptionsFields(fields.into()));
    Ok(())
}

/// RFC 3261 11.2: 200 to an OPTIONS for us, that is without a user. -1 and nothing sent otherwise.
pub(super) fn options_reply(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let is_options = ctx.work.view().method() == Some(Method::Options);
    let has_user = ctx.work.uri().is_some_and(|uri| Uri::parse(&uri).is_ok_and(|uri| uri.user.is_some()));
    if !is_options || has_user {
        return Flow::FALSE;
    }
    if let Some(fields) = ctx.shard.shared.get::<OptionsFields>() {
        ctx.work.reply_headers.push(fields.0.clone());
    }
    Flow::from_bool(ctx.reply(200, b"OK"))
}

/// 1: Date is at most `seconds` away from now; -1: no Date; -2: unreadable; -4: too old or too new.
pub(super) fn hdr_date_check(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(date) = ctx.work.view().header(HeaderName::Date) else { return Flow::FALSE };
    let Some(written) = parse_date(date) else { return Flow::Next(-2) };
    let now = ctx.shard.unix_time(ctx.shard.now).as_secs() as i64;
    match (now - written).abs() <= args.int(ctx, 0) {
        true => Flow::TRUE,
        false => Flow::Next(-4),
    }
}

/// Unix time of `Sat, 13 Nov 2010 23:29:00 GMT` (RFC 3261 20.17).
fn parse_date(date: &[u8]) -> Option<i64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let text = std::str::from_utf8(date).ok()?;
    let parts: Vec<&str> = text.split_ascii_whitespace().collect();
    let [_, day, month, year, clock, _] = parts[..] else { return None };
    let month = MONTHS.iter().position(|name| name.eq_ignore_ascii_case(month))? as i64 + 1;
    let clock: Vec<i64> = clock.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    let [hours, minutes, seconds] = clock[..] else { return None };
    let days = days_from_civil(year.parse().ok()?, month, day.parse().ok()?);
    Some(days * 86_400 + hours * 3600 + minutes * 60 + seconds)
}

/// Days since 1970-01-01 of a date in the Gregorian calendar.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years that begin in March put the leap day at the end.
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let month_from_march = (month + 9) % 12;
    let day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::parse_date;

    #[test]
    fn dates_are_unix_times() {
        // The example of RFC 3261 20.17.
        assert_eq!(parse_date(b"Sat, 13 Nov 2010 23:29:00 GMT"), Some(1_289_690_940));
        assert_eq!(parse_date(b"Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
        assert_eq!(parse_date(b"Thu, 29 Feb 2024 12:00:00 GMT"), Some(1_709_208_000));
        assert_eq!(parse_date(b"yesterday"), None);
    }
}
