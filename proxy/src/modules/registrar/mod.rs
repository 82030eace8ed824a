//! Module registrar: REGISTER requests into contacts, and contacts into targets (RFC 3261 10.3, 16.5).

mod answer;
mod aor;
mod fetch;
mod finish;
mod gruu;
mod lookup;
mod params;
mod place;
mod request;
mod save;
mod socket;
mod xavps;

use crate::api::{FunctionDef, InnerKind, Kind, ModuleDef, PvDef, Routes, Shard, StatDef};

/// The table of module registrar.
pub static MODULE: ModuleDef = ModuleDef {
    name: "registrar",
    needs: &["usrloc", "sl"],
    params: params::PARAMS,
    functions: &[
        FunctionDef::new(
            "save",
            &[place::TABLE, Kind::Int, Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE),
            save::save,
            "stores the contacts of a REGISTER and replies",
        )
        .optional(2),
        FunctionDef::new(
            "lookup",
            &[place::TABLE, Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE),
            lookup::lookup,
            "makes the stored contacts the targets",
        )
        .optional(1),
        FunctionDef::new(
            "lookup_to_dset",
            &[place::TABLE, Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE),
            lookup::lookup_to_dset,
            "appends the stored contacts as branches",
        )
        .optional(1),
        FunctionDef::new(
            "lookup_branches",
            &[place::TABLE],
            Routes::REQUEST.or(Routes::FAILURE),
            lookup::lookup_branches,
            "the same as lookup() for the request URI and each branch",
        ),
        FunctionDef::new(
            "reg_fetch_contacts",
            &[place::TABLE, Kind::Text, Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE).or(Routes::REPLY),
            fetch::fetch,
            "keeps the contacts of a URI under a name, for $ulc",
        ),
        FunctionDef::new(
            "reg_free_contacts",
            &[Kind::Text],
            Routes::REQUEST.or(Routes::FAILURE).or(Routes::REPLY),
            fetch::free,
            "forgets what reg_fetch_contacts() kept",
        ),
        FunctionDef::new(
            "reg_send_reply",
            &[],
            Routes::REQUEST.or(Routes::FAILURE),
            finish::send_reply,
            "sends the reply that save() with flag 2 did not send",
        ),
        FunctionDef::new(
            "add_sock_hdr",
            &[Kind::Text],
            Routes::REQUEST,
            socket::add_field,
            "adds a field with the socket the request came in by",
        ),
        FunctionDef::new(
            "registered",
            &[place::TABLE, Kind::Text, Kind::Int, Kind::Int],
            Routes::ANY,
            lookup::registered,
            "whether there is a contact",
        )
        .optional(3),
        FunctionDef::new(
            "unregister",
            &[place::TABLE, Kind::Text, Kind::Text],
            Routes::ANY,
            lookup::unregister,
            "forgets the contacts of a URI, or one by its ruid",
        )
        .optional(1),
    ],
    pvs: &[PvDef::new("ulc", fetch::get, "a contact that was fetched, or that an event is about")
        .inner(InnerKind::Prepared(fetch::wanted))
        .indexed()],
    stats: &[
        StatDef { name: "accepted_regs", read: accepted, doc: "registrations accepted" },
        StatDef { name: "rejected_regs", read: rejected, doc: "registrations refused" },
        StatDef {
            name: "max_expires",
            read: |shard| setting(shard, |rules| rules.max_expires),
            doc: "parameter",
        },
        StatDef {
            name: "max_contacts",
            read: |shard| setting(shard, |rules| rules.max_contacts as u32),
            doc: "parameter",
        },
        StatDef {
            name: "default_expire",
            read: |shard| setting(shard, |rules| rules.default_expires),
            doc: "parameter default_expires",
        },
    ],
    load: Some(params::load),
    ..ModuleDef::EMPTY
};

fn accepted(shard: &mut Shard) -> u64 {
    shard.states.get::<finish::Registrations>().accepted
}

fn rejected(shard: &mut Shard) -> u64 {
    shard.states.get::<finish::Registrations>().rejected
}

/// A parameter as a statistic: told once for all shards.
fn setting(shard: &Shard, read: fn(&params::Rules) -> u32) -> u64 {
    let rules = shard.shared.peek::<params::Rules>().filter(|_| shard.number == 0);
    rules.map_or(0, |rules| read(rules).into())
}
