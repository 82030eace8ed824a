//! Work for the outside that a run waits for: names and database queries, on threads of their own, so no shard
//! ever blocks.

use std::net::IpAddr;
use std::sync::mpsc::Sender;
use std::sync::{Arc, OnceLock};

use sip::locate::{self, Destination};
use sip::net::{Resolver, Waker};

use super::shard::Command;
use crate::api::IoAnswer;
use crate::store::sql::Runner;
use crate::store::{Query, Url};

/// The way of one shard to those who work for it.
#[derive(Debug)]
pub(super) struct Io {
    /// Shared by all shards, with its cache.
    resolver: Resolver,
    /// Started with the first query.
    database: OnceLock<Runner>,
    answers: Sender<Command>,
    waker: Waker,
}

impl Io {
    /// Answers come as [`Command::Answer`] and wake the shard.
    pub(super) fn new(resolver: Resolver, answers: Sender<Command>, waker: Waker) -> Io {
        Io { resolver, database: OnceLock::new(), answers, waker }
    }

    /// Where a host is, when that is known without asking.
    pub(super) fn recall(&self, query: &locate::Query) -> Option<Vec<Destination>> {
        self.resolver.recall(query)
    }

    /// Locates a host. False when too many wait already.
    pub(super) fn locate(&self, token: u64, query: locate::Query) -> bool {
        let (answers, waker) = (self.answers.clone(), self.waker.clone());
        let found = move |places| {
            // The shard may have ended meanwhile.
            if answers.send(Command::Answer(token, IoAnswer::Located(places))).is_ok() {
                waker.wake();
            }
        };
        self.resolver.locate(query, Box::new(found))
    }

    /// Asks for the names of an address. False when too many wait already.
    pub(super) fn names(&self, token: u64, ip: IpAddr) -> bool {
        let (answers, waker) = (self.answers.clone(), self.waker.clone());
        let found = move |names| {
            // The shard may have ended meanwhile.
            if answers.send(Command::Answer(token, IoAnswer::Names(names))).is_ok() {
                waker.wake();
            }
        };
        self.resolver.names(ip, Box::new(found))
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
