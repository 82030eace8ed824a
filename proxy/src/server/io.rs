//! Work for the outside that a run waits for: name look-ups and database queries on threads of their own, so no
//! shard ever blocks.

use std::io::Error;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::{self, Receiver, Sender, SyncSender};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use sip::net::Waker;

use super::shard::Command;
use crate::api::IoAnswer;
use crate::store::sql::Runner;
use crate::store::{Query, Url};

/// The threads that work for one shard. They end when it is dropped.
#[derive(Debug)]
pub(super) struct Io {
    jobs: SyncSender<(u64, String)>,
    /// Started with the first query.
    database: OnceLock<Runner>,
    answers: Sender<Command>,
    waker: Waker,
}

impl Io {
    /// Starts the threads; answers come as [`Command::Answer`] and wake the shard.
    pub(super) fn start(answers: Sender<Command>, waker: Waker) -> Result<Io, Error> {
        let (jobs, queue) = mpsc::sync_channel(QUEUE);
        let queue = Arc::new(Mutex::new(queue));
        for number in 0..THREADS {
            let (queue, answers, waker) = (queue.clone(), answers.clone(), waker.clone());
            thread::Builder::new()
                .name(format!("lookup-{number}"))
                .spawn(move || serve(&queue, &answers, &waker))?;
        }
        Ok(Io { jobs, database: OnceLock::new(), answers, waker })
    }

    /// Looks up a name. False when too many wait already.
    pub(super) fn resolve(&self, token: u64, name: String) -> bool {
        self.jobs.try_send((token, name)).is_ok()
    }

    /// Asks a database. False when its thread cannot be started.
    pub(super) fn query(&self, token: u64, url: Arc<Url>, query: Query) -> bool {
        let runner = match self.database.get() {
            Some(runner) => runner,
            None => match Runner::start() {
                Ok(runner) => self.database.get_or_init(|| runner),
                Err(_) => return false,
            },
        };
        let (answers, waker) = (self.answers.clone(), self.waker.clone());
        let answer = move |reply| {
            // The shard may have ended meanwhile.
            if answers.send(Command::Answer(token, IoAnswer::Store(reply))).is_ok() {
                waker.wake();
            }
        };
        runner.run(url, query, Box::new(answer));
        true
    }
}

fn serve(queue: &Mutex<Receiver<(u64, String)>>, answers: &Sender<Command>, waker: &Waker) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((token, name)) = job else { return };
        if answers.send(Command::Answer(token, look_up(&name))).is_err() {
            return;
        }
        waker.wake();
    }
}

fn look_up(name: &str) -> IoAnswer {
    match (name, 0).to_socket_addrs() {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = found.map(|addr| addr.ip()).collect();
            // A before AAAA, as the original does unless told otherwise.
            addresses.sort_by_key(IpAddr::is_ipv6);
            addresses.dedup();
            match addresses.is_empty() {
                true => IoAnswer::Failed("no address".into()),
                false => IoAnswer::Addresses(addresses),
            }
        }
        Err(error) => IoAnswer::Failed(error.to_string()),
    }
}

/// Threads that look up names.
const THREADS: usize = 2;
/// Names that may wait for a thread.
const QUEUE: usize = 10_000;
