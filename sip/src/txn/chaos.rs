//! Inputs in any order against one table (test): requests, replies and orders for live, stale and foreign names,
//! jumps of time, transports that fail. Nothing panics, the bounds hold, all names end once, nothing stays.

use std::collections::HashMap;
use std::time::Duration;

use bytes::Bytes;

use super::lab::{hop, request, response};
use super::{
    Input, Limits, Millis, NewClient, NewServer, Output, Outputs, Owner, Table, Timers, TxnId, Unanswered,
};
use crate::ident::Ident;
use crate::peer::Transport;
use crate::time::Time;

struct Chaos {
    ident: Ident,
    table: Table,
    outputs: Outputs,
    now: Time,
    /// All names ever given, and how often each was said to be over.
    names: Vec<TxnId>,
    ends: HashMap<TxnId, u32>,
}

const LIMITS: Limits = Limits { max_transactions: 20, reserve: 5, detect_merged: true };

impl Chaos {
    fn new(seed: u64) -> Chaos {
        Chaos {
            ident: Ident::seeded(seed),
            table: Table::new(LIMITS, seed),
            outputs: Outputs::new(),
            now: Time::ZERO,
            names: Vec::new(),
            ends: HashMap::new(),
        }
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.ident.below(choices.len() as u64) as usize]
    }

    fn step(&mut self) {
        match self.ident.below(11) {
            0..3 => self.open(),
            3..7 => self.receive(),
            7..9 => self.order(),
            _ => {
                let reach = 1 << self.ident.below(17);
                self.now += Duration::from_millis(self.ident.below(reach));
                self.table.handle(self.now, Input::Due, &mut self.outputs);
            }
        }
        self.note();
        assert!(self.table.len() <= LIMITS.max_transactions + LIMITS.reserve);
    }

    /// One of few branches, so that messages meet; the second kind has no magic cookie.
    fn branch(&mut self) -> String {
        format!("{}{}", self.pick(&["z9hG4bK", "old"]), self.ident.below(8))
    }

    fn open(&mut self) {
        let method = self.pick(&["INVITE", "BYE", "CANCEL"]);
        let (branch, hop) = (self.branch(), hop(self.pick(&[Transport::Udp, Transport::Tcp])));
        let timers = Timers { lifetime: Millis(200_000), ..Timers::default() };
        let (request, owner) = (request(method, &branch), Owner(0));
        let opened = if self.ident.below(2) == 0 {
            let new = NewServer { request: request.view(), reply_to: hop, owner, timers };
            self.table.open_server(self.now, new)
        } else {
            let (request, branch, method) = (request.bytes().clone(), branch.as_bytes(), method.as_bytes());
            let new = NewClient { request, branch, method, hop, owner, timers };
            self.table.open_client(self.now, new, &mut self.outputs)
        };
        self.names.extend(opened.ok());
    }

    fn receive(&mut self) {
        let branch = self.branch();
        if self.ident.below(2) == 0 {
            let request = request(self.pick(&["INVITE", "BYE", "CANCEL", "ACK"]), &branch);
            self.table.handle(self.now, Input::Request(request.view()), &mut self.outputs);
        } else {
            let status = self.pick(&[100, 180, 200, 202, 302, 487, 600, 999]);
            let response = response(status, self.pick(&["INVITE", "BYE", "CANCEL", "ACK"]), &branch);
            self.table.handle(self.now, Input::Response(response.view()), &mut self.outputs);
        }
    }

    fn order(&mut self) {
        if self.names.is_empty() {
            return;
        }
        let txn = self.names[self.ident.below(self.names.len() as u64) as usize];
        let headers = Bytes::from_static(b"Reason: SIP;cause=200\r\n");
        let input = match self.ident.below(11) {
            0..4 => Input::Reply { txn, status: self.pick(&[100, 180, 200, 486, 600]), bytes: headers },
            4 => Input::Cancel { txn, headers, unanswered: Unanswered::KeepSending },
            5 => Input::Cancel { txn, headers, unanswered: Unanswered::StopSending },
            6 => Input::Retime { txn, timers: Timers { lifetime: Millis(9_000), ..Timers::default() } },
            7 => Input::Failed { txn },
            8 => Input::Accept { txn, bytes: headers },
            9 => Input::Confirm { txn },
            _ => Input::Release { txn },
        };
        self.table.handle(self.now, input, &mut self.outputs);
    }

    fn note(&mut self) {
        for output in self.outputs.drain(..) {
            match output {
                Output::Terminated { txn, .. } => *self.ends.entry(txn).or_default() += 1,
                Output::Response { txn, .. } | Output::Timeout { txn, .. } | Output::Acked { txn, .. } => {
                    assert!(!self.ends.contains_key(&txn), "{txn:?} speaks after its end");
                }
                _ => {}
            }
        }
    }

    fn finish(&mut self) {
        while let Some(deadline) = self.table.next_deadline() {
            self.now = self.now.max(deadline);
            self.table.handle(self.now, Input::Due, &mut self.outputs);
            self.note();
        }
    }
}

#[test]
fn any_order_of_inputs_ends_every_transaction_once() {
    for seed in 0..200 {
        let mut chaos = Chaos::new(seed);
        for _ in 0..400 {
            chaos.step();
        }
        chaos.finish();
        assert!(chaos.table.is_empty(), "seed {seed}");
        for txn in &chaos.names {
            assert_eq!(chaos.ends.get(txn), Some(&1), "seed {seed}, {txn:?}");
        }
    }
}
