//! The remote procedures `ul.*`, with the members and the order of Kamailio 5.6.3.

use std::sync::Arc;

use sip::peer::ConnId;

use super::contact::{Contact, Facts, State, Texts};
use super::params::{DbMode, Rules};
use super::rows::socket_name;
use super::store::{Location, SEGMENTS, Table};
use super::sync::Desk;
use super::timer;
use crate::api::{RpcDef, RpcError, RpcScope, RpcValue, Shard, Value, core_hash};
use crate::relay::Sockets;

/// The procedures.
pub(super) static RPCS: &[RpcDef] = &[
    RpcDef {
        name: "ul.dump",
        scope: RpcScope::One,
        run: dump,
        doc: "all contacts; brief: the addresses alone",
    },
    RpcDef { name: "ul.lookup", scope: RpcScope::One, run: lookup, doc: "table aor: its contacts" },
    RpcDef { name: "ul.rm", scope: RpcScope::One, run: remove, doc: "table aor: its contacts go" },
    RpcDef {
        name: "ul.rm_contact",
        scope: RpcScope::One,
        run: remove_contact,
        doc: "table aor contact: it goes",
    },
    RpcDef { name: "ul.flush", scope: RpcScope::One, run: flush, doc: "what is not written yet is written" },
    RpcDef {
        name: "ul.db_users",
        scope: RpcScope::One,
        run: |shard, args| stored(shard, args, |counts| counts.users),
        doc: "table: how many addresses-of-record are stored",
    },
    RpcDef {
        name: "ul.db_contacts",
        scope: RpcScope::One,
        run: |shard, args| stored(shard, args, |counts| counts.valid),
        doc: "table: how many contacts are stored that have not expired",
    },
    RpcDef {
        name: "ul.db_expired_contacts",
        scope: RpcScope::One,
        run: |shard, args| stored(shard, args, |counts| counts.expired),
        doc: "table: how many contacts are stored that have expired",
    },
    RpcDef {
        name: "ul.add",
        scope: RpcScope::One,
        run: add,
        doc: "table aor contact expires q path flags cflags methods [received] [socket]; expires 0: for ever",
    },
];

type Answer = Result<RpcValue, RpcError>;

fn dump(shard: &mut Shard, args: &[Value]) -> Answer {
    let is_brief = args.first().is_some_and(|word| &word.to_text()[..] == b"brief");
    let now = unix_now(shard);
    let location = location(shard)?;
    let domain = |(name, table): (Box<[u8]>, Arc<Table>)| {
        let mut aors = Vec::new();
        for segment in 0..SEGMENTS {
            table.records(segment, |aor, contacts| {
                aors.push(match is_brief {
                    true => record("AoR", text(aor)),
                    false => record("Info", RpcValue::Record(info(aor, contacts, now, &shard.sockets))),
                });
            });
        }
        let stats = vec![("Records", int(aors.len() as i64)), ("Max-Slots", int(1))];
        let fields = vec![
            ("Domain", text(&name)),
            ("Size", int(1024)),
            ("AoRs", RpcValue::List(aors)),
            ("Stats", fields(stats)),
        ];
        record("Domain", self::fields(fields))
    };
    Ok(record("Domains", RpcValue::List(location.tables().into_iter().map(domain).collect())))
}

fn lookup(shard: &mut Shard, args: &[Value]) -> Answer {
    let (table, aor) = place(shard, args)?;
    let now = unix_now(shard);
    let found = table.read(&aor, |contacts| {
        (!contacts.is_empty()).then(|| RpcValue::Record(info(&aor, contacts, now, &shard.sockets)))
    });
    found.ok_or_else(|| fault(500, "AOR not found in location table"))
}

fn remove(shard: &mut Shard, args: &[Value]) -> Answer {
    let (table, aor) = place(shard, args)?;
    change(shard, &table, &aor, Vec::clear)?;
    Ok(RpcValue::List(Vec::new()))
}

fn remove_contact(shard: &mut Shard, args: &[Value]) -> Answer {
    let (table, aor) = place(shard, args)?;
    let uri = argument(args, 2)?.to_text();
    let is_gone = change(shard, &table, &aor, |contacts| {
        let before = contacts.len();
        contacts.retain(|contact| contact.texts().uri != uri);
        contacts.len() < before
    })?;
    if is_gone { Ok(RpcValue::List(Vec::new())) } else { Err(fault(404, "Contact not found")) }
}

fn flush(shard: &mut Shard, _: &[Value]) -> Answer {
    timer::flush(shard);
    Ok(RpcValue::List(Vec::new()))
}

fn add(shard: &mut Shard, args: &[Value]) -> Answer {
    if args.len() < 9 {
        return Err(fault(500, "Not enough parameters or wrong format"));
    }
    let location = location(shard)?;
    let table = location.table(&args[0].to_text());
    let aor = args[1].to_text();
    let given = |at: usize| args.get(at).map(Value::to_text).filter(|text| !matches!(&text[..], b"0" | b"."));
    let number = |at: usize| args.get(at).map_or(0, Value::to_int);
    let now = unix_now(shard);
    let q = std::str::from_utf8(&args[4].to_text()).ok().and_then(|text| text.parse::<f64>().ok());
    let methods = number(8);
    let facts = Facts {
        expires: match number(3) {
            0 => 0,
            seconds => now.saturating_add(u32::try_from(seconds).unwrap_or(0)),
        },
        cseq: 1,
        q: q.filter(|q| (0.0..=1.0).contains(q)).map(|q| (q * 1000.0).round() as u16),
        flags: number(6) as u32,
        cflags: number(7) as u32,
        methods: if methods == 0 { Facts::ALL_METHODS } else { methods as u32 },
        conn: ConnId::NONE,
        ..Facts::default()
    };
    let (uri, path, received) = (args[2].to_text(), given(5), given(9));
    let ruid = format!("ulcx-{now:x}-{:x}", shard.ident.next_u64());
    let texts = Texts {
        uri: &uri,
        call_id: b"dfjrewr12386fd6-343@kamailio.rpc",
        received: received.as_deref().unwrap_or_default(),
        path: path.as_deref().unwrap_or_default(),
        user_agent: b"kamailio SIP Router - RPC Server",
        instance: b"",
        ruid: ruid.as_bytes(),
        attributes: b"",
    };
    let contact = Contact::new(texts, facts).map_err(|_| fault(500, "Contact is too long"))?;
    let preference = rules(shard)?.preference;
    change(shard, &table, &aor, |contacts| {
        // The contact that is there already keeps its record.
        contacts.retain(|old| old.texts().uri != contact.texts().uri);
        contacts.push(contact);
        super::sort(contacts, preference);
    })?;
    Ok(RpcValue::List(Vec::new()))
}

/// What a table holds.
#[derive(Default)]
struct Counts {
    users: i64,
    valid: i64,
    expired: i64,
}

/// Counts what is stored of a table: what is in memory, which the database has with the next walk of the timer.
fn stored(shard: &mut Shard, args: &[Value], pick: fn(&Counts) -> i64) -> Answer {
    match rules(shard)?.mode {
        DbMode::Memory => return Err(fault(500, "Command is not supported in db_mode=0")),
        DbMode::DbOnly => return Err(fault(500, "Command is not supported in db_mode=3")),
        DbMode::WriteThrough | DbMode::WriteBack | DbMode::ReadOnly => {}
    }
    let (table, now) = (table(shard, args)?, unix_now(shard));
    let mut counts = Counts::default();
    for segment in 0..SEGMENTS {
        table.records(segment, |_, contacts| {
            let valid = contacts.iter().filter(|contact| contact.is_valid(now)).count();
            counts.users += 1;
            counts.valid += valid as i64;
            counts.expired += (contacts.len() - valid) as i64;
        });
    }
    Ok(int(pick(&counts)))
}

/// Changes contacts and has what came of it written.
fn change<T>(
    shard: &mut Shard,
    table: &Arc<Table>,
    aor: &[u8],
    change: impl FnOnce(&mut Vec<Contact>) -> T,
) -> Result<T, RpcError> {
    let shared = shard.shared.clone();
    let (Some(rules), Some(location)) = (shared.peek::<Rules>(), shared.peek::<Location>()) else {
        return Err(fault(500, "usrloc is not loaded"));
    };
    if rules.mode == DbMode::DbOnly {
        return Err(fault(500, "Command is not supported in db_mode=3"));
    }
    let sockets = shard.sockets.clone();
    let desk = Desk { location, rules, sockets: &sockets };
    let (result, changes) = desk.change(table, aor, change);
    timer::write(shard, &desk, changes);
    Ok(result)
}

fn place(shard: &Shard, args: &[Value]) -> Result<(Arc<Table>, bytes::Bytes), RpcError> {
    Ok((table(shard, args)?, argument(args, 1)?.to_text()))
}

fn table(shard: &Shard, args: &[Value]) -> Result<Arc<Table>, RpcError> {
    let name = argument(args, 0)?.to_text();
    let mut tables = location(shard)?.tables().into_iter();
    let table = tables.find(|(known, _)| **known == *name).map(|(_, table)| table);
    table.ok_or_else(|| fault(500, "Domain table not found"))
}

fn argument(args: &[Value], at: usize) -> Result<&Value, RpcError> {
    args.get(at).ok_or_else(|| fault(500, "Not enough parameters or wrong format"))
}

fn location(shard: &Shard) -> Result<&Location, RpcError> {
    shard.shared.peek().ok_or_else(|| fault(500, "usrloc is not loaded"))
}

fn rules(shard: &Shard) -> Result<&Rules, RpcError> {
    shard.shared.peek().ok_or_else(|| fault(500, "usrloc is not loaded"))
}

fn info(aor: &[u8], contacts: &[Contact], now: u32, sockets: &Sockets) -> Vec<(String, RpcValue)> {
    let contacts = contacts.iter().map(|contact| record("Contact", shown(contact, now, sockets))).collect();
    vec![
        ("AoR".to_owned(), text(aor)),
        ("HashID".to_owned(), int(core_hash(&[aor]).into())),
        ("Contacts".to_owned(), RpcValue::List(contacts)),
    ]
}

fn shown(contact: &Contact, now: u32, sockets: &Sockets) -> RpcValue {
    let (texts, facts) = (contact.texts(), &contact.facts);
    let set = |part: &[u8]| text(if part.is_empty() { b"[not set]" } else { part });
    let expires = match facts.expires {
        0 => text(b"permanent"),
        expires if expires <= now => text(b"expired"),
        expires => int((expires - now).into()),
    };
    let q = facts.q.map_or("-1".to_owned(), |q| format!("{:.6}", f64::from(q) / 1000.0));
    let state: &[u8] = match facts.state {
        State::New => b"CS_NEW",
        State::Synced => b"CS_SYNC",
        State::Dirty => b"CS_DIRTY",
    };
    let methods = if facts.methods == Facts::ALL_METHODS { -1 } else { facts.methods.into() };
    let conn = if facts.conn == ConnId::NONE { -1 } else { facts.conn.0.into() };
    fields(vec![
        ("Address", text(texts.uri)),
        ("Expires", expires),
        ("Q", text(q.as_bytes())),
        ("Call-ID", text(texts.call_id)),
        ("CSeq", int(facts.cseq.into())),
        ("User-Agent", set(texts.user_agent)),
        ("Received", set(texts.received)),
        ("Path", set(texts.path)),
        ("State", text(state)),
        ("Flags", int(facts.flags.into())),
        ("CFlags", int(facts.cflags.into())),
        ("Socket", set(facts.socket.map(|id| socket_name(id, sockets)).unwrap_or_default().as_bytes())),
        ("Methods", int(methods)),
        ("Ruid", set(texts.ruid)),
        ("Instance", set(texts.instance)),
        ("Reg-Id", int(facts.reg_id.into())),
        ("Server-Id", int(0)),
        ("Tcpconn-Id", int(conn)),
        ("Keepalive", int(0)),
        ("Last-Keepalive", int(facts.last_modified.into())),
        ("KA-Roundtrip", int(0)),
        ("Last-Modified", int(facts.last_modified.into())),
    ])
}

fn fields(list: Vec<(&str, RpcValue)>) -> RpcValue {
    RpcValue::Record(list.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}

fn record(name: &str, value: RpcValue) -> RpcValue {
    RpcValue::Record(vec![(name.to_owned(), value)])
}

fn text(text: &[u8]) -> RpcValue {
    RpcValue::Plain(Value::copied(text))
}

fn int(int: i64) -> RpcValue {
    RpcValue::Plain(Value::Int(int))
}

fn fault(code: u16, reason: &str) -> RpcError {
    RpcError { code, reason: reason.to_owned() }
}

fn unix_now(shard: &Shard) -> u32 {
    u32::try_from(shard.unix_time(shard.now).as_secs()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::RPCS;
    use crate::api::{RpcValue, Value};
    use crate::trial::Trial;

    const CONFIG: &str = "loadmodule \"sl.so\"\nloadmodule \"usrloc.so\"\nloadmodule \"registrar.so\"\n\
        modparam(\"usrloc\", \"preload\", \"location\")\nrequest_route { exit; }\n";

    #[test]
    fn contacts_of_the_operator_come_are_shown_and_go() {
        let mut trial = Trial::load(CONFIG).expect("the test's configuration is right");
        let mut call = |name: &str, args: &[&str]| {
            let args: Vec<Value> = args.iter().map(|text| Value::copied(text.as_bytes())).collect();
            let def = RPCS.iter().find(|def| def.name == name).expect("it is there");
            (def.run)(&mut trial.shard, &args)
        };
        let added = call("ul.add", &["location", "bob", "sip:b@c", "0", "0.9", "0", "0", "0", "0"]);
        assert!(added.is_ok());
        let Ok(RpcValue::Record(found)) = call("ul.lookup", &["location", "bob"]) else {
            panic!("bob is there")
        };
        let shown = format!("{:?}", found);
        assert!(
            ["permanent", "0.900000", "CS_NEW", "[not set]"].iter().all(|word| shown.contains(word)),
            "{shown}"
        );
        let reason = |answer: Result<RpcValue, crate::api::RpcError>| answer.err().map(|error| error.reason);
        let contact = ["location", "bob", "sip:x@y"];
        assert_eq!(reason(call("ul.rm_contact", &contact)).as_deref(), Some("Contact not found"));
        assert_eq!(reason(call("ul.lookup", &["nowhere", "bob"])).as_deref(), Some("Domain table not found"));
        assert!(format!("{:?}", call("ul.dump", &["brief"])).contains("bob"));
        assert!(call("ul.rm", &["location", "bob"]).is_ok());
        let gone = reason(call("ul.lookup", &["location", "bob"]));
        assert_eq!(gone.as_deref(), Some("AOR not found in location table"));
    }
}
