//! What the configuration says about names and sockets to send by: `dns_*`, `mhomed`, `udp_mtu`, as the values the
//! rooms below take.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use sip::locate::{CacheLimits, Families, Hosts, NaptrRanking, ResolvConf, Rules, SrvRanking, Variety};
use sip::net::{Completion, DnsOptions};
use sip::peer::Transport;

use super::listen::{Listen, transport};
use super::load::{number, text};
use crate::cfg::Config;
use crate::cfg::ast::SettingValue;
use crate::relay::{Alias, SendRules};

/// How names are found.
pub(super) fn dns_options(config: &Config) -> DnsOptions {
    let machine = DnsOptions::of_this_machine();
    let is_on = |name: &str, default: i64| number(config, name).unwrap_or(default) != 0;
    DnsOptions {
        conf: timing(config, machine.conf),
        rules: rules(config),
        limits: cache_limits(config, is_on("use_dns_cache", 1) && is_on("dns_cache_init", 1)),
        completion: match is_on("dns_use_search_list", 1) {
            true => Completion::SearchList,
            false => Completion::AsWritten,
        },
        ..DnsOptions { hosts: machine.hosts, ..DnsOptions::default() }
    }
}

/// The times of the resolver, where the configuration sets them; -1 leaves those of the system.
fn timing(config: &Config, mut conf: ResolvConf) -> ResolvConf {
    let set = |name: &str| number(config, name).and_then(|value| u32::try_from(value).ok());
    if let Some(seconds) = set("dns_retr_time").filter(|seconds| *seconds > 0) {
        conf.timeout = Duration::from_secs(u64::from(seconds.min(60)));
    }
    if let Some(times) = set("dns_retr_no").filter(|times| *times > 0) {
        conf.attempts = times.min(10) as usize;
    }
    if let Some(count) = set("dns_servers_no").filter(|count| *count > 0) {
        conf.servers.truncate(count as usize);
    }
    conf
}

fn rules(config: &Config) -> Rules {
    let value = |name: &str, default: i64| number(config, name).unwrap_or(default);
    let is_on = |name: &str, default: i64| value(name, default) != 0;
    let preference = |name: &str, default: i64| value(name, default).clamp(-1, 1000) as i32;
    let flags = value("dns_cache_flags", 0);
    Rules {
        naptr: match (is_on("dns_try_naptr", 0), is_on("dns_naptr_ignore_rfc", 1)) {
            (false, _) => NaptrRanking::Ignore,
            (true, true) => NaptrRanking::ByPreference,
            (true, false) => NaptrRanking::ByOrder,
        },
        srv: if is_on("dns_srv_lb", 0) { SrvRanking::ByWeight } else { SrvRanking::HeaviestFirst },
        families: match (is_on("dns_try_ipv6", 1), flags & 1 != 0, flags & 2 != 0, flags & 4 != 0) {
            (false, ..) | (_, true, ..) => Families::V4,
            (_, _, true, _) => Families::V6,
            (_, _, _, true) => Families::V6V4,
            _ => Families::V4V6,
        },
        variety: if is_on("use_dns_failover", 0) { Variety::All } else { Variety::One },
        preferences: [
            preference("dns_udp_pref", 30),
            preference("dns_tcp_pref", 20),
            preference("dns_tls_pref", 10),
            preference("dns_sctp_pref", 20),
        ],
    }
}

fn cache_limits(config: &Config, is_on: bool) -> CacheLimits {
    let defaults = CacheLimits::default();
    let seconds = |name: &str, default: u32| {
        number(config, name).map_or(default, |value| value.clamp(0, i64::from(u32::MAX)) as u32)
    };
    CacheLimits {
        min_ttl_seconds: seconds("dns_cache_min_ttl", defaults.min_ttl_seconds),
        max_ttl_seconds: seconds("dns_cache_max_ttl", defaults.max_ttl_seconds),
        negative_ttl_seconds: seconds("dns_cache_negative_ttl", defaults.negative_ttl_seconds),
        entries: if is_on { defaults.entries } else { 0 },
    }
}

/// How the way of a message is chosen.
pub(super) fn send_rules(config: &Config) -> SendRules {
    let is_mhomed = number(config, "mhomed").unwrap_or(0) != 0;
    let other = config.settings().filter(|setting| setting.def.name == "udp_mtu_try_proto").last();
    SendRules {
        source_towards: is_mhomed.then_some(source_towards),
        udp_mtu: number(config, "udp_mtu").and_then(|bytes| usize::try_from(bytes).ok()).unwrap_or(0),
        udp_mtu_transport: match other.map(|setting| &setting.value) {
            Some(SettingValue::Proto(proto)) => transport(*proto),
            _ => Transport::Udp,
        },
    }
}

/// Connecting a datagram socket sends nothing; it only asks the routing table.
fn source_towards(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let socket = UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    Some(socket.local_addr().ok()?.ip())
}

/// The names that the hosts file has for the addresses listened on (`auto_aliases`). The original asks the name
/// server for them, which may take long and names what others say.
pub(super) fn auto_aliases(config: &Config, hosts: &Hosts, listens: &[Listen]) -> Vec<Alias> {
    if number(config, "auto_aliases").unwrap_or(1) == 0 {
        return Vec::new();
    }
    let mut aliases = Vec::new();
    for listen in listens {
        for name in hosts.names(listen.addr.ip()) {
            let port = Some(listen.addr.port()).filter(|port| *port != 0);
            let alias = Alias { transport: Some(listen.transport), host: name.into(), port };
            if !aliases.contains(&alias) {
                aliases.push(alias);
            }
        }
    }
    aliases
}

/// Puts `advertised_address` and `advertised_port` in the place of what the listen lines advertise.
pub(super) fn advertise(config: &Config, listens: &mut [Listen]) {
    let host = text(config, "advertised_address").filter(|host| !host.is_empty());
    let port = number(config, "advertised_port").and_then(|port| u16::try_from(port).ok());
    if host.is_none() && port.is_none() {
        return;
    }
    for listen in listens {
        let (own_host, own_port) =
            listen.advertise.clone().unwrap_or((listen.addr.ip().to_string().into(), 0));
        let host = host.as_deref().map_or(own_host, Box::from);
        listen.advertise = Some((host, port.unwrap_or(own_port)));
    }
}
