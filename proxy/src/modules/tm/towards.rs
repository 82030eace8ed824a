//! The variants of `t_relay()` that name a destination or a transport.

use sip::peer::Transport;

use super::relay::{self, Towards};
use crate::api::{Args, Ctx, Flow};

/// `t_relay_to_udp([host, port])`
pub(super) fn udp(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    over(ctx, args, Transport::Udp)
}

/// `t_relay_to_tcp([host, port])`
pub(super) fn tcp(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    over(ctx, args, Transport::Tcp)
}

/// `t_relay_to_tls([host, port])`
pub(super) fn tls(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    over(ctx, args, Transport::Tls)
}

/// `t_relay_to([proxy][, flags])`: proxy is `[proto:]host[:port]`; a lone number is flags, which have no effect then
/// (Kamailio 5.6.3).
pub(super) fn to(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let first = args.text(ctx, 0);
    let is_flags = args.len() == 1 && crate::api::parse_int(&first).is_some();
    let flags = if is_flags { 0 } else { args.int(ctx, 1) };
    if flags & NO_AUTO_100 != 0 {
        ctx.work.relaying.auto_100 = Some(false);
    }
    // The flag 2 (no reply made here) has no effect in Kamailio 5.6.3 either.
    if flags & NO_FAILOVER != 0 {
        super::rules::stay(ctx);
    }
    if is_flags || first.is_empty() {
        return relay::relay(ctx, Towards::default());
    }
    match parse_proxy(&String::from_utf8_lossy(&first)) {
        Some(towards) => relay::relay(ctx, towards),
        None => Flow::FALSE,
    }
}

/// Flag of `t_relay_to()`: no automatic 100.
const NO_AUTO_100: i64 = 1;
/// Flag of `t_relay_to()`: no further addresses.
const NO_FAILOVER: i64 = 4;

/// `t_relay_to_sctp([host, port])`
pub(super) fn sctp(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    over(ctx, args, Transport::Sctp)
}

/// `t_replicate_udp([host, port])`
pub(super) fn replicate_udp(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.relaying.is_replicated = true;
    over(ctx, args, Transport::Udp)
}

/// `t_replicate_tcp([host, port])`
pub(super) fn replicate_tcp(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.relaying.is_replicated = true;
    over(ctx, args, Transport::Tcp)
}

/// `t_replicate_tls([host, port])`
pub(super) fn replicate_tls(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.relaying.is_replicated = true;
    over(ctx, args, Transport::Tls)
}

/// `t_replicate_sctp([host, port])`
pub(super) fn replicate_sctp(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    ctx.work.relaying.is_replicated = true;
    over(ctx, args, Transport::Sctp)
}

fn over(ctx: &mut Ctx<'_>, args: &Args<'_>, transport: Transport) -> Flow {
    let host = (!args.is_empty()).then(|| {
        let host = String::from_utf8_lossy(&args.text(ctx, 0)).into_owned();
        (host, u16::try_from(args.int(ctx, 1)).ok().filter(|port| *port != 0))
    });
    relay::relay(ctx, Towards { host, transport: Some(transport) })
}

fn parse_proxy(text: &str) -> Option<Towards> {
    let (transport, rest) = match text.split_once(':') {
        Some((proto, rest)) if Transport::parse(proto.as_bytes()).is_some() => {
            (Transport::parse(proto.as_bytes()), rest)
        }
        _ => (None, text),
    };
    let (host, port) = match rest.rsplit_once(':') {
        Some((host, port)) if !host.ends_with(':') && (!host.contains(':') || host.ends_with(']')) => {
            (host, Some(port.parse().ok()?))
        }
        _ => (rest, None),
    };
    (!host.is_empty()).then(|| Towards { host: Some((host.to_owned(), port)), transport })
}

#[cfg(test)]
mod tests {
    use sip::peer::Transport;

    use super::parse_proxy;

    #[test]
    fn a_proxy_is_transport_host_and_port() {
        let rows = [
            ("tcp:a.example:5070", Some((Some(Transport::Tcp), "a.example", Some(5070)))),
            ("a.example", Some((None, "a.example", None))),
            ("[::1]:7", Some((None, "[::1]", Some(7)))),
            ("udp:[::1]", Some((Some(Transport::Udp), "[::1]", None))),
            ("a:x", None),
            ("", None),
        ];
        for (text, expected) in rows {
            let towards = parse_proxy(text).map(|it| {
                let (host, port) = it.host.expect("a proxy has a host");
                (it.transport, host, port)
            });
            let expected = expected.map(|(transport, host, port)| (transport, host.to_owned(), port));
            assert_eq!(towards, expected, "{text}");
        }
    }
}
