//! Tests of the address functions on a table of two records.

use crate::api::{IoAnswer, IoRequest};
use crate::store::{Cell, Reply, StoreError};
use crate::trial::{OPTIONS, Trial};

const HEAD: &str = "loadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"db_sqlite.so\"\n\
    loadmodule \"permissions.so\"\nmodparam(\"permissions\", \"db_url\", \"sqlite:///addresses\")\n\
    modparam(\"permissions\", \"load_backends\", 1)\nmodparam(\"permissions\", \"peer_tag_avp\", \"$avp(tag)\")\n";

fn table(request: &IoRequest) -> IoAnswer {
    assert!(matches!(request, IoRequest::Query(..)));
    let row = |group, address: &[u8], mask, tag| {
        vec![Cell::Int(group), Cell::text(address), Cell::Int(mask), Cell::Int(0), tag]
    };
    let rows = vec![row(1, b"127.0.0.0", 8, Cell::text(b"home")), row(7, b"10.0.0.1", 32, Cell::Null)];
    IoAnswer::Store(Ok(Reply::Rows(rows)))
}

#[test]
fn the_table_is_read_once_and_kept() {
    let body = r#"$var(a) = allow_source_address(); $var(b) = allow_source_address("2");
        $var(c) = allow_address("7", "10.0.0.1", "5060"); $var(d) = allow_address_group("10.0.0.1", "1");
        $var(e) = allow_source_address_group(); $var(f) = allow_address("1", "host.example", "1");
        xlog("L_ERR", "$var(a) $var(b) $var(c) $var(d) $var(e) $var(f) $avp(tag)");"#;
    let mut trial = Trial::load(&format!("{HEAD}request_route {{\n{body}\n}}")).expect("right");
    trial.outside = table;
    assert_eq!(trial.run(OPTIONS).lines, ["1 -1 1 7 1 -1 home"]);
    trial.outside = |_| panic!("the table has been read");
    assert_eq!(trial.run(OPTIONS).lines, ["1 -1 1 7 1 -1 home"]);
    super::functions::reload(&mut trial.shard, &[]).expect("reload");
    trial.outside = table;
    assert_eq!(trial.run(OPTIONS).lines, ["1 -1 1 7 1 -1 home"]);
}

#[test]
fn a_database_that_fails_allows_nobody_and_is_asked_again() {
    let body = r#"allow_source_address(); xlog("L_ERR", "$rc");"#;
    let mut trial = Trial::load(&format!("{HEAD}request_route {{\n{body}\n}}")).expect("right");
    trial.outside = |_| IoAnswer::Store(Err(StoreError::Unreachable("gone".into())));
    assert_eq!(trial.run(OPTIONS).lines, ["permissions: the database cannot be reached: gone", "-1"]);
    trial.outside = table;
    assert_eq!(trial.run(OPTIONS).lines, ["1"]);
}
