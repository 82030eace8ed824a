//! The parameters of dispatcher as typed values.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;

use super::hash::UserOnly;
use super::lookup::Lookups;
use super::set::LastResort;
use super::sets::Sets;
use super::state::Thresholds;
use crate::api::{Loading, ParamDef, Pv, Text, Value, parse_int};
use crate::modules::db;
use crate::store::{Name, Query, Url};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::text("list_file", "/etc/kamailio/dispatcher.list", "file of the destinations"),
    ParamDef::text("db_url", "", "database of the destinations, in place of the file"),
    ParamDef::text("table_name", "dispatcher", "table of the destinations"),
    ParamDef::text("setid_col", "setid", "column of the set"),
    ParamDef::text("destination_col", "destination", "column of the URI"),
    ParamDef::text("flags_col", "flags", "column of the state"),
    ParamDef::text("priority_col", "priority", "column of the priority"),
    ParamDef::text("attrs_col", "attrs", "column of the attributes"),
    ParamDef::text("ds_db_extra_attrs", "", "further columns that are attributes: name=column;..."),
    ParamDef::int(
        "flags",
        0,
        "1: hashes are over users of URIs; 2: the other destinations are kept for failover",
    ),
    ParamDef::int("use_default", 0, "whether the last destination of a set is the last resort"),
    ParamDef::int("force_dst", 1, "0: a destination that is set already stays"),
    ParamDef::text("xavp_dst", "_dsdst_", "XAVP of the destinations to try"),
    ParamDef::int("xavp_dst_mode", 0, "1: without attrs; 2: with socket; 4: with sockname"),
    ParamDef::text("xavp_ctx", "_dsctx_", "XAVP of the number of destinations"),
    ParamDef::int("xavp_ctx_mode", 0, "1: without the number"),
    ParamDef::text("dst_avp", "", "has no effect; see xavp_dst"),
    ParamDef::text("grp_avp", "", "has no effect; see xavp_dst"),
    ParamDef::text("cnt_avp", "", "has no effect; see xavp_ctx"),
    ParamDef::text("sock_avp", "", "has no effect; see xavp_dst"),
    ParamDef::text("dstid_avp", "", "has no effect; see xavp_dst"),
    ParamDef::text("attrs_avp", "", "has no effect; see xavp_dst"),
    ParamDef::text("hash_pvar", "", "what algorithm 7 hashes, with variables"),
    ParamDef::text("setid_pvname", "", "variable that takes the set in ds_is_from_list()"),
    ParamDef::text("attrs_pvname", "", "variable that takes the attributes in ds_is_from_list()"),
    ParamDef::text("ds_ping_method", "OPTIONS", "method of pings"),
    ParamDef::text("ds_ping_from", "sip:dispatcher@localhost", "From of pings"),
    ParamDef::int("ds_ping_interval", 0, "seconds between pings, 0 for none"),
    ParamDef::text("ds_ping_reply_codes", "", "answers that count as success besides 2xx: class=3;code=404"),
    ParamDef::int("ds_probing_threshold", 1, "failures until a destination is inactive"),
    ParamDef::int("ds_inactive_threshold", 1, "successes until it is active again"),
    ParamDef::int(
        "ds_probing_mode",
        0,
        "whom to ping: 0 probing once, 1 all, 2 inactive and probing, 3 probing",
    ),
    ParamDef::int("ds_ping_latency_stats", 0, "whether the time of pings is measured"),
    ParamDef::int("ds_latency_estimator_alpha", 900, "weight of the newest ping in the estimate, of 1000"),
    ParamDef::int("ds_hash_size", 0, "whether calls are counted for algorithm 10: 0 for no"),
    ParamDef::int("ds_hash_expire", 7200, "seconds a call counts without a BYE"),
    ParamDef::int("ds_hash_initexpire", 7200, "seconds a call counts without a 200"),
    ParamDef::int("ds_hash_check_interval", 30, "seconds between looks for such calls"),
    ParamDef::text("outbound_proxy", "", "where pings are sent instead"),
    ParamDef::text("ds_default_socket", "", "socket for destinations without one"),
    ParamDef::text("ds_default_sockname", "", "name of that socket"),
    ParamDef::int("ds_timer_mode", 0, "has no effect"),
    ParamDef::text("event_callback", "", "has no effect"),
    ParamDef::int("ds_attrs_none", 0, "whether missing attributes are none=yes"),
    ParamDef::int("ds_load_mode", 0, "1: a URI that cannot be read is an error"),
    ParamDef::int("reload_delta", 5, "seconds between two reloads at least"),
    ParamDef::int(
        "ds_dns_mode",
        1,
        "names are looked up, bits: 1 at the start, 2 by ds_is_from_list(), 4 again and again, 8 by service",
    ),
    ParamDef::int("ds_dns_interval", 600, "seconds between look-ups"),
    ParamDef::int("ds_dns_ttl", 0, "has no effect"),
];

/// The parameters.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) source: Source,
    pub(super) extra_attrs: Vec<String>,
    pub(super) user_only: UserOnly,
    pub(super) has_failover: bool,
    pub(super) last_resort: LastResort,
    pub(super) keeps_destination: bool,
    pub(super) xavp_dst: Bytes,
    pub(super) xavp_dst_mode: i64,
    pub(super) xavp_ctx: Bytes,
    pub(super) xavp_ctx_mode: i64,
    pub(super) hash_text: Option<Text>,
    pub(super) setid_pv: Option<Pv>,
    pub(super) attrs_pv: Option<Pv>,
    pub(super) default_socket: Bytes,
    pub(super) default_socket_name: Bytes,
    pub(super) thresholds: Thresholds,
    pub(super) probing: Probing,
    pub(super) counts_calls: bool,
    pub(super) call_life: u64,
    pub(super) call_first_life: u64,
    pub(super) call_check_interval: u64,
    pub(super) has_attrs_none: bool,
    pub(super) is_strict: bool,
    pub(super) reload_delta: u64,
    pub(super) lookups: Lookups,
}

/// Where the list is.
#[derive(Clone, Debug)]
pub(super) enum Source {
    File(PathBuf),
    Table(Arc<Url>, Query),
}

/// What the parameters say about pings.
#[derive(Debug)]
pub(super) struct Probing {
    pub(super) method: Bytes,
    pub(super) from: Bytes,
    /// Seconds, 0 for none.
    pub(super) interval: u64,
    pub(super) mode: i64,
    pub(super) codes: Vec<Code>,
    pub(super) outbound_proxy: Bytes,
    pub(super) measures_latency: bool,
    /// Between 0 and 1.
    pub(super) alpha: f64,
}

/// An answer that counts as success.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    Exactly(u16),
    /// First digit.
    Class(u16),
}

impl Probing {
    /// Whether an answer with this status tells that the destination is up.
    pub(super) fn is_success(&self, status: u16) -> bool {
        let fits = |code: &Code| match code {
            Code::Exactly(code) => *code == status,
            Code::Class(class) => *class == status / 100,
        };
        status / 100 == 2 || self.codes.iter().any(fits)
    }
}

/// Checks the parameters, reads the file and puts both in place. Errors: what is wrong with them.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let rules = rules(loading)?;
    let sets = Sets::default();
    if let Source::File(_) = rules.source {
        sets.read_file(&rules)?;
    }
    loading.shared.put(rules);
    loading.shared.put(sets);
    Ok(())
}

fn rules(loading: &mut Loading<'_>) -> Result<Rules, String> {
    let params = loading.params;
    let is_on = |name: &str| params.int(name) != 0;
    let seconds = |name: &str| u64::try_from(params.int(name)).unwrap_or(0);
    let count = |name: &str| u32::try_from(params.int(name)).unwrap_or(1).max(1);
    let (source, extra_attrs) = source(loading)?;
    let hash = params.text("hash_pvar");
    let hash_text = (!hash.is_empty()).then(|| loading.catalog.text(&hash)).transpose();
    Ok(Rules {
        source,
        extra_attrs,
        user_only: if params.int("flags") & 1 != 0 { UserOnly::Yes } else { UserOnly::No },
        has_failover: params.int("flags") & 2 != 0,
        last_resort: if is_on("use_default") { LastResort::Yes } else { LastResort::No },
        keeps_destination: !is_on("force_dst"),
        xavp_dst: params.text("xavp_dst"),
        xavp_dst_mode: params.int("xavp_dst_mode"),
        xavp_ctx: params.text("xavp_ctx"),
        xavp_ctx_mode: params.int("xavp_ctx_mode"),
        hash_text: hash_text.map_err(|error| format!("parameter hash_pvar: {error}"))?,
        setid_pv: variable(loading, "setid_pvname")?,
        attrs_pv: variable(loading, "attrs_pvname")?,
        default_socket: params.text("ds_default_socket"),
        default_socket_name: params.text("ds_default_sockname"),
        thresholds: Thresholds {
            failures: count("ds_probing_threshold"),
            successes: count("ds_inactive_threshold"),
        },
        probing: Probing {
            method: params.text("ds_ping_method"),
            from: params.text("ds_ping_from"),
            interval: seconds("ds_ping_interval"),
            mode: params.int("ds_probing_mode"),
            codes: codes(&params.text("ds_ping_reply_codes"))?,
            outbound_proxy: params.text("outbound_proxy"),
            measures_latency: is_on("ds_ping_latency_stats"),
            alpha: params.int("ds_latency_estimator_alpha").clamp(1, 999) as f64 / 1000.0,
        },
        counts_calls: params.int("ds_hash_size") > 0,
        call_life: seconds("ds_hash_expire"),
        call_first_life: seconds("ds_hash_initexpire"),
        call_check_interval: seconds("ds_hash_check_interval").max(1),
        has_attrs_none: is_on("ds_attrs_none"),
        is_strict: is_on("ds_load_mode"),
        reload_delta: seconds("reload_delta"),
        lookups: Lookups::of_mode(params.int("ds_dns_mode"), seconds("ds_dns_interval")),
    })
}

/// A parameter that names a variable to write to.
fn variable(loading: &Loading<'_>, name: &str) -> Result<Option<Pv>, String> {
    let text = loading.params.text(name);
    if text.is_empty() {
        return Ok(None);
    }
    let pv = loading.catalog.variable(&text).map_err(|error| format!("parameter {name}: {error}"))?;
    match pv.is_writable() {
        true => Ok(Some(pv)),
        false => Err(format!("parameter {name}: the variable cannot be written")),
    }
}

/// Where the list is, and the names of further attributes.
fn source(loading: &mut Loading<'_>) -> Result<(Source, Vec<String>), String> {
    let params = loading.params;
    if params.text("db_url").is_empty() {
        let file = String::from_utf8_lossy(&params.text("list_file")).into_owned();
        return Ok((Source::File(file.into()), Vec::new()));
    }
    let column =
        |param: &str| Name::parse(&params.text(param)).map_err(|error| format!("parameter {param}: {error}"));
    let fixed = ["setid_col", "destination_col", "flags_col", "priority_col", "attrs_col"];
    let mut columns: Vec<Name> = fixed.into_iter().map(column).collect::<Result<_, _>>()?;
    let mut names = Vec::new();
    let extra = params.text("ds_db_extra_attrs");
    for pair in extra.split(|byte| *byte == b';').filter(|pair| !pair.is_empty()) {
        let equals =
            memchr::memchr(b'=', pair).ok_or("parameter ds_db_extra_attrs: expected name=column;...")?;
        let column = Name::parse(&pair[equals + 1..]);
        columns.push(column.map_err(|error| format!("parameter ds_db_extra_attrs: {error}"))?);
        names.push(String::from_utf8_lossy(&pair[..equals]).into_owned());
    }
    let (url, table) = (db::url(loading)?, column("table_name")?);
    db::needs(loading, &url, "dispatcher", &table);
    let query = Query::Select { table, columns, only: Vec::new() };
    Ok((Source::Table(url, query), names))
}

/// Reads `class=2;code=403`.
fn codes(text: &Bytes) -> Result<Vec<Code>, String> {
    let wrong = || "parameter ds_ping_reply_codes: expected code=403;class=3 and the like".to_owned();
    let pairs = text.split(|byte| *byte == b';').filter(|pair| !pair.is_empty());
    let code = |pair: &[u8]| {
        let equals = memchr::memchr(b'=', pair)?;
        let number = parse_int(&pair[equals + 1..]).and_then(|number| u16::try_from(number).ok())?;
        match pair[..equals].trim_ascii() {
            b"code" => Some(Code::Exactly(number)),
            b"class" => Some(Code::Class(number)),
            _ => None,
        }
    };
    pairs.map(|pair| code(pair).ok_or_else(wrong)).collect()
}

/// The attributes of a destination as scripts see them: null when there are none.
pub(super) fn attrs_value(rules: &Rules, text: &Bytes) -> Value {
    match text.is_empty() {
        false => Value::Str(text.clone()),
        true if rules.has_attrs_none => Value::literal("none=yes"),
        true => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, codes};

    #[test]
    fn reply_codes_are_single_ones_and_classes() {
        let read = codes(&"class=2;code=403;".into()).expect("right");
        assert_eq!(read, [Code::Class(2), Code::Exactly(403)]);
        for wrong in ["class", "kind=2", "code=x"] {
            assert!(codes(&bytes::Bytes::copy_from_slice(wrong.as_bytes())).is_err(), "{wrong}");
        }
    }
}
