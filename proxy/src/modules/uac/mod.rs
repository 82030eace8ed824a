//! Module uac: other addresses in From and To with the way back, answers to challenges, and requests of the script.

mod answer;
mod params;
mod registering;
mod registration;
mod registration_calls;
mod registration_rpc;
mod replace;
mod request;

use crate::api::{EventDef, FunctionDef, Hooks, InnerKind, Kind, ModuleDef, PvDef, Routes};

/// The table of module uac.
pub static MODULE: ModuleDef = ModuleDef {
    name: "uac",
    needs: &["tm", "rr"],
    params: params::PARAMS,
    functions: FUNCTIONS,
    pvs: &[PvDef::new("uac_req", request::get, "the request that uac_req_send() sends, and what came of it")
        .inner(InnerKind::Key(request::PARTS))
        .writable(request::set)],
    events: &[EventDef {
        name: "uac:reply",
        doc: "a request of uac_req_send() with evroute 1 has its outcome",
    }],
    load: Some(params::load),
    start: Some(registering::start),
    rpcs: registration_rpc::RPCS,
    hooks: Hooks { routed: Some(replace::routed), ..Hooks::NONE },
    ..ModuleDef::EMPTY
};

const REPLACE: Routes = Routes::REQUEST.or(Routes::BRANCH);
const URI: &[Kind] = &[Kind::Text];
const TEXT_PV: &[Kind] = &[Kind::Text, Kind::WritePv];
const DISPLAY_URI: &[Kind] = &[Kind::Text, Kind::Text];

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new("uac_replace_from", URI, REPLACE, replace::from, "puts another URI into From"),
    FunctionDef::new(
        "uac_replace_from",
        DISPLAY_URI,
        REPLACE,
        replace::from,
        "puts another display name and URI into From; an empty URI stays as it is",
    ),
    FunctionDef::new("uac_replace_to", URI, REPLACE, replace::to, "puts another URI into To"),
    FunctionDef::new(
        "uac_replace_to",
        DISPLAY_URI,
        REPLACE,
        replace::to,
        "puts another display name and URI into To; an empty URI stays as it is",
    ),
    FunctionDef::new(
        "uac_restore_from",
        &[],
        Routes::REQUEST,
        replace::restore_from,
        "exchanges the URI of From as our Route says",
    ),
    FunctionDef::new(
        "uac_restore_to",
        &[],
        Routes::REQUEST,
        replace::restore_to,
        "exchanges the URI of To as our Route says",
    ),
    FunctionDef::new(
        "uac_auth",
        &[Kind::Int],
        Routes::FAILURE.or(Routes::BRANCH),
        answer::uac_auth,
        "answers the challenge of the best reply; 1: the password is a hash",
    )
    .optional(1),
    FunctionDef::new(
        "uac_req_send",
        &[],
        Routes::ANY,
        request::uac_req_send,
        "sends the request in $uac_req",
    ),
    FunctionDef::new(
        "uac_reg_lookup",
        TEXT_PV,
        Routes::ANY,
        registration_calls::lookup,
        "writes the URI of our user, by the uuid of the registration, into a variable",
    ),
    FunctionDef::new(
        "uac_reg_lookup_uri",
        TEXT_PV,
        Routes::ANY,
        registration_calls::lookup_uri,
        "writes the uuid of a registration, by the URI of our user, into a variable",
    ),
    FunctionDef::new(
        "uac_reg_status",
        URI,
        Routes::ANY,
        registration_calls::status,
        "1 registered, -1 unknown, -2 under way, -3 switched off, -99 none of these",
    ),
    FunctionDef::new(
        "uac_reg_request_to",
        &[Kind::Text, Kind::Int],
        Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH),
        registration_calls::request_to,
        "sends the request to where a user (0) or uuid (1) is registered, with credentials for uac_auth()",
    ),
    FunctionDef::new(
        "uac_reg_enable",
        &[Kind::Text, Kind::Text],
        Routes::ANY,
        registration_calls::enable,
        "keeps registrations up again of which an attribute has a value",
    ),
    FunctionDef::new(
        "uac_reg_disable",
        &[Kind::Text, Kind::Text],
        Routes::ANY,
        registration_calls::disable,
        "does not keep them up any more",
    ),
    FunctionDef::new(
        "uac_reg_refresh",
        URI,
        Routes::ANY,
        registration_calls::refresh,
        "registers a uuid anew",
    ),
];
