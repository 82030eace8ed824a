//! The script functions: search the addresses, reading them first when that has not been done.

use super::addresses::{Addresses, Host, Wish};
use super::params::{self, Rules};
use crate::api::{Args, Ctx, Flow, IoRequest, Level, Resumed, RpcError, RpcValue, Shard, Value, Wait};
use crate::modules::db;

/// `allow_source_address([group])`
pub(super) fn allow_source_address(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let group = if args.is_empty() { 1 } else { args.int(ctx, 0) };
    let wish = of_source(ctx, Some(group));
    search(ctx, wish)
}

/// `allow_source_address_group()`
pub(super) fn allow_source_address_group(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let wish = of_source(ctx, None);
    search(ctx, wish)
}

/// `allow_address(group, address, port)`
pub(super) fn allow_address(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let group = Some(args.int(ctx, 0));
    let host = Host::parse(&args.text(ctx, 1));
    let port = port(args.int(ctx, 2));
    search(ctx, Wish { group, host, port })
}

/// `allow_address_group(address, port)`
pub(super) fn allow_address_group(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let host = Host::parse(&args.text(ctx, 0));
    let port = port(args.int(ctx, 1));
    search(ctx, Wish { group: None, host, port })
}

/// `permissions.addressReload`
pub(super) fn reload(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    params::of_shard(shard).forget();
    Ok(RpcValue::Plain(Value::literal("Reload OK")))
}

fn of_source(ctx: &Ctx<'_>, group: Option<i64>) -> Wish {
    let source = ctx.work.received.peer.addr;
    Wish { group, host: Host::Ip(source.ip()), port: source.port() }
}

/// A port that is none matches only records for any port.
fn port(number: i64) -> u16 {
    u16::try_from(number).unwrap_or(0)
}

fn search(ctx: &mut Ctx<'_>, wish: Wish) -> Flow {
    let rules = params::rules(ctx);
    match (rules.addresses(), rules.source()) {
        (Some(addresses), _) => decide(ctx, &rules, &addresses, &wish),
        (None, Some((url, query))) => {
            let request = IoRequest::Query(url, query);
            Flow::Wait(Wait { request, then: read, kept: Box::new(wish) })
        }
        (None, None) => Flow::FALSE,
    }
}

/// The table has been read: kept for all, unless the database failed.
fn read(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let rules = params::rules(ctx);
    let Ok(wish) = resumed.kept.downcast::<Wish>() else { return Flow::FALSE };
    let Some(rows) = db::rows(ctx, "permissions", resumed.answer) else { return Flow::FALSE };
    let addresses = Addresses::of_rows(&rows).map_err(|error| error.to_string());
    match addresses.and_then(|addresses| rules.keep(addresses)) {
        Ok(addresses) => decide(ctx, &rules, &addresses, &wish),
        Err(why) => {
            ctx.log(Level::ERR, format!("permissions: {why}"));
            Flow::FALSE
        }
    }
}

/// 1 for a group that was asked for, else the number of the group.
fn decide(ctx: &mut Ctx<'_>, rules: &Rules, addresses: &Addresses, wish: &Wish) -> Flow {
    let Some(entry) = addresses.find(wish, rules.preference) else { return Flow::FALSE };
    // A name whose group is asked for gives no tag (seen on Kamailio 5.6.3).
    let gives_tag = wish.group.is_some() || matches!(wish.host, Host::Ip(_));
    if let (Some(avp), Some(tag), true) = (&rules.tag_avp, &entry.tag, gives_tag) {
        ctx.work.avps.push(avp.clone(), Value::Str(tag.clone()));
    }
    if wish.group.is_some() { Flow::TRUE } else { Flow::Next(entry.group) }
}
