//! Calls of our own and calls that come in at one socket (`-rxsf`), and requests outside of any call.

use std::net::UdpSocket;
use std::time::Duration;

use serde_json::{Value, json};
use sipp::Exit;
use sipp::engine::Command;

use super::outside::ask;
use super::{end, figure, file, free_port, run, silent, start};

/// With `-threads` each engine has a port and takes calls there.
#[test]
fn threads_take_calls_while_they_make_their_own() {
    let (server, own) = (free_port(), free_port());
    let (stop, uas) = start(&format!("-sn uas -i 127.0.0.1 -p {server}"));
    let (first, second) =
        (file("first.csv", "SEQUENTIAL\nmain\n"), file("second.csv", "SEQUENTIAL\nreceiving\n"));
    let answers = file("answers.xml", ANSWERS);
    let report = file("mixed.json", "");
    let (keys, mixed) = start(&format!(
        "-sn uac 127.0.0.1:{server} -rxsf {} -inf {} -rxinf {} -i 127.0.0.1 -p {own} -threads 2 -r 40 -d 10 -json {}",
        answers.display(),
        first.display(),
        second.display(),
        report.display()
    ));
    let asks = file("asks.xml", ASKS);
    let caller =
        run(&format!("-sf {} 127.0.0.1:{own} -i 127.0.0.1 -m 20 -r 100 -cid_str asks%u", asks.display()));
    assert_eq!((caller.exit, figure(&caller.out, "Successful call")), (Exit::Success, 20), "{}", caller.err);
    keys.ask(Command::Quit);
    let mixed = end(mixed);
    assert_eq!(mixed.exit, Exit::Success, "{}", mixed.err);
    let made = figure(&mixed.out, "Successful call");
    stop.ask(Command::Interrupt);
    assert_eq!(figure(&end(uas).out, "Incoming calls created"), made, "its own calls went on");
    let text = std::fs::read_to_string(report).expect("it was written");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    let receiving = &report["other_scenarios"][0];
    assert_eq!((&receiving["part"], &receiving["calls"]["incoming"]), (&"rx".into(), &20.into()));
    assert_eq!(receiving["calls"]["successful"], 20);
}

/// An answer that has what `-rxinf` gave in it, which the caller insists on.
const ANSWERS: &str = "<scenario name=\"answers\"><recv request=\"OPTIONS\"/><send><![CDATA[\nSIP/2.0 200 OK\n\
    [last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nX-Line: [field0]\nContent-Length: 0\n\n\
    ]]></send></scenario>";
const ASKS: &str = "<scenario name=\"asks\"><send retrans=\"100\"><![CDATA[\n\
    OPTIONS sip:[remote_ip]:[remote_port] SIP/2.0\nVia: SIP/2.0/UDP [local_ip]:[local_port];branch=[branch]\n\
    From: <sip:a@b>;tag=[call_number]\nTo: <sip:b@b>\nCall-ID: [call_id]\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n\
    Content-Length: 0\n\n]]></send><recv response=\"200\"><action>\
    <ereg regexp=\"receiving\" search_in=\"hdr\" header=\"X-Line:\" check_it=\"true\" assign_to=\"_\"/>\
    </action></recv></scenario>";

/// SIPp 3.7 counts each of them twice.
#[test]
fn requests_outside_of_calls_are_answered_and_counted_once() {
    let (_silent, port) = silent();
    let own = free_port();
    let report = file("once.json", "");
    let control = free_port();
    let (keys, client) = start(&format!(
        "-sn uac 127.0.0.1:{port} -i 127.0.0.1 -p {own} -r 0 -aa -cp {control} -json {}",
        report.display()
    ));
    ask(([127, 0, 0, 1], control).into(), &json!({ "get": "statistics" }));
    let phone = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let at = phone.local_addr().expect("bound");
    for number in 1..=2 {
        let request = format!(
            "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK{number}\r\nFrom: <sip:a>;tag=1\r\n\
             To: <sip:x>\r\nCall-ID: {number}\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let mut answer = [0; 2000];
        phone.send_to(request.as_bytes(), ("127.0.0.1", own)).expect("loopback carries it");
        let len = phone.recv(&mut answer).expect("an answer comes");
        assert!(answer[..len].starts_with(b"SIP/2.0 200 OK"));
    }
    keys.ask(Command::Quit);
    assert_eq!(end(client).exit, Exit::Success);
    let text = std::fs::read_to_string(report).expect("it was written");
    let report: Value = serde_json::from_str(&text).expect("JSON");
    assert_eq!(report["events"]["auto_answered"], 2);
}

/// `-deadcall_wait`: a message of a call that ended is known as such, or, with 0, belongs to no call.
#[test]
fn ended_calls_are_remembered_as_long_as_asked_for() {
    for (wait, dead, strange) in [("33000", 1, 0), ("0", 0, 1)] {
        let phone = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        let port = phone.local_addr().expect("bound").port();
        let asks = file("plain.xml", &ASKS.replace("check_it=\"true\"", ""));
        let report = file(&format!("dead{wait}.json"), "");
        let (_, client) = start(&format!(
            "-sf {} 127.0.0.1:{port} -i 127.0.0.1 -m 2 -l 1 -r 50 -deadcall_wait {wait} -json {}",
            asks.display(),
            report.display()
        ));
        let mut request = [0; 2000];
        let mut answers = Vec::new();
        for _ in 0..2 {
            let (len, from) = phone.recv_from(&mut request).expect("a request comes");
            let text =
                String::from_utf8_lossy(&request[..len]).replacen("OPTIONS", "SIP/2.0 200 OK\r\nX:", 1);
            answers.push(text);
            // The first one again, whose call is over.
            for answer in &answers {
                phone.send_to(answer.as_bytes(), from).expect("loopback carries it");
            }
        }
        let client = end(client);
        assert_eq!(client.exit, Exit::Success, "{}", client.err);
        let text = std::fs::read_to_string(report).expect("it was written");
        let report: Value = serde_json::from_str(&text).expect("JSON");
        let events = &report["events"];
        assert_eq!(
            (&events["dead_call_messages"], &events["out_of_call_messages"]),
            (&dead.into(), &strange.into()),
            "-deadcall_wait {wait}"
        );
    }
}

/// `-callid_slash_ign`: what stands before `///` belongs to the Call-ID.
#[test]
fn a_prefix_of_the_call_id_is_cut_or_kept() {
    for (option, id) in [("", "1@x"), ("-callid_slash_ign", "a///1@x")] {
        let own = free_port();
        let answers = file("prefix.xml", &ANSWERS.replace("X-Line: [field0]", "X-Id: [call_id]"));
        let (keys, server) = start(&format!("-sf {} -i 127.0.0.1 -p {own} {option}", answers.display()));
        let phone = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
        phone.set_read_timeout(Some(Duration::from_millis(100))).expect("allowed");
        let at = phone.local_addr().expect("bound");
        let request = format!(
            "OPTIONS sip:x SIP/2.0\r\nVia: SIP/2.0/UDP {at};branch=z9hG4bK1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:x>\r\n\
             Call-ID: a///1@x\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
        );
        let mut answer = [0; 2000];
        let len = loop {
            phone.send_to(request.as_bytes(), ("127.0.0.1", own)).expect("loopback carries it");
            if let Ok(len) = phone.recv(&mut answer) {
                break len;
            }
        };
        let text = String::from_utf8_lossy(&answer[..len]).into_owned();
        assert!(text.contains(&format!("X-Id: {id}\r\n")), "{option}: {text}");
        keys.ask(Command::Interrupt);
        end(server);
    }
}
