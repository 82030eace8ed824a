//! Module uac: other addresses in From and To with the way back, answers to challenges, and requests of the script.

mod answer;
mod params;
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
    hooks: Hooks { routed: Some(replace::routed), ..Hooks::NONE },
    ..ModuleDef::EMPTY
};

const REPLACE: Routes = Routes::REQUEST.or(Routes::BRANCH);
const URI: &[Kind] = &[Kind::Text];
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
];
