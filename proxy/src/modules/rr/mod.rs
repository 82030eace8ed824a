//! Module rr: record-routing and loose routing (RFC 3261 16.6 item 4, 16.4, 16.12).

mod functions;
mod params;

pub use functions::is_upstream;

use std::net::SocketAddr;

use sip::peer::Transport;

use crate::api::{Ctx, FunctionDef, InnerKind, Kind, ModuleDef, ParamDef, PvDef, Routes};

/// Name of a parameter of our consumed Route that names the next hop; put in place by a module that writes such
/// parameters.
#[derive(Debug)]
pub struct ReceivedParam(pub bytes::Bytes);

/// What a module that knows flows (RFC 5626) does for Record-Route, Path and `loose_route()`.
#[derive(Clone, Copy, Debug)]
pub struct FlowHooks {
    /// The user part of our Record-Route or Path that brings later requests back over the flow; `None` when the
    /// request in work wants none.
    pub token: fn(&Ctx<'_>) -> Option<Vec<u8>>,
    /// The flow such a user part stands for.
    pub flow_of: fn(&Ctx<'_>, user: &[u8]) -> FlowOf,
}

/// What the user part of a Route of ours says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowOf {
    /// It is no token.
    NoToken,
    /// It looks like one, but is not ours.
    Forged,
    /// It stands for this flow.
    Flow(FlowEnds),
}

/// Between whom a flow is (RFC 5626 2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowEnds {
    /// Its transport.
    pub transport: Transport,
    /// Our socket.
    pub local: SocketAddr,
    /// The other end.
    pub remote: SocketAddr,
}

/// The table of module rr.
pub static MODULE: ModuleDef = ModuleDef {
    name: "rr",
    params: &[
        ParamDef::int("enable_full_lr", 0, "whether lr is written as lr=on"),
        ParamDef::int("append_fromtag", 1, "whether the tag of the dialog's initiator is added as ftag"),
        ParamDef::int("enable_double_rr", 1, "two fields: 0 never, 1 when sockets differ, 2 always"),
        ParamDef::int("add_username", 0, "whether the user of the request URI is put into the field"),
        ParamDef::int(
            "force_send_socket",
            0,
            "whether requests leave by the socket that our only Route names",
        ),
        ParamDef::text("custom_user_avp", "", "variable in place of the user of add_username"),
        ParamDef::int("sockname_mode", 0, "whether the name of the socket is written: 0 never"),
        ParamDef::int("loose_route_mode", 0, "has no effect; see loose_route_mode()"),
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
            "loose_route_mode",
            &[Kind::Int],
            Routes::REQUEST,
            functions::loose_route_mode,
            "the same; 1: strict routers are not looked for",
        ),
        FunctionDef::new(
            "loose_route_preloaded",
            &[],
            Routes::REQUEST,
            functions::loose_route_preloaded,
            "the same; true when all routes of a request outside a dialog were ours",
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
    pvs: &[
        PvDef::new("route_uri", functions::route_uri, "the first Route URI as received"),
        PvDef::new("rdir", functions::direction, "id, name: 1 downstream, 2 upstream")
            .inner(InnerKind::Key(&["id", "name"])),
        PvDef::new("fti", functions::initiator, "tag of the party that began the dialog"),
        PvDef::new("tti", functions::terminator, "tag of the other party"),
    ],
    load: Some(params::load),
    ..ModuleDef::EMPTY
};

const ROUTES: Routes = Routes::REQUEST.or(Routes::BRANCH).or(Routes::FAILURE);
