//! The machine in virtual time: forked calls, timers, CANCEL. Rows are behaviour seen on Kamailio 5.6.3.

mod cancel;
mod every_loss;
mod timers;
mod upstream;

use std::sync::Arc;

use bytes::Bytes;
use sip::msg::{Edits, Message, RportPolicy};
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::branch::{self, Forward, ViaRport, ViaWords};
use super::*;

const INVITE: &str = "INVITE sip:bob@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\n\
    From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>\r\nCall-ID: x\r\nCSeq: 1 INVITE\r\n\r\n";

/// Something that happens to a call.
#[derive(Clone, Copy, Debug)]
enum Do {
    /// A branch replies: status and reason, perhaps with a further header line.
    Reply(usize, &'static str),
    /// The caller cancels.
    Cancel,
}

/// What happens when, in milliseconds.
type Events = [(u64, Do)];

/// A call with so many branches: what happens when, and all that is sent.
struct Row {
    name: &'static str,
    branches: usize,
    events: &'static [(u64, Do)],
    sent: &'static [&'static str],
}

/// Runs a call up to a time. Lines are milliseconds, rounded to tens, and what is sent: `INVITE 0` to a branch,
/// `CANCEL 1 reason`, `486 Busy` upstream, `+wp` behind it for its challenges in order.
fn run(branches: usize, events: &[(u64, Do)], until: u64) -> Vec<String> {
    run_with(|settings| settings, branches, events, until)
}

/// The same with other settings.
fn run_with(
    change: impl FnOnce(Settings) -> Settings,
    branches: usize,
    events: &[(u64, Do)],
    until: u64,
) -> Vec<String> {
    Stage::of("INVITE", branches, change).play(events, until)
}

/// The same with a caller that never acknowledges.
fn run_unacknowledged(
    change: impl FnOnce(Settings) -> Settings,
    events: &[(u64, Do)],
    until: u64,
) -> Vec<String> {
    Stage { acknowledges: false, ..Stage::of("INVITE", 1, change) }.play(events, until)
}

/// The same for another method, with one branch.
fn run_method(
    change: fn(Settings) -> Settings,
    method: &str,
    events: &[(u64, Do)],
    until: u64,
) -> Vec<String> {
    Stage::of(method, 1, change).play(events, until)
}

/// A relay with one call on it.
struct Stage {
    relay: Relay,
    id: RelayId,
    /// The requests of the branches as sent.
    sent: Vec<Message>,
    sockets: Arc<Sockets>,
    /// The caller acknowledges negative finals.
    acknowledges: bool,
    now: Time,
}

impl Stage {
    /// A call with `branches` branches; fr_timer 2 s, fr_inv_timer 3 s.
    fn new(branches: usize) -> Stage {
        Stage::with(branches, |settings| settings)
    }

    fn with(branches: usize, change: impl FnOnce(Settings) -> Settings) -> Stage {
        Stage::of("INVITE", branches, change)
    }

    fn of(method: &str, branches: usize, change: impl FnOnce(Settings) -> Settings) -> Stage {
        let (mut relay, sockets) = relay(change);
        let request = Message::parse(INVITE.replace("INVITE", method).into()).expect("valid");
        assert_eq!(relay.receive_request(Time::ZERO, request.view()), Arrival::New);
        let id = relay.open(Time::ZERO, new_context(&request)).expect("room");
        let mut stage = Stage { relay, id, sent: Vec::new(), sockets, acknowledges: true, now: Time::ZERO };
        for branch in 0..branches {
            let bytes = fork(&mut stage.relay, &stage.sockets, (Time::ZERO, id), (&request, branch));
            stage.sent.push(Message::parse(bytes).expect("valid"));
        }
        stage.relay.take_sendings().for_each(drop);
        stage
    }

    fn play(mut self, events: &[(u64, Do)], until: u64) -> Vec<String> {
        let mut lines = Vec::new();
        for (millis, event) in events.iter().copied() {
            self.pass_to(millis, &mut lines);
            let said = match event {
                Do::Reply(branch, status) => self.reply(millis, branch, status),
                Do::Cancel => {
                    self.relay.cancel(Time::from_millis(millis), self.id, Bytes::new());
                    self.sent_now()
                }
            };
            lines.extend(said.iter().map(|line| format!("{millis} {}", shortened(line))));
        }
        self.pass_to(until, &mut lines);
        lines
    }

    fn pass_to(&mut self, millis: u64, lines: &mut Vec<String>) {
        let end = Time::from_millis(millis);
        while let Some(deadline) = self.relay.next_deadline().filter(|deadline| *deadline <= end) {
            self.now = deadline;
            self.relay.due(deadline);
            let at = deadline.as_millis() / 10 * 10;
            lines.extend(self.sent_now().iter().map(|line| format!("{at} {}", shortened(line))));
        }
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
        take_reply(&mut self.relay, now, &Message::parse(text.into()).expect("valid"));
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
        self.now = end;
        end
    }

    fn sent_now(&mut self) -> Vec<String> {
        let sendings: Vec<Sending> = self.relay.take_sendings().collect();
        let is_refusal = |it: &Sending| it.bytes.starts_with(b"SIP/2.0 ") && it.bytes[8] >= b'3';
        if self.acknowledges && sendings.iter().any(is_refusal) {
            let ack = Message::parse(INVITE.replace("INVITE", "ACK").into()).expect("valid");
            let now = self.now;
            self.relay.receive_request(now, ack.view());
        }
        let lines = sendings.iter().map(|sending| {
            let text = String::from_utf8_lossy(&sending.bytes).into_owned();
            let reason = text.lines().find(|line| line.starts_with("Reason:")).unwrap_or_default();
            let first = text.lines().next().unwrap_or_default().trim_end_matches(" SIP/2.0");
            let is_merged = first.contains("401 Unauthorized");
            let challenges = text.lines().filter(|line| is_merged && line.contains("-Authenticate:"));
            let challenges: String =
                challenges.map(|line| if line.starts_with('W') { 'w' } else { 'p' }).collect();
            let mark = if challenges.is_empty() { String::new() } else { format!(" +{challenges}") };
            format!("{}{mark}{reason}", first.trim_start_matches("SIP/2.0 "))
        });
        lines.collect()
    }
}

/// `CANCEL sip:b1@yReason: SIP;cause=603` as `CANCEL 1 SIP;cause=603`.
fn shortened(line: &str) -> String {
    line.replace(" sip:b", " ").replace("@yReason: ", " ").replace("@y", "")
}

/// A relay with one socket; fr_timer 2 s, fr_inv_timer 3 s.
fn relay(change: impl FnOnce(Settings) -> Settings) -> (Relay, Arc<Sockets>) {
    let base = Settings::default();
    let shorter = |timers| Timers { final_response: Millis(2000), after_provisional: Millis(3000), ..timers };
    let settings =
        change(Settings { invite: shorter(base.invite), non_invite: shorter(base.non_invite), ..base });
    let local = Socket::new(Transport::Udp, ([127, 0, 0, 1], 5060).into(), None);
    let sockets = Arc::new(Sockets::new(vec![local], vec![]));
    let signature = Signature { tag_prefix: [b'a'; 32], server: Box::default(), user_agent: Box::default() };
    (Relay::new(Arc::new(settings), sockets.clone(), 1, signature), sockets)
}

/// Where the caller is, and where the called sides are.
fn peer(last: u8) -> Peer {
    Peer::new(Transport::Udp, ([192, 0, 2, last], 5060).into())
}

fn new_context(request: &Message) -> NewContext<'_> {
    NewContext {
        request,
        origin: Origin { source: peer(1), rport: RportPolicy::WhenAsked, via_host: ViaHost::AsWritten },
        reply_to: Hop::new(peer(1), 0),
        armed: Armed::default(),
        flags: 0,
        timers: None,
    }
}

/// Opens the branch of that number, to `192.0.2.9` and up. Gives its request.
fn fork(
    relay: &mut Relay,
    sockets: &Sockets,
    (now, id): (Time, RelayId),
    (request, branch): (&Message, usize),
) -> Bytes {
    let target = Target { uri: Some(format!("sip:b{branch}@y").into_bytes().into()), ..Target::default() };
    let context = relay.context(id).expect("open");
    let bytes = branch::write(&Forward {
        request: request.view(),
        edits: &Edits::new(),
        branch_edits: &Edits::new(),
        origin: context.origin(),
        incoming: sockets.get(SocketId(0)),
        outgoing: sockets.get(SocketId(0)),
        target: &target,
        param: relay.next_branch_param(id).expect("open"),
        record_route: None,
        via_rport: ViaRport::Absent,
        via_words: &ViaWords::default(),
    })
    .expect("written");
    let hop = Hop::new(peer(9 + branch as u8), 0);
    let request = bytes.clone();
    let new = NewBranch { request, hop, target, armed: Armed::default(), others: Places::new() };
    relay.open_branch(now, id, new).expect("room");
    bytes
}

/// Hands a reply in as the shell does. True when it belonged to a transaction.
fn take_reply(relay: &mut Relay, now: Time, reply: &Message) -> bool {
    match relay.receive_response(now, reply.view()) {
        ReplyArrival::Branch { id, branch } => {
            let bytes = branch::write_reply(reply.view(), &Edits::new()).expect("has our Via");
            let status = reply.view().status().expect("a reply");
            relay.reply(now, id, BranchReply { branch, status, bytes, source: Some(peer(9)) });
            true
        }
        ReplyArrival::Absorbed => true,
        ReplyArrival::Stray => false,
    }
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
fn nothing_is_left_when_a_call_is_over() {
    let mut stage = Stage::new(2);
    stage.reply(10, 0, "180 Ringing");
    stage.reply(20, 1, "200 OK");
    stage.reply(30, 0, "487 Request Terminated");
    stage.pass(600_000);
    assert!(stage.relay.is_empty());
    assert_eq!(stage.relay.next_event(), Some(Event::Ended { id: stage.id, is_watched: false }));
}
