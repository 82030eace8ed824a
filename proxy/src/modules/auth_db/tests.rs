//! Tests of auth_db with a table of one user, alice, whose password is `secret`.

use sip::digest::{Algorithm, Challenge, Covered, Ha1, Login, Proof};
use sip::msg::Auth;

use crate::api::{IoAnswer, IoRequest};
use crate::store::{Cell, Query, Reply, StoreError};
use crate::trial::{Trial, compile};

const HEAD: &str = "loadmodule \"sl.so\"\nloadmodule \"pv.so\"\nloadmodule \"xlog.so\"\nloadmodule \"db_sqlite.so\"\n\
    loadmodule \"auth.so\"\nloadmodule \"auth_db.so\"\nmodparam(\"auth_db\", \"db_url\", \"sqlite:///users\")\n";

const ROUTE: &str = r#"request_route {
    $var(r) = auth_check("r", "subscriber", "1"); xlog("L_ERR", "$var(r) $avp(name)\n");
    if ($var(r) < 0) { auth_challenge("r", "1"); }
}"#;

fn table(request: &IoRequest) -> IoAnswer {
    let IoRequest::Query(_, Query::Select { columns, only, .. }) = request else {
        return IoAnswer::Failed("only selects are expected".into());
    };
    let is = |name: &str, value: &[u8]| {
        only.iter().all(|(column, _, cell)| column.as_str() != name || *cell == Cell::text(value))
    };
    if !is("username", b"alice") || !is("domain", b"a.example") {
        return IoAnswer::Store(Ok(Reply::Rows(Vec::new())));
    }
    let hash = |user: &[u8]| Cell::text(Ha1::compute(Algorithm::Md5, user, b"r", b"secret").expose());
    let cell = |column: &str| match column {
        "ha1" => hash(b"alice"),
        "ha1b" => hash(b"alice@a.example"),
        "password" => Cell::text(b"secret"),
        "name" => Cell::text(b"Alice A"),
        _ => Cell::Null,
    };
    IoAnswer::Store(Ok(Reply::Rows(vec![columns.iter().map(|column| cell(column.as_str())).collect()])))
}

/// What the script logs for credentials of `user` and `password`.
fn check(params: &str, (user, password): (&str, &str), outside: fn(&IoRequest) -> IoAnswer) -> String {
    let mut trial = Trial::load(&format!("{HEAD}{params}\n{ROUTE}")).expect("the configuration is right");
    trial.outside = outside;
    let request = |line: &str| {
        format!(
            "REGISTER sip:a.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
             From: <sip:alice@a.example>;tag=ft\r\nTo: <sip:alice@a.example>\r\nCall-ID: c1\r\n\
             CSeq: 7 REGISTER\r\n{line}Content-Length: 0\r\n\r\n"
        )
    };
    let first = trial.run(request("").as_bytes());
    assert_eq!(first.lines, ["-5 <null>"]);
    let line = String::from_utf8(first.work.reply_headers.concat()).expect("text");
    let value = line.strip_prefix("WWW-Authenticate: ").expect("a challenge").trim_end();
    let auth = Auth::parse(value.as_bytes()).expect("a scheme");
    let challenge = Challenge::parse(&auth).expect("a challenge");
    let login = Login { user: user.as_bytes(), password: password.as_bytes() };
    let proof = Proof { qop: challenge.offers.preferred(), cnonce: b"cn", nonce_count: 1 };
    let answer = challenge.answer(login, proof, Covered { method: b"REGISTER", uri: b"sip:h", body: b"" });
    let mut out = b"Authorization: ".to_vec();
    challenge.write_credentials((login.user, b"sip:h"), proof, &answer, &mut out);
    out.extend_from_slice(b"\r\n");
    trial.run(request(&String::from_utf8(out).expect("text")).as_bytes()).lines.join("|")
}

#[test]
fn users_of_the_table_come_in() {
    let plain = "modparam(\"auth_db\", \"calculate_ha1\", 1)\nmodparam(\"auth_db\", \"password_column\", \"password\")";
    let loading = "modparam(\"auth_db\", \"load_credentials\", \"$avp(name)=name\")";
    let domain = "modparam(\"auth_db\", \"use_domain\", 1)";
    let rows = [
        ("", ("alice", "secret"), "1 <null>"),
        ("", ("alice", "wrong"), "-2 <null>"),
        ("", ("bob", "secret"), "-3 <null>"),
        ("", ("alice@a.example", "secret"), "1 <null>"),
        (plain, ("alice", "secret"), "1 <null>"),
        (plain, ("alice@a.example", "secret"), "1 <null>"),
        (plain, ("alice", "wrong"), "-2 <null>"),
        (loading, ("alice", "secret"), "1 Alice A"),
        (loading, ("alice", "wrong"), "-2 <null>"),
        (domain, ("alice@a.example", "secret"), "1 <null>"),
        (domain, ("alice@b.example", "secret"), "-3 <null>"),
    ];
    for (params, login, expected) in rows {
        assert_eq!(check(params, login, table), expected, "{params} {login:?}");
    }
}

#[test]
fn a_database_that_fails_lets_nobody_in_and_is_told() {
    let gone = |_: &IoRequest| IoAnswer::Store(Err(StoreError::Unreachable("gone".into())));
    let lines = check("", ("alice", "secret"), gone);
    assert_eq!(lines, "auth_db: the database cannot be reached: gone|-1 <null>");
    let odd = |_: &IoRequest| IoAnswer::Store(Ok(Reply::Rows(vec![vec![Cell::text(b"short")]])));
    assert_eq!(check("", ("alice", "secret"), odd), "-1 <null>");
}

#[test]
fn a_database_needs_its_module() {
    let rows = [
        ("mysql://u:hidden@h/db", "loadmodule \"db_mysql.so\""),
        ("sqlite", "a database address is driver://"),
        ("oracle://h/db", "no database driver oracle"),
    ];
    for (url, expected) in rows {
        let text = format!("{HEAD}modparam(\"auth_db\", \"db_url\", \"{url}\")\n{ROUTE}");
        let (script, findings) = compile(&text);
        let finding = findings.first().map(ToString::to_string).unwrap_or_default();
        assert!(script.is_none() && finding.contains(expected), "{url}: {finding}");
        assert!(!finding.contains("hidden"), "{finding}");
    }
}
