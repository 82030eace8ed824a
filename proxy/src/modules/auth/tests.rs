//! Tests of auth: what each function returns, over challenges made here and answers a client would give.

use std::time::Duration;

use sip::digest::{Challenge, Covered, Login, Proof};
use sip::msg::Auth;

use crate::trial::{Outcome, Trial, compile};

const HEAD: &str = "loadmodule \"sl.so\"\nloadmodule \"xlog.so\"\nloadmodule \"auth.so\"\n";

fn trial(params: &str, body: &str) -> Trial {
    Trial::load(&format!("{HEAD}{params}\nrequest_route {{\n{body}\n}}\n"))
        .expect("the test's configuration is right")
}

fn request(method: &str, lines: &str) -> Vec<u8> {
    format!(
        "{method} sip:example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
         From: <sip:alice@a.example>;tag=ft\r\nTo: <sip:alice@a.example>\r\nCall-ID: c1\r\n\
         CSeq: 7 {method}\r\n{lines}Content-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// The value of the challenge in the reply that `outcome` sent.
fn challenge(outcome: &Outcome) -> String {
    let lines = outcome.work.reply_headers.concat();
    let text = String::from_utf8(lines).expect("a challenge is text");
    let (_, value) = text.trim_end().split_once(": ").expect("a header line");
    value.to_owned()
}

/// The value of a credentials field a client makes of a challenge.
fn answer(challenge: &str, (user, password): (&str, &str), method: &str, nonce_count: u32) -> String {
    let auth = Auth::parse(challenge.as_bytes()).expect("a scheme");
    let challenge = Challenge::parse(&auth).expect("a challenge");
    let login = Login { user: user.as_bytes(), password: password.as_bytes() };
    let proof = Proof { qop: challenge.offers.preferred(), cnonce: b"cn", nonce_count };
    let covered = Covered { method: method.as_bytes(), uri: b"sip:other.example", body: b"" };
    let computed = challenge.answer(login, proof, covered);
    let mut out = Vec::new();
    challenge.write_credentials((login.user, covered.uri), proof, &computed, &mut out);
    String::from_utf8(out).expect("credentials are text")
}

/// Return code of the first line logged.
fn code(outcome: &Outcome) -> i64 {
    outcome.lines[0].parse().expect("the script logs a code")
}

const CHECK: &str = r#"$var(r) = pv_www_authenticate("r", "secret", "0"); xlog("L_ERR", "$var(r)\n");
    if ($var(r) < 0) { www_challenge("r", "1"); }"#;

#[test]
fn right_and_wrong_answers() {
    for params in
        ["", "modparam(\"auth\", \"algorithm\", \"SHA-256\")", "modparam(\"auth\", \"algorithm\", \"MD5\")"]
    {
        let mut trial = trial(params, CHECK);
        let first = trial.run(&request("OPTIONS", ""));
        assert_eq!(code(&first), -5, "no credentials");
        let challenge = challenge(&first);
        let right = answer(&challenge, ("alice", "secret"), "OPTIONS", 1);
        let cut = right.replacen("response=\"", "response=\"\", x=\"", 1);
        let rows = [
            (right.clone(), 1),
            (right.replace("realm=\"r\"", "realm=\"s\""), -5),
            (right.replace("Digest", "Basic"), -5),
            (right.replace("nonce=\"", "nonce=\"A"), -1),
            (right.replace("username=", "user="), -1),
            (right.replace("cnonce=", "cn="), -1),
            (format!("{right}, algorithm=SHA-512-256"), if params.is_empty() { -1 } else { 1 }),
            (cut, -1),
            (answer(&challenge, ("alice", "Secret"), "OPTIONS", 1), -2),
            (answer(&challenge, ("alice", "secret"), "BYE", 1), -2),
            (answer(&challenge, ("alice@a.example", "secret"), "OPTIONS", 1), 1),
        ];
        for (value, expected) in rows {
            let outcome = trial.run(&request("OPTIONS", &format!("Authorization: {value}\r\n")));
            assert_eq!(code(&outcome), expected, "{params} {value}");
        }
        let other = trial.run(&request("OPTIONS", &format!("Proxy-Authorization: {right}\r\n")));
        assert_eq!(code(&other), -5, "credentials in the other field");
        for method in ["ACK", "CANCEL", "PRACK"] {
            assert_eq!(code(&trial.run(&request(method, ""))), 1, "{method} is never challenged");
        }
    }
}

#[test]
fn an_old_nonce_is_stale_before_the_password_counts() {
    let mut trial = trial("modparam(\"auth\", \"nonce_expire\", 10)", CHECK);
    let challenge = challenge(&trial.run(&request("OPTIONS", "")));
    let wrong = answer(&challenge, ("alice", "wrong"), "OPTIONS", 1);
    for (seconds, expected) in [(10, -2), (11, -4)] {
        trial.shard.unix_start = Duration::from_secs(1_700_000_000 + seconds);
        let outcome = trial.run(&request("OPTIONS", &format!("Authorization: {wrong}\r\n")));
        assert_eq!(code(&outcome), expected, "{seconds}");
    }
    // A clock that was set back: the nonce comes from the future.
    trial.shard.unix_start = Duration::from_secs(1_699_999_000);
    let outcome = trial.run(&request("OPTIONS", &format!("Authorization: {wrong}\r\n")));
    assert_eq!(code(&outcome), -4);
}

#[test]
fn repeated_uses_of_a_nonce() {
    let check = |params: &str, counts: &[(u32, i64)], password: &str| {
        let mut trial = trial(params, CHECK);
        let challenge = challenge(&trial.run(&request("OPTIONS", "")));
        for (count, expected) in counts {
            let value = answer(&challenge, ("alice", password), "OPTIONS", *count);
            let outcome = trial.run(&request("OPTIONS", &format!("Authorization: {value}\r\n")));
            assert_eq!(code(&outcome), *expected, "{params} nc {count}");
        }
    };
    check("", &[(1, 1), (1, 1)], "secret");
    check("modparam(\"auth\", \"nonce_count\", 1)", &[(1, 1), (1, -4), (3, 1), (2, -4)], "secret");
    check("modparam(\"auth\", \"one_time_nonce\", 1)", &[(1, 1), (2, -6)], "secret");
    check("modparam(\"auth\", \"one_time_nonce\", 1)", &[(1, -2), (2, -6)], "wrong");
}

#[test]
fn a_nonce_may_be_bound_to_its_request() {
    let mut trial = trial("modparam(\"auth\", \"auth_checks_no_dlg\", 2)", CHECK);
    let challenge = challenge(&trial.run(&request("OPTIONS", "")));
    let value = answer(&challenge, ("alice", "secret"), "OPTIONS", 1);
    let message =
        String::from_utf8(request("OPTIONS", &format!("Authorization: {value}\r\n"))).expect("text");
    assert_eq!(code(&trial.run(message.as_bytes())), 1);
    assert_eq!(code(&trial.run(message.replace("Call-ID: c1", "Call-ID: c2").as_bytes())), -4);
}

#[test]
fn challenges_name_their_terms_in_order() {
    let rows = [
        ("0", "", "Digest realm=\"r\", nonce=\"N\""),
        ("1", "", "Digest realm=\"r\", nonce=\"N\", qop=\"auth\""),
        ("3", "", "Digest realm=\"r\", nonce=\"N\", qop=\"auth-int\""),
        ("17", "MD5", "Digest realm=\"r\", nonce=\"N\", qop=\"auth\", stale=true, algorithm=MD5"),
    ];
    for (flags, algorithm, expected) in rows {
        let params = format!("modparam(\"auth\", \"algorithm\", \"{algorithm}\")");
        let mut trial = trial(&params, &format!("auth_challenge(\"r\", \"{flags}\");"));
        let outcome = trial.run(&request("OPTIONS", ""));
        let line = String::from_utf8(outcome.work.reply_headers.concat()).expect("text");
        let nonce = line.split('"').nth(3).expect("a nonce").to_owned();
        assert_eq!(nonce.len(), 32);
        assert_eq!(line.replace(&nonce, "N"), format!("Proxy-Authenticate: {expected}\r\n"));
        let register = trial.run(&request("REGISTER", ""));
        assert!(register.work.reply_headers[0].starts_with(b"WWW-Authenticate: "));
    }
    let (script, findings) = compile(&format!("{HEAD}request_route {{ www_challenge(\"\", \"1\"); }}"));
    assert!(script.is_none() && findings[0].to_string().contains("realm is empty"), "{findings:?}");
}

#[test]
fn a_challenge_may_go_into_an_avp_instead() {
    let body = r#"pv_www_authenticate("r", "secret", "4"); xlog("L_ERR", "$avp(digest_challenge)\n");"#;
    let outcome = trial("", body).run(&request("OPTIONS", ""));
    assert!(outcome.work.reply_headers.is_empty());
    assert!(outcome.lines[0].starts_with("WWW-Authenticate: Digest realm=\"r\", nonce="));
    assert!(outcome.lines[0].contains(", qop=\"auth\""));
}

#[test]
fn the_user_may_have_to_be_the_sender() {
    let body = r#"$var(r) = pv_auth_check("r", "secret", "0", "1"); xlog("L_ERR", "$var(r)\n");
        if ($var(r) < 0) { auth_challenge("r", "0"); }"#;
    let mut trial = trial("", body);
    for (method, field) in [("REGISTER", "Authorization"), ("MESSAGE", "Proxy-Authorization")] {
        let challenge = challenge(&trial.run(&request(method, "")));
        for (user, expected) in [("alice", 1), ("bob", -8)] {
            let value = answer(&challenge, (user, "secret"), method, 1);
            let outcome = trial.run(&request(method, &format!("{field}: {value}\r\n")));
            assert_eq!(code(&outcome), expected, "{method} {user}");
        }
    }
}

#[test]
fn consumed_credentials_are_not_relayed() {
    let body = r#"consume_credentials(); xlog("L_ERR", "$rc\n");
        pv_www_authenticate("r", "secret", "0"); consume_credentials(); xlog("L_ERR", "$rc\n");
        consume_credentials(); xlog("L_ERR", "$rc\n"); has_credentials("s"); xlog("L_ERR", "$rc\n");"#;
    let mut trial = trial("", body);
    let lines = "Authorization: Digest realm=\"s\", username=\"a\"\r\nAuthorization: Digest realm=\"r\", username=\"b\"\r\n";
    let outcome = trial.run(&request("OPTIONS", lines));
    assert_eq!(outcome.lines, ["-1", "1", "1", "1"]);
    let mut out = Vec::new();
    outcome.work.edits.write(outcome.work.view(), &mut out);
    let sent = String::from_utf8(out).expect("text");
    assert!(sent.contains("realm=\"s\"") && !sent.contains("realm=\"r\""), "{sent}");
}

#[test]
fn a_hash_serves_as_password() {
    let md5 = "b55aa4a4ff2f4a3fb0d5ab5a7b9b4e5a";
    let body = format!(
        r#"$var(r) = pv_www_authenticate("r", "{md5}", "1"); xlog("L_ERR", "$var(r)\n");
        if ($var(r) < 0) {{ www_challenge("r", "0"); }}"#
    );
    let mut trial = trial("", &body);
    let challenge = challenge(&trial.run(&request("OPTIONS", "")));
    let value = answer(&challenge, ("alice", "secret"), "OPTIONS", 1);
    let outcome = trial.run(&request("OPTIONS", &format!("Authorization: {value}\r\n")));
    assert_eq!(code(&outcome), -2);
    let hash = sip::digest::Ha1::compute(sip::digest::Algorithm::Md5, b"alice", b"r", b"secret");
    let hash = String::from_utf8_lossy(hash.expose()).into_owned();
    let mut trial = self::trial("", &body.replace(md5, &hash));
    let challenge = self::challenge(&trial.run(&request("OPTIONS", "")));
    let value = answer(&challenge, ("alice", "secret"), "OPTIONS", 1);
    let outcome = trial.run(&request("OPTIONS", &format!("Authorization: {value}\r\n")));
    assert_eq!(code(&outcome), 1);
}
