//! What was picked, as the XAVPs that scripts and failure routes see: the current destination first.

use bytes::Bytes;

use super::params::Rules;
use super::set::Destination;
use crate::api::{At, Value, Work, Xavp};

/// One destination that was picked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) uri: Bytes,
    pub(super) set: i64,
    pub(super) attrs: Option<Bytes>,
    /// Its name where calls are counted; only when it was picked by load.
    pub(super) duid: Option<Bytes>,
    /// What it leaves by, as written in its attributes or the parameters.
    pub(super) socket: Option<Bytes>,
    pub(super) socket_name: Option<Bytes>,
}

/// Whether calls are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counting {
    Yes,
    No,
}

impl Record {
    pub(super) fn of(rules: &Rules, set: i64, destination: &Destination, counting: Counting) -> Record {
        let attrs = &destination.attrs;
        let or = |own: &Bytes, default: &Bytes| {
            let text = if own.is_empty() { default } else { own };
            (!text.is_empty()).then(|| text.clone())
        };
        let attrs_text = match super::params::attrs_value(rules, &attrs.text) {
            Value::Null => None,
            text => Some(text.to_text()),
        };
        let duid = (counting == Counting::Yes && !attrs.duid.is_empty()).then(|| attrs.duid.clone());
        let has_own = !attrs.socket.is_empty() || !attrs.socket_name.is_empty();
        let none = Bytes::new();
        let (default, default_name) =
            if has_own { (&none, &none) } else { (&rules.default_socket, &rules.default_socket_name) };
        Record {
            uri: destination.uri.clone(),
            set,
            attrs: attrs_text,
            duid,
            socket: or(&attrs.socket, default),
            socket_name: or(&attrs.socket_name, default_name),
        }
    }

    fn into_xavp(self, mode: i64) -> Xavp {
        let text = |name: &'static str, value: Option<Bytes>| {
            value.map(|value| (Bytes::from_static(name.as_bytes()), Value::Str(value)))
        };
        let fields = [
            text("uri", Some(self.uri)),
            Some((Bytes::from_static(b"grp"), Value::Int(self.set))),
            text("dstid", self.duid),
            text("attrs", self.attrs.filter(|_| mode & 1 == 0)),
            text("sock", self.socket.clone()),
            text("sock_name", self.socket_name.clone()),
            text("socket", self.socket.filter(|_| mode & 2 != 0)),
            text("sockname", self.socket_name.filter(|_| mode & 4 != 0)),
        ];
        Xavp::Fields(fields.into_iter().flatten().collect())
    }

    fn of_xavp(element: &Xavp) -> Option<Record> {
        let text = |name: &str| element.field(name.as_bytes()).next().map(Value::to_text);
        Some(Record {
            uri: text("uri")?,
            set: element.field(b"grp").next()?.to_int(),
            attrs: text("attrs"),
            duid: text("dstid"),
            socket: text("sock"),
            socket_name: text("sock_name"),
        })
    }
}

/// Notes what was picked in front of what was picked before, when there is failover, and how many there are.
pub(super) fn note(work: &mut Work, rules: &Rules, records: Vec<Record>) {
    let count = if rules.has_failover { records.len() } else { 0 };
    if rules.has_failover {
        for record in records.into_iter().rev() {
            work.xavps.push(rules.xavp_dst.clone(), record.into_xavp(rules.xavp_dst_mode));
        }
    }
    if rules.xavp_ctx_mode & 1 == 0 && !rules.xavp_ctx.is_empty() {
        let fields = vec![(Bytes::from_static(b"cnt"), Value::Int(count as i64))];
        work.xavps.push(rules.xavp_ctx.clone(), Xavp::Fields(fields));
    }
}

/// The current destination.
pub(super) fn current(work: &Work, rules: &Rules) -> Option<Record> {
    work.xavps.get(&rules.xavp_dst, At::None).filter(|_| rules.has_failover).and_then(Record::of_xavp)
}

/// Drops the current destination.
pub(super) fn drop_current(work: &mut Work, rules: &Rules) {
    work.xavps.remove(&rules.xavp_dst, At::None);
}
