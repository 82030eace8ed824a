//! Two tables, a link with loss, delay, duplication and reordering, and a clock that jumps (test).
//!
//! The left party opens transactions, the right one answers them, both as simple user agents that follow RFC
//! 3261 13 and 14. All chance comes from one seed. The runs hold the invariants of the room: every transaction
//! ends, the client's TU gets exactly one final result, no timer stays.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use super::lab::{hop, request, response};
use super::{
    Input, Limits, NewClient, NewServer, Output, Outputs, Owner, Table, Timer, Timers, TxnId, Unanswered,
};
use crate::ident::Ident;
use crate::msg::{Message, Method};
use crate::peer::Transport;
use crate::time::Time;

/// What the link does to a message, each in percent.
#[derive(Clone, Copy, Debug)]
struct Link {
    transport: Transport,
    lost: u64,
    doubled: u64,
    /// Longest delay; each copy takes its own, so messages overtake each other. A stream keeps its order.
    delay_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Left,
    Right,
}

/// What is to happen at some time.
#[derive(Debug)]
enum Event {
    /// Bytes arrive there.
    Arrive(Side, Bytes),
    /// The left TU starts call number n.
    Start(usize),
    /// The left TU cancels call number n.
    Cancel(usize),
    /// The right TU replies on a server transaction.
    Answer(TxnId, u16, Bytes),
}

/// What the left TU knows of one transaction.
#[derive(Clone, Debug, Default)]
struct Call {
    method: &'static str,
    txn: Option<TxnId>,
    finals: Vec<String>,
    ended: u32,
}

struct Sim {
    now: Time,
    link: Link,
    ident: Ident,
    left: Table,
    right: Table,
    events: BTreeMap<(Time, u64), Event>,
    scheduled: u64,
    calls: Vec<Call>,
    opened_right: u32,
    ended_right: u32,
    /// When the last message sent from each side arrives: a stream keeps its order.
    stream_ends: [Time; 2],
}

impl Sim {
    fn new(seed: u64, link: Link, calls: usize) -> Sim {
        let mut ident = Ident::seeded(seed);
        let mut sim = Sim {
            now: Time::ZERO,
            link,
            left: Table::new(Limits::default(), ident.next_u64()),
            right: Table::new(Limits::default(), ident.next_u64()),
            ident,
            events: BTreeMap::new(),
            scheduled: 0,
            calls: Vec::new(),
            opened_right: 0,
            ended_right: 0,
            stream_ends: [Time::ZERO; 2],
        };
        for call in 0..calls {
            let method = if sim.chance(60) { "INVITE" } else { "OPTIONS" };
            sim.calls.push(Call { method, ..Call::default() });
            let start = sim.ident.below(2_000);
            sim.after(start, Event::Start(call));
            if method == "INVITE" && sim.chance(40) {
                let cancelled = start + 1 + sim.ident.below(6_000);
                sim.after(cancelled, Event::Cancel(call));
            }
        }
        sim
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.ident.below(100) < percent
    }

    fn after(&mut self, millis: u64, event: Event) {
        self.at(self.now + Duration::from_millis(millis), event);
    }

    fn at(&mut self, time: Time, event: Event) {
        self.scheduled += 1;
        self.events.insert((time, self.scheduled), event);
    }

    /// Runs until nothing is left to happen.
    fn run(&mut self) {
        loop {
            let event = self.events.first_key_value().map(|(key, _)| key.0);
            let wheels = [self.left.next_deadline(), self.right.next_deadline()];
            let Some(next) = [event, wheels[0], wheels[1]].into_iter().flatten().min() else { return };
            self.now = self.now.max(next);
            assert!(self.now < Time::from_millis(3_600_000), "a transaction does not end");
            self.feed(Side::Left, Input::Due);
            self.feed(Side::Right, Input::Due);
            while let Some(entry) = self.events.first_entry().filter(|entry| entry.key().0 <= self.now) {
                let event = entry.remove();
                self.happen(event);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Start(call) => self.start(call),
            Event::Cancel(call) => {
                if let Some(txn) = self.calls[call].txn {
                    let cancel =
                        Input::Cancel { txn, headers: Bytes::new(), unanswered: Unanswered::KeepSending };
                    self.feed(Side::Left, cancel);
                }
            }
            Event::Answer(txn, status, bytes) => self.feed(Side::Right, Input::Reply { txn, status, bytes }),
            Event::Arrive(side, bytes) => self.arrive(side, bytes),
        }
    }

    fn start(&mut self, call: usize) {
        let method = self.calls[call].method;
        let branch = format!("z9hG4bK{call}");
        let new = NewClient {
            request: request(method, &branch).bytes().clone(),
            branch: branch.as_bytes(),
            method: method.as_bytes(),
            hop: hop(self.link.transport),
            owner: Owner(call as u64),
            timers: Timers::default(),
        };
        let mut outputs = Outputs::new();
        self.calls[call].txn = Some(self.left.open_client(self.now, new, &mut outputs).expect("room"));
        self.take(Side::Left, outputs, None);
    }

    fn arrive(&mut self, side: Side, bytes: Bytes) {
        let message = Message::parse(bytes).expect("written by a party");
        let input = match message.view().method() {
            Some(_) => Input::Request(message.view()),
            None => Input::Response(message.view()),
        };
        let (now, mut outputs) = (self.now, Outputs::new());
        self.table(side).handle(now, input, &mut outputs);
        self.take(side, outputs, Some(&message));
    }

    fn feed(&mut self, side: Side, input: Input<'_>) {
        let (now, mut outputs) = (self.now, Outputs::new());
        self.table(side).handle(now, input, &mut outputs);
        self.take(side, outputs, None);
    }

    fn table(&mut self, side: Side) -> &mut Table {
        match side {
            Side::Left => &mut self.left,
            Side::Right => &mut self.right,
        }
    }

    fn take(&mut self, side: Side, outputs: Outputs, message: Option<&Message>) {
        for output in outputs {
            match (side, output) {
                (_, Output::Send { bytes, .. }) => self.send(side, &bytes),
                (Side::Left, output) => self.left_tu(output, message),
                (Side::Right, output) => self.right_tu(output, message),
            }
        }
    }

    /// Puts bytes on the link.
    fn send(&mut self, from: Side, bytes: &Bytes) {
        let to = if from == Side::Left { Side::Right } else { Side::Left };
        let is_stream = self.link.transport.is_reliable();
        if !is_stream && self.chance(self.link.lost) {
            return;
        }
        let copies = if !is_stream && self.chance(self.link.doubled) { 2 } else { 1 };
        for _ in 0..copies {
            let delay = self.ident.below(self.link.delay_ms + 1);
            let mut arrival = self.now + Duration::from_millis(delay);
            if is_stream {
                let end = &mut self.stream_ends[to as usize];
                arrival = arrival.max(*end);
                *end = arrival;
            }
            self.at(arrival, Event::Arrive(to, bytes.clone()));
        }
    }

    /// A user agent client: notes what it is told.
    fn left_tu(&mut self, output: Output, message: Option<&Message>) {
        let (owner, what) = match output {
            Output::Response { owner, .. } => {
                let status = message.and_then(|message| message.view().status()).expect("a reply came");
                (owner, Some(status.to_string()).filter(|_| status >= 200))
            }
            // The cancelled INVITE goes on after C; what ends it is noted then.
            Output::Timeout { timer: Timer::C, owner, .. } => (owner, None),
            Output::Timeout { owner, timer, .. } => (owner, Some(format!("{timer:?}"))),
            Output::Terminated { owner, .. } => {
                self.calls[owner.0 as usize].ended += 1;
                (owner, None)
            }
            Output::StrayResponse => return,
            other => panic!("a client's TU is told {other:?}"),
        };
        self.calls[owner.0 as usize].finals.extend(what);
    }

    /// A user agent server: answers after a while, a CANCEL at once.
    fn right_tu(&mut self, output: Output, message: Option<&Message>) {
        match output {
            Output::Request => {
                let request = message.expect("a request came");
                let txn = self.open(request);
                if request.view().method() == Some(Method::Cancel) {
                    return self.answer(txn, request, 481, 0);
                }
                self.plan_answers(txn, request);
            }
            Output::CancelOf { txn: invite, .. } => {
                let cancel = message.expect("a CANCEL came");
                let txn = self.open(cancel);
                self.answer(txn, cancel, 200, 0);
                let branch = cancel.view().via_top().expect("written here").branch().unwrap_or_default();
                let branch = String::from_utf8_lossy(branch);
                let bytes = response(487, "INVITE", &branch).bytes().clone();
                self.at(self.now, Event::Answer(invite, 487, bytes));
            }
            Output::Terminated { .. } => self.ended_right += 1,
            Output::StrayAck
            | Output::Acked { .. }
            | Output::Retransmission { .. }
            | Output::Timeout { timer: Timer::H, .. } => {}
            other => panic!("a server's TU is told {other:?}"),
        }
    }

    fn open(&mut self, request: &Message) -> TxnId {
        self.opened_right += 1;
        let (reply_to, timers) = (hop(self.link.transport), Timers::default());
        let new = NewServer { request: request.view(), reply_to, owner: Owner(0), timers };
        self.right.open_server(self.now, new).expect("new, and room")
    }

    fn plan_answers(&mut self, txn: TxnId, request: &Message) {
        let mut delay = 0;
        for _ in 0..self.ident.below(3) {
            delay += self.ident.below(1_500);
            self.answer(txn, request, 180, delay);
        }
        let status = [200, 200, 302, 404, 486, 500, 603][self.ident.below(7) as usize];
        delay += self.ident.below(8_000);
        self.answer(txn, request, status, delay);
        // 13.3.1.4: the user agent core repeats a 2xx to INVITE; here blindly, no ACK is waited for.
        if status == 200 && request.view().method() == Some(Method::Invite) {
            for again in [500, 1_500, 3_500, 7_500] {
                self.answer(txn, request, status, delay + again);
            }
        }
    }

    fn answer(&mut self, txn: TxnId, request: &Message, status: u16, delay: u64) {
        let view = request.view();
        let via = view.via_top().expect("written here");
        let branch = String::from_utf8_lossy(via.branch().unwrap_or_default());
        let method = view.method().map_or("", Method::as_str);
        let bytes = response(status, method, &branch).bytes().clone();
        self.after(delay, Event::Answer(txn, status, bytes));
    }

    #[track_caller]
    fn check(&self, name: &str) {
        for (number, call) in self.calls.iter().enumerate() {
            let Call { method, finals, ended, .. } = call;
            assert_eq!(*ended, 1, "{name}, call {number}: ended {ended} times");
            let is_accepted = *method == "INVITE" && finals.first().is_some_and(|first| first == "200");
            // RFC 6026 7.2: each 2xx to INVITE goes to the TU.
            let is_one = finals.len() == 1 || (is_accepted && finals.iter().all(|last| last == "200"));
            assert!(is_one, "{name}, call {number}, {method}: {finals:?}");
        }
        assert_eq!(self.opened_right, self.ended_right, "{name}: server transactions end once each");
        for table in [&self.left, &self.right] {
            assert!(table.is_empty() && table.next_deadline().is_none(), "{name}: something is left");
        }
    }
}

fn run(link: Link, seeds: std::ops::Range<u64>) {
    for seed in seeds {
        let mut sim = Sim::new(seed, link, 6);
        sim.run();
        sim.check(&format!("seed {seed}, {link:?}"));
    }
}

#[test]
fn over_a_good_link_every_call_has_its_answer() {
    for seed in 0..100 {
        let mut sim =
            Sim::new(seed, Link { transport: Transport::Udp, lost: 0, doubled: 0, delay_ms: 30 }, 6);
        sim.run();
        sim.check("good link");
        assert!(sim.calls.iter().all(|call| call.finals[0].parse::<u16>().is_ok()), "seed {seed}");
    }
}

#[test]
fn over_a_bad_link_every_transaction_ends_with_one_result() {
    run(Link { transport: Transport::Udp, lost: 20, doubled: 20, delay_ms: 2_000 }, 0..300);
}

#[test]
fn over_a_hopeless_link_every_transaction_ends_with_one_result() {
    run(Link { transport: Transport::Udp, lost: 70, doubled: 30, delay_ms: 40_000 }, 0..300);
}

#[test]
fn over_a_dead_link_every_transaction_times_out() {
    run(Link { transport: Transport::Udp, lost: 100, doubled: 0, delay_ms: 0 }, 0..5);
}

#[test]
fn over_a_slow_stream_every_transaction_ends_with_one_result() {
    run(Link { transport: Transport::Tcp, lost: 0, doubled: 0, delay_ms: 5_000 }, 0..100);
}
