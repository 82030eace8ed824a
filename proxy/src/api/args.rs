//! Arguments of script functions: the kinds a row can ask for, the compiled forms, and how a function reads them.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;

use super::catalog::Catalog;
use super::ctx::Ctx;
use super::pattern::{Pattern, PatternError};
use super::pv::Pv;
use super::routes::{RouteId, RouteTable};
use super::text::Text;
use super::value::Value;

/// What a parameter of a function is; decides how the compiler treats the argument.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// A text taken as it is written: no variables in it. A bare word is one too.
    Word,
    /// A text with variables.
    Text,
    /// A number: literal, text of digits, or a text that is one variable.
    Int,
    /// Any value, number or text, kept as it is; a constant text may hold variables.
    Value,
    /// A variable that is read, `$x` or `"$x"`.
    Pv,
    /// A variable that is written.
    WritePv,
    /// A regular expression (POSIX extended, case ignored), compiled when loading if constant.
    Regex,
    /// The name of a block of that table; `""` and `"0"` are no block. Checked when loading if constant.
    Route(RouteTable),
    /// A message flag: declared name or 0 to 31.
    Flag,
    /// A text that this function prepares: when loading if it is constant (errors are reported there), else
    /// at each call. Variables in a constant text make it dynamic.
    Prepared(PrepareFn),
    /// The same for a text in a language of its own (`/re/text/g`): a `$` in a constant is its affair.
    PreparedRaw(PrepareFn),
}

/// Makes something of a constant argument, once. Errors: what is wrong and what was expected.
pub type PrepareFn = fn(&Catalog, &[u8]) -> Result<Prepared, String>;

/// What a [`PrepareFn`] made.
pub type Prepared = Arc<dyn Any + Send + Sync>;

/// One argument as compiled.
#[derive(Clone)]
pub enum Arg {
    /// For [`Kind::Word`] and constant [`Kind::Text`] or [`Kind::Value`].
    Literal(Bytes),
    /// A text with variables.
    Text(Arc<Text>),
    /// A constant number.
    Int(i64),
    /// A variable.
    Pv(Arc<Pv>),
    /// A constant regular expression.
    Regex(Arc<Pattern>),
    /// A block, or none.
    Route(Option<RouteId>),
    /// A flag, 0 to 31.
    Flag(u8),
    /// A prepared constant.
    Prepared(Prepared),
    /// Any other expression: evaluated before the call; position in the call's values.
    Computed(usize),
}

/// The arguments of a call at run time. Texts with variables are rendered when they are read.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    args: &'a [Arg],
    kinds: &'a [Kind],
    values: &'a [Value],
}

impl<'a> Args<'a> {
    /// Compiled arguments, the kinds of the function's row, and the values of the computed ones.
    pub fn new(args: &'a [Arg], kinds: &'a [Kind], values: &'a [Value]) -> Args<'a> {
        Args { args, kinds, values }
    }

    /// How many arguments the call has.
    pub fn len(&self) -> usize {
        self.args.len()
    }

    /// True for a call without arguments.
    pub fn is_empty(&self) -> bool {
        self.args.is_empty()
    }

    /// Argument `at` as a value; null when it is missing.
    pub fn value(&self, ctx: &mut Ctx<'_>, at: usize) -> Value {
        match self.args.get(at) {
            Some(Arg::Literal(text)) => Value::Str(text.clone()),
            Some(Arg::Text(text)) => text.value(ctx),
            Some(Arg::Int(int)) => Value::Int(*int),
            Some(Arg::Flag(flag)) => Value::Int(i64::from(*flag)),
            Some(Arg::Pv(pv)) => pv.get(ctx),
            Some(Arg::Computed(place)) => self.values.get(*place).cloned().unwrap_or_default(),
            Some(Arg::Regex(_) | Arg::Route(_) | Arg::Prepared(_)) | None => Value::Null,
        }
    }

    /// Argument `at` as a text; empty when it is missing. Null variables inside a longer text print `<null>`.
    pub fn text(&self, ctx: &mut Ctx<'_>, at: usize) -> Bytes {
        match self.args.get(at) {
            Some(Arg::Literal(text)) => text.clone(),
            Some(Arg::Text(text)) => text.render(ctx),
            _ => self.value(ctx, at).to_text(),
        }
    }

    /// Appends argument `at` as a text to `out`.
    pub fn text_into(&self, ctx: &mut Ctx<'_>, at: usize, out: &mut Vec<u8>) {
        match self.args.get(at) {
            Some(Arg::Literal(text)) => out.extend_from_slice(text),
            Some(Arg::Text(text)) => text.render_into(ctx, out),
            _ => self.value(ctx, at).write_text(out),
        }
    }

    /// Argument `at` as a number; 0 when it is missing or not a number.
    pub fn int(&self, ctx: &mut Ctx<'_>, at: usize) -> i64 {
        match self.args.get(at) {
            Some(Arg::Int(int)) => *int,
            _ => self.value(ctx, at).to_int(),
        }
    }

    /// The variable given as argument `at`.
    pub fn pv(&self, at: usize) -> Option<&'a Pv> {
        match self.args.get(at) {
            Some(Arg::Pv(pv)) => Some(pv),
            _ => None,
        }
    }

    /// The flag given as argument `at`; `None` when a computed one is not 0 to 31.
    pub fn flag(&self, ctx: &mut Ctx<'_>, at: usize) -> Option<u8> {
        match self.args.get(at) {
            Some(Arg::Flag(flag)) => Some(*flag),
            _ => u8::try_from(self.int(ctx, at)).ok().filter(|flag| *flag < 32),
        }
    }

    /// The regular expression given as argument `at`. Errors: a computed one is not a regular expression.
    pub fn regex(&self, ctx: &mut Ctx<'_>, at: usize) -> Result<Arc<Pattern>, PatternError> {
        match self.args.get(at) {
            Some(Arg::Regex(pattern)) => Ok(pattern.clone()),
            _ => {
                let text = self.text(ctx, at);
                ctx.shard.patterns.get(&text, super::pattern::Case::Ignore)
            }
        }
    }

    /// The block named by argument `at`. Outer `None`: no such block; inner `None`: no block wanted.
    pub fn route(&self, ctx: &mut Ctx<'_>, at: usize) -> Option<Option<RouteId>> {
        if let Some(Arg::Route(route)) = self.args.get(at) {
            return Some(*route);
        }
        let Some(Kind::Route(table)) = self.kinds.get(at) else { return None };
        let name = self.value(ctx, at).to_display();
        if name.is_empty() || name == "0" {
            return Some(None);
        }
        ctx.routes.find(*table, &name).map(Some)
    }

    /// What the function's preparation made of argument `at`. Errors: its message, for a computed argument.
    pub fn prepared<T: Any + Send + Sync>(&self, ctx: &mut Ctx<'_>, at: usize) -> Result<Arc<T>, String> {
        let prepared = match (self.args.get(at), self.kinds.get(at)) {
            (Some(Arg::Prepared(prepared)), _) => prepared.clone(),
            (Some(_), Some(Kind::Prepared(prepare) | Kind::PreparedRaw(prepare))) => {
                let text = self.text(ctx, at);
                prepare(ctx.catalog, &text)?
            }
            _ => return Err("the argument is missing".into()),
        };
        prepared.downcast().map_err(|_| "the argument was prepared for another function".into())
    }
}

impl fmt::Debug for Arg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Arg::Literal(text) => write!(f, "{text:?}"),
            Arg::Text(text) => write!(f, "{text:?}"),
            Arg::Int(int) => write!(f, "{int}"),
            Arg::Pv(pv) => write!(f, "{pv:?}"),
            Arg::Regex(pattern) => write!(f, "{pattern:?}"),
            Arg::Route(route) => write!(f, "{route:?}"),
            Arg::Flag(flag) => write!(f, "flag {flag}"),
            Arg::Prepared(_) => f.write_str("prepared"),
            Arg::Computed(place) => write!(f, "value {place}"),
        }
    }
}
