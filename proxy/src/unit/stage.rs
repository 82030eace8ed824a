//! A configuration on a machine in memory: messages go in, time passes, and what comes out is kept for the test.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use rustc_hash::FxHashSet;
use sip::ident::Ident;
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::file::Step;
use super::message::{self, Caller};
use crate::api::{IoAnswer, IoRequest, Level, Received, Shard, Text, Trace};
use crate::machine::{Input, Machine, Question};
use crate::relay::{Relay, Settings, Signature, Socket, SocketId, Sockets};
use crate::script::Script;
use crate::server::Plan;
use crate::store::sql;

/// A proxy in memory.
pub(super) struct Stage {
    machine: Machine,
    script: Arc<Script>,
    sockets: Arc<Sockets>,
    hosts: BTreeMap<String, Vec<IpAddr>>,
    now: Time,
    caller: Caller,
    /// Requests that can be answered, of the last step that forwarded any.
    forwarded: Vec<Out>,
    out: Vec<Out>,
    /// All messages that left in the test: the same bytes once more are a retransmission, which no test counts.
    left: FxHashSet<Bytes>,
    logged: Vec<String>,
    watched: Vec<(String, Text)>,
    trace: Vec<String>,
}

/// A message that left.
#[derive(Clone, Debug)]
pub(super) struct Out {
    /// Where to.
    pub(super) peer: Peer,
    /// By which of our sockets.
    pub(super) socket: SocketId,
    /// All of it.
    pub(super) bytes: Bytes,
}

impl Stage {
    /// A proxy that has just started on the sockets of the plan, or on 127.0.0.1:5060 when it names none.
    pub(super) fn new(
        plan: Plan,
        hosts: &BTreeMap<String, Vec<IpAddr>>,
        clock: Option<fn() -> Duration>,
    ) -> Stage {
        let sockets = Arc::new(sockets(&plan));
        let signature = Signature {
            tag_prefix: *b"a6a1c5f60faecf035a1ae5b6e96e979a",
            server: plan.server_line.as_bytes().into(),
            user_agent: Box::default(),
        };
        let relay = Relay::new(Arc::new(Settings::default()), sockets.clone(), 1, signature);
        let mut shard = Shard::new(Ident::seeded(1), plan.script.shared.clone(), relay);
        shard.unix_start = Duration::from_secs(START);
        // A test may ask for any line.
        shard.log.threshold = Level::DBG;
        shard.trace = clock.map(|clock| Box::new(Trace::of_calls(clock)));
        let mut machine = Machine::new(shard, plan.script.clone());
        machine.start_modules();
        let mut stage = Stage {
            machine,
            script: plan.script,
            sockets,
            hosts: hosts.clone(),
            now: Time::ZERO,
            caller: Caller::default(),
            forwarded: Vec::new(),
            out: Vec::new(),
            left: FxHashSet::default(),
            logged: Vec::new(),
            watched: Vec::new(),
            trace: Vec::new(),
        };
        // As the first worker of a server does.
        stage.machine.shard.run_event("core:worker-one-init", None);
        stage.handle(Input::Due);
        stage
    }

    /// Names the texts that are rendered at the end of each run. Errors: a text that is not one.
    pub(super) fn watch(&mut self, texts: &[&str]) -> Result<(), String> {
        self.watched.clear();
        for written in texts {
            let text = self.script.catalog.text(written.as_bytes());
            let text = text.map_err(|error| format!("variable {written}: {}", error.message))?;
            self.watched.push(((*written).to_owned(), text));
        }
        self.machine.watch(self.watched.iter().map(|(_, text)| text.clone()).collect());
        Ok(())
    }

    /// A message of the caller comes in. Errors: it cannot be one.
    pub(super) fn send(&mut self, step: &Step) -> Result<(), String> {
        self.begin_step();
        let peer = match &step.from {
            Some(from) => peer(from)?,
            None => Peer::new(Transport::Udp, SocketAddr::from(([127, 0, 0, 1], 5070))),
        };
        let bytes = self.caller.message(step, peer)?;
        let socket = self.socket_for(peer.transport)?;
        self.receive(&bytes, peer, socket)
    }

    /// The side that a request was forwarded to answers. Errors: there is none.
    pub(super) fn answer(&mut self, step: &Step, status: &str) -> Result<(), String> {
        self.begin_step();
        let request = match step.to {
            Some(number) => self.forwarded.get(number.wrapping_sub(1)),
            None => self.forwarded.last(),
        };
        let request = request.ok_or("no request was forwarded that could be answered")?.clone();
        let bytes = message::answer(&request, step, status)?;
        self.receive(&bytes, request.peer, request.socket)
    }

    /// Time passes.
    pub(super) fn wait(&mut self, span: Duration) {
        self.begin_step();
        let end = self.now + span;
        while let Some(deadline) = self.machine.next_deadline().filter(|deadline| *deadline <= end) {
            self.now = self.now.max(deadline);
            self.handle(Input::Due);
        }
        self.now = end;
    }

    /// The messages that left in the step, in order.
    pub(super) fn came_out(&self) -> &[Out] {
        &self.out
    }

    /// The lines logged in the step, in order, without the prefix of xlog.
    pub(super) fn logged(&self) -> &[String] {
        &self.logged
    }

    /// The texts of [`Stage::watch`] as they were at the end of the last run.
    pub(super) fn watched(&self) -> BTreeMap<&str, String> {
        let seen = self.machine.watched().iter().map(|bytes| String::from_utf8_lossy(bytes).into_owned());
        self.watched.iter().map(|(written, _)| written.as_str()).zip(seen).collect()
    }

    /// The script that runs.
    pub(super) fn script(&self) -> &Script {
        &self.script
    }

    /// What messages went through, when that was asked for.
    pub(super) fn take_trace(&mut self) -> Vec<String> {
        std::mem::take(&mut self.trace)
    }

    fn begin_step(&mut self) {
        self.out.clear();
        self.logged.clear();
    }

    fn receive(&mut self, bytes: &[u8], peer: Peer, socket: SocketId) -> Result<(), String> {
        let message = Message::parse_lenient(Bytes::copy_from_slice(bytes))
            .map_err(|error| format!("the proxy cannot read this message and drops it: {error}"))?;
        let received = Received { peer, socket, at: self.now };
        self.handle(Input::Message(Arc::new(message), received));
        Ok(())
    }

    /// One input and all that comes of it at the same moment.
    fn handle(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.machine.handle(self.now, input);
            let requests: Vec<_> = self.machine.take_foreign().collect();
            inputs.extend(requests.into_iter().map(|request| Input::Request(Box::new(request))));
            let questions: Vec<Question> = self.machine.take_questions().collect();
            for Question { token, request } in questions {
                inputs.push_back(Input::Answer(token, self.outside(request)));
            }
            self.collect();
        }
    }

    fn collect(&mut self) {
        let sendings: Vec<_> = self.machine.take_sendings().collect();
        // ACK is not answered, and the 200 to a CANCEL means nothing to the proxy.
        let is_request = |out: &Out| {
            !["SIP/2.0 ", "ACK ", "CANCEL "].iter().any(|start| out.bytes.starts_with(start.as_bytes()))
        };
        let new: Vec<Out> = sendings
            .into_iter()
            .map(|it| Out { peer: it.hop.peer, socket: SocketId(it.hop.socket), bytes: it.bytes })
            .collect();
        if new.iter().any(is_request) && !self.out.iter().any(is_request) {
            self.forwarded.clear();
        }
        for out in new {
            if !self.left.insert(out.bytes.clone()) {
                continue;
            }
            if is_request(&out) {
                self.forwarded.push(out.clone());
            } else if out.bytes.starts_with(b"SIP/2.0 ") {
                self.caller.note_reply(&out.bytes);
            }
            self.out.push(out);
        }
        for line in self.machine.shard.log.take() {
            let text = String::from_utf8_lossy(&line.text).into_owned();
            self.logged.push(text.strip_prefix("<script>: ").map(str::to_owned).unwrap_or(text));
        }
        if let Some(trace) = &mut self.machine.shard.trace {
            self.trace.extend(trace.take());
        }
    }

    /// What the world answers: names of the file of tests, databases that are files.
    fn outside(&self, request: IoRequest) -> IoAnswer {
        match request {
            IoRequest::Locate(query) => match self.hosts.get(&query.host).filter(|found| !found.is_empty()) {
                Some(addresses) => IoAnswer::Located(query.at(addresses)),
                None => IoAnswer::Failed(format!("{} is not among the hosts of the test", query.host)),
            },
            IoRequest::Names(ip) => {
                let has_it = |entry: &(&String, &Vec<IpAddr>)| entry.1.contains(&ip);
                IoAnswer::Names(self.hosts.iter().filter(has_it).map(|(name, _)| name.clone()).collect())
            }
            IoRequest::Query(url, query) => IoAnswer::Store(sql::run_now(&url, &query)),
            IoRequest::Sleep(_) => IoAnswer::Done,
        }
    }

    fn socket_for(&self, transport: Transport) -> Result<SocketId, String> {
        let mut found = self.sockets.iter().filter(|(_, socket)| socket.transport == transport);
        found
            .next()
            .map(|(id, _)| id)
            .ok_or_else(|| format!("the configuration does not listen on {transport}"))
    }
}

/// The sockets of the plan. Addresses of this machine, which stand for a missing `listen`, would make a test
/// depend on where it runs.
fn sockets(plan: &Plan) -> Sockets {
    let own = |transport| Socket::new(transport, SocketAddr::from(([127, 0, 0, 1], 5060)), None);
    let sockets = match plan.names_sockets {
        true => plan
            .listens
            .iter()
            .map(|listen| {
                let mut socket = Socket::new(listen.transport, listen.addr, listen.advertise.clone());
                socket.name.clone_from(&listen.name);
                socket
            })
            .collect(),
        false => vec![own(Transport::Udp), own(Transport::Tcp)],
    };
    Sockets::new(sockets, plan.aliases.clone())
}

/// `[proto:]address:port`. Errors: what was expected.
pub(super) fn peer(text: &str) -> Result<Peer, String> {
    let wrong = || format!("{text}: expected [proto:]address:port");
    let (transport, addr) = match text.split_once(':') {
        Some((proto, rest)) => match Transport::parse(proto.as_bytes()) {
            Some(transport) => (transport, rest),
            None => (Transport::Udp, text),
        },
        None => return Err(wrong()),
    };
    Ok(Peer::new(transport, addr.parse().map_err(|_| wrong())?))
}

/// Unix time at the start of every test: 14 November 2023, 22:13:20 UTC.
const START: u64 = 1_700_000_000;
