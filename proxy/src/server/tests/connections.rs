//! What parameters and functions say about stream connections, with peers that are plain TCP sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::time::Duration;

use sip::peer::Transport;

use super::{Party, server_of};
use crate::server::Server;

const SOCKETS: &str = "listen=udp:127.0.0.1:0\nlisten=tcp:127.0.0.1:0\n";

fn tcp_addr(server: &Server) -> SocketAddr {
    let found = server.addresses().iter().find(|(transport, _)| *transport == Transport::Tcp);
    found.expect("the server listens on TCP").1
}

fn connect(server: &Server) -> TcpStream {
    let stream = TcpStream::connect(tcp_addr(server)).expect("loopback");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket option");
    stream
}

/// An OPTIONS to a user; its Via names `sent_by` and has these parameters.
fn options(user: &str, sent_by: &str, params: &str) -> String {
    format!(
        "OPTIONS sip:{user}@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP {sent_by};branch=z9hG4bK{user}{params}\r\n\
         From: <sip:a@x>;tag=a\r\nTo: <sip:bob@x>\r\nCall-ID: {user}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

/// What arrives up to the end of a header; empty when the connection ends.
fn read_message(stream: &mut TcpStream) -> String {
    let (mut text, mut byte) = (Vec::new(), [0]);
    while !text.ends_with(b"\r\n\r\n") && stream.read(&mut byte).expect("within the time") == 1 {
        text.push(byte[0]);
    }
    String::from_utf8_lossy(&text).into_owned()
}

#[test]
fn a_reply_may_close_its_connection() {
    let script = "request_route { if ($rU == \"close\") set_reply_close(); sl_send_reply(\"200\", \"OK\"); }";
    let server = server_of(1, SOCKETS, script);
    let mut stream = connect(&server);
    for user in ["keep", "close"] {
        stream.write_all(options(user, "127.0.0.1", "").as_bytes()).expect("open");
        assert!(read_message(&mut stream).starts_with("SIP/2.0 200 OK"), "{user}");
    }
    assert_eq!(read_message(&mut stream), "", "closed behind the reply");
}

/// RFC 5923 5: by `alias` in the Via when `tcp_accept_aliases` is on, or by `add_tcp_alias()`.
#[test]
fn a_connection_stands_for_the_port_of_its_via() {
    let script = "request_route {\n if ($rU == \"function\") { add_tcp_alias(); sl_send_reply(\"200\", \"OK\"); exit; }\n\
         if ($rU == \"param\") { sl_send_reply(\"200\", \"OK\"); exit; }\n set_forward_no_connect(); forward(); }";
    let server = server_of(1, &format!("tcp_accept_aliases=yes\n{SOCKETS}"), script);
    let caller = Party::of(&server);
    for (user, params, port) in [("function", "", 5099), ("param", ";alias", 5098)] {
        let mut stream = connect(&server);
        stream.write_all(options(user, &format!("127.0.0.1:{port}"), params).as_bytes()).expect("open");
        assert!(read_message(&mut stream).starts_with("SIP/2.0 200 OK"), "{user}");
        caller.request("OPTIONS", &format!("sip:there@127.0.0.1:{port};transport=tcp"), "");
        assert!(read_message(&mut stream).starts_with("OPTIONS sip:there@127.0.0.1"), "{user}");
    }
}

/// With `tcp_no_connect`, and for a message after `set_forward_no_connect()`: nothing is sent and nobody is called.
#[test]
fn no_connection_is_made_where_none_is_wanted() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("free port");
    listener.set_nonblocking(true).expect("a socket option");
    let there = listener.local_addr().expect("bound");
    let script = format!(
        "request_route {{\n if ($rU == \"f\") set_forward_no_connect();\n $du = \"sip:{there};transport=tcp\";\n\
         t_relay();\n}}"
    );
    for (head, user) in [("tcp_no_connect=yes\n", "g"), ("", "f")] {
        let server = server_of(1, &format!("{head}{SOCKETS}"), &script);
        let caller = Party::of(&server);
        caller.request("OPTIONS", &format!("sip:{user}@127.0.0.1"), "");
        caller.expect("SIP/2.0 500 Service Unavailable");
        let accepted = listener.accept().map_err(|error| error.kind());
        assert_eq!(accepted.map(drop), Err(ErrorKind::WouldBlock), "{user}");
    }
}

/// `use_dns_failover`: what cannot be sent to the first place goes to the next one.
#[test]
fn forwarding_goes_on_to_the_next_address() {
    let there = TcpListener::bind("127.0.0.2:0").expect("loopback has many addresses");
    let port = there.local_addr().expect("bound").port();
    let script = format!("request_route {{ $du = \"sip:two.example:{port};transport=tcp\"; forward(); }}");
    let mut plan = super::plan(&format!("use_dns_failover=on\n{SOCKETS}"), &script);
    plan.dns.hosts = sip::locate::Hosts::parse("127.0.0.1 two.example\n127.0.0.2 two.example\n");
    let server = super::start(plan);
    Party::of(&server).request("OPTIONS", "sip:bob@x", "");
    let (answer, answers) = mpsc::channel();
    std::thread::spawn(move || answer.send(there.accept()));
    let accepted = answers.recv_timeout(Duration::from_secs(5)).expect("the second address is called");
    let (mut stream, _) = accepted.expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket option");
    assert!(read_message(&mut stream).starts_with("OPTIONS sip:bob@x"));
}

/// `dns`: a Via whose host is a name of the source needs no `received` (RFC 3261 18.2.1).
#[test]
fn the_host_of_a_via_may_name_the_source() {
    let script = "request_route { sl_send_reply(\"200\", \"OK\"); }";
    for (head, received) in [("dns=yes\n", false), ("rev_dns=yes\n", false), ("", true)] {
        let mut plan = super::plan(&format!("{head}{SOCKETS}"), script);
        plan.dns.hosts = sip::locate::Hosts::parse("127.0.0.1 caller.example\n");
        let server = super::start(plan);
        let caller = Party::of(&server);
        caller.send(&format!(
            "OPTIONS sip:x@y SIP/2.0\nVia: SIP/2.0/UDP caller.example:{};branch=z9hG4bK1\nFrom: <sip:a@x>;tag=a\n\
             To: <sip:b@x>\nCall-ID: c\nCSeq: 1 OPTIONS\nContent-Length: 0\n\n",
            caller.addr().port()
        ));
        let reply = caller.expect("SIP/2.0 200");
        assert_eq!(reply.contains(";received=127.0.0.1"), received, "{head:?}: {reply}");
    }
}
