//! Torture messages of RFC 4475 and RFC 5118: one file each in `messages/`, one row each in `ROWS`.
//!
//! A row says what our readers make of the message: `ok`, the error of the strict parse, or the first error of
//! the typed readers. Where the RFC asks for something else, the row says so in its last column. Long texts of
//! the RFC (`longreq`, the binary part of `mpart01`) are shortened.

use std::path::PathBuf;

use bytes::Bytes;
use sip::msg::{Edits, HeaderName, Index, Message, Method, View};
use sip::sdp::{Parts, find};

/// File, section, outcome, and what differs from the RFC's wish or is left to the application.
const ROWS: &[(&str, &str, &str, &str)] = &[
    ("wsinv", "RFC 4475 3.1.1.1", "ok", ""),
    ("intmeth", "RFC 4475 3.1.1.2", "ok", ""),
    ("esc01", "RFC 4475 3.1.1.3", "ok", ""),
    ("escnull", "RFC 4475 3.1.1.4", "ok", ""),
    ("esc02", "RFC 4475 3.1.1.5", "ok", ""),
    ("lwsdisp", "RFC 4475 3.1.1.6", "ok", ""),
    ("longreq", "RFC 4475 3.1.1.7", "ok", ""),
    ("dblreq", "RFC 4475 3.1.1.8", "ok", "the second message of the datagram is dropped"),
    ("semiuri", "RFC 4475 3.1.1.9", "ok", ""),
    ("transports", "RFC 4475 3.1.1.10", "ok", ""),
    ("mpart01", "RFC 4475 3.1.1.11", "ok", ""),
    ("unreason", "RFC 4475 3.1.1.12", "ok", ""),
    ("noreason", "RFC 4475 3.1.1.13", "ok", ""),
    ("badinv01", "RFC 4475 3.1.2.1", "Bad Via (protocol)", ""),
    ("clerr", "RFC 4475 3.1.2.2", "Bad Content-Length", ""),
    ("ncl", "RFC 4475 3.1.2.3", "Bad Content-Length", ""),
    ("scalar02", "RFC 4475 3.1.2.4", "Bad CSeq (number)", ""),
    ("scalarlg", "RFC 4475 3.1.2.5", "Bad CSeq (number)", ""),
    ("quotbal", "RFC 4475 3.1.2.6", "Bad To (display name)", ""),
    ("ltgtruri", "RFC 4475 3.1.2.7", "Bad Request-URI (scheme)", ""),
    ("lwsruri", "RFC 4475 3.1.2.8", "Bad Request-URI", ""),
    ("lwsstart", "RFC 4475 3.1.2.9", "Bad Request-URI", ""),
    ("trws", "RFC 4475 3.1.2.10", "ok", "accepted as the RFC allows: blanks behind the version are skipped"),
    (
        "escruri",
        "RFC 4475 3.1.2.11",
        "ok",
        "headers of a Request-URI are readable; ignoring them is the application's",
    ),
    ("baddate", "RFC 4475 3.1.2.12", "ok", "gap: Date is not decoded"),
    (
        "regbadct",
        "RFC 4475 3.1.2.13",
        "ok",
        "gap: a question mark without brackets starts the headers of the URI",
    ),
    ("badaspec", "RFC 4475 3.1.2.14", "Bad To (scheme)", ""),
    (
        "baddn",
        "RFC 4475 3.1.2.15",
        "ok",
        "accepted as the RFC allows: From holds one value, so the comma is display name",
    ),
    ("badvers", "RFC 4475 3.1.2.16", "Version not supported", ""),
    ("mismatch01", "RFC 4475 3.1.2.17", "CSeq of another method", ""),
    ("mismatch02", "RFC 4475 3.1.2.18", "CSeq of another method", ""),
    ("bigcode", "RFC 4475 3.1.2.19", "Bad start line", ""),
    ("badbranch", "RFC 4475 3.2.1", "ok", "the branch does not count as one of RFC 3261"),
    ("insuf", "RFC 4475 3.3.1", "Missing From", ""),
    ("unkscm", "RFC 4475 3.3.2", "ok", "416 is the application's"),
    ("novelsc", "RFC 4475 3.3.3", "ok", "416 is the application's"),
    ("unksm2", "RFC 4475 3.3.4", "ok", ""),
    ("bext01", "RFC 4475 3.3.5", "ok", "420 is the application's"),
    ("invut", "RFC 4475 3.3.6", "ok", "415 is the application's"),
    ("regaut01", "RFC 4475 3.3.7", "ok", ""),
    ("multi01", "RFC 4475 3.3.8", "More than one From", ""),
    ("mcl01", "RFC 4475 3.3.9", "Bad Content-Length", ""),
    ("bcast", "RFC 4475 3.3.10", "ok", ""),
    ("zeromf", "RFC 4475 3.3.11", "ok", "483 is the application's"),
    ("cparam01", "RFC 4475 3.3.12", "ok", ""),
    ("cparam02", "RFC 4475 3.3.13", "ok", ""),
    ("regescrt", "RFC 4475 3.3.14", "ok", ""),
    ("sdp01", "RFC 4475 3.3.15", "ok", "406 is the application's"),
    ("inv2543", "RFC 4475 3.4.1", "ok", ""),
    ("ipv6-good", "RFC 5118 4.1", "ok", ""),
    ("ipv6-bad", "RFC 5118 4.2", "Bad Request-URI (port)", ""),
    ("port-ambiguous", "RFC 5118 4.3", "ok", ""),
    ("port-unambiguous", "RFC 5118 4.4", "ok", ""),
    ("via-received-param-with-delim", "RFC 5118 4.5", "ok", ""),
    ("via-received-param-no-delim", "RFC 5118 4.5", "ok", ""),
    ("ipv6-in-sdp", "RFC 5118 4.6", "ok", ""),
    ("mult-ip-in-header", "RFC 5118 4.7", "ok", ""),
    ("mult-ip-in-sdp", "RFC 5118 4.8", "ok", ""),
    ("ipv4-mapped-ipv6", "RFC 5118 4.9", "ok", ""),
    ("ipv6-bug-abnf-3-colons", "RFC 5118 4.10", "ok", ""),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/torture/messages")
}

fn read(name: &str) -> Bytes {
    let path = folder().join(name).with_extension("sip");
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}

/// What a strict server finds wrong first.
fn outcome(bytes: &Bytes) -> String {
    match Message::parse(bytes.clone()) {
        Err(error) => error.to_string(),
        Ok(message) => check(message.view()).err().unwrap_or("ok".into()),
    }
}

/// Runs all typed readers.
fn check(view: View<'_>) -> Result<(), String> {
    let text = |error: sip::msg::HeaderError| error.to_string();
    let mandatory = view.mandatory().map_err(text)?;
    if view.method().is_some() {
        view.ruri().map_err(text)?;
        if view.method_text() != Some(mandatory.cseq.method_text) {
            return Err("CSeq of another method".into());
        }
    }
    for via in view.vias() {
        via.map_err(text)?;
    }
    for header in
        [HeaderName::From, HeaderName::To, HeaderName::Contact, HeaderName::Route, HeaderName::RecordRoute]
    {
        for addr in view.name_addrs(header) {
            let uri = addr.map_err(text)?.uri();
            uri.map_err(|error| format!("Bad {} ({})", header.as_str(), error.part.as_str()))?;
        }
    }
    view.max_forwards().map_err(text)?;
    view.expires().map_err(text)?;
    view.retry_after().map_err(text)?;
    view.content_type().map_err(text)?;
    view.auths(HeaderName::Authorization).try_for_each(|auth| auth.map(drop)).map_err(text)
}

#[test]
fn every_message_has_the_outcome_of_its_row() {
    let mut wrong = Vec::new();
    for (name, section, expected, _) in ROWS {
        let got = outcome(&read(name));
        if got != *expected {
            wrong.push(format!("{name} ({section}): expected {expected:?}, got {got:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_file_has_a_row() {
    let mut files: Vec<_> = std::fs::read_dir(folder())
        .expect("the folder is in the repository")
        .map(|entry| {
            entry.expect("readable").path().file_stem().expect("name").to_string_lossy().into_owned()
        })
        .collect();
    files.sort();
    let mut rows: Vec<_> = ROWS.iter().map(|row| row.0.to_string()).collect();
    rows.sort();
    assert_eq!(files, rows);
}

/// No prefix of any message panics in any reader, and what is good leaves as it came.
#[test]
fn truncation_never_panics_and_good_messages_are_copied_exactly() {
    for (name, ..) in ROWS {
        let bytes = read(name);
        for end in 0..bytes.len() {
            if let Ok(message) = Message::parse_lenient(bytes.slice(..end)) {
                drop(check(message.view()));
                let _ = find(message.view()).map(|sdp| sdp.media().count());
            }
        }
        if let Ok(index) = Index::parse(&bytes) {
            let mut out = Vec::new();
            Edits::new().write(View { bytes: &bytes, index: &index }, &mut out);
            assert_eq!(out, bytes[..index.body.end()], "{name}");
        }
    }
}

/// A server must be able to answer what it refuses, so the mandatory fields are there after a lenient reading.
#[test]
fn refused_requests_can_be_answered() {
    for name in ["clerr", "ncl", "lwsruri", "lwsstart", "mcl01", "badvers"] {
        let message = Message::parse_lenient(read(name)).expect("the start line is one");
        let mut out = Vec::new();
        let reply = sip::msg::Reply::new(400);
        sip::msg::write_reply(message.view(), &reply, &mut out)
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(Message::parse(out.into()).is_ok(), "{name}");
    }
}

/// RFC 4475 3.1.1.1: folds, odd spacing and case change nothing in what is read.
#[test]
fn wsinv_is_read_in_full() {
    let message = Message::parse(read("wsinv")).expect("valid");
    let view = message.view();
    let mandatory = view.mandatory().expect("complete");
    assert_eq!(mandatory.to.tag(), Some(&b"1918181833n"[..]));
    assert_eq!(mandatory.from.display_name(), &br#"J Rosenberg \""#[..]);
    assert_eq!((mandatory.cseq.number, mandatory.cseq.method), (9, Method::Invite));
    assert_eq!(view.max_forwards(), Ok(Some(68)));
    let branches: Vec<_> = view.vias().map(|via| via.expect("valid").branch().expect("has one")).collect();
    assert_eq!(branches, [&b"390skdjuw"[..], b"z9hG4bK9ikj8", b"z9hG4bK30239"]);
    let contact = view.contacts().next().expect("one").expect("valid");
    assert_eq!(contact.display_name(), &br#"Quoted string """#[..]);
    assert_eq!(
        (contact.q_thousandths(), contact.params.value(b"newparam")),
        (Some(330), Some(&b"newvalue"[..]))
    );
    assert_eq!(view.header_named(b"Subject"), Some(&b""[..]));
    assert_eq!(find(view).expect("session description").media().count(), 2);
}

/// RFC 4475 3.1.1.8, 3.1.1.11, 3.2.1; RFC 5118 4.3, 4.5, 4.8.
#[test]
fn details_of_other_messages() {
    let with = |name: &str, check: fn(View<'_>)| check(Message::parse(read(name)).expect(name).view());
    with("dblreq", |view| assert_eq!((view.method(), view.body()), (Some(Method::Register), &b""[..])));
    with("esc02", |view| assert_eq!((view.method(), view.contacts().count()), (Some(Method::Other), 2)));
    with("badbranch", |view| assert_eq!(view.via_top().expect("valid").rfc3261_branch(), None));
    with("port-ambiguous", |view| assert_eq!(view.ruri().expect("valid").port, None));
    with("port-unambiguous", |view| assert_eq!(view.ruri().expect("valid").port, Some(5070)));
    with("via-received-param-with-delim", |view| {
        assert_eq!(view.via_top().expect("valid").received(), Some(&b"[2001:db8::9:255]"[..]));
    });
    with("mpart01", |view| {
        let boundary = view.content_type().expect("readable").expect("there").boundary().expect("multipart");
        let sizes: Vec<_> = Parts::new(view.body(), &boundary).map(|part| part.body.len()).collect();
        assert_eq!(sizes, [5, 14]);
    });
    with("mult-ip-in-sdp", |view| {
        let sdp = find(view).expect("there");
        let ips: Vec<_> =
            sdp.media().map(|media| media.connection().and_then(|c| c.ip()).expect("address")).collect();
        assert_eq!(ips, ["192.0.2.1".parse::<std::net::IpAddr>().unwrap(), "2001:db8::1".parse().unwrap()]);
    });
}
