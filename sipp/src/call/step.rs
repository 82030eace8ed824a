//! The steps: one function per op, and how a call goes from one message to the next.

use std::net::SocketAddr;

use sip::peer::Peer;

use crate::lang::{Check, Effect, Flow, Host, Subject};
use crate::scenario::{Next, Op, Step};
use crate::state::{StepIndex, Value};

use super::{Cause, Count, FailedCheck, Gravity, Outcome, Output, Run, Wait, io::NEVER};

/// How often a call looks whether the address it needs is known.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(2);
/// Steps run in one go before other calls get their turn; keeps a scenario that loops from hanging the program.
const STEPS_IN_ONE_GO: u32 = 1000;

impl Run<'_, '_> {
    /// Runs messages until the call must wait or is over.
    pub(super) fn run_steps(&mut self) {
        for _ in 0..STEPS_IN_ONE_GO {
            let program = self.env.program;
            if self.call.wait == Wait::Over {
                return;
            }
            let Some(step) = program.step(self.call.state.step) else { return self.finish() };
            if !self.holds(step) {
                self.advance(step);
                continue;
            }
            let index = self.call.state.step;
            self.trace_step(index, &step.op);
            match &step.op {
                Op::Send(_) if self.call.resend.is_some() => return self.wait(Wait::Answer, NEVER),
                Op::Send(_) if self.awaits_address(step.line) => return,
                Op::Send(_) if std::mem::take(&mut self.call.state.pending.reconnects) => {
                    return self.wait(Wait::Turn, self.now);
                }
                Op::Send(send) => self.run_send(index, step, send),
                Op::SendCmd(command) => self.run_send_command(index, step, command),
                Op::Nop => self.run_nop(index, step),
                Op::Pause(pause) => {
                    if self.run_pause(index, step, *pause, Wait::Pause) {
                        return;
                    }
                    self.advance(step);
                }
                Op::Timewait(pause) => {
                    if self.run_pause(index, step, *pause, Wait::Timewait) {
                        return;
                    }
                    self.advance(step);
                }
                Op::Recv(recv) => return self.await_message(recv.timeout),
                Op::RecvCmd(recv) => {
                    if !self.take_early_command(index, step, recv) {
                        return self.await_message(recv.timeout);
                    }
                }
            }
        }
        self.wait(Wait::Turn, self.now);
    }

    /// True when the host of `setdest` is still being looked up, or has no address: nothing can be sent then.
    fn awaits_address(&mut self, line: u32) -> bool {
        let Some(unresolved) = &self.call.state.unresolved else { return false };
        let (transport, port) = (unresolved.transport, unresolved.port);
        match self.env.world.host(&unresolved.host) {
            Host::Asked => self.wait(Wait::Turn, self.now + LOOK_AGAIN),
            Host::Unknown => {
                let text = format!("setdest: '{}' has no address", unresolved.host);
                self.break_off(line, &text);
            }
            Host::Known(ip) => {
                let addr = SocketAddr::new(ip, port);
                self.call.state.unresolved = None;
                self.call.state.peer = Some(Peer::new(transport, addr));
                self.call.state.pending.reconnects = transport.is_reliable();
                self.push(Output::Effect(Effect::SetDestination { transport, addr }));
                return false;
            }
        }
        true
    }

    /// A line for `-trace_calldebug`; the numbers of the kinds are SIPp's.
    fn trace_step(&mut self, index: StepIndex, op: &Op) {
        let kind = match op {
            Op::SendCmd(_) => 0,
            Op::RecvCmd(_) => 1,
            Op::Send(_) => 2,
            Op::Recv(_) => 3,
            Op::Pause(_) | Op::Timewait(_) => 4,
            Op::Nop => 5,
        };
        let now = self.now.as_millis();
        self.debug(|call| {
            format!("Processing message {} of type {kind} for call {} at {now}.", index.0, call.shown_id())
        });
    }

    fn await_message(&mut self, timeout: Option<std::time::Duration>) {
        let until = timeout.or(self.env.settings.recv_timeout).map_or(NEVER, |span| self.now + span);
        self.wait(Wait::Message, until);
    }

    pub(super) fn wait(&mut self, wait: Wait, until: sip::time::Time) {
        self.call.wait = wait;
        self.call.until = until;
    }

    /// `condexec`.
    fn holds(&mut self, step: &Step) -> bool {
        step.condition.is_none_or(|condition| self.is_set(condition.var) == condition.runs_when_set)
    }

    fn is_set(&mut self, var: crate::state::VarSlot) -> bool {
        let index = i32::from(self.call.state.step.0);
        self.scope(index).var(var).is_set()
    }

    /// Goes on behind a message: where an action jumped, at the label, or at the following one.
    pub(super) fn advance(&mut self, step: &Step) {
        let following = self.call.state.step.following();
        if let Some(jump) = self.call.state.pending.jump.take() {
            return self.jump(jump);
        }
        let taken = step.next.and_then(|next| self.takes(next));
        self.call.state.step = taken.unwrap_or(following);
    }

    /// Goes where an action jumped. A message outside of the scenario, or the same one, ends the call.
    pub(super) fn jump(&mut self, target: StepIndex) {
        let last = self.env.program.steps.len().saturating_sub(1);
        if target.get() > last || target == self.call.state.step {
            let text = format!("Jump statement out of range ({} not in 0..{last}, or to itself)", target.0);
            let line = self.env.program.step(self.call.state.step).map_or(0, |step| step.line);
            return self.break_off(line, &text);
        }
        self.call.state.step = target;
    }

    /// The label of `next`, if `test` and `chance` let the call jump.
    pub(super) fn takes(&mut self, next: Next) -> Option<StepIndex> {
        let tested = next.test.is_none_or(|var| self.is_set(var));
        let lucky = tested && next.chance.is_none_or(|chance| self.env.world.random_unit() < chance);
        lucky.then_some(next.to)
    }

    /// Counts a message as done and moves its counter and timers.
    pub(super) fn book(&mut self, index: StepIndex, step: &Step) {
        self.count(Count::Done(index));
        if let Some(counter) = step.counter {
            self.count(Count::Counter(counter));
        }
        for timer in &step.start_timers {
            if let Some(state) = self.call.timers.get_mut(usize::from(*timer)) {
                state.started = self.now;
                state.late = self.late;
            }
        }
        for timer in &step.stop_timers {
            self.stop_timer(*timer, step.repeats_timer);
        }
    }

    fn stop_timer(&mut self, timer: u16, repeats: bool) {
        let Some(state) = self.call.timers.get_mut(usize::from(timer)) else { return };
        if state.stopped && !repeats {
            return;
        }
        state.stopped = true;
        let (took, late) = (self.now - state.started, state.late.duration());
        self.push(Output::ResponseTime { timer, took, late });
    }

    fn run_nop(&mut self, index: StepIndex, step: &Step) {
        self.book(index, step);
        let last = self.call.state.last.whole().to_vec();
        let subject = Subject { text: Some(last.as_slice()).filter(|text| !text.is_empty()) };
        if self.run_actions(index, step, subject) {
            self.advance(step);
        }
    }

    /// Starts a pause; false when it is over at once. Counting and actions belong to its start.
    fn run_pause(
        &mut self,
        index: StepIndex,
        step: &Step,
        pause: crate::lang::distributions::Pause,
        wait: Wait,
    ) -> bool {
        self.book(index, step);
        let length = pause.length(&mut self.scope(i32::from(index.0)));
        let until = self.call.state.pending.pause_until.take().unwrap_or(self.now + length);
        self.wait(wait, until);
        if !step.actions.is_empty() && !self.run_actions(index, step, Subject::default()) {
            return true;
        }
        until > self.now
    }

    /// Runs the actions of a message; false when they ended the call.
    pub(super) fn run_actions(&mut self, index: StepIndex, step: &Step, subject: Subject<'_>) -> bool {
        if step.actions.is_empty() {
            return true;
        }
        let mut effects = Vec::new();
        let mut flow = Flow::Continue;
        let mut place = 0;
        for (number, placed) in step.actions.iter().enumerate() {
            place = number as u16;
            // In actions SIPp's message index is that of the message before.
            flow = placed.action.run(&mut self.scope(i32::from(index.0) - 1), subject, &mut effects);
            if flow != Flow::Continue {
                break;
            }
        }
        self.outputs.list.extend(effects.into_iter().map(Output::Effect));
        let line = step.actions.get(usize::from(place)).map_or(step.line, |placed| placed.line);
        if self.report_problems(line) == Gravity::Fatal {
            return false;
        }
        match flow {
            Flow::Continue => {}
            Flow::StopAll => self.halt(),
            Flow::CheckFailed(check) => {
                self.call.failure = Some((cause_of(check), FailedCheck { step: index, action: place }));
            }
            Flow::StopCall => self.fail(Cause::CallRejected),
        }
        self.call.wait != Wait::Over
    }

    /// The end of the scenario.
    pub(super) fn finish(&mut self) {
        let outcome = match (self.call.origin, self.call.failure) {
            (super::Origin::Init, _) => Outcome::Unjudged,
            (_, None) => Outcome::Succeeded,
            (_, Some((cause, _))) => Outcome::Failed(Some(cause)),
        };
        self.end(outcome);
    }

    /// The moment the call waited for has come.
    pub(super) fn take_deadline(&mut self) {
        if self.call.resend.as_ref().is_some_and(|resend| resend.next <= self.now) {
            self.resend_is_due();
        }
        if self.call.until > self.now || self.call.wait == Wait::Over {
            return;
        }
        let program = self.env.program;
        let step = program.step(self.call.state.step);
        match (self.call.wait, step) {
            (Wait::Pause | Wait::Timewait, Some(step)) => {
                self.advance(step);
                self.run_steps();
            }
            (Wait::Message, Some(step)) => self.receive_timed_out(step),
            _ => self.run_steps(),
        }
    }

    fn receive_timed_out(&mut self, step: &Step) {
        let index = self.call.state.step;
        self.count(Count::Timeout(index));
        let (id, name) = (self.id(), &self.env.program.name);
        let head = format!("Call-Id: {id}, receive timeout on message {name}:{}", index.0);
        match step.on_timeout {
            Some(label) => {
                self.warn(format!("{head}, jumping to label {}", label.0));
                self.call.state.step = label;
                self.run_steps();
            }
            None => {
                self.warn(format!("{head} without label to jump to (ontimeout attribute): aborting call"));
                self.abort(Cause::TimeoutOnRecv);
            }
        }
    }

    /// Stores a number in a variable.
    pub(super) fn set_number(&mut self, slot: crate::state::VarSlot, number: f64) {
        self.scope(0).set_var(slot, Value::Number(number));
    }
}

fn cause_of(check: Check) -> Cause {
    match check {
        Check::RegexpDoesntMatch => Cause::RegexpDoesntMatch,
        Check::RegexpShouldntMatch => Cause::RegexpShouldntMatch,
        Check::RegexpHeaderNotFound => Cause::RegexpHdrNotFound,
        Check::TestDoesntMatch => Cause::TestDoesntMatch,
        Check::TestShouldntMatch => Cause::TestShouldntMatch,
        Check::StrcmpDoesntMatch => Cause::StrcmpDoesntMatch,
        Check::StrcmpShouldntMatch => Cause::StrcmpShouldntMatch,
    }
}
