//! What the calls of one engine share and change: injection files, variables, generator, cached files.

use std::collections::{HashMap, HashSet};
use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::Path;

use sip::ident::Ident;

use crate::infile::Infiles;
use crate::media::Heard;
use crate::state::{Circuit, DynamicIds, MediaKind, UserId, Vars};

/// Shared, changeable things of a run.
pub struct World {
    /// Injection files in order of `-inf`.
    pub infiles: Infiles,
    /// Global variables.
    pub globals: Vars,
    /// The generator behind every chance.
    pub ident: Ident,
    /// What keywords and actions complained about since the call machine last looked.
    pub problems: Vec<Problem>,
    users: Vec<Vars>,
    vars_per_user: usize,
    next_dynamic_id: Option<u32>,
    /// Circuits that no call has.
    circuits: Vec<Circuit>,
    next_stream_port: Option<u16>,
    /// Ports of streams that open calls have.
    stream_ports: HashSet<u16>,
    read_file: fn(&Path) -> io::Result<Vec<u8>>,
    files: HashMap<Vec<u8>, Vec<u8>>,
    /// Finds the address of a name at once; without, the shell answers later.
    resolve: Option<fn(&str) -> Option<IpAddr>>,
    /// Who hears the calls' media; none in a rehearsal.
    ears: Option<Box<dyn Ears>>,
    /// Hosts asked for so far; a name is asked for once. `None` as long as there is no answer.
    hosts: HashMap<String, Option<Host>>,
    /// Names that the shell shall look up.
    asked: Vec<String>,
}

/// What knows the media that calls received.
pub trait Ears: Send {
    /// What a call, named by its number, heard so far on its line of a kind.
    fn heard(&self, call: u64, kind: MediaKind) -> Heard;
}

/// What is known of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// Its address.
    Known(IpAddr),
    /// It has none.
    Unknown,
    /// It is being looked up: ask again a little later.
    Asked,
}

impl Host {
    fn of(found: Option<IpAddr>) -> Host {
        found.map_or(Host::Unknown, Host::Known)
    }
}

/// A complaint of a keyword or action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Problem {
    /// The run goes on.
    Warning(String),
    /// The run ends with exit code 255.
    Fatal(String),
}

impl World {
    /// A world with `globals` global and `vars_per_user` user variables; `read_file` reads whole files for `[file]`.
    pub fn new(
        infiles: Infiles,
        (globals, vars_per_user): (usize, usize),
        ident: Ident,
        read_file: fn(&Path) -> io::Result<Vec<u8>>,
    ) -> World {
        World {
            infiles,
            globals: Vars::new(globals),
            ident,
            problems: Vec::new(),
            users: Vec::new(),
            vars_per_user,
            next_dynamic_id: None,
            circuits: Vec::new(),
            next_stream_port: None,
            stream_ports: HashSet::new(),
            read_file,
            files: HashMap::new(),
            resolve: None,
            ears: None,
            hosts: HashMap::new(),
            asked: Vec::new(),
        }
    }

    /// Gives a function that finds the address of a host name at once. Without, names are for
    /// [`World::take_asked`].
    pub fn resolve_with(&mut self, resolve: fn(&str) -> Option<IpAddr>) {
        self.resolve = Some(resolve);
    }

    /// Gives what knows the media that calls received. Without, nobody heard anything.
    pub fn hear_with(&mut self, ears: Box<dyn Ears>) {
        self.ears = Some(ears);
    }

    /// What a call heard so far on its line of a kind.
    pub fn heard(&self, call: u64, kind: MediaKind) -> Heard {
        self.ears.as_ref().map(|ears| ears.heard(call, kind)).unwrap_or_default()
    }

    /// The address of a host: read from its text (with or without brackets), or looked up once by name.
    pub fn host(&mut self, name: &str) -> Host {
        if let Ok(ip) = name.trim_matches(['[', ']']).parse() {
            return Host::Known(ip);
        }
        if let Some(known) = self.hosts.get(name) {
            return known.unwrap_or(Host::Asked);
        }
        if self.hosts.len() >= MOST_HOSTS {
            self.hosts.clear();
        }
        let found = self.resolve.map(|resolve| Host::of(resolve(name)));
        self.hosts.insert(name.to_owned(), found);
        if found.is_none() {
            self.asked.push(name.to_owned());
        }
        found.unwrap_or(Host::Asked)
    }

    /// The names to look up since the last call; [`World::answer`] takes the outcome of each.
    pub fn take_asked(&mut self) -> Vec<String> {
        std::mem::take(&mut self.asked)
    }

    /// The outcome of a look-up.
    pub fn answer(&mut self, name: String, found: Option<IpAddr>) {
        self.hosts.insert(name, Some(Host::of(found)));
    }

    /// A number in `0.0..1.0`.
    pub fn random_unit(&mut self) -> f64 {
        (self.ident.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// The variables of a user; calls without user share one table.
    pub fn user_vars(&self, user: UserId) -> &Vars {
        static NONE: std::sync::LazyLock<Vars> = std::sync::LazyLock::new(Vars::default);
        self.users.get(user.0 as usize).unwrap_or(&NONE)
    }

    /// The same, to change; made when first needed.
    pub fn user_vars_mut(&mut self, user: UserId) -> &mut Vars {
        let at = user.0 as usize;
        if self.users.len() <= at {
            self.users.resize(at + 1, Vars::new(self.vars_per_user));
        }
        &mut self.users[at]
    }

    /// The next `[dynamic_id]`.
    pub fn next_dynamic_id(&mut self, ids: DynamicIds) -> u32 {
        let id = self.next_dynamic_id.unwrap_or(ids.start);
        let following = id.saturating_add(ids.step);
        self.next_dynamic_id = Some(if following > ids.max { ids.start } else { following });
        id
    }

    /// Gives the circuits of `-tdmmap`.
    pub fn add_circuits(&mut self, circuits: impl Iterator<Item = Circuit>) {
        self.circuits.extend(circuits);
    }

    /// The circuits that no call has.
    pub fn free_circuits(&self) -> &[Circuit] {
        &self.circuits
    }

    /// Any circuit that no call has; `None` when all are taken. [`World::free_circuit`] gives it back.
    pub fn take_circuit(&mut self) -> Option<Circuit> {
        let free = self.circuits.len() as u64;
        (free > 0).then(|| self.ident.below(free) as usize).map(|at| self.circuits.swap_remove(at))
    }

    /// The call that had the circuit is over.
    pub fn free_circuit(&mut self, circuit: Circuit) {
        self.circuits.push(circuit);
    }

    /// The next port of a call's stream: even, in turn through `ports`, none that an open call has.
    /// `None`: there is none.
    pub fn next_stream_port(&mut self, ports: RangeInclusive<u16>) -> Option<u16> {
        let first = ports.start().checked_next_multiple_of(2).filter(|first| ports.contains(first))?;
        let mut port = self.next_stream_port.filter(|port| ports.contains(port)).unwrap_or(first);
        // As many tries as there are even ports in the range.
        for _ in 0..=(ports.end() - first) / 2 {
            let following = port.checked_add(2).filter(|port| ports.contains(port)).unwrap_or(first);
            self.next_stream_port = Some(following);
            if self.stream_ports.insert(port) {
                return Some(port);
            }
            port = following;
        }
        None
    }

    /// The call that has this port is over; 0 is no port.
    pub fn free_stream_port(&mut self, port: u16) {
        self.stream_ports.remove(&port);
    }

    /// The content of a file, read once.
    pub fn file(&mut self, path: &[u8]) -> io::Result<&[u8]> {
        if !self.files.contains_key(path) {
            let content = (self.read_file)(Path::new(String::from_utf8_lossy(path).as_ref()))?;
            self.files.insert(path.to_vec(), content);
        }
        Ok(&self.files[path])
    }
}

/// Names that are remembered: they come from messages too, so their number must have an end.
const MOST_HOSTS: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stream_ports_are_even_and_each_has_one_call() {
        let mut world = World::new(Infiles::default(), (0, 0), Ident::seeded(1), |_| Ok(Vec::new()));
        let mut next = || world.next_stream_port(6003..=6009);
        assert_eq!([next(), next(), next(), next()], [Some(6004), Some(6006), Some(6008), None]);
        world.free_stream_port(6006);
        assert_eq!(world.next_stream_port(6003..=6009), Some(6006));
        assert_eq!(world.next_stream_port(6003..=6003), None, "no even port");
    }

    #[test]
    fn names_are_asked_for_once_and_answered_later() {
        let mut world = World::new(Infiles::default(), (0, 0), Ident::seeded(1), |_| Ok(Vec::new()));
        let loopback = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(world.host("127.0.0.1"), Host::Known(loopback));
        assert_eq!(
            (world.host("a"), world.host("a"), world.host("b")),
            (Host::Asked, Host::Asked, Host::Asked)
        );
        assert_eq!(world.take_asked(), ["a", "b"]);
        world.answer("a".into(), Some(loopback));
        world.answer("b".into(), None);
        assert_eq!((world.host("a"), world.host("b")), (Host::Known(loopback), Host::Unknown));
        assert_eq!(world.take_asked(), Vec::<String>::new());
    }

    #[test]
    fn dynamic_ids_count_up_and_start_again() {
        let mut world = World::new(Infiles::default(), (0, 0), Ident::seeded(1), |_| Ok(Vec::new()));
        let ids = DynamicIds { start: 10, max: 18, step: 4 };
        let seen: Vec<_> = (0..4).map(|_| world.next_dynamic_id(ids)).collect();
        assert_eq!(seen, [10, 14, 18, 10]);
    }
}
