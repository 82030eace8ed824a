//! Runs configurations on messages in memory: no socket, no clock, no thread.
//!
//! A text and messages go in; the end of each run, its log lines and the changed message come out. The tests
//! of the language, the core and the modules use it.

pub mod live;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::diag::{Diagnostic, Severity};
use sip::ident::Ident;
use sip::msg::Message;
use sip::peer::{Peer, Transport};

use crate::api::{End, IoAnswer, IoRequest, Received, RouteKind, RouteTable, Shard, Work};
use crate::cfg::{MemoryLoader, Preset, parse_text};
use crate::machine::Machine;
use crate::relay::{Relay, Settings, Signature, Socket, SocketId, Sockets, Subdomains};
use crate::script::{self, Run, Script, Status, Tables};

/// A loaded configuration with the shard that runs it: one UDP socket on 127.0.0.1:5060.
#[derive(Debug)]
pub struct Trial {
    script: Arc<Script>,
    /// The shard, to look into and to set its clock.
    pub shard: Shard,
    /// What the outside answers.
    pub outside: fn(&IoRequest) -> IoAnswer,
}

/// What one run came to.
#[derive(Debug)]
pub struct Outcome {
    /// How it ended.
    pub end: End,
    /// The message with everything the script changed.
    pub work: Box<Work>,
    /// Its log lines, without the prefix of xlog.
    pub lines: Vec<String>,
}

impl Trial {
    /// Loads a configuration. Errors: everything that was found wrong with it, warnings included.
    pub fn load(text: &str) -> Result<Trial, Vec<Diagnostic>> {
        let (script, findings) = compile(text);
        let Some(script) = script else { return Err(findings) };
        let address = "127.0.0.1:5060".parse().expect("an address");
        let sockets = Sockets::new(vec![Socket::new(Transport::Udp, address, None)], Vec::new());
        let subdomains = script.shared.get::<Subdomains>().map(|domains| domains.0.clone());
        let sockets = sockets.with_subdomains(subdomains.unwrap_or_default());
        let signature =
            Signature { tag_prefix: [b'0'; 32], server: Box::default(), user_agent: Box::default() };
        let relay = Relay::new(Arc::new(Settings::default()), Arc::new(sockets), 1, signature);
        let mut shard = Shard::new(Ident::seeded(1), script.shared.clone(), relay);
        shard.unix_start = Duration::from_secs(START);
        for module in script.catalog.modules() {
            if let Some(start) = module.start {
                start(&mut shard);
            }
        }
        Ok(Trial { script: Arc::new(script), shard, outside: |_| IoAnswer::Done })
    }

    /// The machine that this would be: for messages that make transactions, and for runs that wait.
    pub fn into_machine(self) -> Machine {
        Machine::new(self.shard, self.script)
    }

    /// Runs `request_route` or `reply_route` on a message from 127.0.0.1:5070 over UDP. What it waits for is
    /// answered by [`Trial::outside`].
    ///
    /// Panics when the message is not SIP or the configuration has no such block: this is for tests.
    pub fn run(&mut self, message: &[u8]) -> Outcome {
        let mut run = self.prepare(message);
        let end = self.finish(&mut run);
        let lines = self.shard.log.take().iter().map(|line| strip(&line.text)).collect();
        Outcome { end, work: run.into_work(), lines }
    }

    /// A run as [`Trial::run`] makes it, not started yet.
    pub fn prepare(&mut self, message: &[u8]) -> Run {
        let message = Message::parse(Bytes::copy_from_slice(message)).expect("the test's message is SIP");
        let is_request = message.view().method().is_some();
        let (table, kind) = match is_request {
            true => (RouteTable::Request, RouteKind::Request),
            false => (RouteTable::Reply, RouteKind::CoreReply),
        };
        let source = "127.0.0.1:5070".parse().expect("an address");
        let received =
            Received { peer: Peer::new(Transport::Udp, source), socket: SocketId(0), at: self.shard.now };
        self.shard.messages += 1;
        self.shard.counts.note(message.view());
        let route = self.script.route(table, "").expect("the test's configuration has the block");
        Run::new(&self.script, route, kind, Box::new(Work::new(Arc::new(message), received)))
    }

    /// Runs to the end.
    pub fn finish(&mut self, run: &mut Run) -> End {
        let mut status = run.start(&mut self.shard);
        loop {
            match status {
                Status::Done(end) => return end,
                Status::Waiting(request) => {
                    status = run.resume(&mut self.shard, (self.outside)(&request));
                }
            }
        }
    }

    /// Calls a remote procedure of a loaded module: its result as text, or its fault as code and reason.
    ///
    /// Panics when there is no such procedure.
    pub fn rpc(&mut self, name: &str, args: &[&str]) -> String {
        live::call(self.script.catalog.modules(), &mut self.shard, (name, args))
    }

    /// The loaded script.
    pub fn script(&self) -> &Arc<Script> {
        &self.script
    }
}

/// Unix time at the start of every trial.
const START: u64 = 1_700_000_000;

/// Parses and compiles; the script when there was no error, and all findings.
pub fn compile(text: &str) -> (Option<Script>, Vec<Diagnostic>) {
    let parsed = parse_text("test.cfg", text.to_owned(), &Preset::default(), &MemoryLoader::default());
    let tables = Tables { core: crate::core::PARTS, modules: crate::modules::MODULES };
    let loaded = script::load(&parsed, tables, None);
    let mut findings = parsed.diagnostics;
    findings.extend(loaded.findings);
    let has_errors = findings.iter().any(|finding| finding.severity == Severity::Error);
    (loaded.script.filter(|_| !has_errors), findings)
}

fn strip(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line).into_owned();
    text.strip_prefix("<script>: ").map(str::to_owned).unwrap_or(text)
}

/// An OPTIONS request as the tests of the language use it.
pub const OPTIONS: &[u8] = b"OPTIONS sip:bob@example.com SIP/2.0\r\n\
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
From: \"Alice\" <sip:alice@a.example>;tag=ft\r\n\
To: <sip:bob@example.com>\r\n\
Call-ID: c1\r\n\
CSeq: 7 OPTIONS\r\n\
Max-Forwards: 70\r\n\
User-Agent: tester\r\n\
Content-Length: 0\r\n\r\n";
