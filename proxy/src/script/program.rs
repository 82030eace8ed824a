//! A loaded script: flat operations with jumps resolved, and the tables they point into.
//!
//! Expressions run on a stack of values. Where an expression can fail, a [`Handler`] says where to go on, so
//! the running code has no error paths of its own. Everything a name can mean has been resolved.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::api::{
    Arg, Catalog, Ctx, FunctionDef, Lifecycle, Pattern, Pv, RouteId, RouteKind, RouteNames, RouteTable,
    RunState, Shard, Shared, Text, Value, Work,
};

/// A loaded script. Shared by all shards; runs that started on it keep it alive across a reload.
#[derive(Debug)]
pub struct Script {
    pub(super) ops: Vec<Op>,
    pub(super) entries: Vec<u32>,
    pub(super) handlers: Vec<Handler>,
    pub(super) calls: Vec<CallSite>,
    pub(super) pvs: Vec<Pv>,
    pub(super) patterns: Vec<Pattern>,
    pub(super) switches: Vec<Switch>,
    /// Calls of routes inside `if`, loops and switches: position and how many of these are around it.
    pub(super) nesting: Vec<(u32, u32)>,
    pub(super) names: RouteNames,
    pub(super) limits: Limits,
    /// `log_prefix`, when it is set.
    pub(super) log_prefix: Option<LogPrefix>,
    /// How often each operation ran, when that is counted.
    pub(super) hits: Option<Box<[AtomicU64]>>,
    /// The loaded tables.
    pub catalog: Catalog,
    /// What the modules' load functions made for all shards.
    pub shared: Arc<Shared>,
    /// What the modules want done before the first message and behind the last one.
    pub lifecycle: Lifecycle,
}

/// What stands before each log line while a message is worked on.
#[derive(Clone, Debug)]
pub(super) struct LogPrefix {
    pub(super) text: Text,
    /// Made anew around each function, not only at the start of a run (`log_prefix_mode`).
    pub(super) is_renewed: bool,
}

impl Script {
    /// The block of a table by name; `""` is the unnamed one (`request_route`, `reply_route`).
    pub fn route(&self, table: RouteTable, name: &str) -> Option<RouteId> {
        self.names.find(table, name)
    }

    /// The blocks by table and name.
    pub fn routes(&self) -> &RouteNames {
        &self.names
    }

    /// How many `if`, loops and switches are around the call of a route at that position.
    pub(super) fn nesting(&self, position: u32) -> u32 {
        let found = self.nesting.binary_search_by_key(&position, |(at, _)| *at);
        found.map_or(0, |place| self.nesting[place].1)
    }

    /// Everything functions and variables may touch, put together.
    pub(super) fn ctx<'a>(
        &'a self,
        work: &'a mut Work,
        run: &'a mut RunState,
        shard: &'a mut Shard,
    ) -> Ctx<'a> {
        Ctx { work, run, shard, routes: &self.names, catalog: &self.catalog }
    }
}

/// Bounds of a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// `max_while_loops`: rounds of one loop; 0 is no limit.
    pub(super) loops: i64,
    /// `max_recursive_level`: routes called inside one another.
    pub(super) depth: usize,
}

/// One operation. Numbers are positions in the tables of the script; jump targets are positions in `ops`.
#[derive(Clone, Debug)]
pub(super) enum Op {
    /// Pushes a constant.
    Push(Value),
    /// Pushes a variable's value.
    Load(u32),
    /// Of a request the first variable, of a reply the second: `uri` and `status` are one key word.
    LoadByKind(u32, u32),
    /// Pops a value into a variable; says how it went.
    Store(u32, Want),
    /// Replaces the top.
    Unary(Unary),
    /// Replaces the two on top.
    Binary(Binary),
    /// Replaces the top by whether the pattern matches it.
    Match(u32),
    /// Pops a pattern, replaces the top by whether it matches.
    MatchDynamic,
    /// Compares the top with the rules of a key word.
    Key(Box<KeyTest>),
    /// When the top is 0: leaves 0 there and jumps; else pops it.
    And(u32),
    /// When the top is not 0: leaves 1 there and jumps; else pops it.
    Or(u32),
    /// Pops; jumps unless it is above 0.
    IfNot(u32),
    /// Pops; jumps if it is 0.
    WhileNot(u32),
    /// Jumps.
    Jump(u32),
    /// Pops the value and jumps to the case it selects.
    Switch(u32),
    /// Pushes the counter of a loop.
    LoopStart,
    /// Counts a round; when there were too many, logs it and jumps.
    LoopRound(u32),
    /// Pops the counter of a loop.
    LoopEnd,
    /// Sets the code of the last action.
    SetLast(i64),
    /// Calls a function.
    Call(u32),
    /// Calls a block.
    Route(RouteId, Want),
    /// Pops a name and calls that block of the request table.
    RouteDynamic(Want),
    /// Runs the operations behind it up to their `Leave` as a block of their own; goes on at the target.
    Block(u32, Want),
    /// Leaves the block with the code of the last action.
    Leave,
    /// Leaves the block with this code; 0 does not end the script.
    LeaveWith(i64),
    /// Pops a number and leaves the block with it; 0 ends the script.
    Return,
    /// Pops a number and ends the script.
    Exit,
    /// Ends the script and drops the message.
    Drop,
    /// The expression had no value: an assignment fails.
    Failed(Want),
}

/// What a call, a route or an assignment leaves behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// A statement: its code becomes that of the last action.
    Statement,
    /// An operand: 1 when the code is above 0, else 0.
    Truth,
    /// The whole right side of an assignment: the code itself.
    Code,
}

/// Operators with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Not,
    /// 1 when not 0: what `&&` and `||` do to their last operand.
    Truth,
    BitNot,
    Neg,
    ToInt,
    ToStr,
    IsDefined,
    /// `== $null`
    IsNull,
    Strlen,
    Strempty,
    /// A select without value acts as the empty text.
    NullToEmpty,
}

/// Operators with two operands that need nothing but their values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binary {
    BitOr,
    BitAnd,
    BitXor,
    Shl,
    Shr,
    Eq,
    Ne,
    StrEq,
    StrNe,
    IntEq,
    IntNe,
    Gt,
    Lt,
    Ge,
    Le,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
}

/// Where a failed expression goes on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Handler {
    /// First operation it covers.
    pub(super) start: u32,
    /// Behind the last operation it covers.
    pub(super) end: u32,
    /// Where to go on.
    pub(super) target: u32,
    /// How many values of the block stay on the stack.
    pub(super) depth: u32,
}

/// A call of a function.
#[derive(Debug)]
pub(super) struct CallSite {
    pub(super) def: &'static FunctionDef,
    /// The module it is of.
    pub(super) module: &'static str,
    /// Core functions do not set `$rc` and never end the script.
    pub(super) is_core: bool,
    pub(super) args: Box<[Arg]>,
    /// How many values on the stack belong to it.
    pub(super) computed: usize,
    pub(super) want: Want,
}

/// The labels of a switch.
#[derive(Debug)]
pub(super) struct Switch {
    pub(super) labels: Labels,
    /// Target of `default`, or behind the switch.
    pub(super) otherwise: u32,
}

/// Labels by type.
#[derive(Debug)]
pub(super) enum Labels {
    Numbers(FxHashMap<i64, u32>),
    /// Tried in order.
    Texts(Vec<(TextLabel, u32)>),
}

/// A label that is compared with a text.
#[derive(Debug)]
pub(super) enum TextLabel {
    Exact(Bytes),
    Pattern(Pattern),
}

/// A comparison by the rules of a key word: the value is on top of the stack, below the right side if that
/// is computed.
#[derive(Clone, Debug)]
pub(super) struct KeyTest {
    pub(super) test: Test,
    pub(super) negated: bool,
}

/// The comparisons of key words.
#[derive(Clone, Debug)]
pub(super) enum Test {
    /// Text, ignoring case; the right side is computed.
    Text,
    /// Number; the right side is computed. A text there is not a right side.
    Number(Binary),
    /// Address in a network.
    Network(crate::cfg::ast::Network),
    /// Address `=~` what the right side's text is: a network, an address, or else a pattern.
    AddressPattern,
    /// URI or address of ours.
    Myself,
    /// Never true (`proto == *`).
    Never,
}

/// The kind a block runs as when it is entered by itself, from where it stands in the configuration.
pub(super) fn lexical_kind(table: RouteTable, name: &str) -> RouteKind {
    match table {
        RouteTable::Request => RouteKind::Request,
        RouteTable::Reply if name.is_empty() => RouteKind::CoreReply,
        RouteTable::Reply => RouteKind::TmReply,
        RouteTable::Failure => RouteKind::Failure,
        RouteTable::Branch => RouteKind::Branch,
        RouteTable::Onsend => RouteKind::Onsend,
        RouteTable::Event if name.starts_with("tm:branch-failure:") => RouteKind::BranchFailure,
        RouteTable::Event if name == "tm:local-request" => RouteKind::Local,
        RouteTable::Event => RouteKind::Event,
    }
}
