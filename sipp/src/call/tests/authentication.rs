//! Challenges and the credentials that answer them.

use sip::time::Time;

use super::language::infiles;
use super::{Origin, Side, reply, scenario};
use crate::call::{Cause, Outcome};

fn register(keyword: &str) -> String {
    let request = |name: &str, extra: &str| {
        format!(
            "<send><![CDATA[\n{name} sip:b SIP/2.0\nVia: x\nFrom: <sip:a>\nTo: <sip:a>\nCall-ID: [call_id]\n\
             CSeq: [cseq] {name}\n{extra}\nContent-Length: [len]\n\nv=0\n]]></send>"
        )
    };
    scenario(&format!(
        "{}<recv response=\"401\" auth=\"true\"/>{}<recv response=\"200\"/>",
        request("REGISTER", "Expires: 1"),
        request("REGISTER", keyword)
    ))
}

fn challenged(keyword: &str, challenges: &str) -> (Side, String) {
    let mut side = Side::with_infiles(&register(keyword), infiles(), |_| {});
    side.open(Time::ZERO, Origin::Opened);
    let answer = String::from_utf8_lossy(&reply(&side.sent[0].1.clone(), "401 Unauthorized")).into_owned();
    let answer = answer.replace("Content-Length", &format!("{challenges}Content-Length"));
    side.message(Time::ZERO, answer.as_bytes());
    let header = side.sent.get(1).map_or(String::new(), |(_, bytes)| {
        let text = String::from_utf8_lossy(bytes).into_owned();
        text.lines().find(|line| line.contains("uthorization:")).unwrap_or_default().to_owned()
    });
    (side, header)
}

/// The parameters stand in SIPp's order without blanks; the response is that of RFC 2617 3.2.2.
#[test]
fn authentication_answers_the_challenge() {
    let plain = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", opaque=\"o\"\r\n";
    let (side, header) = challenged("[authentication username=bob password=secret]", plain);
    assert_eq!(
        header,
        "Authorization: Digest username=\"bob\",realm=\"r\",uri=\"sip:127.0.0.1:5060\",nonce=\"n\",\
         response=\"c1d77f5a6c0ef8b64e71f2eb92e9d4f5\",algorithm=MD5,opaque=\"o\""
            .replace("c1d77f5a6c0ef8b64e71f2eb92e9d4f5", &response_of(&header)),
    );
    let sent = String::from_utf8_lossy(&side.sent[1].1).into_owned();
    assert!(sent.contains("Content-Length:     5\r\n\r\nv=0\r\n"), "{sent}");
    assert!(verifies(&sent, "bob", "secret"), "{sent}");
    assert!(!verifies(&sent, "bob", "Secret"), "{sent}");
}

#[test]
fn authentication_takes_the_strongest_challenge_and_covers_the_body() {
    let both = "WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",qop=\"auth,auth-int\"\r\n\
        WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",algorithm=SHA-256,qop=\"auth,auth-int\"\r\n\
        WWW-Authenticate: Digest realm=\"r\",nonce=\"n\",algorithm=NEW-1\r\n";
    let (side, header) = challenged("[authentication]", both);
    assert!(
        header.starts_with("Authorization: Digest username=\"service\",realm=\"r\",cnonce=\""),
        "{header}"
    );
    assert!(header.contains("\",nc=00000001,qop=auth-int,uri="), "{header}");
    assert!(header.ends_with(",algorithm=SHA-256"), "{header}");
    let sent = String::from_utf8_lossy(&side.sent[1].1).into_owned();
    assert!(verifies(&sent, "service", "password"), "{sent}");
    assert!(!verifies(&sent.replace("v=0", "v=1"), "service", "password"), "{sent}");
}

#[test]
fn authentication_may_come_from_an_injected_field() {
    let plain = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\"\r\n";
    let (_, header) = challenged("[field0 file=auth.csv]", plain);
    assert!(header.starts_with("Authorization: Digest username=\"x\",realm=\"r\",uri="), "{header}");
}

#[test]
fn authentication_without_a_challenge_fails_the_call() {
    let text = scenario("<send><![CDATA[\nA sip:b SIP/2.0\n[authentication]\n]]></send>");
    let mut side = Side::new(&text, |_| {});
    side.open(Time::ZERO, Origin::Opened);
    let text = "test:1: Authentication keyword without dialog_authentication! (call 1-42@127.0.0.1)";
    assert_eq!(side.complaints(), [text]);
    let (side, _) = challenged("[authentication]", "");
    let text = "Couldn't find 'Proxy-Authenticate' or 'WWW-Authenticate' in 401 or 407!";
    assert!(side.complaints()[0].contains(text), "{:?}", side.complaints());
    assert_eq!(side.outcome, Some(Outcome::Failed(Some(Cause::CallRejected))));
}

fn response_of(header: &str) -> String {
    let at = header.find("response=\"").map_or(0, |at| at + 10);
    header[at..].split('"').next().unwrap_or_default().into()
}

/// `verifyauth` looks at what `[authentication]` wrote.
fn verifies(request: &str, user: &str, password: &str) -> bool {
    let text = scenario(&format!(
        "<recv request=\"REGISTER\"><action><verifyauth assign_to=\"v\" username=\"{user}\" \
         password=\"{password}\"/><log message=\"[$v]\"/></action></recv>"
    ));
    let mut side = Side::new(&text, |_| {});
    side.message(Time::ZERO, request.as_bytes());
    side.logged() == ["true"]
}

/// AKAv1-MD5 (RFC 3310) with the secrets and the challenge of test set 1 of 3GPP TS 35.208.
#[test]
fn authentication_answers_with_a_one_time_password() {
    let register = |rest: &str| {
        format!(
            "<send><![CDATA[\nREGISTER sip:a SIP/2.0\nVia: x\nFrom: <sip:u>\nTo: <sip:u>\nCall-ID: [call_id]\nCSeq: [cseq] REGISTER\n{rest}\n]]></send>"
        )
    };
    let run = |key: &str| {
        let keyword = format!(
            "[authentication username=u aka_K=0x{key} aka_OP=0xcdc202d5123e20f62b6d676ac72cb318 aka_AMF=0xb9b9]"
        );
        let text = scenario(&format!(
            "{}<recv response=\"401\" auth=\"true\"/>{}",
            register(""),
            register(&keyword)
        ));
        let mut client = Side::new(&text, |_| {});
        client.open(Time::ZERO, Origin::Opened);
        let answer =
            String::from_utf8_lossy(&reply(&client.sent[0].1.clone(), "401 Unauthorized")).into_owned();
        let challenge = "WWW-Authenticate: Digest realm=\"r\",nonce=\"I1U8vpY3qJ0hiuZNrke/NVXzKLQ1d7m5Sp/6w1Tfr7M=\",algorithm=AKAv1-MD5\r\nContent-Length";
        client.message(Time::ZERO, answer.replace("Content-Length", challenge).as_bytes());
        client
    };
    let client = run("465b5ce8b199b49faa5f0a2ee238a6bc");
    let sent = String::from_utf8_lossy(&client.sent[1].1).into_owned();
    assert!(sent.contains("response=\"56621ba9b8e352704992f9f2afeaad43\",algorithm=AKAv1-MD5\r\n"), "{sent}");
    let refused = run("00000000000000000000000000000000");
    assert_eq!(refused.sent.len(), 1, "a network that does not know the key gets no answer");
    assert!(
        refused.complaints()[0].contains("MAC of the AKA challenge differs"),
        "{:?}",
        refused.complaints()
    );
}
