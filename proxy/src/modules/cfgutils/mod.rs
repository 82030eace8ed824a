//! Module cfgutils: locks by name that hold across functions, chance, and waiting.
//!
//! A lock belongs to the shard that took it and counts how often; another shard that wants it waits without
//! blocking its thread.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::api::{
    Args, Ctx, Flow, FunctionDef, FunctionFn, InnerKind, IoRequest, Kind, Level, Loading, ModuleDef,
    ParamDef, PvArg, PvDef, Resumed, Routes, Value, Wait,
};

/// The table of module cfgutils.
pub static MODULE: ModuleDef = ModuleDef {
    name: "cfgutils",
    params: &[
        ParamDef::int("lock_set_size", 0, "2 to this power locks; 0 is none"),
        ParamDef::int("initial_probability", 10, "chance of rand_event() in percent"),
    ],
    functions: &[
        row("lock", &[Kind::Text], lock, "takes the lock of a name"),
        row("unlock", &[Kind::Text], unlock, "gives the lock of a name back"),
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

const fn row(name: &'static str, params: &'static [Kind], run: FunctionFn, doc: &'static str) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

/// The locks: who holds each, and how often.
#[derive(Debug, Default)]
struct Locks(Vec<Mutex<Option<(u16, u32)>>>);

/// Chance of `rand_event()` in percent.
#[derive(Debug)]
struct Probability(i64);

fn load(loading: &mut Loading<'_>) -> Result<(), String> {
    let size = loading.params.int("lock_set_size");
    if !(0..=16).contains(&size) {
        return Err(format!("lock_set_size is {size}, expected 0 to 16"));
    }
    let count = if size == 0 { 0 } else { 1usize << size };
    // A lock that is held stays held across a reload.
    if loading.shared.peek::<Locks>().is_none_or(|locks| locks.0.len() != count) {
        loading.shared.put(Locks((0..count).map(|_| Mutex::default()).collect()));
    }
    loading.shared.put(Probability(loading.params.int("initial_probability")));
    Ok(())
}

/// How long a run waits before it looks at a lock again.
const RETRY: Duration = Duration::from_millis(1);

/// -1 without locks, as the original does when `lock_set_size` is not set.
fn lock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let me = ctx.shard.number;
    let taken = with_lock(ctx, &name, |holder| match holder {
        Some((owner, _)) if *owner != me => false,
        Some((_, times)) => {
            *times += 1;
            true
        }
        None => {
            *holder = Some((me, 1));
            true
        }
    });
    match taken {
        Some(true) => Flow::TRUE,
        Some(false) => Flow::Wait(Wait { request: IoRequest::Sleep(RETRY), then: again, kept: Box::new(()) }),
        None => refuse(ctx, "lock: set lock_set_size"),
    }
}

fn again(ctx: &mut Ctx<'_>, args: &Args<'_>, _: Resumed) -> Flow {
    lock(ctx, args)
}

fn unlock(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let name = args.text(ctx, 0);
    let me = ctx.shard.number;
    let given = with_lock(ctx, &name, |holder| match holder {
        Some((owner, times)) if *owner == me => {
            *times -= 1;
            if *times == 0 {
                *holder = None;
            }
            true
        }
        _ => false,
    });
    Flow::from_bool(given.unwrap_or(false))
}

fn with_lock<T>(ctx: &Ctx<'_>, name: &[u8], act: impl FnOnce(&mut Option<(u16, u32)>) -> T) -> Option<T> {
    let locks = ctx.shard.shared.peek::<Locks>()?;
    let sum = name.iter().fold(0usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(*byte)));
    let place = sum.checked_rem(locks.0.len())?;
    Some(act(&mut locks.0[place].lock().unwrap_or_else(PoisonError::into_inner)))
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
        true => ctx.shard.shared.peek::<Probability>().map_or(0, |chance| chance.0),
        false => args.int(ctx, 0),
    };
    Flow::from_bool((ctx.shard.ident.below(100) as i64) < percent)
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
