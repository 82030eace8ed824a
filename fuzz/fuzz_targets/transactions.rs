//! Any sequence of messages, orders and passing time at the transaction table. Whatever comes: the bounds hold, nothing
//! speaks behind its end, each transaction ends once, and in the end nothing is left.

#![no_main]

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;
use sip::txn::{
    Hop, Input, Limits, Millis, NewClient, NewServer, Output, Outputs, Owner, Table, Timers, TxnId, Unanswered,
};

const LIMITS: Limits = Limits { max_transactions: 12, reserve: 4, detect_merged: true };
const METHODS: [&str; 6] = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "PRACK"];
const STATUSES: [u16; 12] = [100, 101, 180, 199, 200, 202, 299, 302, 408, 486, 503, 603];

struct Run<'a> {
    bytes: std::slice::Iter<'a, u8>,
    table: Table,
    outputs: Outputs,
    now: Time,
    names: Vec<TxnId>,
    ends: HashMap<TxnId, u32>,
}

fuzz_target!(|bytes: &[u8]| {
    let table = Table::new(LIMITS, 1);
    let bytes = bytes.iter();
    let mut run = Run {
        bytes,
        table,
        outputs: Outputs::new(),
        now: Time::ZERO,
        names: Vec::new(),
        ends: HashMap::new(),
    };
    while let Some(step) = run.byte() {
        run.step(step);
        run.note();
        assert!(run.table.len() <= LIMITS.max_transactions + LIMITS.reserve);
    }
    run.finish();
});

impl Run<'_> {
    fn byte(&mut self) -> Option<u8> {
        self.bytes.next().copied()
    }

    /// The next byte as one of so many choices; the first when there is none.
    fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte().unwrap_or(0)) % count
    }

    fn step(&mut self, step: u8) {
        match step % 8 {
            0 => self.open_server(),
            1 => self.open_client(),
            2 | 3 => {
                let request = self.request();
                self.table.handle(self.now, Input::Request(request.view()), &mut self.outputs);
            }
            4 | 5 => {
                let response = self.response();
                self.table.handle(self.now, Input::Response(response.view()), &mut self.outputs);
            }
            6 => self.order(),
            _ => {
                let millis = 1u64 << (self.below(20) as u64);
                self.now += Duration::from_millis(millis);
                self.table.handle(self.now, Input::Due, &mut self.outputs);
            }
        }
    }

    fn hop(&mut self) -> Hop {
        let transport = [Transport::Udp, Transport::Tcp, Transport::Tls][self.below(3)];
        Hop::new(Peer::new(transport, ([127, 0, 0, 1], 5060).into()), 0)
    }

    fn timers(&mut self) -> Timers {
        let limit = |choice| [Millis(100), Millis(9_000), Millis(60_000), Millis::MAX][choice];
        let (linger, lifetime, last) = (self.below(4), self.below(4), self.below(3));
        Timers {
            linger: limit(linger),
            // Without a limit of its own an INVITE that rings may last for ever.
            lifetime: limit(lifetime).min(Millis(200_000)),
            final_response: limit(last),
            ..Timers::default()
        }
    }

    /// One of few branches, so that messages meet; the old kind has no magic cookie.
    fn branch(&mut self) -> String {
        let number = self.below(6);
        format!("{}{number}", if number == 5 { "old" } else { "z9hG4bK" })
    }

    fn request(&mut self) -> Message {
        let (method, branch) = (METHODS[self.below(METHODS.len())], self.branch());
        let tag = ["", ";tag=t"][self.below(2)];
        parse(format!(
            "{method} sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP a:5060;branch={branch}\r\nMax-Forwards: 70\r\n\
             From: <sip:a@a>;tag={branch}\r\nTo: <sip:b@b>{tag}\r\nCall-ID: {branch}\r\nCSeq: 1 {method}\r\n\
             Content-Length: 0\r\n\r\n"
        ))
    }

    fn response(&mut self) -> Message {
        let (method, branch) = (METHODS[self.below(METHODS.len())], self.branch());
        let status = STATUSES[self.below(STATUSES.len())];
        parse(format!(
            "SIP/2.0 {status} Any\r\nVia: SIP/2.0/UDP a:5060;branch={branch}\r\nFrom: <sip:a@a>;tag={branch}\r\n\
             To: <sip:b@b>;tag=t\r\nCall-ID: {branch}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
        ))
    }

    fn open_server(&mut self) {
        let (request, reply_to, timers) = (self.request(), self.hop(), self.timers());
        if request.view().method() != Some(sip::msg::Method::Ack) {
            let new = NewServer { request: request.view(), reply_to, owner: Owner(1), timers };
            self.names.extend(self.table.open_server(self.now, new).ok());
        }
    }

    fn open_client(&mut self) {
        let (request, branch, hop, timers) = (self.request(), self.branch(), self.hop(), self.timers());
        let bytes = request.bytes().clone();
        let method = bytes.slice(..memchr(&bytes));
        if &method[..] != b"ACK" {
            let branch = branch.as_bytes();
            let new = NewClient { request: bytes, branch, method: &method, hop, owner: Owner(2), timers };
            self.names.extend(self.table.open_client(self.now, new, &mut self.outputs).ok());
        }
    }

    fn order(&mut self) {
        if self.names.is_empty() {
            return;
        }
        let count = self.names.len();
        let at = self.below(count);
        let txn = self.names[at];
        let bytes = Bytes::from_static(b"Reason: SIP;cause=200\r\n");
        let input = match self.below(8) {
            0 | 1 => Input::Reply { txn, status: STATUSES[self.below(STATUSES.len())], bytes },
            2 => Input::Cancel { txn, headers: bytes, unanswered: Unanswered::KeepSending },
            3 => Input::Cancel { txn, headers: bytes, unanswered: Unanswered::StopSending },
            4 => Input::Accept { txn, bytes },
            5 => Input::Confirm { txn },
            6 => Input::Failed { txn },
            _ => match self.below(2) {
                0 => Input::Release { txn },
                _ => Input::Retime { txn, timers: self.timers() },
            },
        };
        self.table.handle(self.now, input, &mut self.outputs);
    }

    fn note(&mut self) {
        for output in self.outputs.drain(..) {
            match output {
                Output::Terminated { txn, .. } => *self.ends.entry(txn).or_default() += 1,
                Output::Response { txn, .. } | Output::Timeout { txn, .. } | Output::Acked { txn, .. } => {
                    assert!(!self.ends.contains_key(&txn), "{txn:?} speaks behind its end");
                }
                Output::Send { bytes, .. } => assert!(!bytes.is_empty(), "nothing is sent"),
                _ => {}
            }
        }
    }

    fn finish(&mut self) {
        let mut steps = 0;
        while let Some(deadline) = self.table.next_deadline() {
            self.now = self.now.max(deadline);
            self.table.handle(self.now, Input::Due, &mut self.outputs);
            self.note();
            steps += 1;
            assert!(steps < 100_000, "it never ends");
        }
        assert!(self.table.is_empty());
        assert!(self.names.iter().all(|txn| self.ends.get(txn) == Some(&1)));
    }
}

fn memchr(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b' ').unwrap_or(bytes.len())
}

fn parse(text: String) -> Message {
    Message::parse(text.into_bytes().into()).expect("written here")
}
