//! What the flight recorder sees of calls, and what becomes of the calls that fail.

use std::net::SocketAddr;

use sip::peer::Peer;
use sip::time::Time;

use crate::call::{Call, Count, Input, Outcome, Outgoing, Output, Sending, Verdict};
use crate::recorder::{Entry, Flight, Kind, Place, Quota, Recorder, reason};
use crate::scenario::{Op, Program, Step};
use crate::state::{Scope, StepIndex, Value, Vars};
use crate::stats::Cause;
use crate::traffic::calls::CallKey;

use super::Signalling;
use super::scenarios::{Running, Scenario, ScenarioId};
use crate::engine::desk::link::Note;

/// The recorder of one engine.
#[derive(Debug)]
pub(in crate::engine) struct Failing {
    recorder: Recorder,
}

/// Keeps the first `each` failures of every reason in full; with 0 only reasons are counted.
pub(in crate::engine) fn quota(each: u64) -> Quota {
    Quota::new(each, KEPT_BYTES)
}

impl Failing {
    /// With 0 calls to keep of each reason it records nothing.
    pub(in crate::engine) fn new(each: u64) -> Failing {
        let bytes = if each == 0 { 0 } else { RECORDED_BYTES };
        Failing { recorder: Recorder::new(bytes) }
    }

    /// A message came for a call that stands on that step.
    pub(super) fn received(&mut self, at: Time, key: CallKey, (step, peer): (StepIndex, Peer), bytes: &[u8]) {
        self.recorder.note(key.slot(), Entry { at, kind: Kind::Received, step: step.0, peer }, bytes);
    }

    /// A message of a call left.
    pub(super) fn sent(&mut self, at: Time, key: CallKey, outgoing: &Outgoing, bytes: &[u8]) {
        let kind = match outgoing.kind {
            Sending::First => Kind::Sent,
            Sending::Again => Kind::SentAgain,
            Sending::Automatic => Kind::SentByItself,
        };
        let entry = Entry { at, kind, step: outgoing.step.0, peer: outgoing.to };
        self.recorder.note(key.slot(), entry, bytes);
    }

    /// The place of an ended call is free for another one.
    pub(super) fn forget(&mut self, key: CallKey) {
        self.recorder.forget(key.slot());
    }
}

impl Signalling {
    /// Looks at a call that has just ended, before it is buried: counts why it failed, and keeps what it said when
    /// that is worth it. `input` is what ended it.
    pub(super) fn witness(
        &mut self,
        now: Time,
        (key, scenario): (CallKey, ScenarioId),
        verdict: &Verdict,
        input: Input<'_>,
    ) {
        let (cause, was_aborted) = match verdict.outcome {
            Outcome::Succeeded | Outcome::Unjudged => return self.failing.forget(key),
            Outcome::Failed(cause) => (cause, false),
            Outcome::Aborted => (None, true),
        };
        let step = failed_step(verdict, &self.state.outputs.list);
        let program = &self.scenarios[scenario].program;
        let expected = expectation(program, verdict.check.map_or(verdict.step, |check| check.step));
        let received = match input {
            Input::Message { view, .. } => crate::recorder::title(view.bytes),
            _ => String::new(),
        };
        let known = reason::Known {
            cause,
            was_aborted,
            step: step.0,
            sent: program.step(step).map_or("", |step| &step.label),
            expected: &expected,
            // The phrase behind a status differs from peer to peer, not from failure to failure.
            received: received.split(' ').next().unwrap_or_default(),
        };
        let reason = reason::words(&known);
        let keeps = self.scenarios[scenario].quota.count(&reason);
        let Scenario { program, layout, .. } = &self.scenarios[scenario];
        if keeps && let Some(Running { call, .. }) = self.calls.get_mut(key) {
            let (messages, omitted) = self.failing.recorder.read(key.slot());
            let place = place(program, step, verdict);
            let heard = messages.iter().rev().find(|said| !said.kind.is_sent() && said.step <= step.0);
            let (expected, received) = match verdict.check {
                Some(_) => (place.text.clone(), heard.map_or(received, |said| said.title())),
                None => (expected, shown_received(cause, received)),
            };
            let flight = Flight {
                reason,
                scenario: layout.name.clone(),
                call_id: String::from_utf8_lossy(&call.state().id).into_owned(),
                number: call.state().number.0,
                began: call.state().created,
                ended: now,
                place,
                expected,
                received,
                warnings: warnings(&self.state.outputs.list),
                variables: variables(program, call, &self.world),
                local: local_address(self.sockets.local_addr(self.own.of(key, self.socket)), &self.settings),
                messages,
                omitted,
            };
            self.scenarios[scenario].quota.spend(flight.memory());
            self.link.tell(Note::Failed(Box::new(flight)));
        }
        self.failing.forget(key);
    }
}

/// Where a call failed: at the check that did not hold, at the message that was not answered, or where it stood.
fn failed_step(verdict: &Verdict, outputs: &[Output]) -> StepIndex {
    if let Some(check) = verdict.check {
        return check.step;
    }
    let unanswered = outputs.iter().find_map(|output| match output {
        Output::Count(Count::Timeout(step)) => Some(*step),
        _ => None,
    });
    unanswered.unwrap_or(verdict.step)
}

/// What would let a call go on that stands there: optional messages, and the first that is none.
fn expectation(program: &Program, from: StepIndex) -> String {
    let mut names: Vec<&str> = Vec::new();
    for step in program.steps.iter().skip(from.get()) {
        let waits = matches!(step.op, Op::Recv(_) | Op::RecvCmd(_));
        if names.is_empty() || waits {
            names.push(name(step));
        }
        if !step.is_optional() {
            break;
        }
    }
    match names.split_last() {
        None => "the end of the scenario".into(),
        Some((last, [])) => (*last).into(),
        Some((last, others)) => format!("{} or {last}", others.join(", ")),
    }
}

fn name(step: &Step) -> &str {
    match &step.op {
        Op::Pause(_) | Op::Timewait(_) => "the end of the pause",
        Op::Nop => "a step without a message",
        Op::SendCmd(_) | Op::RecvCmd(_) => "a command",
        Op::Send(_) | Op::Recv(_) => &step.label,
    }
}

/// Where the call failed: the line of the action whose check did not hold, or that of the message.
fn place(program: &Program, index: StepIndex, verdict: &Verdict) -> Place {
    let step = program.step(index);
    let action = verdict.check.and_then(|check| step?.actions.get(usize::from(check.action)));
    let line = action.map(|action| action.line).or(step.map(|step| step.line)).unwrap_or(0);
    Place { step: index.0, file: program.source.name.clone(), line, text: program.source.line(line) }
}

/// What came instead of what was expected.
fn shown_received(cause: Option<Cause>, received: String) -> String {
    match cause {
        Some(Cause::TimeoutOnRecv | Cause::MaxUdpRetrans) => "nothing in time".into(),
        Some(Cause::TcpConnect | Cause::TcpClosed) => "the end of the connection".into(),
        _ if received.is_empty() => "nothing".into(),
        _ => received,
    }
}

fn warnings(outputs: &[Output]) -> Vec<String> {
    let warnings = outputs.iter().filter_map(|output| match output {
        Output::Warning(text) => Some(text.clone()),
        _ => None,
    });
    warnings.take(WARNINGS).collect()
}

/// The variables that have a value: those of the call, of its user, and of the run.
fn variables(program: &Program, call: &Call, world: &crate::lang::World) -> Vec<(String, String)> {
    let tables: [(Scope, &Vars); 3] = [
        (Scope::Call, &call.state().vars),
        (Scope::User, world.user_vars(call.state().user)),
        (Scope::Global, &world.globals),
    ];
    let mut all = Vec::new();
    for (scope, values) in tables {
        for (variable, value) in program.vars.table(scope).iter().zip(values.iter()) {
            if *value != Value::Unset {
                all.push((variable.name.clone(), shown(value)));
            }
        }
    }
    all
}

fn shown(value: &Value) -> String {
    match value {
        Value::Unset => String::new(),
        Value::Text(text) => {
            let text = &text[..text.len().min(VARIABLE_BYTES)];
            format!("\"{}\"", String::from_utf8_lossy(text).escape_debug())
        }
        Value::Number(number) => number.to_string(),
        Value::Bool(truth) => truth.to_string(),
    }
}

/// Our address as peers see it: a socket bound to any address has that of `-i`.
fn local_address(bound: Option<SocketAddr>, settings: &crate::state::Settings) -> SocketAddr {
    let port = bound.map_or(settings.local_port, |bound| bound.port());
    let ip = bound.map(|bound| bound.ip()).filter(|ip| !ip.is_unspecified());
    SocketAddr::new(ip.unwrap_or(settings.local_ip), port)
}

/// Memory for the messages of open calls.
const RECORDED_BYTES: usize = 16 << 20;
/// Memory for failed calls of a scenario that are kept.
const KEPT_BYTES: usize = 16 << 20;
/// Warnings kept of one failed call.
const WARNINGS: usize = 8;
/// Bytes shown of the text in a variable.
const VARIABLE_BYTES: usize = 1000;
