//! Any bytes as a message to a configuration that uses most of the language: doors, routes, transactions, replies.

#![no_main]

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use proxy::api::{IoAnswer, Received};
use proxy::machine::{Input, Machine};
use proxy::relay::SocketId;
use proxy::trial::Trial;
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;

const CONFIG: &str = include_str!("script.cfg");

fn machine() -> Machine {
    Trial::load(CONFIG).expect("the configuration is right").into_machine()
}

thread_local! {
    static MACHINE: RefCell<(Machine, u64)> = RefCell::new((machine(), 0));
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse_lenient(Bytes::copy_from_slice(bytes)) else { return };
    MACHINE.with_borrow_mut(|(machine, count)| {
        *count += 1;
        if *count % 5_000 == 0 {
            *machine = self::machine();
        }
        let now = Time::ZERO + Duration::from_millis(*count * 10);
        let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], 5070).into());
        let received = Received { peer, socket: SocketId(0), at: now };
        machine.handle(now, Input::Message(Arc::new(message), received));
        settle(machine, now);
        machine.handle(now, Input::Due);
        settle(machine, now);
        machine.shard.log.take();
    });
});

/// What is sent must be SIP again; what is asked is answered.
fn settle(machine: &mut Machine, now: Time) {
    loop {
        for sending in machine.take_sendings().collect::<Vec<_>>() {
            assert!(!sending.bytes.is_empty());
        }
        machine.take_foreign().for_each(drop);
        let questions: Vec<_> = machine.take_questions().collect();
        if questions.is_empty() {
            return;
        }
        for question in questions {
            machine.handle(now, Input::Answer(question.token, IoAnswer::Located(Vec::new())));
        }
    }
}
