//! Message flags, branch flags and script flags: functions and variables.

use super::NAME;
use crate::api::{
    Args, Ctx, Flow, FunctionDef, Inner, InnerKind, Kind, ModuleDef, PvArg, PvDef, Routes, SetError, Value,
};

pub(super) static PART: ModuleDef =
    ModuleDef { name: NAME, functions: FUNCTIONS, pvs: PVS, ..ModuleDef::EMPTY };

const FLAG: &[Kind] = &[Kind::Flag];
const FLAG_OF_BRANCH: &[Kind] = &[Kind::Flag, Kind::Int];

static FUNCTIONS: &[FunctionDef] = &[
    function("setflag", FLAG, |ctx, args| set(ctx, args, Set::Message), "sets a message flag"),
    function("resetflag", FLAG, |ctx, args| reset(ctx, args, Set::Message), "clears a message flag"),
    function("isflagset", FLAG, |ctx, args| is_set(ctx, args, Set::Message), "whether a message flag is set"),
    function("setsflag", FLAG, |ctx, args| set(ctx, args, Set::Script), "sets a script flag"),
    function("resetsflag", FLAG, |ctx, args| reset(ctx, args, Set::Script), "clears a script flag"),
    function("issflagset", FLAG, |ctx, args| is_set(ctx, args, Set::Script), "whether a script flag is set"),
    function("setbflag", FLAG_OF_BRANCH, |ctx, args| set(ctx, args, Set::Branch), "sets a branch flag")
        .optional(1),
    function("resetbflag", FLAG_OF_BRANCH, |ctx, args| reset(ctx, args, Set::Branch), "clears a branch flag")
        .optional(1),
    function(
        "isbflagset",
        FLAG_OF_BRANCH,
        |ctx, args| is_set(ctx, args, Set::Branch),
        "whether a branch flag is set",
    )
    .optional(1),
];

const fn function(
    name: &'static str,
    params: &'static [Kind],
    run: crate::api::FunctionFn,
    doc: &'static str,
) -> FunctionDef {
    FunctionDef::new(name, params, Routes::ANY, run, doc)
}

const BIT: InnerKind = InnerKind::Prepared(|_, text| match crate::api::parse_int(text) {
    Some(bit @ 0..=31) => Ok(Inner::Slot(bit as u32)),
    _ => Err("a flag is a number from 0 to 31".into()),
});

static PVS: &[PvDef] = &[
    PvDef::new("mf", |ctx, _| decimal(ctx, Set::Message), "message flags")
        .writable(|ctx, _, value| put(ctx, Set::Message, &value)),
    PvDef::new("mF", |ctx, _| hex(ctx, Set::Message), "message flags in hex")
        .writable(|ctx, _, value| put(ctx, Set::Message, &value)),
    PvDef::new("Mf", |ctx, arg| bit(ctx, Set::Message, arg), "one message flag")
        .inner(BIT)
        .writable(|ctx, arg, value| put_bit(ctx, Set::Message, arg, &value)),
    PvDef::new("sf", |ctx, _| decimal(ctx, Set::Script), "script flags")
        .writable(|ctx, _, value| put(ctx, Set::Script, &value)),
    PvDef::new("sF", |ctx, _| hex(ctx, Set::Script), "script flags in hex")
        .writable(|ctx, _, value| put(ctx, Set::Script, &value)),
    PvDef::new("Sf", |ctx, arg| bit(ctx, Set::Script, arg), "one script flag")
        .inner(BIT)
        .writable(|ctx, arg, value| put_bit(ctx, Set::Script, arg, &value)),
    PvDef::new("bf", |ctx, _| decimal(ctx, Set::Branch), "flags of branch 0")
        .writable(|ctx, _, value| put(ctx, Set::Branch, &value)),
    PvDef::new("bF", |ctx, _| hex(ctx, Set::Branch), "flags of branch 0 in hex")
        .writable(|ctx, _, value| put(ctx, Set::Branch, &value)),
    PvDef::new("Bf", |ctx, arg| bit(ctx, Set::Branch, arg), "one flag of branch 0")
        .inner(BIT)
        .writable(|ctx, arg, value| put_bit(ctx, Set::Branch, arg, &value)),
];

/// The three sets of flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Set {
    Message,
    Script,
    /// Of branch 0, which the request URI is.
    Branch,
}

fn flags<'a>(ctx: &'a mut Ctx<'_>, set: Set) -> &'a mut u32 {
    match set {
        Set::Message => &mut ctx.work.flags,
        Set::Script => &mut ctx.run.script_flags,
        Set::Branch => &mut ctx.work.targets.ruri_mut().flags,
    }
}

/// The flags a call means: of a branch when it names one. `None`: there is no such branch.
fn flags_of<'a>(ctx: &'a mut Ctx<'_>, args: &Args<'_>, set: Set) -> Option<&'a mut u32> {
    let branch = if args.len() > 1 { args.int(ctx, 1) } else { 0 };
    match usize::try_from(branch).ok()? {
        0 => Some(flags(ctx, set)),
        branch => ctx.work.targets.appended_mut().get_mut(branch - 1).map(|target| &mut target.flags),
    }
}

fn set(ctx: &mut Ctx<'_>, args: &Args<'_>, set: Set) -> Flow {
    change(ctx, args, set, |flags, bit| *flags |= bit)
}

fn reset(ctx: &mut Ctx<'_>, args: &Args<'_>, set: Set) -> Flow {
    change(ctx, args, set, |flags, bit| *flags &= !bit)
}

fn change(ctx: &mut Ctx<'_>, args: &Args<'_>, set: Set, change: fn(&mut u32, u32)) -> Flow {
    let Some(flag) = args.flag(ctx, 0) else { return Flow::FALSE };
    match flags_of(ctx, args, set) {
        Some(flags) => {
            change(flags, 1 << flag);
            Flow::TRUE
        }
        None => Flow::FALSE,
    }
}

fn is_set(ctx: &mut Ctx<'_>, args: &Args<'_>, set: Set) -> Flow {
    let Some(flag) = args.flag(ctx, 0) else { return Flow::FALSE };
    Flow::from_bool(flags_of(ctx, args, set).is_some_and(|flags| *flags & (1 << flag) != 0))
}

fn decimal(ctx: &mut Ctx<'_>, set: Set) -> Value {
    Value::Int(i64::from(*flags(ctx, set)))
}

fn hex(ctx: &mut Ctx<'_>, set: Set) -> Value {
    let flags = *flags(ctx, set);
    Value::Both { text: format!("{flags:08X}").into(), int: i64::from(flags) }
}

fn bit(ctx: &mut Ctx<'_>, set: Set, arg: &PvArg) -> Value {
    Value::Int(i64::from(*flags(ctx, set) >> arg.slot() & 1))
}

fn put(ctx: &mut Ctx<'_>, set: Set, value: &Value) -> Result<(), SetError> {
    *flags(ctx, set) = value.to_int() as u32;
    Ok(())
}

fn put_bit(ctx: &mut Ctx<'_>, set: Set, arg: &PvArg, value: &Value) -> Result<(), SetError> {
    let bit = 1u32 << arg.slot();
    let flags = flags(ctx, set);
    *flags = if value.to_int() == 0 { *flags & !bit } else { *flags | bit };
    Ok(())
}
