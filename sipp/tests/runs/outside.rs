//! A run watched and steered from outside: JSON requests on the control socket, metrics over HTTP, the page.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::time::Duration;

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
