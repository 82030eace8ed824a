//! The dialogs of one shard: found by Call-ID, by transaction, or by number; with a deadline each in one wheel.
//!
//! A dialog belongs to the shard that owns its Call-ID, so nothing here is locked.

mod changes;

use std::collections::VecDeque;
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashMap;
use sip::time::Time;
use sip::wheel::{TimerId, Wheel};
use slab::Slab;
use smallvec::SmallVec;

use super::rows::Key;
use crate::api::core_hash;
use crate::relay::{RelayId, SocketId};

/// Names a dialog of the shard; a stale name is recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct DialogId {
    slot: u32,
    /// `h_id`
    pub(super) serial: u32,
}

/// How far a dialog is; the numbers are those scripts see.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum State {
    Unconfirmed = 1,
    Early = 2,
    /// Answered, no ACK yet.
    ConfirmedNoAck = 3,
    Confirmed = 4,
    Deleted = 5,
}

/// One side of a dialog. Texts are as written; empty until they are known.
#[derive(Clone, Debug, Default)]
pub(super) struct Leg {
    pub(super) tag: Box<[u8]>,
    /// URI of its Contact.
    pub(super) contact: Box<[u8]>,
    /// Route values towards it, separated by commas.
    pub(super) routes: Box<[u8]>,
    pub(super) cseq: u32,
    pub(super) socket: Option<SocketId>,
}

/// What a dialog was asked to do, as bits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(u8);

impl Options {
    /// BYE both sides when its time is over.
    pub(super) const BYE: Options = Options(1);
    /// Requests within do not begin its time anew.
    pub(super) const NO_RESET: Options = Options(2);
    /// OPTIONS to the caller from time to time.
    pub(super) const KEEP_CALLER: Options = Options(4);
    /// OPTIONS to the callee from time to time.
    pub(super) const KEEP_CALLEE: Options = Options(8);
    /// BYEs were sent from here.
    pub(super) const ENDING: Options = Options(16);
    /// The database may have rows of it.
    const STORED: Options = Options(32);
    /// It was changed since its rows were written.
    const CHANGED: Options = Options(64);

    /// As the column `iflags` has them, and `dlg.list` shows them.
    pub(super) fn to_flags(self) -> u32 {
        IFLAGS.iter().filter(|(option, _)| self.has(*option)).map(|(_, flag)| flag).sum()
    }

    /// From the column `iflags`.
    pub(super) fn from_flags(flags: u32) -> Options {
        let mut options = Options::default();
        IFLAGS.iter().filter(|(_, flag)| flags & flag != 0).for_each(|(option, _)| options.set(*option));
        options
    }

    pub(super) fn has(self, option: Options) -> bool {
        self.0 & option.0 != 0
    }

    pub(super) fn set(&mut self, option: Options) {
        self.0 |= option.0;
    }

    pub(super) fn reset(&mut self, option: Options) {
        self.0 &= !option.0;
    }
}

/// Options and their numbers outside.
const IFLAGS: [(Options, u32); 4] =
    [(Options::BYE, 1), (Options::KEEP_CALLER, 2), (Options::KEEP_CALLEE, 4), (Options::NO_RESET, 8)];

/// One dialog.
#[derive(Clone, Debug)]
pub(super) struct Dialog {
    pub(super) id: DialogId,
    /// `h_entry`
    pub(super) entry: u32,
    pub(super) state: State,
    pub(super) call_id: Box<[u8]>,
    pub(super) from_uri: Box<[u8]>,
    pub(super) to_uri: Box<[u8]>,
    pub(super) caller: Leg,
    pub(super) callee: Leg,
    /// Seconds from the answer, and from each request within.
    pub(super) lifetime: u32,
    /// Unix second of the start, the answer and the end, 0 before.
    pub(super) created: u32,
    pub(super) started: u32,
    pub(super) ended: u32,
    /// Unix second at which its time is over, 0 when none is running.
    pub(super) expires: u32,
    pub(super) flags: u32,
    pub(super) options: Options,
    pub(super) failed_pings: u8,
    pub(super) timeout_route: Option<Box<str>>,
    pub(super) vars: Vars,
    /// Number of the profile, and the value in it.
    pub(super) profiles: Vec<(u16, Bytes)>,
    timer: Option<TimerId>,
}

/// A dialog to be.
pub(super) struct NewDialog {
    pub(super) entries: u32,
    pub(super) call_id: Box<[u8]>,
    pub(super) from_uri: Box<[u8]>,
    pub(super) to_uri: Box<[u8]>,
    pub(super) caller: Leg,
    pub(super) lifetime: u32,
    pub(super) created: u32,
}

/// A dialog read from the database.
pub(super) struct Stored {
    pub(super) entry: u32,
    pub(super) serial: u32,
    pub(super) state: State,
    pub(super) call_id: Box<[u8]>,
    pub(super) from_uri: Box<[u8]>,
    pub(super) to_uri: Box<[u8]>,
    pub(super) caller: Leg,
    pub(super) callee: Leg,
    pub(super) started: u32,
    pub(super) expires: u32,
    pub(super) flags: u32,
    pub(super) options: Options,
    pub(super) timeout_route: Option<Box<str>>,
    pub(super) profiles: Vec<(u16, Bytes)>,
}

/// What a deadline is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Due {
    /// The state of the dialog says what happens.
    Life(DialogId),
    /// OPTIONS are sent.
    KeepAlive(DialogId),
}

/// A transaction of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bound {
    pub(super) dialog: DialogId,
    /// It is the INVITE that began the dialog.
    pub(super) is_initial: bool,
}

/// What was counted in the shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    pub(super) early: u64,
    pub(super) active: u64,
    pub(super) processed: u64,
    pub(super) expired: u64,
    pub(super) failed: u64,
}

/// All dialogs of the shard.
#[derive(Debug)]
pub(super) struct Dialogs {
    dialogs: Slab<Dialog>,
    by_call: FxHashMap<u32, SmallVec<[u32; 2]>>,
    pub(super) by_transaction: FxHashMap<RelayId, Bound>,
    wheel: Wheel<Due>,
    /// Ended ones, oldest first.
    ended: VecDeque<DialogId>,
    pub(super) next_serial: u32,
    /// Between the numbers of two dialogs: what keeps those of the shards apart.
    pub(super) serial_step: u32,
    pub(super) counts: Counts,
    /// Changes are noted.
    notes_changes: bool,
    changed: Vec<DialogId>,
    /// Forgotten dialogs whose rows may still be there.
    pub(super) gone: Vec<Key>,
}

impl Default for Dialogs {
    fn default() -> Dialogs {
        Dialogs {
            dialogs: Slab::new(),
            by_call: FxHashMap::default(),
            by_transaction: FxHashMap::default(),
            wheel: Wheel::new(Duration::from_millis(500)),
            ended: VecDeque::new(),
            next_serial: 0,
            serial_step: 1,
            counts: Counts::default(),
            notes_changes: false,
            changed: Vec::new(),
            gone: Vec::new(),
        }
    }
}

impl Dialogs {
    pub(super) fn insert(&mut self, new: NewDialog) -> DialogId {
        let hash = core_hash(&[&new.call_id]);
        let id = DialogId { slot: self.dialogs.vacant_key() as u32, serial: self.next_serial };
        self.next_serial = self.next_serial.wrapping_add(self.serial_step);
        self.by_call.entry(hash).or_default().push(id.slot);
        self.counts.processed += 1;
        self.dialogs.insert(Dialog {
            id,
            entry: hash & (new.entries - 1),
            state: State::Unconfirmed,
            call_id: new.call_id,
            from_uri: new.from_uri,
            to_uri: new.to_uri,
            caller: new.caller,
            callee: Leg::default(),
            lifetime: new.lifetime,
            created: new.created,
            started: 0,
            ended: 0,
            expires: 0,
            flags: 0,
            options: Options::default(),
            failed_pings: 0,
            timeout_route: None,
            vars: Vec::new(),
            profiles: Vec::new(),
            timer: None,
        });
        id
    }

    pub(super) fn get(&self, id: DialogId) -> Option<&Dialog> {
        self.dialogs.get(id.slot as usize).filter(|dialog| dialog.id == id)
    }

    /// The dialog for changes; they are noted for the database.
    pub(super) fn get_mut(&mut self, id: DialogId) -> Option<&mut Dialog> {
        if self.notes_changes {
            self.note_change(id);
        }
        self.get_unnoted(id)
    }

    /// The dialog for changes that the database has.
    pub(super) fn get_unnoted(&mut self, id: DialogId) -> Option<&mut Dialog> {
        self.dialogs.get_mut(id.slot as usize).filter(|dialog| dialog.id == id)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Dialog> {
        self.dialogs.iter().map(|(_, dialog)| dialog)
    }

    /// The dialog of an entry and number, looked for among all.
    pub(super) fn numbered(&self, entry: i64, serial: i64) -> Option<DialogId> {
        let is_meant = |it: &&Dialog| i64::from(it.entry) == entry && i64::from(it.id.serial) == serial;
        self.iter().find(is_meant).map(|dialog| dialog.id)
    }

    /// True when there is no room for a further one.
    pub(super) fn is_full(&self) -> bool {
        self.dialogs.len() >= MAX_DIALOGS
    }

    /// The dialogs of a Call-ID.
    pub(super) fn of_call<'a>(&'a self, call_id: &'a [u8]) -> impl Iterator<Item = &'a Dialog> {
        let slots = self.by_call.get(&core_hash(&[call_id])).into_iter().flatten();
        slots.map(|slot| &self.dialogs[*slot as usize]).filter(move |dialog| *dialog.call_id == *call_id)
    }

    /// Gives a dialog another state, and counts.
    pub(super) fn set_state(&mut self, id: DialogId, state: State) {
        if self.notes_changes {
            self.note_change(id);
        }
        let Some(dialog) = self.dialogs.get_mut(id.slot as usize).filter(|dialog| dialog.id == id) else {
            return;
        };
        let before = std::mem::replace(&mut dialog.state, state);
        let counted = |state: State| match state {
            State::Early => Some(0),
            State::ConfirmedNoAck | State::Confirmed => Some(1),
            State::Unconfirmed | State::Deleted => None,
        };
        let counts = &mut self.counts;
        let counters = [&mut counts.early, &mut counts.active];
        if let Some(at) = counted(before) {
            *counters[at] -= 1;
        }
        if let Some(at) = counted(state) {
            *counters[at] += 1;
        }
        if state == State::Deleted && before != State::Deleted {
            self.ended.push_back(id);
        }
    }

    /// Sets the one deadline of a dialog.
    pub(super) fn set_deadline(&mut self, id: DialogId, at: Time) {
        let Some(dialog) = self.dialogs.get_mut(id.slot as usize).filter(|dialog| dialog.id == id) else {
            return;
        };
        if let Some(timer) = dialog.timer.take() {
            self.wheel.cancel(timer);
        }
        dialog.timer = Some(self.wheel.insert(at, Due::Life(id)));
    }

    /// Sets when the next OPTIONS are due.
    pub(super) fn keep_alive_at(&mut self, id: DialogId, at: Time) {
        self.wheel.insert(at, Due::KeepAlive(id));
    }

    pub(super) fn take_due(&mut self, now: Time) -> Option<Due> {
        self.wheel.pop_due(now)
    }

    pub(super) fn remove(&mut self, id: DialogId) {
        if self.get(id).is_none() {
            return;
        }
        let dialog = self.dialogs.remove(id.slot as usize);
        if dialog.options.has(Options::STORED) && self.gone.len() < MAX_DIALOGS {
            self.gone.push(Key { entry: dialog.entry, serial: id.serial });
        }
        if let Some(timer) = dialog.timer {
            self.wheel.cancel(timer);
        }
        let hash = core_hash(&[&dialog.call_id]);
        if let Some(slots) = self.by_call.get_mut(&hash) {
            slots.retain(|slot| *slot != id.slot);
            if slots.is_empty() {
                self.by_call.remove(&hash);
            }
        }
    }

    /// Removes the oldest ended dialogs when too many are kept.
    pub(super) fn bound_ended(&mut self) {
        while self.ended.len() > MAX_ENDED {
            if let Some(oldest) = self.ended.pop_front() {
                self.remove(oldest);
            }
        }
    }
}

impl Dialog {
    /// `did`: entry and number in hexadecimal digits, the least significant first.
    pub(super) fn cookie(&self) -> String {
        let reversed = |number: u32| format!("{number:x}").chars().rev().collect::<String>();
        format!("{}.{}", reversed(self.entry), reversed(self.id.serial))
    }

    /// A variable of the script.
    pub(super) fn var(&self, name: &[u8]) -> Option<&Bytes> {
        self.vars.iter().find(|(of, _)| *of == name).map(|(_, value)| value)
    }
}

/// `$dlg_var`: names and values.
pub type Vars = Vec<(Bytes, Bytes)>;

/// Sets or deletes a variable.
pub fn set_var(vars: &mut Vars, name: Bytes, value: Option<Bytes>) {
    vars.retain(|(of, _)| *of != name);
    vars.extend(value.map(|value| (name, value)));
}

/// Dialogs a shard follows at a time; calls beyond that go on without one.
const MAX_DIALOGS: usize = 1_000_000;
/// Ended dialogs a shard keeps for listings; without a bound they would be many after a busy minute.
const MAX_ENDED: usize = 10_000;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::{Dialogs, Due, Leg, NewDialog, State};

    fn new(call_id: &[u8]) -> NewDialog {
        NewDialog {
            entries: 4096,
            call_id: call_id.into(),
            from_uri: b"sip:a@x"[..].into(),
            to_uri: b"sip:b@x"[..].into(),
            caller: Leg::default(),
            lifetime: 60,
            created: 1,
        }
    }

    /// Seen on Kamailio 5.6.3: the entry of this Call-ID; entry 2893 and number 8670 in a Route.
    #[test]
    fn cookies_have_the_least_significant_digit_first() {
        let mut dialogs = Dialogs { next_serial: 8670, ..Dialogs::default() };
        let id = dialogs.insert(new(b"entry"));
        assert_eq!(dialogs.get(id).map(|dialog| dialog.entry), Some(729));
        dialogs.get_mut(id).expect("alive").entry = 2893;
        assert_eq!(dialogs.get(id).map(|dialog| dialog.cookie()).as_deref(), Some("d4b.ed12"));
    }

    #[test]
    fn dialogs_are_found_counted_and_forgotten() {
        let mut dialogs = Dialogs::default();
        let (one, two) = (dialogs.insert(new(b"call")), dialogs.insert(new(b"call")));
        assert_eq!(dialogs.of_call(b"call").count(), 2);
        dialogs.set_state(one, State::Early);
        dialogs.set_state(two, State::Confirmed);
        assert_eq!((dialogs.counts.early, dialogs.counts.active, dialogs.counts.processed), (1, 1, 2));
        dialogs.set_state(two, State::Deleted);
        assert_eq!(dialogs.counts.active, 0);
        dialogs.remove(one);
        assert!(dialogs.get(one).is_none() && dialogs.of_call(b"call").count() == 1);
        dialogs.remove(two);
        assert_eq!((dialogs.dialogs.len(), dialogs.by_call.len()), (0, 0));
    }

    /// What lives for hours must be small, and cost nothing while nothing happens to it.
    #[test]
    fn many_dialogs_are_small_and_idle() {
        let mut dialogs = Dialogs::default();
        let now = Time::ZERO;
        for number in 0..100_000u32 {
            let id = dialogs.insert(new(number.to_string().as_bytes()));
            dialogs.set_deadline(id, now + Duration::from_secs(3600));
        }
        assert!(size_of::<super::Dialog>() <= 512, "{}", size_of::<super::Dialog>());
        let due = (1..3000).filter(|second| dialogs.take_due(now + Duration::from_secs(*second)).is_some());
        assert_eq!(due.count(), 0);
        assert!(dialogs.take_due(now + Duration::from_secs(3601)).is_some());
    }

    #[test]
    fn a_dialog_has_one_deadline() {
        let mut dialogs = Dialogs::default();
        let id = dialogs.insert(new(b"call"));
        let at = |seconds| Time::ZERO + Duration::from_secs(seconds);
        dialogs.set_deadline(id, at(5));
        dialogs.set_deadline(id, at(50));
        assert_eq!(dialogs.take_due(at(10)), None);
        assert_eq!(dialogs.take_due(at(51)), Some(Due::Life(id)));
        assert_eq!(dialogs.take_due(at(99)), None);
    }
}
