//! Runs a script: one operation after the other on an explicit stack, resumable after a `Flow::Wait`.
//!
//! A message goes in with the block to run; how the block ended comes out, or what the run waits for. Calls
//! of blocks and of functions that run blocks are frames, so nothing here recurses and a run can be put
//! aside at any function call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use smallvec::SmallVec;

use super::frames::{Frame, Pending};
use super::keys;
use super::operators::{self, Failure};
use super::program::{Labels, Op, Script, Switch, TextLabel, Want};
use crate::api::{
    Answer, Ctx, End, EndedBy, IoAnswer, IoRequest, RouteId, RouteKind, RouteTable, RunState, Shard, Text,
    Value, Work,
};

/// One run of a script on one message.
#[derive(Debug)]
pub struct Run {
    pub(super) script: Arc<Script>,
    pub(super) work: Box<Work>,
    pub(super) state: RunState,
    /// The next operation.
    pub(super) pc: u32,
    /// The code of the last action of the block.
    pub(super) last: i64,
    /// Where the block's values begin on the stack.
    pub(super) base: usize,
    /// How many blocks the run is inside of: routes, and the bodies of `if`, loops and switches around calls.
    pub(super) depth: u32,
    pub(super) values: SmallVec<[Value; 8]>,
    pub(super) frames: SmallVec<[Frame; 4]>,
    pub(super) pending: Option<Pending>,
    /// What stands before its log lines.
    prefix: Bytes,
    /// When it began, by the clock of whoever watches it.
    pub(super) started: Duration,
}

/// How far a run came.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    /// It has ended.
    Done(End),
    /// It goes on with [`Run::resume`] when this has been answered.
    Waiting(IoRequest),
}

/// What an operation does to the loop.
pub(super) enum Step {
    Next,
    Stop(Status),
}

impl Run {
    /// A run of `route` on a message, not started yet.
    pub fn new(script: &Arc<Script>, route: RouteId, kind: RouteKind, work: Box<Work>) -> Run {
        Run {
            pc: script.entries[route.0 as usize],
            script: script.clone(),
            work,
            state: RunState::new(kind, route),
            last: 1,
            base: 0,
            depth: 0,
            values: SmallVec::new(),
            frames: SmallVec::new(),
            pending: None,
            prefix: Bytes::new(),
            started: Duration::ZERO,
        }
    }

    /// The message, with what the run has changed so far.
    pub fn work(&self) -> &Work {
        &self.work
    }

    /// A text as it is now.
    pub fn render(&mut self, shard: &mut Shard, text: &Text) -> Bytes {
        let script = self.script.clone();
        text.render(&mut self.ctx(&script, shard))
    }

    /// Shows the message to functions of modules.
    pub fn show(&mut self, shard: &mut Shard, look: impl FnOnce(&mut Ctx<'_>)) {
        let script = self.script.clone();
        look(&mut self.ctx(&script, shard));
    }

    /// The script it runs.
    pub fn script(&self) -> &Arc<Script> {
        &self.script
    }

    /// The message, when the run has ended.
    pub fn into_work(self) -> Box<Work> {
        self.work
    }

    /// The message and the script, when the run has ended.
    pub fn into_parts(self) -> (Box<Work>, Arc<Script>) {
        (self.work, self.script)
    }

    /// Runs until the end or until something outside is needed.
    pub fn start(&mut self, shard: &mut Shard) -> Status {
        let script = self.script.clone();
        if script.log_prefix.is_some() {
            self.prefix = self.rendered_prefix(&script, shard);
        }
        if Run::is_watched(&script, shard) {
            self.tell_start(&script, shard);
        }
        self.with_prefix(shard, |run, shard| run.go(&script, shard))
    }

    fn rendered_prefix(&mut self, script: &Script, shard: &mut Shard) -> Bytes {
        match &script.log_prefix {
            Some(prefix) => prefix.text.render(&mut self.ctx(script, shard)),
            None => Bytes::new(),
        }
    }

    /// Every line written meanwhile carries the prefix of the run (`log_prefix`).
    fn with_prefix(
        &mut self,
        shard: &mut Shard,
        work: impl FnOnce(&mut Run, &mut Shard) -> Status,
    ) -> Status {
        let outside = std::mem::replace(&mut shard.log.prefix, self.prefix.clone());
        let status = work(self, shard);
        self.prefix = std::mem::replace(&mut shard.log.prefix, outside);
        status
    }

    /// Goes on with the answer to what [`Status::Waiting`] asked for.
    pub fn resume(&mut self, shard: &mut Shard, answer: IoAnswer) -> Status {
        let script = self.script.clone();
        let Some(pending) = self.pending.take() else {
            return Status::Done(End { code: self.last, by: EndedBy::Return });
        };
        let (call, since) = (pending.call, pending.since);
        self.with_prefix(shard, |run, shard| {
            let flow = run.call_back(&script, shard, pending, Answer::Io(answer));
            let status = run.settle(&script, shard, call, flow);
            if let Some(since) = since {
                run.tell_resumed(&script, shard, (call, since), status.as_ref());
            }
            match status {
                Some(status) => status,
                None => run.go(&script, shard),
            }
        })
    }

    fn go(&mut self, script: &Script, shard: &mut Shard) -> Status {
        if Run::is_watched(script, shard) {
            return self.go_watched(script, shard);
        }
        loop {
            let op = &script.ops[self.pc as usize];
            self.state.position = self.pc;
            self.pc += 1;
            if let Step::Stop(status) = self.step(script, shard, op) {
                return status;
            }
        }
    }

    pub(super) fn step(&mut self, script: &Script, shard: &mut Shard, op: &Op) -> Step {
        match op {
            Op::Push(value) => self.values.push(value.clone()),
            Op::Load(pv) => {
                let value = script.pvs[*pv as usize].get(&mut self.ctx(script, shard));
                self.values.push(value);
            }
            Op::LoadByKind(request, reply) => {
                let pv = if self.work.view().status().is_some() { reply } else { request };
                let value = script.pvs[*pv as usize].get(&mut self.ctx(script, shard));
                self.values.push(value);
            }
            Op::Store(pv, want) => self.store(script, shard, *pv, *want),
            Op::Unary(op) => {
                let top = self.top();
                *top = operators::unary(*op, top);
            }
            Op::Binary(op) => {
                let right = self.pop();
                let top = self.top();
                match operators::binary(*op, top, &right) {
                    Ok(value) => *top = value,
                    Err(failure) => self.fail(script, shard, &failure),
                }
            }
            Op::Match(pattern) => {
                let top = self.top();
                *top = Value::Int(i64::from(script.patterns[*pattern as usize].is_match(&top.to_text())));
            }
            Op::MatchDynamic => self.match_dynamic(script, shard),
            Op::Key(test) => self.key(script, shard, test),
            Op::And(target) => match self.top().to_int() {
                0 => self.short_cut(0, *target),
                _ => drop(self.pop()),
            },
            Op::Or(target) => match self.top().to_int() {
                0 => drop(self.pop()),
                _ => self.short_cut(1, *target),
            },
            Op::IfNot(target) => {
                if self.pop().to_int() <= 0 {
                    self.pc = *target;
                }
            }
            Op::WhileNot(target) => {
                if self.pop().to_int() == 0 {
                    self.pc = *target;
                }
            }
            Op::Jump(target) => self.pc = *target,
            Op::Switch(switch) => {
                let value = self.pop();
                self.pc = select(&script.switches[*switch as usize], &value);
            }
            Op::SetLast(code) => self.last = *code,
            _ => return self.control(script, shard, op),
        }
        Step::Next
    }

    /// Operations that move between blocks and functions, and loops.
    fn control(&mut self, script: &Script, shard: &mut Shard, op: &Op) -> Step {
        match op {
            Op::Call(call) => {
                if script.log_prefix.as_ref().is_some_and(|prefix| prefix.is_renewed) {
                    shard.log.prefix = self.rendered_prefix(script, shard);
                }
                let flow = self.call(script, shard, *call);
                return self.settle(script, shard, *call, flow).map_or(Step::Next, Step::Stop);
            }
            Op::Route(route, want) => self.enter_route(script, shard, *route, *want),
            Op::RouteDynamic(want) => self.route_dynamic(script, shard, *want),
            Op::Block(target, want) => self.enter_block(*target, *want),
            Op::LoopStart => self.values.push(Value::Int(0)),
            Op::LoopRound(target) => self.loop_round(script, shard, *target),
            Op::LoopEnd => drop(self.pop()),
            Op::Failed(want) => self.deliver(*want, -1),
            Op::Leave => return self.leave(script, shard, End { code: self.last, by: EndedBy::Return }),
            Op::LeaveWith(code) => {
                return self.leave(script, shard, End { code: *code, by: EndedBy::Return });
            }
            Op::Return => match self.pop().to_int() {
                0 => return self.end(script, shard, End { code: 0, by: EndedBy::Zero }),
                code => return self.leave(script, shard, End { code, by: EndedBy::Return }),
            },
            Op::Exit => {
                let code = self.pop().to_int();
                return self.end(script, shard, End { code, by: EndedBy::Exit });
            }
            Op::Drop => return self.end(script, shard, End { code: 0, by: EndedBy::Drop }),
            _ => {}
        }
        Step::Next
    }

    fn leave(&mut self, script: &Script, shard: &mut Shard, end: End) -> Step {
        self.leave_block(script, shard, end).map_or(Step::Next, Step::Stop)
    }

    fn end(&mut self, script: &Script, shard: &mut Shard, end: End) -> Step {
        self.end_script(script, shard, end).map_or(Step::Next, Step::Stop)
    }

    fn ctx<'a>(&'a mut self, script: &'a Script, shard: &'a mut Shard) -> Ctx<'a> {
        script.ctx(&mut self.work, &mut self.state, shard)
    }

    pub(super) fn pop(&mut self) -> Value {
        self.values.pop().unwrap_or_default()
    }

    fn top(&mut self) -> &mut Value {
        self.values.last_mut().expect("the compiler pushes operands before operators")
    }

    fn short_cut(&mut self, result: i64, target: u32) {
        *self.top() = Value::Int(result);
        self.pc = target;
    }

    /// Hands the code of a call, a route or an assignment to whoever asked for it.
    pub(super) fn deliver(&mut self, want: Want, code: i64) {
        match want {
            Want::Statement => self.last = code,
            Want::Truth => self.values.push(Value::Int(i64::from(code > 0))),
            Want::Code => self.values.push(Value::Int(code)),
        }
    }

    fn store(&mut self, script: &Script, shard: &mut Shard, pv: u32, want: Want) {
        let value = self.pop();
        let pv = &script.pvs[pv as usize];
        let result = pv.set(&mut self.ctx(script, shard), value);
        if let Err(reason) = result {
            let why = format!("${} was not assigned: {reason}", pv.def.name);
            self.complain(script, shard, &why);
        }
        self.deliver(want, if result.is_ok() { 1 } else { -1 });
    }

    fn match_dynamic(&mut self, script: &Script, shard: &mut Shard) {
        let source = self.pop().to_text();
        match shard.patterns.get(&source, crate::api::Case::Ignore) {
            Ok(pattern) => {
                let top = self.top();
                *top = Value::Int(i64::from(pattern.is_match(&top.to_text())));
            }
            Err(error) => self.fail(script, shard, &Failure::Pattern(error.to_string())),
        }
    }

    fn key(&mut self, script: &Script, shard: &mut Shard, test: &super::program::KeyTest) {
        let right = if keys::takes_right_side(&test.test) { self.pop() } else { Value::Null };
        let left = self.pop();
        match keys::holds(&test.test, &left, &right, shard) {
            Ok(holds) => {
                let code = holds.map_or(-1, |holds| i64::from(holds != test.negated));
                self.values.push(Value::Int(code));
            }
            Err(failure) => self.fail(script, shard, &failure),
        }
    }

    fn route_dynamic(&mut self, script: &Script, shard: &mut Shard, want: Want) {
        let name = self.pop().to_display();
        let wanted = if name == "0" { "" } else { &name };
        match script.names.find(RouteTable::Request, wanted) {
            Some(route) => self.enter_route(script, shard, route, want),
            None => {
                self.complain(script, shard, &format!("route \"{name}\" not found"));
                self.deliver(want, -1);
            }
        }
    }

    fn loop_round(&mut self, script: &Script, shard: &mut Shard, target: u32) {
        let limit = script.limits.loops;
        let top = self.top();
        let rounds = top.to_int() + 1;
        *top = Value::Int(rounds);
        if limit > 0 && rounds > limit {
            let line = script.names.line(self.state.position);
            // The wording is the original's: log watchers look for it.
            let why = format!("runaway while (line {line}): more then {limit} loops");
            self.complain(script, shard, &why);
            self.last = -1;
            self.pc = target;
        }
    }

    /// Logs what went wrong at the present position.
    pub(super) fn complain(&self, script: &Script, shard: &mut Shard, why: &str) {
        shard.log.script_error(shard.now, &script.names.place(self.state.position), why);
    }

    /// An expression has no value: logs why and goes on where its handler says.
    fn fail(&mut self, script: &Script, shard: &mut Shard, failure: &Failure) {
        let at = self.state.position;
        let why = match failure {
            Failure::ZeroDivisor => "division by zero".to_owned(),
            Failure::Pattern(error) => format!("not a regular expression: {error}"),
        };
        self.complain(script, shard, &why);
        // In order of their start, so the innermost is the last one that reaches this far.
        let behind = script.handlers.partition_point(|handler| handler.start <= at);
        let covering = script.handlers[..behind].iter().rev().find(|handler| at < handler.end);
        let handler = covering.expect("the compiler covers every fallible operation");
        self.values.truncate(self.base + handler.depth as usize);
        self.pc = handler.target;
    }
}

/// The operation a switch goes on with.
fn select(switch: &Switch, value: &Value) -> u32 {
    match &switch.labels {
        Labels::Numbers(labels) => labels.get(&value.to_int()).copied(),
        Labels::Texts(labels) => {
            let text = value.to_text();
            labels.iter().find(|(label, _)| label.selects(&text)).map(|(_, target)| *target)
        }
    }
    .unwrap_or(switch.otherwise)
}

impl TextLabel {
    fn selects(&self, text: &[u8]) -> bool {
        match self {
            TextLabel::Exact(label) => **label == *text,
            TextLabel::Pattern(pattern) => pattern.is_match(text),
        }
    }
}
