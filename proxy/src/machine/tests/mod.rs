//! Thousands of runs put aside at a time: each goes on, their number is bounded and counted.

mod bad_input;

use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::{Input, Machine};
use crate::api::{IoAnswer, Received};
use crate::relay::SocketId;
use crate::trial::Trial;

const MODULES: &str = "loadmodule \"cfgutils.so\"\nloadmodule \"sl.so\"\nloadmodule \"tm.so\"\n";

fn machine(script: &str) -> Machine {
    Trial::load(&format!("{MODULES}{script}")).expect("a good configuration").into_machine()
}

fn request(number: u32) -> Input {
    let text = format!(
        "OPTIONS sip:bob@host{number}.example SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:5070;branch=z9hG4bK{number}\r\n\
         From: <sip:a@x>;tag=a\r\nTo: <sip:bob@x>\r\nCall-ID: c{number}\r\nCSeq: 1 OPTIONS\r\n\r\n"
    );
    let message = Message::parse(Bytes::from(text)).expect("a request");
    let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], 5070).into());
    Input::Message(Arc::new(message), Received { peer, socket: SocketId(0), at: Time::ZERO })
}

fn replies(machine: &mut Machine, start: &str) -> usize {
    machine.take_sendings().filter(|sending| sending.bytes.starts_with(start.as_bytes())).count()
}

#[test]
fn ten_thousand_runs_wait_for_a_timer_and_all_go_on() {
    let mut machine = machine("request_route { usleep(\"2000000\"); sl_send_reply(\"200\", \"OK\"); }");
    (0..10_000).for_each(|number| machine.handle(Time::ZERO, request(number)));
    assert_eq!((machine.total().waiting, replies(&mut machine, "SIP/2.0")), (10_000, 0));
    let due = machine.next_deadline().expect("sleepers");
    assert_eq!(due, Time::ZERO + Duration::from_secs(2));
    machine.handle(due, Input::Due);
    assert_eq!((machine.total().waiting, replies(&mut machine, "SIP/2.0 200")), (0, 10_000));
    assert_eq!(machine.total().hurried, 0);
}

#[test]
fn ten_thousand_runs_wait_for_names_and_all_go_on() {
    let mut machine = machine("request_route { t_relay(); }");
    (0..10_000).for_each(|number| machine.handle(Time::ZERO, request(number)));
    let questions: Vec<_> = machine.take_questions().collect();
    assert_eq!((questions.len(), machine.total().waiting), (10_000, 10_000));
    for question in questions {
        machine.handle(Time::ZERO, Input::Answer(question.token, IoAnswer::Located(Vec::new())));
    }
    assert_eq!((machine.total().waiting, replies(&mut machine, "SIP/2.0 478")), (0, 10_000));
}

#[test]
fn what_is_more_than_the_bound_goes_on_at_once_and_is_counted() {
    let mut machine = machine("request_route { t_relay(); }");
    machine.max_waiting = 3;
    (0..5).for_each(|number| machine.handle(Time::ZERO, request(number)));
    let total = machine.total();
    assert_eq!((total.waiting, total.hurried, machine.take_questions().count()), (3, 2, 3));
    assert_eq!(replies(&mut machine, "SIP/2.0 478"), 2, "they could not be resolved");
}

/// A lock that is held is tried again later, but not without end when nothing may wait.
#[test]
fn a_lock_that_cannot_wait_fails() {
    let mut machine = machine(
        "modparam(\"cfgutils\", \"lock_set_size\", 2)\nrequest_route { lock(\"a\"); usleep(\"1000\"); sl_send_reply(\"200\", \"OK\"); }",
    );
    machine.handle(Time::ZERO, request(0));
    // As another shard would find it.
    machine.shard.number = 1;
    machine.max_waiting = 1;
    machine.handle(Time::ZERO, request(1));
    assert_eq!((machine.total().hurried, replies(&mut machine, "SIP/2.0 200")), (2, 1));
}

/// With `received_route_mode` an event route sees each message first, how it came, and may drop it.
#[test]
fn what_comes_is_seen_before_its_route_and_may_be_dropped() {
    let script = "received_route_mode=1\nloadmodule \"xlog.so\"\n\
         event_route[core:msg-received] {\n\
         \x20 xlog(\"$rcv(proto) $rcv(srcip) $rcv(srcport) $rcv(rcvip) $rcv(rcvport) $rcv(af)\\n\");\n\
         \x20 if ($ci == \"c1\") drop;\n}\n\
         request_route { sl_send_reply(\"200\", \"OK\"); }";
    let mut machine = machine(script);
    (0..3).for_each(|number| machine.handle(Time::ZERO, request(number)));
    assert_eq!(replies(&mut machine, "SIP/2.0 200"), 2);
    assert_eq!(machine.shard.counts.dropped, (1, 0));
    let lines = machine.shard.log.take();
    assert_eq!(lines[0].text, "<script>: udp 127.0.0.1 5070 127.0.0.1 5060 2");
    assert_eq!(lines.len(), 3);
}

/// Bytes that are no message are logged, as often as that tells something new, and told to an event route.
#[test]
fn what_is_no_message_is_logged_and_told() {
    let script = "loadmodule \"xlog.so\"\n\
         event_route[core:receive-parse-error] { xlog(\"from $si:$sp\\n\"); }\nrequest_route { exit; }";
    let mut machine = machine(script);
    let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], 5070).into());
    let received = Received { peer, socket: SocketId(0), at: Time::ZERO };
    machine.handle(Time::ZERO, Input::Unreadable("junk\r\n".into(), received, "bad".into()));
    let lines: Vec<_> = machine.shard.log.take().into_iter().map(|line| line.text).collect();
    assert_eq!(
        lines,
        ["bad message from 127.0.0.1:5070: bad: <junk\\r\\n>", "<script>: from 127.0.0.1:5070"]
    );
    (0..100).for_each(|_| {
        machine.handle(Time::ZERO, Input::Unreadable("junk".into(), received, "bad".into()));
    });
    let logged = machine.shard.log.take();
    assert!(logged.iter().filter(|line| line.text.starts_with(b"bad message")).count() < 30);
    assert_eq!(machine.tally.malformed, 101);
}

/// `latency_limit_action` and `latency_limit_cfg`: what waits takes its time too.
#[test]
fn what_takes_too_long_is_told() {
    thread_local!(static NOW: Cell<u64> = const { Cell::new(0) });
    let script = "latency_limit_action=500\nlatency_log=-1\nlatency_limit_cfg=2000\nlatency_cfg_log=-1\n\
         request_route { setflag(1); usleep(\"3000\"); }";
    let mut machine = machine(script);
    machine.shard.stopwatch = Some(|| Duration::from_micros(NOW.get()));
    machine.start_modules();
    machine.handle(Time::ZERO, request(0));
    NOW.set(3_100);
    machine.handle(Time::ZERO + Duration::from_millis(3), Input::Due);
    let lines: Vec<_> = machine.shard.log.take().into_iter().map(|line| line.text).collect();
    let [action, route] = &lines[..] else { panic!("{lines:?}") };
    let told = String::from_utf8_lossy(action);
    assert!(
        told.starts_with("alert - action [usleep] cfg [") && told.ends_with("took too long [3100 us]"),
        "{told}"
    );
    assert_eq!(route, "request-route executed in: 3100 usec");
}
