//! Options about addresses, sockets and transports.

use std::net::IpAddr;
use std::time::Duration;

use super::row::{Effect, PORTS, Row, Unit};

/// `-t`: how calls share sockets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SocketMode {
    /// `u1`: one UDP socket.
    #[default]
    Udp,
    /// `un`: one UDP socket per call.
    UdpPerCall,
    /// `ui`: one UDP socket per local address of the injection file.
    UdpPerAddress,
    /// `t1`: one TCP connection.
    Tcp,
    /// `tn`: one TCP connection per call.
    TcpPerCall,
}

/// A host and perhaps a port, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// Name or address without brackets.
    pub host: String,
    /// Port, when one is written.
    pub port: Option<u16>,
}

impl HostPort {
    /// Reads `host`, `host:port`, `[v6]`, `[v6]:port` or a bare IPv6 address.
    ///
    /// Errors: the line to show, when the port is no number up to 65535 or the host is empty.
    pub fn parse(text: &str) -> Result<HostPort, String> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (host, after) =
                rest.split_once(']').ok_or_else(|| format!("missing ] in address '{text}'"))?;
            (host, after.strip_prefix(':'))
        } else if text.matches(':').count() == 1 {
            text.split_once(':').map(|(host, port)| (host, Some(port))).unwrap_or((text, None))
        } else {
            (text, None)
        };
        if host.is_empty() {
            return Err(format!("missing host in address '{text}'"));
        }
        let port =
            port.map(|port| port.parse().map_err(|_| format!("invalid port '{port}' in address '{text}'")));
        Ok(HostPort { host: host.into(), port: port.transpose()? })
    }

    /// The host as a literal address, `None` when it is a name.
    pub fn literal(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }
}

/// Addresses and sockets.
#[derive(Clone, Debug)]
pub struct Network {
    /// The remote host of the command line.
    pub remote: Option<HostPort>,
    /// `-t`.
    pub mode: SocketMode,
    /// `-i`: local address.
    pub local: Option<String>,
    /// `-p`: local port; `None` takes the first free one from 5060.
    pub port: Option<u16>,
    /// `-bind_local`.
    pub bind_local: bool,
    /// `-ci`: address of the control socket.
    pub control: Option<String>,
    /// `-cp`: port of the control socket; `None` takes the first free one from 8888.
    pub control_port: Option<u16>,
    /// `-max_socket`.
    pub max_sockets: usize,
    /// `-max_reconnect`; `None` is without limit.
    pub max_reconnect: Option<u32>,
    /// `-reconnect_close`: whether the calls of a broken connection fail.
    pub reconnect_close: bool,
    /// `-reconnect_sleep`.
    pub reconnect_sleep: Duration,
    /// `-rsa`: where everything is sent.
    pub send_to: Option<HostPort>,
    /// `-bind_to_device`: name of a network interface.
    pub device: Option<String>,
    /// `-buff_size`: size of the socket buffers in bytes; `None` leaves the choice to the program.
    pub buffer_bytes: Option<usize>,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            remote: None,
            mode: SocketMode::Udp,
            local: None,
            port: None,
            bind_local: false,
            control: None,
            control_port: None,
            max_sockets: 50_000,
            max_reconnect: Some(0),
            reconnect_close: true,
            reconnect_sleep: Duration::from_secs(1),
            send_to: None,
            device: None,
            buffer_bytes: None,
        }
    }
}

/// The modes of `-t`; `None` where this version has no such transport.
const MODES: &[(&str, Option<SocketMode>)] = &[
    ("u1", Some(SocketMode::Udp)),
    ("un", Some(SocketMode::UdpPerCall)),
    ("ui", Some(SocketMode::UdpPerAddress)),
    ("t1", Some(SocketMode::Tcp)),
    ("tn", Some(SocketMode::TcpPerCall)),
    ("l1", None),
    ("ln", None),
    ("s1", None),
    ("sn", None),
    ("c1", None),
    ("cn", None),
];

fn socket_mode(name: &str) -> Result<SocketMode, String> {
    let invalid = || format!("Invalid argument for -t param : '{name}'.\nUse 'sipp -h' for details");
    let (_, mode) = MODES.iter().find(|row| row.0 == name).ok_or_else(invalid)?;
    mode.ok_or_else(|| format!("-t {name} is not available in this version of sipp"))
}

/// A port option: 0 to 65535.
fn port(number: i64) -> Option<u16> {
    u16::try_from(number).ok().filter(|port| *port != 0)
}

pub(super) const ROWS: &[Row] = &[
    Row {
        names: &["t"],
        value: "MODE",
        help: "Transport and sockets: u1 one UDP socket, un one per call, ui one per local address \
               in field -ip_field of the first injection file, t1 one TCP connection, tn one per call, l1 and ln TLS, s1 and sn SCTP. Default: u1.",
        effect: Effect::Text(|options, name| {
            options.network.mode = socket_mode(name)?;
            Ok(())
        }),
    },
    Row {
        names: &["i"],
        value: "HOST",
        help: "Local address for the keywords, and for binding. Default: the address that reaches the remote host.",
        effect: Effect::Text(|options, host| {
            options.network.local = Some(HostPort::parse(host)?.host);
            Ok(())
        }),
    },
    Row {
        names: &["p"],
        value: "PORT",
        help: "Local port. Default: the first free one of 5060 to 5119, else any.",
        effect: Effect::Int(PORTS, |options, number| options.network.port = port(number)),
    },
    Row {
        names: &["bind_local"],
        value: "",
        help: "Bind to the local address even when it was not given with -i.",
        effect: Effect::Flag(|options| options.network.bind_local = true),
    },
    Row {
        names: &["bind_to_device"],
        value: "NAME",
        help: "Send and receive through this network interface only; most systems ask for privileges.",
        effect: Effect::Text(|options, device| {
            options.network.device = Some(device.into());
            Ok(())
        }),
    },
    Row {
        names: &["ci"],
        value: "HOST",
        help: "Address of the control socket. Default: 127.0.0.1.",
        effect: Effect::Text(|options, host| {
            options.network.control = Some(HostPort::parse(host)?.host);
            Ok(())
        }),
    },
    Row {
        names: &["cp"],
        value: "PORT",
        help: "Port of the control socket. Default: the first free one of 8888 to 8947.",
        effect: Effect::Int(PORTS, |options, number| options.network.control_port = port(number)),
    },
    Row {
        names: &["max_socket"],
        value: "N",
        help: "Most sockets of -t un and tn; then calls share them. Default: 50000.",
        effect: Effect::Int(1..=i64::MAX, |options, number| {
            options.network.max_sockets = usize::try_from(number).unwrap_or(0).max(1);
        }),
    },
    Row {
        names: &["max_reconnect"],
        value: "N",
        help: "Reconnections allowed, -1 without limit. Default: 0.",
        effect: Effect::Int(-1..=i64::MAX, |options, number| {
            options.network.max_reconnect = u32::try_from(number).ok()
        }),
    },
    Row {
        names: &["reconnect_close"],
        value: "BOOL",
        help: "Fail the calls of a connection that breaks. Default: true.",
        effect: Effect::Bool(|options, close| options.network.reconnect_close = close),
    },
    Row {
        names: &["reconnect_sleep"],
        value: "TIME",
        help: "Wait before reconnecting, in ms. Default: 1000.",
        effect: Effect::Time(Unit::Millis, |options, wait| options.network.reconnect_sleep = wait),
    },
    Row {
        names: &["rsa"],
        value: "HOST[:PORT]",
        help: "Send everything there instead of to the remote host; keywords stay as they are.",
        effect: Effect::Text(|options, host| {
            options.network.send_to = Some(HostPort::parse(host)?);
            Ok(())
        }),
    },
    Row { names: &["tls_cert"], value: "FILE", help: "TLS certificate, PEM.", effect: Effect::NotYet(1) },
    Row { names: &["tls_key"], value: "FILE", help: "TLS key, PEM.", effect: Effect::NotYet(1) },
    Row {
        names: &["tls_ca"],
        value: "FILE",
        help: "TLS authorities to trust, PEM.",
        effect: Effect::NotYet(1),
    },
    Row { names: &["tls_crl"], value: "FILE", help: "TLS revocation list, PEM.", effect: Effect::NotYet(1) },
    Row { names: &["tls_version"], value: "N.N", help: "TLS version.", effect: Effect::NotYet(1) },
    Row { names: &["multihome"], value: "HOST", help: "SCTP second address.", effect: Effect::NotYet(1) },
    Row {
        names: &["heartbeat"],
        value: "N",
        help: "SCTP heartbeat interval in ms.",
        effect: Effect::NotYet(1),
    },
    Row {
        names: &["assocmaxret"],
        value: "N",
        help: "SCTP association retransmissions.",
        effect: Effect::NotYet(1),
    },
    Row { names: &["pathmaxret"], value: "N", help: "SCTP path retransmissions.", effect: Effect::NotYet(1) },
    Row { names: &["pmtu"], value: "N", help: "SCTP path MTU.", effect: Effect::NotYet(1) },
    Row {
        names: &["gracefulclose"],
        value: "BOOL",
        help: "SCTP shutdown or abort.",
        effect: Effect::NotYet(1),
    },
];

#[cfg(test)]
mod tests {
    use super::HostPort;

    #[test]
    fn hosts_and_ports_in_all_forms() {
        let rows = [
            ("example.com", "example.com", None),
            ("example.com:5070", "example.com", Some(5070)),
            ("1.2.3.4:5070", "1.2.3.4", Some(5070)),
            ("[::1]", "::1", None),
            ("[::1]:5070", "::1", Some(5070)),
            ("fe80::1", "fe80::1", None),
        ];
        for (text, host, port) in rows {
            assert_eq!(HostPort::parse(text), Ok(HostPort { host: host.into(), port }), "{text}");
        }
        for wrong in ["host:port", "host:70000", ":5060", "[::1", ""] {
            assert!(HostPort::parse(wrong).is_err(), "{wrong}");
        }
    }
}
