//! The signalling thread: sockets, calls and the clock, and nothing else.
//!
//! One turn: commands, calls that are due to start, calls whose deadline has come, received messages, then
//! everything that was written leaves in one batch. How calls are opened is in `opening`, what commands do in
//! `obeying`.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Duration;

use sip::msg::{HeaderName, Index, View};
use sip::net::{Clock, CloseReason, Event, Inbox, Incoming, SocketId, Sockets};
use sip::peer::Peer;
use sip::time::Time;

use crate::call::{Birth, Call, Count, Env, Input, Origin, Outcome, Output, Outputs, Verdict};
use crate::exit::Exit;
use crate::lang::{Effect, World};
use crate::scenario::Program;
use crate::state::{CallNumber, Settings, UserId};
use crate::stats::Cause;
use crate::stats::counters::{Counters, Shape};
use crate::stats::layout::Layout;
use crate::stats::snapshot::{Activity, Network, Peak, Phase, Setup, Snapshot};
use crate::stats::trace::Direction;
use crate::traffic::calls::{CallKey, Calls, Epitaph, Identified, Owner};
use crate::traffic::limits::QuitLevel;

use super::command::Command;
use super::link::{Link, Note, Occasion};
use super::opening::Opening;

/// All that one signalling thread owns.
pub(super) struct Signalling {
    pub(super) clock: Clock,
    pub(super) sockets: Sockets,
    /// The socket that calls share.
    pub(super) socket: SocketId,
    pub(super) program: Arc<Program>,
    pub(super) settings: Settings,
    pub(super) world: World,
    pub(super) layout: Arc<Layout>,
    pub(super) setup: Arc<Setup>,
    pub(super) counters: Counters,
    /// What the counters count, to begin anew.
    pub(super) shape: Shape,
    pub(super) calls: Calls<Call>,
    pub(super) opening: Opening,
    pub(super) quit: QuitLevel,
    pub(super) link: Link,
    pub(super) commands: Receiver<Command>,
    pub(super) rhythm: Rhythm,
    pub(super) reconnect: Reconnect,
    pub(super) state: State,
}

/// What happens when a connection breaks.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reconnect {
    /// New connections still allowed; `None` is without limit.
    pub(super) left: Option<u32>,
    /// Whether the calls of the broken one fail.
    pub(super) closes_calls: bool,
}

/// When figures are due, and when the run is over at the latest.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rhythm {
    /// Time between two drawings; `None` without a screen.
    pub(super) draw_every: Option<Duration>,
    /// Time between two rows; `None` when no file wants any.
    pub(super) row_every: Option<Duration>,
    /// `-timeout`.
    pub(super) ends_at: Option<Time>,
    /// `-timeout_error`.
    pub(super) end_is_error: bool,
}

/// What changes from turn to turn.
#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) outputs: Outputs,
    pub(super) paused: bool,
    pub(super) call_numbers: u64,
    pub(super) peak: Peak,
    pub(super) woken: u64,
    pub(super) network: Network,
    pub(super) last_error: Option<String>,
    /// Set when the run must end, with its exit code and, for an error, the reason.
    pub(super) ending: Option<(Exit, Option<String>)>,
    pub(super) timed_out: bool,
    next_draw: Option<Time>,
    next_row: Option<Time>,
    busy: Busy,
}

/// How a run ended.
#[derive(Debug)]
pub(super) struct Ending {
    /// The exit code.
    pub(super) exit: Exit,
    /// Why, when it was an error.
    pub(super) error: Option<String>,
}

impl Identified for Call {
    fn call_id(&self) -> &[u8] {
        &self.state().id
    }
}

impl Signalling {
    /// Runs until the run is over, and says how it ended.
    pub(super) fn run(mut self) -> Ending {
        let start = self.clock.now();
        self.state.next_draw = self.rhythm.draw_every.map(|period| start + period);
        self.state.next_row = self.rhythm.row_every.map(|period| start + period);
        let figures = self.figures(start, Phase::Running);
        self.link.tell_surely(Note::Figures(Box::new(figures), Occasion::Start));
        self.opening.start(start);
        let mut inbox = Inbox::default();
        while !self.is_over() {
            if let Err(error) = self.turn(&mut inbox) {
                self.end(Exit::Fatal, Some(format!("Network error: {error}")));
            }
        }
        self.finish()
    }

    /// One turn of the loop.
    fn turn(&mut self, inbox: &mut Inbox) -> io::Result<()> {
        let now = self.clock.now();
        self.obey(now);
        self.look_at_the_clock(now);
        self.open_due(now);
        while let Some(key) = self.calls.take_due(now) {
            self.state.woken += 1;
            self.advance(now, key, Input::Deadline);
        }
        self.sockets.flush(now);
        self.link.flush();
        if self.is_over() {
            // The last call may have ended just now: nothing would end the wait.
            return Ok(());
        }
        let deadline = self.next_deadline();
        if let Some(rest) = self.state.busy.rest(now, deadline) {
            std::thread::sleep(rest);
        }
        let now = self.clock.now();
        self.sockets.wait(now, deadline)?;
        let now = self.clock.now();
        self.sockets.receive(now, inbox)?;
        for event in inbox.events() {
            self.receive(now, event);
        }
        self.sockets.flush(now);
        Ok(())
    }

    /// The next moment something is to be done without a message.
    fn next_deadline(&self) -> Option<Time> {
        let opening =
            if self.state.paused || self.quit.is_quitting() { None } else { self.opening.next_due() };
        let deadlines = [
            self.calls.next_deadline(),
            opening,
            self.state.next_draw,
            self.state.next_row,
            self.rhythm.ends_at,
        ];
        deadlines.into_iter().flatten().min()
    }

    /// Figures that are due, and the end by `-timeout`.
    fn look_at_the_clock(&mut self, now: Time) {
        let due = |next: Option<Time>| next.is_some_and(|next| next <= now);
        if due(self.state.next_draw) {
            self.state.next_draw = self.rhythm.draw_every.map(|period| now + period);
            self.publish(now, Occasion::Draw);
        }
        if due(self.state.next_row) {
            // Rows keep to their schedule; a late one does not shift the next.
            let period = self.rhythm.row_every.unwrap_or_default();
            self.state.next_row = self.state.next_row.map(|next| (next + period).max(now));
            self.publish(now, Occasion::Row);
        }
        if due(self.rhythm.ends_at) && !self.state.timed_out {
            self.state.timed_out = true;
            self.rhythm.ends_at = None;
            if self.rhythm.end_is_error {
                let seconds = now.as_millis() as f64 / 1000.0;
                let text = format!("{} timed out after '{seconds:.3}' seconds", self.layout.name);
                self.end(Exit::Fatal, Some(text));
            }
            self.quit.force();
        }
        if self.quit.is_forced() {
            self.abort_all(now);
        }
    }

    /// True when a run that is ending has no open call left.
    fn is_done(&self) -> bool {
        self.quit.is_quitting() && self.calls.len() == 0
    }

    /// True when no further turn is needed.
    fn is_over(&self) -> bool {
        self.state.ending.is_some() || self.is_done()
    }

    /// The run must end now.
    pub(super) fn end(&mut self, exit: Exit, error: Option<String>) {
        if self.state.ending.is_none() {
            self.counters.totals.fatal_errors += u64::from(error.is_some());
            self.state.ending = Some((exit, error));
        }
    }

    /// Closes the books: the last figures, and the verdict.
    fn finish(mut self) -> Ending {
        let now = self.clock.now();
        self.sockets.flush(now);
        self.link.flush();
        let figures = self.figures(now, Phase::Ended);
        let totals = figures.counters.totals;
        self.link.tell_surely(Note::Figures(Box::new(figures), Occasion::End));
        let verdict = if totals.failed > 0 {
            Exit::Failed
        } else if self.state.timed_out && totals.successful == 0 {
            Exit::Stopped
        } else {
            Exit::Success
        };
        match self.state.ending {
            Some((Exit::Success, error)) => Ending { exit: verdict, error },
            Some((exit, error)) => Ending { exit, error },
            None => Ending { exit: verdict, error: None },
        }
    }

    /// Ends every open call: they say goodbye as the default behaviour has it, and count as failed.
    fn abort_all(&mut self, now: Time) {
        for key in self.calls.keys() {
            if let Some(call) = self.calls.get_mut(key) {
                let id = String::from_utf8_lossy(call.call_id()).into_owned();
                self.warn(now, format!("Aborted call with Call-ID '{id}'"));
            }
            self.advance(now, key, Input::Abort);
        }
    }

    /// One thing the sockets report.
    fn receive(&mut self, now: Time, event: Event<'_>) {
        match event {
            Event::Received(incoming) => {
                self.state.busy.count(now);
                self.message(now, incoming);
            }
            Event::Unreachable { .. } => self.state.network.receive_errors += 1,
            Event::Opened { .. } => {}
            Event::Closed { peer, reason } => self.closed(now, peer, reason),
        }
    }

    /// A connection is gone: the calls that used it fail, and a client that may not reconnect ends.
    fn closed(&mut self, now: Time, peer: Peer, reason: CloseReason) {
        let keys = self.calls.keys();
        for key in keys {
            let uses = self.calls.get_mut(key).is_some_and(|call| uses(call, peer));
            if uses && self.reconnect.closes_calls {
                self.advance(now, key, Input::Failed(Cause::TcpClosed));
            }
        }
        if !self.program.mode.opens_calls() || self.is_done() {
            return;
        }
        match &mut self.reconnect.left {
            Some(0) => {
                let text = match reason {
                    CloseReason::Refused | CloseReason::ConnectTimeout => {
                        format!("Unable to connect a TCP socket to {}: {reason:?}", peer.addr)
                    }
                    _ => "Broken pipe on TCP connection, remote peer probably closed the socket".into(),
                };
                self.end(Exit::Fatal, Some(text));
            }
            // The next message makes a new connection.
            Some(left) => *left -= 1,
            None => {}
        }
    }

    /// A message: finds or makes its call.
    fn message(&mut self, now: Time, incoming: Incoming<'_>) {
        let bytes = incoming.bytes;
        self.link.message(now, Direction::Received, incoming.peer.transport, bytes);
        if memchr::memmem::find(bytes, b"SIP/2.0").is_none() {
            let is_keepalive = bytes.iter().all(|byte| matches!(byte, b'\r' | b'\n' | 0));
            if !is_keepalive {
                let text = String::from_utf8_lossy(bytes);
                self.warn(now, format!("non SIP message discarded: \"{text}\" ({})", bytes.len()));
            }
            return;
        }
        let index = match Index::parse(bytes) {
            Ok(index) => index,
            Err(error) => {
                self.warn(now, format!("SIP message that cannot be read discarded: {error}"));
                return;
            }
        };
        let view = View { bytes, index: &index };
        let Some(id) = view.header(HeaderName::CallId) else {
            let text = String::from_utf8_lossy(bytes);
            self.warn(now, format!("(1) No valid Call-ID: header in reply '{text}'"));
            self.warn(now, "SIP message without Call-ID discarded".into());
            return;
        };
        let id = if self.opening.keeps_id_prefix { id } else { without_prefix(id) };
        match self.calls.find(now, id) {
            Owner::Open(key) => self.advance(now, key, Input::Message { view, from: incoming.peer }),
            Owner::Ended(epitaph) => self.dead_call(now, (id, epitaph), bytes),
            Owner::Unknown => self.foreign(now, id, view, incoming.peer),
        }
    }

    /// A message for a call that has ended.
    fn dead_call(&mut self, now: Time, (id, epitaph): (&[u8], Epitaph), bytes: &[u8]) {
        self.counters.totals.dead_call += 1;
        let reason = match epitaph {
            Epitaph::Successful => "successful".to_owned(),
            Epitaph::FailedAt(index) => format!("failed at index {index}"),
        };
        let (id, text) = (String::from_utf8_lossy(id), String::from_utf8_lossy(bytes));
        self.warn(now, format!("Dead call {id} ({reason}), received '{text}'"));
    }

    /// A message of no call we know: a server opens one.
    fn foreign(&mut self, now: Time, id: &[u8], view: View<'_>, from: Peer) {
        let takes = self.program.mode.takes_calls() && !self.quit.is_quitting();
        if !takes || view.method().is_none() {
            self.counters.totals.out_of_call += 1;
            let text = String::from_utf8_lossy(view.bytes);
            self.warn(now, format!("Discarding message which can't be mapped to a known SIPp call:\n{text}"));
            return;
        }
        let Some(key) = self.begin(now, id, UserId(0), Origin::Received) else { return };
        self.counters.totals.incoming += 1;
        self.advance(now, key, Input::Start);
        self.advance(now, key, Input::Message { view, from });
        if self.opening.is_last(self.counters.totals.created()) {
            self.quit.ask_softly();
        }
    }

    /// Makes a call and gives it a place; it has not run yet.
    pub(super) fn begin(&mut self, now: Time, id: &[u8], user: UserId, origin: Origin) -> Option<CallKey> {
        self.state.call_numbers += 1;
        let birth = Birth { number: CallNumber(self.state.call_numbers), id, user, origin };
        let mut env = Env { program: &self.program, settings: &self.settings, world: &mut self.world };
        let call = match Call::new(now, birth, &mut env) {
            Ok(call) => call,
            Err(text) => {
                self.end(Exit::Fatal, Some(text));
                return None;
            }
        };
        let key = self.calls.insert(call);
        if self.calls.len() as u64 > self.state.peak.calls {
            self.state.peak = Peak { calls: self.calls.len() as u64, at: now };
        }
        Some(key)
    }

    /// Hands an input to a call and does what it asks for.
    pub(super) fn advance(&mut self, now: Time, key: CallKey, input: Input<'_>) {
        let Some(call) = self.calls.get_mut(key) else { return };
        let mut outputs = std::mem::take(&mut self.state.outputs);
        outputs.clear();
        let mut env = Env { program: &self.program, settings: &self.settings, world: &mut self.world };
        call.handle(now, input, &mut env, &mut outputs);
        let deadline = call.next_deadline();
        let user = call.state().user;
        let mut failed = None;
        let mut verdict = None;
        for output in &outputs.list {
            match output {
                Output::Send(outgoing) => {
                    let bytes = outputs.text(outgoing.bytes);
                    if let Err(cause) = self.send(now, outgoing.to, bytes) {
                        failed = Some(cause);
                    }
                }
                Output::Ended(ended) => verdict = Some(*ended),
                other => self.apply(now, other),
            }
        }
        self.state.outputs = outputs;
        if let Some(verdict) = verdict {
            self.bury(now, key, user, verdict);
        } else if let Some(cause) = failed {
            self.advance(now, key, Input::Failed(cause));
        } else {
            self.calls.set_deadline(key, deadline);
        }
    }

    fn send(&mut self, now: Time, to: Peer, bytes: &[u8]) -> Result<(), Cause> {
        let outgoing = sip::net::Outgoing { bytes, peer: to, socket: self.socket };
        match self.sockets.send(now, outgoing) {
            Ok(()) => {
                self.link.message(now, Direction::Sent, to.transport, bytes);
                Ok(())
            }
            Err(error) => {
                self.state.network.send_errors += 1;
                self.warn(now, format!("Unable to send {} message: {error}", to.transport));
                Err(Cause::CannotSendMessage)
            }
        }
    }

    /// Everything a call asks for besides sending and ending.
    fn apply(&mut self, now: Time, output: &Output) {
        match output {
            Output::Count(count) => self.count(*count),
            Output::ResponseTime { timer, took } => {
                if let Some(samples) = self.counters.response_times.get_mut(usize::from(*timer)) {
                    samples.record(*took);
                }
                self.link.response_time(now, *took, *timer);
            }
            Output::Warning(text) => self.warn(now, text.clone()),
            Output::Effect(effect) => self.effect(now, effect),
            // Ends and sends are the caller's; commands to twins and debug lines have no taker yet, since the
            // options that ask for them are refused.
            Output::Send(_) | Output::Ended(_) | Output::Command { .. } | Output::Debug(_) => {}
        }
    }

    fn count(&mut self, count: Count) {
        let counters = &mut self.counters;
        match count {
            Count::Done(step) => counters.messages[step.get()].done += 1,
            Count::Retrans(step) => {
                counters.messages[step.get()].retrans += 1;
                if self.program.steps.get(step.get()).is_some_and(|step| is_send(step)) {
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
            Count::AutoAnswered => counters.totals.auto_answered += 1,
        }
    }

    fn effect(&mut self, now: Time, effect: &Effect) {
        match effect {
            Effect::Log(text) => self.link.tell(Note::Log(now, text.clone())),
            Effect::Warning(text) => self.warn(now, text.clone()),
            Effect::Fatal(text) => self.end(Exit::Fatal, Some(text.clone())),
            Effect::Command(text) => self.link.tell(Note::Shell(text.clone())),
            Effect::StopGracefully => self.quit.ask_softly(),
            Effect::StopNow => self.end(Exit::Stopped, None),
            other => self.warn(now, format!("Action is not available in this version of sipp: {other:?}")),
        }
    }

    /// Counts a warning and hands it to the desk.
    pub(super) fn warn(&mut self, now: Time, text: String) {
        self.counters.totals.warnings += 1;
        self.state.last_error = Some(text.clone());
        self.link.tell(Note::Problem(now, text));
    }

    /// A call is over: counts its verdict, frees its place and its user.
    fn bury(&mut self, now: Time, key: CallKey, user: UserId, verdict: Verdict) {
        let epitaph = match verdict.outcome {
            Outcome::Succeeded => {
                self.counters.call_succeeded(verdict.length);
                Epitaph::Successful
            }
            Outcome::Failed(cause) => {
                self.counters.call_failed(cause, verdict.length);
                Epitaph::FailedAt(verdict.step.0)
            }
            Outcome::Aborted => {
                self.counters.call_failed(None, verdict.length);
                Epitaph::FailedAt(verdict.step.0)
            }
            Outcome::Unjudged => Epitaph::Successful,
        };
        self.calls.remove(now, key, epitaph);
        self.opening.release(user);
    }

    /// Hands the figures to the desk.
    pub(super) fn publish(&mut self, now: Time, occasion: Occasion) {
        let phase = if self.quit.is_quitting() {
            Phase::Quitting
        } else if self.state.paused {
            Phase::Paused
        } else {
            Phase::Running
        };
        let figures = self.figures(now, phase);
        self.link.tell(Note::Figures(Box::new(figures), occasion));
    }

    fn figures(&mut self, now: Time, phase: Phase) -> Snapshot {
        let sockets = self.sockets.counters();
        let mut counters = self.counters.clone();
        counters.error_codes = std::mem::take(&mut self.counters.error_codes);
        Snapshot {
            layout: self.layout.clone(),
            setup: self.setup.clone(),
            at: now,
            counters,
            target: self.opening.target(),
            limit: self.opening.limit(),
            peak: self.state.peak,
            activity: Activity {
                open: self.calls.len() as u64,
                waiting: self.calls.waiting() as u64,
                woken: self.state.woken,
            },
            network: Network {
                sockets: 1 + self.sockets.connections() as u64,
                congested: sockets.congested,
                kernel_drops: sockets.kernel_drops,
                received: sockets.received,
                sent: sockets.sent,
                ..self.state.network
            },
            pacing: self.opening.pacing,
            phase,
            last_error: self.state.last_error.clone(),
        }
    }
}

/// True when the call's messages take that connection.
fn uses(call: &Call, gone: Peer) -> bool {
    call.state().peer.is_some_and(|peer| {
        peer.transport == gone.transport && (peer.conn == gone.conn || peer.addr == gone.addr)
    })
}

fn is_send(step: &crate::scenario::Step) -> bool {
    matches!(step.op, crate::scenario::Op::Send(_))
}

/// SIPp cuts everything up to `///` from a received Call-ID.
fn without_prefix(id: &[u8]) -> &[u8] {
    memchr::memmem::find(id, b"///").map_or(id, |at| &id[at + 3..])
}

/// Decides when a busy thread rests before it looks at its sockets again, so that messages gather and one
/// wake-up serves many: waking for each message costs more than handling it.
#[derive(Debug, Default)]
struct Busy {
    window: Time,
    messages: u32,
    resting: bool,
}

impl Busy {
    /// Counts a message.
    fn count(&mut self, now: Time) {
        if now.since(self.window) > WINDOW {
            self.resting = self.messages > MESSAGES_IN_WINDOW;
            self.window = now;
            self.messages = 0;
        }
        self.messages += 1;
    }

    /// How long to rest at `now`; never past `deadline`.
    fn rest(&mut self, now: Time, deadline: Option<Time>) -> Option<Duration> {
        if !self.resting || now.since(self.window) > 2 * WINDOW {
            return None;
        }
        let most = deadline.map_or(REST, |deadline| deadline.since(now).min(REST));
        Some(most).filter(|rest| *rest > REST / 4)
    }
}

/// Over which messages are counted.
const WINDOW: Duration = Duration::from_millis(10);
/// More messages than this in a window (2,000 a second) make a thread rest.
const MESSAGES_IN_WINDOW: u32 = 20;
/// How long it rests: short against the millisecond in which SIPp measures.
const REST: Duration = Duration::from_micros(250);

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use sip::time::Time;

    use super::{Busy, REST, without_prefix};

    #[test]
    fn prefix_of_a_call_id_ends_with_three_slashes() {
        assert_eq!(without_prefix(b"abc///1-2@3"), b"1-2@3");
        assert_eq!(without_prefix(b"1-2@3"), b"1-2@3");
    }

    #[test]
    fn only_a_busy_thread_rests_and_never_past_a_deadline() {
        let mut busy = Busy::default();
        assert_eq!(busy.rest(Time::ZERO, None), None);
        for message in 0..100 {
            busy.count(Time::from_nanos(20_000_000 + message * 300_000));
        }
        let now = Time::from_millis(50);
        assert_eq!(busy.rest(now, None), Some(REST));
        assert_eq!(busy.rest(now, Some(now + Duration::from_micros(100))), Some(Duration::from_micros(100)));
        assert_eq!(busy.rest(now, Some(now)), None);
        assert_eq!(busy.rest(Time::from_millis(500), None), None, "quiet again");
    }
}
