//! The two files of a machine that say how names are found: `hosts` and `resolv.conf`.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::{Answer, Kind, Question, Record};

/// Names with their addresses, as in `/etc/hosts`.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    addresses: FxHashMap<String, Vec<IpAddr>>,
}

impl Hosts {
    /// Reads the text of a hosts file: address and names per line, `#` begins a comment. Other lines are skipped.
    pub fn parse(text: &str) -> Hosts {
        let mut hosts = Hosts::default();
        for line in text.lines() {
            let mut words = line.split('#').next().unwrap_or_default().split_whitespace();
            let Some(ip) = words.next().and_then(|word| word.parse::<IpAddr>().ok()) else { continue };
            for name in words {
                let known = hosts.addresses.entry(name.to_ascii_lowercase()).or_default();
                if !known.contains(&ip) {
                    known.push(ip);
                }
            }
        }
        hosts
    }

    /// The names of an address, in no order.
    pub fn names(&self, ip: IpAddr) -> impl Iterator<Item = &str> {
        let has_it = move |entry: &(&String, &Vec<IpAddr>)| entry.1.contains(&ip);
        self.addresses.iter().filter(has_it).map(|(name, _)| name.as_str())
    }

    /// The answer to a question about a name of the file, and to those about its services: it has none.
    pub fn answer(&self, question: &Question) -> Option<Answer> {
        let host = match question.kind {
            Kind::Srv => question.name.splitn(3, '.').nth(2)?,
            Kind::A | Kind::Aaaa | Kind::Naptr => &question.name,
            Kind::Ptr => return None,
        };
        let addresses = self.addresses.get(host)?;
        let fits = |ip: &&IpAddr| match question.kind {
            Kind::A => ip.is_ipv4(),
            Kind::Aaaa => ip.is_ipv6(),
            Kind::Srv | Kind::Naptr | Kind::Ptr => false,
        };
        let records = addresses.iter().filter(fits).map(|ip| Record::Address(*ip)).collect();
        Some(Answer { records, ttl_seconds: 0 })
    }
}

/// Whom to ask and how, as in `/etc/resolv.conf`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvConf {
    /// Name servers, in order. A port may be written: `127.0.0.1:5353`, `[::1]:5353`.
    pub servers: Vec<SocketAddr>,
    /// Domains to complete short names with.
    pub search: Vec<String>,
    /// A name with fewer dots is completed before it is tried as it stands.
    pub ndots: usize,
    /// Time to wait for a server.
    pub timeout: Duration,
    /// Times each server is asked.
    pub attempts: usize,
}

impl Default for ResolvConf {
    /// The defaults of resolv.conf(5): the server on this machine.
    fn default() -> ResolvConf {
        ResolvConf {
            servers: vec![([127, 0, 0, 1], 53).into()],
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        }
    }
}

impl ResolvConf {
    /// Reads the text of such a file; what is not understood is skipped, as resolv.conf(5) asks.
    pub fn parse(text: &str) -> ResolvConf {
        let mut conf = ResolvConf { servers: Vec::new(), ..ResolvConf::default() };
        for line in text.lines() {
            let mut words = line.split(['#', ';']).next().unwrap_or_default().split_whitespace();
            match words.next() {
                Some("nameserver") => conf.servers.extend(words.next().and_then(server)),
                Some("search" | "domain") => conf.search = words.map(str::to_ascii_lowercase).collect(),
                Some("options") => words.for_each(|option| conf.option(option)),
                _ => {}
            }
        }
        if conf.servers.is_empty() {
            conf.servers = ResolvConf::default().servers;
        }
        conf
    }

    fn option(&mut self, option: &str) {
        let Some((name, value)) = option.split_once(':') else { return };
        let Ok(value) = value.parse::<u8>() else { return };
        match name {
            "ndots" => self.ndots = usize::from(value.min(15)),
            "timeout" => self.timeout = Duration::from_secs(u64::from(value.clamp(1, 30))),
            "attempts" => self.attempts = usize::from(value.clamp(1, 5)),
            _ => {}
        }
    }
}

fn server(word: &str) -> Option<SocketAddr> {
    let as_address = || word.parse::<IpAddr>().ok().map(|ip| SocketAddr::new(ip, 53));
    word.parse().ok().or_else(as_address)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Hosts, ResolvConf};
    use crate::locate::{Kind, Question};

    #[test]
    fn names_of_the_hosts_file_have_addresses_and_no_services() {
        let hosts = Hosts::parse("127.0.0.1 localhost LOCAL # me\n::1 localhost\nnonsense x\n");
        let rows = [
            (Kind::A, "localhost", Some(1)),
            (Kind::Aaaa, "localhost", Some(1)),
            (Kind::Aaaa, "local", Some(0)),
            (Kind::Srv, "_sip._udp.localhost", Some(0)),
            (Kind::Naptr, "localhost", Some(0)),
            (Kind::A, "x", None),
            (Kind::Srv, "_sip._udp.x", None),
            (Kind::Srv, "x", None),
        ];
        let mut names: Vec<&str> = hosts.names([127, 0, 0, 1].into()).collect();
        names.sort_unstable();
        assert_eq!(names, ["local", "localhost"]);
        for (kind, name, count) in rows {
            let answer = hosts.answer(&Question::new(kind, name));
            assert_eq!(answer.map(|answer| answer.records.len()), count, "{kind} {name}");
        }
    }

    /// resolv.conf(5), and a port behind the address.
    #[test]
    fn resolv_conf_names_servers_search_list_and_times() {
        let conf = ResolvConf::parse(
            "; comment\nnameserver 192.0.2.1\nnameserver ::1\nnameserver 127.0.0.1:5353\nnameserver x\n\
             search One.example two.example\noptions ndots:2 timeout:1 attempts:9 rotate bad:x\n",
        );
        let servers: Vec<String> = conf.servers.iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1:53", "[::1]:53", "127.0.0.1:5353"]);
        assert_eq!(conf.search, ["one.example", "two.example"]);
        assert_eq!((conf.ndots, conf.timeout, conf.attempts), (2, Duration::from_secs(1), 5));
        assert_eq!(ResolvConf::parse(""), ResolvConf::default());
    }
}
