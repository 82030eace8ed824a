//! Module cfgutils: locks by name that hold across functions, chance, flags of the server, routes by name, waiting.

mod locks;

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use std::time::Duration;

use crate::api::{
    Answer, Args, Ctx, EndedBy, Flow, FunctionDef, FunctionFn, InnerKind, IoRequest, Kind, Level, Loading,
    ModuleDef, Nested, ParamDef, PvArg, PvDef, Resumed, RouteTable, Routes, Value, Wait, core_hash,
};

/// The table of module cfgutils.
pub static MODULE: ModuleDef = ModuleDef {
    name: "cfgutils",
    params: &[
        ParamDef::int("lock_set_size", 0, "2 to this power locks; 0 is none"),
        ParamDef::int("initial_gflags", 0, "flags of the server that are set at the start"),
        ParamDef::int("initial_probability", 10, "chance of rand_event() in percent"),
    ],
    functions: &[
        row("lock", TEXT, locks::lock, "takes the lock of a name"),
        row("trylock", TEXT, locks::try_lock, "takes the lock of a name when it is free"),
        row("unlock", TEXT, locks::unlock, "gives the lock of a name back"),
        row("rand_set_prob", &[Kind::Int], set_chance, "sets the chance of rand_event() in percent"),
        row("rand_reset_prob", &[], reset_chance, "sets the chance of rand_event() as configured"),
        row("rand_get_prob", &[], get_chance, "the chance of rand_event() in percent"),
        row("set_gflag", FLAG, |ctx, args| global_flag(ctx, args, set_flag), "sets a flag of the server"),
        row(
            "reset_gflag",
            FLAG,
            |ctx, args| global_flag(ctx, args, reset_flag),
            "clears a flag of the server",
        ),
        row(
            "is_gflag",
            FLAG,
            |ctx, args| global_flag(ctx, args, has_flag),
            "whether a flag of the server is set",
        ),
        row("check_route_exists", TEXT, route_exists, "whether there is a route of that name"),
        row("route_if_exists", TEXT, run_if_exists, "runs a route when there is one of that name"),
        row("core_hash", &[Kind::Text, Kind::Text, Kind::Int], hash, "a hash of two texts, in so many bits"),
        row("pkg_summary", &[], |_, _| Flow::TRUE, "accepted without effect"),
        row("shm_summary", &[], |_, _| Flow::TRUE, "accepted without effect"),
        row("sleep", &[Kind::Int], |ctx, args| wait(ctx, args, 1_000_000), "waits for seconds"),
        row("usleep", &[Kind::Int], |ctx, args| wait(ctx, args, 1), "waits for microseconds"),
        row("rand_event", &[Kind::Int], chance, "true with a chance in percent").optional(1),
        row("abort", &[], |ctx, _| refuse(ctx, "abort"), "not done here: it would end the server"),
        row("pkg_status", &[], |_, _| Flow::TRUE, "accepted without effect"),
        row("shm_status", &[], |_, _| Flow::TRUE, "accepted without effect"),
    ],
    pvs: &[
        PvDef::new("RANDOM", random, "a random number below 2 to the power of 31"),
        PvDef::new("env", environment, "a variable of the environment").inner(InnerKind::Name),
    ],
    load: Some(load),
    ..ModuleDef::EMPTY
};

const TEXT: &[Kind] = &[Kind::Text];
const FLAG: &[Kind] = &[Kind::Flag];

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

/// Chance of `rand_event()` in percent.
#[derive(Debug)]
struct Probability {
    initial: i64,
    now: AtomicI64,
}

/// The flags all messages share, bit n is flag n; they outlive a reload.
#[derive(Debug)]
struct GlobalFlags(AtomicU32);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    locks::load(loading)?;
    let initial = loading.params.int("initial_probability");
    loading.shared.put(Probability { initial, now: AtomicI64::new(initial) });
    let flags = loading.shared.get::<GlobalFlags>().map_or(0, |before| before.0.load(Ordering::Relaxed));
    let first = u32::try_from(loading.params.int("initial_gflags")).unwrap_or(0);
    loading.shared.put(GlobalFlags(AtomicU32::new(flags | first)));
    Ok(())
}

fn refuse(ctx: &mut Ctx<'_>, why: &str) -> Flow {
    ctx.log(Level::ERR, why);
    Flow::FALSE
}

/// The longest a script may wait at once.
const LONGEST: Duration = Duration::from_secs(100);

fn wait(ctx: &mut Ctx<'_>, args: &Args<'_>, unit_us: u64) -> Flow {
    let amount = u64::try_from(args.int(ctx, 0)).unwrap_or(0);
    let span = Duration::from_micros(amount.saturating_mul(unit_us)).min(LONGEST);
    Flow::Wait(Wait { request: IoRequest::Sleep(span), then: |_, _, _| Flow::TRUE, kept: Box::new(()) })
}

fn chance(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let percent = match args.is_empty() {
        true => ctx.shard.shared.peek::<Probability>().map_or(0, |chance| chance.now.load(Ordering::Relaxed)),
        false => args.int(ctx, 0),
    };
    Flow::from_bool((ctx.shard.ident.below(100) as i64) < percent)
}

/// 1; -2 when it is not 0 to 100.
fn set_chance(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let percent = args.int(ctx, 0);
    let Some(chance) = ctx.shard.shared.peek::<Probability>() else { return Flow::FALSE };
    if !(0..=100).contains(&percent) {
        return Flow::Next(-2);
    }
    chance.now.store(percent, Ordering::Relaxed);
    Flow::TRUE
}

fn reset_chance(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(chance) = ctx.shard.shared.peek::<Probability>() else { return Flow::FALSE };
    chance.now.store(chance.initial, Ordering::Relaxed);
    Flow::TRUE
}

/// The chance as the code; 0 would end the script, so it is -1.
fn get_chance(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    match ctx.shard.shared.peek::<Probability>().map_or(0, |chance| chance.now.load(Ordering::Relaxed)) {
        0 => Flow::FALSE,
        percent => Flow::Next(percent),
    }
}

fn global_flag(ctx: &mut Ctx<'_>, args: &Args<'_>, act: fn(&AtomicU32, u32) -> bool) -> Flow {
    let Some(flag) = args.flag(ctx, 0) else { return Flow::FALSE };
    let flags = ctx.shard.shared.peek::<GlobalFlags>();
    Flow::from_bool(flags.is_some_and(|flags| act(&flags.0, 1 << flag)))
}

fn set_flag(flags: &AtomicU32, bit: u32) -> bool {
    flags.fetch_or(bit, Ordering::Relaxed);
    true
}

fn reset_flag(flags: &AtomicU32, bit: u32) -> bool {
    flags.fetch_and(!bit, Ordering::Relaxed);
    true
}

fn has_flag(flags: &AtomicU32, bit: u32) -> bool {
    flags.load(Ordering::Relaxed) & bit != 0
}

fn route_exists(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    Flow::from_bool(ctx.routes.find(RouteTable::Request, &String::from_utf8_lossy(&name)).is_some())
}

/// Runs `route[name]` with the code it returns; -1 when there is none.
fn run_if_exists(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    match ctx.routes.find(RouteTable::Request, &String::from_utf8_lossy(&name)) {
        Some(route) => {
            let kind = ctx.run.kind;
            Flow::Call(Nested { route, kind, work: None, then: after_route, kept: Box::new(()) })
        }
        None => Flow::FALSE,
    }
}

fn after_route(_: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let Answer::Route { end, .. } = resumed.answer else { return Flow::FALSE };
    match end.by {
        EndedBy::Return => Flow::Next(end.code),
        EndedBy::Zero => Flow::STOP,
        EndedBy::Exit => Flow::Exit,
        EndedBy::Drop => Flow::Drop,
    }
}

/// 1 and above: the hash of two texts, cut to `size` bits.
fn hash(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let (first, second, bits) = (args.text(ctx, 0), args.text(ctx, 1), args.int(ctx, 2).clamp(0, 31));
    let hash = core_hash(&[&first, &second]) & ((1u32 << bits) - 1);
    Flow::Next(i64::from(hash) + 1)
}

fn random(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
    Value::Int(ctx.shard.ident.below(1 << 31) as i64)
}

fn environment(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let name = String::from_utf8_lossy(&arg.name(ctx)).into_owned();
    std::env::var(name).map_or(Value::Null, |value| Value::Str(value.into()))
}

#[cfg(test)]
mod tests {
    use crate::trial::{OPTIONS, Trial};

    fn run(size: u32, body: &str) -> Vec<String> {
        let text = format!(
            "loadmodule \"cfgutils.so\"\nloadmodule \"xlog.so\"\n\
             modparam(\"cfgutils\", \"lock_set_size\", {size})\nrequest_route {{ {body} }}"
        );
        Trial::load(&text).expect("the test's configuration is right").run(OPTIONS).lines
    }

    #[test]
    fn a_lock_is_taken_again_by_its_holder_and_given_back_as_often() {
        let body = "$var(a) = lock(\"x\"); $var(b) = lock(\"x\"); $var(c) = unlock(\"x\"); \
            $var(d) = unlock(\"x\"); $var(e) = unlock(\"x\"); \
            xlog(\"$var(a) $var(b) $var(c) $var(d) $var(e)\\n\");";
        assert_eq!(run(4, body), ["1 1 1 1 -1"]);
        // Without locks the function fails (Kamailio 5.6.3, measured).
        assert_eq!(
            run(0, "$var(a) = lock(\"x\"); xlog(\"$var(a)\\n\");").last().map(String::as_str),
            Some("-1")
        );
    }
}
