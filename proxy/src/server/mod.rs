//! The shell: sockets, threads and the outside world of a running proxy.
//!
//! [`Server::start`] binds everything a [`Plan`] asks for and starts one thread per shard; the handle tells the
//! bound addresses and stops it. The loop of a thread is in `shard.rs`; nothing in here decides about SIP.

mod confine;
mod db_tool;
mod db_upgrade;
mod io;
mod lifecycle;
mod listen;
mod load;
mod overrides;
mod post;
mod shard;
pub mod stderr;
pub mod syslog;
#[cfg(test)]
mod tests;
mod tuning;
mod ways;

use std::fmt;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::sync::atomic::AtomicUsize;
use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, OnceLock};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rand::RngExt;
use sip::net::{self, ConnLimits, DnsOptions, Listener, Resolver, UdpOptions, UdpSocket, Waker};
use sip::peer::Transport;

use crate::api::{Level, Log, Shard, Trace};
use crate::machine::Tally;
use crate::relay::{Alias, Relay, SendRules, Settings, Signature, Socket, Sockets, Subdomains};
use crate::script::Script;

pub use confine::confine;
pub use db_tool::db_tool;
pub use lifecycle::prepare;
pub use listen::{Listen, listens};
pub use load::{Outcome, Source, load};
pub use overrides::override_plan;
use post::{Post, STREAMS};
use shard::{Command, Outside, Worker};

/// What a server is started from.
#[derive(Debug)]
pub struct Plan {
    /// Sockets to open; port 0 takes any free one.
    pub listens: Vec<Listen>,
    /// Whether the configuration names its sockets; else they are the addresses of this machine.
    pub names_sockets: bool,
    /// Names of ours.
    pub aliases: Vec<Alias>,
    /// The script.
    pub script: Arc<Script>,
    /// Log lines of a higher level are not written.
    pub debug: Level,
    /// Threads that share the messages, at least 1.
    pub shards: usize,
    /// Transactions that all shards together may have.
    pub max_transactions: usize,
    /// How names are found.
    pub dns: DnsOptions,
    /// How the way of a message is chosen.
    pub sending: SendRules,
    /// How datagram sockets are made.
    pub udp: UdpOptions,
    /// Bounds of stream connections.
    pub connections: ConnLimits,
    /// The `Server: ...` line of local replies, empty for none.
    pub server_line: String,
    /// The `User-Agent: ...` line of requests made here, empty for none.
    pub user_agent_line: String,
    /// Where log lines go.
    pub log: LogSink,
    /// Where the lines of `--trace-call` go; `None` for no trace.
    pub trace: Option<TraceSink>,
}

/// Takes the log lines of all shards.
pub type LogSink = fn(&crate::api::Line);

/// Takes the lines that tell what runs went through.
pub type TraceSink = fn(&str);

/// A running server; dropping it stops it.
#[derive(Debug)]
pub struct Server {
    script: Arc<Script>,
    addresses: Vec<(Transport, SocketAddr)>,
    shards: Vec<Handle>,
    log: LogSink,
}

/// One shard's thread as others see it.
#[derive(Debug)]
struct Handle {
    commands: Sender<Command>,
    waker: Waker,
    thread: Option<JoinHandle<()>>,
}

/// Why a server did not start.
#[derive(Debug)]
pub enum StartError {
    /// A socket could not be opened.
    Bind {
        /// What was asked for, e.g. `udp:127.0.0.1:5060`.
        what: String,
        /// Why not.
        error: Error,
    },
    /// A thread or its wait set could not be made.
    Thread(Error),
    /// A transport we do not speak yet.
    Transport(Transport),
    /// There is nothing to listen on.
    NoSocket,
    /// What the modules need of their databases is not there: a line for each thing.
    Databases(Vec<String>),
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Bind { what, error } => write!(f, "cannot listen on {what}: {error}"),
            StartError::Thread(error) => write!(f, "cannot start a shard: {error}"),
            StartError::Transport(transport) => write!(f, "transport {transport} is not built in yet"),
            StartError::NoSocket => f.write_str("no address to listen on"),
            StartError::Databases(lines) => f.write_str(&lines.join("\n")),
        }
    }
}

impl std::error::Error for StartError {}

impl Server {
    /// Opens the sockets and starts the shards. Errors: see [`StartError`]; nothing keeps running then.
    pub fn start(plan: Plan) -> Result<Server, StartError> {
        let nets = (0..plan.shards.max(1)).map(|_| net::Sockets::new(plan.connections));
        let mut nets = nets.collect::<Result<Vec<_>, _>>().map_err(StartError::Thread)?;
        let (table, ids) = open(&plan, &mut nets)?;
        prepare(&plan.script).map_err(StartError::Databases)?;
        let addresses = table.iter().map(|(_, socket)| (socket.transport, socket.addr)).collect();
        let posts = Post::connect(nets.iter().map(net::Sockets::waker).collect());
        let shards = shards_of(&plan, table, nets.len());
        let dns = DnsOptions { seed: rand::rng().random(), ..plan.dns.clone() };
        let resolver = Resolver::start(dns).map_err(StartError::Thread)?;
        let settled = Arc::new(AtomicUsize::new(0));
        // Dropped when a later shard cannot start, it stops the earlier ones.
        let mut server = Server { script: plan.script.clone(), addresses, shards: Vec::new(), log: plan.log };
        for (((sockets, ids), post), shard) in nets.into_iter().zip(ids).zip(posts).zip(shards) {
            let (commands, inbox) = mpsc::channel();
            let waker = sockets.waker();
            let io = io::Io::new(resolver.clone(), commands.clone(), waker.clone());
            let name = format!("shard-{}", post.own());
            let (log, trace, settled) = (plan.log, plan.trace, settled.clone());
            let outside = Outside { sockets, ids, post, commands: inbox, settled, io, log, trace };
            let worker = Worker::new(shard, plan.script.clone(), outside);
            let thread = thread::Builder::new().name(name).spawn(move || worker.run());
            let thread = Some(thread.map_err(StartError::Thread)?);
            server.shards.push(Handle { commands, waker, thread });
        }
        Ok(server)
    }

    /// The addresses listened on, in the order of the plan, with their real ports.
    pub fn addresses(&self) -> &[(Transport, SocketAddr)] {
        &self.addresses
    }

    /// What all shards have counted.
    pub fn tally(&self) -> Tally {
        let mut sum = Tally::default();
        for shard in &self.shards {
            let (answer, answers) = mpsc::channel();
            shard.command(Command::Tell(answer));
            if let Ok(tally) = answers.recv() {
                sum.add(&tally);
            }
        }
        sum
    }

    /// Lets every shard run another script from its next batch on, with this log threshold. Transactions that
    /// exist finish on the script that made them. Sockets and number of shards stay as they are.
    pub fn take_script(&mut self, script: &Arc<Script>, debug: Level) {
        self.script = script.clone();
        self.shards.iter().for_each(|shard| shard.command(Command::Reload(script.clone(), debug)));
    }

    /// The script that messages run now: what a new one is loaded after.
    pub fn script(&self) -> &Arc<Script> {
        &self.script
    }

    /// Stops all shards and waits for them.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.shards.iter().for_each(|shard| shard.command(Command::Stop));
        let shards = std::mem::take(&mut self.shards);
        if shards.is_empty() {
            return;
        }
        for mut shard in shards {
            if let Some(thread) = shard.thread.take() {
                // A shard that panicked has printed why; there is nothing left to do for it here.
                let _ = thread.join();
            }
        }
        let failed = lifecycle::close(&self.script, &self.script.shared);
        let mut log = Log::default();
        failed.iter().for_each(|text| log.write(Level::ERR, text.as_bytes()));
        log.take().iter().for_each(self.log);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.end();
    }
}

impl Handle {
    fn command(&self, command: Command) {
        // The shard has ended when nobody takes the command: it needs none then.
        let _ = self.commands.send(command);
        self.waker.wake();
    }
}

/// The net room's names of all our sockets in one shard, in the order of the plan.
type Ids = Vec<Option<net::SocketId>>;

/// Opens all sockets of the plan: the table the relay sees, and their names in each shard.
///
/// Each shard gets a datagram socket of its own on each address; listeners are with the shard of the streams.
fn open(plan: &Plan, nets: &mut [net::Sockets]) -> Result<(Sockets, Vec<Ids>), StartError> {
    let mut table = Vec::new();
    let mut ids = vec![Ids::new(); nets.len()];
    for listen in &plan.listens {
        let bind = |error: Error| match error.kind() {
            ErrorKind::Unsupported => StartError::Transport(listen.transport),
            kind if listen.transport == Transport::Sctp => {
                let error = Error::new(kind, format!("the kernel of this machine gives no SCTP: {error}"));
                StartError::Bind { what: listen.to_string(), error }
            }
            _ => StartError::Bind { what: listen.to_string(), error },
        };
        let addr = match listen.transport {
            Transport::Udp => {
                let group = UdpSocket::bind_group(listen.addr, nets.len(), &plan.udp);
                let group = group.map_err(bind)?;
                let addr = group.first().map_or(listen.addr, UdpSocket::local_addr);
                for ((socket, net), ids) in group.into_iter().zip(&mut *nets).zip(&mut ids) {
                    ids.push(Some(net.adopt_udp(socket).map_err(bind)?));
                }
                addr
            }
            stream => {
                let listener =
                    Listener::bind_with(stream, listen.addr, &plan.connections.options).map_err(bind)?;
                let addr = listener.local_addr();
                ids.iter_mut().for_each(|ids| ids.push(None));
                ids[STREAMS].pop();
                ids[STREAMS].push(Some(nets[STREAMS].adopt_listener(listener).map_err(bind)?));
                addr
            }
        };
        let mut socket = Socket::new(listen.transport, addr, listen.advertise.clone());
        socket.name.clone_from(&listen.name);
        table.push(socket);
    }
    if table.is_empty() {
        return Err(StartError::NoSocket);
    }
    let subdomains = plan.script.shared.get::<Subdomains>().map(|domains| domains.0.clone());
    let sockets = Sockets::new(table, plan.aliases.clone()).with_rules(plan.sending);
    Ok((sockets.with_subdomains(subdomains.unwrap_or_default()), ids))
}

/// The state of all shards. They share the signature: whoever reads an ACK must know a reply of any of them.
fn shards_of(plan: &Plan, sockets: Sockets, count: usize) -> Vec<Shard> {
    let mut random = rand::rng();
    let mut tag_prefix = [0u8; 32];
    tag_prefix.iter_mut().for_each(|digit| *digit = b"0123456789abcdef"[random.random_range(0..16)]);
    let signature = Signature {
        tag_prefix,
        server: plan.server_line.as_bytes().into(),
        user_agent: plan.user_agent_line.as_bytes().into(),
    };
    let sockets = Arc::new(sockets);
    let shard = |number: usize| {
        let max_transactions = plan.max_transactions / count;
        let settings = Arc::new(Settings { max_transactions, ..Settings::default() });
        let relay = Relay::new(settings, sockets.clone(), random.random(), signature.clone());
        let ident = sip::ident::Ident::seeded(random.random());
        let mut shard = Shard::new(ident, plan.script.shared.clone(), relay);
        shard.number = number as u16;
        shard.shards = count;
        shard.unix_start = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        shard.log.threshold = plan.debug;
        shard.stopwatch = Some(since_start);
        shard.trace = plan.trace.map(|_| Box::new(Trace::of_calls(since_start)));
        shard
    };
    (0..count).map(shard).collect()
}

/// The clock of traces: time since the first look at it.
pub fn since_start() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
