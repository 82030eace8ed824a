//! The remote procedures `dlg.*`.

use bytes::Bytes;

use super::bridge::Bridge;
use super::context::{Direction, find_by_tags};
use super::life;
use super::params::{rules, totals};
use super::profiles;
use super::table::{Dialog, DialogId, Dialogs, Leg, State};
use crate::api::{RpcError, RpcValue, Shard, Value};
use crate::relay::Sockets;

type Answer = Result<RpcValue, RpcError>;

/// Whether a text is one that was asked for.
type Fits = Box<dyn Fn(&[u8]) -> bool>;

/// `dlg.list`
pub(super) fn list(shard: &mut Shard, _: &[Value]) -> Answer {
    listed(shard, |_| true)
}

/// `dlg.dlg_list callid [ftag]`
pub(super) fn of_call(shard: &mut Shard, args: &[Value]) -> Answer {
    let call_id = args.first().ok_or_else(|| fault(400, "Call-ID is missing"))?.to_text();
    let tag = args.get(1).map(Value::to_text);
    listed(shard, |it| *it.call_id == *call_id && tag.as_ref().is_none_or(|tag| *it.caller.tag == **tag))
}

/// `dlg.profile_list profile [value]`
pub(super) fn profile_list(shard: &mut Shard, args: &[Value]) -> Answer {
    let (profile, value) = profile(shard, args)?;
    listed(shard, |it| {
        it.profiles.iter().any(|(of, own)| *of == profile && value.as_ref().is_none_or(|value| own == value))
    })
}

/// `dlg.profile_get_size profile [value]`
pub(super) fn profile_size(shard: &mut Shard, args: &[Value]) -> Answer {
    let (profile, value) = profile(shard, args)?;
    Ok(int(totals(shard).size(profile, value.as_ref()) as i64))
}

fn profile(shard: &Shard, args: &[Value]) -> Result<(u16, Option<Bytes>), RpcError> {
    let name = args.first().map(Value::to_text).unwrap_or_default();
    let number = profiles::number(shard, &name);
    let missing = || fault(404, &format!("Profile not found: {}", String::from_utf8_lossy(&name)));
    Ok((number.ok_or_else(missing)?, args.get(1).map(Value::to_text)))
}

/// `dlg.terminate_dlg callid ftag ttag`
pub(super) fn terminate(shard: &mut Shard, args: &[Value]) -> Answer {
    let [call_id, from, to, ..] = args else { return Err(fault(400, "Call-ID and both tags are needed")) };
    let (from, to) = (from.to_text(), to.to_text());
    let found = find_by_tags(shard.states.get::<Dialogs>(), &call_id.to_text(), (&from, &to));
    match found {
        Some((id, _)) => hang_up(shard, id),
        None => Err(fault(500, "Couldnt find callid in dialog")),
    }
}

/// `dlg.end_dlg h_entry h_id`
pub(super) fn end(shard: &mut Shard, args: &[Value]) -> Answer {
    let [entry, serial, ..] = args else { return Err(fault(400, "Two numbers are needed")) };
    let (entry, serial) = (entry.to_int(), serial.to_int());
    let found = shard.states.get::<Dialogs>().numbered(entry, serial);
    match found {
        Some(id) => hang_up(shard, id),
        None => Err(fault(404, "Dialog not found")),
    }
}

/// `dlg.set_state callid ftag ttag state`: 1 to 5, or `confirmed`, `terminated` and the like.
pub(super) fn set_state(shard: &mut Shard, args: &[Value]) -> Answer {
    let [call_id, from, to, state, ..] = args else {
        return Err(fault(400, "Call-ID, both tags and a state are needed"));
    };
    let (from, to) = (from.to_text(), to.to_text());
    let state = match &state.to_text()[..] {
        b"1" | b"unconfirmed" | b"init" => State::Unconfirmed,
        b"2" | b"early" => State::Early,
        b"3" | b"answered" => State::ConfirmedNoAck,
        b"4" | b"confirmed" => State::Confirmed,
        b"5" | b"terminated" => State::Deleted,
        _ => return Err(fault(400, "Unknown state")),
    };
    let dialogs = shard.states.get::<Dialogs>();
    let Some((id, _)) = find_by_tags(dialogs, &call_id.to_text(), (&from, &to)) else {
        return Err(fault(404, "Dialog not found"));
    };
    match state {
        State::Deleted => life::finish(shard, id),
        state => dialogs.set_state(id, state),
    }
    Ok(RpcValue::List(Vec::new()))
}

/// `dlg.bridge_dlg from to [next hop [body]]`
pub(super) fn bridge(shard: &mut Shard, args: &[Value]) -> Answer {
    let of = |at: usize| args.get(at).map(Value::to_text).filter(|text| *text != ".").unwrap_or_default();
    let bridge = Bridge { from: of(0), to: of(1), next_hop: of(2), offer: of(3) };
    if sip::msg::Uri::parse(&bridge.from).is_err() || bridge.to.is_empty() {
        return Err(fault(400, "Two addresses are needed"));
    }
    super::bridge::begin(shard, bridge);
    Ok(RpcValue::List(Vec::new()))
}

/// `dlg.briefing [letters]`: F and T are the tags.
pub(super) fn briefing(shard: &mut Shard, args: &[Value]) -> Answer {
    let letters = args.first().map(Value::to_text).unwrap_or_default();
    let has = |letter: u8| letters.contains(&letter);
    let shown = |dialog: &Dialog| {
        let mut fields =
            vec![("h_entry", int(i64::from(dialog.entry))), ("h_id", int(i64::from(dialog.id.serial)))];
        fields.extend(has(b'F').then(|| ("from_tag", text(&dialog.caller.tag))));
        fields.extend(has(b'T').then(|| ("to_tag", text(&dialog.callee.tag))));
        record(fields)
    };
    Ok(RpcValue::List(shard.states.get::<Dialogs>().iter().map(shown).collect()))
}

/// `dlg.list_match key operation value [limit]`: `ruri`, `furi`, `turi` and `callid` by `eq`, `ne`, `sw`, `re`.
pub(super) fn list_match(shard: &mut Shard, args: &[Value]) -> Answer {
    let [key, operation, value, ..] = args else {
        return Err(fault(400, "Key, operation and value are needed"));
    };
    let read: fn(&Dialog) -> &[u8] = match &key.to_text()[..] {
        b"furi" => |it| &it.from_uri,
        b"turi" | b"ruri" => |it| &it.to_uri,
        b"callid" => |it| &it.call_id,
        _ => return Err(fault(400, "Unknown key")),
    };
    let (wanted, limit) = (value.to_text(), args.get(3).map_or(0, Value::to_int));
    let fits: Fits = match &operation.to_text()[..] {
        b"eq" => Box::new(move |of| of == wanted),
        b"ne" => Box::new(move |of| of != wanted),
        b"sw" => Box::new(move |of| of.starts_with(&wanted)),
        b"re" => {
            let pattern = shard.patterns.get(&wanted, crate::api::Case::Ignore);
            let pattern = pattern.map_err(|_| fault(400, "The value is no regular expression"))?;
            Box::new(move |of| pattern.is_match(of))
        }
        _ => return Err(fault(400, "Unknown operation")),
    };
    let found = listed(shard, |it| fits(read(it)))?;
    match (found, usize::try_from(limit)) {
        (RpcValue::List(mut list), Ok(limit @ 1..)) => {
            list.truncate(limit);
            Ok(RpcValue::List(list))
        }
        (found, _) => Ok(found),
    }
}

fn hang_up(shard: &mut Shard, id: DialogId) -> Answer {
    match life::hang_up(shard, id, &[Direction::Upstream, Direction::Downstream]) {
        true => Ok(RpcValue::Plain(Value::literal("Done"))),
        false => Err(fault(500, "Operation failed")),
    }
}

/// `dlg.stats_active`
pub(super) fn stats_active(shard: &mut Shard, _: &[Value]) -> Answer {
    let count = |shard: &mut Shard, state: State| {
        shard.states.get::<Dialogs>().iter().filter(|it| it.state == state).count() as i64
    };
    let [starting, connecting, answering, ongoing] =
        [State::Unconfirmed, State::Early, State::ConfirmedNoAck, State::Confirmed]
            .map(|it| count(shard, it));
    let all = starting + connecting + answering + ongoing;
    Ok(record([
        ("starting", int(starting)),
        ("connecting", int(connecting)),
        ("answering", int(answering)),
        ("ongoing", int(ongoing)),
        ("all", int(all)),
    ]))
}

fn listed(shard: &mut Shard, is_meant: impl Fn(&Dialog) -> bool) -> Answer {
    let (rules, sockets) = (rules(shard), shard.sockets.clone());
    let name = |profile: u16| rules.profiles.get(usize::from(profile)).map_or("", |it| it.name.as_str());
    let dialogs = shard.states.get::<Dialogs>().iter().filter(|dialog| is_meant(dialog));
    Ok(RpcValue::List(dialogs.map(|dialog| shown(dialog, &sockets, &name)).collect()))
}

fn shown<'a>(dialog: &Dialog, sockets: &Sockets, name: &impl Fn(u16) -> &'a str) -> RpcValue {
    let number = |number: u32| int(i64::from(number));
    let profile = |(of, value): &(u16, Bytes)| match value.is_empty() {
        true => text(name(*of).as_bytes()),
        false => record([(name(*of), text(value))]),
    };
    let variable = |(name, value): &(Bytes, Bytes)| {
        let name = String::from_utf8_lossy(name).into_owned();
        RpcValue::Record(vec![(name, text(value))])
    };
    record([
        ("h_entry", number(dialog.entry)),
        ("h_id", number(dialog.id.serial)),
        ("ref", int(1)),
        ("call-id", text(&dialog.call_id)),
        ("from_uri", text(&dialog.from_uri)),
        ("to_uri", text(&dialog.to_uri)),
        ("state", int(dialog.state as i64)),
        ("start_ts", number(dialog.started)),
        ("init_ts", number(dialog.created)),
        ("end_ts", number(dialog.ended)),
        ("duration", number(if dialog.ended > 0 { dialog.ended.saturating_sub(dialog.started) } else { 0 })),
        ("timeout", number(dialog.expires)),
        ("lifetime", number(dialog.lifetime)),
        ("dflags", int(if dialog.state == State::Deleted { 1540 } else { 1536 })),
        ("sflags", number(dialog.flags)),
        ("iflags", number(dialog.options.to_flags())),
        ("caller", leg(&dialog.caller, sockets)),
        ("callee", leg(&dialog.callee, sockets)),
        ("profiles", RpcValue::List(dialog.profiles.iter().map(profile).collect())),
        ("variables", RpcValue::List(dialog.vars.iter().map(variable).collect())),
    ])
}

fn leg(leg: &Leg, sockets: &Sockets) -> RpcValue {
    let socket = leg.socket.map_or(Value::Null, |id| {
        let socket = sockets.get(id);
        Value::Str(format!("{}:{}", socket.transport.param_name(), socket.addr).into())
    });
    record([
        ("tag", text(&leg.tag)),
        ("contact", text(&leg.contact)),
        ("cseq", text(leg.cseq.to_string().as_bytes())),
        ("route_set", text(&leg.routes)),
        ("socket", RpcValue::Plain(socket)),
    ])
}

fn fault(code: u16, reason: &str) -> RpcError {
    RpcError { code, reason: reason.to_owned() }
}

fn int(number: i64) -> RpcValue {
    RpcValue::Plain(Value::Int(number))
}

fn text(text: &[u8]) -> RpcValue {
    RpcValue::Plain(Value::copied(text))
}

fn record<'a>(fields: impl IntoIterator<Item = (&'a str, RpcValue)>) -> RpcValue {
    RpcValue::Record(fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
}
