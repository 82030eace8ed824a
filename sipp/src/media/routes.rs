//! By which port and peer packets find the media line they belong to.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::hash::Hash;
use std::net::SocketAddr;

use rustc_hash::{FxHashMap, FxHashSet};

use super::line::Expectation;

/// The lines of all open calls by where their packets arrive.
#[derive(Debug)]
pub(super) struct Routes<L, P> {
    /// Lines by the port they listen on, for RTP or RTCP.
    ports: FxHashMap<P, FxHashSet<L>>,
    /// Lines by port and announced peer.
    peers: FxHashMap<(P, SocketAddr), Group<L>>,
}

/// Lines that share port and peer.
#[derive(Debug)]
struct Group<L> {
    all: FxHashSet<L>,
    /// Those that heard nobody yet, in order.
    waiting: VecDeque<L>,
}

/// Where a source leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route<L> {
    /// To the line whose peer announced this address.
    Announced(L),
    /// To the only line on the port; its peer announced another address, or none.
    Only(L),
    /// To none, or to several that cannot be told apart.
    Nowhere,
}

impl<L, P> Default for Routes<L, P> {
    fn default() -> Routes<L, P> {
        Routes { ports: FxHashMap::default(), peers: FxHashMap::default() }
    }
}

impl<L: Copy + Eq + Hash, P: Copy + Eq + Hash> Routes<L, P> {
    /// Adds a line.
    pub(super) fn add(&mut self, id: L, expectation: &Expectation<P>) {
        for port in ports_of(expectation) {
            self.ports.entry(port).or_default().insert(id);
        }
        if let Some(remote) = expectation.remote {
            let empty = || Group { all: FxHashSet::default(), waiting: VecDeque::new() };
            let group = self.peers.entry((expectation.port, remote)).or_insert_with(empty);
            group.all.insert(id);
            group.waiting.push_back(id);
        }
    }

    /// A line has heard its source and waits for no other.
    pub(super) fn settle(&mut self, id: L, expectation: &Expectation<P>) {
        let group = expectation.remote.and_then(|remote| self.peers.get_mut(&(expectation.port, remote)));
        group.into_iter().for_each(|group| group.waiting.retain(|waiting| *waiting != id));
    }

    /// Takes a line out; `expectation` is the one it was added with.
    pub(super) fn remove(&mut self, id: L, expectation: &Expectation<P>) {
        for port in ports_of(expectation) {
            if let Entry::Occupied(mut users) = self.ports.entry(port) {
                users.get_mut().remove(&id);
                if users.get().is_empty() {
                    users.remove();
                }
            }
        }
        let Some(remote) = expectation.remote else { return };
        if let Entry::Occupied(mut group) = self.peers.entry((expectation.port, remote)) {
            group.get_mut().all.remove(&id);
            if let Some(at) = group.get().waiting.iter().position(|waiting| *waiting == id) {
                group.get_mut().waiting.remove(at);
            }
            if group.get().all.is_empty() {
                group.remove();
            }
        }
    }

    /// Where a new source leads. Of lines that share port and peer the one that has waited longest gets it,
    /// a further source of a line that has them for itself is that line's.
    pub(super) fn find(&mut self, port: P, from: SocketAddr) -> Route<L> {
        if let Some(group) = self.peers.get_mut(&(port, from)) {
            // The only line there waits no longer either: the next source is of the next line.
            let line = group.waiting.pop_front().or_else(|| only_of(&group.all));
            return line.map_or(Route::Nowhere, Route::Announced);
        }
        self.ports.get(&port).and_then(only_of).map_or(Route::Nowhere, Route::Only)
    }

    /// The only line there is for a port and peer, else for the port.
    pub(super) fn only(&self, port: P, from: SocketAddr) -> Option<L> {
        let by_peer = self.peers.get(&(port, from)).and_then(|group| only_of(&group.all));
        by_peer.or_else(|| self.ports.get(&port).and_then(only_of))
    }
}

fn ports_of<P: Copy>(expectation: &Expectation<P>) -> impl Iterator<Item = P> + use<P> {
    [Some(expectation.port), expectation.rtcp_port].into_iter().flatten()
}

fn only_of<L: Copy>(lines: &FxHashSet<L>) -> Option<L> {
    lines.iter().next().copied().filter(|_| lines.len() == 1)
}
