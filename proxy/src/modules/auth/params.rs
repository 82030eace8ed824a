//! The parameters of auth, the key of its nonces, and the algorithm in force.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use sip::digest::Algorithm;

use super::nonce::{Bound, Key};
use super::uses::Uses;
use crate::api::{AvpName, Catalog, Ctx, Loading, ParamDef, Prepared, Shard};

/// The parameter table.
pub(super) static PARAMS: &[ParamDef] = &[
    ParamDef::text("secret", "", "key of the nonces; random when empty"),
    ParamDef::int("nonce_expire", 300, "seconds a nonce is good for"),
    ParamDef::int("nonce_auth_max_drift", 3, "seconds a nonce may come from the future"),
    ParamDef::int(
        "auth_checks_register",
        0,
        "what a nonce for REGISTER is bound to: 1 request URI, 2 Call-ID, 4 From tag, 8 source address",
    ),
    ParamDef::int("auth_checks_no_dlg", 0, "the same for requests outside of dialogs"),
    ParamDef::int("auth_checks_in_dlg", 0, "the same for requests within dialogs"),
    ParamDef::text("qop", "", "has no effect; the flags of the challenge functions decide"),
    ParamDef::int("nonce_count", 0, "whether nc must rise from use to use of a nonce"),
    ParamDef::int("one_time_nonce", 0, "whether a nonce is good for one use only"),
    ParamDef::int("nc_array_size", 1 << 20, "nonces whose uses are remembered with nonce_count"),
    ParamDef::int("nc_array_order", 20, "has no effect, see nc_array_size"),
    ParamDef::int("otn_in_flight_no", 1 << 20, "nonces whose use is remembered with one_time_nonce"),
    ParamDef::int("otn_in_flight_order", 20, "has no effect, see otn_in_flight_no"),
    ParamDef::int("nid_pool_no", 1, "has no effect"),
    ParamDef::text("challenge_attr", "$digest_challenge", "AVP that takes a challenge instead of a reply"),
    ParamDef::text("proxy_challenge_header", "Proxy-Authenticate", "name of the header field of a 407"),
    ParamDef::text("www_challenge_header", "WWW-Authenticate", "name of the header field of a 401"),
    ParamDef::text("realm_prefix", "", "cut off a realm before it is compared"),
    ParamDef::int("use_domain", 0, "has no effect"),
    ParamDef::int("force_stateless_reply", 0, "whether challenges never use the transaction"),
    ParamDef::text("algorithm", "", "MD5, SHA-256 or SHA-512-256; empty is MD5 without saying so"),
    ParamDef::int("add_authinfo_hdr", 0, "has no effect"),
    ParamDef::int("protect_contacts", 0, "has no effect"),
];

/// The parameters as typed values.
#[derive(Debug)]
pub struct Rules {
    pub(super) nonce_expire: u32,
    pub(super) max_drift: u32,
    pub(super) bound_register: Bound,
    pub(super) bound_no_dialog: Bound,
    pub(super) bound_in_dialog: Bound,
    pub(super) challenge_avp: AvpName,
    pub(super) proxy_header: Bytes,
    pub(super) www_header: Bytes,
    pub(super) realm_prefix: Bytes,
    pub(super) is_stateless: bool,
    /// `None`: MD5 that challenges do not name.
    pub(super) algorithm: Option<Algorithm>,
    pub(super) uses: Uses,
}

/// The key of the nonces; outlives a reload unless the configuration gives one.
#[derive(Debug, Default)]
struct NonceKey(OnceLock<Key>);

/// What `auth_algorithm()` set in this shard.
#[derive(Debug, Default)]
pub(super) struct Chosen(pub(super) Option<Algorithm>);

/// Checks the parameters. Errors: one is out of its range.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let number = |name: &str| {
        u32::try_from(params.int(name))
            .map_err(|_| format!("parameter {name} is {}, expected 0 or more", params.int(name)))
    };
    let attr = params.text("challenge_attr");
    let name = attr.strip_prefix(b"$avp(").and_then(|rest| rest.strip_suffix(b")"));
    let name = name.or_else(|| attr.strip_prefix(b"$")).ok_or("parameter challenge_attr must be $name")?;
    let rules = Rules {
        nonce_expire: number("nonce_expire")?,
        max_drift: number("nonce_auth_max_drift")?,
        bound_register: Bound(number("auth_checks_register")?),
        bound_no_dialog: Bound(number("auth_checks_no_dlg")?),
        bound_in_dialog: Bound(number("auth_checks_in_dlg")?),
        challenge_avp: AvpName::parse(&attr.slice_ref(name)),
        proxy_header: params.text("proxy_challenge_header"),
        www_header: params.text("www_challenge_header"),
        realm_prefix: params.text("realm_prefix"),
        is_stateless: params.int("force_stateless_reply") != 0,
        algorithm: match params.text("algorithm") {
            text if text.is_empty() => None,
            text => Some(algorithm(&text)?),
        },
        uses: Uses::new(
            if params.int("nonce_count") != 0 { number("nc_array_size")? } else { 0 },
            if params.int("one_time_nonce") != 0 { number("otn_in_flight_no")? } else { 0 },
        ),
    };
    loading.shared.put(rules);
    let secret = params.text("secret");
    if !secret.is_empty() {
        loading.shared.put(NonceKey(OnceLock::from(Key::of_secret(&secret))));
    } else if loading.shared.peek::<NonceKey>().is_none() {
        loading.shared.put(NonceKey::default());
    }
    Ok(())
}

/// Makes the random key, in the first shard that comes by.
pub(super) fn start(shard: &mut Shard) {
    let Shard { shared, ident, .. } = shard;
    if let Some(key) = shared.peek::<NonceKey>() {
        key.0.get_or_init(|| Key::random(ident));
    }
}

/// Prepares the name of an algorithm.
pub(super) fn prepare_algorithm(_: &Catalog, text: &[u8]) -> Result<Prepared, String> {
    algorithm(text).map(|algorithm| Arc::new(algorithm) as Prepared)
}

fn algorithm(text: &[u8]) -> Result<Algorithm, String> {
    Algorithm::parse(text).filter(|algorithm| !algorithm.is_session()).ok_or_else(|| {
        format!("unknown algorithm {}, there are MD5, SHA-256, SHA-512-256", String::from_utf8_lossy(text))
    })
}

/// The parameters. `load` has put them in before any function runs.
pub(super) fn rules(ctx: &Ctx<'_>) -> Arc<Rules> {
    ctx.shard.shared.get().expect("load() puts the rules in")
}

/// The key of the nonces.
pub(super) fn key<T>(ctx: &mut Ctx<'_>, with: impl FnOnce(&Key) -> T) -> T {
    let Shard { shared, ident, .. } = &mut *ctx.shard;
    let key = shared.peek::<NonceKey>().expect("load() puts the key's place in");
    with(key.0.get_or_init(|| Key::random(ident)))
}

/// The algorithm named in challenges.
pub(super) fn named_algorithm(ctx: &mut Ctx<'_>) -> Option<Algorithm> {
    ctx.shard.states.get::<Chosen>().0.or(rules(ctx).algorithm)
}
