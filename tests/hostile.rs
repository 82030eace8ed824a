//! Bad input to a registrar with passwords: the right status, nothing stored half, nothing of a password in a log,
//! and others served meanwhile. Each row is sent to ours; where the packaged Kamailio answers the same, it is sent to
//! it too.

use std::time::{Duration, Instant};

use e2e::database::{Database, Kind};
use e2e::folder::Folder;
use e2e::server::{Client, Request, Server};

const PASSWORD: &str = "Very-Secret-7";

/// A database with the user alice.
fn database(folder: &Folder) -> Database {
    let database = Database::start(Kind::Sqlite, &folder.path().join("database")).expect("a directory");
    database.tool(&["create"]).expect("tables");
    database.tool(&["add-user-plain", "alice@a.example", PASSWORD]).expect("a new user");
    database
}

/// A registrar that asks for passwords, finds aliases and short numbers, and looks up.
fn config(port: u16, database: &Database, head: &str) -> String {
    let url = &database.url;
    format!(
        r#"
log_stderror=yes
children=1
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "db_sqlite.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "auth_db.so"
loadmodule "alias_db.so"
loadmodule "speeddial.so"
loadmodule "uac.so"
modparam("usrloc|auth_db|alias_db|speeddial", "db_url", "{url}")
modparam("usrloc", "db_mode", 1)
modparam("usrloc", "use_domain", 1)
modparam("usrloc", "timer_interval", 1)
modparam("auth_db", "calculate_ha1", 1)
modparam("auth_db", "password_column", "password")
modparam("uac", "credential", "alice:a.example:{PASSWORD}")
{head}
request_route {{
	if ($rU == "open" || $tU == "open") {{ save("location"); exit; }}
	if (method == "REGISTER") {{
		if (!auth_check("a.example", "subscriber", "1")) {{ auth_challenge("a.example", "0"); exit; }}
		save("location");
		exit;
	}}
	alias_db_lookup("dbaliases");
	sd_lookup("speed_dial");
	if (lookup("location")) sl_send_reply("200", "Found");
	else sl_send_reply("404", "Not Here");
}}
"#
    )
}

const CREDENTIALS: &str =
    "Contact: <sip:alice@127.0.0.1:9>\r\nAuthorization: {digest alice Very-Secret-7}\r\n";

fn status(reply: &str) -> &str {
    reply.get(8..11).unwrap_or(reply)
}

/// No password and no hash of one, at any level, whatever becomes of the request: right, wrong, refused, unreadable.
#[test]
fn no_level_of_the_log_tells_a_password_or_its_hash() {
    let folder = Folder::new("secrets");
    let database = database(&folder);
    database.tool(&["add-user", "bob@a.example", "Other-Secret-8"]).expect("a new user");
    let hashes = database.tool(&["show", "subscriber"]).expect("a table");
    assert!(!hashes.contains(PASSWORD), "the tool shows names only: {hashes}");
    for debug in ["-2", "1", "3", "4", "9"] {
        let head =
            format!("debug={debug}\nloadmodule \"debugger.so\"\nmodparam(\"debugger\", \"cfgtrace\", 1)\n");
        let Some(mut proxy) = Server::start("sip-proxy", &folder, |port| config(port, &database, &head))
        else {
            return;
        };
        let mut alice = Client::of(proxy.port);
        let user = "sip:alice@a.example";
        assert_eq!(status(&alice.ask(&Request::register(user, ""))), "401");
        assert_eq!(status(&alice.ask(&Request::register(user, CREDENTIALS))), "200");
        let wrong = "Authorization: {digest alice wrong}\r\n";
        assert_eq!(status(&alice.ask(&Request::register(user, wrong))), "401");
        let broken = "Authorization: Digest username=\"alice, response=\"0123\"\r\n";
        assert!(matches!(status(&alice.ask(&Request::register(user, broken))), "400" | "401"));
        proxy.program.end();
        let log = proxy.log() + &proxy.program.output("out");
        for secret in secrets() {
            assert!(!log.contains(&secret), "debug={debug}: {secret} is in\n{log}");
        }
        // The rows of the trace show that the level was heard.
        assert!(debug == "-2" || log.contains("cfgtrace"), "debug={debug}: nothing is told\n{log}");
    }
}

/// The password, and what stands for it in the table and in the arithmetic (RFC 7616 3.4.2).
fn secrets() -> Vec<String> {
    use sip::digest::{Algorithm, Ha1};
    let hash = |user: &[u8], password: &[u8]| {
        let ha1 = Ha1::compute(Algorithm::Md5, user, b"a.example", password);
        String::from_utf8_lossy(ha1.expose()).into_owned()
    };
    vec![
        PASSWORD.to_owned(),
        "Other-Secret-8".to_owned(),
        hash(b"alice", PASSWORD.as_bytes()),
        hash(b"bob", b"Other-Secret-8"),
        hash(b"bob@a.example", b"Other-Secret-8"),
    ]
}

/// A nonce counts once with `one_time_nonce`, and an expired one is answered with a new challenge; both as Kamailio.
#[test]
fn replayed_and_expired_nonces_are_asked_for_again() {
    let folder = Folder::new("nonces");
    let database = database(&folder);
    for program in ["sip-proxy", "kamailio"] {
        let head = "modparam(\"auth\", \"one_time_nonce\", 1)\nmodparam(\"auth\", \"nonce_expire\", 2)\n";
        let Some(proxy) = Server::start(program, &folder, |port| config(port, &database, head)) else {
            return;
        };
        let mut alice = Client::of(proxy.port);
        let user = "sip:alice@a.example";
        alice.ask(&Request::register(user, ""));
        let right = alice.write(&Request::register(user, CREDENTIALS));
        let first = exchange(&alice, &right);
        assert_eq!(status(&first), "200", "{program}");
        // The same credentials with the next CSeq, as one who listened would send them.
        let replayed = right.replace("CSeq: 2 ", "CSeq: 3 ").replace("-2\r\n", "-3\r\n");
        assert_eq!(status(&exchange(&alice, &replayed)), "401", "{program}: a replay");
        alice.ask(&Request::register(user, ""));
        let late = alice.write(&Request::register(user, CREDENTIALS));
        std::thread::sleep(Duration::from_millis(3_200));
        assert_eq!(status(&exchange(&alice, &late)), "401", "{program}: an expired nonce");
    }
}

fn exchange(client: &Client, bytes: &str) -> String {
    client.send(bytes);
    // A machine with much else to do may take its time.
    std::iter::from_fn(|| Some(client.receive())).take(40).flatten().next().expect("an answer")
}

/// 20,000 challenges and 20,000 guesses: neither grows the proxy, and the user comes in as before.
#[test]
fn a_flood_of_nonces_is_no_burden() {
    let folder = Folder::new("flood");
    let database = database(&folder);
    let head = "modparam(\"auth\", \"one_time_nonce\", 1)\n";
    let proxy = Server::start("sip-proxy", &folder, |port| config(port, &database, head)).expect("ours");
    let (mut guesser, mut alice) = (Client::of(proxy.port), Client::of(proxy.port));
    let user = "sip:alice@a.example";
    let flood = |guesser: &mut Client, count: u32| {
        for number in 0..count {
            let nonce = format!("{number:032x}");
            let guess = format!(
                "Authorization: Digest username=\"alice\", realm=\"a.example\", nonce=\"{nonce}\", \
                 uri=\"sip:a.example\", response=\"{number:032x}\"\r\n"
            );
            let headers = if number % 2 == 0 { "" } else { guess.as_str() };
            assert_eq!(status(&guesser.ask(&Request::register(user, headers))), "401", "{number}");
        }
    };
    flood(&mut guesser, 4_000);
    let before = resident_kib(proxy.program.pid());
    flood(&mut guesser, 20_000);
    let grown = resident_kib(proxy.program.pid()).saturating_sub(before);
    assert!(grown < 4_096, "{grown} KiB more after 20,000 requests");
    alice.ask(&Request::register(user, ""));
    assert_eq!(status(&alice.ask(&Request::register(user, CREDENTIALS))), "200");
}

/// Resident memory of a process.
fn resident_kib(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find(|line| line.starts_with("VmRSS:")).expect("Linux tells it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

/// Text of SQL in every field that reaches a query: it is text, for writes, look-ups and users alike.
#[test]
fn sql_in_any_field_is_text() {
    let folder = Folder::new("sql");
    let database = database(&folder);
    let proxy = Server::start("sip-proxy", &folder, |port| config(port, &database, "")).expect("ours");
    let mut client = Client::of(proxy.port);
    let evil = "x');drop%20table%20location;--";
    let open = "sip:open@a.example";
    let rows = [
        format!("Contact: <sip:{evil}@127.0.0.1:9;x={evil}>\r\n"),
        format!("Contact: <sip:u1@127.0.0.1:9>;received=\"sip:{evil}@h\"\r\n"),
        format!("Contact: <sip:u2@127.0.0.1:9>;+sip.instance=\"<urn:{evil}>\"\r\n"),
        format!("User-Agent: {evil}' or '1'='1\r\nContact: <sip:u3@127.0.0.1:9>\r\n"),
        format!("Path: <sip:{evil}@127.0.0.1:9;lr>\r\nContact: <sip:u4@127.0.0.1:9>\r\n"),
        format!("Contact: \"{evil}\" <sip:u5@127.0.0.1:9>\r\n"),
    ];
    for (number, headers) in rows.iter().enumerate() {
        let reply = client.ask(&Request::register(open, headers));
        assert_eq!(status(&reply), "200", "{headers}{reply}");
        assert_eq!(reply.matches("<sip:").count() - 2, number + 1, "{headers}{reply}");
    }
    // As the user of an address, of an alias and a short number, and of credentials.
    let user = format!("sip:{evil}@a.example");
    let asked = Request { method: "OPTIONS", uri: &user, user: &user, headers: "" };
    assert_eq!(status(&client.ask(&asked)), "404");
    let guess = format!("Authorization: {{digest {evil}' {evil}}}\r\n");
    client.ask(&Request::register(&user, ""));
    assert_eq!(status(&client.ask(&Request::register(&user, &guess))), "401");
    let stored = database.tool(&["show", "location"]).expect("the table is there");
    assert_eq!(stored.lines().count(), 7, "a heading and six rows\n{stored}");
    assert!(stored.contains("drop%20table"), "{stored}");
}

/// What is too much or no contact at all is refused as a whole: nothing of the request is stored.
#[test]
fn what_is_refused_leaves_nothing_behind() {
    let folder = Folder::new("refused");
    let database = database(&folder);
    let long = "u".repeat(10_000);
    let many: String = (0..1_000).map(|number| format!("Contact: <sip:u{number}@127.0.0.1:9>\r\n")).collect();
    let rows: [(&str, String, &[&str]); 8] = [
        ("a user of 10 kB", format!("Contact: <sip:{long}@127.0.0.1:9>\r\n"), &["400"]),
        ("a parameter of 10 kB", format!("Contact: <sip:a@127.0.0.1:9;p={long}>\r\n"), &["400"]),
        ("no URI", "Contact: <no uri>\r\n".into(), &["400"]),
        ("no URI behind a good one", "Contact: <sip:a@127.0.0.1:9>, <\r\n".into(), &["400"]),
        ("nothing", "Contact: \r\n".into(), &["400"]),
        ("a star too many", "Contact: *, <sip:a@127.0.0.1:9>\r\nExpires: 0\r\n".into(), &["400"]),
        ("q beyond one", "Contact: <sip:a@127.0.0.1:9>, <sip:b@127.0.0.1:9>;q=7\r\n".into(), &["400"]),
        ("1,000 contacts", many, &["503"]),
    ];
    let head = "modparam(\"registrar\", \"max_contacts\", 10)\n";
    let proxy = Server::start("sip-proxy", &folder, |port| config(port, &database, head)).expect("ours");
    let mut client = Client::of(proxy.port);
    for (name, headers, expected) in &rows {
        let reply = client.ask(&Request::register("sip:open@a.example", headers));
        assert!(expected.contains(&status(&reply)), "{name}: {reply}");
        let stored = client.ask(&Request::register("sip:open@a.example", ""));
        assert!(!stored.contains("Contact:"), "{name}: {stored}");
    }
    let stored = database.tool(&["show", "location"]).expect("the table is there");
    assert_eq!(stored.lines().count(), 1, "a heading alone\n{stored}");
}

/// Without a limit 1,000 contacts are 1,000 contacts, in one reply over a connection and in the table.
#[test]
fn a_thousand_contacts_in_one_register_are_stored_when_nothing_limits_them() {
    let folder = Folder::new("thousand");
    let database = database(&folder);
    let proxy = Server::start("sip-proxy", &folder, |port| config(port, &database, "")).expect("ours");
    let many: String = (0..1_000).map(|number| format!("Contact: <sip:u{number}@127.0.0.1:9>\r\n")).collect();
    let mut sender = Client::of(proxy.port);
    let bytes = sender.write(&Request::register("sip:open@a.example", &many));
    sender.send(&bytes);
    e2e::server::eventually("1,000 rows", || {
        database.tool(&["show", "location"]).is_ok_and(|rows| rows.lines().count() == 1_001)
    });
}

/// Guessing passwords from one address: pike and the lists of secfilter hold it, and another address is served within
/// the time it always is.
#[test]
fn brute_force_from_one_address_is_held_and_others_are_served() {
    let folder = Folder::new("brute");
    let database = database(&folder);
    let row = ["add", "secfilter", "action=0", "type=3", "data=127.0.0.66"];
    database.tool(&row).expect("a row");
    let head = format!(
        "debug=2\nloadmodule \"pike.so\"\nloadmodule \"secfilter.so\"\n\
         modparam(\"secfilter\", \"db_url\", \"{}\")\n\
         modparam(\"pike\", \"sampling_time_unit\", 2)\nmodparam(\"pike\", \"reqs_density_per_unit\", 16)\n",
        database.url
    );
    let guard =
        "request_route {\n\tsecf_check_ip();\n\tif ($rc == -2) exit;\n\tif (!pike_check_req()) exit;\n";
    let proxy = Server::start("sip-proxy", &folder, |port| {
        config(port, &database, &head).replace("request_route {\n", guard)
    })
    .expect("ours");
    let user = "sip:alice@a.example";
    let mut blocked = Client::at("127.0.0.66", proxy.port);
    assert_eq!(blocked.try_once(&Request::register(user, "")), None, "secfilter blocks it");
    let (mut guesser, mut alice) = (Client::at("127.0.1.7", proxy.port), Client::at("127.0.0.1", proxy.port));
    let mut waits = Vec::new();
    for number in 0..400 {
        let guess = format!(
            "Authorization: Digest username=\"alice\", realm=\"a.example\", nonce=\"n\", uri=\"sip:a.example\", \
             response=\"{number:032x}\"\r\n"
        );
        let bytes = guesser.write(&Request::register(user, &guess));
        guesser.send(&bytes);
        if number % 40 == 0 {
            let begin = Instant::now();
            alice.ask(&Request::register(user, ""));
            let reply = alice.ask(&Request::register(user, CREDENTIALS));
            waits.push(begin.elapsed());
            assert_eq!(status(&reply), "200", "{number}: the user comes in");
        }
    }
    let answered = std::iter::from_fn(|| guesser.receive()).count();
    // A new address is blocked at request M/4 + 2 + M, a little later when a window ends meanwhile.
    assert!((16..=60).contains(&answered), "{answered} of 400 guesses were answered");
    // Half of the time at most: the machine may have other work.
    waits.sort();
    let usual = waits[waits.len() / 2];
    assert!(usual < Duration::from_millis(500), "the user waited {usual:?}");
    assert!(proxy.log().contains("BLOCKing ip 127.0.1.7"), "{}", proxy.log());
}

/// A clock that jumps: contacts that were to live until then are gone or not by the clock that is, and permanent ones
/// stay. The rows say when; nothing is counted from the start.
#[test]
fn contacts_that_expired_while_nobody_ran_are_gone() {
    let folder = Folder::new("clock");
    let database = database(&folder);
    let insert = |user: &str, expires: &str| {
        let words = [
            "add",
            "location",
            &format!("ruid=r-{user}"),
            &format!("username={user}"),
            "domain=a.example",
            &format!("contact=sip:{user}@127.0.0.1:9"),
            &format!("expires={expires}"),
            "callid=c",
            "user_agent=x",
        ];
        database.tool(&words).expect("a row");
    };
    insert("past", "2001-01-01 00:00:00");
    insert("future", "2035-01-01 00:00:00");
    insert("epoch", "1970-01-01 00:00:01");
    let proxy = Server::start("sip-proxy", &folder, |port| config(port, &database, "")).expect("ours");
    let mut client = Client::of(proxy.port);
    for (user, expected) in [("past", "404"), ("future", "200"), ("epoch", "404")] {
        let uri = format!("sip:{user}@a.example");
        let asked = Request { method: "OPTIONS", uri: &uri, user: &uri, headers: "" };
        assert_eq!(status(&client.ask(&asked)), expected, "{user}");
    }
    e2e::server::eventually("the timer removes expired rows", || {
        database.tool(&["show", "location"]).is_ok_and(|rows| rows.lines().count() == 2)
    });
}
