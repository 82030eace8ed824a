//! The contract of the scenario language: what a keyword, an action and a pause distribution are.
//!
//! Each set is a table ([`keywords::TABLE`], [`actions::TABLE`], [`distributions::TABLE`]); a row carries name,
//! reader, meaning and its own documentation. Adding one is a row, a function and a test. Texts with
//! `[keywords]` are [`Template`]s. Nothing here knows XML, sockets or the order of messages.

pub mod actions;
mod attributes;
pub mod distributions;
mod effect;
pub mod keywords;
mod names;
mod posix;
mod template;
mod world;

use std::sync::Arc;

use sip::time::Time;

use crate::state::{CallState, Settings, Value, VarSlot};

pub use attributes::{Attribute, Attributes, Mistake};
use keywords::authentication::Authentication;

pub use effect::{Check, EchoSwitch, Effect, Flow, MediaKind};
pub use names::{FileUse, MediaFile, MediaNeeds, Names, VarNames, VarUse};
pub use posix::{PosixError, PosixRegex};
pub use template::{Template, TextKind};
pub use world::{Ears, Host, Problem, World};

/// What a keyword or an action may read and change while it runs.
pub struct Scope<'a> {
    /// The call.
    pub call: &'a mut CallState,
    /// What calls share: injection files, user and global variables, the generator.
    pub world: &'a mut World,
    /// What holds for the whole run.
    pub settings: &'a Settings,
    /// The moment of the step.
    pub now: Time,
    /// The index `[msg_index]` and `[branch]` print: that of the message, in actions the one before.
    pub index: i32,
    /// Where `[len]` was written, and its offset; patched when the text is complete.
    pub length_mark: Option<(usize, i64)>,
    /// Where `[authentication]` stands; its header is inserted when the text is complete.
    pub authentication_mark: Option<(usize, Arc<Authentication>)>,
}

impl Scope<'_> {
    /// The value of a variable.
    pub fn var(&self, slot: VarSlot) -> &Value {
        match slot.scope {
            crate::state::Scope::Call => self.call.vars.get(slot.index),
            crate::state::Scope::User => self.world.user_vars(self.call.user).get(slot.index),
            crate::state::Scope::Global => self.world.globals.get(slot.index),
        }
    }

    /// Changes a variable.
    pub fn set_var(&mut self, slot: VarSlot, value: Value) {
        match slot.scope {
            crate::state::Scope::Call => self.call.vars.set(slot.index, value),
            crate::state::Scope::User => self.world.user_vars_mut(self.call.user).set(slot.index, value),
            crate::state::Scope::Global => self.world.globals.set(slot.index, value),
        }
    }

    /// Notes something worth a warning; the call machine hands it on.
    pub fn warn(&mut self, text: impl Into<String>) {
        self.world.problems.push(Problem::Warning(text.into()));
    }

    /// Notes something that must end the program, as SIPp does.
    pub fn fail(&mut self, text: impl Into<String>) {
        self.world.problems.push(Problem::Fatal(text.into()));
    }
}

/// Meaning of a keyword without arguments: appends its value. `offset` is the `+N` or `-N` behind the name.
pub type PlainKeyword = fn(scope: &mut Scope<'_>, offset: i64, out: &mut Vec<u8>);

/// Meaning of a keyword that is the same in all messages of a run.
pub type ConstantKeyword = fn(settings: &Settings, offset: i64, out: &mut Vec<u8>);

/// Meaning of a keyword with arguments, fixed when the scenario was compiled.
pub trait Keyword: std::fmt::Debug + Send + Sync {
    /// Appends the value.
    fn write(&self, scope: &mut Scope<'_>, out: &mut Vec<u8>);
}

/// One row of the keyword table.
pub struct KeywordDef {
    /// The name between the brackets; a prefix for the families (`last_`, `field`, `$`).
    pub name: &'static str,
    /// The arguments as the documentation shows them.
    pub args: &'static str,
    /// True when the line vanishes if the keyword gives nothing at its beginning.
    pub vanishes: bool,
    /// How it is read and run.
    pub form: KeywordForm,
    /// One sentence for the documentation.
    pub doc: &'static str,
}

/// The forms of keywords.
pub enum KeywordForm {
    /// `[name]`, `[name+N]`, `[name-N]`.
    Plain(PlainKeyword),
    /// The same, and its value never changes during a run: [`Template::settle`] makes it literal.
    Constant(ConstantKeyword),
    /// `[name argument=value ...]`.
    Args(ParseKeyword),
    /// `[name<rest> argument=value ...]`: the name is only the beginning.
    Family(ParseKeyword),
}

/// Reads a keyword. Errors: one line that says what was expected.
pub type ParseKeyword =
    fn(text: &KeywordText<'_>, names: &mut Names<'_>) -> Result<Box<dyn Keyword>, Mistake>;

/// A keyword as written, split into its parts.
#[derive(Debug)]
pub struct KeywordText<'a> {
    /// What stands behind the name of a family, e.g. `3` of `[field3]`; empty otherwise.
    pub rest: &'a str,
    /// `name=value` arguments in order; values without quotes.
    pub args: Vec<(&'a str, Argument)>,
    /// The offset of a plain name, 0 without.
    pub offset: i64,
}

impl KeywordText<'_> {
    /// The value of an argument.
    pub fn arg(&self, name: &str) -> Option<&[u8]> {
        self.args.iter().find(|(known, _)| *known == name).map(|(_, value)| value.bytes())
    }

    /// The value of an argument as a text with keywords; one written in hexadecimal digits has none. Error: the
    /// first mistake in it.
    pub fn template(&self, name: &str, names: &mut Names<'_>) -> Result<Option<Template>, Mistake> {
        match self.args.iter().find(|(known, _)| *known == name).map(|(_, value)| value) {
            None => Ok(None),
            Some(Argument::Bytes(bytes)) => Ok(Some(Template::literal(bytes))),
            Some(Argument::Text(text)) => Template::parse(text, names.offset, TextKind::Inline, names)
                .map(Some)
                .map_err(|mut mistakes| mistakes.swap_remove(0)),
        }
    }
}

/// The value of a keyword's argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Written as text; may hold keywords.
    Text(Vec<u8>),
    /// Written as `0x` and hexadecimal digits.
    Bytes(Vec<u8>),
}

impl Argument {
    /// The bytes, keywords not replaced.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Argument::Text(bytes) | Argument::Bytes(bytes) => bytes,
        }
    }
}

/// The message, command or nothing that actions look at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Subject<'a> {
    /// The text; `None` where a step has no message and none was received.
    pub text: Option<&'a [u8]>,
}

impl<'a> Subject<'a> {
    /// The part behind the empty line; empty when there is none.
    pub fn body(self) -> &'a [u8] {
        let text = self.text.unwrap_or_default();
        memchr::memmem::find(text, b"\r\n\r\n").map_or(&[], |at| &text[at + 4..])
    }
}

/// An action, fixed when the scenario was compiled.
pub trait Action: std::fmt::Debug + Send + Sync {
    /// Runs it. `subject` is the message of the step; `effects` takes what the shell has to do.
    fn run(&self, scope: &mut Scope<'_>, subject: Subject<'_>, effects: &mut Vec<Effect>) -> Flow;
}

/// One row of the action table.
pub struct ActionDef {
    /// Element name.
    pub name: &'static str,
    /// Attributes it knows.
    pub attributes: &'static [&'static str],
    /// Reads it. Errors name the attribute and what was expected.
    pub parse: fn(&mut Attributes<'_, '_>) -> Result<Box<dyn Action>, Mistake>,
    /// One sentence for the documentation.
    pub doc: &'static str,
}
