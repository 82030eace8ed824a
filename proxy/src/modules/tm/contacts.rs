//! Serial forking by q: `t_load_contacts()` puts the target set by, `t_next_contacts()` takes it back one group
//! of equal preference at a time (RFC 3261 16.6: targets are tried in order of their q).
//!
//! What is put by is an XAVP, newest element first, so scripts can look at it; the parameters `contacts_avp`
//! and `contact_flows_avp` name it.

use std::collections::HashSet;

use bytes::Bytes;
use sip::peer::{ConnId, Transport};

use crate::api::{Args, At, Ctx, Flow, Value, Xavp};
use crate::relay::{Socket, Target};

/// Names of the XAVPs, empty when not given.
#[derive(Debug)]
pub(super) struct Lists {
    /// `contacts_avp`
    pub(super) contacts: Bytes,
    /// `contact_flows_avp`
    pub(super) flows: Bytes,
}

/// `t_load_contacts([mode])`: 1, with a single target nothing is put by. Mode 1: one at a time, in a random
/// order in which a higher q is more likely to come early.
pub(super) fn load(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(lists) = ctx.shard.shared.get::<Lists>().filter(|it| !it.contacts.is_empty()) else {
        return Flow::FALSE;
    };
    let count = ctx.work.targets.appended().len() + usize::from(ctx.work.targets.is_ruri_new());
    if count < 2 {
        return Flow::from_bool(count == 1);
    }
    let received_uri = ctx.work.uri();
    let targets = ctx.work.targets.take().into_vec();
    let ordered = if args.int(ctx, 0) == 1 { shuffled(ctx, targets) } else { by_preference(targets) };
    for (target, ends) in ordered {
        let element = element(ctx, target, ends, received_uri.as_deref());
        ctx.work.xavps.push(lists.contacts.clone(), element);
    }
    Flow::TRUE
}

/// `t_next_contacts()`: the next group becomes the target set; -2 when none is left.
pub(super) fn next(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(lists) = ctx.shard.shared.get::<Lists>().filter(|it| !it.contacts.is_empty()) else {
        return Flow::FALSE;
    };
    let mut instances: HashSet<Bytes> = HashSet::new();
    let mut is_first = true;
    while let Some(element) = ctx.work.xavps.get(&lists.contacts, At::None).cloned() {
        ctx.work.xavps.remove(&lists.contacts, At::None);
        let ends = int(&element, b"q_flag") == 1;
        let instance = text(&element, b"instance");
        if instance.is_some_and(|instance| !instances.insert(instance)) {
            // RFC 5626 5.3: of several flows to one instance only one is used at a time.
            if !lists.flows.is_empty() {
                ctx.work.xavps.push(lists.flows.clone(), element);
            }
        } else {
            let target = target(ctx, &element);
            if std::mem::take(&mut is_first) {
                *ctx.work.targets.ruri_mut() = target;
                ctx.work.targets.mark_ruri_new();
            } else {
                let max = ctx.shard.relay.settings().max_branches;
                if ctx.work.targets.append(target, max).is_err() {
                    return Flow::FALSE;
                }
            }
        }
        if ends {
            break;
        }
    }
    if is_first { Flow::Next(-2) } else { Flow::TRUE }
}

/// `t_next_contact_flow()`: another flow to the instance of the failed branch becomes the target (RFC 5626 5.3);
/// -2 when there is none.
pub(super) fn next_flow(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(lists) = ctx.shard.shared.get::<Lists>().filter(|it| !it.flows.is_empty()) else {
        return Flow::FALSE;
    };
    let instance = super::functions::failed_target(ctx).and_then(|target| target.instance);
    let Some(instance) = instance else { return Flow::Next(-2) };
    let mut at = 0;
    while let Some(element) = ctx.work.xavps.get(&lists.flows, At::Position(at)).cloned() {
        if text(&element, b"instance").is_some_and(|of| *of == *instance) {
            ctx.work.xavps.remove(&lists.flows, At::Position(at));
            *ctx.work.targets.ruri_mut() = target(ctx, &element);
            ctx.work.targets.mark_ruri_new();
            return Flow::TRUE;
        }
        at += 1;
    }
    Flow::Next(-2)
}

/// Targets from the last to be tried to the first, and whether each ends its group. Of equal ones those with
/// a Path and those appended earlier come later (Kamailio 5.6.3).
fn by_preference(mut targets: Vec<Target>) -> Vec<(Target, bool)> {
    targets.sort_by_key(|target| (target.q, target.path.is_none()));
    let mut before = None;
    targets
        .into_iter()
        .map(|target| {
            let ends = before.replace(target.q) != Some(target.q);
            (target, ends)
        })
        .collect()
}

/// Targets from the last to be tried to the first, each a group of its own; those without a q come last.
fn shuffled(ctx: &mut Ctx<'_>, mut targets: Vec<Target>) -> Vec<(Target, bool)> {
    let mut ordered = Vec::with_capacity(targets.len());
    while !targets.is_empty() {
        let sum: u64 = targets.iter().map(|target| u64::from(target.q.unwrap_or(0))).sum();
        let mut drawn = ctx.shard.ident.next_u64().checked_rem(sum).unwrap_or(0);
        let chosen = targets.iter().position(|target| {
            let q = u64::from(target.q.unwrap_or(0));
            let is_chosen = q > drawn;
            drawn = drawn.saturating_sub(q);
            is_chosen
        });
        ordered.push((targets.remove(chosen.unwrap_or(0)), true));
    }
    ordered.reverse();
    ordered
}

/// A target as an element of the XAVP.
fn element(ctx: &Ctx<'_>, target: Target, ends: bool, received_uri: Option<&[u8]>) -> Xavp {
    let owned = |text: &[u8]| Value::Str(Bytes::copy_from_slice(text));
    let socket = target.socket.map(|socket| socket_text(ctx.shard.sockets.get(socket)));
    let texts = [
        (&b"uri"[..], target.uri.as_deref().or(received_uri)),
        (b"dst_uri", target.dst_uri.as_deref()),
        (b"path", target.path.as_deref()),
        (b"sock", socket.as_deref().map(str::as_bytes)),
        (b"instance", target.instance.as_deref()),
        (b"ruid", target.ruid.as_deref()),
    ];
    let ints = [
        (&b"flags"[..], Some(i64::from(target.flags))),
        (b"q", target.q.map(i64::from)),
        (b"reg_id", Some(i64::from(target.reg_id)).filter(|id| *id != 0)),
        (b"conid", Some(i64::from(target.conn.0)).filter(|id| *id != 0)),
        (b"q_flag", ends.then_some(1)),
    ];
    let name = Bytes::from_static;
    let texts = texts.into_iter().filter_map(|(of, text)| Some((name(of), owned(text?))));
    let ints = ints.into_iter().filter_map(|(of, int)| Some((name(of), Value::Int(int?))));
    Xavp::Fields(texts.chain(ints).collect())
}

/// The target that an element stands for.
fn target(ctx: &Ctx<'_>, element: &Xavp) -> Target {
    let boxed = |name: &[u8]| text(element, name).map(|text| Box::from(&text[..]));
    let number = |name: &[u8]| u32::try_from(int(element, name)).unwrap_or(0);
    let socket = text(element, b"sock").and_then(|wanted| {
        let mut sockets = ctx.shard.sockets.iter();
        sockets.find(|(_, socket)| socket_text(socket).as_bytes() == &wanted[..]).map(|(id, _)| id)
    });
    Target {
        uri: boxed(b"uri"),
        dst_uri: boxed(b"dst_uri"),
        path: boxed(b"path"),
        socket,
        conn: ConnId(number(b"conid")),
        q: element.field(b"q").next().and_then(|q| u16::try_from(q.to_int()).ok()),
        flags: number(b"flags"),
        ruid: boxed(b"ruid"),
        instance: boxed(b"instance"),
        reg_id: number(b"reg_id"),
    }
}

/// `udp:127.0.0.1:5060`
fn socket_text(socket: &Socket) -> String {
    let transport: Transport = socket.transport;
    format!("{}:{}", transport.param_name(), socket.addr)
}

fn text(element: &Xavp, name: &[u8]) -> Option<Bytes> {
    element.field(name).next().map(Value::to_text)
}

fn int(element: &Xavp, name: &[u8]) -> i64 {
    element.field(name).next().map_or(0, Value::to_int)
}

#[cfg(test)]
mod tests {
    use super::{Target, by_preference};

    fn target(uri: &str, q: Option<u16>, path: Option<&str>) -> Target {
        let boxed = |text: &str| text.as_bytes().into();
        Target { uri: Some(boxed(uri)), q, path: path.map(boxed), ..Target::default() }
    }

    /// What is tried first is pushed last; seen on Kamailio 5.6.3.
    #[test]
    fn groups_are_ordered_by_q() {
        let rows = [
            (vec![target("a", None, None), target("b", Some(500), None)], "a! b!"),
            (
                vec![
                    target("a", None, None),
                    target("b", Some(500), None),
                    target("c", Some(500), None),
                    target("d", Some(1000), None),
                ],
                "a! b! c d!",
            ),
            (vec![target("a", Some(1), None), target("b", Some(1), Some("<sip:p>"))], "b! a"),
        ];
        for (targets, expected) in rows {
            let order: Vec<String> = by_preference(targets)
                .into_iter()
                .map(|(target, ends)| {
                    let uri = String::from_utf8_lossy(&target.uri.expect("set above")).into_owned();
                    if ends { uri + "!" } else { uri }
                })
                .collect();
            assert_eq!(order.join(" "), expected);
        }
    }
}
