//! Costs of the timer wheel with a million timers, and of a relayed INVITE in the transaction table with a
//! hundred thousand others alive.

use std::hint::black_box;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use sip::ident::Ident;
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;
use sip::txn::{Hop, Input, Limits, NewClient, NewServer, Outputs, Owner, Table, Timers};
use sip::wheel::Wheel;

const MILLION: u32 = 1_000_000;

/// A wheel with a million timers in the next 32 seconds, as 64*T1 makes them.
fn full_wheel(ident: &mut Ident) -> Wheel<u32> {
    let mut wheel = Wheel::new(Duration::from_millis(1));
    for key in 0..MILLION {
        wheel.insert(Time::from_nanos(ident.below(32_000_000_000)), key);
    }
    wheel
}

fn wheel(c: &mut Criterion) {
    let mut ident = Ident::seeded(1);
    let mut full = full_wheel(&mut ident);
    c.bench_function("wheel/insert+cancel at 1,000,000", |b| {
        b.iter(|| {
            let timer = full.insert(Time::from_nanos(ident.below(32_000_000_000)), 7);
            black_box(full.cancel(timer))
        });
    });
    // Each of the million timers is moved once: by their count, the cost per timer.
    c.bench_function("wheel/fire 1,000,000 timers and start them again", |b| {
        let mut now = Time::ZERO;
        b.iter(|| {
            for _ in 0..MILLION {
                let key = loop {
                    match full.pop_due(now) {
                        Some(key) => break key,
                        None => now = now.max(full.next_deadline().expect("a million timers")),
                    }
                };
                full.insert(now + Duration::from_secs(32), key);
            }
        });
    });
}

fn message(start: &str, method: &str, branch: &str) -> Message {
    let text = format!(
        "{start}\r\nVia: SIP/2.0/UDP 127.0.0.1:5061;branch={branch}\r\nFrom: sipp <sip:sipp@127.0.0.1:5061>;tag=1\r\n\
         To: service <sip:service@127.0.0.1:5060>\r\nCall-ID: {branch}@127.0.0.1\r\nCSeq: 1 {method}\r\n\
         Contact: sip:sipp@127.0.0.1:5061\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    );
    Message::parse(text.into_bytes().into()).expect("valid")
}

fn hop() -> Hop {
    Hop::new(Peer::new(Transport::Udp, ([127, 0, 0, 1], 5060).into()), 0)
}

fn new_client<'a>(request: &Message, branch: &'a str) -> NewClient<'a> {
    NewClient {
        request: request.bytes().clone(),
        branch: branch.as_bytes(),
        method: b"INVITE",
        hop: hop(),
        owner: Owner(1),
        timers: Timers::default(),
    }
}

/// An INVITE received and forwarded, 100, 180 and 200 back: two transactions opened, stepped and released.
fn relayed_invite(c: &mut Criterion) {
    let mut table = Table::new(Limits::default(), 1);
    let mut outputs = Outputs::new();
    for other in 0..100_000 {
        let branch = format!("z9hG4bK-other-{other}");
        let invite = message("INVITE sip:b@b SIP/2.0", "INVITE", &branch);
        table.open_client(Time::ZERO, new_client(&invite, &branch), &mut outputs).expect("room");
        outputs.clear();
    }
    let invite = message("INVITE sip:service@127.0.0.1:5060 SIP/2.0", "INVITE", "z9hG4bK-1-0-caller");
    let branch = "z9hG4bK-1-0-branch";
    let reply = |status: u16| message(&format!("SIP/2.0 {status} Any"), "INVITE", branch);
    let replies = [(100, reply(100)), (180, reply(180)), (200, reply(200))];
    c.bench_function("txn/relayed INVITE, server and client transaction", |b| {
        b.iter(|| {
            let now = Time::ZERO;
            table.handle(now, Input::Request(invite.view()), &mut outputs);
            let new = NewServer {
                request: invite.view(),
                reply_to: hop(),
                owner: Owner(2),
                timers: Timers::default(),
            };
            let server = table.open_server(now, new).expect("room");
            let client = table.open_client(now, new_client(&invite, branch), &mut outputs).expect("room");
            for (status, reply) in &replies {
                table.handle(now, Input::Response(reply.view()), &mut outputs);
                let bytes = reply.bytes().clone();
                table.handle(now, Input::Reply { txn: server, status: *status, bytes }, &mut outputs);
            }
            table.handle(now, Input::Release { txn: server }, &mut outputs);
            table.handle(now, Input::Release { txn: client }, &mut outputs);
            black_box(&outputs);
            outputs.clear();
        });
    });
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(2));
    targets = wheel, relayed_invite
}
criterion_main!(benches);
