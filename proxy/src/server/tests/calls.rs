//! Calls with one callee, registrations, refusals.

use super::{Party, line, server};

const RELAY: &str = "request_route { if (!loose_route()) record_route(); t_relay(); }";

/// RFC 3261 24.2 through one proxy.
#[test]
fn a_call_is_relayed_and_record_routed() {
    let server = server(RELAY);
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let uri = format!("sip:bob@{}", callee.addr());
    caller.request("INVITE", &uri, "");
    let trying = caller.expect("SIP/2.0 100 trying -- your call is important to us\r\n");
    assert!(!line(&trying, "To:").contains("tag="));
    let invite = callee.expect("INVITE sip:bob@");
    let route = format!("<sip:{};lr;ftag=a>", server.addresses()[0].1);
    assert_eq!(line(&invite, "Record-Route:"), format!("Record-Route: {route}"));
    assert_eq!(invite.matches("Via: ").count(), 2);
    callee.answer(&invite, "180 Ringing", ";tag=b");
    assert_eq!(caller.expect("SIP/2.0 180").matches("Via: ").count(), 1);
    callee.answer(&invite, "200 OK", ";tag=b");
    caller.expect("SIP/2.0 200");
    caller.request("BYE", &uri, &format!("Route: {route}\n"));
    let bye = callee.expect("BYE");
    assert!(!bye.contains("Route:"));
    callee.answer(&bye, "200 OK", "");
    caller.expect("SIP/2.0 200");
}

/// RFC 3261 9.2, 16.10; reason phrases are Kamailio's.
#[test]
fn a_cancel_reaches_the_callee_and_its_487_the_caller() {
    let server = server(RELAY);
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let uri = format!("sip:bob@{}", callee.addr());
    caller.request("INVITE", &uri, "");
    caller.expect("SIP/2.0 100");
    let invite = callee.expect("INVITE");
    callee.answer(&invite, "180 Ringing", ";tag=b");
    caller.expect("SIP/2.0 180");
    caller.request("CANCEL", &uri, "Reason: SIP;cause=600\n");
    caller.expect("SIP/2.0 200 canceling");
    let cancel = callee.expect("CANCEL");
    assert_eq!(line(&cancel, "Via:"), line(&invite, "Via:"));
    assert_eq!(line(&cancel, "Reason:"), "Reason: SIP;cause=600");
    callee.answer(&cancel, "200 OK", ";tag=b");
    callee.answer(&invite, "487 Request Terminated", ";tag=b");
    callee.expect("ACK");
    caller.expect("SIP/2.0 487 Request Terminated");
    caller.request("ACK", &uri, "");
}

/// RFC 3261 10.3, 16.5: a registered contact becomes the target, an unknown user is not found.
#[test]
fn registered_contacts_are_found() {
    let server = server(
        "modparam(\"registrar\", \"max_expires\", 200)\n\
         request_route { if (lookup(\"l\")) { t_relay(); exit; } save(\"l\"); }",
    );
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    caller.request("OPTIONS", "sip:bob@x", "");
    assert!(!caller.expect("SIP/2.0 200 OK").contains("Contact:"));
    let contact = format!("<sip:b@{}>", callee.addr());
    callee.request("REGISTER", "sip:x", &format!("Contact: {contact};q=0.5\n"));
    let stored = callee.expect("SIP/2.0 200 OK");
    assert_eq!(line(&stored, "Contact:"), format!("Contact: {contact};q=0.5;expires=200"));
    caller.request("INVITE", "sip:BOB@x", "");
    caller.expect("SIP/2.0 100");
    callee.expect("INVITE sip:b@");
}

/// RFC 3261 16.3 step 1; Kamailio drops these.
#[test]
fn unusable_requests_are_answered_400_with_the_reason() {
    let server = server(RELAY);
    let party = Party::of(&server);
    party.send("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK1\nFrom: <sip:a>;tag=1\nTo: <sip:b>\nCSeq: 1 OPTIONS\n\n");
    party.expect("SIP/2.0 400 Bad Request - Missing Call-ID");
    party.send("OPTIONS sip:x SIP/2.0\nVia: SIP/2.0/UDP h;rport;branch=z9hG4bK1\nFrom: <sip:a>;tag=1\nTo: <sip:b>\nCall-ID: x\nCSeq: 1 OPTIONS\nContent-Length: 9\n\n");
    party.expect("SIP/2.0 400 Bad Request");
    party.send("complete nonsense that is long enough\n\n");
    party.request("OPTIONS", "tel:123", "");
    party.expect("SIP/2.0 478 Unresolvable destination (478/TM)");
    let tally = server.tally();
    assert_eq!((tally.bad_requests, tally.malformed, tally.requests), (2, 1, 3));
    server.stop();
}

#[test]
fn several_servers_run_side_by_side() {
    let servers = [server(RELAY), server(RELAY)];
    assert_ne!(servers[0].addresses(), servers[1].addresses());
    let party = Party::of(&servers[0]);
    let other =
        Party { socket: party.socket.try_clone().expect("a descriptor"), proxy: servers[1].addresses()[0].1 };
    for party in [&party, &other] {
        party.request("OPTIONS", "tel:1", "");
        party.expect("SIP/2.0 478");
    }
}

/// RFC 3261 17.1.1.3: the ACK to a reply sent without state ends here, no route sees it.
#[test]
fn the_ack_to_a_stateless_reply_is_absorbed() {
    let callee = Party::alone();
    let server = server(&format!(
        "request_route {{ if (method == \"ACK\") {{ $du = \"sip:{}\"; t_relay(); exit; }} sl_send_reply(\"403\", \"No\"); }}",
        callee.addr()
    ));
    let caller = Party::of(&server);
    caller.request("INVITE", "sip:bob@x", "");
    let refusal = caller.expect("SIP/2.0 403");
    let ack = |tag: &str| {
        format!(
            "ACK sip:bob@x SIP/2.0\nVia: SIP/2.0/UDP {};branch=z9hG4bK1\nFrom: <sip:a@x>;tag=a\n\
             To: <sip:bob@x>;tag={tag}\nCall-ID: c1\nCSeq: 1 ACK\nMax-Forwards: 70\n\n",
            caller.addr()
        )
    };
    let tag = line(&refusal, "To:").split_once("tag=").expect("a tag").1;
    caller.send(&ack(tag));
    caller.send(&ack("another"));
    assert!(callee.expect("ACK").contains("tag=another"), "the first one must not arrive");
}
