//! Contacts between their registration and their end: keep-alive requests of usrloc.

use std::time::{Duration, Instant};

use e2e::folder::Folder;
use e2e::server::{Client, LIMIT, Request, Server};

fn config(port: u16) -> String {
    format!(
        r#"
log_stderror=yes
children=1
listen=udp:127.0.0.1:{port}
loadmodule "tm.so"
loadmodule "sl.so"
loadmodule "pv.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
modparam("usrloc", "timer_interval", 1)
modparam("usrloc", "ka_mode", 1)
modparam("usrloc", "ka_timeout", 2)
modparam("usrloc", "ka_from", "sip:ka@k.example")
modparam("usrloc", "ka_domain", "k.example")
request_route {{
	if (method == "REGISTER") {{ save("location"); exit; }}
	if (lookup("location")) sl_send_reply("200", "Found");
	else sl_send_reply("404", "Not Here");
}}
"#
    )
}

/// The form of the request was measured on Kamailio 5.6.3.
#[test]
fn who_answers_keep_alive_requests_stays_and_who_is_silent_goes() {
    let folder = Folder::new("keepalive");
    let proxy = Server::start("sip-proxy", &folder, config).expect("ours");
    let (mut caller, phone, silent) =
        (Client::of(proxy.port), Client::of(proxy.port), Client::of(proxy.port));
    for (user, client) in [("sip:there@a.example", &phone), ("sip:silent@a.example", &silent)] {
        let contact = format!("Contact: <sip:u@127.0.0.1:{}>\r\n", client.port());
        assert!(caller.ask(&Request::register(user, &contact)).starts_with("SIP/2.0 200"));
    }
    let mut is_found = |user: &str| {
        let asked = Request { method: "OPTIONS", uri: user, user, headers: "" };
        caller.ask(&asked).starts_with("SIP/2.0 200")
    };
    let begin = Instant::now();
    let mut first = None;
    while is_found("sip:silent@a.example") || begin.elapsed() < Duration::from_secs(5) {
        assert!(begin.elapsed() < LIMIT, "the silent one is still there\n{}", proxy.log());
        if let Some(request) = phone.receive() {
            phone.send(&answer(&request));
            first.get_or_insert(request);
        }
    }
    assert!(is_found("sip:there@a.example"), "who answers stays\n{}", proxy.log());
    let request = first.expect("a keep-alive request");
    let lines = [
        format!("OPTIONS sip:u@127.0.0.1:{} SIP/2.0", phone.port()),
        "From: <sip:ka@k.example>;tag=".into(),
        "To: <sip:there@k.example>\r\n".into(),
        "Call-ID: ksrulka-".into(),
        "CSeq: 80 OPTIONS\r\n".into(),
    ];
    assert!(lines.iter().all(|line| request.contains(line)), "{request}");
}

/// RFC 3261 8.2.6.2
fn answer(request: &str) -> String {
    const COPIED: [&str; 5] = ["Via", "From", "To", "Call-ID", "CSeq"];
    let lines = request
        .split("\r\n")
        .filter(|line| line.split_once(':').is_some_and(|(name, _)| COPIED.contains(&name)));
    let copied: String = lines.map(|line| format!("{line}\r\n")).collect();
    format!("SIP/2.0 200 OK\r\n{copied}Content-Length: 0\r\n\r\n")
}
