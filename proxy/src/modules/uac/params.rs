//! The parameters of uac as typed values.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use crate::api::{AvpName, Ctx, Loading, ParamDef};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::text("restore_mode", "auto", "auto, manual or none: how exchanged URIs find their way back"),
    ParamDef::text("rr_from_store_param", "vsf", "parameter of our Record-Route for From"),
    ParamDef::text("rr_to_store_param", "vst", "parameter of our Record-Route for To"),
    ParamDef::int("restore_dlg", 0, "has no effect; the way back is in the Record-Route"),
    ParamDef::text("restore_passwd", "", "has no effect; the parameters are not secret"),
    ParamDef::text("restore_from_avp", "", "has no effect; the way back of replies is in the transaction"),
    ParamDef::text("restore_to_avp", "", "has no effect; the way back of replies is in the transaction"),
    ParamDef::list("credential", "user:realm:password for challenges of that realm"),
    ParamDef::text("auth_realm_avp", "", "AVP with the realm its user is for"),
    ParamDef::text("auth_username_avp", "", "AVP with the user for challenges"),
    ParamDef::text("auth_password_avp", "", "AVP with the password of that user"),
    ParamDef::text("reg_db_url", "", "database of our registrations elsewhere; none: there are none"),
    ParamDef::text("reg_db_table", "uacreg", "their table"),
    ParamDef::text("reg_contact_addr", "", "host, port and parameters of their Contacts"),
    ParamDef::int("reg_timer_interval", 90, "seconds between two looks at them"),
    ParamDef::int(
        "reg_retry_interval",
        0,
        "seconds until a failed one is tried again; 0: it is switched off",
    ),
    ParamDef::int("reg_keep_callid", 0, "whether a registration keeps its Call-ID"),
    ParamDef::int("reg_random_delay", 0, "most seconds added at random before the first REGISTER"),
    ParamDef::int("reg_active", 1, "whether registrations are kept up"),
    ParamDef::int("reg_gc_interval", 150, "has no effect: what is removed is gone at once"),
    ParamDef::int("reg_hash_size", 4, "has no effect: tables grow"),
    ParamDef::int("reg_use_domain", 0, "whether the domain of our users counts"),
    ParamDef::text("default_socket", "", "socket of uac_req_send() when $uac_req(sock) names none"),
    ParamDef::text("event_callback", "", "has no effect; event routes are used"),
];

/// How exchanged URIs find their way back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restore {
    /// By themselves.
    Auto,
    /// When the script says so.
    Manual,
    /// Never.
    None,
}

/// The parameters.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) restore: Restore,
    /// Names of the Record-Route's parameters for From and To.
    pub(super) from_param: Bytes,
    pub(super) to_param: Bytes,
    pub(super) credentials: Vec<Credential>,
    /// Realm, user, password.
    pub(super) avps: [Option<AvpName>; 3],
    /// Empty for any.
    pub(super) socket: Bytes,
}

/// Who answers the challenges of a realm. The password shows in no output.
#[derive(Clone)]
pub(super) struct Credential {
    pub(super) user: Bytes,
    pub(super) realm: Bytes,
    pub(super) password: Bytes,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({} of {})", self.user.escape_ascii(), self.realm.escape_ascii())
    }
}

/// Checks the parameters. Errors: a mode that is none, a credential without its parts, what is not built in.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let restore = match &*params.text("restore_mode") {
        b"auto" => Restore::Auto,
        b"manual" => Restore::Manual,
        b"none" => Restore::None,
        other => {
            let mode = other.escape_ascii();
            return Err(format!("parameter restore_mode: {mode} is none, auto, manual and none are"));
        }
    };
    let credentials =
        params.list("credential").iter().map(|text| credential(&text.to_text())).collect::<Result<_, _>>()?;
    let rules = Rules {
        restore,
        from_param: params.text("rr_from_store_param"),
        to_param: params.text("rr_to_store_param"),
        credentials,
        avps: [
            avp(loading, "auth_realm_avp")?,
            avp(loading, "auth_username_avp")?,
            avp(loading, "auth_password_avp")?,
        ],
        socket: params.text("default_socket"),
    };
    loading.shared.put(rules);
    super::registration::load(loading)
}

fn credential(text: &Bytes) -> Result<Credential, String> {
    let mut parts = text.splitn(3, |byte| *byte == b':').map(|part| text.slice_ref(part));
    match (parts.next(), parts.next(), parts.next()) {
        (Some(user), Some(realm), Some(password)) if !user.is_empty() => {
            Ok(Credential { user, realm, password })
        }
        _ => Err("parameter credential: expected user:realm:password".into()),
    }
}

fn avp(loading: &Loading<'_>, param: &str) -> Result<Option<AvpName>, String> {
    let text = loading.params.text(param);
    match text.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")")) {
        Some(name) => Ok(Some(AvpName::parse(&text.slice_ref(name)))),
        None if text.is_empty() => Ok(None),
        None => Err(format!("parameter {param} must be a variable $avp(name)")),
    }
}

/// The parameters. `load` has put them in before any function runs.
pub(super) fn rules(ctx: &Ctx<'_>) -> Arc<Rules> {
    ctx.shard.shared.get().expect("load() puts the rules in")
}
