//! What calls ask for: messages leave, counters count, effects happen, ended calls are buried.

use std::time::Duration;

use sip::net::{Flow, Outgoing, SendError};
use sip::peer::ConnId;
use sip::time::Time;

use crate::call::{Count, Env, Input, Outcome, Output, Verdict};
use crate::exit::Exit;
use crate::lang::Effect;
use crate::scenario::{Op, Step};
use crate::state::UserId;
use crate::stats::Cause;
use crate::stats::counters::Length;
use crate::stats::trace::{self, Direction};
use crate::traffic::calls::{CallKey, Epitaph, Identified};

use super::Signalling;
use super::media::is_media;
use super::scenarios::{Running, Scenario, ScenarioId};
use crate::engine::desk::link::Note;

impl Signalling {
    /// Hands an input to a call and does what it asks for. Gives its verdict when that ended it.
    pub(in crate::engine) fn advance(
        &mut self,
        now: Time,
        key: CallKey,
        input: Input<'_>,
    ) -> Option<Verdict> {
        if self.own.connects_each_call() {
            self.connect_again(now, key);
        }
        let Running { call, scenario } = self.calls.get_mut(key)?;
        let (scenario, step) = (*scenario, call.state().step);
        let mut outputs = std::mem::take(&mut self.state.outputs);
        outputs.clear();
        let program = &self.scenarios[scenario].program;
        let mut env = Env { program, settings: &self.settings, world: &mut self.world };
        call.handle(now, input, &mut env, &mut outputs);
        let deadline = call.next_deadline();
        let user = call.state().user;
        // Nobody will ask what was said last in a call that ends well.
        let is_on_record = outputs.verdict().is_none_or(|verdict| verdict.outcome != Outcome::Succeeded);
        if let (true, Input::Message { view, from }) = (is_on_record, input) {
            self.failing.received(now, key, (step, from), view.bytes);
        }
        // Before its actions: what they play must be known to belong to a line.
        let mut failed = (!self.place_media(now, key)).then_some(Cause::CallRejected);
        let mut verdict = None;
        for output in &outputs.list {
            if self.state.ending.is_some() {
                // An action ended the program: what the call does after it no longer counts.
                break;
            }
            match output {
                Output::Send(outgoing) => {
                    let bytes = outputs.text(outgoing.bytes);
                    match self.send(now, (key, scenario), outgoing, bytes) {
                        Ok(()) if is_on_record => self.failing.sent(now, key, outgoing, bytes),
                        Ok(()) => {}
                        Err(cause) => failed = Some(cause),
                    }
                }
                Output::Ended(ended) => verdict = Some(*ended),
                Output::Command { bytes, step } => {
                    if !self.send_command(now, (scenario, *step), outputs.text(*bytes)) {
                        failed = Some(Cause::CmdNotSent);
                    }
                }
                Output::Debug(line) => {
                    self.debug.add(key, &self.scenarios.main().setup.wall.stamp(now), line)
                }
                Output::Effect(effect) if is_media(effect) => self.play(now, key, effect),
                Output::Effect(Effect::CloseConnection) => self.close_connection(now, key),
                Output::Effect(Effect::SetDestination { .. }) => {
                    // A connection of the call's own leads to the old place.
                    self.own.free_connection(now, key, &mut self.sockets);
                }
                other => self.apply(now, scenario, other),
            }
        }
        self.state.outputs = outputs;
        if let Some(verdict) = verdict {
            self.witness(now, (key, scenario), &verdict, input);
            self.bury(now, (key, scenario), user, verdict);
        } else if let Some(cause) = failed {
            return self.advance(now, key, Input::Failed(cause));
        } else {
            self.calls.set_deadline(key, deadline);
        }
        verdict
    }

    /// Gives a call that is about to write a message, and whose own connection is gone, a new one: the message names
    /// the port of the connection it leaves on.
    fn connect_again(&mut self, now: Time, key: CallKey) {
        let Some(Running { call, scenario }) = self.calls.get_mut(key) else { return };
        let about_to_send = call.sends_next(&self.scenarios[*scenario].program);
        let lacks = call.state().peer.is_some_and(|peer| self.own.lacks_connection(key, peer));
        if about_to_send && lacks {
            // When there is none, sending says so.
            self.equip_again(now, key);
        }
    }

    fn send(
        &mut self,
        now: Time,
        (key, scenario): (CallKey, ScenarioId),
        wanted: &crate::call::Outgoing,
        bytes: &[u8],
    ) -> Result<(), Cause> {
        let mut to = wanted.to;
        if self.own.lacks_connection(key, to) && self.equip_again(now, key) {
            to = self.calls.get_mut(key).and_then(|running| running.call.state().peer).unwrap_or(to);
        }
        let socket = self.own.of(key, self.socket);
        let outgoing = Outgoing { bytes, peer: to, socket, flow: Flow::of(key.number()) };
        let sent = if self.congestion.holds_back(to) {
            Err(SendError::QueueFull)
        } else {
            self.sockets.send(now, outgoing)
        };
        match sent {
            Ok(()) => {
                self.link.message(now, Direction::Sent, to.transport, bytes);
                Ok(())
            }
            Err(SendError::QueueFull) if to.transport.is_reliable() => {
                let patience = self.congestion.patience(&self.scenarios[scenario].program, wanted.step);
                let until = patience.map(|patience| now + patience);
                let waits = self.congestion.add(key, &outgoing, until);
                if waits { Ok(()) } else { Err(Cause::CannotSendMessage) }
            }
            Err(error) => {
                self.state.network.send_errors += 1;
                self.warn(now, format!("Unable to send {} message: {error}", to.transport));
                Err(Cause::CannotSendMessage)
            }
        }
    }

    /// `closecon`: the next message of the call makes a new connection.
    fn close_connection(&mut self, now: Time, key: CallKey) {
        let Some(running) = self.calls.get_mut(key) else { return };
        let Some(peer) = &mut running.call.state_mut().peer else { return };
        let conn = std::mem::replace(&mut peer.conn, ConnId::NONE);
        if !self.own.free_connection(now, key, &mut self.sockets) && conn != ConnId::NONE {
            self.sockets.close(now, conn);
        }
    }

    /// Everything a call asks for besides sending and ending.
    pub(in crate::engine) fn apply(&mut self, now: Time, scenario: ScenarioId, output: &Output) {
        match output {
            Output::Count(count) => self.count(scenario, *count),
            Output::ResponseTime { timer, took, late } => {
                let counters = &mut self.scenarios[scenario].counters;
                if let Some(samples) = counters.response_times.get_mut(usize::from(*timer)) {
                    samples.record(*took, *late);
                }
                let part = self.scenarios[scenario].layout.part;
                self.link.response_time(now, *took, (part, *timer));
            }
            Output::Warning(text) => self.warn(now, text.clone()),
            Output::Broken(text) => self.complain(now, text.clone()),
            Output::Effect(effect) => self.effect(now, effect),
            // They belong to one call: the caller's. The hidden call of <init> leaves none.
            Output::Send(_) | Output::Ended(_) | Output::Command { .. } | Output::Debug(_) => {}
        }
    }

    fn count(&mut self, scenario: ScenarioId, count: Count) {
        let Scenario { counters, program, .. } = &mut self.scenarios[scenario];
        match count {
            Count::Done(step) => counters.messages[step.get()].done += 1,
            Count::Retrans(step) => {
                counters.messages[step.get()].retrans += 1;
                if program.steps.get(step.get()).is_some_and(is_send) {
                    counters.totals.retransmissions += 1;
                }
            }
            Count::Timeout(step) => counters.messages[step.get()].timeouts += 1,
            Count::Unexpected(step, status) => {
                counters.messages[step.get()].unexpected += 1;
                if let Some(status) = status {
                    counters.unexpected_status(status);
                }
            }
            Count::Lost(step) => counters.messages[step.get()].lost += 1,
            Count::Counter(index) => counters.generic[usize::from(index)] += 1,
            Count::AutoAnswered => self.scenarios.main_mut().counters.totals.auto_answered += 1,
        }
    }

    fn effect(&mut self, now: Time, effect: &Effect) {
        match effect {
            Effect::Log(text) => self.link.tell(Note::Log(now, text.clone())),
            Effect::Warning(text) => self.warn(now, text.clone()),
            Effect::Fatal(text) => self.end(Exit::Fatal, Some(text.clone())),
            Effect::Command(text) => self.link.tell(Note::Shell(now, text.clone())),
            Effect::StopGracefully => self.quit.ask_softly(),
            Effect::StopNow => self.end(Exit::Stopped, None),
            // They belong to one call: the caller's.
            _ => {}
        }
    }

    /// Counts a warning and hands it to the desk.
    pub(in crate::engine) fn warn(&mut self, now: Time, text: String) {
        self.scenarios.main_mut().counters.totals.warnings += 1;
        self.state.last_error = Some(text.clone());
        self.link.tell(Note::Problem(now, text));
    }

    /// Counts an error that ended one call, and keeps the first for the end of the run.
    fn complain(&mut self, now: Time, text: String) {
        self.scenarios.main_mut().counters.totals.fatal_errors += 1;
        self.state.last_error = Some(text.clone());
        self.state.broken.get_or_insert_with(|| text.clone());
        self.link.tell(Note::Problem(now, text));
    }

    /// A call that cannot be made, since its user has no line in an injection file: it counts as failed, its user makes
    /// no other, and all other calls go on.
    ///
    /// DEVIATES: SIPp ends the program, and with it all other calls. The exit code in the end is the same.
    /// Test: `a_user_without_a_line_fails_alone`.
    pub(super) fn stillborn(&mut self, now: Time, scenario: ScenarioId, text: String) {
        let counters = &mut self.scenarios[scenario].counters;
        counters.totals.outgoing += 1;
        let length = Length { since_created: Duration::ZERO, late: Duration::ZERO };
        counters.call_failed(Some(Cause::CallRejected), length);
        self.opening.schedule.dismiss_user();
        self.complain(now, text);
    }

    /// A call is over: counts its verdict, frees its place and its user.
    fn bury(&mut self, now: Time, (key, scenario): (CallKey, ScenarioId), user: UserId, verdict: Verdict) {
        let length = Length { since_created: verdict.length, late: verdict.late };
        let Scenario { counters, open, .. } = &mut self.scenarios[scenario];
        *open = open.saturating_sub(1);
        if scenario == ScenarioId::MAIN {
            self.crew.closed();
        }
        let epitaph = match verdict.outcome {
            Outcome::Succeeded => {
                counters.call_succeeded(length);
                Epitaph::Successful
            }
            Outcome::Failed(cause) => {
                counters.call_failed(cause, length);
                Epitaph::FailedAt(verdict.step.0)
            }
            Outcome::Aborted => {
                counters.call_failed(None, length);
                Epitaph::FailedAt(verdict.step.0)
            }
            // Answered before it was a call: the same request may come again, and is answered again.
            Outcome::Unjudged if verdict.step.0 == 0 => Epitaph::None,
            Outcome::Unjudged => Epitaph::Successful,
        };
        let lines = self.debug.take(key).filter(|_| verdict.outcome != Outcome::Succeeded);
        if let (Some(lines), Some(running)) = (lines, self.calls.get_mut(key)) {
            let id = String::from_utf8_lossy(running.call_id()).into_owned();
            self.link.tell(Note::CallDebug(now, trace::call_debug(&id, &lines)));
        }
        if let Some(circuit) = self.calls.get_mut(key).and_then(|running| running.call.state().circuit) {
            self.world.free_circuit(circuit);
        }
        self.silence(key);
        self.congestion.forget(key);
        self.own.free(now, key, &mut self.sockets);
        self.calls.remove(now, key, epitaph);
        self.opening.schedule.release(now, user.0);
    }
}

fn is_send(step: &Step) -> bool {
    matches!(step.op, Op::Send(_))
}
