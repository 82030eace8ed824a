//! The static branch: attributes gathered in `$sbranch(...)` and then used as the request URI or as a branch more.
//!
//! One per worker; it stays from message to message until `sbranch_reset()`.

use crate::api::{Args, BRANCH_ATTRIBUTES, Ctx, Flow, Level, PvArg, SetError, Value};
use crate::relay::Target;

/// The branch of one shard; nothing before the first attribute is set.
#[derive(Debug, Default)]
struct StaticBranch(Option<Target>);

fn branch<'a>(ctx: &'a mut Ctx<'_>) -> &'a mut Option<Target> {
    &mut ctx.shard.states.get::<StaticBranch>().0
}

pub(super) fn get(ctx: &mut Ctx<'_>, arg: &PvArg) -> Value {
    let Some(target) = branch(ctx).clone() else {
        ctx.log(Level::ERR, "$sbranch: nothing is set");
        return Value::Null;
    };
    match BRANCH_ATTRIBUTES[arg.slot()] {
        "count" => Value::Int(0),
        name => ctx.branch_attribute(&target, name),
    }
}

pub(super) fn set(ctx: &mut Ctx<'_>, arg: &PvArg, value: Value) -> Result<(), SetError> {
    let mut target = branch(ctx).clone().unwrap_or_default();
    ctx.set_branch_attribute(&mut target, BRANCH_ATTRIBUTES[arg.slot()], &value)?;
    *branch(ctx) = Some(target);
    Ok(())
}

pub(super) fn reset(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    *branch(ctx) = None;
    Flow::TRUE
}

/// -1 without a URI.
fn usable(ctx: &mut Ctx<'_>, function: &str) -> Option<Target> {
    let target = branch(ctx).clone().filter(|target| target.uri.is_some());
    if target.is_none() {
        ctx.log(Level::ERR, format!("{function}: $sbranch(uri) is not set"));
    }
    target
}

pub(super) fn set_ruri(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(target) = usable(ctx, "sbranch_set_ruri") else { return Flow::FALSE };
    *ctx.work.targets.ruri_mut() = target;
    ctx.work.targets.mark_ruri_new();
    Flow::TRUE
}

pub(super) fn append(ctx: &mut Ctx<'_>, _: &Args<'_>) -> Flow {
    let Some(target) = usable(ctx, "sbranch_append") else { return Flow::FALSE };
    let limit = usize::try_from(ctx.catalog.setting_int("max_branches", 12)).unwrap_or(12);
    Flow::from_bool(ctx.work.targets.append(target, limit).is_ok())
}
