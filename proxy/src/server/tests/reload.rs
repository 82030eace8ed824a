//! Another script is taken while transactions and traffic are there.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use super::{Party, line, plan_after, server_of};
use crate::server::Server;

const LISTEN: &str = "listen=udp:127.0.0.1:0";

fn reload(server: &mut Server, script: &str) {
    let plan = plan_after(Some(&server.script().clone()), LISTEN, script);
    server.take_script(&plan.script, plan.debug);
}

/// Two scripts whose routes have other numbers; the failure and reply routes say which of them runs.
fn script(mark: &str, before: &str) -> String {
    format!(
        "{before}\nrequest_route {{\n  $shv(calls) = $shv(calls) + 1;\n  t_on_failure(\"F\");\n  t_on_reply(\"R\");\n  t_relay();\n}}\n\
         onreply_route[R] {{ append_hf(\"X-Reply: {mark}\\r\\n\"); }}\n\
         failure_route[F] {{ t_reply(\"480\", \"{mark} $shv(calls)\"); }}\n",
    )
    .replace("request_route", "loadmodule \"textops.so\"\nrequest_route")
}

#[test]
fn a_transaction_finishes_on_the_script_that_made_it() {
    let mut server = server_of(1, LISTEN, &script("first", ""));
    let (caller, callee) = (Party::of(&server), Party::of(&server));
    let uri = format!("sip:bob@{}", callee.addr());
    caller.request("INVITE", &uri, "");
    caller.expect("SIP/2.0 100");
    let invite = callee.expect("INVITE");
    reload(&mut server, &script("second", "route[A] { exit; } failure_route[B] { exit; }"));
    callee.answer(&invite, "180 Ringing", ";tag=b");
    assert_eq!(line(&caller.expect("SIP/2.0 180"), "X-Reply:"), "X-Reply: first");
    callee.answer(&invite, "486 Busy Here", ";tag=b");
    callee.expect("ACK");
    caller.expect("SIP/2.0 480 first 1");
    // A new one runs the new script, and the shared variable has kept its value.
    let other = Party::of(&server);
    other.send(&format!(
        "INVITE {uri} SIP/2.0\nVia: SIP/2.0/UDP {};branch=z9hG4bK9\nFrom: <sip:a@x>;tag=a\nTo: <sip:bob@x>\n\
         Call-ID: c2\nCSeq: 1 INVITE\n\n",
        other.addr()
    ));
    other.expect("SIP/2.0 100");
    let invite = callee.expect("INVITE");
    callee.answer(&invite, "486 Busy Here", ";tag=b");
    other.expect("SIP/2.0 480 second 2");
    assert_eq!(server.tally().reloads, 1);
}

/// Calls one after the other while scripts come and go: each gets all its messages.
#[test]
fn reloads_under_load_lose_no_message() {
    let reloads = 1000;
    let mut server = server_of(2, LISTEN, &script("0", ""));
    let is_over = AtomicBool::new(false);
    let callers: Vec<[Party; 2]> = (0..2).map(|_| [Party::of(&server), Party::of(&server)]).collect();
    let calls: usize = thread::scope(|scope| {
        let is_over = &is_over;
        let spawn = |(at, pair)| scope.spawn(move || call(at, pair, is_over));
        let threads: Vec<_> = callers.iter().enumerate().map(spawn).collect();
        for number in 1..=reloads {
            let routes: String = (0..number % 7).map(|at| format!("route[N{at}] {{ exit; }}\n")).collect();
            reload(&mut server, &script(&number.to_string(), &routes));
        }
        is_over.store(true, Ordering::Relaxed);
        threads.into_iter().map(|thread| thread.join().expect("every message came")).sum()
    });
    let tally = server.tally();
    assert_eq!((tally.reloads, tally.lost, tally.malformed, tally.stray_replies), (reloads, 0, 0, 0));
    assert!(calls > 0 && tally.requests >= 2 * calls as u64, "{calls} calls, {tally:?}");
}

/// Calls until told to stop, at least 1,000 times: answered ones and refused ones in turn. Gives their number.
fn call(caller: usize, [uac, uas]: &[Party; 2], is_over: &AtomicBool) -> usize {
    let mut calls = 0;
    while calls < 1000 || !is_over.load(Ordering::Relaxed) {
        let (own, uri) = (uac.addr(), format!("sip:bob@{}", uas.addr()));
        let request = |method: &str, cseq: u32| {
            format!(
                "{method} {uri} SIP/2.0\nVia: SIP/2.0/UDP {own};branch=z9hG4bK{caller}-{calls}-{cseq}\nMax-Forwards: 70\n\
                 From: <sip:a@x>;tag=a\nTo: <sip:bob@x>\nCall-ID: {caller}-{calls}\nCSeq: {cseq} {method}\n\n"
            )
        };
        uac.send(&request("INVITE", 1));
        uac.expect("SIP/2.0 100");
        let invite = uas.expect("INVITE");
        if calls % 2 == 0 {
            uas.answer(&invite, "200 OK", ";tag=b");
            assert!(uac.expect("SIP/2.0 200").contains("X-Reply: "));
            uac.send(&request("BYE", 2));
            let bye = uas.expect("BYE");
            uas.answer(&bye, "200 OK", "");
            uac.expect("SIP/2.0 200");
        } else {
            uas.answer(&invite, "486 Busy Here", ";tag=b");
            uas.expect("ACK");
            uac.expect("SIP/2.0 480 ");
            let ack = request("ACK", 1);
            uac.send(&ack);
        }
        calls += 1;
    }
    calls
}
