//! The proxy on real databases: tables made by the tool, contacts written in each mode and there after a restart,
//! rows of the packaged Kamailio read and the other way round, a database that goes away and comes back.

use std::fs;
use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use e2e::database::{Database, Kind};
use e2e::ports;
use e2e::programs::{Missing, Running, locate};

const LIMIT: Duration = Duration::from_secs(20);

/// A folder of a test, removed at its end.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("sip-e2e-db-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder for temporary files");
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The database, with its tables; `None` without its package (a failure where `CI=true`).
fn database(kind: Kind, folder: &Folder) -> Option<Database> {
    match Database::start(kind, &folder.0.join("database")) {
        Ok(database) => {
            database.tool(&["create"]).expect("tables can be made");
            Some(database)
        }
        Err(Missing::Original(_)) if std::env::var("CI").as_deref() != Ok("true") => None,
        Err(missing) => panic!("{missing:?}"),
    }
}

/// A proxy that registers and looks up.
struct Proxy {
    program: Running,
    port: u16,
}

fn config(port: u16, database: &Database, mode: u8) -> String {
    format!(
        r#"
debug=1
log_stderror=yes
children=1
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "xlog.so"
loadmodule "db_{driver}.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "db_url", "{url}")
modparam("usrloc", "db_mode", {mode})
modparam("usrloc", "timer_interval", 1)
modparam("usrloc", "use_domain", 1)
request_route {{
	if (method == "REGISTER") {{
		save("location");
		exit;
	}}
	if (lookup("location")) sl_send_reply("200", "$ru");
	else sl_send_reply("404", "none");
}}
"#,
        driver = database.driver,
        url = database.url
    )
}

impl Proxy {
    fn start(name: &str, folder: &Folder, database: &Database, mode: u8) -> Proxy {
        let port = ports::free().expect("a free port");
        let path = locate(name).expect("cargo build --workspace --bins");
        let file = format!("{name}-{mode}-{port}.cfg");
        fs::write(folder.0.join(&file), config(port, database, mode)).expect("writable");
        let mut args: Vec<String> = ["-f", &file, "-DD", "-E"].map(str::to_owned).to_vec();
        if name == "kamailio" {
            let place = folder.0.display().to_string();
            args.extend(["-m", "64", "-M", "8", "-w", &place, "-Y", &place].map(str::to_owned));
        }
        let mut program =
            Running::start(&path, &args, &folder.0, &format!("{name}-{port}")).expect("it starts");
        program.wait_until(LIMIT, || ports::is_bound("udp", port)).unwrap_or_else(|what| {
            panic!("{what}\n{}", program.output("err"));
        });
        Proxy { program, port }
    }

    /// The answer to a REGISTER; an empty `contact` asks for the list.
    fn register(&self, user: &str, contact: &str) -> String {
        let contact = if contact.is_empty() { String::new() } else { format!("Contact: {contact}\r\n") };
        self.ask("REGISTER", user, &format!("{contact}Expires: 600\r\n"))
    }

    fn ask(&self, method: &str, user: &str, more: &str) -> String {
        let socket = client();
        let local = socket.local_addr().expect("bound").port();
        let bytes = message(method, user, local, self.port, more);
        // The first datagram may come before the program reads.
        for _ in 0..10 {
            socket.send_to(bytes.as_bytes(), ("127.0.0.1", self.port)).expect("loopback");
            let mut buffer = [0u8; 65_535];
            if let Ok(len) = socket.recv(&mut buffer) {
                return String::from_utf8_lossy(&buffer[..len]).into_owned();
            }
        }
        panic!("no answer\n{}", self.program.output("err"));
    }
}

fn client() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("loopback");
    socket.set_read_timeout(Some(Duration::from_secs(2))).expect("a time");
    socket
}

fn message(method: &str, user: &str, local: u16, port: u16, more: &str) -> String {
    format!(
        "{method} sip:{user}@a.example SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:{local};branch=z9hG4bK{local}{user}\r\n\
         From: <sip:{user}@a.example>;tag=1\r\n\
         To: <sip:{user}@a.example>\r\n\
         Call-ID: {user}-{port}\r\n\
         CSeq: 1 {method}\r\n\
         Max-Forwards: 70\r\n\
         {more}Content-Length: 0\r\n\r\n"
    )
}

/// Asks again until `is_right`; fails when it never is.
fn eventually(what: &str, is_right: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_right() {
        assert!(start.elapsed() < LIMIT, "{what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

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

/// The start is refused, and the message says what is found, what is wanted, and what to do.
#[test]
fn a_missing_or_older_table_is_refused_at_the_start() {
    let folder = Folder::new("versions");
    let directory = folder.0.join("database");
    let database = Database::start(Kind::Text, &directory).expect("a directory");
    let refusal = || {
        let path = locate("sip-proxy").expect("cargo build --workspace --bins");
        let port = ports::free().expect("a free port");
        fs::write(folder.0.join("refused.cfg"), config(port, &database, 1)).expect("writable");
        let args = ["-f", "refused.cfg", "-DD", "-E"].map(str::to_owned);
        let mut program = Running::start(&path, &args, &folder.0, "refused").expect("it starts");
        let status = program.wait(LIMIT).expect("it ends at once");
        assert!(!status.success());
        program.output("err")
    };
    assert!(refusal().contains("sip-proxy db create"), "no database at all");
    database.tool(&["create"]).expect("tables");
    let versions = directory.join("tables/version");
    let text = fs::read_to_string(&versions).expect("it was made");
    fs::write(&versions, text.replace("location:9", "location:8")).expect("writable");
    let said = refusal();
    let words = ["table location", "version 8", "wanted is 9", "sip-proxy db upgrade"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    database.tool(&["upgrade"]).expect("it is brought up to date");
    fs::write(&versions, text.replace("location:9\n", "")).expect("writable");
    let said = refusal();
    let words = ["no table location", "version 9", "sip-proxy db create"];
    assert!(words.iter().all(|word| said.contains(word)), "{said}");
    assert!(!said.contains("kamailiorw"), "no password in a message");
}

/// A database that goes away under registrations and comes back: everyone is answered meanwhile, and with `db_mode`
/// 1 and 2 nothing that was answered is missing in the end.
fn a_database_that_dies(kind: Kind, name: &str, mode: u8) {
    let folder = Folder::new(name);
    let Some(mut database) = database(kind, &folder) else { return };
    let mut proxy = Proxy::start("sip-proxy", &folder, &database, mode);
    let socket = client();
    let local = socket.local_addr().expect("bound").port();
    let mut answered = 0;
    let mut slowest = Duration::ZERO;
    for number in 0..600u32 {
        match number {
            200 => database.stop(),
            400 => database.run().expect("it comes back"),
            _ => {}
        }
        let more = format!("Contact: <sip:u{number}@127.0.0.1:5070>\r\nExpires: 600\r\n");
        let bytes = message("REGISTER", &format!("u{number}"), local, proxy.port, &more);
        let sent = Instant::now();
        socket.send_to(bytes.as_bytes(), ("127.0.0.1", proxy.port)).expect("loopback");
        let mut buffer = [0u8; 4096];
        socket.set_read_timeout(Some(LIMIT)).expect("a time");
        let len = loop {
            match socket.recv(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                received => break received.expect("an answer also while the database is away"),
            }
        };
        slowest = slowest.max(sent.elapsed());
        answered += usize::from(buffer[..len].starts_with(b"SIP/2.0 200"));
    }
    assert_eq!(answered, 600, "with contacts in memory nobody is turned away");
    assert!(slowest < Duration::from_secs(8), "{slowest:?}");
    let rows = || database.tool(&["show", "location"]).unwrap_or_default().lines().count().saturating_sub(1);
    eventually("rows are missing", || rows() == 600);
    proxy.program.end();
    let log = proxy.program.output("err");
    assert!(!log.contains("kamailiorw"), "no password in the log");
}

#[test]
fn what_was_written_through_outlives_the_death_of_postgres() {
    a_database_that_dies(Kind::Postgres, "death-postgres", 1);
}

#[test]
fn what_was_written_through_outlives_the_death_of_mysql() {
    a_database_that_dies(Kind::Mysql, "death-mysql", 1);
}

#[test]
fn what_is_written_back_outlives_the_death_of_postgres() {
    a_database_that_dies(Kind::Postgres, "death-back", 2);
}
