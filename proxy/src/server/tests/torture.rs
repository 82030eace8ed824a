//! The torture messages of RFC 4475 and RFC 5118, each sent to the socket of a running server: forwarded byte by byte,
//! refused with the right status, or dropped and counted.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::time::Duration;

use super::{Party, server_of};
use crate::server::{Server, Tally};

/// What becomes of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Outcome {
    /// It goes on, as it came.
    Forwarded,
    /// It is answered.
    Refused(u16),
    /// Nothing leaves; the server counts it.
    Dropped,
    /// A reply that leaves to the address of its second Via, which is nobody's here.
    Elsewhere,
}

use Outcome::{Dropped, Elsewhere, Forwarded, Refused};

/// File, outcome with the checks of the packaged configuration, outcome of a script that only relays.
const ROWS: &[(&str, Outcome, Outcome)] = &[
    ("badaspec", Refused(400), Forwarded),
    ("badbranch", Forwarded, Forwarded),
    ("baddate", Forwarded, Forwarded),
    ("baddn", Forwarded, Forwarded),
    ("badinv01", Refused(400), Refused(400)),
    ("badvers", Dropped, Dropped),
    ("bcast", Elsewhere, Elsewhere),
    ("bext01", Forwarded, Forwarded),
    ("bigcode", Dropped, Dropped),
    ("clerr", Refused(400), Refused(400)),
    ("cparam01", Forwarded, Forwarded),
    ("cparam02", Forwarded, Forwarded),
    ("dblreq", Refused(400), Forwarded),
    ("esc01", Forwarded, Forwarded),
    ("esc02", Forwarded, Forwarded),
    ("escnull", Forwarded, Forwarded),
    ("escruri", Forwarded, Forwarded),
    ("insuf", Refused(400), Refused(400)),
    ("intmeth", Forwarded, Forwarded),
    ("inv2543", Forwarded, Forwarded),
    ("invut", Forwarded, Forwarded),
    ("ipv4-mapped-ipv6", Forwarded, Forwarded),
    ("ipv6-bad", Refused(400), Forwarded),
    ("ipv6-bug-abnf-3-colons", Forwarded, Forwarded),
    ("ipv6-good", Forwarded, Forwarded),
    ("ipv6-in-sdp", Forwarded, Forwarded),
    ("longreq", Forwarded, Forwarded),
    ("ltgtruri", Refused(400), Forwarded),
    ("lwsdisp", Forwarded, Forwarded),
    ("lwsruri", Refused(400), Refused(400)),
    ("lwsstart", Refused(400), Refused(400)),
    ("mcl01", Refused(400), Refused(400)),
    ("mismatch01", Refused(400), Forwarded),
    ("mismatch02", Refused(400), Forwarded),
    ("mpart01", Forwarded, Forwarded),
    ("mult-ip-in-header", Forwarded, Forwarded),
    ("mult-ip-in-sdp", Forwarded, Forwarded),
    ("multi01", Refused(400), Refused(400)),
    ("ncl", Refused(400), Refused(400)),
    ("noreason", Dropped, Dropped),
    ("novelsc", Refused(400), Forwarded),
    ("port-ambiguous", Forwarded, Forwarded),
    ("port-unambiguous", Forwarded, Forwarded),
    ("quotbal", Dropped, Dropped),
    ("regaut01", Forwarded, Forwarded),
    ("regbadct", Forwarded, Forwarded),
    ("regescrt", Forwarded, Forwarded),
    ("scalar02", Refused(400), Refused(400)),
    ("scalarlg", Dropped, Dropped),
    ("sdp01", Forwarded, Forwarded),
    ("semiuri", Forwarded, Forwarded),
    ("transports", Forwarded, Forwarded),
    ("trws", Forwarded, Forwarded),
    ("unkscm", Refused(400), Forwarded),
    ("unksm2", Forwarded, Forwarded),
    ("unreason", Dropped, Dropped),
    ("via-received-param-no-delim", Forwarded, Forwarded),
    ("via-received-param-with-delim", Forwarded, Forwarded),
    ("wsinv", Forwarded, Forwarded),
    ("zeromf", Refused(483), Forwarded),
];

/// Everything goes to one place, whatever the message says. Answers go where the message came from.
const RELAY: &str =
    "t_on_failure(\"NONE\"); $du = \"sip:127.0.0.1:CALLED\"; t_relay();\n}\nfailure_route[NONE] { exit; }\n";

const LISTEN: &str = "listen=udp:127.0.0.1:0\nforce_rport=yes\n";

/// No retransmissions and no answer of the transaction layer while the test looks.
const MODULES: &str = "loadmodule \"maxfwd.so\"\nloadmodule \"siputils.so\"\nloadmodule \"sanity.so\"\n\
modparam(\"tm\", \"auto_inv_100\", 0)\nmodparam(\"tm\", \"retr_timer1\", 30000)\nmodparam(\"tm\", \"fr_timer\", 60000)\n";

const CHECKS: &str = "if (!mf_process_maxfwd_header(\"10\")) { sl_send_reply(\"483\", \"Too Many Hops\"); exit; }\n\
if (!sanity_check(\"17895\", \"7\")) exit;\n";

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../sip/tests/torture/messages")
}

struct Bench {
    server: Server,
    sender: Party,
    called: UdpSocket,
}

impl Bench {
    fn new(checks: &str) -> Bench {
        let called = UdpSocket::bind("127.0.0.1:0").expect("free port");
        // What is forwarded leaves with the answer to what came behind it.
        called.set_read_timeout(Some(Duration::from_millis(30))).expect("a socket option");
        let port = called.local_addr().expect("bound").port().to_string();
        let sync =
            "if (is_method(\"OPTIONS\") && $rU == \"sync\") { sl_send_reply(\"200\", \"Sync\"); exit; }\n";
        let script = format!("{MODULES}request_route {{\n{sync}{checks}{}", RELAY.replace("CALLED", &port));
        let server = server_of(1, LISTEN, &script);
        let sender = Party::of(&server);
        Bench { server, sender, called }
    }

    /// Sends a message and says what came of it; `Err` when what was forwarded is not what was sent.
    fn outcome(&self, name: &str, message: &[u8]) -> Result<Outcome, String> {
        let before = self.server.tally();
        self.sender.socket.send_to(message, self.sender.proxy).expect("loopback takes it");
        self.sender.request("OPTIONS", "sip:sync@x", &format!("X-Of: {name}\n"));
        let mut answers = Vec::new();
        loop {
            let answer = self.sender.expect("SIP/2.0 ");
            if answer.starts_with("SIP/2.0 200 Sync") {
                break;
            }
            answers.push(answer);
        }
        let mut packet = [0; 65_535];
        let forwarded = self.called.recv(&mut packet).ok().map(|length| &packet[..length]);
        let after = self.server.tally();
        match (forwarded, &answers[..]) {
            (Some(forwarded), []) => is_intact(message, forwarded).map(|()| Forwarded),
            (None, [answer]) => Ok(Refused(answer[8..11].parse().expect("a status"))),
            (None, []) if losses(&after) > losses(&before) => Ok(Dropped),
            (None, []) if message.starts_with(b"SIP/2.0 ") => Ok(Elsewhere),
            (None, []) => Err("dropped without being counted".into()),
            (forwarded, answers) => {
                Err(format!("forwarded {} and answered {answers:?}", forwarded.is_some()))
            }
        }
    }
}

fn losses(tally: &Tally) -> u64 {
    tally.malformed + tally.stray_replies + tally.unsent
}

/// Every line of the message but those a proxy writes is in what was forwarded, in the same order, and the body is.
fn is_intact(sent: &[u8], forwarded: &[u8]) -> Result<(), String> {
    let text = |bytes: &[u8]| bytes.iter().map(|byte| char::from(*byte)).collect::<String>();
    let (sent, forwarded) = (text(sent), text(forwarded));
    let (sent_head, sent_body) = sent.trim_start().split_once("\r\n\r\n").ok_or("no end of header fields")?;
    let (head, body) = forwarded.split_once("\r\n\r\n").ok_or("no end of header fields")?;
    if !sent_body.starts_with(body) {
        return Err(format!("body {body:?}"));
    }
    let mut lines = head.lines();
    for line in sent_head.lines().skip(1) {
        let name = line.split([':', ' ']).next().unwrap_or_default().to_ascii_lowercase();
        let is_ours = ["via", "v", "max-forwards", "route"].contains(&name.as_str()) || name.is_empty();
        if !is_ours && !lines.any(|candidate| candidate == line) {
            return Err(format!("{line:?} is missing in\n{head}"));
        }
    }
    Ok(())
}

fn run(checks: &str, expected: fn(&(&'static str, Outcome, Outcome)) -> Outcome) {
    let mut wrong = Vec::new();
    for row in ROWS {
        // A server each: many of them have the same branch and would be retransmissions of one another.
        let bench = Bench::new(checks);
        let message = std::fs::read(folder().join(row.0).with_extension("sip")).expect("a file of each row");
        match bench.outcome(row.0, &message) {
            Ok(outcome) if outcome == expected(row) => {}
            other => wrong.push(format!("{}: expected {:?}, got {other:?}", row.0, expected(row))),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn torture_messages_with_the_checks_of_the_packaged_configuration() {
    run(CHECKS, |row| row.1.clone());
}

#[test]
fn torture_messages_through_a_script_that_only_relays() {
    run("", |row| row.2.clone());
}

#[test]
fn every_torture_message_has_a_row() {
    let files = std::fs::read_dir(folder()).expect("the messages are there").filter_map(Result::ok);
    let mut names: Vec<String> = files
        .map(|file| file.path().file_stem().unwrap_or_default().to_string_lossy().into_owned())
        .collect();
    names.sort();
    let mut rows: Vec<&str> = ROWS.iter().map(|row| row.0).collect();
    rows.sort_unstable();
    assert_eq!(names, rows);
}
