//! Messages that fit nothing, come again, cross or are nonsense: each gets its status or is counted, a call that stands
//! is not hurt, and nothing is left when its time is over.

use std::time::Duration;

use super::super::Input;
use crate::api::Received;
use crate::relay::SocketId;
use crate::trial::Trial;
use crate::trial::live::{Live, Sent, brief};

const CALLER: u16 = 5070;
const CALLED: u16 = 5080;

const RELAY: &str = "if (!mf_process_maxfwd_header(\"10\")) { sl_send_reply(\"483\", \"Too Many Hops\"); exit; }\n\
    $du = \"sip:127.0.0.1:5080\"; t_relay();";

fn live(body: &str) -> Live {
    let modules = ["pv", "sl", "tm", "maxfwd"].map(|name| format!("loadmodule \"{name}.so\"\n")).concat();
    Trial::load(&format!("{modules}request_route {{\n{body}\n}}")).expect("a good configuration").live()
}

fn request(method: &str, vias: &str) -> String {
    format!(
        "{method} sip:bob@example.com SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bKa\r\n{vias}\
         Max-Forwards: 70\r\nFrom: <sip:a@x>;tag=f\r\nTo: <sip:bob@x>\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n\
         Contact: <sip:a@127.0.0.1:5070>\r\nContent-Length: 0\r\n\r\n"
    )
}

/// An INVITE on its way; what the called side got.
fn calling() -> (Live, Sent) {
    let mut live = live(RELAY);
    let sent = live.receive(CALLER, &request("INVITE", ""));
    assert_eq!(brief(&sent), ["5070 100 trying -- your call is important to us", "5080 INVITE"]);
    let invite = sent[1].clone();
    (live, invite)
}

/// The time of all transactions is over.
fn is_nothing_left(live: &mut Live) {
    live.pass(Duration::from_secs(400));
    assert_eq!((live.machine.total().contexts, live.machine.total().waiting), (0, 0));
}

/// RFC 3261 18.1.2, 16.7: without our Via on top, or with nothing below it, there is nobody to send it to.
#[test]
fn replies_to_nothing_are_counted() {
    let mut live = live(RELAY);
    let reply = |vias: &str| {
        format!(
            "SIP/2.0 200 OK\r\n{vias}From: <sip:a@x>;tag=f\r\nTo: <sip:b@x>;tag=t\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n\r\n"
        )
    };
    let ours = "Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK0.1.0\r\n";
    assert_eq!(brief(&live.receive(CALLED, &reply(ours))), [""; 0]);
    assert_eq!(live.machine.tally.stray_replies, 1);
    // Kamailio sends it on by the second Via.
    let two = format!("{ours}Via: SIP/2.0/UDP 127.0.0.1:5071;branch=z9hG4bKx\r\n");
    assert_eq!(brief(&live.receive(CALLED, &reply(&two))), ["5071 200 OK"]);
    assert_eq!(brief(&live.receive(CALLED, &reply(""))), [""; 0]);
    assert_eq!(live.machine.tally.malformed, 1, "a reply without Via");
    is_nothing_left(&mut live);
}

/// RFC 3261 17.1.1.2, 17.2.1: what comes with a wrong branch or method leaves the call as it is.
#[test]
fn what_does_not_fit_a_branch_leaves_the_call_alone() {
    let (mut live, invite) = calling();
    let ok = invite.reply("200 OK", "");
    let branch = invite.field("Via").split("branch=").nth(1).expect("a branch").to_owned();
    let mut parts: Vec<&str> = branch.split('.').collect();
    parts[1] = "abc";
    for wrong in [
        ok.replace(&branch, &parts.join(".")),
        ok.replace(&branch, &format!("{branch}9")),
        ok.replace("CSeq: 1 INVITE", "CSeq: 1 BYE"),
        ok.replace("CSeq: 1 INVITE", "CSeq: 1 CANCEL"),
    ] {
        live.receive(CALLED, &wrong);
        let again = live.pass(Duration::from_millis(1));
        assert_eq!(brief(&again), [""; 0]);
    }
    let ack = request("ACK", "").replace("branch=z9hG4bKa", "branch=z9hG4bKother");
    assert_eq!(brief(&live.receive(CALLER, &ack)), ["5080 ACK"], "an ACK to nothing goes on without state");
    let cancel = request("CANCEL", "").replace("branch=z9hG4bKa", "branch=z9hG4bKother");
    assert_eq!(
        brief(&live.receive(CALLER, &cancel)),
        ["5080 CANCEL"],
        "so does a CANCEL of nothing, with state"
    );
    assert_eq!(brief(&live.receive(CALLED, &invite.reply("486 Busy", ""))), ["5080 ACK", "5070 486 Busy"]);
    is_nothing_left(&mut live);
}

#[test]
fn what_comes_again_changes_nothing() {
    let (mut live, invite) = calling();
    let trying = ["5070 100 trying -- your call is important to us"];
    for _ in 0..3 {
        assert_eq!(
            brief(&live.receive(CALLER, &request("INVITE", ""))),
            trying,
            "17.2.1: the last reply again"
        );
    }
    let ringing = invite.reply("180 Ringing", "");
    assert_eq!(brief(&live.receive(CALLED, &ringing)), ["5070 180 Ringing"]);
    let busy = invite.reply("486 Busy", "");
    assert_eq!(brief(&live.receive(CALLED, &busy)), ["5080 ACK", "5070 486 Busy"]);
    for _ in 0..3 {
        assert_eq!(brief(&live.receive(CALLED, &busy)), ["5080 ACK"], "17.1.1.2: only the ACK again");
        assert_eq!(brief(&live.receive(CALLER, &request("INVITE", ""))), ["5070 486 Busy"]);
    }
    assert_eq!(brief(&live.receive(CALLED, &ringing)), [""; 0], "a 180 behind the final");
    assert_eq!(brief(&live.receive(CALLED, &invite.reply("603 No", ""))), ["5080 ACK"], "another final");
    for _ in 0..2 {
        assert_eq!(brief(&live.receive(CALLER, &request("ACK", ""))), [""; 0]);
    }
    is_nothing_left(&mut live);
}

/// RFC 3261 9.1: the CANCEL and the answer meet on the way.
#[test]
fn what_crosses_a_cancel_wins_or_is_acknowledged() {
    for (crossing, upstream) in
        [("200 OK", "5070 200 OK"), ("486 Busy", "5070 486 Busy"), ("603 No", "5070 603 No")]
    {
        let (mut live, invite) = calling();
        live.receive(CALLED, &invite.reply("180 Ringing", ""));
        let sent = live.receive(CALLER, &request("CANCEL", ""));
        assert_eq!(brief(&sent), ["5080 CANCEL", "5070 200 canceling"]);
        let seen = brief(&live.receive(CALLED, &invite.reply(crossing, "")));
        assert!(seen.contains(&upstream.to_owned()), "{crossing}: {seen:?}");
        live.receive(CALLED, &sent[0].reply("481 Nothing", ""));
        is_nothing_left(&mut live);
    }
}

#[test]
fn many_vias_and_long_fields_pass() {
    let vias: String = (0..500)
        .map(|number| format!("Via: SIP/2.0/UDP h{number}.example;branch=z9hG4bK{number}\r\n"))
        .collect();
    let long = format!("X-Long: {}\r\n", "x".repeat(65_000));
    for more in [vias, long] {
        let mut live = live(RELAY);
        let sent = live.receive(CALLER, &request("OPTIONS", &more));
        assert_eq!(brief(&sent), ["5080 OPTIONS"]);
        assert!(sent[0].text.contains(&more), "untouched");
        let back = live.receive(CALLED, &sent[0].reply("200 OK", ""));
        assert_eq!(brief(&back), ["5070 200 OK"]);
        assert_eq!(back[0].fields("Via").count(), sent[0].fields("Via").count() - 1);
        is_nothing_left(&mut live);
    }
}

/// RFC 3261 16.3 items 3 and 4: a loop ends, by its branches or by Max-Forwards; a spiral may go on.
#[test]
fn loops_through_ourselves_end_and_spirals_do_not() {
    let to_itself = RELAY.replace("5080", "5060");
    let growing = format!("$rU = \"x\" + $rU;\n{to_itself}");
    let spiral = format!("if ($rU == \"xxxxbob\") {{ sl_send_reply(\"200\", \"Done\"); exit; }}\n{growing}");
    for (body, visits, last) in
        [(&to_itself, 3, "482 Loop Detected"), (&growing, 71, "483 Too Many Hops"), (&spiral, 5, "200 Done")]
    {
        let mut live = live(body);
        let mut sent = live.receive(CALLER, &request("OPTIONS", ""));
        let mut seen = 1;
        while let Some(on) =
            sent.iter().find(|sent| sent.port == 5060 && sent.start().starts_with("OPTIONS")).cloned()
        {
            sent = live.receive(5060, &on.text);
            seen += 1;
            assert!(seen < 100, "it goes on for ever");
        }
        assert_eq!((seen, brief(&sent)), (visits, vec![format!("5060 {last}")]));
        is_nothing_left(&mut live);
    }
}

#[test]
fn a_next_hop_that_answers_garbage_is_one_that_does_not_answer() {
    let (mut live, invite) = calling();
    let peer = sip::peer::Peer::new(sip::peer::Transport::Udp, ([127, 0, 0, 1], CALLED).into());
    let received = Received { peer, socket: SocketId(0), at: live.now };
    for number in 0..20u8 {
        let bytes = vec![number.wrapping_mul(37); 50].into();
        live.machine.handle(live.now, Input::Unreadable(bytes, received, "not SIP".into()));
    }
    assert_eq!(live.machine.tally.malformed, 20);
    let ok = invite.reply("200 OK", "");
    for broken in [
        ok.replace("CSeq: 1 INVITE\r\n", ""),
        ok.replace("CSeq: 1 INVITE", "CSeq: x INVITE"),
        ok.replace("Call-ID: c\r\n", ""),
        ok.replace("Via: ", "Vib: "),
    ] {
        let seen = brief(&live.receive(CALLED, &broken));
        assert!(!seen.iter().any(|line| line.contains("200")), "{broken}: {seen:?}");
    }
    let sent = live.pass(Duration::from_secs(40));
    assert!(brief(&sent).contains(&"5070 408 Request Timeout".to_owned()), "{:?}", brief(&sent));
    is_nothing_left(&mut live);
}
