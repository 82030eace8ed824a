//! `dbg_pv_dump()`: the variables of the script as one line of JSON.

use serde_json::{Map, Value as Json};

use crate::api::{Args, AvpName, Ctx, Flow, Index, Inner, Level, PvArg, Value, Xavp, XavpClass};

/// Bits of the first argument.
const AVPS: i64 = 2;
const VARS: i64 = 4;
const XAVPS: i64 = 8;
const SHARED: i64 = 16;

/// What is shown without arguments.
const ALL: i64 = 31;

/// `dbg_pv_dump([kinds [, level]])`: 1. Errors: a level that is none, -1.
pub(super) fn dump(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let kinds = if args.is_empty() { ALL } else { args.int(ctx, 0) };
    let level = match args.len() {
        0 | 1 => Some(Level::DBG),
        _ => Level::named(&args.text(ctx, 1)),
    };
    let Some(level) = level else {
        ctx.log(Level::ERR, "dbg_pv_dump: expected a level such as L_ERR");
        return Flow::FALSE;
    };
    if ctx.shard.log.is_on(level) {
        let text = Json::Object(variables(ctx, kinds)).to_string();
        ctx.log(level, text);
    }
    Flow::TRUE
}

fn variables(ctx: &mut Ctx<'_>, kinds: i64) -> Map<String, Json> {
    let mut all = Map::new();
    if kinds & AVPS != 0 {
        for (name, value) in ctx.work.avps.iter() {
            let name = match name {
                AvpName::Text(name) => format!("$avp({})", String::from_utf8_lossy(name)),
                AvpName::Number(number) => format!("$avp(i:{number})"),
            };
            push(&mut all, name, json(value));
        }
    }
    if kinds & VARS != 0 {
        for (name, slot) in ctx.catalog.slots_of("var") {
            all.insert(format!("$var({name})"), json(&ctx.shard.vars.get(slot as usize)));
        }
    }
    if kinds & XAVPS != 0 {
        for (key, element) in ctx.work.xavps.iter() {
            let (class, name) = XavpClass::of(key);
            let class = match class {
                XavpClass::Xavp => "xavp",
                XavpClass::Xavi => "xavi",
                XavpClass::Xavu => "xavu",
            };
            push(&mut all, format!("${class}({})", String::from_utf8_lossy(name)), structure(element));
        }
    }
    if kinds & SHARED != 0
        && let Some(row) = ctx.catalog.pv("shv")
    {
        for (name, slot) in ctx.catalog.slots_of("shv") {
            let arg = PvArg { inner: Inner::Slot(slot), index: Index::None };
            all.insert(format!("$shv({name})"), json(&(row.get)(ctx, &arg)));
        }
    }
    all
}

/// Values of one name stand in a list, newest first.
fn push(all: &mut Map<String, Json>, name: String, value: Json) {
    if let Json::Array(values) = all.entry(name).or_insert_with(|| Json::Array(Vec::new())) {
        values.push(value);
    }
}

fn structure(element: &Xavp) -> Json {
    match element {
        Xavp::Plain(value) => json(value),
        Xavp::Fields(fields) => {
            let mut all = Map::new();
            for (name, value) in fields {
                push(&mut all, String::from_utf8_lossy(name).into_owned(), json(value));
            }
            Json::Object(all)
        }
    }
}

fn json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Int(number) => Json::from(*number),
        Value::Str(text) | Value::Both { text, .. } => Json::from(String::from_utf8_lossy(text)),
    }
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn variables_are_told_by_kind() {
        let text = |call: &str| {
            format!(
                "loadmodule \"pv.so\"\nloadmodule \"debugger.so\"\nrequest_route {{\n\
                 $var(a) = 5; $var(b) = \"te\\\"xt\"; $avp(x) = \"one\"; $avp(x) = 2;\n\
                 $xavp(r=>f) = \"v\"; $xavp(r[0]=>g) = 7; $shv(s) = 3;\n{call}\n}}"
            )
        };
        let (vars, avps) = ("\"$var(a)\":5,\"$var(b)\":\"te\\\"xt\"", "\"$avp(x)\":[2,\"one\"]");
        let (xavps, shared) = ("\"$xavp(r)\":[{\"f\":[\"v\"],\"g\":[7]}]", "\"$shv(s)\":3");
        let rows = [
            ("dbg_pv_dump(\"1\", \"L_ERR\");", "{}".to_owned()),
            ("dbg_pv_dump(\"2\", \"L_ERR\");", format!("{{{avps}}}")),
            ("dbg_pv_dump(\"4\", \"L_ERR\");", format!("{{{vars}}}")),
            ("dbg_pv_dump(\"24\", \"L_ERR\");", format!("{{{shared},{xavps}}}")),
            ("dbg_pv_dump(31, \"L_ERR\");", format!("{{{avps},{shared},{vars},{xavps}}}")),
            ("dbg_pv_dump(31, \"nothing\");", "dbg_pv_dump: expected a level such as L_ERR".to_owned()),
        ];
        for (call, expected) in rows {
            let lines = Trial::load(&text(call)).expect(call).run(OPTIONS).lines;
            assert_eq!(lines, [expected], "{call}");
        }
        let lines = Trial::load(&text("dbg_pv_dump();")).expect("a call").run(OPTIONS).lines;
        assert!(lines.is_empty(), "without arguments it is for debugging: {lines:?}");
    }
}
