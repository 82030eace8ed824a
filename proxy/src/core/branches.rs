//! The branches beside the request URI: functions that add and remove them, variables that show them.

use super::NAME;
use crate::api::{
    Args, BRANCH_ATTRIBUTES, Ctx, Flow, FunctionDef, InnerKind, Kind, Level, ModuleDef, PvArg, PvDef, Routes,
    SetError, Value,
};
use crate::relay::Target;

pub(super) static PART: ModuleDef =
    ModuleDef { name: NAME, functions: FUNCTIONS, pvs: PVS, ..ModuleDef::EMPTY };

static FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "append_branch",
        &[Kind::Text, Kind::Text],
        Routes::REQUEST.or(Routes::FAILURE),
        append,
        "adds a branch: the given URI, or the request URI",
    )
    .optional(2),
    FunctionDef::new("remove_branch", &[Kind::Int], Routes::NOT_ONSEND, remove, "removes an added branch")
        .optional(1),
    FunctionDef::new("clear_branches", &[], Routes::NOT_ONSEND, clear, "removes all added branches"),
];

static PVS: &[PvDef] = &[
    PvDef::new("br", first, "URI of the first added branch").writable(push),
    PvDef::new("bR", all, "URIs of all added branches"),
    PvDef::new("ds", contact, "all added branches as a Contact field"),
    PvDef::new("branch", attribute, "an attribute of an added branch")
        .inner(InnerKind::Key(BRANCH_ATTRIBUTES))
        .indexed()
        .writable(set_attribute),
];

fn append(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let mut target = ctx.work.targets.ruri().clone();
    if !args.is_empty() {
        let uri = args.text(ctx, 0);
        if !uri.is_empty() {
            target.uri = Some(uri.as_ref().into());
        }
    }
    if target.uri.is_none() {
        target.uri = ctx.work.uri().map(|uri| uri.as_ref().into());
    }
    if args.len() > 1 {
        target.q = parse_q(&args.text(ctx, 1));
    }
    let is_current = args.is_empty();
    let is_added = add(ctx, target);
    if is_added && is_current {
        ctx.work.targets.mark_ruri_consumed();
    }
    Flow::from_bool(is_added)
}

fn add(ctx: &mut Ctx<'_>, target: Target) -> bool {
    let limit = usize::try_from(ctx.catalog.setting_int("max_branches", 12)).unwrap_or(12);
    let is_added = ctx.work.targets.append(target, limit).is_ok();
    if !is_added {
        ctx.log(Level::ERR, format!("no room for another branch: max_branches is {limit}"));
    }
    is_added
}

/// `0.5` is 500; `None` for what is no q value (RFC 3261 25.1 qvalue).
fn parse_q(text: &[u8]) -> Option<u16> {
    let (whole, fraction) = match memchr::memchr(b'.', text) {
        Some(dot) => (&text[..dot], &text[dot + 1..]),
        None => (text, &b""[..]),
    };
    let whole: u16 = match whole {
        b"" | b"0" => 0,
        b"1" => 1000,
        _ => return None,
    };
    let digits: Vec<u8> = fraction.iter().copied().chain(*b"000").take(3).collect();
    let fraction: u16 = std::str::from_utf8(&digits).ok()?.parse().ok()?;
    Some((whole + fraction).min(1000))
}

fn write_q(q: u16, out: &mut Vec<u8>) {
    let text = format!("{}.{:03}", q / 1000, q % 1000);
    out.extend_from_slice(text.trim_end_matches('0').trim_end_matches('.').as_bytes());
}

fn remove(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    // A negative place is none: 5.6.3 does nothing then.
    let place = usize::try_from(args.int(ctx, 0)).ok();
    if let Some(place) = place.filter(|place| *place < ctx.work.targets.appended().len()) {
        ctx.work.targets.remove(place);
    }
    Flow::TRUE
}

fn clear(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    ctx.work.targets.clear();
    Flow::TRUE
}

fn uri_of(target: &Target) -> &[u8] {
    target.uri.as_deref().unwrap_or_default()
}

fn first(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    ctx.work.targets.appended().first().map_or(Value::Null, |target| Value::copied(uri_of(target)))
}

fn push(ctx: &mut Ctx<'_>, _: &PvArg, value: Value) -> Result<(), SetError> {
    let (Value::Str(uri) | Value::Both { text: uri, .. }) = value else { return Err(SetError::Type) };
    match add(ctx, Target { uri: Some(uri.as_ref().into()), ..Target::default() }) {
        true => Ok(()),
        false => Err(SetError::Value),
    }
}

fn all(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let written: Vec<Vec<u8>> =
        ctx.work.targets.appended().iter().map(|target| one(target, Brackets::WithQ)).collect();
    if written.is_empty() { Value::Null } else { Value::Str(written.join(&b", "[..]).into()) }
}

fn contact(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    let written: Vec<Vec<u8>> =
        ctx.work.targets.appended().iter().map(|target| one(target, Brackets::Always)).collect();
    if written.is_empty() {
        ctx.log(Level::WARN, "$ds: there is no branch");
        return Value::Null;
    }
    Value::Str([b"Contact: ", &written.join(&b", "[..])[..]].concat().into())
}

/// When a URI is put into angle brackets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Brackets {
    Always,
    WithQ,
}

fn one(target: &Target, brackets: Brackets) -> Vec<u8> {
    let uri = uri_of(target);
    if brackets == Brackets::WithQ && target.q.is_none() {
        return uri.to_vec();
    }
    let mut out = [b"<", uri, b">"].concat();
    if let Some(q) = target.q {
        out.extend_from_slice(b";q=");
        write_q(q, &mut out);
    }
    out
}

fn attribute(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let at = arg.at(ctx);
    let appended = ctx.work.targets.appended();
    let name = BRANCH_ATTRIBUTES[arg.slot()];
    if name == "count" {
        return if appended.is_empty() { Value::Null } else { Value::Int(appended.len() as i64) };
    }
    match at.of(appended.len()) {
        Some(place) if matches!(name, "Q" | "q") && appended[place].q.is_none() => Value::Null,
        Some(place) => ctx.branch_attribute(&appended[place], name),
        None => Value::Null,
    }
}

fn set_attribute(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let at = arg.at(ctx);
    let place = at.of(ctx.work.targets.appended().len()).ok_or(SetError::Absent)?;
    let name = BRANCH_ATTRIBUTES[arg.slot()];
    if name == "uri" && value.is_null() {
        ctx.work.targets.remove(place);
        return Ok(());
    }
    let mut target = ctx.work.targets.appended()[place].clone();
    ctx.set_branch_attribute(&mut target, name, &value)?;
    ctx.work.targets.appended_mut()[place] = target;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{parse_q, write_q};

    #[test]
    fn q_values_round_trip() {
        for (text, q) in [("0.5", 500), ("1", 1000), ("1.0", 1000), ("0", 0), (".25", 250), ("0.123", 123)] {
            assert_eq!(parse_q(text.as_bytes()), Some(q), "{text}");
        }
        assert_eq!(parse_q(b"2"), None);
        assert_eq!(parse_q(b"0.x"), None);
        let mut out = Vec::new();
        write_q(500, &mut out);
        assert_eq!(out, b"0.5");
    }
}
