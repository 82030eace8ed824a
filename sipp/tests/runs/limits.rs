//! What the system allows: open files, and the address that is bound.

use std::process::Command;

use super::{Ended, figure, file, free_port, silent};
use sipp::Exit;

/// The program in a process of its own, under limits that a shell sets.
fn limited(limit: &str, line: &str) -> Ended {
    let script = format!("ulimit {limit}; exec {} {line}", env!("CARGO_BIN_EXE_sipp"));
    let output = Command::new("sh").args(["-c", &script]).output().expect("a shell");
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let exit = if output.status.code() == Some(0) { Exit::Success } else { Exit::Failed };
    Ended { exit, out: text(&output.stdout), err: text(&output.stderr) }
}

/// SIPp 3.6.1 does not start when `-max_socket` (50,000 unless said otherwise) is above the limit of open files.
#[test]
fn a_low_limit_of_open_files_is_raised_or_shared() {
    let (_silent, port) = silent();
    let scenario = file("shoots.xml", SHOOTS);
    let line =
        format!("-sf {} 127.0.0.1:{port} -i 127.0.0.1 -t un -m 200 -r 2000 -nostdin", scenario.display());
    for (limit, warning) in [("-Sn 100", ""), ("-n 100", "calls share them")] {
        // 300 sockets are fewer than the hard limit of any machine that builds this.
        let ended = limited(limit, &format!("{line} -max_socket 300"));
        assert_eq!(ended.exit, Exit::Success, "{limit}: {}", ended.err);
        assert_eq!(figure(&ended.out, "Successful call"), 200, "{limit}");
        assert!(ended.err.contains(warning), "{limit}: {}", ended.err);
        assert_eq!(ended.err.contains("open-file limit"), !warning.is_empty(), "{limit}: {}", ended.err);
    }
}

/// Two hundred calls are open at a time, each with its socket.
const SHOOTS: &str = "<scenario name=\"shoots\"><send><![CDATA[\nOPTIONS sip:[remote_ip]:[remote_port] SIP/2.0\n\
    Via: SIP/2.0/UDP [server_ip]:[local_port];branch=[branch]\nFrom: <sip:a@b>;tag=[call_number]\nTo: <sip:b@b>\n\
    Call-ID: [call_id]\nCSeq: 1 OPTIONS\nMax-Forwards: 70\nContent-Length: 0\n\n]]></send><pause milliseconds=\"300\"/>\
    </scenario>";

/// `-bind_local`: without it a client is bound to any address.
#[test]
fn the_address_that_reaches_the_peer_is_bound_when_asked_for() {
    for (option, address) in [("", "0.0.0.0"), ("-bind_local", "127.0.0.1")] {
        let (phone, port) = silent();
        let scenario = file("bound.xml", SHOOTS);
        let own = free_port();
        let line =
            format!("-sf {} 127.0.0.1:{port} -p {own} -m 1 -r 100 -nostdin {option}", scenario.display());
        assert_eq!(super::run(&line).exit, Exit::Success);
        let mut request = [0; 2000];
        let len = phone.recv(&mut request).expect("a request came");
        let text = String::from_utf8_lossy(&request[..len]).into_owned();
        assert!(text.contains(&format!("UDP {address}:{own};branch")), "{option}: {text}");
    }
}
