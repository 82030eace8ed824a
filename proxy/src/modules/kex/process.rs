//! The remote procedures `core.*`: what runs here, since when, on which sockets, with which parameters.
//!
//! Forms and names are those of the original; threads stand for its processes. Open connections and signals are the
//! shell's business and not told here.

use chrono::{DateTime, Local};
use sip::peer::Transport;

use crate::api::{Loading, RpcError, RpcValue, Shard, Value};
use crate::relay::{Alias, Socket, SocketId};

type Answer = Result<RpcValue, RpcError>;

/// What is known when the script is loaded.
#[derive(Debug)]
struct Facts {
    modules: Vec<&'static str>,
    defines: Vec<(String, String)>,
    tcp: Vec<(&'static str, i64)>,
    raw: Vec<(&'static str, i64)>,
}

/// Names of `core.tcp_options` with the parameter and its default.
const TCP: [(&str, &str, i64); 20] = [
    ("connect_timeout", "tcp_connect_timeout", 10),
    ("send_timeout", "tcp_send_timeout", 10),
    ("connection_lifetime", "tcp_connection_lifetime", 120),
    ("max_connections(soft)", "tcp_max_connections", 2048),
    ("max_tls_connections(soft)", "tls_max_connections", 2048),
    ("no_connect", "tcp_no_connect", 0),
    ("fd_cache", "tcp_fd_cache", 1),
    ("async", "tcp_async", 1),
    ("conn_wq_max", "tcp_conn_wq_max", 32_768),
    ("wq_max", "tcp_wq_max", 10_485_760),
    ("defer_accept", "tcp_defer_accept", 0),
    ("delayed_ack", "tcp_delayed_ack", 1),
    ("syncnt", "tcp_syncnt", 0),
    ("linger2", "tcp_linger2", 0),
    ("keepalive", "tcp_keepalive", 1),
    ("keepidle", "tcp_keepidle", 0),
    ("keepintvl", "tcp_keepintvl", 0),
    ("keepcnt", "tcp_keepcnt", 0),
    ("crlf_ping", "tcp_crlf_ping", 1),
    ("accept_aliases", "tcp_accept_aliases", 0),
];

const RAW: [(&str, &str, i64); 3] = [
    ("udp4_raw", "udp4_raw", 0),
    ("udp4_raw_mtu", "udp4_raw_mtu", 1500),
    ("udp4_raw_ttl", "udp4_raw_ttl", -1),
];

/// Remembers what the procedures tell.
pub(super) fn prepare(loading: &mut Loading<'_>) {
    let catalog = loading.catalog;
    let settings = |rows: &[(&'static str, &'static str, i64)]| {
        rows.iter().map(|(name, param, default)| (*name, catalog.setting_int(param, *default))).collect()
    };
    let core = catalog.modules()[0].name;
    let modules = catalog.modules().iter().map(|module| module.name).filter(|name| *name != core);
    let mut defines: Vec<(String, String)> = catalog
        .defines()
        .map(|(name, value)| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            (text(name), text(value))
        })
        .collect();
    defines.sort();
    let facts = Facts { modules: modules.collect(), defines, tcp: settings(&TCP), raw: settings(&RAW) };
    loading.shared.put(facts);
}

fn text(text: impl Into<String>) -> RpcValue {
    RpcValue::Plain(Value::Str(text.into().into()))
}

fn int(number: i64) -> RpcValue {
    RpcValue::Plain(Value::Int(number))
}

fn record<const N: usize>(fields: [(&str, RpcValue); N]) -> RpcValue {
    RpcValue::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

pub(super) fn words(_: &mut Shard, params: &[Value]) -> Answer {
    Ok(RpcValue::List(params.iter().map(|value| text(value.to_display())).collect()))
}

/// Refuses what is not a number.
pub(super) fn numbers(_: &mut Shard, params: &[Value]) -> Answer {
    let number = |value: &Value| {
        let wrong = || RpcError { code: 400, reason: "expected numbers".into() };
        value.to_display().trim().parse().map(int).map_err(|_| wrong())
    };
    params.iter().map(number).collect::<Result<_, _>>().map(RpcValue::List)
}

const NAME: &str = "sip-proxy";
const VERSION: &str = env!("CARGO_PKG_VERSION");
const FLAGS: &str = "USE_TCP, USE_SCTP, USE_DNS_CACHE, USE_DNS_FAILOVER, USE_NAPTR, USE_DST_BLOCKLIST";

fn platform() -> String {
    format!("{NAME} {VERSION} ({}/{})", std::env::consts::ARCH, std::env::consts::OS)
}

pub(super) fn version(_: &mut Shard, _: &[Value]) -> Answer {
    Ok(text(platform()))
}

pub(super) fn flags(_: &mut Shard, _: &[Value]) -> Answer {
    Ok(text(FLAGS))
}

pub(super) fn info(_: &mut Shard, _: &[Value]) -> Answer {
    Ok(record([
        ("version", text(format!("{NAME} {VERSION}"))),
        ("id", text("")),
        ("compiler", text("rustc")),
        ("compiled", text("")),
        ("flags", text(FLAGS)),
    ]))
}

/// Unix time of the start and of now.
fn times(shard: &Shard) -> (i64, i64) {
    (shard.unix_start.as_secs() as i64, shard.unix_time(shard.now).as_secs() as i64)
}

/// `Sat Nov 21 06:18:51 2026`, local time.
fn date(seconds: i64) -> RpcValue {
    let utc = DateTime::from_timestamp(seconds, 0).unwrap_or_default();
    text(utc.with_timezone(&Local).format("%a %b %e %H:%M:%S %Y").to_string())
}

pub(super) fn run_info(shard: &mut Shard, _: &[Value]) -> Answer {
    let (start, now) = times(shard);
    let seconds = now - start;
    let days =
        format!("{}d {}h {}m {}s", seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    Ok(record([
        ("name", text(NAME)),
        ("version", text(VERSION)),
        ("sourceid", text("")),
        ("compiler", text("rustc")),
        ("compiled", text("")),
        ("time_now", date(now)),
        ("time_started", date(start)),
        ("uptime_secs", int(seconds)),
        ("utime_days", text(days)),
    ]))
}

pub(super) fn uptime(shard: &mut Shard, _: &[Value]) -> Answer {
    let (start, now) = times(shard);
    Ok(record([("now", date(now)), ("up_since", date(start)), ("uptime", int(now - start))]))
}

/// Tools look for these words.
fn threads(shard: &Shard) -> Vec<String> {
    let mut threads = vec!["main process - attendant".to_owned()];
    for number in 0..shard.shards {
        let first = shard.sockets.iter().next();
        let addr = first.map_or_else(String::new, |(_, socket)| format!(" sock={}", socket.addr));
        threads.push(format!("udp receiver child={number}{addr}"));
    }
    threads
}

pub(super) fn ps(shard: &mut Shard, _: &[Value]) -> Answer {
    let process = i64::from(std::process::id());
    Ok(RpcValue::List(threads(shard).into_iter().flat_map(|name| [int(process), text(name)]).collect()))
}

pub(super) fn psx(shard: &mut Shard, _: &[Value]) -> Answer {
    let process = i64::from(std::process::id());
    let row = |(number, name): (usize, String)| {
        record([("IDX", int(number as i64)), ("PID", int(process)), ("DSC", text(name))])
    };
    Ok(RpcValue::List(threads(shard).into_iter().enumerate().map(row).collect()))
}

pub(super) fn working_directory(_: &mut Shard, _: &[Value]) -> Answer {
    let directory = std::env::current_dir().unwrap_or_default();
    Ok(RpcValue::List(vec![text(directory.to_string_lossy())]))
}

pub(super) fn arguments(_: &mut Shard, _: &[Value]) -> Answer {
    Ok(RpcValue::List(std::env::args().map(text).collect()))
}

/// There is no shared memory: what the process has and uses stands for it.
pub(super) fn memory(_: &mut Shard, params: &[Value]) -> Answer {
    let unit: i64 = match params.first().map(|unit| unit.to_display()).as_deref() {
        None | Some("b") => 1,
        Some("k") => 1 << 10,
        Some("m") => 1 << 20,
        Some("g") => 1 << 30,
        Some(_) => return Err(RpcError { code: 500, reason: "bad param, (use b/k/m/g)".into() }),
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let bytes = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kilobytes = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<i64>().ok());
        kilobytes.unwrap_or(0) * 1_024
    };
    let (total, used, peak) = (bytes("VmSize:"), bytes("VmRSS:"), bytes("VmHWM:"));
    Ok(record([
        ("total", int(total / unit)),
        ("free", int((total - used) / unit)),
        ("used", int(used / unit)),
        ("real_used", int(used / unit)),
        ("max_used", int(peak / unit)),
        ("fragments", int(0)),
    ]))
}

fn named(rows: &[(&'static str, i64)]) -> RpcValue {
    RpcValue::Record(rows.iter().map(|(name, value)| ((*name).to_owned(), int(*value))).collect())
}

/// What was known when the script was loaded, through `tell`.
fn of_facts(shard: &Shard, tell: fn(&Facts) -> RpcValue) -> Answer {
    let missing = || RpcError { code: 500, reason: "module kex is not loaded".into() };
    shard.shared.peek::<Facts>().map(tell).ok_or_else(missing)
}

pub(super) fn tcp_options(shard: &mut Shard, _: &[Value]) -> Answer {
    of_facts(shard, |facts| named(&facts.tcp))
}

pub(super) fn raw_sockets(shard: &mut Shard, _: &[Value]) -> Answer {
    of_facts(shard, |facts| named(&facts.raw))
}

pub(super) fn modules(shard: &mut Shard, _: &[Value]) -> Answer {
    of_facts(shard, |facts| RpcValue::List(facts.modules.iter().rev().map(|name| text(*name)).collect()))
}

pub(super) fn defines(shard: &mut Shard, _: &[Value]) -> Answer {
    of_facts(shard, |facts| {
        RpcValue::List(facts.defines.iter().map(|(name, _)| text(name.clone())).collect())
    })
}

pub(super) fn defines_with_values(shard: &mut Shard, _: &[Value]) -> Answer {
    of_facts(shard, |facts| {
        let row = |(name, value): &(String, String)| {
            let value = if value.is_empty() { "none" } else { value };
            record([("name", text(name.clone())), ("type", int(0)), ("value", text(value))])
        };
        RpcValue::List(facts.defines.iter().map(row).collect())
    })
}

pub(super) fn sockets(shard: &mut Shard, _: &[Value]) -> Answer {
    let row = |(_, socket): (SocketId, &Socket)| {
        let ip = socket.addr.ip().to_string();
        let fields = record([
            ("proto", text(socket.transport.param_name())),
            ("address", text(ip.clone())),
            ("ipaddress", text(ip)),
            ("port", text(socket.addr.port().to_string())),
            ("mcast", text("no")),
            ("mhomed", text("no")),
            ("virtual", text("no")),
        ]);
        record([("socket", fields)])
    };
    Ok(RpcValue::List(shard.sockets.iter().map(row).collect()))
}

pub(super) fn aliases(shard: &mut Shard, _: &[Value]) -> Answer {
    let row = |alias: &Alias| {
        let port = alias.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        let fields = record([
            ("proto", text(alias.transport.map_or("*", Transport::param_name))),
            ("address", text(&*alias.host)),
            ("port", text(port)),
        ]);
        record([("alias", fields)])
    };
    let aliases = RpcValue::List(shard.sockets.aliases().iter().map(row).collect());
    Ok(record([("myself_callbacks", text("no")), ("aliases", aliases)]))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::api::{RpcFn, RpcValue, Value};
    use crate::modules::kex::MODULE;
    use crate::trial::Trial;

    fn called(name: &str) -> RpcFn {
        MODULE.rpcs.iter().find(|rpc| rpc.name == name).expect(name).run
    }

    fn shown(value: &RpcValue) -> String {
        match value {
            RpcValue::Plain(value) => value.to_display(),
            RpcValue::List(values) => values.iter().map(shown).collect::<Vec<_>>().join(","),
            RpcValue::Record(fields) => fields
                .iter()
                .map(|(name, value)| format!("{name}={}", shown(value)))
                .collect::<Vec<_>>()
                .join(" "),
        }
    }

    #[test]
    fn the_process_is_told_in_the_forms_of_the_original() {
        let text = "#!define AB 5\ntcp_connect_timeout=7\nloadmodule \"kex.so\"\nloadmodule \"pv.so\"\n\
                    request_route { exit; }";
        let mut trial = Trial::load(text).expect("a good configuration");
        let start = trial.shard.now;
        trial.shard.now = start + Duration::from_secs(93_784);
        let mut tell = |name: &str, params: &[Value]| {
            called(name)(&mut trial.shard, params)
                .map(|value| shown(&value))
                .unwrap_or_else(|error| error.reason)
        };
        assert_eq!(tell("core.echo", &[Value::Int(5), Value::literal("b")]), "5,b");
        assert_eq!(tell("core.printi", &[Value::literal("6")]), "6");
        assert_eq!(tell("core.printi", &[Value::literal("x")]), "expected numbers");
        assert_eq!(tell("core.modules", &[]), "pv,kex");
        assert!(tell("core.runinfo", &[]).ends_with("uptime_secs=93784 utime_days=1d 2h 3m 4s"));
        assert!(tell("core.uptime", &[]).ends_with("uptime=93784"));
        assert!(tell("core.tcp_options", &[]).starts_with("connect_timeout=7 send_timeout=10"));
        assert!(tell("core.ppdefines_full", &[]).contains("name=AB type=0 value=5"));
        assert!(tell("core.sockets_list", &[]).starts_with("socket=proto=udp address=127.0.0.1"));
        assert!(tell("core.ps", &[]).contains("main process - attendant"));
        assert_eq!(tell("core.shmmem", &[Value::literal("x")]), "bad param, (use b/k/m/g)");
        for name in
            ["version", "flags", "info", "psx", "pwd", "arg", "udp4_raw_info", "aliases_list", "ppdefines"]
        {
            assert!(!tell(&format!("core.{name}"), &[]).is_empty(), "{name}");
        }
    }
}
