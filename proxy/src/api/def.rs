//! The tables of a module: one row per function, parameter, variable, transformation, RPC, statistic and event.
//!
//! Rows are written with the `const fn new` of their type so that one row is one line. Tables are static;
//! the documentation of a row is the text that `docs/` and `--help` show.

use std::sync::Arc;

use sip::msg::Message;
use sip::peer::ConnId;

use super::args::Kind;
use super::args::{Args, Prepared};
use super::catalog::Catalog;
use super::ctx::{Ctx, Shard};
use super::flow::Flow;
use super::params::Loading;
use super::pv::{Inner, PvArg, SetError, TransformArgs};
use super::routes::Routes;
use super::rpc::RpcDef;
use super::value::Value;
use crate::relay::RelayId;

/// A module: its name and its tables.
#[derive(Debug)]
pub struct ModuleDef {
    /// The name `loadmodule` uses.
    pub name: &'static str,
    /// Modules that must be loaded too.
    pub needs: &'static [&'static str],
    /// `modparam` names.
    pub params: &'static [ParamDef],
    /// Script functions; several rows of one name are overloads.
    pub functions: &'static [FunctionDef],
    /// Variables.
    pub pvs: &'static [PvDef],
    /// Transformations.
    pub transforms: &'static [TransformDef],
    /// Remote procedures.
    pub rpcs: &'static [RpcDef],
    /// Statistics.
    pub stats: &'static [StatDef],
    /// Event routes it runs.
    pub events: &'static [EventDef],
    /// Runs once when a script is loaded, after all `modparam` lines: checks parameters and makes what the
    /// module shares between shards. Errors stop the start.
    pub load: Option<LoadFn>,
    /// Runs once per shard before its first message.
    pub start: Option<fn(&mut Shard)>,
    /// Runs once per shard when the program ends. Messages are no longer taken; what it asks of databases is done.
    pub stop: Option<fn(&mut Shard)>,
    /// What of the module is known by name and does nothing here yet.
    pub awaited: Option<Awaited>,
    /// What it wants to be told of.
    pub hooks: Hooks,
}

/// A part of a module that is known and not built in: loading it is a warning, calling it an error.
#[derive(Debug)]
pub struct Awaited {
    /// What is missing, for the user.
    pub what: &'static str,
    /// Its functions.
    pub functions: &'static [&'static str],
}

/// Functions that are called at certain moments, in the order in which the modules were loaded.
#[derive(Clone, Copy, Debug)]
pub struct Hooks {
    /// A transaction was made for the message in work. Replies of it are told when it is watched
    /// ([`crate::relay::Relay::watch`]).
    pub opened: Option<fn(&mut Ctx<'_>, RelayId)>,
    /// `loose_route()` found our Route, whose parameters are in `work.relaying`. The event route it names runs on the
    /// message before the script goes on.
    pub routed: Option<fn(&mut Ctx<'_>) -> Option<&'static str>>,
    /// A reply goes upstream on a watched transaction.
    pub replied: Option<fn(&mut Shard, &Replied)>,
    /// The same, with the request in work; for transactions whose `opened` set `work.relaying.is_looked_at`.
    pub answered: Option<fn(&mut Ctx<'_>, &Replied)>,
    /// All branches of such a transaction have failed, and its failure route runs next; the request is in work.
    pub failed: Option<fn(&mut Ctx<'_>, &Replied)>,
    /// An ACK to a 2xx was relayed by `t_relay()`; it is in work.
    pub acknowledged: Option<fn(&mut Ctx<'_>)>,
    /// A watched transaction is over.
    pub ended: Option<fn(&mut Shard, RelayId)>,
    /// A stream connection has ended; told in every shard.
    pub closed: Option<fn(&mut Shard, ConnId)>,
}

impl Hooks {
    /// None of them.
    pub const NONE: Hooks = Hooks {
        opened: None,
        routed: None,
        replied: None,
        answered: None,
        failed: None,
        acknowledged: None,
        ended: None,
        closed: None,
    };
}

/// A reply on its way upstream.
#[derive(Clone, Debug)]
pub struct Replied {
    /// The transaction.
    pub id: RelayId,
    /// The status.
    pub status: u16,
    /// The branch whose reply it is; `None` when it was made here.
    pub branch: Option<u8>,
    /// The reply as it goes upstream; `None` when it was made here.
    pub received: Option<Arc<Message>>,
}

impl ModuleDef {
    /// A module without anything; the base of `ModuleDef { name, .., ..ModuleDef::EMPTY }`.
    pub const EMPTY: ModuleDef = ModuleDef {
        name: "",
        needs: &[],
        params: &[],
        functions: &[],
        pvs: &[],
        transforms: &[],
        rpcs: &[],
        stats: &[],
        events: &[],
        load: None,
        start: None,
        stop: None,
        awaited: None,
        hooks: Hooks::NONE,
    };
}

/// Checks a module's parameters and makes what its shards share. Errors: one line for the user.
pub type LoadFn = fn(&mut Loading<'_>) -> Result<(), String>;

/// A script function.
#[derive(Debug)]
pub struct FunctionDef {
    /// Its name.
    pub name: &'static str,
    /// Its parameters.
    pub params: &'static [Kind],
    /// How many of them must be given.
    pub required: usize,
    /// Where it may stand.
    pub routes: Routes,
    /// What it does.
    pub run: FunctionFn,
    /// One line for the user.
    pub doc: &'static str,
}

/// What a script function does. It sees its arguments through [`Args`] and everything else through [`Ctx`].
pub type FunctionFn = fn(&mut Ctx<'_>, &Args<'_>) -> Flow;

impl FunctionDef {
    /// A function all of whose parameters must be given.
    pub const fn new(
        name: &'static str,
        params: &'static [Kind],
        routes: Routes,
        run: FunctionFn,
        doc: &'static str,
    ) -> FunctionDef {
        FunctionDef { name, params, required: params.len(), routes, run, doc }
    }

    /// The same with the last `count` parameters optional.
    pub const fn optional(mut self, count: usize) -> FunctionDef {
        self.required = self.params.len() - count;
        self
    }

    /// True when it can be called with `count` arguments.
    pub fn takes(&self, count: usize) -> bool {
        (self.required..=self.params.len()).contains(&count)
    }
}

/// A module parameter (`modparam`).
#[derive(Debug)]
pub struct ParamDef {
    /// Its name.
    pub name: &'static str,
    /// Its type and the value it has when it is not set.
    pub default: ParamDefault,
    /// One line for the user.
    pub doc: &'static str,
}

impl ParamDef {
    /// A number (boolean words are numbers).
    pub const fn int(name: &'static str, default: i64, doc: &'static str) -> ParamDef {
        ParamDef { name, default: ParamDefault::Int(default), doc }
    }

    /// A text.
    pub const fn text(name: &'static str, default: &'static str, doc: &'static str) -> ParamDef {
        ParamDef { name, default: ParamDefault::Text(default), doc }
    }

    /// Texts: each `modparam` line adds one.
    pub const fn list(name: &'static str, doc: &'static str) -> ParamDef {
        ParamDef { name, default: ParamDefault::List, doc }
    }
}

/// Type and default of a module parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamDefault {
    /// A number.
    Int(i64),
    /// A text.
    Text(&'static str),
    /// Texts, none at first.
    List,
}

/// A class of variables.
#[derive(Debug)]
pub struct PvDef {
    /// Its name without the `$`.
    pub name: &'static str,
    /// Other names for the same.
    pub aliases: &'static [&'static str],
    /// What may stand in its parentheses.
    pub inner: InnerKind,
    /// Whether it takes brackets.
    pub index: Indexing,
    /// Reads it.
    pub get: PvGet,
    /// Writes it; null deletes or resets. `None`: read only.
    pub set: Option<PvSet>,
    /// One line for the user.
    pub doc: &'static str,
}

/// Reads a variable.
pub type PvGet = fn(&mut Ctx<'_>, &PvArg) -> Value;

/// Writes a variable.
pub type PvSet = fn(&mut Ctx<'_>, &PvArg, Value) -> Result<(), SetError>;

impl PvDef {
    /// A read-only variable without parentheses and brackets.
    pub const fn new(name: &'static str, get: PvGet, doc: &'static str) -> PvDef {
        PvDef { name, aliases: &[], inner: InnerKind::None, index: Indexing::No, get, set: None, doc }
    }

    /// The same with other names.
    pub const fn alias(mut self, aliases: &'static [&'static str]) -> PvDef {
        self.aliases = aliases;
        self
    }

    /// The same with something in its parentheses.
    pub const fn inner(mut self, inner: InnerKind) -> PvDef {
        self.inner = inner;
        self
    }

    /// The same with brackets.
    pub const fn indexed(mut self) -> PvDef {
        self.index = Indexing::Yes;
        self
    }

    /// The same, writable.
    pub const fn writable(mut self, set: PvSet) -> PvDef {
        self.set = Some(set);
        self
    }
}

/// What may stand in the parentheses of a variable.
#[derive(Clone, Copy, Debug)]
pub enum InnerKind {
    /// Nothing: no parentheses.
    None,
    /// A name, perhaps with variables in it.
    Name,
    /// A fixed name that stands for a storage slot of its class: equal names have equal slots.
    Slot,
    /// One of these names; [`PvArg::slot`] is its position.
    Key(&'static [&'static str]),
    /// Another variable.
    Pv,
    /// A text that the class prepares when loading.
    Prepared(InnerFn),
}

/// Makes something of the text in the parentheses. Errors: what is wrong and what was expected.
pub type InnerFn = fn(&Catalog, &[u8]) -> Result<Inner, String>;

/// Whether a variable takes brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexing {
    /// It does.
    Yes,
    /// Brackets are an error.
    No,
}

/// A transformation, `{class.op,arg,...}`.
#[derive(Debug)]
pub struct TransformDef {
    /// The part before the first dot; case matters.
    pub class: &'static str,
    /// The rest of the name; case does not matter.
    pub op: &'static str,
    /// Its arguments.
    pub args: &'static [TransformKind],
    /// How many of them must be given.
    pub required: usize,
    /// Called with null too; the others give null for null.
    pub takes_null: bool,
    /// What it does.
    pub run: TransformFn,
    /// One line for the user.
    pub doc: &'static str,
}

/// What a transformation does. The value is null only if the row takes null.
pub type TransformFn = fn(&mut Ctx<'_>, Value, &TransformArgs<'_>) -> Value;

impl TransformDef {
    /// A transformation all of whose arguments must be given.
    pub const fn new(
        class: &'static str,
        op: &'static str,
        args: &'static [TransformKind],
        run: TransformFn,
        doc: &'static str,
    ) -> TransformDef {
        TransformDef { class, op, args, required: args.len(), takes_null: false, run, doc }
    }

    /// The same with the last `count` arguments optional.
    pub const fn optional(mut self, count: usize) -> TransformDef {
        self.required = self.args.len() - count;
        self
    }

    /// The same, called for null too.
    pub const fn takes_null(mut self) -> TransformDef {
        self.takes_null = true;
        self
    }
}

/// What an argument of a transformation is. Each may be a variable instead.
#[derive(Clone, Copy, Debug)]
pub enum TransformKind {
    /// A number.
    Int,
    /// A text up to the next comma or brace.
    Text,
    /// One character, which may be a comma.
    Char,
    /// Everything up to the closing brace, prepared when loading.
    Rest(fn(&Catalog, &[u8]) -> Result<Prepared, String>),
}

/// A statistic.
#[derive(Debug)]
pub struct StatDef {
    /// Its name within the module.
    pub name: &'static str,
    /// Reads this shard's share; the sum over all shards is the value.
    pub read: fn(&mut Shard) -> u64,
    /// One line for the user.
    pub doc: &'static str,
}

/// An event route a module runs.
#[derive(Debug)]
pub struct EventDef {
    /// `module:event`; a trailing `:` stands for any name after it.
    pub name: &'static str,
    /// One line for the user.
    pub doc: &'static str,
}
