//! Remote procedures of the small modules, called as a control interface calls them.

use proxy::trial::{OPTIONS, Trial};

const CONFIG: &str = "loadmodule \"kex.so\"\nloadmodule \"pv.so\"\nloadmodule \"sl.so\"\nloadmodule \"corex.so\"\n\
    loadmodule \"htable.so\"\nmodparam(\"pv\", \"shvset\", \"number=i:5\")\n\
    modparam(\"htable\", \"htable\", \"t=>size=4;autoexpire=100;\")\n\
    modparam(\"htable\", \"htable\", \"plain=>size=4;\")\n\
    request_route { $shv(text) = \"hello\"; sl_send_reply(\"404\", \"No\"); }";

/// Procedure, parameters, what it answers or why it refuses; in order, on one server.
const ROWS: &[(&str, &[&str], &str)] = &[
    ("pv.shvGet", &["number"], "{name:number,value:5}"),
    ("pv.shvGet", &["text"], "{name:text,value:hello}"),
    ("pv.shvSet", &["number", "i", "7"], "[]"),
    ("pv.shvSet", &["text", "s", "bye"], "[]"),
    ("pv.shvGet", &["number"], "{name:number,value:7}"),
    ("pv.shvGet", &["none"], "500 Variable not found"),
    ("pv.shvSet", &["number", "i"], "500 expected name, s or i, value"),
    ("htable.sets", &["t", "a", "one"], "Ok"),
    ("htable.seti", &["t", "n", "5"], "Ok"),
    ("htable.get", &["t", "a"], "{item:{name:a,value:one}}"),
    ("htable.get", &["t", "none"], "500 Key name doesn't exist in htable."),
    ("htable.setxs", &["plain", "x", "text", "50"], "Ok"),
    ("htable.setxi", &["plain", "y", "6", "50"], "Ok"),
    ("htable.setex", &["plain", "y", "70"], "Ok"),
    ("htable.setex", &["plain", "none", "70"], "500 Key name doesn't exist in htable."),
    ("htable.dump", &["plain"], "[{name:x,value:text},{name:y,value:6}]"),
    ("htable.stats", &[], "[{name:t,all:2},{name:plain,all:2}]"),
    (
        "htable.listTables",
        &[],
        "[{name:t,dbtable:,expire:100,updateexpire:1},{name:plain,dbtable:,expire:0,updateexpire:1}]",
    ),
    ("htable.delete", &["t", "a"], "Ok"),
    ("htable.get", &["t", "a"], "500 Key name doesn't exist in htable."),
    ("htable.flush", &["t"], "Ok"),
    ("htable.dump", &["t"], "[]"),
    ("htable.dump", &["none"], "500 no such htable"),
    ("htable.reload", &["t"], "500 table t is not kept in a database"),
    ("htable.store", &["t"], "500 db_url is not set"),
    ("stats.get_statistics", &["sent_replies"], "[sl:sent_replies = 1]"),
    ("corex.debug", &[], "{debug:0}"),
    ("corex.debug", &["2"], "{old:0,new:2}"),
    ("corex.list_sockets", &[], "[{PROTO:udp,ADDRESS:127.0.0.1,PORT:5060,NAME:-,ADVERTISE:-}]"),
    ("corex.list_aliases", &[], "[]"),
];

#[test]
fn procedures_answer_with_what_there_is() {
    let mut trial = Trial::load(CONFIG).expect("a good configuration");
    trial.run(OPTIONS);
    let mut wrong = Vec::new();
    for (name, params, expected) in ROWS {
        let answer = trial.rpc(name, params);
        if answer != *expected {
            wrong.push(format!("{name} {params:?}: {answer}, expected {expected}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let counts = trial.rpc("sl.stats", &[]);
    assert!(counts.contains("404:1") && counts.contains("200:0"), "{counts}");
}
