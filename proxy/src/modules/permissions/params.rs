//! The parameters of permissions as typed values, and the addresses of a file.

use std::sync::{Arc, PoisonError, RwLock};

use super::addresses::{Addresses, Preference};
use crate::api::{AvpName, Ctx, Loading, ParamDef, Shard};
use crate::modules::db;
use crate::store::{Name, Query, Url};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::text("db_url", "", "database of the addresses"),
    ParamDef::int("db_mode", 0, "has no effect"),
    ParamDef::int("load_backends", 0xffff, "1: addresses are used; other bits have no effect"),
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
];

/// The parameters, and the addresses once they have been read.
#[derive(Debug)]
pub(super) struct Rules {
    /// Where the addresses are, unless they came from a file.
    source: Option<(Arc<Url>, Query)>,
    pub(super) tag_avp: Option<AvpName>,
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

fn query(loading: &Loading<'_>) -> Result<Query, String> {
    let name = |param: &str| {
        Name::parse(&loading.params.text(param)).map_err(|error| format!("parameter {param}: {error}"))
    };
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
