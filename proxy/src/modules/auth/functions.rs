//! The script functions that check credentials against a password the script knows.

use bytes::Bytes;
use sip::digest::{Algorithm, Ha1};
use sip::msg::HeaderName;

use super::challenge::{self, Terms};
use super::identity::{Compare, is_own_identity};
use super::params::{self, Chosen};
use super::verify::{self, Candidate, Checked, Header, Precheck, Verdict};
use crate::api::{Args, Ctx, Flow, Value};

/// The password is H(user:realm:password) already.
const IS_HASH: i64 = 1;

/// The use of the nonce does not count when the check fails.
const KEEPS_COUNT: i64 = 32;

/// `pv_www_authenticate(realm, password, flags[, method])`
pub(super) fn pv_www_authenticate(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let method = method(ctx, args);
    by_password(ctx, args, Header::Www, &method).0.into()
}

/// `pv_proxy_authenticate(realm, password, flags[, method])`
pub(super) fn pv_proxy_authenticate(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let method = method(ctx, args);
    by_password(ctx, args, Header::Proxy, &method).0.into()
}

/// `pv_auth_check(realm, password, flags, checks)`: with check 1 the user must be the sender.
pub(super) fn pv_auth_check(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let header = Header::of_method(ctx.work.view());
    let method = own_method(ctx);
    let (verdict, candidate) = by_password(ctx, args, header, &method);
    let checks_user = args.int(ctx, 3) & 1 != 0;
    let Some(candidate) = candidate.filter(|_| verdict == Verdict::Right && checks_user) else {
        return verdict.into();
    };
    let is_own = is_own_identity(ctx.work.view(), candidate.username(), candidate.realm(), Compare::User);
    if is_own { verdict.into() } else { Verdict::OtherUser.into() }
}

/// `has_credentials(realm)`
pub(super) fn has_credentials(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let realm = args.text(ctx, 0);
    let view = ctx.work.view();
    let has = |name| verify::find(view, name, &realm).is_some();
    Flow::from_bool(has(HeaderName::Authorization) || has(HeaderName::ProxyAuthorization))
}

/// `consume_credentials()`: removes the field that the last check looked at, right or wrong.
pub(super) fn consume_credentials(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(Checked(line)) = ctx.work.attached.get::<Checked>().copied() else { return Flow::FALSE };
    // A second call finds the line removed and is content.
    ctx.work.edits.delete(line);
    Flow::TRUE
}

/// `auth_algorithm(name)`
pub(super) fn auth_algorithm(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Ok(algorithm) = args.prepared::<Algorithm>(ctx, 0) else { return Flow::FALSE };
    ctx.shard.states.put(Chosen(Some(*algorithm)));
    Flow::TRUE
}

/// The method given as fourth argument, else that of the request.
fn method(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Bytes {
    if args.len() > 3 { args.text(ctx, 3) } else { own_method(ctx) }
}

fn own_method(ctx: &Ctx<'_>) -> Bytes {
    ctx.work.slice(ctx.work.view().method_text().unwrap_or_default())
}

/// Checks the credentials for the realm, password and flags in the first three arguments.
fn by_password(
    ctx: &mut Ctx<'_>,
    args: &Args<'_>,
    header: Header,
    method: &[u8],
) -> (Verdict, Option<Box<Candidate>>) {
    let realm = args.text(ctx, 0);
    let flags = args.int(ctx, 2);
    let (verdict, candidate) = match verify::precheck(ctx, header, &realm) {
        Precheck::Decided(verdict) => (verdict, None),
        Precheck::Open(candidate) => {
            let password = args.text(ctx, 1);
            let ha1 = match flags & IS_HASH != 0 {
                true => Ha1::from_hex(candidate.algorithm(), &password),
                false => Some(candidate.hash(&password)),
            };
            let verdict = ha1.map_or(Verdict::Unusable, |ha1| candidate.verify(ctx, &ha1, method));
            (verdict, Some(candidate))
        }
    };
    if verdict != Verdict::Right {
        if let Some(candidate) = candidate.as_deref().filter(|_| flags & KEEPS_COUNT != 0) {
            candidate.forgive(ctx);
        }
        if let Some(terms) = terms(flags, verdict) {
            offer(ctx, header, &realm, terms);
        }
    }
    (verdict, candidate)
}

/// What the flags want to be offered in the AVP: 2 without qop, 4 auth, 8 auth-int.
fn terms(flags: i64, verdict: Verdict) -> Option<Terms> {
    let qop = match flags & 14 {
        0 => return None,
        bits if bits & 8 != 0 => Some("auth-int"),
        bits if bits & 4 != 0 => Some("auth"),
        _ => None,
    };
    Some(Terms { qop, is_stale: verdict == Verdict::Stale })
}

/// Puts a challenge into the AVP.
fn offer(ctx: &mut Ctx<'_>, header: Header, realm: &[u8], terms: Terms) {
    let line = challenge::line(ctx, header, realm, terms);
    let name = params::rules(ctx).challenge_avp.clone();
    ctx.work.avps.push(name, Value::Str(line.into()));
}
