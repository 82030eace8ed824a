//! The order of records: SRV by priority and weight (RFC 2782), NAPTR by order and by what we like (RFC 3263 4.1).

use super::{Naptr, NaptrRanking, Rules, Security, Srv, SrvRanking};
use crate::ident::Ident;
use crate::peer::Transport;

/// SRV records in the order they are tried. Equal seeds give equal orders.
pub(super) fn srvs(mut records: Vec<Srv>, ranking: SrvRanking, ident: &mut Ident) -> Vec<Srv> {
    records.sort_by_key(|srv| (srv.priority, std::cmp::Reverse(srv.weight)));
    if ranking == SrvRanking::HeaviestFirst {
        return records;
    }
    let mut ordered = Vec::with_capacity(records.len());
    while !records.is_empty() {
        let priority = records[0].priority;
        let equals = records.iter().take_while(|srv| srv.priority == priority).count();
        let at = draw(&records[..equals], ident);
        ordered.push(records.remove(at));
    }
    ordered
}

/// RFC 2782: a running sum of the weights, those of weight 0 first so that they have a small chance, and a
/// random number up to the whole sum.
fn draw(equals: &[Srv], ident: &mut Ident) -> usize {
    let sum: u64 = equals.iter().map(|srv| u64::from(srv.weight)).sum();
    let drawn = ident.below(sum + 1);
    let mut running = 0;
    let zero_first = (0..equals.len()).rev();
    for at in zero_first {
        running += u64::from(equals[at].weight);
        if running >= drawn {
            return at;
        }
    }
    0
}

/// The services of a domain that can be used, as transport and name of their SRV records, best first.
pub(super) fn services(records: Vec<Naptr>, rules: &Rules, security: Security) -> Vec<(Transport, String)> {
    let mut usable: Vec<(Naptr, Transport)> = records
        .into_iter()
        .filter(|naptr| naptr.flags.eq_ignore_ascii_case("s") && !naptr.replacement.is_empty())
        .filter_map(|naptr| service(&naptr.service).map(|transport| (naptr, transport)))
        .filter(|(_, transport)| rules.preference(*transport) >= 0)
        .filter(|(_, transport)| security == Security::Any || transport.is_secure())
        .collect();
    usable.sort_by_key(|(naptr, transport)| {
        let ours = match rules.naptr {
            NaptrRanking::ByPreference => -rules.preference(*transport),
            NaptrRanking::ByOrder | NaptrRanking::Ignore => 0,
        };
        (ours, naptr.order, naptr.preference)
    });
    usable.into_iter().map(|(naptr, transport)| (transport, naptr.replacement)).collect()
}

/// RFC 3263 4.1, RFC 4168 5.
fn service(name: &str) -> Option<Transport> {
    const SERVICES: [(&str, Transport); 4] = [
        ("SIP+D2U", Transport::Udp),
        ("SIP+D2T", Transport::Tcp),
        ("SIPS+D2T", Transport::Tls),
        ("SIP+D2S", Transport::Sctp),
    ];
    SERVICES.iter().find(|(service, _)| service.eq_ignore_ascii_case(name)).map(|row| row.1)
}

#[cfg(test)]
mod tests {
    use super::{Naptr, NaptrRanking, Rules, Security, Srv, SrvRanking, services, srvs};
    use crate::ident::Ident;

    fn srv(priority: u16, weight: u16, target: &str) -> Srv {
        Srv { priority, weight, port: 5060, target: target.into() }
    }

    fn order(records: &[Srv], ranking: SrvRanking, ident: &mut Ident) -> String {
        srvs(records.to_vec(), ranking, ident).iter().map(|srv| &*srv.target).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn the_heaviest_of_the_lowest_priority_comes_first() {
        let records = [srv(2, 90, "d"), srv(1, 10, "b"), srv(1, 60, "a"), srv(1, 0, "c")];
        assert_eq!(order(&records, SrvRanking::HeaviestFirst, &mut Ident::seeded(1)), "a b c d");
    }

    /// RFC 2782: the share of first places is that of the weights, and priorities are never mixed.
    #[test]
    fn weights_are_shares_of_the_first_place() {
        let records = [srv(1, 60, "a"), srv(1, 30, "b"), srv(1, 10, "c"), srv(2, 500, "z")];
        let mut ident = Ident::seeded(7);
        let mut firsts = [0; 3];
        for _ in 0..10_000 {
            let ordered = order(&records, SrvRanking::ByWeight, &mut ident);
            assert!(ordered.ends_with(" z"), "{ordered}");
            firsts[usize::from(ordered.as_bytes()[0] - b'a')] += 1;
        }
        for (seen, expected) in firsts.iter().zip([6000, 3000, 1000]) {
            assert!((expected - 250..expected + 250).contains(seen), "{firsts:?}");
        }
    }

    #[test]
    fn equal_seeds_give_equal_orders() {
        let records = [srv(1, 5, "a"), srv(1, 5, "b"), srv(1, 5, "c"), srv(1, 0, "d")];
        let all = |seed| {
            let mut ident = Ident::seeded(seed);
            (0..20).map(|_| order(&records, SrvRanking::ByWeight, &mut ident)).collect::<Vec<_>>()
        };
        assert_eq!(all(3), all(3));
        assert_ne!(all(3), all(4));
    }

    /// RFC 3263 4.1: what we cannot use is left out; the rest by their order or by ours.
    #[test]
    fn services_are_ranked() {
        let naptr = |order, preference, flags: &str, service: &str| Naptr {
            order,
            preference,
            flags: flags.into(),
            service: service.into(),
            replacement: service.to_ascii_lowercase(),
        };
        let records = || {
            vec![
                naptr(10, 5, "s", "SIPS+D2T"),
                naptr(20, 5, "S", "sip+d2u"),
                naptr(10, 9, "s", "SIP+D2T"),
                naptr(1, 1, "u", "SIP+D2U"),
                naptr(1, 1, "s", "SIP+D2X"),
            ]
        };
        let names = |rules: &Rules, security| -> Vec<String> {
            services(records(), rules, security).into_iter().map(|(_, name)| name).collect()
        };
        let ours = Rules { naptr: NaptrRanking::ByPreference, ..Rules::default() };
        assert_eq!(names(&ours, Security::Any), ["sip+d2u", "sip+d2t", "sips+d2t"]);
        let theirs = Rules { naptr: NaptrRanking::ByOrder, ..Rules::default() };
        assert_eq!(names(&theirs, Security::Any), ["sips+d2t", "sip+d2t", "sip+d2u"]);
        assert_eq!(names(&theirs, Security::Sips), ["sips+d2t"]);
        let no_tcp = Rules { preferences: [30, -1, 10, 20], ..ours };
        assert_eq!(names(&no_tcp, Security::Any), ["sip+d2u", "sips+d2t"]);
    }
}
