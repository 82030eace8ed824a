//! Module counters: counters that the script names and counts.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::api::{
    Args, Ctx, Flow, FunctionDef, Kind, Level, Loading, ModuleDef, ParamDef, Routes, RpcDef, RpcError,
    RpcScope, RpcValue, Shard, Value,
};

/// The table of module counters.
pub static MODULE: ModuleDef = ModuleDef {
    name: "counters",
    params: &[
        ParamDef::list("script_counter", "a counter: `[group.]name[ description]`"),
        ParamDef::text("script_cnt_grp_name", "script", "the group of counters that name none"),
    ],
    functions: &[
        FunctionDef::new("cnt_inc", &[Kind::Text], Routes::ANY, cnt_inc, "adds 1 to a counter"),
        FunctionDef::new(
            "cnt_add",
            &[Kind::Text, Kind::Int],
            Routes::ANY,
            cnt_add,
            "adds a number to a counter",
        ),
        FunctionDef::new("cnt_reset", &[Kind::Text], Routes::ANY, cnt_reset, "sets a counter to 0"),
    ],
    rpcs: &[RpcDef {
        name: "cnt.get",
        scope: RpcScope::One,
        run: get,
        doc: "the value of a counter: group, name",
    }],
    load: Some(load),
    ..ModuleDef::EMPTY
};

/// The counters by `group.name`, shared by all shards; a reload keeps their values.
#[derive(Debug)]
struct Counters {
    group: Bytes,
    values: FxHashMap<Bytes, Arc<AtomicI64>>,
}

impl Counters {
    fn full_name(group: &[u8], name: &[u8]) -> Bytes {
        if name.contains(&b'.') { Bytes::copy_from_slice(name) } else { [group, b".", name].concat().into() }
    }

    fn find(&self, name: &[u8]) -> Option<&Arc<AtomicI64>> {
        self.values.get(&Counters::full_name(&self.group, name))
    }
}

/// Errors: a counter without a name.
fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let group = loading.params.text("script_cnt_grp_name");
    let before = loading.shared.get::<Counters>();
    let mut values = FxHashMap::default();
    for row in loading.params.list("script_counter") {
        let row = row.to_text();
        let name = row.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        if name.is_empty() || name.ends_with(b".") {
            return Err("parameter script_counter: expected [group.]name[ description]".into());
        }
        let name = Counters::full_name(&group, name);
        let old = before.as_ref().and_then(|before| before.values.get(&name)).cloned();
        values.insert(name, old.unwrap_or_default());
    }
    loading.shared.put(Counters { group, values });
    Ok(())
}

/// `cnt_inc(name)`
fn cnt_inc(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    change(ctx, args, |counter| counter.fetch_add(1, Ordering::Relaxed))
}

/// `cnt_add(name, number)`
fn cnt_add(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let number = args.int(ctx, 1);
    change(ctx, args, |counter| counter.fetch_add(number, Ordering::Relaxed))
}

/// `cnt_reset(name)`
fn cnt_reset(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    change(ctx, args, |counter| counter.swap(0, Ordering::Relaxed))
}

fn change(ctx: &mut Ctx<'_>, args: &Args<'_>, how: impl FnOnce(&AtomicI64) -> i64) -> Flow {
    let name = args.text(ctx, 0);
    let counters = counters(ctx.shard);
    match counters.find(&name) {
        Some(counter) => _ = how(counter),
        None => {
            ctx.log(Level::ERR, format!("counters: no counter {}", name.escape_ascii()));
            return Flow::FALSE;
        }
    }
    Flow::TRUE
}

/// `cnt.get group name`
fn get(shard: &mut Shard, args: &[Value]) -> Result<RpcValue, RpcError> {
    let missing = || RpcError { code: 400, reason: "expected group and name of a counter".into() };
    let [group, name] = args else { return Err(missing()) };
    let name = [&group.to_text()[..], b".", &name.to_text()].concat();
    let counters = counters(shard);
    let counter = counters.find(&name).ok_or_else(missing)?;
    Ok(RpcValue::Plain(Value::Int(counter.load(Ordering::Relaxed))))
}

fn counters(shard: &Shard) -> Arc<Counters> {
    shard.shared.get().expect("load() puts the counters in")
}

#[cfg(test)]
mod tests {
    use super::get;
    use crate::api::{RpcValue, Value};
    use crate::trial::{OPTIONS, Trial};

    #[test]
    fn counters_count_in_their_group() {
        let text = "loadmodule \"counters.so\"\nmodparam(\"counters\", \"script_counter\", \"calls of all kinds\")\n\
            modparam(\"counters\", \"script_counter\", \"mine.other\")\n\
            request_route { cnt_inc(\"calls\"); cnt_add(\"mine.other\", 5); cnt_add(\"script.calls\", 2); \
            cnt_inc(\"none\"); }\n";
        let mut trial = Trial::load(text).expect("the test's configuration is right");
        let lines = trial.run(OPTIONS).lines;
        assert_eq!(lines, ["counters: no counter none"]);
        for (group, name, expected) in [("script", "calls", 3), ("mine", "other", 5)] {
            let args = [Value::literal(group), Value::literal(name)];
            let value = get(&mut trial.shard, &args).expect("it is there");
            assert!(matches!(value, RpcValue::Plain(Value::Int(int)) if int == expected), "{value:?}");
        }
    }
}
