//! Asking the domain name system: what [`crate::locate`] does not know is asked through hickory-resolver on a
//! thread of its own, and kept in a cache that all users of a [`Resolver`] share.
//!
//! Whoever asks is not made to wait: what the cache knows comes at once ([`Resolver::recall`]), the rest by a
//! callback. Equal questions under way are asked once.

use std::io::Error;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::{Resolver as Hickory, TokioResolver};
use rustc_hash::FxHashMap;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use super::Clock;
use crate::locate::{
    Answer, Cache, CacheLimits, Destination, Hosts, Kind, Naptr, Progress, Query, Question, Record,
    ResolvConf, Rules, Srv, locate,
};

/// What a resolver goes by.
#[derive(Clone, Debug, Default)]
pub struct DnsOptions {
    /// Whom to ask and how.
    pub conf: ResolvConf,
    /// Names that need no asking.
    pub hosts: Hosts,
    /// What is preferred.
    pub rules: Rules,
    /// What is kept.
    pub limits: CacheLimits,
    /// Whether short names are completed with the search list of `conf`.
    pub completion: Completion,
    /// Decides among SRV records of equal priority.
    pub seed: u64,
}

/// What becomes of names that are not fully qualified (`dns_use_search_list`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Completion {
    /// The search list is tried.
    #[default]
    SearchList,
    /// They are asked for as they stand.
    AsWritten,
}

impl DnsOptions {
    /// Those of this machine: `/etc/resolv.conf` and `/etc/hosts`, or the files that the environment variables
    /// `SIP_RESOLV_CONF` and `SIP_HOSTS` name. Files that cannot be read count as empty.
    pub fn of_this_machine() -> DnsOptions {
        let read = |variable: &str, path: &str| {
            let path = std::env::var(variable).unwrap_or_else(|_| path.to_owned());
            std::fs::read_to_string(path).unwrap_or_default()
        };
        DnsOptions {
            conf: ResolvConf::parse(&read("SIP_RESOLV_CONF", "/etc/resolv.conf")),
            hosts: Hosts::parse(&read("SIP_HOSTS", "/etc/hosts")),
            ..DnsOptions::default()
        }
    }
}

/// Locates hosts. Clones share thread and cache; the thread ends with the last of them.
#[derive(Clone, Debug)]
pub struct Resolver {
    jobs: UnboundedSender<Job>,
    knowledge: Arc<Knowledge>,
}

/// Gets the places to try, none when there is no such host.
pub type Found = Box<dyn FnOnce(Vec<Destination>) + Send>;

/// Gets the names of an address, none when it has none.
pub type Names = Box<dyn FnOnce(Vec<String>) + Send>;

enum Job {
    Locate(Query, Found),
    Names(IpAddr, Names),
}

/// What all parts share.
#[derive(Debug)]
struct Knowledge {
    options: DnsOptions,
    clock: Clock,
    cache: Mutex<Cache>,
    /// Searches begun, so that each has its own order of equal SRV records.
    searches: AtomicUsize,
    /// Searches under way.
    waiting: AtomicUsize,
    /// Questions under way.
    asked: Mutex<FxHashMap<Question, Arc<OnceCell<Arc<Answer>>>>>,
}

impl Resolver {
    /// Starts the thread. Errors: it cannot be made, or hickory refuses the configuration.
    pub fn start(options: DnsOptions) -> Result<Resolver, Error> {
        let (jobs, queue) = mpsc::unbounded_channel();
        let knowledge = Arc::new(Knowledge {
            cache: Mutex::new(Cache::new(options.limits)),
            options,
            clock: Clock::start(),
            searches: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            asked: Mutex::default(),
        });
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let client = {
            let _entered = runtime.enter();
            client(&knowledge.options)?
        };
        let shared = knowledge.clone();
        thread::Builder::new()
            .name("dns".into())
            .spawn(move || runtime.block_on(serve(queue, shared, client)))?;
        Ok(Resolver { jobs, knowledge })
    }

    /// The places to try as far as that is known without asking. `None`: somebody must be asked.
    pub fn recall(&self, query: &Query) -> Option<Vec<Destination>> {
        match self.knowledge.progress(query, self.knowledge.next_seed(), &FxHashMap::default()) {
            Progress::Found(places) => Some(places),
            Progress::Nowhere => Some(Vec::new()),
            Progress::Ask(_) => None,
        }
    }

    /// Locates a host; `found` is called on the thread of the resolver. False: too many searches are under way,
    /// and `found` will not be called.
    pub fn locate(&self, query: Query, found: Found) -> bool {
        self.give(Job::Locate(query, found))
    }

    /// Asks for the names of an address; `found` as with [`Resolver::locate`].
    pub fn names(&self, ip: IpAddr, found: Names) -> bool {
        self.give(Job::Names(ip, found))
    }

    fn give(&self, job: Job) -> bool {
        if self.knowledge.waiting.fetch_add(1, Ordering::Relaxed) >= MAX_WAITING {
            self.knowledge.waiting.fetch_sub(1, Ordering::Relaxed);
            return false;
        }
        self.jobs.send(job).is_ok()
    }

    /// Locates a host and waits for it: for the start of a program, never for a worker.
    pub fn locate_and_wait(&self, query: Query) -> Vec<Destination> {
        if let Some(places) = self.recall(&query) {
            return places;
        }
        let (answer, answers) = std::sync::mpsc::channel();
        // Whoever waits is there until the answer comes.
        self.locate(query, Box::new(move |places| drop(answer.send(places))));
        answers.recv().unwrap_or_default()
    }

    /// Forgets all answers.
    pub fn forget(&self) {
        lock(&self.knowledge.cache).clear();
    }
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Job::Locate(query, _) => write!(f, "Locate({query:?})"),
            Job::Names(ip, _) => write!(f, "Names({ip})"),
        }
    }
}

impl Knowledge {
    fn next_seed(&self) -> u64 {
        let number = self.searches.fetch_add(1, Ordering::Relaxed) as u64;
        self.options.seed.wrapping_add(number)
    }

    /// The procedure over the answers of this search, the hosts file and the cache.
    fn progress(&self, query: &Query, seed: u64, own: &FxHashMap<Question, Arc<Answer>>) -> Progress {
        let now = self.clock.now();
        locate(query, &self.options.rules, seed, |question| {
            let of_hosts = || self.options.hosts.answer(question).map(Arc::new);
            own.get(question).cloned().or_else(of_hosts).or_else(|| lock(&self.cache).get(now, question))
        })
    }

    /// One search, from question to question.
    async fn search(self: &Arc<Self>, query: &Query, client: &TokioResolver) -> Vec<Destination> {
        let seed = self.next_seed();
        let mut own = FxHashMap::default();
        // Each round needs at least one new answer; the stages are NAPTR, SRV, addresses.
        for _ in 0..MAX_ROUNDS {
            match self.progress(query, seed, &own) {
                Progress::Found(places) => return places,
                Progress::Nowhere => return Vec::new(),
                Progress::Ask(questions) => {
                    let mut asked = JoinSet::new();
                    for question in questions {
                        let (shared, client) = (self.clone(), client.clone());
                        asked.spawn(async move {
                            let answer = shared.ask(&question, &client).await;
                            (question, answer)
                        });
                    }
                    own.extend(asked.join_all().await);
                }
            }
        }
        Vec::new()
    }

    /// The names of an address: those of the hosts file, else those the name system has.
    async fn names(&self, ip: IpAddr, client: &TokioResolver) -> Vec<String> {
        let known: Vec<String> = self.options.hosts.names(ip).map(str::to_owned).collect();
        if !known.is_empty() {
            return known;
        }
        let question = Question::names_of(ip);
        let cached = lock(&self.cache).get(self.clock.now(), &question);
        let answer = match cached {
            Some(answer) => answer,
            None => self.ask(&question, client).await,
        };
        let names = answer.records.iter().filter_map(|record| match record {
            Record::Name(name) => Some(name.clone()),
            Record::Address(_) | Record::Srv(_) | Record::Naptr(_) => None,
        });
        names.collect()
    }

    /// Asks one question, together with all who ask the same meanwhile.
    async fn ask(&self, question: &Question, client: &TokioResolver) -> Arc<Answer> {
        let cell = lock(&self.asked).entry(question.clone()).or_default().clone();
        let answer = cell
            .get_or_init(|| async {
                let answer = Arc::new(look_up(client, question, self.options.completion).await);
                lock(&self.cache).put(self.clock.now(), question.clone(), answer.clone());
                answer
            })
            .await
            .clone();
        lock(&self.asked).remove(question);
        answer
    }
}

async fn serve(mut queue: UnboundedReceiver<Job>, knowledge: Arc<Knowledge>, client: TokioResolver) {
    while let Some(job) = queue.recv().await {
        let (knowledge, client) = (knowledge.clone(), client.clone());
        tokio::spawn(async move {
            let is_over = || knowledge.waiting.fetch_sub(1, Ordering::Relaxed);
            match job {
                Job::Locate(query, found) => {
                    let places = knowledge.search(&query, &client).await;
                    is_over();
                    found(places);
                }
                Job::Names(ip, found) => {
                    let names = knowledge.names(ip, &client).await;
                    is_over();
                    found(names);
                }
            }
        });
    }
}

fn client(options: &DnsOptions) -> Result<TokioResolver, Error> {
    let servers = options.conf.servers.iter().map(|addr| {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = addr.port();
            connection
        });
        NameServerConfig::new(addr.ip(), true, connections.to_vec())
    });
    let search = match options.completion {
        Completion::SearchList => {
            options.conf.search.iter().filter_map(|name| Name::from_utf8(name).ok()).collect()
        }
        Completion::AsWritten => Vec::new(),
    };
    let config = ResolverConfig::from_parts(None, search, servers.collect());
    let mut builder = Hickory::builder_with_config(config, TokioRuntimeProvider::default());
    let chosen = builder.options_mut();
    chosen.ndots = options.conf.ndots;
    chosen.timeout = options.conf.timeout;
    chosen.attempts = options.conf.attempts;
    // Answers are kept by us, with the bounds the operator sets.
    chosen.cache_size = 0;
    builder.build().map_err(Error::other)
}

async fn look_up(client: &TokioResolver, question: &Question, completion: Completion) -> Answer {
    let kind = match question.kind {
        Kind::A => RecordType::A,
        Kind::Aaaa => RecordType::AAAA,
        Kind::Srv => RecordType::SRV,
        Kind::Naptr => RecordType::NAPTR,
        Kind::Ptr => RecordType::PTR,
    };
    let Ok(mut name) = Name::from_utf8(&question.name) else { return Answer::default() };
    name.set_fqdn(completion == Completion::AsWritten);
    let Ok(found) = client.lookup(name, kind).await else { return Answer::default() };
    let usable = found.answers().iter().filter_map(|it| Some((record(&it.data)?, it.ttl)));
    let (records, ttls): (Vec<Record>, Vec<u32>) = usable.unzip();
    Answer { records, ttl_seconds: ttls.into_iter().min().unwrap_or(0) }
}

fn record(data: &RData) -> Option<Record> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    match data {
        RData::A(ip) => Some(Record::Address(ip.0.into())),
        RData::AAAA(ip) => Some(Record::Address(ip.0.into())),
        RData::SRV(srv) => Some(Record::Srv(Srv {
            priority: srv.priority,
            weight: srv.weight,
            port: srv.port,
            target: plain(&srv.target),
        })),
        RData::NAPTR(naptr) => Some(Record::Naptr(Naptr {
            order: naptr.order,
            preference: naptr.preference,
            flags: text(&naptr.flags),
            service: text(&naptr.services),
            replacement: plain(&naptr.replacement),
        })),
        RData::PTR(name) => Some(Record::Name(plain(name))),
        _ => None,
    }
}

/// Lower case, without the dot at the end; empty for the root.
fn plain(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that holds one of these locks can panic half-way through a change.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Searches under way at most.
const MAX_WAITING: usize = 10_000;
/// Rounds of questions of one search at most.
const MAX_ROUNDS: usize = 8;
