//! Registrations at a rate that does not wait: a database that dies under them, a proxy that is killed, and a table with
//! very many contacts.

use std::net::UdpSocket;
use std::process::Command;
use std::time::{Duration, Instant};

use e2e::database::{Database, Kind};
use e2e::folder::Folder;
use e2e::server::{Client, Request, eventually};

use crate::proxy::{Proxy, client, database, message};

/// Registrations a second, whether they are answered or not. Programs that are not optimised, on a machine that compiles
/// others, hold this; ci/bench does it with 500.
const RATE: u32 = 150;

/// Sends registrations of `u0`, `u1`, ... for so many seconds, without waiting for answers, and does `at` with each
/// second that has begun. Tells for each user how long it waited, `None` without a 200.
fn storm(port: u16, seconds: u32, mut at: impl FnMut(u32)) -> Vec<Option<Duration>> {
    let socket = client();
    let local = socket.local_addr().expect("bound").port();
    let count = (seconds * RATE) as usize;
    let reader = socket.try_clone().expect("a second handle");
    let begin = Instant::now();
    let answers = std::thread::spawn(move || read_answers(&reader, count, begin));
    for number in 0..count {
        std::thread::sleep(due(number).saturating_sub(begin.elapsed()));
        if number % RATE as usize == 0 {
            at(number as u32 / RATE);
        }
        let more = format!("Contact: <sip:u{number}@127.0.0.1:5070>\r\nExpires: 600\r\n");
        let bytes = message("REGISTER", &format!("u{number}"), local, port, &more);
        socket.send_to(bytes.as_bytes(), ("127.0.0.1", port)).expect("loopback");
    }
    answers.join().expect("it ends")
}

/// When registration `number` of a storm is due.
fn due(number: usize) -> Duration {
    Duration::from_secs(number as u64) / RATE
}

fn read_answers(socket: &UdpSocket, count: usize, begin: Instant) -> Vec<Option<Duration>> {
    let mut waits = vec![None; count];
    let mut buffer = [0u8; 4096];
    let mut silent = 0;
    // The last answers may need the time of a connection to the database that is tried in vain.
    while waits.iter().any(Option::is_none) && silent < 15 {
        let Ok(len) = socket.recv(&mut buffer) else {
            silent += 1;
            continue;
        };
        silent = 0;
        let reply = String::from_utf8_lossy(&buffer[..len]);
        let user = reply.split("To: <sip:u").nth(1).and_then(|rest| rest.split('@').next());
        let Some(number) = user.and_then(|number| number.parse::<usize>().ok()) else { continue };
        let waited = begin.elapsed().saturating_sub(due(number));
        if let Some(place) = waits.get_mut(number).filter(|_| reply.starts_with("SIP/2.0 200")) {
            *place = Some(waited);
        }
    }
    waits
}

fn rows(database: &Database) -> usize {
    database.tool(&["show", "location"]).unwrap_or_default().lines().count().saturating_sub(1)
}

/// What half of 60 look-ups in memory took at most, one every tenth of a second.
fn usual_look_up(port: u16) -> Duration {
    let mut client = Client::of(port);
    let asked =
        Request { method: "OPTIONS", uri: "sip:nobody@a.example", user: "sip:x@a.example", headers: "" };
    let mut took = Vec::new();
    for _ in 0..60 {
        let begin = Instant::now();
        client.ask(&asked);
        took.push(begin.elapsed());
        std::thread::sleep(Duration::from_millis(100));
    }
    took.sort();
    took[took.len() / 2]
}

/// A database that goes away under registrations and comes back: everyone is answered meanwhile, what needs no
/// database at once, and with `db_mode` 1 and 2 nothing that was answered is missing in the end.
fn a_database_that_dies(kind: Kind, name: &str, mode: u8) {
    let folder = Folder::new(name);
    let Some(mut database) = database(kind, &folder) else { return };
    let mut proxy = Proxy::start("sip-proxy", &folder, &database, mode);
    let port = proxy.port;
    let others = std::thread::spawn(move || usual_look_up(port));
    let waits = storm(port, 6, |second| match second {
        2 => database.stop(),
        4 => database.run().expect("it comes back"),
        _ => {}
    });
    let answered = waits.iter().flatten().count();
    assert_eq!(answered, waits.len(), "with contacts in memory nobody is turned away");
    // A worker that waited for the database would have let every look-up wait for seconds.
    let usual = others.join().expect("it ends");
    assert!(usual < Duration::from_millis(500), "a look-up in memory waited {usual:?}");
    eventually("rows are missing", || rows(&database) == waits.len());
    proxy.program.end();
    let log = proxy.program.output("err");
    assert!(!log.contains("kamailiorw"), "no password in the log");
}

/// What write-back may lose: a proxy that is killed has not written what came since the timer was there last, and
/// nothing that is older. Write-through loses nothing that was answered.
#[test]
fn a_killed_proxy_loses_what_the_timer_had_not_written() {
    const BEFORE: usize = 100;
    const LAST: usize = 20;
    for (mode, most) in [(2u8, LAST), (1, 0)] {
        let folder = Folder::new(&format!("killed-{mode}"));
        let Some(database) = database(Kind::Sqlite, &folder) else { return };
        let proxy = Proxy::start("sip-proxy", &folder, &database, mode);
        let register = |number: usize| {
            let reply = proxy.register(&format!("u{number}"), "<sip:u@127.0.0.1:5070>");
            assert!(reply.starts_with("SIP/2.0 200"), "{reply}");
        };
        (0..BEFORE).for_each(register);
        eventually("the timer writes", || rows(&database) == BEFORE);
        (BEFORE..BEFORE + LAST).for_each(register);
        let pid = proxy.program.pid().to_string();
        assert!(Command::new("kill").args(["-KILL", &pid]).status().is_ok_and(|status| status.success()));
        drop(proxy);
        let lost = (BEFORE + LAST).saturating_sub(rows(&database));
        assert!(lost <= most, "db_mode {mode}: {lost} are lost");
    }
}

/// 100,000 contacts of the table are there with the first message, and calls reach them. How long that takes is
/// measured by ci/bench with optimised programs; this is the limit of the others.
#[test]
fn a_hundred_thousand_contacts_are_there_with_the_first_message() {
    const CONTACTS: u32 = 100_000;
    let folder = Folder::new("many");
    let Some(database) = database(Kind::Sqlite, &folder) else { return };
    let fill = format!(
        "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {CONTACTS} - 1) \
         INSERT INTO location (ruid, username, domain, contact, expires, callid, user_agent, socket, \
         last_modified) SELECT 'r-' || i, 'u' || i, 'a.example', 'sip:u' || i || '@127.0.0.1:5070', \
         julianday('now') + 1, 'c-' || i, 'phone', 'udp:127.0.0.1:5060', julianday('now') FROM n"
    );
    if let Err(why) = database.sql(&fill) {
        // Without the client program of SQLite nothing is shown; CI has it.
        assert_ne!(std::env::var("CI").as_deref(), Ok("true"), "{why}");
        return;
    }
    let proxy = Proxy::start("sip-proxy", &folder, &database, 2);
    for number in [0, 1, 49_999, CONTACTS - 1] {
        let user = format!("u{number}");
        let found = proxy.ask("OPTIONS", &user, "");
        assert!(found.contains(&format!("200 sip:{user}@127.0.0.1:5070")), "{user}: {found}");
    }
    assert!(proxy.ask("OPTIONS", "u100000", "").contains("404"));
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
