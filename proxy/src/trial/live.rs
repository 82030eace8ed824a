//! A configuration with its transactions, in virtual time: messages come, time passes, remote procedures are called,
//! and what leaves is read. The tests of modules that live in transactions use it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use sip::msg::Message;
use sip::peer::{Peer, Transport};
use sip::time::Time;

use super::Trial;
use crate::api::{IoAnswer, IoRequest, ModuleDef, Received, RpcValue, Shard, Value};
use crate::machine::{Input, Machine};
use crate::relay::SocketId;

/// A machine with a clock of its own.
#[derive(Debug)]
pub struct Live {
    /// The machine, to look into.
    pub machine: Machine,
    /// The time it is.
    pub now: Time,
    /// What the outside answers.
    pub outside: fn(&IoRequest) -> IoAnswer,
}

impl Trial {
    /// The configuration, ready for messages that make transactions.
    pub fn live(self) -> Live {
        let (now, outside) = (self.shard.now, self.outside);
        Live { machine: self.into_machine(), now, outside }
    }
}

impl Live {
    /// Takes a message from 127.0.0.1:`port` over UDP and gives what leaves at once. Lines of `text` end with LF or
    /// CRLF; the empty line at the end may be missing.
    ///
    /// Panics when it is not SIP: this is for tests.
    pub fn receive(&mut self, port: u16, text: &str) -> Vec<Sent> {
        let text = format!("{}\n\n", text.replace("\r\n", "\n").trim_end()).replace('\n', "\r\n");
        let message = Message::parse(Bytes::from(text)).expect("the test's message is SIP");
        let peer = Peer::new(Transport::Udp, ([127, 0, 0, 1], port).into());
        let received = Received { peer, socket: SocketId(0), at: self.now };
        self.machine.handle(self.now, Input::Message(Arc::new(message), received));
        self.take()
    }

    /// Lets time pass and gives what leaves meanwhile, in order.
    pub fn pass(&mut self, time: Duration) -> Vec<Sent> {
        let end = self.now + time;
        let mut sent = Vec::new();
        while let Some(due) = self.machine.next_deadline().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.machine.handle(self.now, Input::Due);
            sent.extend(self.take());
        }
        self.now = end;
        self.machine.handle(self.now, Input::Due);
        sent.extend(self.take());
        sent
    }

    /// Calls a remote procedure by its name: its result as text, or its fault as code and reason; and what leaves.
    ///
    /// Panics when no loaded module has it.
    pub fn rpc(&mut self, name: &str, args: &[&str]) -> (String, Vec<Sent>) {
        let modules = self.machine.modules().to_vec();
        let answer = call(&modules, &mut self.machine.shard, (name, args));
        self.machine.handle(self.now, Input::Due);
        (answer, self.take())
    }

    /// The log lines since the last look, without the prefix of xlog.
    pub fn lines(&mut self) -> Vec<String> {
        self.machine.shard.log.take().iter().map(|line| super::strip(&line.text)).collect()
    }

    fn take(&mut self) -> Vec<Sent> {
        loop {
            let questions: Vec<_> = self.machine.take_questions().collect();
            if questions.is_empty() {
                break;
            }
            for question in questions {
                let answer = (self.outside)(&question.request);
                self.machine.handle(self.now, Input::Answer(question.token, answer));
            }
        }
        let sent = |sending: crate::relay::Sending| Sent {
            port: sending.hop.peer.addr.port(),
            text: String::from_utf8_lossy(&sending.bytes).into_owned(),
        };
        self.machine.take_sendings().map(sent).collect()
    }
}

/// A message that left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// The port it goes to.
    pub port: u16,
    /// The whole message.
    pub text: String,
}

impl Sent {
    /// Its start line.
    pub fn start(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The port and, of a request, the method; of a reply, the status with its reason.
    pub fn brief(&self) -> String {
        let start = self.start();
        let what = start.strip_prefix("SIP/2.0 ").or_else(|| start.split(' ').next()).unwrap_or_default();
        format!("{} {what}", self.port)
    }

    /// The values of a header field, as they stand in lines.
    pub fn fields<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        head.lines().filter_map(move |line| line.strip_prefix(name)?.strip_prefix(": "))
    }

    /// The first value of a header field; empty without one.
    pub fn field(&self, name: &str) -> &str {
        let head = self.text.split("\r\n\r\n").next().unwrap_or_default();
        let mut values = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        values.next().unwrap_or_default()
    }

    /// A reply to this request as the called side sends it: its Via, From, To with a tag, Call-ID, CSeq and
    /// Record-Route, and further lines.
    pub fn reply(&self, status: &str, lines: &str) -> String {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for name in ["Via", "Record-Route", "From", "Call-ID", "CSeq"] {
            text.extend(self.fields(name).map(|value| format!("{name}: {value}\r\n")));
        }
        let to = self.field("To");
        let tag = if to.contains(";tag=") || status.starts_with("100") { "" } else { ";tag=called" };
        format!("{text}To: {to}{tag}\r\n{lines}Content-Length: 0\r\n\r\n")
    }
}

/// What left, in brief.
pub fn brief(sent: &[Sent]) -> Vec<String> {
    sent.iter().map(Sent::brief).collect()
}

/// Calls a procedure of these modules in a shard: names and values of its result in order, or code and reason.
pub(super) fn call(modules: &[&ModuleDef], shard: &mut Shard, (name, args): (&str, &[&str])) -> String {
    let mut rows = modules.iter().flat_map(|module| module.rpcs);
    let row = rows.find(|row| row.name == name).expect("a loaded module has the procedure");
    let args: Vec<Value> = args.iter().map(|text| Value::copied(text.as_bytes())).collect();
    match (row.run)(shard, &args) {
        Ok(value) => shown(&value),
        Err(error) => format!("{} {}", error.code, error.reason),
    }
}

fn shown(value: &RpcValue) -> String {
    match value {
        RpcValue::Plain(value) => value.to_display(),
        RpcValue::List(list) => format!("[{}]", list.iter().map(shown).collect::<Vec<_>>().join(",")),
        RpcValue::Record(fields) => {
            let fields = fields.iter().map(|(name, value)| format!("{name}:{}", shown(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(","))
        }
    }
}
