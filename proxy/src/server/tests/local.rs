//! Requests made here.

use super::{Party, line, server};

const PROBE: &str = "request_route { t_uac_send(\"OPTIONS\", \"$ru\", \"\", \"\", \
                     \"From: <sip:me@here>\\r\\nTo: <sip:you@there>\\r\\nX-One: 1\\r\\n\", \"\"); }";

/// RFC 3261 8.1.1; the order of the fields is Kamailio's.
#[test]
fn a_script_sends_a_request_of_its_own() {
    let server = server(PROBE);
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    caller.request("INFO", &format!("sip:bob@{}", callee.addr()), "");
    let request = callee.expect("OPTIONS sip:bob@");
    let names: Vec<&str> = request.lines().filter_map(|line| Some(line.split_once(':')?.0)).skip(1).collect();
    let order =
        ["Via", "To", "From", "CSeq", "Call-ID", "Max-Forwards", "Content-Length", "User-Agent", "X-One"];
    assert_eq!(names, order, "{request}");
    assert!(line(&request, "From:").starts_with("From: <sip:me@here>;tag="));
    assert_eq!(line(&request, "CSeq:"), "CSeq: 10 OPTIONS");
    callee.answer(&request, "200 OK", ";tag=b");
}

#[test]
fn the_event_route_may_change_it_and_send_it_elsewhere() {
    let (away, callee) = (Party::alone(), Party::alone());
    let change = format!(
        "event_route[tm:local-request] {{ $ru = \"sip:new@{}\"; append_hf(\"X-Two: 2\\r\\n\"); }}",
        callee.addr()
    );
    let server = server(&format!("{PROBE}\n{}", change.replace("append_hf", "t_set_fr(0, 500); append_hf")));
    let caller = Party::of(&server);
    caller.request("INFO", &format!("sip:bob@{}", away.addr()), "");
    let request = callee.expect("OPTIONS sip:new@");
    assert_eq!(line(&request, "X-Two:"), "X-Two: 2");
}

/// RFC 3261 13.2.2.4: the 2xx to an INVITE made here is acknowledged, along its route set.
#[test]
fn a_2xx_to_an_invite_is_acknowledged_each_time() {
    let server = server(&PROBE.replace("OPTIONS", "INVITE"));
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    caller.request("INFO", &format!("sip:bob@{}", callee.addr()), "");
    let invite = callee.expect("INVITE sip:bob@");
    for _ in 0..2 {
        let callee =
            Party { proxy: server.addresses()[0].1, socket: callee.socket.try_clone().expect("a copy") };
        callee.answer(&invite, "200 OK", ";tag=b");
        let ack = callee.expect(&format!("ACK sip:{} SIP/2.0", callee.addr()));
        assert_eq!(line(&ack, "CSeq:"), "CSeq: 10 ACK");
        assert!(line(&ack, "To:").ends_with(";tag=b"));
        assert_eq!(line(&ack, "Call-ID:"), line(&invite, "Call-ID:"));
    }
}
