//! What the database must hear of: dialogs that were changed since their rows were written, dialogs that are gone, and
//! dialogs that come back from it.

use super::super::rows::Key;
use super::{Dialog, DialogId, Dialogs, MAX_ENDED, Options, State, Stored};
use crate::api::core_hash;

impl Dialogs {
    /// Notes changes from now on.
    pub(in super::super) fn note_changes(&mut self) {
        self.notes_changes = true;
    }

    /// Notes that the rows of a dialog are to be written.
    pub(in super::super) fn note_change(&mut self, id: DialogId) {
        let Some(dialog) = self.get_unnoted(id).filter(|dialog| !dialog.options.has(Options::CHANGED)) else {
            return;
        };
        dialog.options.set(Options::CHANGED);
        self.changed.push(id);
        if self.changed.len() > MAX_ENDED + 2 * self.dialogs.len() {
            let dialogs = &self.dialogs;
            self.changed.retain(|id| dialogs.get(id.slot as usize).is_some_and(|dialog| dialog.id == *id));
        }
    }

    /// Notes all dialogs.
    pub(in super::super) fn note_all(&mut self) {
        let all: Vec<DialogId> = self.iter().map(|dialog| dialog.id).collect();
        all.into_iter().for_each(|id| self.note_change(id));
    }

    /// True when nothing is noted.
    pub(in super::super) fn is_written(&self) -> bool {
        self.changed.is_empty() && self.gone.is_empty()
    }

    /// Some of the noted dialogs: what is to be put into the database, and what is to be taken out.
    pub(in super::super) fn take_changed(&mut self, count: usize) -> (Vec<DialogId>, Vec<Key>) {
        let from = self.changed.len().saturating_sub(count);
        let taken = self.changed.split_off(from);
        let mut gone = std::mem::take(&mut self.gone);
        let mut put = Vec::with_capacity(taken.len());
        for id in taken {
            let Some(dialog) = self.get_unnoted(id) else { continue };
            dialog.options.reset(Options::CHANGED);
            match dialog.state {
                State::ConfirmedNoAck | State::Confirmed => {
                    dialog.options.set(Options::STORED);
                    put.push(id);
                }
                State::Deleted if dialog.options.has(Options::STORED) => {
                    dialog.options.reset(Options::STORED);
                    gone.push(Key { entry: dialog.entry, serial: id.serial });
                }
                State::Unconfirmed | State::Early | State::Deleted => {}
            }
        }
        (put, gone)
    }

    /// Puts a dialog of the database back, with so many seconds of life from each request within.
    pub(in super::super) fn put_back(&mut self, stored: Stored, lifetime: u32) -> DialogId {
        let hash = core_hash(&[&stored.call_id]);
        let id = DialogId { slot: self.dialogs.vacant_key() as u32, serial: stored.serial };
        self.by_call.entry(hash).or_default().push(id.slot);
        self.counts.active += 1;
        let mut options = stored.options;
        options.set(Options::STORED);
        self.dialogs.insert(Dialog {
            id,
            entry: stored.entry,
            state: stored.state,
            call_id: stored.call_id,
            from_uri: stored.from_uri,
            to_uri: stored.to_uri,
            caller: stored.caller,
            callee: stored.callee,
            lifetime,
            created: stored.started,
            started: stored.started,
            ended: 0,
            expires: stored.expires,
            flags: stored.flags,
            options,
            failed_pings: 0,
            timeout_route: stored.timeout_route,
            vars: Vec::new(),
            profiles: stored.profiles,
            timer: None,
        });
        id
    }
}
