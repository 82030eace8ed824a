//! Queries on SQLite files and text tables of the tests.

use std::sync::{Arc, mpsc};

use super::{Runner, create_tables, run_now};
use crate::store::{Cell, Name, Operator, Query, Reply, StoreError, Url};

struct File(std::path::PathBuf);

impl File {
    fn new(name: &str) -> File {
        File(std::env::temp_dir().join(format!("store-{}-{name}.sqlite", std::process::id())))
    }

    fn url(&self) -> Url {
        Url::parse(&format!("sqlite:///{}", self.0.display())).expect("an address")
    }
}

impl Drop for File {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

fn user(name: &[u8]) -> Query {
    let values = [("username", name), ("domain", b"a.example"), ("ha1", b"0123")];
    Query::Insert {
        table: Name::known("subscriber"),
        values: values.map(|(column, value)| (Name::known(column), Cell::text(value))).to_vec(),
    }
}

fn hash_of(name: &[u8]) -> Query {
    Query::Select {
        table: Name::known("subscriber"),
        columns: vec![Name::known("ha1"), Name::known("id")],
        only: vec![(Name::known("username"), Operator::Equal, Cell::text(name))],
    }
}

#[test]
fn rows_go_in_and_come_back() {
    let file = File::new("rows");
    let url = file.url();
    create_tables(&url).expect("a new file");
    create_tables(&url).expect("again: nothing to do");
    let evil = b"x'); DROP TABLE subscriber; --";
    for name in [&b"alice"[..], evil, b"\xff\xfe"] {
        assert_eq!(run_now(&url, &user(name)), Ok(Reply::Changed(1)));
    }
    let id = |id| Ok(Reply::Rows(vec![vec![Cell::text(b"0123"), Cell::Int(id)]]));
    assert_eq!(run_now(&url, &hash_of(b"alice")), id(1));
    assert_eq!(run_now(&url, &hash_of(evil)), id(2));
    assert_eq!(run_now(&url, &hash_of(b"bob")), Ok(Reply::Rows(vec![])));
    let twice = run_now(&url, &user(b"alice"));
    assert!(matches!(twice, Err(StoreError::Refused(ref why)) if why.contains("UNIQUE")), "{twice:?}");
}

#[test]
fn what_is_not_there_is_told_apart() {
    let file = File::new("missing");
    let missing = run_now(&file.url(), &hash_of(b"alice"));
    assert!(matches!(missing, Err(StoreError::Unreachable(_))), "{missing:?}");
    create_tables(&file.url()).expect("a new file");
    let table = Name::known("nothing");
    let refused = run_now(&file.url(), &Query::Delete { table, only: vec![] });
    assert!(matches!(refused, Err(StoreError::Refused(ref why)) if why.contains("nothing")), "{refused:?}");
}

#[test]
fn the_runner_answers_every_job() {
    let file = File::new("runner");
    create_tables(&file.url()).expect("a new file");
    let url = Arc::new(file.url());
    let runner = Runner::start().expect("a thread");
    let (sender, answers) = mpsc::channel();
    for number in 0..50 {
        let sender = sender.clone();
        let name = format!("user{number}");
        runner.run(url.clone(), user(name.as_bytes()), Box::new(move |reply| drop(sender.send(reply))));
    }
    for _ in 0..50 {
        assert_eq!(answers.recv().expect("an answer"), Ok(Reply::Changed(1)));
    }
}
