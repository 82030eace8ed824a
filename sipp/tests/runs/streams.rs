//! Runs over TCP against peers written out here: what a far end sees of connections.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread::JoinHandle;

use sipp::Exit;

use super::{figure, file, run};

fn options(headers: &str, body: &str) -> String {
    format!(
        "<send><![CDATA[\n\
         OPTIONS sip:x@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]\n\
         From: <sip:a@[local_ip]>;tag=[call_number]\n\
         To: <sip:x@[remote_ip]>\n\
         Call-ID: [call_id]\n\
         CSeq: [cseq] OPTIONS\n\
         Max-Forwards: 70\n\
         {headers}Content-Length: [len]\n\
         \n\
         {body}\n\
         ]]></send>\n"
    )
}

/// Answers the requests of `connections` connections, one after the other; gives what each said of itself and
/// where it came from.
fn answering(listener: TcpListener, connections: usize) -> JoinHandle<Vec<(String, SocketAddr)>> {
    std::thread::spawn(move || {
        let mut seen = Vec::new();
        for _ in 0..connections {
            let (mut stream, from) = listener.accept().expect("somebody connects");
            seen.push((answer(&mut stream, Then::Listen), from));
        }
        seen
    })
}

/// What becomes of a connection behind the answer.
#[derive(PartialEq)]
enum Then {
    Close,
    Listen,
}

/// Answers one request, and waits for the end of the connection or ends it.
fn answer(stream: &mut TcpStream, then: Then) -> String {
    let mut request = Vec::new();
    let mut part = [0; 4096];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") {
        let len = stream.read(&mut part).expect("a request comes");
        assert_ne!(len, 0, "a request comes");
        request.extend_from_slice(&part[..len]);
    }
    let request = String::from_utf8(request).expect("ASCII");
    let copied = ["Via", "From", "To", "Call-ID", "CSeq"];
    let lines =
        request.lines().filter(|line| copied.iter().any(|name| line.starts_with(&format!("{name}:"))));
    let lines: String = lines.map(|line| format!("{line}\r\n")).collect();
    let response = format!("SIP/2.0 200 OK\r\n{lines}Content-Length: 0\r\n\r\n");
    stream.write_all(response.as_bytes()).expect("it is read");
    if then == Then::Listen {
        let _ = stream.read(&mut part);
    }
    request
}

/// `-t tn`: the Via says the port the connection comes from, and `closecon` makes the next message take a new one.
#[test]
fn a_call_with_its_own_connection_says_its_port_and_may_close_it() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let scenario = format!(
        "<scenario name=\"closes\">{}<recv response=\"200\"><action><closecon/></action></recv>\n\
         {}<recv response=\"200\"/></scenario>\n",
        options("", ""),
        options("", "")
    );
    let path = file("closes.xml", &scenario);
    let peer = answering(listener, 2);
    let ended =
        run(&format!("-sf {} 127.0.0.1:{port} -i 127.0.0.1 -t tn -m 1 -r 100 -timeout 10s", path.display()));
    assert_eq!(ended.exit, Exit::Success, "{}", ended.err);
    let seen = peer.join().expect("the peer does not panic");
    for (request, from) in &seen {
        assert!(request.contains(&format!("TCP 127.0.0.1:{};branch", from.port())), "{from}: {request}");
    }
    assert_ne!(seen[0].1, seen[1].1, "the second message came over a connection of its own");
}

/// A host given by name is looked up beside the calls.
#[test]
fn setdest_takes_names() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = listener.local_addr().expect("bound").port();
    let scenario = |host: &str| {
        format!(
            "<scenario name=\"named\"><nop><action><setdest host=\"{host}\" port=\"{port}\" protocol=\"tcp\"/>\
             </action></nop>{}<recv response=\"200\"/></scenario>\n",
            options("", "")
        )
    };
    let line = |host: &str| {
        let path = file(&format!("{host}.xml"), &scenario(host));
        format!("-sf {} 127.0.0.1:{port} -i 127.0.0.1 -t t1 -m 1 -r 100 -timeout 10s", path.display())
    };
    let peer = answering(listener, 2);
    let ended = run(&line("localhost"));
    assert_eq!(ended.exit, Exit::Success, "{}", ended.err);
    let ended = run(&line("no.such.invalid"));
    assert_eq!(ended.exit, Exit::Fatal, "{}", ended.err);
    assert!(ended.err.contains("'no.such.invalid' has no address"), "{}", ended.err);
    drop(peer);
}

/// A far end that never reads: what the connection does not take waits for `-send_timeout`, then the call fails.
#[test]
fn a_far_end_that_does_not_read_fails_calls_in_time() {
    let deaf = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let port = deaf.local_addr().expect("bound").port();
    let body = "x".repeat(60_000);
    let scenario = format!(
        "<scenario name=\"much\">{}<recv response=\"200\"/></scenario>\n",
        options("Content-Type: text/plain\n", &body)
    );
    let path = file("much.xml", &scenario);
    let report = file("much.json", "");
    let line = format!(
        "-sf {} 127.0.0.1:{port} -i 127.0.0.1 -t t1 -m 300 -r 3000 -l 300 -send_timeout 300 -recv_timeout 2000 \
         -timeout 20s -json {}",
        path.display(),
        report.display()
    );
    let ended = run(&line);
    assert_eq!(ended.exit, Exit::Failed, "{}", ended.err);
    let report = std::fs::read_to_string(report).expect("it was written");
    assert!(report.contains("\"FailedTimeoutOnSend\""), "{report}");
    assert!(!report.contains("\"FailedCannotSendMessage\""), "{report}");
}

/// The far end closes after each answer. SIPp ends with 255 or hangs; here the next call finds a new connection, as often
/// as `-max_reconnect` says.
#[test]
fn a_closed_connection_is_made_again() {
    for (reconnections, calls, exit) in [(2, 3, Exit::Success), (1, 3, Exit::Fatal)] {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let port = listener.local_addr().expect("bound").port();
        let peer = std::thread::spawn(move || {
            for _ in 0..=reconnections {
                let (mut stream, _) = listener.accept().expect("somebody connects");
                answer(&mut stream, Then::Close);
            }
        });
        let scenario =
            format!("<scenario name=\"again\">{}<recv response=\"200\"/></scenario>\n", options("", ""));
        let path = file(&format!("again{reconnections}.xml"), &scenario);
        let ended = run(&format!(
            "-sf {} 127.0.0.1:{port} -i 127.0.0.1 -t t1 -m {calls} -l 1 -r 4 -max_reconnect {reconnections} \
             -reconnect_sleep 20ms -timeout 20s",
            path.display()
        ));
        assert_eq!(ended.exit, exit, "{}", ended.err);
        assert_eq!(figure(&ended.out, "Successful call"), reconnections + 1, "{}", ended.err);
        peer.join().expect("the peer does not panic");
    }
}
