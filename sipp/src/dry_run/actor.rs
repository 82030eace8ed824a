//! One end of a dry run: a scenario with its calls; what the shell of a real run would do is told instead.

use std::net::{IpAddr, SocketAddr};

use sip::ident::Ident;
use sip::msg::{HeaderName, Index, StartLine, View};
use sip::peer::Peer;
use sip::time::Time;

use crate::call::{Birth, Call, Env, Input, Origin, Output, Outputs, Sending};
use crate::lang::{EchoSwitch, Effect, World};
use crate::scenario::Program;
use crate::state::{CallNumber, Settings, UserId};

use super::Happening;

/// A scenario and its calls.
pub struct Actor {
    program: Program,
    settings: Settings,
    world: World,
    calls: Vec<Call>,
    number: u64,
    doings: Vec<(Happening, Vec<u8>)>,
    /// A fatal error or `stop_now`.
    stopped: bool,
}

impl Actor {
    /// An end at the address of `settings`, whose messages go to `settings.destination`.
    pub fn new(program: Program, settings: Settings, world: World) -> Actor {
        Actor { program, settings, world, calls: Vec::new(), number: 0, doings: Vec::new(), stopped: false }
    }

    /// Does what an initial section asked for, and lets its hidden call take a call number.
    pub fn begin(&mut self, asked: Vec<Output>) {
        self.number += u64::from(!self.program.init.is_empty());
        for output in asked {
            self.note(&output, &[]);
        }
    }

    /// The generator of an end.
    pub fn ident(seed: u64, side: super::Side) -> Ident {
        Ident::seeded(seed.wrapping_mul(2).wrapping_add(1 + side as u64))
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    pub(super) fn has_open_calls(&self) -> bool {
        !self.calls.is_empty()
    }

    pub(super) fn next_deadline(&self) -> Option<Time> {
        self.calls.iter().filter_map(Call::next_deadline).min()
    }

    /// Opens a call.
    pub(super) fn open(&mut self, now: Time, ordinal: u64) {
        let id = format!("{ordinal}-{}@{}", self.settings.pid, self.settings.local_ip);
        let users = self.settings.users.unwrap_or(0);
        let user = UserId(if users == 0 { 0 } else { ((ordinal - 1) % u64::from(users)) as u32 + 1 });
        if let Some(at) = self.create(now, id.as_bytes(), user, Origin::Opened) {
            self.hand(now, at, Input::Start);
        }
    }

    /// Takes a message to its call; a request of an unknown one opens it where the scenario takes calls.
    pub(super) fn receive(&mut self, now: Time, bytes: &[u8]) {
        let Ok(index) = Index::parse_lenient(bytes) else {
            return self.say("a message that cannot be read was discarded".into());
        };
        let view = View { bytes, index: &index };
        let Some(id) = view.header(HeaderName::CallId) else {
            return self.say("a message without Call-ID was discarded".into());
        };
        let found = self.calls.iter().position(|call| *call.state().id == *id);
        let takes = self.program.mode.takes_calls() && view.method().is_some();
        let at = match found {
            Some(at) => Some(at),
            None if takes => self.create(now, id, UserId(0), Origin::Received).inspect(|at| {
                self.hand(now, *at, Input::Start);
            }),
            None => {
                let label = label_of(view);
                return self.say(format!("{label} belongs to no open call and was discarded"));
            }
        };
        if let Some(at) = at
            && at < self.calls.len()
        {
            let from = self.peer();
            self.hand(now, at, Input::Message { view, from });
        }
    }

    /// Runs the first call whose deadline has come.
    pub(super) fn wake(&mut self, now: Time) {
        let due = |call: &Call| call.next_deadline().is_some_and(|deadline| deadline <= now);
        if let Some(at) = self.calls.iter().position(due) {
            self.hand(now, at, Input::Deadline);
        }
    }

    /// What was done since the last call, with the bytes of what was sent.
    pub(super) fn take_doings(&mut self) -> Vec<(Happening, Vec<u8>)> {
        std::mem::take(&mut self.doings)
    }

    fn peer(&self) -> Peer {
        let addr = SocketAddr::new(self.settings.remote_ip.unwrap_or(NOBODY), self.settings.remote_port);
        self.settings.destination.unwrap_or(Peer::new(self.settings.transport, addr))
    }

    fn create(&mut self, now: Time, id: &[u8], user: UserId, origin: Origin) -> Option<usize> {
        self.number += 1;
        let mut env = Env { program: &self.program, settings: &self.settings, world: &mut self.world };
        match Call::new(now, Birth { number: CallNumber(self.number), id, user, origin }, &mut env) {
            Ok(call) => {
                self.calls.push(call);
                Some(self.calls.len() - 1)
            }
            Err(text) => {
                self.stop(text);
                None
            }
        }
    }

    fn hand(&mut self, now: Time, at: usize, input: Input<'_>) {
        let mut outputs = Outputs::default();
        let mut env = Env { program: &self.program, settings: &self.settings, world: &mut self.world };
        self.calls[at].handle(now, input, &mut env, &mut outputs);
        let mut ended = false;
        for output in &outputs.list {
            ended |= matches!(output, Output::Ended(_));
            self.note(output, &outputs.bytes);
            if self.stopped {
                break;
            }
        }
        if ended {
            self.calls.swap_remove(at);
        }
    }

    fn note(&mut self, output: &Output, bytes: &[u8]) {
        match output {
            Output::Send(outgoing) => {
                let bytes = outgoing.bytes.of(bytes);
                let label = match Index::parse_lenient(bytes) {
                    Ok(index) => label_of(View { bytes, index: &index }),
                    Err(_) => "something that is no SIP".into(),
                };
                let again = outgoing.kind == Sending::Again;
                self.doings.push((Happening::Sent { label, again, lost: false }, bytes.to_vec()));
            }
            Output::Ended(verdict) => {
                let (outcome, index, length) = (verdict.outcome, verdict.step.0, verdict.length);
                self.doings.push((Happening::Ended { outcome, index, length }, Vec::new()));
            }
            Output::Warning(text) => self.say(format!("warning: {text}")),
            Output::Broken(text) => self.say(format!("error: {text}")),
            Output::Command { bytes: span, .. } => {
                let text = String::from_utf8_lossy(span.of(bytes)).into_owned();
                self.say(format!("command to the twin: {}", text.trim_end_matches(['\r', '\n', '\x1b'])));
            }
            Output::Effect(effect) => self.act(effect),
            Output::Count(_) | Output::ResponseTime { .. } | Output::Debug(_) => {}
        }
    }

    fn act(&mut self, effect: &Effect) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match effect {
            Effect::Log(line) => self.say(format!("log: {}", text(line))),
            Effect::Warning(line) => self.say(format!("warning: {line}")),
            Effect::Fatal(line) => self.stop(format!("fatal: {line}")),
            Effect::StopNow => self.stop("stop_now: the program ends".into()),
            Effect::StopGracefully => self.say("stop_gracefully: no more calls would be opened".into()),
            Effect::Command(line) => self.say(format!("would run: {}", text(line))),
            Effect::SetDestination { transport, addr } => {
                self.say(format!("would send on to {addr} over {transport}; here it reaches the other end"));
            }
            Effect::CloseConnection => self.say("would close its connection".into()),
            Effect::PlayPcap { kind, file } => self.say(format!("would play {file} as {}", kind.word())),
            Effect::PlayDtmf(digits) => self.say(format!("would play the digits {}", text(digits))),
            Effect::RtpStream(stream) => self.say(format!("would do rtp_stream {}", text(stream))),
            Effect::RtpEcho(switch) => self.say(format!("would switch the echo {}", word(*switch))),
            Effect::CallEcho { kind, switch } => {
                self.say(format!("would switch its own echo of {} {}", kind.word(), word(*switch)));
            }
        }
    }

    /// Notes how many calls are open when nothing more can happen.
    pub(super) fn note_open(&mut self) {
        if let Some(open) = std::num::NonZeroUsize::new(self.calls.len()) {
            self.doings.push((Happening::LeftOpen(open), Vec::new()));
        }
    }

    fn say(&mut self, text: String) {
        self.doings.push((Happening::Said(text), Vec::new()));
    }

    fn stop(&mut self, text: String) {
        self.stopped = true;
        self.say(text);
    }
}

fn word(switch: EchoSwitch) -> &'static str {
    match switch {
        EchoSwitch::On => "on",
        EchoSwitch::Off => "off",
    }
}

/// Stands for an end that knows no remote address.
const NOBODY: IpAddr = IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED);

/// Method, or status and reason.
fn label_of(view: View<'_>) -> String {
    let line = match view.index.start {
        StartLine::Request { method_text, .. } => method_text.of(view.bytes),
        StartLine::Response { .. } => {
            let end = memchr::memchr2(b'\r', b'\n', view.bytes).unwrap_or(view.bytes.len());
            view.bytes[..end].strip_prefix(b"SIP/2.0 ").unwrap_or(&view.bytes[..end])
        }
    };
    String::from_utf8_lossy(line).into_owned()
}
