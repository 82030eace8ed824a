//! The functions that ask about sets: whether there is one, who is in it, and whether it can be used.

use std::net::IpAddr;

use bytes::Bytes;
use sip::msg::Uri;
use sip::peer::Transport;

use super::lookup;
use super::params::attrs_value;
use super::reading::{self, when_read};
use super::set::{Destination, Set};
use super::state::State;
use crate::api::{Args, Ctx, Flow, Value, parse_int};

/// `ds_list_exists(set)`: -2 when the argument is no number.
pub(super) fn ds_list_exists(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    when_read(ctx, args, |ctx, args| match args.value(ctx, 0) {
        Value::Str(text) if parse_int(&text).is_none() => Flow::Next(-2),
        set => {
            let is_there = reading::table(ctx).set(set.to_int()).is_some();
            Flow::from_bool(is_there)
        }
    })
}

/// `ds_is_active(set[, uri])`
pub(super) fn ds_is_active(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    when_read(ctx, args, |ctx, args| {
        let (set, uri) = (args.int(ctx, 0), args.text(ctx, 1));
        let is_active = reading::table(ctx)
            .set(set)
            .is_some_and(|set| set.list.iter().any(|it| it.is_usable() && (uri.is_empty() || it.uri == uri)));
        Flow::from_bool(is_active)
    })
}

/// `ds_is_from_list([set[, mode[, uri]]])`
pub(super) fn ds_is_from_list(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    when_read(ctx, args, |ctx, args| lookup::before(ctx, args, is_from_list))
}

/// Who is looked for.
struct Wanted {
    address: Option<IpAddr>,
    /// Lower case; compared when there is no address.
    host: Bytes,
    port: u16,
    transport: Option<Transport>,
    mode: i64,
}

const ANY_PORT: i64 = 1;
const ANY_TRANSPORT: i64 = 2;
const ACTIVE: i64 = 4;

impl Wanted {
    fn is(&self, destination: &Destination) -> bool {
        let is_host = match (self.address, destination.address) {
            (Some(own), Some(other)) => own == other,
            (None, _) => self.host == destination.host,
            (Some(_), None) => false,
        };
        is_host
            && (self.mode & ANY_PORT != 0 || self.port == destination.port)
            && (self.mode & ANY_TRANSPORT != 0 || self.transport == destination.transport)
            && (self.mode & ACTIVE == 0 || destination.is_usable())
            && !destination.state().has(State::NO_LOOKUP)
    }

    fn find(&self, set: &Set) -> Option<(i64, Bytes)> {
        let found = set.list.iter().find(|destination| self.is(destination))?;
        Some((set.id, found.attrs.text.clone()))
    }
}

fn is_from_list(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let set = if args.is_empty() { -1 } else { args.int(ctx, 0) };
    // Without a mode the transport does not count, as in old versions.
    let mode = if args.len() < 2 { ANY_TRANSPORT } else { args.int(ctx, 1) };
    let uri = args.text(ctx, 2);
    let Some(wanted) = wanted(ctx, &uri, mode) else { return Flow::FALSE };
    let table = reading::table(ctx);
    let found = match set {
        -1 => table.iter().find_map(|set| wanted.find(&set)),
        set => table.set(set).and_then(|set| wanted.find(&set)),
    };
    let Some((id, attrs)) = found else { return Flow::FALSE };
    let rules = reading::rules(ctx.shard);
    let attrs = attrs_value(&rules, &attrs);
    // A variable that does not take the value stays as it is.
    if let Some(pv) = rules.setid_pv.as_ref().filter(|_| set == -1) {
        let _ = pv.set(ctx, Value::Int(id));
    }
    if let Some(pv) = rules.attrs_pv.as_ref().filter(|_| !attrs.is_null()) {
        let _ = pv.set(ctx, attrs);
    }
    Flow::TRUE
}

/// The source of the message, or a URI. `None`: the URI cannot be read.
fn wanted(ctx: &Ctx<'_>, uri: &[u8], mode: i64) -> Option<Wanted> {
    if uri.is_empty() {
        let peer = ctx.work.received.peer;
        return Some(Wanted {
            address: Some(peer.addr.ip()),
            host: Bytes::new(),
            port: peer.addr.port(),
            transport: Some(peer.transport),
            mode,
        });
    }
    let uri = Uri::parse(uri).ok()?;
    Some(Wanted {
        address: uri.host_ip(),
        host: uri.host.to_ascii_lowercase().into(),
        port: uri.effective_port(),
        transport: uri.transport_param(),
        mode,
    })
}
