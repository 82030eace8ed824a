//! Module siputils: questions about a message and its URIs.

mod charging;
mod contact;
mod first_hop;
mod message;
mod numbers;
mod remote_party;
mod uris;

use crate::api::{FunctionDef, FunctionFn, Kind, Loading, ModuleDef, ParamDef, Routes};

/// The table of module siputils.
pub static MODULE: ModuleDef = ModuleDef {
    name: "siputils",
    params: &[
        ParamDef::text("options_accept", "*/*", "Accept of options_reply()"),
        ParamDef::text("options_accept_encoding", "", "Accept-Encoding of options_reply()"),
        ParamDef::text("options_accept_language", "en", "Accept-Language of options_reply()"),
        ParamDef::text("options_support", "", "Supported of options_reply()"),
        ParamDef::text("contact_flds_separator", "*", "separator of encode_contact()"),
        ParamDef::text("rpid_prefix", "", "text before the URI of Remote-Party-ID"),
        ParamDef::text(
            "rpid_suffix",
            ";party=calling;id-type=subscriber;screen=yes",
            "text behind the URI of Remote-Party-ID",
        ),
        ParamDef::text("rpid_avp", "$avp(s:rpid)", "variable with the URI of Remote-Party-ID"),
        ParamDef::int("e164_max_len", 15, "most digits of an E.164 number"),
    ],
    functions: FUNCTIONS,
    pvs: &[charging::VECTOR],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const CONTACTS: Routes = Routes::REQUEST.or(Routes::REPLY);
const REQUESTS: Routes = Routes::REQUEST.or(Routes::FAILURE).or(Routes::BRANCH);
const NONE: &[Kind] = &[];
const TEXT: &[Kind] = &[Kind::Text];
const TWO_TEXTS: &[Kind] = &[Kind::Text, Kind::Text];
const THREE_TEXTS_OUT: &[Kind] = &[Kind::Text, Kind::Text, Kind::WritePv];

static FUNCTIONS: &[FunctionDef] = &[
    any("has_totag", NONE, message::has_totag, "whether To has a tag"),
    any("is_request", NONE, message::is_request, "whether the message is a request"),
    any("is_reply", NONE, message::is_reply, "whether the message is a reply"),
    any("is_first_hop", &[Kind::Int], first_hop::is_first_hop, "whether we are the first hop").optional(1),
    FunctionDef::new("options_reply", NONE, Routes::REQUEST, message::options_reply, "answers OPTIONS"),
    any("is_supported", TEXT, message::is_supported, "whether Supported has an option tag"),
    any("hdr_date_check", &[Kind::Int], message::hdr_date_check, "whether Date is not too old"),
    any("uri_param", TWO_TEXTS, uris::uri_param, "whether the request URI has a parameter").optional(1),
    any("uri_param_any", TWO_TEXTS, uris::uri_param_any, "the same, value or not").optional(1),
    any("uri_param_rm", TEXT, uris::uri_param_rm, "removes a parameter of the request URI"),
    any("add_uri_param", TEXT, uris::add_uri_param, "adds a parameter to the request URI"),
    any(
        "get_uri_param",
        &[Kind::Text, Kind::WritePv],
        uris::get_uri_param,
        "reads a parameter of the request URI",
    ),
    any("is_uri", TEXT, uris::is_uri, "whether a text is a SIP URI"),
    any("is_user", TEXT, uris::is_user, "whether the credentials are of that user"),
    any("cmp_uri", TWO_TEXTS, uris::cmp_uri, "whether two URIs are equal"),
    any("cmp_aor", TWO_TEXTS, uris::cmp_aor, "whether two URIs have the same user and host"),
    any("cmp_hdr_name", TWO_TEXTS, uris::cmp_hdr_name, "whether two names are of the same header field"),
    any(
        "set_uri_user",
        &[Kind::WritePv, Kind::Text],
        uris::set_uri_user,
        "sets the user of a URI in a variable",
    ),
    any(
        "set_uri_host",
        &[Kind::WritePv, Kind::Text],
        uris::set_uri_host,
        "sets the host of a URI in a variable",
    ),
    any("tel2sip", THREE_TEXTS_OUT, uris::tel2sip, "turns a tel URI into a sip URI"),
    any("is_gruu", TEXT, uris::is_gruu, "1 for a public GRUU, 2 for a temporary one").optional(1),
    any("is_e164", &[Kind::Pv], numbers::is_e164, "whether a variable holds + and digits"),
    any(
        "is_uri_user_e164",
        &[Kind::Pv],
        numbers::is_uri_user_e164,
        "whether the user of a URI is + and digits",
    ),
    any("is_tel_number", TEXT, numbers::is_tel_number, "whether a text is digits, perhaps with +"),
    any("is_numeric", TEXT, numbers::is_numeric, "whether a text is digits"),
    any("is_alphanum", TEXT, numbers::is_alphanum, "whether a text is letters and digits"),
    FunctionDef::new(
        "encode_contact",
        TWO_TEXTS,
        CONTACTS,
        contact::encode,
        "puts the URIs of Contact into the user of a URI of ours",
    ),
    FunctionDef::new("decode_contact", NONE, Routes::REQUEST, contact::decode, "takes it back, request URI"),
    FunctionDef::new(
        "decode_contact_header",
        NONE,
        CONTACTS,
        contact::decode_header,
        "takes it back, Contact",
    ),
    FunctionDef::new(
        "contact_param_encode",
        TWO_TEXTS,
        CONTACTS,
        contact::param_encode,
        "puts the URIs of Contact into a parameter of a URI of ours",
    ),
    FunctionDef::new("contact_param_decode", TEXT, CONTACTS, contact::param_decode, "takes it back, Contact"),
    FunctionDef::new(
        "contact_param_decode_ruri",
        TEXT,
        Routes::REQUEST,
        contact::param_decode_ruri,
        "takes it back, request URI",
    ),
    FunctionDef::new(
        "contact_param_decode_uri",
        TEXT,
        Routes::REQUEST,
        contact::param_decode_ruri,
        "takes it back, request URI",
    ),
    FunctionDef::new("contact_param_rm", TEXT, CONTACTS, contact::param_rm, "removes a parameter of Contact"),
    FunctionDef::new("append_rpid_hf", NONE, REQUESTS, remote_party::append, "adds Remote-Party-ID"),
    FunctionDef::new(
        "append_rpid_hf",
        TWO_TEXTS,
        REQUESTS,
        remote_party::append,
        "the same with text before and behind the URI",
    ),
    FunctionDef::new(
        "is_rpid_user_e164",
        NONE,
        Routes::REQUEST,
        remote_party::is_e164,
        "whether the user of the Remote-Party-ID is + and digits",
    ),
    any("sip_p_charging_vector", TEXT, charging::manage, "P-Charging-Vector: g adds, r removes, f both"),
    any("is_alphanumex", TWO_TEXTS, numbers::is_alphanumex, "the same, with further characters"),
];

const fn any(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    message::load(loading)?;
    contact::load(loading)?;
    numbers::load(loading)?;
    remote_party::load(loading)
}

#[cfg(test)]
mod tests;
