//! What the command line says instead of the configuration, or in addition to it.

use std::net::ToSocketAddrs;

use sip::peer::Transport;

use super::{Listen, Plan};
use crate::api::Level;
use crate::options::Options;
use crate::relay::Alias;

/// Puts options in place of what the configuration says. Errors: one line for the user.
pub fn override_plan(plan: &mut Plan, options: &Options) -> Result<(), String> {
    if let Some(level) = options.log.level {
        plan.debug = Level(level.clamp(-5, 3) as i8);
    }
    // They add to those of the configuration (Kamailio 5.6.3).
    for text in &options.network.listen {
        let listens = read_listen(text)?;
        plan.listens.extend(listens);
    }
    for text in &options.network.aliases {
        let (transport, host, port) = split(text)?;
        plan.aliases.push(Alias { transport, host: host.to_ascii_lowercase().into(), port });
    }
    if options.network.without_tcp {
        plan.listens.retain(|listen| listen.transport != Transport::Tcp);
    }
    if let Some(children) = options.process.children {
        plan.shards = usize::try_from(children).unwrap_or(MOST_SHARDS).clamp(1, MOST_SHARDS);
    }
    Ok(())
}

/// `[proto:]host[:port][/advertised[:port]]`
fn read_listen(text: &str) -> Result<Vec<Listen>, String> {
    let (socket, advertised) = match text.split_once('/') {
        Some((socket, advertised)) => (socket, Some(advertised)),
        None => (text, None),
    };
    let (transport, host, port) = split(socket)?;
    let host = if host == "lo" { "127.0.0.1" } else { host };
    let unresolved = || format!("option -l {text}: cannot resolve {host}");
    let addr = (host, port.unwrap_or(5060)).to_socket_addrs().ok().and_then(|mut found| found.next());
    let addr = addr.ok_or_else(unresolved)?;
    let advertise = match advertised {
        Some(text) => {
            let (_, host, port) = split(text)?;
            Some((host.into(), port.unwrap_or(0)))
        }
        None => None,
    };
    let transports = transport.map_or(vec![Transport::Udp, Transport::Tcp], |transport| vec![transport]);
    let listen = |transport| Listen { transport, addr, advertise: advertise.clone(), name: None };
    Ok(transports.into_iter().map(listen).collect())
}

/// `[proto:]host[:port]`; IPv6 in brackets.
fn split(text: &str) -> Result<(Option<Transport>, &str, Option<u16>), String> {
    let (transport, rest) = match text.split_once(':') {
        Some((proto, rest)) => match Transport::parse(proto.as_bytes()) {
            Some(transport) => (Some(transport), rest),
            None => (None, text),
        },
        None => (None, text),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !rest.ends_with(']') => {
            let port = port.parse().map_err(|_| format!("{text}: {port} is not a port"))?;
            (host, Some(port))
        }
        _ => (rest, None),
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if host.is_empty() { Err(format!("{text}: a host is missing")) } else { Ok((transport, host, port)) }
}

/// Threads that `-n` gives at most.
const MOST_SHARDS: usize = 256;

#[cfg(test)]
mod tests {
    use sip::peer::Transport;

    use super::{read_listen, split};

    #[test]
    fn sockets_are_transport_host_and_port() {
        let rows = [
            ("udp:127.0.0.1:5080", Ok((Some(Transport::Udp), "127.0.0.1", Some(5080)))),
            ("a.example", Ok((None, "a.example", None))),
            ("tcp:[::1]:7", Ok((Some(Transport::Tcp), "::1", Some(7)))),
            ("[::1]", Ok((None, "::1", None))),
        ];
        for (text, expected) in rows {
            assert_eq!(split(text), expected, "{text}");
        }
        assert!(split("udp:").is_err() && split("a:b").is_err());
    }

    #[test]
    fn a_socket_without_transport_is_two_and_may_be_advertised() {
        let both = read_listen("lo:5070/sip.example:5099").expect("loopback");
        assert_eq!(both.len(), 2);
        assert_eq!(both[0].to_string(), "udp:127.0.0.1:5070");
        assert_eq!(both[1].advertise, Some(("sip.example".into(), 5099)));
    }
}
