//! Module nathelper: peers behind a NAT, told and dealt with.

mod alias;
mod contact;
mod pings;
mod sdp;
mod signs;

use std::time::Duration;

use crate::api::{AvpName, FunctionDef, Kind, Loading, ModuleDef, ParamDef, Routes, RpcDef, RpcScope};
use pings::Pings;

/// The table of module nathelper.
pub static MODULE: ModuleDef = ModuleDef {
    name: "nathelper",
    params: &[
        ParamDef::text("received_avp", "", "AVP for the URI a contact really came from"),
        ParamDef::int("nat_addr_mode", 1, "1 counts 192.0.0.0/24 as private too"),
        ParamDef::text("alias_name", "alias", "name of the alias parameter"),
        ParamDef::int(
            "natping_interval",
            0,
            "seconds in which each contact over UDP is pinged once; 0: never",
        ),
        ParamDef::int("ping_nated_only", 0, "whether only contacts with nat_bflag of usrloc are pinged"),
        ParamDef::int("natping_processes", 1, "has no effect"),
        ParamDef::text("natping_socket", "", "socket that pings leave by; none: that of the registration"),
        ParamDef::int("natping_disable_bflag", -1, "branch flag of contacts that are not pinged"),
        ParamDef::int("sipping_bflag", -1, "branch flag of contacts that get SIP pings"),
        ParamDef::text("sipping_from", "", "From of SIP pings"),
        ParamDef::text("sipping_method", "OPTIONS", "method of SIP pings"),
        ParamDef::int("keepalive_timeout", 0, "has no effect; contacts stay until they expire"),
        ParamDef::int("udpping_from_path", 0, "has no effect; pings go to the first Path anyway"),
        ParamDef::int("filter_server_id", 0, "has no effect; contacts of other servers are not here"),
        ParamDef::text("force_socket", "", "has no effect, see natping_socket"),
        ParamDef::text("nortpproxy_str", "a=nortpproxy:yes", "line that fix_nated_sdp() adds with bit 4"),
        ParamDef::int("append_sdp_oldmediaip", 1, "whether fix_nated_sdp() notes the addresses it replaced"),
    ],
    functions: &[
        FunctionDef::new(
            "nat_uac_test",
            &[Kind::Int],
            ANYWHERE,
            signs::nat_uac_test,
            "whether one of the tests of the mask holds",
        ),
        FunctionDef::new(
            "fix_nated_contact",
            &[],
            ANYWHERE,
            contact::fix_nated_contact,
            "puts the source address into the Contact",
        ),
        FunctionDef::new(
            "add_contact_alias",
            &[Kind::Text, Kind::Text, Kind::Text],
            ANYWHERE,
            alias::add_contact_alias,
            "notes the source address in the Contact",
        )
        .optional(3),
        FunctionDef::new(
            "set_contact_alias",
            &[Kind::Int],
            ANYWHERE,
            alias::set_contact_alias,
            "notes the source address in the Contact, always",
        )
        .optional(1),
        FunctionDef::new(
            "handle_ruri_alias",
            &[Kind::Int],
            ANYWHERE,
            alias::handle_ruri_alias,
            "takes the destination from the alias of the request URI",
        )
        .optional(1),
        FunctionDef::new(
            "fix_nated_register",
            &[],
            Routes::REQUEST,
            contact::fix_nated_register,
            "notes where a REGISTER came from",
        ),
        FunctionDef::new(
            "add_rcv_param",
            &[Kind::Int],
            Routes::REQUEST,
            contact::add_rcv_param,
            "notes the source address as received parameter",
        )
        .optional(1),
        FunctionDef::new(
            "is_rfc1918",
            &[Kind::Text],
            Routes::ANY,
            signs::is_rfc1918,
            "whether an address is private",
        ),
        FunctionDef::new(
            "fix_nated_sdp",
            &[Kind::Int, Kind::Text],
            ANYWHERE,
            sdp::fix_nated_sdp,
            "replaces addresses in the description: 1 adds direction, 2 c=, 4 adds a marker, 8 o=",
        )
        .optional(1),
    ],
    rpcs: &[RpcDef {
        name: "nathelper.enable_ping",
        scope: RpcScope::Every,
        run: pings::enable,
        doc: "stops pings (0) or lets them go on (1)",
    }],
    load: Some(load),
    start: Some(|shard| shard.every(Duration::from_secs(1), pings::tick)),
    ..ModuleDef::EMPTY
};

const ANYWHERE: Routes =
    Routes::REQUEST.or(Routes::REPLY).or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::EVENT);

/// The parameters as typed values.
#[derive(Debug, Default)]
struct Rules {
    received_avp: Option<AvpName>,
    counts_192_0_0: bool,
    alias_name: Vec<u8>,
    /// The line that says that media do not go through a proxy.
    nortpproxy: Vec<u8>,
    notes_old_addresses: bool,
    pings: Pings,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let avp = params.text("received_avp");
    let received_avp = match avp.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")) {
        Some(name) => Some(AvpName::parse(&avp.slice_ref(name))),
        None if avp.is_empty() => None,
        None => return Err("parameter received_avp must be a variable $avp(name)".into()),
    };
    let rules = Rules {
        received_avp,
        counts_192_0_0: params.int("nat_addr_mode") != 0,
        alias_name: params.text("alias_name").to_vec(),
        nortpproxy: params.text("nortpproxy_str").to_vec(),
        notes_old_addresses: params.int("append_sdp_oldmediaip") != 0,
        pings: pings::load(loading)?,
    };
    loading.shared.put(rules);
    Ok(())
}
