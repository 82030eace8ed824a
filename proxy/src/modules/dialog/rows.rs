//! Dialogs as rows of the tables `dialog` (version 7) and `dialog_vars` (version 1), and back.

use bytes::Bytes;

use super::params::{Profile, Tables};
use super::table::{Dialog, Leg, Options, State, Stored};
use crate::relay::Sockets;
use crate::store::{Cell, Name, Operator, Query, Row};

/// What a dialog is found by in the tables.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) entry: u32,
    pub(super) serial: u32,
}

impl Key {
    fn of(dialog: &Dialog) -> Key {
        Key { entry: dialog.entry, serial: dialog.id.serial }
    }

    fn only(&self, entry: &Name, serial: &Name) -> Vec<(Name, Operator, Cell)> {
        let is = |name: &Name, number: u32| (name.clone(), Operator::Equal, Cell::Int(i64::from(number)));
        vec![is(entry, self.entry), is(serial, self.serial)]
    }
}

/// All rows of all dialogs; `only` may narrow them.
pub(super) fn select(tables: &Tables, only: Vec<(Name, Operator, Cell)>) -> Query {
    Query::Select { table: tables.dialogs.clone(), columns: tables.columns.clone(), only }
}

/// All variables of all dialogs.
pub(super) fn select_vars(tables: &Tables) -> Query {
    let columns = tables.var_columns.to_vec();
    Query::Select { table: tables.vars.clone(), columns, only: Vec::new() }
}

/// The condition that names the dialogs of a Call-ID.
pub(super) fn of_call(tables: &Tables, call_id: &[u8]) -> (Name, Operator, Cell) {
    (tables.columns[CALL_ID].clone(), Operator::Equal, Cell::text(call_id))
}

/// Takes a dialog and its variables out.
pub(super) fn delete(tables: &Tables, key: &Key) -> [Query; 2] {
    let [entry, serial, ..] = &tables.columns[..] else {
        unreachable!("there are as many columns as values")
    };
    let [var_entry, var_serial, ..] = &tables.var_columns;
    [
        Query::Delete { table: tables.dialogs.clone(), only: key.only(entry, serial) },
        Query::Delete { table: tables.vars.clone(), only: key.only(var_entry, var_serial) },
    ]
}

/// Puts a dialog and its variables in, in place of what is there of it.
pub(super) fn put(tables: &Tables, dialog: &Dialog, sockets: &Sockets, profiles: &[Profile]) -> Vec<Query> {
    let key = Key::of(dialog);
    let mut queries = delete(tables, &key).to_vec();
    let cells = cells(dialog, sockets, profiles);
    let values = tables.columns.iter().cloned().zip(cells).collect();
    queries.push(Query::Insert { table: tables.dialogs.clone(), values });
    queries.extend(dialog.vars.iter().map(|(name, value)| {
        let cells = [
            Cell::Int(i64::from(key.entry)),
            Cell::Int(i64::from(key.serial)),
            Cell::text(name),
            Cell::text(value),
        ];
        Query::Insert {
            table: tables.vars.clone(),
            values: tables.var_columns.iter().cloned().zip(cells).collect(),
        }
    }));
    queries
}

/// The columns in order, by their usual names; a parameter may name most of them otherwise.
pub(super) const COLUMNS: [(&str, &str); 23] = [
    ("h_entry_column", "hash_entry"),
    ("h_id_column", "hash_id"),
    ("call_id_column", "callid"),
    ("from_uri_column", "from_uri"),
    ("from_tag_column", "from_tag"),
    ("to_uri_column", "to_uri"),
    ("to_tag_column", "to_tag"),
    ("from_cseq_column", "caller_cseq"),
    ("to_cseq_column", "callee_cseq"),
    ("from_route_column", "caller_route_set"),
    ("to_route_column", "callee_route_set"),
    ("from_contact_column", "caller_contact"),
    ("to_contact_column", "callee_contact"),
    ("from_sock_column", "caller_sock"),
    ("to_sock_column", "callee_sock"),
    ("state_column", "state"),
    ("start_time_column", "start_time"),
    ("timeout_column", "timeout"),
    ("sflags_column", "sflags"),
    ("", "iflags"),
    ("toroute_name_column", "toroute_name"),
    ("", "req_uri"),
    ("", "xdata"),
];

/// The columns of a variable.
pub(super) const VAR_COLUMNS: [(&str, &str); 4] = [
    ("vars_h_entry_column", "hash_entry"),
    ("vars_h_id_column", "hash_id"),
    ("vars_key_column", "dialog_key"),
    ("vars_value_column", "dialog_value"),
];

/// Where the Call-ID stands among the columns.
const CALL_ID: usize = 2;

fn cells(dialog: &Dialog, sockets: &Sockets, profiles: &[Profile]) -> Vec<Cell> {
    let number = |number: u32| Cell::Int(i64::from(number));
    let cseq = |leg: &Leg| Cell::text(leg.cseq.to_string().as_bytes());
    let socket = |leg: &Leg| {
        let socket = leg.socket.map(|id| sockets.get(id));
        let text = socket.map(|it| format!("{}:{}", it.transport.param_name(), it.addr)).unwrap_or_default();
        Cell::text(text.as_bytes())
    };
    let (caller, callee) = (&dialog.caller, &dialog.callee);
    vec![
        number(dialog.entry),
        number(dialog.id.serial),
        Cell::text(&dialog.call_id),
        Cell::text(&dialog.from_uri),
        Cell::text(&caller.tag),
        Cell::text(&dialog.to_uri),
        Cell::text(&callee.tag),
        cseq(caller),
        cseq(callee),
        Cell::text(&caller.routes),
        Cell::text(&callee.routes),
        Cell::text(&caller.contact),
        Cell::text(&callee.contact),
        socket(caller),
        socket(callee),
        Cell::Int(dialog.state as i64),
        number(dialog.started),
        number(dialog.expires),
        number(dialog.flags),
        number(dialog.options.to_flags()),
        dialog.timeout_route.as_ref().map_or(Cell::Null, |route| Cell::text(route.as_bytes())),
        Cell::text(&dialog.to_uri),
        Cell::Text(written(&dialog.profiles, profiles)),
    ]
}

/// A row as a dialog to be put back. `None`: it is of no answered call.
pub(super) fn read(
    row: &Row,
    sockets: &impl Fn(&str) -> Option<crate::relay::SocketId>,
    profiles: &[Profile],
) -> Option<Stored> {
    let text = |at: usize| row.get(at).and_then(Cell::to_text).unwrap_or_default();
    let boxed = |at: usize| Box::<[u8]>::from(&text(at)[..]);
    let number =
        |at: usize| row.get(at).and_then(Cell::to_int).and_then(|it| u32::try_from(it).ok()).unwrap_or(0);
    let leg = |tag: usize, cseq: usize, routes: usize, contact: usize, socket: usize| Leg {
        tag: boxed(tag),
        contact: boxed(contact),
        routes: boxed(routes),
        cseq: number(cseq),
        socket: sockets(&String::from_utf8_lossy(&text(socket))),
    };
    let state = match number(15) {
        3 => State::ConfirmedNoAck,
        4 => State::Confirmed,
        _ => return None,
    };
    let route = String::from_utf8_lossy(&text(20)).into_owned();
    Some(Stored {
        entry: number(0),
        serial: number(1),
        state,
        call_id: boxed(CALL_ID),
        from_uri: boxed(3),
        to_uri: boxed(5),
        caller: leg(4, 7, 9, 11, 13),
        callee: leg(6, 8, 10, 12, 14),
        started: number(16),
        expires: number(17),
        flags: number(18),
        options: Options::from_flags(number(19)),
        timeout_route: (!route.is_empty()).then(|| route.into()),
        profiles: read_profiles(&text(22), profiles),
    })
}

/// A row of a variable: whose it is, its name and value.
pub(super) fn read_var(row: &Row) -> Option<(Key, Bytes, Bytes)> {
    let number = |at: usize| row.get(at)?.to_int().and_then(|it| u32::try_from(it).ok());
    let key = Key { entry: number(0)?, serial: number(1)? };
    Some((key, row.get(2)?.to_text()?, row.get(3)?.to_text()?))
}

/// `{"profiles":{"name":"value","other":0}}`
fn written(of: &[(u16, Bytes)], profiles: &[Profile]) -> Bytes {
    if of.is_empty() {
        return Bytes::new();
    }
    let member = |(number, value): &(u16, Bytes)| {
        let name = profiles.get(usize::from(*number)).map_or("", |profile| profile.name.as_str());
        let value = match profiles.get(usize::from(*number)).is_some_and(|profile| profile.has_value) {
            true => quoted(&String::from_utf8_lossy(value)),
            false => "0".to_owned(),
        };
        format!("{}:{value}", quoted(name))
    };
    let members: Vec<String> = of.iter().map(member).collect();
    format!("{{\"profiles\":{{{}}}}}", members.join(",")).into()
}

fn quoted(text: &str) -> String {
    let escaped: String = text
        .chars()
        .map(|it| match it {
            '"' => "\\\"".to_owned(),
            '\\' => "\\\\".to_owned(),
            it if it.is_control() => format!("\\u{:04x}", it as u32),
            it => it.to_string(),
        })
        .collect();
    format!("\"{escaped}\"")
}

/// The profiles of such a text: its quoted names, each with the quoted value or number that follows.
fn read_profiles(text: &[u8], profiles: &[Profile]) -> Vec<(u16, Bytes)> {
    let text = String::from_utf8_lossy(text);
    let Some((_, members)) = text.split_once("\"profiles\"") else { return Vec::new() };
    let mut found = Vec::new();
    let mut rest = members;
    while let Some((name, behind)) = unquoted(rest) {
        let behind = behind.trim_start().trim_start_matches(':').trim_start();
        let value = if behind.starts_with('"') { unquoted(behind) } else { None };
        let (value, behind) = value.unwrap_or((String::new(), behind));
        let number = profiles.iter().position(|profile| profile.name == name);
        found.extend(number.map(|number| (number as u16, Bytes::from(value))));
        rest = behind;
    }
    found
}

/// The next quoted text, and what follows it.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let start = text.find('"')? + 1;
    let mut out = String::new();
    let mut chars = text[start..].char_indices();
    while let Some((at, it)) = chars.next() {
        match it {
            '"' => return Some((out, &text[start + at + 1..])),
            '\\' => match chars.next()?.1 {
                'u' => {
                    let digits: String = chars.by_ref().take(4).map(|(_, digit)| digit).collect();
                    out.extend(u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32));
                }
                it => out.push(it),
            },
            it => out.push(it),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{Profile, read_profiles, written};

    #[test]
    fn profiles_are_written_and_read_back() {
        let profile = |name: &str, has_value| Profile { name: name.to_owned(), has_value };
        let profiles = [profile("caller", true), profile("all", false)];
        let of = vec![(0, Bytes::from("al\"i\\ce\u{1}")), (1, Bytes::new()), (0, Bytes::from("bob"))];
        let text = written(&of, &profiles);
        assert!(text.starts_with(b"{\"profiles\":{\"caller\":\"al\\\"i"), "{text:?}");
        assert_eq!(read_profiles(&text, &profiles), of);
        for broken in ["", "{\"profiles\":{\"caller\"", "{\"profiles\":{\"x\":\"y\"}}", "\"profiles\"\\"] {
            assert!(
                read_profiles(broken.as_bytes(), &profiles).iter().all(|(_, value)| value.is_empty()),
                "{broken}"
            );
        }
    }
}
