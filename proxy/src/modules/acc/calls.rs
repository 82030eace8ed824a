//! Records of whole calls (CDRs): begin, end and length, with variables of the dialog.
//!
//! Module dialog tells of each dialog; the begin is kept as a variable of it, so that scripts see it too.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::params;
use super::record;
use crate::api::{Level, Loading, Shard};
use crate::modules::db;
use crate::modules::dialog::{Moment, Vars, Watcher, set_var};
use crate::store::{Cell, Name, Query, Url};

/// The parameters.
#[derive(Debug)]
struct Rules {
    is_logged: bool,
    level: Level,
    facility: Option<&'static str>,
    store: Option<(Arc<Url>, Name)>,
    /// Begin, end, length.
    names: [Name; 3],
    /// Names and the dialog's variables behind them.
    extra: Vec<(Name, Bytes)>,
    is_nullable: bool,
    /// A dialog with this variable is left out; empty for none.
    skip: Bytes,
    begins_with_answer: bool,
    has_failed: bool,
    has_expired: bool,
    /// Places behind the point of seconds.
    places: usize,
}

/// Checks the parameters and asks to be told of dialogs. Errors: a bad name, module dialog is not loaded.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    if params.int("cdr_enable") == 0 {
        return Ok(());
    }
    if !loading.catalog.is_loaded("dialog") {
        return Err("parameter cdr_enable needs loadmodule \"dialog.so\"".into());
    }
    let is_stored = !params.text("cdrs_table").is_empty() && !params.text("db_url").is_empty();
    let store = match is_stored {
        true => Some((db::url(loading)?, db::name(loading, "cdrs_table")?)),
        false => None,
    };
    let rules = Rules {
        is_logged: params.int("cdr_log_enable") != 0,
        level: Level(params.int("log_level") as i8),
        facility: params::facility(loading, "cdr_facility")?,
        store,
        names: [
            db::name(loading, "cdr_start_id")?,
            db::name(loading, "cdr_end_id")?,
            db::name(loading, "cdr_duration_id")?,
        ],
        extra: variables(&params.text("cdr_extra"))?,
        is_nullable: params.int("cdr_extra_nullable") != 0,
        skip: params.text("cdr_skip"),
        begins_with_answer: params.int("cdr_start_on_confirmed") != 0,
        has_failed: params.int("cdr_on_failed") != 0,
        has_expired: params.int("cdr_expired_dlg_enable") != 0,
        places: match params.int("cdr_duration_mode") {
            0 => 0,
            1 => 3,
            2 => 6,
            other => return Err(format!("parameter cdr_duration_mode: {other} is none, 0 to 2 are")),
        },
    };
    if let Some((url, table)) = rules.store.as_ref().filter(|_| params.int("db_version_check") != 0) {
        db::uses(loading, url, "acc_cdrs", table);
    }
    loading.shared.put(rules);
    loading.shared.put(Watcher(told));
    Ok(())
}

/// Reads `name=$dlg_var(x);...`; anything else has no value any more when a call ends.
fn variables(text: &Bytes) -> Result<Vec<(Name, Bytes)>, String> {
    let variable = |value: &Bytes| {
        let inner = value.strip_prefix(b"$dlg_var(").and_then(|rest| rest.strip_suffix(b")"));
        inner.map_or_else(Bytes::new, |inner| value.slice_ref(inner))
    };
    let pairs = params::pairs("cdr_extra", text)?;
    Ok(pairs.into_iter().map(|(name, value)| (name, variable(&value))).collect())
}

/// Something happened to a dialog with these variables.
fn told(shard: &mut Shard, vars: &mut Vars, moment: Moment) {
    let Some(rules) = shard.shared.get::<Rules>() else { return };
    let now = shard.unix_time(shard.now);
    match moment {
        Moment::Begun if !rules.begins_with_answer => note_begin(&rules, vars, now),
        Moment::Answered if rules.begins_with_answer => note_begin(&rules, vars, now),
        Moment::Begun | Moment::Answered => {}
        Moment::Failed => {
            if rules.has_failed {
                let begin = begin(&rules, vars).unwrap_or(now);
                write(shard, &rules, vars, (begin, begin));
            }
        }
        Moment::Expired if !rules.has_expired => {}
        Moment::Ended | Moment::Expired => {
            let begin = begin(&rules, vars).unwrap_or(now);
            write(shard, &rules, vars, (begin, now));
        }
    }
}

fn note_begin(rules: &Rules, vars: &mut Vars, now: Duration) {
    let name = Bytes::copy_from_slice(rules.names[0].as_str().as_bytes());
    set_var(vars, name, Some(seconds(now, rules.places).into()));
}

/// The begin as it was noted.
fn begin(rules: &Rules, vars: &Vars) -> Option<Duration> {
    let text = value(vars, rules.names[0].as_str().as_bytes())?;
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let micros: u64 = format!("{fraction:0<6}").parse().ok()?;
    Some(Duration::from_secs(whole.parse().ok()?) + Duration::from_micros(micros))
}

fn value<'a>(vars: &'a Vars, name: &[u8]) -> Option<&'a Bytes> {
    vars.iter().find(|(known, _)| known == name).map(|(_, value)| value)
}

fn write(shard: &mut Shard, rules: &Rules, vars: &Vars, (begin, end): (Duration, Duration)) {
    if !rules.skip.is_empty() && value(vars, &rules.skip).is_some() {
        return;
    }
    let length = end.saturating_sub(begin);
    if rules.is_logged {
        let mut line = Vec::new();
        for (name, at) in rules.names.iter().zip([begin, end, length]) {
            let separator = if line.is_empty() { "" } else { "; " };
            line.extend_from_slice(
                format!("{separator}{}={}", name.as_str(), seconds(at, rules.places)).as_bytes(),
            );
        }
        for (name, variable) in &rules.extra {
            line.extend_from_slice(format!("; {}=", name.as_str()).as_bytes());
            line.extend_from_slice(value(vars, variable).map_or(&[][..], |value| value));
        }
        shard.log.write_to(rules.facility, rules.level, &line);
    }
    let Some((url, table)) = &rules.store else { return };
    let [begin_name, end_name, length_name] = rules.names.clone();
    let mut values = vec![
        (begin_name, Cell::Time(begin.as_secs() as i64)),
        (end_name, Cell::Time(end.as_secs() as i64)),
        (length_name, Cell::Real(rounded(length, rules.places))),
    ];
    values.extend(rules.extra.iter().map(|(name, variable)| {
        let cell = match value(vars, variable) {
            Some(value) => Cell::Text(value.clone()),
            None if rules.is_nullable => Cell::Null,
            None => Cell::text(b""),
        };
        (name.clone(), cell)
    }));
    record::insert(shard, url.clone(), Query::Insert { table: table.clone(), values });
}

/// Seconds with so many places behind the point.
fn seconds(at: Duration, places: usize) -> String {
    match places {
        0 => at.as_secs().to_string(),
        places => format!("{}.{:0places$}", at.as_secs(), at.subsec_micros() / 10u32.pow(6 - places as u32)),
    }
}

fn rounded(length: Duration, places: usize) -> f64 {
    seconds(length, places).parse().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::seconds;

    #[test]
    fn seconds_are_cut_and_not_rounded() {
        let at = Duration::from_micros(1_795_242_382_699_999);
        for (places, text) in [(0, "1795242382"), (3, "1795242382.699"), (6, "1795242382.699999")] {
            assert_eq!(seconds(at, places), text);
        }
        assert_eq!(seconds(Duration::from_millis(3), 3), "0.003");
    }
}
