//! The procedure of RFC 3263 4.1 and 4.2 over what is known.
//!
//! It is run from its start each time more is known, so there is no state to keep between questions.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use super::order::{services, srvs};
use super::{
    Answer, Destination, Families, Kind, NaptrRanking, Query, Question, Record, Rules, Security, Variety,
};
use crate::ident::Ident;
use crate::peer::Transport;

/// How far a search is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// The places to try, in order; at least one, at most 32, none twice.
    Found(Vec<Destination>),
    /// These answers are needed to go on.
    Ask(Vec<Question>),
    /// There is no such place.
    Nowhere,
}

/// Locates a host with the answers that `known` has. `seed` decides among equal SRV records: equal seeds give
/// equal orders.
pub fn locate(
    query: &Query,
    rules: &Rules,
    seed: u64,
    known: impl FnMut(&Question) -> Option<Arc<Answer>>,
) -> Progress {
    let mut search = Search { rules, known, missing: Vec::new(), ident: Ident::seeded(seed) };
    let found = search.run(query);
    match (search.missing.is_empty(), found.is_empty()) {
        (false, _) => Progress::Ask(search.missing),
        (true, false) => Progress::Found(found),
        (true, true) => Progress::Nowhere,
    }
}

struct Search<'r, K> {
    rules: &'r Rules,
    known: K,
    missing: Vec<Question>,
    ident: Ident,
}

impl<K: FnMut(&Question) -> Option<Arc<Answer>>> Search<'_, K> {
    fn run(&mut self, query: &Query) -> Vec<Destination> {
        let fallback = fallback_transport(query);
        let bare = query.host.trim_matches(['[', ']']);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            let port = query.port.unwrap_or_else(|| fallback.default_port());
            return vec![Destination { transport: fallback, addr: SocketAddr::new(ip, port) }];
        }
        if let Some(port) = query.port {
            // 4.2: a port is written, so only addresses are looked up.
            return self.addresses(&query.host, port, fallback);
        }
        let named = self.by_service(query);
        if !named.is_empty() || !self.missing.is_empty() {
            return named;
        }
        self.addresses(&query.host, fallback.default_port(), fallback)
    }

    /// Places by NAPTR and SRV.
    fn by_service(&mut self, query: &Query) -> Vec<Destination> {
        if query.transport.is_none() && self.rules.naptr != NaptrRanking::Ignore {
            let Some(answer) = self.ask(Kind::Naptr, &query.host) else { return Vec::new() };
            let records = answer.records.iter().filter_map(|record| match record {
                Record::Naptr(naptr) => Some(naptr.clone()),
                Record::Srv(_) | Record::Address(_) | Record::Name(_) => None,
            });
            let services = services(records.collect(), self.rules, query.security);
            let found = self.all(services);
            if !found.is_empty() || !self.missing.is_empty() {
                return found;
            }
        }
        let transports = match query.transport {
            Some(transport) => vec![secured(transport, query.security)],
            None if query.security == Security::Sips => vec![Transport::Tls],
            None if self.rules.variety == Variety::All => self.rules.liked(),
            None => vec![Transport::Udp],
        };
        let names = transports.into_iter().filter_map(|transport| {
            let service = srv_prefix(transport)?;
            Some((transport, format!("{service}.{}", query.host)))
        });
        self.all(names.collect())
    }

    /// The places of several services, one after the other.
    fn all(&mut self, services: Vec<(Transport, String)>) -> Vec<Destination> {
        let mut places = Vec::new();
        for (transport, name) in services {
            let found = self.service(transport, &name);
            found.into_iter().for_each(|place| add(&mut places, place));
        }
        places
    }

    /// The places of one service, by its SRV records.
    fn service(&mut self, transport: Transport, name: &str) -> Vec<Destination> {
        let Some(answer) = self.ask(Kind::Srv, name) else { return Vec::new() };
        let records = answer.records.iter().filter_map(|record| match record {
            // RFC 2782: a target "." says that there is no such service.
            Record::Srv(srv) if !srv.target.is_empty() => Some(srv.clone()),
            Record::Srv(_) | Record::Naptr(_) | Record::Address(_) | Record::Name(_) => None,
        });
        let mut places = Vec::new();
        for srv in srvs(records.collect(), self.rules.srv, &mut self.ident).into_iter().take(MAX_PLACES) {
            let found = self.addresses(&srv.target, srv.port, transport);
            found.into_iter().for_each(|place| add(&mut places, place));
        }
        places
    }

    /// The addresses of a host.
    fn addresses(&mut self, host: &str, port: u16, transport: Transport) -> Vec<Destination> {
        let kinds: &[Kind] = match self.rules.families {
            Families::V4 => &[Kind::A],
            Families::V6 => &[Kind::Aaaa],
            Families::V4V6 => &[Kind::A, Kind::Aaaa],
            Families::V6V4 => &[Kind::Aaaa, Kind::A],
        };
        let mut places = Vec::new();
        for kind in kinds {
            let Some(answer) = self.ask(*kind, host) else { continue };
            for record in &answer.records {
                if let Record::Address(ip) = record {
                    add(&mut places, Destination { transport, addr: SocketAddr::new(*ip, port) });
                }
            }
        }
        places
    }

    fn ask(&mut self, kind: Kind, name: &str) -> Option<Arc<Answer>> {
        let question = Question::new(kind, name);
        let answer = (self.known)(&question);
        if answer.is_none() && !self.missing.contains(&question) && self.missing.len() < MAX_QUESTIONS {
            self.missing.push(question);
        }
        answer
    }
}

fn add(places: &mut Vec<Destination>, place: Destination) {
    if places.len() < MAX_PLACES && !places.contains(&place) {
        places.push(place);
    }
}

/// 4.1: without a transport, an address or a port means UDP, for `sips:` TLS.
pub(super) fn fallback_transport(query: &Query) -> Transport {
    secured(query.transport.unwrap_or(Transport::Udp), query.security)
}

/// RFC 3261 26.2.2: `sips:` over `transport=tcp` is TLS over TCP.
fn secured(transport: Transport, security: Security) -> Transport {
    match (security, transport) {
        (Security::Any, transport) | (Security::Sips, transport @ (Transport::Tls | Transport::Wss)) => {
            transport
        }
        (Security::Sips, Transport::Ws) => Transport::Wss,
        (Security::Sips, Transport::Udp | Transport::Tcp | Transport::Sctp) => Transport::Tls,
    }
}

/// 4.1, RFC 4168 5; WebSocket has none.
fn srv_prefix(transport: Transport) -> Option<&'static str> {
    match transport {
        Transport::Udp => Some("_sip._udp"),
        Transport::Tcp => Some("_sip._tcp"),
        Transport::Tls => Some("_sips._tcp"),
        Transport::Sctp => Some("_sip._sctp"),
        Transport::Ws | Transport::Wss => None,
    }
}

/// Places given at most: who has tried so many in vain will not reach the host.
const MAX_PLACES: usize = 32;
/// Questions asked at a time at most.
const MAX_QUESTIONS: usize = 80;

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
