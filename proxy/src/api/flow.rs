//! What a function answers: go on with a code, end the run, run a block first, or wait for something outside.

use std::any::Any;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use sip::locate::{Destination, Query};

use super::args::Args;
use super::ctx::Ctx;
use super::routes::{RouteId, RouteKind};
use super::work::Work;
use crate::store::{self, Reply, StoreError, Url};

/// The answer of a script function.
#[derive(Debug)]
pub enum Flow {
    /// The return code: above 0 is true, below 0 is false, and 0 ends the whole script as `exit` does.
    Next(i64),
    /// Ends the script as `exit` does.
    Exit,
    /// Ends the script as `drop` does.
    Drop,
    /// Run a block, then call back: how functions run routes without recursion.
    Call(Nested),
    /// Put the run aside until something outside has answered, then call back.
    Wait(Wait),
}

impl Flow {
    /// The usual "done": code 1.
    pub const TRUE: Flow = Flow::Next(1);
    /// The usual "no" or "failed": code -1.
    pub const FALSE: Flow = Flow::Next(-1);
    /// "The message is dealt with": code 0, the script ends silently.
    pub const STOP: Flow = Flow::Next(0);

    /// [`Flow::TRUE`] or [`Flow::FALSE`].
    pub fn from_bool(is_true: bool) -> Flow {
        if is_true { Flow::TRUE } else { Flow::FALSE }
    }
}

/// Called when what a function asked for has happened. Gets the function's arguments again.
pub type ThenFn = fn(&mut Ctx<'_>, &Args<'_>, Resumed) -> Flow;

/// What a function keeps for itself between its first answer and its [`ThenFn`].
pub type Kept = Box<dyn Any + Send>;

/// A block to run inside the run: `t_relay()` runs a branch route this way for each branch.
#[derive(Debug)]
pub struct Nested {
    /// The block.
    pub route: RouteId,
    /// What it is run as.
    pub kind: RouteKind,
    /// The message it works on; `None` for the message of the caller.
    pub work: Option<Box<Work>>,
    /// Called at its end.
    pub then: ThenFn,
    /// Handed to `then`.
    pub kept: Kept,
}

/// A run put aside.
#[derive(Debug)]
pub struct Wait {
    /// What it waits for.
    pub request: IoRequest,
    /// Called with the answer.
    pub then: ThenFn,
    /// Handed to `then`.
    pub kept: Kept,
}

/// Handed to a [`ThenFn`].
#[derive(Debug)]
pub struct Resumed {
    /// What happened.
    pub answer: Answer,
    /// What the function kept.
    pub kept: Kept,
}

/// What happened since a function answered.
#[derive(Debug)]
pub enum Answer {
    /// The block asked for has ended.
    Route {
        /// How.
        end: End,
        /// The message that went in with [`Nested::work`], with what the block changed.
        work: Option<Box<Work>>,
    },
    /// The outside has answered.
    Io(IoAnswer),
}

/// How a run or a nested block ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The value of the block: what `return` gave, or the code of its last action.
    pub code: i64,
    /// What ended it.
    pub by: EndedBy,
}

/// What ended a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndedBy {
    /// Its end was reached, or `return` with a value other than 0.
    Return,
    /// `return 0`, or a function whose code was 0.
    Zero,
    /// `exit`.
    Exit,
    /// `drop`.
    Drop,
}

/// Something only the outside can do.
#[derive(Clone, Debug, PartialEq)]
pub enum IoRequest {
    /// Answer [`IoAnswer::Done`] after this long.
    Sleep(Duration),
    /// Locate a host (RFC 3263).
    Locate(Query),
    /// The names of an address.
    Names(IpAddr),
    /// Ask a database.
    Query(Arc<Url>, store::Query),
}

impl IoRequest {
    /// The question for the addresses of a host; the answer is [`IoAnswer::Located`].
    pub fn addresses_of(host: &str) -> IoRequest {
        IoRequest::Locate(Query::address(host, 0))
    }
}

/// The answer to an [`IoRequest`].
#[derive(Clone, Debug, PartialEq)]
pub enum IoAnswer {
    /// Done; there is nothing to say.
    Done,
    /// Where a host is: the places to try, in order; none when there is no such host.
    Located(Vec<Destination>),
    /// The names of the address; none when it has none.
    Names(Vec<String>),
    /// What the database said.
    Store(Result<Reply, StoreError>),
    /// It failed, for this reason.
    Failed(String),
}
