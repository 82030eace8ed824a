//! The packaged default configuration on each database: with each of its user features alone and with all of them, a
//! user registers and is called.

use e2e::database::{Database, Kind};
use e2e::folder::Folder;
use e2e::programs::Missing;
use e2e::server::{Client, Request, Server};

const PACKAGED: &str = "/etc/kamailio/kamailio.cfg";

/// The features of the file that concern users.
const FEATURES: [&str; 13] = [
    "WITH_AUTH",
    "WITH_USRLOCDB",
    "WITH_IPAUTH",
    "WITH_ALIASDB",
    "WITH_SPEEDDIAL",
    "WITH_MULTIDOMAIN",
    "WITH_ACCDB",
    "WITH_ANTIFLOOD",
    "WITH_PSTN",
    "WITH_VOICEMAIL",
    "WITH_BLOCK3XX",
    "WITH_BLOCK401407",
    "WITH_DEBUG",
];

fn database(kind: Kind, folder: &Folder) -> Option<Database> {
    let database = match Database::start(kind, &folder.path().join("database")) {
        Ok(database) => database,
        Err(Missing::Original(_)) if std::env::var("CI").as_deref() != Ok("true") => return None,
        Err(missing) => panic!("{missing:?}"),
    };
    database.tool(&["create"]).expect("tables can be made");
    for user in ["alice", "bob"] {
        let account = format!("{user}@127.0.0.1");
        database.tool(&["add-user-plain", &account, &format!("secret-{user}")]).expect("a new user");
    }
    for row in [
        ["add", "domain", "domain=127.0.0.1", "did=127.0.0.1", ""],
        ["add", "address", "grp=1", "ip_addr=127.0.0.9", "mask=32"],
    ] {
        let words: Vec<&str> = row.into_iter().filter(|word| !word.is_empty()).collect();
        database.tool(&words).expect("a row");
    }
    // What the comments of the packaged file ask its user to do for WITH_ACCDB.
    for table in ["acc", "missed_calls"] {
        for column in ["src_user", "src_domain", "src_ip", "dst_ouser", "dst_user", "dst_domain"] {
            let alter = format!("ALTER TABLE {table} ADD COLUMN {column} VARCHAR(128) NOT NULL DEFAULT ''");
            database.sql(&alter).expect("a new column");
        }
    }
    Some(database)
}

fn config(port: u16, database: &Database, features: &[&str]) -> String {
    let defines: String = features.iter().map(|feature| format!("#!define {feature}\n")).collect();
    format!(
        "#!KAMAILIO\n#!define DBURL \"{}\"\n{defines}auto_aliases=no\nlisten=udp:127.0.0.1:{port}\n\
         loadmodule \"db_{}.so\"\ninclude_file \"{PACKAGED}\"\nchildren=1\ntcp_children=1\nlog_stderror=yes\n",
        database.url, database.driver
    )
}

/// Starts with these features; bob registers and alice calls him.
fn serves(folder: &Folder, database: &Database, features: &[&str]) {
    let named = format!("{} {features:?}", database.driver);
    let proxy = Server::start("sip-proxy", folder, |port| config(port, database, features)).expect("ours");
    let (mut alice, mut bob) = (Client::of(proxy.port), Client::of(proxy.port));
    let host = format!("127.0.0.1:{}", proxy.port);
    let (from_bob, from_alice) = (format!("sip:bob@{host}"), format!("sip:alice@{host}"));
    let registrar = format!("sip:{host}");
    let contact = format!("Contact: <sip:bob@127.0.0.1:{}>\r\n", bob.port());
    let mut headers = contact.clone();
    let mut register =
        |headers: &str| bob.ask(&Request { method: "REGISTER", uri: &registrar, user: &from_bob, headers });
    let has_auth = features.contains(&"WITH_AUTH");
    if has_auth {
        assert!(register(&headers).starts_with("SIP/2.0 401"), "{named}");
        headers.push_str("Authorization: {digest bob secret-bob}\r\n");
    }
    let reply = register(&headers);
    assert!(reply.starts_with("SIP/2.0 200"), "{named}: {reply}\n{}", proxy.log());
    let invite = |headers| Request { method: "INVITE", uri: &from_bob, user: &from_alice, headers };
    let contact = format!("Contact: <sip:alice@127.0.0.1:{}>\r\n", alice.port());
    let mut headers = contact.clone();
    if has_auth {
        assert!(alice.ask(&invite(&contact)).starts_with("SIP/2.0 407"), "{named}");
        headers.push_str("Proxy-Authorization: {digest alice secret-alice}\r\n");
    }
    let bytes = alice.write(&invite(&headers));
    alice.send(&bytes);
    let arrived = std::iter::from_fn(|| bob.receive()).find(|message| message.starts_with("INVITE "));
    let arrived = arrived.unwrap_or_else(|| panic!("{named}: no call\n{}", proxy.log()));
    assert!(!arrived.contains("secret") && !arrived.contains("Proxy-Authorization"), "{named}: {arrived}");
    bob.send(&answer(&arrived, bob.port()));
    let answered = std::iter::from_fn(|| alice.receive()).find(|message| message.starts_with("SIP/2.0 200"));
    assert!(answered.is_some(), "{named}: no answer\n{}", proxy.log());
    if features.contains(&"WITH_ACCDB") {
        e2e::server::eventually("a row for the call", || {
            let rows =
                database.sql("SELECT method, sip_code, src_user, dst_user FROM acc").unwrap_or_default();
            ["INVITE", "200", "alice", "bob"].iter().all(|word| rows.contains(word))
        });
    }
    if features.contains(&"WITH_USRLOCDB") {
        let rows = database.tool(&["show", "location"]).expect("a table");
        // Written back with the end of the proxy at the latest.
        drop(proxy);
        let later = database.tool(&["show", "location"]).expect("a table");
        assert!(rows.contains("bob") || later.contains("bob"), "{named}: {later}");
    }
}

/// A 200 of the called side (RFC 3261 8.2.6.2).
fn answer(request: &str, port: u16) -> String {
    const COPIED: [&str; 6] = ["Via", "Record-Route", "From", "To", "Call-ID", "CSeq"];
    let lines = request.split("\r\n").skip(1).take_while(|line| !line.is_empty());
    let copied = lines.filter(|line| line.split_once(':').is_some_and(|(name, _)| COPIED.contains(&name)));
    let copied: String = copied
        .map(|line| if line.starts_with("To:") { format!("{line};tag=b\r\n") } else { format!("{line}\r\n") })
        .collect();
    format!("SIP/2.0 200 OK\r\n{copied}Contact: <sip:bob@127.0.0.1:{port}>\r\nContent-Length: 0\r\n\r\n")
}

fn each_and_all(kind: Kind, name: &str) {
    if !std::path::Path::new(PACKAGED).exists() && std::env::var("CI").as_deref() != Ok("true") {
        return;
    }
    let folder = Folder::new(name);
    let Some(database) = database(kind, &folder) else { return };
    serves(&folder, &database, &[]);
    for feature in FEATURES {
        serves(&folder, &database, &[feature]);
    }
    serves(&folder, &database, &FEATURES);
}

#[test]
fn the_packaged_file_serves_users_on_sqlite() {
    each_and_all(Kind::Sqlite, "packaged-sqlite");
}

#[test]
fn the_packaged_file_serves_users_on_postgres() {
    each_and_all(Kind::Postgres, "packaged-postgres");
}

#[test]
fn the_packaged_file_serves_users_on_mysql() {
    each_and_all(Kind::Mysql, "packaged-mysql");
}
