//! The proxy on real databases: tables made by the tool, contacts written in each mode and there after a restart,
//! rows of the packaged Kamailio read and the other way round, a database that goes away and comes back.

mod proxy;
mod storm;
mod versions;

use e2e::database::Kind;
use e2e::folder::Folder;
use e2e::programs::{Missing, locate};

use proxy::{Proxy, database};

/// Users come and go, tables are made once and brought up to date, in the words of kamctl.
fn tool_works(kind: Kind, name: &str) {
    let folder = Folder::new(name);
    let Some(database) = database(kind, &folder) else { return };
    assert_eq!(database.tool(&["create"]), Ok(String::new()), "again: nothing to do");
    database.tool(&["add-user", "alice@a.example", "secret"]).expect("a new user");
    let twice = database.tool(&["add-user", "alice@a.example", "secret"]).expect_err("she is there");
    assert!(twice.contains("is there already") && !twice.contains("secret"), "{twice}");
    let users = database.tool(&["show", "subscriber"]).expect("a table");
    assert_eq!(users, "username\tdomain\nalice\ta.example\n");
    database.tool(&["set-password", "alice@a.example", "other"]).expect("she is there");
    let row = ["add", "acc", "method=INVITE", "sip_code=200", "time=2026-01-02 03:04:05"];
    database.tool(&row).expect("a row");
    assert!(database.tool(&["show", "acc"]).expect("a table").contains("INVITE"));
    // What is older is brought up to date, what is missing is made.
    database.tool(&["remove", "version", "table_name=location"]).expect_err("version is no table of ours");
    assert_eq!(database.tool(&["upgrade"]), Ok(String::new()));
    database.tool(&["remove-user", "alice@a.example"]).expect("she is there");
    database.tool(&["remove-user", "alice@a.example"]).expect_err("she is gone");
}

/// Contacts are there after a restart in every mode that stores them, texts of SQL are texts, and no mode loses one
/// that was there before.
fn contacts_outlive_the_proxy(kind: Kind, name: &str) {
    let folder = Folder::new(name);
    let Some(database) = database(kind, &folder) else { return };
    let evil = "<sip:x';drop%20table%20location;--@127.0.0.1:5070>;q=0.5;+sip.instance=\"<urn:x'>\"";
    for mode in 1..=3u8 {
        let user = format!("user{mode}");
        let mut proxy = Proxy::start("sip-proxy", &folder, &database, mode);
        let reply = proxy.register(&user, evil);
        assert!(reply.contains("SIP/2.0 200") && reply.contains("drop%20table"), "mode {mode}: {reply}");
        proxy.program.end();
        for again in 1..=4u8 {
            let proxy = Proxy::start("sip-proxy", &folder, &database, again);
            let reply = proxy.register(&user, "");
            assert!(
                reply.contains("q=0.5;expires=") && reply.contains("<urn:x'>"),
                "{mode}, {again}: {reply}"
            );
            let found = proxy.ask("OPTIONS", &user, "");
            assert!(found.contains("200 sip:x';drop"), "{mode}, {again}: {found}");
        }
    }
    let proxy = Proxy::start("sip-proxy", &folder, &database, 1);
    assert!(proxy.register("user2", "<sip:other@127.0.0.1>;expires=0").contains("drop%20table"));
    assert!(!proxy.ask("REGISTER", "user2", "Contact: *\r\nExpires: 0\r\n").contains("Contact:"));
    let rows = database.tool(&["show", "location"]).expect("a table");
    assert!(rows.contains("user1") && !rows.contains("user2"), "{rows}");
}

#[test]
fn the_tool_works_on_sqlite() {
    tool_works(Kind::Sqlite, "tool-sqlite");
}

#[test]
fn the_tool_works_on_postgres() {
    tool_works(Kind::Postgres, "tool-postgres");
}

#[test]
fn the_tool_works_on_mysql() {
    tool_works(Kind::Mysql, "tool-mysql");
}

#[test]
fn the_tool_works_on_text_tables() {
    tool_works(Kind::Text, "tool-text");
}

#[test]
fn contacts_outlive_the_proxy_on_sqlite() {
    contacts_outlive_the_proxy(Kind::Sqlite, "contacts-sqlite");
}

#[test]
fn contacts_outlive_the_proxy_on_postgres() {
    contacts_outlive_the_proxy(Kind::Postgres, "contacts-postgres");
}

#[test]
fn contacts_outlive_the_proxy_on_mysql() {
    contacts_outlive_the_proxy(Kind::Mysql, "contacts-mysql");
}

#[test]
fn contacts_outlive_the_proxy_on_text_tables() {
    contacts_outlive_the_proxy(Kind::Text, "contacts-text");
}

/// Either program reads what the other one wrote, and shows the same.
fn tables_are_shared(kind: Kind, name: &str) {
    let folder = Folder::new(name);
    let Some(database) = database(kind, &folder) else { return };
    if matches!(locate("kamailio"), Err(Missing::Original(_))) {
        return;
    }
    let contact = "<sip:b@127.0.0.1:5070;transport=udp>;q=0.7;received=\"sip:127.0.0.1:9\"";
    for (writer, reader) in [("kamailio", "sip-proxy"), ("sip-proxy", "kamailio")] {
        let user = format!("by-{writer}");
        let mut first = Proxy::start(writer, &folder, &database, 1);
        let written = first.register(&user, contact);
        first.program.end();
        let second = Proxy::start(reader, &folder, &database, 1);
        let read = second.register(&user, "");
        let shown = |reply: &str| {
            let line = reply.lines().find(|line| line.starts_with("Contact:")).unwrap_or_default().to_owned();
            let expires = line.split("expires=").nth(1).and_then(|rest| rest.split(';').next()?.parse().ok());
            let left: u32 = expires.unwrap_or(0);
            (line.replace(&format!("expires={left}"), "expires=N"), left)
        };
        let ((written, _), (read, left)) = (shown(&written), shown(&read));
        assert_eq!(written, read, "{writer} wrote, {reader} read");
        assert!((570..=600).contains(&left), "{left} s are left: {writer} and {reader} mean other times");
    }
}

#[test]
fn tables_are_shared_with_the_packaged_kamailio_on_sqlite() {
    tables_are_shared(Kind::Sqlite, "shared-sqlite");
}

#[test]
fn tables_are_shared_with_the_packaged_kamailio_on_postgres() {
    tables_are_shared(Kind::Postgres, "shared-postgres");
}

#[test]
fn tables_are_shared_with_the_packaged_kamailio_on_mysql() {
    tables_are_shared(Kind::Mysql, "shared-mysql");
}
