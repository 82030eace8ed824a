//! A forked call on a bad network: each of its messages is lost, doubled or late, alone and together with any other.
//!
//! The caller, the relay and two called sides follow RFC 3261; every run must end with one final reply upstream (2xx
//! may be more), each negative final of a called side acknowledged, each ringing side told to stop, and nothing left in
//! the relay.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::Message;
use sip::time::Time;

use super::super::{Arrival, Hop, Origin, Relay, RelayId, Sockets, ViaHost, branch};
use super::{fork, new_context, peer, relay, take_reply};

/// What the network does to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Lost,
    Doubled,
    /// Behind those sent within the next 150 ms.
    Late,
}

const FATES: [Fate; 3] = [Fate::Lost, Fate::Doubled, Fate::Late];

/// What a called side answers, and what the caller does.
#[derive(Clone, Copy, Debug)]
struct Plot {
    name: &'static str,
    finals: [u16; 2],
    /// The caller cancels at this time.
    cancels_at: Option<u64>,
}

const PLOTS: [Plot; 4] = [
    Plot { name: "one answers", finals: [200, 0], cancels_at: None },
    Plot { name: "both are busy", finals: [486, 404], cancels_at: None },
    Plot { name: "one declines for all", finals: [0, 603], cancels_at: None },
    Plot { name: "the caller gives up", finals: [0, 0], cancels_at: Some(120) },
];

/// Messages of a call that get a fate; what follows is delivered.
const MESSAGES: usize = 18;

#[test]
fn any_two_messages_may_suffer() {
    for plot in PLOTS {
        Call::run(plot, &[]);
        for first in 0..MESSAGES {
            for fate in FATES {
                Call::run(plot, &[(first, fate)]);
                for second in first + 1..MESSAGES {
                    FATES.iter().for_each(|other| Call::run(plot, &[(first, fate), (second, *other)]));
                }
            }
        }
    }
}

/// The first messages decide most: here each of them may suffer, whatever happens to the others.
#[test]
fn all_fates_of_the_first_six_messages() {
    let fates = [None, Some(Fate::Lost), Some(Fate::Doubled), Some(Fate::Late)];
    for plot in [PLOTS[0], PLOTS[3]] {
        for number in 0..4usize.pow(6) {
            let chosen = (0..6).filter_map(|at| Some((at, fates[number / 4usize.pow(at as u32) % 4]?)));
            Call::run(plot, &chosen.collect::<Vec<_>>());
        }
    }
}

/// Who a message is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Party {
    Caller,
    Relay,
    Called(usize),
}

#[derive(Debug)]
enum Event {
    Arrive(Party, Bytes),
    /// The caller sends its INVITE or CANCEL again, unless it was answered; the interval in milliseconds.
    Again(&'static str, u64),
    /// A called side answers.
    Answer(usize),
    /// A called side sends its final reply again, unless it was acknowledged.
    Resend(usize, u64),
}

/// One called side.
#[derive(Clone, Debug, Default)]
struct Called {
    invite: Option<String>,
    status: u16,
    is_acknowledged: bool,
}

struct Call {
    plot: Plot,
    fates: Vec<(usize, Fate)>,
    now: Time,
    events: BTreeMap<(Time, u64), Event>,
    scheduled: u64,
    messages: usize,
    relay: Relay,
    sockets: Arc<Sockets>,
    context: Option<RelayId>,
    called: [Called; 2],
    /// Final statuses the caller has seen.
    finals: Vec<u16>,
    has_provisional: bool,
    is_cancel_answered: bool,
}

impl Call {
    fn run(plot: Plot, fates: &[(usize, Fate)]) {
        let (relay, sockets) = relay(|settings| settings);
        let mut call = Call {
            plot,
            fates: fates.to_vec(),
            now: Time::ZERO,
            events: BTreeMap::new(),
            scheduled: 0,
            messages: 0,
            relay,
            sockets,
            context: None,
            called: Default::default(),
            finals: Vec::new(),
            has_provisional: false,
            is_cancel_answered: false,
        };
        call.after(0, Event::Again("INVITE", 500));
        if let Some(at) = plot.cancels_at {
            call.after(at, Event::Again("CANCEL", 500));
        }
        call.play();
        call.judge();
    }

    fn after(&mut self, millis: u64, event: Event) {
        self.scheduled += 1;
        self.events.insert((self.now + Duration::from_millis(millis), self.scheduled), event);
    }

    /// Sends a message; the network does to it what was chosen.
    fn send(&mut self, to: Party, bytes: Bytes) {
        let number = self.messages;
        self.messages += 1;
        match self.fates.iter().find(|(at, _)| *at == number).map(|(_, fate)| *fate) {
            Some(Fate::Lost) => {}
            Some(Fate::Late) => self.after(150, Event::Arrive(to, bytes)),
            Some(Fate::Doubled) => {
                self.after(5, Event::Arrive(to, bytes.clone()));
                self.after(7, Event::Arrive(to, bytes));
            }
            None => self.after(5, Event::Arrive(to, bytes)),
        }
    }

    /// Until nothing is left to happen.
    fn play(&mut self) {
        loop {
            let event = self.events.first_key_value().map(|(key, _)| key.0);
            let Some(next) = [event, self.relay.next_deadline()].into_iter().flatten().min() else { return };
            assert!(next < Time::from_millis(900_000), "{}: it never ends", self.title());
            self.now = self.now.max(next);
            if event == Some(next) {
                let (_, event) = self.events.pop_first().expect("just seen");
                self.happen(event);
            } else {
                self.relay.due(self.now);
            }
            let sendings: Vec<(Hop, Bytes)> =
                self.relay.take_sendings().map(|it| (it.hop, it.bytes)).collect();
            for (hop, bytes) in sendings {
                let to = [Party::Caller, Party::Called(0), Party::Called(1)];
                let place = [peer(1), peer(9), peer(10)].iter().position(|peer| *peer == hop.peer);
                self.send(to[place.expect("one of the three")], bytes);
            }
        }
    }

    fn happen(&mut self, event: Event) {
        match event {
            Event::Arrive(Party::Relay, bytes) => self.at_relay(bytes),
            Event::Arrive(Party::Caller, bytes) => self.at_caller(&String::from_utf8_lossy(&bytes)),
            Event::Arrive(Party::Called(at), bytes) => self.at_called(at, &String::from_utf8_lossy(&bytes)),
            Event::Again(method, interval) => {
                let is_answered = match method {
                    "INVITE" => self.has_provisional || !self.finals.is_empty(),
                    // 9.1: not before a provisional reply, and not behind a final one.
                    _ => self.is_cancel_answered || (!self.finals.is_empty() && interval == 500),
                };
                if is_answered || interval > 32_000 {
                    return;
                }
                if method == "INVITE" || self.has_provisional {
                    self.send(Party::Relay, request(method, ""));
                    self.after(interval, Event::Again(method, interval * 2));
                } else {
                    self.after(50, Event::Again(method, interval));
                }
            }
            Event::Answer(at) => self.answer(at, self.plot.finals[at]),
            Event::Resend(at, interval) => {
                if !self.called[at].is_acknowledged && interval <= 32_000 {
                    self.reply(at, "INVITE", self.called[at].status);
                    self.after(interval, Event::Resend(at, (interval * 2).min(4_000)));
                }
            }
        }
    }

    fn at_relay(&mut self, bytes: Bytes) {
        let message = Message::parse(bytes).expect("written here");
        if message.view().status().is_some() {
            if !take_reply(&mut self.relay, self.now, &message) {
                // 16.7 item 9: without a transaction it goes on by its Via.
                let bytes =
                    branch::write_reply(message.view(), &sip::msg::Edits::new()).expect("has our Via");
                self.send(Party::Caller, bytes);
            }
            return;
        }
        match self.relay.receive_request(self.now, message.view()) {
            Arrival::New => {
                let id = self.relay.open(self.now, new_context(&message)).expect("room");
                self.relay.send_100(self.now, id);
                for branch in 0..2 {
                    fork(&mut self.relay, &self.sockets, (self.now, id), (&message, branch));
                }
                assert!(self.context.replace(id).is_none(), "{}: a second context", self.title());
            }
            Arrival::CancelOf(id) => {
                let outcome = self.relay.cancel(self.now, id, Bytes::new());
                let rport = sip::msg::RportPolicy::WhenAsked;
                let origin = Origin { source: peer(1), rport, via_host: ViaHost::AsWritten };
                let from = (origin, Hop::new(peer(1), 0));
                self.relay.answer_cancel(self.now, &message, from, outcome);
            }
            Arrival::Absorbed | Arrival::Stray | Arrival::Looping => {}
        }
    }

    fn at_caller(&mut self, reply: &str) {
        let status: u16 = reply[8..11].parse().expect("a status");
        if reply.contains("CSeq: 1 CANCEL") {
            self.is_cancel_answered = true;
            return;
        }
        match status {
            100..200 => self.has_provisional = true,
            200..300 => {
                // 13.2.2.4: the ACK goes end to end.
                self.finals.push(status);
                let at = self.called.iter().position(|it| it.status == status).expect("who answered");
                self.send(Party::Called(at), request("ACK", ";tag=own"));
            }
            _ => {
                self.finals.push(status);
                self.send(Party::Relay, request("ACK", ";tag=t"));
            }
        }
    }

    fn at_called(&mut self, at: usize, message: &str) {
        let is_new = self.called[at].invite.is_none();
        match message.split(' ').next().unwrap_or_default() {
            "INVITE" if is_new => {
                self.called[at].invite = Some(message.to_owned());
                self.reply(at, "INVITE", 180);
                if self.plot.finals[at] != 0 {
                    self.after(100, Event::Answer(at));
                }
            }
            "INVITE" => {
                let status = self.called[at].status;
                self.reply(at, "INVITE", if status == 0 { 180 } else { status });
            }
            "CANCEL" if !is_new => {
                self.reply(at, "CANCEL", 200);
                self.answer(at, 487);
            }
            "CANCEL" => {}
            "ACK" => self.called[at].is_acknowledged = true,
            other => panic!("{}: {other} at a called side", self.title()),
        }
    }

    /// The first final reply counts.
    fn answer(&mut self, at: usize, status: u16) {
        if self.called[at].status == 0 {
            self.called[at].status = status;
            self.reply(at, "INVITE", status);
            self.after(500, Event::Resend(at, 1_000));
        }
    }

    fn reply(&mut self, at: usize, method: &str, status: u16) {
        let invite = self.called[at].invite.clone().expect("there is one");
        let fields: String = invite
            .lines()
            .filter(|line| ["Via:", "From:", "Call-ID:"].iter().any(|name| line.starts_with(name)))
            .map(|line| format!("{line}\r\n"))
            .collect();
        let text =
            format!("SIP/2.0 {status} Any\r\n{fields}To: <sip:c@d>;tag=t{at}\r\nCSeq: 1 {method}\r\n\r\n");
        self.send(Party::Relay, text.into());
    }

    fn judge(&self) {
        let title = self.title();
        let mut negative: Vec<u16> = self.finals.iter().copied().filter(|status| *status >= 300).collect();
        negative.dedup();
        let has_success = self.finals.iter().any(|status| *status < 300);
        assert!(negative.len() <= 1, "{title}: finals {:?}", self.finals);
        assert!(has_success || negative.len() == 1, "{title}: the caller never hears the end");
        for called in self.called.iter().filter(|called| called.invite.is_some()) {
            assert_ne!(called.status, 0, "{title}: a side rings for ever");
            assert!(called.is_acknowledged, "{title}: {} is not acknowledged", called.status);
        }
        assert!(self.relay.is_empty(), "{title}: something is left");
        assert!(self.relay.next_deadline().is_none(), "{title}: a timer is left");
    }

    fn title(&self) -> String {
        format!("{}, {:?}", self.plot.name, self.fates)
    }
}

/// A request of the caller; INVITE, its CANCEL and ACK share the branch.
fn request(method: &str, to_tag: &str) -> Bytes {
    format!(
        "{method} sip:bob@x SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKa\r\nFrom: <sip:a@b>;tag=1\r\n\
         To: <sip:c@d>{to_tag}\r\nCall-ID: x\r\nCSeq: 1 {method}\r\n\r\n"
    )
    .into()
}
