//! Module rr: record-routing and loose routing (RFC 3261 16.6 item 4, 16.4, 16.12).

mod functions;
mod params;

use crate::api::{FunctionDef, Kind, ModuleDef, ParamDef, PvDef, Routes};

/// Name of a parameter of our consumed Route that names the next hop; put in place by a module that writes such
/// parameters.
#[derive(Debug)]
pub struct ReceivedParam(pub bytes::Bytes);

/// The table of module rr.
pub static MODULE: ModuleDef = ModuleDef {
    name: "rr",
    params: &[
        ParamDef::int("enable_full_lr", 0, "whether lr is written as lr=on"),
        ParamDef::int("append_fromtag", 1, "whether the tag of the dialog's initiator is added as ftag"),
        ParamDef::int("enable_double_rr", 1, "two fields: 0 never, 1 when sockets differ, 2 always"),
        ParamDef::int("add_username", 0, "whether the user of the request URI is put into the field"),
        ParamDef::int("force_send_socket", 0, "has no effect with a single field"),
        ParamDef::int("ignore_sips", 0, "whether sips is never used"),
        ParamDef::int("enable_socket_mismatch_warning", 1, "has no effect"),
    ],
    functions: &[
        FunctionDef::new(
            "record_route",
            &[Kind::Text],
            ROUTES,
            functions::record_route,
            "adds a Record-Route",
        )
        .optional(1),
        FunctionDef::new(
            "record_route_preset",
            &[Kind::Text, Kind::Text],
            ROUTES,
            functions::record_route_preset,
            "adds a Record-Route with this host",
        )
        .optional(1),
        FunctionDef::new(
            "record_route_advertised_address",
            &[Kind::Text],
            ROUTES,
            functions::record_route_preset,
            "adds a Record-Route with this host",
        ),
        FunctionDef::new(
            "add_rr_param",
            &[Kind::Text],
            ROUTES,
            functions::add_rr_param,
            "adds a parameter to the Record-Route",
        ),
        FunctionDef::new(
            "loose_route",
            &[],
            Routes::REQUEST,
            functions::loose_route,
            "routes by the Route fields",
        ),
        FunctionDef::new(
            "check_route_param",
            &[Kind::Regex],
            Routes::REQUEST,
            functions::check_route_param,
            "matches the parameters of our Route",
        ),
        FunctionDef::new(
            "is_direction",
            &[Kind::Word],
            Routes::REQUEST,
            functions::is_direction,
            "downstream or upstream",
        ),
        FunctionDef::new(
            "remove_record_route",
            &[],
            ROUTES,
            functions::remove_record_route,
            "takes record_route() back",
        ),
    ],
    pvs: &[PvDef::new("route_uri", functions::route_uri, "the first Route URI as received")],
    load: Some(params::load),
    ..ModuleDef::EMPTY
};

const ROUTES: Routes = Routes::REQUEST.or(Routes::BRANCH).or(Routes::FAILURE);
