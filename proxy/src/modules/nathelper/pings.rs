//! Pings to registered contacts, so that the way back through a NAT stays open: four zero bytes, or a SIP request that
//! nobody waits for. They are spread over the interval by the address-of-record.

use bytes::Bytes;
use sip::ident::write_hex;
use sip::msg::{NameAddr, Uri};
use sip::peer::Transport;

use super::Rules;
use crate::api::{IoAnswer, IoRequest, Kept, Loading, RpcError, RpcValue, Shard, Value, core_hash};
use crate::modules::usrloc::{Contact, Location, NatFlag, SEGMENTS};
use crate::relay::{Hop, NextHop, SocketId};

/// The parameters of pings.
#[derive(Debug, Default)]
pub(super) struct Pings {
    /// Seconds in which each contact is pinged once; 0 for no pings.
    interval: u32,
    only_natted: bool,
    /// Branch flag of contacts that get SIP pings; 0 for none.
    sip_flag: u32,
    /// Branch flag of contacts that are left out.
    off_flag: u32,
    from: Bytes,
    method: Bytes,
    /// The socket all pings leave by; empty for that of the contact.
    socket: Bytes,
}

/// Switched off by `nathelper.enable_ping`.
#[derive(Debug, Default)]
struct Switch {
    is_off: bool,
    serial: u32,
}

/// A ping whose address is looked up.
struct Ready {
    bytes: Bytes,
    socket: SocketId,
}

/// Reads the parameters. Errors: SIP pings without a From.
pub(super) fn load(loading: &Loading<'_>) -> Result<Pings, String> {
    let params = loading.params;
    let flag = |param: &str| {
        u32::try_from(params.int(param)).ok().and_then(|bit| 1u32.checked_shl(bit)).unwrap_or(0)
    };
    let pings = Pings {
        interval: u32::try_from(params.int("natping_interval")).unwrap_or(0),
        only_natted: params.int("ping_nated_only") != 0,
        sip_flag: flag("sipping_bflag"),
        off_flag: flag("natping_disable_bflag"),
        from: params.text("sipping_from"),
        method: params.text("sipping_method"),
        socket: params.text("natping_socket"),
    };
    if pings.interval > 0 && pings.sip_flag != 0 && pings.from.is_empty() {
        return Err("parameter sipping_bflag needs sipping_from".into());
    }
    if pings.interval > 0 && !loading.catalog.is_loaded("usrloc") {
        return Err("parameter natping_interval needs loadmodule \"usrloc.so\"".into());
    }
    Ok(pings)
}

/// Pings the contacts whose second it is; the first shard does.
pub(super) fn tick(shard: &mut Shard) {
    let Some(rules) = shard.shared.get::<Rules>() else { return };
    let pings = &rules.pings;
    if shard.number != 0 || pings.interval == 0 || shard.states.get::<Switch>().is_off {
        return;
    }
    let Some(location) = shard.shared.get::<Location>() else { return };
    let nat_flag = shard.shared.peek::<NatFlag>().map_or(0, |flag| flag.0);
    let second = shard.unix_time(shard.now).as_secs() as u32;
    let mut due = Vec::new();
    for (_, table) in location.tables() {
        for segment in 0..SEGMENTS {
            table.each(segment, |aor, contact| {
                let is_meant = !pings.only_natted || contact.facts.cflags & nat_flag != 0;
                let is_its_second = core_hash(&[aor]) % pings.interval == second % pings.interval;
                if is_meant
                    && is_its_second
                    && contact.is_valid(second)
                    && contact.facts.cflags & pings.off_flag == 0
                {
                    due.push((core_hash(&[aor]), contact.clone()));
                }
            });
        }
    }
    for (hash, contact) in due {
        ping(shard, pings, hash, &contact);
    }
}

fn ping(shard: &mut Shard, pings: &Pings, hash: u32, contact: &Contact) {
    let texts = contact.texts();
    let first_path = sip::msg::Values::new(texts.path).next().and_then(|path| NameAddr::parse(path).ok());
    let target = match (first_path, texts.received) {
        (Some(path), _) => path.uri_text,
        (None, b"") => texts.uri,
        (None, received) => received,
    };
    let is_udp = Uri::parse(target).is_ok_and(|uri| uri.effective_transport() == Transport::Udp);
    if !is_udp {
        return;
    }
    let socket = match pings.socket.is_empty() {
        true => contact.facts.socket.unwrap_or(SocketId(0)),
        false => match shard.find_socket(&String::from_utf8_lossy(&pings.socket)) {
            Ok(socket) => socket,
            Err(_) => return,
        },
    };
    let is_sip = contact.facts.cflags & pings.sip_flag != 0 || (pings.sip_flag != 0 && !pings.only_natted);
    let bytes = match is_sip {
        true => request(shard, pings, hash, (contact, socket)),
        false => Bytes::from_static(&[0; 4]),
    };
    match NextHop::of(target) {
        NextHop::Address(place) => shard.relay.send(Hop::new(place.peer(), socket.0), bytes),
        NextHop::Name(query) => {
            shard.ask(IoRequest::Locate(query), located, Box::new(Ready { bytes, socket }));
        }
        NextHop::Nowhere => {}
    }
}

fn located(shard: &mut Shard, answer: IoAnswer, kept: Kept) {
    let (IoAnswer::Located(places), Ok(ready)) = (answer, kept.downcast::<Ready>()) else { return };
    if let Some(place) = places.first().filter(|place| place.peer().transport == Transport::Udp) {
        shard.relay.send(Hop::new(place.peer(), ready.socket.0), ready.bytes);
    }
}

/// The SIP ping; its form is that of the original.
fn request(shard: &mut Shard, pings: &Pings, hash: u32, (contact, socket): (&Contact, SocketId)) -> Bytes {
    let texts = contact.texts();
    let mut random = Vec::new();
    write_hex(shard.ident.next_u64(), &mut random);
    let switch = shard.states.get::<Switch>();
    switch.serial = switch.serial.wrapping_add(1);
    let serial = switch.serial;
    let own = shard.sockets.get(socket).addr;
    let (own, host) = (own.to_string(), own.ip().to_string());
    let route = if texts.path.is_empty() { Vec::new() } else { [b"Route: ", texts.path, b"\r\n"].concat() };
    [
        &pings.method[..],
        b" ",
        texts.uri,
        b" SIP/2.0\r\nVia: SIP/2.0/UDP ",
        own.as_bytes(),
        b";branch=z9hG4bK",
        &random,
        b"\r\n",
        &route,
        b"From: ",
        &pings.from,
        b";tag=",
        texts.ruid,
        format!("-{hash:x}-{serial}").as_bytes(),
        b"\r\nTo: ",
        texts.uri,
        b"\r\nCall-ID: ",
        &random,
        b"@",
        host.as_bytes(),
        b"\r\nCSeq: 1 ",
        &pings.method,
        b"\r\nContent-Length: 0\r\n\r\n",
    ]
    .concat()
    .into()
}

/// `nathelper.enable_ping`: 0 stops pings, anything else lets them go on.
pub(super) fn enable(shard: &mut Shard, params: &[Value]) -> Result<RpcValue, RpcError> {
    let Some(value) = params.first() else {
        return Err(RpcError { code: 400, reason: "expected 0 or 1".into() });
    };
    shard.states.get::<Switch>().is_off = value.to_int() == 0;
    Ok(RpcValue::Plain(Value::Null))
}
