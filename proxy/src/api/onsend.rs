//! `onsend_route`: runs on each copy of a request just before it leaves; `drop` in it keeps the copy here.
//!
//! The route works on a copy of the message in work, so nothing it changes is sent; AVPs and flags stay changed.

use bytes::Bytes;
use sip::locate::Destination;

use super::args::Args;
use super::ctx::Ctx;
use super::flow::{Answer, End, EndedBy, Flow, Kept, Nested, Resumed, ThenFn};
use super::routes::{RouteId, RouteKind, RouteTable};
use super::way::{Outgoing, Written};
use super::work::Work;
use crate::relay::branch::BranchParam;
use crate::relay::{Hop, Target};

/// What a copy that is about to leave looks like; attached to the work of an `onsend_route`.
#[derive(Clone, Copy, Debug)]
pub struct Leaving {
    /// Where it goes and by which socket.
    pub hop: Hop,
    /// Its size in bytes.
    pub size: usize,
}

/// What an `onsend_route` said about a copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It leaves.
    Send,
    /// It stays.
    Keep,
}

/// An `onsend_route` to be run on a copy.
#[derive(Debug)]
pub struct Asking {
    route: RouteId,
    work: Box<Work>,
}

impl Asking {
    /// What a function answers to have it run; `then` reads what it said with [`Ctx::onsend_verdict`].
    pub fn call(self, then: ThenFn, kept: Kept) -> Flow {
        let Asking { route, work } = self;
        Flow::Call(Nested { route, kind: RouteKind::Onsend, work: Some(work), then, kept })
    }
}

impl Ctx<'_> {
    /// The `onsend_route` that a written copy has to pass, if the script has one.
    pub fn onsend(&self, written: &Written) -> Option<Asking> {
        let route = self.routes.find(RouteTable::Onsend, "")?;
        let mut work = Box::new(self.work.clone());
        work.attached.put(Leaving { hop: written.hop, size: written.bytes.len() });
        Some(Asking { route, work })
    }

    /// What an `onsend_route` said, when it has ended; takes over what stays changed.
    pub fn onsend_verdict(&mut self, answer: Answer) -> Verdict {
        let Answer::Route { end, work: Some(mut work) } = answer else { return Verdict::Keep };
        self.take_lists(&mut work);
        match end {
            End { by: EndedBy::Drop, .. } => Verdict::Keep,
            End { .. } => Verdict::Send,
        }
    }

    /// Takes over the lists and flags of a route that ran on a copy of this message.
    pub fn take_lists(&mut self, work: &mut Work) {
        self.work.avps = std::mem::take(&mut work.avps);
        self.work.xavps = std::mem::take(&mut work.xavps);
        self.work.flags = work.flags;
    }

    fn written_for_others(&self, target: &Target, param: BranchParam, first: &Written) -> Others {
        let copy = Outgoing { target, param, branch: None };
        let (mut places, mut others) = (first.others.clone(), Others::new());
        while !places.is_empty() {
            let Ok(written) = self.write_copy(&copy, &places) else { break };
            others.push((written.hop, written.bytes));
            places = written.others;
        }
        others
    }

    fn send_copy(&mut self, written: Written, others: Others) {
        self.shard.counts.forwarded_requests += 1;
        self.shard.relay.send_to_one_of(written.hop, written.bytes, others);
    }

    /// Forwards the request to one target, without a transaction (16.11), to the first of these places that can be
    /// used. False: it was not sent, since we have no socket for it, it cannot be read, or `onsend_route` kept it.
    pub fn forward_copy(&mut self, target: &Target, places: &[Destination]) -> Flow {
        let Some(param) = self.shard.relay.stateless_param(self.work.view()) else { return Flow::FALSE };
        let Ok(written) = self.write_copy(&Outgoing { target, param, branch: None }, places) else {
            return Flow::FALSE;
        };
        match self.onsend(&written) {
            Some(asking) => {
                let others = self.written_for_others(target, param, &written);
                asking.call(after_onsend, Box::new((written, others)))
            }
            None => {
                let others = self.written_for_others(target, param, &written);
                self.send_copy(written, others);
                Flow::TRUE
            }
        }
    }
}

/// The same copy for the places to try when the first cannot be sent to.
type Others = Vec<(Hop, Bytes)>;

fn after_onsend(ctx: &mut Ctx<'_>, _: &Args<'_>, resumed: Resumed) -> Flow {
    let verdict = ctx.onsend_verdict(resumed.answer);
    match (verdict, resumed.kept.downcast::<(Written, Others)>()) {
        (Verdict::Send, Ok(copies)) => {
            let (written, others) = *copies;
            ctx.send_copy(written, others);
            Flow::TRUE
        }
        _ => Flow::FALSE,
    }
}
