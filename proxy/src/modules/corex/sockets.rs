//! Our sockets: chosen for a message, listed, looked at; and the names that count as ours.

use std::net::SocketAddr;

use sip::peer::{Peer, Transport};

use crate::api::{Args, Ctx, Flow, Level, Loading, PvArg, RpcError, RpcValue, Shard, Value};
use crate::relay::{Alias, Socket, SocketId, Subdomains};

/// The domains of `alias_subdomains`, for the table of our names.
pub(super) fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let domains: Result<Vec<Alias>, String> =
        loading.params.list("alias_subdomains").iter().map(|line| domain(&line.to_display())).collect();
    loading.shared.put(Subdomains(domains?));
    Ok(())
}

/// `[proto:]domain[:port]`
fn domain(written: &str) -> Result<Alias, String> {
    let wrong = || format!("alias_subdomains \"{written}\": expected [proto:]domain[:port]");
    let parts: Vec<&str> = written.split(':').collect();
    let transport = |word: &str| Transport::parse(word.as_bytes());
    let (transport, host, port) = match parts[..] {
        [host] => (None, host, None),
        [word, host] if transport(word).is_some() => (transport(word), host, None),
        [host, port] => (None, host, Some(port)),
        [word, host, port] => (Some(transport(word).ok_or_else(wrong)?), host, Some(port)),
        _ => return Err(wrong()),
    };
    let port = port.map(|port| port.parse().map_err(|_| wrong())).transpose()?;
    if host.is_empty() {
        return Err(wrong());
    }
    Ok(Alias { transport, host: host.to_ascii_lowercase().into(), port })
}

/// 1 also when there is no such socket, which is logged (Kamailio 5.6.3).
pub(super) fn set_send(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let written = args.value(ctx, 0).to_display();
    if ctx.force_socket(&written).is_err() {
        ctx.log(Level::ERR, format!("set_send_socket: we do not listen on {written}"));
    }
    Flow::TRUE
}

fn named(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Option<SocketId> {
    let wanted = args.value(ctx, 0).to_display();
    let mut sockets = ctx.shard.sockets.iter();
    sockets.find(|(_, socket)| socket.name.as_deref() == Some(&wanted)).map(|(id, _)| id)
}

/// 1 also when there is no such socket, which is logged (Kamailio 5.6.3).
pub(super) fn set_send_named(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    match named(ctx, args) {
        Some(found) => ctx.work.targets.ruri_mut().socket = Some(found),
        None => ctx.log(Level::ERR, "set_send_socket_name: no socket has this name"),
    }
    Flow::TRUE
}

/// 1 also when there is no such socket, which is logged (Kamailio 5.6.3).
pub(super) fn set_receive(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let written = args.value(ctx, 0).to_display();
    let found = ctx.find_socket(&written).ok();
    receive_by(ctx, found, &written)
}

pub(super) fn set_receive_named(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let found = named(ctx, args);
    let written = args.value(ctx, 0).to_display();
    receive_by(ctx, found, &written)
}

fn receive_by(ctx: &mut Ctx<'_>, socket: Option<SocketId>, written: &str) -> Flow {
    match socket {
        Some(socket) => ctx.work.received.socket = socket,
        None => ctx.log(Level::WARN, format!("set_recv_socket: we do not listen on {written}")),
    }
    Flow::TRUE
}

/// `[proto:]ip[:port]`; the transport stays that of the packet.
pub(super) fn set_source(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let written = args.value(ctx, 0).to_display();
    let place = match written.split_once(':') {
        Some((word, rest)) if Transport::parse(word.as_bytes()).is_some() => rest,
        _ => &written,
    };
    let bare = place.trim_matches(['[', ']']);
    let addr = place.parse::<SocketAddr>().ok();
    match addr.or_else(|| bare.parse().ok().map(|ip| SocketAddr::new(ip, 5060))) {
        Some(addr) => {
            ctx.work.received.peer = Peer { addr, ..ctx.work.received.peer };
            Flow::TRUE
        }
        None => {
            ctx.log(Level::ERR, format!("set_source_address: {written} is no address"));
            Flow::FALSE
        }
    }
}

pub(super) fn is_name(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    Flow::from_bool(named(ctx, args).is_some())
}

fn bound(socket: &Socket) -> String {
    format!("{}:{}", socket.transport.param_name(), socket.addr)
}

fn advertised(socket: &Socket) -> Option<String> {
    let (host, port) = socket.advertise.as_ref()?;
    let port = if *port == 0 { socket.addr.port() } else { *port };
    Some(format!("{}:{host}:{port}", socket.transport.param_name()))
}

/// `$lsock(by/value/attribute)`: `by` and `attribute` are `n`ame, `l`isten or `a`dvertise, by their first letter.
pub(super) fn attribute(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let path = String::from_utf8_lossy(&arg.name(ctx)).into_owned();
    let parts = path.split_once('/').and_then(|(by, rest)| Some((by, rest.rsplit_once('/')?)));
    let Some((by, (value, attribute))) = parts else {
        ctx.log(Level::ERR, format!("$lsock({path}): expected n/NAME/listen or l/SOCKET/name"));
        return Value::EMPTY;
    };
    let is_wanted = |socket: &Socket| match by.as_bytes().first() {
        Some(b'n') => socket.name.as_deref() == Some(value),
        Some(b'l') => bound(socket) == value,
        Some(b'a') => advertised(socket).is_some_and(|advertised| advertised == value),
        _ => false,
    };
    let Some((_, socket)) = ctx.shard.sockets.iter().find(|(_, socket)| is_wanted(socket)) else {
        return Value::Null;
    };
    let text = |text: Option<String>| text.map_or(Value::EMPTY, |text| Value::Str(text.into()));
    match attribute.as_bytes().first() {
        Some(b'l') => text(Some(bound(socket))),
        Some(b'a') => text(advertised(socket)),
        Some(b'n') => text(socket.name.as_deref().map(str::to_owned)),
        _ => Value::EMPTY,
    }
}

fn plain(text: &str) -> RpcValue {
    RpcValue::Plain(Value::copied(text.as_bytes()))
}

pub(super) fn list(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    let row = |(_, socket): (SocketId, &Socket)| {
        let advertise = advertised(socket).unwrap_or_else(|| "-".into());
        RpcValue::Record(vec![
            ("PROTO".into(), plain(socket.transport.param_name())),
            ("ADDRESS".into(), plain(&socket.addr.ip().to_string())),
            ("PORT".into(), plain(&socket.addr.port().to_string())),
            ("NAME".into(), plain(socket.name.as_deref().unwrap_or("-"))),
            ("ADVERTISE".into(), plain(&advertise)),
        ])
    };
    Ok(RpcValue::List(shard.sockets.iter().map(row).collect()))
}

pub(super) fn aliases(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    let row = |alias: &Alias| {
        let port = alias.port.map_or_else(|| "*".to_owned(), |port| port.to_string());
        RpcValue::Record(vec![
            ("PROTO".into(), plain(alias.transport.map_or("*", Transport::param_name))),
            ("ADDRESS".into(), plain(&alias.host)),
            ("PORT".into(), plain(&port)),
        ])
    };
    Ok(RpcValue::List(shard.sockets.aliases().iter().map(row).collect()))
}

#[cfg(test)]
mod tests {
    use super::domain;
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn domains_are_read_with_transport_and_port() {
        let read = |text: &str| domain(text).map(|alias| (alias.transport.is_some(), alias.host, alias.port));
        assert_eq!(read("Kamailio.ORG"), Ok((false, "kamailio.org".into(), None)));
        assert_eq!(read("udp:a.example:5060"), Ok((true, "a.example".into(), Some(5060))));
        assert_eq!(read("a.example:5060"), Ok((false, "a.example".into(), Some(5060))));
        assert!(read("udp:").is_err() && read("x:a:5060").is_err() && read("a:b").is_err());
    }

    #[test]
    fn the_message_may_be_taken_for_received_elsewhere() {
        let text = "loadmodule \"corex.so\"\nloadmodule \"xlog.so\"\nrequest_route { \
            set_source_address(\"udp:9.8.7.6:5080\"); xlog(\"$si $sp $pr\\n\"); \
            set_source_address(\"9.8.7.5\"); xlog(\"$si $sp\\n\"); \
            xlog(\"[$lsock(l/udp:127.0.0.1:5060/listen)] [$lsock(n/none/listen)]\\n\"); }";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        assert_eq!(
            trial.run(OPTIONS).lines,
            ["9.8.7.6 5080 udp", "9.8.7.5 5060", "[udp:127.0.0.1:5060] [<null>]"]
        );
    }
}
