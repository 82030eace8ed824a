//! What names mean while a scenario is compiled: `-key` words, injection files, variables; and what the
//! scenario turns out to need.

use sip::msg::HeaderName;

use super::Mistake;
use crate::infile::{FileId, Infiles};
use crate::state::{HeaderSet, KeepRule, Scope, VarSlot};

/// The meaning of names in one scenario.
pub struct Names<'a> {
    /// `-key name value`, in order.
    pub keys: &'a [(String, String)],
    /// Loaded injection files.
    pub infiles: &'a Infiles,
    /// Variables seen so far.
    pub vars: VarNames,
    /// Parts of received messages that keywords and actions will ask for.
    pub keep: KeepRule,
    /// What the scenario plays.
    pub media: MediaNeeds,
    /// Payload type of `-rtp_payload`.
    pub stream_type: u8,
    /// The file of `[fieldN]` without `file=`.
    pub default_file: FileId,
    /// Files of which each call takes a line.
    pub files: Vec<FileId>,
    /// The last field that is asked for of each file.
    pub last_fields: Vec<(FileId, usize)>,
    /// Where in the source the text being read begins; uses of variables are noted with it.
    pub offset: usize,
    /// Mistakes besides the one that a reader gives as its error.
    pub more: Vec<Mistake>,
    /// What is run though it is hardly meant.
    pub doubts: Vec<Mistake>,
}

impl<'a> Names<'a> {
    /// Names of a scenario of which nothing was read yet. What automatic messages print is always kept.
    pub fn new(keys: &'a [(String, String)], infiles: &'a Infiles) -> Names<'a> {
        let headers = HeaderSet::of(&[
            HeaderName::Via,
            HeaderName::From,
            HeaderName::To,
            HeaderName::CallId,
            HeaderName::CSeq,
        ]);
        let keep = KeepRule { headers, whole: false };
        Names {
            keys,
            infiles,
            vars: VarNames::default(),
            keep,
            media: MediaNeeds::default(),
            stream_type: 8,
            default_file: FileId(0),
            files: Vec::new(),
            last_fields: Vec::new(),
            offset: 0,
            more: Vec::new(),
            doubts: Vec::new(),
        }
    }

    /// The slot of a variable; counts as one use of it.
    pub fn var(&mut self, name: &str) -> VarSlot {
        self.vars.mention(name, self.offset)
    }

    /// Notes that calls take a line of that file.
    pub fn takes_lines_of(&mut self, file: FileId) {
        if !self.files.contains(&file) {
            self.files.push(file);
        }
    }

    /// Notes that calls print that field of that file.
    pub fn reads_field(&mut self, file: FileId, field: usize) {
        match self.last_fields.iter_mut().find(|(known, _)| *known == file) {
            Some((_, last)) => *last = field.max(*last),
            None => self.last_fields.push((file, field)),
        }
    }

    /// The same as [`Names::var`] for a use that gives the variable a value.
    pub fn assigned(&mut self, name: &str) -> VarSlot {
        let slot = self.vars.mention(name, self.offset);
        self.vars.table_mut(slot.scope)[usize::from(slot.index)].assignments += 1;
        slot
    }
}

/// What a scenario plays.
#[derive(Clone, Debug, Default)]
pub struct MediaNeeds {
    /// Some action plays something: calls then read session descriptions.
    pub plays: bool,
    /// Files whose names are known before the run.
    pub files: Vec<MediaFile>,
}

/// A media file that an action names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MediaFile {
    /// As written.
    pub path: String,
    /// What it must be.
    pub use_as: FileUse,
    /// Offset of the name in the source.
    pub offset: usize,
}

/// What a media file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileUse {
    /// A capture to replay.
    Capture,
    /// Samples to stream in that format.
    Samples(&'static crate::media::payload::Format),
}

/// The variables of a scenario by scope, in order of first mention.
#[derive(Clone, Debug, Default)]
pub struct VarNames {
    call: Vec<VarUse>,
    user: Vec<VarUse>,
    global: Vec<VarUse>,
}

/// How often a variable is mentioned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VarUse {
    /// Name without `$`.
    pub name: String,
    /// Mentions, the declaration of a global or user variable included.
    pub count: u32,
    /// How many of them give it a value.
    pub assignments: u32,
    /// Offset of the first mention in the source.
    pub offset: usize,
}

impl VarNames {
    /// The names that another scenario of the same run starts with: the variables wider than a call. They count
    /// as used and assigned, since that other scenario has done both or may.
    pub fn inherited(&self) -> VarNames {
        let known = |list: &[VarUse]| {
            let known = |var: &VarUse| VarUse { count: 3, assignments: 1, offset: 0, name: var.name.clone() };
            list.iter().map(known).collect()
        };
        VarNames { call: Vec::new(), user: known(&self.user), global: known(&self.global) }
    }

    /// Declares a variable of a wider scope than a call; again is harmless.
    pub fn declare(&mut self, scope: Scope, name: &str, offset: usize) {
        if self.find(name).is_none() {
            self.table_mut(scope).push(VarUse { name: name.into(), count: 1, assignments: 0, offset });
        }
    }

    /// The slot of a variable, made in the call's table when no scope knows it; counts the use.
    pub fn mention(&mut self, name: &str, offset: usize) -> VarSlot {
        let slot = self.find(name).unwrap_or_else(|| {
            self.call.push(VarUse { name: name.into(), count: 0, assignments: 0, offset });
            VarSlot { scope: Scope::Call, index: (self.call.len() - 1) as u16 }
        });
        self.table_mut(slot.scope)[usize::from(slot.index)].count += 1;
        slot
    }

    /// The slot of a known variable.
    pub fn find(&self, name: &str) -> Option<VarSlot> {
        [Scope::Global, Scope::User, Scope::Call].into_iter().find_map(|scope| {
            let index = self.table(scope).iter().position(|known| known.name == name)?;
            Some(VarSlot { scope, index: index as u16 })
        })
    }

    /// The variables of a scope in order of their slots.
    pub fn table(&self, scope: Scope) -> &[VarUse] {
        match scope {
            Scope::Call => &self.call,
            Scope::User => &self.user,
            Scope::Global => &self.global,
        }
    }

    fn table_mut(&mut self, scope: Scope) -> &mut Vec<VarUse> {
        match scope {
            Scope::Call => &mut self.call,
            Scope::User => &mut self.user,
            Scope::Global => &mut self.global,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::VarNames;
    use crate::state::{Scope, VarSlot};

    #[test]
    fn another_scenario_inherits_what_is_wider_than_a_call() {
        let mut first = VarNames::default();
        first.declare(Scope::Global, "g", 0);
        first.mention("a", 5);
        let mut second = first.inherited();
        second.declare(Scope::Global, "h", 0);
        assert_eq!(second.mention("g", 1), VarSlot { scope: Scope::Global, index: 0 });
        assert_eq!(second.mention("h", 2), VarSlot { scope: Scope::Global, index: 1 });
        assert_eq!(second.table(Scope::Call), []);
    }

    #[test]
    fn declared_names_win_over_call_variables() {
        let mut names = VarNames::default();
        names.declare(Scope::Global, "g", 0);
        assert_eq!(names.mention("a", 5), VarSlot { scope: Scope::Call, index: 0 });
        assert_eq!(names.mention("g", 6), VarSlot { scope: Scope::Global, index: 0 });
        assert_eq!(names.mention("a", 7), VarSlot { scope: Scope::Call, index: 0 });
        assert_eq!((names.table(Scope::Call)[0].count, names.table(Scope::Global)[0].count), (2, 2));
    }
}
