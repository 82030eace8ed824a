//! Contacts as rows of the location table, as Kamailio 5.6.3 writes and reads them.

use sip::peer::{ConnId, Transport};

use super::contact::{Contact, Facts, State, Texts};
use super::params::Store;
use crate::relay::{SocketId, Sockets};
use crate::store::{Cell, Name, NameError, Operator, Query, Row};

/// The names of the columns, in the order of [`KEYS`].
#[derive(Clone, Debug)]
pub(super) struct Columns([Name; KEYS.len()]);

/// The columns: how the parameter that names each begins.
const KEYS: [&str; 22] = [
    "user",
    "domain",
    "contact",
    "expires",
    "q",
    "callid",
    "cseq",
    "flags",
    "cflags",
    "user_agent",
    "received",
    "path",
    "socket",
    "methods",
    "last_modified",
    "ruid",
    "instance",
    "reg_id",
    "server_id",
    "connection_id",
    "keepalive",
    "partition",
];

const USER: usize = 0;
const DOMAIN: usize = 1;
const CONTACT: usize = 2;
const EXPIRES: usize = 3;
const CALL_ID: usize = 5;
const RUID: usize = 15;

impl Columns {
    /// Reads the parameters. Errors: one names no column.
    pub(super) fn read(name: impl Fn(&str) -> Result<Name, String>) -> Result<Columns, String> {
        let names = KEYS.iter().map(|key| name(&format!("{key}_column"))).collect::<Result<Vec<_>, _>>()?;
        Ok(Columns(names.try_into().map_err(|_| "there is a name for each column")?))
    }
}

/// A contact with what it belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Record<'a> {
    pub(super) table: &'a [u8],
    pub(super) aor: &'a [u8],
    pub(super) contact: &'a Contact,
}

impl Store {
    /// All rows of a table.
    pub(super) fn select_all(&self, table: &[u8]) -> Result<Query, NameError> {
        Ok(Query::Select { table: Name::parse(table)?, columns: self.columns.0.to_vec(), only: Vec::new() })
    }

    /// The rows of an address-of-record.
    pub fn select(&self, table: &[u8], aor: &[u8], with_domain: bool) -> Result<Query, NameError> {
        let (user, domain) = split(aor, with_domain);
        let mut only = vec![self.equal(USER, Cell::text(user))];
        if let Some(domain) = domain {
            only.push(self.equal(DOMAIN, Cell::text(domain)));
        }
        Ok(Query::Select { table: Name::parse(table)?, columns: self.columns.0.to_vec(), only })
    }

    /// Writes a contact that is new, or changed.
    pub(super) fn write(
        &self,
        record: Record<'_>,
        with_domain: bool,
        sockets: &Sockets,
    ) -> Result<Query, NameError> {
        let table = Name::parse(record.table)?;
        let cells = self.cells(record, with_domain, sockets);
        let values = self.columns.0.iter().cloned().zip(cells).collect();
        if record.contact.facts.state == State::Dirty && !self.updates_are_puts {
            let only = self.identity(record, with_domain);
            return Ok(Query::Update { table, values, only });
        }
        // A write whose answer was lost may come again, so a new row may be there already.
        Ok(Query::Put { table, values, key: vec![self.columns.0[RUID].clone()] })
    }

    /// Removes a contact.
    pub(super) fn remove(&self, record: Record<'_>, with_domain: bool) -> Result<Query, NameError> {
        Ok(Query::Delete { table: Name::parse(record.table)?, only: self.identity(record, with_domain) })
    }

    /// Removes what expired before `unix_now`.
    pub(super) fn remove_expired(&self, table: &[u8], unix_now: u32) -> Result<Query, NameError> {
        let limit = unix_now.saturating_sub(self.keeps_expired);
        let expires = &self.columns.0[EXPIRES];
        let only = vec![
            (expires.clone(), Operator::Below, self.time(limit)),
            (expires.clone(), Operator::Above, self.time(0)),
        ];
        Ok(Query::Delete { table: Name::parse(table)?, only })
    }

    fn identity(&self, record: Record<'_>, with_domain: bool) -> Vec<(Name, Operator, Cell)> {
        let texts = record.contact.texts();
        if self.by_ruid {
            return vec![self.equal(RUID, Cell::text(texts.ruid))];
        }
        let (user, domain) = split(record.aor, with_domain);
        let mut only = vec![
            self.equal(USER, Cell::text(user)),
            self.equal(CONTACT, Cell::text(texts.uri)),
            self.equal(CALL_ID, Cell::text(texts.call_id)),
        ];
        only.extend(domain.map(|domain| self.equal(DOMAIN, Cell::text(domain))));
        only
    }

    fn equal(&self, at: usize, cell: Cell) -> (Name, Operator, Cell) {
        (self.columns.0[at].clone(), Operator::Equal, cell)
    }

    pub(super) fn time(&self, unix: u32) -> Cell {
        if self.has_plain_times { Cell::Int(unix.into()) } else { Cell::Time(unix.into()) }
    }

    fn cells(&self, record: Record<'_>, with_domain: bool, sockets: &Sockets) -> [Cell; KEYS.len()] {
        let (user, domain) = split(record.aor, with_domain);
        let (texts, facts) = (record.contact.texts(), &record.contact.facts);
        let filled = |text: &[u8]| if text.is_empty() { Cell::Null } else { Cell::text(text) };
        let number = |number: u32| Cell::Int(number.into());
        let is_stream = facts.conn != ConnId::NONE;
        [
            Cell::text(user),
            domain.map_or(Cell::Null, Cell::text),
            Cell::text(texts.uri),
            self.time(facts.expires),
            Cell::Real(facts.q.map_or(-1.0, |q| f64::from(q) / 1000.0)),
            Cell::text(texts.call_id),
            number(facts.cseq),
            number(facts.flags),
            number(facts.cflags),
            Cell::text(texts.user_agent),
            filled(texts.received),
            filled(texts.path),
            facts.socket.map_or(Cell::Null, |id| socket_text(id, sockets)),
            if facts.methods == Facts::ALL_METHODS { Cell::Null } else { number(facts.methods) },
            self.time(facts.last_modified),
            Cell::text(texts.ruid),
            filled(texts.instance),
            number(facts.reg_id),
            Cell::Int(0),
            Cell::Int(if is_stream { facts.conn.0.into() } else { -1 }),
            Cell::Int(0),
            Cell::Int(0),
        ]
    }

    /// Reads a row: the address-of-record and the contact. `None`: it is none of ours, or too long.
    pub fn read(&self, row: &Row, with_domain: bool, sockets: &Sockets) -> Option<(Vec<u8>, Contact)> {
        let text = |at: usize| row.get(at).and_then(Cell::to_text).unwrap_or_default();
        let number = |at: usize| row.get(at).and_then(Cell::to_int).unwrap_or(0);
        let time = |at: usize| row.get(at).and_then(Cell::to_unix_time).unwrap_or(0).max(0);
        let unsigned = |value: i64| u32::try_from(value).unwrap_or(value as u32);
        let mut aor = text(USER).to_vec();
        let domain = text(DOMAIN);
        if with_domain && !domain.is_empty() {
            if !aor.is_empty() {
                aor.push(b'@');
            }
            aor.extend_from_slice(&domain);
        }
        let socket_text = text(12);
        let socket = find_socket(&socket_text, sockets);
        let is_foreign = self.skips_foreign && !socket_text.is_empty() && socket.is_none();
        let is_stream = number(19) > 0;
        if is_foreign || (self.skips_streams && is_stream) {
            return None;
        }
        let q = row.get(4).and_then(Cell::to_real).filter(|q| (0.0..=1.0).contains(q));
        let facts = Facts {
            expires: unsigned(time(EXPIRES)),
            last_modified: unsigned(time(14)),
            cseq: unsigned(number(6)),
            q: q.map(|q| (q * 1000.0).round() as u16),
            flags: unsigned(number(7)),
            cflags: unsigned(number(8)),
            methods: row.get(13).and_then(Cell::to_int).map_or(Facts::ALL_METHODS, unsigned),
            reg_id: unsigned(number(17)),
            socket,
            // A connection does not outlive the process that had it.
            conn: ConnId::NONE,
            state: State::Synced,
        };
        let fields = [CONTACT, CALL_ID, 10, 11, 9, 16, RUID].map(text);
        let [uri, call_id, received, path, user_agent, instance, ruid] = &fields;
        let texts = Texts { uri, call_id, received, path, user_agent, instance, ruid, ..Texts::default() };
        Contact::new(texts, facts).ok().map(|contact| (aor, contact))
    }
}

/// User and domain of an address-of-record; without domains, no domain.
pub(super) fn split(aor: &[u8], with_domain: bool) -> (&[u8], Option<&[u8]>) {
    if !with_domain {
        return (aor, None);
    }
    match aor.iter().rposition(|byte| *byte == b'@') {
        Some(at) => (&aor[..at], Some(&aor[at + 1..])),
        None => (b"", Some(aor)),
    }
}

/// `udp:127.0.0.1:5060`
pub(super) fn socket_name(id: SocketId, sockets: &Sockets) -> String {
    let socket = sockets.get(id);
    format!("{}:{}", socket.transport.param_name(), socket.addr)
}

fn socket_text(id: SocketId, sockets: &Sockets) -> Cell {
    Cell::text(socket_name(id, sockets).as_bytes())
}

fn find_socket(text: &[u8], sockets: &Sockets) -> Option<SocketId> {
    let (transport, rest) = std::str::from_utf8(text).ok()?.split_once(':')?;
    let (host, port) = rest.rsplit_once(':')?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    sockets.find(host, port.parse().ok()?, Transport::parse(transport.as_bytes()))
}
