//! The dialog a message belongs to, and what the script wished for before there was one.

use bytes::Bytes;
use sip::msg::View;

use super::table::{Dialog, DialogId, Dialogs, State};
use crate::api::{Ctx, Work};

/// Kept with a message.
#[derive(Clone, Debug, Default)]
pub(super) struct Current {
    pub(super) dialog: Option<DialogId>,
    /// The message is a request within the dialog.
    pub(super) is_within: bool,
    pub(super) direction: Option<Direction>,
    /// What `$dlg(state)` shows in an event route, when not what it is by now.
    pub(super) shown: Option<State>,
    pub(super) wishes: Wishes,
}

/// Which way a request within a dialog goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the caller to the callee.
    Downstream,
    /// From the callee to the caller.
    Upstream,
}

/// What was set before `dlg_manage()`.
#[derive(Clone, Debug, Default)]
pub(super) struct Wishes {
    pub(super) vars: Vec<(Bytes, Bytes)>,
    pub(super) profiles: Vec<(u16, Bytes)>,
    pub(super) flags: u32,
    /// Seconds, 0 for none.
    pub(super) timeout: i64,
    pub(super) sends_bye: i64,
    pub(super) timeout_route: Bytes,
}

/// What is kept with the message.
pub(super) fn of<'a>(ctx: &'a mut Ctx<'_>) -> &'a mut Current {
    ctx.work.attached.get_mut::<Current>()
}

/// The dialog of the message: noted with it, or that of its transaction, or the one its header fields name.
pub(super) fn id(ctx: &mut Ctx<'_>) -> Option<DialogId> {
    let noted = ctx.work.attached.get::<Current>().and_then(|current| current.dialog);
    let dialogs = ctx.shard.states.get::<Dialogs>();
    if let Some(id) = noted {
        return dialogs.get(id).map(|dialog| dialog.id);
    }
    if let Some(bound) = ctx.work.relaying.id.and_then(|id| dialogs.by_transaction.get(&id)) {
        return Some(bound.dialog);
    }
    find(dialogs, ctx.work.view()).map(|(id, _)| id)
}

/// The dialog of the message, to look into.
pub(super) fn dialog<'a>(ctx: &'a mut Ctx<'_>) -> Option<&'a Dialog> {
    let id = id(ctx)?;
    ctx.shard.states.get::<Dialogs>().get(id)
}

/// The dialog of the message, to change.
pub(super) fn dialog_mut<'a>(ctx: &'a mut Ctx<'_>) -> Option<&'a mut Dialog> {
    let id = id(ctx)?;
    ctx.shard.states.get::<Dialogs>().get_mut(id)
}

/// Notes the dialog of a message made for an event.
pub(super) fn attach(work: &mut Work, dialog: DialogId, shown: Option<State>) {
    let current = work.attached.get_mut::<Current>();
    current.dialog = Some(dialog);
    current.shown = shown;
}

/// The dialog that Call-ID and tags name, and which way the message goes.
pub(super) fn find(dialogs: &Dialogs, view: View<'_>) -> Option<(DialogId, Direction)> {
    let (from, to) = (view.from().ok()?.tag()?, view.to().ok()?.tag()?);
    find_by_tags(dialogs, view.call_id().ok()?, (from, to))
}

/// The same by texts.
pub(super) fn find_by_tags(
    dialogs: &Dialogs,
    call_id: &[u8],
    (from, to): (&[u8], &[u8]),
) -> Option<(DialogId, Direction)> {
    let mut live = dialogs.of_call(call_id).filter(|dialog| dialog.state != State::Deleted);
    live.find_map(|dialog| {
        let (caller, callee) = (&*dialog.caller.tag, &*dialog.callee.tag);
        // The callee's tag is not known before the answer.
        let is_callee = |tag: &[u8]| callee.is_empty() || callee == tag;
        match () {
            () if caller == from && is_callee(to) => Some((dialog.id, Direction::Downstream)),
            () if caller == to && is_callee(from) => Some((dialog.id, Direction::Upstream)),
            () => None,
        }
    })
}
