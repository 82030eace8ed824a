//! The parameters of permissions as typed values, and the addresses of a file.

use std::sync::{Arc, PoisonError, RwLock};

use super::addresses::{Addresses, Preference};
use super::rules::{self, Pair, RuleFile};
use super::trusted::{Store, of_rows};
use crate::api::{AvpName, Ctx, Loading, ParamDef, Shard};
use crate::modules::db::{self, Cache};
use crate::store::{Query, Url};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::text("db_url", "", "database of the addresses"),
    ParamDef::int("db_mode", 0, "trusted peers: 0 asked for with each check, 1 read once"),
    ParamDef::int("load_backends", 0xffff, "1 addresses, 2 trusted peers, 4 and 8 the default files"),
    ParamDef::text("address_table", "address", "table of the addresses"),
    ParamDef::text("grp_col", "grp", "column of the group"),
    ParamDef::text("ip_addr_col", "ip_addr", "column of the address"),
    ParamDef::text("mask_col", "mask", "column of the mask"),
    ParamDef::text("port_col", "port", "column of the port"),
    ParamDef::text("tag_col", "tag", "column of the tag"),
    ParamDef::text("address_file", "", "file of the addresses, in place of the database"),
    ParamDef::text("peer_tag_avp", "", "AVP that takes the tag of the record found"),
    ParamDef::int("max_subnets", 512, "most subnets"),
    ParamDef::int("subnet_match_mode", 0, "0: the first subnet that fits counts, 1: the longest"),
    ParamDef::int("reload_delta", 5, "has no effect"),
    ParamDef::int(
        "peer_tag_mode",
        0,
        "1: allow_trusted() notes the tags of all peers that fit and tells how many",
    ),
    ParamDef::text("trusted_table", "trusted", "table of the trusted peers"),
    ParamDef::text("source_col", "src_ip", "column of the source address"),
    ParamDef::text("proto_col", "proto", "column of the protocol"),
    ParamDef::text("from_col", "from_pattern", "column of the From pattern"),
    ParamDef::text("ruri_col", "ruri_pattern", "column of the request URI pattern"),
    ParamDef::text("priority_col", "priority", "column of the priority"),
    ParamDef::int("trusted_cleanup_interval", 60, "has no effect"),
    ParamDef::text("default_allow_file", "permissions.allow", "rules of allow_routing() without arguments"),
    ParamDef::text("default_deny_file", "permissions.deny", "rules of allow_routing() without arguments"),
    ParamDef::int("check_all_branches", 1, "whether allow_routing() looks at all branches"),
    ParamDef::text("allow_suffix", ".allow", "only .allow: the ending of files with what is allowed"),
    ParamDef::text("deny_suffix", ".deny", "only .deny: the ending of files with what is denied"),
];

/// The parameters, and the addresses once they have been read.
#[derive(Debug)]
pub(super) struct Rules {
    /// Where the addresses are, unless they came from a file.
    source: Option<(Arc<Url>, Query)>,
    pub(super) tag_avp: Option<AvpName>,
    pub(super) tags_all: bool,
    /// Trusted peers, when they are used.
    pub(super) trusted: Option<Store>,
    /// The rules of `allow_routing()` without arguments.
    pub(super) default_pair: Arc<Pair>,
    pub(super) checks_branches: bool,
    pub(super) preference: Preference,
    max_subnets: usize,
    addresses: RwLock<Option<Arc<Addresses>>>,
}

/// Checks the parameters and reads the file. Errors: what is wrong with them.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let avp = params.text("peer_tag_avp");
    let tag_avp = match avp.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")) {
        Some(name) => Some(AvpName::parse(&avp.slice_ref(name))),
        None if avp.is_empty() => None,
        None => return Err("parameter peer_tag_avp must be a variable $avp(name)".into()),
    };
    let mut rules = Rules {
        source: None,
        tag_avp,
        tags_all: params.int("peer_tag_mode") == 1,
        trusted: trusted(loading)?,
        default_pair: default_pair(loading)?,
        checks_branches: params.int("check_all_branches") != 0,
        preference: if params.int("subnet_match_mode") == 1 {
            Preference::Longest
        } else {
            Preference::First
        },
        max_subnets: usize::try_from(params.int("max_subnets")).unwrap_or(0),
        addresses: RwLock::default(),
    };
    let file = String::from_utf8_lossy(&params.text("address_file")).into_owned();
    if params.int("load_backends") & 1 == 0 || (file.is_empty() && params.text("db_url").is_empty()) {
        rules.keep(Addresses::default())?;
    } else if file.is_empty() {
        let url = db::url(loading)?;
        let table = db::name(loading, "address_table")?;
        db::needs(loading, &url, "address", &table);
        rules.source = Some((url, query(loading)?));
    } else {
        let text =
            std::fs::read(&file).map_err(|error| format!("parameter address_file, {file}: {error}"))?;
        rules.keep(Addresses::of_file(&text).map_err(|error| format!("{file}: {error}"))?)?;
    }
    loading.shared.put(rules);
    Ok(())
}

fn trusted(loading: &mut Loading<'_>) -> Result<Option<Store>, String> {
    let params = loading.params;
    if params.int("load_backends") & 2 == 0 || params.text("db_url").is_empty() {
        return Ok(None);
    }
    let name = |param: &str| db::name(loading, param);
    let (url, table) = (db::url(loading)?, name("trusted_table")?);
    let columns = [
        name("source_col")?,
        name("proto_col")?,
        name("from_col")?,
        name("ruri_col")?,
        name("tag_col")?,
        name("priority_col")?,
    ];
    db::needs(loading, &url, "trusted", &table);
    let all = Query::Select { table: table.clone(), columns: columns.to_vec(), only: Vec::new() };
    let is_kept = params.int("db_mode") != 0;
    let kept = is_kept.then(|| Arc::new(Cache::new(url.clone(), vec![all], of_rows)));
    Ok(Some(Store { url, table, columns, kept }))
}

fn default_pair(loading: &Loading<'_>) -> Result<Arc<Pair>, String> {
    let params = loading.params;
    for (param, only) in [("allow_suffix", rules::ALLOW), ("deny_suffix", rules::DENY)] {
        if params.text(param) != only.as_bytes() {
            return Err(format!("parameter {param}: only {only} is possible"));
        }
    }
    let backends = params.int("load_backends");
    let file = |bit: i64, param: &str| match backends & bit {
        0 => Ok(Arc::default()),
        _ => RuleFile::read(&String::from_utf8_lossy(&params.text(param))),
    };
    Ok(Arc::new(Pair { allow: file(4, "default_allow_file")?, deny: file(8, "default_deny_file")? }))
}

fn query(loading: &Loading<'_>) -> Result<Query, String> {
    let name = |param: &str| db::name(loading, param);
    let columns = ["grp_col", "ip_addr_col", "mask_col", "port_col", "tag_col"];
    let columns = columns.into_iter().map(name).collect::<Result<_, _>>()?;
    Ok(Query::Select { table: name("address_table")?, columns, only: Vec::new() })
}

impl Rules {
    /// The addresses, if they have been read.
    pub(super) fn addresses(&self) -> Option<Arc<Addresses>> {
        self.addresses.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps addresses for the checks to come. Errors: there are too many subnets.
    pub(super) fn keep(&self, addresses: Addresses) -> Result<Arc<Addresses>, String> {
        if addresses.subnets() > self.max_subnets {
            return Err(format!(
                "there are {} subnets, max_subnets is {}",
                addresses.subnets(),
                self.max_subnets
            ));
        }
        let addresses = Arc::new(addresses);
        *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = Some(addresses.clone());
        Ok(addresses)
    }

    /// Where the addresses are to be read from, if not from a file.
    pub(super) fn source(&self) -> Option<(Arc<Url>, Query)> {
        self.source.clone()
    }

    /// Forgets addresses that can be read again.
    pub(super) fn forget(&self) {
        if self.source.is_some() {
            *self.addresses.write().unwrap_or_else(PoisonError::into_inner) = None;
        }
    }
}

/// The parameters. `load` has put them in before any function runs.
pub(super) fn rules(ctx: &Ctx<'_>) -> Arc<Rules> {
    of_shard(ctx.shard)
}

/// The same for a remote procedure.
pub(super) fn of_shard(shard: &Shard) -> Arc<Rules> {
    shard.shared.get().expect("load() puts the rules in")
}
