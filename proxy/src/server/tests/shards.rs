//! Several shards: calls stay whole whoever reads their messages, and what is shared is seen by all.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::{Party, Plan, line, plan, server_of, start};

const UDP: &str = "listen=udp:127.0.0.1:0";

/// A request of one of many calls.
fn send(from: &Party, call: usize, method: &str, uri: &str) {
    let (number, to_tag) = if method == "BYE" { (2, ";tag=b") } else { (1, "") };
    // 9.1: a CANCEL has the branch of its request.
    let branch = if method == "BYE" { "bye" } else { "invite" };
    from.send(&format!(
        "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {};branch=z9hG4bK{branch}{call}\nFrom: <sip:a@x>;tag=a\n\
         To: <sip:bob@x>{to_tag}\nCall-ID: call-{call}\nCSeq: {number} {method}\nMax-Forwards: 70\n\
         Contact: <sip:bob@{}>\nContent-Length: 0\n\n",
        from.addr(),
        from.addr(),
    ));
}

/// The kernel gives a datagram to any shard; transactions must find their messages all the same.
#[test]
fn messages_find_the_shard_of_their_call() {
    let server = server_of(4, UDP, "request_route { t_relay(); }");
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let uri = format!("sip:bob@{}", callee.addr());
    for call in 0..CALLS {
        send(&caller, call, "INVITE", &uri);
        caller.expect("SIP/2.0 100");
        let invite = callee.expect("INVITE");
        callee.answer(&invite, "180 Ringing", ";tag=b");
        caller.expect("SIP/2.0 180");
        if call % 2 == 0 {
            callee.answer(&invite, "200 OK", ";tag=b");
            caller.expect("SIP/2.0 200");
            send(&caller, call, "BYE", &uri);
            let bye = callee.expect("BYE");
            callee.answer(&bye, "200 OK", "");
            caller.expect("SIP/2.0 200");
        } else {
            send(&caller, call, "CANCEL", &uri);
            caller.expect("SIP/2.0 200 canceling");
            callee.expect("CANCEL");
            callee.answer(&invite, "487 Request Terminated", ";tag=b");
            callee.expect("ACK");
            caller.expect("SIP/2.0 487");
            send(&caller, call, "ACK", &uri);
        }
    }
    let calls = CALLS as u64;
    // INVITE and BYE, or INVITE, CANCEL and ACK; nothing tells the caller that the last ACK has arrived.
    let requests = calls / 2 * 2 + calls / 2 * 3;
    let tally = (0..10_000).map(|_| server.tally()).find(|tally| tally.requests == requests);
    let tally = tally.unwrap_or_else(|| panic!("{:?}", server.tally()));
    assert_eq!(tally.replies, calls / 2 * 3 + calls / 2 * 2);
    assert!(tally.handed_over > 0, "{tally:?}");
    assert_eq!((tally.stray_replies, tally.unsent, tally.lost), (0, 0, 0));
}

/// RFC 3261 10.3: one shard stores a contact, the others find it.
#[test]
fn contacts_are_known_to_all_shards() {
    let server = server_of(
        4,
        UDP,
        "request_route { if (method == \"REGISTER\") { save(\"l\"); exit; } lookup(\"l\"); t_relay(); }",
    );
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    send(&callee, 0, "REGISTER", "sip:x");
    callee.expect("SIP/2.0 200");
    for call in 1..CALLS {
        send(&caller, call, "MESSAGE", "sip:bob@x");
        let message = callee.expect(&format!("MESSAGE sip:bob@{}", callee.addr()));
        callee.answer(&message, "200 OK", ";tag=b");
        caller.expect("SIP/2.0 200");
    }
}

/// RFC 3261 18.2.2: the reply takes the connection of the request, which another shard has.
#[test]
fn replies_of_all_shards_take_the_connection_of_the_request() {
    let server =
        server_of(4, "listen=tcp:127.0.0.1:0", "request_route { t_newtran(); t_reply(\"200\", \"OK\"); }");
    let mut stream = TcpStream::connect(server.addresses()[0].1).expect("listening");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket option");
    for call in 0..CALLS {
        let text = format!(
            "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/TCP a.example;branch=z9hG4bK{call}\r\n\
             From: <sip:a@x>;tag=a\r\nTo: <sip:x>\r\nCall-ID: call-{call}\r\nCSeq: 1 OPTIONS\r\n\
             Content-Length: 0\r\n\r\n"
        );
        stream.write_all(text.as_bytes()).expect("open");
    }
    let mut received = Vec::new();
    let mut chunk = [0; 4096];
    while received.windows(4).filter(|end| end == b"\r\n\r\n").count() < CALLS {
        let count = stream.read(&mut chunk).expect("replies come");
        assert!(count > 0, "the connection was closed");
        received.extend_from_slice(&chunk[..count]);
    }
    assert_eq!(String::from_utf8_lossy(&received).matches("SIP/2.0 200 OK\r\n").count(), CALLS);
    assert!(server.tally().handed_over > 0);
}

/// RFC 3261 21.5.4: beyond the bound new calls are turned away, what belongs to a call goes on.
#[test]
fn a_full_server_keeps_its_calls_and_turns_new_ones_away() {
    let server = start(Plan { shards: 1, max_transactions: 20, ..plan(UDP, "request_route { t_relay(); }") });
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let uri = format!("sip:bob@{}", callee.addr());
    // Each call takes two transactions; nine calls fill nine tenths.
    for call in 0..9 {
        send(&caller, call, "INVITE", &uri);
        caller.expect("SIP/2.0 100");
        let invite = callee.expect("INVITE");
        callee.answer(&invite, "180 Ringing", ";tag=b");
        caller.expect("SIP/2.0 180");
    }
    send(&caller, 9, "INVITE", &uri);
    let refusal = caller.expect("SIP/2.0 503 Service Unavailable");
    assert!(line(&refusal, "Retry-After:").len() > 13, "{refusal}");
    send(&caller, 0, "BYE", &uri);
    callee.expect("BYE");
    send(&caller, 1, "CANCEL", &uri);
    caller.expect("SIP/2.0 200 canceling");
    callee.expect("CANCEL");
    assert_eq!(server.tally().turned_away, 1);
}

/// Calls of each test: with four shards the chance that none is handed over is nil.
const CALLS: usize = 40;
