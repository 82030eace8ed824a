//! What the configuration says about sockets and connections: `tos`, `maxbuffer`, `tcp_*`, as the values the network
//! room takes.

use std::net::IpAddr;
use std::time::Duration;

use sip::diag::Diagnostic;
use sip::msg::frame;
use sip::net::{ConnLimits, IpOptions, KeepAlive, Originate, Pings, StreamOptions, UdpOptions};

use super::load::number;
use crate::cfg::ast::{Setting, SettingValue};
use crate::cfg::{Config, SourceMap};

/// The names that `tos` knows, with the bits they stand for (RFC 1349 4).
const TOS_NAMES: [(&str, u8); 5] = [
    ("IPTOS_LOWDELAY", 0x10),
    ("IPTOS_THROUGHPUT", 0x08),
    ("IPTOS_RELIABILITY", 0x04),
    ("IPTOS_LOWCOST", 0x02),
    ("IPTOS_MINCOST", 0x02),
];

/// What `tos` is when nothing is said.
const DEFAULT_TOS: u8 = 0x10;

/// Values that no socket can be given, each with its place.
pub(super) fn findings(config: &Config, sources: &SourceMap) -> Vec<Diagnostic> {
    let refusal = |setting: &Setting| {
        let (expected, hint) = match setting.def.name {
            "tos" if tos(&setting.value).is_none() => {
                ("a number from 0 to 255 or a name", TOS_NAMES.map(|(name, _)| name).join(", "))
            }
            "tcp_source_ipv4" | "tcp_source_ipv6" if source(setting).is_none() => {
                ("an address of that family", "write the address, not a name".to_owned())
            }
            _ => return None,
        };
        let message = format!("{} takes {expected}", setting.def.name);
        Some(Diagnostic::error("P901", sources.place(setting.pos), message).with_hint(hint))
    };
    config.settings().filter_map(refusal).collect()
}

/// How datagram sockets are made.
pub(super) fn udp_options(config: &Config) -> UdpOptions {
    let defaults = UdpOptions::default();
    let receive_buffer =
        positive(config, "maxbuffer").map_or(defaults.receive_buffer, |bytes| bytes as usize);
    UdpOptions { receive_buffer, ip: ip_options(config), ..defaults }
}

fn ip_options(config: &Config) -> IpOptions {
    let is_on = |name: &str| number(config, name).unwrap_or(0) != 0;
    let value = last(config, "tos").map_or(Some(DEFAULT_TOS), |setting| tos(&setting.value));
    IpOptions { tos: value, no_fragments: is_on("pmtu_discovery"), free_bind: is_on("ip_free_bind") }
}

fn tos(value: &SettingValue) -> Option<u8> {
    match value {
        SettingValue::Int(int) => u8::try_from(*int).ok(),
        SettingValue::Text(word) => {
            let row = TOS_NAMES.iter().find(|(name, _)| name.as_bytes().eq_ignore_ascii_case(&word.bytes));
            row.map(|(_, bits)| *bits)
        }
        SettingValue::Sockets(_) | SettingValue::Proto(_) => None,
    }
}

fn source(setting: &Setting) -> Option<IpAddr> {
    let SettingValue::Text(written) = &setting.value else { return None };
    let ip: IpAddr = std::str::from_utf8(&written.bytes).ok()?.trim_matches(['[', ']']).parse().ok()?;
    Some(ip).filter(|ip| ip.is_ipv4() == (setting.def.name == "tcp_source_ipv4"))
}

/// Bounds and options of stream connections.
pub(super) fn connection_limits(config: &Config) -> ConnLimits {
    let defaults = ConnLimits::default();
    let count = |name: &str| number(config, name).and_then(|value| usize::try_from(value).ok());
    let seconds = |name: &str, default: Duration| match number(config, name) {
        None => default,
        Some(0) => Duration::from_millis(1),
        Some(value) => u64::try_from(value).map_or(Duration::MAX, Duration::from_secs),
    };
    let is_on = |name: &str, default: i64| number(config, name).unwrap_or(default) != 0;
    ConnLimits {
        max_connections: count("tcp_max_connections").unwrap_or(defaults.max_connections),
        idle: seconds("tcp_connection_lifetime", defaults.idle),
        connect: seconds("tcp_connect_timeout", defaults.connect),
        send: seconds("tcp_send_timeout", Duration::from_secs(10)),
        originate: if is_on("tcp_no_connect", 0) { Originate::Nothing } else { Originate::Connections },
        pings: if is_on("tcp_crlf_ping", 1) { Pings::Answered } else { Pings::Ignored },
        options: stream_options(config),
        queue_bytes: count("tcp_conn_wq_max").unwrap_or(defaults.queue_bytes),
        held_bytes: count("tcp_wq_max").unwrap_or(defaults.held_bytes),
        frame: frame::Limits {
            // Kamailio's default of 16 KiB would cut messages that UDP carries.
            max_message: count("tcp_rd_buf_size").map_or(defaults.frame.max_message, |size| size.max(65_535)),
            missing_length: match number(config, "tcp_accept_no_cl") {
                Some(0) | None => frame::MissingLength::Refuse,
                Some(_) => frame::MissingLength::NoBody,
            },
            ..defaults.frame
        },
    }
}

fn stream_options(config: &Config) -> StreamOptions {
    let seconds = |name: &str| positive(config, name).map(|value| Duration::from_secs(u64::from(value)));
    let probes = KeepAlive {
        idle: seconds("tcp_keepidle"),
        interval: seconds("tcp_keepintvl"),
        count: positive(config, "tcp_keepcnt"),
    };
    let address = |name: &str| last(config, name).and_then(source);
    StreamOptions {
        ip: ip_options(config),
        keepalive: (number(config, "tcp_keepalive") != Some(0)).then_some(probes),
        linger2: positive(config, "tcp_linger2"),
        syn_count: positive(config, "tcp_syncnt"),
        defer_accept: positive(config, "tcp_defer_accept"),
        quick_ack: number(config, "tcp_delayed_ack") == Some(0),
        source: (
            address("tcp_source_ipv4").and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None }),
            address("tcp_source_ipv6").and_then(|ip| if let IpAddr::V6(ip) = ip { Some(ip) } else { None }),
        ),
    }
}

/// The last value of a number parameter, when it is above 0: everything else leaves what the system does.
fn positive(config: &Config, name: &str) -> Option<u32> {
    number(config, name).and_then(|value| u32::try_from(value).ok()).filter(|value| *value > 0)
}

fn last<'c>(config: &'c Config, name: &str) -> Option<&'c Setting> {
    config.settings().filter(|setting| setting.def.name == name).last()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::net::{KeepAlive, Originate, Pings};

    use super::{connection_limits, findings, udp_options};
    use crate::cfg::{MemoryLoader, Parsed, Preset, parse_text};

    fn parsed(text: &str) -> Parsed {
        let parsed = parse_text("test.cfg", text.to_owned(), &Preset::default(), &MemoryLoader::default());
        assert!(!parsed.has_errors(), "{:?}", parsed.diagnostics);
        parsed
    }

    #[test]
    fn service_types_have_numbers_and_names() {
        let rows = [
            ("", Some(0x10)),
            ("tos=0", Some(0)),
            ("tos=0xb8", Some(0xb8)),
            ("tos=IPTOS_THROUGHPUT", Some(8)),
            ("tos=IPTOS_RELIABILITY", Some(4)),
            ("tos=IPTOS_MINCOST", Some(2)),
        ];
        for (text, expected) in rows {
            assert_eq!(udp_options(&parsed(text).config).ip.tos, expected, "{text}");
        }
        let udp = udp_options(&parsed("pmtu_discovery=1\nip_free_bind=yes\nmaxbuffer=9000").config);
        assert!(udp.ip.no_fragments && udp.ip.free_bind && udp.receive_buffer == 9000);
    }

    #[test]
    fn what_no_socket_takes_is_told_with_its_place() {
        let text = "tos=IPTOS_FAST\ntos=300\ntcp_source_ipv4=10.0.0.1\ntcp_source_ipv6=10.0.0.1\n\
                    tcp_source_ipv4=a.example";
        let parsed = parsed(text);
        let lines: Vec<u32> =
            findings(&parsed.config, &parsed.sources).iter().map(|it| it.place.line).collect();
        assert_eq!(lines, [1, 2, 4, 5]);
    }

    #[test]
    fn connections_are_as_the_parameters_say() {
        let text = "tcp_connection_lifetime=-1\ntcp_connect_timeout=3\ntcp_send_timeout=4\ntcp_no_connect=yes\n\
                    tcp_crlf_ping=no\ntcp_keepidle=60\ntcp_keepcnt=3\ntcp_linger2=5\ntcp_syncnt=2\n\
                    tcp_defer_accept=7\ntcp_delayed_ack=no\ntcp_source_ipv4=127.0.0.9\ntcp_max_connections=9";
        let limits = connection_limits(&parsed(text).config);
        assert_eq!((limits.idle, limits.max_connections), (Duration::MAX, 9));
        assert_eq!((limits.connect, limits.send), (Duration::from_secs(3), Duration::from_secs(4)));
        assert_eq!((limits.originate, limits.pings), (Originate::Nothing, Pings::Ignored));
        let options = limits.options;
        let probes = KeepAlive { idle: Some(Duration::from_secs(60)), interval: None, count: Some(3) };
        assert_eq!(options.keepalive, Some(probes));
        assert_eq!((options.linger2, options.syn_count, options.defer_accept), (Some(5), Some(2), Some(7)));
        assert!(options.quick_ack && options.source == (Some([127, 0, 0, 9].into()), None));
        assert_eq!(connection_limits(&parsed("tcp_keepalive=no").config).options.keepalive, None);
    }
}
