//! Test bench of one transaction: a table, a clock that jumps, and a log of what came out, as short lines.
//!
//! A line is the time in milliseconds (rounded down to ten, since the wheel's ticks add fractions) and what
//! happened: `500 send INVITE`, `0 send 486`, `32000 timeout B`, `0 response`, `32000 over`.

use bytes::Bytes;

use super::{
    Hop, Input, Limits, NewClient, NewServer, Output, Outputs, Owner, Table, Timers, TxnId, Unanswered,
};
use crate::msg::Message;
use crate::peer::{Peer, Transport};
use crate::time::Time;

/// The bench.
pub(super) struct Lab {
    pub(super) table: Table,
    pub(super) txn: TxnId,
    pub(super) now: Time,
    method: &'static str,
    outputs: Outputs,
    log: Vec<String>,
}

impl Lab {
    /// A client transaction that starts at 0.
    pub(super) fn client(method: &'static str, transport: Transport, timers: Timers) -> Lab {
        let mut table = Table::new(Limits::default(), 7);
        let mut outputs = Outputs::new();
        let request = request(method, "z9hG4bKlab").bytes().clone();
        let new = NewClient {
            request,
            branch: b"z9hG4bKlab",
            method: method.as_bytes(),
            hop: hop(transport),
            owner: Owner(1),
            timers,
        };
        let txn = table.open_client(Time::ZERO, new, &mut outputs).expect("room");
        Lab::started(table, txn, method, outputs)
    }

    /// A server transaction that starts at 0.
    pub(super) fn server(method: &'static str, transport: Transport, timers: Timers) -> Lab {
        let mut table = Table::new(Limits::default(), 7);
        let request = request(method, "z9hG4bKlab");
        let new = NewServer { request: request.view(), reply_to: hop(transport), owner: Owner(1), timers };
        let txn = table.open_server(Time::ZERO, new).expect("room");
        Lab::started(table, txn, method, Outputs::new())
    }

    fn started(table: Table, txn: TxnId, method: &'static str, outputs: Outputs) -> Lab {
        let mut lab = Lab { table, txn, now: Time::ZERO, method, outputs, log: Vec::new() };
        lab.note();
        lab
    }

    /// Lets time pass up to `millis`, waking the table when it asks for it.
    pub(super) fn until(&mut self, millis: u64) -> &mut Lab {
        let target = Time::from_millis(millis);
        while let Some(deadline) = self.table.next_deadline().filter(|deadline| *deadline <= target) {
            self.now = self.now.max(deadline);
            self.give(Input::Due);
        }
        self.now = self.now.max(target);
        self
    }

    /// A reply comes from the network.
    pub(super) fn receive(&mut self, status: u16) -> &mut Lab {
        let response = response(status, self.method, "z9hG4bKlab");
        self.give(Input::Response(response.view()))
    }

    /// A request of that method with the branch of the first comes from the network.
    pub(super) fn receive_request(&mut self, method: &str) -> &mut Lab {
        let request = request(method, "z9hG4bKlab");
        self.give(Input::Request(request.view()))
    }

    /// The TU replies.
    pub(super) fn reply(&mut self, status: u16) -> &mut Lab {
        let bytes = response(status, self.method, "z9hG4bKlab").bytes().clone();
        self.give(Input::Reply { txn: self.txn, status, bytes })
    }

    /// The TU answers with a 200 of its own.
    pub(super) fn accept(&mut self) -> &mut Lab {
        let bytes = response(200, self.method, "z9hG4bKlab").bytes().clone();
        self.give(Input::Accept { txn: self.txn, bytes })
    }

    /// The ACK to that 200 has come.
    pub(super) fn confirm(&mut self) -> &mut Lab {
        self.give(Input::Confirm { txn: self.txn })
    }

    /// The TU cancels.
    pub(super) fn cancel(&mut self, unanswered: Unanswered) -> &mut Lab {
        self.give(Input::Cancel { txn: self.txn, headers: Bytes::new(), unanswered })
    }

    /// The transport reports that it could not send.
    pub(super) fn fail(&mut self) -> &mut Lab {
        self.give(Input::Failed { txn: self.txn })
    }

    /// Any input.
    pub(super) fn give(&mut self, input: Input<'_>) -> &mut Lab {
        self.table.handle(self.now, input, &mut self.outputs);
        self.note();
        self
    }

    /// Asserts what has happened since the last call.
    #[track_caller]
    pub(super) fn saw(&mut self, expected: &[&str]) -> &mut Lab {
        assert_eq!(std::mem::take(&mut self.log), expected);
        self
    }

    /// Asserts that nothing is left: no transaction, no timer.
    #[track_caller]
    pub(super) fn is_clear(&mut self) {
        assert!(self.table.is_empty() && self.table.next_deadline().is_none());
    }

    fn note(&mut self) {
        let millis = self.now.as_millis() / 10 * 10;
        for output in self.outputs.drain(..) {
            self.log.push(format!("{millis} {}", describe(&output)));
        }
    }
}

fn describe(output: &Output) -> String {
    match output {
        Output::Send { bytes, .. } => {
            let text = String::from_utf8_lossy(bytes);
            let mut words = text.split(' ');
            let first = words.next().unwrap_or_default();
            let word = if first == "SIP/2.0" { words.next().unwrap_or_default() } else { first };
            format!("send {word}")
        }
        Output::Request => "request".into(),
        Output::CancelOf { .. } => "cancel of".into(),
        Output::Merged { .. } => "merged".into(),
        Output::StrayAck => "stray ACK".into(),
        Output::StrayResponse => "stray response".into(),
        Output::Retransmission { .. } => "again".into(),
        Output::Acked { .. } => "acked".into(),
        Output::Response { .. } => "response".into(),
        Output::Timeout { timer, .. } => format!("timeout {timer:?}"),
        Output::TransportError { .. } => "error".into(),
        Output::Terminated { .. } => "over".into(),
    }
}

/// Somewhere over that transport.
pub(super) fn hop(transport: Transport) -> Hop {
    Hop::new(Peer::new(transport, ([127, 0, 0, 1], 5060).into()), 0)
}

/// A request with that branch; Call-ID and From tag are the branch too.
pub(super) fn request(method: &str, branch: &str) -> Message {
    let text = format!(
        "{method} sip:b@b SIP/2.0\r\nVia: SIP/2.0/UDP a:5060;branch={branch}\r\nMax-Forwards: 70\r\n\
         From: <sip:a@a>;tag={branch}\r\nTo: <sip:b@b>\r\nCall-ID: {branch}\r\nCSeq: 1 {method}\r\n\
         Content-Length: 0\r\n\r\n"
    );
    Message::parse(text.into_bytes().into()).expect("written here")
}

/// A reply to the request of that method and branch.
pub(super) fn response(status: u16, method: &str, branch: &str) -> Message {
    let text = format!(
        "SIP/2.0 {status:03} Any\r\nVia: SIP/2.0/UDP a:5060;branch={branch}\r\nFrom: <sip:a@a>;tag={branch}\r\n\
         To: <sip:b@b>;tag=t\r\nCall-ID: {branch}\r\nCSeq: 1 {method}\r\nContent-Length: 0\r\n\r\n"
    );
    Message::parse(text.into_bytes().into()).expect("written here")
}
