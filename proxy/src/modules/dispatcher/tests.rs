//! Tests of the functions and remote procedures on a list in a file of its own, and on a table.

use std::time::Duration;

use crate::api::{IoAnswer, IoRequest, RpcFn, RpcValue, Value};
use crate::store::{Cell, Reply};
use crate::trial::{OPTIONS, Trial};

const TABLE: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"db_sqlite.so\"\n\
    loadmodule \"dispatcher.so\"\nmodparam(\"dispatcher\", \"db_url\", \"sqlite:///dispatcher\")\n\
    modparam(\"dispatcher\", \"flags\", 2)\nmodparam(\"dispatcher\", \"ds_ping_latency_stats\", 1)\n";

fn rows(request: &IoRequest) -> IoAnswer {
    assert!(matches!(request, IoRequest::Query(..)));
    let row = |set, uri: &[u8], priority, attrs: &[u8]| {
        vec![Cell::Int(set), Cell::text(uri), Cell::Int(0), Cell::Int(priority), Cell::text(attrs)]
    };
    let rows = vec![row(1, b"sip:127.0.0.1:7001", 2, b"duid=a;maxload=5"), row(1, b"127.0.0.1:7002", 1, b"")];
    IoAnswer::Store(Ok(Reply::Rows(rows)))
}

fn trial(body: &str) -> Trial {
    let mut trial = Trial::load(&format!("{TABLE}request_route {{\n{body}\n}}")).expect("right");
    trial.outside = rows;
    trial
}

/// A result as text, names and values in order.
fn show(value: &RpcValue) -> String {
    match value {
        RpcValue::Plain(value) => value.to_display(),
        RpcValue::List(list) => format!("[{}]", list.iter().map(show).collect::<Vec<_>>().join(",")),
        RpcValue::Record(fields) => {
            let fields: Vec<String> =
                fields.iter().map(|(name, value)| format!("{name}:{}", show(value))).collect();
            format!("{{{}}}", fields.join(","))
        }
    }
}

fn call(trial: &mut Trial, procedure: RpcFn, args: &[&'static str]) -> String {
    let args: Vec<Value> = args.iter().map(|text| Value::literal(text)).collect();
    match procedure(&mut trial.shard, &args) {
        Ok(value) => show(&value),
        Err(error) => format!("{} {}", error.code, error.reason),
    }
}

#[test]
fn a_table_is_read_by_the_first_function_that_needs_it() {
    let mut trial = trial(
        r#"$var(r) = ds_select_dst("1", "4"); xlog("L_ERR", "$var(r) $du $xavp(_dsctx_=>cnt)");
        $var(r) = ds_is_active("1", "sip:127.0.0.1:7002"); xlog("L_ERR", "$var(r)");"#,
    );
    assert_eq!(trial.run(OPTIONS).lines, ["1 sip:127.0.0.1:7001 2", "1"]);
    trial.outside = |_| panic!("the table has been read");
    assert_eq!(trial.run(OPTIONS).lines, ["1 sip:127.0.0.1:7002 2", "1"]);
}

/// Structure and texts as seen on Kamailio 5.6.3.
#[test]
fn remote_procedures_list_and_set() {
    let mut trial = trial(r#"ds_select_dst("1", "4");"#);
    trial.run(OPTIONS);
    let set_state = super::rpc::set_state;
    assert_eq!(
        call(&mut trial, set_state, &["ip", "1", "sip:127.0.0.1:7001"]),
        "Ok. Dispatcher state updated."
    );
    assert_eq!(
        call(&mut trial, super::rpc::list, &[]),
        "{NRSETS:1,RECORDS:[{SET:{ID:1,TARGETS:[{DEST:{URI:sip:127.0.0.1:7001,FLAGS:IP,PRIORITY:2,\
         ATTRS:{BODY:duid=a;maxload=5,DUID:a,MAXLOAD:5,WEIGHT:0,RWEIGHT:0,SOCKET:,SOCKNAME:,OBPROXY:},\
         LATENCY:{AVG:0.000000,STD:0.000000,EST:0.000000,MAX:0,TIMEOUT:0},RUNTIME:{DLGLOAD:0}}},\
         {DEST:{URI:sip:127.0.0.1:7002,FLAGS:AX,PRIORITY:1,\
         LATENCY:{AVG:0.000000,STD:0.000000,EST:0.000000,MAX:0,TIMEOUT:0},RUNTIME:{DLGLOAD:0}}}]}}]}"
    );
    assert_eq!(call(&mut trial, set_state, &["zz", "1", "all"]), "500 Unknown State Value");
    assert_eq!(call(&mut trial, set_state, &["a", "9", "all"]), "500 State Update Failed");
    assert_eq!(call(&mut trial, set_state, &["a", "1"]), "500 Invalid Parameters");
    assert_eq!(call(&mut trial, set_state, &["a", "1", "all"]), "Ok. Dispatcher state updated.");
    assert_eq!(
        call(&mut trial, super::rpc::set_duid_state, &["d", "1", "a"]),
        "Ok. Dispatcher state updated."
    );
    assert!(call(&mut trial, super::rpc::list, &["short"]).contains("FLAGS:DX,PRIORITY:2,LATENCY"));
}

#[test]
fn destinations_are_added_and_removed_with_time_between() {
    let mut trial = trial(r#"ds_select_dst("1", "8"); xlog("L_ERR", "$du");"#);
    trial.run(OPTIONS);
    let (add, remove) = (super::rpc::add, super::rpc::remove);
    assert_eq!(
        call(&mut trial, add, &["1", "127.0.0.1:7003", "0", "9"]),
        "Ok. Dispatcher destination added."
    );
    assert_eq!(trial.run(OPTIONS).lines, ["sip:127.0.0.1:7003"]);
    assert_eq!(call(&mut trial, remove, &["1", "sip:127.0.0.1:7003"]), "500 Ongoing reload");
    trial.shard.now += Duration::from_secs(5);
    assert_eq!(call(&mut trial, remove, &["1", "sip:127.0.0.1:7003"]), "Ok. Dispatcher destination removed.");
    assert_eq!(trial.run(OPTIONS).lines, ["sip:127.0.0.1:7001"]);
    let hash = super::rpc::hash;
    assert_eq!(call(&mut trial, hash, &["3", "abc"]), "{hashid:7167810,slot:0}");
    assert_eq!(call(&mut trial, hash, &["3", ""]), "500 Invalid Parameters");
    assert_eq!(call(&mut trial, super::rpc::ping_active, &["0"]), "{NewPingState:0,OldPingState:1}");
    assert_eq!(call(&mut trial, super::rpc::ping_active, &[]), "{OldPingState:0}");
}
