//! What sl counts: the replies sent without state by status, for the statistics and for `sl.stats`.

use crate::api::{RpcError, RpcValue, Shard, StatDef, Value};
use crate::relay::STATELESS_CODES;

/// The statistics.
pub(super) static STATS: &[StatDef] = &[
    StatDef { name: "1xx_replies", read: |shard| of_class(shard, 1), doc: "1xx sent without state" },
    StatDef { name: "200_replies", read: |shard| of_code(shard, 200), doc: "200 sent without state" },
    StatDef { name: "202_replies", read: |shard| of_code(shard, 202), doc: "202 sent without state" },
    StatDef { name: "2xx_replies", read: |shard| of_class(shard, 2), doc: "other 2xx sent without state" },
    StatDef { name: "300_replies", read: |shard| of_code(shard, 300), doc: "300 sent without state" },
    StatDef { name: "301_replies", read: |shard| of_code(shard, 301), doc: "301 sent without state" },
    StatDef { name: "302_replies", read: |shard| of_code(shard, 302), doc: "302 sent without state" },
    StatDef { name: "3xx_replies", read: |shard| of_class(shard, 3), doc: "other 3xx sent without state" },
    StatDef { name: "400_replies", read: |shard| of_code(shard, 400), doc: "400 sent without state" },
    StatDef { name: "401_replies", read: |shard| of_code(shard, 401), doc: "401 sent without state" },
    StatDef { name: "403_replies", read: |shard| of_code(shard, 403), doc: "403 sent without state" },
    StatDef { name: "404_replies", read: |shard| of_code(shard, 404), doc: "404 sent without state" },
    StatDef { name: "407_replies", read: |shard| of_code(shard, 407), doc: "407 sent without state" },
    StatDef { name: "408_replies", read: |shard| of_code(shard, 408), doc: "408 sent without state" },
    StatDef { name: "483_replies", read: |shard| of_code(shard, 483), doc: "483 sent without state" },
    StatDef { name: "4xx_replies", read: |shard| of_class(shard, 4), doc: "other 4xx sent without state" },
    StatDef { name: "500_replies", read: |shard| of_code(shard, 500), doc: "500 sent without state" },
    StatDef { name: "5xx_replies", read: |shard| of_class(shard, 5), doc: "other 5xx sent without state" },
    StatDef { name: "6xx_replies", read: |shard| of_class(shard, 6), doc: "6xx sent without state" },
    StatDef { name: "xxx_replies", read: |shard| of_class(shard, 7), doc: "all others sent without state" },
    StatDef { name: "sent_replies", read: |shard| sent(shard, 0..8), doc: "replies sent without state" },
    StatDef { name: "sent_err_replies", read: |shard| sent(shard, 4..7), doc: "4xx to 6xx among them" },
    StatDef { name: "failures", read: |_| 0, doc: "replies that could not be made: none is noted" },
    StatDef {
        name: "received_ACKs",
        read: |shard| shard.relay.counters().own_acks,
        doc: "ACKs to replies sent without state",
    },
];

/// `sl.stats`: the fields of Kamailio 5.6.3, in its order.
pub(super) fn stats(shard: &mut Shard, _: &[Value]) -> Result<RpcValue, RpcError> {
    let named =
        ["200", "202", "2xx", "300", "301", "302", "3xx", "400", "401", "403", "404", "407", "408", "483"];
    let named = named.into_iter().chain(["4xx", "500", "5xx", "6xx", "xxx"]);
    let fields = named.map(|name| {
        let count = match (name.parse(), &name[..1]) {
            (Ok(code), _) => of_code(shard, code),
            (Err(_), class) => of_class(shard, class.parse().unwrap_or(7)),
        };
        (name.to_owned(), RpcValue::Plain(Value::Int(count as i64)))
    });
    Ok(RpcValue::Record(fields.collect()))
}

fn of_code(shard: &mut Shard, code: u16) -> u64 {
    let place = STATELESS_CODES.iter().position(|of| *of == code);
    place.map_or(0, |place| shard.relay.counters().stateless_codes[place])
}

/// Those of a class that have no counter of their own; class 7 stands for all others.
fn of_class(shard: &mut Shard, class: u16) -> u64 {
    let counters = shard.relay.counters();
    let of_class =
        STATELESS_CODES.iter().zip(counters.stateless_codes).filter(|(code, _)| **code / 100 == class);
    let all = counters.stateless_replies.get(usize::from(class)).copied().unwrap_or(0);
    all - of_class.map(|(_, count)| count).sum::<u64>()
}

fn sent(shard: &mut Shard, classes: std::ops::Range<usize>) -> u64 {
    shard.relay.counters().stateless_replies[classes].iter().sum()
}
