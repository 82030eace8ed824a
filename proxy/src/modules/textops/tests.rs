//! Tests of textops: codes, and what the sent message looks like.

use crate::trial::{Trial, compile};

const MESSAGE: &str = "MESSAGE sip:bob@example.com SIP/2.0\r\n\
Via: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK1\r\n\
From: <sip:alice@a.example>;tag=ft\r\n\
To: <sip:bob@example.com>\r\n\
i: c1\r\n\
CSeq: 7 MESSAGE\r\n\
X-One: foo\r\n\
X-One: bar\r\n\
s: hello\r\n\
Privacy: id;critical\r\n\
Content-Type: text/plain;charset=utf-8\r\n\
Content-Length: 9\r\n\r\none\r\ntwo\n";

fn run(body: &str) -> (i64, String) {
    let text = format!("loadmodule \"textops.so\"\nrequest_route {{ {body}; return $rc; }}");
    let mut trial = Trial::load(&text).unwrap_or_else(|findings| panic!("{body}: {}", findings[0]));
    let outcome = trial.run(MESSAGE.as_bytes());
    let mut out = Vec::new();
    outcome.work.edits.write(outcome.work.view(), &mut out);
    (outcome.end.code, String::from_utf8_lossy(&out).into_owned())
}

#[test]
fn questions_have_their_codes() {
    let rows = [
        ("search(\"FOO\")", 1),
        ("search(\"^x-one: bar.$\")", 1),
        ("search(\"foo.*bar\")", -1),
        ("search_body(\"foo\")", -1),
        ("search_body(\"^two$\")", 1),
        ("search_hf(\"X-One\", \"bar\", \"f\")", -1),
        ("search_hf(\"X-One\", \"bar\", \"l\")", 1),
        ("search_hf(\"X-One\", \"bar\", \"a\")", 1),
        ("is_present_hf(\"Call-ID\")", 1),
        ("is_present_hf(\"Subject\")", 1),
        ("is_present_hf(\"X-Two\")", -1),
        ("is_present_hf_re(\"^x-\")", 1),
        ("is_method(\"INVITE|MESSAGE\")", 1),
        ("is_method(\"INVITE\")", -1),
        ("has_body()", 1),
        ("has_body(\"text/plain\")", 1),
        ("has_body(\"application/sdp\")", -1),
        ("is_privacy(\"id\")", 1),
        ("is_privacy(\"header\")", -1),
        ("in_list(\"b\", \"a,b\", \",\")", 1),
        ("in_list_prefix(\"4930\", \"43,49\", \",\")", 1),
        ("cmp_str(\"a\", \"A\")", -1),
        ("cmp_istr(\"a\", \"A\")", 1),
        ("starts_with(\"abc\", \"\")", 1),
        ("starts_with(\"abc\", \"ab\")", 1),
        ("ends_with(\"abc\", \"ab\")", -1),
        ("str_find(\"abc\", \"c\")", 3),
        ("str_find(\"abc\", \"x\")", -1),
        ("remove_hf(\"X-Two\")", -1),
        ("remove_hf(\"X-One\")", 1),
        ("append_hf(\"P: 1\\r\\n\")", 1),
    ];
    for (call, expected) in rows {
        assert_eq!(run(call).0, expected, "{call}");
    }
}

#[test]
fn changes_show_in_the_sent_message() {
    let rows = [
        ("append_hf(\"P: $rU\\r\\n\")", "Content-Length: 9\r\nP: bob\r\n\r\n"),
        ("append_hf(\"P: 1\\r\\n\", \"Call-ID\")", "i: c1\r\nP: 1\r\nCSeq"),
        ("append_hf(\"P: 1\")", "9\r\nP: 1\r\n\r\n"),
        ("insert_hf(\"P: 1\\r\\n\")", "SIP/2.0\r\nP: 1\r\nVia"),
        ("insert_hf(\"P: 1\\r\\n\", \"CSeq\")", "i: c1\r\nP: 1\r\nCSeq"),
        ("remove_hf(\"X-One\")", "MESSAGE\r\ns: hello"),
        ("remove_hf(\"Subject\"); append_hf(\"Subject: x\\r\\n\")", "9\r\nSubject: x\r\n\r\n"),
        ("remove_hf_idx(\"X-One\", \"-1\")", "X-One: foo\r\ns:"),
        // Lines are apart unless flag s says otherwise (Kamailio 5.6.3, measured).
        ("subst('/^X-One: (.)oo/X-One: \\1u $rU/')", "X-One: fu bob\r\n"),
        ("subst('/^X-One: (.)oo/X-One: \\1u $rU/s')", "X-One: foo\r\n"),
        ("subst('/X-One: (.)oo/X-One: \\1u $rU/')", "X-One: fu bob\r\n"),
        ("subst_hf(\"X-One\", \"/o/0/g\", \"a\")", "X-One: f00\r\n"),
        ("replace(\"x-one\", \"X-New\")", "X-New: foo\r\nX-One: bar"),
        ("replace_all(\"x-one\", \"X-New\")", "X-New: foo\r\nX-New: bar"),
        ("replace_body(\"one\", \"three\")", "Content-Length: 11\r\n\r\nthree\r\ntwo"),
        ("search_append_body(\"^two\", \"!\")", "one\r\ntwo!\n"),
        ("set_body(\"new\", \"a/b\")", "Content-Length: 3\r\nContent-Type: a/b\r\n\r\nnew"),
    ];
    for (call, expected) in rows {
        let (_, sent) = run(call);
        assert!(sent.contains(expected), "{call}: {sent}");
    }
}

#[test]
fn substitutions_change_uris_and_variables() {
    let rows = [
        ("subst_uri('/sip:(.*)@(.*)/sip:+49\\1@\\2/i')", "$ru", "sip:+49bob@example.com"),
        ("subst_user('/b/B/g')", "$rU", "BoB"),
        ("$var(x) = \"a.b\"; subst_v(\"$var(x)\", '/\\./-/')", "$var(x)", "a-b"),
        ("regex_substring(\"user=abc\", \"(us.r)=(.*)\", \"2\", \"2\", \"$var(x)\")", "$var(x)", "abc"),
        ("is_method(\"MESSAGE\")", "$(ru{re.subst,/sip:(.*)@.*/\\1/})", "bob"),
        ("is_method(\"MESSAGE\")", "$(ru{re.subst,/x{2,3}/y/g})", "sip:bob@example.com"),
    ];
    for (call, variable, expected) in rows {
        let text = format!(
            "loadmodule \"textops.so\"\nloadmodule \"xlog.so\"\nrequest_route {{ {call}; xlog(\"{variable}\"); }}"
        )
        .replace("\\1/})", "\\\\1/})");
        let mut trial = Trial::load(&text).unwrap_or_else(|findings| panic!("{call}: {}", findings[0]));
        assert_eq!(trial.run(MESSAGE.as_bytes()).lines, [expected], "{call}");
    }
}

#[test]
fn mistakes_are_found_while_loading() {
    for (call, expected) in [
        ("search(\"a(\")", "not a regular expression: unmatched ("),
        ("subst(\"/a/b\")", "expected /re/text/flags"),
        ("subst(\"/a/b/x\")", "unknown flag x"),
        ("is_method(\"FOO|MESSAGE\")", "unknown method FOO"),
        ("append_hf(\"P: $foo\")", "unknown variable $foo"),
    ] {
        let text = format!("loadmodule \"textops.so\"\nrequest_route {{ {call}; }}");
        let (script, findings) = compile(&text);
        assert!(script.is_none(), "{call}");
        assert!(findings.iter().any(|finding| finding.message.contains(expected)), "{call}: {findings:?}");
    }
}
