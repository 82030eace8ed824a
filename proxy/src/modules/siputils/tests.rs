//! Tests of siputils: codes of its functions.

use crate::trial::{OPTIONS, Trial};

/// The code of one call after some statements, with a request URI.
fn code(uri: &str, before: &str, call: &str) -> i64 {
    let text = format!("loadmodule \"siputils.so\"\nrequest_route {{ {before} {call}; return $rc; }}");
    let mut trial = Trial::load(&text).unwrap_or_else(|findings| panic!("{call}: {}", findings[0]));
    let message = String::from_utf8_lossy(OPTIONS).replacen("sip:bob@example.com", uri, 1);
    trial.run(message.as_bytes()).end.code
}

#[test]
fn functions_answer_with_their_codes() {
    // Measured on Kamailio 5.6.3.
    let rows = [
        ("sip:b@h", "", "has_totag()", -1),
        ("sip:b@h", "", "is_request()", 1),
        ("sip:b@h", "", "is_reply()", -1),
        ("sip:b@h", "", "is_first_hop()", 1),
        ("sip:b@h;foo=bar", "", "uri_param(\"foo\")", -1),
        ("sip:b@h;foo", "", "uri_param(\"foo\")", 1),
        ("sip:b@h;foo=bar", "", "uri_param(\"foo\", \"bar\")", 1),
        ("sip:b@h;foo=bar", "", "uri_param_any(\"foo\")", 1),
        ("sip:b@h", "$var(n) = \"1234\";", "is_e164(\"$var(n)\")", -1),
        ("sip:b@h", "$var(n) = \"+1234\";", "is_e164(\"$var(n)\")", 1),
        ("sip:b@h", "", "is_tel_number(\"+12a\")", -2),
        ("sip:b@h", "", "is_tel_number(\"+12\")", 1),
        ("sip:b@h", "", "is_numeric(\"1a\")", -2),
        ("sip:b@h", "", "is_alphanum(\"a-\")", -3),
        ("sip:b@h", "", "is_user(\"bob\")", -1),
        ("sip:b@h", "", "hdr_date_check(\"5\")", -1),
        ("sip:b@h", "", "cmp_uri(\"sip:a@H\", \"sip:a@h\")", 1),
        ("sip:b@h;gr=x", "", "is_gruu()", 1),
        ("sip:b@h;gr", "", "is_gruu()", 2),
        ("sip:b@h", "", "is_gruu()", -1),
        ("sip:b@h", "", "options_reply()", -1),
    ];
    for (uri, before, call, expected) in rows {
        assert_eq!(code(uri, before, call), expected, "{call} on {uri}");
    }
}

#[test]
fn uris_are_changed_in_place() {
    let rows = [
        ("sip:b@h;p?x=y", "add_uri_param(\"n=1\");", "sip:b@h;p;n=1?x=y"),
        ("sip:b@h;p;q", "uri_param_rm(\"p\");", "sip:b@h;q"),
        ("sip:b@h", "tel2sip(\"tel:+1-23;x=y\", \"h.ex\", \"$ru\");", "sip:+123;x=y@h.ex;user=phone"),
        ("sip:b@h:1;p", "set_uri_host(\"$ru\", \"n\");", "sip:b@n:1;p"),
        ("sip:b@h:1;p", "set_uri_user(\"$ru\", \"n\");", "sip:n@h:1;p"),
    ];
    for (uri, call, expected) in rows {
        let text = format!("loadmodule \"siputils.so\"\nrequest_route {{ {call} }}");
        let mut trial = Trial::load(&text).unwrap_or_else(|findings| panic!("{call}: {}", findings[0]));
        let message = String::from_utf8_lossy(OPTIONS).replacen("sip:bob@example.com", uri, 1);
        let outcome = trial.run(message.as_bytes());
        assert_eq!(outcome.work.uri().as_deref(), Some(expected.as_bytes()), "{call}");
    }
}
