//! Calls that are brought together, and a side that is referred elsewhere (RFC 3515).

use super::{CALLED, CALLER, answer, begin, live, within};
use crate::trial::live::{Live, brief};

/// RFC 5589: the first party is called, referred to the second, and left alone.
#[test]
fn two_parties_are_bridged() {
    let by_rpc = |live: &mut Live| {
        live.rpc("dlg.bridge_dlg", &["sip:a@127.0.0.1:5081", "sip:b@b.example", "sip:127.0.0.1:5082"]).1
    };
    let by_function = |live: &mut Live| live.receive(CALLER, &String::from_utf8_lossy(super::INVITE));
    let head = "modparam(\"dialog\", \"bridge_controller\", \"sip:boss@x\")\nmodparam(\"dialog\", \"bridge_contact\", \"sip:boss@y\")\n";
    let script = "dlg_bridge(\"sip:a@127.0.0.1:5081\", \"sip:b@b.example\", \"sip:127.0.0.1:5082\"); exit;";
    let mut rpc = live(head, "");
    let mut function = live(head, script);
    let (first, second) = (by_rpc(&mut rpc), by_function(&mut function));
    for (live, sent) in [(&mut rpc, first), (&mut function, second)] {
        let invite =
            sent.iter().find(|sent| sent.port == 5082).expect("the first party is called by the next hop");
        assert_eq!(invite.start(), "INVITE sip:a@127.0.0.1:5081 SIP/2.0");
        assert!(invite.field("From").starts_with("<sip:boss@x>;tag="), "{}", invite.text);
        assert_eq!(invite.field("Contact"), "<sip:boss@y>");
        let sent = live.receive(5082, &invite.reply("200 OK", "Contact: <sip:a@127.0.0.1:5083>\r\n"));
        assert_eq!(brief(&sent), ["5083 ACK", "5083 REFER"]);
        assert_eq!(sent[1].field("Refer-To"), "sip:b@b.example");
        assert_eq!(sent[1].field("Referred-By"), "sip:boss@x");
        let sent = live.receive(5083, &sent[1].reply("202 Accepted", ""));
        assert_eq!(brief(&sent), ["5083 BYE"]);
        assert_eq!(sent[0].field("To"), format!("{};tag=called", invite.field("To")));
    }
}

#[test]
fn a_bridge_needs_two_addresses_and_ends_when_the_first_is_not_there() {
    let mut live = live("", "");
    for args in [&["sip:a@127.0.0.1:5081"][..], &["no uri", "sip:b@x"], &[]] {
        assert_eq!(live.rpc("dlg.bridge_dlg", args).0, "400 Two addresses are needed");
    }
    let (_, sent) = live.rpc("dlg.bridge_dlg", &["sip:a@127.0.0.1:5081", "sip:b@x", ".", "v=0"]);
    assert!(sent[0].text.ends_with("\r\n\r\nv=0"), "the body given is the offer: {}", sent[0].text);
    assert_eq!(brief(&live.receive(5081, &sent[0].reply("486 Busy", ""))), ["5081 ACK"]);
}

#[test]
fn one_side_is_referred() {
    for (side, port) in [("caller", CALLER), ("callee", CALLED)] {
        let rest = format!(
            "}} else if (is_method(\"INFO\")) {{ loose_route(); $var(rc) = dlg_refer(\"{side}\", \"sip:c@x\"); xlog(\"$var(rc)\"); exit;"
        );
        let mut live = live("", &rest);
        let invite = begin(&mut live);
        answer(&mut live, &invite);
        let sent = live.receive(CALLER, &within(&invite, "INFO", 8));
        assert_eq!(
            (live.lines(), brief(&sent)),
            (vec!["1".to_owned()], vec![format!("{port} REFER")]),
            "{side}"
        );
        assert_eq!((sent[0].field("Refer-To"), sent[0].field("Call-ID")), ("sip:c@x", "c1"));
    }
}
