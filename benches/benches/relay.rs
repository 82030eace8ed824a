//! What one relayed call costs in the proxy itself: six messages in, seven out, without sockets.
//!
//! The route is that of `peers/relay.cfg`, which `ci/bench` runs with sockets on both proxies.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group, criterion_main};
use proxy::api::Received;
use proxy::machine::{Input, Machine};
use proxy::relay::SocketId;
use proxy::trial::Trial;
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;

const CALLER: u16 = 5070;
const CALLED: u16 = 5080;

/// A machine with calls going through it, and the time spent inside.
struct Relay {
    machine: Machine,
    now: Time,
    spent: Duration,
}

impl Relay {
    fn new() -> Relay {
        let script = include_str!("../peers/relay.cfg").replace("@PROXY@", "5060");
        let script = script.replace("@UAS@", &CALLED.to_string());
        let machine = Trial::load(&script).expect("the configuration is right").into_machine();
        Relay { machine, now: Time::ZERO, spent: Duration::ZERO }
    }

    /// What goes out because this came in.
    fn give(&mut self, text: &str, port: u16) -> Vec<Bytes> {
        let bytes = Bytes::copy_from_slice(text.as_bytes());
        let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], port).into());
        let start = Instant::now();
        let message = Message::parse_lenient(bytes).expect("a message");
        let received = Received { peer, socket: SocketId(0), at: self.now };
        self.machine.handle(self.now, Input::Message(Arc::new(message), received));
        let sent = self.machine.take_sendings().map(|sending| sending.bytes).collect();
        self.spent += start.elapsed();
        sent
    }

    /// INVITE, 180, 200, ACK, BYE, 200.
    fn call(&mut self, number: u64) {
        self.now += Duration::from_millis(1);
        let start = Instant::now();
        self.machine.handle(self.now, Input::Due);
        self.spent += start.elapsed();
        let invite = self.give(&request("INVITE", number, "", ""), CALLER);
        let forwarded = text(&invite[1]);
        let ringing = self.give(&reply("180 Ringing", forwarded), CALLED);
        assert_eq!(ringing.len(), 1, "180 goes upstream");
        let answer = self.give(&reply("200 OK", forwarded), CALLED);
        let (route, to) = (fields(text(&answer[0]), "Record-Route"), ";tag=called");
        let routes = route.replace("Record-Route", "Route");
        assert_eq!(self.give(&request("ACK", number, to, &routes), CALLER).len(), 1, "ACK goes on");
        let bye = self.give(&request("BYE", number, to, &routes), CALLER);
        let end = reply("200 OK", text(bye.last().expect("BYE goes on")));
        assert_eq!(self.give(&end, CALLED).len(), 1, "200 goes upstream");
    }
}

fn text(bytes: &Bytes) -> &str {
    std::str::from_utf8(bytes).expect("text")
}

fn request(method: &str, number: u64, to_tag: &str, routes: &str) -> String {
    let sequence = 1 + u32::from(method == "BYE");
    format!(
        "{method} sip:service@127.0.0.1:{CALLED} SIP/2.0\r\n\
         Via: SIP/2.0/UDP 127.0.0.1:{CALLER};branch=z9hG4bK-{number}-{method}\r\n{routes}\
         From: sipp <sip:sipp@127.0.0.1:{CALLER}>;tag={number}SIPpTag001\r\n\
         To: service <sip:service@127.0.0.1:5060>{to_tag}\r\nCall-ID: {number}-4242@127.0.0.1\r\n\
         CSeq: {sequence} {method}\r\nContact: sip:sipp@127.0.0.1:{CALLER}\r\nMax-Forwards: 70\r\n\
         Subject: Performance Test\r\nContent-Length: 0\r\n\r\n"
    )
}

/// The lines of a header field, with their ends.
fn fields(message: &str, name: &str) -> String {
    let lines = message.split_inclusive("\r\n");
    lines.filter(|line| line.split(':').next() == Some(name)).collect()
}

fn reply(status: &str, request: &str) -> String {
    let copied: String =
        ["Via", "Record-Route", "From", "Call-ID", "CSeq"].map(|name| fields(request, name)).concat();
    let to = fields(request, "To").replace(";tag=called", "").replace("\r\n", ";tag=called\r\n");
    format!(
        "SIP/2.0 {status}\r\n{copied}{to}Contact: <sip:127.0.0.1:{CALLED};transport=UDP>\r\nContent-Length: 0\r\n\r\n"
    )
}

fn relay(c: &mut Criterion) {
    let mut relay = Relay::new();
    let mut number = 0;
    c.bench_function("relay/one call", |b| {
        b.iter_custom(|calls| {
            relay.spent = Duration::ZERO;
            for _ in 0..calls {
                number += 1;
                relay.call(number);
            }
            relay.spent
        });
    });
}

criterion_group!(benches, relay);
criterion_main!(benches);
