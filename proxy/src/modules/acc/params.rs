//! The parameters of acc as typed values: flags, backends, extra attributes.

use std::sync::Arc;

use bytes::Bytes;

use crate::api::{AvpName, Catalog, Ctx, Level, Loading, ParamDef, Text};
use crate::modules::{db, xlog};
use crate::store::{Name, Url};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::int("log_flag", UNSET, "transaction flag: log the transaction when it is answered"),
    ParamDef::int("log_missed_flag", UNSET, "transaction flag: log the call when it fails"),
    ParamDef::int("log_level", 1, "level of the log lines"),
    ParamDef::text("log_facility", "LOG_DAEMON", "facility of the log lines"),
    ParamDef::text("log_extra", "", "attributes added to log lines: name=$pv;name=$pv"),
    ParamDef::int("db_flag", UNSET, "transaction flag: store the transaction when it is answered"),
    ParamDef::int("db_missed_flag", UNSET, "transaction flag: store the call when it fails"),
    ParamDef::text("db_url", "", "database of the records; none: no records there"),
    ParamDef::text("db_extra", "", "columns added to records: name=$pv;name=$pv"),
    ParamDef::text("db_table_acc", "acc", "table of answered transactions"),
    ParamDef::text("db_table_missed_calls", "missed_calls", "table of missed calls"),
    ParamDef::int("db_insert_mode", 0, "has no effect; rows are written beside the traffic"),
    ParamDef::int("db_version_check", 1, "whether the versions of the tables are checked at the start"),
    ParamDef::text("acc_method_column", "method", "column of the method"),
    ParamDef::text("acc_from_tag_column", "from_tag", "column of the From tag"),
    ParamDef::text("acc_to_tag_column", "to_tag", "column of the To tag"),
    ParamDef::text("acc_callid_column", "callid", "column of the Call-ID"),
    ParamDef::text("acc_sip_code_column", "sip_code", "column of the status"),
    ParamDef::text("acc_sip_reason_column", "sip_reason", "column of the reason"),
    ParamDef::text("acc_time_column", "time", "column of the time"),
    ParamDef::int("failed_transaction_flag", UNSET, "transaction flag: account negative answers too"),
    ParamDef::text("failed_filter", "", "statuses not accounted as failed, with commas"),
    ParamDef::int("report_ack", 0, "account ACKs to 2xx replies too"),
    ParamDef::int("early_media", 0, "account provisional replies with a body"),
    ParamDef::int("report_cancels", 0, "account CANCEL transactions too"),
    ParamDef::int("detect_direction", 0, "exchange the tags of requests of the called side"),
    ParamDef::int("acc_prepare_flag", UNSET, "transaction flag: watch it though no other flag is set yet"),
    ParamDef::int("acc_prepare_always", 0, "watch every transaction"),
    ParamDef::text("multi_leg_info", "", "attributes of each leg: name=$avp(x);name=$avp(x)"),
    ParamDef::int("acc_extra_nullable", 0, "whether columns without a value are null"),
    ParamDef::int(
        "time_mode",
        0,
        "a further time: 1 two numbers, 2 seconds with fraction, 3 local, 4 UTC text",
    ),
    ParamDef::text("time_attr", "time_attr", "name of the further time"),
    ParamDef::text("time_exten", "time_exten", "name of its microseconds"),
    ParamDef::text("time_format", "%Y-%m-%d %H:%M:%S", "form of the further time"),
    ParamDef::int("reason_from_hf", 0, "has no effect; the reason is that of the reply"),
    ParamDef::int("clone_msg", 1, "has no effect; records are made of the stored request"),
    ParamDef::int("acc_extra_size", 64, "has no effect; attributes are not limited"),
    ParamDef::int("cdr_extra_size", 64, "has no effect; attributes are not limited"),
    ParamDef::int("cdr_enable", 0, "records of whole calls, by module dialog"),
    ParamDef::int("cdr_log_enable", 1, "log records of calls"),
    ParamDef::text("cdrs_table", "", "table of the records of calls; none: they are not stored"),
    ParamDef::int("cdr_start_on_confirmed", 0, "a call begins with its answer, not with its INVITE"),
    ParamDef::int("cdr_expired_dlg_enable", 0, "record calls that ended by time"),
    ParamDef::int("cdr_on_failed", 1, "record calls that were not answered"),
    ParamDef::text(
        "cdr_extra",
        "",
        "attributes added to records of calls: name=$dlg_var(x);name=$dlg_var(x)",
    ),
    ParamDef::int("cdr_extra_nullable", 0, "whether their columns without a value are null"),
    ParamDef::text("cdr_facility", "LOG_DAEMON", "facility of the records of calls"),
    ParamDef::text("cdr_skip", "", "a call with this variable is not recorded"),
    ParamDef::text("cdr_start_id", "start_time", "name of the begin of a call"),
    ParamDef::text("cdr_end_id", "end_time", "name of its end"),
    ParamDef::text("cdr_duration_id", "duration", "name of its length"),
    ParamDef::int("cdr_duration_mode", 1, "times of calls: 0 seconds, 1 milliseconds, 2 microseconds"),
];

/// A flag that is not set.
const UNSET: i64 = -1;

/// The parameters.
#[derive(Debug)]
pub(super) struct Rules {
    /// The log, as a backend.
    pub(super) log: Backend,
    pub(super) level: Level,
    pub(super) facility: Option<&'static str>,
    /// The database, as a backend.
    pub(super) db: Backend,
    /// Where records are stored; `None` without a database.
    pub(super) store: Option<Store>,
    /// Bit of the flag that accounts negative answers.
    pub(super) failed: u32,
    pub(super) not_failed: Vec<u16>,
    pub(super) early_media: bool,
    pub(super) report_cancels: bool,
    pub(super) detect_direction: bool,
    pub(super) prepare: u32,
    pub(super) prepare_always: bool,
    pub(super) report_ack: bool,
    /// Names and AVPs of each leg.
    pub(super) legs: Vec<(Name, AvpName)>,
    pub(super) is_nullable: bool,
    pub(super) time: FurtherTime,
}

/// The further time of a record (`time_mode`), with its names.
#[derive(Debug)]
pub(super) enum FurtherTime {
    None,
    /// Seconds and microseconds.
    Two(Name, Name),
    /// Seconds with milliseconds.
    Fraction(Name),
    /// A text.
    Formatted(Name, Text),
}

/// One way records go.
#[derive(Debug)]
pub(super) struct Backend {
    /// Bit of the flag for answered transactions.
    pub(super) answered: u32,
    /// Bit of the flag for failed calls.
    pub(super) missed: u32,
    /// Names and values of further attributes.
    pub(super) extra: Vec<(Name, Text)>,
}

/// Tables and columns.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) url: Arc<Url>,
    pub(super) answered: Text,
    pub(super) missed: Text,
    /// Method, From tag, To tag, Call-ID, status, reason, time.
    pub(super) columns: [Name; 7],
}

/// Checks the parameters. Errors: a flag beyond 31, an attribute that is none, a bad address or name.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let not_failed = params.text("failed_filter");
    let not_failed = String::from_utf8_lossy(&not_failed);
    let statuses = not_failed.split(',').map(str::trim).filter(|word| !word.is_empty());
    let rules = Rules {
        log: backend(loading, ["log_flag", "log_missed_flag", "log_extra"])?,
        level: Level(params.int("log_level") as i8),
        facility: facility(loading, "log_facility")?,
        db: backend(loading, ["db_flag", "db_missed_flag", "db_extra"])?,
        store: store(loading)?,
        failed: flag(loading, "failed_transaction_flag")?,
        not_failed: statuses
            .map(|word| word.parse().map_err(|_| format!("parameter failed_filter: {word} is no status")))
            .collect::<Result<_, _>>()?,
        early_media: params.int("early_media") != 0,
        report_cancels: params.int("report_cancels") != 0,
        detect_direction: params.int("detect_direction") != 0,
        prepare: flag(loading, "acc_prepare_flag")?,
        prepare_always: params.int("acc_prepare_always") != 0,
        report_ack: params.int("report_ack") != 0,
        legs: legs(&params.text("multi_leg_info"))?,
        is_nullable: params.int("acc_extra_nullable") != 0,
        time: further_time(loading)?,
    };
    if let Some(store) = &rules.store {
        check(loading, store);
    }
    loading.shared.put(rules);
    super::calls::load(loading)
}

fn backend(loading: &Loading<'_>, [answered, missed, extra]: [&str; 3]) -> Result<Backend, String> {
    Ok(Backend {
        answered: flag(loading, answered)?,
        missed: flag(loading, missed)?,
        extra: attributes(loading.catalog, extra, &loading.params.text(extra))?,
    })
}

/// The bit of a flag; 0 when it is not set.
fn flag(loading: &Loading<'_>, param: &str) -> Result<u32, String> {
    match loading.params.int(param) {
        UNSET => Ok(0),
        number @ 0..=31 => Ok(1 << number),
        number => Err(format!("parameter {param}: {number} is no flag, 0 to 31 are")),
    }
}

/// A facility; `None` for the usual one. Errors: it is none.
pub(super) fn facility(loading: &Loading<'_>, param: &str) -> Result<Option<&'static str>, String> {
    match &*loading.params.text(param) {
        b"LOG_DAEMON" => Ok(None),
        name => xlog::facility(name).map(Some).map_err(|error| format!("parameter {param}: {error}")),
    }
}

fn further_time(loading: &Loading<'_>) -> Result<FurtherTime, String> {
    let name = || db::name(loading, "time_attr");
    let formatted = |class: &[u8]| -> Result<FurtherTime, String> {
        let text = [b"$", class, b"(", &loading.params.text("time_format")[..], b")"].concat();
        let text = loading.catalog.text(&text).map_err(|error| format!("parameter time_format: {error}"))?;
        Ok(FurtherTime::Formatted(name()?, text))
    };
    Ok(match loading.params.int("time_mode") {
        0 => FurtherTime::None,
        1 => FurtherTime::Two(name()?, db::name(loading, "time_exten")?),
        2 => FurtherTime::Fraction(name()?),
        3 => formatted(b"timef")?,
        4 => formatted(b"utimef")?,
        other => return Err(format!("parameter time_mode: {other} is none, 0 to 4 are")),
    })
}

/// Reads `name=$avp(x);name=$avp(y)`.
fn legs(text: &Bytes) -> Result<Vec<(Name, AvpName)>, String> {
    let avp = |value: Bytes| match value.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")) {
        Some(name) => Ok(AvpName::parse(&value.slice_ref(name))),
        None => Err(format!("parameter multi_leg_info: {} is no $avp(...)", value.escape_ascii())),
    };
    let pairs = pairs("multi_leg_info", text)?;
    pairs.into_iter().map(|(name, value)| Ok((name, avp(value)?))).collect()
}

/// Reads `name=$pv;name=$pv`.
fn attributes(catalog: &Catalog, param: &str, text: &Bytes) -> Result<Vec<(Name, Text)>, String> {
    let compiled = |value: Bytes| catalog.text(&value).map_err(|error| format!("parameter {param}: {error}"));
    pairs(param, text)?.into_iter().map(|(name, value)| Ok((name, compiled(value)?))).collect()
}

/// Reads `name=value;name=value`. Errors: an item without `=`, a name that is none.
pub(super) fn pairs(param: &str, text: &Bytes) -> Result<Vec<(Name, Bytes)>, String> {
    let wrong = |what: String| format!("parameter {param}: {what}");
    let mut pairs = Vec::new();
    for item in text.split(|byte| *byte == b';').map(<[u8]>::trim_ascii).filter(|item| !item.is_empty()) {
        let at = memchr::memchr(b'=', item);
        let at = at.ok_or_else(|| wrong(format!("expected name=$pv, found {}", item.escape_ascii())))?;
        let name = Name::parse(item[..at].trim_ascii()).map_err(|error| wrong(error.to_string()))?;
        pairs.push((name, text.slice_ref(item[at + 1..].trim_ascii())));
    }
    Ok(pairs)
}

/// The tables must be there at the start; which one a text with variables means is known later.
fn check(loading: &mut Loading<'_>, store: &Store) {
    let is_checked = loading.params.int("db_version_check") != 0;
    for (kind, text) in [("acc", &store.answered), ("missed_calls", &store.missed)] {
        let name = text.as_literal().and_then(|name| Name::parse(&name).ok());
        if let Some(name) = name.filter(|_| is_checked) {
            db::uses(loading, &store.url, kind, &name);
        }
    }
}

fn store(loading: &Loading<'_>) -> Result<Option<Store>, String> {
    if loading.params.text("db_url").is_empty() {
        return Ok(None);
    }
    let table = |param: &str| {
        let text = loading.catalog.text(&loading.params.text(param));
        text.map_err(|error| format!("parameter {param}: {error}"))
    };
    let column = |param: &str| db::name(loading, param);
    Ok(Some(Store {
        url: db::url(loading)?,
        answered: table("db_table_acc")?,
        missed: table("db_table_missed_calls")?,
        columns: [
            column("acc_method_column")?,
            column("acc_from_tag_column")?,
            column("acc_to_tag_column")?,
            column("acc_callid_column")?,
            column("acc_sip_code_column")?,
            column("acc_sip_reason_column")?,
            column("acc_time_column")?,
        ],
    }))
}

impl Rules {
    /// Every flag that makes a new transaction worth watching.
    pub(super) fn watched(&self) -> u32 {
        self.log.answered | self.log.missed | self.db.answered | self.db.missed | self.prepare
    }
}

/// The parameters. `load` has put them in before any function runs.
pub(super) fn rules(ctx: &Ctx<'_>) -> Arc<Rules> {
    ctx.shard.shared.get().expect("load() puts the rules in")
}
