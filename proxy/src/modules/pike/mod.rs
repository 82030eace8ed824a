//! Module pike: sources that send too many requests in a while are blocked for a while.
//!
//! The tree in `tree.rs` is shared by all shards, one lock for each first byte of an address. What a timer does in
//! the original is done by the checks themselves, each for one part of the tree.

mod tree;

use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::api::{
    Args, Ctx, Flow, FunctionDef, Kind, Level, Loading, ModuleDef, ParamDef, Routes, RpcDef, RpcError,
    RpcScope, RpcValue, Shard, StatDef, Value,
};
use tree::{Limits, Mark, Root};

/// The table of module pike.
pub static MODULE: ModuleDef = ModuleDef {
    name: "pike",
    params: &[
        ParamDef::int("sampling_time_unit", 2, "length of a window in seconds"),
        ParamDef::int("reqs_density_per_unit", 30, "requests in a window from which on a source is blocked"),
        ParamDef::int("remove_latency", 120, "seconds after which a silent source is forgotten"),
        ParamDef::int("pike_log_level", 1, "log level of the lines about blocked sources"),
    ],
    functions: &[
        FunctionDef::new(
            "pike_check_req",
            &[],
            Routes::REQUEST,
            pike_check_req,
            "counts the source: 1 go on, -2 blocked from now on, -1 still blocked",
        ),
        FunctionDef::new(
            "pike_check_ip",
            &[Kind::Text],
            Routes::ANY,
            pike_check_ip,
            "the same for an address",
        ),
    ],
    rpcs: &[
        RpcDef { name: "pike.top", scope: RpcScope::One, run: top, doc: "sources: HOT, WARM or ALL" },
        RpcDef { name: "pike.list", scope: RpcScope::One, run: top, doc: "same as pike.top" },
    ],
    stats: &[StatDef { name: "blocked_ips", read: blocked, doc: "sources blocked so far" }],
    load: Some(load),
    ..ModuleDef::EMPTY
};

/// The forest and its parameters.
#[derive(Debug)]
struct Pike {
    limits: Limits,
    level: Level,
    roots: Arc<[Mutex<Root>]>,
}

/// Sources this shard has blocked, and the part of the tree it looks after next.
#[derive(Debug, Default)]
struct Turn {
    blocked: u64,
    next_root: u8,
}

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let params = loading.params;
    let positive = |name: &str| match u32::try_from(params.int(name)) {
        Ok(number) if number > 0 => Ok(number),
        _ => Err(format!("parameter {name} is {}, expected 1 or more", params.int(name))),
    };
    let limits = Limits {
        window: positive("sampling_time_unit")?,
        density: positive("reqs_density_per_unit")?,
        latency: positive("remove_latency")?,
    };
    let level = Level(params.int("pike_log_level").clamp(-5, 3) as i8);
    // Who is blocked stays blocked across a reload.
    let before = loading.shared.peek::<Pike>().map(|pike| pike.roots.clone());
    let roots = before.unwrap_or_else(|| (0..256).map(|_| Mutex::default()).collect());
    loading.shared.put(Pike { limits, level, roots });
    Ok(())
}

impl Pike {
    fn root(&self, first: u8) -> MutexGuard<'_, Root> {
        self.roots[usize::from(first)].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// `pike_check_req()`
fn pike_check_req(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    check(ctx, ctx.work.received.peer.addr.ip())
}

/// `pike_check_ip(address)`: what is no address is never blocked.
fn pike_check_ip(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let text = args.text(ctx, 0);
    match std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()) {
        Some(address) => check(ctx, address),
        None => Flow::TRUE,
    }
}

fn check(ctx: &mut Ctx<'_>, address: IpAddr) -> Flow {
    let shared = ctx.shard.shared.clone();
    let pike = shared.peek::<Pike>().expect("load() puts it in");
    let seconds = ctx.shard.unix_time(ctx.shard.now).as_secs();
    let mut buffer = [0; 16];
    let bytes = octets(address, &mut buffer);
    let turn = ctx.shard.states.get::<Turn>();
    turn.next_root = turn.next_root.wrapping_add(1);
    let other = turn.next_root;
    let mut unblocked = Vec::new();
    let mark = {
        let mut root = pike.root(bytes[0]);
        root.advance(&pike.limits, seconds, bytes[0], &mut unblocked);
        root.mark(&pike.limits, seconds, bytes)
    };
    if other != bytes[0] {
        pike.root(other).advance(&pike.limits, seconds, other, &mut unblocked);
    }
    for path in unblocked {
        ctx.log(pike.level, format!("PIKE - UNBLOCKing node {}", printed(&path)));
    }
    match mark {
        Mark::Free => Flow::TRUE,
        Mark::StillBlocked => Flow::FALSE,
        Mark::Blocked => {
            ctx.shard.states.get::<Turn>().blocked += 1;
            ctx.log(pike.level, format!("PIKE - BLOCKing ip {address}, node={}", printed(bytes)));
            Flow::Next(-2)
        }
    }
}

fn octets(address: IpAddr, buffer: &mut [u8; 16]) -> &[u8] {
    match address {
        IpAddr::V4(v4) => {
            buffer[..4].copy_from_slice(&v4.octets());
            &buffer[..4]
        }
        IpAddr::V6(v6) => {
            *buffer = v6.octets();
            buffer
        }
    }
}

/// An address of 4 or 16 bytes, or the bytes of a prefix.
fn printed(path: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(path) {
        return IpAddr::from(v4).to_string();
    }
    if let Ok(v6) = <[u8; 16]>::try_from(path) {
        return IpAddr::from(v6).to_string();
    }
    path.iter().map(u8::to_string).collect::<Vec<_>>().join(".")
}

/// `pike.top [HOT|WARM|ALL]`: addresses seen as such; hot ones are blocked.
fn top(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let wish = params.first().map(Value::to_display).unwrap_or_else(|| "HOT".into());
    let wants = match wish.to_ascii_uppercase().as_str() {
        "HOT" => |leaf: &tree::Leaf| leaf.is_blocked,
        "WARM" => |leaf: &tree::Leaf| !leaf.is_blocked,
        "ALL" => |_: &tree::Leaf| true,
        _ => return Err(RpcError { code: 400, reason: format!("{wish} is none of HOT, WARM, ALL") }),
    };
    let Some(pike) = shard.shared.peek::<Pike>() else {
        return Err(RpcError { code: 500, reason: "pike is not loaded".into() });
    };
    let seconds = shard.unix_time(shard.now).as_secs();
    let mut leaves = Vec::new();
    for first in 0..=255 {
        let mut root = pike.root(first);
        root.advance(&pike.limits, seconds, first, &mut Vec::new());
        root.leaves(first, &mut leaves);
    }
    leaves.retain(wants);
    let most = leaves.iter().map(|leaf| leaf.hits[0].max(leaf.hits[1])).max().unwrap_or(0);
    let plain = |number: u32| RpcValue::Plain(Value::Int(i64::from(number)));
    let rows: Vec<RpcValue> = leaves
        .iter()
        .map(|leaf| {
            RpcValue::Record(vec![
                ("ip_addr".into(), RpcValue::Plain(Value::Str(printed(&leaf.address).into()))),
                ("leaf_hits_prev".into(), plain(leaf.hits[0])),
                ("leaf_hits_curr".into(), plain(leaf.hits[1])),
                ("expires".into(), plain(leaf.left(&pike.limits, seconds))),
                (
                    "status".into(),
                    RpcValue::Plain(Value::literal(if leaf.is_blocked { "HOT" } else { "WARM" })),
                ),
            ])
        })
        .collect();
    let count = plain(rows.len() as u32);
    Ok(RpcValue::Record(vec![
        ("max_hits".into(), plain(most)),
        ("list".into(), RpcValue::List(rows)),
        ("number_of_rows".into(), count),
    ]))
}

fn blocked(shard: &mut Shard) -> u64 {
    shard.states.get::<Turn>().blocked
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn a_flood_is_blocked_and_told_once() {
        let text = "loadmodule \"xlog.so\"\nloadmodule \"pike.so\"\nmodparam(\"pike\", \"reqs_density_per_unit\", 16)\n\
            modparam(\"pike\", \"pike_log_level\", -1)\nrequest_route { pike_check_req(); xlog(\"L_ERR\", \"$rc\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        for number in 1..=30 {
            let lines = trial.run(OPTIONS).lines;
            // Seen on Kamailio 5.6.3: request 22 is the first one blocked.
            let expected = match number {
                ..=21 => vec!["1"],
                22 => vec!["PIKE - BLOCKing ip 127.0.0.1, node=127.0.0.1", "-2"],
                _ => vec!["-1"],
            };
            assert_eq!(lines, expected, "request {number}");
        }
        trial.shard.unix_start += std::time::Duration::from_secs(4);
        assert_eq!(trial.run(OPTIONS).lines, ["PIKE - UNBLOCKing node 127.0.0.1", "1"]);
    }
}
