//! Script functions of registrations elsewhere: which user a call from there is for, and requests to there.

use bytes::Bytes;
use sip::msg::Uri;

use super::params;
use super::registration::{Registration, Registrations, Rules};
use crate::api::{Args, Ctx, Flow, Value};

/// `uac_reg_lookup(uuid, pv)`: the URI of our user.
pub(super) fn lookup(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let uuid = args.text(ctx, 0);
    let found = find(ctx, |registration, _| registration.uuid == uuid);
    put(ctx, args, found.map(|registration| registration.local_uri().into()))
}

/// `uac_reg_lookup_uri(uri, pv)`: the uuid of our user's registration.
pub(super) fn lookup_uri(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    let found = Uri::parse(&text).ok().and_then(|uri| {
        find(ctx, |registration, rules| {
            uri.user == Some(registration.local_user.as_ref())
                && (!rules.with_domain || uri.host.eq_ignore_ascii_case(&registration.local_domain))
        })
    });
    put(ctx, args, found.map(|registration| registration.uuid))
}

/// `uac_reg_status(uuid)`: 1 registered, -1 unknown, -2 under way, -3 switched off, -99 none of these.
pub(super) fn status(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let uuid = args.text(ctx, 0);
    let Some(found) = find(ctx, |registration, _| registration.uuid == uuid) else { return Flow::FALSE };
    let standing = found.standing;
    Flow::Next(match (standing.is_off, standing.is_online, standing.is_asking) {
        (true, _, _) => -3,
        (_, true, _) => 1,
        (_, _, true) => -2,
        _ => -99,
    })
}

/// `uac_reg_request_to(user, mode)`: the request goes to where the user (mode 0) or uuid (1) is registered, and
/// `uac_auth()` will find the credentials in the AVPs of its parameters.
pub(super) fn request_to(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (wanted, by_uuid) = (args.text(ctx, 0), args.int(ctx, 1) == 1);
    let found = find(ctx, |registration, rules| match by_uuid {
        true => registration.uuid == wanted,
        false if rules.with_domain => registration.local_uri()[4..] == *wanted,
        false => registration.local_user == wanted,
    });
    let Some(found) = found else { return Flow::FALSE };
    ctx.work.targets.set_uri(found.remote_uri());
    if !found.proxy.is_empty() {
        ctx.work.targets.set_dst_uri(Some(Box::from(&found.proxy[..])));
    }
    let password = if found.ha1.is_empty() { found.password } else { found.ha1 };
    let rules = params::rules(ctx);
    for (avp, text) in rules.avps.iter().zip([found.realm, found.auth_user, password]) {
        if let Some(avp) = avp {
            ctx.work.avps.push(avp.clone(), Value::Str(text));
        }
    }
    Flow::TRUE
}

/// `uac_reg_enable(attribute, value)`
pub(super) fn enable(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    switch(ctx, args, false)
}

/// `uac_reg_disable(attribute, value)`
pub(super) fn disable(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    switch(ctx, args, true)
}

/// `uac_reg_refresh(uuid)`: it is registered anew with the next look at it.
pub(super) fn refresh(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let uuid = args.text(ctx, 0);
    let found = ctx.shard.shared.get::<Registrations>().is_some_and(|all| renew(&all, &uuid));
    Flow::from_bool(found)
}

/// Lets a registration be registered anew. False: there is none of that uuid.
pub(super) fn renew(all: &Registrations, uuid: &Bytes) -> bool {
    all.with(|all| all.get_mut(uuid).map(|registration| registration.standing.until = 0).is_some())
}

/// Switches those on or off of which an attribute has a value; how many there are. Errors: there is no such
/// attribute.
pub(super) fn switch_all(
    all: &Registrations,
    (attribute, value): (&[u8], &[u8]),
    is_off: bool,
) -> Result<usize, UnknownAttribute> {
    let read = attribute_of(attribute)?;
    Ok(all.with(|all| {
        let found = all.values_mut().filter(|registration| *read(registration) == *value);
        found.map(|registration| registration.standing.is_off = is_off).count()
    }))
}

/// There is no such attribute to find registrations by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnknownAttribute;

/// How an attribute is read that registrations are found by. Errors: there is none of that name.
pub(super) fn attribute_of(name: &[u8]) -> Result<fn(&Registration) -> &Bytes, UnknownAttribute> {
    match name {
        b"l_uuid" => Ok(|registration| &registration.uuid),
        b"l_username" => Ok(|registration| &registration.local_user),
        b"r_username" => Ok(|registration| &registration.remote_user),
        b"auth_username" => Ok(|registration| &registration.auth_user),
        _ => Err(UnknownAttribute),
    }
}

fn switch(ctx: &mut Ctx<'_>, args: &Args<'_>, is_off: bool) -> Flow {
    let (attribute, value) = (args.text(ctx, 0), args.text(ctx, 1));
    let all = ctx.shard.shared.get::<Registrations>();
    let count = all.map_or(Ok(0), |all| switch_all(&all, (&attribute, &value), is_off));
    Flow::from_bool(count.is_ok_and(|count| count > 0))
}

fn find(ctx: &Ctx<'_>, is_meant: impl Fn(&Registration, &Rules) -> bool) -> Option<Registration> {
    let rules = ctx.shard.shared.get::<Rules>()?;
    let all = ctx.shard.shared.get::<Registrations>()?;
    all.with(|all| all.values().find(|registration| is_meant(registration, &rules)).cloned())
}

fn put(ctx: &mut Ctx<'_>, args: &Args<'_>, found: Option<Bytes>) -> Flow {
    let (Some(found), Some(pv)) = (found, args.pv(1)) else { return Flow::FALSE };
    Flow::from_bool(pv.set(ctx, Value::Str(found)).is_ok())
}
