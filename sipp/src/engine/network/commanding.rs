//! Third party call control: commands find or make their call, and those of calls go to a twin.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use sip::net::Waker;
use sip::time::Time;

use crate::call::{Input, Origin};
use crate::options::{HostPort, Options};
use crate::scenario::{Mode, Op, Program};
use crate::state::{StepIndex, UserId};
use crate::traffic::calls::Owner;

use super::address::resolve;
use super::twins::{Heard, Roles, Twins, header, parse_peers};
use crate::engine::signalling::Signalling;
use crate::engine::signalling::scenarios::ScenarioId;
use crate::engine::start::setup::Fatal;

impl Signalling {
    /// Carries out what came from twins; a bounded number of it.
    pub(in crate::engine) fn hear_twins(&mut self, now: Time) {
        for _ in 0..COMMANDS_PER_TURN {
            let Some(heard) = self.twins.as_mut().and_then(Twins::hear) else { return };
            match heard {
                Heard::Command(text) => self.command(now, &text),
                Heard::Closed if self.main_mode() == Mode::Commanded && !self.twins_have_names() => {
                    // SIPp's words; calls that need no further command go on to their end.
                    self.warn(now, "3PCC controller A has ended -> exiting".to_owned());
                    self.quit.ask_softly();
                    for key in self.calls.keys() {
                        self.advance(now, key, Input::Deserted);
                    }
                }
                Heard::Closed => self.quit.ask_softly(),
                // The links keep these to themselves.
                Heard::Connected(_) => {}
            }
        }
        if let Some(twins) = &self.twins {
            twins.wake();
        }
    }

    fn main_mode(&self) -> Mode {
        self.scenarios.main().program.mode
    }

    fn twins_have_names(&self) -> bool {
        self.twins.as_ref().is_some_and(Twins::has_names)
    }

    fn command(&mut self, now: Time, text: &[u8]) {
        let Some(id) = header(text, "call-id") else {
            let text = String::from_utf8_lossy(text);
            return self.warn(now, format!("Discarding command without Call-ID: '{text}'"));
        };
        let from = header(text, "from").filter(|_| self.twins_have_names());
        let from = from.map(String::from_utf8_lossy);
        let key = match self.calls.find(now, id) {
            Owner::Open(key) => key,
            Owner::Unknown
                if self.main_mode() == Mode::Commanded && !self.quit.is_quitting() && self.reserve() =>
            {
                let birth = (id, UserId(0));
                let Some(key) = self.begin(now, birth, Origin::Opened, ScenarioId::MAIN) else { return };
                self.scenarios.main_mut().counters.totals.outgoing += 1;
                if !self.equip(now, key) {
                    return;
                }
                key
            }
            Owner::Ended(_) | Owner::Unknown => {
                let id = String::from_utf8_lossy(id);
                return self.warn(now, format!("Discarding command for unknown call '{id}'"));
            }
        };
        self.advance(now, key, Input::Command { text, from: from.as_deref() });
        self.quit_behind_the_last();
    }

    /// Sends the command of a call. False when it could not be sent.
    pub(in crate::engine) fn send_command(
        &mut self,
        now: Time,
        (scenario, step): (ScenarioId, StepIndex),
        bytes: &[u8],
    ) -> bool {
        let to = match &self.scenarios[scenario].program.steps[step.get()].op {
            Op::SendCmd(command) => command.dest.as_deref(),
            // The twin is told of an abort at a step that only receives from it.
            Op::RecvCmd(command) => command.src.as_deref(),
            _ => None,
        };
        let sent = match &mut self.twins {
            Some(twins) => twins.send(to, bytes),
            None => Err(std::io::ErrorKind::NotConnected.into()),
        };
        let Err(error) = sent else { return true };
        self.warn(now, format!("Unable to send TCP message: {error}"));
        false
    }
}

/// The links that a scenario needs: made or listened for now.
///
/// Errors: a twin that cannot be reached, an address that cannot be bound, a file that is none.
pub(in crate::engine) fn start(
    options: &Options,
    program: &Program,
    waker: Waker,
    err: &mut dyn Write,
) -> Result<Option<Twins>, Fatal> {
    let first = program.steps.iter().find(|step| matches!(step.op, Op::SendCmd(_) | Op::RecvCmd(_)));
    let Some(first) = first else { return Ok(None) };
    if let Some(file) = &options.twin.peers {
        return named(options, program, file, waker).map(Some);
    }
    let Some(host) = &options.twin.pair else { return Ok(None) };
    let mut twins = Twins::new(Roles::Pair, waker);
    // Scripts wait for this line; a closed stderr is no reason to stop.
    let _ = writeln!(err, "Resolving peer address : {}...", host.host);
    let addr = resolve(host, TWIN_PORT).map_err(Fatal::late)?;
    if matches!(first.op, Op::RecvCmd(_)) {
        listen(&mut twins, any(addr))?;
    } else {
        twins.connect("", addr).map_err(|error| {
            let text = format!("Unable to connect a twin sipp TCP socket to {addr}: {error}");
            Fatal::late(format!("{text} (the instance that listens is started first)"))
        })?;
    }
    Ok(Some(twins))
}

fn named(options: &Options, program: &Program, file: &str, waker: Waker) -> Result<Twins, Fatal> {
    let twin = &options.twin;
    let text = std::fs::read_to_string(file)
        .map_err(|error| Fatal::late(format!("Can not open slave_cfg file {file}: {error}")))?;
    let peers = parse_peers(&text).map_err(|error| Fatal::late(format!("{file}: {error}")))?;
    let peers = peers.into_iter().map(|(name, address)| {
        let host = HostPort::parse(&address).and_then(|host| resolve(&host, TWIN_PORT));
        host.map(|addr| (name, addr)).map_err(|error| Fatal::late(format!("{file}: {error}")))
    });
    let peers: std::collections::HashMap<_, _> = peers.collect::<Result<_, _>>()?;
    let own = twin.master.as_ref().or(twin.slave.as_ref()).map_or("", String::as_str);
    let own_addr = peers.get(own).copied();
    let own_addr = own_addr.ok_or_else(|| Fatal::late(format!("{file} has no line for '{own}'")))?;
    let mut twins = Twins::new(Roles::Named(peers), waker);
    listen(&mut twins, any(own_addr))?;
    if twin.master.is_some() {
        let mut names: Vec<&str> = program.steps.iter().filter_map(destination).collect();
        names.sort_unstable();
        names.dedup();
        for name in names {
            twins.connect_named(name).map_err(|error| {
                Fatal::late(format!("Unable to connect a twin sipp TCP socket to '{name}': {error}"))
            })?;
        }
    }
    Ok(twins)
}

fn destination(step: &crate::scenario::Step) -> Option<&str> {
    match &step.op {
        Op::SendCmd(command) => command.dest.as_deref(),
        _ => None,
    }
}

fn listen(twins: &mut Twins, addr: SocketAddr) -> Result<(), Fatal> {
    twins.listen(addr).map_err(|error| Fatal::late(format!("Unable to bind twin socket to {addr}: {error}")))
}

/// SIPp listens on all addresses; a loopback address stays what it is, since no other host can mean it.
fn any(addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        ip if ip.is_loopback() => addr,
        IpAddr::V4(_) => SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), addr.port()),
        IpAddr::V6(_) => SocketAddr::new(std::net::Ipv6Addr::UNSPECIFIED.into(), addr.port()),
    }
}

/// Commands taken in one turn.
const COMMANDS_PER_TURN: usize = 256;
/// The port of a twin when none is written.
const TWIN_PORT: u16 = 6060;
