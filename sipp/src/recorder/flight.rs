//! A failed call as plain data: its messages, and why it failed.

use std::net::SocketAddr;

use sip::peer::Transport;
use sip::time::Time;

/// Everything worth knowing about one failed call.
#[derive(Clone, Debug)]
pub(crate) struct Flight {
    /// The reason in words; failures with the same words are the same failure.
    pub(crate) reason: String,
    /// Name of the scenario.
    pub(crate) scenario: String,
    /// The Call-ID.
    pub(crate) call_id: String,
    /// The call number.
    pub(crate) number: u64,
    /// When the call was created, and when it failed.
    pub(crate) began: Time,
    pub(crate) ended: Time,
    /// Where in the scenario it failed.
    pub(crate) place: Place,
    /// What would have let the call go on.
    pub(crate) expected: String,
    /// What came instead.
    pub(crate) received: String,
    /// What the program said about the call when it failed.
    pub(crate) warnings: Vec<String>,
    /// Variables that have a value, with their names.
    pub(crate) variables: Vec<(String, String)>,
    /// Our own address.
    pub(crate) local: SocketAddr,
    /// Its messages, oldest first.
    pub(crate) messages: Vec<Said>,
    /// Messages that there was no room for; they came before the others.
    pub(crate) omitted: u32,
}

/// A place in a scenario.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    /// Message index.
    pub(crate) step: u16,
    /// Name of the scenario file, or the built-in scenario.
    pub(crate) file: String,
    /// Line in it, from 1; 0 when there is none.
    pub(crate) line: u32,
    /// What stands there.
    pub(crate) text: String,
}

/// One message of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    /// When it left or came.
    pub(crate) at: Time,
    /// Which way it went, and why.
    pub(crate) kind: Kind,
    /// The message index the call stood on.
    pub(crate) step: u16,
    /// The other side; `None` when there were too many to remember.
    pub(crate) peer: Option<Endpoint>,
    /// Its length on the wire.
    pub(crate) length: usize,
    /// Its bytes, the first [`MOST_BYTES`](super::store::MOST_BYTES) of them.
    pub(crate) bytes: Box<[u8]>,
}

/// Which way a message went, and why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// The scenario sent it.
    Sent,
    /// It was sent once more.
    SentAgain,
    /// It was sent, and is no message of the scenario.
    SentByItself,
    /// It was received.
    Received,
}

impl Kind {
    /// True for messages that we sent.
    pub(crate) fn is_sent(self) -> bool {
        self != Kind::Received
    }
}

/// One end of a hop.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Endpoint {
    /// Transport protocol.
    pub(crate) transport: Transport,
    /// Address and port.
    pub(crate) addr: SocketAddr,
}

impl Flight {
    /// Bytes of memory it takes, give or take a few.
    pub(crate) fn memory(&self) -> usize {
        let variables = self.variables.iter().map(|(name, value)| name.len() + value.len() + 48);
        let messages = self.messages.iter().map(|said| said.bytes.len() + size_of::<Said>());
        let warnings = self.warnings.iter().map(|text| text.len() + 24);
        size_of::<Flight>() + variables.sum::<usize>() + messages.sum::<usize>() + warnings.sum::<usize>()
    }
}

impl Said {
    /// `INVITE`, or `404 Not Found`.
    pub(crate) fn title(&self) -> String {
        title(&self.bytes)
    }
}

/// The method of a request, or status and reason of a response.
pub(crate) fn title(message: &[u8]) -> String {
    let line = message.split(|byte| *byte == b'\n').find(|line| !line.trim_ascii().is_empty());
    let line = String::from_utf8_lossy(line.unwrap_or_default().trim_ascii()).into_owned();
    match line.strip_prefix("SIP/2.0 ") {
        Some(status) => status.to_owned(),
        None => line.split(' ').next().unwrap_or_default().to_owned(),
    }
}
