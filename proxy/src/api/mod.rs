//! The contract between the proxy and its modules: a module is a folder with one static table.
//!
//! A module named `greet` with one function, one parameter and one variable, whole:
//!
//! ```
//! use proxy::api::{Args, Ctx, Flow, FunctionDef, Kind, Level, Loading, ModuleDef, ParamDef, PvArg, PvDef};
//! use proxy::api::{Routes, Value};
//!
//! pub static MODULE: ModuleDef = ModuleDef {
//!     name: "greet",
//!     params: &[ParamDef::text("word", "hello", "what greet() says")],
//!     functions: &[FunctionDef::new("greet", &[Kind::Text], Routes::ANY, greet, "logs a greeting")],
//!     pvs: &[PvDef::new("greetings", greetings, "how often greet() ran in this shard")],
//!     load: Some(load),
//!     ..ModuleDef::EMPTY
//! };
//!
//! struct Word(bytes::Bytes); // shared by all shards, made once per load
//! #[derive(Default)]
//! struct Count(i64); // one per shard
//!
//! fn load(loading: &mut Loading<'_>) -> Result<(), String> {
//!     loading.shared.put(Word(loading.params.text("word")));
//!     Ok(())
//! }
//!
//! fn greet(ctx: &mut Ctx<'_>, args: &Args<'_>) -> Flow {
//!     let whom = args.text(ctx, 0); // "$fU" in the argument has been replaced
//!     let word = ctx.shard.shared.get::<Word>().expect("load() puts it in");
//!     ctx.shard.states.get::<Count>().0 += 1;
//!     ctx.log(Level::INFO, [&word.0[..], b" ", &whom].concat());
//!     Flow::TRUE
//! }
//!
//! fn greetings(ctx: &mut Ctx<'_>, _: &PvArg) -> Value {
//!     Value::Int(ctx.shard.states.get::<Count>().0)
//! }
//! ```
//!
//! Then one line in `modules/mod.rs`. The rules:
//!
//! - [`Kind`] says how the compiler treats an argument; a function reads it with the method of [`Args`] of the
//!   same name. Constants are checked and prepared while loading, so a bad one is an error with its position.
//! - A function never blocks. It answers a [`Flow`]: a code, the end of the script, [`Flow::Call`] to run a
//!   block first (this is how `t_relay()` runs branch routes) or [`Flow::Wait`] for something outside; after
//!   the last two its [`ThenFn`] is called. Everything it keeps in between goes into `kept`.
//! - [`Ctx`] is all it may touch: `work` is the message with everything changed about it, `run` the run of the
//!   script, `shard` what the thread owns. State of a module lives in `shard.states` (one per shard),
//!   `shard.shared` (one for all, with locks of its own) or `work.attached` (goes with the message).
//! - Texts are [`bytes::Bytes`] and share the received buffer; [`Work::slice`] cuts without copying.
//! - Work of its own (timers, requests made here, event routes, look-ups without a run) is asked of the shard:
//!   [`Shard::every`], [`Shard::after`], [`Shard::send_request`], [`Shard::run_event`], [`Shard::ask`].
//! - What happens elsewhere is told to the functions of [`Hooks`] in the table: transactions, replies, Routes.
//! - No clock but `shard.now`, no random source but `shard.ident`.

mod args;
mod authorized;
mod avps;
mod branch;
mod calendar;
mod catalog;
mod coding;
mod ctx;
mod def;
mod errand;
mod flow;
mod format;
mod hold;
mod latency;
mod lifecycle;
mod local;
mod log;
mod onsend;
mod params;
mod pattern;
mod pv;
mod reply_status;
mod routes;
mod rpc;
mod send;
mod state;
mod stats;
mod text;
mod trace;
mod value;
mod via;
mod way;
mod work;

pub use args::{Arg, Args, Kind, PrepareFn, Prepared};
pub use authorized::Authorized;
pub use avps::{AvpAliases, AvpName, Avps, Xavp, XavpClass, Xavps};
pub use branch::BRANCH_ATTRIBUTES;
pub use calendar::{Date, MONTHS, WEEKDAYS, days_from_civil, http_date, parse_http_date};
pub use catalog::{AVP_FLAGS, Catalog, Function};
pub use coding::{Base64, Padding, core_hash};
pub use ctx::{Ctx, RunState, Shard, Vars, call_hash, owner};
pub use def::{
    Awaited, EventDef, FunctionDef, FunctionFn, Hooks, Indexing, InnerFn, InnerKind, LoadFn, ModuleDef,
    ParamDef, ParamDefault, PvDef, PvGet, PvSet, Replied, StatDef, TransformDef, TransformFn, TransformKind,
};
pub use errand::{AlarmFn, Alarms, AnswerFn, Errand, TickFn};
pub use flow::{Answer, End, EndedBy, Flow, IoAnswer, IoRequest, Kept, Nested, Resumed, ThenFn, Wait};
pub use format::FormatError;
pub use hold::Hold;
pub use latency::Latency;
pub use lifecycle::{AtEnd, LastWrites, Lifecycle, StartRead, TableCheck, TakeRows, Versions};
pub use local::{BadLine, DoneFn, LocalRequest, Outcome};
pub use log::{Level, Line, Log};
pub use onsend::{Asking, Leaving, Verdict};
pub use params::{Loading, Params};
pub use pattern::{Case, Groups, Lines, Pattern, PatternCache, PatternError};
pub use pv::{At, Index, Inner, Pv, PvArg, SetError, Transform, TransformArg, TransformArgs};
pub use routes::{RouteId, RouteKind, RouteNames, RouteTable, Routes, Statement};
pub use rpc::{RpcDef, RpcError, RpcFn, RpcScope, RpcValue};
pub use send::RichRedirect;
pub use state::{Attachment, Attachments, Shared, States};
pub use stats::{Board, Counts};
pub use text::{Part, Text};
pub use trace::{Called, CfgTrace, Trace};
pub use value::{Value, decimal, parse_int, write_decimal};
pub use way::{Outgoing, Written};
pub use work::{Received, Sending, Work};
