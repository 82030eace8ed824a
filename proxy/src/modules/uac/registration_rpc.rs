//! The remote procedures `uac.reg_*`, with the members of Kamailio 5.6.3; passwords and hashes are not shown.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::registering::{unix_now, unregister};
use super::registration::{Active, Registration, Registrations, Rules, Standing};
use super::registration_calls::{UnknownAttribute, attribute_of, renew, switch_all};
use crate::api::{IoAnswer, IoRequest, Kept, Level, RpcDef, RpcError, RpcScope, RpcValue, Shard, Value};
use crate::store::Reply;

/// The procedures.
pub(super) static RPCS: &[RpcDef] = &[
    rpc("uac.reg_dump", dump, "all registrations elsewhere"),
    rpc("uac.reg_info", info, "attribute value: the registration of which the attribute has the value"),
    rpc("uac.reg_enable", enable, "attribute value: those are kept up again"),
    rpc("uac.reg_disable", disable, "attribute value: those are not kept up any more"),
    rpc("uac.reg_reload", reload, "reads the table anew"),
    rpc("uac.reg_refresh", refresh, "uuid: it is registered anew"),
    rpc("uac.reg_active", active, "1 or 0: whether registrations are kept up at all"),
    rpc("uac.reg_add", add, "the columns of a row: a registration that is in no table"),
    rpc("uac.reg_remove", remove, "uuid: it is forgotten"),
    rpc("uac.reg_unregister", unregister_one, "attribute value: ends the registration there"),
];

type Answer = Result<RpcValue, RpcError>;

const fn rpc(name: &'static str, run: fn(&mut Shard, &[Value]) -> Answer, doc: &'static str) -> RpcDef {
    RpcDef { name, scope: RpcScope::One, run, doc }
}

fn dump(shard: &mut Shard, _: &[Value]) -> Answer {
    let now = unix_now(shard);
    let shown = all(shard)?.with(|all| all.values().map(|registration| shown(registration, now)).collect());
    Ok(RpcValue::List(shown))
}

fn info(shard: &mut Shard, args: &[Value]) -> Answer {
    let now = unix_now(shard);
    Ok(shown(&find(shard, args)?, now))
}

fn enable(shard: &mut Shard, args: &[Value]) -> Answer {
    switch(shard, args, false)
}

fn disable(shard: &mut Shard, args: &[Value]) -> Answer {
    switch(shard, args, true)
}

fn switch(shard: &Shard, args: &[Value], is_off: bool) -> Answer {
    let (attribute, value) = (text(args, 0)?, text(args, 1)?);
    match switch_all(&*all(shard)?, (&attribute, &value), is_off).map_err(unsupported)? {
        0 => Err(not_found()),
        _ => Ok(RpcValue::List(Vec::new())),
    }
}

fn reload(shard: &mut Shard, _: &[Value]) -> Answer {
    let rules = rules(shard)?;
    let request = IoRequest::Query(rules.url.clone(), rules.query.clone());
    shard.ask(request, reloaded, Box::new(()));
    Ok(RpcValue::List(Vec::new()))
}

fn reloaded(shard: &mut Shard, answer: IoAnswer, _: Kept) {
    let IoAnswer::Store(Ok(Reply::Rows(rows))) = answer else {
        return shard.log.write(Level::ERR, b"uac: the registrations cannot be read, those before stay");
    };
    if let (Ok(rules), Ok(all)) = (rules(shard), all(shard)) {
        all.replace(&rows, &rules, unix_now(shard));
    }
}

fn refresh(shard: &mut Shard, args: &[Value]) -> Answer {
    if renew(&*all(shard)?, &text(args, 0)?) { Ok(RpcValue::List(Vec::new())) } else { Err(not_found()) }
}

fn active(shard: &mut Shard, args: &[Value]) -> Answer {
    let mode = args.first().map(Value::to_int).ok_or_else(invalid)?;
    let active = shard.shared.peek::<Active>().ok_or_else(not_found)?;
    let before = active.0.swap(mode != 0, Ordering::Relaxed);
    let int = |name: &str, value: i64| (name.to_owned(), RpcValue::Plain(Value::Int(value)));
    Ok(RpcValue::Record(vec![int("omode", before.into()), int("nmode", mode)]))
}

fn add(shard: &mut Shard, args: &[Value]) -> Answer {
    let rules = rules(shard)?;
    let number = |at: usize| args.get(at).map(Value::to_int).and_then(|value| u32::try_from(value).ok());
    // A point stands for nothing.
    let given = |at: usize| text(args, at).map(|text| if &text[..] == b"." { Bytes::new() } else { text });
    let or = |text: Bytes, default: &Bytes| if text.is_empty() { default.clone() } else { text };
    let registration = Registration {
        uuid: text(args, 0)?,
        local_user: text(args, 1)?,
        local_domain: text(args, 2)?,
        remote_user: text(args, 3)?,
        remote_domain: text(args, 4)?,
        realm: given(5)?,
        auth_user: text(args, 6)?,
        password: given(7)?,
        ha1: given(8)?,
        proxy: given(9)?,
        expires: number(10).ok_or_else(invalid)?,
        delay: number(12).ok_or_else(invalid)?,
        contact_addr: or(given(13)?, &rules.contact_addr),
        socket: or(given(14)?, &rules.socket),
        standing: Standing {
            is_off: number(11).ok_or_else(invalid)? & 1 != 0,
            since: unix_now(shard),
            ..Standing::default()
        },
    };
    if !registration.is_whole() {
        return Err(fault(400, "Failed to add record - invalid values"));
    }
    all(shard)?.with(|all| match all.contains_key(&registration.uuid) {
        true => Err(fault(500, "Failed to add record - already there")),
        false => {
            all.insert(registration.uuid.clone(), registration);
            Ok(RpcValue::List(Vec::new()))
        }
    })
}

fn remove(shard: &mut Shard, args: &[Value]) -> Answer {
    let uuid = text(args, 0)?;
    let removed = all(shard)?.with(|all| all.remove(&uuid));
    removed.map(|_| RpcValue::List(Vec::new())).ok_or_else(not_found)
}

fn unregister_one(shard: &mut Shard, args: &[Value]) -> Answer {
    let registration = find(shard, args)?;
    unregister(shard, registration);
    Ok(RpcValue::List(Vec::new()))
}

fn find(shard: &Shard, args: &[Value]) -> Result<Registration, RpcError> {
    let (attribute, value) = (text(args, 0)?, text(args, 1)?);
    let read = attribute_of(&attribute).map_err(unsupported)?;
    let found = all(shard)?.with(|all| all.values().find(|one| *read(one) == value).cloned());
    found.ok_or_else(not_found)
}

fn shown(registration: &Registration, now: u64) -> RpcValue {
    let standing = registration.standing;
    let word = |text: &Bytes| Value::Str(text.clone());
    let hidden = |text: &Bytes| Value::literal(if text.is_empty() { "none" } else { "***" });
    let int = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
    let members = [
        ("l_uuid", word(&registration.uuid)),
        ("l_username", word(&registration.local_user)),
        ("l_domain", word(&registration.local_domain)),
        ("r_username", word(&registration.remote_user)),
        ("r_domain", word(&registration.remote_domain)),
        ("realm", word(&registration.realm)),
        ("auth_username", word(&registration.auth_user)),
        ("auth_password", hidden(&registration.password)),
        ("auth_ha1", hidden(&registration.ha1)),
        ("auth_proxy", word(&registration.proxy)),
        ("expires", Value::Int(registration.expires.into())),
        ("flags", Value::Int(standing.flags())),
        ("diff_expires", Value::Int(int(standing.until).to_int() - int(now).to_int())),
        ("timer_expires", int(standing.until)),
        ("reg_init", int(standing.since)),
        ("reg_delay", Value::Int(registration.delay.into())),
        ("contact_addr", word(&registration.contact_addr)),
        ("socket", word(&registration.socket)),
    ];
    let member = |(name, value): (&str, Value)| (name.to_owned(), RpcValue::Plain(value));
    RpcValue::Record(members.into_iter().map(member).collect())
}

fn all(shard: &Shard) -> Result<Arc<Registrations>, RpcError> {
    shard.shared.get().ok_or_else(|| fault(500, "There are no registrations: reg_db_url is not set"))
}

fn rules(shard: &Shard) -> Result<Arc<Rules>, RpcError> {
    let rules = shard.shared.get::<Rules>();
    rules.ok_or_else(|| fault(500, "There are no registrations: reg_db_url is not set"))
}

fn text(args: &[Value], at: usize) -> Result<Bytes, RpcError> {
    args.get(at).map(Value::to_text).ok_or_else(invalid)
}

fn unsupported(_: UnknownAttribute) -> RpcError {
    fault(400, "Unsupported filter attribute")
}

fn invalid() -> RpcError {
    fault(400, "Invalid Parameters")
}

fn not_found() -> RpcError {
    fault(404, "Record not found")
}

fn fault(code: u16, reason: &str) -> RpcError {
    RpcError { code, reason: reason.to_owned() }
}
