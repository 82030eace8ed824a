//! A server and a client talk over loopback: exit codes and closing screens.

use sipp::Exit;
use sipp::engine::Command;

use super::{Ended, end, figure, free_port, run, silent, start};

#[test]
fn calls_run_from_client_to_server() {
    for (transport, calls) in [("u1", 30), ("t1", 10), ("un", 10)] {
        let port = free_port();
        let server = if transport == "un" { "u1" } else { transport };
        let (keys, uas) = start(&format!("-sn uas -i 127.0.0.1 -p {port} -t {server}"));
        let line = format!("-sn uac 127.0.0.1:{port} -i 127.0.0.1 -t {transport} -m {calls} -r 200 -d 10");
        let uac = retry_until_heard(&line);
        assert_eq!(uac.exit, Exit::Success, "{transport}: {}", uac.err);
        assert_eq!(figure(&uac.out, "Successful call"), calls, "{transport}");
        assert_eq!(figure(&uac.out, "Failed call"), 0, "{transport}");
        keys.ask(Command::Interrupt);
        let uas = end(uas);
        assert_eq!(figure(&uas.out, "Incoming calls created"), calls, "{transport}");
        assert_eq!(uas.exit, Exit::Success, "{transport}: {}", uas.err);
    }
}

/// Over TCP the client may come before the server listens; then it ends at once and is started again.
fn retry_until_heard(line: &str) -> Ended {
    loop {
        let ended = run(line);
        if ended.exit != Exit::Fatal || !ended.err.contains("Refused") {
            return ended;
        }
    }
}

#[test]
fn a_call_nobody_answers_fails() {
    let (_silent, port) = silent();
    let (_, uac) = start(&format!("-sn uac 127.0.0.1:{port} -i 127.0.0.1 -m 1 -r 100 -recv_timeout 50"));
    let uac = end(uac);
    assert_eq!(uac.exit, Exit::Failed);
    assert_eq!(figure(&uac.out, "Failed call"), 1);
}

/// Measured on SIPp: `-timeout` without any call ends with 97, `-timeout_error` with 255.
#[test]
fn a_timeout_ends_the_run() {
    let (_, idle) = start("-sn uas -i 127.0.0.1 -timeout 50ms");
    assert_eq!(end(idle).exit, Exit::Stopped);
    let (_, strict) = start("-sn uas -i 127.0.0.1 -timeout 50ms -timeout_error");
    let strict = end(strict);
    assert_eq!(strict.exit, Exit::Fatal);
    assert!(strict.err.contains("uas timed out after '0."), "{}", strict.err);
}

#[test]
fn keys_end_a_run_softly_or_at_once() {
    for key in [Command::Quit, Command::Interrupt, Command::ForceQuit] {
        let (keys, idle) = start("-sn uas -i 127.0.0.1");
        keys.ask(key.clone());
        assert_eq!(end(idle).exit, Exit::Success, "{key:?}");
    }
}

/// Measured on SIPp: errors before the scenario is loaded end with 1, after it with 255, a busy port with 254.
#[test]
fn errors_have_sipps_exit_codes() {
    let (_taken, port) = silent();
    let rows = [
        ("-sf /nonexistent.xml".to_owned(), Exit::Failed, "Unable to load or parse '/nonexistent.xml'"),
        ("-sn zzz".into(), Exit::Failed, "Invalid default scenario name 'zzz'"),
        ("-sn 3pcc-C-A 127.0.0.1".into(), Exit::Fatal, "-3pcc HOST:PORT or -slave_cfg is missing"),
        ("-sn uac".into(), Exit::Fatal, "Missing remote host parameter. This scenario requires it"),
        ("-sn uac 127.0.0.1 -i ::1".into(), Exit::Fatal, "Network family mismatch"),
        (format!("-sn uas -i 127.0.0.1 -p {port}"), Exit::AddressInUse, "Unable to bind main socket"),
        ("-sn uas -inf /nonexistent.csv".into(), Exit::Failed, "Unable to open file /nonexistent.csv"),
        ("-sn uac 127.0.0.1 -set x y".into(), Exit::Failed, "Can not set the global variable x"),
    ];
    for (line, exit, text) in rows {
        let ended = run(&line);
        assert_eq!(ended.exit, exit, "{line}");
        assert!(ended.err.contains(text), "{line}: {}", ended.err);
    }
}

#[test]
fn no_calls_at_all_is_a_success() {
    let uac = run("-sn uac 127.0.0.1:9 -i 127.0.0.1 -m 0");
    assert_eq!((uac.exit, figure(&uac.out, "Total Calls created")), (Exit::Success, 0));
}

/// A free port for TCP.
fn free_stream_port() -> u16 {
    let socket = std::net::TcpListener::bind("127.0.0.1:0").expect("a port is free");
    socket.local_addr().expect("bound").port()
}

/// RFC 3725 flow I with SIPp's four built-in scenarios: two controllers that pass descriptions to each other.
#[test]
fn two_controllers_connect_their_peers() {
    let (a, b, twin) = (free_port(), free_port(), free_stream_port());
    let servers = [("3pcc-A", a), ("3pcc-B", b)]
        .map(|(name, port)| start(&format!("-sn {name} -i 127.0.0.1 -p {port}")));
    let common = format!("-i 127.0.0.1 -3pcc 127.0.0.1:{twin}");
    let (_, second) = start(&format!("-sn 3pcc-C-B 127.0.0.1:{b} {common}"));
    let first = loop {
        let ended = run(&format!("-sn 3pcc-C-A 127.0.0.1:{a} {common} -m 3 -r 100"));
        // The other controller does not listen yet.
        if ended.exit != Exit::Fatal || !ended.err.contains("refused") {
            break ended;
        }
    };
    let second = end(second);
    for (name, ended) in [("C-A", &first), ("C-B", &second)] {
        assert_eq!(figure(&ended.out, "Successful call"), 3, "{name}: {}{}", ended.out, ended.err);
        assert_eq!(ended.exit, Exit::Success, "{name}: {}", ended.err);
    }
    for (keys, server) in servers {
        keys.ask(Command::Interrupt);
        assert_eq!(figure(&end(server).out, "Incoming calls created"), 3);
    }
}

#[test]
fn conditions_decide_about_the_exit_code() {
    let rows = [
        ("-fail-if created<1", Exit::Failed, "-fail-if created<1: the run had 0"),
        ("-fail-if created>0", Exit::Success, ""),
        ("-fail-if p99(x)>1ms", Exit::Failed, "no response time 'x'"),
        ("-fail-if late", Exit::Failed, "a condition is a figure"),
    ];
    for (words, exit, text) in rows {
        let ended = run(&format!("-sn uac 127.0.0.1:9 -i 127.0.0.1 -m 0 {words}"));
        assert_eq!(ended.exit, exit, "{words}: {}", ended.err);
        assert!(ended.err.contains(text), "{words}: {}", ended.err);
    }
}

/// The first failures of a reason are kept with everything they said; the others are counted.
#[test]
fn failed_calls_are_on_record() {
    let (_silent, port) = silent();
    let directory = std::env::temp_dir().join(format!("sipp-failures-{port}"));
    let shown = directory.display();
    let (_, uac) = start(&format!(
        "-sn uac 127.0.0.1:{port} -i 127.0.0.1 -m 5 -r 100 -recv_timeout 50 -failures {shown} -failures_kept 2"
    ));
    assert_eq!(end(uac).exit, Exit::Failed);
    let mut names: Vec<String> = std::fs::read_dir(&directory)
        .expect("the directory was made")
        .map(|entry| entry.expect("readable").file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let endings: Vec<&str> = names.iter().filter_map(|name| name.rsplit('_').next()).collect();
    assert_eq!(endings, ["001.pcapng", "001.txt", "002.pcapng", "002.txt"]);
    let text = std::fs::read_to_string(directory.join(&names[1])).expect("readable");
    for wanted in ["no 100, 180, 183 or 200 in time at message 1", "|-- INVITE -", "Call-ID: 1-"] {
        assert!(text.contains(wanted), "{wanted}: {text}");
    }
    std::fs::remove_dir_all(&directory).expect("ours");
}
