//! Injection files in whole runs: lines that lack something end their own call only, local addresses come from fields.

use std::fmt::Write;

use sipp::Exit;
use sipp::engine::Command;

use super::{Ended, end, figure, file, free_port, run, silent, start};

/// A scenario that sends one OPTIONS; `user` is what stands before the host, `headers` are more of them.
fn caller(user: &str, headers: &str) -> String {
    format!(
        "<scenario name=\"asks\">\n<send><![CDATA[\nOPTIONS sip:{user}@[remote_ip]:[remote_port] SIP/2.0\n\
         Via: SIP/2.0/[transport] [server_ip]:[local_port];branch=[branch]\nFrom: <sip:a@b>;tag=[call_number]\n\
         To: <sip:b@b>\nCall-ID: [call_id]\nCSeq: 1 OPTIONS\nMax-Forwards: 70\n{headers}Content-Length: 0\n\n\
         ]]></send>\n<recv response=\"200\" timeout=\"3000\"/>\n</scenario>\n"
    )
}

const CALLED: &str = "<scenario name=\"answers\"><recv request=\"OPTIONS\"/><send><![CDATA[\nSIP/2.0 200 OK\n\
    [last_Via:]\n[last_From:]\n[last_To:]\n[last_Call-ID:]\n[last_CSeq:]\nX: [server_ip]:[local_port]\n\
    Content-Length: 0\n\n]]></send></scenario>";

/// Runs a caller against the scenario that answers.
fn answered(line: &str) -> Ended {
    let port = free_port();
    let called = file(&format!("called{port}.xml"), CALLED);
    let (keys, server) = start(&format!("-sf {} -i 127.0.0.1 -p {port}", called.display()));
    let ended = run(&format!("127.0.0.1:{port} -i 127.0.0.1 {line}"));
    keys.ask(Command::Interrupt);
    end(server);
    ended
}

/// DEVIATES from 3.6.1, which prints nothing for the field, warns, and counts the call as successful.
#[test]
fn a_short_line_fails_its_call_alone() {
    let scenario = file("short.xml", &caller("[field0]", "X-Second: [field1]\n"));
    let lines = file("short.csv", "SEQUENTIAL\nann;1\nbob\neve;3\n");
    let line = format!("-sf {} -inf {} -m 3 -r 100", scenario.display(), lines.display());
    let ended = answered(&line);
    assert_eq!((figure(&ended.out, "Successful call"), figure(&ended.out, "Failed call")), (2, 1));
    assert_eq!(ended.exit, Exit::Fatal, "as for all calls that cannot go on: {}", ended.err);
    let told = "short.xml:2: Field 1 not found in the file short.csv: its line 3 has 1 field (call 2-";
    assert!(ended.err.contains(told), "{}", ended.err);
    let warned = "short.csv:3:1: warning: Field 1 not found in the file short.csv: its line 3 has 1 field";
    assert!(ended.err.contains(warned), "at the start: {}", ended.err);
}

#[test]
fn a_user_without_a_line_is_refused_at_the_start() {
    let scenario = file("user.xml", &caller("[field0]", ""));
    let lines = file("user.csv", "USER\nann\n");
    let line = format!("-sf {} -inf {} -m 3 -users 2 127.0.0.1:9", scenario.display(), lines.display());
    let ended = run(&line);
    assert_eq!(ended.exit, Exit::Fatal);
    assert!(ended.err.contains("user.csv has only 1 lines, yet user 2 was requested."), "{}", ended.err);
}

/// A user who comes while the run lasts: SIPp ends the program.
#[test]
fn a_user_without_a_line_fails_alone() {
    let (_silent, port) = silent();
    let scenario = file("late.xml", &caller("[field0]", ""));
    let lines = file("late.csv", "USER\nann\n");
    let shown = (scenario.display(), lines.display());
    let line = format!("-sf {} -inf {} -m 2 -users 1 -i 127.0.0.1 127.0.0.1:{port}", shown.0, shown.1);
    let (keys, thread) = start(&line);
    keys.ask(Command::SetUsers(2));
    let ended = end(thread);
    assert_eq!((figure(&ended.out, "Total Calls created"), figure(&ended.out, "Failed call")), (2, 2));
    assert!(ended.err.contains("late.csv has only 1 lines, yet user 2 was requested."), "{}", ended.err);
    assert_eq!(ended.exit, Exit::Fatal);
}

/// `-t ui`: each call leaves from the address in its line, a server answers from the one that was asked.
#[test]
fn calls_leave_from_the_address_of_their_line() {
    let port = free_port();
    let homes = file("homes.csv", "SEQUENTIAL\nx;127.0.0.2\nx;127.0.0.3\n");
    let called = file("homes.xml", CALLED);
    let ui = format!("-t ui -inf {} -ip_field 1", homes.display());
    let (keys, server) = start(&format!("-sf {} {ui} -p {port}", called.display()));
    let caller = file("leaves.xml", &caller("x", "X-Own: [field1]:[local_port]\n"));
    let trace = file("homes.log", "");
    for server_ip in ["127.0.0.2", "127.0.0.3"] {
        let own = free_port();
        let line = format!(
            "-sf {} {ui} {server_ip}:{port} -p {own} -m 4 -r 100 -cid_str %u-{server_ip} -trace_msg -message_file {}",
            caller.display(),
            trace.display()
        );
        let ended = run(&line);
        assert_eq!(ended.exit, Exit::Success, "{}", ended.err);
        let said = std::fs::read_to_string(&trace).expect("it was written");
        for home in ["127.0.0.2", "127.0.0.3"] {
            let mut sent = String::new();
            // Via has the address of the socket, the other header that of the file.
            let _ = write!(sent, "UDP {home}:{own};branch");
            assert_eq!(said.matches(&sent).count(), 4, "two sent and the same two answered: {said}");
            assert!(said.contains(&format!("X-Own: {home}:{own}")), "{said}");
        }
        assert_eq!(said.matches(&format!("X: {server_ip}:{port}\r")).count(), 4, "{said}");
    }
    keys.ask(Command::Interrupt);
    assert_eq!(figure(&end(server).out, "Incoming calls created"), 8);
}

#[test]
fn addresses_that_are_none_are_refused_at_the_start() {
    let scenario = file("nowhere.xml", &caller("x", ""));
    let rows = [
        (
            "SEQUENTIAL\nhere\n",
            Exit::Fatal,
            "-t ui: 'here' in field 0 of the file nowhere.csv (line 0) is no IP address",
        ),
        ("SEQUENTIAL\n203.0.113.7\n", Exit::Fatal, "203.0.113.7"),
    ];
    for (text, exit, told) in rows {
        let homes = file("nowhere.csv", text);
        let ended =
            run(&format!("-sf {} 127.0.0.1:9 -t ui -inf {} -m 1", scenario.display(), homes.display()));
        assert_eq!(ended.exit, exit, "{text}: {}", ended.err);
        assert!(ended.err.contains(told), "{text}: {}", ended.err);
    }
    let ended = run(&format!("-sf {} 127.0.0.1:9 -t ui -m 1", scenario.display()));
    assert_eq!(ended.exit, Exit::Failed);
    assert!(ended.err.contains("You must use the -inf option when using -t ui."), "{}", ended.err);
}
