//! The procedure against zones written as text: `name KIND data`, one record a line.

use std::sync::Arc;

use super::{Progress, locate};
use crate::locate::{
    Answer, Families, Kind, Naptr, NaptrRanking, Query, Question, Record, Rules, Security, Srv, Variety,
};
use crate::peer::Transport;

const ZONE: &str = "\
example.com NAPTR 50 50 s SIPS+D2T _sips._tcp.example.com
example.com NAPTR 90 50 s SIP+D2T _sip._tcp.example.com
example.com NAPTR 100 50 s SIP+D2U _sip._udp.example.com
example.com A 192.0.2.99
_sips._tcp.example.com SRV 0 1 5061 server1.example.com
_sip._tcp.example.com SRV 0 1 5060 server1.example.com
_sip._tcp.example.com SRV 1 2 5080 server2.example.com
_sip._udp.example.com SRV 0 0 5060 server2.example.com
server1.example.com A 192.0.2.1
server1.example.com AAAA 2001:db8::1
server2.example.com A 192.0.2.2
none.example.com A 192.0.2.7
_sip._udp.none.example.com SRV 0 0 0 .
v6.example.com AAAA 2001:db8::6
loop.example.com NAPTR 1 1 s SIP+D2U loop.example.com";

fn known(question: &Question) -> Arc<Answer> {
    let kind = question.kind.to_string();
    let rows = ZONE.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let rows = rows.filter(|row| row[0] == question.name && row[1] == kind);
    let number = |text: &str| text.parse().expect("a number");
    let records = rows.map(|row| match question.kind {
        Kind::A | Kind::Aaaa => Record::Address(row[2].parse().expect("an address")),
        Kind::Srv => Record::Srv(Srv {
            priority: number(row[2]),
            weight: number(row[3]),
            port: number(row[4]),
            target: row[5].trim_end_matches('.').into(),
        }),
        Kind::Ptr => Record::Name(row[2].to_owned()),
        Kind::Naptr => Record::Naptr(Naptr {
            order: number(row[2]),
            preference: number(row[3]),
            flags: row[4].into(),
            service: row[5].into(),
            replacement: row[6].into(),
        }),
    });
    Arc::new(Answer { records: records.collect(), ttl_seconds: 60 })
}

fn query(host: &str) -> Query {
    Query { host: host.into(), port: None, transport: None, security: Security::Any }
}

fn places(query: &Query, rules: &Rules) -> String {
    match locate(query, rules, 1, |question| Some(known(question))) {
        Progress::Found(places) => {
            let texts: Vec<String> = places.iter().map(|place| place.peer().to_string()).collect();
            texts.join(" ")
        }
        other => format!("{other:?}"),
    }
}

/// RFC 3263 4.1 and 4.2, in the order of their paragraphs.
#[test]
fn places_follow_the_uri() {
    let plain = Rules::default();
    let naptr = Rules { naptr: NaptrRanking::ByPreference, ..Rules::default() };
    let rows = [
        (query("192.0.2.5"), &naptr, "udp:192.0.2.5:5060"),
        (Query { transport: Some(Transport::Tls), ..query("[::1]") }, &naptr, "tls:[::1]:5061"),
        (Query { security: Security::Sips, ..query("192.0.2.5") }, &naptr, "tls:192.0.2.5:5061"),
        (Query { port: Some(7), ..query("example.com") }, &naptr, "udp:192.0.2.99:7"),
        (
            Query { port: Some(7), transport: Some(Transport::Tcp), ..query("example.com") },
            &plain,
            "tcp:192.0.2.99:7",
        ),
        (query("example.com"), &plain, "udp:192.0.2.2:5060"),
        (
            query("example.com"),
            &naptr,
            "udp:192.0.2.2:5060 tcp:192.0.2.1:5060 tcp:[2001:db8::1]:5060 tcp:192.0.2.2:5080 tls:192.0.2.1:5061 tls:[2001:db8::1]:5061",
        ),
        (
            Query { transport: Some(Transport::Tcp), ..query("example.com") },
            &naptr,
            "tcp:192.0.2.1:5060 tcp:[2001:db8::1]:5060 tcp:192.0.2.2:5080",
        ),
        (
            Query { security: Security::Sips, ..query("example.com") },
            &plain,
            "tls:192.0.2.1:5061 tls:[2001:db8::1]:5061",
        ),
        (query("server1.example.com"), &plain, "udp:192.0.2.1:5060 udp:[2001:db8::1]:5060"),
        (query("none.example.com"), &plain, "udp:192.0.2.7:5060"),
        (query("loop.example.com"), &naptr, "Nowhere"),
        (query("nobody.example.com"), &naptr, "Nowhere"),
    ];
    for (query, rules, expected) in rows {
        assert_eq!(places(&query, rules), expected, "{query:?}");
    }
}

#[test]
fn families_and_variety_are_chosen_by_the_rules() {
    let with = |families| Rules { families, ..Rules::default() };
    let one = Query { port: Some(1), ..query("server1.example.com") };
    assert_eq!(places(&one, &with(Families::V4)), "udp:192.0.2.1:1");
    assert_eq!(places(&one, &with(Families::V6)), "udp:[2001:db8::1]:1");
    assert_eq!(places(&one, &with(Families::V6V4)), "udp:[2001:db8::1]:1 udp:192.0.2.1:1");
    assert_eq!(places(&query("v6.example.com"), &with(Families::V4)), "Nowhere");
    let all = Rules { variety: Variety::All, families: Families::V4, ..Rules::default() };
    assert_eq!(
        places(&query("example.com"), &all),
        "udp:192.0.2.2:5060 tcp:192.0.2.1:5060 tcp:192.0.2.2:5080 tls:192.0.2.1:5061"
    );
}

/// What is not known is asked for, stage by stage, and nothing that is not needed.
#[test]
fn questions_come_in_stages() {
    let rules = Rules { naptr: NaptrRanking::ByPreference, families: Families::V4, ..Rules::default() };
    let mut asked: Vec<Question> = Vec::new();
    let mut stages = Vec::new();
    loop {
        let progress = locate(&query("example.com"), &rules, 1, |it| asked.contains(it).then(|| known(it)));
        let Progress::Ask(questions) = progress else { break };
        stages.push(questions.iter().map(|it| it.kind.to_string()).collect::<Vec<_>>().join(" "));
        asked.extend(questions);
    }
    assert_eq!(stages, ["NAPTR", "SRV SRV SRV", "A A"]);
}
