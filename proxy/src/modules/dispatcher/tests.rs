//! Tests of the functions and remote procedures on a list in a file of its own, and on a table.

use std::time::Duration;

use sip::locate::Destination;
use sip::peer::Transport;

use crate::api::{IoAnswer, IoRequest};
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
    let set_state = "dispatcher.set_state";
    assert_eq!(trial.rpc(set_state, &["ip", "1", "sip:127.0.0.1:7001"]), "Ok. Dispatcher state updated.");
    assert_eq!(
        trial.rpc("dispatcher.list", &[]),
        "{NRSETS:1,RECORDS:[{SET:{ID:1,TARGETS:[{DEST:{URI:sip:127.0.0.1:7001,FLAGS:IP,PRIORITY:2,\
         ATTRS:{BODY:duid=a;maxload=5,DUID:a,MAXLOAD:5,WEIGHT:0,RWEIGHT:0,SOCKET:,SOCKNAME:,OBPROXY:},\
         LATENCY:{AVG:0.000000,STD:0.000000,EST:0.000000,MAX:0,TIMEOUT:0},RUNTIME:{DLGLOAD:0}}},\
         {DEST:{URI:sip:127.0.0.1:7002,FLAGS:AX,PRIORITY:1,\
         LATENCY:{AVG:0.000000,STD:0.000000,EST:0.000000,MAX:0,TIMEOUT:0},RUNTIME:{DLGLOAD:0}}}]}}]}"
    );
    assert_eq!(trial.rpc(set_state, &["zz", "1", "all"]), "500 Unknown State Value");
    assert_eq!(trial.rpc(set_state, &["a", "9", "all"]), "500 State Update Failed");
    assert_eq!(trial.rpc(set_state, &["a", "1"]), "500 Invalid Parameters");
    assert_eq!(trial.rpc(set_state, &["a", "1", "all"]), "Ok. Dispatcher state updated.");
    assert_eq!(trial.rpc("dispatcher.set_duid_state", &["d", "1", "a"]), "Ok. Dispatcher state updated.");
    assert!(trial.rpc("dispatcher.list", &["short"]).contains("FLAGS:DX,PRIORITY:2,LATENCY"));
}

#[test]
fn destinations_are_added_and_removed_with_time_between() {
    let mut trial = trial(r#"ds_select_dst("1", "8"); xlog("L_ERR", "$du");"#);
    trial.run(OPTIONS);
    let (add, remove) = ("dispatcher.add", "dispatcher.remove");
    assert_eq!(trial.rpc(add, &["1", "127.0.0.1:7003", "0", "9"]), "Ok. Dispatcher destination added.");
    assert_eq!(trial.run(OPTIONS).lines, ["sip:127.0.0.1:7003"]);
    assert_eq!(trial.rpc(remove, &["1", "sip:127.0.0.1:7003"]), "500 Ongoing reload");
    trial.shard.now += Duration::from_secs(5);
    assert_eq!(trial.rpc(remove, &["1", "sip:127.0.0.1:7003"]), "Ok. Dispatcher destination removed.");
    assert_eq!(trial.run(OPTIONS).lines, ["sip:127.0.0.1:7001"]);
    let hash = "dispatcher.hash";
    assert_eq!(trial.rpc(hash, &["3", "abc"]), "{hashid:7167810,slot:0}");
    assert_eq!(trial.rpc(hash, &["3", ""]), "500 Invalid Parameters");
    assert_eq!(trial.rpc("dispatcher.ping_active", &["0"]), "{NewPingState:0,OldPingState:1}");
    assert_eq!(trial.rpc("dispatcher.ping_active", &[]), "{OldPingState:0}");
}

/// The list in the table again: states and loads begin anew.
#[test]
fn a_list_is_read_anew_by_command() {
    let mut trial = trial(r#"$var(r) = ds_is_active("1", "sip:127.0.0.1:7001"); xlog("L_ERR", "$var(r)");"#);
    trial.run(OPTIONS);
    trial.rpc("dispatcher.set_state", &["i", "1", "sip:127.0.0.1:7001"]);
    assert_eq!(trial.run(OPTIONS).lines, ["-1"]);
    trial.shard.now += Duration::from_secs(5);
    assert_eq!(trial.rpc("dispatcher.reload", &[]), "Ok. Dispatcher successfully reloaded.");
    assert_eq!(trial.rpc("dispatcher.reload", &[]), "500 Ongoing reload");
}

/// A name in the table, and where it is: by address records at port 5060, by service at another.
fn named(request: &IoRequest) -> IoAnswer {
    match request {
        IoRequest::Locate(_) => {
            let addr = ([127, 0, 0, 1], 5070).into();
            IoAnswer::Located(vec![Destination { transport: Transport::Udp, addr }])
        }
        _ => {
            let row = vec![
                Cell::Int(1),
                Cell::text(b"sip:gw.example"),
                Cell::Int(0),
                Cell::Int(0),
                Cell::text(b""),
            ];
            IoAnswer::Store(Ok(Reply::Rows(vec![row])))
        }
    }
}

/// `ds_dns_mode`: the source is 127.0.0.1:5070; without a look-up a name is nobody's address.
#[test]
fn names_are_looked_up_when_somebody_is_compared_with_them() {
    for (mode, any_port, exact) in [(0, -1, -1), (2, 1, -1), (10, 1, 1)] {
        let mode_line = format!("modparam(\"dispatcher\", \"ds_dns_mode\", {mode})\n");
        let body = r#"$var(a) = ds_is_from_list("1", "3"); $var(b) = ds_is_from_list("1", "2"); xlog("L_ERR", "$var(a) $var(b)");"#;
        let mut trial =
            Trial::load(&format!("{TABLE}{mode_line}request_route {{\n{body}\n}}")).expect("right");
        trial.outside = named;
        assert_eq!(trial.run(OPTIONS).lines, [format!("{any_port} {exact}")], "mode {mode}");
    }
}
