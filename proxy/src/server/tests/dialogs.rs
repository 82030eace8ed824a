//! Dialogs outlive the program when they are kept in a database.

use std::path::PathBuf;
use std::time::Duration;

use super::{Party, Plan, line, plan, start};
use crate::server::Server;
use crate::store::sql::{create_tables, run_now};
use crate::store::{Cell, Name, Query, Reply, Url};

/// A database file that goes with the test.
struct File(PathBuf);

impl File {
    fn new(name: &str) -> File {
        let path = std::env::temp_dir().join(format!("dialogs-{}-{name}.sqlite", std::process::id()));
        let file = File(path);
        create_tables(&file.url()).expect("an empty file");
        file
    }

    fn url(&self) -> Url {
        Url::parse(&self.text()).expect("a path")
    }

    fn text(&self) -> String {
        format!("sqlite:///{}", self.0.display())
    }

    /// The rows of a table.
    fn rows(&self, table: &'static str, columns: &[&'static str]) -> Vec<Vec<Cell>> {
        let columns = columns.iter().map(|name| Name::known(name)).collect();
        let query = Query::Select { table: Name::known(table), columns, only: Vec::new() };
        match run_now(&self.url(), &query) {
            Ok(Reply::Rows(rows)) => rows,
            other => panic!("{other:?}"),
        }
    }

    /// Waits until there are so many dialogs in the table.
    fn expect_dialogs(&self, count: usize) {
        let found = (0..500).find(|_| {
            std::thread::park_timeout(Duration::from_millis(10));
            self.rows("dialog", &["state"]).len() == count
        });
        assert!(found.is_some(), "{:?}", self.rows("dialog", &["state"]));
    }
}

impl Drop for File {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm", "-journal"] {
            let _ = std::fs::remove_file(format!("{}{ending}", self.0.display()));
        }
    }
}

fn server(file: &File, mode: u8, shards: usize) -> Server {
    let script = format!(
        "loadmodule \"db_sqlite.so\"\nloadmodule \"dialog.so\"\nmodparam(\"dialog\", \"db_url\", \"{}\")\n\
         modparam(\"dialog\", \"db_mode\", {mode})\nmodparam(\"dialog\", \"db_update_period\", 1)\n\
         modparam(\"dialog\", \"profiles_with_value\", \"caller\")\nrequest_route {{\n\
           if ($rm == \"OPTIONS\") {{ dlg_db_load_extra(); get_profile_size(\"caller\", \"a\", \"$var(n)\");\n\
             sl_send_reply(\"200\", \"$DLG_count $var(n)\"); exit; }}\n\
           if ($rm == \"INVITE\") {{ dlg_manage(); $dlg_var(who) = \"al'ice\"; dlg_setflag(\"2\");\n\
             set_dlg_profile(\"caller\", \"a\"); record_route(); t_relay(); exit; }}\n\
           $var(r) = loose_route();\n\
           if ($rm == \"BYE\") {{ $var(f) = dlg_isflagset(\"2\"); append_to_reply(\"X-Var: $dlg_var(who) $dlg(state) $var(f)\\r\\n\"); sl_send_reply(\"200\", \"OK\"); exit; }}\n\
           t_relay();\n}}\n",
        file.text()
    );
    start(Plan { shards, ..plan("listen=udp:127.0.0.1:0", &script) })
}

/// A call up to its ACK. Gives the cookie of its dialog.
fn call(caller: &Party, callee: &Party) -> String {
    caller.request(
        "INVITE",
        &format!("sip:bob@{}", callee.addr()),
        &format!("Contact: <sip:a@{}>\n", caller.addr()),
    );
    caller.expect("SIP/2.0 100");
    let invite = callee.expect("INVITE");
    callee.answer(&invite, "200 OK", ";tag=b");
    let reply = caller.expect("SIP/2.0 200");
    let route = line(&reply, "Record-Route:").trim_start_matches("Record-Route: ").to_owned();
    caller.send(&format!(
        "ACK sip:bob@{} SIP/2.0\nVia: SIP/2.0/UDP {};branch=z9hG4bKack\nRoute: {route}\nFrom: <sip:a@x>;tag=a\n\
         To: <sip:bob@x>;tag=b\nCall-ID: c1\nCSeq: 1 ACK\nContent-Length: 0\n\n",
        callee.addr(),
        caller.addr()
    ));
    callee.expect("ACK");
    route.split("did=").nth(1).expect("a cookie").trim_end_matches('>').to_owned()
}

/// Whether the dialog is there in a server started later: its variables, its flags, its profile, its end.
fn is_continued(file: &File, mode: u8, cookie: &str) {
    let server = server(file, mode, 2);
    let caller = Party::of(&server);
    let count = (0..200).find(|number| {
        caller.send(&format!(
            "OPTIONS sip:x@x SIP/2.0\nVia: SIP/2.0/UDP {};branch=z9hG4bKo{number}\nFrom: <sip:a@x>;tag=a\n\
             To: <sip:bob@x>\nCall-ID: c1\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
            caller.addr()
        ));
        caller.expect("SIP/2.0 200").starts_with("SIP/2.0 200 1 1")
    });
    assert!(count.is_some(), "the dialog is not counted");
    let proxy = caller.proxy;
    caller.request("BYE", "sip:bob@192.0.2.1", &format!("Route: <sip:{proxy};lr;ftag=a;did={cookie}>\n"));
    let reply = caller.expect("SIP/2.0 200");
    assert_eq!(line(&reply, "X-Var:"), "X-Var: al'ice 5 1");
    drop(server);
    assert_eq!(file.rows("dialog", &["state"]).len(), 0, "an ended dialog leaves no row");
    assert_eq!(file.rows("dialog_vars", &["dialog_key"]).len(), 0);
}

/// `db_mode` 1: the rows are there while the call stands; the program may die at any time.
#[test]
fn dialogs_are_written_at_once() {
    let file = File::new("at_once");
    let server = server(&file, 1, 2);
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let cookie = call(&caller, &callee);
    file.expect_dialogs(1);
    let rows =
        file.rows("dialog", &["callid", "from_tag", "to_tag", "state", "caller_cseq", "sflags", "xdata"]);
    let text = |at: usize| rows[0][at].to_text().map(|text| String::from_utf8_lossy(&text).into_owned());
    assert_eq!(text(0).as_deref(), Some("c1"));
    assert_eq!(
        (text(1).as_deref(), text(2).as_deref(), text(4).as_deref()),
        (Some("a"), Some("b"), Some("1"))
    );
    assert_eq!(
        (text(5).as_deref(), text(6).as_deref()),
        (Some("4"), Some("{\"profiles\":{\"caller\":\"a\"}}"))
    );
    // Nothing is asked of the first server any more.
    std::mem::forget(server);
    is_continued(&file, 1, &cookie);
}

/// `db_mode` 2: they are written from time to time.
#[test]
fn dialogs_are_written_from_time_to_time() {
    let file = File::new("delayed");
    let server = server(&file, 2, 1);
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let cookie = call(&caller, &callee);
    file.expect_dialogs(1);
    drop(server);
    is_continued(&file, 2, &cookie);
}

/// `db_mode` 3: they are written when the program ends, and not before.
#[test]
fn dialogs_are_written_at_the_end() {
    let file = File::new("at_the_end");
    let server = server(&file, 3, 2);
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let cookie = call(&caller, &callee);
    assert_eq!(file.rows("dialog", &["state"]).len(), 0);
    drop(server);
    assert_eq!(file.rows("dialog", &["state"]), [[Cell::Int(4)]]);
    is_continued(&file, 3, &cookie);
}
