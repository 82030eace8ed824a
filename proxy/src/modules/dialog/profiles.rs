//! Profiles: named groups of dialogs, perhaps by value. What all shards have in them is counted together.

use bytes::Bytes;

use super::context;
use super::params::{rules, totals};
use super::table::State;
use crate::api::{Args, Ctx, Flow, Level, Shard, Value};

/// The number of a profile.
pub(super) fn number(shard: &Shard, name: &[u8]) -> Option<u16> {
    rules(shard).profiles.iter().position(|it| it.name.as_bytes() == name).map(|at| at as u16)
}

/// A profile and the value in it; empty for one without values.
struct Place {
    profile: u16,
    value: Bytes,
}

/// Reads `profile[, value]`. `None`: no such profile, or a value is missing; the log says so.
fn place(ctx: &mut Ctx<'_>, args: &Args<'_>, values: usize) -> Option<Place> {
    let name = args.text(ctx, 0);
    let Some(profile) = number(ctx.shard, &name) else {
        ctx.log(Level::ERR, format!("dialog: there is no profile {}", String::from_utf8_lossy(&name)));
        return None;
    };
    let has_value = rules(ctx.shard).profiles[usize::from(profile)].has_value;
    match (has_value, values) {
        (true, 0) => {
            ctx.log(Level::ERR, format!("dialog: profile {} needs a value", String::from_utf8_lossy(&name)));
            None
        }
        (true, _) => Some(Place { profile, value: args.text(ctx, 1) }),
        (false, _) => Some(Place { profile, value: Bytes::new() }),
    }
}

/// `set_dlg_profile(profile[, value])`: before `dlg_manage()` it is kept for the dialog to come.
pub(super) fn set_dlg_profile(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(Place { profile, value }) = place(ctx, args, args.len() - 1) else { return Flow::FALSE };
    let totals = totals(ctx.shard);
    let entry = (profile, value);
    match context::dialog_mut(ctx) {
        Some(dialog) if dialog.state == State::Deleted => return Flow::FALSE,
        Some(dialog) if dialog.profiles.contains(&entry) => {}
        Some(dialog) => {
            totals.join(entry.0, &entry.1);
            dialog.profiles.push(entry);
        }
        None => context::of(ctx).wishes.profiles.push(entry),
    }
    Flow::TRUE
}

/// `unset_dlg_profile(profile[, value])`
pub(super) fn unset_dlg_profile(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(Place { profile, value }) = place(ctx, args, args.len() - 1) else { return Flow::FALSE };
    let totals = totals(ctx.shard);
    let Some(dialog) = context::dialog_mut(ctx) else { return Flow::FALSE };
    let Some(at) = dialog.profiles.iter().position(|it| *it == (profile, value.clone())) else {
        return Flow::FALSE;
    };
    dialog.profiles.swap_remove(at);
    totals.leave(profile, &value);
    Flow::TRUE
}

/// `is_in_profile(profile[, value])`
pub(super) fn is_in_profile(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let Some(Place { profile, value }) = place(ctx, args, args.len() - 1) else { return Flow::FALSE };
    let is_in = context::dialog(ctx).is_some_and(|dialog| dialog.profiles.contains(&(profile, value)));
    Flow::from_bool(is_in)
}

/// `dlg_remote_profile(command, profile, value, name, until)`: `add` counts a dialog of another server, `rm` does no
/// longer. It counts until that Unix second, 0 for as long as it is not removed.
pub(super) fn dlg_remote_profile(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let [command, profile, value, name] = [0, 1, 2, 3].map(|at| args.text(ctx, at));
    let until = args.int(ctx, 4);
    let Some(profile) = number(ctx.shard, &profile) else {
        ctx.log(Level::ERR, format!("dialog: there is no profile {}", String::from_utf8_lossy(&profile)));
        return Flow::FALSE;
    };
    let has_value = rules(ctx.shard).profiles[usize::from(profile)].has_value;
    let value = if has_value { value } else { Bytes::new() };
    let totals = totals(ctx.shard);
    match &command[..] {
        b"add" => totals.add_remote(name, (profile, value), u32::try_from(until).unwrap_or(0)),
        b"rm" => totals.remove_remote(&name),
        _ => {
            ctx.log(Level::ERR, "dialog: the commands of dlg_remote_profile() are add and rm");
            return Flow::FALSE;
        }
    }
    Flow::TRUE
}

/// `get_profile_size(profile[, value], $var)`
pub(super) fn get_profile_size(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
    let last = args.len() - 1;
    let Some(Place { profile, value }) = place(ctx, args, last - 1) else { return Flow::FALSE };
    let size = totals(ctx.shard).size(profile, Some(&value));
    let Some(pv) = args.pv(last) else { return Flow::FALSE };
    Flow::from_bool(pv.set(ctx, Value::Int(size as i64)).is_ok())
}
