//! The parameters of dialog as typed values, and what all shards count together.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::rows;
use crate::api::{Loading, ParamDef, Pv, Shard};
use crate::modules::db;
use crate::store::{Name, Url};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::int("enable_stats", 1, "has no effect; dialogs are always counted"),
    ParamDef::int("hash_size", 4096, "entries of the table, a power of 2; part of the cookie"),
    ParamDef::text("rr_param", "did", "name of the cookie in Record-Route"),
    ParamDef::int("dlg_flag", -1, "message flag that makes dialogs of INVITEs as dlg_manage() does"),
    ParamDef::text("timeout_avp", "", "variable with the seconds a dialog may last"),
    ParamDef::int("default_timeout", 43_200, "seconds a dialog may last"),
    ParamDef::int("early_timeout", 300, "seconds a dialog may last without an answer"),
    ParamDef::int("noack_timeout", 60, "seconds a dialog may last without an ACK"),
    ParamDef::int("end_timeout", 300, "seconds an ended dialog is still listed"),
    ParamDef::text("dlg_extra_hdrs", "", "header lines of requests made here"),
    ParamDef::text("lreq_callee_headers", "", "header lines of requests to the callee made here"),
    ParamDef::int("dlg_match_mode", 0, "found by: 0 cookie, 1 cookie or header fields, 2 header fields"),
    ParamDef::int("detect_spirals", 1, "whether a call that comes again is the same dialog"),
    ParamDef::text("db_url", "", "database of answered dialogs"),
    ParamDef::int(
        "db_mode",
        0,
        "when dialogs are written: 0 never, 1 at once, 2 every db_update_period, 3 at the end",
    ),
    ParamDef::int("db_update_period", 60, "seconds between writes of db_mode 2"),
    ParamDef::int("db_fetch_rows", 200, "has no effect: rows are read at once"),
    ParamDef::int("db_skip_load", 0, "whether the tables are not read at the start"),
    ParamDef::text("table_name", "dialog", "table of the dialogs"),
    ParamDef::text("vars_table_name", "dialog_vars", "table of their variables"),
    ParamDef::text("h_entry_column", "hash_entry", "column of the entry in the hash table"),
    ParamDef::text("h_id_column", "hash_id", "column of the number in that entry"),
    ParamDef::text("call_id_column", "callid", "column of the Call-ID"),
    ParamDef::text("from_uri_column", "from_uri", "column of the caller's URI"),
    ParamDef::text("from_tag_column", "from_tag", "column of the caller's tag"),
    ParamDef::text("to_uri_column", "to_uri", "column of the callee's URI"),
    ParamDef::text("to_tag_column", "to_tag", "column of the callee's tag"),
    ParamDef::text("from_cseq_column", "caller_cseq", "column of the caller's CSeq"),
    ParamDef::text("to_cseq_column", "callee_cseq", "column of the callee's CSeq"),
    ParamDef::text("from_route_column", "caller_route_set", "column of the routes to the caller"),
    ParamDef::text("to_route_column", "callee_route_set", "column of the routes to the callee"),
    ParamDef::text("from_contact_column", "caller_contact", "column of the caller's Contact"),
    ParamDef::text("to_contact_column", "callee_contact", "column of the callee's Contact"),
    ParamDef::text("from_sock_column", "caller_sock", "column of the socket towards the caller"),
    ParamDef::text("to_sock_column", "callee_sock", "column of the socket towards the callee"),
    ParamDef::text("state_column", "state", "column of the state"),
    ParamDef::text("start_time_column", "start_time", "column of the Unix second of the answer"),
    ParamDef::text("timeout_column", "timeout", "column of the Unix second at which its time is over"),
    ParamDef::text("sflags_column", "sflags", "column of the flags of the script"),
    ParamDef::text("toroute_name_column", "toroute_name", "column of the route for when its time is over"),
    ParamDef::text("vars_h_entry_column", "hash_entry", "column of the entry a variable is of"),
    ParamDef::text("vars_h_id_column", "hash_id", "column of the number a variable is of"),
    ParamDef::text("vars_key_column", "dialog_key", "column of a variable's name"),
    ParamDef::text("vars_value_column", "dialog_value", "column of a variable's value"),
    ParamDef::text("profiles_with_value", "", "names of profiles with values: a;b"),
    ParamDef::text("profiles_no_value", "", "names of profiles without values: a;b"),
    ParamDef::text(
        "bridge_controller",
        "sip:controller@kamailio.org",
        "From of requests of dlg_bridge() and REFER",
    ),
    ParamDef::text(
        "bridge_contact",
        "sip:controller@kamailio.org:5060",
        "Contact of requests of dlg_bridge()",
    ),
    ParamDef::int("initial_cbs_inscript", 1, "has no effect"),
    ParamDef::int("send_bye", 0, "whether both sides get a BYE when the time is over"),
    ParamDef::int("wait_ack", 1, "has no effect"),
    ParamDef::int("ka_timer", 0, "0: no OPTIONS are sent, whatever ka_interval says"),
    ParamDef::int("ka_interval", 0, "seconds between OPTIONS to sides that are kept alive, 30 at least"),
    ParamDef::int("ka_failed_limit", 1, "OPTIONS without an answer until the dialog ends"),
    ParamDef::int("timeout_noreset", 0, "whether requests within leave the time as it is"),
    ParamDef::int("timer_procs", 0, "has no effect"),
    ParamDef::int("enable_dmq", 0, "has no effect"),
    ParamDef::int("track_cseq_updates", 0, "has no effect"),
    ParamDef::text("event_callback", "", "has no effect"),
    ParamDef::int("h_id_start", 0, "first number of a dialog, 0 for a random one"),
    ParamDef::int("h_id_step", 1, "between the numbers of two dialogs, as often as there are shards"),
    ParamDef::text("xavp_cfg", "", "has no effect"),
    ParamDef::text("ruri_pvar", "$ru", "has no effect"),
    ParamDef::int("keep_proxy_rr", 0, "has no effect"),
    ParamDef::int("dlg_filter_mode", 0, "has no effect"),
];

/// The parameters.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) entries: u32,
    pub(super) rr_param: Bytes,
    /// A bit, 0 for none.
    pub(super) flag: u32,
    pub(super) timeout_avp: Option<Pv>,
    pub(super) default_timeout: u32,
    pub(super) early_timeout: u64,
    pub(super) noack_timeout: u64,
    pub(super) end_timeout: u64,
    pub(super) extra_headers: Bytes,
    pub(super) callee_headers: Bytes,
    pub(super) matching: Matching,
    pub(super) detects_spirals: bool,
    pub(super) sends_bye: bool,
    pub(super) keeps_time: bool,
    /// Seconds, 0 for none.
    pub(super) keep_alive: u64,
    pub(super) failed_limit: u8,
    pub(super) first_serial: u32,
    pub(super) serial_step: u32,
    pub(super) controller: Bytes,
    pub(super) bridge_contact: Bytes,
    /// Where answered dialogs are kept too.
    pub(super) database: Option<Database>,
    pub(super) profiles: Vec<Profile>,
}

/// What the parameters say about the database.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) url: Arc<Url>,
    pub(super) mode: SaveMode,
    pub(super) period: Duration,
    pub(super) skips_load: bool,
    pub(super) tables: Tables,
}

/// When dialogs are written (`db_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SaveMode {
    /// 1
    AtOnce,
    /// 2
    Delayed,
    /// 3
    AtTheEnd,
}

/// Names of the tables and their columns, in the order of `rows.rs`.
#[derive(Debug)]
pub(super) struct Tables {
    pub(super) dialogs: Name,
    pub(super) vars: Name,
    pub(super) columns: Vec<Name>,
    pub(super) var_columns: [Name; 4],
}

/// How requests within a dialog are found to be so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Matching {
    Cookie,
    CookieOrHeaders,
    Headers,
}

/// A profile of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Profile {
    pub(super) name: String,
    pub(super) has_value: bool,
}

/// What all shards count together.
#[derive(Debug, Default)]
pub(super) struct Totals {
    active: AtomicI64,
    /// Dialogs by number of the profile and value.
    sizes: Mutex<FxHashMap<(u16, Bytes), usize>>,
    remote: Mutex<Remotes>,
}

/// Dialogs of other servers by their names: profile and value, and the Unix second until which they count, 0 for no
/// end.
type Remotes = FxHashMap<Bytes, ((u16, Bytes), u32)>;

impl Totals {
    pub(super) fn change_active(&self, by: i64) {
        self.active.fetch_add(by, Ordering::Relaxed);
    }

    pub(super) fn active(&self) -> i64 {
        self.active.load(Ordering::Relaxed)
    }

    pub(super) fn join(&self, profile: u16, value: &Bytes) {
        *self.sizes().entry((profile, value.clone())).or_default() += 1;
    }

    pub(super) fn leave(&self, profile: u16, value: &Bytes) {
        let mut sizes = self.sizes();
        let key = (profile, value.clone());
        if let Some(size) = sizes.get_mut(&key) {
            *size -= 1;
            if *size == 0 {
                sizes.remove(&key);
            }
        }
    }

    /// Dialogs in a profile with this value, or with any.
    pub(super) fn size(&self, profile: u16, value: Option<&Bytes>) -> usize {
        let sizes = self.sizes();
        match value {
            Some(value) => sizes.get(&(profile, value.clone())).copied().unwrap_or(0),
            None => sizes.iter().filter(|((of, _), _)| *of == profile).map(|(_, size)| size).sum(),
        }
    }

    /// Counts a dialog of another server.
    pub(super) fn add_remote(&self, name: Bytes, place: (u16, Bytes), until: u32) {
        self.remove_remote(&name);
        self.join(place.0, &place.1);
        self.remotes().insert(name, (place, until));
    }

    /// Counts it no longer.
    pub(super) fn remove_remote(&self, name: &Bytes) {
        let removed = self.remotes().remove(name);
        if let Some(((profile, value), _)) = removed {
            self.leave(profile, &value);
        }
    }

    /// Counts no longer what counted until now.
    pub(super) fn drop_remotes(&self, second: u32) {
        let mut remotes = self.remotes();
        if remotes.is_empty() {
            return;
        }
        let is_over = |until: u32| until != 0 && until <= second;
        let over = remotes.iter().filter(|(_, (_, until))| is_over(*until)).map(|(name, _)| name.clone());
        let over: Vec<Bytes> = over.collect();
        let places: Vec<(u16, Bytes)> =
            over.iter().filter_map(|name| remotes.remove(name)).map(|(place, _)| place).collect();
        drop(remotes);
        places.iter().for_each(|(profile, value)| self.leave(*profile, value));
    }

    fn remotes(&self) -> MutexGuard<'_, Remotes> {
        self.remote.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sizes(&self) -> MutexGuard<'_, FxHashMap<(u16, Bytes), usize>> {
        self.sizes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Checks the parameters. Errors: what is wrong with them.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let entries = u32::try_from(params.int("hash_size")).unwrap_or(0);
    if !entries.is_power_of_two() {
        return Err(format!("parameter hash_size is {}, expected a power of 2", params.int("hash_size")));
    }
    let seconds = |name: &str| u64::try_from(params.int(name)).unwrap_or(0).max(1);
    let avp = params.text("timeout_avp");
    let timeout_avp = (!avp.is_empty()).then(|| loading.catalog.variable(&avp)).transpose();
    let rules = Rules {
        entries,
        rr_param: params.text("rr_param"),
        flag: u32::try_from(params.int("dlg_flag")).ok().and_then(|flag| 1u32.checked_shl(flag)).unwrap_or(0),
        timeout_avp: timeout_avp.map_err(|error| format!("parameter timeout_avp: {error}"))?,
        default_timeout: seconds("default_timeout").min(u64::from(u32::MAX)) as u32,
        early_timeout: seconds("early_timeout"),
        noack_timeout: seconds("noack_timeout"),
        end_timeout: seconds("end_timeout"),
        extra_headers: params.text("dlg_extra_hdrs"),
        callee_headers: params.text("lreq_callee_headers"),
        matching: match params.int("dlg_match_mode") {
            0 => Matching::Cookie,
            1 => Matching::CookieOrHeaders,
            2 => Matching::Headers,
            other => return Err(format!("parameter dlg_match_mode is {other}, expected 0, 1 or 2")),
        },
        detects_spirals: params.int("detect_spirals") != 0,
        sends_bye: params.int("send_bye") != 0,
        keeps_time: params.int("timeout_noreset") != 0,
        keep_alive: match u64::try_from(params.int("ka_interval")).unwrap_or(0) {
            _ if params.int("ka_timer") <= 0 => 0,
            0 => 0,
            seconds => seconds.max(30),
        },
        failed_limit: params.int("ka_failed_limit").clamp(1, 255) as u8,
        first_serial: u32::try_from(params.int("h_id_start")).unwrap_or(0),
        serial_step: u32::try_from(params.int("h_id_step")).unwrap_or(1).max(1),
        controller: params.text("bridge_controller"),
        bridge_contact: params.text("bridge_contact"),
        database: database(loading)?,
        profiles: profiles(loading),
    };
    if loading.shared.peek::<Totals>().is_none() {
        loading.shared.put(Totals::default());
    }
    if let Some(Database { url, tables, .. }) = &rules.database {
        db::needs(loading, url, "dialog", &tables.dialogs);
        db::needs(loading, url, "dialog_vars", &tables.vars);
    }
    loading.shared.put(rules);
    Ok(())
}

/// The database, unless `db_mode` is 0. Errors: no such mode, no address, names that are none.
fn database(loading: &Loading<'_>) -> Result<Option<Database>, String> {
    let params = loading.params;
    let mode = match params.int("db_mode") {
        0 => return Ok(None),
        1 => SaveMode::AtOnce,
        2 => SaveMode::Delayed,
        3 => SaveMode::AtTheEnd,
        other => return Err(format!("parameter db_mode is {other}, expected 0 to 3")),
    };
    let name =
        |param: &str| Name::parse(&params.text(param)).map_err(|error| format!("parameter {param}: {error}"));
    let column = |(param, usual): (&str, &'static str)| match param {
        "" => Ok(Name::known(usual)),
        param => name(param),
    };
    let [entry, serial, key, value] = rows::VAR_COLUMNS.map(column);
    let tables = Tables {
        dialogs: name("table_name")?,
        vars: name("vars_table_name")?,
        columns: rows::COLUMNS.into_iter().map(column).collect::<Result<_, _>>()?,
        var_columns: [entry?, serial?, key?, value?],
    };
    let seconds = u64::try_from(params.int("db_update_period")).unwrap_or(0).max(1);
    Ok(Some(Database {
        url: db::url(loading)?,
        mode,
        period: Duration::from_secs(seconds),
        skips_load: params.int("db_skip_load") != 0,
        tables,
    }))
}

fn profiles(loading: &Loading<'_>) -> Vec<Profile> {
    let named = |param: &str, has_value: bool| {
        let text = String::from_utf8_lossy(&loading.params.text(param)).into_owned();
        let names = text.split(';').map(str::trim).filter(|name| !name.is_empty());
        names.map(|name| Profile { name: name.to_owned(), has_value }).collect::<Vec<_>>()
    };
    [named("profiles_with_value", true), named("profiles_no_value", false)].concat()
}

/// The parameters. `load` has put them in before anything runs.
pub(super) fn rules(shard: &Shard) -> Arc<Rules> {
    shard.shared.get().expect("load() puts the rules in")
}

/// What all shards count. `load` has put it in before anything runs.
pub(super) fn totals(shard: &Shard) -> Arc<Totals> {
    shard.shared.get().expect("load() puts the totals in")
}
