//! The parameters of usrloc, as typed values shared by all shards.

use std::sync::Arc;

use bytes::Bytes;

use super::keepalive::KeepAlive;
use super::matching::{Matching, Preference};
use super::rows::Columns;
use crate::api::{Loading, ParamDef};
use crate::modules::db;
use crate::store::Url;

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::int("use_domain", 0, "whether the domain is part of an address-of-record"),
    ParamDef::int("desc_time_order", 0, "whether the newest contact comes first"),
    ParamDef::int("timer_interval", 60, "seconds in which all contacts are looked at once: expired ones go"),
    ParamDef::int("timer_procs", 0, "has no effect: the contacts are looked at in slices"),
    ParamDef::int(
        "matching_mode",
        0,
        "what tells contacts apart: 0 URI, 1 and Call-ID, 2 and Path, 3 Call-ID alone",
    ),
    ParamDef::int("cseq_delay", 20, "seconds in which an equal CSeq is a retransmission"),
    ParamDef::int("nat_bflag", -1, "branch flag that marks contacts behind a NAT"),
    ParamDef::int(
        "db_mode",
        0,
        "0 memory, 1 written at once, 2 written by the timer, 3 database only, 4 read only",
    ),
    ParamDef::text("db_url", "mysql://kamailio:kamailiorw@localhost/kamailio", "the database"),
    ParamDef::int("db_load", 1, "whether the contacts are read at the start"),
    ParamDef::int("db_insert_update", 0, "whether an insert takes the place of a row that is there"),
    ParamDef::int("db_update_as_insert", 0, "whether updates are inserts"),
    ParamDef::int("db_check_update", 0, "whether an update that finds no row is an insert"),
    ParamDef::int("db_ops_ruid", 1, "whether rows are found by ruid, else by user, contact and Call-ID"),
    ParamDef::int("db_raw_fetch_type", 0, "has no effect"),
    ParamDef::int("db_insert_null", 0, "has no effect: what is not there is null"),
    ParamDef::int("db_timer_clean", 0, "whether the timer removes expired rows of others too"),
    ParamDef::int("db_clean_tcp", 0, "whether contacts by connections are forgotten at the start"),
    ParamDef::int("fetch_rows", 2000, "has no effect: rows are read as they come"),
    ParamDef::int("hash_size", 10, "has no effect: tables grow"),
    ParamDef::list("preload", "a table that is there from the start"),
    ParamDef::int("expires_type", 0, "1: times are stored as Unix seconds"),
    ParamDef::int("skip_remote_socket", 0, "whether contacts by sockets that are not ours are not read"),
    ParamDef::int("server_id_filter", 0, "has no effect: rows of all servers are read"),
    ParamDef::int("version_table", 1, "whether the version of the table is checked at the start"),
    ParamDef::int("load_rank", 1, "has no effect: contacts are read before the first message"),
    ParamDef::int("rm_expired_delay", 0, "seconds that expired rows are kept"),
    ParamDef::int("handle_lost_tcp", 0, "whether contacts go with their connection"),
    ParamDef::int("close_expired_tcp", 0, "whether connections go with their contact"),
    ParamDef::text("xavp_contact", "", "XAVP whose fields are stored with contacts and restored by lookup()"),
    ParamDef::int("ka_mode", 0, "who gets keep-alive requests: 1 all, 2 those behind a NAT; 4 over UDP only"),
    ParamDef::text("ka_from", "sip:server@kamailio.org", "From of keep-alive requests"),
    ParamDef::text("ka_domain", "kamailio.org", "host of their To"),
    ParamDef::text("ka_method", "OPTIONS", "their method"),
    ParamDef::int("ka_timeout", 0, "seconds of silence after which a contact is forgotten; 0: never"),
    ParamDef::int("ka_filter", 0, "has no effect"),
    ParamDef::int("ka_loglevel", 255, "has no effect"),
    ParamDef::text("ka_logmsg", "", "has no effect"),
    ParamDef::text("user_column", "username", "column"),
    ParamDef::text("domain_column", "domain", "column"),
    ParamDef::text("contact_column", "contact", "column"),
    ParamDef::text("expires_column", "expires", "column"),
    ParamDef::text("q_column", "q", "column"),
    ParamDef::text("callid_column", "callid", "column"),
    ParamDef::text("cseq_column", "cseq", "column"),
    ParamDef::text("flags_column", "flags", "column"),
    ParamDef::text("cflags_column", "cflags", "column"),
    ParamDef::text("user_agent_column", "user_agent", "column"),
    ParamDef::text("received_column", "received", "column"),
    ParamDef::text("path_column", "path", "column"),
    ParamDef::text("socket_column", "socket", "column"),
    ParamDef::text("methods_column", "methods", "column"),
    ParamDef::text("last_modified_column", "last_modified", "column"),
    ParamDef::text("ruid_column", "ruid", "column"),
    ParamDef::text("instance_column", "instance", "column"),
    ParamDef::text("reg_id_column", "reg_id", "column"),
    ParamDef::text("server_id_column", "server_id", "column"),
    ParamDef::text("connection_id_column", "connection_id", "column"),
    ParamDef::text("keepalive_column", "keepalive", "column"),
    ParamDef::text("partition_column", "partition", "column"),
];

/// The parameters as typed values.
#[derive(Clone, Debug)]
pub struct Rules {
    /// The domain is part of an address-of-record.
    pub with_domain: bool,
    /// What tells contacts apart.
    pub matching: Matching,
    /// Their order.
    pub preference: Preference,
    /// Seconds in which an equal CSeq is a retransmission.
    pub cseq_delay: u32,
    /// Seconds in which all segments are looked at once.
    pub sweep_interval: u32,
    /// What the database is for.
    pub mode: DbMode,
    /// The database; `None` with [`DbMode::Memory`].
    pub store: Option<Arc<Store>>,
    /// Contacts go with their connection.
    pub follows_connections: bool,
    /// Keep-alive requests.
    pub(super) keep_alive: KeepAlive,
    /// The XAVP that is stored with contacts; empty for none.
    pub attributes: Bytes,
}

/// What the database is for (parameter `db_mode`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DbMode {
    /// 0: there is none.
    Memory,
    /// 1: a change is written before it is answered.
    WriteThrough,
    /// 2: the timer writes.
    WriteBack,
    /// 3: nothing is kept in memory.
    DbOnly,
    /// 4: read at the start and never written.
    ReadOnly,
}

/// How contacts are stored.
#[derive(Debug)]
pub struct Store {
    /// The database.
    pub url: Arc<Url>,
    /// The names of the columns.
    pub(super) columns: Columns,
    /// Rows are found by ruid.
    pub(super) by_ruid: bool,
    /// An update that finds no row is an insert.
    pub(super) updates_are_puts: bool,
    /// Times are Unix seconds.
    pub(super) has_plain_times: bool,
    /// Contacts by sockets that are not ours are not read.
    pub(super) skips_foreign: bool,
    /// Contacts by connections are not read.
    pub(super) skips_streams: bool,
    /// The timer removes expired rows of others too.
    pub(super) cleans: bool,
    /// Seconds that expired rows are kept.
    pub(super) keeps_expired: u32,
    /// Attributes are stored in a table beside that of the contacts.
    pub(super) has_attributes: bool,
}

/// Reads the parameters. Errors: one is out of its range, or the database address is none.
pub(super) fn read(loading: &mut Loading<'_>) -> Result<Rules, String> {
    let params = loading.params;
    let mode = match params.int("db_mode") {
        0 => DbMode::Memory,
        1 => DbMode::WriteThrough,
        2 => DbMode::WriteBack,
        3 => DbMode::DbOnly,
        4 => DbMode::ReadOnly,
        other => return Err(format!("parameter db_mode is {other}, expected 0 to 4")),
    };
    let store = if mode == DbMode::Memory { None } else { Some(Arc::new(store(loading)?)) };
    Ok(Rules {
        with_domain: params.int("use_domain") != 0,
        matching: match params.int("matching_mode") {
            0 => Matching::Uri,
            1 => Matching::UriAndCallId,
            2 => Matching::UriAndPath,
            3 => Matching::CallId,
            other => return Err(format!("parameter matching_mode is {other}, expected 0 to 3")),
        },
        preference: if params.int("desc_time_order") != 0 {
            Preference::Newest
        } else {
            Preference::HighestQ
        },
        cseq_delay: u32::try_from(params.int("cseq_delay")).unwrap_or(0),
        sweep_interval: u32::try_from(params.int("timer_interval")).unwrap_or(60).max(1),
        mode,
        store,
        follows_connections: params.int("handle_lost_tcp") != 0,
        keep_alive: KeepAlive::read(params),
        attributes: params.text("xavp_contact"),
    })
}

fn store(loading: &Loading<'_>) -> Result<Store, String> {
    let is_on = |name: &str| loading.params.int(name) != 0;
    Ok(Store {
        url: db::url(loading)?,
        columns: Columns::read(|param| db::name(loading, param))?,
        by_ruid: is_on("db_ops_ruid"),
        updates_are_puts: ["db_check_update", "db_insert_update", "db_update_as_insert"]
            .into_iter()
            .any(is_on),
        has_plain_times: is_on("expires_type"),
        skips_foreign: is_on("skip_remote_socket"),
        skips_streams: is_on("db_clean_tcp"),
        cleans: is_on("db_timer_clean"),
        keeps_expired: u32::try_from(loading.params.int("rm_expired_delay")).unwrap_or(0),
        has_attributes: !loading.params.text("xavp_contact").is_empty(),
    })
}
