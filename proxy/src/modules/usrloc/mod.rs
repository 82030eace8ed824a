//! Module usrloc: where contacts are stored. Tables in memory, shared by all shards.

mod contact;
mod matching;
mod store;

pub use contact::{Contact, Facts, Texts, TooLong};
pub use matching::{Matching, Order, Preference, find, order, sort};
pub use store::{Location, SEGMENTS, Table};

use crate::api::{Loading, ModuleDef, ParamDef, Shard, StatDef};

/// The table of module usrloc.
pub static MODULE: ModuleDef = ModuleDef {
    name: "usrloc",
    params: &[
        ParamDef::int("use_domain", 0, "whether the domain is part of an address-of-record"),
        ParamDef::int("desc_time_order", 0, "whether the newest contact comes first"),
        ParamDef::int("timer_interval", 60, "seconds in which expired contacts are forgotten"),
        ParamDef::int("timer_procs", 0, "has no effect"),
        ParamDef::int(
            "matching_mode",
            0,
            "what tells contacts apart: 0 URI, 1 and Call-ID, 2 and Path, 3 Call-ID alone",
        ),
        ParamDef::int("cseq_delay", 20, "seconds in which an equal CSeq is a retransmission"),
        ParamDef::int("nat_bflag", -1, "branch flag that marks contacts behind a NAT"),
        ParamDef::int("db_mode", 0, "0: memory only"),
        ParamDef::text("db_url", "", "has no effect with db_mode 0"),
        ParamDef::int("hash_size", 10, "has no effect"),
        ParamDef::list("preload", "a table that is there from the start"),
        ParamDef::text("xavp_contact", "", "has no effect"),
    ],
    stats: &[StatDef {
        name: "registered_users",
        read: registered_users,
        doc: "addresses-of-record with contacts",
    }],
    load: Some(load),
    ..ModuleDef::EMPTY
};

/// The parameters as typed values.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// The domain is part of an address-of-record.
    pub with_domain: bool,
    /// What tells contacts apart.
    pub matching: Matching,
    /// Their order.
    pub preference: Preference,
    /// Seconds in which an equal CSeq is a retransmission.
    pub cseq_delay: u32,
    /// Seconds in which all segments are swept once.
    pub sweep_interval: u32,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    if params.int("db_mode") != 0 {
        return Err(format!(
            "parameter db_mode is {}, only 0 (memory) is built in yet",
            params.int("db_mode")
        ));
    }
    let rules = Rules {
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
    };
    // Contacts outlive a reload.
    if loading.shared.peek::<Location>().is_none() {
        let location = Location::default();
        params.list("preload").iter().for_each(|name| drop(location.table(&name.to_text())));
        loading.shared.put(location);
    }
    loading.shared.put(rules);
    Ok(())
}

fn registered_users(shard: &mut Shard) -> u64 {
    // Shared by all shards: the first one tells for all.
    let Some(location) = shard.shared.peek::<Location>().filter(|_| shard.number == 0) else { return 0 };
    location.tables().iter().map(|(_, table)| table.count().0 as u64).sum()
}
