//! Statistics: what a shard counts of its messages, and the sums over all shards that `$stat()` and RPC show.
//!
//! A shard reads its own statistics at once; those of the others are as of their last second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sip::msg::{Method, View};

use super::ctx::Shard;
use super::def::{ModuleDef, StatDef};
use super::params::Loading;

/// Messages a shard received and forwarded.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    requests: [u64; METHODS.len() + 1],
    /// By class; 0 stands for those outside 1 to 6.
    replies: [u64; 7],
    codes: [u64; CODES.len()],
    /// 180 to 189.
    ringing: u64,
    /// Requests forwarded without a transaction.
    pub forwarded_requests: u64,
    /// Replies forwarded without a transaction.
    pub forwarded_replies: u64,
    /// Messages that were not SIP.
    pub malformed: u64,
    /// Replies by class and [`REPLY_METHODS`].
    replies_to: [[u64; REPLY_METHODS.len()]; 7],
    /// Requests that a script did not want, and replies.
    pub dropped: (u64, u64),
}

const METHODS: [Method; 14] = [
    Method::Invite,
    Method::Cancel,
    Method::Ack,
    Method::Bye,
    Method::Info,
    Method::Register,
    Method::Subscribe,
    Method::Notify,
    Method::Message,
    Method::Options,
    Method::Prack,
    Method::Update,
    Method::Refer,
    Method::Publish,
];

/// Methods whose replies are counted by class.
const REPLY_METHODS: [Method; 8] = [
    Method::Bye,
    Method::Cancel,
    Method::Invite,
    Method::Message,
    Method::Prack,
    Method::Refer,
    Method::Register,
    Method::Update,
];

/// Status codes that are counted one by one.
const CODES: [u16; 5] = [401, 404, 407, 480, 486];

impl Counts {
    /// Counts a message received.
    pub fn note(&mut self, message: View<'_>) {
        if let Some(status) = message.status() {
            let class = usize::from(status / 100);
            self.replies[if class < 7 { class } else { 0 }] += 1;
            self.ringing += u64::from((180..190).contains(&status));
            let method = message.cseq().ok().map(|cseq| cseq.method);
            if let Some(place) = REPLY_METHODS.iter().position(|known| Some(*known) == method) {
                self.replies_to[if class < 7 { class } else { 0 }][place] += 1;
            }
            if let Some(code) = CODES.iter().position(|code| *code == status) {
                self.codes[code] += 1;
            }
            return;
        }
        let place = message.method().and_then(|method| METHODS.iter().position(|known| *known == method));
        self.requests[place.unwrap_or(METHODS.len())] += 1;
    }

    /// Requests of all methods.
    pub fn requests(&self) -> u64 {
        self.requests.iter().sum()
    }

    /// Requests of a method; [`Method::Other`] for those with none of the usual ones.
    pub fn requests_of(&self, method: Method) -> u64 {
        let place = METHODS.iter().position(|known| *known == method);
        self.requests[place.unwrap_or(METHODS.len())]
    }

    /// Replies of all classes.
    pub fn replies(&self) -> u64 {
        self.replies.iter().sum()
    }

    /// Replies of a class, 1 to 6.
    pub fn replies_of(&self, class: usize) -> u64 {
        self.replies.get(class).copied().unwrap_or(0)
    }

    /// Replies of a class to requests of one of the methods that are counted so; 0 for others.
    pub fn replies_of_to(&self, class: usize, method: Method) -> u64 {
        let place = REPLY_METHODS.iter().position(|known| *known == method);
        place.and_then(|place| self.replies_to.get(class).map(|row| row[place])).unwrap_or(0)
    }

    /// Replies with one of the codes that are counted one by one; 0 for others.
    pub fn replies_with(&self, code: u16) -> u64 {
        CODES.iter().position(|known| *known == code).map_or(0, |place| self.codes[place])
    }

    /// Replies 180 to 189.
    pub fn ringing(&self) -> u64 {
        self.ringing
    }
}

/// All statistics of the loaded modules with their sums.
#[derive(Debug)]
pub struct Board {
    rows: Vec<Row>,
    /// What each shard has told, by its number.
    told: Mutex<Vec<Vec<u64>>>,
}

/// A statistic where it is shown.
#[derive(Debug)]
struct Row {
    group: &'static str,
    name: &'static str,
    stat: &'static StatDef,
}

/// How often a shard tells its counts.
const INTERVAL: Duration = Duration::from_secs(1);

impl Board {
    /// Puts a board of all loaded modules' statistics where every shard finds it.
    pub fn prepare(loading: &mut Loading<'_>) {
        let modules = loading.catalog.modules();
        let of = |module: &&'static ModuleDef| {
            let module = *module;
            module.stats.iter().map(move |stat| match stat.name.split_once(':') {
                Some((group, name)) => Row { group, name, stat },
                None => Row { group: module.name, name: stat.name, stat },
            })
        };
        let rows: Vec<Row> = modules.iter().flat_map(of).collect();
        loading.shared.put(Board { rows, told: Mutex::default() });
    }

    /// Lets a shard tell its counts from now on; for a module's `start`.
    pub fn start(shard: &mut Shard) {
        shard.every(INTERVAL, Board::tell);
    }

    fn tell(shard: &mut Shard) {
        let Some(board) = shard.shared.get::<Board>() else { return };
        let values: Vec<u64> = board.rows.iter().map(|row| (row.stat.read)(shard)).collect();
        let place = usize::from(shard.number);
        let mut told = board.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.len() <= place {
            told.resize_with(place + 1, Vec::new);
        }
        told[place] = values;
    }

    /// Group and name of every statistic that is wanted, with its sum.
    pub fn values(
        shard: &mut Shard,
        is_wanted: impl Fn(&str, &str) -> bool,
    ) -> Vec<(&'static str, &'static str, u64)> {
        let Some(board) = shard.shared.get::<Board>() else { return Vec::new() };
        let own = usize::from(shard.number);
        let wanted = board.rows.iter().enumerate().filter(|(_, row)| is_wanted(row.group, row.name));
        let mut values = Vec::new();
        for (at, row) in wanted {
            let here = (row.stat.read)(shard);
            let told = board.told.lock().unwrap_or_else(PoisonError::into_inner);
            let others = told.iter().enumerate().filter(|(number, _)| *number != own);
            let elsewhere: u64 = others.filter_map(|(_, values)| values.get(at)).sum();
            values.push((row.group, row.name, here + elsewhere));
        }
        values
    }
}
