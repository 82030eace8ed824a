//! Ladders: calls against scripted peers and against each other, on a clock that jumps.

mod authentication;
mod commands;
mod language;
mod media;
mod mended;
mod receiving;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use sip::ident::Ident;
use sip::msg::{Index, View};
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::{Birth, Call, Cause, Count, Env, Input, Origin, Outcome, Output, Outputs};
use crate::infile::Infiles;
use crate::lang::{Effect, World};
use crate::scenario::{Context, Program, builtin, load};
use crate::state::{CallNumber, Scope, Settings, UserId};

/// One program with a call, and everything that came out of it.
struct Side {
    program: Program,
    settings: Settings,
    world: World,
    call: Option<Call>,
    log: Vec<Output>,
    sent: Vec<(Time, Vec<u8>)>,
    commands: Vec<Vec<u8>>,
    outcome: Option<Outcome>,
}

impl Side {
    fn new(scenario: &str, change: impl FnOnce(&mut Settings)) -> Side {
        Side::with_infiles(scenario, Infiles::default(), change)
    }

    fn with_infiles(scenario: &str, infiles: Infiles, change: impl FnOnce(&mut Settings)) -> Side {
        let text = builtin::text(scenario).unwrap_or(scenario);
        let keys = [("greeting".to_owned(), "hello".to_owned())];
        let context = Context::new(&keys, &infiles);
        let program = load("test", text.as_bytes(), context).map_or_else(
            |list| panic!("{}", list.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")),
            |loaded| loaded.program,
        );
        let mut settings = Settings {
            remote_ip: Some([127, 0, 0, 1].into()),
            remote_host: "127.0.0.1".into(),
            pid: 42,
            ..Settings::default()
        };
        if !program.mode.takes_calls() {
            settings.destination = Some(peer());
        }
        change(&mut settings);
        let sizes = (program.vars.table(Scope::Global).len(), program.vars.table(Scope::User).len());
        let world = World::new(infiles, sizes, Ident::seeded(1), |path| std::fs::read(path));
        Side {
            program,
            settings,
            world,
            call: None,
            log: vec![],
            sent: vec![],
            commands: vec![],
            outcome: None,
        }
    }

    /// Opens the call.
    fn open(&mut self, now: Time, origin: Origin) {
        self.create(now, origin);
        self.input(now, Input::Start);
    }

    /// Makes the call, which does nothing yet.
    fn create(&mut self, now: Time, origin: Origin) {
        let mut env = Env { program: &self.program, settings: &self.settings, world: &mut self.world };
        let birth = Birth { number: CallNumber(1), id: b"1-42@127.0.0.1", user: UserId(0), origin };
        self.call = Some(Call::new(now, birth, &mut env).expect("a line for the user"));
    }

    fn input(&mut self, now: Time, input: Input<'_>) {
        let Some(call) = &mut self.call else { return };
        let mut env = Env { program: &self.program, settings: &self.settings, world: &mut self.world };
        let mut outputs = Outputs::default();
        call.handle(now, input, &mut env, &mut outputs);
        for output in &outputs.list {
            match output {
                Output::Send(outgoing) => self.sent.push((now, outputs.text(outgoing.bytes).to_vec())),
                Output::Command { bytes, .. } => self.commands.push(outputs.text(*bytes).to_vec()),
                Output::Ended(verdict) => self.outcome = Some(verdict.outcome),
                _ => {}
            }
        }
        self.log.append(&mut outputs.list);
    }

    fn message(&mut self, now: Time, bytes: &[u8]) {
        let index = Index::parse(bytes).unwrap_or_else(|error| panic!("{error:?}: {bytes:?}"));
        let view = View { bytes, index: &index };
        if self.call.is_none() {
            self.open(now, Origin::Received);
        }
        if self.outcome.is_none() {
            self.input(now, Input::Message { view, from: peer() });
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.call.as_ref().filter(|_| self.outcome.is_none())?.next_deadline()
    }

    /// Start lines of what was sent, with the millisecond of each.
    fn ladder(&self) -> Vec<String> {
        self.sent.iter().map(|(at, bytes)| format!("{} {}", at.as_millis(), first_words(bytes))).collect()
    }

    /// Texts of `log` actions, in order.
    fn logged(&self) -> Vec<String> {
        let text = |output: &Output| match output {
            Output::Effect(Effect::Log(text)) => Some(String::from_utf8_lossy(text).into_owned()),
            _ => None,
        };
        self.log.iter().filter_map(text).collect()
    }

    /// Warnings and fatal errors, in order.
    fn complaints(&self) -> Vec<&str> {
        let text = |output| match output {
            &Output::Warning(ref text)
            | &Output::Broken(ref text)
            | &Output::Effect(Effect::Warning(ref text) | Effect::Fatal(ref text)) => Some(text.as_str()),
            _ => None,
        };
        self.log.iter().filter_map(text).collect()
    }

    fn count(&self, wanted: impl Fn(Count) -> bool) -> usize {
        self.log.iter().filter(|output| matches!(output, Output::Count(count) if wanted(*count))).count()
    }
}

fn peer() -> Peer {
    Peer::new(Transport::Udp, SocketAddr::from(([127, 0, 0, 1], 5060)))
}

fn first_words(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let mut words = text.split(' ');
    match (words.next(), words.next()) {
        (Some("SIP/2.0"), Some(status)) => status.into(),
        (Some(method), _) => method.into(),
        _ => String::new(),
    }
}

/// Runs two sides against each other for at most `limit`; `lost` names the messages the link drops, counted
/// over both directions.
fn run_pair(client: &mut Side, server: &mut Side, lost: &[usize], limit: Duration) {
    const LATENCY: Duration = Duration::from_millis(5);
    let mut wire: VecDeque<(Time, bool, Vec<u8>)> = VecDeque::new();
    let mut seen = [0, 0];
    let mut number = 0;
    let mut now = Time::ZERO;
    client.open(now, Origin::Opened);
    loop {
        for (side, to_server) in [(&*client, true), (&*server, false)] {
            for (at, bytes) in &side.sent[seen[usize::from(to_server)]..] {
                if !lost.contains(&number) {
                    wire.push_back((*at + LATENCY, to_server, bytes.clone()));
                }
                number += 1;
            }
            seen[usize::from(to_server)] = side.sent.len();
        }
        let arrival = wire.front().map(|(at, ..)| *at);
        let Some(next) = [arrival, client.deadline(), server.deadline()].into_iter().flatten().min() else {
            break;
        };
        if next > Time::ZERO + limit {
            break;
        }
        now = next.max(now);
        if arrival == Some(next) {
            let (_, to_server, bytes) = wire.pop_front().expect("a message is on the wire");
            if to_server { server.message(now, &bytes) } else { client.message(now, &bytes) }
        } else if client.deadline() == Some(next) {
            client.input(now, Input::Deadline);
        } else {
            server.input(now, Input::Deadline);
        }
    }
}

const MINUTE: Duration = Duration::from_secs(60);

#[test]
fn built_in_uac_and_uas_complete_a_call() {
    let (mut client, mut server) = (Side::new("uac", |_| {}), Side::new("uas", |_| {}));
    run_pair(&mut client, &mut server, &[], MINUTE);
    assert_eq!(client.ladder(), ["0 INVITE", "10 ACK", "10 BYE"]);
    assert_eq!(server.ladder(), ["5 180", "5 200", "15 200"]);
    assert_eq!((client.outcome, server.outcome), (Some(Outcome::Succeeded), Some(Outcome::Succeeded)));
}

/// Every built-in client completes a call with its built-in server.
#[test]
fn built_in_pairs_complete_a_call() {
    for (client, server) in
        [("regexp", "uas"), ("branchc", "branchs"), ("uac_pcap", "uas"), ("uac", "3pcc-A"), ("uac", "3pcc-B")]
    {
        let (mut client_side, mut server_side) = (Side::new(client, |_| {}), Side::new(server, |_| {}));
        run_pair(&mut client_side, &mut server_side, &[], MINUTE);
        assert_eq!(client_side.outcome, Some(Outcome::Succeeded), "{client}: {:?}", client_side.complaints());
        assert_eq!(server_side.outcome, Some(Outcome::Succeeded), "{server}: {:?}", server_side.complaints());
    }
}

/// The two controllers pass offer and answer over the command link, end of line and length header included.
#[test]
fn controllers_pass_session_descriptions_to_each_other() {
    let (mut a, mut b) = (Side::new("3pcc-C-A", |_| {}), Side::new("3pcc-C-B", |_| {}));
    a.open(Time::ZERO, Origin::Opened);
    a.message(Time::ZERO, &with_body(&reply(&a.sent[0].1.clone(), "200 OK"), "v=0\r\no=a\r\n"));
    let command = a.commands.remove(0);
    assert_eq!(
        String::from_utf8_lossy(&command),
        "Call-ID: 1-42@127.0.0.1\r\nContent-Type: application/sdp\r\nContent-Length: 10\r\n\r\nv=0\r\no=a\r\n\x1b"
    );
    b.open(Time::ZERO, Origin::Opened);
    b.input(Time::ZERO, Input::Command { text: &command[..command.len() - 1], from: None });
    assert!(
        b.sent[0].1.ends_with(b"Content-Length: 10\r\n\r\nv=0\r\no=a\r\n\r\n"),
        "the offer is in B's INVITE"
    );
    b.message(Time::ZERO, &with_body(&reply(&b.sent[0].1.clone(), "200 OK"), "v=0\r\no=b\r\n"));
    let answer = b.commands.remove(0);
    a.input(Time::ZERO, Input::Command { text: &answer[..answer.len() - 1], from: None });
    let ack = String::from_utf8_lossy(&a.sent[1].1).into_owned();
    assert!(ack.starts_with("ACK ") && ack.contains("\r\n\r\nv=0\r\no=b"), "{ack}");
}

/// Seven messages cross the wire; whichever is lost, retransmission saves the call (2.8, 2.9 of SIPp's rules).
#[test]
fn a_call_survives_the_loss_of_any_message() {
    for lost in 0..6 {
        let (mut client, mut server) = (Side::new("uac", |_| {}), Side::new("uas", |_| {}));
        run_pair(&mut client, &mut server, &[lost], MINUTE);
        assert_eq!(client.outcome, Some(Outcome::Succeeded), "client, message {lost} lost");
        assert_eq!(server.outcome, Some(Outcome::Succeeded), "server, message {lost} lost");
    }
}

#[test]
fn a_call_survives_the_loss_of_any_two_messages() {
    for first in 0..6 {
        for second in first + 1..8 {
            let (mut client, mut server) = (Side::new("uac", |_| {}), Side::new("uas", |_| {}));
            run_pair(&mut client, &mut server, &[first, second], MINUTE);
            assert_eq!(client.outcome, Some(Outcome::Succeeded), "messages {first} and {second} lost");
        }
    }
}

/// Header lines and their order as SIPp 3.6.1 sends them (measured).
#[test]
fn built_in_invite_has_the_lines_of_the_original() {
    let mut client = Side::new("uac", |_| {});
    client.open(Time::ZERO, Origin::Opened);
    let expected = "INVITE sip:service@127.0.0.1:5060 SIP/2.0\r\n\
        Via: SIP/2.0/UDP 127.0.0.1:5060;branch=z9hG4bK-42-1-0\r\n\
        From: sipp <sip:sipp@127.0.0.1:5060>;tag=42SIPpTag001\r\n\
        To: service <sip:service@127.0.0.1:5060>\r\n\
        Call-ID: 1-42@127.0.0.1\r\n\
        CSeq: 1 INVITE\r\n\
        Contact: sip:sipp@127.0.0.1:5060\r\n\
        Max-Forwards: 70\r\n\
        Subject: Performance Test\r\n\
        Content-Type: application/sdp\r\n\
        Content-Length:   129\r\n\
        \r\n\
        v=0\r\n\
        o=user1 53655765 2353687637 IN IP4 127.0.0.1\r\n\
        s=-\r\n\
        c=IN IP4 127.0.0.1\r\n\
        t=0 0\r\n\
        m=audio 6000 RTP/AVP 0\r\n\
        a=rtpmap:0 PCMU/8000\r\n";
    assert_eq!(String::from_utf8_lossy(&client.sent[0].1), expected);
}

#[test]
fn a_settled_program_sends_the_same_messages() {
    let (mut plain, mut settled) = (Side::new("uac", |_| {}), Side::new("uac", |_| {}));
    settled.program.settle(&settled.settings);
    for side in [&mut plain, &mut settled] {
        side.open(Time::ZERO, Origin::Opened);
        side.message(Time::ZERO, &reply(&side.sent[0].1.clone(), "200 OK"));
    }
    assert_eq!(plain.sent.len(), 3);
    assert_eq!(plain.sent, settled.sent);
}

#[test]
fn invite_is_resent_with_doubling_intervals_and_given_up() {
    let mut client = Side::new("uac", |_| {});
    client.open(Time::ZERO, Origin::Opened);
    while let Some(deadline) = client.deadline() {
        client.input(deadline, Input::Deadline);
    }
    // Five resends; given up one doubled interval after the last (SIPp 3.6.1, measured).
    assert_eq!(
        client.ladder(),
        ["0 INVITE", "500 INVITE", "1500 INVITE", "3500 INVITE", "7500 INVITE", "15500 INVITE"]
    );
    assert_eq!(client.outcome, Some(Outcome::Failed(Some(Cause::MaxUdpRetrans))));
    assert_eq!(client.count(|count| matches!(count, Count::Timeout(_))), 1);
}

#[test]
fn a_rejected_invite_is_acknowledged() {
    let mut client = Side::new("uac", |_| {});
    client.open(Time::ZERO, Origin::Opened);
    client.message(Time::from_millis(10), &reply(&client.sent[0].1.clone(), "404 Not Found"));
    assert_eq!(client.ladder(), ["0 INVITE", "10 ACK"]);
    let ack = String::from_utf8_lossy(&client.sent[1].1).into_owned();
    assert!(ack.starts_with("ACK sip:service@127.0.0.1:5060 SIP/2.0\r\nVia: SIP/2.0/UDP"), "{ack}");
    assert!(ack.contains("To: service <sip:service@127.0.0.1:5060>;tag=peer\r\n"), "{ack}");
    assert_eq!(client.outcome, Some(Outcome::Failed(Some(Cause::UnexpectedMessage))));
    let warned = client.log.iter().any(|output| {
        matches!(output, Output::Warning(text) if text.starts_with(
            "Aborting call on unexpected message for Call-Id '1-42@127.0.0.1': while expecting '100' (index 1), received 'SIP/2.0 404"
        ))
    });
    assert!(warned, "{:?}", client.log);
}

#[test]
fn a_call_that_only_rings_is_cancelled_at_its_receive_timeout() {
    let mut client = Side::new("uac", |settings| settings.recv_timeout = Some(Duration::from_millis(300)));
    client.open(Time::ZERO, Origin::Opened);
    client.message(Time::from_millis(10), &reply(&client.sent[0].1.clone(), "180 Ringing"));
    assert_eq!(client.deadline(), Some(Time::from_millis(310)));
    client.input(Time::from_millis(310), Input::Deadline);
    assert_eq!(client.ladder(), ["0 INVITE", "310 CANCEL"]);
    assert_eq!(client.outcome, Some(Outcome::Failed(Some(Cause::TimeoutOnRecv))));
}

#[test]
fn a_repeated_invite_is_answered_with_the_last_answer() {
    let (mut client, mut server) = (Side::new("uac", |_| {}), Side::new("uas", |_| {}));
    client.open(Time::ZERO, Origin::Opened);
    let invite = client.sent[0].1.clone();
    server.message(Time::ZERO, &invite);
    server.message(Time::from_millis(100), &invite);
    assert_eq!(server.ladder(), ["0 180", "0 200", "100 200"]);
    assert_eq!(server.outcome, None);
}

#[test]
fn a_new_bye_in_the_timewait_is_answered_and_keeps_the_success() {
    let (mut client, mut server) = (Side::new("uac", |_| {}), Side::new("uas", |_| {}));
    run_pair(&mut client, &mut server, &[], Duration::from_millis(100));
    let bye = String::from_utf8_lossy(&client.sent[2].1).replace("CSeq: 2 BYE", "CSeq: 3 BYE");
    server.message(Time::from_millis(200), bye.as_bytes());
    assert_eq!(server.sent.len(), 4);
    let deadline = server.deadline().expect("timewait");
    server.input(deadline, Input::Deadline);
    assert_eq!(server.outcome, Some(Outcome::Succeeded));
}

/// The 200 was sent again, and its second ACK was overtaken by the BYE.
#[test]
fn a_repeated_ack_in_the_timewait_keeps_the_success() {
    let (mut client, mut server) = (Side::new("uac", |_| {}), Side::new("uas", |_| {}));
    run_pair(&mut client, &mut server, &[], Duration::from_millis(100));
    server.message(Time::from_millis(200), &client.sent[1].1);
    assert_eq!((server.outcome, server.sent.len()), (None, 3), "nothing answers an ACK");
    let deadline = server.deadline().expect("timewait");
    server.input(deadline, Input::Deadline);
    assert_eq!(server.outcome, Some(Outcome::Succeeded));
}

/// Steps that need no waiting run at once: a quick peer's answer never meets a call on a nop.
#[test]
fn sends_and_nops_in_a_row_run_before_any_message_is_looked_at() {
    let scenario = scenario(
        "<nop/><send><![CDATA[\nOPTIONS sip:a SIP/2.0\nVia: x\n]]></send><nop/>\
         <send><![CDATA[\nINFO sip:a SIP/2.0\nVia: x\n]]></send><nop/><recv response=\"200\"/>",
    );
    let mut client = Side::new(&scenario, |_| {});
    client.open(Time::ZERO, Origin::Opened);
    assert_eq!(client.ladder(), ["0 OPTIONS", "0 INFO"]);
    assert_eq!(client.call.as_ref().expect("open").state().step.0, 5);
}

#[test]
fn a_scenario_that_loops_for_ever_lets_others_run() {
    let mut client = Side::new(&scenario("<label id=\"a\"/><nop next=\"a\"/>"), |_| {});
    client.open(Time::ZERO, Origin::Opened);
    assert_eq!(client.deadline(), Some(Time::ZERO));
    assert_eq!(client.outcome, None);
}

#[test]
fn actions_hand_their_effects_to_the_shell() {
    let mut client =
        Side::new(&scenario("<nop><action><log message=\"call [call_number]\"/></action></nop>"), |_| {});
    client.open(Time::ZERO, Origin::Opened);
    assert!(client.log.contains(&Output::Effect(Effect::Log(b"call 1".to_vec()))), "{:?}", client.log);
}

#[test]
fn a_built_in_call_fits_a_kibibyte() {
    let (mut client, mut server) = (Side::new("uac", |_| {}), Side::new("uas", |_| {}));
    run_pair(&mut client, &mut server, &[], Duration::from_millis(20));
    for side in [&client, &server] {
        let memory = side.call.as_ref().map_or(0, Call::memory);
        assert!(memory <= 1024, "{memory} bytes");
    }
}

fn scenario(messages: &str) -> String {
    format!("<scenario name=\"test\">{messages}</scenario>")
}

/// The response a peer gives to a request.
fn reply(request: &[u8], status: &str) -> Vec<u8> {
    let index = Index::parse(request).expect("a request");
    let mut out = format!("SIP/2.0 {status}\r\n").into_bytes();
    for field in &index.headers {
        let name = String::from_utf8_lossy(field.name.of(request)).into_owned();
        let value = String::from_utf8_lossy(field.value.of(request)).into_owned();
        match name.as_str() {
            "Via" | "From" | "Call-ID" | "CSeq" => out.extend(format!("{name}: {value}\r\n").bytes()),
            "To" => out.extend(format!("To: {value};tag=peer\r\n").bytes()),
            _ => {}
        }
    }
    out.extend_from_slice(b"Content-Length: 0\r\n\r\n");
    out
}

/// A message with a session description behind it.
fn with_body(message: &[u8], body: &str) -> Vec<u8> {
    let head = String::from_utf8_lossy(message).into_owned();
    let head = head.replace(
        "Content-Length: 0",
        &format!("Content-Type: application/sdp\r\nContent-Length: {}", body.len()),
    );
    (head + body).into_bytes()
}
