//! A run watched and steered from outside: JSON requests on the control socket, metrics over HTTP, the page.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use sipp::Exit;
use sipp::engine;

use super::{Paper, console, file, free_port, silent, words};

impl Paper {
    /// The address behind these words, once the run has said where it is.
    fn address(&self, behind: &str) -> SocketAddr {
        loop {
            let text = self.text();
            let rest = text.split_once(behind).map(|(_, rest)| rest);
            if let Some(line) = rest.and_then(|rest| rest.split_once('\n')) {
                let text = line.0.split(['/', ',']).next().unwrap_or_default();
                return text.parse().expect("an address");
            }
            std::thread::yield_now();
        }
    }
}

/// Asks until the run has begun; the answer.
pub(crate) fn ask(control: SocketAddr, request: &Value) -> Value {
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    socket.set_read_timeout(Some(Duration::from_millis(200))).expect("allowed");
    loop {
        socket.send_to(request.to_string().as_bytes(), control).expect("loopback carries it");
        let mut buffer = vec![0; 65_536];
        // The control socket may not be there yet.
        let Ok((length, _)) = socket.recv_from(&mut buffer) else { continue };
        let answer: Value = serde_json::from_slice(&buffer[..length]).expect("JSON");
        if answer["error"] != "the run has not begun" {
            return answer;
        }
    }
}

fn get(addr: SocketAddr, path: &str) -> String {
    let mut stream = TcpStream::connect(addr).expect("it listens");
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").as_bytes()).expect("it reads");
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("it answers and closes");
    text
}

#[test]
fn a_run_answers_and_obeys() {
    let (_silent, port) = silent();
    let page = std::env::temp_dir().join(format!("sipp-outside-{port}.html"));
    let line = format!(
        "-sn uac 127.0.0.1:{port} -i 127.0.0.1 -r 50 -recv_timeout 20 -prometheus 127.0.0.1:0 -html {}",
        page.display()
    );
    let words = words(&line);
    let (console, _, err) = console();
    let run = std::thread::spawn(move || sipp::run(&words, console, engine::controller()));
    let control = err.address("Remote control on UDP ");
    assert!(control.ip().is_loopback(), "nobody asked for more");

    let answer = ask(control, &json!({ "get": "statistics", "id": 7 }));
    assert_eq!((&answer["ok"], &answer["id"]), (&json!(true), &json!(7)));
    assert_eq!(answer["statistics"]["scenario"], "uac");
    assert_eq!(ask(control, &json!({ "set": "rate", "value": 80 })), json!({ "ok": true }));
    let refused = ask(control, &json!({ "set": "users", "value": 3 }));
    assert_eq!(refused["ok"], false);
    // The figures are those of the last full second.
    while ask(control, &json!({ "get": "statistics" }))["statistics"]["schedule"]["target"]["calls"] != 80.0 {
        std::thread::yield_now();
    }
    let metrics = err.address("Metrics on http://");
    let text = get(metrics, "/metrics");
    assert!(text.starts_with("HTTP/1.1 200 OK") && text.contains("\nsipp_target_rate 80\n"), "{text}");
    assert!(get(metrics, "/").starts_with("HTTP/1.1 404"));

    assert_eq!(ask(control, &json!({ "do": "quit-now" })), json!({ "ok": true }));
    assert_eq!(run.join().expect("a run does not panic"), Exit::Failed, "nobody answered its calls");
    let text = std::fs::read_to_string(&page).expect("the page was written");
    assert!(text.contains("Failed calls") && text.ends_with("</html>\n"));
    std::fs::remove_file(page).expect("ours");
}

/// In SIPp key `s` never works, and `trace messages on` opens the file of logs.
#[test]
fn screens_and_traces_are_written_when_asked_for() {
    let (_silent, port) = silent();
    let (screens, messages) = (file("asked_screens.log", ""), file("asked_messages.log", ""));
    let control = free_port();
    let line = format!(
        "-sn uac 127.0.0.1:{port} -i 127.0.0.1 -r 50 -recv_timeout 20 -ci 127.0.0.1 -cp {control} -screen_file {} \
         -message_file {}",
        screens.display(),
        messages.display()
    );
    let words = words(&line);
    let (console, _, err) = console();
    let run = std::thread::spawn(move || sipp::run(&words, console, engine::controller()));
    let address = err.address("Remote control on UDP ");
    assert_eq!(address.port(), control);
    ask(address, &json!({ "get": "statistics" }));
    let read = |path: &std::path::Path| std::fs::read_to_string(path).expect("a file of this test");
    assert_eq!((read(&screens), read(&messages)), (String::new(), String::new()));
    let socket = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let press = |key: &str| socket.send_to(key.as_bytes(), address).expect("loopback carries it");
    press("ctrace messages on\n");
    while !read(&messages).contains("INVITE sip:service@127.0.0.1") {
        std::thread::yield_now();
    }
    press("s");
    while !read(&screens).contains("Statistics Screen") {
        std::thread::yield_now();
    }
    press("Q");
    assert_eq!(run.join().expect("a run does not panic"), Exit::Failed);
}

/// What is no request and no key, or is one that cannot be carried out.
const JUNK: &[&[u8]] = &[
    b"",
    b"x",
    b"\xff\xfe\xfd",
    b"{",
    b"{\"do\":\"dance\"}",
    b"cjump",
    b"cset rate x",
    &[b'c'; 1400],
    &[0; 60],
];

/// 50,000 datagrams of junk a second, among them somebody who holds `q`: the calls go on meanwhile, and the run ends.
#[test]
fn a_flood_of_junk_keeps_nobody_from_ending_the_run() {
    let (_silent, port) = silent();
    let report = std::env::temp_dir().join(format!("sipp-flood-{port}.json"));
    let line =
        format!("-sn uac 127.0.0.1:{port} -i 127.0.0.1 -r 50 -recv_timeout 20 -json {}", report.display());
    let words = words(&line);
    let (console, _, err) = console();
    let (controller, controlled) = engine::controller();
    let run = std::thread::spawn(move || sipp::run(&words, console, (controller, controlled)));
    let control = err.address("Remote control on UDP ");
    assert_eq!(ask(control, &json!({ "get": "statistics" }))["ok"], true);

    let flood = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let start = Instant::now();
    let mut sent = 0u64;
    while !run.is_finished() {
        assert!(start.elapsed() < Duration::from_secs(30), "{sent} datagrams, and it still runs");
        // As many as are due by now, in bursts.
        let due = (start.elapsed().as_secs_f64() * 50_000.0) as u64;
        for number in sent..due.min(sent + 2_000) {
            // A full buffer drops it: so be it.
            let _ = flood.send_to(JUNK[number as usize % JUNK.len()], control);
        }
        sent = due;
        if start.elapsed() > Duration::from_secs(2) {
            let _ = flood.send_to(b"q", control);
        }
        std::thread::yield_now();
    }
    assert_eq!(run.join().expect("a run does not panic"), Exit::Failed, "nobody answered its calls");
    let text = std::fs::read_to_string(&report).expect("it was written");
    let told: Value = serde_json::from_str(&text).expect("JSON");
    let count = |part: &str, name: &str| told[part][name].as_u64().expect("a count");
    assert!(count("calls", "created") >= 50, "calls went on: {}", told["calls"]);
    assert_eq!(count("calls", "created"), count("calls", "failed"));
    let books = ["scheduled", "started", "missed"].map(|name| count("schedule", name));
    assert_eq!(books[0], books[1] + books[2]);
    for second in told["seconds"]["list"].as_array().expect("a list") {
        let of = |name: &str| second[name].as_u64().expect("a count");
        assert_eq!(of("scheduled"), of("started") + of("missed"), "{second}");
    }
    std::fs::remove_file(report).expect("ours");
}

/// One MESSAGE per call, with a global variable in it.
const ASKS: &str = r#"<scenario name="asks">
<Global variables="topic"/><Reference variables="topic"/>
<send><![CDATA[
MESSAGE sip:b@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:a@test>;tag=a[call_number]
To: <sip:b@test>
Call-ID: [call_id]
CSeq: 1 MESSAGE
Subject: topic-[$topic]
Content-Length: 0

]]></send>
</scenario>"#;

/// Every request of the interface, and what it changes in the calls that come.
#[test]
fn each_request_is_carried_out() {
    let (peer, port) = silent();
    peer.set_read_timeout(Some(Duration::from_secs(10))).expect("allowed");
    let file = std::env::temp_dir().join(format!("sipp-asks-{port}.xml"));
    std::fs::write(&file, ASKS).expect("writable");
    let line = format!("-sf {} 127.0.0.1:{port} -i 127.0.0.1 -r 20 -set topic old", file.display());
    let words = words(&line);
    let (console, _, err) = console();
    let run = std::thread::spawn(move || sipp::run(&words, console, engine::controller()));
    let control = err.address("Remote control on UDP ");
    let wait_for = |subject: &str| {
        let mut buffer = [0; 2000];
        loop {
            let length = peer.recv(&mut buffer).expect("calls come");
            if String::from_utf8_lossy(&buffer[..length]).contains(subject) {
                return;
            }
        }
    };
    let done = json!({ "ok": true });
    wait_for("Subject: topic-old\r\n");
    assert_eq!(ask(control, &json!({ "set": "variable", "name": "topic", "value": "new" })), done);
    wait_for("Subject: topic-new\r\n");
    let refused = ask(control, &json!({ "set": "variable", "name": "colour", "value": "red" }));
    assert_eq!(refused["error"], "the scenario has no global variable 'colour'");

    assert_eq!(ask(control, &json!({ "do": "pause" })), done);
    peer.set_read_timeout(Some(Duration::from_millis(500))).expect("allowed");
    // What was under way comes yet, then nothing does.
    while peer.recv(&mut [0; 2000]).is_ok() {}
    peer.set_read_timeout(Some(Duration::from_secs(10))).expect("allowed");
    assert_eq!(ask(control, &json!({ "do": "resume" })), done);
    wait_for("Subject: topic-new\r\n");

    assert_eq!(ask(control, &json!({ "set": "rate", "value": 60 })), done);
    assert_eq!(ask(control, &json!({ "set": "rate-scale", "value": 3 })), done);
    assert_eq!(ask(control, &json!({ "set": "limit", "value": 77 })), done);
    assert_eq!(ask(control, &json!({ "do": "reset-statistics" })), done);
    while ask(control, &json!({ "get": "statistics" }))["statistics"]["schedule"]["target"]["calls"] != 60.0 {
        std::thread::yield_now();
    }
    assert_eq!(ask(control, &json!({ "do": "quit" })), done);
    assert_eq!(run.join().expect("a run does not panic"), Exit::Success);
    std::fs::remove_file(file).expect("ours");
}
