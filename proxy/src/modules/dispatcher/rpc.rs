//! The remote procedures `dispatcher.*`.

use bytes::Bytes;

use super::hash as hashing;
use super::list::{Line, with_scheme};
use super::params::{Rules, Source};
use super::probe::IsPinging;
use super::reading::{ask_table, rules, sets};
use super::set::{Destination, Set};
use super::state::State;
use crate::api::{RpcError, RpcValue, Shard, Value};

type Answer = Result<RpcValue, RpcError>;

/// `dispatcher.list [short]`
pub(super) fn list(shard: &mut Shard, args: &[Value]) -> Answer {
    let is_short = args.first().is_some_and(|word| word.to_text().eq_ignore_ascii_case(b"short"));
    let rules = rules(shard);
    let table = sets(shard).table().unwrap_or_default();
    let records = table.iter().map(|set| record([("SET", set_record(&set, &rules, is_short))])).collect();
    Ok(record([("NRSETS", int(table.len())), ("RECORDS", RpcValue::List(records))]))
}

fn set_record(set: &Set, rules: &Rules, is_short: bool) -> RpcValue {
    let targets =
        set.list.iter().map(|it| record([("DEST", destination_record(it, rules, is_short))])).collect();
    record([("ID", RpcValue::Plain(Value::Int(set.id))), ("TARGETS", RpcValue::List(targets))])
}

fn destination_record(it: &Destination, rules: &Rules, is_short: bool) -> RpcValue {
    let letters = Value::Str(it.state().letters().into());
    let mut fields = vec![
        ("URI", text(&it.uri)),
        ("FLAGS", RpcValue::Plain(letters)),
        ("PRIORITY", RpcValue::Plain(Value::Int(it.priority))),
    ];
    if !is_short && !it.attrs.text.is_empty() {
        let attrs = &it.attrs;
        fields.push((
            "ATTRS",
            record([
                ("BODY", text(&attrs.text)),
                ("DUID", text(&attrs.duid)),
                ("MAXLOAD", int(attrs.max_load as usize)),
                ("WEIGHT", int(attrs.weight as usize)),
                ("RWEIGHT", int(it.rweight as usize)),
                ("SOCKET", text(&attrs.socket)),
                ("SOCKNAME", text(&attrs.socket_name)),
                ("OBPROXY", text(&attrs.outbound_proxy)),
            ]),
        ));
    }
    if rules.probing.measures_latency {
        let latency = &it.latency;
        fields.push((
            "LATENCY",
            record([
                ("AVG", decimal(latency.average)),
                ("STD", decimal(latency.deviation)),
                ("EST", decimal(latency.estimate)),
                ("MAX", int(latency.longest as usize)),
                ("TIMEOUT", int(latency.timeouts as usize)),
            ]),
        ));
    }
    fields.push(("RUNTIME", record([("DLGLOAD", int(it.load as usize))])));
    record(fields)
}

/// `dispatcher.set_state state set uri|all`: no event route runs, nothing is counted.
pub(super) fn set_state(shard: &mut Shard, args: &[Value]) -> Answer {
    let [word, set, uri] = three(args)?;
    change(shard, (&word, &set), |it| uri.eq_ignore_ascii_case(b"all") || it.uri == uri)
}

/// `dispatcher.set_duid_state state set duid`
pub(super) fn set_duid_state(shard: &mut Shard, args: &[Value]) -> Answer {
    let [word, set, duid] = three(args)?;
    change(shard, (&word, &set), |it| it.attrs.duid == duid)
}

fn three(args: &[Value]) -> Result<[Bytes; 3], RpcError> {
    match args {
        [first, second, third, ..] => Ok([first.to_text(), second.to_text(), third.to_text()]),
        _ => Err(fault("Invalid Parameters")),
    }
}

fn change(
    shard: &mut Shard,
    (word, set): (&Bytes, &Bytes),
    is_meant: impl Fn(&Destination) -> bool,
) -> Answer {
    let state = State::parse_command(word).ok_or_else(|| fault("Unknown State Value"))?;
    let table = sets(shard).table().unwrap_or_default();
    let id = crate::api::parse_int(set).ok_or_else(|| fault("Invalid Parameters"))?;
    let mut set = table.set(id).ok_or_else(|| fault("State Update Failed"))?;
    let places: Vec<usize> = (0..set.list.len()).filter(|place| is_meant(&set.list[*place])).collect();
    if places.is_empty() {
        return Err(fault("State Update Failed"));
    }
    places.into_iter().for_each(|place| set.set_state(place, state));
    Ok(done("Ok. Dispatcher state updated."))
}

/// `dispatcher.reload`
pub(super) fn reload(shard: &mut Shard, _: &[Value]) -> Answer {
    take_turn(shard)?;
    let (rules, sets) = (rules(shard), sets(shard));
    // Counted calls would lose the destination they count for.
    if !sets.loads().is_empty() {
        return Err(fault("Active load dispatching"));
    }
    match rules.source {
        Source::File(_) => sets.read_file(&rules).map_err(|_| fault("Reload Failed"))?,
        Source::Table(..) => ask_table(shard),
    }
    Ok(done("Ok. Dispatcher successfully reloaded."))
}

/// `dispatcher.ping_active [0|1]`
pub(super) fn ping_active(shard: &mut Shard, args: &[Value]) -> Answer {
    let is_pinging = shard.states.get::<IsPinging>();
    let before = usize::from(is_pinging.0);
    let Some(wanted) = args.first() else { return Ok(record([("OldPingState", int(before))])) };
    is_pinging.0 = wanted.to_int() != 0;
    let after = usize::from(is_pinging.0);
    Ok(record([("NewPingState", int(after)), ("OldPingState", int(before))]))
}

/// `dispatcher.add set uri [flags [priority [attrs]]]`
pub(super) fn add(shard: &mut Shard, args: &[Value]) -> Answer {
    let [set, uri, rest @ ..] = args else { return Err(fault("Invalid Parameters")) };
    let number = |at: usize| rest.get(at).map_or(0, Value::to_int);
    let line = Line {
        set: set.to_int(),
        uri: with_scheme(&uri.to_text()),
        flags: number(0),
        priority: number(1),
        attrs: rest.get(2).map(Value::to_text).unwrap_or_default(),
    };
    let destination = Destination::of_line(&line).map_err(|_| fault("Adding dispatcher dst failed"))?;
    take_turn(shard)?;
    sets(shard).add(line.set, destination);
    super::lookup::of_list(shard);
    Ok(done("Ok. Dispatcher destination added."))
}

/// `dispatcher.remove set uri`
pub(super) fn remove(shard: &mut Shard, args: &[Value]) -> Answer {
    let [set, uri, ..] = args else { return Err(fault("Invalid Parameters")) };
    let uri = with_scheme(&uri.to_text());
    take_turn(shard)?;
    match sets(shard).remove(set.to_int(), |it| it.uri == uri) {
        0 => Err(fault("Removing dispatcher dst failed")),
        _ => Ok(done("Ok. Dispatcher destination removed.")),
    }
}

/// `dispatcher.hash slots value [value]`
pub(super) fn hash(_: &mut Shard, args: &[Value]) -> Answer {
    let [slots, values @ ..] = args else { return Err(fault("Invalid Parameters")) };
    let texts: Vec<Bytes> = values.iter().take(2).map(Value::to_text).collect();
    let slots = u32::try_from(slots.to_int()).ok().filter(|slots| *slots > 0);
    let (Some(slots), false) = (slots, texts.first().is_none_or(Bytes::is_empty)) else {
        return Err(fault("Invalid Parameters"));
    };
    let parts: Vec<&[u8]> = texts.iter().map(|text| &text[..]).collect();
    let id = hashing::of(&parts);
    Ok(record([("hashid", int(id as usize)), ("slot", int((id % slots) as usize))]))
}

/// Commands that make all sets anew have a time between them.
fn take_turn(shard: &Shard) -> Result<(), RpcError> {
    let delta = rules(shard).reload_delta;
    let now = shard.unix_time(shard.now).as_secs();
    let sets = sets(shard);
    let mut last = sets.reloaded.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if last.is_some_and(|last| now < last + delta) {
        return Err(fault("Ongoing reload"));
    }
    *last = Some(now);
    Ok(())
}

fn fault(reason: &str) -> RpcError {
    RpcError { code: 500, reason: reason.to_owned() }
}

fn done(text: &'static str) -> RpcValue {
    RpcValue::Plain(Value::literal(text))
}

fn int(number: usize) -> RpcValue {
    RpcValue::Plain(Value::Int(number as i64))
}

/// Null for an empty text.
fn text(text: &Bytes) -> RpcValue {
    RpcValue::Plain(if text.is_empty() { Value::Null } else { Value::Str(text.clone()) })
}

fn decimal(number: f64) -> RpcValue {
    RpcValue::Plain(Value::Str(format!("{number:.6}").into()))
}

fn record<'a>(fields: impl IntoIterator<Item = (&'a str, RpcValue)>) -> RpcValue {
    RpcValue::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
