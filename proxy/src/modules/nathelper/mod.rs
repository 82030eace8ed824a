//! Module nathelper: peers behind a NAT, told and dealt with.

mod alias;
mod contact;
mod signs;

use crate::api::AvpName;
use crate::api::{FunctionDef, Kind, Loading, ModuleDef, ParamDef, Routes};

/// The table of module nathelper.
pub static MODULE: ModuleDef = ModuleDef {
    name: "nathelper",
    params: &[
        ParamDef::text("received_avp", "", "AVP for the URI a contact really came from"),
        ParamDef::int("nat_addr_mode", 1, "1 counts 192.0.0.0/24 as private too"),
        ParamDef::text("alias_name", "alias", "name of the alias parameter"),
        ParamDef::int("natping_interval", 0, "only 0: pings are not built in yet"),
        ParamDef::int("ping_nated_only", 0, "has no effect without pings"),
        ParamDef::int("sipping_bflag", -1, "has no effect without pings"),
        ParamDef::text("sipping_from", "", "has no effect without pings"),
        ParamDef::text("sipping_method", "OPTIONS", "has no effect without pings"),
        ParamDef::text("nortpproxy_str", "a=nortpproxy:yes", "has no effect"),
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
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const ANYWHERE: Routes =
    Routes::REQUEST.or(Routes::REPLY).or(Routes::FAILURE).or(Routes::BRANCH).or(Routes::EVENT);

/// The parameters as typed values.
#[derive(Clone, Debug)]
struct Rules {
    received_avp: Option<AvpName>,
    counts_192_0_0: bool,
    alias_name: Vec<u8>,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    if params.int("natping_interval") != 0 {
        return Err("parameter natping_interval: pings are not built in yet, only 0 is possible".into());
    }
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
    };
    loading.shared.put(rules);
    Ok(())
}
