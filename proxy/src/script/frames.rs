//! Entering and leaving blocks: the frames of a run, and what a function's answer does to them.

use std::time::Duration;

use super::exec::{Run, Status};
use super::program::{Script, Want};
use crate::api::{
    Answer, Args, End, EndedBy, Flow, Kept, Nested, Resumed, RouteId, RunState, Shard, ThenFn, Work,
};

/// Where to go back to when a block ends.
#[derive(Debug)]
pub(super) enum Frame {
    /// `route(X)`
    Route { back: Back, route: RouteId },
    /// `{ ... }` as an operand
    Block { back: Back },
    /// A block run for a function.
    Nested(Box<NestedFrame>),
}

/// Where a block was entered from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Back {
    pc: u32,
    base: usize,
    want: Want,
    depth: u32,
}

/// The function that wanted a block, and everything the block must not disturb.
#[derive(Debug)]
pub(super) struct NestedFrame {
    pc: u32,
    base: usize,
    last: i64,
    depth: u32,
    pending: Pending,
    state: RunState,
    /// The caller's message, when the block has its own.
    work: Option<Box<Work>>,
}

/// A call whose function waits: for the outside, or for a block.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) call: u32,
    pub(super) then: ThenFn,
    pub(super) kept: Kept,
    /// When the function was called, by the clock of whoever watches the run.
    pub(super) since: Option<Duration>,
}

impl Run {
    pub(super) fn call(&mut self, script: &Script, shard: &mut Shard, call: u32) -> Flow {
        let site = &script.calls[call as usize];
        let Run { work, state, values, .. } = self;
        let args = Args::new(&site.args, site.def.params, &values[values.len() - site.computed..]);
        let caller = std::mem::replace(&mut shard.log.module, site.module);
        let flow = (site.def.run)(&mut script.ctx(work, state, shard), &args);
        shard.log.module = caller;
        flow
    }

    /// Tells a function what has happened since it answered.
    pub(super) fn call_back(
        &mut self,
        script: &Script,
        shard: &mut Shard,
        pending: Pending,
        answer: Answer,
    ) -> Flow {
        let site = &script.calls[pending.call as usize];
        let Run { work, state, values, .. } = self;
        let args = Args::new(&site.args, site.def.params, &values[values.len() - site.computed..]);
        let resumed = Resumed { answer, kept: pending.kept };
        (pending.then)(&mut script.ctx(work, state, shard), &args, resumed)
    }

    /// Does what a function answered. `None`: the run goes on.
    pub(super) fn settle(
        &mut self,
        script: &Script,
        shard: &mut Shard,
        call: u32,
        flow: Flow,
    ) -> Option<Status> {
        let (mut call, mut flow) = (call, flow);
        loop {
            let site = &script.calls[call as usize];
            let end = match flow {
                Flow::Next(0) if !site.is_core => {
                    self.state.rc = 0;
                    End { code: 0, by: EndedBy::Zero }
                }
                Flow::Next(code) => {
                    self.values.truncate(self.values.len() - site.computed);
                    if !site.is_core {
                        self.state.rc = code;
                    }
                    self.deliver(site.want, code);
                    return None;
                }
                Flow::Exit => End { code: 1, by: EndedBy::Exit },
                Flow::Drop => End { code: 0, by: EndedBy::Drop },
                Flow::Wait(wait) => {
                    self.pending = Some(Pending { call, then: wait.then, kept: wait.kept, since: None });
                    return Some(Status::Waiting(wait.request));
                }
                Flow::Call(nested) => match self.enter_nested(script, shard, call, nested) {
                    Ok(()) => return None,
                    Err((pending, answer)) => {
                        flow = self.call_back(script, shard, pending, answer);
                        continue;
                    }
                },
            };
            let Some(frame) = self.unwind() else { return Some(Status::Done(end)) };
            (call, flow) = self.finish_nested(script, shard, frame, end);
        }
    }

    /// Ends the script, or the block that a function runs. `None`: the run goes on.
    pub(super) fn end_script(&mut self, script: &Script, shard: &mut Shard, end: End) -> Option<Status> {
        let Some(frame) = self.unwind() else { return Some(Status::Done(end)) };
        let (call, flow) = self.finish_nested(script, shard, frame, end);
        self.settle(script, shard, call, flow)
    }

    /// Leaves the innermost block. `None`: the run goes on.
    pub(super) fn leave_block(&mut self, script: &Script, shard: &mut Shard, end: End) -> Option<Status> {
        match self.frames.pop() {
            None => Some(Status::Done(end)),
            Some(Frame::Route { back, route }) => {
                self.state.route = route;
                self.state.rc = end.code;
                self.go_back(back, end.code);
                None
            }
            Some(Frame::Block { back }) => {
                self.go_back(back, end.code);
                None
            }
            Some(Frame::Nested(frame)) => {
                let (call, flow) = self.finish_nested(script, shard, *frame, end);
                self.settle(script, shard, call, flow)
            }
        }
    }

    pub(super) fn enter_route(&mut self, script: &Script, shard: &mut Shard, route: RouteId, want: Want) {
        if self.is_too_deep(script, shard) {
            self.state.rc = -1;
            self.deliver(want, -1);
            return;
        }
        let back = Back { pc: self.pc, base: self.base, want, depth: self.depth };
        self.depth += 1 + script.nesting(self.state.position);
        self.frames.push(Frame::Route { back, route: self.state.route });
        self.state.route = route;
        self.base = self.values.len();
        self.pc = script.entries[route.0 as usize];
        self.last = 1;
    }

    /// Runs the operations that follow as a block; they end with a `Leave`, and the run goes on at `target`.
    pub(super) fn enter_block(&mut self, target: u32, want: Want) {
        self.frames
            .push(Frame::Block { back: Back { pc: target, base: self.base, want, depth: self.depth } });
        self.depth += 1;
        self.base = self.values.len();
        self.last = 1;
    }

    fn go_back(&mut self, back: Back, code: i64) {
        self.values.truncate(self.base);
        self.base = back.base;
        self.pc = back.pc;
        self.depth = back.depth;
        self.deliver(back.want, code);
    }

    fn enter_nested(
        &mut self,
        script: &Script,
        shard: &mut Shard,
        call: u32,
        nested: Nested,
    ) -> Result<(), (Pending, Answer)> {
        let pending = Pending { call, then: nested.then, kept: nested.kept, since: None };
        if self.is_too_deep(script, shard) {
            let end = End { code: -1, by: EndedBy::Return };
            return Err((pending, Answer::Route { end, work: nested.work }));
        }
        let state = std::mem::replace(&mut self.state, RunState::new(nested.kind, nested.route));
        let work = nested.work.map(|work| std::mem::replace(&mut self.work, work));
        self.frames.push(Frame::Nested(Box::new(NestedFrame {
            pc: self.pc,
            base: self.base,
            last: self.last,
            depth: self.depth,
            pending,
            state,
            work,
        })));
        self.base = self.values.len();
        self.last = 1;
        self.pc = script.entries[nested.route.0 as usize];
        self.depth += 1;
        Ok(())
    }

    /// Goes back to the function that wanted a block and tells it how the block ended.
    fn finish_nested(
        &mut self,
        script: &Script,
        shard: &mut Shard,
        frame: NestedFrame,
        end: End,
    ) -> (u32, Flow) {
        self.values.truncate(self.base);
        self.base = frame.base;
        self.pc = frame.pc;
        self.last = frame.last;
        self.depth = frame.depth;
        self.state = frame.state;
        let work = frame.work.map(|outer| std::mem::replace(&mut self.work, outer));
        let call = frame.pending.call;
        (call, self.call_back(script, shard, frame.pending, Answer::Route { end, work }))
    }

    /// Drops frames up to the innermost block that a function runs; that frame, or `None` at the bottom.
    fn unwind(&mut self) -> Option<NestedFrame> {
        while let Some(frame) = self.frames.pop() {
            if let Frame::Nested(frame) = frame {
                return Some(*frame);
            }
            if let Frame::Route { back, .. } | Frame::Block { back } = frame {
                self.base = back.base;
                self.depth = back.depth;
            }
        }
        None
    }

    fn is_too_deep(&self, script: &Script, shard: &mut Shard) -> bool {
        // The outermost block counts too, and so does every `if`, loop and switch around a call.
        let depth = self.depth + 1 + script.nesting(self.state.position);
        let is_too_deep = depth as usize >= script.limits.depth;
        if is_too_deep {
            // The wording is the original's: log watchers look for it.
            self.complain(script, shard, "too many recursive routing table lookups");
        }
        is_too_deep
    }
}
