//! A variable as the script compiler left it: table row, inner name, index and transformations, all resolved.
//!
//! `$rU`, `$hdr(X)`, `$(avp(list)[-1]{s.len})`. Reading and writing go through the row's functions.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::ctx::Ctx;
use super::def::{PvDef, TransformDef};
use super::text::Text;
use super::value::Value;

/// One use of a variable.
#[derive(Clone)]
pub struct Pv {
    /// The row of its class.
    pub def: &'static PvDef,
    /// What stands in its parentheses and brackets.
    pub arg: PvArg,
    /// Transformations, applied from left to right.
    pub transforms: Box<[Transform]>,
}

/// What stands in the parentheses and brackets of a variable; handed to its row's functions.
#[derive(Clone, Debug)]
pub struct PvArg {
    /// The parentheses.
    pub inner: Inner,
    /// The brackets.
    pub index: Index,
}

/// The text in the parentheses, prepared as the row asks.
#[derive(Clone, Default)]
pub enum Inner {
    /// No parentheses.
    #[default]
    None,
    /// A fixed text.
    Name(Bytes),
    /// A number given out for a fixed name: a storage slot, or a position in a table of keys.
    Slot(u32),
    /// A text with variables, rendered at each use.
    Dynamic(Arc<Text>),
    /// Another variable, as in `$cnt($avp(x))`.
    Pv(Arc<Pv>),
    /// Whatever the row's preparation made of it.
    Prepared(Arc<dyn Any + Send + Sync>),
}

/// The brackets of a variable.
#[derive(Clone, Debug, Default)]
pub enum Index {
    /// No brackets.
    #[default]
    None,
    /// `[3]`; negative counts from the end.
    At(i64),
    /// `[*]`
    All,
    /// `[$var(i)]`, evaluated at each use.
    Dynamic(Arc<Pv>),
}

/// An [`Index`] evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// No brackets.
    None,
    /// Position; negative counts from the end.
    Position(i64),
    /// All values.
    All,
}

impl Pv {
    /// Reads the variable. A transformation of null is null.
    pub fn get(&self, ctx: &mut Ctx<'_>) -> Value {
        let mut value = (self.def.get)(ctx, &self.arg);
        for transform in &self.transforms {
            value = transform.apply(ctx, value);
        }
        value
    }

    /// Writes the variable; [`Value::Null`] deletes or resets. Errors: the reason, for the log.
    pub fn set(&self, ctx: &mut Ctx<'_>, value: Value) -> Result<(), SetError> {
        match self.def.set {
            Some(set) if self.transforms.is_empty() => set(ctx, &self.arg, value),
            _ => Err(SetError::ReadOnly),
        }
    }

    /// True when it can stand left of `=`.
    pub fn is_writable(&self) -> bool {
        self.def.set.is_some() && self.transforms.is_empty()
    }
}

/// Why a variable was not written. The script goes on; the reason is logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetError {
    /// The variable cannot be written.
    ReadOnly,
    /// It does not take a value of this kind (null, number or text).
    Type,
    /// The value cannot be used: not a URI, no such socket, too many branches.
    Value,
    /// There is nothing to write to: no such element, no transaction, wrong kind of message.
    Absent,
}

impl fmt::Display for SetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::ReadOnly => "it is read only",
            SetError::Type => "it does not take a value of this type",
            SetError::Value => "the value cannot be used",
            SetError::Absent => "there is nothing to write to",
        })
    }
}

impl PvArg {
    /// A variable without parentheses and brackets.
    pub const NONE: PvArg = PvArg { inner: Inner::None, index: Index::None };

    /// The text in the parentheses, dynamic ones rendered; empty without parentheses.
    pub fn name(&self, ctx: &mut Ctx<'_>) -> Bytes {
        match &self.inner {
            Inner::Name(name) => name.clone(),
            Inner::Dynamic(text) => text.render(ctx),
            Inner::Pv(pv) => pv.get(ctx).to_text(),
            Inner::None | Inner::Slot(_) | Inner::Prepared(_) => Bytes::new(),
        }
    }

    /// The number prepared for the parentheses; 0 when the row prepares none.
    pub fn slot(&self) -> usize {
        match self.inner {
            Inner::Slot(slot) => slot as usize,
            _ => 0,
        }
    }

    /// What the row's preparation made, when it is a `T`.
    pub fn prepared<T: 'static>(&self) -> Option<&T> {
        match &self.inner {
            Inner::Prepared(prepared) => prepared.downcast_ref(),
            _ => None,
        }
    }

    /// The brackets, evaluated.
    pub fn at(&self, ctx: &mut Ctx<'_>) -> At {
        match &self.index {
            Index::None => At::None,
            Index::At(position) => At::Position(*position),
            Index::All => At::All,
            Index::Dynamic(pv) => At::Position(pv.get(ctx).to_int()),
        }
    }
}

impl At {
    /// The place meant in a list of `len` elements; no brackets mean the first. `None` when outside.
    pub fn of(self, len: usize) -> Option<usize> {
        let position = match self {
            At::None | At::All => 0,
            At::Position(position) => position,
        };
        let place = if position < 0 { position.checked_add(len as i64)? } else { position };
        usize::try_from(place).ok().filter(|place| *place < len)
    }
}

/// One transformation of a variable, arguments resolved.
#[derive(Clone)]
pub struct Transform {
    /// The row.
    pub def: &'static TransformDef,
    /// Its arguments.
    pub args: Box<[TransformArg]>,
}

/// One argument of a transformation.
#[derive(Clone, Debug)]
pub enum TransformArg {
    /// A number.
    Int(i64),
    /// A fixed text.
    Text(Bytes),
    /// A variable, read at each use.
    Pv(Pv),
    /// Whatever the row's preparation made of it.
    Prepared(Arc<dyn Any + Send + Sync>),
}

impl Transform {
    /// Applies it. Null stays null unless the row takes null.
    pub fn apply(&self, ctx: &mut Ctx<'_>, value: Value) -> Value {
        if value.is_null() && !self.def.takes_null {
            return Value::Null;
        }
        (self.def.run)(ctx, value, &TransformArgs(&self.args))
    }
}

/// The arguments of a transformation at run time.
#[derive(Clone, Copy, Debug)]
pub struct TransformArgs<'a>(&'a [TransformArg]);

impl TransformArgs<'_> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True when there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Argument `at` as a number, 0 when it is missing.
    pub fn int(&self, ctx: &mut Ctx<'_>, at: usize) -> i64 {
        match self.0.get(at) {
            Some(TransformArg::Int(int)) => *int,
            Some(TransformArg::Pv(pv)) => pv.get(ctx).to_int(),
            Some(TransformArg::Text(text)) => super::value::parse_int(text).unwrap_or(0),
            Some(TransformArg::Prepared(_)) | None => 0,
        }
    }

    /// Argument `at` as a text, empty when it is missing.
    pub fn text(&self, ctx: &mut Ctx<'_>, at: usize) -> Bytes {
        match self.0.get(at) {
            Some(TransformArg::Text(text)) => text.clone(),
            Some(TransformArg::Pv(pv)) => pv.get(ctx).to_text(),
            Some(TransformArg::Int(int)) => super::value::decimal(*int),
            Some(TransformArg::Prepared(_)) | None => Bytes::new(),
        }
    }

    /// What the row's preparation made of argument `at`, when it is a `T`.
    pub fn prepared<T: 'static>(&self, at: usize) -> Option<&T> {
        match self.0.get(at) {
            Some(TransformArg::Prepared(prepared)) => prepared.downcast_ref(),
            _ => None,
        }
    }
}

impl fmt::Debug for Pv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "$({}{:?}", self.def.name, self.arg)?;
        for transform in &self.transforms {
            write!(f, "{{{}.{}}}", transform.def.class, transform.def.op)?;
        }
        f.write_str(")")
    }
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{}.{}}}", self.def.class, self.def.op)
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Inner::None => f.write_str("None"),
            Inner::Name(name) => write!(f, "Name({name:?})"),
            Inner::Slot(slot) => write!(f, "Slot({slot})"),
            Inner::Dynamic(text) => write!(f, "Dynamic({text:?})"),
            Inner::Pv(pv) => write!(f, "Pv({pv:?})"),
            Inner::Prepared(_) => f.write_str("Prepared"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::At;

    #[test]
    fn positions_count_from_either_end() {
        assert_eq!(At::None.of(3), Some(0));
        assert_eq!(At::Position(2).of(3), Some(2));
        assert_eq!(At::Position(-1).of(3), Some(2));
        assert_eq!(At::Position(-4).of(3), None);
        assert_eq!(At::Position(3).of(3), None);
        assert_eq!(At::Position(i64::MIN).of(3), None);
        assert_eq!(At::None.of(0), None);
    }
}
