//! The machine in virtual time: forked calls, timers, CANCEL. Rows are behaviour seen on Kamailio 5.6.3.

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{Edits, Message, RportPolicy};
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::branch::{self, Forward, ViaRport, ViaWords};
use super::*;

const INVITE: &str = "INVITE sip:bob@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
    From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";

/// A relay with one call on it.
struct Stage {
    relay: Relay,
    id: RelayId,
    /// The requests of the branches as sent.
    sent: Vec<Message>,
    sockets: Arc<Sockets>,
}

impl Stage {
    /// A call with `branches` branches; fr_timer 2 s, fr_inv_timer 3 s.
    fn new(branches: usize) -> Stage {
        let base = Settings::default();
        let timers = Timers { final_response: Millis(2000), after_provisional: Millis(3000), ..base.invite };
        let settings = Settings { invite: timers, ..base };
        let local = Socket::new(Transport::Udp, ([127, 0, 0, 1], 5060).into(), None);
        let sockets = Arc::new(Sockets::new(vec![local], vec![]));
        let signature =
            Signature { tag_prefix: [b'a'; 32], server: Box::default(), user_agent: Box::default() };
        let mut relay = Relay::new(Arc::new(settings), sockets.clone(), 1, signature);
        let request = Message::parse(INVITE.into()).expect("valid");
        assert_eq!(relay.receive_request(Time::ZERO, request.view()), Arrival::New);
        let source = Peer::new(Transport::Udp, ([192, 0, 2, 1], 5060).into());
        let new = NewContext {
            request: &request,
            origin: Origin { source, rport: RportPolicy::WhenAsked, via_host: ViaHost::AsWritten },
            reply_to: Hop::new(source, 0),
            armed: Armed::default(),
            flags: 0,
            timers: None,
        };
        let id = relay.open(Time::ZERO, new).expect("room");
        let mut stage = Stage { relay, id, sent: Vec::new(), sockets };
        (0..branches).for_each(|branch| stage.fork(&request, branch));
        stage
    }

    fn fork(&mut self, request: &Message, branch: usize) {
        let target =
            Target { uri: Some(format!("sip:b{branch}@y").into_bytes().into()), ..Target::default() };
        let context = self.relay.context(self.id).expect("open");
        let bytes = branch::write(&Forward {
            request: request.view(),
            edits: &Edits::new(),
            branch_edits: &Edits::new(),
            origin: context.origin(),
            incoming: self.sockets.get(SocketId(0)),
            outgoing: self.sockets.get(SocketId(0)),
            target: &target,
            param: self.relay.next_branch_param(self.id).expect("open"),
            record_route: None,
            via_rport: ViaRport::Absent,
            via_words: &ViaWords::default(),
        })
        .expect("written");
        self.sent.push(Message::parse(bytes.clone()).expect("valid"));
        let hop = Hop::new(Peer::new(Transport::Udp, ([192, 0, 2, 9], 5060).into()), 0);
        let new = NewBranch { request: bytes, hop, target, armed: Armed::default(), others: Places::new() };
        self.relay.open_branch(Time::ZERO, self.id, new).expect("room");
        self.relay.take_sendings().for_each(drop);
    }

    /// A reply of a branch; what is sent then, start lines only.
    fn reply(&mut self, millis: u64, branch: usize, status: &str) -> Vec<String> {
        let now = self.run_to(millis);
        let head = format!("SIP/2.0 {status}\r\n");
        let fields: Vec<Bytes> = {
            let view = self.sent[branch].view();
            let copied = view.index.headers.iter().filter(|it| it.header != sip::msg::HeaderName::Route);
            copied.map(|field| Bytes::copy_from_slice(field.line.of(view.bytes))).collect()
        };
        let text = [head.as_bytes(), &fields.concat(), b"\r\n"].concat();
        let reply = Message::parse(text.into()).expect("valid");
        if let ReplyArrival::Branch { id, branch } = self.relay.receive_response(now, reply.view()) {
            let bytes = branch::write_reply(reply.view(), &Edits::new()).expect("has our Via");
            let status = reply.view().status().expect("a reply");
            let source = Peer::new(Transport::Udp, ([192, 0, 2, 9], 5060).into());
            self.relay.reply(now, id, BranchReply { branch, status, bytes, source });
        }
        self.sent_now()
    }

    /// Lets time pass up to a moment; what is sent meanwhile, retransmissions left out.
    fn pass(&mut self, millis: u64) -> Vec<String> {
        self.run_to(millis);
        self.sent_now().into_iter().filter(|line| !line.starts_with("INVITE")).collect()
    }

    fn run_to(&mut self, millis: u64) -> Time {
        let end = Time::from_millis(millis);
        while let Some(deadline) = self.relay.next_deadline().filter(|deadline| *deadline <= end) {
            self.relay.due(deadline);
        }
        end
    }

    fn sent_now(&mut self) -> Vec<String> {
        let lines = self.relay.take_sendings().map(|sending| {
            let text = String::from_utf8_lossy(&sending.bytes).into_owned();
            let reason = text.lines().find(|line| line.starts_with("Reason:")).unwrap_or_default();
            let first = text.lines().next().unwrap_or_default().trim_end_matches(" SIP/2.0");
            format!("{}{reason}", first.trim_start_matches("SIP/2.0 "))
        });
        lines.collect()
    }
}

#[test]
fn no_answer_at_all_is_408_after_fr_timer() {
    let mut stage = Stage::new(1);
    assert!(stage.pass(1990).is_empty());
    assert_eq!(stage.pass(2100), ["408 Request Timeout"]);
}

#[test]
fn after_a_provisional_reply_the_408_comes_at_fr_inv_timer_and_the_cancel_follows() {
    let mut stage = Stage::new(1);
    assert_eq!(stage.reply(100, 0, "180 Ringing"), ["180 Ringing"]);
    assert!(stage.pass(3090).is_empty());
    assert_eq!(stage.pass(3200), ["408 Request Timeout", "CANCEL sip:b0@y"]);
    assert_eq!(stage.reply(3300, 0, "487 Request Terminated"), ["ACK sip:b0@y"]);
}

#[test]
fn a_silent_branch_beats_a_busy_one() {
    for status in ["486 Busy Here", "503 Service Unavailable"] {
        let mut stage = Stage::new(2);
        assert_eq!(stage.reply(50, 0, status), ["ACK sip:b0@y"]);
        assert_eq!(stage.pass(2100), ["408 Request Timeout"]);
    }
}

#[test]
fn two_503_go_upstream_as_one_500() {
    let mut stage = Stage::new(2);
    assert_eq!(stage.reply(10, 0, "503 Full"), ["ACK sip:b0@y"]);
    assert_eq!(stage.reply(20, 1, "503 Full"), ["ACK sip:b1@y", "500 Service Unavailable"]);
}

#[test]
fn challenges_of_two_branches_become_one_reply() {
    let mut stage = Stage::new(2);
    let first = "407 Proxy Authentication Required\r\nProxy-Authenticate: Digest realm=\"p\"";
    stage.reply(10, 0, first);
    assert_eq!(stage.reply(20, 1, "401 No\r\nWWW-Authenticate: Digest realm=\"w\"")[1], "401 Unauthorized");
}

#[test]
fn the_callers_cancel_goes_to_ringing_branches_and_waits_for_silent_ones() {
    let mut stage = Stage::new(2);
    stage.reply(10, 0, "180 Ringing");
    let reasons = Bytes::from_static(b"Reason: SIP;cause=600\r\n");
    assert_eq!(stage.relay.cancel(Time::from_millis(20), stage.id, reasons), Cancelled::Pending);
    assert_eq!(stage.sent_now(), ["CANCEL sip:b0@yReason: SIP;cause=600"]);
    assert_eq!(stage.reply(30, 0, "487 Request Terminated"), ["ACK sip:b0@y"]);
    assert_eq!(stage.reply(40, 1, "180 Ringing"), ["CANCEL sip:b1@yReason: SIP;cause=600"]);
    assert_eq!(stage.reply(50, 1, "487 Request Terminated"), ["ACK sip:b1@y", "487 Request Terminated"]);
}

#[test]
fn a_cancelled_call_that_times_out_is_487() {
    let mut stage = Stage::new(1);
    stage.relay.cancel(Time::from_millis(20), stage.id, Bytes::new());
    assert_eq!(stage.pass(2100), ["487 Request Terminated"]);
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_relayed() {
    let mut stage = Stage::new(2);
    stage.reply(10, 1, "180 Ringing");
    assert_eq!(
        stage.reply(20, 0, "200 OK"),
        ["200 OK", "CANCEL sip:b1@yReason: SIP;cause=200;text=\"Call completed elsewhere\""]
    );
    assert_eq!(stage.reply(30, 1, "200 OK"), ["200 OK"]);
}

#[test]
fn nothing_is_left_when_a_call_is_over() {
    let mut stage = Stage::new(2);
    stage.reply(10, 0, "180 Ringing");
    stage.reply(20, 1, "200 OK");
    stage.reply(30, 0, "487 Request Terminated");
    stage.pass(600_000);
    assert!(stage.relay.is_empty());
    assert_eq!(stage.relay.next_event(), Some(Event::Ended { id: stage.id, is_watched: false }));
}
